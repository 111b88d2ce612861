from __future__ import annotations

import io
from contextlib import suppress
from typing import Any
from wsgiref.types import WSGIEnvironment

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.exceptions import (
    BadRequest,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from dovetail.data.multidict import CombinedMultiDict, MultiDict
from dovetail.toolkit import request as module
from dovetail.toolkit.forms import FormDataParser
from dovetail.toolkit.request import Request, set_builder
from dovetail.toolkit.response import Response


class OwnDict(MultiDict[str, Any]):
    pass


FORM = "application/x-www-form-urlencoded"
MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\n\r\ncontent\r\n--x--'
)


def environ_of(body: bytes = b"", content_type: str = "", **fields: Any) -> WSGIEnvironment:
    return {
        "REQUEST_METHOD": "POST",
        "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "example.org",
        "SCRIPT_NAME": "/root",
        "PATH_INFO": "/a",
        "QUERY_STRING": "q=1&a=2",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        **fields,
    }


def post(body: bytes, content_type: str = FORM, **fields: Any) -> Request:
    return Request(environ_of(body, content_type, **fields))


def uploaded(**fields: Any) -> Request:
    return post(MULTIPART, "multipart/form-data; boundary=x", **fields)


def test_parts_come_from_the_environ() -> None:
    environ = environ_of(SCRIPT_NAME="//r\xc3\xb6ot/", PATH_INFO="//\xc3\xa4", REQUEST_METHOD="put")
    request = Request(environ)
    assert (request.method, request.scheme, request.server) == ("PUT", "http", ("localhost", 80))
    assert (request.root_path, request.script_root) == ("//röot", "//röot")
    assert (request.path, request.query_string) == ("/ä", b"q=1&a=2")
    assert (request.remote_addr, request.headers["Host"]) == ("127.0.0.1", "example.org")
    assert request.environ is environ
    assert not request.shallow


def test_parts_of_an_empty_environ() -> None:
    request = Request({})
    assert (request.method, request.scheme, request.server) == ("GET", "http", None)
    assert (request.root_path, request.path, request.query_string) == ("", "/", b"")
    assert request.remote_addr is None
    assert repr(request) == "<Request 'http:///' [GET]>"


def test_parts_are_those_of_the_beginning() -> None:
    environ = environ_of()
    request = Request(environ)
    environ.update({"SCRIPT_NAME": "/root/a", "PATH_INFO": "/", "REMOTE_ADDR": "1.2.3.4"})
    environ.update({"REQUEST_METHOD": "GET", "QUERY_STRING": "", "wsgi.url_scheme": "https"})
    assert request.url == "http://example.org/root/a?q=1&a=2"
    assert (request.method, request.remote_addr) == ("POST", "127.0.0.1")


def test_parts_can_be_assigned() -> None:
    request = Request(environ_of())
    request.path = "/other"
    request.method = "GET"
    assert request.url == "http://example.org/root/other?q=1&a=2"


@pytest.mark.parametrize(("populate", "shallow"), [(True, True), (False, False), (True, False)])
def test_environ_is_given_the_request(populate: bool, shallow: bool) -> None:
    environ = environ_of()
    request = Request(environ, populate, shallow)
    assert environ.get("werkzeug.request") is (request if populate and not shallow else None)


def test_url_root_is_root_url() -> None:
    assert Request(environ_of()).url_root == "http://example.org/root/"


def test_environ_properties() -> None:
    environ = environ_of(REMOTE_USER="me")
    environ.update({"wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": True})
    request = Request(environ)
    assert request.remote_user == "me"
    assert (request.is_multithread, request.is_multiprocess, request.is_run_once) == (
        True,
        False,
        True,
    )
    assert request.input_stream is request.environ["wsgi.input"]
    with pytest.raises(AttributeError, match="read only"):
        request.remote_user = "you"


def test_form() -> None:
    request = post(b"a=1&b=%C3%BC&a=2")
    assert request.form.getlist("a") == ["1", "2"]
    assert request.form["b"] == "ü"
    assert (request.data, request.stream.read()) == (b"", b"")
    assert not request.files


def test_form_of_data_read_before() -> None:
    request = post(b"a=1")
    assert request.get_data() == b"a=1"
    assert request.form["a"] == "1"
    assert request.get_data(as_text=True) == "a=1"


def test_form_is_gone_if_the_data_was_not_kept() -> None:
    request = post(b"a=1")
    assert request.get_data(cache=False) == b"a=1"
    assert not request.form


def test_files() -> None:
    with uploaded() as request:
        assert (request.form["a"], request.files["f"].filename) == ("1", "n.txt")
        assert request.files["f"].read() == b"content"


def test_closing_closes_the_files() -> None:
    with uploaded() as request:
        file = request.files["f"]
    assert file.stream.closed
    request.close()
    Request(environ_of()).close()


def test_want_form_data_parsed() -> None:
    assert post(b"", "text/plain").want_form_data_parsed
    assert not post(b"", "").want_form_data_parsed
    assert not post(b"a=1", "").form


