from __future__ import annotations

import copy
import pickle
from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.etags import ETags, generate_etag, parse_etags, quote_etag, unquote_etag

# etagc of RFC 9110 section 8.8.3
tags = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f'))


def sets(found: ETags) -> tuple[set[str], set[str], bool]:
    return found.as_set(), found.as_set(True), found.star_tag


def test_sets() -> None:
    found = ETags(["a", "b"], ["b", "c"])
    assert isinstance(found, Collection)
    assert sets(found) == ({"a", "b"}, {"a", "b", "c"}, False)
    assert found.as_set(include_weak=True) == {"a", "b", "c"}
    assert (len(found), set(found), bool(found)) == (2, {"a", "b"}, True)
    assert [found.is_strong(tag) for tag in "abcd"] == [True, True, False, False]
    assert [found.is_weak(tag) for tag in "abcd"] == [False, True, True, False]
    assert [found.contains(tag) for tag in "abcd"] == [True, True, False, False]
    assert [tag in found for tag in "abcd"] == [True, True, False, False]
    assert [found.contains_weak(tag) for tag in "abcd"] == [True, True, True, False]


def test_star() -> None:
    found = ETags(["a"], ["b"], star_tag=True)
    assert sets(found) == (set(), {"b"}, True)
    assert "z" in found
    assert found.contains("z")
    assert found.contains_weak("z")
    assert not found.is_strong("z")
    assert (str(found), bool(found), len(found)) == ("*", True, 0)


def test_empty() -> None:
    assert not ETags()
    assert ETags().to_header() == ""
    assert bool(ETags(weak_etags=["a"]))
    assert not len(ETags(weak_etags=["a"]))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [('"a"', True), ('W/"a"', True), ('"c"', False), ('W/"c"', True), ("a", True), ("", False)],
)
def test_contains_raw(raw: str, expected: bool) -> None:
    assert ETags(["a"], ["c"]).contains_raw(raw) is expected


def test_call() -> None:
    found = ETags([generate_etag(b"x"), "a"], ["w"])
    assert found("a")
    assert found(data=b"x")
    assert not found(data=b"y")
    assert not found("w")
    assert found("w", include_weak=True)
    with pytest.raises(TypeError):
        found()


def test_to_header() -> None:
    assert ETags(["a"]).to_header() == str(ETags(["a"])) == '"a"'
    assert ETags(["a"], ["b"]).to_header() == '"a", W/"b"'
    assert repr(ETags(["a"])) == "<ETags '\"a\"'>"


def test_copies() -> None:
    found = ETags(["a"], ["b"])
    for other in (copy.copy(found), pickle.loads(pickle.dumps(found))):
        assert sets(other) == sets(found)


@pytest.mark.parametrize(
    ("value", "strong", "weak"),
    [
        (None, [], []),
        ("", [], []),
        ('"a"', ["a"], []),
        ('"a", W/"b",w/"c" , d, W/e', ["a", "d"], ["b", "c", "e"]),
        ('"a, b"', ["a, b"], []),
        ('""', [""], []),
        ('W/""', [], [""]),
        ('"a"b, c', ["c"], []),
        ('"a" "b"', [], []),
        ('a, "b', ["a"], []),
        ('*, "a"', ["*", "a"], []),
        ('"\\"', ["\\"], []),
        ('"', [], []),
        (",,", [], []),
    ],
)
def test_parse_etags(value: str | None, strong: list[str], weak: list[str]) -> None:
    assert sets(parse_etags(value)) == ({*strong}, {*strong, *weak}, False)


def test_parse_star() -> None:
    assert sets(parse_etags("*")) == (set(), set(), True)


@given(st.sets(tags), st.sets(tags), st.booleans())
def test_what_was_dumped_is_parsed(strong: set[str], weak: set[str], star: bool) -> None:
    found = ETags(strong, () if star else weak, star)
    assert sets(parse_etags(found.to_header())) == sets(found)


@pytest.mark.parametrize("piece", ['"a,', '"', "a ", ' "', "W/", '"a" ', ",", '"a"x,'])
def test_parsing_is_linear(piece: str) -> None:
    parse_etags(piece * 100_000)


def test_quote_etag() -> None:
    assert quote_etag("a") == '"a"'
    assert quote_etag("a", weak=True) == 'W/"a"'
    with pytest.raises(ValueError, match="quote"):
        quote_etag('a"b')


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, (None, None)),
        ("", (None, None)),
        ('"a"', ("a", False)),
        ('W/"a"', ("a", True)),
        ('w/"a"', ("a", True)),
        ("a", ("a", False)),
        ('"a', ('"a', False)),
    ],
)
def test_unquote_etag(value: str | None, expected: tuple[Any, Any]) -> None:
    assert unquote_etag(value) == expected


@given(tags.filter(bool), st.booleans())
def test_what_was_quoted_is_unquoted(tag: str, weak: bool) -> None:
    assert unquote_etag(quote_etag(tag, weak)) == (tag, weak)


def test_generate_etag() -> None:
    assert generate_etag(b"abc") == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert generate_etag(b"") != generate_etag(b"\0")
