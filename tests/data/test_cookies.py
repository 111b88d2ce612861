from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.cookies import dump_cookie, find_cookie, parse_cookie, parse_cookie_header
from dovetail.data.dates import http_date, parse_date
from dovetail.data.multidict import ImmutableMultiDict, MultiDict

KEYS = st.text("abz019!#$%&'*+-.^_`|~:/", min_size=1, max_size=8)
VALUES = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        (None, []),
        ("", []),
        ("a=b; c=d", [("a", "b"), ("c", "d")]),
        ("a=b;c=d;;", [("a", "b"), ("c", "d")]),
        ("\ta = b ; c\t=\td", [("a", "b"), ("c", "d")]),
        ("a=1; b=2; a=3", [("a", "1"), ("a", "3"), ("b", "2")]),
        ("a=b=c; d==", [("a", "b=c"), ("d", "=")]),
        ("a; b=", [("a", ""), ("b", "")]),
        ("=a; =; b=c", [("b", "c")]),
        ("a b=c; d=e f; g=h", [("g", "h")]),
        ('a="b c"; d=" e "', [("a", "b c"), ("d", " e ")]),
        ('a="b;c"; d=e', [("a", "b;c"), ("d", "e")]),
        (r'a="b\"\\\073\054c"', [("a", 'b"\\;,c')]),
        (r'a="\303\251\342\234\223"', [("a", "é✓")]),
        (r'a="\377"; b="\400\9\18"', [("a", "�"), ("b", "400918")]),
        (r"a=b\073", [("a", r"b\073")]),
        ('a="b; c=d', [("c", "d")]),
        ('a=b"c; "d"=e; f="g"h; i=j', [("i", "j")]),
        ("$Version=1; a=b", [("$Version", "1"), ("a", "b")]),
        ("a=é; ✓=b", [("a", "é"), ("✓", "b")]),
    ],
)
def test_parse_header(header: str | None, pairs: list[tuple[str, str]]) -> None:
    found = parse_cookie_header(header)
    assert type(found) is MultiDict
    assert list(found.items(multi=True)) == pairs


def test_parse_into_another_class() -> None:
    found = parse_cookie_header("a=b; a=c", ImmutableMultiDict)
    assert type(found) is ImmutableMultiDict
    assert found.getlist("a") == ["b", "c"]
    assert type(parse_cookie("a=b", cls=ImmutableMultiDict)) is ImmutableMultiDict


def test_parse_what_wsgi_has() -> None:
    assert parse_cookie({"HTTP_COOKIE": "a=b"})["a"] == "b"
    assert not parse_cookie({})
    assert not parse_cookie(None)
    assert parse_cookie("a=\xc3\xa9")["a"] == "é"
    assert parse_cookie('a="\xc3\xa9"')["a"] == "é"
    assert parse_cookie("a=\xff; b=c").to_dict() == {"a": "�", "b": "c"}
    assert parse_cookie("a=✓")["a"] == "✓"


@given(st.text())
def test_parse_whatever(header: str) -> None:
    parse_cookie(header)
    parse_cookie_header(f'a="{header}')


