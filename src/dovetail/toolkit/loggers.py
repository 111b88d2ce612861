"""What a logger would do with a message."""

from __future__ import annotations

import logging

__all__ = ["has_level_handler"]


def has_level_handler(logger: logging.Logger) -> bool:
    """Tell whether a handler, the logger's own or a parent's, takes all that the logger passes."""
    level = logger.getEffectiveLevel()
    current: logging.Logger | None = logger
    while current is not None:
        if any(handler.level <= level for handler in current.handlers):
            return True
        current = current.parent if current.propagate else None
    return False
