from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
from tests.server.inprocess import PATIENCE

from dovetail.server.duplex import DuplexTlsSocket
from dovetail.server.settings import Settings
from dovetail.server.tls import make_context

MIB = 1 << 20
Ends = tuple[DuplexTlsSocket, ssl.SSLSocket]


@pytest.fixture
def ends(certificate: str, client_tls: ssl.SSLContext) -> Iterator[Ends]:
    """The server's end and an ordinary client's."""
    context = make_context(Settings(certfile=certificate))
    assert context is not None
    accepted: list[ssl.SSLSocket] = []
    ours, theirs = socket.socketpair()
    thread = threading.Thread(
        target=lambda: accepted.append(context.wrap_socket(ours, server_side=True))
    )
    thread.start()
    theirs.settimeout(PATIENCE)
    client = client_tls.wrap_socket(theirs, server_hostname="localhost")
    thread.join(PATIENCE)
    server = DuplexTlsSocket(accepted[0])
    yield server, client
    server.close()
    client.close()


def receive(sock: DuplexTlsSocket | ssl.SSLSocket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        octets = sock.recv(count - len(received))
        assert octets
        received += octets
    return bytes(received)


def test_both_ways(ends: Ends) -> None:
    server, client = ends
    client.sendall(b"ping")
    assert server.recv(100) == b"ping"
    server.sendall(b"pong")
    assert client.recv(100) == b"pong"
    client.sendall(b"into")
    buffer = bytearray(10)
    assert server.recv_into(buffer) == 4
    assert buffer[:4] == b"into"


def test_send_sends_all(ends: Ends) -> None:
    server, client = ends
    content = os.urandom(MIB)
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(receive(client, MIB)))
    thread.start()
    assert server.send(content) == MIB
    thread.join(PATIENCE)
    assert received == [content]


def test_threads_send_and_receive_at_a_time(ends: Ends) -> None:
    server, client = ends
    content = os.urandom(MIB)
    echoed: list[bytes] = []
    received: list[bytes] = []

    def echo() -> None:
        while len(echoed) * 4096 < MIB:
            octets = receive(server, 4096)
            echoed.append(octets)
            server.sendall(octets)

    def say() -> None:
        for _ in range(64):
            server.sendall(bytes(4096))

    # An ordinary TLS socket is for one thread at a time, at this end, too.
    other = DuplexTlsSocket(client)

    def read() -> None:
        received.append(receive(other, MIB + 64 * 4096))

    threads = [threading.Thread(target=target) for target in (echo, say, read)]
    for thread in threads:
        thread.start()
    assert other.send(content) == MIB
    for thread in threads:
        thread.join(PATIENCE)
    assert b"".join(echoed) == content
    assert len(received[0]) == MIB + 64 * 4096


def test_timeouts(ends: Ends) -> None:
    server, client = ends
    assert server.gettimeout() is None
    server.settimeout(0.01)
    assert server.gettimeout() == 0.01
    with pytest.raises(TimeoutError):
        server.recv(1)
    with pytest.raises(TimeoutError):
        server.sendall(bytes(64 * MIB))
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.recv(1)
    server.setblocking(True)
    client.sendall(b"x")
    assert server.recv(1) == b"x"


def test_end(ends: Ends) -> None:
    server, client = ends
    # With it come the session tickets; left unread, they would turn the end into a reset.
    server.sendall(b"x")
    assert client.recv(1) == b"x"
    client.close()
    assert server.recv(100) == b""


def test_other_attributes_are_the_sockets(ends: Ends) -> None:
    server, _ = ends
    assert server.version() == "TLSv1.3"
    assert server.fileno() >= 0
    server.close()
    with pytest.raises(OSError, match="descriptor"):
        server.recv(1)


def test_thread_that_waits_wakes_up_when_the_connection_ends(ends: Ends) -> None:
    server, client = ends
    ended: list[object] = []

    def read() -> None:
        try:
            ended.append(server.recv(1))
        except OSError as error:
            ended.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    socket.socket.shutdown(client, socket.SHUT_RDWR)
    thread.join(PATIENCE)
    assert ended == [b""] or isinstance(ended[0], OSError)
