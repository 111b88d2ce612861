"""What a serving process does with the connections of others."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from tests.dev.live import PATIENCE

from dovetail.dev.reloader import generation as generations
from dovetail.dev.reloader import link as messages
from dovetail.dev.reloader.generation import Generation
from dovetail.dev.reloader.link import Link
from dovetail.server.poller import READABLE, wait_for

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(not Link.is_possible(), reason="this system has no such line"),
]


class Server:
    """Keeps what it is to go on with, unless it has ended."""

    def __init__(self, *, has_ended: bool = False) -> None:
        self.adopted: list[socket.socket] = []
        self.has_ended = has_ended
        self.shut: Callable[[], object] | None = None
        self.retiring, self.done = threading.Event(), threading.Event()

    def fileno(self) -> int:
        return -1

    def retire(
        self,
        grace: float,
        give: Callable[[list[socket.socket]], object] | None = None,
        shut: Callable[[], object] | None = None,
    ) -> list[socket.socket]:
        self.shut = shut
        self.retiring.set()
        assert self.done.wait(PATIENCE)
        return []

    def adopt(self, sockets: list[socket.socket]) -> list[socket.socket]:
        if self.has_ended:
            return sockets
        self.adopted += sockets
        return []


@pytest.mark.parametrize(
    ("is_retiring", "has_ended"),
    [(False, False), (True, False), (False, True)],
    ids=["serving", "retiring", "ended"],
)
def test_connections_that_arrive(
    is_retiring: bool, has_ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Generation, "has_begun", False)
    ours, theirs = Link.pair()
    client, connection = socket.socketpair()
    server = Server(has_ended=has_ended)
    generation = Generation(lambda: None, server, Link(theirs))
    generation._is_retiring = is_retiring
    with contextlib.closing(ours), theirs, client:
        ours.hand_over([connection])
        connection.close()
        ours.say(messages.GO)
        generation.begin()
        assert ours.listen() == (messages.SERVING, [])
        # Of a client that may have asked already none is lost: the next process gets it.
        is_late = is_retiring or has_ended
        kept = ours.listen()[1] if is_late else server.adopted
        assert bool(server.adopted) is not is_late
        client.sendall(b"a request")
        assert [sock.recv(100) for sock in kept] == [b"a request"]
        for sock in kept:
            sock.close()


@contextlib.contextmanager
def leaving() -> Iterator[tuple[Link, Server]]:
    """Have a server's process make room; yield the line to it."""
    ours, theirs = Link.pair()
    server = Server()
    generation = Generation(lambda: None, server, Link(theirs))
    thread = threading.Thread(target=generation._leave, args=(server,))
    with contextlib.closing(ours), theirs:
        thread.start()
        yield ours, server
        server.done.set()
        thread.join(PATIENCE)


def test_the_next_one_comes_when_nobody_is_accepted_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generations, "_HEAD_START", 0.0)
    with leaving() as (line, server):
        assert server.retiring.wait(PATIENCE)
        assert not wait_for(line.fileno(), READABLE, 0)
        assert server.shut is not None
        server.shut()
        assert line.listen() == (messages.NEXT, [])


def test_the_next_one_comes_in_the_end_also_if_clients_are_accepted_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generations, "GRACE", 0.0)
    with leaving() as (line, _):
        assert line.listen() == (messages.NEXT, [])
