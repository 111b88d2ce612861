from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from dovetail.dev import lobby as lobby_module
from dovetail.dev.lobby import Lobby

pytestmark = pytest.mark.network


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def lobby(listener: socket.socket) -> Iterator[Lobby]:
    lobby = Lobby(listener)
    yield lobby
    lobby.close()


def is_readable(lobby: Lobby) -> bool:
    return bool(select.select([lobby], [], [], 0)[0])


def test_a_client_is_taken_once_it_has_sent_something(
    lobby: Lobby, listener: socket.socket
) -> None:
    assert Lobby.is_possible()
    assert not is_readable(lobby)
    with socket.create_connection(listener.getsockname()) as client:
        assert is_readable(lobby)
        with pytest.raises(BlockingIOError):
            lobby.take()
        assert not is_readable(lobby)
        client.sendall(b"hello")
        assert is_readable(lobby)
        sock, address = lobby.take()
        assert address == client.getsockname()
        assert sock.recv(10) == b"hello"
        assert sock.getblocking()
        assert not is_readable(lobby)
        sock.close()


def test_a_client_that_left_is_taken(lobby: Lobby, listener: socket.socket) -> None:
    client = socket.create_connection(listener.getsockname())
    with pytest.raises(BlockingIOError):
        lobby.take()
    client.close()
    sock, _ = lobby.take()
    assert sock.recv(10) == b""
    sock.close()


def test_there_is_room_for_so_many(
    lobby: Lobby, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lobby_module, "_MOST", 2)
    clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
    for _ in clients:
        with pytest.raises(BlockingIOError):
            lobby.take()
    assert clients[2].recv(1) == b""
    lobby.close()
    for client in clients:
        assert client.recv(1) == b""
        client.close()
