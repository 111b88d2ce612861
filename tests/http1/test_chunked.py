from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.http1.effort import effort
from tests.http1.strategies import pieces

from dovetail.http1.chunked import LAST_CHUNK, ChunkedDecoder, encode_chunk
from dovetail.http1.errors import BadRequest, ContentTooLarge, FieldsTooLarge
from dovetail.http1.limits import Limits


def decode(raw: bytes, limits: Limits | None = None) -> tuple[bytes, ChunkedDecoder, bytes]:
    """Return content, decoder and what is left of ``raw``."""
    decoder, buffer = ChunkedDecoder(limits or Limits()), bytearray(raw)
    content = decoder.decode(buffer)
    return content, decoder, bytes(buffer)


def test_encode() -> None:
    assert encode_chunk(b"a" * 255) == b"ff\r\n" + b"a" * 255 + b"\r\n"
    assert LAST_CHUNK == b"0\r\n\r\n"


@effort(200)
@given(chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6), data=st.data())
def test_what_is_encoded_decodes(chunks: list[bytes], data: st.DataObject) -> None:
    raw = b"".join(map(encode_chunk, chunks)) + LAST_CHUNK
    decoder, buffer, content = ChunkedDecoder(Limits()), bytearray(), b""
    for piece in filter(None, data.draw(pieces(raw))):
        assert not decoder.done
        buffer += piece
        content += decoder.decode(buffer)
    assert decoder.done
    assert decoder.trailers == []
    assert content == b"".join(chunks)
    assert not buffer


def test_content_comes_out_as_it_arrives() -> None:
    content, decoder, left = decode(b"5\r\nhel")
    assert (content, left, decoder.done) == (b"hel", b"", False)


def test_an_incomplete_size_line_waits() -> None:
    assert decode(b"5;a")[::2] == (b"", b"5;a")
    assert decode(b"5\r")[::2] == (b"", b"5\r")


def test_what_follows_stays() -> None:
    content, decoder, left = decode(b"1\r\na\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n")
    assert (content, left) == (b"a", b"GET / HTTP/1.1\r\n")
    assert decoder.done
    assert decoder.trailers == [("x", "y")]


@pytest.mark.parametrize(
    "raw",
    [b"5\rx", b"5\n", b"5\r\r", b"x\r\n", b"1\r\nab", b"1\r\na\n", b"1\r\na\r\r", b"0\r\n\n"],
    ids=repr,
)
def test_refused_at_the_first_wrong_octet(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        decode(raw)
    decode(raw[:-1] if not raw.endswith(b"\r\n") else b"")


@pytest.mark.parametrize(
    "extension",
    [";a", ";a=b", ';a="b"', " ; a = b", ";a;b;c", ';a="\\""', ';a=";"', ';a="="', ';a=""', "\t;a"],
)
def test_extensions(extension: str) -> None:
    raw = f"1{extension}\r\nx\r\n0{extension}\r\n\r\n".encode()
    content, decoder, left = decode(raw)
    assert (content, left, decoder.done) == (b"x", b"", True)


@pytest.mark.parametrize(
    "extension",
    [";", ";=", ";a=", ";;a", ";a b", ";a=b c", ';a="', ';a="b', ';"a"', ";a=b;", "x", " ", ";a "],
)
def test_malformed_extensions(extension: str) -> None:
    with pytest.raises(BadRequest):
        decode(f"1{extension}\r\n".encode())


def test_a_size_line_that_almost_matches_is_judged_quickly() -> None:
    """No nested repetition in the pattern: this would not come back."""
    limits = Limits(chunk_line=60_000, chunk_extensions=60_000)
    for line in (b";a" * 20_000, b" ;a = b" * 5000, b';a="\\a"' * 5000, b" " * 50_000):
        with pytest.raises(BadRequest):
            decode(b"5" + line + b"\x01\r\n", limits)


def test_limits() -> None:
    limits = Limits(body=3, chunk_line=5, chunk_extensions=4, trailer_size=8, fields=1)
    assert decode(b"1;a\r\nx\r\n2;b\r\nyz\r\n0\r\nA: b\r\n\r\n", limits)[1].done
    with pytest.raises(ContentTooLarge):
        decode(b"2\r\nxy\r\n2\r\n", limits)
    with pytest.raises(BadRequest):
        decode(b"1;abcd\r\n", limits)
    with pytest.raises(BadRequest):
        decode(b"1;ab\r\nx\r\n1;a\r\n", limits)
    with pytest.raises(FieldsTooLarge):
        decode(b"0\r\nA: bcde\r\n", limits)
    with pytest.raises(FieldsTooLarge):
        decode(b"0\r\nA:\r\nB:", limits)


def test_padding_of_sizes_counts_as_extensions() -> None:
    limits = Limits(chunk_extensions=10)
    padded = b"0" * 20 + b"1\r\nx\r\n"  # five digits more than a size needs
    assert decode(padded * 2 + b"0\r\n\r\n", limits)[1].done
    with pytest.raises(BadRequest):
        decode(padded * 3, limits)


def test_sizes_beyond_every_integer() -> None:
    limits = Limits(body=None)
    content, decoder, _ = decode(b"f" * 4000 + b"\r\nabc", limits)
    assert content == b"abc"
    assert not decoder.done
    with pytest.raises(ContentTooLarge):
        decode(b"f" * 4000 + b"\r\nabc")