def test_values() -> None:
    values = post(b"a=1").values
    assert isinstance(values, CombinedMultiDict)
    assert (values.getlist("a"), values["q"]) == (["2", "1"], "1")
    assert post(b"a=1", REQUEST_METHOD="GET").values.getlist("a") == ["2"]


def test_values_of_ordinary_dicts() -> None:
    class Plain(Request):
        parameter_storage_class = dict  # type: ignore[assignment]

    values = Plain(environ_of(b"b=3", FORM)).values
    assert (values["b"], values["q"]) == ("3", "1")


def test_data() -> None:
    assert post(b"\xff", "text/plain").data == b"\xff"
    assert post(b"\xff", "text/plain").get_data(as_text=True) == "\N{REPLACEMENT CHARACTER}"
    assert post(b"a=1").data == b""
    assert post(b"a=1").get_data(parse_form_data=True) == b""
    request = post(b"abc", "text/plain")
    assert (request.stream.read(1), request.data) == (b"a", b"bc")


def test_parser_gets_what_the_request_says() -> None:
    class Own(FormDataParser):
        pass

    class OwnRequest(Request):
        form_data_parser_class = Own
        parameter_storage_class = OwnDict
        max_content_length = 1
        max_form_memory_size = 2
        max_form_parts = 3

    parser = OwnRequest(environ_of()).make_form_data_parser()
    assert type(parser) is Own
    assert (parser.max_content_length, parser.max_form_memory_size) == (1, 2)
    assert (parser.max_form_parts, parser.cls) == (3, OwnDict)


def test_limits_by_default() -> None:
    request = Request(environ_of())
    assert request.max_content_length is None
    assert (request.max_form_memory_size, request.max_form_parts) == (500_000, 1000)


@pytest.mark.parametrize("name", ["form", "files", "data", "stream", "values"])
def test_body_is_too_long(name: str) -> None:
    request = post(b"a=1&b=2")
    request.max_content_length = 5
    with pytest.raises(RequestEntityTooLarge):
        getattr(request, name)


def test_parts_are_too_many() -> None:
    request = uploaded()
    request.max_form_parts = 1
    with pytest.raises(RequestEntityTooLarge):
        _ = request.form


def test_fields_are_too_long() -> None:
    request = post(MULTIPART.replace(b"\r\n1\r\n", b"\r\n" + b"1" * 99 + b"\r\n"), "")
    request.environ["CONTENT_TYPE"] = "multipart/form-data; boundary=x"
    request.max_form_memory_size = 98
    with pytest.raises(RequestEntityTooLarge):
        _ = request.form


def test_files_go_where_the_request_says() -> None:
    class Own(Request):
        def _get_file_stream(self, *args: Any, **kwargs: Any) -> Any:
            stream = super()._get_file_stream(*args, **kwargs)
            self.streams = [stream, kwargs["filename"]]
            return stream

    with Own(environ_of(MULTIPART, "multipart/form-data; boundary=x")) as request:
        assert [request.files["f"].stream, "n.txt"] == request.streams


@pytest.mark.parametrize("name", ["stream", "data", "form", "files", "values"])
def test_shallow_request_has_no_body(name: str) -> None:
    with pytest.raises(RuntimeError, match="shallow"):
        getattr(Request(environ_of(b"a=1", FORM), shallow=True), name)


def test_json() -> None:
    request = post(b'{"a": [1]}', "application/json")
    assert request.json == {"a": [1]}
    assert request.get_json() is request.json
    assert request.get_json(silent=True) is request.json
    assert request.get_json(cache=False) is not request.json
    assert request.data == b'{"a": [1]}'


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 200_000, b'{"a":' * 200_000], ids=lambda body: body[:8]
)
def test_json_is_malformed(body: bytes) -> None:
    request = post(body, "application/json")
    assert request.get_json(silent=True) is None
    for _ in range(2):
        with pytest.raises(BadRequest):
            _ = request.json


def test_json_of_another_type() -> None:
    request = post(b"[1]", "text/plain")
    with pytest.raises(UnsupportedMediaType):
        _ = request.json
    assert request.get_json(silent=True) is None
    assert request.get_json(force=True) == [1]


def test_json_that_was_not_kept() -> None:
    request = post(b"[1]", "application/json")
    assert request.get_json(cache=False) == [1]
    assert request.data == b""


def test_json_that_fails_is_the_applications_to_decide() -> None:
    class Lenient(Request):
        def on_json_loading_failed(self, e: ValueError | None) -> Any:
            return "not JSON" if e is None else type(e).__name__

    assert Lenient(environ_of(b"{", "text/plain")).json == "not JSON"
    request = Lenient(environ_of(b"{", "application/json"))
    assert (request.json, request.get_json()) == ("JSONDecodeError", "JSONDecodeError")
    assert request.get_json(silent=True) is None


