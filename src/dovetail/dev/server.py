"""The development server: production's engine behind the interface of the standard library's."""

from __future__ import annotations

import errno
import logging
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from functools import partial
from http.server import HTTPServer
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, NoReturn
from wsgiref.types import WSGIApplication

from dovetail.dev import console
from dovetail.dev.certificates import SslContextArgument, make_ssl_context
from dovetail.dev.console import Styled
from dovetail.dev.conversation import Conversation, Owner, ServerLog, WitnessedWire
from dovetail.dev.engine import Engine, Give, Shut
from dovetail.dev.handler import WSGIRequestHandler, make_settings
from dovetail.dev.hosts import (
    ALL_ADDRESSES,
    af_unix,
    get_interface_ip,
    get_sockaddr,
    select_address_family,
)
from dovetail.dev.workers import WorkerEnd, Workers
from dovetail.gateway.environ import Environ
from dovetail.server.addresses import UnixAddress
from dovetail.server.connection import Hooks
from dovetail.server.observation import Observer
from dovetail.server.poller import READABLE, open_poller, wait_for
from dovetail.server.service import Service
from dovetail.server.sockets import BindError, Listener, bind_all

#: Whether this system can serve in several processes.
can_fork = hasattr(os, "fork")

if TYPE_CHECKING or can_fork:
    from socketserver import ForkingMixIn
else:

    class ForkingMixIn:
        """Stands where the standard library has no such class."""


__all__ = [
    "LISTEN_QUEUE",
    "BaseWSGIServer",
    "ForkingMixIn",
    "ForkingWSGIServer",
    "ThreadedWSGIServer",
    "can_fork",
    "make_server",
]

#: How many clients the system keeps waiting until they are accepted.
LISTEN_QUEUE = 128

# As long as anybody waits who asks for no time limit.
_FOREVER = 1e6
# How long who makes the server retire waits until it has returned, too.
_RETURN_SECONDS = 1.0


