from __future__ import annotations

import gc
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dovetail.data.headers import Headers
from dovetail.toolkit.middleware.lint import (
    ErrorStream,
    GuardedIterator,
    GuardedWrite,
    HTTPWarning,
    InputStream,
    LintMiddleware,
    WSGIWarning,
    check_type,
)


@contextmanager
def warned(*expected: tuple[type[Warning], str]) -> Iterator[None]:
    """Exactly these warnings: their class and a part of their text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    got = [(found.category, str(found.message)) for found in caught]
    assert len(got) == len(expected), got
    for (category, message), (kind, part) in zip(got, expected, strict=True):
        assert category is kind
        assert part in message


def environ(**changes: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(b"one\ntwo\nthree"),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **changes,
    }


def application(
    status: Any = "200 OK", headers: Any = None, body: Any = (b"ok",), *exc_info: Any, **more: Any
) -> Callable[..., Any]:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, [] if headers is None else headers, *exc_info, **more)
        return body

    return app


def run(app: Any, request: Any = None) -> list[bytes]:
    body: Any = LintMiddleware(app)(environ() if request is None else request, start)
    chunks = list(body)
    body.close()
    return chunks


def start(*arguments: Any, **more: Any) -> Callable[[bytes], object]:
    return lambda data: None


def test_kinds_of_warnings() -> None:
    assert issubclass(WSGIWarning, Warning)
    assert issubclass(HTTPWarning, Warning)
    assert not issubclass(HTTPWarning, WSGIWarning)


def test_check_type() -> None:
    class Text(str):
        __slots__ = ()

    with warned():
        check_type("it", "a")
        check_type("it", b"a", bytes)
    with warned((WSGIWarning, "'it' has to be 'str', not 'Text'")):
        check_type("it", Text("a"))


def test_nothing_to_say() -> None:
    headers = [
        ("Content-Type", "text/plain"),
        ("Content-Length", "2"),
        ("ETag", 'W/"a"'),
        ("Location", "http://localhost/x"),
    ]
    with warned():
        assert run(application(headers=headers)) == [b"ok"]
        assert run(application("204 No Content", body=[])) == []
        assert run(application("304 Not Modified", [("Expires", "x"), ("ETag", '"a"')], [])) == []


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"wsgi.version": (1, 1)}, "version"),
        ({"SCRIPT_NAME": "x"}, "SCRIPT_NAME"),
        ({"PATH_INFO": "x"}, "PATH_INFO"),
    ],
)
def test_values_of_the_environment(changes: dict[str, Any], part: str) -> None:
    with warned((WSGIWarning, part)):
        run(application(), environ(**changes))


@pytest.mark.parametrize(
    "key", ["REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT", "wsgi.multithread", "wsgi.run_once"]
)
def test_what_the_environment_has_to_have(key: str) -> None:
    request = environ()
    del request[key]
    with warned((WSGIWarning, key)):
        LintMiddleware(application()).check_environ(request)


def test_the_environment_is_a_dict() -> None:
    class Environ(dict[str, Any]):
        pass

    with warned((WSGIWarning, "dict")):
        LintMiddleware(application()).check_environ(Environ(environ()))


def test_arguments() -> None:
    lint: Any = LintMiddleware(application())
    assert callable(lint.app)
    with warned((WSGIWarning, "two arguments, not 3"), (WSGIWarning, "keyword")):
        lint(environ(), start, None, more=1).close()


@pytest.mark.parametrize(
    ("status", "parts"),
    [
        ("200", ["a space"]),
        ("20 OK", ["three digits", "a space", "below 100"]),
        ("2000 OK", ["three digits", "a space"]),
        ("099 OK", ["below 100"]),
    ],
)
def test_status(status: str, parts: list[str]) -> None:
    lint = LintMiddleware(application())
    with warned(*[(WSGIWarning, part) for part in parts]):
        assert lint.check_start_response(status, [], None) == (
            int(status.split(maxsplit=1)[0]),
            Headers(),
        )


@pytest.mark.parametrize(
    ("headers", "part"),
    [
        ((("A", "b"),), "not in a list"),
        ([["A", "b"]], "tuple"),
        ([("A", 1)], "strings"),
        ([("Status", "200")], "Status"),
    ],
)
def test_header_fields(headers: Any, part: str) -> None:
    with warned((WSGIWarning, part)):
        run(application(headers=headers))


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("ETag", "a", ["not quoted"]),
        ("ETag", "W/a", ["not quoted"]),
        ("ETag", 'w/"a"', ["upper case"]),
        ("ETag", "w/a", ["upper case", "not quoted"]),
        ("Location", "/x", ["absolute"]),
        ("Location", "http://[x/", ["absolute"]),
        ("Location", "//host/x", []),
    ],
)
def test_values_of_header_fields(name: str, value: str, parts: list[str]) -> None:
    with warned(*[(HTTPWarning, part) for part in parts]):
        LintMiddleware(application()).check_headers(Headers([(name, value)]))


@pytest.mark.parametrize(
    ("exc_info", "expected"),
    [((5,), [(WSGIWarning, "exc_info")]), ((None,), []), ((None, 1), [(WSGIWarning, "not 4")])],
)
def test_exc_info(exc_info: Any, expected: Any) -> None:
    with warned(*expected):
        run(application("200 OK", [], [], *exc_info))


def test_a_second_start_after_an_error() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "5")])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oh", [("Content-Length", "0")], sys.exc_info())
        return []

    with warned():
        run(app)


def test_start_response_takes_no_keywords() -> None:
    with warned((WSGIWarning, "keyword")):
        run(application(exc_info=None))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("ok", [(WSGIWarning, "letter"), *[(WSGIWarning, "'bytes', not 'str'")] * 2]),
        (["ok"], [(WSGIWarning, "'bytes', not 'str'")]),
        ([bytearray(b"ok")], [(WSGIWarning, "bytearray")]),
        ([b"o", b"k"], []),
    ],
)
def test_content(body: Any, expected: Any) -> None:
    with warned(*expected):
        run(application(body=body))


def test_check_iterator() -> None:
    with warned((WSGIWarning, "letter")):
        LintMiddleware(application()).check_iterator("ok")  # type: ignore[arg-type]
    with warned():
        LintMiddleware(application()).check_iterator([b"ok"])


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (
            "200 OK",
            [("Content-Length", "2")],
            [b"o"],
            [(WSGIWarning, "Content-Length is 2, and 1")],
        ),
        ("200 OK", [("Content-Length", "x")], [b"o"], [(HTTPWarning, "no number")]),
        ("304 Not Modified", [("Content-Type", "a")], [], [(HTTPWarning, "'content-type'")]),
        ("304 Not Modified", [], [b"o"], [(HTTPWarning, "no content, and 1 octets")]),
        ("204 No Content", [("Content-Length", "0")], [], []),
        ("204 No Content", [("Content-Length", "1")], [], [(HTTPWarning, "no Content-Length")]),
        ("204 No Content", [], [b"o"], [(HTTPWarning, "no content, and 1 octets")]),
        ("100 Continue", [], [b"o"], [(HTTPWarning, "a 100 has no content")]),
    ],
)
def test_content_and_header(status: str, headers: Any, body: Any, expected: Any) -> None:
    with warned(*expected):
        run(application(status, headers, body))


def test_write() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [("Content-Length", "3")])
        assert type(write) is GuardedWrite
        write(b"o")
        write("k")  # type: ignore[arg-type]
        return [b"!"]

    with warned((WSGIWarning, "write()")):
        run(app)


def test_guarded_write() -> None:
    written: list[bytes] = []
    chunks: list[int] = []
    GuardedWrite(written.append, chunks)(b"abc")
    assert (written, chunks) == ([b"abc"], [3])


def test_content_before_the_start() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        yield b"o"
        start_response("200 OK", [])

    with warned((WSGIWarning, "before it called start_response")):
        run(app)


def test_guarded_iterator() -> None:
    closed: list[int] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"ab", b"c"])

        def close(self) -> None:
            closed.append(1)

    headers = Headers([("Content-Length", "3")])
    chunks: list[int] = []
    body = GuardedIterator(Body(), (200, headers), chunks)
    assert iter(body) is body
    assert (body.closed, body.headers_set, body.chunks) == (False, (200, headers), chunks)
    assert list(body) == [b"ab", b"c"]
    assert chunks == [2, 1]
    with warned():
        body.close()
    assert (body.closed, closed) == (True, [1])
    with warned((WSGIWarning, "after it was closed")), pytest.raises(StopIteration):
        next(body)


def test_a_body_that_is_never_closed() -> None:
    gc.collect()  # what others left is theirs
    with warned((WSGIWarning, "never closed")):
        GuardedIterator([], (200, Headers()), [])
        gc.collect()


def test_a_body_that_cannot_be_iterated() -> None:
    with warned(), pytest.raises(TypeError):
        GuardedIterator(None, (200, Headers()), [])  # type: ignore[arg-type]


def test_input_stream() -> None:
    stream = InputStream(io.BytesIO(b"one\ntwo\nthree"))
    with warned():
        assert stream.read(1) == b"o"
    with warned((WSGIWarning, "without a size")):
        assert stream.readline() == b"ne\n"
    with warned((WSGIWarning, "need not take a size")):
        assert stream.readline(2) == b"tw"
    with pytest.raises(TypeError):
        stream.readline(1, 2)
    with warned():
        assert list(stream) == [b"o\n", b"three"]
    with warned((WSGIWarning, "wait for ever")):
        assert stream.read() == b""
    with warned((WSGIWarning, "one argument")), pytest.raises(TypeError):
        stream.read(1, 2)
    with warned((WSGIWarning, "closed wsgi.input")):
        stream.close()
    with warned((WSGIWarning, "cannot be iterated")):
        assert list(InputStream(object())) == []  # type: ignore[arg-type]


def test_error_stream() -> None:
    log = io.StringIO()
    stream = ErrorStream(log)
    with warned():
        stream.write("a")
        stream.writelines(["b", "c"])
        stream.flush()
    assert log.getvalue() == "abc"
    with warned((WSGIWarning, "wsgi.errors.write()")), pytest.raises(TypeError):
        stream.write(b"a")  # type: ignore[arg-type]
    with warned((WSGIWarning, "closed wsgi.errors")):
        stream.close()
    assert log.closed


def test_what_the_application_gets() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        assert type(environ["wsgi.input"]) is InputStream
        assert type(environ["wsgi.errors"]) is ErrorStream
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"file"))

    with warned():
        assert run(app) == [b"file"]


def test_warnings_are_at_the_line_of_who_did_it() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200", [])
        environ["wsgi.input"].read()
        return [b""]

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        run(LintMiddleware(app))
        check_type("name", 5)
    assert len(found) > 2
    assert {warning.filename for warning in found} == {__file__}
