"""Clients that are slow, clients that leave, and what the logs say of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from tests.server.conftest import Serve
from tests.server.inprocess import Client, Gate, Running

pytestmark = pytest.mark.network

KIB = 1 << 10
MIB = 1 << 20


def echo(environ: Any, start_response: Any) -> list[bytes]:
    """Answer with method, path and content."""
    content = environ["wsgi.input"].read()
    answer = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} ".encode() + content
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer]


# Deadlines


def test_half_a_head_is_408(serve: Serve) -> None:
    server = serve(echo, header_timeout=100)
    client = server.connect()
    client.send("GET / HTTP/1.1\r\nHost:")
    server.pass_time_until(client.has_news, 101)
    assert client.read().status == 408
    assert client.is_closed()
    assert server.logs.wait_for_entries(1)[0].status == 408


def test_half_a_second_head_is_408(serve: Serve) -> None:
    server = serve(echo, header_timeout=100, keep_alive=100)
    client = server.connect()
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HT")
    assert client.read().status == 200
    server.pass_time_until(client.has_news, 101)
    assert client.read().status == 408


def test_dripping_head_is_408(serve: Serve) -> None:
    server = serve(echo, header_timeout=100)
    client = server.connect()
    client.send("GET / HTTP/1.1\r\nHost: h\r\n")
    server.slot.wait_for(1)
    assert drip(server, client, b"X: y\r\n", 20) == 408


def begin_content(client: Client, size: int) -> None:
    """Send the head of a request; it has arrived when this returns."""
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n")
    client.send(f"Content-Length: {size}\r\n\r\n")
    assert client.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


def drip(server: Running, client: Client, piece: bytes, seconds: float) -> int:
    """Send a piece every so many seconds, until there is an answer."""
    for _ in range(50):
        server.pass_time(seconds)
        if client.has_news():
            break
        client.send(piece)
    return client.read().status


@pytest.mark.parametrize("first", [True, False])
def test_idle_connection_is_closed_in_silence(serve: Serve, first: bool) -> None:
    server = serve(echo, header_timeout=100) if first else serve(echo, keep_alive=100)
    client = server.connect()
    if not first:
        client.fetch()
    server.pass_time_until(client.has_news, 101)
    assert client.read_to_end() == b""
    assert len(server.logs.entries) == (not first)


def test_pausing_content_is_408(serve: Serve) -> None:
    server = serve(echo, body_timeout=0.1)
    client = server.connect()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf")
    assert client.read().status == 408
    (entry,) = server.logs.wait_for_entries(1)
    assert (entry.method, entry.status) == ("POST", 408)


def test_content_not_sent_although_asked_for_is_408(serve: Serve) -> None:
    client = serve(echo, body_timeout=0.1).connect()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    reply = client.read()
    assert (reply.status, reply.interim) == (408, [(100, [])])


def test_dripping_content_is_408(serve: Serve) -> None:
    server = serve(echo, body_timeout=50, body_grace=100, body_min_rate=100_000)
    client = server.connect()
    begin_content(client, 1000)
    assert drip(server, client, b"x", 20) == 408


def test_slow_but_steady_content_is_accepted(serve: Serve) -> None:
    server = serve(echo, body_timeout=100, body_grace=50, body_min_rate=1)
    client = server.connect()
    begin_content(client, 320)
    for _ in range(8):
        client.send("x" * 40)
        server.pass_time(40)  # together far more than the grace
    assert client.read().content == b"POST / " + b"x" * 320


# The client leaves


class Watched:
    """A generator's result that tells what became of it."""

    def __init__(self) -> None:
        self.closes = 0
        self.gate = Gate()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return self

    def __iter__(self) -> Iterator[bytes]:
        yield b"first"
        self.gate.enter()
        for _ in range(1000):
            yield bytes(64 * KIB)

    def close(self) -> None:
        self.closes += 1


def assert_serves_in_parallel(server: Running, gate: Gate, path: str) -> None:
    """All the threads are there: as many requests as there are threads run at one time."""
    clients = [server.connect() for _ in range(2)]
    for client in clients:
        client.get(path)
    gate.wait_for(2)
    gate.open()
    for client in clients:
        assert client.read().status == 200