def test_on_json_loading_failed() -> None:
    with pytest.raises(BadRequest, match="why"):
        Request({}).on_json_loading_failed(ValueError("why"))
    with pytest.raises(UnsupportedMediaType):
        Request({}).on_json_loading_failed(None)


def test_json_module() -> None:
    class Own(Request):
        class json_module:  # noqa: N801
            @staticmethod
            def loads(data: bytes) -> str:
                return f"{data!r}"

    assert Own(environ_of(b"1", "application/json")).json == "b'1'"


def test_application() -> None:
    started: list[Any] = []

    def start_response(*args: Any) -> Any:
        started.append(args[0])

    @Request.application
    def application(request: Request) -> Any:
        """Answer."""
        if request.path == "/missing":
            raise NotFound
        if request.path == "/broken":
            raise ValueError("x")
        return Response(request.path)

    assert [*application(environ_of(), start_response)] == [b"/a"]
    assert [*application(environ_of(PATH_INFO="/missing"), start_response)]
    assert started == ["200 OK", "404 NOT FOUND"]
    assert application.__doc__ == "Answer."
    with pytest.raises(ValueError, match="x"):
        application(environ_of(PATH_INFO="/broken"), start_response)


def test_application_closes_the_files() -> None:
    files = []

    @Request.application
    def application(request: Request) -> Any:
        files.append(request.files["f"])
        return Response()

    application(uploaded().environ, lambda *args: lambda data: None)
    assert files[0].stream.closed


def test_application_of_a_method() -> None:
    class Site:
        name = "site"

        def answer(self, request: Request) -> Any:
            return lambda environ, start_response: [self.name, request.path]

        application: Any = Request.application(answer)

    assert Site().application(environ_of(), None) == ["site", "/a"]


def test_from_values_asks_the_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    class Builder:
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            calls.append((args, kwargs))

        def get_request(self, cls: type[Request]) -> Request:
            return cls(environ_of())

        def close(self) -> None:
            calls.append("closed")

    class Own(Request):
        pass

    monkeypatch.setattr(module, "_builder", None)
    set_builder(Builder)
    assert type(Own.from_values("/x", method="PUT")) is Own
    assert calls == [(("/x",), {"method": "PUT"}), "closed"]


def test_from_values_of_the_test_client() -> None:
    pytest.importorskip("dovetail.toolkit.testing.environ_builder")
    request = Request.from_values("/x?y=1", method="POST", data={"a": "b"})
    assert (request.path, request.args["y"], request.form["a"]) == ("/x", "1", "b")


def test_from_values_without_a_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_builder", module._no_builder)
    with pytest.raises(RuntimeError, match=r"dovetail\.toolkit\.testing"):
        Request.from_values()


FIELDS = (
    *("ACCEPT", "ACCEPT_CHARSET", "ACCEPT_ENCODING", "ACCEPT_LANGUAGE", "AUTHORIZATION", "COOKIE"),
    *("CACHE_CONTROL", "DATE", "HOST", "IF_MATCH", "IF_MODIFIED_SINCE", "IF_NONE_MATCH", "RANGE"),
    *("IF_RANGE", "IF_UNMODIFIED_SINCE", "MAX_FORWARDS", "PRAGMA", "USER_AGENT"),
    *("X_FORWARDED_FOR", "ACCESS_CONTROL_REQUEST_HEADERS", "TRANSFER_ENCODING"),
)
PROPERTIES = (
    *("accept_charsets", "accept_encodings", "accept_languages", "accept_mimetypes"),
    *("access_control_request_headers", "access_route", "args", "authorization", "base_url"),
    *("cache_control", "content_length", "cookies", "date", "full_path", "host", "host_url"),
    *("if_match", "if_modified_since", "if_none_match", "if_range", "if_unmodified_since"),
    *("is_json", "max_forwards", "mimetype", "mimetype_params", "path", "pragma", "range"),
    *("root_path", "root_url", "server", "url", "url_root", "user_agent", "form", "files", "data"),
    "values",
)
OCTETS = st.one_of(
    st.text(st.characters(max_codepoint=255), max_size=20),
    st.text('abc=;,"\\/*%+-0123456789 \t:[]()<>&?#\xff\x00\x80', max_size=30),
)


@given(
    st.dictionaries(st.sampled_from([f"HTTP_{name}" for name in FIELDS]), OCTETS, max_size=4),
    st.dictionaries(
        st.sampled_from(["PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH"]),
        OCTETS,
    ),
)
def test_nothing_a_client_sends_makes_a_property_fail(
    fields: dict[str, str], others: dict[str, str]
) -> None:
    request = Request({**environ_of(), **fields, **others})
    for name in PROPERTIES:
        with suppress(BadRequest):  # the body may end before its Content-Length
            getattr(request, name)
    assert repr(request).startswith("<Request ")
    assert "invalid URL" not in repr(request)


def test_paths_that_are_none() -> None:
    request = Request({"SCRIPT_NAME": None, "PATH_INFO": None, "HTTP_HOST": "h"})
    assert (request.root_path, request.path, request.url) == ("", "/", "http://h/")
