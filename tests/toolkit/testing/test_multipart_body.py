"""Multipart bodies as the client sends them."""

from __future__ import annotations

import gc
import io
from collections.abc import Mapping
from typing import Any

import pytest

from dovetail.data.file_storage import FileStorage
from dovetail.data.headers import Headers
from dovetail.data.multidict import MultiDict
from dovetail.toolkit.testing.multipart_body import (
    encode_multipart,
    iter_values,
    stream_encode_multipart,
)


def test_fields() -> None:
    boundary, body = encode_multipart({"a": "b", "c": [1, "ü"], "d": b"\xff"}, "B")
    assert boundary == "B"
    assert body == (
        b'\r\n--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nb'
        b'\r\n--B\r\nContent-Disposition: form-data; name="c"\r\n\r\n1'
        b'\r\n--B\r\nContent-Disposition: form-data; name="c"\r\n\r\n\xc3\xbc'
        b'\r\n--B\r\nContent-Disposition: form-data; name="d"\r\n\r\n\xff'
        b"\r\n--B--\r\n"
    )


def test_files() -> None:
    storage = FileStorage(io.BytesIO(b"x" * 100_000), "a.png", headers=Headers([("X-Y", "z")]))
    _, body = encode_multipart({"f": storage, "g": io.StringIO("text")}, "B")
    assert body == (
        b'\r\n--B\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n'
        b"X-Y: z\r\nContent-Type: image/png\r\n\r\n"
        + b"x"
        * 100_000
        + b'\r\n--B\r\nContent-Disposition: form-data; name="g"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\ntext"
        b"\r\n--B--\r\n"
    )
    assert list(storage.headers) == [("X-Y", "z")]


def test_an_empty_file() -> None:
    _, body = encode_multipart({"f": FileStorage(io.BytesIO(), "a", content_type="x/y")}, "B")
    assert b'filename="a"\r\nContent-Type: x/y\r\n' in body
    assert body.endswith(b"\r\n--B--\r\n")


def test_nothing_at_all() -> None:
    assert encode_multipart({}, "B") == ("B", b"\r\n--B--\r\n")


def test_boundaries_differ() -> None:
    first, body = encode_multipart({"a": "b"})
    assert first != encode_multipart({"a": "b"})[0]
    assert body.count(first.encode()) == 2


@pytest.mark.parametrize(
    ("arguments", "in_memory"),
    [
        ({}, True),
        ({"threshold": 100}, False),
        ({"threshold": 100, "use_tempfile": False}, True),
    ],
)
def test_large_bodies_go_to_a_file(arguments: Mapping[str, Any], in_memory: bool) -> None:
    data = {"a": "b", "f": FileStorage(io.BytesIO(b"x" * 600), "x.bin")}
    stream, length, boundary = stream_encode_multipart(data, boundary="B", **arguments)
    assert boundary == "B"
    assert isinstance(stream, io.BytesIO) is in_memory
    assert stream.tell() == 0
    body = stream.read()
    assert len(body) == length
    assert b"x" * 600 in body
    del stream
    gc.collect()  # a file that is left to itself gives no warning


def test_iter_values() -> None:
    assert list(iter_values({"a": ["1", "2"], "b": ("3",)})) == [
        ("a", "1"),
        ("a", "2"),
        ("b", ("3",)),
    ]
    assert list(iter_values(MultiDict([("a", "1"), ("a", "2")]))) == [("a", "1"), ("a", "2")]
