from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest

from dovetail.data.auth import WWWAuthenticate
from dovetail.data.cross_origin import COEP, COOP
from dovetail.data.headers import Headers
from dovetail.data.ranges import ContentRange
from dovetail.toolkit.sansio.response import Response


def field(response: Response, name: str) -> str | None:
    return response.headers.get(name)


@pytest.mark.parametrize(
    ("status", "line", "code"),
    [
        (None, "200 OK", 200),
        (404, "404 NOT FOUND", 404),
        (HTTPStatus.CREATED, "201 CREATED", 201),
        (999, "999 UNKNOWN", 999),
        (0, "0 UNKNOWN", 0),
        ("404", "404 NOT FOUND", 404),
        ("404 Gone fishing", "404 Gone fishing", 404),
        ("  404  x ", "404  x", 404),
        ("fishing", "0 fishing", 0),
        ("404fishing", "0 404fishing", 0),
    ],
)
def test_status(status: Any, line: str, code: int) -> None:
    response = Response(status)
    assert (response.status, response.status_code) == (line, code)
    assert type(response.status_code) is int
    for name in ("status", "status_code"):
        assigned = Response(500)
        setattr(assigned, name, 200 if status is None else status)
        assert (assigned.status, assigned.status_code) == (line, code)


@pytest.mark.parametrize("status", ["", "  "])
def test_status_is_empty(status: str) -> None:
    with pytest.raises(ValueError, match="Empty status"):
        Response(status)
    with pytest.raises(ValueError, match="Empty status"):
        Response().status = status


@pytest.mark.parametrize("status", ["200 OK\r\nX: y", "200 O\nK", "200 O\rK"])
def test_a_status_cannot_end_its_line(status: str) -> None:
    with pytest.raises(ValueError, match="line end"):
        Response(status)
    response = Response()
    with pytest.raises(ValueError, match="line end"):
        response.status = status
    assert response.status == "200 OK"


def test_repr() -> None:
    assert repr(Response(404)) == "<Response [404 NOT FOUND]>"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "text/plain; charset=utf-8"),
        ({"mimetype": "text/html"}, "text/html; charset=utf-8"),
        ({"mimetype": "application/json"}, "application/json"),
        ({"content_type": "text/html"}, "text/html"),
        ({"content_type": ""}, ""),
        ({"headers": {"content-type": "a/b"}}, "a/b"),
        ({"headers": {"content-type": "a/b"}, "mimetype": "text/c"}, "text/c; charset=utf-8"),
        ({"headers": {"content-type": "a/b"}, "content_type": "c/d"}, "c/d"),
        ({"headers": {"X": "y"}}, "text/plain; charset=utf-8"),
    ],
)
def test_content_type_given(arguments: dict[str, Any], expected: str) -> None:
    response = Response(**arguments)
    assert response.headers.getlist("Content-Type") == [expected]
    assert (response.content_type or "") == expected


def test_content_type_may_be_none() -> None:
    class Bare(Response):
        default_mimetype = None

    assert [*Bare().headers] == []


def test_defaults_of_a_class() -> None:
    class Page(Response):
        default_status = 201
        default_mimetype = "text/html"

    assert Page().status_code == 201
    assert Page().mimetype == "text/html"


def test_headers_are_taken_or_made() -> None:
    headers = Headers()
    assert Response(headers=headers).headers is headers
    assert Response(headers=[("A", "b"), ("A", "c")]).headers.getlist("A") == ["b", "c"]
    assert Response(headers={"A": ["b", "c"]}).headers.getlist("A") == ["b", "c"]
    with pytest.raises(ValueError, match="line end"):
        Response(headers={"A": "b\nc"})
    with pytest.raises(ValueError, match="line end"):
        Response(mimetype="a/b\r\nc: d")


def test_mimetype() -> None:
    response = Response(content_type="Text/HTML ; a=b")
    assert response.mimetype == "Text/HTML"
    response.mimetype = "text/css"
    assert response.content_type == "text/css; charset=utf-8"
    del response.content_type
    assert response.mimetype is None


def test_mimetype_params() -> None:
    response = Response()
    params = response.mimetype_params
    assert params == {"charset": "utf-8"}
    params["q"] = "a b"
    assert response.content_type == 'text/plain; charset=utf-8; q="a b"'


