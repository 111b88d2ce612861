"""The development server: its listening socket, and a thread or a process for each client."""

from __future__ import annotations

import errno
import os
import socket
import socketserver
import ssl
import sys
import threading
from http.server import HTTPServer
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, NoReturn
from wsgiref.types import WSGIApplication

from dovetail.dev import console
from dovetail.dev.certificates import generate_adhoc_ssl_context, load_ssl_context
from dovetail.dev.console import Styled
from dovetail.dev.conversation import Conversation
from dovetail.dev.handler import WSGIRequestHandler
from dovetail.dev.hosts import af_unix, get_interface_ip, get_sockaddr, select_address_family
from dovetail.dev.lobby import Lobby
from dovetail.server.addresses import UnixAddress
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
    "SslContextArgument",
    "ThreadedWSGIServer",
    "can_fork",
    "make_server",
]

#: How many clients the system keeps waiting until they are accepted.
LISTEN_QUEUE = 128

#: "adhoc" for a certificate made on the spot, the paths of a certificate and its key, or a context.
SslContextArgument = ssl.SSLContext | tuple[str, str | None] | str

_ALL_ADDRESSES = ("0.0.0.0", "::", "")


class BaseWSGIServer(HTTPServer):
    """Serves an application, one client after the other.

    An address that cannot be listened on is told to the user on standard error, and ends the
    program with status 1.

    :param host: a name, an IPv4 or IPv6 address, or ``unix://PATH``.
    :param port: 0 lets the system choose; :attr:`port` says which.
    :param passthrough_errors: the application's exceptions leave :meth:`serve_forever`, for a
        debugger outside; otherwise they are logged.
    :param ssl_context: see :data:`SslContextArgument`; None for plain HTTP.
    :param fd: an inherited listening socket, to be used instead of a new one.
    """

    multithread = False
    multiprocess = False
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
        self.ssl_context = _make_context(ssl_context)
        self.address_family: socket.AddressFamily = select_address_family(host, port)
        self._listener: Listener | None = None
        self._lobby: Lobby | None = None
        self._conversations: set[Conversation] = set()
        self._conversations_lock = threading.Lock()
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

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a client. TLS is agreed on later, where it cannot keep other clients waiting."""
        lobby = self._lobby
        sock, address = super().get_request() if lobby is None else lobby.take()
        if self.ssl_context is None:
            return sock, address
        try:
            sock.getpeername()  # raises if the client has left: such a socket cannot be wrapped
            return (
                self.ssl_context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False),
                address,
            )
        except (OSError, ValueError) as error:
            sock.close()
            raise ConnectionAbortedError("the client left at once") from error

    def fileno(self) -> int:
        """Return the descriptor to wait for; while one client after the other is served, it stands
        for those who have connected already, too.
        """
        return super().fileno() if self._lobby is None else self._lobby.fileno()

    # Serving

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Serve until :meth:`shutdown` is called in another thread, or Ctrl-C; then close.

        :param poll_interval: how often to look whether it is to stop, in seconds.
        """
        if Lobby.is_possible() and not (self.multithread or self.multiprocess):
            self._lobby = Lobby(self.socket)
        try:
            super().serve_forever(poll_interval=poll_interval)
        except KeyboardInterrupt:
            pass
        finally:
            lobby, self._lobby = self._lobby, None
            if lobby is not None:
                lobby.close()
            self.server_close()

    def server_close(self) -> None:
        """Stop listening, and close the connections on which no request is under way."""
        super().server_close()
        if self._listener is not None:
            self._listener.close()
        with self._conversations_lock:
            open_ones = list(self._conversations)
        for conversation in open_ones:
            conversation.drain()

    def enter(self, conversation: Conversation) -> None:
        """Take note that a connection is open; the handler calls this."""
        with self._conversations_lock:
            self._conversations.add(conversation)

    def leave(self, conversation: Conversation) -> None:
        """Take note that a connection is about to be closed; the handler calls this."""
        with self._conversations_lock:
            self._conversations.discard(conversation)

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
        if self.host in _ALL_ADDRESSES:
            places.append(f"all addresses ({self.host or '0.0.0.0'})")
            loopback = "::1" if self.address_family == socket.AF_INET6 else "127.0.0.1"
            hosts = [loopback, get_interface_ip(self.address_family)]
        scheme = "http" if self.ssl_context is None else "https"
        bracketed = (f"[{host}]" if ":" in host else host for host in dict.fromkeys(hosts))
        return places + [f"{scheme}://{host}:{self.port}" for host in bracketed]


class ThreadedWSGIServer(ThreadingMixIn, BaseWSGIServer):
    """Serves each client in a thread of its own."""

    multithread = True
    daemon_threads = True


class ForkingWSGIServer(ForkingMixIn, BaseWSGIServer):
    """Serves each client in a process of its own, forked for one request.

    :param processes: how many there may be at a time; further clients wait.
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

    def process_request(self, request: Any, client_address: Any) -> None:
        """Fork a process for a client."""
        # What waits in the buffers would be printed by both.
        _flush()
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Handle a client; the process ends behind it."""
        try:
            super().finish_request(request, client_address)
        finally:
            # It ends by os._exit, which loses what was printed into a pipe or a file.
            _flush()


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

    :param threaded: a thread for each client.
    :param processes: more than one: so many processes at most, one for each client.
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


def _make_context(given: SslContextArgument | None) -> ssl.SSLContext | None:
    if given is None or isinstance(given, ssl.SSLContext):
        return given
    if given == "adhoc":
        return generate_adhoc_ssl_context()
    if isinstance(given, tuple):
        return load_ssl_context(*given)
    raise TypeError(
        "ssl_context is 'adhoc', the paths of a certificate and a key, or an ssl.SSLContext, "
        f"not {given!r}"
    )


def _explain(host: str, port: int, error: OSError) -> str:
    place = f"cannot listen on {f'[{host}]' if ':' in host else host}:{port}"
    if error.errno != errno.EADDRINUSE:
        return f"{place}: {error.strerror or error}"
    message = f"{place}: the port is in use; stop the program that uses it or choose another port"
    if sys.platform == "darwin" and port == 5000:
        message += " (on macOS it may be the AirPlay Receiver, which System Settings can turn off)"
    return message


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _exit(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(1)
