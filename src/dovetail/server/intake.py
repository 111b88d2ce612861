"""The content of a request on its way from the client to the application."""

from __future__ import annotations

import errno
import time
from typing import IO

from dovetail.gateway import ClientDisconnected, StreamingInput
from dovetail.http1 import CONTINUE, Data, ProtocolError, Request, RequestReader, Signal
from dovetail.server.observation import KeptContent
from dovetail.server.poller import READABLE, wait_for
from dovetail.server.service import Service
from dovetail.server.spool import BodySpool
from dovetail.server.wire import Wire

__all__ = ["Intake"]


class Intake:
    """Takes in the content of a connection's requests, one after the other.

    It is collected before the application is called, or the application reads it as it arrives.

    :ivar began: monotonic time at which the current request's head arrived.
    :ivar is_streaming: whether the application reads this content as it arrives.
    :ivar must_ask: whether the client waits to be asked for the content.
    :ivar kept: what an observer gets to see of it.
    """

    __slots__ = (
        "_length",
        "_reader",
        "_received",
        "_service",
        "_spool",
        "_waited",
        "_wire",
        "began",
        "is_streaming",
        "kept",
        "must_ask",
    )

    def __init__(self, wire: Wire, reader: RequestReader, service: Service) -> None:
        self._wire = wire
        self._reader = reader
        self._service = service
        self.reset()

    def reset(self) -> None:
        """Forget the current request."""
        self._spool: BodySpool | None = None
        self._length = 0  # of what a streaming application may read; 0 if that is not known
        self._received = 0  # octets that a streaming application was given
        self._waited = 0.0  # seconds that it waited for them
        self.began = 0.0
        self.is_streaming = self.must_ask = False
        self.kept: KeptContent | None = None

    # Before the application

    def expect(self, request: Request) -> None:
        """Get ready for the content of a request, and ask for it unless the application is to."""
        self.must_ask = request.expects_continue and not self._reader.buffered
        self.is_streaming = self._service.stream_input
        if self.is_streaming:
            self._length = request.length or 0
        else:
            settings = self._service.settings
            self._spool = BodySpool(settings.body_buffer, settings.tmp_upload_dir)
            self._ask()

    def _ask(self) -> None:
        if self.must_ask:
            self.must_ask = False
            self._wire.finish(CONTINUE)

    @property
    def is_spooling(self) -> bool:
        """Whether content is to be collected."""
        return self._spool is not None

    @property
    def deadline(self) -> float:
        """The monotonic time by which the client has to send more."""
        settings = self._service.settings
        received = 0 if self._spool is None else self._spool.size
        by_rate = self.began + settings.body_grace + received / settings.body_min_rate
        return min(time.monotonic() + settings.body_timeout, by_rate)

    def take(self, data: bytes) -> None:
        """Collect content.

        :raises ProtocolError: there is no room for it.
        """
        assert self._spool is not None
        try:
            self._spool.write(data)
        except OSError as error:
            self._service.logs.error.error("no room for a request body: %s", error)
            raise _NoRoomError(error) from error

    def close(self) -> None:
        """Drop what was collected."""
        if self._spool is not None:
            self._spool.close()

    # While the application runs

    def open(self, request: Request) -> tuple[IO[bytes], int | None]:
        """Return what the application reads the content from, and its size; None for unknown."""
        observed = self._service.observer is not None
        if self.is_streaming:
            if observed:
                self.kept = KeptContent()
            return StreamingInput(self._receive), request.length  # type: ignore[return-value]
        spool, self._spool = self._spool or BodySpool(0, None), None
        if observed:
            self.kept = KeptContent(spool.again(), spool.size)
        return spool.finish(), spool.size

    @property
    def unread(self) -> int:
        """How many octets a streaming application has not read yet, as far as that is known."""
        return max(0, self._length - self._received)

    def _receive(self) -> bytes:
        """Return the next content for a streaming application, waiting for it."""
        self._ask()
        scratch = memoryview(bytearray(65536))
        while True:
            try:
                event = self._reader.next_event()
            except ProtocolError as error:
                raise ClientDisconnected(str(error)) from error
            if type(event) is Data:
                self._received += len(event.data)
                if self.kept is not None:
                    self.kept.add(event.data)
                return event.data
            if event is not Signal.NEED_DATA:
                if self.kept is not None:
                    self.kept.complete = True
                return b""
            self._wire.readable = True
            try:
                count = self._wire.receive(scratch)
            except OSError as error:
                raise ClientDisconnected("the client is gone") from error
            if count:
                self._reader.receive(scratch[:count])
            elif count == 0:
                self._reader.receive_eof()
            else:
                self._wait()

    def _wait(self) -> None:
        """Wait in this thread; only such waits count against the client's rate.

        How long the application takes between its reads is not the client's doing.
        """
        settings = self._service.settings
        patience = settings.body_grace + self._received / settings.body_min_rate - self._waited
        began = time.monotonic()
        if not wait_for(self._wire.fd, READABLE, max(0.0, min(settings.body_timeout, patience))):
            raise ClientDisconnected("the content did not arrive in time")
        self._waited += time.monotonic() - began


class _NoRoomError(ProtocolError):
    """The body cannot be kept: 507 (RFC 4918 section 11.5) on a full disk, else 500."""

    def __init__(self, cause: OSError) -> None:
        super().__init__("the server has no room for the content")
        full = cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        self.status = 507 if full else 500
        self.reason = "Insufficient Storage" if full else "Internal Server Error"
