from __future__ import annotations

import pytest
from tests.http1.outcome import read

from dovetail.http1.errors import (
    BadRequest,
    ContentTooLarge,
    ExpectationFailed,
    FieldsTooLarge,
    MethodNotImplemented,
    ProtocolError,
    UriTooLong,
    VersionNotSupported,
)
from dovetail.http1.events import Data, EndOfMessage, Request, Signal, TargetForm
from dovetail.http1.limits import Limits
from dovetail.http1.reader import RequestReader

GET = b"GET /a?b HTTP/1.1\r\nHost: a.test\r\nX-Y: z\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSE = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"


def reader_of(*pieces: bytes, limits: Limits | None = None) -> RequestReader:
    reader = RequestReader(limits or Limits())
    for piece in pieces:
        reader.receive(piece)
    return reader


def test_a_request_without_content() -> None:
    reader = reader_of(GET)
    assert reader.next_event() == Request(
        method="GET",
        target="/a?b",
        form=TargetForm.ORIGIN,
        path="/a",
        query="b",
        authority="a.test",
        version="HTTP/1.1",
        fields=[("host", "a.test"), ("x-y", "z")],
    )
    assert reader.next_event() == EndOfMessage([])
    assert reader.next_event() is Signal.PAUSED


def test_nothing_arrived() -> None:
    reader = reader_of()
    assert reader.next_event() is Signal.NEED_DATA
    assert reader.next_event() is Signal.NEED_DATA
    assert not reader.started
    assert reader.buffered == 0


def test_content_is_handed_on_as_it_arrives() -> None:
    reader = reader_of(POST)
    assert isinstance(reader.next_event(), Request)
    assert reader.next_event() is Signal.NEED_DATA
    reader.receive(b"he")
    assert reader.next_event() == Data(b"he")
    assert reader.next_event() is Signal.NEED_DATA
    reader.receive(b"llo and more")
    assert reader.next_event() == Data(b"llo")
    assert reader.next_event() == EndOfMessage([])
    assert reader.buffered == len(b" and more")


def test_chunks_are_handed_on_as_they_arrive() -> None:
    reader = reader_of(CHUNKED, b"5\r\nhe")
    request = reader.next_event()
    assert isinstance(request, Request)
    assert request.length is None
    assert reader.next_event() == Data(b"he")
    assert reader.next_event() is Signal.NEED_DATA
    reader.receive(b"llo\r\n1\r\n!\r\n0\r\nX: y\r\n")
    assert reader.next_event() == Data(b"llo!")
    assert reader.next_event() is Signal.NEED_DATA
    reader.receive(b"\r\n")
    assert reader.next_event() == EndOfMessage([("x", "y")])


def test_data_may_be_a_view() -> None:
    reader = RequestReader(Limits())
    buffer = bytearray(GET)
    reader.receive(memoryview(buffer))
    buffer[:3] = b"PUT"  # what was received stays
    request = reader.next_event()
    assert isinstance(request, Request)
    assert request.method == "GET"


def test_pipelined_requests_wait_for_their_turn() -> None:
    reader = reader_of(GET + POST + b"hello" + GET)
    seen = []
    while (event := reader.next_event()) is not Signal.NEED_DATA:
        if event is Signal.PAUSED:
            assert reader.next_event() is Signal.PAUSED
            assert reader.started
            reader.next_request()
        else:
            seen.append(type(event))
    assert seen == [Request, EndOfMessage, Request, Data, EndOfMessage, Request, EndOfMessage]
    assert not reader.started


@pytest.mark.parametrize("arrived", [b"", GET[:-1], POST, POST + b"hell", CHUNKED + b"0\r\n"])
def test_next_request_too_early(arrived: bytes) -> None:
    reader = reader_of(arrived)
    while reader.next_event() is not Signal.NEED_DATA:
        pass
    with pytest.raises(RuntimeError):
        reader.next_request()


def test_next_request_before_the_end_was_taken() -> None:
    reader = reader_of(GET)
    reader.next_event()
    with pytest.raises(RuntimeError):
        reader.next_request()


def test_next_request_behind_the_last() -> None:
    reader = reader_of(CLOSE + GET)
    reader.next_event()
    assert reader.next_event() == EndOfMessage([])
    assert reader.next_event() is Signal.CLOSED
    with pytest.raises(RuntimeError):
        reader.next_request()
    assert reader.next_event() is Signal.CLOSED
    assert reader.take_buffer() == GET


@pytest.mark.parametrize(
    ("arrived", "started"),
    [(b"", False), (b"\r\n", False), (b"\r", True), (b"G", True), (b"\r\nG", True), (GET, True)],
)
def test_started(arrived: bytes, started: bool) -> None:
    """It parts an idle connection, which may be closed at any time, from one with a request."""
    reader = reader_of(arrived)
    reader.next_event()
    assert reader.started is started


@pytest.mark.parametrize("arrived", [b"", b"\r\n"])
def test_end_between_requests(arrived: bytes) -> None:
    reader = reader_of(arrived)
    reader.receive_eof()
    assert reader.next_event() is Signal.CLOSED
    assert reader.next_event() is Signal.CLOSED


