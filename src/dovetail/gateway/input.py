"""``wsgi.input`` of an application that takes its content as it arrives."""

from __future__ import annotations

import io
from collections.abc import Callable

__all__ = ["StreamingInput"]


class StreamingInput(io.RawIOBase):
    """Reads from the connection on demand and ends where the content ends.

    Applications that do not ask for it get a file of the whole content instead. ``read``,
    ``readline``, ``readlines`` and iteration are as for a file; reading on at the end returns
    nothing, as often as it is done.

    :param receive: returns some octets of content, or nothing at its end. It may wait, and raises
        :class:`~dovetail.gateway.errors.ClientDisconnected` if the content is cut short.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._buffer = bytearray()
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def _fill(self) -> bool:
        """Add octets to the buffer; False at the end of the content."""
        if not self._ended:
            data = self._receive()
            self._buffer += data
            self._ended = not data
        return not self._ended

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` octets, fewer only at the content's end; all without a size."""
        if size is None or size < 0:
            while self._fill():
                continue
            return self._take(len(self._buffer))
        while len(self._buffer) < size and self._fill():
            continue
        return self._take(size)

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill ``buffer``; return the number of octets, 0 at the end of the content."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Return all the content that is left."""
        return self.read()

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return octets up to and with the next LF, at most ``size`` of them."""
        bound = None if size is None or size < 0 else size
        searched = 0
        while True:
            newline = self._buffer.find(b"\n", searched, bound)
            if newline >= 0:
                return self._take(newline + 1)
            searched = len(self._buffer)
            if bound is not None and searched >= bound:
                return self._take(bound)
            if not self._fill():
                return self._take(len(self._buffer))
