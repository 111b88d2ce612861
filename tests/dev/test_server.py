from __future__ import annotations

import contextlib
import http.client
import os
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.validate import validator

import pytest
from tests.applications.deployment import wait_until
from tests.dev.live import PATIENCE, connect, exchange, get, hello, read_to_end, serving

from dovetail.dev import server as server_module
from dovetail.dev.certificates import make_ssl_devcert
from dovetail.dev.handler import WSGIRequestHandler
from dovetail.dev.server import (
    LISTEN_QUEUE,
    BaseWSGIServer,
    ForkingMixIn,
    ForkingWSGIServer,
    ThreadedWSGIServer,
    can_fork,
    make_server,
)

pytestmark = pytest.mark.network

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
LAST_REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


def test_kinds_of_servers() -> None:
    kinds: list[tuple[type[BaseWSGIServer], dict[str, Any]]] = [
        (BaseWSGIServer, {}),
        (ThreadedWSGIServer, {"threaded": True}),
        (ForkingWSGIServer, {"processes": 3}),
    ]
    for kind, options in kinds:
        with make_server("127.0.0.1", 0, hello, **options) as server:
            assert type(server) is kind
            assert isinstance(server, HTTPServer)
            assert server.multithread is ("threaded" in options)
            assert server.multiprocess is ("processes" in options)
    assert ForkingMixIn is socketserver.ForkingMixIn
    assert issubclass(ForkingWSGIServer, ForkingMixIn)
    assert issubclass(ThreadedWSGIServer, socketserver.ThreadingMixIn)
    assert ThreadedWSGIServer.daemon_threads is True
    assert can_fork is True


def test_attributes() -> None:
    with make_server("localhost", 0, hello) as server:
        assert server.app is hello
        assert server.host == server.server_name == "localhost"
        assert server.port == server.server_port == server.socket.getsockname()[1] > 0
        assert server.server_address == ("127.0.0.1", server.port)
        assert server.address_family is socket.AF_INET
        assert server.request_queue_size == LISTEN_QUEUE == 128
        assert server.allow_reuse_address is True
        assert server.ssl_context is None
        assert server.passthrough_errors is False
        assert server.RequestHandlerClass is WSGIRequestHandler
        assert server.timeout is None
        assert server.fileno() == server.socket.fileno()
    assert server.socket.fileno() == -1


def test_number_of_processes() -> None:
    with ForkingWSGIServer("127.0.0.1", 0, hello) as server:
        assert server.max_children == 40
    with make_server("127.0.0.1", 0, hello, processes=3) as server:
        assert isinstance(server, ForkingWSGIServer)
        assert server.max_children == 3
    for processes in (1, 0, -1):
        with make_server("127.0.0.1", 0, hello, processes=processes) as one:
            assert type(one) is BaseWSGIServer


def test_threads_and_processes_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        make_server("127.0.0.1", 0, hello, threaded=True, processes=2)


def test_a_system_that_cannot_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "can_fork", False)
    with pytest.raises(ValueError, match="cannot fork"):
        make_server("127.0.0.1", 0, hello, processes=2)


@pytest.mark.parametrize("threaded", [False, True])
def test_a_request(threaded: bool, lines: list[str]) -> None:
    with serving(threaded=threaded) as server:
        status, fields, content = get(server, "/a?b=c")
    assert (status, content) == (200, b"hello")
    assert fields["content-length"] == "5"
    assert fields["server"].startswith("Dovetail/")
    assert fields["date"].endswith("GMT")
    (line,) = lines
    assert line.startswith("INFO 127.0.0.1 - - [")
    assert line.endswith('] "GET /a?b=c HTTP/1.1" 200 -')


@pytest.mark.parametrize("threaded", [False, True])
def test_connections_are_kept_alive(threaded: bool, lines: list[str]) -> None:
    with serving(threaded=threaded) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        for number in range(3):
            client.request("GET", f"/{number}")
            response = client.getresponse()
            assert response.read() == b"hello"
            assert not response.will_close
        client.close()
    assert len(lines) == 3


def test_http_1_0_is_asked_for_by_the_handler() -> None:
    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.0"

    with serving(threaded=True, request_handler=Handler) as server, connect(server) as sock:
        sock.sendall(REQUEST)
        assert b"\r\nConnection: close\r\n" in read_to_end(sock)


