from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.header_values import (
    dump_header,
    dump_options_header,
    parse_dict_header,
    parse_list_header,
    parse_options_header,
    quote_header_value,
    unquote_header_value,
)

TEXT = st.one_of(st.text(max_size=20), st.text("a\"\\,;=%* \t\n'", max_size=12))
TOKENS = st.text("abz019!#$&+-.^_`|~", min_size=1, max_size=8)

# One MiB each of what makes a careless parser quadratic.
HOSTILE = [
    piece * (2**20 // len(piece))
    for piece in ('"', "\\", '\\"', ";", " ", ",", "=", "*", "%", '; a="', ";a*0=", "a", "'", '"\\')
]


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("", '""'),
        ("token", "token"),
        ("!#$%&'*+-.^_`|~", "!#$%&'*+-.^_`|~"),
        ("a b", '"a b"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("a/b", '"a/b"'),
        ("é", '"é"'),
        (5, "5"),
        (None, "None"),
    ],
)
def test_quote(value: Any, quoted: str) -> None:
    assert quote_header_value(value) == quoted


def test_quote_tokens_too() -> None:
    assert quote_header_value("token", allow_token=False) == '"token"'
    assert quote_header_value(5, False) == '"5"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("a", "a"),
        ('"', '"'),
        ('""', ""),
        ('"a b"', "a b"),
        (r'"a\"b\\c\d"', r'a"b\cd'),
        ('"a', '"a'),
        ('a"', 'a"'),
        (' "a"', ' "a"'),
    ],
)
def test_unquote(value: str, text: str) -> None:
    assert unquote_header_value(value) == text


@given(TEXT)
def test_unquote_what_is_quoted(text: str) -> None:
    assert unquote_header_value(quote_header_value(text)) == text
    assert unquote_header_value(quote_header_value(text, allow_token=False)) == text


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("", []),
        (",, ,", []),
        ("a", ["a"]),
        (" a,\tb ,", ["a", "b"]),
        ('a, "b, c", d', ["a", "b, c", "d"]),
        (r'"a\",b", c', ['a",b', "c"]),
        ('a"b,c"d, e', ['a"b,c"d', "e"]),
        ('"", a', ["", "a"]),
        ("a;b=c, d", ["a;b=c", "d"]),
        ('a, "b', []),
        ("\x0ba,\xa0b", ["\x0ba", "\xa0b"]),
    ],
)
def test_parse_list(value: str, elements: list[str]) -> None:
    assert parse_list_header(value) == elements


@given(st.lists(TEXT))
def test_parse_the_list_dumped(elements: list[str]) -> None:
    assert parse_list_header(dump_header(elements)) == elements


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("", {}),
        ("a", {"a": None}),
        ('a=b, c="d, e", f', {"a": "b", "c": "d, e", "f": None}),
        ('a = b , c= "d"', {"a": "b", "c": "d"}),
        ('a=, b=""', {"a": "", "b": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("=a, b", {"b": None}),
        ("a=1, A=2, a=3", {"a": "3", "A": "2"}),
        ("a*=UTF-8''%E2%9C%93", {"a": "✓"}),
        ("a*=utf-8'en'%41", {"a": "A"}),
        ("a*=ISO-8859-1''%E9", {"a": "é"}),
        ("a*=us-ascii''%e9", {"a": "�"}),
        ("a*=UTF-8''%ff%zz", {"a": "�%zz"}),
        ("a*=unicode-escape''%5Cx41", {"a": "%5Cx41"}),
        ("a*=plain, b*", {"a": "plain", "b*": None}),
        ('a="b', {}),
    ],
)
def test_parse_dict(value: str, items: dict[str, str | None]) -> None:
    assert parse_dict_header(value) == items


