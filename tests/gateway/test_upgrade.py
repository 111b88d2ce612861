from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from dovetail.gateway import UpgradeSocket

#: How long anything may take that has to happen, in seconds.
PATIENCE = 30


class Connection:
    """Two ends of a connection; ``detach`` gives one of them away, once."""

    def __init__(self, received: bytes = b"") -> None:
        self.ours, self.theirs = socket.socketpair()
        for end in (self.ours, self.theirs):
            end.settimeout(PATIENCE)
        self.received = received
        self.detached = 0

    def detach(self) -> tuple[socket.socket, bytes]:
        self.detached += 1
        return self.ours, self.received

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def connection() -> Iterator[Connection]:
    connection = Connection(b"received")
    yield connection
    connection.close()


def test_holding_it_takes_nothing(connection: Connection) -> None:
    upgrade = UpgradeSocket(connection.detach)
    assert repr(upgrade)
    assert upgrade in [upgrade]
    assert not upgrade.is_taken
    assert connection.detached == 0


def test_first_use_takes_the_socket_once(connection: Connection) -> None:
    upgrade = UpgradeSocket(connection.detach)
    assert upgrade.fileno() == connection.ours.fileno()
    upgrade.sendall(b"hello")
    assert upgrade.is_taken
    assert connection.theirs.recv(100) == b"hello"
    assert connection.detached == 1


def test_what_had_arrived_comes_first(connection: Connection) -> None:
    upgrade = UpgradeSocket(connection.detach)
    connection.theirs.sendall(b" and more")
    assert upgrade.recv(3) == b"rec"
    assert upgrade.recv(100) == b"eived"
    assert upgrade.recv(100) == b" and more"


def test_recv_into(connection: Connection) -> None:
    upgrade = UpgradeSocket(connection.detach)
    connection.theirs.sendall(b"more")
    buffer = bytearray(6)
    assert upgrade.recv_into(buffer) == 6
    assert buffer == b"receiv"
    assert upgrade.recv_into(buffer, 1) == 1
    assert upgrade.recv_into(memoryview(buffer)[2:]) == 1
    assert buffer == b"eedeiv"
    assert upgrade.recv_into(buffer) == 4
    assert buffer == b"moreiv"


def test_end_of_the_connection(connection: Connection) -> None:
    upgrade = UpgradeSocket(connection.detach)
    connection.theirs.close()
    assert upgrade.recv(100) == b"received"
    assert upgrade.recv(100) == b""


def test_attributes_are_the_sockets(connection: Connection) -> None:
    upgrade = UpgradeSocket(connection.detach)
    assert upgrade.family == socket.AF_UNIX
    with pytest.raises(AttributeError):
        upgrade.no_such_attribute  # noqa: B018


def test_error_of_taking_it_reaches_the_application() -> None:
    def detach() -> tuple[socket.socket, bytes]:
        raise RuntimeError("the response has begun")

    upgrade = UpgradeSocket(detach)
    with pytest.raises(RuntimeError, match="has begun"):
        upgrade.recv(1)
    with pytest.raises(RuntimeError, match="has begun"):
        upgrade.send(b"x")


def test_threads_may_send_while_another_receives(connection: Connection) -> None:
    upgrade = UpgradeSocket(connection.detach)
    assert upgrade.recv(100) == b"received"
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(upgrade.recv(100)))
    thread.start()
    upgrade.sendall(b"ping")
    assert connection.theirs.recv(100) == b"ping"
    connection.theirs.sendall(b"pong")
    thread.join(PATIENCE)
    assert received == [b"pong"]
