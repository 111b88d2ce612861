"""The client's cookies and redirects, and run_wsgi_app: ours beside the installed Werkzeug."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import werkzeug.test as theirs
import werkzeug.wrappers as their_wrappers
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response
from dovetail.toolkit.runner import run_wsgi_app
from dovetail.toolkit.testing.client import Client
from dovetail.toolkit.testing.environ_builder import EnvironBuilder, create_environ


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Redirect or set cookies as the header fields ask, else say what arrived."""
    fields = [("Content-Type", "text/plain")]
    for number in range(3):
        cookie = environ.get(f"HTTP_SET{number}")
        if cookie is not None:
            fields.append(("Set-Cookie", cookie))
    target = environ.get("HTTP_TO")
    if target is not None and environ["PATH_INFO"] != "/end":
        fields.append(("Location", target))
        start_response(environ["HTTP_STATUS"], fields)
        return [b"moved"]
    start_response("200 OK", fields)
    keys = (
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "PATH_INFO",
        "HTTP_HOST",
        "HTTP_COOKIE",
        "QUERY_STRING",
    )
    seen = [environ.get(key) for key in keys]
    body = environ["wsgi.input"].read()
    return [repr((seen, body, environ["wsgi.url_scheme"])).encode()]


def form(response: Any) -> Any:
    return (
        response.status,
        response.data,
        response.request.method,
        response.request.url,
        [old.status for old in response.history],
        list(response.headers),
    )


# Attributes that both read alike; the others are in the table of differences.
attribute = st.sampled_from(
    [
        *("", "Path=/", "path=/a", "Path=/a/", "PATH=/a/b", "Domain=localhost", "Domain=e.test"),
        *("Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Secure", "x=y"),
        *("Expires=Thu, 01 Jan 2970 00:00:00 GMT", "Expires=junk", "HttpOnly", "SameSite=Lax"),
    ]
)
pair = st.builds(
    "{}={}".format,
    st.sampled_from("abc"),
    st.sampled_from(["", "1", '"2 3"', '"\\073"', "4=5", " 6 "]),
)
set_cookie = st.builds(
    lambda first, rest: "; ".join([first, *rest]), pair, st.lists(attribute, max_size=3)
)
paths = st.sampled_from(["/", "/a", "/a/", "/a/b", "/ab", "/a/b/c"])
bases = st.sampled_from(
    [None, "http://e.test", "http://sub.e.test:99/", "http://localhost/a", "http://xlocalhost"]
)
visit = st.tuples(paths, bases, st.lists(set_cookie, max_size=3))


def visits(client: Any, visits: list[Any]) -> Any:
    seen = []
    for path, base, cookies in visits:
        headers = {f"Set{number}": cookie for number, cookie in enumerate(cookies)}
        seen.append(form(client.open(path, base, headers=headers)))
    return seen


@given(st.lists(visit, max_size=4))
def test_cookies(made: list[Any]) -> None:
    assert outcome(visits, Client(application), made) == outcome(
        visits, theirs.Client(application), made
    )


def kept(
    client: Any, key: str, value: str, arguments: dict[str, Any], place: dict[str, Any]
) -> Any:
    client.set_cookie(key, value, **arguments)
    cookie = client.get_cookie(key, **place)
    return None if cookie is None else repr(cookie).split("expires")[0], cookie is None


@given(
    st.sampled_from(["a", "ü", "a.b"]),
    st.text(st.sampled_from('a ü;"\\,='), max_size=4),
    st.fixed_dictionaries(
        {},
        optional={
            "domain": st.sampled_from(["localhost", "e.test"]),
            "path": st.sampled_from(["/", "/a", "/ü"]),
            "origin_only": st.booleans(),
            "max_age": st.sampled_from([None, 0, 100]),
            "secure": st.booleans(),
            "httponly": st.booleans(),
            "samesite": st.sampled_from([None, "lax", "bad"]),
            "partitioned": st.booleans(),
        },
    ),
    st.fixed_dictionaries({}, optional={"domain": st.just("e.test"), "path": st.just("/a")}),
)
def test_set_cookie(key: str, value: str, arguments: dict[str, Any], place: dict[str, Any]) -> None:
    assert outcome(kept, Client(application), key, value, arguments, place) == outcome(
        kept, theirs.Client(application), key, value, arguments, place
    )


