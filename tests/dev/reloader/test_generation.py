"""What a serving process does with the connections of others."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable

import pytest

from dovetail.dev.reloader import link as messages
from dovetail.dev.reloader.generation import Generation
from dovetail.dev.reloader.link import Link

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(not Link.is_possible(), reason="this system has no such line"),
]


class Server:
    """Keeps what it is to go on with."""

    def __init__(self) -> None:
        self.adopted: list[socket.socket] = []

    def fileno(self) -> int:
        return -1

    def retire(
        self,
        grace: float,
        give: Callable[[list[socket.socket]], object] | None = None,
    ) -> list[socket.socket]:
        return []

    def adopt(self, sockets: Iterable[socket.socket]) -> None:
        self.adopted += sockets


@pytest.mark.parametrize("is_retiring", [False, True], ids=["serving", "retiring"])
def test_connections_that_arrive(is_retiring: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Generation, "has_begun", False)
    ours, theirs = Link.pair()
    client, connection = socket.socketpair()
    server = Server()
    generation = Generation(lambda: None, server, Link(theirs))
    generation._is_retiring = is_retiring
    with contextlib.closing(ours), theirs, client:
        ours.hand_over([connection])
        connection.close()
        ours.say(messages.GO)
        generation.begin()
        assert ours.listen() == (messages.SERVING, [])
        # Of a client that may have asked already none is lost: the next process gets it.
        kept = ours.listen()[1] if is_retiring else server.adopted
        assert bool(server.adopted) is not is_retiring
        client.sendall(b"a request")
        assert [sock.recv(100) for sock in kept] == [b"a request"]
        for sock in kept:
            sock.close()
