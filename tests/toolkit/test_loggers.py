from __future__ import annotations

import logging

from dovetail.toolkit.loggers import has_level_handler


def test_handlers_of_parents_count_as_long_as_messages_get_there() -> None:
    parent, child = logging.Logger("shop"), logging.Logger("shop.orders", logging.WARNING)
    child.parent = parent
    assert not has_level_handler(child)
    handler = logging.NullHandler(logging.ERROR)
    parent.addHandler(handler)
    assert not has_level_handler(child)
    handler.setLevel(logging.WARNING)
    assert has_level_handler(child)
    child.propagate = False
    assert not has_level_handler(child)
    child.addHandler(handler)
    assert has_level_handler(child)