@pytest.mark.parametrize("piece", ['"', '="', 'a="', '\\"', ";", "a=b;", " ", "a ", "=", 'a="\\";'])
def test_parse_much(piece: str) -> None:
    parse_cookie(piece * (2**20 // len(piece)))
    parse_cookie('a="' + piece * (2**20 // len(piece)))


@given(KEYS, VALUES)
def test_parse_what_is_dumped(key: str, value: str) -> None:
    pair = dump_cookie(key, value, path=None, max_size=0)
    assert pair.isascii()
    assert pair.isprintable()
    assert list(parse_cookie(pair).items()) == [(key, value)]


@pytest.mark.parametrize(
    ("value", "dumped"),
    [
        ("", "k="),
        ("a=b/c:d<e>(f)", "k=a=b/c:d<e>(f)"),
        ("a b", 'k="a b"'),
        ('a"b\\c', r'k="a\"b\\c"'),
        ("a;b,c", r'k="a\073b\054c"'),
        ("a\r\n\x00\x1f\x7f", r'k="a\015\012\000\037\177"'),
        ("é✓", r'k="\303\251\342\234\223"'),
    ],
)
def test_dump_values(value: str, dumped: str) -> None:
    assert dump_cookie("k", value, path=None) == dumped


@pytest.mark.parametrize(
    ("arguments", "attributes"),
    [
        ({}, "; Path=/"),
        ({"path": None}, ""),
        ({"path": ""}, "; Path="),
        ({"path": "/a b;é%20?#"}, "; Path=/a%20b%3B%C3%A9%20%3F%23"),
        ({"path": "/\r\n"}, "; Path=/%0D%0A"),
        ({"domain": "example.com"}, "; Domain=example.com; Path=/"),
        ({"domain": False}, "; Path=/"),
        ({"domain": ".example.com:8080"}, "; Domain=example.com; Path=/"),
        ({"domain": "é.example"}, "; Domain=xn--9ca.example; Path=/"),
        ({"max_age": 5, "sync_expires": False}, "; Max-Age=5; Path=/"),
        ({"max_age": 0, "sync_expires": False}, "; Max-Age=0; Path=/"),
        ({"max_age": timedelta(days=1, seconds=0.5), "expires": "x"}, "; Expires=x; Max-Age=86400"),
        ({"expires": 0}, "; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        ({"expires": 1.5}, "; Expires=Thu, 01 Jan 1970 00:00:01 GMT"),
        ({"expires": datetime(2026, 1, 2, 3, 4, 5)}, "; Expires=Fri, 02 Jan 2026 03:04:05 GMT"),
        ({"expires": date(2026, 1, 2)}, "; Expires=Fri, 02 Jan 2026 00:00:00 GMT"),
        ({"secure": True, "httponly": True}, "; Secure; HttpOnly; Path=/"),
        ({"samesite": "strict"}, "; Path=/; SameSite=Strict"),
        ({"samesite": "LAX"}, "; Path=/; SameSite=Lax"),
        ({"samesite": "None"}, "; Path=/; SameSite=None"),
        ({"partitioned": True}, "; Secure; Path=/; Partitioned"),
        (
            {
                **{"domain": "a.b", "expires": 0, "max_age": 1, "secure": True, "httponly": True},
                **{"path": "/x", "samesite": "lax", "partitioned": True},
            },
            "; Domain=a.b; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=1; Secure; HttpOnly"
            "; Path=/x; SameSite=Lax; Partitioned",
        ),
    ],
)
def test_dump_attributes(arguments: dict[str, Any], attributes: str) -> None:
    dumped = dump_cookie("k", "v", **arguments)
    assert dumped.startswith(f"k=v{attributes}")


def test_expires_by_max_age() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    dumped = dump_cookie("k", "v", max_age=60)
    expires = parse_date(dumped.split("; ")[1].removeprefix("Expires="))
    assert expires is not None
    assert before <= expires - timedelta(seconds=60) <= datetime.now(UTC)
    assert dumped == f"k=v; Expires={http_date(expires)}; Max-Age=60; Path=/"


def test_keys_are_utf8() -> None:
    dumped = dump_cookie("é", "v")
    assert dumped == "\xc3\xa9=v; Path=/"
    assert parse_cookie(dumped)["é"] == "v"


@pytest.mark.parametrize(
    "arguments",
    [
        {"key": "a\r\nb"},
        {"key": "a;b"},
        {"key": "a\x00"},
        {"key": "k", "domain": "a\r\nSet-Cookie: b"},
        {"key": "k", "domain": "a; Secure"},
        {"key": "k", "expires": "x\r\ny"},
        {"key": "k", "expires": "x; HttpOnly"},
        {"key": "k", "samesite": "sometimes"},
        {"key": "k", "samesite": ""},
        {"key": "k", "domain": "a..b"},
        {"key": "k", "max_age": "1; Domain=x", "expires": 0},
    ],
)
def test_nothing_breaks_out(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"cookie's|SameSite|label"):
        dump_cookie(**arguments)


def test_a_large_cookie() -> None:
    rest = len("k=; Path=/")
    dump_cookie("k", "v" * (4093 - rest))
    with pytest.warns(UserWarning, match="'k' cookie is too large.*limit is 4093 bytes") as seen:
        dump_cookie("k", "v" * (4094 - rest))
    assert seen[0].filename == __file__
    dump_cookie("k", "v" * 9000, max_size=0)
    with pytest.warns(UserWarning, match="limit is 20 bytes"):
        dump_cookie("k", "v" * 20, max_size=20)


@pytest.mark.parametrize(
    ("key", "arguments"),
    [
        ("__Host-a", {"secure": True}),
        ("__Host-a", {"partitioned": True}),
        ("__Secure-a", {"secure": True, "domain": "a.b", "path": "/x"}),
        ("__Hosta", {}),
        ("__other", {}),
    ],
)
def test_prefixes_kept(key: str, arguments: dict[str, Any]) -> None:
    dump_cookie(key, "v", **arguments)  # a warning would be an error


@pytest.mark.parametrize(
    ("key", "arguments"),
    [
        ("__Host-a", {}),
        ("__Host-a", {"secure": True, "domain": "a.b"}),
        ("__Host-a", {"secure": True, "path": "/x"}),
        ("__Host-a", {"secure": True, "path": None}),
        ("__Secure-a", {}),
        ("__secure-a", {}),
    ],
)
def test_prefixes_broken(key: str, arguments: dict[str, Any]) -> None:
    with pytest.warns(UserWarning, match="demands .*Secure") as seen:
        dumped = dump_cookie(key, "v", **arguments)
    assert dumped.startswith(f"{key}=v")
    assert seen[0].filename == __file__


@pytest.mark.parametrize(
    "cookie",
    [
        *("", "a=1", "b=2; a=1", "a=1; a=2", "a", "a; a=1", "ba=1; a=2", "a==", "a=b=c", "aa=1"),
        *('a="x;y"', 'b="a=1"; a=2', "b=1;a=2", "b=1;  a=2", "a =1", " a=1", "a=1;", "=a", "a=1 2"),
        *("a\t=1", "b= a; a=3", "; ; a=1"),
    ],
)
@pytest.mark.parametrize("key", ["a", "", "b", "a=b"])
def test_find_cookie(cookie: str, key: str) -> None:
    assert find_cookie(cookie, key) == parse_cookie_header(cookie).get(key)
