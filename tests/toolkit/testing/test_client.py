"""The client: requests, cookies, redirects."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from dovetail.data.headers import Headers
from dovetail.toolkit.redirects import redirect
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response
from dovetail.toolkit.testing.client import Client, ClientRedirectError, TestResponse
from dovetail.toolkit.testing.environ_builder import EnvironBuilder, create_environ


@Request.application
def echo(request: Request) -> Response:
    """Say what arrived; or redirect, or set cookies, as the query asks."""
    target = request.args.get("to")
    if target is not None:
        response = Response("moved", int(request.args.get("code", 302)))
        response.headers["Location"] = target
    else:
        seen = {
            "method": request.method,
            "url": request.url,
            "root": request.root_path,
            "data": request.get_data(as_text=True),
            "type": request.content_type,
            "length": request.content_length,
            "x": request.headers.get("X"),
            "cookies": request.cookies.to_dict(),
            "uri": request.environ["REQUEST_URI"],
        }
        response = Response(json.dumps(seen), mimetype="application/json")
    for header in request.args.getlist("cookie"):
        response.headers.add("Set-Cookie", header)
    return response


def see(response: TestResponse) -> dict[str, Any]:
    seen = response.json
    assert isinstance(seen, dict)
    return seen


METHODS = ["get", "post", "put", "delete", "patch", "options", "trace"]


@pytest.mark.parametrize("method", METHODS)
def test_methods(method: str) -> None:
    response = getattr(Client(echo), method)("/x", data="body", method="OTHER")
    assert response.status == "200 OK"
    assert see(response)["method"] == method.upper()
    assert see(response)["data"] == "body"
    assert response.request.method == method.upper()


def test_every_method_has_its_own_name() -> None:
    client = Client(echo)
    assert see(client.get())["method"] == "GET"
    assert see(client.post())["method"] == "POST"
    assert see(client.put())["method"] == "PUT"
    assert see(client.delete())["method"] == "DELETE"
    assert see(client.patch())["method"] == "PATCH"
    assert see(client.options())["method"] == "OPTIONS"
    assert see(client.trace())["method"] == "TRACE"
    assert client.head().data == b""


def test_open_with_the_builders_arguments() -> None:
    client = Client(echo)
    response = client.open("/a", "https://e.test/root", query_string={"q": "ü"}, headers={"X": "1"})
    seen = see(response)
    assert (seen["url"], seen["root"], seen["x"]) == ("https://e.test/root/a?q=ü", "/root", "1")


def test_open_with_a_builder() -> None:
    file = io.BytesIO(b"x")
    builder = EnvironBuilder("/b", method="POST", data={"f": (file, "n")})
    assert see(Client(echo).open(builder))["method"] == "POST"
    assert not builder.closed
    builder.close()


def test_open_with_an_environ_or_a_request() -> None:
    environ = create_environ("/e%3F?x=1", method="PUT")
    client = Client(echo)
    client.set_cookie("a", "b")
    seen = see(client.open(environ))
    assert (seen["method"], seen["url"]) == ("PUT", "http://localhost/e%3F?x=1")
    assert seen["cookies"] == {"a": "b"}
    assert "HTTP_COOKIE" not in environ
    assert see(client.open(Request(environ)))["url"] == seen["url"]
    assert environ["HTTP_COOKIE"] == "a=b"  # a request is sent itself, an environ is not


def test_files_are_closed() -> None:
    file = io.BytesIO(b"x")
    Client(echo).post(data={"f": (file, "n")})
    assert file.closed


def test_an_application_that_fails() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise KeyError("x")

    with pytest.raises(KeyError):
        Client(app).get()


class Closing(list[bytes]):
    closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("buffered", [False, True])
def test_closing(buffered: bool) -> None:
    content = Closing([b"a", b"b"])

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return content

    response = Client(app).get(buffered=buffered)
    assert content.closed == buffered
    assert response.data == b"ab"
    response.close()
    assert content.closed == 1


def test_run_wsgi_app() -> None:
    client = Client(echo)
    client.set_cookie("a", "b")
    environ = create_environ("/?cookie=c%3Dd")
    content, status, headers = client.run_wsgi_app(environ, buffered=True)
    assert isinstance(content, list)
    assert status == "200 OK"
    assert headers["Set-Cookie"] == "c=d"
    assert environ["HTTP_COOKIE"] == "a=b"
    cookie = client.get_cookie("c")
    assert cookie is not None
    assert cookie.value == "d"


def test_response() -> None:
    request = EnvironBuilder().get_request()
    response = TestResponse([b"\xc3\xa4"], "200 OK", Headers(), request)
    assert response.text == "ä"
    assert response.history == ()
    assert response.request is request
    assert response.default_mimetype is None
    assert "Content-Type" not in response.headers
    typed = TestResponse([], "200 OK", Headers(), request, mimetype="text/x")
    assert typed.content_type == "text/x; charset=utf-8"


def test_response_wrapper() -> None:
    class Mine(Response):
        extra = 1

    class MyTest(TestResponse):
        pass

    wrapped = Client(echo, Mine)
    response = wrapped.get()
    assert isinstance(response, Mine)
    assert isinstance(response, TestResponse)
    assert type(response) is wrapped.response_wrapper
    assert type(response).__name__ == "WrapperTestResponse"
    assert (response.extra, response.history) == (1, ())
    assert Client(echo, MyTest).response_wrapper is MyTest
    assert Client(echo).response_wrapper is TestResponse


def test_attributes() -> None:
    client = Client(echo, allow_subdomain_redirects=True)
    assert client.application is echo
    assert client.allow_subdomain_redirects
    assert repr(client) == f"<Client {echo!r}>"


# Cookies


def test_cookies_come_back() -> None:
    client = Client(echo)
    client.get(
        query_string=[("cookie", "a=b"), ("cookie", "c=d; Path=/x"), ("cookie", "e=f; Max-Age=0")]
    )
    assert see(client.get())["cookies"] == {"a": "b"}
    assert see(client.get("/x/y"))["cookies"] == {"a": "b", "c": "d"}
    assert see(client.get(base_url="http://other.test"))["cookies"] == {}
    client.get(query_string={"cookie": "a=; Max-Age=0"})
    assert see(client.get())["cookies"] == {}


def test_cookies_below_the_root() -> None:
    client = Client(echo)
    client.get("/x?cookie=a%3Db", "http://e.test/root")
    assert client.get_cookie("a", "e.test", "/root") is not None
    assert see(client.get("/y", "http://e.test:5000/root"))["cookies"] == {"a": "b"}
    assert see(client.get("/y", "http://e.test/"))["cookies"] == {}


@pytest.mark.parametrize("path", ["x", "?q=1"])
def test_path_without_its_first_slash(path: str) -> None:
    client = Client(echo)
    client.get("/", query_string={"cookie": "a=1; Path=/"})
    assert see(client.get(path))["cookies"] == {"a": "1"}
    answer = client.get("x/y", query_string={"to": "z"}, follow_redirects=True)
    assert see(answer)["url"] == "http://localhost/x/z"


def test_cookies_by_hand() -> None:
    client = Client(echo)
    client.set_cookie("a", "ü", domain="e.test", origin_only=False, path="/p", httponly=True)
    cookie = client.get_cookie("a", "e.test", "/p")
    assert cookie is not None
    assert (cookie.decoded_value, cookie.http_only, cookie.origin_only) == ("ü", True, False)
    assert see(client.get("/p", "http://sub.e.test"))["cookies"] == {"a": "ü"}
    client.delete_cookie("a", domain="e.test", path="/p")
    assert client.get_cookie("a", "e.test", "/p") is None
    client.set_cookie("empty")
    assert see(client.get())["cookies"] == {"empty": ""}


def test_the_jar_replaces_the_field() -> None:
    client = Client(echo)
    assert see(client.get(headers={"Cookie": "x=y"}))["cookies"] == {}


def test_without_cookies() -> None:
    client = Client(echo, use_cookies=False)
    client.get(query_string={"cookie": "a=b"})
    assert see(client.get())["cookies"] == {}
    assert see(client.get(headers={"Cookie": "x=y"}))["cookies"] == {"x": "y"}
    for call in (client.get_cookie, client.set_cookie, client.delete_cookie):
        with pytest.raises(TypeError, match="use_cookies"):
            call("a")


# Redirects


def follow(to: str, path: str = "/x/y", base_url: str | None = None, **kwargs: Any) -> TestResponse:
    code = kwargs.pop("code", 302)
    client = Client(echo, allow_subdomain_redirects=kwargs.pop("subdomains", False))
    query = {"to": to, "code": code}
    return client.open(path, base_url, query_string=query, follow_redirects=True, **kwargs)


@pytest.mark.parametrize(
    ("to", "url"),
    [
        ("/z?q=1&r#f", "http://localhost/z?q=1&r"),
        ("z", "http://localhost/x/z"),
        ("../z", "http://localhost/z"),
        ("?q=1", "http://localhost/x/y?q=1"),
        ("//localhost/z", "http://localhost/z"),
        ("https://localhost:99/z", "https://localhost:99/z"),
        ("http://LOCALHOST", "http://localhost/"),
        ("/ü%20", "http://localhost/ü%20"),
    ],
)
def test_where_redirects_lead(to: str, url: str) -> None:
    response = follow(to)
    assert response.request.url == url
    assert response.status_code == 200
    assert [old.status_code for old in response.history] == [302]
    uri = see(response)["uri"]
    assert uri == url.removeprefix("http://localhost").removeprefix("https://localhost:99").replace(
        "ü", "%C3%BC"
    )


@pytest.mark.parametrize(
    ("to", "url", "root"),
    [
        ("/root/z", "http://localhost/root/z", "/root"),
        ("/root", "http://localhost/root/", "/root"),
        ("/rooty", "http://localhost/rooty", ""),
        ("z", "http://localhost/root/x/z", "/root"),
    ],
)
def test_redirects_and_the_root(to: str, url: str, root: str) -> None:
    seen = see(follow(to, base_url="http://localhost/root"))
    assert (seen["url"], seen["root"]) == (url, root)


@pytest.mark.parametrize("code", [301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_what_is_sent_again(code: int, method: str) -> None:
    response = follow("/z", code=code, method=method, data="body", headers={"X": "1"})
    keeps = code in (307, 308)
    assert response.request.method == (method if keeps or method == "HEAD" else "GET")
    if method != "HEAD":
        seen = see(response)
        assert seen["data"] == ("body" if keeps else "")
        assert seen["length"] == (4 if keeps else None)
        assert seen["x"] == "1"


def test_a_body_that_was_read_is_sent_again() -> None:
    @Request.application
    def app(request: Request) -> Response:
        data = request.get_data()
        if request.path == "/":
            return Response(status=308, headers={"Location": "/again"})
        return Response(data)

    stream = io.BytesIO(b"--body")
    stream.seek(2)
    assert Client(app).post(input_stream=stream, follow_redirects=True).data == b"body"
    form = Client(app).post(data={"a": "b"}, follow_redirects=True)
    assert form.data == b"a=b"


@pytest.mark.parametrize("code", [200, 201, 300, 304, 306])
def test_what_is_no_redirect(code: int) -> None:
    response = follow("/z", code=code)
    assert (response.status_code, response.history) == (code, ())


def test_a_relative_redirect_from_an_odd_path() -> None:
    @Request.application
    def app(request: Request) -> Response:
        path = request.environ["PATH_INFO"]
        if path.endswith("first"):
            return Response(status=302, headers={"Location": "second"})
        return Response(path.encode("latin-1"))

    response = Client(app).get("/%2525/%FF%3F/first", follow_redirects=True)
    assert response.data == b"/%25/\xff?/second"


def test_other_hosts_are_refused() -> None:
    with pytest.raises(RuntimeError, match="another host"):
        follow("http://other.test/")
    with pytest.raises(RuntimeError, match="another host"):
        follow("http://notlocalhost/", subdomains=True)
    with pytest.raises(RuntimeError, match="another host"):
        follow("http://e.test/", base_url="http://www.e.test", subdomains=True)
    with pytest.raises(RuntimeError, match="allow_subdomain_redirects"):
        follow("http://sub.localhost/")
    assert (
        see(follow("http://sub.localhost:5/", subdomains=True))["url"] == "http://sub.localhost:5/"
    )


def test_history() -> None:
    response = follow("/a?to=/b&code=301")
    assert [old.request.path for old in response.history] == ["/x/y", "/a"]
    assert [len(old.history) for old in response.history] == [0, 1]
    assert response.history[0].text == "moved"


def test_redirects_in_a_circle() -> None:
    @Request.application
    def app(request: Request) -> Response:
        number = int(request.args.get("n", "0"))
        return Response(status=302, headers={"Location": f"/?n={(number + 1) % 3}"})

    with pytest.raises(ClientRedirectError, match="circle"):
        Client(app).get(follow_redirects=True)


def test_cookies_of_a_redirect_are_sent() -> None:
    client = Client(echo)
    response = client.get(query_string={"to": "/z", "cookie": "a=b"}, follow_redirects=True)
    assert see(response)["cookies"] == {"a": "b"}


def test_resolve_redirect() -> None:
    client = Client(echo)
    response = client.resolve_redirect(client.get("/?to=/z"), buffered=True)
    assert see(response)["url"] == "http://localhost/z"
    assert response.is_sequence
    with pytest.raises(RuntimeError, match="Location"):
        client.resolve_redirect(response)


@pytest.mark.parametrize("buffered", [False, True])
def test_a_response_is_finished_before_the_next_request(buffered: bool) -> None:
    events = []

    class Content(list[bytes]):
        def close(self) -> None:
            events.append("close")

    def app(environ: Any, start_response: Any) -> Any:
        events.append(environ["PATH_INFO"])
        redirects = environ["PATH_INFO"] == "/"
        start_response("302 FOUND" if redirects else "200 OK", [("Location", "/z")] * redirects)
        return Content([b"x"])

    Client(app).get(follow_redirects=True, buffered=buffered)
    assert events[:3] == ["/", "close", "/z"]


def test_redirects_go_through_an_overridden_open() -> None:
    opened: list[str] = []

    class Marking(Client):
        def open(
            self,
            *args: Any,
            buffered: bool = False,
            follow_redirects: bool = False,
            **kwargs: Any,
        ) -> TestResponse:
            if args and isinstance(args[0], EnvironBuilder):
                args[0].environ_base = {"REMOTE_ADDR": "192.0.2.1"}
            opened.append(type(args[0]).__name__)
            return super().open(
                *args, buffered=buffered, follow_redirects=follow_redirects, **kwargs
            )

    @Request.application
    def app(request: Request) -> Response:
        if request.path == "/first":
            return redirect("/second")
        return Response(request.remote_addr)

    response = Marking(app).get("/first", follow_redirects=True)
    assert opened == ["str", "EnvironBuilder"]
    assert response.text == "192.0.2.1"
    assert len(response.history) == 1


def test_resolve_redirect_has_no_history_of_its_own() -> None:
    client = Client(echo)
    first = client.get("/a?to=/b&code=301")
    assert client.resolve_redirect(first).history == ()


def test_a_wrapper_that_adds_nothing_is_the_plain_response() -> None:
    assert Client(echo, Response).response_wrapper is TestResponse


def test_the_request_of_a_response_is_the_one_that_was_opened() -> None:
    class Marked(Request):
        pass

    class Builder(EnvironBuilder):
        request_class = Marked

        def get_request(self, cls: type[Request] | None = None) -> Request:
            request = super().get_request(cls)
            request.environ["REMOTE_ADDR"] = "192.0.2.7"
            return request

    client = Client(Request.application(lambda request: Response(request.remote_addr)))
    client.set_cookie("a", "b")
    response = client.open(Builder("/x"))
    assert (type(response.request), response.text) == (Marked, "192.0.2.7")
    request = Marked(create_environ("/y"))
    assert client.open(request).request is request
    assert request.cookies.to_dict() == {"a": "b"}