@pytest.mark.parametrize(
    ("mimetype", "expected"),
    [("application/json", True), ("application/a+json", True), ("text/plain", False)],
)
def test_is_json(mimetype: str, expected: bool) -> None:
    assert Response(mimetype=mimetype).is_json is expected


def test_set_cookie() -> None:
    response = Response()
    response.set_cookie("a", "b c", max_age=5, path="/x", secure=True, httponly=True)
    response.set_cookie("d", samesite="lax", partitioned=True, domain="x.org", expires=0)
    first, second = response.headers.getlist("Set-Cookie")
    assert first == 'a="b c"; Max-Age=5; Secure; HttpOnly; Path=/x' or "Expires" in first
    assert set(second.split("; ")) >= {"Domain=x.org", "SameSite=Lax", "Partitioned", "Path=/"}


def test_delete_cookie() -> None:
    response = Response()
    response.delete_cookie("a", path="/x", domain="x.org", secure=True, httponly=True)
    (value,) = response.headers.getlist("Set-Cookie")
    assert set(value.split("; ")) == {
        *("a=", "Domain=x.org", "Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Max-Age=0", "Secure"),
        *("HttpOnly", "Path=/x"),
    }


def test_cookie_may_be_too_large() -> None:
    class Careful(Response):
        max_cookie_size = 20

    with pytest.warns(UserWarning, match="cookie"):
        Careful().set_cookie("a", "b" * 20)
    with warnings.catch_warnings():
        Careful.max_cookie_size = 0
        Careful().set_cookie("a", "b" * 9999)


NAMES = {
    "location": "Location",
    "content_location": "Content-Location",
    "content_encoding": "Content-Encoding",
    "content_md5": "Content-MD5",
    "accept_ranges": "Accept-Ranges",
    "access_control_allow_origin": "Access-Control-Allow-Origin",
}


@pytest.mark.parametrize("name", NAMES)
def test_text(name: str) -> None:
    response = Response()
    assert getattr(response, name) is None
    setattr(response, name, "x")
    assert (getattr(response, name), field(response, NAMES[name])) == ("x", "x")
    delattr(response, name)
    assert NAMES[name] not in response.headers


@pytest.mark.parametrize("name", ["content_length", "access_control_max_age"])
def test_number(name: str) -> None:
    response = Response()
    setattr(response, name, 5)
    assert getattr(response, name) == 5
    response.headers[name.replace("_", "-")] = "five"
    assert getattr(response, name) is None


@pytest.mark.parametrize("name", ["date", "expires", "last_modified"])
def test_time(name: str) -> None:
    response = Response()
    for value in (datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC), date(2020, 1, 1)):
        setattr(response, name, value)
        assert getattr(response, name) == datetime(2020, 1, 1, tzinfo=UTC)
    assert field(response, name.replace("_", "-")) == "Wed, 01 Jan 2020 00:00:00 GMT"


def test_age() -> None:
    response = Response()
    for value in (5, timedelta(seconds=5)):
        response.age = value  # type: ignore[assignment]
        assert (response.age, field(response, "Age")) == (timedelta(seconds=5), "5")
    with pytest.raises(ValueError, match="negative"):
        response.age = -5  # type: ignore[assignment]


def test_retry_after() -> None:
    response = Response()
    assert response.retry_after is None
    response.retry_after = 60
    assert field(response, "Retry-After") == "60"
    waited = response.retry_after - datetime.now(UTC)  # type: ignore[operator]
    assert timedelta(0) < waited <= timedelta(seconds=60)
    response.retry_after = datetime(2020, 1, 1)
    assert response.retry_after == datetime(2020, 1, 1, tzinfo=UTC)
    response.retry_after = None
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize("value", ["soon", "9" * 14, "9" * 30, "-" + "9" * 30, ""])
def test_retry_after_is_malformed(value: str) -> None:
    assert Response(headers={"Retry-After": value}).retry_after is None


@pytest.mark.parametrize("name", ["vary", "allow", "content_language"])
def test_set(name: str) -> None:
    response = Response()
    header = name.replace("_", "-")
    values = getattr(response, name)
    values.add("A")
    values.add("B")
    assert field(response, header) == "A, B"
    values.discard("a")
    assert field(response, header) == "B"
    values.clear()
    assert header not in response.headers
    setattr(response, name, ["C", "D"])
    assert [*getattr(response, name)] == ["C", "D"]
    setattr(response, name, "E")
    assert field(response, header) == "E"
    setattr(response, name, None)
    assert header not in response.headers


