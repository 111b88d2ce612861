"""One client's connection in the development server.

It is the production server's connection on the production server's loop, with one difference: a
witness, the request handler, is told what happens, and takes each request to the application.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, NoReturn, Protocol, cast
from wsgiref.types import WSGIApplication

from dovetail.gateway import ApplicationError
from dovetail.gateway.environ import Environ
from dovetail.http1 import ProtocolError, Request
from dovetail.server.connection import Connection, Hooks
from dovetail.server.logs import Logs
from dovetail.server.phases import Phase, Step
from dovetail.server.service import Service
from dovetail.server.wire import Wire

__all__ = ["Conversation", "Owner", "ServerLog", "Witness", "WitnessedWire"]


class Witness(Protocol):
    """Whom a conversation tells what happens in it: the request handler."""

    #: No request is to follow the current one.
    close_connection: bool

    def handle(self) -> None:
        """Take the request that has arrived to the application, by ``Conversation.answer``."""

    def finish(self) -> None:
        """The connection is closed."""

    def responding(self, status: int) -> None:
        """The head of a response is about to go out; called once for each response."""

    def refused(self, request: Request | None, error: ProtocolError) -> None:
        """A request, of which perhaps not even the head is known, is about to be refused."""

    def failed(self, text: str, error: BaseException | None) -> None:
        """The application broke a rule, or raised."""

    def handshake_failed(self, error: OSError) -> None:
        """TLS could not be agreed on."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What the server does about its conversations."""

    #: Act on an exception that left the witness; called while it is being handled.
    act_on: Callable[[BaseException], None]
    #: Take note that the application has a socket for itself.
    note_given: Callable[[Any], None]


class ServerLog:
    """What a connection needs of the server's logs: the requests' lines are the handler's."""

    access_enabled = False

    def __init__(self, error: logging.Logger) -> None:
        self.error = error

    def as_logs(self) -> Logs:
        """Return this as what :class:`dovetail.server.service.Service` takes."""
        return cast(Logs, self)


class WitnessedWire(Wire):
    """A wire that says beforehand that it is going to send, and that can be given away."""

    __slots__ = ("before_sending", "given", "lost", "witness")

    before_sending: Callable[[], None]
    witness: Witness
    lost: OSError | None
    #: The application has the socket, also when its request is over.
    given: bool

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

    def disconnect(self) -> None:
        """See :class:`dovetail.server.wire.Wire`."""
        if not self.given:
            super().disconnect()

    def close(self) -> None:
        """See :class:`dovetail.server.wire.Wire`."""
        if self.given:
            self.gone = True
            self.outbox.clear()
        else:
            super().close()

    def _lose(self, error: OSError) -> NoReturn:
        self.lost = error
        super()._lose(error)


class Conversation(Connection):
    """A connection whose requests are taken to the application by a witness.

    :param application: what :meth:`answer` calls.
    """

    __slots__ = ("_announced", "_body", "_last", "_owner", "_witness")

    wire: WitnessedWire

    def __init__(
        self,
        wire: WitnessedWire,
        service: Service,
        hooks: Hooks,
        base: Environ,
        *,
        application: WSGIApplication,
        witness: Witness,
        owner: Owner,
    ) -> None:
        wire.before_sending = self._before_sending
        wire.witness = self._witness = witness
        wire.lost = None
        wire.given = False
        self._owner = owner
        self._last = False
        super().__init__(wire, service, hooks, base)
        self._application = application

    @property
    def request(self) -> Request:
        """The current request."""
        assert self._request is not None
        return self._request

    @property
    def pending(self) -> bool:
        """Whether there is a request that ``answer`` was not called for."""
        return self.phase is Phase.QUEUED

    @property
    def aborted(self) -> bool:
        """Whether the response was broken off."""
        return self._exchange is not None and self._exchange.aborted

    @property
    def content(self) -> IO[bytes]:
        """The current request's content: what the application gets as ``wsgi.input``."""
        return self._open_body(self.request)[0]

    def run(self) -> None:
        """Have the witness handle the complete request; see :class:`Connection`."""
        # What it is now: tests, among others, replace it.
        self._base["wsgi.errors"] = sys.stderr
        witness = self._witness
        try:
            witness.handle()
        except BaseException as error:  # SystemExit too: it must not end the server's thread
            self._last = True
            self._owner.act_on(error)
        if self.pending:
            # Somebody has overridden run_wsgi, and has answered through wfile, if at all.
            self._last = True
            self._start_flushing()
        self._last = self._last or witness.close_connection

    def answer(self) -> None:
        """Take the current request through the application, and send its response."""
        super().run()

    def take_over(self) -> tuple[Any, bytes]:
        """Give the connection to the application for good; it is ``environ["dovetail.detach"]``.

        The socket is blocking, nothing was sent on it, and it is the application's to close. Unlike
        with an upgrade, it stays open when the application returns.

        :return: the socket, or what is used as one, and the octets that have arrived behind the
            request.
        :raises ApplicationError: the response has begun, or it is too late.
        """
        exchange = self._exchange
        if exchange is None or self.phase is not Phase.RUNNING or exchange.detached:
            raise ApplicationError("a connection can be taken once, while its request is handled")
        exchange.detach()
        self._hooks.forget(self)
        self.wire.given = True
        self._owner.note_given(self.wire.sock)
        return self.wire.hand_over(), self._reader.take_buffer()

    def close(self) -> None:
        """See :class:`Connection`."""
        if self.phase is Phase.CLOSED:
            return
        super().close()
        if self._body is not None:
            self._body[0].close()
        self._part()

    def surrender(self) -> Any:
        """See :class:`Connection`."""
        sock = super().surrender()
        if sock is not None:
            self._part()
        return sock

    def _part(self) -> None:
        try:
            self._witness.finish()
        except Exception as error:
            self._owner.act_on(error)

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

    def _response_sent(self) -> None:
        super()._response_sent()
        if self._last and self.phase is Phase.READING:
            self._hang_up()

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

    @property
    def _detached_status(self) -> int:  # type: ignore[override]
        return 200 if self.wire.given else 101
