"""Quoting, lists, dicts and options headers, beside Werkzeug's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug import http

from dovetail.data import header_values as ours

# Pieces that mean something to a parser, and text that means nothing.
PIECES = st.sampled_from(
    [
        *('"', "\\", '\\"', "\\\\", ",", ";", "=", "*", "*0", "*1", "*0*", "*=", "'", "''", "%"),
        *("%22", "%41", "%C3%A9", "%e9", "%0a", "UTF-8", "utf-8''", "iso-8859-1''", "ascii'en'"),
        *("foo''", "é", "\x00", "\n", "\r\n", "\t", " ", "  ", "\x0b", "\x85", "\xa0", "a", "B"),
        *("name", "filename", 'name="x y"', "; a=b", ";b*0=c", ";b*1*=%42", "; b=d", ", a=b", "²"),
        *('"x', 'y"', "/", "{", "@", "C:\\x"),
    ]
)
HOSTILE = st.lists(PIECES, max_size=12).map("".join)
TEXT = st.one_of(HOSTILE, st.text(max_size=30))
PARAMETER = st.tuples(
    st.sampled_from(["", " ", "\t"]),
    st.sampled_from(["a", "A", "b", "b*", "b*0", "b*1", "b*0*", "b*1*", "b*2*", "filename", "*"]),
    st.sampled_from(["=", "=", "=", "", " ="]),
    st.sampled_from(
        [
            *("x", '"x"', '"a;b"', '"\\"', '"a\\"b"', "UTF-8''%C3%A9", "iso-8859-1''%e9", "%41"),
            *("foo''%41", "''%41", "%22", '"%22%0d"', "", "x y", "\"UTF-8''%41\"", "'", "é"),
        ]
    ),
    st.sampled_from(["", " ", "y", ";"]),
).map("".join)
OPTIONS = st.tuples(
    st.sampled_from(["form-data", "", " a/b ", "a b"]), st.lists(PARAMETER, max_size=6)
).map(lambda header: ";".join([header[0], *header[1]]))


def check(name: str, *args: Any, **kwargs: Any) -> None:
    mine: Callable[..., Any] = getattr(ours, name)
    theirs: Callable[..., Any] = getattr(http, name)
    assert outcome(mine, *args, **kwargs) == outcome(theirs, *args, **kwargs)


@given(TEXT, st.booleans())
def test_quote_header_value(text: str, allow_token: bool) -> None:
    check("quote_header_value", text, allow_token=allow_token)


@pytest.mark.parametrize("value", [0, 1.5, None, True, b"x", ["a"]])
def test_quote_header_value_of_other_types(value: object) -> None:
    check("quote_header_value", value)


@given(TEXT)
def test_unquote_header_value(text: str) -> None:
    check("unquote_header_value", text)
    check("unquote_header_value", f'"{text}"')


@given(TEXT)
def test_parse_list_header(text: str) -> None:
    check("parse_list_header", text)


@given(TEXT)
def test_parse_dict_header(text: str) -> None:
    check("parse_dict_header", text)


@given(st.one_of(TEXT, OPTIONS, TEXT.map("a; ".__add__), st.none()))
def test_parse_options_header(text: str | None) -> None:
    check("parse_options_header", text)


@pytest.mark.parametrize(
    "template",
    [
        *("a;b%sc=d", "a;b=x%sy", "a;b*=UTF-8'e%sn'x%%41", "a;b*=UTF-8''x%sy%%41", "%sa%s;b=c"),
        *("a;%sb=c", "a;b%s=c", "a;b=%sc", "a;b=c%s", 'a;b="x%sy"', 'a;b="x\\%sy"', "a;b*%s=c"),
        *("a;b*=UTF%s8''%%41",),
    ],
)
def test_parse_options_header_with_every_character(template: str) -> None:
    for code in range(0x180):
        check("parse_options_header", template.replace("%s", chr(code)).replace("%%", "%"))


VALUES = st.one_of(TEXT, st.none(), st.integers(), st.booleans(), st.just(""))
KEYS = st.one_of(st.sampled_from(["a", "b", "b*", "filename*", "é", ""]), st.text(max_size=4))


@given(st.one_of(st.none(), TEXT), st.dictionaries(KEYS.filter(bool), VALUES, max_size=4))
def test_dump_options_header(header: str | None, options: dict[str, Any]) -> None:
    check("dump_options_header", header, options)


@given(
    st.one_of(
        st.dictionaries(KEYS.filter(bool), VALUES, max_size=4), st.lists(VALUES, max_size=4), TEXT
    )
)
def test_dump_header(iterable: Any) -> None:
    check("dump_header", iterable)
