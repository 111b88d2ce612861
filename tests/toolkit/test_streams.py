"""Bounded streams, and which of them a request gets."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.http1.effort import effort

from dovetail.data.exceptions import ClientDisconnected, RequestEntityTooLarge
from dovetail.toolkit.streams import LimitedStream, get_input_stream


class Pieces(io.RawIOBase):
    """Gives out one piece a call, however much is asked for; None is: nothing for now."""

    def __init__(self, *pieces: bytes | None) -> None:
        self.pieces = list(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if not self.pieces:
            return 0
        piece = self.pieces.pop(0)
        if piece is None:
            return None
        taken = piece[: len(buffer)]
        buffer[: len(taken)] = taken
        if piece[len(buffer) :]:
            self.pieces.insert(0, piece[len(buffer) :])
        return len(taken)


class ReadOnly:
    """Has ``read`` and nothing else, as PEP 3333 allows; remembers what was asked for."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)
        self.asked: list[int] = []

    def read(self, size: int = -1) -> bytes:
        self.asked.append(size)
        return self._file.read(size)


class Broken:
    """Fails at each read."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, size: int = -1) -> bytes:
        raise self.error


class Recording(LimitedStream):
    """Remembers what it was told, and goes on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told: list[Any] = []

    def on_exhausted(self) -> None:
        self.told.append("exhausted")

    def on_disconnect(self, error: Exception | None = None) -> None:
        self.told.append(error)


MAKERS: list[Callable[[bytes], Any]] = [io.BytesIO, Pieces, ReadOnly]
makers = pytest.mark.parametrize("make", MAKERS)


@makers
def test_nothing_is_read_behind_the_limit(make: Callable[[bytes], Any]) -> None:
    raw = make(b"123456")
    stream = LimitedStream(raw, 4)

    assert (stream.limit, stream.tell(), stream.is_exhausted) == (4, 0, False)
    assert stream.read(3) == b"123"
    assert (stream.tell(), stream.is_exhausted) == (3, False)
    assert stream.read(3) == b"4"
    assert (stream.tell(), stream.is_exhausted) == (4, True)
    assert [stream.read(), stream.read(1), stream.read(0), stream.readline()] == [b""] * 4
    assert raw.read() == b"56"


@makers
def test_ways_of_reading(make: Callable[[bytes], Any]) -> None:
    content = b"ab\ncd\nef"
    assert LimitedStream(make(content), 5).read() == b"ab\ncd"
    assert LimitedStream(make(content), 5).read(-1) == b"ab\ncd"
    assert LimitedStream(make(content), 5).readall() == b"ab\ncd"
    assert LimitedStream(make(content), 5).exhaust() == b"ab\ncd"
    assert LimitedStream(make(content), 5).readlines() == [b"ab\n", b"cd"]
    assert list(LimitedStream(make(content), 5)) == [b"ab\n", b"cd"]
    stream = LimitedStream(make(content), 8)
    assert [stream.readline(2), stream.readline(2), next(stream)] == [b"ab", b"\n", b"cd\n"]
    buffer = bytearray(b"....")
    assert stream.readinto(buffer) == 2
    assert buffer == b"ef.."
    assert stream.readinto(buffer) == 0
    assert stream.exhaust() == b""


def test_what_it_is_as_a_stream() -> None:
    stream = LimitedStream(io.BytesIO(b"123"), 3)
    assert isinstance(stream, io.RawIOBase)
    assert (stream.readable(), stream.writable(), stream.seekable()) == (True, False, False)
    with pytest.raises(io.UnsupportedOperation):
        stream.seek(0)
    with pytest.raises(io.UnsupportedOperation):
        stream.fileno()


def test_a_buffer_around_it() -> None:
    content = b"line\n" * 10_000
    stream = io.BufferedReader(LimitedStream(io.BytesIO(content + b"more"), len(content)))
    assert [stream.readline(), stream.read(6)] == [b"line\n", b"line\nl"]
    assert len(stream.read()) == len(content) - 11
    assert stream.read() == b""