@pytest.mark.parametrize("arrived", [b"G", GET[:-1], b"\r", POST[:-2] + b"\r"])
def test_end_inside_a_head(arrived: bytes) -> None:
    reader = reader_of(arrived)
    assert reader.next_event() is Signal.NEED_DATA
    reader.receive_eof()
    with pytest.raises(BadRequest):
        reader.next_event()


@pytest.mark.parametrize(
    "arrived", [POST, POST + b"hell", CHUNKED, CHUNKED + b"5\r\nhello\r\n0\r\n"]
)
def test_end_inside_content(arrived: bytes) -> None:
    """What is cut off must never look complete."""
    outcome = read([arrived], eof=True)
    assert type(outcome.error) is BadRequest
    assert [message.complete for message in outcome.messages] == [False]


def test_end_behind_pipelined_requests() -> None:
    """A client that closes its side may still wait for the answers."""
    reader = reader_of(GET + POST + b"hello")
    reader.receive_eof()
    count = 0
    while (event := reader.next_event()) is not Signal.CLOSED:
        count += isinstance(event, EndOfMessage)
        if event is Signal.PAUSED:
            reader.next_request()
    assert count == 2


REFUSED = {
    b"GET / HTTP/1.1\r\n\r\n": BadRequest,
    b"GET /" + b"a" * 9000: UriTooLong,
    b"GET / HTTP/1.1\r\nX: " + b"a" * 9000: FieldsTooLarge,
    b"GET / HTTP/3.0\r\nHost: a.test\r\n\r\n": VersionNotSupported,
    b"GET / HTTP/1.1\r\nHost: a.test\r\nExpect: x\r\n\r\n": ExpectationFailed,
    b"GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9999999999\r\n\r\n": ContentTooLarge,
    b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x, chunked\r\n\r\n": MethodNotImplemented,
    b"\x16\x03\x01": BadRequest,
}


@pytest.mark.parametrize(
    ("arrived", "error"), REFUSED.items(), ids=[f"{error.__name__}" for error in REFUSED.values()]
)
def test_a_refusal_is_repeated_for_ever(arrived: bytes, error: type[ProtocolError]) -> None:
    reader = reader_of(arrived)
    with pytest.raises(error) as first:
        reader.next_event()
    assert type(first.value) is error
    assert first.value.status == error.status
    assert str(first.value)
    reader.receive(GET)
    reader.receive_eof()
    assert reader.buffered == 0
    with pytest.raises(error) as second:
        reader.next_event()
    assert second.value is first.value
    with pytest.raises(RuntimeError):
        reader.next_request()


def test_a_refusal_behind_content() -> None:
    """The head and the content in front of the error came out, the end never does."""
    reader = reader_of(CHUNKED, b"5\r\nhello\r\n")
    assert isinstance(reader.next_event(), Request)
    assert reader.next_event() == Data(b"hello")
    reader.receive(b"x")
    reader.receive(b"\r\n")
    for _ in range(2):
        with pytest.raises(BadRequest):
            reader.next_event()


def test_the_octets_behind_an_upgrade_are_handed_over() -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    reader = reader_of(upgrade + b"\x00\x01 other protocol")
    request = reader.next_event()
    assert isinstance(request, Request)
    assert request.upgrade == "x"
    assert reader.next_event() == EndOfMessage([])
    assert reader.next_event() is Signal.PAUSED
    assert reader.buffered == len(b"\x00\x01 other protocol")
    assert reader.take_buffer() == b"\x00\x01 other protocol"
    assert reader.buffered == 0
    assert reader.take_buffer() == b""


def test_empty_lines_are_counted_for_each_request() -> None:
    lines = b"\r\n" * 8
    reader = reader_of((lines + GET) * 3)
    count = 0
    while (event := reader.next_event()) is not Signal.NEED_DATA:
        count += isinstance(event, EndOfMessage)
        if event is Signal.PAUSED:
            reader.next_request()
    assert count == 3


def test_limits_count_for_each_request() -> None:
    limits = Limits(body=5, fields=3, chunk_extensions=2, trailer_size=5)
    chunked = CHUNKED + b"5;a\r\nhello\r\n0\r\nA:b\r\n\r\n"
    reader = reader_of(chunked * 3, limits=limits)
    count = 0
    while (event := reader.next_event()) is not Signal.NEED_DATA:
        count += isinstance(event, EndOfMessage)
        if event is Signal.PAUSED:
            reader.next_request()
    assert count == 3


def test_readers_share_nothing() -> None:
    first, second = reader_of(GET), reader_of(b"\x00")
    with pytest.raises(BadRequest):
        second.next_event()
    event = first.next_event()
    assert isinstance(event, Request)
    event.fields.append(("x", "y"))
    again = reader_of(GET).next_event()
    assert isinstance(again, Request)
    assert ("x", "y") not in again.fields


def test_every_error_has_its_status() -> None:
    # The engine's own; the server has one more, for a body that it cannot keep.
    every = [
        error
        for error in ProtocolError.__subclasses__()
        if error.__module__ == ProtocolError.__module__
    ]
    statuses = {error.__name__: error.status for error in every}
    assert statuses == {
        "BadRequest": 400,
        "RequestTimeout": 408,
        "ContentTooLarge": 413,
        "UriTooLong": 414,
        "ExpectationFailed": 417,
        "FieldsTooLarge": 431,
        "MethodNotImplemented": 501,
        "VersionNotSupported": 505,
    }
    assert len({error.reason for error in every}) == len(statuses)
