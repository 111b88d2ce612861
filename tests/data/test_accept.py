from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.accept import (
    Accept,
    CharsetAccept,
    LanguageAccept,
    MIMEAccept,
    parse_accept_header,
)
from dovetail.data.immutable import ImmutableList

KINDS = [Accept, MIMEAccept, LanguageAccept, CharsetAccept]


def test_a_list() -> None:
    accept = Accept([("b", 0.5), ("*", 0.9), ("a", 1), ("c", 1)])
    assert isinstance(accept, ImmutableList)
    assert list(accept) == [("a", 1), ("c", 1), ("b", 0.5), ("*", 0.9)]
    assert list(accept.values()) == ["a", "c", "b", "*"]
    assert accept.best == "a"
    assert repr(accept) == "Accept([('a', 1), ('c', 1), ('b', 0.5), ('*', 0.9)])"
    assert accept.to_header() == str(accept) == "a,c,b;q=0.5,*;q=0.9"
    with pytest.raises(TypeError):
        accept.append(("d", 1))
    assert hash(accept) == hash(Accept(accept))


def test_provided() -> None:
    assert Accept([]).provided
    assert Accept().provided
    assert not Accept(None).provided
    assert not Accept(Accept(None)).provided
    assert Accept(Accept([("a", 1)])).provided
    assert Accept(None).best is None
    assert not parse_accept_header(None).provided
    assert not parse_accept_header("").provided
    assert parse_accept_header(",").provided


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", [None, [], [("a", 0.5), ("b", 1)]])
def test_copies(kind: type[Accept], values: Any) -> None:
    accept = kind(values)
    for copied in (
        kind(accept),
        copy.copy(accept),
        copy.deepcopy(accept),
        pickle.loads(pickle.dumps(accept)),
    ):
        assert type(copied) is kind
        assert copied == accept
        assert copied.provided == accept.provided


def test_access() -> None:
    accept: Any = Accept([("a", 1), ("b", 0.5), ("*", 0.1)])
    assert (accept["a"], accept["B"], accept["z"]) == (1, 0.5, 0.1)
    assert accept[0] == ("a", 1)
    assert accept[1:] == [("b", 0.5), ("*", 0.1)]
    assert (accept.quality("b"), accept.quality("z")) == (0.5, 0.1)
    assert "A" in accept
    assert "z" in accept
    assert (accept.index("b"), accept.index("z"), accept.index(("b", 0.5))) == (1, 2, 1)
    assert (accept.find("b"), accept.find("z"), accept.find(("z", 1))) == (1, 2, -1)
    few: Any = Accept([("a", 1)])
    assert few["z"] == few.quality("z") == 0
    assert "z" not in few
    assert few.find("z") == -1
    for key in ("z", ("z", 1)):
        with pytest.raises(ValueError, match="z"):
            few.index(key)


@pytest.mark.parametrize(
    ("header", "matches", "best"),
    [
        ("a,b", ["b", "a"], "b"),
        ("a;q=0.5,b", ["a", "b"], "b"),
        ("a;q=0.5,*;q=0.5", ["c", "a"], "a"),
        ("a;q=0,*", ["a", "b"], "b"),
        ("a;q=0", ["a"], None),
        ("a", ["b"], None),
        ("a", [], None),
    ],
)
def test_best_match(header: str, matches: list[str], best: str | None) -> None:
    accept = parse_accept_header(header)
    assert accept.best_match(matches) == best
    assert accept.best_match(iter(matches), "other") == (best or "other")


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        ("a", [("a", 1)]),
        ("a;q=0.5, b ;q=1 ,c; q=0.75", [("b", 1), ("c", 0.75), ("a", 0.5)]),
        ("a;Q=0.5", [("a", 0.5)]),
        ('a;q="0.5";b=c', [("a; b=c", 0.5)]),
        ('a;b="c d";q=0', [('a; b="c d"', 0)]),
        ("a;q=0.12345", [("a", 0.12345)]),
        ("a;q=, b;q", [("a", 1), ("b", 1)]),
        ("a;q=1.5, b;q=-1, c;q=x, d;q=.5, e;q=1., f;q=1e-1, g;q=nan, h;q=+1, i", [("i", 1)]),
        ("a;q=0.5;q=0.7", [("a", 0.7)]),
        (",,", []),
        (";q=0.5", [("", 1)]),
    ],
)
def test_parse(header: str, pairs: list[tuple[str, float]]) -> None:
    assert list(parse_accept_header(header)) == pairs


def test_parse_into_a_kind() -> None:
    assert type(parse_accept_header("a")) is Accept
    assert type(parse_accept_header("a", None)) is Accept
    for kind in KINDS:
        assert type(parse_accept_header("a", kind)) is kind
        assert type(parse_accept_header(None, kind)) is kind


QUALITIES = st.integers(0, 1000).map(lambda quality: quality / 1000)
TOKENS = st.text("abz019-+./_", min_size=1, max_size=6)


