"""The request handler: what an application's authors can override of the development server."""

from __future__ import annotations

import io
import socket
import ssl
import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from typing import IO, Any, Protocol
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from dovetail import __version__
from dovetail.data.urls import uri_to_iri
from dovetail.dev import console
from dovetail.dev.console import Styled
from dovetail.dev.conversation import Conversation
from dovetail.dev.peers import PEER, Peer
from dovetail.dev.places import NEWS
from dovetail.http1 import ProtocolError, Request
from dovetail.server.controls import escape_lines
from dovetail.server.settings import Settings

__all__ = ["WSGIRequestHandler", "connection_dropped_errors", "make_settings"]

#: What a connection that breaks off raises.
connection_dropped_errors: tuple[type[Exception], ...] = (
    ConnectionError,
    TimeoutError,
    ssl.SSLEOFError,
)


class Host(Protocol):
    """What a handler needs of its server, a :class:`dovetail.dev.server.BaseWSGIServer`."""

    app: WSGIApplication
    passthrough_errors: bool

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log a message that is about no request in particular."""


class WSGIRequestHandler(BaseHTTPRequestHandler):
    """Takes the requests of one connection, one after the other, to the server's application.

    The messages are read and written by the same engine as in production. Override the documented
    methods to change what is logged, the environ, or what is done around a request.

    There is one for each connection: :meth:`setup` is called when it was accepted, :meth:`handle`
    for each request that has arrived completely, and :meth:`finish` when it is closed. In between
    it holds no thread.
    """

    server: Host  # type: ignore[assignment]  # the class itself would be a circle
    #: Host and port, or an empty text for a Unix socket.
    client_address: Any
    #: Of "HTTP/1.0", each connection carries one request, and no response is chunked.
    protocol_version = "HTTP/1.1"
    #: The environ of the current request, once the application is about to be called.
    environ: WSGIEnvironment

    _passed: BaseException | None = None
    # The engine's environ, while make_environ() completes it.
    _received: WSGIEnvironment | None = None

    # The life of a connection

    def __init__(self, request: socket.socket, client_address: Any, server: Any) -> None:
        if isinstance(server, BaseServer) and not hasattr(server, "retire"):
            # It would expect the handler to read from the socket by itself.
            raise TypeError(
                "this request handler needs a server made by make_server(), or one of a class "
                f"derived from BaseWSGIServer, not {type(server).__name__}"
            )
        self.request, self.client_address, self.server = request, client_address, server
        self.setup()

    def setup(self) -> None:
        """Get ready for the first request."""
        self.connection = self.request
        self.requestline = self.command = self.path = ""
        self.request_version = self.default_request_version
        self.close_connection = False
        self.wfile = _ResponseFile(self._send)

    def attend(self, conversation: Conversation) -> None:
        """Take the requests of this conversation; the server calls this."""
        self._conversation = conversation
        self._peer = Peer(conversation.wire.sock)

    def _send(self, octets: bytes) -> None:
        self._conversation.wire.send(octets)

    def handle(self) -> None:
        """Handle the request that has arrived; that the connection is dropped is no error."""
        try:
            self.handle_one_request()
        except connection_dropped_errors as error:
            self.close_connection = True
            self.connection_dropped(error, getattr(self, "environ", None))

    def handle_one_request(self) -> None:
        """Handle the request that has arrived."""
        self._describe(self._conversation.request)
        getattr(self, f"do_{self.command}")()

    def finish(self) -> None:
        """Take note that the connection is closed."""
        self.wfile.close()

    @property
    def rfile(self) -> IO[bytes]:  # type: ignore[override]  # it is one for each request
        """The current request's content, which is ``wsgi.input``, too."""
        return self._conversation.content

    def _describe(self, request: Request) -> None:
        """Set the attributes that a BaseHTTPRequestHandler has during a request."""
        self.command, self.path = request.method, request.target
        self.request_version = request.version
        self.requestline = f"{request.method} {request.target} {request.version}"
        self._headers: HTTPMessage | None = None

    @property
    def headers(self) -> HTTPMessage:  # type: ignore[override]
        """The current request's header fields."""
        # PERF: made when it is asked for, which is rare: it takes 2 us a field.
        if self._headers is None:
            self._headers = HTTPMessage()
            for name, value in self._conversation.request.fields:
                self._headers[name.title()] = value
        return self._headers

    def __getattr__(self, name: str) -> Any:
        # BaseHTTPRequestHandler calls do_GET for a GET: here, every method is the application's.
        if name.startswith("do_"):
            return self.run_wsgi
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # Around the application

    def run_wsgi(self) -> None:
        """Call the application for the current request, and send its response."""
        self._passed = None
        if self.protocol_version == "HTTP/1.0":
            # As responses were then: none is chunked, the connection's end is theirs.
            self._conversation.request.version = self.protocol_version
        self._conversation.answer()
        lost = self._conversation.wire.lost
        if lost is not None and self._conversation.aborted:
            self.connection_dropped(lost, self.environ)
        if self._passed is not None:
            error, self._passed = self._passed, None
            raise error

    def make_environ(self) -> WSGIEnvironment:
        """Return the current request's environ.

        :raises RuntimeError: there is no request: the environ is made while ``run_wsgi`` runs.
        """
        if self._received is None:
            raise RuntimeError("the environ is made while run_wsgi runs, not before")
        environ = self._received
        environ["SERVER_PROTOCOL"] = self.request_version
        environ["SERVER_SOFTWARE"] = self.server_version
        environ["REMOTE_ADDR"] = self.address_string()
        environ["REMOTE_PORT"] = str(self.port_integer())
        # With an upgrade there is a stand-in already that takes the socket over when it is used.
        environ.setdefault("werkzeug.socket", self.connection)
        if isinstance(self.connection, ssl.SSLSocket):
            certificate = self.connection.getpeercert(binary_form=True)
            if certificate is not None:
                environ["SSL_CLIENT_CERT"] = ssl.DER_cert_to_PEM_cert(certificate)
        return environ

    def call(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Be the application that the engine calls."""
        environ["dovetail.detach"] = self._conversation.take_over
        environ[PEER] = self._peer
        self._received = environ
        try:
            self.environ = self.make_environ()
        finally:
            self._received = None
        return self.server.app(self.environ, self._naming(start_response))

    def _naming(self, start_response: StartResponse) -> StartResponse:
        """Return a ``start_response`` that adds this server's name."""

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            if not any(name.lower() == "server" for name, _ in headers):
                headers = [*headers, ("Server", self.version_string())]
            return start_response(status, headers, exc_info)

        return start

    @property
    def server_version(self) -> str:  # type: ignore[override]
        """The server's name and version."""
        return f"Dovetail/{__version__}"

    def connection_dropped(
        self, error: BaseException, environ: WSGIEnvironment | None = None
    ) -> None:
        """Take note that the client went away; by default, nothing is done.

        :param environ: the request's, if its application was called.
        """

    # Where the client is

    def address_string(self) -> str:
        """Return the client's address, ``<local>`` for a Unix socket."""
        client = _inet(self.client_address)
        return client[0] if client else "<local>"

    def port_integer(self) -> int:
        """Return the client's port, 0 for a Unix socket."""
        client = _inet(self.client_address)
        return client[1] if client else 0

    # What is logged

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log a request and the status of its response, as the response's head goes out."""
        code = code.value if isinstance(code, HTTPStatus) else code
        line = self.requestline
        if self.path:
            line = f"{self.command} {_readable(self.path)} {self.request_version}"
        line = console.escape(line)
        colour = _colour(str(code))
        self.log("info", '"%s" %s %s', Styled(line, colour) if colour else line, code, size)

    def log_error(self, format: str, *args: Any) -> None:
        """Log that something is wrong with a request."""
        self.log("error", format, *args)

    def log_message(self, format: str, *args: Any) -> None:
        """Log anything else."""
        self.log("info", format, *args)

    def log(self, type: str, message: str, *args: Any) -> None:
        """Log a message about this connection, with the client's address and the time.

        :param type: the level's name in lower case.
        :param args: what the message's format is filled with.
        """
        if not args:
            message = message.replace("%", "%%")
        place = self.address_string(), self.log_date_time_string()
        console.log(type, f"%s - - [%s] {message}", *place, *args)

    # What the conversation tells (see Witness)

    def responding(self, status: int) -> None:
        """Log the request; the server calls this before the head of the response goes out."""
        # One of our own pages asks for it each second.
        if status != HTTPStatus.OK or not self.path.startswith(f"{NEWS}?"):
            self.log_request(status)

    def refused(self, request: Request | None, error: ProtocolError) -> None:
        """Log a refused request; the server calls this."""
        if request is None:
            self.requestline, self.command, self.path = "-", "", ""
        else:
            self._describe(request)
        self.log_error("code %d, message %s", error.status, error)

    def failed(self, text: str, error: BaseException | None) -> None:
        """Log the application's failure, or keep it to be raised; the server calls this."""
        if error is None:
            self.server.log("error", "%s", text)
        elif self.server.passthrough_errors or not isinstance(error, Exception):
            self._passed = error
        else:
            self.server.log("error", "Error on request:\n%s", _format_failure(error))

    def handshake_failed(self, error: OSError) -> None:
        """Log that TLS could not be agreed on; the server calls this."""
        self.log_error("TLS failed: %s", error)


def make_settings(handler: Any) -> Settings:
    """Return the settings that a class of request handlers asks for."""
    # Whoever looks at a request in a debugger, at either end, needs his time.
    patience: dict[str, Any] = dict.fromkeys(("body_timeout", "body_grace", "write_timeout"), 300.0)
    timeout: float | None = getattr(handler, "timeout", None)
    if timeout is not None:
        patience |= {"header_timeout": timeout, "keep_alive": timeout}
    if getattr(handler, "protocol_version", "HTTP/1.1") == "HTTP/1.0":
        patience["keep_alive"] = 0.0
    return Settings(access_log=None, **patience)


class _ResponseFile(io.BufferedIOBase):
    """``wfile``, for who overrides ``run_wsgi`` and answers by ``send_response``."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        octets = bytes(data)
        self._send(octets)
        return len(octets)


def _inet(address: Any) -> tuple[str, int] | None:
    """Return host and port of a TCP address, None of a Unix one."""
    if isinstance(address, tuple) and len(address) >= 2:
        return str(address[0]), int(address[1])
    return None


def _format_failure(error: BaseException) -> str:
    """Return the traceback, without the server's own frames above the application's."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame.f_globals.get("__name__", "")):
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace or error.__traceback__)
    # A client may have a part in the messages, and must not write to the terminal.
    return escape_lines("".join(lines)).rstrip("\n")


def _is_ours(module: str) -> bool:
    return module.startswith(("dovetail.dev.", "dovetail.gateway."))


def _readable(target: str) -> str:
    """Return a request's target as it is to be read."""
    try:
        return uri_to_iri(target)
    except ValueError:  # //[x is a path in a request, and a malformed host elsewhere
        return target


def _colour(code: str) -> str | None:
    if code == "304":
        return "cyan"
    if code == "404":
        return "yellow"
    return {"3": "green", "4": "red", "5": "magenta"}.get(code[:1])
