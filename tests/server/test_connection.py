"""Requests over real sockets: how they arrive, and what becomes of the connection."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import Serve
from tests.server.inprocess import listen_at

from dovetail.http1 import Limits

pytestmark = pytest.mark.network

KIB = 1 << 10
MIB = 1 << 20
CRLF = "\r\n"


def echo(environ: Any, start_response: Any) -> list[bytes]:
    """Answer with method, path and content."""
    content = environ["wsgi.input"].read()
    answer = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} ".encode() + content
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer]


def digest(environ: Any, start_response: Any) -> list[bytes]:
    """Answer with the kind of wsgi.input and the digest of the content."""
    stream = environ["wsgi.input"]
    try:
        stream.fileno()
        kind = "file"
    except OSError:
        kind = "memory"
    content = hashlib.sha256()
    while block := stream.read(65536):
        content.update(block)
    start_response("200 OK", [])
    return [f"{kind} {environ['CONTENT_LENGTH']} {content.hexdigest()}".encode()]


def expected_digest(kind: str, body: bytes) -> bytes:
    return f"{kind} {len(body)} {hashlib.sha256(body).hexdigest()}".encode()


def chunked(body: bytes, size: int) -> bytes:
    """The body in chunks of a size."""
    parts = []
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        parts.append(b"%x\r\n%b\r\n" % (len(piece), piece))
    return b"".join(parts) + b"0\r\n\r\n"


# Keep-alive and pipelining


def test_connection_is_used_again(serve: Serve) -> None:
    server = serve(echo)
    client = server.connect()
    for number in range(20):
        assert client.fetch(f"/{number}").content == f"GET /{number} ".encode()
    assert server.slot.connections == 1


def test_pipelined_requests_are_answered_in_order(serve: Serve) -> None:
    client = serve(echo).connect()
    client.send("".join(f"GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n" for number in range(100)))
    for number in range(100):
        assert client.read().content == f"GET /{number} ".encode()


def test_pipelined_contents_do_not_mix(serve: Serve) -> None:
    client = serve(echo, body_buffer=50).connect()
    bodies = [os.urandom(number * 7) for number in range(30)]
    for number, body in enumerate(bodies):
        if number % 2:
            client.post(f"/{number}", body)
        else:
            head = f"POST /{number} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            client.send(head.encode() + chunked(body, 13))
    for number, body in enumerate(bodies):
        assert client.read().content == f"POST /{number} ".encode() + body


def test_requests_octet_by_octet(serve: Serve) -> None:
    client = serve(echo).connect()
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for (
        octet
    ) in b"POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.0\r\n\r\n":
        client.send(bytes([octet]))
    assert client.read().content == b"POST /slow body"
    assert client.read().content == b"GET / "
    assert client.is_closed()


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        ("GET / HTTP/1.1\r\nHost: h\r\n", True),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n", False),
        ("GET / HTTP/1.0\r\n", False),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_who_keeps_the_connection(serve: Serve, head: str, keeps: bool) -> None:
    client = serve(echo).connect()
    client.send(f"{head}\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n")
    assert client.read().complete
    if keeps:
        assert client.read().content == b"GET /next "
    else:
        assert client.is_closed()


def test_no_keep_alive_if_so_set(serve: Serve) -> None:
    client = serve(echo, keep_alive=0).connect()
    assert client.fetch()["connection"] == "close"
    assert client.is_closed()


def test_client_that_closes_its_side_gets_its_answers(serve: Serve) -> None:
    client = serve(echo).connect()
    for number in range(3):
        client.get(f"/{number}")
    client.sock.shutdown(socket.SHUT_WR)
    for number in range(3):
        assert client.read().content == f"GET /{number} ".encode()
    assert client.is_closed()


def test_empty_lines_between_requests(serve: Serve) -> None:
    client = serve(echo).connect()
    client.send("\r\n")
    assert client.fetch().status == 200
    client.send("\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n")
    assert client.read().content == b"GET /a "


def test_nothing_behind_a_refused_request_is_processed(serve: Serve) -> None:
    called = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        called.append(environ["PATH_INFO"])
        return echo(environ, start_response)

    server = serve(app)
    client = server.connect()
    client.get("/good")
    client.send("GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    client.get("/behind")
    assert client.read().status == 200
    refusal = client.read()
    assert (refusal.status, refusal["connection"]) == (400, "close")
    assert client.is_closed()
    assert called == ["/good"]
    assert [entry.status for entry in server.logs.wait_for_entries(2)] == [200, 400]


# Content


@pytest.mark.parametrize("size", [0, 1, 4 * KIB, 4 * KIB + 1, 3 * MIB])
@pytest.mark.parametrize("coding", ["counted", "chunked"])
def test_content_arrives_intact(serve: Serve, size: int, coding: str) -> None:
    server = serve(digest, body_buffer=4 * KIB)
    client = server.connect()
    body = os.urandom(size)
    for _ in range(2):
        if coding == "chunked":
            client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send(chunked(body, 100 * KIB))
        else:
            client.post("/", body)
        kind = "file" if size > 4 * KIB else "memory"
        assert client.read().content == expected_digest(kind, body)


def test_application_is_called_when_the_content_is_complete(serve: Serve) -> None:
    called: list[str] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        called.append(environ["PATH_INFO"])
        return echo(environ, start_response)

    server = serve(app)
    uploader, other = server.connect(), server.connect()
    uploader.send("POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nhal")
    assert other.fetch("/other").status == 200
    assert called == ["/other"]
    uploader.send("f")
    assert uploader.read().content == b"POST /up half"


def test_unread_content_does_not_harm_the_next_request(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    client = serve(app, body_buffer=10).connect()
    for number in range(3):
        client.post(f"/{number}", os.urandom(100 * KIB))
        assert client.read().content == f"/{number}".encode()


def test_content_is_closed_behind_the_request(serve: Serve) -> None:
    kept: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        kept.append(environ["wsgi.input"])
        start_response("200 OK", [])
        return []

    server = serve(app, body_buffer=10)
    client = server.connect()
    client.post("/", b"x" * 100)
    assert client.read().status == 200
    client.fetch()
    assert kept[0].closed


def test_missing_directory_for_bodies_is_a_500_and_no_more(serve: Serve) -> None:
    server = serve(digest, body_buffer=10, tmp_upload_dir="/no/such/directory")
    client = server.connect()
    client.post("/", b"x" * 100)
    reply = client.read()
    assert reply.status == 500
    assert b"directory" not in reply.content
    assert client.is_closed()
    client = server.connect()
    client.post("/", b"x" * 10)
    assert client.read().status == 200
    server.logs.wait_for(lambda: any("no room" in text for text in server.logs.messages))


@pytest.mark.parametrize(
    ("number", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EIO, 500)]
)
def test_disk_that_takes_no_more(
    serve: Serve, number: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(number, os.strerror(number))

    server = serve(digest, body_buffer=10)
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
        client = server.connect()
        client.post("/", b"x" * 100)
        assert client.read().status == status
        assert client.is_closed()
    assert server.logs.wait_for_entries(1)[0].status == status
    client = server.connect()
    client.post("/", b"x" * 100)
    assert client.read().status == 200


# Expect: 100-continue


EXPECTING = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"


def test_content_is_asked_for(serve: Serve) -> None:
    client = serve(echo).connect()
    for _ in range(2):
        client.send(f"{EXPECTING}Content-Length: 4\r\n\r\n")
        assert client.sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send("body")
        reply = client.read()
        assert (reply.content, reply.interim) == (b"POST / body", [])


def test_chunked_content_is_asked_for(serve: Serve) -> None:
    client = serve(echo).connect()
    client.send(f"{EXPECTING}Transfer-Encoding: chunked\r\n\r\n")
    assert client.sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send("4\r\nbody\r\n0\r\n\r\n")
    assert client.read().content == b"POST / body"


@pytest.mark.parametrize(
    "request_",
    [
        f"{EXPECTING}Content-Length: 4\r\n\r\nbody",  # it is on its way already
        f"{EXPECTING}Content-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_content_is_not_asked_for(serve: Serve, request_: str) -> None:
    client = serve(echo).connect()
    client.send(request_)
    reply = client.read()
    assert (reply.status, reply.interim) == (200, [])


def test_http10_is_never_sent_an_interim_response(serve: Serve) -> None:
    client = serve(echo).connect()
    client.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    client.send("body")
    assert client.read_to_end().startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Content-Length: 2000\r\n", 413),
        ("Content-Length: x\r\n", 400),
        ("Content-Length: 4\r\nHost: twice\r\n", 400),
        ("Transfer-Encoding: gzip, chunked\r\n", 501),
    ],
)
def test_refused_request_is_not_asked_for_its_content(
    serve: Serve, fields: str, status: int
) -> None:
    client = serve(echo, limit_request_body=1000).connect()
    client.send(f"{EXPECTING}{fields}\r\n")
    reply = client.read()
    assert (reply.status, reply.interim) == (status, [])
    assert client.is_closed()


# Refusals


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("\x16\x03\x01\x02\x00\x01\x00", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        ("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 501),
        (f"GET /{'a' * 9000} HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\nHost: h\r\nX: {'a' * 9000}\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: h\r\n" + "X: y\r\n" * 101 + "\r\n", 431),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\nHost: h\r\nExpect: a-miracle\r\n\r\n", 417),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
)
def test_refusal(serve: Serve, request_: str, status: int) -> None:
    server = serve(echo)
    client = server.connect()
    client.send(request_)
    reply = client.read()
    assert reply.status == status
    assert reply["connection"] == "close"
    assert reply["content-type"].startswith("text/plain")
    assert client.is_closed()
    (entry,) = server.logs.wait_for_entries(1)
    assert entry.status == status
    assert entry.response_length == len(reply.content)
    assert server.connect().fetch().status == 200


def test_refusal_of_head_has_no_content(serve: Serve) -> None:
    client = serve(echo, limit_request_body=10).connect()
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n")
    client.send("x" * 32)
    octets = client.read_to_end()
    assert octets.startswith(b"HTTP/1.1 413 ")
    assert octets.endswith(b"\r\n\r\n")


def test_chunked_content_over_the_limit(serve: Serve) -> None:
    client = serve(echo, limit_request_body=100).connect()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(chunked(bytes(200), 50))
    assert client.read().status == 413


@pytest.mark.parametrize("status", [413, 431])
def test_refused_client_that_goes_on_sending_reads_its_answer(serve: Serve, status: int) -> None:
    server = serve(echo, limit_request_body=1000)
    client = server.connect()
    if status == 413:
        client.send(f"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {3 * MIB}\r\n\r\n")
    else:
        client.send("GET / HTTP/1.1\r\nHost: h\r\nX: ")
    client.send(b"x" * 3 * MIB)
    reply = client.read()
    assert reply.status == status
    assert reply.complete
    assert client.is_closed()
    assert len(server.logs.wait_for_entries(1)) == 1


# Addresses


def describe(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    keys = ("SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme")
    return ["|".join(environ[key] for key in keys).encode()]


def test_addresses_of_tcp(serve: Serve) -> None:
    server = serve(describe)
    client = server.connect()
    port, own = server.address[1], client.sock.getsockname()[1]
    assert client.fetch().content == f"127.0.0.1|{port}|127.0.0.1|{own}|http".encode()


def test_addresses_of_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    server = serve(describe, listener=listen_at(tmp_path / "socket"))
    client = server.connect()
    client.send("GET / HTTP/1.1\r\nHost: shop.test:81\r\n\r\n")
    assert client.read().content == b"shop.test|81|||http"
    assert server.logs.wait_for_entries(1)[0].remote_addr == ""


def test_unix_socket_carries_everything(serve: Serve, tmp_path: Path) -> None:
    client = serve(digest, listener=listen_at(tmp_path / "socket"), body_buffer=100).connect()
    for size in (0, 100, 3 * MIB):
        body = os.urandom(size)
        client.post("/", body)
        kind = "file" if size > 100 else "memory"
        assert client.read().content == expected_digest(kind, body)
    client.send("bad\r\n\r\n")
    assert client.read().status == 400
    assert client.is_closed()


def test_limits_are_those_of_the_settings(serve: Serve) -> None:
    client = serve(echo, limit_request_line=8000, limit_request_fields=5).connect()
    assert client.fetch(f"/{'a' * 7000}").status == 200
    client.get("/", *(f"X-{number}: y" for number in range(5)))
    assert client.read().status == 431
    assert Limits().fields == 100
