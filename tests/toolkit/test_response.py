from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Iterator
from typing import Any
from wsgiref.types import WSGIEnvironment

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.exceptions import HTTPException, MethodNotAllowed, RequestedRangeNotSatisfiable
from dovetail.data.headers import Headers
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response, ResponseStream
from dovetail.toolkit.wsgi import ClosingIterator, RangeWrapper, wrap_file


def environ_of(method: str = "GET", **fields: str) -> WSGIEnvironment:
    return {
        "REQUEST_METHOD": method,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "example.org",
        "SCRIPT_NAME": "/root",
        "PATH_INFO": "/a/b",
        "QUERY_STRING": "q=1",
        **fields,
    }


def call(response: Response, method: str = "GET") -> tuple[str, dict[str, str], bytes]:
    """Call a response as a server does."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        started.append((status, headers))

    result = response(environ_of(method), start_response)
    content = b"".join(result)
    if hasattr(result, "close"):
        result.close()
    ((status, headers),) = started
    assert type(headers) is list
    return status, dict(headers), content


class Source:
    """An iterable that notes when it is closed."""

    def __init__(self, *pieces: Any) -> None:
        self.pieces = pieces
        self.closed = 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self.pieces)

    def close(self) -> None:
        self.closed += 1


MIXED: Any = ["ü", b"a"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, b""),
        ("ü", b"\xc3\xbc"),
        (b"a", b"a"),
        (bytearray(b"a"), b"a"),
        (["ü", "a"], b"\xc3\xbca"),
        ((b"a", b"b"), b"ab"),
        ([], b""),
    ],
)
def test_content(content: Any, expected: bytes) -> None:
    response = Response(content)
    assert response.is_sequence
    assert not response.is_streamed
    assert response.get_data() == response.data == expected
    status, headers, sent = call(response)
    assert (status, sent, headers["Content-Length"]) == ("200 OK", expected, str(len(expected)))
    assert repr(response) == f"<Response {len(expected)} bytes [200 OK]>"


def test_streamed_content() -> None:
    response = Response(iter(["a", "ü"]), 201)
    assert response.is_streamed
    assert not response.is_sequence
    assert repr(response) == "<Response streamed [201 CREATED]>"
    status, headers, sent = call(response)
    assert (status, sent) == ("201 CREATED", "aü".encode())
    assert "Content-Length" not in headers


def test_content_with_a_length_that_is_no_sequence() -> None:
    assert repr(Response({"a": 1})) == "<Response likely-streamed [200 OK]>"


def test_length_is_set_at_once_for_text_only() -> None:
    assert Response("abc").headers["Content-Length"] == "3"
    assert "Content-Length" not in Response(["abc"]).headers
    assert Response("abc", headers={"Content-Length": "5"}).content_length == 3


def test_length_need_not_be_set() -> None:
    class Bare(Response):
        automatically_set_content_length = False

    response = Bare("abc")
    response.set_data("ab")
    assert "Content-Length" not in response.headers
    assert "Content-Length" not in call(response)[1]
    assert "Content-Length" not in call(Bare(["a", "b"]))[1]


def test_length_that_was_set_stays() -> None:
    assert call(Response([b"abc"], headers={"Content-Length": "7"}))[1]["Content-Length"] == "7"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [100, 199, 204, 304])
def test_status_without_content(status: int, method: str) -> None:
    response = Response("abc", status, headers={"Last-Modified": "x", "Expires": "y"})
    _, headers, sent = call(response, method)
    assert sent == b""
    assert "Content-Length" not in headers
    assert ("Last-Modified" in headers) is (status != 304)
    assert headers["Expires"] == "y"
    assert response.headers["Content-Length"] == "3"


def test_head() -> None:
    assert call(Response("abc"), "HEAD")[1:] == (
        {"Content-Type": "text/plain; charset=utf-8", "Content-Length": "3"},
        b"",
    )


@pytest.mark.parametrize(
    ("location", "relative", "absolute"),
    [
        ("c", "c", "http://example.org/root/a/c"),
        ("/ü b", "/%C3%BC%20b", "http://example.org/%C3%BC%20b"),
        ("//h/p", "//h/p", "http://h/p"),
        ("http://müller.example/", *["http://xn--mller-kva.example/"] * 2),
        ("?q", "?q", "http://example.org/root/a/b?q"),
    ],
)
def test_location(location: str, relative: str, absolute: str) -> None:
    class Absolute(Response):
        autocorrect_location_header = True

    headers = {"Location": location}
    assert call(Response("", 302, headers))[1]["Location"] == relative
    assert call(Absolute("", 302, headers))[1]["Location"] == absolute


def test_content_location_becomes_a_uri() -> None:
    response = Response("", headers={"content-location": "/ü"})
    assert call(response)[1]["Content-Location"] == "/%C3%BC"
    assert response.content_location == "/ü"


def test_get_wsgi_headers_is_a_copy() -> None:
    response = Response(["ab"])
    headers = response.get_wsgi_headers(environ_of())
    assert isinstance(headers, Headers)
    assert headers["Content-Length"] == "2"
    assert "Content-Length" not in response.headers


def test_answer_is_a_copy() -> None:
    response = Response("abc")
    content, status, fields = response.get_wsgi_response(environ_of())
    assert (status, fields[0][0]) == ("200 OK", "Content-Type")
    content.append(b"d")  # type: ignore[attr-defined]
    fields.clear()
    assert call(response)[1:] == (dict(response.headers), b"abc")


def test_get_app_iter_closes() -> None:
    source = Source("a")
    response = Response(source)
    events: list[str] = []

    @response.call_on_close
    def done() -> None:
        events.append("done")

    content = response.get_app_iter(environ_of())
    assert isinstance(content, ClosingIterator)
    assert [*content] == [b"a"]
    content.close()
    assert (source.closed, events) == (1, ["done"])
    assert callable(done)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("content", ["abc", Source(b"abc")])
def test_callbacks_of_closing_are_called(content: Any, method: str) -> None:
    events: list[int] = []
    response = Response(content)
    response.call_on_close(lambda: events.append(1))
    response.call_on_close(lambda: events.append(2))
    call(response, method)
    assert events == [1, 2]


def test_close() -> None:
    source = Source("a")
    with Response(source) as response:
        response.call_on_close(lambda: None)
    assert source.closed == 1
    Response("a").close()


def test_direct_passthrough() -> None:
    file = wrap_file({}, io.BytesIO(b"abc"))
    response = Response(file, direct_passthrough=True)
    assert response.get_app_iter(environ_of()) is file
    assert response.get_app_iter(environ_of("HEAD")) is not file
    with pytest.raises(RuntimeError, match="direct_passthrough"):
        response.get_data()
    assert response.calculate_content_length() is None


@pytest.mark.parametrize(
    "method", ["close", "get_app_iter", "get_wsgi_headers", "iter_encoded", "set_data"]
)
def test_methods_of_a_subclass_are_called(method: str) -> None:
    calls: list[str] = []

    def overridden(self: Any, *args: Any) -> Any:
        calls.append(method)
        return getattr(super(own, self), method)(*args)

    own = type("Own", (Response,), {method: overridden})
    call(own("abc"))
    assert calls


def test_methods_of_a_mixin_are_called() -> None:
    class Loud:
        def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
            headers: Headers = super().get_wsgi_headers(environ)  # type: ignore[misc]
            headers["X-Loud"] = "yes"
            return headers

    class Own(Loud, Response):
        pass

    assert call(Own("abc"))[1]["X-Loud"] == "yes"
    assert "X-Loud" not in call(Response("abc"))[1]


def test_properties_of_a_subclass_are_asked() -> None:
    class Own(Response):
        @property
        def status(self) -> str:
            return "299 OWN"

        @status.setter
        def status(self, value: Any) -> None:
            raise AssertionError

    assert call(Own("abc"))[0] == "299 OWN"


def test_set_data() -> None:
    response = Response()
    response.data = "ü"
    assert (response.response, response.content_length) == ([b"\xc3\xbc"], 2)
    response.set_data(b"abc")
    assert (response.get_data(as_text=True), response.content_length) == ("abc", 3)


def test_make_sequence() -> None:
    source = Source("a", b"b")
    response = Response(source)
    response.make_sequence()
    response.make_sequence()
    assert response.response == [b"a", b"b"]
    assert source.closed == 0
    response.close()
    assert source.closed == 1


def test_implicit_conversion_may_be_off() -> None:
    class Strict(Response):
        implicit_sequence_conversion = False

    response = Strict(iter("ab"))
    with pytest.raises(RuntimeError, match="make_sequence"):
        _ = response.data
    assert response.calculate_content_length() is None
    response.make_sequence()
    assert response.data == b"ab"


def test_iter_encoded() -> None:
    assert [*Response(MIXED).iter_encoded()] == [b"\xc3\xbc", b"a"]


def test_calculate_content_length() -> None:
    assert Response(MIXED).calculate_content_length() == 3
    assert Response(iter("ab")).calculate_content_length() == 2


def test_freeze() -> None:
    response = Response(iter(["a", "b"]))
    response.freeze()
    assert response.response == [b"a", b"b"]
    assert response.content_length == 2
    assert response.get_etag()[0]
    again = pickle.loads(pickle.dumps(response))
    assert call(again) == call(response) == call(copy.copy(response))


def test_json() -> None:
    response = Response('{"a": 1}', mimetype="application/json")
    assert response.json == response.get_json() == {"a": 1}
    assert Response("[1]").json is None
    assert Response("[1]").get_json(force=True) == [1]
    broken = Response("[", mimetype="application/json")
    assert broken.get_json(silent=True) is None
    with pytest.raises(ValueError, match="Expecting"):
        broken.get_json()


def test_json_module() -> None:
    class Own(Response):
        class json_module:  # noqa: N801
            @staticmethod
            def loads(data: bytes) -> Any:
                return ["own", data]

    assert Own("1", mimetype="application/json").json == ["own", b"1"]


def test_force_type_of_a_response() -> None:
    class Own(Response):
        extra = 1

    response = Response("a")
    assert Own.force_type(response) is response
    assert type(response) is Own
    assert call(response)[2] == b"a"


def application(environ: WSGIEnvironment, start_response: Any) -> Any:
    start_response("404 Gone fishing", [("X-A", "b")])
    return [b"a", b"b"]


def test_force_type_of_an_application() -> None:
    response = Response.force_type(application, environ_of())
    assert (response.status, response.data) == ("404 Gone fishing", b"ab")
    with pytest.raises(TypeError, match="environ"):
        Response.force_type(application)


@pytest.mark.parametrize("buffered", [True, False])
def test_from_app(buffered: bool) -> None:
    response = Response.from_app(application, environ_of(), buffered)
    assert (response.status, response.headers["X-A"]) == ("404 Gone fishing", "b")
    assert response.is_sequence is buffered
    assert response.data == b"ab"


def test_stream() -> None:
    response = Response("ab")
    stream = response.stream
    assert isinstance(stream, ResponseStream)
    assert stream is response.stream
    assert (stream.mode, stream.encoding, stream.closed) == ("wb+", "utf-8", False)
    assert (stream.write(b"cd"), stream.tell(), stream.isatty()) == (2, 4, False)
    stream.writelines([b"e", b"f"])
    stream.flush()
    assert response.data == b"abcdef"
    assert "Content-Length" not in response.headers
    assert stream.response is response


def test_stream_of_an_iterator_or_tuple() -> None:
    for content in (iter([b"a"]), (b"a",)):
        response = Response(content)
        response.stream.write(b"b")
        assert response.response == [b"a", b"b"]


def test_stream_that_is_closed() -> None:
    stream = ResponseStream(Response())
    stream.close()
    assert stream.closed
    for method in (lambda: stream.write(b"a"), stream.flush, stream.isatty):
        with pytest.raises(ValueError, match="closed"):
            method()


def test_add_etag() -> None:
    response = Response("a")
    response.add_etag()
    tag = response.get_etag()
    response.data = "b"
    response.add_etag()
    assert response.get_etag() == tag
    response.add_etag(overwrite=True, weak=True)
    value, weak = response.get_etag()
    assert value != tag[0]
    assert weak


def tagged(content: Any = "0123456789", **options: Any) -> Response:
    response = Response(content, **options)
    response.set_etag("a")
    response.headers["Last-Modified"] = "Sun, 06 Nov 1994 08:49:37 GMT"
    return response


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"HTTP_IF_NONE_MATCH": '"a"'}, 304),
        ({"HTTP_IF_NONE_MATCH": '"b"'}, 200),
        ({"HTTP_IF_MATCH": '"a"'}, 200),
        ({"HTTP_IF_MATCH": '"b"'}, 412),
        ({"HTTP_IF_MODIFIED_SINCE": "Sun, 06 Nov 1994 08:49:37 GMT"}, 304),
        ({"HTTP_IF_MODIFIED_SINCE": "Sun, 06 Nov 1994 08:49:36 GMT"}, 200),
        ({"HTTP_IF_MODIFIED_SINCE": "nonsense"}, 200),
        ({"HTTP_RANGE": "bytes=0-3"}, 206),
        ({"HTTP_RANGE": "bytes=0-3", "HTTP_IF_RANGE": '"a"'}, 206),
        ({"HTTP_RANGE": "bytes=0-3", "HTTP_IF_RANGE": '"b"'}, 200),
        ({"HTTP_RANGE": "bytes=0-3", "HTTP_IF_NONE_MATCH": '"a"'}, 304),
        ({"HTTP_RANGE": "bytes=0-3", "HTTP_IF_MATCH": '"b"'}, 412),
    ],
)
def test_make_conditional(fields: dict[str, str], status: int) -> None:
    for asked in (environ_of(**fields), Request(environ_of(**fields))):
        response = tagged()
        assert response.make_conditional(asked, True, 10) is response
        assert response.status_code == status
        assert response.accept_ranges == "bytes"
        assert response.date is not None


def test_make_conditional_leaves_other_methods_alone() -> None:
    response = tagged().make_conditional(environ_of("POST", HTTP_IF_NONE_MATCH='"a"'), True, 10)
    assert (response.status_code, response.accept_ranges, response.date) == (200, None, None)


def test_make_conditional_keeps_the_date() -> None:
    response = Response(headers={"Date": "Sun, 06 Nov 1994 08:49:37 GMT"})
    response.make_conditional(environ_of())
    assert response.headers["Date"] == "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("accept_ranges", "length", "field", "status"),
    [
        (False, 10, None, 200),
        (True, 10, "bytes", 206),
        ("bytes", 10, "bytes", 206),
        (True, None, "bytes", 200),
        (True, 0, "bytes", 200),
        ("none", None, "none", 200),
    ],
)
def test_ranges_have_to_be_accepted(
    accept_ranges: bool | str, length: int | None, field: str | None, status: int
) -> None:
    environ = environ_of(HTTP_RANGE="bytes=0-3")
    response = Response("0123456789").make_conditional(environ, accept_ranges, length)
    assert (response.accept_ranges, response.status_code) == (field, status)


CONTENT = bytes(range(200))


@given(st.sampled_from(["list", "iterator", "file"]), st.integers(0, 199), st.integers(0, 250))
def test_range_is_the_part(kind: str, start: int, last: int) -> None:
    pieces = [CONTENT[:7], CONTENT[7:50], CONTENT[50:]]
    content: Any = {
        "list": pieces,
        "iterator": iter(pieces),
        "file": wrap_file({}, io.BytesIO(CONTENT), 16),
    }[kind]
    response = Response(content, direct_passthrough=kind == "file")
    environ = environ_of(HTTP_RANGE=f"bytes={start}-{last}")
    if start > last:
        with pytest.raises(RequestedRangeNotSatisfiable):
            response.make_conditional(environ, True, 200)
        return
    response.make_conditional(environ, True, 200)
    expected = CONTENT[start : last + 1]
    _, headers, sent = call(response)
    assert sent == expected
    assert headers["Content-Length"] == str(len(expected))
    assert headers["Content-Range"] == f"bytes {start}-{min(last, 199)}/200"


@pytest.mark.parametrize("value", ["bytes=10-", "bytes=3-1", "bytes=x", "x=0-1", "bytes=0-1,3-4"])
def test_range_is_refused(value: str) -> None:
    with pytest.raises(RequestedRangeNotSatisfiable) as raised:
        Response("0123456789").make_conditional(environ_of(HTTP_RANGE=value), True, 10)
    assert raised.value.length == 10


def test_range_of_text_counts_octets() -> None:
    response = Response(["0ü2", "345"])
    response.make_conditional(environ_of(HTTP_RANGE="bytes=1-3"), True, 7)
    assert isinstance(response.response, RangeWrapper)
    assert call(response)[2] == b"\xc3\xbc2"


class Huge:
    """A file of many gibibytes that nobody has to keep."""

    size = 100 << 30
    position = 0
    taken = 0

    def read(self, size: int) -> bytes:
        size = min(size, self.size - self.position)
        self.position += size
        self.taken += size
        return bytes(size)

    def seekable(self) -> bool:
        return True

    def seek(self, position: int) -> None:
        self.position = position

    def tell(self) -> int:
        return self.position


def test_range_of_a_huge_file_is_not_read() -> None:
    file: Any = Huge()
    response = Response(wrap_file({}, file), direct_passthrough=True)
    response.content_length = file.size
    environ = environ_of(HTTP_RANGE=f"bytes={90 << 30}-{(90 << 30) + 9}")
    response.make_conditional(environ, True, file.size)
    assert file.taken == 0
    assert call(response)[2] == bytes(10)
    assert file.taken <= 8192


def test_length_is_set_by_make_conditional() -> None:
    assert Response(iter("ab")).make_conditional(environ_of()).content_length == 2


def test_exception_is_rendered() -> None:
    for environ in (None, environ_of(), Request(environ_of())):
        response = MethodNotAllowed(["GET"]).get_response(environ)
        assert type(response) is Response
        assert (response.status, response.headers["Allow"]) == ("405 METHOD NOT ALLOWED", "GET")
        assert response.mimetype == "text/html"
        assert b"<h1>Method Not Allowed</h1>" in response.data


def test_exception_has_its_own_response() -> None:
    response = Response("own")
    assert HTTPException(response=response).get_response() is response


def test_exception_is_an_application() -> None:
    started: list[Any] = []

    def start_response(*args: Any) -> Any:
        started.append(args[0])

    assert b"".join(RequestedRangeNotSatisfiable(5)(environ_of(), start_response))
    assert started == ["416 REQUESTED RANGE NOT SATISFIABLE"]


def test_a_close_put_into_the_object_is_called() -> None:
    called: list[str] = []
    response = Response("plain")
    response.close = lambda: called.append("own")  # type: ignore[method-assign]
    assert call(response)[2] == b"plain"
    assert called == ["own"]
