"""Three engines behind one interface: ours, h11, and llhttp as httptools binds it.

Each reads a stream as a server that answers every request and goes on while the connection is
kept. The two others are for tests only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import h11
import httptools
from tests.http1.outcome import read

__all__ = ["PEERS", "Parsed", "Verdict", "read_h11", "read_llhttp", "read_ours"]

Fields = list[tuple[bytes, bytes]]


@dataclass
class Parsed:
    """One request as an engine understood it; names are lower-case."""

    method: bytes = b""
    target: bytes = b""
    version: bytes = b""
    fields: Fields = field(default_factory=list)
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    keep_alive: bool = True
    complete: bool = False


@dataclass
class Verdict:
    """What an engine made of a stream: requests, and why it refused what stands behind them."""

    requests: list[Parsed] = field(default_factory=list)
    refusal: str | None = None

    @property
    def completed(self) -> int:
        """How many requests arrived to their end."""
        return sum(request.complete for request in self.requests)

    @property
    def ended(self) -> bool:
        """The last request closes the connection: nothing behind it counts."""
        return (
            bool(self.requests) and self.requests[-1].complete and not self.requests[-1].keep_alive
        )


def read_ours(raw: bytes) -> Verdict:
    """Read ``raw`` with :class:`dovetail.http1.reader.RequestReader`."""
    outcome = read([raw])
    verdict = Verdict(refusal=str(outcome.error) if outcome.error else None)
    for message in outcome.messages:
        head = message.head
        verdict.requests.append(
            Parsed(
                head.method.encode("latin-1"),
                head.target.encode("latin-1"),
                head.version[-3:].encode(),
                _encode(head.fields),
                message.body,
                _encode(message.trailers),
                head.keep_alive,
                message.complete,
            )
        )
    return verdict


def _encode(fields: list[tuple[str, str]]) -> Fields:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


def read_h11(raw: bytes) -> Verdict:
    """Read ``raw`` with h11 in the role of a server."""
    verdict = Verdict()
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=200_000)
    connection.receive_data(raw)
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            verdict.refusal = str(error)
            return verdict
        if isinstance(event, h11.Request):
            fields = [(bytes(name), bytes(value)) for name, value in event.headers]
            verdict.requests.append(
                Parsed(bytes(event.method), bytes(event.target), bytes(event.http_version), fields)
            )
        elif isinstance(event, h11.Data):
            verdict.requests[-1].body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
            verdict.requests[-1].trailers = trailers
            verdict.requests[-1].complete = True
            if not _answer_h11(connection):
                verdict.requests[-1].keep_alive = False
                return verdict
        else:
            return verdict


def _answer_h11(connection: h11.Connection) -> bool:
    """Answer a request; tell whether another may follow."""
    connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
        return False
    connection.start_next_cycle()
    return True


class _Protocol:
    """The callbacks of httptools."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.parser = httptools.HttpRequestParser(self)
        self.current = Parsed()
        self.in_head = True

    def on_message_begin(self) -> None:
        self.current = Parsed()
        self.in_head = True

    def on_url(self, url: bytes) -> None:
        self.current.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        fields = self.current.fields if self.in_head else self.current.trailers
        fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.current.method = self.parser.get_method()
        self.current.version = self.parser.get_http_version().encode()
        self.current.keep_alive = self.parser.should_keep_alive()
        if not self.verdict.ended:
            self.verdict.requests.append(self.current)

    def on_body(self, body: bytes) -> None:
        self.current.body += body

    def on_message_complete(self) -> None:
        self.current.complete = True


def read_llhttp(raw: bytes) -> Verdict:
    """Read ``raw`` with llhttp in its strict mode.

    llhttp stops behind a request for an upgrade; a new parser goes on there, as a server does that
    answers it like any other.
    """
    verdict = Verdict()
    rest = raw
    while True:
        protocol = _Protocol(verdict)
        try:
            protocol.parser.feed_data(rest)
        except httptools.HttpParserUpgrade as upgrade:
            rest = rest[upgrade.args[0] :]
            if rest and not verdict.ended:
                continue
        except httptools.HttpParserError as error:
            if not verdict.ended:
                verdict.refusal = str(error)
        return verdict


PEERS = {"h11": read_h11, "llhttp": read_llhttp}
