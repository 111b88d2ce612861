"""The beginning of a response, which can be taken back until there is content."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from wsgiref.types import StartResponse

__all__ = ["Beginning"]


class Beginning:
    """A ``start_response`` that waits for the content: until then another answer can be given."""

    def __init__(self, start_response: StartResponse) -> None:
        self._start_response = start_response
        self._waiting: tuple[str, list[tuple[str, str]]] | None = None
        self._write: Callable[[bytes], object] | None = None
        self._sent = False

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        """Take note of the beginning; see PEP 3333."""
        if exc_info is None:
            self.release()  # so that the server says that twice is once too often
        if self._write is not None:
            return self._start_response(status, headers, exc_info)
        self._waiting = status, headers
        return self._send

    def _send(self, data: bytes) -> None:
        self.release(sent=True)
        if self._write is not None:
            self._write(data)

    def release(self, sent: bool = False) -> None:
        """Begin the response, if the application has and the server was not told so yet.

        :param sent: content follows, so there is no way back.
        """
        self._sent |= sent
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._write = self._start_response(*waiting)

    def replace(self, status: str, headers: list[tuple[str, str]]) -> None:
        """Begin another response while an exception is handled.

        :raises Exception: the first one is on its way.
        """
        if self._sent:
            raise RuntimeError("some content is on its way")
        if self._write is None:
            self._write = self._start_response(status, headers)
        else:
            self._start_response(status, headers, sys.exc_info())
