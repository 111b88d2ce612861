from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.ranges import (
    ContentRange,
    IfRange,
    Range,
    is_byte_range_valid,
    parse_content_range_header,
    parse_if_range_header,
    parse_range_header,
)

DATE = "Sat, 01 Jan 2000 00:00:00 GMT"
MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


def test_range() -> None:
    found = Range("bytes", [(0, 10), (20, None)])
    assert (found.units, found.ranges) == ("bytes", [(0, 10), (20, None)])
    assert found.to_header() == str(found) == "bytes=0-9,20-"
    assert repr(found) == "<Range 'bytes=0-9,20-'>"
    assert Range("bytes", [(-5, None)]).to_header() == "bytes=-5"
    assert pickle.loads(pickle.dumps(found)).to_header() == found.to_header()


@pytest.mark.parametrize("pair", [(5, 5), (5, 4), (None, 5), (None, None), (-5, 3), (0, -3)])
def test_invalid_ranges(pair: Any) -> None:
    with pytest.raises(ValueError, match="not a valid range"):
        Range("bytes", [pair])


@pytest.mark.parametrize(
    ("pair", "length", "expected"),
    [
        ((0, 10), 100, (0, 10)),
        ((0, 10), 5, (0, 5)),
        ((0, None), 5, (0, 5)),
        ((5, None), 5, None),
        ((5, 10), 5, None),
        ((-3, None), 5, (2, 5)),
        ((-5, None), 3, (0, 3)),  # RFC 9110 14.1.2: the whole of it
        ((-5, None), 0, None),
        ((0, None), 0, None),
        ((0, 10), None, None),
    ],
)
def test_range_for_length(
    pair: tuple[int, int | None], length: int | None, expected: tuple[int, int] | None
) -> None:
    found = Range("bytes", [pair])
    assert found.range_for_length(length) == expected
    content_range = found.make_content_range(length)
    header = found.to_content_range_header(length)
    if expected is None:
        assert content_range is None
        assert header is None
    else:
        assert content_range is not None
        assert (content_range.start, content_range.stop) == expected
        assert str(content_range) == header == f"bytes {expected[0]}-{expected[1] - 1}/{length}"


def test_no_single_range_of_bytes() -> None:
    assert Range("bytes", [(0, 1), (2, 3)]).range_for_length(10) is None
    assert Range("items", [(0, 1)]).range_for_length(10) is None
    assert Range("bytes", []).to_content_range_header(10) is None


@pytest.mark.parametrize(
    ("value", "units", "ranges"),
    [
        ("bytes=0-1", "bytes", [(0, 2)]),
        ("bytes=0-", "bytes", [(0, None)]),
        ("bytes=-5", "bytes", [(-5, None)]),
        (" Bytes = 0 - 1 , 5-6\t, -3", "bytes", [(0, 2), (5, 7), (-3, None)]),
        ("bytes=0-0,1-1", "bytes", [(0, 1), (1, 2)]),
        ("items=3-", "items", [(3, None)]),
        ("bytes=0-" + "9" * 30, "bytes", [(0, 10**30)]),
    ],
)
def test_parse_range(value: str, units: str, ranges: list[tuple[int, int | None]]) -> None:
    found = parse_range_header(value)
    assert found is not None
    assert (found.units, found.ranges) == (units, ranges)
    assert parse_range_header(value, make_inclusive=False).ranges == ranges  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "bytes", "bytes=", "bytes=-", "bytes=-0", "bytes=5-4", "bytes=1", "bytes=,0-1"),
        *("bytes=0-5,3-6", "bytes=5-6,0-1", "bytes=0-,5-6", "bytes=-5,0-1", "bytes=0-1,"),
        *("bytes=a-b", "bytes=+1-2", "bytes=1_0-20", "bytes=\u0663-5", "bytes=--5", "bytes=0--5"),
        *("bytes=0-1-2", "bytes=0-1\n", "bytes=\xa00-1", "bytes=\x0b0-1", "bytes=0x1-2"),
        *("bytes=" + "9" * 5000 + "-", "bytes=-" + "9" * 5000, "bytes=0-" + "9" * 5000),
    ],
)
def test_parse_malformed_range(value: str | None) -> None:
    assert parse_range_header(value) is None


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=3),
    st.one_of(st.none(), st.integers(1, 10**40)),
)
def test_what_was_dumped_is_parsed(steps: list[tuple[int, int]], suffix: int | None) -> None:
    ranges: list[tuple[int, int | None]] = []
    end = 0
    for gap, size in steps:
        ranges.append((end + gap, end + gap + size))
        end += gap + size
    if suffix is not None:
        ranges.append((-suffix, None))
    found = parse_range_header(Range("bytes", ranges).to_header())
    assert ranges == ([] if found is None else found.ranges)


@given(st.text())
def test_parsers_never_raise(value: str) -> None:
    for text in (value, f"bytes={value}", f"bytes {value}"):
        found = parse_range_header(text)
        if found is not None:
            assert parse_range_header(found.to_header()).ranges == found.ranges  # type: ignore[union-attr]
        parse_content_range_header(text)
        repr(parse_if_range_header(text))