@pytest.mark.parametrize("threaded", [False, True])
def test_http_1_0_has_no_chunks(threaded: bool) -> None:
    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.0"

    def stream(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield from (b"one ", environ["SERVER_PROTOCOL"].encode(), b" three")

    with (
        serving(stream, threaded=threaded, request_handler=Handler) as server,
        connect(server) as sock,
    ):
        sock.sendall(LAST_REQUEST)
        head, _, content = read_to_end(sock).partition(b"\r\n\r\n")
    assert content == b"one HTTP/1.1 three"
    assert b"\r\nTransfer-Encoding:" not in head


def test_threads_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=PATIENCE)

    def meet(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        both.wait()
        return hello(environ, start_response)

    statuses: list[int] = []
    with serving(meet, threaded=True) as server:
        clients = [
            threading.Thread(target=lambda: statuses.append(get(server)[0])) for _ in range(2)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join(PATIENCE)
    assert statuses == [200, 200]


def test_one_client_after_the_other_in_the_serving_thread() -> None:
    threads = []

    def note(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        threads.append(threading.current_thread())
        return hello(environ, start_response)

    with serving(note) as server:
        get(server)
        get(server)
    assert len(set(threads)) == 1


def test_a_spare_connection_keeps_nobody_waiting() -> None:
    with serving() as server:
        with connect(server) as spare, connect(server) as left:
            left.close()
            assert get(server)[0] == 200
            spare.sendall(LAST_REQUEST)
            assert read_to_end(spare).endswith(b"hello")
        forgotten = connect(server)
        assert get(server)[0] == 200
    assert read_to_end(forgotten) == b""  # closed with the server
    forgotten.close()


def test_handle_request_takes_one(lines: list[str]) -> None:
    with make_server("127.0.0.1", 0, hello) as server:
        with connect(server) as sock:
            sock.sendall(REQUEST)
            sock.shutdown(socket.SHUT_WR)
            server.handle_request()
            assert read_to_end(sock).endswith(b"\r\n\r\nhello")
        server.timeout = 0.01
        timeouts = []
        server.handle_timeout = lambda: timeouts.append(1)  # type: ignore[method-assign]
        server.handle_request()
    assert timeouts == [1]
    assert len(lines) == 1


@pytest.mark.parametrize("threaded", [False, True])
def test_clients_that_somebody_else_has_accepted(threaded: bool) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        make_server("127.0.0.1", 0, hello, threaded=threaded) as server,
    ):
        server.socket.close()
        for _ in range(2):
            with socket.create_connection(listener.getsockname(), PATIENCE) as sock:
                # Who may ask for more is waited for until he has closed his side.
                sock.sendall(LAST_REQUEST)
                server.process_request(*listener.accept())
                assert read_to_end(sock).endswith(b"\r\n\r\nhello")


def test_the_server_can_be_stopped_and_closed_twice() -> None:
    with serving() as server:
        assert get(server)[0] == 200
    server.server_close()
    server.server_close()


def test_closing_ends_idle_connections() -> None:
    with serving(threaded=True) as server:
        fresh, used = connect(server), connect(server)
        used.sendall(REQUEST)
        assert b"hello" in used.recv(4096)
    for sock in (fresh, used):
        assert read_to_end(sock) == b""
        sock.close()


def test_closing_lets_a_request_finish() -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        entered.set()
        assert leave.wait(PATIENCE)
        return hello(environ, start_response)

    with serving(wait, threaded=True) as server:
        sock = connect(server)
        sock.sendall(REQUEST)
        assert entered.wait(PATIENCE)
    leave.set()
    reply = read_to_end(sock)
    sock.close()
    assert reply.endswith(b"\r\n\r\nhello")
    assert b"\r\nConnection: close\r\n" in reply


def test_the_environ_follows_pep_3333() -> None:
    with serving(validator(hello), threaded=True) as server:
        assert get(server, "/a%20b?c=d")[0] == 200


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ],
)
def test_hostile_requests(octets: bytes, status: int, lines: list[str]) -> None:
    with serving() as server:
        reply = exchange(server, octets)
        assert get(server)[0] == 200
    assert reply.startswith(b"HTTP/1.1 %d " % status)
    assert lines[0].startswith("ERROR 127.0.0.1")
    assert f"code {status}, message " in lines[0]
    assert lines[1].endswith(f" {status} -")
    assert lines[2].endswith(" 200 -")