@given(st.lists(st.tuples(TOKENS, QUALITIES)))
def test_parse_what_is_dumped(pairs: list[tuple[str, float]]) -> None:
    for kind in KINDS:
        accept = kind(pairs)
        found = parse_accept_header(accept.to_header(), kind)
        assert found == accept


@given(st.text())
def test_parse_whatever(header: str) -> None:
    for kind in KINDS:
        accept = parse_accept_header(header, kind)
        accept.best_match(["a/b"])
        assert all(0 <= quality <= 1 for _, quality in accept)


@pytest.mark.parametrize("piece", [",", ";", "q=", ";q=", "a,", " ", '"', "=,", "/,", "*;"])
def test_parse_much(piece: str) -> None:
    header = piece * (2**16 // len(piece))
    for kind in KINDS:
        parse_accept_header(header, kind).best_match(["a/b"])


def test_media_ranges_by_specificity() -> None:
    accept = parse_accept_header("*/*, text/*, text/html, a/b;q=0.3, text/html;level=1", MIMEAccept)
    assert str(accept) == "text/html; level=1,text/html,a/b;q=0.3,text/*,*/*"


@pytest.mark.parametrize(
    ("header", "value", "quality"),
    [
        ("text/html", "TEXT/HTML", 1),
        ("text/html;level=1;q=0.5, text/html", "text/html;level=1", 0.5),
        ("text/html;level=1;q=0.5, text/html", "text/html", 1),
        ("text/html;a=1;b=2", "text/html; B=2; A=1", 1),
        ("text/html;level=1", "text/html", 0),
        ("text/html", "text/html;level=1", 0),
        ("text/*;q=0.5", "text/html;level=1", 0.5),
        ("*/*;q=0.2, text/*;q=0.5", "image/png", 0.2),
        ("*/*;q=0.2;level=1", "image/png", 0.2),
        ("a/b;q=0.2", "*/*", 0.2),
        ("a/b;q=0.2", "a/*", 0.2),
        ("*, text, */html, /", "text/html", 0),
    ],
)
def test_media_types(header: str, value: str, quality: float) -> None:
    accept: Any = parse_accept_header(header, MIMEAccept)
    assert accept[value] == quality
    assert (value in accept) == (quality > 0)


@pytest.mark.parametrize("value", ["text", "", "*", "*/html"])
def test_no_media_type(value: str) -> None:
    accept = MIMEAccept([("text/html", 1)])
    with pytest.raises(ValueError, match="media type"):
        accept.quality(value)
    assert accept.find(value) == -1


@pytest.mark.parametrize(
    ("header", "html", "xhtml", "json"),
    [
        ("text/html", True, False, False),
        ("application/xhtml+xml", True, True, False),
        ("application/xml", True, True, False),
        ("application/json", False, False, True),
        ("application/*", True, True, True),
        ("*/*", True, True, True),
        ("image/png", False, False, False),
    ],
)
def test_usual_media_types(header: str, html: bool, xhtml: bool, json: bool) -> None:
    accept = parse_accept_header(header, MIMEAccept)
    assert accept.accept_html is html
    assert accept.accept_xhtml is xhtml
    assert accept.accept_json is json


@pytest.mark.parametrize(
    ("header", "matches", "best"),
    [
        ("en-US", ["en_us"], "en_us"),
        ("de;q=0.9,en;q=0.8", ["en", "de"], "de"),
        ("en-GB", ["de", "en"], "en"),
        ("en", ["de", "en-GB", "en-US"], "en-GB"),
        ("en", ["eng", "en-GB"], "en-GB"),
        ("fi", ["fil-PH", "fi-FI"], "fi-FI"),
        ("es;q=0.9,en-GB", ["en", "es"], "es"),
        ("zh-Hant-TW", ["zh-Hans", "zh"], "zh"),
        ("zh-Hant", ["zh-Hant-TW"], None),
        ("en-US", ["en-GB"], None),
        ("en;q=0,*", ["en"], None),
        ("*", ["de"], "de"),
        ("en", [], None),
    ],
)
def test_languages(header: str, matches: list[str], best: str | None) -> None:
    accept = parse_accept_header(header, LanguageAccept)
    assert accept.best_match(matches) == best
    assert accept.best_match(iter(matches), "other") == (best or "other")


def test_exact_languages() -> None:
    accept: Any = parse_accept_header("en-us, de;q=0.5", LanguageAccept)
    assert "en_US" in accept
    assert "en" not in accept
    assert accept["DE"] == 0.5


@pytest.mark.parametrize(
    ("header", "name", "accepted"),
    [
        ("utf-8", "UTF8", True),
        ("latin1", "iso-8859-1", True),
        ("foo", "FOO", True),
        ("foo", "bar", False),
        ("*", "anything", True),
        ("utf-8\x00", "utf-8", False),
        ("\ud800", "é", False),
    ],
)
def test_charsets(header: str, name: str, accepted: bool) -> None:
    accept: Any = parse_accept_header(header, CharsetAccept)
    assert (name in accept) is accepted
    assert accept.best_match([name]) == (name if accepted else None)
