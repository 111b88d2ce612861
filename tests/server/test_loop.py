"""What the loop must not lose, step by step, without the threads that usually drive it."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.server.inprocess import (
    PATIENCE,
    POLLERS,
    Client,
    RecordingLogs,
    Slot,
    open_test_poller,
)

from dovetail.server.loop import Loop
from dovetail.server.poller import Poller
from dovetail.server.service import Service
from dovetail.server.settings import Settings


class Listener(socket.socket):
    """Waits between an accept and its return, as a thread may that lost the interpreter's lock."""

    def __init__(self, path: Path) -> None:
        super().__init__(socket.AF_UNIX)
        self.accepted = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.bind(str(path))
        self.listen()
        self.setblocking(False)

    def accept(self) -> tuple[socket.socket, object]:
        found = super().accept()
        self.accepted.set()
        assert self.go_on.wait(PATIENCE)
        return found


class Application:
    """Says ok; /hold waits until it may go on."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.holding = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.called.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/hold":
            self.holding.set()
            assert self.go_on.wait(PATIENCE)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture(params=POLLERS)
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    with open_test_poller(request.param) as poller:
        yield poller


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with Listener(tmp_path / "socket") as listener:
        yield listener


@pytest.fixture
def client(listener: Listener) -> Iterator[Client]:
    with socket.socket(socket.AF_UNIX) as sock:
        client = Client(sock)
        sock.connect(listener.getsockname())
        yield client


@pytest.fixture
def loop(poller: Poller, listener: Listener, application: Application) -> Iterator[Loop]:
    settings = Settings()
    service = Service(settings, application, RecordingLogs(settings), flushes=poller.reports_owned)
    loop = Loop(
        service,
        poller,
        Slot(),
        listeners=[listener],
        tls=None,
        threads=1,
        multiprocess=False,
        call_steward=lambda: None,
    )
    loop.doors.open()
    yield loop
    loop.doors.close()
    loop.close()


SCRATCH = memoryview(bytearray(65536))
LATER = math.nextafter(math.inf, 0)


def test_request_that_arrived_is_not_late(loop: Loop, client: Client) -> None:
    loop.cover(SCRATCH)
    assert loop.open_connections == 1
    client.get()
    # Nobody has looked at it yet, for all were busy until long after the deadline.
    loop.expire(LATER, SCRATCH)
    thread = threading.Thread(target=loop.work)
    thread.start()
    try:
        assert client.read().content == b"ok"
    finally:
        loop.stop()
        thread.join(PATIENCE)


def test_silent_client_is_late(loop: Loop, client: Client) -> None:
    loop.cover(SCRATCH)
    loop.expire(LATER, SCRATCH)
    assert loop.open_connections == 0
    assert client.is_closed()


def test_half_a_head_is_late(loop: Loop, client: Client) -> None:
    loop.cover(SCRATCH)
    client.send("GET / HTTP/1.1\r\n")
    loop.expire(LATER, SCRATCH)
    assert client.read().status == 408


def test_client_between_accept_and_count_is_not_forgotten(
    loop: Loop, listener: Listener, client: Client
) -> None:
    listener.go_on.clear()
    thread = threading.Thread(target=loop.cover, args=[SCRATCH])
    closing = threading.Thread(target=loop.doors.close)
    thread.start()
    assert listener.accepted.wait(PATIENCE)
    closing.start()
    # It must not get by; a loop that let it would be through long before this.
    closing.join(0.2)
    counted_too_late = not closing.is_alive() and loop.open_connections == 0
    listener.go_on.set()
    closing.join(PATIENCE)
    thread.join(PATIENCE)
    assert not counted_too_late
    assert loop.open_connections == 1


def test_pipeline_does_not_keep_those_waiting_who_come_while_it_is_served(
    loop: Loop, client: Client, listener: Listener, application: Application
) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        modest = Client(sock)
        sock.connect(listener.getsockname())
        loop.cover(SCRATCH)
        for path in ("/1", "/hold", "/3", "/4", "/5"):
            client.get(path)
        thread = threading.Thread(target=loop.work)
        thread.start()
        try:
            assert application.holding.wait(PATIENCE)
            modest.get("/modest")
            application.go_on.set()
            assert modest.read().content == b"ok"
            for _ in range(5):
                assert client.read().content == b"ok"
        finally:
            application.go_on.set()
            loop.stop()
            thread.join(PATIENCE)
    assert application.called == ["/1", "/hold", "/modest", "/3", "/4", "/5"]


# Leaving clients to somebody else


def test_doors_that_are_left_stay_open(loop: Loop, listener: Listener, client: Client) -> None:
    loop.doors.leave()
    loop.doors.leave()  # twice is no harm
    loop.doors.reopen(LATER)
    loop.cover(SCRATCH)
    assert loop.open_connections == 0
    client.get()
    # Who waits is still there for another loop, with what was said.
    sock, _ = listener.accept()
    with sock:
        assert sock.recv(3) == b"GET"


def test_resting_connections_are_released(loop: Loop, client: Client) -> None:
    loop.cover(SCRATCH)
    assert loop.under_way
    (sock,) = loop.release_resting()
    with sock:
        assert loop.open_connections == 0
        assert not loop.under_way
        client.get()
        assert sock.recv(3) == b"GET"


def test_connection_with_unread_news_is_released(loop: Loop, client: Client) -> None:
    loop.cover(SCRATCH)
    client.get()
    loop._fetch()  # it is in the queue now
    (sock,) = loop.release_resting()
    with sock:
        assert sock.recv(3) == b"GET"
        assert loop.open_connections == 0


def test_request_that_nobody_else_can_read_is_not_lost(loop: Loop, client: Client) -> None:
    loop.cover(SCRATCH)
    (connection,) = loop._connections.values()
    connection.wire.tls = True
    connection._young_until = 0.0
    client.get()
    assert loop.release_resting() == []
    loop._fetch()  # it is in the queue now
    assert loop.release_resting() == []
    assert loop.open_connections == 1


def test_request_that_has_begun_is_not_released(loop: Loop, client: Client) -> None:
    loop.cover(SCRATCH)
    client.send("GET")
    loop.cover(SCRATCH)
    assert loop.release_resting() == []
    assert loop.under_way
    assert loop.open_connections == 1


def test_adopted_connection_is_served(loop: Loop) -> None:
    ours, theirs = socket.socketpair()
    client = Client(theirs)
    client.get()
    loop.adopt(ours)
    assert loop.open_connections == 1
    thread = threading.Thread(target=loop.work)
    thread.start()
    try:
        assert client.read().content == b"ok"
    finally:
        loop.stop()
        thread.join(PATIENCE)
        client.close()


def test_adopted_client_that_has_left(loop: Loop) -> None:
    sock = socket.socket()
    loop.adopt(sock)
    assert sock.fileno() == -1
    assert loop.open_connections == 0


def test_breaking_off(loop: Loop, client: Client) -> None:
    loop.cover(SCRATCH)
    loop.break_off()
    assert client.is_closed()
