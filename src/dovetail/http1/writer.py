"""The writing half: a response in, octets out, with its framing decided here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dovetail.http1.chunked import LAST_CHUNK, encode_chunk
from dovetail.http1.errors import ProtocolError, ResponseError
from dovetail.http1.events import Request
from dovetail.http1.grammar import field_name, is_text, tokens

__all__ = ["CONTINUE", "ResponseWriter", "dump_interim", "dump_refusal"]

#: The interim response that asks for the content (RFC 9110 section 15.2.1).
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_status_line = re.compile(r"([1-9][0-9]{2})(?: [^\r\n]*)?").fullmatch
_length = re.compile(r"[0-9]{1,18}").fullmatch

# Only the server knows the connection, so these are not for an application to set (RFC 9110 7.6.1,
# PEP 3333 "Other HTTP Features").
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

Fields = Sequence[tuple[str, str]]


class ResponseWriter:
    """Turns one response into octets; one is made for each request.

    The length of the content is what the application says in Content-Length, else ``length`` as
    the server knows it, else the chunked coding, and towards HTTP/1.0 the connection's end.
    """

    __slots__ = ("_bodyless", "_chunked", "_head_request", "_http11", "_remaining", "keep_alive")

    def __init__(self, request: Request, *, keep_alive: bool = True) -> None:
        self._http11 = request.version == "HTTP/1.1"
        self._head_request = request.method == "HEAD"
        self._bodyless = False
        self._chunked = False
        self._remaining: int | None = None
        #: Whether the connection stays open behind this response; final once ``head`` returned.
        self.keep_alive = keep_alive and request.keep_alive

    @property
    def bodyless(self) -> bool:
        """The response has no content, whatever the application produces."""
        return self._bodyless

    @property
    def remaining(self) -> int | None:
        """How much content the declared length still lacks, in octets; None without one."""
        return self._remaining

    def head(self, status: str, fields: Fields, *, length: int | None, date: str) -> bytes:
        """Return status line and fields, the server's own fields included.

        :param status: "200 OK".
        :param length: the content's length in octets where it is known already, else None.
        :param date: the Date field's value, used unless the application has set one.
        :raises ResponseError: the status or a field cannot be sent.
        """
        code = _status_code(status)
        lines = [f"HTTP/1.1 {status}" if len(status) > 3 else f"HTTP/1.1 {status} "]
        names = self._add_fields(lines, fields)
        declared = _declared_length(fields) if "content-length" in names else None
        self._bodyless = self._head_request or code in (204, 304)
        if code == 205:
            # RFC 9110 15.3.6: no content, and the client has to be able to tell
            declared, length, self._bodyless = None, 0, True
        elif code == 204:
            # RFC 9110 8.6: no Content-Length in a 204
            declared, length = None, None
        elif self._bodyless and not length:
            # An empty list answers a HEAD; it says nothing about the length of the content.
            length = None
        if "date" not in names:
            lines.append(f"Date: {date}")
        if "server" not in names:
            lines.append("Server: dovetail")
        self._frame(lines, declared if declared is not None else length, declared is None)
        return self._encode(lines)

    def body(self, data: bytes) -> bytes:
        """Return one piece of content as it goes over the wire.

        What is more than the declared length is cut off, so that it cannot pass for the next
        response; :attr:`remaining` tells beforehand.
        """
        if self._bodyless or not data:
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

    @property
    def chunked(self) -> bool:
        """Whether the content has to go through :meth:`body` to be framed."""
        return self._chunked

    def end(self) -> bytes:
        """Return what stands behind the content.

        :raises ResponseError: the content is shorter than its declared length. Nothing can repair
            that, so the connection is to be aborted (RFC 9112 section 8).
        """
        if self._remaining and not self._bodyless:
            raise ResponseError(f"the content is {self._remaining} octets short of Content-Length")
        return LAST_CHUNK if self._chunked and not self._bodyless else b""

    def _add_fields(self, lines: list[str], fields: Fields) -> set[str]:
        names = set()
        for name, value in fields:
            lower = _response_name(name)
            names.add(lower)
            if lower == "content-length":
                continue  # written once, by _frame
            if lower == "connection":
                self._obey_connection(value)
                continue
            try:
                lines.append(name + ": " + value)
            except TypeError:
                raise ResponseError(f"the value of {name} is not a native string") from None
        return names

    def _obey_connection(self, value: str) -> None:
        # PEP 3333 forbids the field, but streaming recipes set keep-alive and some applications
        # ask for close: both can be honoured without harm. Anything else is refused.
        options = tokens([value]) if isinstance(value, str) else [""]
        if options == ["close"]:
            self.keep_alive = False
        elif options != ["keep-alive"]:
            raise ResponseError("Connection is hop-by-hop: only the server sets it")

    def _frame(self, lines: list[str], length: int | None, add_length: bool) -> None:
        if length is not None:
            lines.append(f"Content-Length: {length}")
            self._remaining = length
        elif self._bodyless:
            pass
        elif self._http11:
            self._chunked = True
            lines.append("Transfer-Encoding: chunked")
        else:
            self.keep_alive = False  # the end of the connection is the end of the content
        if not self.keep_alive:
            lines.append("Connection: close")
        elif not self._http11:
            lines.append("Connection: keep-alive")

    @staticmethod
    def _encode(lines: list[str]) -> bytes:
        try:
            octets = "\r\n".join(lines).encode("latin-1")
        except UnicodeEncodeError:
            raise ResponseError("status and field values must be latin-1 text") from None
        if not is_text(octets, len(lines) - 1):
            raise ResponseError("a control character in the status or in a field value")
        return octets + b"\r\n\r\n"


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
    if lower in _HOP_BY_HOP:
        raise ResponseError(f"{name} is hop-by-hop: only the server sets it")
    return lower


def _declared_length(fields: Fields) -> int:
    values = [value for name, value in fields if name.lower() == "content-length"]
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
        if _response_name(name) in ("content-length", "connection"):
            raise ResponseError(f"{name} has no place in an interim response")
        if not isinstance(value, str):
            raise ResponseError(f"the value of {name} is not a native string")
        lines.append(name + ": " + value)
    return ResponseWriter._encode(lines)


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
