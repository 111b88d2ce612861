from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.exceptions import SecurityError
from dovetail.data.headers import Headers
from dovetail.data.multidict import ImmutableMultiDict, MultiDict
from dovetail.data.user_agent import UserAgent
from dovetail.toolkit.sansio.request import Request


class OwnDict(MultiDict[str, Any]):
    pass


def request(request_class: type[Request] = Request, /, **parts: Any) -> Request:
    return request_class(
        parts.get("method", "GET"),
        parts.get("scheme", "http"),
        parts.get("server", ("localhost", 80)),
        parts.get("root_path", "/root"),
        parts.get("path", "/a"),
        parts.get("query_string", b"q=1"),
        Headers(parts.get("headers", [("Host", "example.org")])),
        parts.get("remote_addr", "127.0.0.1"),
    )


def with_field(name: str, value: str) -> Request:
    return request(headers=[("Host", "example.org"), (name, value)])


def test_parts() -> None:
    message = request(method="post", root_path="/root/", path="//a", query_string=b"x")
    assert (message.method, message.scheme, message.server) == ("POST", "http", ("localhost", 80))
    assert (message.root_path, message.path, message.query_string) == ("/root", "/a", b"x")
    assert message.headers["host"] == "example.org"
    assert message.remote_addr == "127.0.0.1"


def test_urls() -> None:
    message = request(path="/ä b", query_string=b"q=%C3%BC")
    assert message.url == "http://example.org/root/ä%20b?q=ü"
    assert message.base_url == "http://example.org/root/ä%20b"
    assert message.root_url == "http://example.org/root/"
    assert message.host_url == "http://example.org/"
    assert message.host == "example.org"
    assert message.full_path == "/ä b?q=%C3%BC"


def test_full_path_without_a_query() -> None:
    assert request(query_string=b"").full_path == "/a?"


def test_host_without_a_field_is_the_server() -> None:
    assert request(headers=[], server=("localhost", 8080)).host == "localhost:8080"
    assert request(headers=[], server=None).host == ""


def test_host_has_to_be_trusted() -> None:
    class Careful(Request):
        trusted_hosts = ["example.com"]  # noqa: RUF012

    message = request(Careful)
    for name in ("host", "url", "base_url", "root_url", "host_url"):
        with pytest.raises(SecurityError):
            getattr(message, name)
    assert repr(message).startswith('<Careful "(invalid URL: 400')
    message.trusted_hosts = ["example.org"]
    assert message.host == "example.org"


def test_repr() -> None:
    assert repr(request()) == "<Request 'http://example.org/root/a?q=1' [GET]>"


@pytest.mark.parametrize(
    ("scheme", "expected"), [("http", False), ("https", True), ("ws", False), ("wss", True)]
)
def test_is_secure(scheme: str, expected: bool) -> None:
    assert request(scheme=scheme).is_secure is expected


def test_args() -> None:
    args = request(query_string=b"a=1&b=%C3%BC+x&a=2&c").args
    assert isinstance(args, ImmutableMultiDict)
    assert args.getlist("a") == ["1", "2"]
    assert (args["b"], args["c"]) == ("ü x", "")


@given(st.binary())
def test_args_of_any_octets(query: bytes) -> None:
    message = request(query_string=query)
    assert all(isinstance(value, str) for value in message.args.values())
    assert message.url.startswith("http://example.org/root/a")
    assert message.full_path.startswith("/a?")


def test_storage_classes() -> None:
    class Own(Request):
        parameter_storage_class = OwnDict
        dict_storage_class = OwnDict
        list_storage_class = list
        user_agent_class = type("OwnAgent", (UserAgent,), {})

    message = request(Own, headers=[("Cookie", "a=b")])
    assert type(message.args) is OwnDict
    assert type(message.cookies) is OwnDict
    assert type(message.access_route) is list
    assert type(message.user_agent) is Own.user_agent_class


def test_cookies_of_several_fields() -> None:
    message = request(headers=[("Cookie", "a=1; b=2"), ("Cookie", "a=3")])
    assert sorted(message.cookies.items(multi=True)) == [("a", "1"), ("a", "3"), ("b", "2")]
    assert not request().cookies


def test_access_route() -> None:
    assert request().access_route == ["127.0.0.1"]
    assert with_field("X-Forwarded-For", "1.2.3.4, 5.6.7.8").access_route == ["1.2.3.4", "5.6.7.8"]
    assert request(remote_addr=None).access_route == []


