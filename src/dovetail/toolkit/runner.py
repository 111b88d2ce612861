"""Calling a WSGI application without a server."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from dovetail.data.headers import Headers

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

__all__ = ["AppIterator", "run_wsgi_app"]


class AppIterator:
    """The content of a response as it is made: what was written, and what the application yields.

    :param result: what the application returned; its ``close`` is called by ``close``, once.
    :param iterator: what is left of it.
    :param pieces: what goes out first; ``write()`` appends to it.
    """

    __slots__ = ("_close", "_iterator", "_pieces")

    def __init__(
        self, result: Iterable[bytes], iterator: Iterator[bytes], pieces: deque[bytes]
    ) -> None:
        self._iterator = iterator
        self._pieces = pieces
        self._close: Callable[[], object] | None = getattr(result, "close", None)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        pieces = self._pieces
        if not pieces:
            try:
                item = next(self._iterator)
            except StopIteration:
                if not pieces:  # the application may have written while it came to its end
                    raise
            else:
                pieces.append(item)
        return pieces.popleft()

    def close(self) -> None:
        """Close what the application returned."""
        close, self._close = self._close, None
        if close is not None:
            close()


class _Started:
    """What the application says through ``start_response``, and through ``write()``."""

    __slots__ = ("headers", "pieces", "status")

    def __init__(self) -> None:
        self.status: str | None = None
        self.headers: Any = ()
        self.pieces: deque[bytes] = deque()

    def start_response(
        self, status: str, headers: Any, exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """``start_response`` of PEP 3333; an error that the application handled is raised.

        A server would show a page of the application's, a test should show the error.
        """
        if exc_info is not None and exc_info[1] is not None:
            try:
                raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # break the circle of traceback and frame
        self.status = status
        self.headers = headers
        return self.pieces.append


def run_wsgi_app(
    app: WSGIApplication, environ: WSGIEnvironment, buffered: bool = False
) -> tuple[Iterable[bytes], str, Headers]:
    """Call ``app`` with a copy of ``environ``; return its content, status and header fields.

    The first piece of content is always asked for, because an application written as a generator
    calls ``start_response`` only then. What follows is made while the result is iterated, and the
    result's ``close()`` is for the caller to call.

    :param buffered: take all the content at once and close the application's result; the content
        is a list then.
    :raises TypeError: the application never called ``start_response``.
    """
    started = _Started()
    pieces = started.pieces
    result = app(dict(environ), started.start_response)
    if buffered:
        content: Iterable[bytes] = _collect(result, pieces)
    else:
        content = AppIterator(result, _begin(result, started), pieces)
    if started.status is None:
        if not buffered:
            _close(result)
        raise TypeError("the application did not call start_response")
    return content, started.status, Headers(started.headers)


def _collect(result: Iterable[bytes], pieces: deque[bytes]) -> list[bytes]:
    """Take all of the content, in the order in which it would have been sent."""
    try:
        for item in result:
            pieces.append(item)
    finally:
        _close(result)
    return list(pieces)


def _begin(result: Iterable[bytes], started: _Started) -> Iterator[bytes]:
    """Take content until ``start_response`` was called; return the iterator over what is left."""
    try:
        iterator = iter(result)
        for item in iterator:
            started.pieces.append(item)
            if started.status is not None:
                break
    except BaseException:
        _close(result)
        raise
    return iterator


def _close(result: Iterable[bytes]) -> None:
    close = getattr(result, "close", None)
    if close is not None:
        close()
