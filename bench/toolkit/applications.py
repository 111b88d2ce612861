"""Whole applications, middleware, exceptions and the test client beside Werkzeug's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.toolkit.messages import environ_of, send
from bench.toolkit.rows import Row, compare
from werkzeug import exceptions as their_exceptions
from werkzeug import routing as their_routing
from werkzeug import test as their_testing
from werkzeug import wrappers
from werkzeug.middleware import dispatcher, proxy_fix, shared_data

from dovetail import routing as our_routing
from dovetail.data import exceptions as our_exceptions
from dovetail.toolkit import runner
from dovetail.toolkit.middleware.dispatcher import DispatcherMiddleware
from dovetail.toolkit.middleware.proxy_fix import ProxyFix
from dovetail.toolkit.middleware.shared_data import SharedDataMiddleware
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response
from dovetail.toolkit.testing import client, environ_builder, multipart_body

__all__ = ["rows"]

OURS = SimpleNamespace(
    **vars(our_exceptions),
    Client=client.Client,
    DispatcherMiddleware=DispatcherMiddleware,
    EnvironBuilder=environ_builder.EnvironBuilder,
    Map=our_routing.Map,
    ProxyFix=ProxyFix,
    Request=Request,
    Response=Response,
    Rule=our_routing.Rule,
    SharedDataMiddleware=SharedDataMiddleware,
    create_environ=environ_builder.create_environ,
    encode_multipart=multipart_body.encode_multipart,
    run_wsgi_app=runner.run_wsgi_app,
)
THEIRS = SimpleNamespace(
    **vars(their_exceptions),
    Client=their_testing.Client,
    DispatcherMiddleware=dispatcher.DispatcherMiddleware,
    EnvironBuilder=their_testing.EnvironBuilder,
    Map=their_routing.Map,
    ProxyFix=proxy_fix.ProxyFix,
    Request=wrappers.Request,
    Response=wrappers.Response,
    Rule=their_routing.Rule,
    SharedDataMiddleware=shared_data.SharedDataMiddleware,
    create_environ=their_testing.create_environ,
    encode_multipart=their_testing.encode_multipart,
    run_wsgi_app=their_testing.run_wsgi_app,
)

HERE = Path(__file__).parent
VALUES = {f"field{number}": f"value {number}" for number in range(10)}


def hello(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


class Application:
    """What the tutorial's smallest applications are: a map, views, requests, responses."""

    def __init__(self, side: Any) -> None:
        self.side = side
        self.views: dict[str, Any] = {"index": self.index, "user": self.user, "search": self.search}
        rule = side.Rule
        self.map = side.Map(
            [
                rule("/", endpoint="index"),
                rule("/users/<int:id>", endpoint="user"),
                rule("/search", endpoint="search"),
            ]
        )

    def index(self, _request: Any) -> Any:
        return self.side.Response("hello")

    def user(self, request: Any, id: int) -> Any:  # noqa: A002 - the variable of the rule
        return self.side.Response(f"{request.method} {id}", mimetype="text/html")

    def search(self, request: Any) -> Any:
        page = request.args.get("page", 1, type=int)
        response = self.side.Response(f"{request.args['q']} {page} {request.cookies['theme']}")
        response.headers["Cache-Control"] = "no-store"
        response.set_cookie("seen", "1")
        return response

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = self.side.Request(environ)
        try:
            endpoint, values = self.map.bind_to_environ(environ).match()
            response = self.views[endpoint](request, **values)
        except self.side.HTTPException as error:
            response = error
        return response(environ, start_response)


def application(**fields: str) -> Callable[[Any], Callable[[], object]]:
    """Call a small application."""
    return lambda side: partial(send, Application(side), environ_of(**fields))


def environ_made(side: Any) -> Callable[[], object]:
    return lambda: side.create_environ("/users/42?page=2", "http://example.org/")


def form_made(side: Any) -> Callable[[], object]:
    def call() -> Any:
        builder = side.EnvironBuilder("/users/", method="POST", data=VALUES)
        try:
            return builder.get_environ()
        finally:
            builder.close()

    return call


