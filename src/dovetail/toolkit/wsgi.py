"""What goes with a WSGI environment and the content of a response: closing, files, URLs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import update_wrapper
from typing import IO, Any
from urllib.parse import quote
from wsgiref.types import WSGIApplication, WSGIEnvironment

from dovetail.data import fields, hosts
from dovetail.gateway.files import FileRange, FileWrapper

__all__ = [
    "PATH_CHARACTERS",
    "ClosingIterator",
    "FileWrapper",
    "RangeWrapper",
    "decode_octets",
    "get_content_length",
    "get_current_url",
    "get_host",
    "get_path_info",
    "quote_octets",
    "responder",
    "server_of",
    "wrap_file",
    "wrap_range",
]

Server = tuple[str, int | None]

#: What a path may hold besides letters and digits without an escape (RFC 3986 section 3.3).
PATH_CHARACTERS = "!$&'()*+,/:;=@~"


class ClosingIterator:
    """An iterator whose ``close`` first closes what it iterates over, and then calls more.

    :param iterable: what is iterated; its ``close`` is called if it has one.
    :param callbacks: one function or several, called in their order.
    """

    def __init__(
        self,
        iterable: Iterable[bytes],
        callbacks: Callable[[], Any] | Iterable[Callable[[], Any]] | None = None,
    ) -> None:
        self._next = iter(iterable).__next__
        if callbacks is None:
            called = []
        elif callable(callbacks):
            called = [callbacks]
        else:
            called = list(callbacks)
        close = getattr(iterable, "close", None)
        if close is not None:
            called.insert(0, close)
        self._callbacks = called

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._next()

    def close(self) -> None:
        """Close the iterable and call the callbacks; an error of one keeps the rest from it."""
        for callback in self._callbacks:
            callback()


class RangeWrapper:
    """Iterates over a part of the octets of an iterable.

    What lies before the part is skipped by ``seek`` if the iterable can do that (``seekable``,
    ``seek`` and ``tell``), else it is read and dropped.

    :param iterable: yields octets; its ``close`` is called by ``close``.
    :param start_byte: where the part begins.
    :param byte_range: its length in octets; None for all the rest.
    """

    def __init__(
        self, iterable: Iterable[bytes], start_byte: int = 0, byte_range: int | None = None
    ) -> None:
        self.iterable = iterable
        self.start_byte = start_byte
        self.byte_range = byte_range
        seekable = getattr(iterable, "seekable", None)
        self.seekable = seekable is not None and bool(seekable())
        self._blocks = self._read()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._blocks)

    def _read(self) -> Iterator[bytes]:
        remaining = self.byte_range
        if remaining is not None and remaining <= 0:
            return
        skip = self.start_byte
        blocks: Any = self.iterable
        if self.seekable:
            blocks.seek(skip)
            skip = 0
        for whole in blocks:
            block = whole
            if skip:
                block, skip = block[skip:], max(0, skip - len(block))
            if not block:
                continue
            if remaining is None:
                yield block
                continue
            yield block[:remaining]
            remaining -= len(block)
            if remaining <= 0:
                return

    def close(self) -> None:
        """Close the iterable, if it can be closed."""
        close = getattr(self.iterable, "close", None)
        if close is not None:
            close()


def wrap_range(iterable: Iterable[bytes], start: int, size: int) -> Iterable[bytes]:
    """Return an iterable over ``size`` octets of another, from ``start``.

    A wrapped file stays one, so that our own server has the kernel copy its part.
    """
    if type(iterable) is FileWrapper and iterable.seekable():
        try:
            return FileRange(iterable.file, start, size, iterable.buffer_size)
        except (OSError, ValueError):
            pass  # it only claims that it can be moved in: then it is read
    return RangeWrapper(iterable, start, size)


def wrap_file(
    environ: WSGIEnvironment, file: IO[bytes], buffer_size: int = 8192
) -> Iterable[bytes]:
    """Wrap a file for a response: by the server's wrapper, or else by :class:`FileWrapper`.

    Give the result to a response with ``direct_passthrough=True``, else the server does not see
    the wrapper.

    :param buffer_size: octets a block.
    """
    wrapper: Callable[[IO[bytes], int], Iterable[bytes]]
    wrapper = environ.get("wsgi.file_wrapper", FileWrapper)
    return wrapper(file, buffer_size)


def responder(f: Callable[..., WSGIApplication]) -> WSGIApplication:
    """Make a WSGI application of a function that returns one; also of a method.

    The last two arguments are the environment and ``start_response``; what ``f`` returns is called
    with them.
    """

    def application(*args: Any) -> Iterable[bytes]:
        return f(*args)(*args[-2:])

    return update_wrapper(application, f)


def server_of(environ: WSGIEnvironment) -> Server | None:
    """Return SERVER_NAME and SERVER_PORT; the port is None if it is no number.

    None if there is no name.
    """
    name = environ.get("SERVER_NAME")
    if name is None:
        return None
    try:
        port: int | None = int(environ.get("SERVER_PORT", None))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        port = None  # a Unix socket
    return name, port


def get_host(environ: WSGIEnvironment, trusted_hosts: Collection[str] | None = None) -> str:
    """Return the host that the client asked, with the port if it is not the scheme's own.

    From the Host field, or without one SERVER_NAME and SERVER_PORT.

    :param trusted_hosts: the names that are good; one with a leading dot covers what is below it.
    :raises SecurityError: the host is not among them.
    """
    return hosts.get_host(
        environ["wsgi.url_scheme"],
        environ.get("HTTP_HOST"),
        server_of(environ),
        trusted_hosts,
    )


def get_current_url(
    environ: WSGIEnvironment,
    root_only: bool = False,
    strip_querystring: bool = False,
    host_only: bool = False,
    trusted_hosts: Collection[str] | None = None,
) -> str:
    """Return the URL of the request as an IRI, or the beginning of it.

    :param root_only: only up to the application's root.
    :param strip_querystring: without the query.
    :param host_only: only scheme and host.
    :param trusted_hosts: as for :func:`get_host`.
    :raises SecurityError: the host is not a trusted one.
    """
    parts: dict[str, Any] = {
        "scheme": environ["wsgi.url_scheme"],
        "host": get_host(environ, trusted_hosts),
    }
    if not host_only:
        parts["root_path"] = decode_octets(environ.get("SCRIPT_NAME", ""))
        if not root_only:
            parts["path"] = get_path_info(environ)
            if not strip_querystring:
                parts["query_string"] = environ.get("QUERY_STRING", "").encode("latin-1")
    return hosts.get_current_url(**parts)


def get_content_length(environ: WSGIEnvironment) -> int | None:
    """Return the length of the request's content; None if it is not known beforehand."""
    return fields.get_content_length(
        environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")
    )


def get_path_info(environ: WSGIEnvironment) -> str:
    """Return PATH_INFO decoded as UTF-8; octets that are not become U+FFFD."""
    return decode_octets(environ.get("PATH_INFO", ""))


def decode_octets(value: str) -> str:
    """Return the text of a string of the environment, which stands for octets (PEP 3333).

    Octets that are not UTF-8 become U+FFFD.
    """
    return value if value.isascii() else value.encode("latin-1").decode("utf-8", "replace")


def quote_octets(path: str) -> str:
    """Return a path of the environment, which stands for octets, percent-encoded (RFC 3986 3.3)."""
    return quote(path.encode("latin-1"), safe=PATH_CHARACTERS)
