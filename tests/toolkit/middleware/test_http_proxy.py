from __future__ import annotations

import io
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dovetail.data.exceptions import ClientDisconnected
from dovetail.dev.certificates import make_ssl_devcert
from dovetail.toolkit.middleware.http_proxy import ProxyMiddleware

PATIENCE = 30.0


class Echo(BaseHTTPRequestHandler):
    """Answers with what it got, as JSON."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(iter(self.read_chunk, b""))
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        got = {
            "method": self.command,
            "path": self.path,
            "fields": [[name.lower(), value] for name, value in self.headers.items()],
            "body": body.decode("latin-1"),
        }
        content = json.dumps(got).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Echo", "1")
        self.send_header("X-Echo", "2")
        self.send_header("Keep-Alive", "timeout=5")
        self.send_header("Connection", "X-Private")
        self.send_header("X-Private", "secret")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def read_chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        data = self.rfile.read(size)
        assert self.rfile.read(2) == b"\r\n"
        return data

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_BREW = answer  # noqa: N815

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    scheme = "http" if context is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serving() as url:
        yield url


@contextmanager
def scripted(conversation: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that takes one connection and does as it is told."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)

    def run() -> None:
        connection, _ = listener.accept()
        connection.settimeout(PATIENCE)
        # Who is not satisfied may hang up before it has taken all.
        with connection, suppress(ConnectionError):
            conversation(connection)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join(PATIENCE)
        listener.close()


def read_head(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        received = connection.recv(65536)
        if not received:
            break
        data += received
    return data


def answering(octets: bytes) -> Callable[[socket.socket], None]:
    def conversation(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(octets)

    return conversation


def own(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("X-Own", "1")])
    return [b"own"]


class Answer:
    def __init__(self, app: Any, path: str, **environ: Any) -> None:
        full = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SERVER_NAME": "outer",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "outer:99",
            "wsgi.input": io.BytesIO(),
            "wsgi.url_scheme": "http",
            **environ,
        }
        self.started: list[Any] = []
        body = app(full, lambda *arguments: self.started.append(arguments))
        try:
            self.body = b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()
        ((self.status, self.headers, *_),) = self.started

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def sent(self, name: str) -> list[str]:
        return [value for key, value in self.json["fields"] if key == name]


def patient(targets: dict[str, dict[str, Any]]) -> Any:
    """Return an application that waits long: its target is a thread of the same busy process."""
    return ProxyMiddleware(own, targets, timeout=PATIENCE)  # type: ignore[arg-type]


def proxied(target: str, path: str = "/x/", opts: Any = (), **environ: Any) -> Answer:
    return Answer(patient({"/x": {"target": target, **dict(opts)}}), path, **environ)


def content(octets: bytes, **more: Any) -> dict[str, Any]:
    return {"wsgi.input": io.BytesIO(octets), **more}


def test_a_response(upstream: str) -> None:
    answer = proxied(upstream)
    assert answer.status == "200 OK"
    names = [name.lower() for name, _ in answer.headers]
    assert ("X-Echo", "1") in answer.headers
    assert ("X-Echo", "2") in answer.headers
    assert not {"keep-alive", "connection", "x-private", "transfer-encoding"} & {*names}
    assert ("Content-Length", str(len(answer.body))) in answer.headers


def test_what_lies_elsewhere_is_answered_here(upstream: str) -> None:
    for path in ("/", "/xy", "/x", "/y/x/"):
        assert proxied(upstream, path).body == b"own"


def test_the_first_target_that_fits(upstream: str) -> None:
    app = patient({"/x/y": {"target": "http://127.0.0.1:1"}, "x/": {"target": upstream}})
    assert list(app.targets) == ["/x/y/", "/x/"]
    assert Answer(app, "/x/z").json["path"] == "/x/z"
    assert Answer(app, "/x/y/z").status == "502 BAD GATEWAY"


@pytest.mark.parametrize("path", ["/x/../secret", "/x/y/../../secret", "/x/..", "/x/./../secret"])
@pytest.mark.parametrize("remove_prefix", [False, True])
def test_a_path_that_leads_out_is_not_passed_on(
    upstream: str, path: str, remove_prefix: bool
) -> None:
    app = patient({"/x": {"target": upstream, "remove_prefix": remove_prefix}})
    assert Answer(app, path).body == b"own"
    for inside in ("/x/y/../z", "/x/..y", "/x/y/.."):
        assert Answer(app, inside).body != b"own"


def test_everything(upstream: str) -> None:
    app = patient({"/": {"target": upstream}})
    assert Answer(app, "/a/b").json["path"] == "/a/b"


@pytest.mark.parametrize(
    ("base", "opts", "path", "expected"),
    [
        ("", {}, "/x/y", "/x/y"),
        ("/base", {}, "/x/y", "/x/y"),
        ("", {"remove_prefix": True}, "/x/y", "/y"),
        ("", {"remove_prefix": True}, "/x/", "/"),
        ("/base/", {"remove_prefix": True}, "/x/y", "/base/y"),
        ("/base", {"remove_prefix": True}, "/x/x/y", "/base/x/y"),
    ],
)
def test_paths(upstream: str, base: str, opts: dict[str, Any], path: str, expected: str) -> None:
    assert proxied(upstream + base, path, opts).json["path"] == expected


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/x/\xc3\xa9 b%", "", "/x/%C3%A9%20b%25"),
        ("/x/a?b#c", "q=%20&r=1", "/x/a%3Fb%23c?q=%20&r=1"),
        ("/x/\r\nA: b", "a\r\nB: c", "/x/%0D%0AA:%20b?a%0D%0AB:%20c"),
        ("/x/a:b;c=d,e'f(g)!*~@&+$", "", "/x/a:b;c=d,e'f(g)!*~@&+$"),
    ],
)
def test_encoding_of_the_target(upstream: str, path: str, query: str, expected: str) -> None:
    assert proxied(upstream, path, QUERY_STRING=query).json["path"] == expected


@pytest.mark.parametrize(
    ("opts", "expected"),
    [
        ({}, "127.0.0.1"),
        ({"host": "<auto>"}, "127.0.0.1"),
        ({"host": "other:1"}, "other:1"),
        ({"host": None}, "outer:99"),
    ],
)
def test_host(upstream: str, opts: dict[str, Any], expected: str) -> None:
    assert proxied(upstream, opts=opts).sent("host") == [expected]


def test_fields(upstream: str) -> None:
    answer = proxied(
        upstream,
        opts={"headers": {"X-More": "m", "X-Both": "b"}},
        HTTP_X_BOTH="a",
        HTTP_CONNECTION="keep-alive, X-Private",
        HTTP_X_PRIVATE="p",
        HTTP_KEEP_ALIVE="5",
        HTTP_TE="trailers",
        HTTP_UPGRADE="h2c",
        HTTP_PROXY_AUTHORIZATION="p",
        HTTP_PROXY_CONNECTION="p",
        HTTP_EXPECT="100-continue",
        HTTP_COOKIE="a=\xe9",
    )
    names = {name for name, _ in answer.json["fields"]}
    assert names == {"x-both", "x-more", "connection", "host", "cookie"}
    assert answer.sent("x-more") == ["m"]
    assert answer.sent("x-both") == ["a", "b"]
    assert answer.sent("connection") == ["close"]
    assert answer.sent("cookie") == ["a=\xe9"]


@pytest.mark.parametrize("size", [1, 16384, 100_000])
def test_content(upstream: str, size: int) -> None:
    sent = content(b"a" * size + b"next request")
    answer = proxied(upstream, REQUEST_METHOD="POST", CONTENT_LENGTH=str(size), **sent)
    assert answer.json["body"] == "a" * size
    assert answer.sent("content-length") == [str(size)]


def test_content_of_unknown_length(upstream: str) -> None:
    answer = proxied(
        upstream,
        REQUEST_METHOD="PUT",
        HTTP_TRANSFER_ENCODING="chunked",
        **content(b"a" * 50_000, **{"wsgi.input_terminated": True}),
    )
    assert answer.json["body"] == "a" * 50_000
    assert answer.sent("transfer-encoding") == ["chunked"]
    assert answer.sent("content-length") == []


def test_no_content(upstream: str) -> None:
    assert proxied(upstream, REQUEST_METHOD="POST").sent("content-length") == ["0"]
    assert proxied(upstream, REQUEST_METHOD="DELETE").sent("content-length") == []
    assert proxied(upstream, REQUEST_METHOD="BREW").json["method"] == "BREW"
    head = proxied(upstream, REQUEST_METHOD="HEAD")
    assert head.body == b""
    assert dict(head.headers)["Content-Length"] != "0"


def test_a_client_that_goes_away(upstream: str) -> None:
    with pytest.raises(ClientDisconnected):
        proxied(
            upstream,
            REQUEST_METHOD="POST",
            CONTENT_LENGTH="10",
            **content(b"short"),
        )


def test_a_stream_is_passed_on_as_it_comes() -> None:
    seen = threading.Event()

    def conversation(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert seen.wait(PATIENCE)
        connection.sendall(b"6\r\nsecond\r\n0\r\n\r\n")

    with scripted(conversation) as target:
        app = patient({"/x": {"target": target}})
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/x/", "wsgi.input": io.BytesIO()}
        started: list[Any] = []
        body = app(environ, lambda *arguments: started.append(arguments))
        chunks = iter(body)
        assert next(chunks) == b"first"
        seen.set()
        assert list(chunks) == [b"second"]
        body.close()
    assert started == [("200 OK", [])]


def test_a_response_that_is_not_read_is_closed() -> None:
    closed = threading.Event()

    def conversation(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        assert connection.recv(1) == b""
        closed.set()

    with scripted(conversation) as target:
        app = patient({"/x": {"target": target}})
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/x/", "wsgi.input": io.BytesIO()}
        app(environ, lambda *_: None).close()
    assert closed.is_set()


def test_an_answer_before_all_was_sent() -> None:
    def conversation(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with scripted(conversation) as target:
        sent = content(b"a" * 100_000)
        answer = proxied(target, REQUEST_METHOD="POST", CONTENT_LENGTH="100000", **sent)
    assert answer.status == "413 Too Large"


@pytest.mark.parametrize(
    ("octets", "status", "headers", "body"),
    [
        (
            b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n",
            "302 Found",
            [("Location", "/y"), ("Content-Length", "0")],
            b"",
        ),
        (b'HTTP/1.1 304 No\r\nETag: "a"\r\n\r\n', "304 No", [("ETag", '"a"')], b""),
        (b"HTTP/1.0 200 OK\r\n\r\nold", "200 OK", [], b"old"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            "200 OK",
            [("Content-Length", "1")],
            b"x",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x\r\n\r\nx",
            "200 OK",
            [("Content-Type", "multipart/x")],
            b"x",
        ),
        (b"HTTP/1.1 200\r\n\r\nx", "200 ", [], b"x"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", "200 OK", [], b"x"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\r\n", "200 OK", [("A", "b c")], b""),
        (b"HTTP/1.1 200 OK\r\nA: \xe9\r\n\r\n", "200 OK", [("A", "\xe9")], b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n"
            b"1\r\nx\r\n0\r\n\r\n",
            "200 OK",
            [],
            b"x",
        ),
    ],
)
def test_responses(octets: bytes, status: str, headers: Any, body: bytes) -> None:
    with scripted(answering(octets)) as target:
        answer = proxied(target)
    assert (answer.status, answer.headers, answer.body) == (status, headers, body)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"nonsense",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
        b"HTTP/1.1 200 O\rK\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno field\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\n A: b\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nA\x01: b\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        *(
            b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\nx" % n
            for n in (b"+1", b"-1", b"0_1", b"")
        ),
    ],
)
def test_bad_gateway(octets: bytes) -> None:
    with scripted(answering(octets)) as target:
        answer = proxied(target)
    assert answer.status == "502 BAD GATEWAY"
    assert b"<h1>Bad Gateway</h1>" in answer.body


def test_nobody_there() -> None:
    with socket.socket() as bound:
        # Nobody else gets the port as long as it is bound, and nobody listens.
        bound.bind(("127.0.0.1", 0))
        target = f"http://127.0.0.1:{bound.getsockname()[1]}"
        assert proxied(target).status == "502 BAD GATEWAY"


def test_timeout() -> None:
    gone = threading.Event()

    def conversation(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass
        gone.set()

    with scripted(conversation) as target:
        app = ProxyMiddleware(own, {"/x": {"target": target}}, timeout=0.05)  # type: ignore[arg-type]
        assert Answer(app, "/x/").status == "502 BAD GATEWAY"
    assert gone.is_set()


@pytest.mark.parametrize("target", ["ftp://127.0.0.1", "http://", "127.0.0.1:80"])
def test_targets_that_are_none(target: str) -> None:
    with pytest.raises(RuntimeError, match="http or https"):
        proxied(target)


def test_tls(tmp_path: Path) -> None:
    certificate, key = make_ssl_devcert(str(tmp_path / "server"), host="127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=certificate)
    trusting.check_hostname = False
    with serving(context) as target:
        assert proxied(target, opts={"ssl_context": trusting}).json["path"] == "/x/"
        # Without a context the certificate has to be one that the system trusts.
        assert proxied(target).status == "502 BAD GATEWAY"


def test_attributes(upstream: str) -> None:
    opts = {"target": upstream, "host": None, "own": 1}
    app: Any = ProxyMiddleware(own, {"/x": opts}, 5, 6)
    assert (app.app, app.chunk_size, app.timeout) == (own, 5, 6)
    assert app.targets["/x/"] == {
        "target": upstream,
        "host": None,
        "remove_prefix": False,
        "headers": {},
        "ssl_context": None,
        "own": 1,
    }
    assert opts == {"target": upstream, "host": None, "own": 1}
    answer = Answer(app.proxy_to(app.targets["/x/"], "/x/y", "/x/"), "/elsewhere")
    assert answer.json["path"] == "/x/y"