def test_content_range() -> None:
    calls: list[str] = []
    found = ContentRange("bytes", 0, 5, 10, lambda changed: calls.append(str(changed)))
    assert calls == ["bytes 0-4/10"]
    assert (found.units, found.start, found.stop, found.length) == ("bytes", 0, 5, 10)
    assert found.to_header() == str(found) == "bytes 0-4/10"
    assert repr(found) == "<ContentRange 'bytes 0-4/10'>"
    found.start = 1
    found.stop = 4
    found.length = None
    found.units = "items"
    assert calls[1:] == ["bytes 1-4/10", "bytes 1-3/10", "bytes 1-3/*", "items 1-3/*"]
    found.set(2, 3, 9)
    assert calls[-1] == "bytes 2-2/9"
    found.set(None, None, 9, units="items")
    assert calls[-1] == "items */9"
    assert bool(found)
    found.unset()
    assert (calls[-1], bool(found)) == ("", False)
    assert found.units is None
    found.on_update = None
    found.set(0, 1)
    assert len(calls) == 8


def test_content_range_refuses_what_is_no_range() -> None:
    found = ContentRange("bytes", 0, 5)
    with pytest.raises(AssertionError):
        found.set(5, 5)
    assert str(found) == "bytes 0-4/*"
    with pytest.raises(AssertionError):
        ContentRange("bytes", None, 5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-1/2", (0, 2, 2)),
        ("bytes 0-1/*", (0, 2, None)),
        ("bytes */5", (None, None, 5)),
        ("bytes */*", (None, None, None)),
        ("\tbytes  0 - 1 / 5 ", (0, 2, 5)),
    ],
)
def test_parse_content_range(value: str, expected: tuple[Any, Any, Any]) -> None:
    calls: list[ContentRange] = []
    found = parse_content_range_header(value, calls.append)
    assert found is not None
    assert (found.start, found.stop, found.length) == expected
    assert found.units == "bytes"
    calls.clear()
    found.unset()
    assert calls == [found]


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            "",
            "bytes",
            "bytes 0-1",
            "bytes 5-3/10",
            "bytes a-b/c",
            "bytes 0-1/x",
            "bytes */-1",
        ),
        *(
            "bytes -5/10",
            "bytes 0-/10",
            "bytes \u0660-1/2",
            "bytes +0-1/2",
            "bytes=0-1/2",
            "bytes\t0-1/2",
        ),
        *("bytes 0-1/2/3", "bytes 0-" + "9" * 5000 + "/*", "bytes 5-6/5", "bytes 0-1/"),
    ],
)
def test_parse_malformed_content_range(value: str | None) -> None:
    assert parse_content_range_header(value) is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((None, None, None), True),
        ((None, None, 5), True),
        ((None, None, -5), False),
        ((0, None, None), False),
        ((None, 0, None), False),
        ((0, 1, None), True),
        ((0, 0, None), False),
        ((0, 5, 3), True),
        ((3, 4, 3), False),
        ((-1, 5, 10), False),
    ],
)
def test_is_byte_range_valid(arguments: tuple[Any, Any, Any], expected: bool) -> None:
    assert is_byte_range_valid(*arguments) is expected


def test_if_range() -> None:
    assert (IfRange().to_header(), IfRange().etag, IfRange().date) == ("", None, None)
    assert IfRange("a").to_header() == str(IfRange("a")) == '"a"'
    assert IfRange(date=MOMENT).to_header() == DATE
    assert repr(IfRange("a")) == "<IfRange '\"a\"'>"


@pytest.mark.parametrize(
    ("value", "etag", "date"),
    [
        (None, None, None),
        ("", None, None),
        ('"a"', "a", None),
        ('W/"a"', "a", None),
        (DATE, None, MOMENT),
        ("Sat", "Sat", None),
    ],
)
def test_parse_if_range(value: str | None, etag: str | None, date: datetime | None) -> None:
    found = parse_if_range_header(value)
    assert (found.etag, found.date) == (etag, date)


def test_a_malformed_tag_in_if_range() -> None:
    found = parse_if_range_header('a"b')
    assert repr(found) == "<IfRange 'a\"b'>"
    with pytest.raises(ValueError, match="quote"):
        found.to_header()


positions = st.integers(0, 10**30)


@given(positions, positions, st.one_of(st.none(), positions))
def test_a_dumped_content_range_is_parsed(start: int, size: int, more: int | None) -> None:
    stop = start + size + 1
    length = None if more is None else stop + more
    for span in (
        ContentRange("bytes", start, stop, length),
        ContentRange("items", None, None, length),
    ):
        found = parse_content_range_header(span.to_header())
        assert found is not None
        assert (found.units, found.start, found.stop) == (span.units, span.start, span.stop)
        assert found.length == span.length


@given(
    st.one_of(
        st.text(st.characters(min_codepoint=0x23, max_codepoint=0x7E), min_size=1).map(IfRange),
        st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)).map(
            lambda moment: IfRange(date=moment.replace(microsecond=0))
        ),
    )
)
def test_a_dumped_if_range_is_parsed(condition: IfRange) -> None:
    found = parse_if_range_header(condition.to_header())
    assert (found.etag, found.date) == (condition.etag, condition.date)
