from __future__ import annotations

from dovetail.data.cross_origin import COEP, COOP


def test_embedder_policy() -> None:
    assert COEP("unsafe-none") is COEP.UNSAFE_NONE
    assert COEP("require-corp") is COEP.REQUIRE_CORP
    assert len(COEP) == 2


def test_opener_policy() -> None:
    assert COOP("unsafe-none") is COOP.UNSAFE_NONE
    assert COOP("same-origin-allow-popups") is COOP.SAME_ORIGIN_ALLOW_POPUPS
    assert COOP("same-origin") is COOP.SAME_ORIGIN
    assert len(COOP) == 3
