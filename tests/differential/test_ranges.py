"""Range, Content-Range and If-Range: ours beside the installed Werkzeug."""

from __future__ import annotations

from typing import Any

import werkzeug.datastructures as their_types
import werkzeug.http as theirs
from hypothesis import example, given
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.data import ranges as ours

PIECES = [
    *("bytes", "Bytes", "items", "=", "-", ",", "/", "*", " ", "\t", "\n", "\x0b", "\xa0"),
    *("0", "1", "5", "10", "007", "+1", "1_0", "٣", "9" * 5000, "x", "é"),
]
hostile = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
numbers = st.integers(0, 20)
spec = st.one_of(
    st.builds("{}-{}".format, numbers, numbers),
    numbers.map("{}-".format),
    numbers.map("-{}".format),
)
wellformed = st.lists(spec, min_size=1, max_size=3).map(lambda specs: f"bytes={','.join(specs)}")
content = st.builds("bytes {}-{}/{}".format, numbers, numbers, st.one_of(numbers, st.just("*")))
maybe = st.one_of(st.none(), st.integers(-3, 12))


def range_form(found: Any) -> Any:
    return None if found is None else (found.units, found.ranges, str(found), repr(found))


def content_form(found: Any) -> Any:
    if found is None:
        return None
    return found.units, found.start, found.stop, found.length, str(found), repr(found), bool(found)


@given(st.one_of(st.none(), hostile, hostile.map("bytes={}".format), wellformed), st.booleans())
@example("bytes=0-1, 3-4 , 8-", True)
@example("bytes=0 - ", True)
def test_parse_range(value: str | None, inclusive: bool) -> None:
    assert outcome(ours.parse_range_header, value, inclusive, form=range_form) == outcome(
        theirs.parse_range_header, value, inclusive, form=range_form
    )


@given(st.one_of(st.none(), hostile, hostile.map("bytes {}".format), content))
@example("bytes */*")
@example("bytes 0-1/ *")
@example(" bytes  0 - 1 / 5 ")
def test_parse_content_range(value: str | None) -> None:
    assert outcome(ours.parse_content_range_header, value, form=content_form) == outcome(
        theirs.parse_content_range_header, value, form=content_form
    )


if_range = st.sampled_from(
    [None, "", '"a"', 'W/"a"', "a", "*", "Sat, 01 Jan 2000 00:00:00 GMT", "Sat", "2000-01-01"]
)


@given(if_range)
def test_parse_if_range(value: str | None) -> None:
    def form(found: Any) -> Any:
        return found.etag, found.date, str(found), repr(found)

    assert outcome(ours.parse_if_range_header, value, form=form) == outcome(
        theirs.parse_if_range_header, value, form=form
    )


@given(maybe, maybe, maybe)
def test_valid(start: int | None, stop: int | None, length: int | None) -> None:
    arguments = (start, stop, length)
    assert outcome(ours.is_byte_range_valid, *arguments) == outcome(
        theirs.is_byte_range_valid, *arguments
    )


@given(st.lists(st.tuples(maybe, maybe), max_size=2), maybe, st.sampled_from(["bytes", "items"]))
def test_range(pairs: list[tuple[int, int | None]], length: int | None, units: str) -> None:
    made = outcome(ours.Range, units, pairs, form=range_form)
    assert made == outcome(their_types.Range, units, pairs, form=range_form)
    if made[0] == "raised":
        return
    first = pairs[0][0] if pairs else 0
    if first < 0 and length is not None and first + length < 0:
        return  # a suffix longer than the whole: a known difference
    mine, peer = ours.Range(units, pairs), their_types.Range(units, pairs)
    assert mine.range_for_length(length) == peer.range_for_length(length)
    assert mine.to_content_range_header(length) == peer.to_content_range_header(length)
    assert content_form(mine.make_content_range(length)) == content_form(
        peer.make_content_range(length)
    )


CHANGES = st.sampled_from(["start", "stop", "length", "units", "set", "unset"])


@given(maybe, maybe, maybe, st.lists(st.tuples(CHANGES, maybe, maybe, maybe), max_size=4))
def test_content_range(
    start: int | None,
    stop: int | None,
    length: int | None,
    changes: list[tuple[str, int | None, int | None, int | None]],
) -> None:
    results = []
    for kind in (ours.ContentRange, their_types.ContentRange):
        calls: list[None] = []
        log: list[Any] = []

        def told(_: Any, calls: list[None] = calls) -> None:
            calls.append(None)

        log.append(outcome(kind, "bytes", start, stop, length, told, form=content_form))
        span: Any = kind(None, None, None, None, told)
        for name, first, second, third in changes:
            if name == "set":
                log.append(outcome(span.set, first, second, third))
            elif name == "unset":
                log.append(outcome(span.unset))
            elif name == "units":
                span.units = "items" if first else None
            else:
                setattr(span, name, first)
            if (span.start is None) == (span.stop is None):
                log.append(content_form(span))
            log.append(len(calls))
        results.append(log)
    assert results[0] == results[1]
