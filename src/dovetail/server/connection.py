"""One client's connection: its phases, from the accept to the close."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
from collections.abc import Callable
from typing import IO

from dovetail.gateway import (
    ClientDisconnected,
    Exchange,
    RequestRecord,
    UpgradeSocket,
    build_environ,
    refuse_unservable,
)
from dovetail.gateway.environ import Environ
from dovetail.http1 import (
    Data,
    EndOfMessage,
    ProtocolError,
    Request,
    RequestReader,
    RequestTimeout,
    Signal,
    dump_refusal,
)
from dovetail.server.duplex import DuplexTlsSocket
from dovetail.server.intake import Intake
from dovetail.server.logs import AccessEntry
from dovetail.server.observation import Observation
from dovetail.server.phases import Ownership, Phase, Step
from dovetail.server.poller import READABLE, wait_for
from dovetail.server.service import Service
from dovetail.server.wire import LOOKS, Wire

__all__ = ["Connection", "Hooks"]

# How often a connection may be read before others get their turn.
_READS = 16
# A client that was refused, or told that the connection closes, may still be sending. Closing with
# octets unread would reset the connection and take the answer away from it (RFC 9112 section 9.6),
# so they are read and dropped: for so many seconds, and so many octets.
_LINGER_SECONDS = 5.0
_LINGER_OCTETS = 64 << 20
# How much content that a streaming application left unread is read to save the connection.
_UNREAD_OCTETS = 256 << 10
# So many seconds after it came, a client that has not asked for anything is expected to do so.
_YOUNG_SECONDS = 1.0


class Hooks:
    """What a connection tells the loop."""

    def __init__(
        self,
        forget: Callable[[Connection], None],
        detach: Callable[[Connection], None],
    ) -> None:
        #: It is about to be closed.
        self.forget = forget
        #: The application takes its socket.
        self.detach = detach


class Connection:
    """A client's connection.

    Its owner, one thread at a time, calls ``advance``, ``run``, ``expire`` and ``close``. Of its
    wire, other threads may use what is said to be for any thread.

    :param base: the part of the environ that its requests share.
    """

    __slots__ = (
        "_answered",
        "_application",
        "_base",
        "_closing",
        "_complete",
        "_discarded",
        "_environ",
        "_exchange",
        "_hooks",
        "_idle",
        "_intake",
        "_reader",
        "_record",
        "_request",
        "_service",
        "_started",
        "_started_epoch",
        "_young_until",
        "deadline",
        "ownership",
        "phase",
        "wire",
    )

    def __init__(self, wire: Wire, service: Service, hooks: Hooks, base: Environ) -> None:
        self.wire = wire
        self._service = service
        self._application = service.application
        self._hooks = hooks
        self._base = base
        self.phase = Phase.HANDSHAKE if wire.tls else Phase.READING
        self.ownership = Ownership.IDLE
        now = time.monotonic()
        #: Monotonic time at which ``expire`` is due.
        self.deadline = now + service.settings.header_timeout
        self._young_until = now + _YOUNG_SECONDS
        self._reader = RequestReader(service.limits)
        self._intake = Intake(wire, self._reader, service)
        self._idle = False  # between two requests
        self._closing = False  # close when the outbox is empty
        self._reset()

    def _reset(self) -> None:
        """Forget the current request."""
        self._request: Request | None = None
        self._exchange: Exchange | None = None
        self._environ: Environ | None = None
        self._intake.reset()
        self._started = self._started_epoch = 0.0
        self._answered = False  # the response is out, and logged
        self._discarded = 0
        self._record: RequestRecord | None = None
        self._complete = 0.0  # when the content was, for an observer only

    @property
    def has_more(self) -> bool:
        """Whether octets behind the current request have arrived already."""
        return self._reader.buffered > 0

    @property
    def at_rest(self) -> bool:
        """Whether it can be left: nothing of a next request was read, so anybody could go on.

        With TLS nobody else can. Then no request may be there, or on its way as the first one.
        """
        if self.phase is not Phase.READING or self._reader.started or self.wire.hung_up:
            return False
        if not self.wire.tls:
            return True
        is_young = not self._idle and time.monotonic() < self._young_until
        return not (is_young or wait_for(self.wire.fd, READABLE, 0.0))

    # What its owner does

    def advance(self, scratch: memoryview) -> Step:
        """Do all that can be done without waiting and without the application.

        :param scratch: the calling thread's buffer to receive into.
        """
        try:
            if self.phase is Phase.HANDSHAKE:
                if not self.wire.shake_hands():
                    return Step.WAIT
                self.phase = Phase.READING
            if self.phase is Phase.FLUSHING and not self._flush():
                return Step.WAIT
            if self.phase is Phase.READING:
                return self._read(scratch)
            if self.phase is Phase.LINGERING:
                return self._linger(scratch)
        except OSError:
            self.close()  # the client broke off: there is nobody to tell
        return Step.RUN if self.phase is Phase.QUEUED else Step.CLOSED

    def run(self) -> None:
        """Take the complete request through the application, in an application thread."""
        request = self._request
        assert request is not None
        self.phase = Phase.RUNNING
        self.deadline = math.inf
        self._exchange = exchange = Exchange(
            request,
            self.wire,
            date=self._service.date,
            report=self._report,
            may_keep_alive=self._may_keep_alive,
        )
        body, length = self._open_body(request)
        self._record = record = RequestRecord(fields=request.fields, received=self._started)
        environ = build_environ(
            self._base,
            request,
            body=body,
            length=length,
            record=record,
            early_hints=exchange.early_hints,
        )
        self._environ = environ
        if request.upgrade:
            environ["werkzeug.socket"] = environ["gunicorn.socket"] = UpgradeSocket(self._detach)
        observer = self._service.observer
        if observer is not None:
            record.complete = self._complete
            record.called = time.monotonic()
            observer.calling(environ)
        exchange.run(self._application, environ)
        # Half a line that was printed must not become the beginning of the next request's.
        self._base["wsgi.errors"].flush()
        with contextlib.suppress(OSError):
            body.close()
        if exchange.status_code == 500 and record.error is None:
            self._report_status()
        if observer is None:
            record.error = None
        if exchange.detached:
            self.wire.disconnect()
        if exchange.detached or exchange.aborted:
            self.close()
            return
        self._start_flushing()

    def expire(self) -> Step:
        """Act on a deadline that has passed."""
        if self.phase is Phase.READING and self._reader.started and not self._answered:
            try:
                return self._refuse(RequestTimeout("the request did not arrive in time"))
            except ClientDisconnected:
                pass
        elif self.phase is Phase.FLUSHING:
            patience = self._service.settings.write_timeout
            if self.wire.client_idle() < patience:
                self.deadline = time.monotonic() + patience / LOOKS
                return Step.WAIT
        elif self.phase is Phase.READING:
            self.wire.say_goodbye()
        self.close()
        return Step.CLOSED

    def close(self) -> None:
        """Close the socket and drop everything."""
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        self._hooks.forget(self)
        self.wire.close()
        self._intake.close()
        if self._exchange is not None and not self._answered:
            detached = self._exchange.detached
            status = self._detached_status if detached else self._exchange.status_code
            self._log(status, self._exchange.content_length)
            self._conclude(status, aborted=not detached)

    def surrender(self) -> socket.socket | None:
        """Give the socket of a connection at rest to somebody who goes on with it.

        :return: None if nobody can: the state of TLS does not leave the process. It is closed.
        """
        if self.wire.tls:
            self.wire.say_goodbye()
            self.close()
            return None
        self.phase = Phase.CLOSED
        self._hooks.forget(self)
        return self.wire.sock

    # Reading

    def _read(self, scratch: memoryview) -> Step:
        try:
            for _ in range(_READS):
                step = self._take_events()
                if step is not None:
                    return step
                count = self.wire.receive(scratch)
                if count is None:
                    return Step.WAIT
                if count:
                    self._reader.receive(scratch[:count])
                else:
                    self._reader.receive_eof()
                if self._idle:
                    self._idle = False
                    self.deadline = time.monotonic() + self._service.settings.header_timeout
        except ProtocolError as error:
            return self._refuse(error)
        return Step.MORE

    def _take_events(self) -> Step | None:
        """Take what the reader has; None if it needs more octets."""
        while True:
            event = self._reader.next_event()
            if event is Signal.NEED_DATA:
                return None
            if type(event) is Data:
                if not self._take_content(event.data):
                    return Step.MORE
            elif type(event) is Request:
                self._begin(event)
                if self._intake.is_streaming:
                    return self._queue()
            elif type(event) is EndOfMessage:
                if not self._answered:
                    return self._queue()
            elif event is Signal.PAUSED:
                self._next_request()
            else:
                self.close()
                return Step.CLOSED

    def _begin(self, request: Request) -> None:
        """Take up a request whose head has arrived."""
        self._request = request
        self._idle = False
        self._started = self._intake.began = time.monotonic()
        if self._service.logs.access_enabled:
            self._started_epoch = time.time()
        refuse_unservable(request)
        if request.length != 0:
            self._intake.expect(request)
            self.deadline = self._intake.deadline

    def _take_content(self, data: bytes) -> bool:
        """Keep content for the application; False if the connection is not worth reading it."""
        if not self._intake.is_spooling:
            # The application has answered without reading it.
            self._discarded += len(data)
            if self._discarded > _UNREAD_OCTETS:
                self._hang_up()
                return False
            return True
        self._intake.take(data)
        self.deadline = self._intake.deadline
        return True

    def _queue(self) -> Step:
        if self._service.observer is not None and not self._intake.is_streaming:
            self._complete = time.monotonic()
        self.phase = Phase.QUEUED
        self.deadline = math.inf
        return Step.RUN

    def _next_request(self) -> None:
        self._reader.next_request()
        self._reset()
        self._idle = True
        self.deadline = time.monotonic() + self._service.settings.keep_alive

    def _refuse(self, error: ProtocolError) -> Step:
        """Answer with the error's status and close; nothing behind it is looked at."""
        if self._answered:
            self._hang_up()  # only unread content was malformed
            return Step.MORE
        service, request = self._service, self._request
        client = self._base["REMOTE_ADDR"] or "a client"
        service.logs.error.debug("refused %s: %d %s", client, error.status, error)
        octets = dump_refusal(
            error.status,
            error.reason,
            str(error),
            date=service.date(),
            content=request is None or request.method != "HEAD",
        )
        self._closing = True
        self._log(error.status, len(octets) - octets.index(b"\r\n\r\n") - 4)
        self.wire.finish(octets)
        self._start_flushing()
        return Step.MORE

    # Around the application

    def _may_keep_alive(self) -> bool:
        if self._service.settings.keep_alive <= 0:
            return False
        if self._intake.must_ask or self._intake.unread > _UNREAD_OCTETS:
            return False  # whether the client sends it is not known, or it is too much to pass over
        # While draining, pipelined requests that have arrived are still answered.
        return not self._service.draining or self.has_more

    def _open_body(self, request: Request) -> tuple[IO[bytes], int | None]:
        return self._intake.open(request)

    #: What is logged for a request whose application took the socket.
    _detached_status = 101

    def _detach(self) -> tuple[socket.socket | DuplexTlsSocket, bytes]:
        """Hand the socket to the application."""
        assert self._exchange is not None
        self._exchange.detach()
        self._hooks.detach(self)
        return self.wire.hand_over(), self._reader.take_buffer()

    def _report(self, text: str, error: BaseException | None) -> None:
        request, record = self._request, self._record
        assert request is not None
        assert record is not None
        if error is not None:
            record.error = error
        self._service.logs.error.error(
            "%s: %s %s (id %s, route %s, %.1f ms, client %s)",
            text,
            request.method,
            request.target,
            record.id,
            record.route or "-",
            (time.monotonic() - record.received) * 1000,
            self._base["REMOTE_ADDR"] or "-",
            exc_info=error,
        )

    def _report_status(self) -> None:
        """Tie a 500 to its request. Why it is one, the application has told others, if anybody."""
        self._report("the application answered with status 500", None)

    # Behind the response

    def _start_flushing(self) -> None:
        self.phase = Phase.FLUSHING
        if self.wire.outbox:
            self.wire.watch_client()
            self.deadline = time.monotonic() + self._service.settings.write_timeout / LOOKS

    def _flush(self) -> bool:
        """Send what waits; True if the connection has moved on to another phase."""
        # PERF: nearly always everything is sent by now, and a lock can be saved.
        if self.wire.outbox and not self.wire.flush():
            return False
        self._response_sent()
        return True

    def _response_sent(self) -> None:
        """Everything is with the kernel: go on to the next request, or close."""
        request, exchange = self._request, self._exchange
        if self._closing or request is None or exchange is None:
            self._hang_up()
            return
        self._answered = True
        self._log(exchange.status_code, exchange.content_length)
        self._conclude(exchange.status_code, aborted=False)
        if exchange.keep_alive:
            self.phase = Phase.READING
            self.deadline = self._intake.deadline
        elif request.keep_alive or self.has_more or self._intake.is_streaming:
            self._hang_up()
        else:
            self.wire.say_goodbye()
            self.close()

    def _hang_up(self) -> None:
        """Close our side and drop what the client is still sending."""
        self.wire.shut()
        self.phase = Phase.LINGERING
        self._discarded = 0
        self.deadline = time.monotonic() + _LINGER_SECONDS

    def _linger(self, scratch: memoryview) -> Step:
        for _ in range(_READS):
            count = self.wire.receive(scratch)
            if count is None:
                return Step.WAIT
            self._discarded += count
            if not count or self._discarded > _LINGER_OCTETS:
                self.close()
                return Step.CLOSED
        return Step.MORE

    def _conclude(self, status: int, *, aborted: bool) -> None:
        """Show the request, whose response is finished or broken off, to the observer."""
        observer, kept, environ = self._service.observer, self._intake.kept, self._environ
        if observer is None or kept is None or environ is None:
            return
        request, record, exchange = self._request, self._record, self._exchange
        assert request is not None
        assert record is not None
        assert exchange is not None
        with kept:
            observer.answered(
                Observation(
                    request=request,
                    record=record,
                    environ=environ,
                    status=status,
                    fields=exchange.fields,
                    content_length=exchange.content_length,
                    content=kept.open(),
                    content_size=kept.size,
                    content_complete=kept.complete,
                    finished=time.monotonic(),
                    aborted=aborted,
                )
            )
        # The frames of its traceback hold this connection, among others.
        record.error = self._intake.kept = None

    def _log(self, status: int, length: int) -> None:
        logs = self._service.logs
        if not logs.access_enabled:
            return
        request, exchange = self._request, self._exchange
        now = time.monotonic()
        logs.access(
            AccessEntry(
                remote_addr=self._base["REMOTE_ADDR"],
                remote_port=int(self._base["REMOTE_PORT"] or 0),
                method="" if request is None else request.method,
                target="" if request is None else request.target,
                protocol="" if request is None else request.version,
                status=status,
                response_length=length,
                duration=now - (self._started or now),
                started=self._started_epoch or time.time(),
                request_fields=[] if request is None else request.fields,
                response_fields=[] if exchange is None else exchange.fields,
                pid=os.getpid(),
                environ=self._environ,
            )
        )
