"""Requests: the properties of ours and of Werkzeug's for the same environment."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug.datastructures import Headers as TheirHeaders
from werkzeug.sansio.request import Request as TheirMessage
from werkzeug.wrappers import Request as TheirRequest

from dovetail.data.headers import Headers
from dovetail.toolkit.request import Request
from dovetail.toolkit.sansio.request import Request as Message

PLAIN = (
    *("method", "scheme", "server", "root_path", "path", "query_string", "remote_addr"),
    *("script_root", "url", "base_url", "root_url", "url_root", "host_url", "host", "full_path"),
    *("is_secure", "content_type", "mimetype", "mimetype_params", "content_length", "is_json"),
    *("content_encoding", "content_md5", "referrer", "date", "max_forwards", "origin"),
    *("if_modified_since", "if_unmodified_since", "access_control_request_method"),
    *("remote_user", "is_multithread", "is_multiprocess", "is_run_once", "want_form_data_parsed"),
)
SHOWN = (
    *("access_route", "pragma", "accept_mimetypes", "accept_charsets", "accept_encodings"),
    *("accept_languages", "cache_control", "if_match", "if_none_match", "if_range", "range"),
    *("user_agent", "authorization", "access_control_request_headers"),
)
PAIRS = ("args", "cookies", "headers", "form")


def form_of(value: Any) -> Any:
    """What is equal for both packages."""
    if value is None or isinstance(value, str | bytes | int | tuple | dict):
        return value
    return str(value)


def pairs_of(value: Any) -> Any:
    return sorted(value.items() if hasattr(value, "to_wsgi_list") else value.items(multi=True))


def shown_of(value: Any) -> Any:
    return None if value is None else str(value)


def properties(request: Any, names: tuple[str, ...], form: Any) -> dict[str, Any]:
    return {name: outcome(getattr, request, name, form=form) for name in names}


LATIN = st.text(st.characters(max_codepoint=255), max_size=12)
PATH = st.one_of(
    LATIN,
    st.lists(st.sampled_from(["/", "a", "%", "%2F", "\xc3\xbc", "\xff", " ", "?", "#", ".."])).map(
        "".join
    ),
)
QUERY = st.one_of(
    LATIN.filter(str.isascii),
    st.lists(
        st.sampled_from(["a", "=", "&", "%", "%C3%BC", "%ff", "+", ";", "b", "\xc3\xbc", "#"])
    ).map("".join),
)
HOSTS = st.sampled_from(
    [
        "example.org",
        "example.org:80",
        "example.org:443",
        "a:8080",
        "[::1]:5",
        "xn--mller-kva.de",
        "",
    ]
)
VALUES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    st.sampled_from(
        [
            *("text/html;q=0.5, */*;q=0.1, application/json", "de-AT, en;q=0.8", "gzip, br;q=0"),
            *('"a", W/"b"', "*", '"a"', "bytes=0-5", "bytes=5-, 7-8", "no-cache, max-age=5"),
            *("Sun, 06 Nov 1994 08:49:37 GMT", "Basic YTpi", "Bearer abc", "a=b; c=d", "a=b;a=c"),
            *("application/json; charset=utf-8", "application/x+JSON", "text/plain", "5", "-5"),
            *("1.2.3.4, 5.6.7.8", "chunked", "X-A, X-B"),
        ]
    ),
)
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            *("HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_ACCEPT_ENCODING", "HTTP_COOKIE"),
            *("HTTP_ACCEPT_CHARSET", "HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH"),
            *("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"),
            *("HTTP_CACHE_CONTROL", "HTTP_PRAGMA", "HTTP_AUTHORIZATION", "HTTP_DATE"),
            *("HTTP_X_FORWARDED_FOR", "HTTP_MAX_FORWARDS", "HTTP_ORIGIN", "HTTP_REFERER"),
            *("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"),
            *("HTTP_USER_AGENT", "HTTP_CONTENT_ENCODING", "HTTP_CONTENT_MD5"),
            *("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "REMOTE_USER"),
        ]
    ),
    VALUES,
    max_size=6,
)


@given(
    method=st.sampled_from(["GET", "POST", "post", "PUT"]),
    scheme=st.sampled_from(["http", "https", "ws"]),
    host=st.one_of(st.none(), HOSTS),
    port=st.sampled_from(["80", "443", "8080", "", "x"]),
    root=PATH,
    path=PATH,
    query=QUERY,
    fields=FIELDS,
)
@example("GET", "http", None, "80", "", "", "", {})
def test_request(
    method: str,
    scheme: str,
    host: str | None,
    port: str,
    root: str,
    path: str,
    query: str,
    fields: dict[str, str],
) -> None:
    def environ() -> dict[str, Any]:
        made = {
            "REQUEST_METHOD": method,
            "wsgi.url_scheme": scheme,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": port,
            "SCRIPT_NAME": f"/{root}" if root else "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(),
            **fields,
        }
        if host is not None:
            made["HTTP_HOST"] = host
        return made

    ours, theirs = Request(environ()), TheirRequest(environ())
    assert properties(ours, PLAIN, form_of) == properties(theirs, PLAIN, form_of)
    assert properties(ours, SHOWN, shown_of) == properties(theirs, SHOWN, shown_of)
    assert properties(ours, PAIRS, pairs_of) == properties(theirs, PAIRS, pairs_of)
    assert outcome(repr, ours) == outcome(repr, theirs)


@given(
    server=st.sampled_from([None, ("h", None), ("h", 80), ("::1", 8080)]),
    root=st.text("/aü %", max_size=5),
    path=st.text("/aü %?#", max_size=6),
    query=st.sampled_from([b"", b"a=b", b"a=%C3%BC", b"a=\xc3\xbc"]),
    fields=st.lists(
        st.tuples(
            st.sampled_from(["Cookie", "cookie", "Host", "Content-Type", "Accept"]),
            st.sampled_from(["a=b", "c=d; a=x", "h:443", "text/html", "a/b; c=d"]),
        ),
        max_size=4,
    ),
)
def test_message(
    server: Any, root: str, path: str, query: bytes, fields: list[tuple[str, str]]
) -> None:
    arguments = ("get", "https", server, root, path, query)
    ours = Message(*arguments, Headers(fields), None)
    theirs = TheirMessage(*arguments, TheirHeaders(fields), None)
    names = tuple(name for name in PLAIN if hasattr(Message, name) or hasattr(ours, name))
    assert properties(ours, names, form_of) == properties(theirs, names, form_of)
    pairs = ("args", "cookies")
    assert properties(ours, pairs, pairs_of) == properties(theirs, pairs, pairs_of)


BODIES = st.sampled_from(
    [
        *(b"", b"{}", b'{"a": [1]}', b"{", b"\xff", b"NaN", '{"a": "\xfc"}'.encode("utf-16")),
        *(b"a=1&b=2", b"a=%C3%BC", b"null", b"[" * 50),
    ]
)
TYPES = st.sampled_from(
    [
        *("application/json", "application/problem+json; charset=utf-8", "text/plain", ""),
        *("application/x-www-form-urlencoded", "APPLICATION/JSON"),
    ]
)
STEPS = st.lists(
    st.sampled_from(
        [
            *("json", "form", "data", "values", "files", "get_json(silent=True)"),
            *("get_json(force=True)", "get_json(force=True, silent=True)", "get_data()"),
            *("get_json(cache=False)", "get_data(cache=False)", "get_data(as_text=True)"),
            *("get_data(parse_form_data=True)", "stream.read()", "stream.read(2)"),
        ]
    ),
    max_size=5,
)


@given(BODIES, TYPES, st.sampled_from(["GET", "POST"]), STEPS, st.booleans())
def test_body(body: bytes, mimetype: str, method: str, steps: list[str], shallow: bool) -> None:
    def environ() -> dict[str, Any]:
        return {
            "REQUEST_METHOD": method,
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": mimetype,
            "QUERY_STRING": "q=1&a=2",
        }

    ours, theirs = Request(environ(), shallow=shallow), TheirRequest(environ(), shallow=shallow)
    for step in steps:
        results = [
            outcome(eval, f"request.{step}", {"request": request}, form=body_form)
            for request in (ours, theirs)
        ]
        assert results[0] == results[1]


def body_form(value: Any) -> Any:
    return repr(value)
