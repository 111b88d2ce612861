"""What a server tells about its requests to who wants to see them all."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Protocol, Self

from dovetail.gateway.environ import Environ
from dovetail.gateway.record import RequestRecord
from dovetail.http1 import Request

__all__ = ["STREAMED_OCTETS", "KeptContent", "Observation", "Observer"]

#: How much content is kept of a request whose application reads it as it arrives.
STREAMED_OCTETS = 1 << 20


@dataclass(slots=True)
class Observation:
    """A request that was answered, for as long as :meth:`Observer.answered` takes."""

    request: Request
    record: RequestRecord
    #: What the application was called with. It may have been changed since.
    environ: Environ
    #: What was sent, 0 if nothing was; 101 if the application took the socket.
    status: int
    #: The response's fields, as the application gave them.
    fields: list[tuple[str, str]]
    #: Octets of the response's content.
    content_length: int
    #: The request's content, at its start. None if the application read it as it arrived, and it
    #: was more than :data:`STREAMED_OCTETS`, or if no descriptor was left for it.
    content: IO[bytes] | None
    #: Octets of the request's content that have arrived.
    content_size: int
    #: Whether these are all: an application that reads as it arrives need not read to the end.
    content_complete: bool
    #: When the response was finished or broken off: seconds of the monotonic clock.
    finished: float
    #: The connection was broken off before the response was complete.
    aborted: bool


class Observer(Protocol):
    """Sees every request that an application is called for. Neither method may raise."""

    def calling(self, environ: Environ) -> None:
        """See a request in the thread that is about to call the application."""

    def answered(self, seen: Observation) -> None:
        """See the same request when its response is finished, or broken off; in any thread.

        Called once for each call of ``calling``. ``seen.content`` and ``seen.record.error`` are
        good until it returns.
        """


class KeptContent:
    """A request's content, kept while the application has it; a context that closes it.

    :param file: all of it, ``size`` octets, or None if it could not be kept; without arguments,
        it is added piece by piece as it arrives.
    """

    __slots__ = ("_file", "_pieces", "complete", "size")

    def __init__(self, file: IO[bytes] | None = None, size: int | None = None) -> None:
        self._file = file
        self._pieces: list[bytes] | None = [] if size is None else None
        #: Octets that have arrived.
        self.size = size or 0
        #: Whether no more will come.
        self.complete = size is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def add(self, data: bytes) -> None:
        """Add what has arrived; past :data:`STREAMED_OCTETS` nothing is kept but the size."""
        self.size += len(data)
        if self.size > STREAMED_OCTETS:
            self._pieces = None
        if self._pieces is not None:
            self._pieces.append(data)

    def open(self) -> IO[bytes] | None:
        """Return the content at its start; None if it is not kept."""
        if self._pieces is not None:
            self._file, self._pieces = io.BytesIO(b"".join(self._pieces)), None
        if self._file is not None:
            # It shares its position with the one that the application has read.
            self._file.seek(0)
        return self._file
