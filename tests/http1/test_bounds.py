"""Bounded memory and linear work, counted and not timed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from types import FrameType
from typing import Any, SupportsIndex

import pytest
from tests.http1.outcome import Outcome, drain, octet_by_octet

from dovetail.http1.limits import Limits
from dovetail.http1.reader import RequestReader

PIECE = 65536
LIMITS = Limits()
#: What may wait in the buffer: an incomplete head, size line or trailer section.
BOUND = LIMITS.request_line + LIMITS.head_size + 4

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
HEAD = b"GET / HTTP/1.1\r\nHost: a.test\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000000\r\n\r\n"

# beginning, what is repeated for ever behind it, and the status that ends it
ENDLESS = {
    "request line": (b"GET /", b"a", 414),
    "method": (b"", b"A", 414),
    "field": (HEAD + b"X: ", b"a", 431),
    "field name": (HEAD, b"a", 431),
    "fields": (HEAD, b"X:y\r\n", 431),
    "big fields": (HEAD, b"X: " + b"y" * 8000 + b"\r\n", 431),
    "empty lines": (b"", b"\r\n", 400),
    "chunk size": (CHUNKED, b"0", 400),
    "chunk extension": (CHUNKED + b"5;", b"a", 400),
    "quoted extension": (CHUNKED + b'5;a="', b"\\a", 400),
    "extensions": (CHUNKED, b"1;" + b"a" * 4000 + b"\r\nx\r\n", 400),
    "trailer": (CHUNKED + b"0\r\nX: ", b"a", 431),
    "trailers": (CHUNKED + b"0\r\n", b"X:y\r\n", 431),
    "big trailers": (CHUNKED + b"0\r\n", b"X: " + b"y" * 8000 + b"\r\n", 431),
    "requests": (b"", GET, None),
    "content": (LONG, b"abc", None),
    "chunks": (CHUNKED, b"1\r\nx\r\n", None),
    "big chunks": (CHUNKED, b"ffff\r\n" + b"x" * 65535 + b"\r\n", None),
    "padded chunks": (CHUNKED, b"0" * 4000 + b"1\r\nx\r\n", 400),
}


def stream(beginning: bytes, repeated: bytes, size: int) -> bytes:
    return beginning + repeated * (size // len(repeated))


def in_pieces(raw: bytes, size: int) -> Iterator[bytes]:
    return (raw[start : start + size] for start in range(0, len(raw), size))


class Forgetful(Outcome):
    """Keeps no more than the newest message, and none of its content."""

    def forget(self) -> None:
        del self.messages[:-1]
        for message in self.messages:
            message.body = b""


@pytest.mark.parametrize("size", [PIECE, 1000])
@pytest.mark.parametrize(("beginning", "repeated", "status"), ENDLESS.values(), ids=ENDLESS)
def test_endless_streams(beginning: bytes, repeated: bytes, status: int | None, size: int) -> None:
    """What waits in the buffer stays bounded, and what has no end is refused."""
    reader = RequestReader(LIMITS)
    outcome = Forgetful()
    for piece in in_pieces(stream(beginning, repeated, 16 * PIECE), size):
        reader.receive(piece)
        drain(reader, outcome)
        outcome.forget()
        assert reader.buffered <= BOUND
    assert outcome.status == status


def test_nothing_is_kept_behind_a_refusal() -> None:
    reader = RequestReader(LIMITS)
    outcome = Outcome()
    for piece in chain([b"\0"], repeat(b"a" * PIECE, 4)):
        reader.receive(piece)
        drain(reader, outcome)
        assert reader.buffered == 0


class CountingBuffer(bytearray):
    """Counts the octets that are searched, compared and copied."""

    looked_at = 0

    def find(  # type: ignore[override]
        self, sub: bytes, start: int = 0, end: int | None = None
    ) -> int:
        stop = len(self) if end is None else min(end, len(self))
        found = super().find(sub, start, stop)
        self.looked_at += (found + len(sub) if found >= 0 else stop) - min(start, stop)
        return found

    def startswith(self, *arguments: Any) -> bool:
        self.looked_at += 2
        return super().startswith(*arguments)

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        item = super().__getitem__(index)
        self.looked_at += len(item) if isinstance(item, bytearray) else 1
        return item


def calls_of(work: Callable[[], None]) -> int:
    """Count the calls, of Python and of C functions, that ``work`` makes."""
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    previous = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(previous)
    return count


def cost(pieces: Iterable[bytes]) -> tuple[int, int]:
    """Return how many calls a stream costs and how many octets were looked at."""
    reader = RequestReader(LIMITS)
    buffer = CountingBuffer()
    reader._buffer = buffer
    outcome = Forgetful()

    def work() -> None:
        for piece in pieces:
            reader.receive(piece)
            drain(reader, outcome)
            outcome.forget()

    calls = calls_of(work)
    assert outcome.error is None
    assert reader._buffer is buffer
    return calls, buffer.looked_at


BIG_HEAD = [b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\nHost: a.test\r\n"]
BIG_HEAD += [b"X%d: " % number + b"y" * 500 + b"\r\n" for number in range(90)]

# name: a stream of about so many octets
STREAMS: dict[str, Callable[[int], bytes]] = {
    "head": lambda size: b"".join(BIG_HEAD)[:size],
    "field": lambda size: (HEAD + b"X: " + b"y" * 8000)[:size],
    "content": lambda size: stream(LONG, b"x", size),
    "chunks": lambda size: stream(CHUNKED, b"1\r\nx\r\n", size),
    "big chunk": lambda size: stream(CHUNKED + b"fffff\r\n", b"x", size),
    "extensions": lambda size: stream(CHUNKED, b"1;a=b\r\nx\r\n", size),
    "trailers": lambda size: (CHUNKED + b"0\r\n" + (b"X: " + b"y" * 150 + b"\r\n") * 100)[:size],
    "requests": lambda size: stream(b"", GET, size),
}


@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
def test_single_octets_cost_linear_work(make: Callable[[int], bytes]) -> None:
    """Twice the octets, fed one by one: twice the work. A quadratic reader needs four times."""
    calls, octets = cost(octet_by_octet(make(4000)))
    more_calls, more_octets = cost(octet_by_octet(make(8000)))
    assert more_calls < 2.2 * calls
    assert more_octets < 2.2 * octets
    assert more_octets < 30 * 8000


@pytest.mark.parametrize("name", ["content", "chunks", "big chunk", "extensions", "requests"])
def test_big_pieces_cost_linear_work(name: str) -> None:
    calls, octets = cost(in_pieces(STREAMS[name](PIECE), PIECE // 4))
    more_calls, more_octets = cost(in_pieces(STREAMS[name](2 * PIECE), PIECE // 4))
    assert more_calls < 2.2 * calls
    assert more_octets < 2.2 * octets
    assert more_octets < 10 * 2 * PIECE


def test_a_size_line_costs_no_more_than_its_limit() -> None:
    """A size line is searched again with each piece, so its limit bounds the work on an octet."""
    line = CHUNKED + b"5;" + b"a" * 4000
    _, octets = cost(octet_by_octet(line))
    assert octets < 4 * LIMITS.chunk_line * len(line)


def test_content_in_single_octets() -> None:
    """So many calls for an octet of content, and each one is looked at once."""
    size = 50_000
    calls, octets = cost(chain([LONG], repeat(b"x", size)))
    assert calls < 20 * size
    assert octets < 2 * size
