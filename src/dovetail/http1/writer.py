"""The writing half: a response in, octets out, with its framing decided here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dovetail.http1.chunked import LAST_CHUNK, encode_chunk
from dovetail.http1.errors import ProtocolError, ResponseError
from dovetail.http1.events import Request
from dovetail.http1.grammar import field_name, is_text, tokens

__all__ = [
    "CONTINUE",
    "ResponseWriter",
    "dump_interim",
    "dump_refusal",
    "dump_request_head",
    "dump_response_head",
]

#: The interim response that asks for the content (RFC 9110 section 15.2.1).
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_status_line = re.compile(r"([1-9][0-9]{2})(?: [^\r\n]*)?").fullmatch
_length = re.compile(r"[0-9]{1,18}").fullmatch

# Only the server knows the connection, so these are not for an application to set (RFC 9110 7.6.1,
# PEP 3333 "Other HTTP Features"). But views that hand on another server's response copy its fields,
# and other servers leave these out without a word.
_HOP_BY_HOP = frozenset(
    (
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    )
)

_CONNECTION_OPTIONS = _HOP_BY_HOP | {"close"}

Fields = Sequence[tuple[str, str]]


class ResponseWriter:
    """Turns one response into octets; one is made for each request.

    The length of the content is what the application says in Content-Length, else what the server
    knows when the head goes out, else the chunked coding, and towards HTTP/1.0 the connection's
    end. Calls come in this order: ``start`` (again, as long as there was no ``head``), ``head``,
    ``body`` or ``sent`` for each piece, ``end``.
    """

    __slots__ = (
        "_chunked",
        "_code",
        "_declared",
        "_head_request",
        "_http11",
        "_lines",
        "_names",
        "_remaining",
        "_request_keep_alive",
        "bodyless",
        "delimited_by_close",
        "keep_alive",
    )

    def __init__(self, request: Request) -> None:
        self._http11 = request.version == "HTTP/1.1"
        self._head_request = request.method == "HEAD"
        self._request_keep_alive = request.keep_alive
        self._chunked = False
        self._remaining: int | None = None
        self._declared: int | None = None
        #: Whether the connection stays open behind this response; its owner may say no until
        #: ``head`` is called, and it is final once that returned.
        self.keep_alive = self._request_keep_alive
        #: Whether the response has no content, whatever the application produces.
        self.bodyless = False
        #: Whether only the connection's end shows where the content ends (HTTP/1.0).
        self.delimited_by_close = False

    @property
    def remaining(self) -> int | None:
        """How much content the declared length still lacks, in octets; None without one."""
        return self._remaining

    def start(self, status: str, fields: Fields) -> int:
        """Check what the application says, and keep it for :meth:`head`.

        :param status: "200 OK".
        :return: the status code.
        :raises ResponseError: the status or a field cannot be sent; nothing is kept.
        """
        code = _status_code(status)
        self.keep_alive = self._request_keep_alive
        lines = [f"HTTP/1.1 {status}" if len(status) > 3 else f"HTTP/1.1 {status} "]
        names = set()
        lengths: list[str] = []
        for name, value in fields:
            lower = _response_name(name)
            names.add(lower)
            if lower == "connection":
                self._obey_connection(value)
                continue
            if lower in _HOP_BY_HOP:
                _check_left_out(lower, value)
                continue
            if lower == "content-length":
                lengths.append(value)  # written once, by head
                continue
            try:
                lines.append(name + ": " + value)
            except TypeError:
                raise ResponseError(f"the value of {name} is not a native string") from None
        self._declared = _declared_length(lengths)
        self._lines = _encode_lines(lines)
        self._names = names
        self._code = code
        return code

    def head(self, *, length: int | None, date: str) -> bytes:
        """Return status line and fields, the server's own fields included.

        :param length: the content's length in octets where it is known already, else None.
        :param date: the Date field's value, used unless the application has set one.
        """
        code = self._code
        self.bodyless = self._head_request or code in (204, 205, 304)
        if self._declared is not None:
            length = self._declared
        elif code == 304 or (self.bodyless and not length):
            # An empty list answers a HEAD; it says nothing about the length of the content.
            length = None
        if code == 204:
            length = None  # RFC 9110 8.6: no Content-Length in a 204
        elif code == 205:
            length = 0  # RFC 9110 15.3.6: no content, and the client has to be able to tell
        own = [] if "date" in self._names else [f"Date: {date}\r\n"]
        if "server" not in self._names:
            own.append("Server: dovetail\r\n")
        own.append(self._frame(length))
        return self._lines + "".join(own).encode("latin-1") + b"\r\n"

    def body(self, data: bytes) -> bytes:
        """Return one piece of content as it goes over the wire.

        What is more than the declared length is cut off, so that it cannot pass for the next
        response; :attr:`remaining` tells beforehand.
        """
        if self.bodyless or not data:
            return b""
        if self._remaining is not None:
            data = data[: self._remaining]
            self._remaining -= len(data)
            return data
        return encode_chunk(data) if self._chunked else data

    def sent(self, count: int) -> None:
        """Account for ``count`` octets of content that go out by another way (a file)."""
        if self._remaining is not None:
            self._remaining -= count

    def end(self) -> bytes:
        """Return what stands behind the content.

        :raises ResponseError: the content is shorter than its declared length. Nothing can repair
            that, so the connection is to be aborted (RFC 9112 section 8).
        """
        if self._remaining and not self.bodyless:
            raise ResponseError(f"the content is {self._remaining} octets short of Content-Length")
        return LAST_CHUNK if self._chunked else b""

    def _obey_connection(self, value: str) -> None:
        # PEP 3333 forbids the field, but streaming recipes set keep-alive and some applications
        # ask for close: both can be honoured without harm. A field of the application's own that is
        # named here would become one for everybody, so that is refused.
        options = tokens([value]) if isinstance(value, str) else []
        if not options or not _CONNECTION_OPTIONS.issuperset(options):
            raise ResponseError("Connection is hop-by-hop: only the server sets it")
        if "close" in options:
            self.keep_alive = False

    def _frame(self, length: int | None) -> str:
        framing = ""
        if length is not None:
            framing = f"Content-Length: {length}\r\n"
            self._remaining = length
        elif not self.bodyless:
            if self._http11:
                self._chunked = True
                framing = "Transfer-Encoding: chunked\r\n"
            else:
                self.delimited_by_close = True
                self.keep_alive = False
        if not self.keep_alive:
            return framing + "Connection: close\r\n"
        return framing if self._http11 else framing + "Connection: keep-alive\r\n"


def _encode_lines(lines: list[str]) -> bytes:
    """Return the lines, each with its CRLF."""
    try:
        octets = "\r\n".join(lines).encode("latin-1")
    except UnicodeEncodeError:
        raise ResponseError("status and field values must be latin-1 text") from None
    if not is_text(octets, len(lines) - 1):
        raise ResponseError("a control character in the status or in a field value")
    return octets + b"\r\n"


def _status_code(status: str) -> int:
    match = _status_line(status) if isinstance(status, str) else None
    if match is None:
        raise ResponseError('the status must be a string like "200 OK"')
    code = int(match[1])
    if code < 200:
        raise ResponseError(f"{code} is an interim status, which only the server sends")
    return code


def _response_name(name: str) -> str:
    if not isinstance(name, str):
        raise ResponseError("a field name is not a native string")
    try:
        lower = field_name(name)
    except ProtocolError:
        raise ResponseError(f"{name!r} is no field name") from None
    return lower


def _check_left_out(lower: str, value: str) -> None:
    """Check a hop-by-hop field that is not sent."""
    if lower == "transfer-encoding" and (
        not isinstance(value, str) or tokens([value]) != ["chunked"]
    ):
        raise ResponseError(f"the content cannot be sent with the transfer coding {value!r}")


def _declared_length(values: list[str]) -> int | None:
    if not values:
        return None
    if len(values) > 1:
        raise ResponseError("more than one Content-Length")
    if not isinstance(values[0], str) or _length(values[0]) is None:
        raise ResponseError(f"malformed Content-Length {values[0]!r}")
    return int(values[0])


def dump_interim(status: str, fields: Fields) -> bytes:
    """Return an interim response, such as "103 Early Hints" (RFC 8297).

    :raises ResponseError: the status or a field cannot be sent.
    """
    lines = [f"HTTP/1.1 {status}"]
    for name, value in fields:
        lower = _response_name(name)
        if lower in ("content-length", "connection") or lower in _HOP_BY_HOP:
            raise ResponseError(f"{name} has no place in an interim response")
        if not isinstance(value, str):
            raise ResponseError(f"the value of {name} is not a native string")
        lines.append(name + ": " + value)
    return _encode_lines(lines) + b"\r\n"


def dump_refusal(status: int, reason: str, text: str, *, date: str, content: bool = True) -> bytes:
    """Return a whole response made by the server itself; the connection closes behind it.

    :param text: one line for a person, plain text.
    :param content: False in answer to HEAD.
    """
    body = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nDate: {date}\r\nServer: dovetail\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (body if content else b"")


def dump_request_head(method: str, target: str, version: str, fields: Fields) -> bytes:
    """Return a request's head, as a client sends it; nothing of it is checked.

    :raises UnicodeEncodeError: there is a character that stands for no octet.
    """
    return _dump_head(f"{method} {target} {version}", fields)


def dump_response_head(status: str, fields: Fields) -> bytes:
    """Return a response's head as it is given, such as "200 OK"; nothing of it is checked.

    :raises UnicodeEncodeError: there is a character that stands for no octet.
    """
    return _dump_head(f"HTTP/1.1 {status}", fields)


def _dump_head(first: str, fields: Fields) -> bytes:
    lines = [first, *[f"{name}: {value}" for name, value in fields]]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
