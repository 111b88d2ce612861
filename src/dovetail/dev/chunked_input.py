"""Content in the chunked coding, read from a file."""

from __future__ import annotations

import io
from typing import IO

from dovetail.http1 import BadRequest, Limits, ProtocolError
from dovetail.http1.chunked import ChunkedDecoder

__all__ = ["DechunkedInput"]

_LIMITS = Limits(body=None)


class DechunkedInput(io.RawIOBase):
    """Takes the chunked coding (RFC 9112 section 7.1) off what it reads.

    The servers here do that by themselves; this is for who has such a file from elsewhere. It reads
    no further than the end of the content and its trailers.

    :param rfile: the coded content.
    """

    def __init__(self, rfile: IO[bytes]) -> None:
        self._rfile = rfile
        self._decoder = ChunkedDecoder(_LIMITS)
        self._buffer = bytearray()  # octets that the decoder has not taken yet
        self._left = 0  # octets of the current chunk that are still to be read

    def readable(self) -> bool:
        """Return True."""
        return True

    def read_chunk_len(self) -> int:
        """Read the line in front of a chunk and return the chunk's size in octets; 0 at the end.

        :raises OSError: the line is malformed, or the file ends in it.
        """
        line = self._rfile.readline(_LIMITS.chunk_line + 2)
        if not line.endswith(b"\r\n"):
            raise OSError("the line in front of a chunk is cut short or does not end with CRLF")
        self._decode(line)
        size, _, _ = line.partition(b";")
        # The decoder has found it to be hexadecimal digits, with white space at most behind them.
        return int(size, 16)

    def readinto(self, buf: bytearray) -> int:  # type: ignore[override]
        """Fill ``buf`` as far as there is content; return the number of octets, 0 at the end.

        :raises OSError: the coding is malformed, or the file ends before the content does.
        """
        view = memoryview(buf).cast("B")
        filled = 0
        while filled < len(view) and not self._decoder.done:
            if not self._left:
                self._left = self.read_chunk_len()
                if not self._left:
                    self._read_trailers()
                    break
            data = self._rfile.read(min(self._left, len(view) - filled))
            if not data:
                raise OSError("the content ends in the middle of a chunk")
            self._left -= len(data)
            view[filled : filled + len(data)] = self._decode(data)
            filled += len(data)
            if not self._left:
                self._decode(self._rfile.readline(2))
        return filled

    def _read_trailers(self) -> None:
        while not self._decoder.done:
            line = self._rfile.readline(_LIMITS.trailer_size)
            if not line:
                raise OSError("the content ends in the middle of its trailers")
            self._decode(line)

    def _decode(self, octets: bytes) -> bytes:
        """Have the engine's decoder check the octets; return what is content of them."""
        self._buffer += octets
        try:
            return self._decoder.decode(self._buffer)
        except BadRequest as error:
            raise OSError(f"malformed chunked content: {error}") from error
        except ProtocolError as error:
            raise OSError(f"chunked content over a limit: {error}") from error
