"""Requests and responses beside Werkzeug's."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from bench.toolkit.rows import Row, compare
from werkzeug import utils, wrappers, wsgi

from dovetail.toolkit import files, redirects
from dovetail.toolkit import wsgi as our_wsgi
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response

__all__ = ["environ_of", "rows", "send"]

Environ = dict[str, Any]

QUERY = urlencode([(f"name{i}", f"some value {i}") for i in range(20)])
FORM = urlencode([(f"field{i}", f"some value {i}") for i in range(20)]).encode()
COOKIE = "session=eyJfcGVybWFuZW50Ijp0cnVlfQ.ZxYz; theme=dark; _ga=GA1.2.123456789; lang=en"
BROWSER = {
    "HTTP_HOST": "example.org",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.5",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
    "HTTP_CONNECTION": "keep-alive",
    "HTTP_COOKIE": COOKIE,
}


def environ_of(**fields: Any) -> Environ:
    return {
        "REQUEST_METHOD": "GET",
        "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/users/42",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(),
        **BROWSER,
        **fields,
    }


def start_response(status: str, headers: object, exc_info: object = None) -> None:
    """Take what the application says."""


def send(app: Any, environ: Environ) -> None:
    """Call an application as a server does."""
    result: Iterable[bytes] = app(environ, start_response)
    b"".join(result)
    close = getattr(result, "close", None)
    if close is not None:
        close()


# One of each: Request, Response and the functions.
OURS = SimpleNamespace(Request=Request, Response=Response, files=files, redirects=redirects)
THEIRS = SimpleNamespace(
    Request=wrappers.Request, Response=wrappers.Response, files=utils, redirects=utils
)


def request(side: Any) -> Callable[[], object]:
    environ, request_class = environ_of(), side.Request
    return lambda: request_class(environ)


def request_and_response(side: Any) -> Callable[[], object]:
    environ, request_class, response_class = environ_of(), side.Request, side.Response
    return lambda: (request_class(environ), response_class("hello"))


def answered_request(side: Any) -> Callable[[], object]:
    environ, request_class, response_class = environ_of(), side.Request, side.Response

    def call() -> None:
        request = request_class(environ)
        send(response_class(request.method + request.path), environ)

    return call


def asked(name: str, **fields: Any) -> Callable[[Any], Callable[[], object]]:
    """Make a request and ask for one of its properties."""

    def of(side: Any) -> Callable[[], object]:
        environ, request_class = environ_of(**fields), side.Request
        return lambda: getattr(request_class(environ), name)

    return of


def form(side: Any) -> Callable[[], object]:
    fields = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(FORM)),
    }
    environ, request_class = environ_of(**fields), side.Request

    def call() -> object:
        environ["wsgi.input"] = io.BytesIO(FORM)
        return request_class(environ).form

    return call


def json(side: Any) -> Callable[[], object]:
    body = b'{"name": "value", "numbers": [1, 2, 3]}'
    environ = environ_of(CONTENT_TYPE="application/json", CONTENT_LENGTH=str(len(body)))
    request_class = side.Request

    def call() -> object:
        environ["wsgi.input"] = io.BytesIO(body)
        return request_class(environ).get_json()

    return call


def headers(side: Any) -> Callable[[], object]:
    environ, request_class = environ_of(), side.Request

    def call() -> object:
        found = request_class(environ).headers
        return found["Host"], found.get("User-Agent"), found.get("X-None"), "Accept" in found

    return call


def response(side: Any) -> Callable[[], object]:
    response_class = side.Response
    return lambda: response_class("hello")


def response_with_headers(side: Any) -> Callable[[], object]:
    response_class = side.Response
    fields = {"Cache-Control": "no-store", "X-Frame-Options": "DENY"}
    return lambda: response_class("hello", 201, fields, mimetype="text/html")


def answer(side: Any) -> Callable[[], object]:
    made, environ = side.Response("hello"), environ_of()
    return lambda: send(made, environ)


def set_cookie(side: Any) -> Callable[[], object]:
    response_class = side.Response

    def call() -> None:
        response_class("hello").set_cookie("session", "abc.def", max_age=60, httponly=True)

    return call


def make_conditional(side: Any) -> Callable[[], object]:
    response_class = side.Response
    environ = environ_of(HTTP_IF_NONE_MATCH='"abc"')

    def call() -> None:
        made = response_class("hello")
        made.set_etag("abc")
        made.make_conditional(environ)

    return call


def byte_range(side: Any) -> Callable[[], object]:
    response_class = side.Response
    environ = environ_of(HTTP_RANGE="bytes=2-3")
    return lambda: response_class(b"hello").make_conditional(environ, True, 5)


def redirect(side: Any) -> Callable[[], object]:
    environ = environ_of()
    return lambda: send(side.redirects.redirect("/users/"), environ)


def send_file(side: Any) -> Callable[[], object]:
    environ = environ_of()
    return lambda: send(side.files.send_file(__file__, environ), environ)


def current_url(module: ModuleType) -> Callable[[], object]:
    environ = environ_of(QUERY_STRING="q=1")
    return lambda: module.get_current_url(environ)


OPERATIONS: dict[str, Callable[[Any], Callable[[], object]]] = {
    "Request": request,
    "Request with Response": request_and_response,
    "Request, method, path, answer sent": answered_request,
    "Request.args, 20 of them": asked("args", QUERY_STRING=QUERY),
    "Request.form, 20 pairs": form,
    "Request.get_json": json,
    "Request.cookies, 4 of them": asked("cookies"),
    "Request.headers, 4 questions": headers,
    "Request.accept_mimetypes": asked("accept_mimetypes"),
    "Request.url": asked("url", QUERY_STRING="q=1"),
    "Response(text)": response,
    "Response with two header fields": response_with_headers,
    "answer of a Response sent": answer,
    "Response.set_cookie": set_cookie,
    "Response.make_conditional, 304": make_conditional,
    "Response.make_conditional, 206": byte_range,
    "redirect, sent": redirect,
    "send_file, sent": send_file,
}


def rows() -> list[Row]:
    """Each operation by both sides."""
    return [
        *compare(OPERATIONS, OURS, THEIRS),
        Row("get_current_url", current_url(our_wsgi), current_url(wsgi)),
    ]