def test_reading_nothing_is_no_end() -> None:
    stream = LimitedStream(io.BytesIO(b"123"), 3)
    assert (stream.read(0), stream.readinto(bytearray())) == (b"", 0)
    assert stream.read() == b"123"


def test_all_is_read_in_pieces_of_one_size() -> None:
    raw: Any = ReadOnly(b"x" * 300_000)
    assert len(LimitedStream(raw, 200_000).read()) == 200_000
    assert raw.asked == [65536, 65536, 65536, 3392]


@makers
def test_an_early_end_is_a_disconnect(make: Callable[[bytes], Any]) -> None:
    for read in ("read", "readall", "exhaust"):
        with pytest.raises(ClientDisconnected):
            getattr(LimitedStream(make(b"123"), 5), read)()
    stream = LimitedStream(make(b"123"), 5)
    assert stream.read(3) == b"123"
    with pytest.raises(ClientDisconnected):
        stream.read(1)
    assert not stream.is_exhausted


def test_nothing_for_now_is_an_end() -> None:
    stream = LimitedStream(Pieces(b"ab", None, b"cd"), 4)  # type: ignore[arg-type]
    assert stream.read(4) == b"ab"
    with pytest.raises(ClientDisconnected):
        stream.read(4)


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("closed")])
def test_a_failing_stream_is_a_disconnect(error: Exception) -> None:
    raw: Any = Broken(error)
    for is_max in (False, True):
        with pytest.raises(ClientDisconnected) as raised:
            LimitedStream(raw, 4, is_max).read()
        assert raised.value.__cause__ is error


@makers
def test_a_bound_of_the_server(make: Callable[[bytes], Any]) -> None:
    stream = LimitedStream(make(b"12"), 4, is_max=True)
    assert [stream.read(), stream.read(), stream.exhaust()] == [b"12", b"", b""]
    stream = LimitedStream(make(b"123456"), 4, is_max=True)
    assert stream.read() == b"1234"
    assert stream.exhaust() == b""
    for arguments in ((), (1,), (0,)):
        with pytest.raises(RequestEntityTooLarge):
            stream.read(*arguments)
    with pytest.raises(RequestEntityTooLarge):
        stream.readinto(bytearray(1))


@makers
def test_confirm_end(make: Callable[[bytes], Any]) -> None:
    for content, limit in ((b"1234", 4), (b"12", 4), (b"", 0)):
        stream = LimitedStream(make(content), limit, is_max=True)
        stream.exhaust()
        stream.confirm_end()
    stream = LimitedStream(make(b"12345"), 4, is_max=True)
    stream.confirm_end()
    stream.exhaust()
    with pytest.raises(RequestEntityTooLarge):
        stream.confirm_end()
    announced = LimitedStream(make(b"12345"), 4)
    announced.exhaust()
    announced.confirm_end()
    assert announced.tell() == 4


def test_confirm_end_of_a_failing_stream() -> None:
    raw: Any = Broken(OSError("gone"))
    with pytest.raises(ClientDisconnected):
        LimitedStream(raw, 0, is_max=True).confirm_end()
    stream = Recording(raw, 0, is_max=True)
    stream.confirm_end()
    assert stream.told == [raw.error]


def test_subclasses_decide_what_happens() -> None:
    stream = Recording(io.BytesIO(b"123456"), 4)
    assert [stream.read(), stream.read(), stream.read(1), stream.readline()] == [b"1234"] + [
        b""
    ] * 3
    assert stream.told == ["exhausted"] * 3
    stream = Recording(io.BytesIO(b"12"), 4)
    assert [stream.read(), stream.read(1)] == [b"12", b""]
    assert stream.told == [None, None]
    error = OSError("gone")
    raw: Any = Broken(error)
    stream = Recording(raw, 4)
    assert [stream.read(), stream.read(2)] == [b"", b""]
    assert stream.told == [error, error]


