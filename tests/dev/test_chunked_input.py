from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.dev.chunked_input import DechunkedInput

CODED = b"5\r\nhello\r\n3;ext=1\r\nabc\r\n0\r\nTrailer: x\r\n\r\n"


def test_reading() -> None:
    content = DechunkedInput(io.BytesIO(CODED))
    assert content.readable()
    assert content.read(3) == b"hel"
    assert content.read() == b"loabc"
    assert content.read() == b""
    assert content.read(1) == b""


def test_it_reads_no_further_than_the_end() -> None:
    file = io.BytesIO(CODED + b"GET / HTTP/1.1\r\n")
    assert DechunkedInput(file).read() == b"helloabc"
    assert file.read() == b"GET / HTTP/1.1\r\n"


def test_lines_and_buffers() -> None:
    coded = b"4\r\na\nbc\r\n3\r\nd\ne\r\n0\r\n\r\n"
    assert DechunkedInput(io.BytesIO(coded)).readlines() == [b"a\n", b"bcd\n", b"e"]
    buffer = bytearray(5)
    assert DechunkedInput(io.BytesIO(CODED)).readinto(buffer) == 5
    assert buffer == b"hello"
    raw: Any = DechunkedInput(io.BytesIO(CODED))
    assert io.BufferedReader(raw).read(8) == b"helloabc"


def test_read_chunk_len() -> None:
    assert DechunkedInput(io.BytesIO(CODED)).read_chunk_len() == 5
    assert DechunkedInput(io.BytesIO(b"1F \t;a=b\r\n")).read_chunk_len() == 31
    assert DechunkedInput(io.BytesIO(b"000\r\n")).read_chunk_len() == 0


@pytest.mark.parametrize(
    "coded",
    [
        b"",
        b"\r\n",
        b"5",
        b"5\n",
        b"-1\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"1_0\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"zz\r\n",
        b"5\r\nhel",
        b"5\r\nhello",
        b"5\r\nhelloXX0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"0\r\n",
        b"0\r\nbad trailer\r\n\r\n",
        b"5" + b" " * 5000 + b"\r\n",
        b"f" * 17 + b"\r\n",
    ],
)
def test_malformed_content(coded: bytes) -> None:
    with pytest.raises(OSError, match=r"chunk|content"):
        DechunkedInput(io.BytesIO(coded)).read()


@given(chunks=st.lists(st.binary(min_size=1, max_size=50)), size=st.integers(1, 40))
def test_any_chunks_and_any_reads(chunks: list[bytes], size: int) -> None:
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    content = DechunkedInput(io.BytesIO(coded))
    assert b"".join(iter(lambda: content.read(size), b"")) == b"".join(chunks)
