"""Warnings where an application or a server breaks the rules of WSGI (PEP 3333) or HTTP.

For development: nothing is corrected, and each request costs more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import IO, Any
from urllib.parse import urlsplit
from warnings import warn
from wsgiref.types import WSGIApplication, WSGIEnvironment

from dovetail.data.fields import decimal_number, is_entity_header
from dovetail.data.headers import Headers
from dovetail.gateway.files import FileWrapper

__all__ = [
    "ErrorStream",
    "GuardedIterator",
    "GuardedWrite",
    "HTTPWarning",
    "InputStream",
    "LintMiddleware",
    "WSGIWarning",
    "check_type",
]

_REQUIRED = (
    *("REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT"),
    *("wsgi.version", "wsgi.input", "wsgi.errors"),
    *("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"),
)


class WSGIWarning(Warning):
    """Something breaks PEP 3333."""


class HTTPWarning(Warning):
    """A response breaks HTTP."""


def check_type(context: str, obj: object, need: type = str) -> None:
    """Warn if the type of ``obj`` is not exactly ``need``.

    :param context: what the object is, for the message.
    """
    if type(obj) is not need:
        _warn_wsgi(f"{context!r} has to be {need.__name__!r}, not {type(obj).__name__!r}")


class InputStream:
    """The request's content, with a warning for calls that not every server bears."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, *args: Any) -> bytes:
        """Read; warns if there is no size."""
        if not args:
            _warn_wsgi("wsgi.input need not end, so read() without a size may wait for ever")
        elif len(args) != 1:
            _warn_wsgi("wsgi.input.read() takes one argument")
        return self._stream.read(*args)

    def readline(self, *args: Any) -> bytes:
        """Read a line; warns in any case.

        :raises TypeError: there is more than one argument.
        """
        if not args:
            _warn_wsgi("wsgi.input.readline() without a size reads without bound; use read()")
        elif len(args) == 1:
            _warn_wsgi("wsgi.input.readline() need not take a size, though most servers do it")
        else:
            raise TypeError("wsgi.input.readline() takes at most one argument")
        return self._stream.readline(*args)

    def __iter__(self) -> Iterator[bytes]:
        try:
            return iter(self._stream)
        except TypeError:
            _warn_wsgi("wsgi.input cannot be iterated")
            return iter(())

    def close(self) -> None:
        """Close; warns, because that is the server's business."""
        _warn_wsgi("the application closed wsgi.input")
        self._stream.close()


class ErrorStream:
    """The server's error log, with a warning for what is not text."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, s: str) -> None:
        """Write a string."""
        check_type("wsgi.errors.write()", s)
        self._stream.write(s)

    def flush(self) -> None:
        """Flush the log."""
        self._stream.flush()

    def writelines(self, seq: Iterable[str]) -> None:
        """Write some strings."""
        for line in seq:
            self.write(line)

    def close(self) -> None:
        """Close; warns, because that is the server's business."""
        _warn_wsgi("the application closed wsgi.errors")
        self._stream.close()


class GuardedWrite:
    """The ``write`` that start_response returned, with a warning for what is not bytes.

    :param chunks: collects how many octets each call wrote.
    """

    def __init__(self, write: Callable[[bytes], object], chunks: list[int]) -> None:
        self._write = write
        self._chunks = chunks

    def __call__(self, s: bytes) -> None:
        """Write some octets."""
        check_type("write()", s, bytes)
        self._write(s)
        self._chunks.append(len(s))


class GuardedIterator:
    """The body that an application returned; warns of what is wrong with it when it is closed.

    :param headers_set: status code and header fields; empty before start_response was called.
    :param chunks: collects how many octets each chunk has.
    """

    def __init__(
        self,
        iterator: Iterable[bytes],
        headers_set: tuple[int, Headers],
        chunks: list[int],
    ) -> None:
        self.closed = True  # until all is set up: __del__ runs after a failed __init__, too
        self._iterator = iterator
        self._next = iter(iterator).__next__
        self.headers_set = headers_set
        self.chunks = chunks
        self.closed = False

    def __iter__(self) -> GuardedIterator:
        return self

    def __next__(self) -> bytes:
        if self.closed:
            _warn_wsgi("the response is iterated after it was closed")
        chunk = self._next()
        if not self.headers_set:
            _warn_wsgi("the application yields content before it called start_response")
        check_type("a chunk of the response", chunk, bytes)
        self.chunks.append(len(chunk))
        return chunk

    def close(self) -> None:
        """Close the application's iterator, and warn if content and header do not agree."""
        self.closed = True
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()
        if self.headers_set:
            status, headers = self.headers_set
            _check_response(status, headers, sum(self.chunks))

    def __del__(self) -> None:
        if not self.closed:
            warn("the server never closed the response", WSGIWarning, stacklevel=2)


def _check_response(status: int, headers: Headers, sent: int) -> None:
    """Warn if the body of a response does not agree with its header (RFC 9110 6.4.1, 8.6)."""
    announced = headers.get("Content-Length")
    length = None if announced is None else decimal_number(announced)
    if announced is not None and length is None:
        _warn_http(f"Content-Length is no number: {announced!r}")
    if status == 304:
        for name, _ in headers:
            if name.lower() not in {"expires", "content-location"} and is_entity_header(name):
                _warn_http(f"a 304 has no {name.lower()!r} field")
    elif 100 <= status < 200 or status == 204:
        # A 204 without the field is right: a server must not send it there.
        if length:
            _warn_http(f"a {status} has no content, and no Content-Length but 0")
    elif length is not None and length != sent:
        _warn_wsgi(f"Content-Length is {length}, and {sent} octets were sent")
        return
    if sent and (status in {204, 304} or 100 <= status < 200):
        _warn_http(f"a {status} has no content, and {sent} octets were sent")


