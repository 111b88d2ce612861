"""Reading the responses of our own server: strict, because it has no excuse."""

from __future__ import annotations

import dataclasses
import re

from dovetail.http1 import Limits, ProtocolError
from dovetail.http1.chunked import ChunkedDecoder
from dovetail.http1.grammar import OWS, field_name, is_text, tokens

__all__ = ["BadResponse", "Message", "ResponseAborted", "ResponseReader"]

Fields = list[tuple[str, str]]

_status_line = re.compile(r"(HTTP/1\.[01]) ([1-9][0-9]{2} .*)").fullmatch
_length = re.compile(r"[0-9]{1,18}").fullmatch
_NO_CONTENT = frozenset((204, 304))


class ResponseAborted(ConnectionError):
    """The server broke the connection off in the middle of a response."""


class BadResponse(Exception):
    """What the server sent is no HTTP/1.1 response."""


@dataclasses.dataclass
class Message:
    """One response as it was on the wire, transfer coding removed."""

    version: str
    #: "200 OK"
    status: str
    #: In order, with names as they were sent.
    fields: Fields
    content: bytes = b""
    #: Whether another request may be sent over the connection.
    keep_alive: bool = True
    #: The interim responses that came before it: status and fields of each.
    interim: list[tuple[str, Fields]] = dataclasses.field(default_factory=list)

    @property
    def status_code(self) -> int:
        """The three digits."""
        return int(self.status[:3])

    def values(self, name: str) -> list[str]:
        """Return the values of all fields with a name in lower case."""
        return [value for key, value in self.fields if key.lower() == name]


class ResponseReader:
    """Takes one response after the other from all that the server sent on a connection.

    :param octets: what was sent; the connection's end is behind it.
    """

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._position = 0

    @property
    def at_end(self) -> bool:
        """Whether there is nothing more."""
        return self._position == len(self._octets)

    def read(self, method: str) -> Message:
        """Return the response to a request with ``method`` (RFC 9112 section 6.3).

        :raises ResponseAborted: it is not all there.
        :raises BadResponse: it is malformed.
        """
        message = self._read_head()
        interim: list[tuple[str, Fields]] = []
        while message.status_code < 200:
            interim.append((message.status, message.fields))
            message = self._read_head()
        message.interim = interim
        message.keep_alive = "close" not in tokens(message.values("connection"))
        if method != "HEAD" and message.status_code not in _NO_CONTENT:
            message.content = self._read_content(message)
        return message

    def _read_head(self) -> Message:
        end = self._octets.find(b"\r\n\r\n", self._position)
        if end < 0:
            raise ResponseAborted("the connection ended before the head of a response")
        block = self._octets[self._position : end]
        self._position = end + 4
        first, *lines = block.decode("latin-1").split("\r\n")
        match = _status_line(first)
        if match is None or not is_text(block, len(lines)):
            raise BadResponse("malformed status line, or a control character in the head")
        return Message(match[1], match[2], [_parse_field(line) for line in lines])

    def _read_content(self, message: Message) -> bytes:
        codings = message.values("transfer-encoding")
        lengths = message.values("content-length")
        if codings:
            if codings != ["chunked"] or lengths:
                raise BadResponse("ambiguous framing")
            return self._read_chunks()
        if lengths:
            if len(lengths) > 1 or _length(lengths[0]) is None:
                raise BadResponse("malformed Content-Length")
            return self._take(int(lengths[0]))
        if message.keep_alive and message.version == "HTTP/1.1":
            raise BadResponse("nothing says where the content ends")
        return self._take(len(self._octets) - self._position)

    def _take(self, size: int) -> bytes:
        content = self._octets[self._position : self._position + size]
        if len(content) < size:
            raise ResponseAborted(f"the connection ended after {len(content)} of {size} octets")
        self._position += size
        return content

    def _read_chunks(self) -> bytes:
        decoder = ChunkedDecoder(Limits(body=None))
        buffer = bytearray(self._octets[self._position :])
        try:
            content = decoder.decode(buffer)
        except ProtocolError as error:
            raise BadResponse(str(error)) from error
        if not decoder.done:
            raise ResponseAborted("the connection ended before the last chunk")
        self._position = len(self._octets) - len(buffer)
        return content


def _parse_field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    try:
        field_name(name)
    except ProtocolError as error:
        raise BadResponse(str(error)) from error
    if not colon:
        raise BadResponse("a field line without a colon")
    return name, value.strip(OWS)
