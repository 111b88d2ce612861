"""The reading half of a connection: octets in, events out, no sockets and no clocks."""

from __future__ import annotations

import enum

from dovetail.http1.chunked import ChunkedDecoder
from dovetail.http1.errors import BadRequest, ProtocolError
from dovetail.http1.events import Data, EndOfMessage, Event, Request, Signal, TargetForm
from dovetail.http1.framing import frame_request
from dovetail.http1.grammar import CRLF, TCHAR
from dovetail.http1.head import (
    LineScanner,
    parse_field_lines,
    parse_request_line,
    split_head,
    split_lines,
)
from dovetail.http1.limits import Limits
from dovetail.http1.target import parse_target

__all__ = ["RequestReader"]

#: RFC 9112 section 2.2: a server should ignore at least one empty line before a request line.
_EMPTY_LINES = 8


class _Reading(enum.Enum):
    """What the next octets belong to."""

    HEAD = enum.auto()
    CONTENT = enum.auto()  # counted by Content-Length
    CHUNKS = enum.auto()
    PAUSED = enum.auto()  # behind a complete request


class RequestReader:
    """Parses the requests of one connection, one after the other.

    Each octet is looked at a bounded number of times, and what is buffered is bounded by the
    limits plus one ``receive``, as long as the caller takes the events.
    """

    __slots__ = (
        "_buffer",
        "_chunks",
        "_empty_lines",
        "_ended",
        "_error",
        "_keep_alive",
        "_limits",
        "_reading",
        "_remaining",
        "_scanner",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._reading = _Reading.HEAD
        self._scanner: LineScanner | None = None
        self._chunks: ChunkedDecoder | None = None
        self._remaining = 0
        self._empty_lines = 0
        self._ended = False
        self._keep_alive = True
        self._error: ProtocolError | None = None

    @property
    def buffered(self) -> int:
        """How many octets were received and not yet consumed."""
        return len(self._buffer)

    @property
    def started(self) -> bool:
        """Whether something of the next request has arrived."""
        return self._reading is not _Reading.HEAD or bool(self._buffer)

    def take_buffer(self) -> bytes:
        """Hand over the octets not yet consumed, for whoever takes the connection over."""
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken

    def receive(self, data: bytes | memoryview) -> None:
        """Add octets from the client; they are thrown away once there was an error."""
        if self._error is None:
            self._buffer += data

    def receive_eof(self) -> None:
        """Note that the client has closed its side; it may still be waiting for answers."""
        self._ended = True

    def next_event(self) -> Event:
        """Return the next event, or the :class:`Signal` that says why there is none.

        :raises ProtocolError: the request is to be refused with the error's status. The reader
            is dead then: nothing behind the error is looked at, and the error is raised again.
        """
        if self._error is not None:
            raise self._error
        try:
            event = self._next_event()
        except ProtocolError as error:
            self._error = error
            self._buffer.clear()
            raise
        if event is Signal.NEED_DATA and self._ended:
            if not self.started:
                return Signal.CLOSED
            self._error = BadRequest("the client closed in the middle of a request")
            raise self._error
        return event

    def next_request(self) -> None:
        """Move on to the request behind the one whose :class:`EndOfMessage` was returned.

        :raises RuntimeError: the current request is not at its end, or it was the last one.
        """
        if self._reading is not _Reading.PAUSED or not self._keep_alive:
            raise RuntimeError("the current request is not complete, or it is the last one")
        self._reading = _Reading.HEAD
        self._scanner = None
        self._chunks = None
        self._empty_lines = 0

    def _next_event(self) -> Event:
        match self._reading:
            case _Reading.HEAD:
                return self._read_head()
            case _Reading.CONTENT:
                return self._read_content()
            case _Reading.CHUNKS:
                return self._read_chunks()
            case _Reading.PAUSED:
                return Signal.PAUSED if self._keep_alive else Signal.CLOSED

    def _read_head(self) -> Request | Signal:
        lines = self._scan_head() if self._scanner is not None else self._split_head()
        if lines is None:
            return Signal.NEED_DATA
        request = parse_head(lines, self._limits)
        self._keep_alive = request.keep_alive
        if request.length is None:
            self._chunks = ChunkedDecoder(self._limits)
            self._reading = _Reading.CHUNKS
        else:
            self._remaining = request.length
            self._reading = _Reading.CONTENT
        return request

    def _split_head(self) -> list[str] | None:
        """Take a head that arrived whole; what is incomplete is left to the scanner."""
        if not self._at_request_line():
            return None
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            self._scanner = LineScanner(self._limits, start_line=True)
            return self._scan_head()
        block = bytes(buffer[:end])
        del buffer[: end + 4]
        return split_head(block, self._limits)

    def _scan_head(self) -> list[str] | None:
        assert self._scanner is not None
        buffer = self._buffer
        end = self._scanner.scan(buffer)
        if end < 0:
            return None
        block = bytes(buffer[: end - 4])
        del buffer[:end]
        return split_lines(block)

    def _at_request_line(self) -> bool:
        """Skip empty lines; refuse at once what cannot become a request line."""
        buffer = self._buffer
        while buffer.startswith(CRLF):
            self._empty_lines += 1
            if self._empty_lines > _EMPTY_LINES:
                raise BadRequest("too many empty lines before a request")
            del buffer[:2]
        if not buffer or buffer == b"\r":
            return False
        if buffer[0] not in TCHAR:
            # A TLS hello, a SOCKS greeting: there may never be a line end to wait for.
            raise BadRequest("this is no HTTP request")
        return True

    def _read_content(self) -> Event:
        if not self._remaining:
            self._reading = _Reading.PAUSED
            return EndOfMessage()
        buffer = self._buffer
        if not buffer:
            return Signal.NEED_DATA
        data = bytes(buffer[: self._remaining])
        del buffer[: self._remaining]
        self._remaining -= len(data)
        return Data(data)

    def _read_chunks(self) -> Event:
        assert self._chunks is not None
        if self._chunks.done:
            self._reading = _Reading.PAUSED
            return EndOfMessage(self._chunks.trailers)
        data = self._chunks.decode(self._buffer)
        if data:
            return Data(data)
        if self._chunks.done:
            return self._read_chunks()
        return Signal.NEED_DATA


def parse_head(lines: list[str], limits: Limits) -> Request:
    """Make a request of the lines of its head.

    :raises ProtocolError: see :mod:`dovetail.http1.head`, ``target`` and ``framing``.
    """
    method, raw_target, version = parse_request_line(lines[0])
    target = parse_target(method, raw_target)
    fields = parse_field_lines(lines[1:])
    framing = frame_request(version, fields, limits)
    authority = framing.host
    if target.form is TargetForm.ABSOLUTE:
        # RFC 9112 3.2.2: the target's host replaces the Host field's
        authority = target.authority
        fields = [field for field in fields if field[0] != "host"]
        fields.insert(0, ("host", authority))
    return Request(
        method,
        raw_target,
        target.form,
        target.path,
        target.query,
        authority,
        version,
        fields,
        framing.length,
        framing.keep_alive,
        framing.expects_continue,
        framing.upgrade,
    )