class LintMiddleware:
    """Checks what passes between the server and an application, and warns of what is wrong.

    Warnings are :class:`WSGIWarning` and :class:`HTTPWarning`.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def check_environ(self, environ: WSGIEnvironment) -> None:
        """Check what the server hands over."""
        if type(environ) is not dict:
            _warn_wsgi("the WSGI environment is not a plain dict")
        for key in _REQUIRED:
            if key not in environ:
                _warn_wsgi(f"the WSGI environment has no {key!r}")
        if environ["wsgi.version"] != (1, 0):
            _warn_wsgi("the WSGI environment is not of version (1, 0)")
        for key in ("SCRIPT_NAME", "PATH_INFO"):
            path = environ.get(key, "")
            if path and path[0] != "/":
                _warn_wsgi(f"{key!r} does not begin with a slash: {path!r}")

    def check_start_response(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: tuple[type[BaseException], BaseException, TracebackType] | None,
    ) -> tuple[int, Headers]:
        """Check the arguments of start_response; return the status code and the fields."""
        check_type("status", status)
        code, _, _ = status.partition(" ")
        if len(code) != 3 or not (code.isascii() and code.isdigit()):
            _warn_wsgi(f"the status code has to be three digits, not {code!r}")
        if len(status) < 4 or status[3] != " ":
            _warn_wsgi(f"the status is three digits, a space and a reason, not {status!r}")
        number = int(code)
        if number < 100:
            _warn_wsgi(f"there is no status below 100, such as {number}")
        _check_field_list(headers)
        if exc_info is not None and not isinstance(exc_info, tuple):
            _warn_wsgi("exc_info has to be a tuple or None")
        fields = Headers(headers)
        self.check_headers(fields)
        return number, fields

    def check_headers(self, headers: Headers) -> None:
        """Check the values of ETag and Location."""
        etag = headers.get("ETag")
        if etag is not None:
            if etag.startswith(("W/", "w/")):
                if etag[0] == "w":
                    _warn_http(f"the sign of a weak ETag is an upper case W: {etag!r}")
                etag = etag[2:]
            if not etag[:1] == etag[-1:] == '"':
                _warn_http(f"the ETag is not quoted: {etag!r}")
        location = headers.get("Location")
        if location is not None and not _has_host(location):
            _warn_http(f"Location should be an absolute URL: {location!r}")

    def check_iterator(self, app_iter: Iterable[bytes]) -> None:
        """Check what the application returned."""
        if isinstance(app_iter, str):
            _warn_wsgi("the application returned a string, which is sent letter by letter")

    def __call__(self, *args: Any, **kwargs: Any) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        if len(args) != 2:
            _warn_wsgi(f"a WSGI application takes two arguments, not {len(args)}")
        if kwargs:
            _warn_wsgi("a WSGI application takes no keyword arguments")
        environ: WSGIEnvironment = args[0]
        start_response = args[1]
        self.check_environ(environ)
        environ["wsgi.input"] = InputStream(environ["wsgi.input"])
        environ["wsgi.errors"] = ErrorStream(environ["wsgi.errors"])
        # What is handed to the server has to be iterated here, so its own wrapper is of no use.
        environ["wsgi.file_wrapper"] = FileWrapper
        headers_set: list[Any] = []
        chunks: list[int] = []

        def checking_start_response(*args: Any, **kwargs: Any) -> GuardedWrite:
            if len(args) not in {2, 3}:
                _warn_wsgi(f"start_response takes two or three arguments, not {len(args)}")
            if kwargs:
                _warn_wsgi("start_response takes no keyword arguments")
            exc_info = args[2] if len(args) > 2 else None
            headers_set[:] = self.check_start_response(args[0], args[1], exc_info)
            return GuardedWrite(start_response(*args, **kwargs), chunks)

        app_iter = self.app(environ, checking_start_response)
        self.check_iterator(app_iter)
        return GuardedIterator(app_iter, headers_set, chunks)  # type: ignore[arg-type]


def _has_host(location: str) -> bool:
    try:
        return bool(urlsplit(location).netloc)
    except ValueError:
        return False


def _check_field_list(headers: Any) -> None:
    if type(headers) is not list:
        _warn_wsgi("the header fields are not in a list")
    for item in headers:
        if type(item) is not tuple or len(item) != 2:
            _warn_wsgi(f"a header field has to be a tuple of two: {item!r}")
        name, value = item
        if type(name) is not str or type(value) is not str:
            _warn_wsgi(f"name and value of a header field have to be strings: {item!r}")
        elif name.lower() == "status":
            _warn_wsgi("there may be no Status field, which CGI uses for its own ends")


def _warn_wsgi(message: str) -> None:
    _warn(message, WSGIWarning)


def _warn_http(message: str) -> None:
    _warn(message, HTTPWarning)


def _warn(message: str, category: type[Warning]) -> None:
    """Warn at the line of the application or server that called what is here."""
    level = 1
    frame = sys._getframe()
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
        level += 1
    warn(message, category, stacklevel=level)
