"""What the development server does with its threads, whatever its clients do."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from tests.dev.live import PATIENCE, connect, exchange, get, hello, read_to_end, serving
from tests.programs import bounded

from dovetail.dev.engine import MOST_THREADS, Engine
from dovetail.dev.handler import WSGIRequestHandler
from dovetail.dev.server import BaseWSGIServer, make_server
from dovetail.server.observation import Observation

pytestmark = pytest.mark.network

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
KINDS = pytest.mark.parametrize("threaded", [False, True], ids=["one", "threads"])
MIB = 1 << 20


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def count_threads() -> int:
    return sum(thread.name.startswith("application-") for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    wait_until(lambda: not count_threads())


class Gate:
    """An application whose requests for /hold wait until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Semaphore(0)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        if environ["PATH_INFO"] == "/hold":
            self.entered.release()
            assert self.opened.wait(PATIENCE)
        return hello(environ, start_response)

    def wait_for(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.entered.acquire(timeout=PATIENCE)


def hold(server: BaseWSGIServer) -> socket.socket:
    sock = connect(server)
    sock.sendall(b"GET /hold HTTP/1.1\r\nHost: test\r\n\r\n")
    return sock


def read_reply(sock: socket.socket, end: bytes = b"hello") -> bytes:
    reply = b""
    while not reply.endswith(end):
        part = sock.recv(65536)
        assert part, reply
        reply += part
    return reply


# Clients that take their time


@KINDS
def test_idle_slow_and_half_open_clients_cost_no_thread(threaded: bool) -> None:
    with serving(threaded=threaded) as server, contextlib.ExitStack() as stack:
        assert get(server)[0] == 200
        threads = threading.active_count()
        clients = [stack.enter_context(connect(server)) for _ in range(150)]
        for client in clients[:50]:
            client.sendall(REQUEST)
            read_reply(client)
        for client in clients[50:75]:
            client.sendall(b"GET / HT")
        for client in clients[75:100]:
            client.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf")
        assert get(server)[0] == 200
        assert threading.active_count() < threads + 20
        for client in clients[50:75]:
            client.sendall(b"TP/1.1\r\nHost: test\r\n\r\n")
        for client in clients[75:100]:
            client.sendall(b" more")
        for client in clients[:50] + clients[100:]:
            client.sendall(REQUEST)
        for client in clients:
            assert read_reply(client).startswith(b"HTTP/1.1 200 ")


@KINDS
def test_a_response_that_is_read_slowly_keeps_nobody_waiting(threaded: bool) -> None:
    content = bytes(8 * MIB)

    def big(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        if environ["PATH_INFO"] != "/big":
            return hello(environ, start_response)
        start_response("200 OK", [])
        return [content]

    with serving(big, threaded=threaded) as server, connect(server) as slow:
        slow.sendall(b"GET /big HTTP/1.1\r\nHost: test\r\n\r\n")
        assert slow.recv(1) == b"H"
        assert get(server)[0] == 200
        assert len(read_reply(slow, content[:100])) > 100
        slow.shutdown(socket.SHUT_WR)
        read_to_end(slow)


@KINDS
def test_a_handshake_that_stalls_keeps_nobody_waiting(threaded: bool) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with serving(threaded=threaded, ssl_context="adhoc") as server, connect(server) as stalled:
        stalled.sendall(b"\x16\x03\x01")
        with context.wrap_socket(connect(server), server_hostname="localhost") as sock:
            for _ in range(2):
                sock.sendall(REQUEST)
                read_reply(sock)


@KINDS
def test_a_big_upload(threaded: bool) -> None:
    lengths: list[int] = []

    def measure(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        content, length = environ["wsgi.input"], 0
        while block := content.read(MIB):
            length += len(block)
        lengths.append(length)
        return hello(environ, start_response)

    with serving(measure, threaded=threaded) as server, connect(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n" % (100 * MIB))
        sock.sendall(b"Expect: 100-continue\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for _ in range(50):
            sock.sendall(bytes(MIB))
        assert get(server)[0] == 200  # in the middle of it
        for _ in range(50):
            sock.sendall(bytes(MIB))
        read_reply(sock)
    assert lengths == [0, 100 * MIB]


@KINDS
def test_an_application_that_reads_its_content_as_it_arrives(threaded: bool) -> None:
    asked = threading.Event()

    def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        start_response("200 OK", [])
        asked.set()
        yield environ["wsgi.input"].read(3)
        yield environ["wsgi.input"].read()

    echo.dovetail_stream_input = True  # type: ignore[attr-defined]
    with serving(echo, threaded=threaded) as server, connect(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\none")
        assert asked.wait(PATIENCE)
        read_reply(sock, b"one\r\n")
        sock.sendall(b"two")
        read_reply(sock, b"3\r\ntwo\r\n0\r\n\r\n")


@KINDS
def test_what_a_generator_yields_goes_out_at_once(threaded: bool) -> None:
    received = threading.Event()

    def stream(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        start_response("200 OK", [])
        yield b"one"
        assert received.wait(PATIENCE)
        yield b"two"

    with serving(stream, threaded=threaded) as server, connect(server) as sock:
        sock.sendall(REQUEST)
        read_reply(sock, b"one\r\n")
        received.set()
        read_reply(sock, b"0\r\n\r\n")


# Threads


def test_there_are_as_many_threads_as_requests_that_wait() -> None:
    gate = Gate()
    with serving(gate, threaded=True) as server, contextlib.ExitStack() as stack:
        held = [stack.enter_context(hold(server)) for _ in range(50)]
        gate.wait_for(50)
        assert count_threads() == 50
        assert get(server)[0] == 200
        gate.opened.set()
        for sock in held:
            read_reply(sock)
        assert count_threads() <= 51


def test_there_is_a_bound_for_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_THREADS == 256
    monkeypatch.setattr("dovetail.dev.engine.MOST_THREADS", 6)
    gate = Gate()
    with serving(gate, threaded=True) as server, contextlib.ExitStack() as stack:
        held = [stack.enter_context(hold(server)) for _ in range(10)]
        gate.wait_for(6)
        with connect(server) as other:
            other.sendall(b"nonsense\r\n\r\n")
            read_reply(other, b"\n")  # the server goes on with what needs no thread
        assert count_threads() == 6
        gate.opened.set()
        for sock in held:
            read_reply(sock)


def test_a_system_without_room_for_threads(
    monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    gate, start = Gate(), threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "application-5":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with serving(gate, threaded=True) as server, contextlib.ExitStack() as stack:
        held = [stack.enter_context(hold(server)) for _ in range(6)]
        gate.wait_for(4)
        wait_until(lambda: any("have to wait: can't start" in line for line in lines))
        gate.opened.set()
        for sock in held:
            read_reply(sock)


def test_ctrl_c_while_a_thread_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    late: list[threading.Thread] = []
    start = threading.Thread.start

    def interrupt(thread: threading.Thread) -> None:
        if thread.name == "application-2":
            late.append(thread)
            raise KeyboardInterrupt
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupt)
    server = make_server("127.0.0.1", 0, hello, threaded=True)
    server.serve_forever()
    wait_until(lambda: not count_threads())
    # All that it would need is closed; what it raised would fail this test.
    start(late[0])
    late[0].join(PATIENCE)


def test_ctrl_c_while_the_steward_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    stewards: list[threading.Thread] = []
    start = threading.Thread.start

    def interrupt(thread: threading.Thread) -> None:
        start(thread)
        if thread.name == "steward":
            stewards.append(thread)
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupt)
    make_server("127.0.0.1", 0, hello).serve_forever()
    assert [steward.is_alive() for steward in stewards] == [False]


def test_an_application_that_calls_itself() -> None:
    def call(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        depth = int(environ["QUERY_STRING"] or 0)
        return get(server, f"/?{depth - 1}")[2:] if depth else hello(environ, start_response)  # type: ignore[return-value]

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return list(call(environ, lambda *_: lambda _: None))

    with serving(app, threaded=True) as server:
        assert get(server, "/?12")[2] == b"hello"


def test_one_thread_is_the_one_that_serves() -> None:
    threads: set[int] = set()

    def note(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        threads.add(threading.get_ident())
        return hello(environ, start_response)

    with serving(note) as server:
        (serving_thread,) = (
            thread for thread in threading.enumerate() if "serve_forever" in thread.name
        )
        clients = [threading.Thread(target=get, args=[server]) for _ in range(10)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(PATIENCE)
        assert count_threads() == 0
    assert threads == {serving_thread.ident}


PROGRAM = """
import sys, threading, time
from dovetail.dev.server import make_server

def app(environ, start_response):
    assert (threading.current_thread() is threading.main_thread()) is (sys.argv[1] == "one")
    start_response("200 OK", [])
    try:
        print("in the view", flush=True)
        time.sleep(600)
    finally:
        print("left", flush=True)

server = make_server("127.0.0.1", 0, app, threaded=sys.argv[1] == "threads")
print(server.port, flush=True)
server.serve_forever()
print("after")
"""


@pytest.mark.process
@pytest.mark.parametrize("kind", ["one", "threads"])
def test_ctrl_c_in_the_middle_of_a_view(kind: str) -> None:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(PROGRAM), kind]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        with bounded(program, 2 * PATIENCE):
            port = int(program.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
                sock.sendall(REQUEST)
                assert program.stdout.readline() == "in the view\n"
                program.send_signal(signal.SIGINT)
                out, err = program.communicate(timeout=PATIENCE)
    assert (program.returncode, out.replace("left\n", "")) == (0, "after\n")
    assert ("left" in out) is (kind == "one")
    assert "Traceback" not in err


@KINDS
def test_errors_that_are_passed_leave_the_server(threaded: bool) -> None:
    def fail(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        raise ValueError("the application's fault")

    caught: list[BaseException] = []

    def serve() -> None:
        try:
            server.serve_forever()
        except ValueError as error:
            caught.append(error)

    server = make_server("127.0.0.1", 0, fail, threaded=threaded, passthrough_errors=True)
    thread = threading.Thread(target=serve)
    thread.start()
    assert b" 500 " in exchange(server, REQUEST)
    thread.join(PATIENCE)
    assert [str(error) for error in caught] == ["the application's fault"]
    assert server.socket.fileno() == -1


@KINDS
def test_shutting_down_from_a_view(threaded: bool) -> None:
    def leave(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        server.shutdown()
        return hello(environ, start_response)

    with serving(leave, threaded=threaded) as server:
        assert exchange(server, REQUEST).endswith(b"hello")


def test_shutting_down_before_serving() -> None:
    server = make_server("127.0.0.1", 0, hello)
    server.shutdown()
    server.serve_forever()
    assert server.socket.fileno() == -1


@KINDS
def test_a_slow_download_is_finished_behind_the_end(threaded: bool) -> None:
    content = bytes(8 * MIB)

    def big(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [content]

    with serving(big, threaded=threaded) as server:
        sock = connect(server)
        sock.sendall(REQUEST)
        assert sock.recv(1) == b"H"
    with sock:
        sock.settimeout(PATIENCE)
        _, _, received = read_to_end(sock).partition(b"\r\n\r\n")
        assert received == content


@KINDS
def test_the_servers_own_actions(threaded: bool) -> None:
    acted = threading.Event()

    with serving(threaded=threaded) as server:
        server.service_actions = acted.set  # type: ignore[method-assign]
        assert acted.wait(PATIENCE)


@KINDS
def test_shutdown_by_the_servers_own_actions(threaded: bool) -> None:
    with serving(threaded=threaded) as server:
        server.service_actions = server.shutdown  # type: ignore[method-assign]
        assert server._returned.wait(PATIENCE)


@KINDS
def test_shutdown_by_a_handler_that_is_being_made(threaded: bool) -> None:
    class Last(WSGIRequestHandler):
        def setup(self) -> None:
            super().setup()
            ended.append(self.server.shutdown())  # type: ignore[attr-defined]

    ended: list[None] = []
    server = make_server("127.0.0.1", 0, hello, threaded, request_handler=Last)
    with server, connect(server):
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        thread.join(PATIENCE)
        assert ended == [None]
        assert not thread.is_alive()


@KINDS
def test_shutdown_while_one_request_is_handled(threaded: bool) -> None:
    gate = Gate()
    server = make_server("127.0.0.1", 0, gate, threaded)
    with server, connect(server) as sock:
        sock.sendall(b"GET /hold HTTP/1.1\r\nHost: test\r\n\r\n")
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert gate.entered.acquire(timeout=PATIENCE)
        ending = threading.Thread(target=server.shutdown, daemon=True)
        ending.start()
        gate.opened.set()
        ending.join(PATIENCE)
        assert not ending.is_alive()


@KINDS
def test_clients_that_are_not_to_be_served(threaded: bool) -> None:
    with serving(threaded=threaded) as server:
        server.verify_request = lambda request, client_address: False  # type: ignore[method-assign]
        with connect(server) as sock:
            assert read_to_end(sock) == b""


# What else a request can do


class Watcher:
    """An observer that keeps what it sees."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.seen: list[tuple[str, int, bool, bytes | None]] = []

    def calling(self, environ: WSGIEnvironment) -> None:
        self.called.append(environ["PATH_INFO"])

    def answered(self, seen: Observation) -> None:
        content = None if seen.content is None else seen.content.read()
        self.seen.append((seen.request.path, seen.status, seen.aborted, content))


@KINDS
def test_an_observer(threaded: bool) -> None:
    watcher = Watcher()
    server = make_server("127.0.0.1", 0, hello, threaded=threaded)
    server.observer = watcher
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    get(server, "/a", "POST", b"content")
    get(server, "/b")
    server.shutdown()
    thread.join(PATIENCE)
    assert watcher.called == ["/a", "/b"]
    # It is told when a response is out, which the client may know first.
    wait_until(lambda: len(watcher.seen) == 2)
    assert sorted(watcher.seen) == [("/a", 200, False, b"content"), ("/b", 200, False, b"")]


@KINDS
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_events_that_hold_no_thread(threaded: bool, scheme: str, lines: list[str]) -> None:
    taken: list[Any] = []

    def events(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        if environ["PATH_INFO"] != "/events":
            return hello(environ, start_response)
        sock, rest = environ["dovetail.detach"]()
        assert rest == b""
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        taken.append(sock)
        return []

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    tls: dict[str, Any] = {"ssl_context": "adhoc"} if scheme == "https" else {}
    with serving(events, threaded=threaded, **tls) as server, contextlib.ExitStack() as stack:

        def join() -> socket.socket:
            sock = connect(server)
            if tls:
                sock = context.wrap_socket(sock, server_hostname="localhost")
            return stack.enter_context(sock)

        clients = [join() for _ in range(20)]
        for client in clients:
            client.sendall(b"GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
            read_reply(client, b"\r\n\r\n")
        engine = server._crew
        assert isinstance(engine, Engine)
        wait_until(lambda: not engine._loop._busy)
        other = join()
        other.sendall(REQUEST)
        read_reply(other)
        for sock in taken:
            sock.sendall(b"data: now\n\n")
        for client in clients:
            read_reply(client, b"data: now\n\n")
        wait_until(lambda: sum(line.endswith(' /events HTTP/1.1" 200 -') for line in lines) == 20)
        taken.pop(0).close()
        clients.pop(0).close()
    for client in clients:
        client.close()
    for sock in taken:
        sock.close()


def test_the_end_reaches_who_has_taken_a_connection() -> None:
    taken: list[socket.socket] = []

    def take(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        taken.append(environ["dovetail.detach"]()[0])
        return []

    with serving(take) as server:
        client = connect(server)
        client.sendall(REQUEST)
        wait_until(lambda: taken)
    assert read_to_end(client) == b""
    taken[0].close()
    client.close()


def test_keep_alive_with_http_client() -> None:
    with serving() as server:
        one, other = (
            http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE) for _ in "ab"
        )
        for _ in range(3):
            for client in (one, other):
                client.request("GET", "/")
                assert client.getresponse().read() == b"hello"
        one.close()
        other.close()
