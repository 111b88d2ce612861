from __future__ import annotations

import http.client
import re
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from tests.dev.live import PATIENCE, connect, exchange, get, hello, read_to_end, serving

from dovetail import __version__
from dovetail.dev.handler import WSGIRequestHandler, connection_dropped_errors
from dovetail.dev.server import BaseWSGIServer

pytestmark = pytest.mark.network

REQUEST = b"GET /a%20b?c=d HTTP/1.1\r\nHost: test:99\r\nX-One: 1\r\nX-Two: 2\r\n\r\n"


def test_it_is_a_request_handler() -> None:
    assert issubclass(WSGIRequestHandler, BaseHTTPRequestHandler)
    assert ConnectionError in connection_dropped_errors
    assert TimeoutError in connection_dropped_errors


def test_a_server_of_another_kind(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        HTTPServer(("127.0.0.1", 0), WSGIRequestHandler) as server,
        socket.create_connection(("127.0.0.1", server.server_port), PATIENCE) as sock,
    ):
        server.handle_request()
        assert read_to_end(sock) == b""
    assert "needs a server made by make_server()" in capsys.readouterr().err


def test_the_environ() -> None:
    seen: dict[str, Any] = {}

    def note(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        seen.update(environ)
        assert environ["werkzeug.socket"].getpeername()[0] == "127.0.0.1"
        return hello(environ, start_response)

    with serving(note, threaded=True) as server:
        exchange(server, REQUEST)
    assert seen["SERVER_SOFTWARE"] == f"Dovetail/{__version__}"
    assert seen["SERVER_NAME"] == "127.0.0.1"
    assert seen["SERVER_PORT"] == str(server.port)
    assert seen["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert seen["REMOTE_PORT"].isdigit()
    assert seen["REQUEST_METHOD"] == "GET"
    assert seen["SCRIPT_NAME"] == ""
    assert seen["PATH_INFO"] == "/a b"
    assert seen["QUERY_STRING"] == "c=d"
    assert seen["REQUEST_URI"] == seen["RAW_URI"] == "/a%20b?c=d"
    assert seen["HTTP_HOST"] == "test:99"
    assert seen["HTTP_X_ONE"] == "1"
    assert seen["wsgi.url_scheme"] == "http"
    assert seen["wsgi.multithread"] is True
    assert seen["wsgi.multiprocess"] is False
    assert seen["wsgi.run_once"] is False
    assert isinstance(seen["werkzeug.socket"], socket.socket)


def test_attributes_during_a_request() -> None:
    seen: dict[str, Any] = {}

    class Handler(WSGIRequestHandler):
        def run_wsgi(self) -> None:
            seen.update(vars(self), headers=self.headers)
            super().run_wsgi()
            seen["environ"] = self.environ

    with serving(request_handler=Handler) as server:
        exchange(server, REQUEST)
    assert seen["command"] == "GET"
    assert seen["path"] == "/a%20b?c=d"
    assert seen["request_version"] == "HTTP/1.1"
    assert seen["requestline"] == "GET /a%20b?c=d HTTP/1.1"
    assert seen["headers"]["x-ONE"] == "1"
    assert isinstance(seen["headers"], http.client.HTTPMessage)
    assert seen["client_address"][0] == "127.0.0.1"
    assert seen["server"] is server
    assert seen["close_connection"] is False
    assert seen["environ"]["PATH_INFO"] == "/a b"


def test_make_environ_can_be_overridden() -> None:
    seen: dict[str, Any] = {}

    class Handler(WSGIRequestHandler):
        def make_environ(self) -> WSGIEnvironment:
            environ = super().make_environ()
            return {**environ, "REMOTE_USER": "somebody"}

        def address_string(self) -> str:
            return "proxied"

        def port_integer(self) -> int:
            return super().port_integer() * 0 + 7

    def note(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        seen.update(environ)
        return hello(environ, start_response)

    with serving(note, request_handler=Handler) as server:
        exchange(server, REQUEST)
    assert seen["REMOTE_USER"] == "somebody"
    assert seen["REMOTE_ADDR"] == "proxied"
    assert seen["REMOTE_PORT"] == "7"


def test_make_environ_outside_of_a_request() -> None:
    class Handler(WSGIRequestHandler):
        def run_wsgi(self) -> None:
            with pytest.raises(RuntimeError, match="while run_wsgi runs"):
                self.make_environ()
            super().run_wsgi()

    with serving(request_handler=Handler) as server:
        assert get(server)[0] == 200


def test_what_is_logged_can_be_overridden(lines: list[str]) -> None:
    calls: list[tuple[Any, ...]] = []

    class Handler(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            calls.append(("request", code, size))
            self.log_message("%s of %s", "message", "mine")

        def log_error(self, format: str, *args: Any) -> None:  # noqa: A002
            calls.append(("error", format % args))
            super().log_error(format, *args)

        def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
            calls.append(("log", type, message % args))
            super().log(type, message, *args)

    with serving(request_handler=Handler) as server:
        exchange(server, REQUEST)
        exchange(server, b"nonsense\r\n\r\n")
    assert calls == [
        ("request", 200, "-"),
        ("log", "info", "message of mine"),
        ("error", "code 400, message malformed request line"),
        ("log", "error", "code 400, message malformed request line"),
        ("request", 400, "-"),
        ("log", "info", "message of mine"),
    ]
    assert lines[0].endswith("] message of mine")
    assert re.match(r"INFO 127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4} \d\d:\d\d:\d\d\] ", lines[0])


def test_a_request_is_logged_before_its_response_is_sent() -> None:
    logged = threading.Event()

    class Handler(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            logged.set()

    def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        start_response("200 OK", [])
        assert not logged.is_set()
        yield b"one"
        assert logged.is_set()

    with serving(slow, request_handler=Handler) as server:
        assert exchange(server, REQUEST).endswith(b"\r\n\r\n3\r\none\r\n0\r\n\r\n")


class Quiet(WSGIRequestHandler):
    """A handler without a connection, for what needs none."""

    def __init__(self) -> None:
        self.client_address = ("192.0.2.7", 1234)
        self.requestline, self.command = "GET /%C3%A4 HTTP/1.1", "GET"
        self.path, self.request_version = "/%C3%A4", "HTTP/1.1"


def test_log_request(lines: list[str]) -> None:
    handler = Quiet()
    for code in (200, 302, 304, 404, 405, 500, HTTPStatus.OK, "-"):
        handler.log_request(code)
    handler.log_request(200, 12)
    assert [line.partition("] ")[2] for line in lines] == [
        *(f'"GET /ä HTTP/1.1" {code} -' for code in (200, 302, 304, 404, 405, 500, 200, "-")),
        '"GET /ä HTTP/1.1" 200 12',
    ]


@pytest.mark.parametrize("path", ["//[x", "//h:99999/", "//h:x/"])
def test_log_of_a_path_that_looks_like_a_host(path: str, lines: list[str]) -> None:
    handler = Quiet()
    handler.path = path
    handler.log_request(200)
    assert [line.partition("] ")[2] for line in lines] == [f'"GET {path} HTTP/1.1" 200 -']


def test_messages_with_percent_signs(lines: list[str]) -> None:
    handler = Quiet()
    handler.log("info", "100% sure")
    handler.log_message("%d%%", 50)
    handler.log_error("code %d", 400)
    assert [line.partition("] ")[2] for line in lines] == ["100% sure", "50%", "code 400"]
    assert lines[2].startswith("ERROR 192.0.2.7 - - [")


def test_where_the_client_is() -> None:
    handler = Quiet()
    assert handler.address_string() == "192.0.2.7"
    assert handler.port_integer() == 1234
    handler.client_address = ""  # a Unix socket's
    assert handler.address_string() == "<local>"
    assert handler.port_integer() == 0


def test_methods_are_the_applications() -> None:
    handler = Quiet()
    assert handler.do_GET == handler.run_wsgi
    assert getattr(handler, "do_FOO-BAR") == handler.run_wsgi
    with pytest.raises(AttributeError, match="'Quiet' object has no attribute 'other'"):
        handler.other  # noqa: B018


def test_a_method_of_ones_own(lines: list[str]) -> None:
    class Handler(WSGIRequestHandler):
        def do_HEALTH(self) -> None:  # noqa: N802
            content = self.rfile.read()
            self.send_response(204, "Fine")
            self.send_header("X-Content", content.decode())
            self.end_headers()

    with serving(request_handler=Handler, threaded=True) as server:
        reply = exchange(server, b"HEALTH / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        assert get(server, method="OTHER")[2] == b"hello"
    assert reply.startswith(b"HTTP/1.1 204 Fine\r\nServer: Dovetail/")
    assert reply.endswith(b"X-Content: hi\r\n\r\n")
    assert lines[0].endswith('"HEALTH / HTTP/1.1" 204 -')


def test_the_servers_name() -> None:
    assert Quiet().server_version == f"Dovetail/{__version__}"
    assert Quiet().version_string().startswith(f"Dovetail/{__version__} Python/")

    class Handler(WSGIRequestHandler):
        server_version = "Mine/1.0"
        sys_version = ""

    def named(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        assert environ["SERVER_SOFTWARE"] == "Mine/1.0"
        fields = [("sErver", "The application's")] if environ["PATH_INFO"] == "/own" else []
        start_response("200 OK", fields)
        return [b""]

    with serving(named, request_handler=Handler) as server:
        assert get(server)[1]["server"].strip() == "Mine/1.0"
        assert get(server, "/own")[1]["server"] == "The application's"


def test_a_connection_that_drops() -> None:
    dropped: list[tuple[BaseException, Any]] = []
    gone, told = threading.Event(), threading.Event()

    class Handler(WSGIRequestHandler):
        def connection_dropped(
            self, error: BaseException, environ: WSGIEnvironment | None = None
        ) -> None:
            dropped.append((error, environ))
            told.set()

    def endless(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        start_response("200 OK", [])
        yield b"first"
        assert gone.wait(PATIENCE)
        while True:
            yield b"x" * 65536

    with serving(endless, request_handler=Handler) as server:
        sock = connect(server)
        sock.sendall(REQUEST)
        sock.recv(10)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        sock.close()
        gone.set()
        assert told.wait(PATIENCE)
    ((error, environ),) = dropped
    assert isinstance(error, connection_dropped_errors)
    assert environ["PATH_INFO"] == "/a b"


def test_that_it_drops_is_no_error_by_default() -> None:
    assert Quiet().connection_dropped(ConnectionResetError()) is None  # type: ignore[func-returns-value]


def test_handle_ignores_dropped_connections() -> None:
    dropped: list[BaseException] = []

    class Handler(WSGIRequestHandler):
        def handle_one_request(self) -> None:
            raise BrokenPipeError("gone")

        def connection_dropped(
            self, error: BaseException, environ: WSGIEnvironment | None = None
        ) -> None:
            dropped.append(error)

        def handle(self) -> None:
            super().handle()
            dropped.append(StopIteration())

    with serving(request_handler=Handler, threaded=True) as server:
        assert exchange(server, REQUEST) == b""
    assert [type(error) for error in dropped] == [BrokenPipeError, StopIteration]


def test_a_timeout_of_ones_own() -> None:
    class Handler(WSGIRequestHandler):
        timeout = 0.05

    clients: list[socket.socket] = []

    def arrive(server: BaseWSGIServer) -> None:
        """Be there before anybody is accepted: the time is too short for what comes later."""
        clients.extend(connect(server) for _ in range(2))
        clients[1].sendall(b"GET / HT")

    with serving(request_handler=Handler, threaded=True, prepare=arrive):
        idle, slow = clients
        with idle, slow:
            assert read_to_end(idle) == b""
            assert read_to_end(slow).startswith(b"HTTP/1.1 408 ")


def test_taking_the_socket_over() -> None:
    def echo(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        sock = environ["werkzeug.socket"]
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        sock.sendall(sock.recv(100).upper())
        return []

    head = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
    with serving(echo, threaded=True) as server, connect(server) as sock:
        sock.sendall(head)
        assert sock.recv(4096) == b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
        sock.sendall(b"hello")
        assert read_to_end(sock) == b"HELLO"


def test_printing_to_wsgi_errors(capsys: pytest.CaptureFixture[str]) -> None:
    def complain(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        print("something is odd", file=environ["wsgi.errors"])
        return hello(environ, start_response)

    with serving(complain) as server:
        exchange(server, REQUEST)
    assert capsys.readouterr().err == "something is odd\n"