@given(
    st.binary(max_size=60),
    st.integers(0, 80),
    st.booleans(),
    st.lists(st.integers(0, 20)),
    st.lists(st.integers(1, 9), min_size=60, max_size=60),
)
@effort(200)
def test_as_a_file_of_the_first_octets(
    content: bytes, limit: int, is_max: bool, sizes: list[int], cuts: list[int]
) -> None:
    """Reads agree with those of a file that ends at the limit, whatever the stream gives out."""
    pieces = []
    rest = content
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    stream = LimitedStream(Pieces(*filter(None, pieces)), limit, is_max)  # type: ignore[arg-type]
    model = io.BytesIO(content[:limit])
    for size in sizes:
        try:
            data = stream.read(size) or b""
        except RequestEntityTooLarge:
            assert is_max
            assert stream.is_exhausted
            return
        except ClientDisconnected:
            assert not is_max
            assert not stream.is_exhausted
            return
        assert len(data) <= size
        assert data == model.read(len(data))
        assert stream.tell() == model.tell()
        assert data or not size or model.read(1) == b""


# The stream of a request


def environ(**more: Any) -> dict[str, Any]:
    return {"wsgi.input": io.BytesIO(b"abcdef"), **more}


def chosen(environ: dict[str, Any], **arguments: Any) -> Any:
    """Return the stream's kind and its content."""
    stream = get_input_stream(environ, **arguments)
    if stream is environ["wsgi.input"]:
        return "same"
    if isinstance(stream, LimitedStream):
        return stream.limit, stream.read()
    return stream.read()


TERMINATED = {"wsgi.input_terminated": True}


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        ("3", (3, b"abc")),
        (" 3 ", (3, b"abc")),
        ("0", (0, b"")),
        ("", (0, b"")),
        ("x", (0, b"")),
        ("-1", (0, b"")),
        ("+3", (0, b"")),
        ("٣", (0, b"")),
    ],
)
def test_an_announced_length(length: str, expected: Any) -> None:
    assert chosen(environ(CONTENT_LENGTH=length)) == expected
    assert chosen(environ(CONTENT_LENGTH=length), max_content_length=3) == expected


def test_no_length() -> None:
    assert chosen(environ()) == b""
    assert chosen(environ(), max_content_length=1) == b""
    assert chosen(environ(), safe_fallback=False) == "same"
    chunked = environ(CONTENT_LENGTH="3", HTTP_TRANSFER_ENCODING="chunked")
    assert chosen(chunked) == b""
    assert chosen(chunked, safe_fallback=False) == "same"


def test_a_server_that_ends_the_stream() -> None:
    assert chosen(environ(**TERMINATED)) == "same"
    assert chosen(environ(**TERMINATED, CONTENT_LENGTH="3")) == "same"
    assert chosen(environ(**TERMINATED), max_content_length=10) == (10, b"abcdef")
    assert chosen(environ(**TERMINATED), max_content_length=2) == (2, b"ab")
    chunked = environ(**TERMINATED, CONTENT_LENGTH="3", HTTP_TRANSFER_ENCODING="chunked")
    assert chosen(chunked, max_content_length=4) == (4, b"abcd")
    assert chosen(environ(**{"wsgi.input_terminated": False})) == b""


def test_a_length_that_is_too_large() -> None:
    for more in ({}, TERMINATED):
        with pytest.raises(RequestEntityTooLarge):
            get_input_stream(environ(CONTENT_LENGTH="3", **more), max_content_length=2)
    stream = get_input_stream(environ(**TERMINATED), max_content_length=0)
    with pytest.raises(RequestEntityTooLarge):
        stream.read()


def test_no_stream_at_all() -> None:
    with pytest.raises(KeyError):
        get_input_stream({})
