from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from tests.dev.live import PATIENCE, hello, read_to_end

from dovetail.dev.conversation import Conversation, Owner, ServerLog, WitnessedWire
from dovetail.gateway import ApplicationError, base_environ
from dovetail.http1 import ProtocolError, Request
from dovetail.server.connection import Connection, Hooks
from dovetail.server.error_stream import ErrorStream
from dovetail.server.phases import Phase, Step
from dovetail.server.service import Service
from dovetail.server.settings import Settings

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
LOGGER = logging.getLogger("tests.dev")
SCRATCH = memoryview(bytearray(65536))


class Recorder:
    """A witness that writes down what it is told."""

    conversation: Conversation
    close_connection = False

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.handling: Callable[[], None] | None = None

    def handle(self) -> None:
        assert self.conversation.pending
        (self.handling or self.conversation.answer)()

    def finish(self) -> None:
        self.told.append("finish")

    def responding(self, status: int) -> None:
        self.told.append(status)

    def refused(self, request: Request | None, error: ProtocolError) -> None:
        self.told.append(("refused", request and request.target, str(error)))

    def failed(self, text: str, error: BaseException | None) -> None:
        self.told.append(("failed", text, type(error)))

    def handshake_failed(self, error: OSError) -> None:
        self.told.append(("handshake", type(error)))

    # What it tells of the owner

    def act_on(self, error: BaseException) -> None:
        self.told.append(("act on", type(error)))

    def note_given(self, sock: socket.socket) -> None:
        self.told.append("given")

    def forget(self, connection: Connection) -> None:
        assert connection is self.conversation


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
    recorder.conversation = Conversation(
        WitnessedWire(sock, service),
        service,
        Hooks(recorder.forget, recorder.forget),
        base,
        application=app,
        witness=recorder,
        owner=Owner(recorder.act_on, recorder.note_given),
    )
    return recorder.conversation, recorder


def advance(conversation: Conversation) -> Step:
    """Do what there is to do, as the loop does, except for running a request."""
    conversation.wire.readable = True
    while (step := conversation.advance(SCRATCH)) is Step.MORE:
        continue
    return step


def test_requests_in_turn(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets
    conversation, recorder = converse(ours)
    theirs.sendall(REQUEST * 2)
    for _ in range(2):
        assert advance(conversation) is Step.RUN
        assert conversation.pending
        assert conversation.request.target == "/"
        conversation.run()
        assert not conversation.pending
        assert not conversation.aborted
    theirs.shutdown(socket.SHUT_WR)
    assert advance(conversation) is Step.CLOSED
    assert read_to_end(theirs).count(b"hello") == 2
    assert recorder.told == [200, 200, "finish"]


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
    assert advance(conversation) is Step.RUN
    conversation.run()
    conversation.close()
    assert read_to_end(theirs).endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert told_at == [0, 1]
    assert recorder.told == [202, "finish"]


def test_refusals(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets
    conversation, recorder = converse(ours)
    theirs.sendall(REQUEST + b"nonsense\r\n\r\n")
    theirs.shutdown(socket.SHUT_WR)
    assert advance(conversation) is Step.RUN
    conversation.run()
    assert advance(conversation) is Step.CLOSED
    assert b"HTTP/1.1 400 " in read_to_end(theirs)
    assert recorder.told == [200, ("refused", None, "malformed request line"), 400, "finish"]


def test_a_client_that_takes_too_long(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets
    conversation, recorder = converse(ours)
    theirs.sendall(b"GET")
    assert advance(conversation) is Step.WAIT
    conversation.expire()
    assert recorder.told[-1] == 408
    assert b"HTTP/1.1 408 " in theirs.recv(4096)
    conversation.close()


def test_failures(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        raise ValueError("wrong")

    conversation, recorder = converse(ours, app)
    theirs.sendall(REQUEST)
    assert advance(conversation) is Step.RUN
    conversation.run()
    assert recorder.told == [("failed", "the application failed", ValueError), 500]


def test_a_witness_that_fails(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets

    def fail() -> None:
        raise SystemExit(3)

    conversation, recorder = converse(ours)
    recorder.handling = fail
    theirs.sendall(REQUEST)
    assert advance(conversation) is Step.RUN
    conversation.run()
    theirs.shutdown(socket.SHUT_WR)
    assert advance(conversation) is Step.CLOSED
    assert read_to_end(theirs) == b""
    assert recorder.told == [("act on", SystemExit), "finish"]


def test_a_witness_that_wants_no_more(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets

    def answer() -> None:
        conversation.answer()
        recorder.close_connection = True

    conversation, recorder = converse(ours)
    recorder.handling = answer
    theirs.sendall(REQUEST * 2)
    theirs.shutdown(socket.SHUT_WR)
    assert advance(conversation) is Step.RUN
    conversation.run()
    assert advance(conversation) is Step.CLOSED
    assert read_to_end(theirs).count(b"hello") == 1
    assert recorder.told == [200, "finish"]


def test_content(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    conversation, _ = converse(ours, app)
    theirs.sendall(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello")
    assert advance(conversation) is Step.RUN
    assert conversation.content.read(1) == b"h"
    conversation.run()
    conversation.close()
    assert read_to_end(theirs).endswith(b"\r\n\r\nello")  # the application got the same file


def test_taking_the_connection_over(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets
    taken: list[tuple[socket.socket, bytes]] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        taken.append(conversation.take_over())
        with pytest.raises(ApplicationError, match="once"):
            conversation.take_over()
        return []

    conversation, recorder = converse(ours, app)
    with pytest.raises(ApplicationError, match="while its request is handled"):
        conversation.take_over()
    theirs.sendall(REQUEST + b"more")
    assert advance(conversation) is Step.RUN
    conversation.run()
    assert conversation.phase is Phase.CLOSED
    assert recorder.told == ["given", 200, "finish"]
    ((sock, rest),) = taken
    assert rest == b"more"
    assert sock.getblocking()
    sock.sendall(b"whatever")
    sock.close()
    assert read_to_end(theirs) == b"whatever"
    with pytest.raises(ApplicationError):
        conversation.take_over()


def test_taking_the_connection_over_too_late(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = sockets

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        start_response("200 OK", [])
        yield b"one"
        with pytest.raises(ApplicationError, match="begun"):
            conversation.take_over()
        yield b"two"

    conversation, _ = converse(ours, app)
    theirs.sendall(REQUEST)
    assert advance(conversation) is Step.RUN
    conversation.run()
    conversation.close()
    assert read_to_end(theirs).endswith(b"two\r\n0\r\n\r\n")


def test_giving_up_an_idle_connection(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets
    conversation, recorder = converse(ours)
    assert conversation.at_rest
    theirs.sendall(REQUEST)
    assert advance(conversation) is Step.RUN
    assert not conversation.at_rest
    conversation.run()
    assert advance(conversation) is Step.WAIT
    assert b"hello" in theirs.recv(4096)
    assert conversation.at_rest
    theirs.sendall(b"GET")
    assert conversation.surrender() is ours
    assert recorder.told == [200, "finish"]
    assert ours.recv(10) == b"GET"
    assert conversation.phase is Phase.CLOSED
