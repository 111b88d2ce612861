"""One request through an exchange, without a socket: what was sent, and what a client reads."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TextIO
from wsgiref.types import WSGIApplication

import h11

from dovetail.gateway import ClientDisconnected, Exchange, RequestRecord, base_environ
from dovetail.gateway.environ import Environ, build_environ
from dovetail.http1 import Limits, Request, RequestReader

__all__ = [
    "DATE",
    "Outcome",
    "RecordingTransport",
    "Reply",
    "call",
    "make_environ",
    "make_request",
    "read_request",
]

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


class RecordingTransport:
    """Keeps what is sent. ``leaves_after``: the client is gone after so many octets."""

    def __init__(self, *, sends_files: bool = False, leaves_after: int | None = None) -> None:
        self.sends_files = sends_files
        self.calls: list[str] = []
        self.octets = b""
        self.finished = False
        #: How it was broken off: "abort" or "reset".
        self.broken = ""
        self._leaves_after = leaves_after

    def _keep(self, call: str, octets: bytes) -> None:
        assert not self.broken, "the exchange sent something after breaking the connection off"
        assert not self.finished, "the exchange sent something behind the end of the response"
        self.calls.append(call)
        if self._leaves_after is not None and len(self.octets) + len(octets) > self._leaves_after:
            raise ClientDisconnected("the client is gone")
        self.octets += octets

    def send(self, *pieces: bytes) -> None:
        self._keep("send", b"".join(pieces))

    def send_file(self, fd: int, offset: int, size: int) -> None:
        try:
            octets = os.pread(fd, size, offset)
        finally:
            os.close(fd)
        assert len(octets) == size
        self._keep("send_file", octets)

    def finish(self, *pieces: bytes) -> None:
        self._keep("finish", b"".join(pieces))
        self.finished = True

    def abort(self, *, reset: bool) -> None:
        assert not self.broken
        self.broken = "reset" if reset else "abort"


@dataclass
class Reply:
    """A response as a strict client reads it; names in lower case."""

    status: int
    reason: str
    fields: list[tuple[str, str]]
    content: bytes = b""
    complete: bool = False
    interim: list[tuple[int, list[tuple[str, str]]]] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        (value,) = (value for known, value in self.fields if known == name)
        return value

    def __contains__(self, name: str) -> bool:
        return any(known == name for known, _ in self.fields)

    @classmethod
    def parse(cls, octets: bytes, method: str = "GET", *, closed: bool = False) -> Reply:
        """Read one response; raise AssertionError for anything behind it."""
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=method, target="/", headers=[("Host", "test")]))
        client.send(h11.EndOfMessage())
        client.receive_data(octets)
        if closed:
            client.receive_data(b"")
        interim = []
        while isinstance(event := client.next_event(), h11.InformationalResponse):
            interim.append((event.status_code, _text(event.headers)))
        assert isinstance(event, h11.Response)
        reason = bytes(event.reason).decode("latin-1")
        reply = cls(event.status_code, reason, _text(event.headers), interim=interim)
        while isinstance(data := client.next_event(), h11.Data):
            reply.content += bytes(data.data)
        reply.complete = isinstance(data, h11.EndOfMessage)
        rest, _ = client.trailing_data
        assert not (reply.complete and rest), f"behind the response: {rest!r}"
        return reply


def _text(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


@dataclass
class Outcome:
    """What became of one call."""

    exchange: Exchange
    transport: RecordingTransport
    #: What was reported, each with the exception's text.
    reports: list[tuple[str, str]]

    @property
    def octets(self) -> bytes:
        return self.transport.octets

    @property
    def reply(self) -> Reply:
        """The response, which has to be there to its end."""
        assert not self.transport.broken
        assert self.transport.finished
        request, exchange = self.exchange.request, self.exchange
        reply = Reply.parse(self.octets, request.method, closed=not exchange.keep_alive)
        assert reply.complete
        return reply

    @property
    def partial(self) -> Reply:
        """The response that was broken off."""
        assert self.transport.broken
        return Reply.parse(self.octets, self.exchange.request.method)


def read_request(octets: bytes) -> Request:
    """Return the head of a request as the engine reads it."""
    reader = RequestReader(Limits())
    reader.receive(octets)
    event = reader.next_event()
    assert isinstance(event, Request)
    return event


def make_request(method: str = "GET", target: str = "/", *, http11: bool = True) -> Request:
    """Return an ordinary request's head."""
    version = "HTTP/1.1" if http11 else "HTTP/1.0"
    return read_request(f"{method} {target} {version}\r\nHost: test\r\n\r\n".encode())


def make_environ(
    request: Request, *, body: bytes = b"", errors: TextIO | None = None, **options: Any
) -> Environ:
    """Return the environ of a request that came over TCP; ``options`` are base_environ's."""
    base: dict[str, Any] = {
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.2", 50123),
        "multithread": True,
        "multiprocess": False,
    }
    return build_environ(
        base_environ(errors=errors or io.StringIO(), **base | options),
        request,
        body=io.BytesIO(body),
        length=len(body),
        record=RequestRecord(),
        early_hints=lambda headers: None,
    )


def call(
    application: WSGIApplication,
    request: Request | None = None,
    *,
    body: bytes = b"",
    transport: RecordingTransport | None = None,
    errors: TextIO | None = None,
    keep_alive: bool = True,
) -> Outcome:
    """Take one request through the application; ``test.detach`` takes the socket over."""
    request = request or make_request()
    transport = transport or RecordingTransport()
    reports: list[tuple[str, str]] = []

    def report(text: str, error: BaseException | None) -> None:
        reports.append((text, str(error) if error is not None else ""))

    exchange = Exchange(
        request, transport, date=lambda: DATE, report=report, may_keep_alive=lambda: keep_alive
    )
    environ = make_environ(request, body=body, errors=errors)
    environ["wsgi.early_hints"] = exchange.early_hints
    environ["test.detach"] = exchange.detach
    exchange.run(application, environ)
    return Outcome(exchange, transport, reports)
