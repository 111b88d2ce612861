"""Texts that are too long for a page."""

from __future__ import annotations

from dovetail.dev.pages.excerpts import cut, shorten


def test_cut() -> None:
    assert cut("x" * 10, 10) == "x" * 10
    assert cut("a" * 10 + "b" * 1_000, 10) == f"{'a' * 10}… (1,000 more characters)"


def test_shorten() -> None:
    assert shorten("x" * 10, 10) == "x" * 10
    assert (
        shorten("a" * 500 + "b" * 500, 30) == f"{'a' * 20} … 970 characters left out … {'b' * 10}"
    )
