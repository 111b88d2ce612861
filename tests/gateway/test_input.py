from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.gateway import ClientDisconnected, StreamingInput


class Source:
    """Hands out pieces, then nothing, or an error; counts how often it was asked."""

    def __init__(self, pieces: Iterable[bytes], error: Exception | None = None) -> None:
        self.pieces = list(pieces)
        self.error = error
        self.asked = 0

    def __call__(self) -> bytes:
        self.asked += 1
        if self.pieces:
            return self.pieces.pop(0)
        if self.error is not None:
            raise self.error
        return b""


def streaming(*pieces: bytes) -> StreamingInput:
    return StreamingInput(Source(pieces))


def test_nothing_is_asked_for_before_the_first_read() -> None:
    source = Source([b"abc"])
    stream = StreamingInput(source)
    assert source.asked == 0
    assert stream.read(0) == b""
    assert stream.readline(0) == b""
    assert source.asked == 0


def test_read_asks_for_no_more_than_it_needs() -> None:
    source = Source([b"abc", b"def", b"ghi"])
    stream = StreamingInput(source)
    assert stream.read(2) == b"ab"
    assert stream.read(1) == b"c"
    assert source.asked == 1
    assert stream.read(4) == b"defg"
    assert source.asked == 3


def test_readline_asks_for_no_more_than_it_needs() -> None:
    source = Source([b"a\nb", b"\nc"])
    stream = StreamingInput(source)
    assert stream.readline() == b"a\n"
    assert source.asked == 1
    assert stream.readline(1) == b"b"
    assert source.asked == 1
    assert stream.readline() == b"\n"
    assert stream.readline() == b"c"


@pytest.mark.parametrize("size", [(), (-1,), (None,), (-5,)])
def test_read_without_a_bound_takes_all(size: tuple[Any, ...]) -> None:
    assert streaming(b"ab", b"c", b"\nd").read(*size) == b"abc\nd"


@pytest.mark.parametrize(
    "read",
    [
        lambda stream: stream.read(),
        lambda stream: stream.read(5),
        lambda stream: stream.readall(),
        lambda stream: stream.readline(),
        lambda stream: stream.readline(5),
        lambda stream: b"".join(stream.readlines()),
        lambda stream: b"".join(stream.readlines(5)),
        b"".join,
        lambda stream: b"x" * stream.readinto(bytearray(5)),
    ],
)
def test_end_is_the_end_as_often_as_it_is_asked(read: Callable[[StreamingInput], bytes]) -> None:
    source = Source([b"abc"])
    stream = StreamingInput(source)
    assert stream.read() == b"abc"
    asked = source.asked
    assert [read(stream) for _ in range(3)] == [b"", b"", b""]
    assert source.asked == asked


def test_readinto() -> None:
    stream = streaming(b"abc", b"de")
    for buffer, expected in (
        (bytearray(4), b"abcd"),
        (bytearray(4), b"e\0\0\0"),
        (bytearray(4), b"\0\0\0\0"),
    ):
        stream.readinto(memoryview(buffer))
        assert bytes(buffer) == expected


def test_under_a_buffer_and_a_decoder() -> None:
    raw = "één\nzwei\ndrei".encode()
    pieces = [raw[index : index + 1] for index in range(len(raw))]
    text = io.TextIOWrapper(io.BufferedReader(streaming(*pieces)), encoding="utf-8")
    assert text.readlines() == ["één\n", "zwei\n", "drei"]


def test_is_readable_and_nothing_else() -> None:
    stream = streaming(b"abc")
    assert stream.readable()
    assert not stream.writable()
    assert not stream.seekable()


READS: dict[str, Callable[[Any], object]] = {
    "read": lambda stream: stream.read(),
    "read-sized": lambda stream: stream.read(100),
    "readline": lambda stream: stream.readline(),
    "readlines": lambda stream: stream.readlines(),
    "iteration": list,
    "readinto": lambda stream: stream.readinto(bytearray(100)),
    "readall": lambda stream: stream.readall(),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_cut_content_raises_and_keeps_raising(read: Callable[[Any], object]) -> None:
    stream = StreamingInput(Source([b"half a li"], ClientDisconnected("cut")))
    for _ in range(2):
        with pytest.raises(ClientDisconnected, match="cut"):
            read(stream)


def test_cut_content_raises_an_os_error() -> None:
    stream = StreamingInput(Source([], ClientDisconnected("cut")))
    with pytest.raises(OSError, match="cut"):
        stream.read(1)


def test_what_arrived_before_the_cut_can_be_read() -> None:
    stream = StreamingInput(Source([b"one\ntwo"], ClientDisconnected("cut")))
    assert stream.readline() == b"one\n"
    assert stream.read(3) == b"two"
    with pytest.raises(ClientDisconnected):
        stream.read(1)


def test_long_line_in_small_pieces_is_linear_work() -> None:
    pieces = [b"x" * 16] * 20_000
    stream = streaming(*pieces, b"\n")
    assert len(stream.readline()) == 16 * 20_000 + 1


pieces_strategy = st.lists(
    st.text(alphabet="ab\n\r", min_size=1, max_size=9).map(str.encode), max_size=12
)
sizes = st.one_of(st.none(), st.integers(min_value=-1, max_value=12))
calls_strategy = st.lists(
    st.one_of(
        st.tuples(st.just("read"), sizes),
        st.tuples(st.just("readline"), sizes),
        st.tuples(st.just("readlines"), sizes),
        st.tuples(st.just("next"), st.none()),
        st.tuples(st.just("readinto"), st.integers(min_value=0, max_value=12)),
    ),
    max_size=12,
)


def do(stream: Any, name: str, size: int | None) -> object:
    if name == "next":
        return next(stream, None)
    if name == "readinto":
        buffer = bytearray(size or 0)
        return stream.readinto(buffer), bytes(buffer)
    return getattr(stream, name)(size)


@given(pieces=pieces_strategy, calls=calls_strategy)
def test_reads_as_a_file_of_the_same_content(
    pieces: list[bytes], calls: list[tuple[str, int | None]]
) -> None:
    stream = streaming(*pieces)
    # Through a buffer: BytesIO itself takes the hint of readlines in a way of its own.
    file = io.BufferedReader(io.BytesIO(b"".join(pieces)))
    for name, size in calls:
        assert do(stream, name, size) == do(file, name, size)
    assert stream.read() == file.read()
