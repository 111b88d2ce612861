"""The client through the engine: tests see what clients of the server would see."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.gateway import FileWrapper
from dovetail.http1 import Limits
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response
from dovetail.toolkit.testing.client import Client, TestResponse
from dovetail.toolkit.testing.engine import (
    BadResponse,
    EngineClient,
    EngineConnection,
    EngineResponse,
    Report,
    ResponseAborted,
)
from dovetail.toolkit.testing.environ_builder import create_environ

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@Request.application
def echo(request: Request) -> Response:
    environ = request.environ
    seen = {
        "method": request.method,
        "script": environ["SCRIPT_NAME"],
        "path": environ["PATH_INFO"],
        "query": environ["QUERY_STRING"],
        "uri": environ["REQUEST_URI"],
        "headers": dict(request.headers),
        "data": request.get_data(as_text=True),
        "cookies": request.cookies.to_dict(),
        "server": [environ["SERVER_NAME"], environ["SERVER_PORT"], environ["wsgi.url_scheme"]],
        "client": environ["REMOTE_ADDR"],
        "protocol": environ["SERVER_PROTOCOL"],
        "extra": environ.get("extra"),
    }
    response = Response(json.dumps(seen), mimetype="application/json")
    if request.path == "/login":
        response.set_cookie("user", "me")
    if request.path == "/redirect":
        response.status_code = 307
        response.headers["Location"] = "/target"
    return response


def see(response: TestResponse) -> dict[str, Any]:
    seen = response.json
    assert isinstance(seen, dict)
    return seen


def answering(*content: bytes, status: str = "200 OK", fields: Any = ()) -> Any:
    """An application that streams."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, list(fields))
        return iter(content)

    return app