class BaseWSGIServer(HTTPServer):
    """Serves an application, one request after the other.

    The application runs in the thread that calls :meth:`serve_forever`. Connections are kept
    alive; idle and slow ones keep nobody waiting.

    An address that cannot be listened on is told to the user on standard error, and ends the
    program with status 1.

    :param host: a name, an IPv4 or IPv6 address, or ``unix://PATH``.
    :param port: 0 lets the system choose; :attr:`port` says which.
    :param passthrough_errors: the application's exceptions leave :meth:`serve_forever`, for a
        debugger outside; otherwise they are logged.
    :param ssl_context: see :data:`~dovetail.dev.certificates.SslContextArgument`; None for plain
        HTTP.
    :param fd: an inherited listening socket, to be used instead of a new one.
    """

    multithread = False
    multiprocess = False
    #: Sees every request, in each process; to be set before serving.
    observer: Observer | None = None
    request_queue_size = LISTEN_QUEUE
    allow_reuse_address = True
    # Another server on the same port is to be an error.
    allow_reuse_port = False

    def __init__(  # noqa: PLR0917  the documented order
        self,
        host: str,
        port: int,
        app: WSGIApplication,
        handler: type[WSGIRequestHandler] | None = None,
        passthrough_errors: bool = False,
        ssl_context: SslContextArgument | None = None,
        fd: int | None = None,
    ) -> None:
        self.host = host
        self.port = port = _check_port(port)
        self.app = app
        self.passthrough_errors = passthrough_errors
        self.ssl_context = make_ssl_context(ssl_context)
        self.address_family: socket.AddressFamily = select_address_family(host, port)
        self._listener: Listener | None = None
        self._adopted: list[socket.socket] = []
        self._crew: Engine | Workers | None = None
        self._crew_lock = threading.Lock()  # guards the line above and the one below
        self._ending = False
        self._returned = threading.Event()
        address = get_sockaddr(host, port, self.address_family)
        super().__init__(
            address,  # type: ignore[arg-type]  # a path, for a Unix socket
            WSGIRequestHandler if handler is None else handler,
            bind_and_activate=False,
        )
        try:
            if fd is None:
                self._listen()
            else:
                self._adopt(fd)
        except BaseException:
            self.server_close()
            raise
        if self.address_family != af_unix:
            self.port = self.server_address[1]

    # The listening socket

    def _listen(self) -> None:
        try:
            self.server_bind()
            self.server_activate()
        except BindError as error:
            _exit(str(error))
        except OSError as error:
            _exit(_explain(self.host, self.port, error))

    def _adopt(self, fd: int) -> None:
        self.socket.close()
        self.socket = socket.fromfd(fd, self.address_family, socket.SOCK_STREAM)
        self.server_address = self.socket.getsockname()
        self._name()

    def server_bind(self) -> None:
        """Bind the socket, and set :attr:`server_address` to what it is bound to."""
        if self.address_family == af_unix:
            self.socket.close()
            path = str(self.server_address)
            (self._listener,) = bind_all([UnixAddress(path)], backlog=self.request_queue_size)
            self.socket = self._listener.socket
            self.socket.setblocking(True)
        else:
            socketserver.TCPServer.server_bind(self)
        self._name()

    def _name(self) -> None:
        # Not by asking the name service, which may take seconds.
        self.server_name = self.host
        unix = self.address_family == af_unix
        self.server_port = self.port if unix else self.server_address[1]

    # Serving

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Serve until :meth:`shutdown` or :meth:`retire` is called, or Ctrl-C; then close.

        :param poll_interval: how often :meth:`service_actions` is called at least, in seconds.
        """
        try:
            self._serve(self._make_crew(poll_interval), self._take_adopted)
        except KeyboardInterrupt:
            pass
        finally:
            self.server_close()
            self._returned.set()

    def handle_request(self) -> None:
        """Accept one client, and answer its first request.

        If none comes within :attr:`timeout` seconds, :meth:`handle_timeout` is called.
        """
        patience = _FOREVER if self.timeout is None else self.timeout
        if not wait_for(self.fileno(), READABLE, patience):
            self.handle_timeout()
            return
        try:
            client, _ = self.get_request()
        except OSError:
            return  # it has left already
        engine = self._make_engine(0.5)
        engine.be_last()
        try:
            self._serve(engine, lambda: [client], once=True)
        finally:
            self._returned.set()

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Answer the first request of a client that somebody else has accepted.

        ``process_request`` calls this, which programs call that listen themselves.

        :param request: the client's socket, which is closed in the end.
        """
        # Who listens himself may have closed this server's own socket.
        listener = request if self.socket.fileno() < 0 else self.socket
        engine = self._make_engine(0.5, listener=listener)
        engine.be_last()
        engine.adopt([request])
        engine.serve(once=True)

    def _serve(
        self,
        crew: Engine | Workers,
        clients: Callable[[], list[socket.socket]],
        *,
        once: bool = False,
    ) -> None:
        with self._crew_lock:
            self._returned.clear()
            self._crew = crew
            if self._ending:
                crew.stop()
            adopted = clients()
        try:
            # Not under the lock: handlers are made, which may call shutdown().
            crew.adopt(adopted)
            crew.serve(once=once)
        finally:
            with self._crew_lock:
                self._crew = None

    def shutdown(self) -> None:
        """Make :meth:`serve_forever` return, and wait until it does.

        Requests that are under way are finished. In a thread that the server would have to wait
        for, such as the application's, nothing is waited for.
        """
        crew = self._end()
        if crew is not None:
            crew.stop()
            self._wait_for(crew, None)

    def retire(
        self, grace: float, give: Give | None = None, shut: Shut | None = None
    ) -> list[socket.socket]:
        """Make :meth:`serve_forever` return without a client losing a request.

        Any thread may, but not within :meth:`service_actions`, which it would wait for.

        No further client is accepted, and the listening socket's queue is left as it is, for
        another server on the same socket. Requests that have begun to arrive are answered, what is
        under way after ``grace`` seconds is broken off, and so are connections that the application
        has taken over. Where there is one application thread, it cannot be interrupted: if it is
        still at a request, this returns all the same, but :meth:`serve_forever` does not yet.

        :param give: is called in some thread with sockets as soon as they are to be had, instead
            of all being returned in the end.
        :param shut: is called in some thread when nobody is accepted any more; not if it was not
            serving.
        :return: the sockets of clients that are connected and wait for no answer. Their next
            request is not lost: pass them to :meth:`adopt` of another server. With TLS there are
            none; such connections are closed.
        """
        crew = self._end()
        if crew is None:
            return self._take_adopted()
        released = crew.retire(grace, give, shut)
        self._wait_for(crew, _RETURN_SECONDS)
        return released

    def adopt(self, sockets: list[socket.socket]) -> list[socket.socket]:
        """Go on with what another server's :meth:`retire` has returned; any thread may.

        :return: the sockets, if this server has ended or is just about to; none if it takes them.
        """
        with self._crew_lock:
            crew = self._crew
            if crew is None and not self._ending:
                self._adopted += sockets
                return []
        return sockets if crew is None else crew.adopt(sockets)

    def _take_adopted(self) -> list[socket.socket]:
        adopted, self._adopted = self._adopted, []
        return adopted

    def _end(self) -> Engine | Workers | None:
        """Let it be the end, also if serving has not begun yet."""
        with self._crew_lock:
            self._ending = True
            return self._crew

    def _wait_for(self, crew: Engine | Workers, seconds: float | None) -> None:
        if not crew.owns(threading.current_thread()):
            self._returned.wait(seconds)

    def server_close(self) -> None:
        """Stop listening, and serving."""
        crew = self._end()
        if crew is not None:
            crew.stop()
        for sock in self._take_adopted():
            sock.close()
        super().server_close()
        if self._listener is not None:
            self._listener.close()

    # The engine

    def _make_crew(self, interval: float) -> Engine | Workers:
        return self._make_engine(interval)

    def _make_engine(
        self, interval: float, *, listener: socket.socket | None = None, **more: Any
    ) -> Engine:
        made: list[Engine] = []
        poller = open_poller()
        service = Service(
            make_settings(self.RequestHandlerClass),
            self.app,
            ServerLog(logging.getLogger(console.LOGGER)).as_logs(),
            flushes=poller.reports_owned,
            observer=self.observer,
        )
        options: dict[str, Any] = {"act": lambda _ready: self.service_actions(), **more}
        engine = Engine(
            service,
            poller,
            self.socket if listener is None else listener,
            self.ssl_context,
            partial(self._converse, service, made),
            inside=not self.multithread,
            multiprocess=self.multiprocess,
            interval=interval,
            **options,
        )
        made.append(engine)
        return engine

    def _converse(  # noqa: PLR0917  what the loop gives follows
        self,
        service: Service,
        made: list[Engine],
        sock: socket.socket,
        address: Any,
        base: Environ,
        hooks: Hooks,
    ) -> Conversation:
        """Make the connection of a client that was accepted.

        :param made: has the engine whose connection it is.
        """
        (engine,) = made
        owner = Owner(partial(self._act_on, engine, sock, address), engine.note_given)
        try:
            if not self.verify_request(sock, address):
                raise ConnectionAbortedError("the client is not to be served")
            handler: WSGIRequestHandler = self.RequestHandlerClass(sock, address, self)  # type: ignore[assignment, arg-type]
        except OSError:
            raise
        except BaseException as error:
            owner.act_on(error)
            raise ConnectionAbortedError("there is no handler for this client") from error
        flags = {"wsgi.multithread": self.multithread, "wsgi.multiprocess": self.multiprocess}
        conversation = Conversation(
            WitnessedWire(sock, service),
            service,
            hooks,
            base | flags,
            application=handler.call,
            witness=handler,
            owner=owner,
        )
        handler.attend(conversation)
        return conversation

    def _act_on(
        self, engine: Engine, sock: socket.socket, address: Any, error: BaseException
    ) -> None:
        """Act on an exception that left a request handler; it is being handled."""
        if isinstance(error, Exception):
            try:
                self.handle_error(sock, address)
            except BaseException as passed:
                error = passed
            else:
                return
        engine.fail(error)

    def handle_error(self, request: Any, client_address: tuple[str, int] | str) -> None:
        """Act on an exception that left a request handler: print it, or let it pass."""
        if self.passthrough_errors:
            raise  # noqa: PLE0704  socketserver calls this while the exception is being handled
        super().handle_error(request, client_address)

    # What is logged

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log a message that is about no request in particular.

        :param type: the level's name in lower case.
        :param args: what the message's format is filled with.
        """
        console.log(type, message, *args)

    def log_startup(self) -> None:
        """Say where the server can be reached."""
        warning = "WARNING: this server is for development; use `dovetail serve` for deployment."
        lines: list[object] = [Styled(warning, "red")]
        lines += [f" * Running on {place}" for place in self._places()]
        self.log("info", "\n".join(["%s"] * len(lines)), *lines)

    def _places(self) -> list[str]:
        if self.address_family == af_unix:
            return [self.host]
        hosts, places = [self.host], []
        if self.host in ALL_ADDRESSES:
            places.append(f"all addresses ({self.host or '0.0.0.0'})")
            loopback = "::1" if self.address_family == socket.AF_INET6 else "127.0.0.1"
            hosts = [loopback, get_interface_ip(self.address_family)]
        scheme = "http" if self.ssl_context is None else "https"
        bracketed = (f"[{host}]" if ":" in host else host for host in dict.fromkeys(hosts))
        return places + [f"{scheme}://{host}:{self.port}" for host in bracketed]


class ThreadedWSGIServer(ThreadingMixIn, BaseWSGIServer):
    """Serves requests at the same time, in as many threads as they need.

    The thread that calls :meth:`serve_forever` is none of them.
    """

    multithread = True
    daemon_threads = True


class ForkingWSGIServer(ForkingMixIn, BaseWSGIServer):
    """Serves in several processes, each of which serves one request after the other.

    They are forked when the serving begins. One that ends is replaced.

    :param processes: how many there are.
    :raises ValueError: the system cannot fork.
    """

    multiprocess = True

    def __init__(  # noqa: PLR0917  the documented order
        self,
        host: str,
        port: int,
        app: WSGIApplication,
        processes: int = 40,
        handler: type[WSGIRequestHandler] | None = None,
        passthrough_errors: bool = False,
        ssl_context: SslContextArgument | None = None,
        fd: int | None = None,
    ) -> None:
        if not can_fork:
            raise ValueError("this system cannot fork: serve in threads instead")
        super().__init__(host, port, app, handler, passthrough_errors, ssl_context, fd)
        self.max_children = processes

    def _make_crew(self, interval: float) -> Engine | Workers:
        return Workers(
            max(1, self.max_children),
            partial(self._make_worker, interval),
            log=self.log,
            act=self.service_actions,
            interval=interval,
        )

    def _make_worker(self, interval: float, line: WorkerEnd) -> Engine:
        """Return the engine of a forked process."""
        # Another thread of the parent may have held it.
        self._crew_lock = threading.Lock()
        engine = self._make_engine(interval, act=line.obey, watched=[line.fileno()])
        self._crew = line.engine = engine
        return engine


def make_server(  # noqa: PLR0917  the documented order
    host: str,
    port: int,
    app: WSGIApplication,
    threaded: bool = False,
    processes: int = 1,
    request_handler: type[WSGIRequestHandler] | None = None,
    passthrough_errors: bool = False,
    ssl_context: SslContextArgument | None = None,
    fd: int | None = None,
) -> BaseWSGIServer:
    """Return a server that listens, but does not serve yet.

    :param threaded: serve requests at the same time, in threads.
    :param processes: more than one: serve in so many processes.
    :raises ValueError: both are asked for.

    The other parameters are those of :class:`BaseWSGIServer`.
    """
    if threaded and processes > 1:
        raise ValueError("a server has either several threads or several processes, not both")
    rest = request_handler, passthrough_errors, ssl_context, fd
    if threaded:
        return ThreadedWSGIServer(host, port, app, *rest)
    if processes > 1:
        return ForkingWSGIServer(host, port, app, processes, *rest)
    return BaseWSGIServer(host, port, app, *rest)


def _check_port(port: int) -> int:
    number = int(port)
    if not 0 <= number <= 65535:
        # A look-up would take the number modulo 65536.
        raise OverflowError(f"the port must be 0 to 65535, not {number}")
    return number


def _explain(host: str, port: int, error: OSError) -> str:
    place = f"cannot listen on {f'[{host}]' if ':' in host else host}:{port}"
    if error.errno == errno.EACCES:
        return f"{place}: permission denied; choose a port above 1023"
    if error.errno != errno.EADDRINUSE:
        message = f"{place}: {error.strerror or error}"
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            message += "; use an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all"
        return message
    message = f"{place}: the port is in use; stop the program that uses it or choose another port"
    if sys.platform == "darwin" and port == 5000:
        message += " (on macOS it may be the AirPlay Receiver, which System Settings can turn off)"
    return message


def _exit(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(1)
