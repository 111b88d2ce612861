"""Content that the application takes as it arrives."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.server.conftest import Serve
from tests.server.inprocess import PATIENCE, Gate

from dovetail.gateway import ClientDisconnected

pytestmark = pytest.mark.network

KIB = 1 << 10
MIB = 1 << 20
POST = "POST / HTTP/1.1\r\nHost: h\r\n"


def echo(environ: Any, start_response: Any) -> list[bytes]:
    content = environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [content]


def ignore(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"not read"]


def pairs(environ: Any, start_response: Any) -> Iterator[bytes]:
    """Answer each line before the next one is read."""
    start_response("200 OK", [])
    for line in environ["wsgi.input"]:
        yield b"got " + line


def test_application_runs_while_content_arrives(serve: Serve) -> None:
    client = serve(pairs, stream_input=True).connect()
    client.send(f"{POST}Transfer-Encoding: chunked\r\n\r\n")
    client.send("4\r\none\n\r\n")
    client.read_until(b"got one\n")
    client.send("4\r\ntwo\n\r\n0\r\n\r\n")
    assert b"got two\n" in client.read_until(b"\r\n0\r\n\r\n")


def test_application_asks_by_an_attribute(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        return pairs(environ, start_response)

    app.dovetail_stream_input = True  # type: ignore[attr-defined]
    client = serve(app).connect()
    client.send(f"{POST}Content-Length: 8\r\n\r\none\n")
    client.read_until(b"got one\n")
    client.send("two\n")
    assert b"got two\n" in client.read_until(b"\r\n0\r\n\r\n")


def test_length_is_what_the_client_said(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        answer = f"{environ.get('CONTENT_LENGTH')} {environ['wsgi.input'].read(4)!r}"
        return [answer.encode()]

    client = serve(app, stream_input=True).connect()
    client.post("/", b"body")
    assert client.read().content == b"4 b'body'"
    client.send(f"{POST}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
    assert client.read().content == b"None b'body'"
    assert client.fetch().content == b"None b''"


@pytest.mark.parametrize("size", [0, 1, 100 * KIB, 3 * MIB])
def test_content_arrives_intact(serve: Serve, size: int) -> None:
    client = serve(echo, stream_input=True).connect()
    body = os.urandom(size)
    for _ in range(2):
        client.post("/", body)
        assert client.read().content == body


def test_pipelined_requests(serve: Serve) -> None:
    client = serve(echo, stream_input=True).connect()
    bodies = [os.urandom(100 * number) for number in range(20)]
    for body in bodies:
        client.post("/", body)
    for body in bodies:
        assert client.read().content == body


def test_content_is_asked_for_on_the_first_read_only(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.early_hints"]([("Link", "</a>")])
        stream = environ["wsgi.input"]
        assert stream.read(0) == b""
        environ["wsgi.early_hints"]([("Link", "</b>")])
        content = stream.read(1) + stream.read()
        start_response("200 OK", [])
        return [content]

    client = serve(app, stream_input=True).connect()
    for _ in range(2):
        client.send(f"{POST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        received = client.read_until(b"100 Continue\r\n\r\n")
        assert received.count(b"103 Early Hints") == 2
        client.send("body")
        reply = client.read()
        assert (reply.content, reply.interim) == (b"body", [])


def test_content_that_is_not_asked_for_ends_the_connection(serve: Serve) -> None:
    """Whether the client sends it all the same cannot be known."""
    client = serve(ignore, stream_input=True).connect()
    client.send(f"{POST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    reply = client.read()
    assert (reply.content, reply.interim) == (b"not read", [])
    assert reply["connection"] == "close"
    assert client.is_closed()


def test_refused_before_it_is_asked_for(serve: Serve) -> None:
    client = serve(echo, stream_input=True, limit_request_body=10).connect()
    client.send(f"{POST}Expect: 100-continue\r\nContent-Length: 40\r\n\r\n")
    assert client.read().status == 413


@pytest.mark.parametrize("coding", ["Content-Length: 5000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("late", [True, False])
def test_unread_content_is_passed_over(serve: Serve, coding: str, late: bool) -> None:
    client = serve(ignore, stream_input=True).connect()
    content = bytes(5000) if "Length" in coding else b"1388\r\n" + bytes(5000) + b"\r\n0\r\n\r\n"
    for _ in range(3):
        head = f"{POST}{coding}\r\n\r\n".encode()
        if late:
            client.send(head)
            assert client.read().content == b"not read"
            client.send(content)
        else:
            client.send(head + content)
            assert client.read().content == b"not read"


def test_much_unread_content_ends_the_connection(serve: Serve) -> None:
    client = serve(ignore, stream_input=True).connect()
    client.send(f"{POST}Content-Length: {3 * MIB}\r\n\r\n")
    reply = client.read()
    assert reply.content == b"not read"
    # It is told before it asks again: by then it may not see yet that nobody listens any more.
    assert reply["connection"] == "close"
    client.send(bytes(3 * MIB))
    client.get("/next")
    assert client.is_closed()


def test_much_unread_content_of_unknown_length_ends_the_connection(serve: Serve) -> None:
    client = serve(ignore, stream_input=True).connect()
    client.send(f"{POST}Transfer-Encoding: chunked\r\n\r\n")
    assert client.read().content == b"not read"
    client.send(b"%x\r\n" % (3 * MIB) + bytes(3 * MIB) + b"\r\n0\r\n\r\n")
    client.get("/next")
    assert client.is_closed()


def test_unread_content_that_never_comes_ends_the_connection(serve: Serve) -> None:
    client = serve(ignore, stream_input=True, body_timeout=0.1).connect()
    client.send(f"{POST}Content-Length: 10\r\n\r\n")
    assert client.read().content == b"not read"
    assert client.read_to_end() == b""


def test_malformed_content_that_nobody_reads(serve: Serve) -> None:
    server = serve(ignore, stream_input=True)
    client = server.connect()
    client.send(f"{POST}Transfer-Encoding: chunked\r\n\r\n")
    assert client.read().content == b"not read"
    client.send("zz\r\n")
    client.get("/next")
    assert client.read_to_end() == b""
    assert len(server.logs.entries) == 1


class Catcher:
    """Reads, and keeps what was raised."""

    def __init__(self) -> None:
        self.caught: list[BaseException] = []
        self.done = threading.Event()
        self.gate = Gate()

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        stream = environ["wsgi.input"]
        try:
            stream.read(4)
            self.gate.enter()
            stream.read()
        except OSError as error:
            self.caught.append(error)
            self.done.set()
            raise
        start_response("200 OK", [])
        return [b"never"]


@pytest.mark.parametrize("coding", ["Content-Length: 100", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("how", ["shutdown", "close", "reset"])
def test_cut_content_raises(serve: Serve, coding: str, how: str) -> None:
    app = Catcher()
    server = serve(app, stream_input=True)
    client = server.connect()
    content = "half of it" if "Length" in coding else "64\r\nhalf of it"
    client.send(f"{POST}{coding}\r\n\r\n{content}")
    app.gate.wait_for()
    if how == "shutdown":
        client.sock.shutdown(socket.SHUT_WR)
    elif how == "reset":
        client.reset()
    else:
        client.close()
    app.gate.open()
    server.logs.wait_for_entries(1)
    (error,) = app.caught
    assert isinstance(error, ClientDisconnected)
    assert [record for record in server.logs.records if record.exc_info] == []
    server.slot.wait_for(0)
    assert server.connect().fetch().content == b"never"


def test_malformed_content_raises(serve: Serve) -> None:
    app = Catcher()
    app.gate.open()
    server = serve(app, stream_input=True)
    client = server.connect()
    client.send(f"{POST}Transfer-Encoding: chunked\r\n\r\n4\r\ngood\r\nzz\r\n")
    assert client.is_closed()
    assert isinstance(app.caught[0], ClientDisconnected)
    assert [record for record in server.logs.records if record.exc_info] == []


def test_content_over_the_limit_raises(serve: Serve) -> None:
    app = Catcher()
    app.gate.open()
    client = serve(app, stream_input=True, limit_request_body=6).connect()
    client.send(f"{POST}Transfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n4\r\ntoo \r\n")
    assert client.is_closed()
    assert isinstance(app.caught[0], ClientDisconnected)


def test_content_that_pauses_raises(serve: Serve) -> None:
    app = Catcher()
    app.gate.open()
    client = serve(app, stream_input=True, body_timeout=0.05).connect()
    client.send(f"{POST}Content-Length: 10\r\n\r\nfour")
    assert client.is_closed()
    assert isinstance(app.caught[0], ClientDisconnected)


def test_content_that_drips_raises(serve: Serve) -> None:
    """No pause is too long, and still it takes longer than its octets may."""
    app = Catcher()
    app.gate.open()
    client = serve(app, stream_input=True, body_grace=0.1, body_min_rate=1000).connect()
    client.send(f"{POST}Content-Length: 1000000\r\n\r\n")
    with contextlib.suppress(OSError):
        deadline = time.monotonic() + PATIENCE
        while not app.done.wait(0.01) and time.monotonic() < deadline:
            client.send("x")
    assert app.done.is_set()
    assert isinstance(app.caught[0], ClientDisconnected)


def test_application_that_answers_a_cut_content(serve: Serve) -> None:
    """A client that has only closed its side can still read the answer."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            environ["wsgi.input"].read()
        except OSError:
            start_response("400 Bad Request", [])
            return [b"cut"]
        raise AssertionError("the content was not cut")

    client = serve(app, stream_input=True).connect()
    client.send(f"{POST}Content-Length: 10\r\n\r\nfour")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.read().content == b"cut"
    assert client.is_closed()


def test_big_content_by_tls(serve: Serve) -> None:
    client = serve(echo, tls=True, stream_input=True).connect()
    body = os.urandom(MIB)
    client.post("/", body)
    assert client.read().content == body
