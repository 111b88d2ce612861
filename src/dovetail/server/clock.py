"""The Date field's value, made once a second."""

from __future__ import annotations

import time
from email.utils import formatdate

__all__ = ["HttpDate"]


class HttpDate:
    """Returns the current time as an IMF-fixdate (RFC 9110 section 5.6.7) when called.

    Threads may share one: the pair of second and text is replaced in one assignment.
    """

    __slots__ = ("_now",)

    def __init__(self) -> None:
        self._now = (0, "")

    def __call__(self) -> str:
        """Return the text for now."""
        second = int(time.time())
        known, text = self._now
        if known != second:
            text = formatdate(second, usegmt=True)
            self._now = (second, text)
        return text
