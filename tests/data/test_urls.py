from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.multidict import MultiDict
from dovetail.data.urls import decode_idna, iri_to_uri, parse_query, uri_to_iri, urlencode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("iri", "uri"),
    [
        ("", ""),
        ("/foo/bar?x=1#y", "/foo/bar?x=1#y"),
        ("http://example.com:8080/a", "http://example.com:8080/a"),
        ("http://☃.net/påth?q=èry%DF#ü", "http://xn--n3h.net/p%C3%A5th?q=%C3%A8ry%DF#%C3%BC"),
        ("http://é:ü@é.com:80/", "http://%C3%A9:%C3%BC@xn--9ca.com:80/"),
        ("http://u:p:q@h/", "http://u:p%3Aq@h/"),
        ("http://@h/", "http://@h/"),
        ("http://[::1]:80/é", "http://[::1]:80/%C3%A9"),
        ("HTTP://EXAMPLE.com/É", "http://example.com/%C3%89"),
        ('/a b|c\\d^e`{f}<g>"h[i]', "/a%20b%7Cc%5Cd%5Ee%60%7Bf%7D%3Cg%3E%22h%5Bi%5D"),
        ("/%zz%", "/%zz%"),
        ("//é.com/x", "//xn--9ca.com/x"),
        ("///a", "/a"),
        ("x?#", "x"),
        ("mailto:é@é.com", "mailto:%C3%A9@%C3%A9.com"),
        ("itms-services://?action=é", "itms-services://?action=%C3%A9"),
    ],
)
def test_iri_to_uri(iri: str, uri: str) -> None:
    assert iri_to_uri(iri) == uri
    assert iri_to_uri(uri) == uri


@pytest.mark.parametrize(
    "iri", ["http://h:port/", "http://h:99999/", "http://[x/", "http://a..é/", "/\ud800"]
)
def test_iri_to_no_uri(iri: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        iri_to_uri(iri)


@pytest.mark.parametrize(
    ("uri", "iri"),
    [
        ("", ""),
        ("http://example.com/foo?x=1", "http://example.com/foo?x=1"),
        ("http://xn--n3h.net/p%C3%A5th?q=%C3%A8ry%DF#%c3%bc", "http://☃.net/påth?q=èry%DF#ü"),
        # What means something in its part stays escaped, as it was written.
        ("/%20%2f%3F%23%25%00%0a%7F%26%40", "/%20%2f%3F%23%25%00%0a%7F&@"),
        ("?%26%3d%2B%23%20%2F%3F", "?%26%3d%2B%23%20/?"),
        ("#%26%20%23", "#&%20#"),
        ("http://u%40%3A:p%2f@h/", "http://u%40%3A:p%2f@h/"),
        # No UTF-8.
        ("/%e2%98%83%ff%e2%98", "/☃%FF%E2%98"),
        ("/%ed%a0%80", "/%ED%A0%80"),
        ("/%zz%", "/%zz%"),
        ("http://EX.com:80", "http://ex.com:80"),
        ("http://[::1]:80/%C3%A9", "http://[::1]:80/é"),
        # No IDNA.
        ("http://xn--0.com/", "http://xn--0.com/"),
        ("http://%C3%A9.com/", "http://%C3%A9.com/"),
        ("itms-services://?a=%C3%A9", "itms-services://?a=é"),
    ],
)
def test_uri_to_iri(uri: str, iri: str) -> None:
    assert uri_to_iri(uri) == iri
    assert uri_to_iri(iri) == iri


@given(TEXT.map(lambda text: text.replace("%", "")))
def test_there_and_back(text: str) -> None:
    for start in ("http://example.com/", "http://example.com/?", "http://example.com/#"):
        uri = iri_to_uri(start + text)
        assert uri.isascii()
        assert iri_to_uri(uri) == uri
        iri = uri_to_iri(uri)
        assert iri_to_uri(iri) == uri
        assert uri_to_iri(iri) == iri


@pytest.mark.parametrize(
    ("host", "decoded"),
    [
        ("example.com", "example.com"),
        ("xn--9ca.com", "é.com"),
        ("a.xn--n3h.net", "a.☃.net"),
        ("é.com", "é.com"),
        ("xn--a", "xn--a"),
        ("xn--" + "9" * 3000, "xn--" + "9" * 3000),
    ],
)
def test_decode_idna(host: str, decoded: str) -> None:
    assert decode_idna(host) == decoded


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("", []),
        ("a=b&c=d", [("a", "b"), ("c", "d")]),
        ("a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        ("a&b=&=c&=", [("a", ""), ("b", ""), ("", "c"), ("", "")]),
        ("&&a=b&", [("a", "b")]),
        ("a=b;c=d", [("a", "b;c=d")]),
        ("a=b=c", [("a", "b=c")]),
        ("a+b=+c+", [("a b", " c ")]),
        ("%61%20=%2B%26%3D", [("a ", "+&=")]),
        ("a=%C3%A9%e2%98%83", [("a", "é☃")]),
        ("a=é", [("a", "é")]),
        ("a=%FF%e2%98&b=%ED%A0%80", [("a", "%FF%E2%98"), ("b", "%ED%A0%80")]),
        ("a=%zz%&%=%4", [("a", "%zz%"), ("%", "%4")]),
        ("a=%00\t", [("a", "\x00\t")]),
    ],
)
def test_parse_query(query: str, pairs: list[tuple[str, str]]) -> None:
    assert parse_query(query) == pairs
    assert parse_query(query.encode()) == pairs


def test_parse_query_of_octets() -> None:
    assert parse_query(b"a=\xff&\xc3\xa9=b") == [("a", "%FF"), ("é", "b")]


@given(st.binary(), st.text())
def test_parse_whatever(octets: bytes, text: str) -> None:
    parse_query(octets)
    parse_query(text)


@pytest.mark.parametrize("piece", ["&", "=", "%", "%C3", "+", "a&", "a=b&", "%41"])
def test_parse_much(piece: str) -> None:
    parse_query(piece * (2**20 // len(piece)))


@given(st.lists(st.tuples(TEXT, TEXT)))
def test_parse_what_is_encoded(pairs: list[tuple[str, str]]) -> None:
    query = urlencode(pairs)
    assert query.isascii()
    assert parse_query(query) == pairs
    assert parse_query(query.encode()) == pairs


@pytest.mark.parametrize(
    ("query", "encoded"),
    [
        ({}, ""),
        ({"a": "b c", "d": "é&=+%#"}, "a=b+c&d=%C3%A9%26%3D%2B%25%23"),
        ({"a": "!$'()*,/:;?@-._~"}, "a=!$'()*,/:;?@-._~"),
        ({"a": None, "b": ""}, "b="),
        ({"a": [1, None, "x"], "b": (2.5,), "c": []}, "a=1&a=x&b=2.5"),
        ({"a": True, 5: b"\xff"}, "a=True&5=%FF"),
        ([("a", 1), ("b", 2), ("a", 3)], "a=1&b=2&a=3"),
        (MultiDict([("a", "1"), ("b", "2"), ("a", "3")]), "a=1&a=3&b=2"),
    ],
)
def test_urlencode(query: Any, encoded: str) -> None:
    assert urlencode(query) == encoded
