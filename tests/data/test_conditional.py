from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dovetail.data.conditional import is_modified, is_resource_modified
from dovetail.data.etags import generate_etag

BEFORE, THEN, AFTER = (f"Sat, 0{day} Jan 2000 00:00:00 GMT" for day in (1, 2, 3))
MOMENT = datetime(2000, 1, 2)


@pytest.mark.parametrize(
    ("field", "value", "etag", "modified"),
    [
        ("http_if_none_match", '"a"', '"a"', False),
        ("http_if_none_match", 'W/"a"', '"a"', False),
        ("http_if_none_match", '"a"', 'W/"a"', False),
        ("http_if_none_match", '"b", "a"', "a", False),
        ("http_if_none_match", '"b"', '"a"', True),
        ("http_if_none_match", "*", '"a"', False),
        ("http_if_none_match", '"a"', None, True),
        ("http_if_match", '"a"', '"a"', True),
        ("http_if_match", 'W/"a"', '"a"', False),
        ("http_if_match", '"b"', '"a"', False),
        ("http_if_match", "*", '"a"', True),  # RFC 9110 13.1.1: there is a representation
        ("http_if_match", '"b"', None, True),
    ],
)
def test_tags(field: str, value: str, etag: str | None, modified: bool) -> None:
    fields: dict[str, Any] = {field: value}
    assert is_modified(**fields, etag=etag) is modified


@pytest.mark.parametrize(
    ("since", "last_modified", "modified"),
    [
        (THEN, MOMENT, False),
        (THEN, MOMENT.replace(microsecond=5), False),
        (THEN, MOMENT.replace(tzinfo=UTC), False),
        (THEN, MOMENT.replace(tzinfo=timezone(timedelta(hours=-1))), True),
        (AFTER, MOMENT, False),
        (BEFORE, MOMENT, True),
        (BEFORE, THEN, True),
        (THEN, THEN, False),
        ("nonsense", MOMENT, True),
        (THEN, "nonsense", True),
        (THEN, None, True),
        (None, MOMENT, True),
    ],
)
def test_dates(since: str | None, last_modified: datetime | str | None, modified: bool) -> None:
    assert is_modified(http_if_modified_since=since, last_modified=last_modified) is modified


def test_tags_come_before_dates() -> None:
    old: dict[str, Any] = {"http_if_modified_since": BEFORE, "last_modified": AFTER}
    new: dict[str, Any] = {"http_if_modified_since": AFTER, "last_modified": BEFORE}
    assert not is_modified(**old, http_if_none_match='"a"', etag='"a"')
    assert is_modified(**new, http_if_none_match='"b"', etag='"a"')
    assert not is_modified(**new, http_if_none_match="", etag='"a"')


def test_if_match_comes_before_if_none_match() -> None:
    assert is_modified(http_if_match='"a"', http_if_none_match='"a"', etag='"a"')
    assert not is_modified(http_if_match='"b"', http_if_none_match='"b"', etag='"a"')


@pytest.mark.parametrize(
    ("if_range", "modified"),
    [('"a"', False), ('"b"', True), ("*", True), (THEN, False), (BEFORE, True), (None, True)],
)
def test_if_range(if_range: str | None, modified: bool) -> None:
    arguments: dict[str, Any] = {
        "http_if_range": if_range,
        "etag": '"a"',
        "last_modified": MOMENT,
    }
    assert is_modified(http_range="bytes=0-1", ignore_if_range=False, **arguments) is modified
    assert is_modified(http_range="bytes=0-1", ignore_if_range=True, **arguments)
    assert is_modified(http_range=None, ignore_if_range=False, **arguments)


def test_the_data_in_place_of_a_tag() -> None:
    tag = f'"{generate_etag(b"x")}"'
    assert not is_modified(http_if_none_match=tag, data=b"x")
    assert is_modified(http_if_none_match=tag, data=b"y")
    with pytest.raises(TypeError):
        is_modified(etag="a", data=b"x")


def test_environ() -> None:
    environ = {"REQUEST_METHOD": "GET", "HTTP_IF_NONE_MATCH": '"a"', "HTTP_RANGE": "bytes=0-1"}
    assert not is_resource_modified(environ, '"a"')
    assert is_resource_modified(environ, '"b"')
    assert is_resource_modified({}, '"a"', None, MOMENT)
    environ["HTTP_IF_RANGE"] = '"b"'
    assert is_resource_modified(environ, '"a"', ignore_if_range=False)
    assert not is_resource_modified({"HTTP_IF_MATCH": '"b"'}, '"a"')
    assert not is_resource_modified({"HTTP_IF_MODIFIED_SINCE": THEN}, last_modified=THEN)
    with pytest.raises(TypeError):
        is_resource_modified(environ, '"a"', b"x")
