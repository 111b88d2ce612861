from __future__ import annotations

from typing import get_type_hints

import pytest

from dovetail.data.fields import (
    decimal_number,
    get_content_length,
    is_entity_header,
    is_hop_by_hop_header,
    remove_entity_headers,
    remove_hop_by_hop_headers,
)
from dovetail.data.headers import Headers

FIELDS = [
    ("Content-Type", "a"),
    ("EXPIRES", "b"),
    ("X-Own", "c"),
    ("Connection", "close"),
    ("Content-Location", "d"),
    ("TE", "e"),
]


@pytest.mark.parametrize("name", ["content-type", "Content-Length", "ALLOW", "last-modified"])
def test_entity_headers(name: str) -> None:
    assert is_entity_header(name)
    assert not is_hop_by_hop_header(name)


@pytest.mark.parametrize("name", ["connection", "Keep-Alive", "TE", "transfer-encoding", "trailer"])
def test_hop_by_hop_headers(name: str) -> None:
    assert is_hop_by_hop_header(name)
    assert not is_entity_header(name)


@pytest.mark.parametrize("name", ["etag", "server", "date", "proxy-connection", "", "content-x"])
def test_other_headers(name: str) -> None:
    assert not is_entity_header(name)
    assert not is_hop_by_hop_header(name)


@pytest.mark.parametrize("kind", [list, Headers])
def test_remove_entity_headers(kind: type) -> None:
    fields = kind(FIELDS)
    remove_entity_headers(fields)
    assert list(fields) == [FIELDS[1], FIELDS[2], FIELDS[3], FIELDS[4], FIELDS[5]]
    remove_entity_headers(fields, allowed=["Expires"])
    assert list(fields) == [FIELDS[1], FIELDS[2], FIELDS[3], FIELDS[5]]


@pytest.mark.parametrize("kind", [list, Headers])
def test_remove_hop_by_hop_headers(kind: type) -> None:
    fields = kind(FIELDS)
    remove_hop_by_hop_headers(fields)
    assert list(fields) == [FIELDS[0], FIELDS[1], FIELDS[2], FIELDS[4]]


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 30, int("9" * 30))])
def test_decimal_number(text: str, number: int) -> None:
    assert decimal_number(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1_0", "1.0", "٣", "²", "x", "9" * 5000])
def test_no_decimal_number(text: str) -> None:
    assert decimal_number(text) is None


@pytest.mark.parametrize(
    ("length", "encoding", "expected"),
    [
        (None, None, None),
        ("5", None, 5),
        (" 5\t", "gzip", 5),
        ("x", None, 0),
        ("-5", None, 0),
        ("5", "chunked", None),
        ("5", "gzip, Chunked", None),
        ("5", "unchunked", 5),
    ],
)
def test_get_content_length(length: str | None, encoding: str | None, expected: int | None) -> None:
    assert get_content_length(length, encoding) == expected
    assert (
        get_content_length(http_content_length=length, http_transfer_encoding=encoding) == expected
    )


def test_annotations_can_be_read_at_run_time() -> None:
    hints = get_type_hints(remove_entity_headers)
    assert hints["headers"] == Headers | list[tuple[str, str]]
