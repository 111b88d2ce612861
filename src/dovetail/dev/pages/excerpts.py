"""Long texts, as far as a page shows them."""

from __future__ import annotations

__all__ = ["cut", "shorten"]


def cut(text: str, size: int) -> str:
    """Return a text with its end left out if it has more than ``size`` characters."""
    left = len(text) - size
    return text if left <= 0 else f"{text[:size]}… ({left:,} more characters)"


def shorten(text: str, size: int) -> str:
    """Return a text with its middle left out if it has more than ``size`` characters."""
    if len(text) <= size:
        return text
    head, tail = size * 2 // 3, size // 3
    return f"{text[:head]} … {len(text) - head - tail:,} characters left out … {text[-tail:]}"
