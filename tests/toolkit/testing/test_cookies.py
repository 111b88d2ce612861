"""The client's cookies by RFC 6265."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from dovetail.toolkit.testing.cookies import Cookie, CookieJar

YESTERDAY = "Thu, 01 Jan 2015 00:00:00 GMT"
LATER = "Thu, 01 Jan 2970 00:00:00 GMT"


def make(**changes: Any) -> Cookie:
    values: dict[str, Any] = {
        "key": "a",
        "value": "b",
        "decoded_key": "a",
        "decoded_value": "b",
        "expires": None,
        "max_age": None,
        "domain": "localhost",
        "origin_only": True,
        "path": "/",
        "secure": False,
        "http_only": False,
        "same_site": None,
    }
    return Cookie(**{**values, **changes})


def parse(header: str, path: str = "/", server_name: str = "localhost") -> Cookie | None:
    """What a jar keeps after a Set-Cookie field."""
    jar = CookieJar()
    jar.update(server_name, path, [header])
    found = [cookie for cookie, _ in jar._cookies.values()]
    return found[0] if found else None


def test_cookie_is_a_plain_record() -> None:
    cookie = make()
    assert cookie == copy.copy(cookie)
    assert cookie != make(value="c")
    assert repr(cookie) == (
        "Cookie(key='a', value='b', decoded_key='a', decoded_value='b', expires=None,"
        " max_age=None, domain='localhost', origin_only=True, path='/', secure=False,"
        " http_only=False, same_site=None)"
    )
    cookie.value = "c"
    with pytest.raises(TypeError):
        hash(cookie)


@pytest.mark.parametrize(
    ("header", "changes"),
    [
        ("a=b", {}),
        (" a = b ;path = / ", {}),
        ("a", {"value": "", "decoded_value": ""}),
        ("a=b=c", {"value": "b=c", "decoded_value": "b=c"}),
        ('a="b\\073c"', {"value": '"b\\073c"', "decoded_value": "b;c"}),
        ("Ã¼=b", {"key": "Ã¼", "decoded_key": "ü"}),
        ("a=b; Path=/x", {"path": "/x"}),
        ("a=b; PATH=/x; path=/z", {"path": "/z"}),
        ("a=b; Path", {}),
        ("a=b; Path=relative", {}),
        ("a=b; Domain=.Example.COM", {"domain": "example.com", "origin_only": False}),
        ("a=b; Domain=", {"origin_only": False}),
        (
            "a=b; Secure; HttpOnly=x; SameSite=Lax",
            {"secure": True, "http_only": True, "same_site": "Lax"},
        ),
        ("a=b; Max-Age=100", {"max_age": 100}),
        ("a=b; Max-Age=x", {}),
        ("a=b; Max-Age=1_0", {}),
        ("a=b; Max-Age=٣", {}),
        (f"a=b; Expires={LATER}", {"expires": datetime(2970, 1, 1, tzinfo=UTC)}),
        ("a=b; Expires=bad", {}),
        (
            f"a=b; Max-Age=5; Expires={YESTERDAY}",
            {"max_age": 5, "expires": datetime(2015, 1, 1, tzinfo=UTC)},
        ),
        ("a=b; Partitioned; unknown=x;;", {}),
    ],
)
def test_set_cookie(header: str, changes: dict[str, Any]) -> None:
    assert parse(header) == make(**changes)


@pytest.mark.parametrize(
    "header",
    ["", "=b", ";a=b", "a=b; Max-Age=0", "a=b; Max-Age=-1", f"a=b; Expires={YESTERDAY}"],
)
def test_what_is_not_kept(header: str) -> None:
    assert parse(header) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", "/"), ("/x", "/"), ("/x/", "/x"), ("/x/y/z", "/x/y"), ("", "/"), ("x", "/")],
)
def test_default_path(path: str, expected: str) -> None:
    cookie = parse("a=b", path)
    assert cookie is not None
    assert cookie.path == expected


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("example.com", "/foo", True),
        ("example.com", "/foo/bar", True),
        ("example.com", "/foobar", False),
        ("example.com", "/", False),
        ("sub.example.com", "/foo", True),
        ("subexample.com", "/foo", False),
        ("com", "/foo", False),
    ],
)
def test_matches(name: str, path: str, expected: bool) -> None:
    cookie = make(domain="example.com", origin_only=False, path="/foo")
    assert cookie.matches(name, path) is expected


def test_matches_only_its_origin() -> None:
    assert not make(domain="example.com").matches("sub.example.com", "/")
    assert make(path="/x/").matches("localhost", "/x/y")


def test_jar() -> None:
    jar = CookieJar()
    assert (len(jar), jar.header("localhost", "/")) == (0, "")
    jar.update("localhost", "/x/y", ["a=1; Path=/", "b=2", "c=3; Path=/other"])
    jar.set("a", "4", domain="localhost", origin_only=True, path="/")
    assert len(jar) == 3
    assert jar.header("LOCALHOST", "/x/z") == "a=4; b=2"
    assert jar.header("sub.localhost", "/") == ""
    found = jar.get("b", "localhost", "/x")
    assert found is not None
    assert found.value == "2"
    jar.delete("a", ".Localhost", "/")
    jar.delete("a", "localhost", "/")
    assert jar.get("a", "localhost", "/") is None
    jar.update("localhost", "/x/y", ["b=; Max-Age=0"])
    assert jar.header("localhost", "/x") == ""


def test_jar_quotes_and_dates() -> None:
    jar = CookieJar()
    jar.set("ä", "ü; x", domain="localhost", origin_only=True, path="/", max_age=10)
    cookie = jar.get("ä", "localhost", "/")
    assert cookie is not None
    assert cookie.decoded_value == "ü; x"
    assert cookie.max_age == 10
    assert cookie.expires is not None
    assert jar.header("localhost", "/") == 'Ã¤="\\303\\274\\073 x"'


def test_a_cookie_ends_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    jar = CookieJar()
    monkeypatch.setattr("time.time", lambda: 1000.0)
    jar.update("localhost", "/", ["a=b; Max-Age=5"])
    assert jar.header("localhost", "/") == "a=b"
    monkeypatch.setattr("time.time", lambda: 1005.0)
    assert jar.header("localhost", "/") == ""
    assert jar.get("a", "localhost", "/") is None
