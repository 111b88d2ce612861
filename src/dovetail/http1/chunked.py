"""The chunked transfer coding (RFC 9112 section 7.1), both ways."""

from __future__ import annotations

import enum
import re

from dovetail.http1.errors import BadRequest, ContentTooLarge
from dovetail.http1.events import Fields
from dovetail.http1.grammar import BWS, CRLF, QUOTED_STRING, TOKEN
from dovetail.http1.head import LineScanner, parse_field_lines, split_lines
from dovetail.http1.limits import Limits

__all__ = ["LAST_CHUNK", "ChunkedDecoder", "encode_chunk"]

#: The last chunk and an empty trailer section.
LAST_CHUNK = b"0\r\n\r\n"

# chunk-size [ chunk-ext ] (RFC 9112 sections 7.1 and 7.1.1)
_SIZE_LINE = re.compile(
    rf"([0-9A-Fa-f]+)((?:{BWS};{BWS}{TOKEN}(?:{BWS}={BWS}(?:{TOKEN}|{QUOTED_STRING}))?)*)"
).fullmatch


#: What a chunk size of 64 bits needs.
_SIZE_DIGITS = 16


class _Part(enum.Enum):
    SIZE = enum.auto()
    DATA = enum.auto()
    DATA_END = enum.auto()
    TRAILERS = enum.auto()
    DONE = enum.auto()


class ChunkedDecoder:
    """Takes the coding off, whatever the pieces in which it arrives."""

    __slots__ = (
        "_extensions",
        "_limits",
        "_part",
        "_received",
        "_remaining",
        "_scanner",
        "trailers",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._part = _Part.SIZE
        self._remaining = 0  # octets of the current chunk that are still to come
        self._received = 0  # octets announced by all chunk sizes so far
        self._extensions = 0  # octets of all chunk extensions so far
        self._scanner = LineScanner(limits, start_line=False)
        #: The trailer fields, once ``done``.
        self.trailers: Fields = []

    @property
    def done(self) -> bool:
        """The empty line behind the trailer section has arrived."""
        return self._part is _Part.DONE

    def decode(self, buffer: bytearray) -> bytes:
        """Take all there is of this message's content out of ``buffer`` and return it.

        What stands behind the end of the message stays in the buffer.

        :raises BadRequest: malformed, or extensions over ``limits.chunk_extensions``.
        :raises ContentTooLarge: the chunks together are over ``limits.body``.
        :raises FieldsTooLarge: the trailer section is over a limit.
        """
        pieces: list[bytes] = []
        position = 0
        while True:
            before = position, self._part
            if self._part is _Part.SIZE:
                position = self._read_size(buffer, position)
            elif self._part is _Part.DATA:
                piece = bytes(buffer[position : position + self._remaining])
                pieces.append(piece)
                position += len(piece)
                self._remaining -= len(piece)
                if not self._remaining:
                    self._part = _Part.DATA_END
            elif self._part is _Part.DATA_END:
                position = self._read_data_end(buffer, position)
            if self._part in (_Part.TRAILERS, _Part.DONE) or before == (position, self._part):
                break
        # One deletion a call: taking chunk by chunk out of the buffer would move the rest of it
        # each time.
        del buffer[:position]
        if self._part is _Part.TRAILERS:
            self._read_trailers(buffer)
        return b"".join(pieces)

    def _read_size(self, buffer: bytearray, position: int) -> int:
        end = buffer.find(CRLF, position, position + self._limits.chunk_line + 2)
        if end < 0:
            rest = len(buffer) - position
            if rest >= self._limits.chunk_line + 2:
                raise BadRequest(f"a chunk-size line over {self._limits.chunk_line} octets")
            if (
                buffer.find(b"\n", position) >= 0
                or -1 < buffer.find(b"\r", position) != len(buffer) - 1
            ):
                raise BadRequest("a chunk-size line does not end with CRLF")
            return position
        match = _SIZE_LINE(buffer[position:end].decode("latin-1"))
        if match is None:
            raise BadRequest("malformed chunk size")
        # Zeros in front of a size are padding as well: 16 digits hold any length there is.
        self._extensions += len(match[2]) + max(0, len(match[1]) - _SIZE_DIGITS)
        if self._extensions > self._limits.chunk_extensions:
            raise BadRequest(f"chunk extensions over {self._limits.chunk_extensions} octets")
        self._remaining = int(match[1], 16)
        self._received += self._remaining
        if self._limits.body is not None and self._received > self._limits.body:
            raise ContentTooLarge(f"content over {self._limits.body} octets")
        self._part = _Part.DATA if self._remaining else _Part.TRAILERS
        return end + 2

    def _read_data_end(self, buffer: bytearray, position: int) -> int:
        # Judge the first octet without waiting for the second.
        ending = buffer[position : position + 2]
        if not CRLF.startswith(ending):
            raise BadRequest("a chunk is longer than its size")
        if len(ending) < 2:
            return position
        self._part = _Part.SIZE
        return position + 2

    def _read_trailers(self, buffer: bytearray) -> None:
        end = self._scanner.scan(buffer)
        if end < 0:
            return
        if end > 2:
            lines = split_lines(bytes(buffer[: end - 4]))
            self.trailers = parse_field_lines(lines)
        del buffer[:end]
        self._part = _Part.DONE


def encode_chunk(data: bytes) -> bytes:
    """Return ``data``, which must not be empty, as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)
