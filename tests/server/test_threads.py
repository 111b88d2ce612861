"""The worker as a whole: the steward, the drain, and every request answered exactly once."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.server.conftest import Serve, with_epoll
from tests.server.inprocess import (
    PATIENCE,
    Channel,
    Client,
    Gate,
    RecordingLogs,
    Running,
    Slot,
    make_worker,
    open_test_poller,
)

from dovetail.loader import LoadError
from dovetail.server.settings import Settings
from dovetail.server.worker import WorkerContext

pytestmark = pytest.mark.network

KIB = 1 << 10
MIB = 1 << 20
BIG = os.urandom(5 * MIB)


class Rooms:
    """/hold waits at the gate, /big is a long answer, anything else says what it got."""

    def __init__(self) -> None:
        self.gate = Gate()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        content = environ["wsgi.input"].read()
        if environ["PATH_INFO"] == "/hold":
            self.gate.enter()
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/big":
            return [BIG]
        return [f"{environ['PATH_INFO']} {len(content)}".encode()]


@pytest.fixture
def rooms() -> Iterator[Rooms]:
    rooms = Rooms()
    yield rooms
    rooms.gate.open()


def occupy(server: Running, rooms: Rooms, count: int = 2) -> list[Client]:
    """Have all threads wait in the application."""
    clients = [server.connect() for _ in range(count)]
    for client in clients:
        client.get("/hold")
    rooms.gate.wait_for(count)
    return clients


def release(rooms: Rooms, clients: list[Client]) -> None:
    rooms.gate.open()
    for client in clients:
        assert client.read().content == b"/hold 0"


def small_listener() -> socket.socket:
    """A listener whose connections take little before they are read."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * KIB)
    return listener


# While all threads are busy


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_uploads_are_received(serve: Serve, rooms: Rooms, tls: bool) -> None:
    server = serve(rooms, listener=small_listener(), tls=tls, body_buffer=100 * KIB)
    early = server.connect()
    early.fetch("/early")
    holders = occupy(server, rooms)
    late = server.connect()
    for client in (early, late):
        client.post("/up", bytes(3 * MIB))  # returns when the server has taken nearly all of it
    release(rooms, holders)
    for client in (early, late):
        assert client.read().content == f"/up {3 * MIB}".encode()


