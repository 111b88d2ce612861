"""A server that makes room for another one on the same socket, and the clients of both."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from tests.dev.live import PATIENCE, PatientHandler, hello, read_to_end

from dovetail.dev.engine import Engine
from dovetail.dev.server import BaseWSGIServer, make_server
from dovetail.server import connection
from dovetail.server.phases import Phase

pytestmark = pytest.mark.network

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
KINDS = pytest.mark.parametrize("threaded", [False, True], ids=["one", "threads"])


class Generations:
    """Servers on one listening socket, one after the other."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.server: BaseWSGIServer | None = None
        self.thread = threading.Thread()

    def start(
        self, app: WSGIApplication, sockets: list[socket.socket] | None = None, **options: Any
    ) -> BaseWSGIServer:
        options["request_handler"] = PatientHandler
        server = make_server("127.0.0.1", 0, app, fd=self.listener.fileno(), **options)
        server.adopt(sockets or [])
        self.server, self.thread = server, threading.Thread(target=server.serve_forever)
        self.thread.start()
        return server

    def connect(self) -> socket.socket:
        sock = socket.create_connection(self.listener.getsockname(), PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def has_returned(self) -> bool:
        self.thread.join(PATIENCE)
        return not self.thread.is_alive()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            assert self.has_returned()
        self.listener.close()


@pytest.fixture
def generations() -> Iterator[Generations]:
    generations = Generations()
    yield generations
    generations.stop()


def named(name: bytes) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(len(name)))])
        return [name]

    return app


def ask(sock: socket.socket, octets: bytes = REQUEST) -> bytes:
    sock.sendall(octets)
    return read_reply(sock)


def read_reply(sock: socket.socket) -> bytes:
    """Read a response; return its content, with an exclamation mark if it is the last one."""
    reply = b""
    while b"\r\n\r\n" not in reply:
        part = sock.recv(65536)
        if not part:
            raise ConnectionResetError(f"closed after {reply!r}")
        reply += part
    head, _, content = reply.partition(b"\r\n\r\n")
    length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
    while len(content) < length:
        content += sock.recv(65536)
    return content + (b"!" if b"\r\nConnection: close" in head else b"")


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def count_begun(server: BaseWSGIServer) -> int:
    """Return how many requests have begun to arrive, and are not complete."""
    assert isinstance(server._crew, Engine)
    open_ones = list(server._crew._loop._connections.values())
    return sum(one.phase is Phase.READING and one._reader.started for one in open_ones)


@KINDS
def test_idle_clients_go_on_with_the_next_server(generations: Generations, threaded: bool) -> None:
    first = generations.start(named(b"first"), threaded=threaded)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(generations.connect()) for _ in range(30)]
        for client in clients[:20]:
            assert ask(client) == b"first"
        released = first.retire(PATIENCE)
        assert generations.has_returned()
        assert first.socket.fileno() == -1
        assert len(released) <= 30
        # What is said meanwhile waits in the kernel, with those who come meanwhile.
        for client in clients:
            client.sendall(REQUEST)
        late = stack.enter_context(generations.connect())
        late.sendall(REQUEST)
        generations.start(named(b"second"), released, threaded=threaded)
        for client in [*clients, late]:
            assert read_reply(client) == b"second"
        assert ask(late) == b"second"


@KINDS
def test_what_has_begun_is_finished(generations: Generations, threaded: bool) -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        content = environ["wsgi.input"].read()
        if environ["PATH_INFO"] == "/wait":
            entered.set()
            assert leave.wait(PATIENCE)
        return named(b"first" + content)(environ, start_response)  # type: ignore[return-value]

    first = generations.start(wait, threaded=threaded)
    with contextlib.ExitStack() as stack:
        running, head, body = (stack.enter_context(generations.connect()) for _ in range(3))
        for client in (head, body):
            assert ask(client) == b"first"
        head.sendall(b"GET / HTTP/1.1\r\nHo")
        body.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbo")
        running.sendall(b"GET /wait HTTP/1.1\r\nHost: test\r\n\r\n")
        assert entered.wait(PATIENCE)
        # What nobody has read yet would be the next server's.
        wait_until(lambda: count_begun(first) == 2)
        released: list[socket.socket] = []
        retiring = threading.Thread(target=lambda: released.extend(first.retire(PATIENCE)))
        retiring.start()
        engine = first._crew
        assert isinstance(engine, Engine)
        wait_until(lambda: engine._service.draining)
        head.sendall(b"st: test\r\n\r\n")
        body.sendall(b"dy")
        leave.set()
        assert read_reply(running) == b"first!"
        replies = [read_reply(head), read_reply(body)]
        for client in (running, head, body):
            client.close()
        retiring.join(PATIENCE)
    assert replies == [b"first!", b"firstbody!"]
    assert released == []
    assert generations.has_returned()