@pytest.mark.parametrize("how", [Client.close, Client.reset])
@pytest.mark.parametrize(
    "begun",
    [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: h\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
    ],
)
def test_client_leaves_in_the_middle_of_a_request(serve: Serve, how: Any, begun: str) -> None:
    gate, called = Gate(), []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        called.append(environ["PATH_INFO"])
        gate.enter()
        return echo(environ, start_response)

    server = serve(app, body_buffer=2)
    for _ in range(4):
        client = server.connect()
        client.send(begun)
        how(client)
    assert_serves_in_parallel(server, gate, "/whole")
    assert called == ["/whole"] * 2


@pytest.mark.parametrize("how", [Client.close, Client.reset])
def test_client_leaves_while_the_application_is_at_it(serve: Serve, how: Any) -> None:
    watched, gate = Watched(), Gate()

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/leave":
            return watched(environ, start_response)
        gate.enter()
        return echo(environ, start_response)

    server = serve(app, response_buffer=256 * KIB)
    client = server.connect()
    client.get("/leave")
    watched.gate.wait_for()
    how(client)
    watched.gate.open()
    (entry,) = server.logs.wait_for_entries(1)
    assert watched.closes == 1
    assert entry.status == 200
    assert entry.response_length >= 5
    assert [record for record in server.logs.records if record.exc_info] == []
    assert_serves_in_parallel(server, gate, "/stay")


def test_client_leaves_before_its_answer(serve: Serve) -> None:
    gate = Gate()

    stay = Gate()

    def app(environ: Any, start_response: Any) -> list[bytes]:
        (stay if environ["PATH_INFO"] == "/stay" else gate).enter()
        start_response("200 OK", [])
        return [bytes(8 * MIB)]

    server = serve(app)
    clients = [server.connect() for _ in range(2)]
    for client in clients:
        client.get()
    gate.wait_for(2)
    for client in clients:
        client.reset()
    gate.open()
    assert [entry.status for entry in server.logs.wait_for_entries(2)] == [200, 200]
    server.slot.wait_for(0)
    assert_serves_in_parallel(server, stay, "/stay")


# The logs


def test_access_log_has_one_line_for_each_request(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/error":
            raise ValueError("on purpose")
        start_response("201 Created", [("X-Answer", "y")])
        return [b"content"]

    server = serve(app)
    client = server.connect()
    client.post("/post?q", b"body", "X-Ask: a")
    assert client.read().status == 201
    client.fetch("/head", method="HEAD")
    assert client.fetch("/error").status == 500
    client.send("nonsense\r\n\r\n")
    assert client.read().status == 400
    post, head, error, refused = server.logs.wait_for_entries(4)
    assert (post.method, post.target, post.protocol) == ("POST", "/post?q", "HTTP/1.1")
    assert (post.status, post.response_length) == (201, 7)
    assert ("x-ask", "a") in post.request_fields
    assert ("X-Answer", "y") in post.response_fields
    assert post.remote_addr == "127.0.0.1"
    assert post.remote_port == client.sock.getsockname()[1]
    assert post.pid == os.getpid()
    assert post.duration >= 0.0
    assert abs(post.started - time.time()) < 60
    assert (head.method, head.status, head.response_length) == ("HEAD", 201, 0)
    assert error.status == 500
    assert (refused.method, refused.target, refused.status) == ("", "", 400)


def test_errors_of_the_application_are_in_the_error_log(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        print("seen by", environ["PATH_INFO"], file=environ["wsgi.errors"])
        raise LookupError("on purpose")

    server = serve(app)
    reply = server.connect().fetch("/broken?x")
    assert b"purpose" not in reply.content
    server.logs.wait_for(lambda: len(server.logs.records) == 2)
    first, second = server.logs.records
    assert first.getMessage() == "seen by /broken"
    assert "GET /broken?x" in second.getMessage()
    assert second.exc_info is not None
    assert isinstance(second.exc_info[1], LookupError)


def test_half_lines_of_one_request_are_not_continued_by_the_next(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.errors"].write(f"half a line of {environ['PATH_INFO']}")
        start_response("200 OK", [])
        return []

    server = serve(app, threads=1)
    client = server.connect()
    client.fetch("/1")
    client.fetch("/2")
    server.logs.wait_for(lambda: len(server.logs.records) == 2)
    assert server.logs.messages == ["half a line of /1", "half a line of /2"]