@given(
    target=st.sampled_from(
        [
            *(
                "/end",
                "/end?a=b&%20",
                "/root/end",
                "/root",
                "/rooty/end",
                "/end#f",
                "http://e.test/end",
            ),
            *("http://localhost/end", "https://localhost/end", "http://localhost:99/end"),
            *("http://sub.localhost/end", "http://localhost.test/end"),
        ]
    ),
    status=st.sampled_from(
        ["200 OK", "300 X", "301 X", "302 X", "303 X", "304 X", "305 X", "306 X", "307 X", "308 X"]
    ),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS"]),
    base=st.sampled_from([None, "http://localhost/root", "http://localhost:99", "https://e.test"]),
    data=st.sampled_from([None, "body", {"a": "b"}]),
    subdomains=st.booleans(),
    buffered=st.booleans(),
)
def test_redirects(
    *,
    target: str,
    status: str,
    method: str,
    base: str | None,
    data: Any,
    subdomains: bool,
    buffered: bool,
) -> None:
    def run(make: Callable[..., Any]) -> Any:
        client = make(application, allow_subdomain_redirects=subdomains)
        return client.open(
            "/start",
            base,
            method=method,
            data=data,
            headers={"To": target, "Status": status, "Set0": "a=b"},
            follow_redirects=True,
            buffered=buffered,
        )

    assert outcome(run, Client, form=form) == outcome(run, theirs.Client, form=form)


# What an application does, step by step.
step = st.sampled_from(["start", "yield", "empty", "raise", "start with error"])


def scripted(steps: list[str]) -> Any:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        for number, name in enumerate(steps):
            if name == "start":
                start_response(f"20{number} X", [("A", str(number))])
            elif name == "yield":
                yield str(number).encode()
            elif name == "empty":
                yield b""
            elif name == "raise":
                raise KeyError(number)
            else:
                error = LookupError(number)
                start_response("500 X", [], (LookupError, error, None))

    return app


@given(st.lists(step, max_size=5), st.booleans())
def test_run_wsgi_app(steps: list[str], buffered: bool) -> None:
    def result(found: Any) -> Any:
        content, status, headers = found
        return b"".join(content), status, list(headers)

    app = scripted(steps)
    assert outcome(run_wsgi_app, app, {}, buffered, form=result) == outcome(
        theirs.run_wsgi_app, app, {}, buffered, form=result
    )


def test_what_the_request_is() -> None:
    pairs: list[tuple[Any, Any, Any]] = [
        (Client(application), Request, Response),
        (theirs.Client(application), their_wrappers.Request, their_wrappers.Response),
    ]
    for client, request, response in pairs:
        seen = client.open(create_environ("/x"))
        assert isinstance(seen, response)
        assert isinstance(seen.request, request)


def overridden(client: type[Any], builder: type[Any], wrapper: Any) -> Any:
    """Return what a subclass sees of a request that is redirected twice."""
    seen: list[Any] = []

    class Marking(client):  # type: ignore[misc]
        def open(self, *args: Any, **kwargs: Any) -> Any:
            seen.append([type(argument).__name__ for argument in args])
            if isinstance(args[0], builder):
                args[0].headers["To"] = "/end"
            return super().open(*args, **kwargs)

        def run_wsgi_app(self, environ: Any, buffered: bool = False) -> Any:
            seen.append((environ["PATH_INFO"], buffered))
            return super().run_wsgi_app(environ, buffered)

        def resolve_redirect(self, response: Any, buffered: bool = False) -> Any:
            seen.append((response.location, len(response.history)))
            return super().resolve_redirect(response, buffered)

    headers = {"Status": "302 FOUND", "To": "/next"}
    marking = Marking(application, wrapper)
    response = marking.get("/first", headers=headers, follow_redirects=True)
    name = type(response).__name__
    return seen, name, [old.request.path for old in response.history], form(response)


def test_subclasses_see_each_redirect() -> None:
    ours = overridden(Client, EnvironBuilder, None)
    assert len(ours[2]) == 2
    assert ours == overridden(theirs.Client, theirs.EnvironBuilder, None)
    assert overridden(Client, EnvironBuilder, Response) == overridden(
        theirs.Client, theirs.EnvironBuilder, their_wrappers.Response
    )