@given(st.dictionaries(TOKENS, st.one_of(st.none(), TEXT)))
def test_parse_the_dict_dumped(items: dict[str, str | None]) -> None:
    assert parse_dict_header(dump_header(items)) == items


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        (None, ("", {})),
        ("", ("", {})),
        (" text/html ", ("text/html", {})),
        ("Text/HTML; Charset=UTF-8", ("Text/HTML", {"charset": "UTF-8"})),
        (";a=b", ("", {})),
        ("a;;b=c; ;\td=e ;", ("a", {"b": "c", "d": "e"})),
        ("a; b; c=; d =e; f= g; h=i", ("a", {"h": "i"})),
        (r'a; b="c;d=e\"f\\"; g=h', ("a", {"b": 'c;d=e"f\\', "g": "h"})),
        ('a; b=""', ("a", {"b": ""})),
        ("a; b=c d; e=f/g; h=[i]", ("a", {"b": "c", "e": "f"})),
        ('a; b="c"d; e=f', ("a", {"b": "c", "e": "f"})),
        ('a; b=c; d="e; f=g', ("a", {"b": "c"})),
        ("a; b=c; b=d", ("a", {"b": "d"})),
        ("a; b=é; é=c; d=e", ("a", {"d": "e"})),
        ('"a;b=c"; d=e', ('"a', {"b": "c", "d": "e"})),
        # What browsers write: a quote in a file name, a Windows path of old.
        ('form-data; filename="a%22b%0A.txt"', ("form-data", {"filename": 'a"b%0A.txt'})),
        ('form-data; filename="C:\\\\a\\\\b.txt"', ("form-data", {"filename": "C:\\a\\b.txt"})),
        ('form-data; name="a;b"; filename=""', ("form-data", {"name": "a;b", "filename": ""})),
        # RFC 8187
        ("a; b*=UTF-8''na%C3%AFve%20", ("a", {"b": "naïve "})),
        ("a; b*=iso-8859-1'en'%e9", ("a", {"b": "é"})),
        ("a; b*=utf-8''%ff", ("a", {"b": "�"})),
        ("a; b*=UTF-8''%zz%", ("a", {"b": "%zz%"})),
        ("a; b*=idna''%41; c*=d", ("a", {"b": "%41", "c": "d"})),
        ("a; b=c; b*=UTF-8''d", ("a", {"b": "d"})),
        # RFC 2231
        ("a; b*0=c; b*1=d", ("a", {"b": "cd"})),
        ("a; b*1=c; b*0=d; B*10=e", ("a", {"b": "cde"})),
        ("a; b*0*=UTF-8''%41; b*1=\" %42\"; b*2*=%43", ("a", {"b": "A %42C"})),
        ("a; b*0=c; d=e; b*1=f", ("a", {"b": "cf", "d": "e"})),
        ("a; b*0=c; b=d; b*1=e", ("a", {"b": "e"})),
        ("a; b*x=c; d**=e", ("a", {"b*x": "c", "d*": "e"})),
    ],
)
def test_parse_options(value: str | None, parsed: tuple[str, dict[str, str]]) -> None:
    assert parse_options_header(value) == parsed


@given(st.text())
def test_parse_whatever(value: str) -> None:
    for text in (value, f"a;{value}", f'a; b="{value}'):
        parse_list_header(text)
        parse_dict_header(text)
        parse_options_header(text)


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value[:4]))
def test_parse_much(value: str) -> None:
    parse_list_header(value)
    parse_dict_header(value)
    for text in (f"a;{value}", f'a; b="{value}', f"a; b*=UTF-8''{value}"):
        parse_options_header(text)


@pytest.mark.parametrize(
    ("header", "options", "dumped"),
    [
        ("a", {}, "a"),
        ("a", {"b": "c", "d": "e f"}, 'a; b=c; d="e f"'),
        ("a", {"b": None, "c": "", "d": 1}, 'a; c=""; d=1'),
        ("a", {"b": 'c"\\'}, 'a; b="c\\"\\\\"'),
        ("a", {"b*": "UTF-8''%C3%A9"}, "a; b*=UTF-8''%C3%A9"),
        (None, {"a": "b", "c": "d"}, "a=b; c=d"),
        ("", {"a": "b"}, "; a=b"),
    ],
)
def test_dump_options(header: str | None, options: dict[str, Any], dumped: str) -> None:
    assert dump_options_header(header, options) == dumped


@given(
    TOKENS,
    st.dictionaries(TOKENS.map(str.lower), TEXT.filter(lambda text: "%22" not in text), max_size=4),
)
def test_parse_the_options_dumped(header: str, options: dict[str, str]) -> None:
    assert parse_options_header(dump_options_header(header, options)) == (header, options)


@pytest.mark.parametrize(
    ("iterable", "dumped"),
    [
        ({}, ""),
        ({"a": "b", "c": None, "d": ""}, 'a=b, c, d=""'),
        ({"a": 1, "b": "c d", "e*": "UTF-8''%41"}, "a=1, b=\"c d\", e*=UTF-8''%41"),
        ([], ""),
        (["a", "b c", 5, ""], 'a, "b c", 5, ""'),
        (iter(["a", "b,c"]), 'a, "b,c"'),
    ],
)
def test_dump(iterable: Any, dumped: str) -> None:
    assert dump_header(iterable) == dumped