def test_what_takes_longer_is_broken_off(generations: Generations) -> None:
    broken_off = threading.Event()
    taken: list[socket.socket] = []

    def endless(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        if environ["PATH_INFO"] == "/events":
            sock, _ = environ["dovetail.detach"]()
            taken.append(sock)
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            return
        if "werkzeug.socket" in environ and environ["PATH_INFO"] == "/upgrade":
            environ["werkzeug.socket"].sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            environ["werkzeug.socket"].recv(1)
            return
        start_response("200 OK", [])
        try:
            while True:
                yield b"and on "
                time.sleep(0.01)
        finally:
            broken_off.set()

    first = generations.start(endless, threaded=True)
    with contextlib.ExitStack() as stack:
        stream, events, upgraded = (stack.enter_context(generations.connect()) for _ in range(3))
        stream.sendall(REQUEST)
        events.sendall(b"GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
        upgraded.sendall(
            b"GET /upgrade HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
        )
        for client in (stream, events, upgraded):
            assert client.recv(4096)
        assert first.retire(0.05) == []
        assert generations.has_returned()
        assert broken_off.wait(PATIENCE)
        assert not read_to_end(stream).endswith(b"0\r\n\r\n")
        assert read_to_end(events) == b""
        assert read_to_end(upgraded) == b""
    taken[0].close()


def test_a_view_that_cannot_be_broken_off(generations: Generations) -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        entered.set()
        assert leave.wait(PATIENCE)
        return hello(environ, start_response)

    first = generations.start(wait)
    with generations.connect() as idle, generations.connect() as client:
        client.sendall(REQUEST)
        assert entered.wait(PATIENCE)
        released = first.retire(0.05)
        assert generations.thread.is_alive()
        # Nobody may have had time to accept the other one: then it waits for the next server.
        for sock in released:
            sock.close()
        leave.set()
        assert generations.has_returned()
        idle.close()


def connect_with_tls(generations: Generations) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(generations.connect(), server_hostname="localhost")


def test_idle_clients_with_tls_are_told_good_bye(generations: Generations) -> None:
    first = generations.start(named(b"first"), threaded=True, ssl_context="adhoc")
    with connect_with_tls(generations) as client:
        assert ask(client) == b"first"
        assert first.retire(PATIENCE) == []
        assert client.recv(1) == b""  # in an orderly way: it is no error


def test_a_client_with_tls_that_is_about_to_ask_is_answered(
    generations: Generations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_YOUNG_SECONDS", PATIENCE)
    first = generations.start(named(b"first"), threaded=True, ssl_context="adhoc")
    with connect_with_tls(generations) as client:
        retiring = threading.Thread(target=first.retire, args=(PATIENCE,))
        retiring.start()
        assert isinstance(first._crew, Engine)
        draining = first._crew._service
        wait_until(lambda: draining.draining)
        assert ask(client) == b"first!"
        retiring.join(PATIENCE)
    assert generations.has_returned()


def test_a_client_with_tls_that_says_nothing_is_not_waited_for(
    generations: Generations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_YOUNG_SECONDS", 0.0)
    first = generations.start(named(b"first"), threaded=True, ssl_context="adhoc")
    with connect_with_tls(generations) as client:
        assert first.retire(PATIENCE) == []
        assert client.recv(1) == b""


@KINDS
def test_retiring_before_serving(generations: Generations, threaded: bool) -> None:
    fd = generations.listener.fileno()
    server = make_server("127.0.0.1", 0, named(b"first"), fd=fd, threaded=threaded)
    ours, theirs = socket.socketpair()
    assert server.adopt([ours]) == []
    assert server.retire(1.0) == [ours]
    assert server.adopt([ours]) == [ours]
    with generations.connect() as client:
        client.sendall(REQUEST)
        server.serve_forever()  # it is over
        generations.start(named(b"second"))
        assert read_reply(client) == b"second"
    ours.close()
    theirs.close()


@KINDS
def test_who_comes_when_the_doors_are_shut(
    generations: Generations, monkeypatch: pytest.MonkeyPatch, threaded: bool
) -> None:
    leave, shut = threading.Event(), threading.Event()
    first = generations.start(named(b"first"), threaded=threaded)
    held = threading.Event()

    def hold() -> None:
        held.set()
        assert leave.wait(PATIENCE)

    monkeypatch.setattr(first, "service_actions", hold)
    assert held.wait(PATIENCE)
    released: list[socket.socket] = []
    retiring = threading.Thread(
        target=lambda: released.extend(first.retire(PATIENCE, None, shut.set))
    )
    retiring.start()
    with generations.connect() as client:
        assert ask(client) == b"first"
        assert not shut.is_set()
        leave.set()
        assert shut.wait(PATIENCE)
    retiring.join(PATIENCE)
    for sock in released:
        sock.close()
    assert generations.has_returned()
    with generations.connect() as client:
        client.sendall(REQUEST)
        generations.start(named(b"second"), threaded=threaded)
        assert read_reply(client) == b"second"


def test_who_comes_to_a_server_that_has_ended(generations: Generations) -> None:
    first = generations.start(hello)
    wait_until(lambda: first._crew)
    engine = first._crew
    assert isinstance(engine, Engine)
    assert first.retire(PATIENCE) == []
    assert generations.has_returned()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert first.adopt([ours]) == [ours]
        assert engine.adopt([ours]) == [ours]


def test_what_is_adopted_is_closed_with_a_server_that_never_serves() -> None:
    ours, theirs = socket.socketpair()
    with make_server("127.0.0.1", 0, hello) as server:
        server.adopt([ours])
    assert theirs.recv(1) == b""
    theirs.close()


def test_a_view_that_makes_its_server_retire(generations: Generations) -> None:
    results: list[list[socket.socket]] = []

    def retire(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        results.append(first.retire(0.05))
        return hello(environ, start_response)

    first = generations.start(retire, threaded=True)
    with generations.connect() as client, contextlib.suppress(ConnectionError):
        client.sendall(REQUEST)
        read_to_end(client)
    assert generations.has_returned()
    wait_until(lambda: results)
    assert results == [[]]


class Hammer:
    """A client that asks again and again on connections that it keeps as long as it may."""

    def __init__(self, generations: Generations) -> None:
        self.generations = generations
        self.replies: Counter[bytes] = Counter()
        self.errors: list[BaseException] = []
        self.connections = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self.over.is_set():
                self.connections += 1
                with self.generations.connect() as sock:
                    while not self.over.is_set():
                        reply = ask(sock)
                        self.replies[reply.rstrip(b"!")] += 1
                        if reply.endswith(b"!"):
                            break
        except BaseException as error:
            self.errors.append(error)


@KINDS
def test_no_request_is_lost(generations: Generations, threaded: bool) -> None:
    hammers = [Hammer(generations) for _ in range(4)]
    names = [b"%d" % number for number in range(12)]
    server = generations.start(named(names[0]), threaded=threaded)
    for hammer in hammers:
        hammer.thread.start()
    try:
        for before, name in pairwise(names):
            deadline = time.monotonic() + PATIENCE
            while not all(hammer.replies[before] for hammer in hammers):
                assert not any(hammer.errors for hammer in hammers), [h.errors for h in hammers]
                assert time.monotonic() < deadline
                time.sleep(0.002)
            released = server.retire(PATIENCE)
            assert generations.has_returned()
            server = generations.start(named(name), released, threaded=threaded)
    finally:
        for hammer in hammers:
            hammer.over.set()
        for hammer in hammers:
            hammer.thread.join(PATIENCE)
    assert [hammer.errors for hammer in hammers] == [[]] * 4


def test_sockets_are_given_as_soon_as_they_are_to_be_had(generations: Generations) -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        if environ["PATH_INFO"] == "/wait":
            entered.set()
            assert leave.wait(PATIENCE)
        return named(b"first")(environ, start_response)  # type: ignore[return-value]

    first = generations.start(wait, threaded=True)
    with generations.connect() as idle, generations.connect() as running:
        assert ask(idle) == b"first"
        running.sendall(b"GET /wait HTTP/1.1\r\nHost: test\r\n\r\n")
        assert entered.wait(PATIENCE)
        given: list[socket.socket] = []
        got = threading.Event()

        def give(sockets: list[socket.socket]) -> None:
            given.extend(sockets)
            got.set()

        rest: list[socket.socket] = []
        retiring = threading.Thread(target=lambda: rest.extend(first.retire(PATIENCE, give)))
        retiring.start()
        assert got.wait(PATIENCE)
        generations.start(named(b"second"), threaded=True).adopt(given)
        assert ask(idle) == b"second"
        assert retiring.is_alive()
        leave.set()
        assert read_reply(running) == b"first!"
        running.close()
        retiring.join(PATIENCE)
        assert rest == []
