"""Entity tags: ours beside the installed Werkzeug."""

from __future__ import annotations

from typing import Any

import werkzeug.datastructures as their_types
import werkzeug.http as theirs
from hypothesis import example, given
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.data import etags as ours

# Pieces that mean something to the parser, among letters.
hostile = st.lists(
    st.sampled_from(
        ['"', "W/", "w/", "*", ",", " ", "\t", "a", "b", "é", "\\", "\n", "\x0b", "W", "/"]
    )
).map("".join)
values = st.one_of(st.none(), hostile, st.text(max_size=20))
tags = st.text(st.sampled_from("ab*é W/\t\\"), max_size=4)


def form(found: Any) -> tuple[set[str], set[str], bool, bool]:
    # Werkzeug reads "" as a tag of None: a known difference, left out here.
    strong, weak = found.as_set(), found.as_set(True)
    return strong - {"", None}, weak - {"", None}, found.star_tag, bool(found)


@given(values)
@example('"a", W/"b", c, *')
@example('"a,b", "c"d, "e')
def test_parse(value: str | None) -> None:
    assert outcome(ours.parse_etags, value, form=form) == outcome(
        theirs.parse_etags, value, form=form
    )


@given(values)
def test_unquote(value: str | None) -> None:
    assert outcome(ours.unquote_etag, value) == outcome(theirs.unquote_etag, value)


@given(st.text(max_size=8), st.booleans())
def test_quote(value: str, weak: bool) -> None:
    assert outcome(ours.quote_etag, value, weak) == outcome(theirs.quote_etag, value, weak)


@given(st.binary(max_size=50))
def test_generate(data: bytes) -> None:
    assert ours.generate_etag(data) == theirs.generate_etag(data)


@given(st.lists(tags, max_size=3), st.lists(tags, max_size=3), st.booleans(), tags, st.booleans())
def test_sets(strong: list[str], weak: list[str], star: bool, tag: str, include: bool) -> None:
    mine = ours.ETags(strong, weak, star)
    peer = their_types.ETags(strong, weak, star)
    for name in (
        "contains",
        "contains_weak",
        "is_weak",
        "is_strong",
        "contains_raw",
        "__contains__",
    ):
        for each in (tag, f'"{tag}"', f'W/"{tag}"', *strong, *weak):
            assert getattr(mine, name)(each) == getattr(peer, name)(each), (name, each)
    assert outcome(mine, tag, None, include) == outcome(peer, tag, None, include)
    assert outcome(mine, None, b"x", include) == outcome(peer, None, b"x", include)
    assert outcome(mine) == outcome(peer)
    assert (len(mine), bool(mine), set(mine)) == (len(peer), bool(peer), set(peer))
    assert mine.as_set(include) == peer.as_set(include)
    if len(strong) + len(weak) < 2 or star:
        assert (str(mine), repr(mine)) == (str(peer), repr(peer))