def test_cache_control() -> None:
    response = Response()
    cache_control = response.cache_control
    cache_control.max_age = 5
    cache_control.public = True
    assert field(response, "Cache-Control") == "max-age=5, public"
    assert response.cache_control.max_age == 5
    cache_control.clear()
    assert "Cache-Control" not in response.headers


def test_etag() -> None:
    response = Response()
    assert response.get_etag() == (None, None)
    response.set_etag("a")
    assert (response.get_etag(), field(response, "ETag")) == (("a", False), '"a"')
    response.set_etag("a", weak=True)
    assert (response.get_etag(), field(response, "ETag")) == (("a", True), 'W/"a"')


def test_content_range() -> None:
    response = Response()
    assert not response.content_range
    response.content_range.set(0, 5, 10)
    assert field(response, "Content-Range") == "bytes 0-4/10"
    assert response.content_range.stop == 5
    response.content_range.unset()
    assert "Content-Range" not in response.headers
    response.content_range = ContentRange("bytes", 1, 2)
    assert field(response, "Content-Range") == "bytes 1-1/*"
    response.content_range = "bytes */5"
    assert response.content_range.length == 5
    response.content_range = None
    assert "Content-Range" not in response.headers


def test_www_authenticate() -> None:
    response = Response()
    challenge = response.www_authenticate
    assert "WWW-Authenticate" not in response.headers
    challenge.realm = "a b"
    assert field(response, "WWW-Authenticate") == 'Basic realm="a b"'
    assert response.www_authenticate.type == "basic"
    given = WWWAuthenticate("bearer", {"realm": "x"})
    response.www_authenticate = given
    given.realm = "y"
    assert field(response, "WWW-Authenticate") == "Bearer realm=y"
    del response.www_authenticate
    assert "WWW-Authenticate" not in response.headers


def test_www_authenticate_of_several_challenges() -> None:
    response = Response()
    response.www_authenticate = [
        WWWAuthenticate("basic", {"realm": "x"}),
        WWWAuthenticate("bearer"),
    ]
    assert len(response.headers.getlist("WWW-Authenticate")) == 2
    assert response.www_authenticate.type == "basic"
    response.www_authenticate = None
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize("name", ["content_security_policy", "content_security_policy_report_only"])
def test_content_security_policy(name: str) -> None:
    response = Response()
    header = name.replace("_", "-")
    policy = getattr(response, name)
    policy.default_src = "'self'"
    assert field(response, header) == "default-src 'self'"
    assert getattr(response, name).default_src == "'self'"
    policy.clear()
    assert header not in response.headers
    setattr(response, name, "img-src *")
    assert getattr(response, name).img_src == "*"
    setattr(response, name, policy)
    assert header not in response.headers


def test_cross_origin_requests() -> None:
    response = Response()
    assert not response.access_control_allow_credentials
    response.access_control_allow_credentials = True
    assert field(response, "Access-Control-Allow-Credentials") == "true"
    assert response.access_control_allow_credentials
    response.access_control_allow_credentials = False
    assert "Access-Control-Allow-Credentials" not in response.headers
    response.access_control_allow_headers = ["A", "B"]  # type: ignore[assignment]
    assert field(response, "Access-Control-Allow-Headers") == "A, B"
    response.access_control_allow_methods = ["GET", "PUT"]  # type: ignore[assignment]
    assert str(response.access_control_allow_methods) == "GET, PUT"
    response.access_control_expose_headers = ["X"]  # type: ignore[assignment]
    assert field(response, "Access-Control-Expose-Headers") == "X"
    assert Response().access_control_allow_headers is None


def test_cross_origin_policies() -> None:
    response = Response()
    assert response.cross_origin_opener_policy is COOP.UNSAFE_NONE
    assert response.cross_origin_embedder_policy is COEP.UNSAFE_NONE
    response.cross_origin_opener_policy = COOP.SAME_ORIGIN
    response.cross_origin_embedder_policy = COEP.REQUIRE_CORP
    assert field(response, "Cross-Origin-Opener-Policy") == "same-origin"
    assert field(response, "Cross-Origin-Embedder-Policy") == "require-corp"
    response.headers["Cross-Origin-Opener-Policy"] = "nonsense"
    assert response.cross_origin_opener_policy is COOP.UNSAFE_NONE
