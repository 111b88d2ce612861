"""Responses: what ours and Werkzeug's answer to the same requests."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug.datastructures import ContentRange as TheirContentRange
from werkzeug.datastructures import Headers as TheirHeaders
from werkzeug.datastructures import WWWAuthenticate as TheirChallenge
from werkzeug.utils import append_slash_redirect as their_append_slash_redirect
from werkzeug.utils import get_content_type as their_get_content_type
from werkzeug.utils import redirect as their_redirect
from werkzeug.wrappers import Response as TheirResponse

from dovetail.data.auth import WWWAuthenticate
from dovetail.data.headers import Headers
from dovetail.data.ranges import ContentRange
from dovetail.toolkit.content_types import get_content_type
from dovetail.toolkit.redirects import append_slash_redirect, redirect
from dovetail.toolkit.response import Response


def environ_of(method: str = "GET", **fields: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "example.org",
        "SCRIPT_NAME": "/root",
        "PATH_INFO": "/a/b",
        "QUERY_STRING": "q=1",
        **fields,
    }


def answer(response: Any, environ: dict[str, Any]) -> Any:
    """Everything that is seen of a response when a server calls it."""
    content, status, fields = response.get_wsgi_response(environ)
    data = b"".join(content)
    if hasattr(content, "close"):
        content.close()
    return status, [field for field in fields if field[0] != "Date"], data, repr(response)


CONTENTS = st.sampled_from(
    [
        *(None, "", "abc", "\xfc", b"", b"abc", bytearray(b"abc"), [], ["a", "\xfc"], [b"a", b"b"]),
        *((b"a", b"b"), ("a",), {"a": 1}),
    ]
)
STATUSES = st.one_of(
    st.none(),
    st.sampled_from(
        [
            *(100, 200, 204, 206, 301, 304, 404, 418, 599, 0, -1, 1000, True, HTTPStatus.CREATED),
            *("", " ", "200", "404 Gone", "foo", "404foo", "  404  nix ", "4_0_4 x", "0"),
        ]
    ),
    # A line end within it is refused here.
    st.text(max_size=6).filter(lambda text: not {*"\r\n"} & {*text.strip()}),
)
NAMES = st.sampled_from(
    [
        *("Content-Type", "content-type", "Content-Length", "Location", "Content-Location"),
        *("ETag", "Last-Modified", "Expires", "Allow", "X-A", "location", "Content-Encoding"),
    ]
)
VALUES = st.sampled_from(
    [
        *("x", "", "5", "text/html", "text/html; charset=latin-1", "/a", "../x?y=\xfc", "//h/p"),
        *("http://m\xfcller.de/\xe4 b#c", "?q", '"a"', "a\nb"),
    ]
)
FIELDS = st.one_of(
    st.none(), st.lists(st.tuples(NAMES, VALUES), max_size=4), st.dictionaries(NAMES, VALUES)
)
MIMETYPES = st.one_of(
    st.none(), st.sampled_from(["text/html", "application/json", "image/svg+xml", "", "a/b; c=d"])
)
METHODS = st.sampled_from(["GET", "HEAD", "POST"])


@given(CONTENTS, STATUSES, FIELDS, MIMETYPES, MIMETYPES, METHODS, st.booleans(), st.booleans())
def test_answer(
    content: Any,
    status: Any,
    fields: Any,
    mimetype: str | None,
    content_type: str | None,
    method: str,
    absolute: bool,
    streamed: bool,
) -> None:
    def respond(response_class: type[Any]) -> Any:
        body = iter(content) if streamed and content is not None else content
        response = response_class(body, status, fields, mimetype, content_type)
        response.autocorrect_location_header = absolute
        return answer(response, environ_of(method))

    assert outcome(respond, Response) == outcome(respond, TheirResponse)


@given(st.sampled_from(["abc", ["a", "\xfc"], b"ab"]), st.booleans(), st.data())
def test_content(content: Any, streamed: bool, data: st.DataObject) -> None:
    steps = data.draw(
        st.lists(
            st.sampled_from(
                [
                    *("r.data", "r.get_data(True)", "r.make_sequence()", "r.freeze()"),
                    *("r.set_data('x\xfc')", "r.set_data(b'x')", "r.stream.write(b'z')"),
                    *("r.stream.tell()", "r.calculate_content_length()", "r.add_etag()"),
                    *("list(r.iter_encoded())", "r.is_sequence", "r.is_streamed", "r.get_json()"),
                    *("r.add_etag(overwrite=True, weak=True)", "r.get_etag()", "r.set_etag('a')"),
                    *("r.get_json(force=True)", "r.get_json(force=True, silent=True)"),
                    "r.stream.writelines([b'a', b'b'])",
                ]
            ),
            max_size=6,
        )
    )
    ours, theirs = (
        response_class(iter(content) if streamed else content)
        for response_class in (Response, TheirResponse)
    )
    for step in steps:
        assert outcome(eval, step, {"r": ours}) == outcome(eval, step, {"r": theirs})
    assert outcome(answer, ours, environ_of()) == outcome(answer, theirs, environ_of())


TIMES = st.sampled_from(
    [
        *(datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC), date(2020, 1, 1), 5, 5.5, 0),
        *(timedelta(days=1), "Sun, 06 Nov 1994 08:49:37 GMT", "x", -1),
    ]
)
ASSIGNED = {
    "age": st.one_of(TIMES, st.integers(0, 10**10)),
    "date": TIMES,
    "expires": TIMES,
    "last_modified": TIMES,
    "content_length": st.sampled_from([5, "5", "x"]),
    "content_type": VALUES,
    "mimetype": st.sampled_from(["text/html", "a/b", ""]),
    "location": VALUES,
    "content_location": VALUES,
    "content_encoding": VALUES,
    "content_md5": VALUES,
    "accept_ranges": VALUES,
    "vary": st.sampled_from([None, "", "A, b", ["A", "b c"], ("x",), {"y"}, []]),
    "allow": st.sampled_from([None, "GET", ["GET", "HEAD"]]),
    "content_language": st.sampled_from([None, "de, en", ["de"]]),
    "content_range": st.sampled_from([None, "", "bytes 0-5/10", "bytes */10", "x"]),
    "content_security_policy": st.sampled_from([None, "", "default-src 'self'; img-src *"]),
    "content_security_policy_report_only": st.sampled_from([None, "", "default-src 'self'"]),
    "access_control_allow_credentials": st.sampled_from([True, False, None, 1]),
    "access_control_allow_headers": st.sampled_from([["X-A"], "ab", {"X": 1}, []]),
    "access_control_allow_methods": st.sampled_from([["GET", "PUT"], []]),
    "access_control_expose_headers": st.sampled_from([["X-A", "X B"]]),
    "access_control_allow_origin": VALUES,
    "access_control_max_age": st.sampled_from([5, "5", "x"]),
    "status": STATUSES,
    "status_code": STATUSES,
    "retry_after": st.sampled_from([None, "x", datetime(2020, 1, 1)]),
}


@pytest.mark.parametrize("name", ASSIGNED)
@given(data=st.data())
def test_property(name: str, data: st.DataObject) -> None:
    value = data.draw(ASSIGNED[name])

    def assign(response_class: type[Any]) -> Any:
        response = response_class("x")
        setattr(response, name, value)
        assigned = str(getattr(response, name))
        listed = list(response.headers), response.status
        try:
            delattr(response, name)
        except AttributeError:
            return assigned, listed
        return assigned, listed, list(response.headers)

    assert outcome(assign, Response) == outcome(assign, TheirResponse)


@pytest.mark.parametrize(
    "name", ["Date", "Age", "Expires", "Last-Modified", "Content-Length", "Content-Range", "Vary"]
)
@given(value=st.one_of(VALUES.filter(lambda value: "\n" not in value), st.text("0123456789-/x ,")))
def test_property_of_a_field(name: str, value: str) -> None:
    attribute = name.lower().replace("-", "_")

    def read(response_class: type[Any]) -> Any:
        return str(getattr(response_class("x", headers={name: value}), attribute))

    assert outcome(read, Response) == outcome(read, TheirResponse)


LIVE = [
    "r.cache_control.max_age = 5; r.cache_control.no_cache = True; r.cache_control.max_age = None",
    "c = r.cache_control; c.public = True; c.no_store = True; c.clear()",
    "v = r.vary; v.add('A'); v.add('b'); v.discard('a'); v.update(['x', 'y']); v.remove('b')",
    "v = r.allow; v.add('GET'); v.clear()",
    "c = r.content_range; c.set(0, 5, 10); c.stop = 7; c.length = None",
    "c = r.content_range; c.set(0, 5, 10); c.unset()",
    "c = r.content_security_policy; c.default_src = \"'self'\"; c.img_src = '*'; del c.img_src",
    "w = r.www_authenticate; w.realm = 'a b'; w.parameters['x'] = 'y'; w.realm = None",
    "r.www_authenticate = W('digest', {'realm': 'x', 'nonce': 'y', 'qop': 'auth'})",
    "r.www_authenticate = [W('basic'), W('bearer')]; r.www_authenticate.realm = 'b'",
    "w = W('basic'); r.www_authenticate = w; w.realm = 'q'; del r.www_authenticate",
    "r.www_authenticate = W('x', token='abc')",
    "r.www_authenticate = W('basic'); r.www_authenticate = None; r.www_authenticate = []",
    "r.content_range = R('bytes', 1, 2, 3)",
    "p = r.mimetype_params; p['charset'] = 'x y'; p['q'] = 'z'; del p['charset']",
    "r.mimetype = 'application/json'; r.mimetype_params['a'] = 'b'",
    "r.set_cookie('a', 'b c', max_age=5, path='/x', secure=True, httponly=True, samesite='lax')",
    "r.set_cookie('a'); r.delete_cookie('a', domain='x.org', partitioned=True, samesite='None')",
    "r.set_cookie('\xfc', '\xe4;', domain='.m\xfcller.de', expires=0)",
    "r.set_cookie('a', samesite='nope')",
]


@pytest.mark.parametrize("code", LIVE)
def test_what_is_done_to_a_property(code: str) -> None:
    # A second may pass between the two. What is given, and not counted from now, stays as it is.
    soon = re.compile(r"(?<=Expires=)(?!Thu, 01 Jan 1970)[^;]+")

    def run(response_class: type[Any], names: dict[str, Any]) -> Any:
        response = response_class("x")
        exec(code, {"r": response, **names})
        return [(name, soon.sub("soon", value)) for name, value in response.headers]

    ours = outcome(run, Response, {"W": WWWAuthenticate, "R": ContentRange})
    assert ours == outcome(run, TheirResponse, {"W": TheirChallenge, "R": TheirContentRange})


CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "HTTP_RANGE": st.one_of(
            st.sampled_from(
                [
                    *("bytes=0-3", "bytes=5-", "bytes=-3", "bytes=0-3,5-6", "bytes=9-20", "x=0-3"),
                    *("bytes=10-", "bytes=", "", "bytes=3-1", "bytes=-0", "bytes=0-0", "BYTES=0-1"),
                ]
            ),
            st.text("bytes=0123-, ", max_size=10),
        ),
        "HTTP_IF_RANGE": st.sampled_from(
            ['"a"', '"b"', 'W/"a"', "", "Sun, 06 Nov 1994 08:49:37 GMT", "x"]
        ),
    },
)
VERSIONS = st.fixed_dictionaries(
    {},
    optional={
        "HTTP_IF_MATCH": st.sampled_from(['"a"', '"b"', 'W/"a"', ""]),
        "HTTP_IF_NONE_MATCH": st.sampled_from(['"a"', '"b"', "*", 'W/"a"', '"b", "a"']),
        "HTTP_IF_MODIFIED_SINCE": st.sampled_from(
            [
                *("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:36 GMT"),
                *("Mon, 07 Nov 1994 08:49:37 GMT", "x"),
            ]
        ),
    },
)


@given(
    environ=st.one_of(CONDITIONS, VERSIONS),
    method=METHODS,
    etag=st.sampled_from([None, ("a", False), ("a", True)]),
    modified=st.sampled_from([None, datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)]),
    accept_ranges=st.sampled_from([False, True, "bytes", "none", "", "x"]),
    length=st.sampled_from([None, 0, 10]),
    streamed=st.booleans(),
)
def test_make_conditional(
    environ: dict[str, str],
    method: str,
    etag: tuple[str, bool] | None,
    modified: datetime | None,
    accept_ranges: bool | str,
    length: int | None,
    streamed: bool,
) -> None:
    def respond(response_class: type[Any]) -> Any:
        content: Any = [b"01234", b"56789"]
        response = response_class(iter(content) if streamed else content)
        if etag:
            response.set_etag(*etag)
        response.last_modified = modified if modified else 0
        if not modified:
            del response.last_modified
        called = environ_of(method, **environ)
        returned = response.make_conditional(called, accept_ranges, length)
        assert returned is response
        assert "Date" in response.headers or method == "POST"
        return answer(response, called)[:3]

    ours, theirs = outcome(respond, Response), outcome(respond, TheirResponse)
    assert ours == theirs


@given(
    st.text(max_size=10).filter(lambda text: "\n" not in text and "\r" not in text),
    st.sampled_from([301, 302, 308, 200]),
)
def test_redirect(location: str, code: int) -> None:
    def follow(function: Any) -> Any:
        response = function(location, code)
        fields = [field for field in response.headers if field[0] != "Content-Length"]
        return response.status, fields, response.get_wsgi_headers(environ_of())["Location"]

    assert outcome(follow, redirect) == outcome(follow, their_redirect)


@given(st.text("/ab.", max_size=8), st.sampled_from([None, "", "a=b"]))
def test_append_slash_redirect(path: str, query: str | None) -> None:
    environ = {"PATH_INFO": path, "SCRIPT_NAME": "/x"}
    if query is not None:
        environ["QUERY_STRING"] = query
    ours, theirs = append_slash_redirect(environ), their_append_slash_redirect(environ)
    assert (ours.status, ours.location) == (theirs.status, theirs.location)


@given(st.one_of(st.text(max_size=10), st.sampled_from(["text/x", "a/b+xml", "application/sql"])))
def test_content_type(mimetype: str) -> None:
    assert get_content_type(mimetype, "utf-8") == their_get_content_type(mimetype, "utf-8")


def test_headers_are_taken_as_they_are() -> None:
    for response_class, headers in ((Response, Headers()), (TheirResponse, TheirHeaders())):
        assert response_class(headers=headers).headers is headers