def test_properties_are_kept() -> None:
    message = request()
    for name in ("args", "cookies", "accept_mimetypes", "if_match", "user_agent", "url"):
        assert getattr(message, name) is getattr(message, name)


def test_properties_can_be_assigned() -> None:
    message = request()
    message.url = "other"
    assert message.url == "other"
    del message.url
    assert message.url.startswith("http")


@pytest.mark.parametrize(
    ("name", "field", "value", "expected"),
    [
        ("content_type", "Content-Type", "text/html; a=b", "text/html; a=b"),
        ("mimetype", "Content-Type", "Text/HTML; a=b", "text/html"),
        ("mimetype_params", "Content-Type", "Text/HTML; A=b", {"a": "b"}),
        ("content_length", "Content-Length", "5", 5),
        ("content_length", "Content-Length", "-5", 0),
        ("content_length", "Transfer-Encoding", "chunked", None),
        ("content_encoding", "Content-Encoding", "gzip", "gzip"),
        ("content_md5", "Content-MD5", "abc", "abc"),
        ("referrer", "Referer", "http://a/", "http://a/"),
        ("origin", "Origin", "http://a", "http://a"),
        ("max_forwards", "Max-Forwards", "5", 5),
        ("max_forwards", "Max-Forwards", "x", None),
        (
            "date",
            "Date",
            "Thu, 01 Jan 1970 00:00:05 GMT",
            datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC),
        ),
        ("date", "Date", "x", None),
        ("if_modified_since", "If-Modified-Since", "x", None),
        ("if_unmodified_since", "If-Unmodified-Since", "x", None),
        ("access_control_request_method", "Access-Control-Request-Method", "PUT", "PUT"),
        ("is_json", "Content-Type", "application/json", True),
        ("is_json", "Content-Type", "application/problem+JSON; a=b", True),
        ("is_json", "Content-Type", "text/json", False),
    ],
)
def test_field(name: str, field: str, value: str, expected: Any) -> None:
    assert getattr(with_field(field, value), name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("content_type", None),
        ("mimetype", ""),
        ("mimetype_params", {}),
        ("content_length", None),
        ("is_json", False),
        ("range", None),
        ("authorization", None),
        ("date", None),
        ("if_modified_since", None),
        ("access_control_request_headers", None),
    ],
)
def test_field_that_is_not_there(name: str, expected: Any) -> None:
    assert getattr(request(), name) == expected


@pytest.mark.parametrize(
    "name", ["content_type", "content_encoding", "referrer", "date", "origin", "max_forwards"]
)
def test_field_is_read_only(name: str) -> None:
    with pytest.raises(AttributeError, match="read only"):
        setattr(request(), name, "x")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("accept_mimetypes", "Accept"),
        ("accept_charsets", "Accept-Charset"),
        ("accept_encodings", "Accept-Encoding"),
        ("accept_languages", "Accept-Language"),
    ],
)
def test_accept(name: str, field: str) -> None:
    accept = getattr(with_field(field, "a/b;q=0.5, c/d"), name)
    assert accept.best == "c/d"
    assert [*accept.values()] == ["c/d", "a/b"]
    assert not getattr(request(), name)


def test_conditions() -> None:
    assert "a" in with_field("If-Match", '"a"').if_match
    assert "b" in with_field("If-None-Match", '"b", W/"c"').if_none_match
    assert with_field("If-Range", '"d"').if_range.etag == "d"
    assert with_field("If-Modified-Since", "Thu, 01 Jan 1970 00:00:05 GMT").if_modified_since
    assert with_field("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:05 GMT").if_unmodified_since


def test_range() -> None:
    wanted = with_field("Range", "bytes=1-3").range
    assert wanted is not None
    assert wanted.ranges == [(1, 4)]


def test_cache_directives() -> None:
    assert with_field("Cache-Control", "max-age=5").cache_control.max_age == 5
    assert "no-cache" in with_field("Pragma", "no-cache").pragma


def test_who_asks() -> None:
    assert with_field("User-Agent", "curl/8").user_agent.string == "curl/8"
    authorization = with_field("Authorization", "Basic YTpi").authorization
    assert authorization is not None
    assert (authorization.username, authorization.password) == ("a", "b")
    headers = with_field("Access-Control-Request-Headers", "X-A, X-B")
    assert headers.access_control_request_headers is not None
    assert "x-a" in headers.access_control_request_headers