def test_log_lines_cannot_be_forged(lines: list[str]) -> None:
    with serving() as server:
        exchange(server, b"GET /%0d%0aforged%1b[2J HTTP/1.1\r\nHost: a\r\n\r\n")
    (line,) = lines
    assert "\n" not in line
    assert "\x1b" not in line


def test_chunked_content() -> None:
    seen: dict[str, Any] = {}

    def read(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        seen.update(environ, content=environ["wsgi.input"].read())
        return hello(environ, start_response)

    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(read) as server:
        assert b" 200 " in exchange(server, head + b"5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n")
    assert seen["content"] == b"helloabc"
    assert seen["CONTENT_LENGTH"] == "8"
    assert seen["wsgi.input_terminated"] is True
    assert "HTTP_TRANSFER_ENCODING" not in seen


def test_expect_100_continue() -> None:
    def read(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    with serving(read) as server, connect(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n")
        sock.sendall(b"Expect: 100-continue\r\n\r\n")
        assert sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hello")
        assert read_to_end(sock).endswith(b"\r\n\r\nhello")


def test_a_client_that_leaves_in_the_middle_of_its_request(lines: list[str]) -> None:
    with serving() as server:
        exchange(server, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
        with connect(server):
            pass
        assert get(server)[0] == 200
    assert "code 400" in lines[0]


def test_many_pipelined_requests() -> None:
    with serving(threaded=True) as server:
        reply = exchange(server, REQUEST * 20)
    assert reply.count(b"HTTP/1.1 200 OK") == 20


def test_a_big_response_that_is_read_slowly() -> None:
    content = os.urandom(1 << 20) * 4

    def big(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [content]

    with serving(big) as server:
        assert exchange(server, REQUEST).endswith(content)


def test_who_ends_a_thread_of_the_server_is_told(lines: list[str]) -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        if environ["PATH_INFO"] == "/exit":
            sys.exit("enough")
        return hello(environ, start_response)

    with serving(app, threaded=True) as server:
        assert get(server, "/exit")[0] == 500
        assert get(server)[0] == 200
        # The thread tells of its end when the client has its answer.
        wait_until(lambda: any("SystemExit: enough" in line for line in lines), "it is told")
    assert any("has ended a request" in line and "SystemExit: enough" in line for line in lines)


# Addresses


def test_ipv6() -> None:
    with make_server("::1", 0, hello) as server:
        assert server.address_family is socket.AF_INET6
        assert server.server_address[:2] == ("::1", server.port)


def test_a_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with make_server("127.0.0.1", 0, hello) as server:
        with pytest.raises(SystemExit) as stop:
            make_server("127.0.0.1", server.port, hello)
        assert stop.value.code == 1
        said = capsys.readouterr().err
        assert f"cannot listen on 127.0.0.1:{server.port}: the port is in use" in said
        assert "choose another port" in said


def test_the_usual_suspect_on_macos(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    error = OSError(98, "Address already in use")
    monkeypatch.setattr(
        socketserver.TCPServer, "server_bind", lambda self: (_ for _ in ()).throw(error)
    )
    with pytest.raises(SystemExit):
        make_server("127.0.0.1", 5000, hello)
    assert "AirPlay" in capsys.readouterr().err


def test_a_port_that_is_not_for_everybody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = PermissionError(13, "Permission denied")
    monkeypatch.setattr(
        socketserver.TCPServer, "server_bind", lambda self: (_ for _ in ()).throw(error)
    )
    with pytest.raises(SystemExit):
        make_server("127.0.0.1", 80, hello)
    assert "127.0.0.1:80: permission denied; choose a port above 1023" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["192.0.2.1", "host.invalid"])
def test_an_address_of_another_machine(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        make_server(host, 0, hello)
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert f"cannot listen on {host}:0: " in said
    assert "use an address of this machine, such as 127.0.0.1" in said


def test_a_port_that_is_none() -> None:
    for port in (65536, -1):
        with pytest.raises(OverflowError, match="0 to 65535"):
            make_server("127.0.0.1", port, hello)


def test_unix_socket(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "app.sock"
    seen: dict[str, Any] = {}

    def note(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        seen.update(environ)
        return hello(environ, start_response)

    with serving(note, f"unix://{path}") as server:
        assert server.host == f"unix://{path}"
        assert str(server.server_address) == str(path)
        assert server.port == server.server_port == 0
        assert server.address_family is socket.AF_UNIX
        assert exchange(server, REQUEST).endswith(b"hello")
        server.log_startup()
    assert seen["REMOTE_ADDR"] == "<local>"
    assert seen["REMOTE_PORT"] == "0"
    assert seen["SERVER_NAME"] == "test"
    assert lines[0].startswith("INFO <local> - - [")
    assert lines[-1].endswith(f" * Running on unix://{path}")
    assert not path.exists()


def test_a_unix_socket_that_nobody_listens_on_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    with serving(host=f"unix://{path}") as server:
        assert exchange(server, REQUEST).endswith(b"hello")


def test_a_unix_socket_in_use_and_a_file_in_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "app.sock"
    with make_server(f"unix://{path}", 0, hello):
        with pytest.raises(SystemExit):
            make_server(f"unix://{path}", 0, hello)
        assert "address in use" in capsys.readouterr().err
    path.write_text("precious")
    with pytest.raises(SystemExit):
        make_server(f"unix://{path}", 0, hello)
    assert path.read_text() == "precious"


def test_an_inherited_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with serving(fd=listener.fileno()) as server:
            assert server.port == port
            assert get(server)[0] == 200
        assert listener.fileno() >= 0  # it is still the parent's
    with pytest.raises(OSError, match="descriptor"):
        make_server("127.0.0.1", 0, hello, fd=9999)


def test_log_startup(lines: list[str]) -> None:
    for host in ("127.0.0.1", "localhost", "0.0.0.0"):
        with make_server(host, 0, hello) as server:
            server.log_startup()
        (said,) = lines
        assert "for development" in said
        if host == "0.0.0.0":
            assert " * Running on all addresses (0.0.0.0)\n" in said
            assert f" * Running on http://127.0.0.1:{server.port}\n" in said
            assert said.count(" * Running on http://") == 2
        else:
            assert said.endswith(f"\n * Running on http://{host}:{server.port}")
        lines.clear()
    with make_server("::1", 0, hello, ssl_context="adhoc") as server:
        server.log_startup()
    assert lines[0].endswith(f" * Running on https://[::1]:{server.port}")


def test_log(lines: list[str]) -> None:
    with make_server("127.0.0.1", 0, hello) as server:
        server.log("warning", "%s happened", "something")
        server.log("info", "100%")
    assert lines == ["WARNING something happened", "INFO 100%"]


# Errors


def fail(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    raise ValueError("the application's fault")


def fail_late(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
    start_response("200 OK", [])
    yield b"some"
    raise ValueError("the application's fault")


@pytest.mark.parametrize("threaded", [False, True])
def test_an_application_that_fails(threaded: bool, lines: list[str]) -> None:
    with serving(fail, threaded=threaded) as server:
        status, _, content = get(server)
        assert get(server)[0] == 500
    assert status == 500
    assert b"fault" not in content
    error = next(line for line in lines if line.startswith("ERROR"))
    assert error.startswith("ERROR Error on request:\nTraceback (most recent call last):\n")
    assert error.endswith("\nValueError: the application's fault")
    assert "dovetail" not in error  # the application's frames only
    assert any(line.endswith('"GET / HTTP/1.1" 500 -') for line in lines)


def test_an_application_that_fails_in_the_middle_of_its_response(lines: list[str]) -> None:
    with serving(fail_late) as server:
        reply = exchange(server, REQUEST)
    assert reply.endswith(b"\r\n\r\n4\r\nsome\r\n")  # without the last chunk: it is cut short
    assert lines[0].endswith(" 200 -")
    assert "ValueError" in lines[1]


def test_an_application_that_sends_too_much(lines: list[str]) -> None:
    def much(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        return [b"hello"]

    with serving(much) as server:
        assert exchange(server, REQUEST).endswith(b"\r\n\r\nhe")
    assert any("more than its Content-Length" in line for line in lines)


@pytest.mark.parametrize("app", [fail, fail_late])
def test_errors_that_are_passed_through(app: Any) -> None:
    with make_server("127.0.0.1", 0, app, passthrough_errors=True) as server:
        assert server.passthrough_errors is True
        with connect(server) as sock:
            sock.sendall(REQUEST)
            with pytest.raises(ValueError, match="fault") as caught:
                server.handle_request()
            assert caught.traceback[-1].name == app.__name__
            assert read_to_end(sock)


def test_an_exit_leaves_the_server() -> None:
    def leave(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        sys.exit(3)

    with make_server("127.0.0.1", 0, leave) as server, connect(server) as sock:
        sock.sendall(REQUEST)
        with pytest.raises(SystemExit) as stop:
            server.handle_request()
        assert stop.value.code == 3


def test_handle_error(capsys: pytest.CaptureFixture[str]) -> None:
    class Handler(WSGIRequestHandler):
        def handle(self) -> None:
            raise ValueError("the handler's fault")

    for threaded in (False, True):
        with serving(request_handler=Handler, threaded=threaded) as server:
            assert exchange(server, REQUEST) == b""
        assert "ValueError: the handler's fault" in capsys.readouterr().err
    with BaseWSGIServer("127.0.0.1", 0, hello, Handler, True) as passing, connect(passing) as sock:
        sock.sendall(REQUEST)
        with pytest.raises(ValueError, match="handler's fault"):
            passing.handle_request()
    assert capsys.readouterr().err == ""


def test_an_error_that_is_handled_by_oneself() -> None:
    handled: list[object] = []

    class Server(BaseWSGIServer):
        def handle_error(self, request: Any, client_address: tuple[str, int] | str) -> None:
            handled.append(client_address[0])

    class Handler(WSGIRequestHandler):
        def handle(self) -> None:
            raise ValueError("the handler's fault")

    with Server("127.0.0.1", 0, hello, Handler) as server, connect(server) as sock:
        sock.sendall(REQUEST)
        sock.shutdown(socket.SHUT_WR)
        server.handle_request()
    assert handled == ["127.0.0.1"]


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_ssl_devcert(str(tmp_path_factory.mktemp("tls") / "dev"))


def fetch_tls(server: BaseWSGIServer, context: ssl.SSLContext) -> bytes:
    with context.wrap_socket(connect(server), server_hostname="localhost") as sock:
        sock.sendall(LAST_REQUEST)
        return read_to_end(sock)


@pytest.mark.parametrize("kind", ["adhoc", "files", "context"])
def test_tls(kind: str, certificate: tuple[str, str]) -> None:
    seen: dict[str, Any] = {}

    def note(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        seen.update(environ)
        return hello(environ, start_response)

    given: Any = {"adhoc": "adhoc", "files": certificate}.get(kind)
    if given is None:
        given = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        given.load_cert_chain(*certificate)
    client = ssl.create_default_context(cafile=certificate[0])
    if kind == "adhoc":
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
    with serving(note, ssl_context=given) as server:
        assert isinstance(server.ssl_context, ssl.SSLContext)
        assert fetch_tls(server, client).endswith(b"hello")
    assert seen["wsgi.url_scheme"] == "https"
    assert "SSL_CLIENT_CERT" not in seen


def test_the_clients_certificate(certificate: tuple[str, str]) -> None:
    seen: dict[str, Any] = {}

    def note(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        seen.update(environ)
        return hello(environ, start_response)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate[0])
    context.load_cert_chain(*certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    client = ssl.create_default_context(cafile=certificate[0])
    client.load_cert_chain(*certificate)
    with serving(note, ssl_context=context) as server:
        reply = fetch_tls(server, client)
    assert reply.endswith(b"hello")
    assert seen["SSL_CLIENT_CERT"] == Path(certificate[0]).read_text()


def test_a_plain_request_where_tls_is_spoken(lines: list[str]) -> None:
    with (
        serving(ssl_context="adhoc", threaded=True) as server,
        connect(server),  # which keeps nobody waiting
        contextlib.suppress(ConnectionError),
    ):
        assert b"hello" not in exchange(server, REQUEST)
    assert lines[0].startswith("ERROR")
    assert "TLS failed" in lines[0]


def test_what_is_no_context() -> None:
    with pytest.raises(TypeError, match="ssl_context is 'adhoc'"):
        make_server("127.0.0.1", 0, hello, ssl_context="ad-hoc")
    with pytest.raises(FileNotFoundError):
        make_server("127.0.0.1", 0, hello, ssl_context=("/missing.crt", "/missing.key"))