def test_content_is_asked_for(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms)
    holders = occupy(server, rooms)
    client = server.connect()
    client.send("POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert client.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send("body")
    release(rooms, holders)
    assert client.read().content == b"/x 4"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_bad_requests_are_refused(serve: Serve, rooms: Rooms, tls: bool) -> None:
    server = serve(rooms, tls=tls)
    holders = occupy(server, rooms)
    client = server.connect()
    client.send("nonsense\r\n\r\n")
    assert client.read().status == 400
    assert client.is_closed()
    release(rooms, holders)


def test_deadlines_are_kept(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms, header_timeout=100, keep_alive=100, body_timeout=100)
    idle = server.connect()
    idle.fetch("/idle")
    holders = occupy(server, rooms)
    silent, half, pausing = (server.connect() for _ in range(3))
    half.send("GET / HTTP/1.1\r\n")
    pausing.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf")
    for client in (idle, silent, half, pausing):
        server.pass_time_until(client.has_news, 101)
    assert half.read().status == 408
    assert pausing.read().status == 408
    assert silent.read_to_end() == b""
    assert idle.read_to_end() == b""
    release(rooms, holders)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_finished_responses_are_delivered(serve: Serve, rooms: Rooms, tls: bool) -> None:
    server = serve(rooms, tls=tls)
    readers = [server.connect(receive_buffer=16 * KIB) for _ in range(4)]
    for reader in readers:
        reader.get("/big")
        assert reader.sock.recv(1) == b"H"
    holders = occupy(server, rooms)
    for reader in readers:
        reader._rest = b"H"
        assert reader.read().content == BIG
    release(rooms, holders)


def test_clients_that_leave_are_let_go(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms)
    others = [server.connect() for _ in range(10)]
    for other in others:
        other.fetch()
    holders = occupy(server, rooms)
    for number, other in enumerate(others):
        (Client.close if number % 2 else Client.reset)(other)
    server.slot.wait_for(len(holders))
    release(rooms, holders)


def test_complete_requests_wait_for_their_turn(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms)
    holders = occupy(server, rooms)
    others = [server.connect() for _ in range(50)]
    for number, other in enumerate(others):
        other.get(f"/{number}")
    release(rooms, holders)
    for number, other in enumerate(others):
        assert other.read().content == f"/{number} 0".encode()


def test_handshakes_go_on(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms, tls=True)
    holders = occupy(server, rooms)
    others = [server.connect() for _ in range(3)]  # returns when the handshake is done
    release(rooms, holders)
    assert [other.fetch("/x").content for other in others] == [b"/x 0"] * 3


def test_steward_beats(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms, threads=1)
    holders = occupy(server, rooms, 1)
    beats = server.slot.beats
    client = server.connect()
    client.send("nonsense\r\n\r\n")
    assert client.read().status == 400  # by the steward, so it has gone round meanwhile
    assert server.slot.beats > beats
    release(rooms, holders)


# The drain


def closes_behind(client: Client) -> None:
    assert client.is_closed()
    client.close()


def test_drain_finishes_what_is_under_way(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms)
    holders = occupy(server, rooms)
    server.signal(signal.SIGTERM)
    wait_until_closed(server)
    assert server.steward.is_alive()
    rooms.gate.open()
    for client in holders:
        reply = client.read()
        assert (reply.content, reply["connection"]) == (b"/hold 0", "close")
        closes_behind(client)
    assert server.wait() == 0


def wait_until_closed(server: Running) -> None:
    """Wait until the listener is closed."""
    deadline, pause = time.monotonic() + PATIENCE, threading.Event()
    # Its number is gone a moment before the kernel knows.
    while server.listener.fileno() >= 0 or can_connect(server):
        assert time.monotonic() < deadline, "the listener is still open"
        pause.wait(0.001)


def can_connect(server: Running) -> bool:
    with socket.socket(server.family) as sock:
        return sock.connect_ex(server.address) == 0


def test_idle_connection_is_answered_once_more_in_a_drain(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms)
    clients = [server.connect() for _ in range(5)]
    for client in clients:
        client.fetch("/before")
    server.signal(signal.SIGTERM)
    wait_until_closed(server)
    for client in clients:
        reply = client.fetch("/after")
        assert (reply.content, reply["connection"]) == (b"/after 0", "close")
        closes_behind(client)
    assert server.wait() == 0


def test_idle_connection_is_closed_by_its_deadline_in_a_drain(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms, keep_alive=100)
    client = server.connect()
    client.fetch()
    server.signal(signal.SIGTERM)
    wait_until_closed(server)
    server.pass_time_until(client.has_news, 101)
    assert client.read_to_end() == b""
    assert server.wait() == 0


def test_half_requests_are_finished_in_a_drain(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms)
    head, body, fresh = (server.connect() for _ in range(3))
    head.send("GET /head HT")
    body.send("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo")
    server.slot.wait_for(3)
    server.signal(signal.SIGTERM)
    wait_until_closed(server)
    head.send("TP/1.1\r\nHost: h\r\n\r\n")
    body.send("dy")
    fresh.get("/fresh")
    for client, content in ((head, b"/head 0"), (body, b"/body 4"), (fresh, b"/fresh 0")):
        reply = client.read()
        assert (reply.content, reply["connection"]) == (content, "close")
        closes_behind(client)
    assert server.wait() == 0


def test_pipelined_requests_are_all_answered_in_a_drain(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms)
    client = server.connect()
    client.send("".join(f"GET /{path} HTTP/1.1\r\nHost: h\r\n\r\n" for path in ("hold", 1, 2, 3)))
    rooms.gate.wait_for()
    server.signal(signal.SIGTERM)
    wait_until_closed(server)
    rooms.gate.open()
    replies = [client.read() for _ in range(4)]
    assert [reply.content for reply in replies] == [b"/hold 0", b"/1 0", b"/2 0", b"/3 0"]
    assert ["connection" in reply for reply in replies] == [False, False, False, True]
    closes_behind(client)
    assert server.wait() == 0


def test_slow_reader_gets_everything_in_a_drain(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms)
    client = server.connect(receive_buffer=16 * KIB)
    client.get("/big")
    assert client.sock.recv(1) == b"H"
    server.signal(signal.SIGTERM)
    wait_until_closed(server)
    client._rest = b"H"
    assert client.read().content == BIG
    assert client.fetch("/last")["connection"] == "close"
    closes_behind(client)
    assert server.wait() == 0


def test_clients_that_came_in_time_are_served_in_a_drain(serve: Serve, rooms: Rooms) -> None:
    """Accepted or still in the kernel's queue."""
    server = serve(rooms)
    clients = [server.connect() for _ in range(50)]
    for client in clients:
        client.get("/in-time")
    server.signal(signal.SIGTERM)
    for client in clients:
        assert client.read().content == b"/in-time 0"
    for client in clients:
        client.close()  # those that were answered before the signal have been told nothing
    assert server.wait() == 0


def test_those_over_the_limit_are_served_in_a_drain(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms, worker_connections=4)
    holders = occupy(server, rooms)
    waiting = [server.connect() for _ in range(8)]
    for client in waiting:
        client.get("/over-the-limit")
    server.signal(signal.SIGTERM)
    wait_until_closed(server)
    rooms.gate.open()
    for client in waiting:
        reply = client.read()
        assert (reply.content, reply["connection"]) == (b"/over-the-limit 0", "close")
        closes_behind(client)
    for client in holders:
        client.close()
    assert server.wait() == 0


@with_epoll
def test_worker_without_an_arbiter_drains(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms)
    client = server.connect()
    client.fetch()
    server.channel.arbiter.close()
    wait_until_closed(server)
    assert client.fetch()["connection"] == "close"
    closes_behind(client)
    assert server.wait() == 0
    assert any("arbiter" in text for text in server.logs.messages)


# What it says to its arbiter


@with_epoll
def test_retirement_is_asked_for_once(serve: Serve, rooms: Rooms) -> None:
    server = serve(rooms, max_requests=5)
    client = server.connect()
    for _ in range(4):
        client.fetch()
    assert server.channel.retired == []
    for _ in range(20):
        client.fetch()
    server.signal(signal.SIGTERM)  # only when it is told to
    assert client.fetch().status == 200
    client.close()
    assert server.wait() == 0
    assert len(server.channel.retired) == 1


@with_epoll
def test_logs_are_reopened(serve: Serve, rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(rooms)
    reopened = threading.Event()
    monkeypatch.setattr(server.logs, "reopen", reopened.set)
    server.signal(signal.SIGUSR1)
    assert reopened.wait(PATIENCE)
    assert server.connect().fetch().status == 200


def test_application_that_does_not_load() -> None:
    def load() -> Any:
        raise LoadError("no such module: nowhere")

    channel, settings = Channel(), Settings()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        open_test_poller("select") as poller,
        closing(channel),
    ):
        worker = make_worker(
            WorkerContext(
                settings=settings,
                listeners=[listener],
                load=load,
                logs=RecordingLogs(settings),
                channel=channel,
                slot=Slot(),
            ),
            poller,
        )
        assert worker.run() == LoadError.status
        worker._bell._in.close()
        worker._bell._out.close()
    assert channel.failure == ("no such module: nowhere", LoadError.status)
    assert not channel.is_ready.is_set()


# Exactly once


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_every_request_is_answered_exactly_once(serve: Serve, tls: bool) -> None:
    calls: Counter[str] = Counter()
    lock = threading.Lock()

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        content = environ["wsgi.input"].read()
        name = environ["PATH_INFO"]
        with lock:
            calls[name] += 1
        start_response("200 OK", [])
        answer = f"{name} {len(content)}".encode()
        return [answer] if len(content) % 2 else iter([answer[:3], answer[3:]])

    server = serve(app, threads=4, tls=tls, body_buffer=1000)
    errors: list[object] = []

    def client(number: int) -> None:
        try:
            connection = server.connect()
            for round_ in range(50):
                names = [f"/{number}-{round_}", f"/{number}-{round_}-again"]
                names = names if round_ % 5 else names[:1]
                for name in names:  # pipelined
                    connection.post(name, bytes((number * round_) % 3000))
                for name in names:
                    assert connection.read().content.decode().split(" ")[0] == name
        except BaseException as error:
            errors.append(error)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(20)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join(PATIENCE)
    assert errors == []
    assert len(calls) == 20 * (50 + 40)
    assert set(calls.values()) == {1}
    targets = Counter(entry.target for entry in server.logs.wait_for_entries(20 * 90))
    assert targets == calls
