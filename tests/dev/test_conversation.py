from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from tests.dev.live import PATIENCE, hello, read_to_end

from dovetail.dev.conversation import Conversation, ServerLog, WitnessedWire
from dovetail.gateway import base_environ
from dovetail.http1 import ProtocolError, Request
from dovetail.server.error_stream import ErrorStream
from dovetail.server.service import Service
from dovetail.server.settings import Settings

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
LOGGER = logging.getLogger("tests.dev")


class Recorder:
    """A witness that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def responding(self, status: int) -> None:
        self.told.append(status)

    def refused(self, request: Request | None, error: ProtocolError) -> None:
        self.told.append(("refused", request and request.target, str(error)))

    def failed(self, text: str, error: BaseException | None) -> None:
        self.told.append(("failed", text, type(error)))

    def handshake_failed(self, error: OSError) -> None:
        self.told.append(("handshake", type(error)))


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(PATIENCE)
    with ours, theirs:
        yield ours, theirs


def converse(
    sock: socket.socket, app: WSGIApplication = hello, **settings: Any
) -> tuple[Conversation, Recorder]:
    sock.setblocking(False)
    service = Service(Settings(**settings), app, ServerLog(LOGGER).as_logs(), flushes=False)
    base = base_environ(
        scheme="http",
        server=None,
        client=None,
        errors=ErrorStream(LOGGER),  # type: ignore[arg-type]
        multithread=False,
        multiprocess=False,
    )
    recorder = Recorder()
    return Conversation(WitnessedWire(sock, service), service, recorder, base), recorder


def test_requests_in_turn(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets
    conversation, recorder = converse(ours)
    theirs.sendall(REQUEST * 2)
    for _ in range(2):
        assert conversation.receive_request()
        assert conversation.pending
        assert conversation.request.target == "/"
        conversation.run()
        assert not conversation.pending
        assert not conversation.aborted
    theirs.shutdown(socket.SHUT_WR)
    assert not conversation.receive_request()
    assert read_to_end(theirs).count(b"hello") == 2
    assert recorder.told == [200, 200]


def test_a_response_is_told_of_once_and_beforehand(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = sockets
    told_at: list[int] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        environ["wsgi.early_hints"]([("Link", "</a.css>")])
        start_response("202 Accepted", [])
        for piece in (b"one", b"two"):
            told_at.append(len(recorder.told))
            yield piece

    conversation, recorder = converse(ours, app)
    theirs.sendall(REQUEST)
    assert conversation.receive_request()
    conversation.run()
    conversation.conclude()
    assert read_to_end(theirs).endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert told_at == [0, 1]
    assert recorder.told == [202]


def test_refusals(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets
    conversation, recorder = converse(ours)
    theirs.sendall(REQUEST + b"nonsense\r\n\r\n")
    theirs.shutdown(socket.SHUT_WR)
    assert conversation.receive_request()
    conversation.run()
    assert not conversation.receive_request()
    assert b"HTTP/1.1 400 " in read_to_end(theirs)
    assert recorder.told == [200, ("refused", None, "malformed request line"), 400]


def test_a_client_that_takes_too_long(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets
    conversation, recorder = converse(ours, header_timeout=0.01)
    theirs.sendall(b"GET")
    theirs.shutdown(socket.SHUT_WR)
    assert not conversation.receive_request()
    assert recorder.told[-1] in (400, 408)  # its end may have come first
    assert b"HTTP/1.1 4" in read_to_end(theirs)


def test_failures(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        raise ValueError("wrong")

    conversation, recorder = converse(ours, app)
    theirs.sendall(REQUEST)
    assert conversation.receive_request()
    conversation.run()
    assert recorder.told == [("failed", "the application failed", ValueError), 500]


def test_content(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    conversation, _ = converse(ours, app)
    theirs.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello")
    assert conversation.receive_request()
    assert conversation.content.read(1) == b"h"
    conversation.run()
    conversation.conclude()
    assert read_to_end(theirs).endswith(b"\r\n\r\nello")  # the application got the same file


def test_draining_wakes_who_waits(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets
    conversation, recorder = converse(ours)
    results: list[bool] = []
    waiting = threading.Thread(target=lambda: results.append(conversation.receive_request()))
    waiting.start()
    conversation.drain()
    waiting.join(PATIENCE)
    assert results == [False]
    assert read_to_end(theirs) == b""
    assert recorder.told == []
