"""The debugger behind the development server: what goes over the wire when an application fails."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from tests.dev.live import PATIENCE, connect, get, read_to_end, serving

from dovetail.dev.debugger import DebuggedApplication
from dovetail.dev.server import BaseWSGIServer


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/begun":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return begun()
    if environ["PATH_INFO"] == "/fine":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"fine"]
    raise ValueError("failed on purpose")


def begun() -> Iterator[bytes]:
    yield b"first"
    raise ValueError("failed on the way")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BaseWSGIServer]:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "123")
    with serving(DebuggedApplication(application, evalex=True), threaded=True) as running:
        yield running


def test_a_page_and_the_connection_goes_on(server: BaseWSGIServer) -> None:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        for _ in range(2):
            client.request("GET", "/", headers={"Accept": "text/html"})
            response = client.getresponse()
            assert response.status == 500
            page = response.read().decode()
            assert len(page.encode()) == int(response.headers["Content-Length"])
            assert "failed on purpose" in page
        client.request("GET", "/fine")
        assert client.getresponse().read() == b"fine"
    finally:
        client.close()


def test_head(server: BaseWSGIServer) -> None:
    status, fields, content = get(server, method="HEAD")
    assert (status, content) == (500, b"")
    assert int(fields["content-length"]) > 100


def test_content_that_the_application_did_not_read(server: BaseWSGIServer) -> None:
    status, _, content = get(server, method="POST", body=b"x" * 3_000_000)
    assert status == 500
    assert b"failed on purpose" in content


def test_a_response_that_has_begun_ends_too_early(server: BaseWSGIServer) -> None:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        client.request("GET", "/begun")
        response = client.getresponse()
        assert response.status == 200
        with pytest.raises(http.client.IncompleteRead) as raised:
            response.read()
        assert raised.value.partial == b"first"
    finally:
        client.close()


def test_an_old_client_that_names_no_host_gets_no_console(server: BaseWSGIServer) -> None:
    with connect(server) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        head, _, page = read_to_end(sock).partition(b"\r\n\r\n")
    assert b" 500 " in head
    assert b"failed on purpose" in page
    assert b"No console" in page


@pytest.mark.parametrize("path", ["/__dovetail__/errors/", "/?__debugger__=yes&cmd=1&frm=0"])
def test_what_is_refused_leaves_the_server_well(server: BaseWSGIServer, path: str) -> None:
    assert get(server, path)[0] in {403, 404}
    assert get(server, "/fine")[2] == b"fine"
