"""Environs: what each argument becomes, and what excludes what."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.auth import Authorization
from dovetail.data.file_storage import FileMultiDict, FileStorage
from dovetail.data.headers import Headers
from dovetail.data.multidict import CombinedMultiDict, MultiDict
from dovetail.toolkit.forms import parse_form_data
from dovetail.toolkit.request import Request
from dovetail.toolkit.testing.environ_builder import EnvironBuilder, create_environ, split_host


class Stream:
    """A body that can be read and nothing else."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


def test_the_least_environ() -> None:
    environ = create_environ()
    assert environ.pop("wsgi.input").read() == b""
    assert environ.pop("wsgi.errors") is sys.stderr
    assert environ == {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "REQUEST_URI": "/",
        "RAW_URI": "/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


@pytest.mark.parametrize(
    ("path", "path_info", "query"),
    [
        ("/foo?a=b", "/foo", "a=b"),
        ("/foo?", "/foo", ""),
        ("/a?b?c", "/a", "b?c"),
        ("/f%C3%B6 ö", "/fÃ¶ Ã¶", ""),
        ("/%FF%2F%3F", "/\xff/?", ""),
        ("/a#f?b", "/a", ""),
        ("/?x=ü", "/", "x=Ã¼"),
        ("", "", ""),
        ("foo/bar", "foo/bar", ""),
        ("http://other.test:8080/foo?x=1#f", "/foo", "x=1"),
    ],
)
def test_path(path: str, path_info: str, query: str) -> None:
    environ = create_environ(path)
    assert environ["PATH_INFO"] == path_info
    assert environ["QUERY_STRING"] == query
    assert environ["HTTP_HOST"] == "localhost"
    uri = path.encode().decode("latin-1")
    assert environ["REQUEST_URI"] == environ["RAW_URI"] == uri


@given(st.text(st.characters(codec="utf-8"), max_size=8))
def test_any_text_survives_in_the_path(text: str) -> None:
    builder = EnvironBuilder()
    builder.path = "/" + text.replace("%", "%25")
    assert builder.get_environ()["PATH_INFO"] == "/" + text.encode().decode("latin-1")


@pytest.mark.parametrize(
    ("base_url", "scheme", "host", "name", "port", "root"),
    [
        ("http://example.com/root/", "http", "example.com", "example.com", 80, "/root"),
        ("https://example.com", "https", "example.com", "example.com", 443, ""),
        ("https://e.test:8443/a%20b", "https", "e.test:8443", "e.test", 8443, "/a%20b"),
        ("http://täst.test/ü", "http", "xn--tst-qla.test", "xn--tst-qla.test", 80, "/%C3%BC"),
        ("http://[::1]:5000/", "http", "[::1]:5000", "[::1]", 5000, ""),
        ("http://[::1]/", "http", "[::1]", "[::1]", 80, ""),
    ],
)
def test_base_url(base_url: str, scheme: str, host: str, name: str, port: int, root: str) -> None:
    builder = EnvironBuilder("/x", base_url)
    assert (builder.url_scheme, builder.host, builder.script_root) == (scheme, host, root)
    assert (builder.server_name, builder.server_port) == (name, port)
    assert builder.base_url == f"{scheme}://{host}{root}/"
    environ = builder.get_environ()
    assert environ["HTTP_HOST"] == host
    assert environ["SERVER_NAME"] == name
    assert environ["SERVER_PORT"] == str(port)
    assert environ["wsgi.url_scheme"] == scheme
    assert environ["PATH_INFO"] == "/x"


def test_base_url_can_be_set_again() -> None:
    builder = EnvironBuilder(base_url="https://e.test:99/root")
    builder.base_url = None
    assert builder.base_url == "http://localhost/"
    builder.host = "a:x"
    assert (builder.server_name, builder.server_port) == ("a", 80)
    with pytest.raises(AttributeError):
        builder.server_name = "x"  # type: ignore[misc]


@pytest.mark.parametrize("base_url", ["http://e.test/?a=b", "http://e.test/#a"])
def test_base_url_without_query(base_url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        EnvironBuilder(base_url=base_url)


def test_split_host() -> None:
    assert split_host("a:1") == ("a", "1")
    assert split_host("a") == ("a", "")
    assert split_host("[::1]:1") == ("[::1]", "1")


def test_query_string_as_text_or_mapping() -> None:
    builder = EnvironBuilder(query_string={"a": "b", "c": ["1", "2"], "d": None})
    assert builder.query_string == "a=b&c=1&c=2"
    assert builder.args == MultiDict([("a", "b"), ("c", "1"), ("c", "2"), ("d", None)])
    builder.args = MultiDict([("x", "ü &+")])
    assert builder.query_string == "x=%C3%BC+%26%2B"
    builder.query_string = "a=b"
    assert builder.get_environ()["QUERY_STRING"] == "a=b"
    with pytest.raises(AttributeError, match="query string"):
        _ = builder.args
    builder.query_string = None
    assert builder.args == MultiDict()


@pytest.mark.parametrize("query_string", ["a=b", "", {"a": "b"}, {}])
def test_query_string_given_twice(query_string: Any) -> None:
    with pytest.raises(ValueError, match="query string"):
        EnvironBuilder("/?x=y", query_string=query_string)


@pytest.mark.parametrize("data", ["äbc", "äbc".encode(), io.BytesIO("äbc".encode())])
def test_data_is_a_body(data: Any) -> None:
    builder = EnvironBuilder(method="POST", data=data)
    assert builder.content_length == 4
    environ = builder.get_environ()
    assert environ["wsgi.input"].read() == "äbc".encode()
    assert environ["CONTENT_LENGTH"] == "4"
    assert "CONTENT_TYPE" not in environ


@pytest.mark.parametrize("data", ["", b"", {}, None])
def test_no_data(data: Any) -> None:
    assert "CONTENT_LENGTH" not in create_environ(data=data)


def test_data_is_a_form() -> None:
    data = {"a": "b", "c": [1, 2], "d": "ü", "e": None, "f": b"\xff", "g": []}
    builder = EnvironBuilder(method="POST", data=data)
    assert builder.mimetype == "application/x-www-form-urlencoded"
    assert builder.form.getlist("c") == [1, 2]
    environ = builder.get_environ()
    assert environ["wsgi.input"].read() == b"a=b&c=1&c=2&d=%C3%BC&f=%FF"
    assert environ["CONTENT_LENGTH"] == "26"
    assert environ["CONTENT_TYPE"] == "application/x-www-form-urlencoded"


def test_data_is_a_multi_dict() -> None:
    pairs = MultiDict([("a", "1"), ("a", "2")])
    assert EnvironBuilder(data=pairs).form == pairs
    combined: Any = CombinedMultiDict([MultiDict([("a", "1")]), MultiDict([("a", "2")])])
    assert EnvironBuilder(data=combined).form == pairs


def test_data_has_files(tmp_path: Path) -> None:
    path = tmp_path / "on disk.txt"
    path.write_bytes(b"disk")
    builder = EnvironBuilder(
        method="POST",
        data={
            "text": "x",
            "plain": io.BytesIO(b"1"),
            "named": (io.BytesIO(b"2"), "two.txt"),
            "typed": (io.BytesIO(b"3"), "three.bin", "text/three"),
            "several": [(io.BytesIO(b"4"), "four.png"), "and text"],
            "storage": FileStorage(io.BytesIO(b"5"), "five"),
            "path": (str(path),),
        },
    )
    assert builder.mimetype == "multipart/form-data"
    environ = builder.get_environ()
    builder.close()
    _, form, files = parse_form_data(environ)
    assert form.to_dict(flat=False) == {"text": ["x"], "several": ["and text"], "plain": ["1"]}
    seen = {}
    for name, file in files.items():
        seen[name] = (file.filename, file.mimetype, file.read())
        file.close()
    assert seen == {
        "named": ("two.txt", "text/plain", b"2"),
        "typed": ("three.bin", "text/three", b"3"),
        "several": ("four.png", "image/png", b"4"),
        "storage": ("five", "application/octet-stream", b"5"),
        "path": (str(path), "text/plain", b"disk"),
    }


def test_a_form_as_multipart() -> None:
    environ = create_environ(data={"a": "b"}, content_type="multipart/form-data")
    assert parse_form_data(environ)[1] == MultiDict([("a", "b")])


def test_a_form_of_another_type_is_not_sent() -> None:
    environ = create_environ(data={"a": "b"}, content_type="text/plain")
    assert environ["wsgi.input"].read() == b""
    assert "CONTENT_LENGTH" not in environ


def test_json() -> None:
    environ = create_environ(json={"a": [1, None]})
    assert environ["CONTENT_TYPE"] == "application/json"
    assert json.load(environ["wsgi.input"]) == {"a": [1, None]}
    assert create_environ(json="", content_type="x/y")["CONTENT_TYPE"] == "x/y"
    assert "CONTENT_TYPE" not in create_environ(json=None)


def test_json_dumps_can_be_replaced() -> None:
    class Builder(EnvironBuilder):
        @staticmethod
        def json_dumps(obj: Any, **kwargs: Any) -> str:
            return f"<{obj}>"

    assert EnvironBuilder.json_dumps({}) == "{}"
    assert Builder(json=1).get_environ()["wsgi.input"].read() == b"<1>"


@pytest.mark.parametrize(
    "arguments",
    [
        {"data": "x", "json": 1},
        {"data": "x", "input_stream": io.BytesIO()},
        {"json": 1, "input_stream": io.BytesIO()},
    ],
)
def test_two_bodies(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="bodies"):
        EnvironBuilder(**arguments)


def test_input_stream_excludes_the_form() -> None:
    builder = EnvironBuilder(input_stream=io.BytesIO(b"abc"))
    with pytest.raises(AttributeError, match="input stream"):
        _ = builder.form
    with pytest.raises(AttributeError, match="input stream"):
        _ = builder.files
    builder.form = MultiDict([("a", "b")])
    assert builder.input_stream is None
    assert builder.content_type == "application/x-www-form-urlencoded"
    builder.files = FileMultiDict()
    builder.files.add_file("f", io.BytesIO(b"x"), "n")
    assert builder.content_type == "multipart/form-data"
    builder.input_stream = io.BytesIO(b"x")
    assert builder.content_type is None
    builder.input_stream = None
    assert (len(builder.form), len(builder.files)) == (0, 0)


def test_input_stream_is_measured_from_where_it_stands() -> None:
    stream = io.BytesIO(b"abcdef")
    stream.seek(2)
    environ = create_environ(input_stream=stream, content_length=99)
    assert environ["wsgi.input"] is stream
    assert environ["CONTENT_LENGTH"] == "4"
    assert stream.tell() == 2


def test_input_stream_without_length() -> None:
    environ = create_environ(input_stream=Stream(b"abc"))
    assert "CONTENT_LENGTH" not in environ
    assert Request(environ).get_data() == b"abc"
    assert create_environ(input_stream=Stream(b"abc"), content_length=3)["CONTENT_LENGTH"] == "3"


def test_content_type() -> None:
    builder = EnvironBuilder(content_type="text/html; charset=latin1", data={"a": "b"})
    assert builder.mimetype == "text/html"
    assert builder.mimetype_params == {"charset": "latin1"}
    builder.mimetype_params["x"] = "y z"
    assert builder.content_type == 'text/html; charset=latin1; x="y z"'
    builder.mimetype = "text/plain"
    assert builder.headers["Content-Type"] == "text/plain; charset=utf-8"
    builder.content_type = None
    assert builder.content_type == "application/x-www-form-urlencoded"
    assert EnvironBuilder(mimetype="image/png", content_type="a/b").content_type == "image/png"


def test_content_length() -> None:
    builder = EnvironBuilder(content_length=5)
    assert builder.headers["Content-Length"] == "5"
    assert builder.get_environ()["CONTENT_LENGTH"] == "5"
    builder.content_length = None
    assert "Content-Length" not in builder.headers
    assert EnvironBuilder(headers={"Content-Length": "5"}).content_length is None


def test_headers() -> None:
    headers = Headers([("X-A", "b"), ("x-a", "c"), ("Host", "h.test"), ("Content-Type", "x/y")])
    builder = EnvironBuilder(headers=headers)
    assert builder.headers is headers
    environ = builder.get_environ()
    assert environ["HTTP_X_A"] == "b, c"
    assert environ["HTTP_HOST"] == "h.test"
    assert environ["SERVER_NAME"] == "localhost"
    assert environ["CONTENT_TYPE"] == "x/y"
    assert "HTTP_CONTENT_TYPE" not in environ


def test_auth() -> None:
    assert create_environ(auth=("ü", "b:c"))["HTTP_AUTHORIZATION"] == "Basic w7w6Yjpj"
    bearer = Authorization("bearer", token="x")
    assert create_environ(auth=bearer)["HTTP_AUTHORIZATION"] == "Bearer x"


def test_environ_base_and_overrides() -> None:
    environ = create_environ(
        environ_base={"REMOTE_ADDR": "1.2.3.4", "PATH_INFO": "/base"},
        environ_overrides={"REQUEST_METHOD": "FOO", "x.y": 1},
    )
    assert environ["REMOTE_ADDR"] == "1.2.3.4"
    assert environ["PATH_INFO"] == "/"
    assert (environ["REQUEST_METHOD"], environ["x.y"]) == ("FOO", 1)


def test_attributes_go_into_the_environ() -> None:
    errors = io.StringIO()
    builder = EnvironBuilder(
        method="PUT", errors_stream=errors, multithread=True, multiprocess=True, run_once=True
    )
    builder.server_protocol = "HTTP/1.0"
    builder.request_uri = "/raw"
    builder.environ_base = {"a": 1}
    builder.environ_overrides = {"b": 2}
    environ = builder.get_environ()
    assert environ["wsgi.errors"] is errors is builder.errors_stream
    flags = ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once")
    assert [environ[flag] for flag in flags] == [True] * 3
    assert (builder.multithread, builder.multiprocess, builder.run_once) == (True,) * 3
    assert builder.method == environ["REQUEST_METHOD"] == "PUT"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert environ["REQUEST_URI"] == "/raw"
    assert environ["wsgi.version"] == builder.wsgi_version
    assert (environ["a"], environ["b"]) == (1, 2)


def test_close_closes_the_files() -> None:
    file = io.BytesIO(b"x")
    builder = EnvironBuilder(data={"f": (file, "n")})
    assert not builder.closed
    builder.close()
    builder.close()
    assert builder.closed
    assert file.closed


def test_close_goes_on_after_a_failure() -> None:
    class Stubborn(io.BytesIO):
        def close(self) -> None:
            super().close()
            raise OSError("no")

    file = io.BytesIO(b"x")
    builder = EnvironBuilder(data={"a": (Stubborn(), "n"), "b": (file, "n")})
    builder.close()
    assert file.closed


def test_an_input_stream_stays_open() -> None:
    stream = io.BytesIO(b"x")
    EnvironBuilder(input_stream=stream).close()
    assert not stream.closed


def test_a_builder_that_failed_can_be_deleted() -> None:
    with pytest.raises(ValueError, match="IPv6"):
        EnvironBuilder(base_url="http://[::1")


def test_get_request() -> None:
    class Mine(Request):
        pass

    class Builder(EnvironBuilder):
        request_class = Mine

    request = EnvironBuilder("/x", method="POST", data={"a": "b"}).get_request()
    assert type(request) is EnvironBuilder.request_class is Request
    assert (request.url, request.form["a"]) == ("http://localhost/x", "b")
    assert type(EnvironBuilder().get_request(Mine)) is Mine
    assert type(Builder().get_request()) is Mine


def test_request_from_values() -> None:
    assert Request.from_values("/x?a=b").args["a"] == "b"


def test_from_environ_and_back() -> None:
    environ = create_environ(
        "/a/ü%3F?x=%20", "https://e.test:99/root", method="PUT", data="abc", headers={"X": "y"}
    )
    builder = EnvironBuilder.from_environ(environ)
    assert builder.path == "/a/%C3%BC%3F"
    assert builder.base_url == "https://e.test:99/root/"
    assert builder.headers["X"] == "y"
    assert builder.get_environ() == environ


def test_from_environ_with_other_arguments() -> None:
    environ = create_environ("/a?x", method="PUT")
    builder = EnvironBuilder.from_environ(environ, path="/b", query_string="y", method="POST")
    again = builder.get_environ()
    assert again["REQUEST_URI"] == again["PATH_INFO"] == "/b"
    assert (again["QUERY_STRING"], again["REQUEST_METHOD"]) == ("y", "POST")


def test_from_environ_without_host() -> None:
    environ = create_environ(base_url="http://e.test:99")
    del environ["HTTP_HOST"]
    assert EnvironBuilder.from_environ(environ).host == "e.test:99"
    environ["SERVER_PORT"] = "80"
    assert EnvironBuilder.from_environ(environ).host == "e.test"


@given(st.binary(max_size=6), st.text(st.characters(max_codepoint=255), max_size=6))
def test_from_environ_keeps_any_octets(path: bytes, query: str) -> None:
    environ = create_environ()
    environ["PATH_INFO"] = "/" + path.decode("latin-1")
    environ["QUERY_STRING"] = query.encode().decode("latin-1")
    again = EnvironBuilder.from_environ(environ).get_environ()
    assert again["PATH_INFO"] == environ["PATH_INFO"]
    assert again["QUERY_STRING"] == environ["QUERY_STRING"]
