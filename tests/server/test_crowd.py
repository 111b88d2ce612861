"""More clients than fit, and a neighbour that has fewer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.server.conftest import Serve, with_epoll
from tests.server.inprocess import Gate

from dovetail.server import doors

pytestmark = pytest.mark.network


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


def hello(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_EXHAUSTED_SECONDS", 0.05)


def test_no_more_connections_than_allowed(serve: Serve) -> None:
    server = serve(hello, worker_connections=3)
    inside = [server.connect() for _ in range(3)]
    for client in inside:
        assert client.fetch().content == b"hello"
    waiting = [server.connect() for _ in range(6)]
    for client in waiting:
        client.get()
    server.logs.wait_for(lambda: any("worker-connections" in text for text in server.logs.messages))
    assert server.slot.connections == 3
    server.logs.wait_for_entries(3)
    for client in inside:
        assert client.fetch().content == b"hello"
    for client, leaves in zip(waiting, [*inside, *waiting], strict=False):
        leaves.close()
        assert client.read().content == b"hello"
    assert len(server.logs.messages) == 1  # once a minute


def test_idle_clients_make_room_by_their_deadline(serve: Serve) -> None:
    server = serve(hello, worker_connections=2, keep_alive=100, header_timeout=100)
    for _ in range(2):
        server.connect()
    server.slot.wait_for(2)
    client = server.connect()
    client.get()
    server.pass_time_until(client.has_news, 101)
    assert client.read().content == b"hello"


@with_epoll
def test_neighbour_with_fewer_connections_gets_its_chance_first(serve: Serve) -> None:
    """And whoever nobody else takes is served all the same."""
    server = serve(hello)
    server.slot.least = 0
    clients = [server.connect() for _ in range(60)]
    for _ in range(2):
        for client in clients:
            assert client.fetch().content == b"hello"


@with_epoll
def test_stuck_worker_leaves_newcomers_to_one_that_is_not(serve: Serve, gate: Gate) -> None:
    """And takes them as soon as all are stuck."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        gate.enter()
        return hello(environ, start_response)

    server = serve(app, workers=2, threads=1)
    holder = server.connect()
    holder.get()
    gate.wait_for()
    server.slot.wait_until_full(True)
    server.slot.least = 1
    client = server.connect()
    client.send("nonsense\r\n\r\n")
    server.slot.wait_for_questions(5)
    assert server.slot.connections == 1
    server.slot.least = None
    assert client.read().status == 400
    gate.open()
    assert holder.read().content == b"hello"
    server.slot.wait_until_full(False)


@with_epoll
def test_worker_that_can_open_no_more_says_so(serve: Serve) -> None:
    server = serve(hello, workers=2, worker_connections=1)
    first = server.connect()
    server.slot.wait_for(1)
    second = server.connect()
    server.slot.wait_until_full(True)
    first.close()
    assert second.fetch().content == b"hello"
    second.close()
    server.slot.wait_until_full(False)


def test_many_connections_at_a_time(serve: Serve) -> None:
    server = serve(hello)
    for _ in range(3):
        clients = [server.connect() for _ in range(150)]
        for client in clients:
            client.get()
        for client in clients:
            assert client.read().content == b"hello"
        for client in clients:
            client.close()
        server.slot.wait_for(0)
    server.logs.wait_for_entries(450)


def test_pipeline_does_not_keep_others_waiting(serve: Serve, gate: Gate) -> None:
    """One thread; whoever has sent a request is served between those of a long pipeline."""
    order: list[str] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        order.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/hold":
            gate.enter()
        return hello(environ, start_response)

    server = serve(app, threads=1)
    greedy, modest = server.connect(), server.connect()
    greedy.get("/hold")
    gate.wait_for()
    greedy.send("GET /greedy HTTP/1.1\r\nHost: h\r\n\r\n" * 200)
    modest.get("/modest")
    for _ in range(2):  # the steward receives it: first it sees that all are busy
        server.wait_for_look()
    gate.open()
    assert modest.read().content == b"hello"
    for _ in range(201):
        assert greedy.read().content == b"hello"
    assert order.index("/modest") < 100
