"""One client's connection in the development server.

It is the production server's connection, with its parsing, limits and deadlines; only that here one
thread does everything for it in turn, where there many threads share a loop.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from typing import IO, NoReturn, Protocol, cast

from dovetail.gateway.environ import Environ
from dovetail.http1 import ProtocolError, Request
from dovetail.server.connection import Connection, Hooks, Phase, Step
from dovetail.server.logs import Logs
from dovetail.server.poller import READABLE, WRITABLE, wait_for
from dovetail.server.service import Service
from dovetail.server.wire import Wire

__all__ = ["Conversation", "ServerLog", "Witness", "WitnessedWire"]

_LONGEST_WAIT = 3600.0
# How long a client that has had its last response is waited for until it closes, in seconds. Not as
# long as in production: others may be waiting for this very thread or process.
_LINGER_SECONDS = 0.5


class Witness(Protocol):
    """Whom a conversation tells what happens in it: the request handler."""

    def responding(self, status: int) -> None:
        """The head of a response is about to go out; called once for each response."""

    def refused(self, request: Request | None, error: ProtocolError) -> None:
        """A request, of which perhaps not even the head is known, is about to be refused."""

    def failed(self, text: str, error: BaseException | None) -> None:
        """The application broke a rule, or raised."""

    def handshake_failed(self, error: OSError) -> None:
        """TLS could not be agreed on."""


class ServerLog:
    """What a connection needs of the server's logs: the requests' lines are the handler's."""

    access_enabled = False

    def __init__(self, error: logging.Logger) -> None:
        self.error = error

    def as_logs(self) -> Logs:
        """Return this as what :class:`dovetail.server.service.Service` takes."""
        return cast(Logs, self)


class WitnessedWire(Wire):
    """A wire that says beforehand that it is going to send."""

    __slots__ = ("before_sending", "lost", "witness")

    before_sending: Callable[[], None]
    witness: Witness
    lost: OSError | None

    def send(self, *pieces: bytes) -> None:
        """See :class:`dovetail.server.wire.Wire`."""
        self.before_sending()
        super().send(*pieces)

    def finish(self, *pieces: bytes) -> None:
        """See :class:`dovetail.server.wire.Wire`."""
        self.before_sending()
        super().finish(*pieces)

    def shake_hands(self) -> bool:
        """See :class:`dovetail.server.wire.Wire`."""
        try:
            return super().shake_hands()
        except OSError as error:
            self.witness.handshake_failed(error)
            raise

    def _lose(self, error: OSError) -> NoReturn:
        self.lost = error
        super()._lose(error)


class Conversation(Connection):
    """A connection that its thread drives: ``receive_request``, ``run``, and so on in turn."""

    __slots__ = ("_announced", "_body", "_scratch", "_witness")

    wire: WitnessedWire

    def __init__(
        self, wire: WitnessedWire, service: Service, witness: Witness, base: Environ
    ) -> None:
        wire.before_sending = self._before_sending
        wire.witness = self._witness = witness
        wire.lost = None
        self._scratch = memoryview(bytearray(65536))
        super().__init__(wire, service, Hooks(_ignore, _ignore), base)

    @property
    def request(self) -> Request:
        """The current request."""
        assert self._request is not None
        return self._request

    @property
    def pending(self) -> bool:
        """Whether there is a request that ``run`` was not called for."""
        return self.phase is Phase.QUEUED

    @property
    def aborted(self) -> bool:
        """Whether the response was broken off."""
        return self._exchange is not None and self._exchange.aborted

    @property
    def content(self) -> IO[bytes]:
        """The current request's content: what the application gets as ``wsgi.input``."""
        return self._open_body(self.request)[0]

    def receive_request(self) -> bool:
        """Wait for a complete request, behind all that is left of the one before.

        :return: False if there is none: the connection is closed.
        """
        while True:
            self.wire.readable = True
            step = self.advance(self._scratch)
            if step is Step.WAIT and not self._wait():
                step = self.expire()
            if step is Step.RUN:
                return True
            if step is Step.CLOSED:
                return False

    def conclude(self) -> None:
        """Send what the client takes at once of what is left, and close."""
        with contextlib.suppress(OSError):
            self.wire.flush()
        self.wire.say_goodbye()
        self.close()

    def drain(self) -> None:
        """Let the current request be the last one; any thread may call this."""
        self._service.draining = True
        if self.phase in (Phase.HANDSHAKE, Phase.READING) and not self._reader.started:
            self.wire.disconnect()  # which wakes the thread that waits there

    def _wait(self) -> bool:
        """Wait for the client; False if it took too long."""
        news = WRITABLE if self.phase is Phase.FLUSHING else READABLE
        left = self.deadline - time.monotonic()
        return wait_for(self.wire.fd, news, max(0.0, min(left, _LONGEST_WAIT)))

    # What the connection would do for the server's logs

    def _reset(self) -> None:
        super()._reset()
        self._announced = False
        self._body: tuple[IO[bytes], int | None] | None = None

    def _open_body(self, request: Request) -> tuple[IO[bytes], int | None]:
        if self._body is None:
            self._body = super()._open_body(request)
        return self._body

    def _before_sending(self) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.status_code:
            self._log(exchange.status_code, 0)

    def _log(self, status: int, length: int) -> None:  # noqa: ARG002  the documented line has none
        if not self._announced and status:
            self._announced = True
            self._witness.responding(status)

    def _hang_up(self) -> None:
        super()._hang_up()
        if not self._closing:  # nothing was refused, so there is no upload to be expected
            self.deadline = time.monotonic() + _LINGER_SECONDS

    def _refuse(self, error: ProtocolError) -> Step:
        if not self._answered:
            self._witness.refused(self._request, error)
        return super()._refuse(error)

    def _report(self, text: str, error: BaseException | None) -> None:
        if error is not None and self._record is not None:
            self._record.error = error
        self._witness.failed(text, error)

    def _report_status(self) -> None:
        """Do nothing: the request's line has the status."""


def _ignore(_connection: Connection) -> None:
    """There is no loop that would have to know."""