class Stream:
    """A body that can be read and nothing else."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


@pytest.mark.parametrize("root", ["", "/root"])
def test_path_without_its_first_slash(root: str) -> None:
    seen = see(EngineClient(echo).get("x", f"http://e.test{root}"))
    assert (seen["script"], seen["path"], seen["uri"]) == (root, "/x", f"{root}/x")


def test_a_request_as_the_server_makes_it() -> None:
    client = EngineClient(echo)
    response = client.post(
        "/a b/ü%3F?q=ü x",
        "https://e.test:8443/root",
        data={"f": "ö"},
        headers=[("X-FOO-bar", "1"), ("x-foo-bar", "2"), ("With_Underscore", "lost")],
        environ_overrides={"REMOTE_ADDR": "1.2.3.4", "extra": "kept"},
    )
    assert see(response) == {
        "method": "POST",
        "script": "/root",
        "path": "/a b/Ã¼?",
        "query": "q=%C3%BC%20x",
        "uri": "/root/a%20b/%C3%BC%3F?q=%C3%BC%20x",
        "headers": {
            "Host": "e.test:8443",
            "X-Foo-Bar": "1,2",
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": "8",
        },
        "data": "f=%C3%B6",
        "cookies": {},
        "server": ["e.test", "8443", "https"],
        "client": "1.2.3.4",
        "protocol": "HTTP/1.1",
        "extra": "kept",
    }
    assert client.reports == []


def test_the_response_as_it_was_on_the_wire() -> None:
    response = EngineClient(echo).get()
    assert isinstance(response, EngineResponse)
    assert response.status == "200 OK"
    assert response.headers["Server"] == "dovetail"
    assert response.headers["Date"].endswith(" GMT")
    assert int(response.headers["Content-Length"]) == len(response.data)
    assert response.keep_alive
    assert response.interim == ()
    assert see(response)["client"] == "127.0.0.1"


@given(
    st.binary(max_size=8),
    st.text(st.characters(max_codepoint=0x17F), max_size=8),
    st.binary(max_size=99),
)
def test_both_clients_show_the_same_request(path: bytes, query: str, data: bytes) -> None:
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append((environ["PATH_INFO"], Request(environ).args, environ["wsgi.input"].read()))
        start_response("200 OK", [])
        return []

    environ = create_environ(query_string={"q": query}, data=data, method="POST")
    environ["PATH_INFO"] = "/" + path.decode("latin-1")
    for client in (Client(app), EngineClient(app)):
        environ["wsgi.input"].seek(0)
        client.open(environ)
    assert seen[0] == seen[1]


def test_cookies_and_redirects() -> None:
    client = EngineClient(echo)
    client.get("/login")
    response = client.put("/redirect", data="body", follow_redirects=True)
    assert [type(old) for old in response.history] == [EngineResponse]
    seen = see(response)
    assert (seen["method"], seen["uri"], seen["data"]) == ("PUT", "/target", "body")
    assert seen["cookies"] == {"user": "me"}


def test_run_wsgi_app() -> None:
    content, status, headers = EngineClient(echo).run_wsgi_app(create_environ("/x"))
    assert json.loads(b"".join(content))["path"] == "/x"
    assert status == "200 OK"
    assert headers["Server"] == "dovetail"


def test_response_wrapper() -> None:
    class Mine(Response):
        pass

    response = EngineClient(echo, Mine).get()
    assert isinstance(response, Mine)
    assert isinstance(response, EngineResponse)
    assert type(response).__name__ == "WrapperEngineResponse"


# The server's limits and rules


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"headers": {"X": "a" * 9000}}, "431 Request Header Fields Too Large"),
        ({"path": "/" + "a" * 9000}, "414 URI Too Long"),
        ({"headers": {"Bad Name": "x"}}, "400 Bad Request"),
        ({"headers": {"Host": "a b"}}, "400 Bad Request"),
        ({"headers": {"Expect": "miracles"}, "data": "x"}, "417 Expectation Failed"),
        ({"headers": {"Transfer-Encoding": "gzip"}, "data": "x"}, "400 Bad Request"),
        ({"method": "CONNECT", "path": "/"}, "400 Bad Request"),
        ({"content_length": 99}, "400 Bad Request"),
    ],
)
def test_refusals(arguments: dict[str, Any], status: str) -> None:
    client = EngineClient(echo)
    response = client.open(**arguments)
    assert response.status == status
    assert isinstance(response, EngineResponse)
    assert not response.keep_alive
    assert client.reports == []


def test_limits() -> None:
    client = EngineClient(echo, limits=Limits(body=3, fields=4))
    assert client.limits.body == 3
    assert client.post(data="abc").status_code == 200
    assert client.post(data="abcd").status == "413 Content Too Large"
    assert client.post(input_stream=Stream(b"abcd")).status_code == 413
    assert client.get(headers=[("X", "1")] * 4).status_code == 431
    assert EngineClient(echo).limits == Limits()


def test_a_line_end_in_a_field_is_no_request() -> None:
    with pytest.raises(ValueError, match="line end"):
        EngineClient(echo).get(environ_overrides={"HTTP_X": "a\r\nY: b"})


def test_a_body_without_length_is_sent_in_chunks() -> None:
    data = "x" * 200_000
    seen = see(EngineClient(echo).post(input_stream=Stream(data.encode())))
    assert seen["data"] == data
    assert seen["headers"]["Content-Length"] == "200000"
    asked = see(EngineClient(echo).post(data="abc", headers={"Transfer-Encoding": "chunked"}))
    assert asked["data"] == "abc"


def test_expect() -> None:
    client = EngineClient(echo, limits=Limits(body=3))
    response = client.post(data="abc", headers={"Expect": "100-continue"})
    assert isinstance(response, EngineResponse)
    assert [status for status, _ in response.interim] == ["100 Continue"]
    assert see(response)["data"] == "abc"
    stream = io.BytesIO(b"abcd")
    refused = client.post(input_stream=stream, headers={"Expect": "100-continue"})
    assert isinstance(refused, EngineResponse)
    assert (refused.status_code, refused.interim) == (413, ())
    assert stream.tell() == 0


def test_http10() -> None:
    response = EngineClient(answering(b"a", b"b")).get(
        environ_overrides={"SERVER_PROTOCOL": "HTTP/1.0"}
    )
    assert isinstance(response, EngineResponse)
    assert (response.data, response.keep_alive) == (b"ab", False)
    assert "Content-Length" not in response.headers


def test_options_of_the_server() -> None:
    response = EngineClient(echo).open("*", method="OPTIONS")
    assert (see(response)["uri"], see(response)["path"]) == ("*", "")


def test_head_and_empty_responses() -> None:
    assert EngineClient(echo).head().data == b""
    assert int(EngineClient(echo).head().headers["Content-Length"]) > 0
    response = EngineClient(answering(status="204 No Content")).get()
    assert "Content-Length" not in response.headers


def test_streams_are_chunked() -> None:
    response = EngineClient(answering(b"a", b"bc")).get()
    assert response.data == b"abc"
    assert response.headers["Transfer-Encoding"] == "chunked"


def test_early_hints() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.early_hints"]([("Link", "</a>")])
        start_response("200 OK", [])
        return []

    response = EngineClient(app).get()
    assert isinstance(response, EngineResponse)
    [(status, headers)] = response.interim
    assert (status, headers["Link"]) == ("103 Early Hints", "</a>")


def test_a_wrapped_file_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200_000)
    opened: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        assert environ["wsgi.file_wrapper"] is FileWrapper
        opened.append(path.open("rb"))
        opened[0].seek(1)
        start_response("200 OK", [])
        return FileWrapper(opened[0])

    response = EngineClient(app).get()
    assert response.data == b"x" * 199_999
    assert response.headers["Content-Length"] == "199999"
    assert opened[0].closed


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("descriptors cannot be counted here")
    before = len(os.listdir("/proc/self/fd"))
    test_a_wrapped_file_is_sent(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before
    assert stat.S_ISREG((tmp_path / "file").stat().st_mode)


# Errors of the application's


@pytest.mark.parametrize(
    "fields",
    [[("Bad Name", "x")], [("X", "a\r\nb")], [("Transfer-Encoding", "gzip")], [("X", "€")]],
)
def test_a_field_that_cannot_be_sent(fields: Any) -> None:
    client = EngineClient(answering(b"x", fields=fields))
    assert client.get().status == "500 Internal Server Error"
    [report] = client.reports
    assert isinstance(report, Report)
    assert type(report.error).__name__ == "ResponseError"


def test_an_application_that_fails() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise KeyError("x")

    client = EngineClient(app)
    assert client.get().status_code == 500
    assert client.reports[0].text == "the application failed"
    assert isinstance(client.reports[0].error, KeyError)


@pytest.mark.parametrize("fields", [[("Content-Length", "9")], []])
def test_a_response_that_is_cut_off(fields: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", fields)
        yield b"abc"
        raise KeyError("x")

    client = EngineClient(app)
    with pytest.raises(ResponseAborted) as caught:
        client.get()
    assert isinstance(caught.value.__cause__, KeyError)


def test_more_than_was_announced_is_cut() -> None:
    client = EngineClient(answering(b"abc", fields=[("Content-Length", "2")]))
    assert client.get().data == b"ab"
    assert "more than" in client.reports[0].text


# Raw octets


def test_pipelined_requests() -> None:
    client = EngineClient(echo)
    first, second = client.send(
        GET, GET.replace(b"/ ", b"/2 ").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )
    assert [see(response)["path"] for response in (first, second)] == ["/", "/2"]
    assert isinstance(first, EngineResponse)
    assert isinstance(second, EngineResponse)
    assert (first.keep_alive, second.keep_alive) == (True, False)
    assert second.request.path == "/2"


def test_nothing_is_answered_behind_the_last_request() -> None:
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert len(EngineClient(echo).send(last + GET)) == 1


def test_octet_by_octet() -> None:
    pieces = [bytes([octet]) for octet in GET + GET]
    assert [response.status_code for response in EngineClient(echo).send(*pieces)] == [200, 200]


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (
            b"POST / HTTP/1.1\r\nHost: a\r\n"
            b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400 Bad Request",
        ),
        (b"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
        (b"GET / HTTP/1.1\nHost: a\n\n", "400 Bad Request"),
        (b"GET / HT", "400 Bad Request"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported"),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "501 Not Implemented"),
        (
            b"HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "400 Bad Request",
        ),
    ],
)
def test_what_the_server_refuses(octets: bytes, status: str) -> None:
    responses = EngineClient(echo).send(GET + octets)
    assert [response.status for response in responses] == ["200 OK", status]
    assert responses[1].request is None


FRAGMENTS = [
    *(b"GET", b"POST", b"HEAD", b" ", b"/", b"*", b"/a?b", b" HTTP/1.1", b" HTTP/1.0", b"\r\n"),
    *(b"\n", b"\r", b"Host: a\r\n", b"Host: b\r\n", b"Content-Length: 3\r\n", b"\r\n\r\n", b"abc"),
    *(b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"Connection: close\r\n"),
    *(b"Expect: 100-continue\r\n", b"X: \xff\r\n", b"X : y\r\n", b"\x00", GET, GET),
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12), st.booleans())
def test_whatever_is_sent_is_answered_or_nothing(fragments: list[bytes], whole: bool) -> None:
    client = EngineClient(echo)
    responses = client.send(b"".join(fragments)) if whole else client.send(*fragments)
    assert client.reports == []
    for response in responses:
        assert response.status_code in (200, 400, 417, 501, 505)
        assert (response.request is None) is (response.status_code != 200)


def test_nothing_for_nothing() -> None:
    assert EngineClient(echo).send() == []
    assert EngineClient(echo).send(b"\r\n") == []


def test_a_connection() -> None:
    base = create_environ()
    reports: list[Report] = []
    connection = EngineConnection(answering(b"x"), Limits(), {**base, "REMOTE_PORT": "1"}, reports)
    connection.receive(GET[:5])
    assert (connection.octets, connection.closed) == (b"", False)
    connection.receive(GET[5:])
    assert connection.octets.startswith(b"HTTP/1.1 200 OK\r\n")
    [(method, environ)] = connection.answered
    assert method == "GET"
    assert environ is not None
    connection.receive_eof()
    assert connection.closed


def test_the_kinds_of_errors() -> None:
    assert issubclass(ResponseAborted, ConnectionError)
    assert not issubclass(BadResponse, ResponseAborted)
