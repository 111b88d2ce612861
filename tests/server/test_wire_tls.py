"""A worker that speaks TLS, and clients that do it well or badly."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import Serve
from tests.server.inprocess import Client, Gate, Running, listen_at

pytestmark = pytest.mark.network

MIB = 1 << 20


def app(environ: Any, start_response: Any) -> list[bytes]:
    content = environ["wsgi.input"].read()
    start_response("200 OK", [("X-Scheme", environ["wsgi.url_scheme"])])
    return [hashlib.sha256(content).hexdigest().encode()]


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def connect_strictly(server: Running) -> Client:
    """A client for which an end without close_notify is an error."""
    client = server.connect(plain=True)
    assert server.tls is not None
    client.sock = server.tls.wrap_socket(
        client.sock, server_hostname="localhost", suppress_ragged_eofs=False
    )
    return client


def test_requests(serve: Serve) -> None:
    server = serve(app, tls=True)
    client = server.connect()
    for _ in range(10):
        reply = client.fetch()
        assert reply["x-scheme"] == "https"
    assert server.logs.wait_for_entries(10)[0].remote_addr == "127.0.0.1"


@pytest.mark.parametrize("size", [1, 20_000, 5 * MIB])
def test_upload_arrives_intact(serve: Serve, size: int) -> None:
    client = serve(app, tls=True, body_buffer=10_000).connect()
    body = os.urandom(size)
    for _ in range(2):
        client.post("/", body)
        assert client.read().content == digest(body)


def test_pipelined_requests(serve: Serve) -> None:
    client = serve(app, tls=True).connect()
    bodies = [os.urandom(1000 * number) for number in range(30)]
    for body in bodies:
        client.post("/", body)
    for body in bodies:
        assert client.read().content == digest(body)


def test_requests_in_many_small_records(serve: Serve) -> None:
    client = serve(app, tls=True).connect()
    for octet in b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody":
        client.send(bytes([octet]))
    assert client.read().content == digest(b"body")


def test_content_is_asked_for(serve: Serve) -> None:
    client = serve(app, tls=True).connect()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert client.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send("body")
    assert client.read().content == digest(b"body")


def test_unix_socket(serve: Serve, tmp_path: Path) -> None:
    client = serve(app, tls=True, listener=listen_at(tmp_path / "socket")).connect()
    assert client.fetch()["x-scheme"] == "https"


# Handshakes


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01"])
def test_slow_handshakes_block_nobody(serve: Serve, begun: bytes) -> None:
    server = serve(app, tls=True, header_timeout=100)
    slow = [server.connect(plain=True) for _ in range(10)]
    for client in slow:
        client.send(begun)
    fast = server.connect()
    for _ in range(10):
        assert fast.fetch().status == 200
    for client in slow:
        server.pass_time_until(client.has_news, 101)
        assert client.is_closed()
    assert [entry.status for entry in server.logs.wait_for_entries(10)] == [200] * 10


# The ssl module drops a socket unclosed if the client resets it in the instant of its wrapping.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("how", [Client.close, Client.reset])
def test_client_leaves_in_the_handshake(serve: Serve, how: Any) -> None:
    server = serve(app, tls=True)
    for begun in (b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01"):
        client = server.connect(plain=True)
        client.send(begun)
        how(client)
    assert server.connect().fetch().status == 200


def test_client_that_speaks_plain_http(serve: Serve) -> None:
    server = serve(app, tls=True)
    client = server.connect(plain=True)
    client.get()
    with pytest.raises((ConnectionError, AssertionError)):
        assert client.read_to_end().startswith(b"HTTP/")
    assert server.connect().fetch().status == 200
    assert len(server.logs.wait_for_entries(1)) == 1


def test_client_that_does_not_trust_the_certificate(serve: Serve) -> None:
    server = serve(app, tls=True)
    client = server.connect(plain=True)
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(client.sock, server_hostname="localhost")
    assert server.connect().fetch().status == 200


# Ends


@pytest.mark.parametrize(
    "request_",
    [
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",  # and the connection is idle then
        "GET / HTTP/1.1\r\nHost: ",
    ],
)
def test_orderly_end_is_told(serve: Serve, request_: str) -> None:
    server = serve(app, tls=True, keep_alive=100, header_timeout=100)
    client = connect_strictly(server)
    client.send(request_)
    if request_.endswith(("Host: ", "Host: h\r\n\r\n")):
        server.pass_time_until(lambda: not server.slot.connections, 101)
    octets = client.read_to_end()
    assert octets.startswith(b"HTTP/1.1 ")
    assert octets.count(b"HTTP/1.1 ") == 1


def test_end_of_a_drain_is_told(serve: Serve) -> None:
    server = serve(app, tls=True)
    client = connect_strictly(server)
    client.fetch()
    server.signal(signal.SIGTERM)
    while client.fetch().fields.count(("connection", "close")) == 0:
        pass
    assert client.read_to_end() == b""
    client.close()
    assert server.wait() == 0


def test_end_of_unknown_length_is_told(serve: Serve) -> None:
    def pieces(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"a" * 100_000
        yield b"b" * 100_000

    client = connect_strictly(serve(pieces, tls=True))
    client.send("GET / HTTP/1.0\r\n\r\n")
    assert client.read_to_end().endswith(b"\r\n\r\n" + b"a" * 100_000 + b"b" * 100_000)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_end_that_is_none_is_not_told(serve: Serve, version: str) -> None:
    def failing(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"x" * 1000
        raise LookupError("on purpose")

    client = connect_strictly(serve(failing, tls=True))
    client.send(f"GET / HTTP/{version}\r\nHost: h\r\n\r\n")
    with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
        client.read_to_end()


def test_refused_client_that_goes_on_sending_reads_its_answer(serve: Serve) -> None:
    client = serve(app, tls=True, limit_request_body=1000).connect()
    client.send(f"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {3 * MIB}\r\n\r\n")
    client.send(bytes(3 * MIB))
    assert client.read().status == 413
    assert client.is_closed()


@pytest.mark.parametrize("how", ["close_notify", "shutdown", "close", "reset"])
def test_client_ends_its_side_in_the_middle_of_a_request(serve: Serve, how: str) -> None:
    server = serve(app, tls=True)
    client = server.connect()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf")
    match how:
        case "close_notify":
            assert isinstance(client.sock, ssl.SSLSocket)
            client.sock.settimeout(0.0)
            with pytest.raises(ssl.SSLError):  # it would wait for the other side's
                client.sock.unwrap()
            assert server.logs.wait_for_entries(1)[0].status == 400
            client.close()
        case "shutdown":
            socket.socket.shutdown(client.sock, socket.SHUT_WR)
        case "close":
            client.close()
        case "reset":
            client.reset()
    server.slot.wait_for(0)
    assert [entry.status for entry in server.logs.entries] in ([400], [])
    assert server.connect().fetch().status == 200


def test_client_that_leaves_while_it_is_answered(serve: Serve) -> None:
    gate = Gate()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/leave":
            gate.enter()
        start_response("200 OK", [])
        return [bytes(8 * MIB)]

    server = serve(slow, tls=True)
    clients = [server.connect() for _ in range(2)]
    for client, how in zip(clients, (Client.close, Client.reset), strict=True):
        client.get("/leave")
        gate.wait_for()
        how(client)
    gate.open()
    assert [entry.status for entry in server.logs.wait_for_entries(2)] == [200, 200]
    assert len(server.connect().fetch().content) == 8 * MIB
