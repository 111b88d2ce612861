from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.http1.effort import effort
from tests.http1.strategies import fragments

from dovetail.http1.errors import (
    BadRequest,
    FieldsTooLarge,
    ProtocolError,
    UriTooLong,
    VersionNotSupported,
)
from dovetail.http1.head import (
    LineScanner,
    parse_field_lines,
    parse_request_line,
    split_head,
    split_lines,
)
from dovetail.http1.limits import Limits

SMALL = Limits(request_line=20, fields=2, field_size=10, head_size=18, trailer_size=12)


def scan(raw: bytes, limits: Limits = SMALL, *, start_line: bool = True) -> int:
    """Scan octet by octet; return where the block ends, or -1."""
    scanner, buffer, end = LineScanner(limits, start_line=start_line), bytearray(), -1
    for index in range(len(raw)):
        assert end == -1
        buffer.append(raw[index])
        end = scanner.scan(buffer)
    return end


@pytest.mark.parametrize(
    ("block", "start_line"),
    [
        (b"A\r\n\r\n", True),
        (b"A\r\nB:\r\nC:\r\n\r\n", True),
        (b"\r\n", False),
        (b"A:\r\n\r\n", False),
    ],
)
def test_where_a_block_ends(block: bytes, start_line: bool) -> None:
    assert scan(block, start_line=start_line) == len(block)
    assert scan(block[:-1], start_line=start_line) == -1
    scanner = LineScanner(SMALL, start_line=start_line)
    assert scanner.scan(bytearray(block + b"\r\nbehind\n")) == len(block)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"A" * 21, UriTooLong),
        (b"A\r\nB" + b"b" * 10, FieldsTooLarge),
        (b"A\r\nB:\r\nC:\r\nD", FieldsTooLarge),
        (b"A\r\nBbbbbbbbb\r\nCccccccc", FieldsTooLarge),
        (b"A\n", BadRequest),
        (b"A\rB", BadRequest),
        (b"A\r\r", BadRequest),
        (b"A\r\nB\n", BadRequest),
    ],
)
def test_the_octet_that_is_too_much(raw: bytes, error: type[ProtocolError]) -> None:
    assert scan(raw[:-1]) == -1
    with pytest.raises(error):
        scan(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"A" * 20 + b"\r\n",
        b"A\r\nB" + b"b" * 9,
        b"A\r\nB:\r\nC:\r\n",
        b"A\r\nBbbb\r\nCcccccccc\r\n",
    ],
)
def test_the_last_octet_allowed(raw: bytes) -> None:
    assert scan(raw + b"\r\n" * (not raw.endswith(b"\n")) + b"\r\n") > 0


def test_trailers_have_limits_of_their_own() -> None:
    """No request line among them, and not the size of a head."""
    assert scan(b"Aaaaaaaaaa\r\n\r\n", start_line=False) > 0
    with pytest.raises(FieldsTooLarge):
        scan(b"Aaaaaaaaaa\r\nB", start_line=False)


@effort(800)
@given(st.lists(fragments | st.binary(max_size=3), max_size=12).map(b"".join))
def test_a_whole_head_is_judged_as_one_in_pieces(stream: bytes) -> None:
    """The two ways through the engine: at once, and by the scanner."""
    # The reader skips empty lines, so a head begins with a token.
    block = (b"A" + stream + b"\r\n\r\n").partition(b"\r\n\r\n")[0]
    whole: object
    pieces: object
    try:
        whole = split_head(block, SMALL)
    except ProtocolError as error:
        whole = type(error)
    try:
        assert scan(block + b"\r\n\r\n") == len(block) + 4
        pieces = split_lines(block)
    except ProtocolError as error:
        pieces = type(error)
    assert whole == pieces


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GET / HTTP/1.1", ("GET", "/", "HTTP/1.1")),
        ("get * HTTP/1.0", ("get", "*", "HTTP/1.0")),
        ("!#$ ?? HTTP/1.7", ("!#$", "??", "HTTP/1.1")),
    ],
)
def test_request_lines(line: str, expected: tuple[str, str, str]) -> None:
    assert parse_request_line(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        *("", "GET", "GET /", "GET / ", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET  / HTTP/1.1"),
        *("GET\t/ HTTP/1.1", "G(T / HTTP/1.1", "\x80 / HTTP/1.1", " / HTTP/1.1"),
        *("GET / http/1.1", "GET / HTTP/1", "GET / HTTP/1.", "GET / HTTP/1.11", "GET / HTTP/1x1"),
        *("GET / HTTP/\xb9.1", "GET / HTTP/1.\xb9", "GET / HTTP/-1.1", "GET / XTTP/1.1"),
    ],
)
def test_malformed_request_lines(line: str) -> None:
    with pytest.raises(BadRequest):
        parse_request_line(line)


@pytest.mark.parametrize("version", ["0.9", "2.0", "3.0", "9.9", "0.0"])
def test_other_versions(version: str) -> None:
    with pytest.raises(VersionNotSupported):
        parse_request_line(f"GET / HTTP/{version}")


def test_field_lines() -> None:
    lines = ["A:", "b: c", "A:\t d \t", "e:f:g", "H: \xa0i\x85"]
    assert parse_field_lines(lines) == [
        ("a", ""),
        ("b", "c"),
        ("a", "d"),
        ("e", "f:g"),
        ("h", "\xa0i\x85"),
    ]
    assert parse_field_lines([]) == []


@pytest.mark.parametrize(
    "line", ["", "A", ":", ": b", " A: b", "\tA: b", "A : b", "A\t: b", "A b: c"]
)
def test_malformed_field_lines(line: str) -> None:
    with pytest.raises(BadRequest):
        parse_field_lines([line])