def client_get(side: Any) -> Callable[[], object]:
    client = side.Client(hello)
    return lambda: client.get("/users/42").data


def client_post(side: Any) -> Callable[[], object]:
    client = side.Client(hello)
    return lambda: client.post("/users/", data=VALUES).status_code


def client_cookies(side: Any) -> Callable[[], object]:
    def app(environ: Any, start_response: Any) -> Any:
        response = side.Response("hello")
        response.set_cookie("session", "abc")
        return response(environ, start_response)

    client = side.Client(app)
    return lambda: client.get("/").data


def run(side: Any) -> Callable[[], object]:
    return partial(side.run_wsgi_app, hello, environ_of())


def body_encoded(side: Any) -> Callable[[], object]:
    return partial(side.encode_multipart, VALUES, "boundary")


def shared(fields: dict[str, str]) -> Callable[[Any], Callable[[], object]]:
    """Send a static file."""

    def of(side: Any) -> Callable[[], object]:
        app = side.SharedDataMiddleware(hello, {"/static": str(HERE)})
        environ = environ_of(PATH_INFO="/static/rows.py", **fields)
        return partial(send, app, environ)

    return of


def shared_not_modified(side: Any) -> Callable[[], object]:
    app = side.SharedDataMiddleware(hello, {"/static": str(HERE)})
    environ = environ_of(PATH_INFO="/static/rows.py")
    content, _, fields = side.run_wsgi_app(app, environ)
    content.close()
    tag = fields["ETag"]
    return shared({"HTTP_IF_NONE_MATCH": tag})(side)


def proxied(side: Any) -> Callable[[], object]:
    app = side.ProxyFix(hello, x_for=1, x_proto=1, x_host=1)
    environ = environ_of(
        HTTP_X_FORWARDED_FOR="203.0.113.7, 10.0.0.1",
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_FORWARDED_HOST="example.org",
    )
    return lambda: send(app, environ.copy())


def dispatched(side: Any) -> Callable[[], object]:
    app = side.DispatcherMiddleware(hello, {"/admin": hello, "/api/v1": hello})
    environ = environ_of(PATH_INFO="/api/v1/users/42")
    return lambda: send(app, environ.copy())


def not_found(side: Any) -> Callable[[], object]:
    environ = environ_of()
    return lambda: side.NotFound().get_response(environ)


def not_found_sent(side: Any) -> Callable[[], object]:
    environ = environ_of()
    return lambda: send(side.NotFound(), environ)


def not_allowed(side: Any) -> Callable[[], object]:
    return lambda: side.MethodNotAllowed(["GET", "HEAD", "OPTIONS"]).get_headers()


def aborted(side: Any) -> Callable[[], object]:
    abort, expected = side.abort, side.NotFound

    def call() -> None:
        try:
            abort(404)
        except expected:
            return

    return call


OPERATIONS: dict[str, Callable[[Any], Callable[[], object]]] = {
    "a whole small application: text": application(PATH_INFO="/"),
    "a whole small application: a variable": application(PATH_INFO="/users/42"),
    "a whole small application: query, cookies": application(
        PATH_INFO="/search", QUERY_STRING="q=green+tea&page=2"
    ),
    "a whole small application: not found": application(PATH_INFO="/no/such"),
    "create_environ": environ_made,
    "EnvironBuilder, form": form_made,
    "Client.get": client_get,
    "Client.get, cookies": client_cookies,
    "Client.post of a form": client_post,
    "run_wsgi_app": run,
    "encode_multipart, 10 fields": body_encoded,
    "SharedDataMiddleware, 200": shared({}),
    "SharedDataMiddleware, 304": shared_not_modified,
    "ProxyFix": proxied,
    "DispatcherMiddleware": dispatched,
    "NotFound().get_response": not_found,
    "NotFound(), sent": not_found_sent,
    "MethodNotAllowed().get_headers": not_allowed,
    "abort(404)": aborted,
}


def rows() -> list[Row]:
    """All rows."""
    return compare(OPERATIONS, OURS, THEIRS)
