"""Upgrades: the application takes the connection's socket, as WebSocket libraries do."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import signal
import socket
import threading
from typing import Any

import pytest
import simple_websocket  # type: ignore[import-untyped]
from tests.server.conftest import Serve
from tests.server.inprocess import PATIENCE, Client, Gate, Running

pytestmark = pytest.mark.network

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
UPGRADE = "GET {} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: {}\r\n"


class WebSocket:
    """A client that speaks just enough of RFC 6455."""

    def __init__(self, client: Client, *, early: bytes = b"") -> None:
        self.client = client
        key = base64.b64encode(os.urandom(16)).decode()
        head = UPGRADE.format("/", "websocket")
        head += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        client.send(head.encode() + early)
        answer = bytearray()
        while b"\r\n\r\n" not in answer:
            answer += self._receive(1)
        assert answer.startswith(b"HTTP/1.1 101 ")
        guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1((key + guid).encode()).digest())
        assert accept in answer

    def _receive(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            piece = self.client.sock.recv(count - len(octets))
            assert piece, "the server closed the connection"
            octets += piece
        return octets

    @staticmethod
    def frame(opcode: int, payload: bytes) -> bytes:
        mask = os.urandom(4)
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        masked = bytes(octet ^ mask[index % 4] for index, octet in enumerate(payload))
        return bytes([0x80 | opcode]) + length + mask + masked

    def send(self, opcode: int, payload: bytes) -> None:
        self.client.send(self.frame(opcode, payload))

    def receive(self) -> tuple[int, bytes]:
        first, length = self._receive(2)
        if length == 126:
            length = int.from_bytes(self._receive(2), "big")
        return first & 0x0F, self._receive(length)


def echo(environ: Any, start_response: Any) -> list[bytes]:
    """A WebSocket that says everything again; other requests get an ordinary answer."""
    if "HTTP_UPGRADE" not in environ:
        start_response("200 OK", [])
        return [b"ordinary"]
    websocket = simple_websocket.Server(environ)
    try:
        while True:
            websocket.send(websocket.receive())
    except simple_websocket.ConnectionClosed:
        return []
    finally:
        websocket.thread.join(PATIENCE)


def test_echo(serve: Serve) -> None:
    server = serve(echo)
    websocket = WebSocket(server.connect())
    for payload in (b"hello", b"", b"x" * 1000):
        websocket.send(TEXT, payload)
        assert websocket.receive() == (TEXT, payload)
    websocket.send(BINARY, bytes(range(256)))
    assert websocket.receive() == (BINARY, bytes(range(256)))
    websocket.send(PING, b"there?")
    assert websocket.receive() == (PONG, b"there?")
    websocket.send(CLOSE, b"\x03\xe8")
    assert websocket.receive()[0] == CLOSE
    assert websocket.client.is_closed()
    (entry,) = server.logs.wait_for_entries(1)
    assert (entry.status, entry.target) == (101, "/")
    assert server.logs.messages == []


def test_echo_by_tls(serve: Serve) -> None:
    websocket = WebSocket(serve(echo, tls=True).connect())
    websocket.send(TEXT, b"hello")
    assert websocket.receive() == (TEXT, b"hello")
    websocket.send(CLOSE, b"\x03\xe8")
    assert websocket.receive()[0] == CLOSE


def test_frame_that_came_with_the_request(serve: Serve) -> None:
    websocket = WebSocket(serve(echo).connect(), early=WebSocket.frame(TEXT, b"early"))
    assert websocket.receive() == (TEXT, b"early")
    websocket.send(CLOSE, b"\x03\xe8")


def test_client_that_leaves_frees_the_thread(serve: Serve) -> None:
    server = serve(echo, threads=1)
    for how in (Client.close, Client.reset):
        websocket = WebSocket(server.connect())
        websocket.send(TEXT, b"hello")
        assert websocket.receive() == (TEXT, b"hello")
        how(websocket.client)
        assert server.connect().fetch().content == b"ordinary"


def test_sockets_outlast_deadlines_and_the_loop_leaves_them_alone(serve: Serve) -> None:
    server = serve(echo, keep_alive=100, header_timeout=100, write_timeout=100)
    websocket = WebSocket(server.connect())
    idle = server.connect()
    server.pass_time_until(idle.has_news, 101)
    assert idle.is_closed()  # by its deadline, which has passed for the other one, too
    for _ in range(20):
        websocket.send(TEXT, b"still there")
        assert websocket.receive() == (TEXT, b"still there")
    websocket.send(CLOSE, b"\x03\xe8")


def take(environ: Any, start_response: Any) -> list[bytes]:
    """Take the socket without any library."""
    sock = environ["gunicorn.socket"]
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n")
    while line := sock.recv(100):
        sock.sendall(line.upper())
        if line == b"end":
            break
    start_response("200 OK", [])  # for form's sake
    return [b"nobody gets this"]


def test_socket_is_closed_when_the_application_returns(serve: Serve) -> None:
    server = serve(take)
    client = server.connect()
    client.send(UPGRADE.format("/", "own") + "\r\nbehind")
    assert client.read_until(b"BEHIND").startswith(b"HTTP/1.1 101 ")
    client.send("end")
    assert client.read_to_end() == b"END"
    server.slot.wait_for(0)


def test_socket_is_offered_with_upgrades_only(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        offered = [key for key in ("werkzeug.socket", "gunicorn.socket") if key in environ]
        return [" ".join(offered).encode()]

    client = serve(app).connect()
    assert client.fetch().content == b""
    assert client.fetch("/", "Upgrade: websocket").content == b""  # Connection does not name it
    client.send(UPGRADE.format("/", "websocket") + "\r\n")
    assert client.read().content == b"werkzeug.socket gunicorn.socket"
    assert client.fetch().content == b""  # nobody took it, so the connection goes on


def test_thread_that_still_reads_does_not_keep_the_connection_open(serve: Serve) -> None:
    """WebSocket libraries read in a thread of their own, which may outlive the request."""
    readers: list[threading.Thread] = []
    received: list[bytes] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        sock = environ["werkzeug.socket"]
        sock.sendall(b"taken")
        reading = threading.Event()

        def read() -> None:
            reading.set()
            with contextlib.suppress(OSError):  # it was closed before this thread came to it
                received.append(sock.recv(100))

        readers.append(threading.Thread(target=read))
        readers[0].start()
        assert reading.wait(PATIENCE)
        return []

    client = serve(app).connect()
    client.send(UPGRADE.format("/", "own") + "\r\n")
    assert client.sock.recv(100) == b"taken"
    assert client.read_to_end() == b""
    readers[0].join(PATIENCE)
    assert received in ([b""], [])


def drain_with(server: Running, websocket: WebSocket) -> int:
    server.signal(signal.SIGTERM)
    websocket.send(TEXT, b"in the drain")
    assert websocket.receive() == (TEXT, b"in the drain")
    assert server.steward.is_alive()
    websocket.send(CLOSE, b"\x03\xe8")
    assert websocket.receive()[0] == CLOSE
    return server.wait()


def test_drain_waits_for_taken_sockets(serve: Serve) -> None:
    server = serve(echo)
    websocket = WebSocket(server.connect())
    assert drain_with(server, websocket) == 0


def test_error_of_an_application_that_took_the_socket(serve: Serve) -> None:
    gate = Gate()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["werkzeug.socket"].sendall(b"taken")
        gate.enter()
        raise LookupError("on purpose")

    server = serve(app)
    client = server.connect()
    client.send(UPGRADE.format("/", "own") + "\r\n")
    assert client.sock.recv(100) == b"taken"
    gate.open()
    assert client.read_to_end() == b""
    server.logs.wait_for(lambda: server.logs.records)
    assert isinstance(server.logs.records[0].exc_info, tuple)
    assert isinstance(client.sock, socket.socket)
