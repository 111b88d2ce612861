from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.exceptions import SecurityError
from dovetail.gateway.files import FileRange
from dovetail.toolkit.response import Response
from dovetail.toolkit.wsgi import (
    ClosingIterator,
    FileWrapper,
    RangeWrapper,
    get_content_length,
    get_current_url,
    get_host,
    get_path_info,
    responder,
    server_of,
    wrap_file,
    wrap_range,
)


class Source:
    """An iterable that notes what is done to it."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.events: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    def close(self) -> None:
        self.events.append("closed")


def test_closing_iterator_closes_the_iterable_first() -> None:
    source = Source(b"a", b"b")
    events = source.events
    closing = ClosingIterator(source, [lambda: events.append("1"), lambda: events.append("2")])
    assert iter(closing) is closing
    assert ([*closing], events) == ([b"a", b"b"], [])
    closing.close()
    assert events == ["closed", "1", "2"]


def test_closing_iterator_takes_one_callback_or_none() -> None:
    events: list[str] = []
    closing = ClosingIterator([b"a"], lambda: events.append("1"))
    assert next(closing) == b"a"
    closing.close()
    ClosingIterator([b"a"]).close()
    assert events == ["1"]


def test_closing_iterator_of_a_generator_runs_its_end() -> None:
    events = []

    def generate() -> Iterator[bytes]:
        try:
            yield b"a"
        finally:
            events.append("end")

    closing = ClosingIterator(generate())
    next(closing)
    closing.close()
    assert events == ["end"]


def test_closing_iterator_refuses_what_cannot_be_iterated() -> None:
    with pytest.raises(TypeError):
        ClosingIterator(5)  # type: ignore[arg-type]


def environ_of(**fields: Any) -> WSGIEnvironment:
    return {
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "example.org",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SCRIPT_NAME": "/root",
        "PATH_INFO": "/a b",
        "QUERY_STRING": "q=1",
        **fields,
    }


def test_wrap_file_asks_the_server() -> None:
    def wrapper(file: Any, size: int) -> Any:
        return [file, size]

    environ = environ_of(**{"wsgi.file_wrapper": wrapper})
    file = io.BytesIO()
    assert wrap_file(environ, file) == [file, 8192]
    assert wrap_file(environ, file, 5) == [file, 5]


def test_wrap_file_has_its_own_wrapper() -> None:
    wrapped = wrap_file({}, io.BytesIO(b"abcd"), 3)
    assert isinstance(wrapped, FileWrapper)
    assert wrapped.buffer_size == 3
    assert [*wrapped] == [b"abc", b"d"]
    wrapped.close()
    assert wrapped.file.closed


def test_file_wrapper_moves() -> None:
    wrapper = FileWrapper(io.BytesIO(b"abcd"))
    wrapper.seek(1)
    assert (wrapper.seekable(), wrapper.tell(), next(wrapper)) == (True, 1, b"bcd")


CONTENT = bytes(range(50))


@given(
    st.lists(st.binary(max_size=5)), st.integers(0, 30), st.one_of(st.none(), st.integers(-1, 30))
)
def test_range_is_the_slice(pieces: list[bytes], start: int, size: int | None) -> None:
    whole = b"".join(pieces)
    expected = whole[start:] if size is None else whole[start : start + max(0, size)]
    assert b"".join(RangeWrapper(pieces, start, size)) == expected
    wrapper = FileWrapper(io.BytesIO(whole), 4)
    assert b"".join(RangeWrapper(wrapper, start, size)) == expected
    if size is not None and size >= 0:
        assert b"".join(wrap_range(FileWrapper(io.BytesIO(whole), 4), start, size)) == expected


def test_range_of_a_file_is_moved_to() -> None:
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            block = super().read(size)
            Counting.taken += len(block)
            return block

    part = RangeWrapper(FileWrapper(Counting(CONTENT), 10), 40, 5)
    assert part.seekable
    assert [*part] == [CONTENT[40:45]]
    assert Counting.taken == 10


def test_range_reads_no_further_than_it_has_to() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"abc"

    part = RangeWrapper(endless(), 4, 4)
    assert not part.seekable
    assert b"".join(part) == b"bcab"


def test_range_closes_what_it_wraps() -> None:
    source = Source(b"a")
    RangeWrapper(source).close()
    assert source.events == ["closed"]
    RangeWrapper([b"a"]).close()


def test_range_of_a_wrapped_file_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with path.open("rb") as file:
        part = wrap_range(FileWrapper(file, 4), 7, 9)
        assert isinstance(part, FileRange)
        assert b"".join(part) == CONTENT[7:16]
        part.close()
        assert file.closed


def test_range_of_a_file_that_claims_too_much() -> None:
    class Liar:
        content = io.BytesIO(CONTENT)

        def read(self, size: int) -> bytes:
            return self.content.read(size)

        def seekable(self) -> bool:
            return not Liar.asked

        def seek(self, position: int) -> None:
            Liar.asked = True
            raise OSError("no")

        asked = False

    assert b"".join(wrap_range(FileWrapper(Liar()), 7, 9)) == CONTENT[7:16]


def test_responder_calls_what_is_returned() -> None:
    started: list[Any] = []

    @responder
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """The answer."""
        return Response("hello")

    def start_response(*args: Any) -> Any:
        started.append(args)

    assert [*application({"REQUEST_METHOD": "GET"}, start_response)] == [b"hello"]
    assert started[0][0] == "200 OK"
    assert application.__doc__ == "The answer."


def test_responder_of_a_method() -> None:
    def answer(self: Any, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        return lambda environ, start_response: [self, environ, start_response]

    class Site:
        application: Any = responder(answer)

    site = Site()
    assert site.application("environ", "start") == [site, "environ", "start"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("localhost", 80)),
        ({"SERVER_PORT": "no number"}, ("localhost", None)),
        ({"SERVER_PORT": ""}, ("localhost", None)),
        ({"SERVER_NAME": None}, None),
    ],
)
def test_server(fields: dict[str, Any], expected: Any) -> None:
    assert server_of(environ_of(**fields)) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"HTTP_HOST": "example.org:80"}, "example.org"),
        ({"HTTP_HOST": "example.org:8080"}, "example.org:8080"),
        ({"HTTP_HOST": "example.org:443", "wsgi.url_scheme": "https"}, "example.org"),
        ({"HTTP_HOST": None}, "localhost"),
        ({"HTTP_HOST": None, "SERVER_PORT": "8080"}, "localhost:8080"),
    ],
)
def test_host(fields: dict[str, Any], expected: str) -> None:
    assert get_host(environ_of(**fields)) == expected


def test_host_has_to_be_trusted() -> None:
    assert get_host(environ_of(), trusted_hosts=[".example.org"]) == "example.org"
    with pytest.raises(SecurityError):
        get_host(environ_of(), trusted_hosts=["example.com"])
    with pytest.raises(SecurityError):
        get_current_url(environ_of(), trusted_hosts=["example.com"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "http://example.org/root/a%20b?q=1"),
        ({"strip_querystring": True}, "http://example.org/root/a%20b"),
        ({"root_only": True}, "http://example.org/root/"),
        ({"host_only": True}, "http://example.org/"),
    ],
)
def test_current_url(arguments: dict[str, bool], expected: str) -> None:
    assert get_current_url(environ_of(), **arguments) == expected  # type: ignore[arg-type]


def test_current_url_is_an_iri() -> None:
    environ = environ_of(
        HTTP_HOST="xn--mller-kva.example",
        SCRIPT_NAME="/ä".encode().decode("latin-1"),
        PATH_INFO="/ö".encode().decode("latin-1"),
        QUERY_STRING="q=%C3%BC",
    )
    assert get_current_url(environ) == "http://müller.example/ä/ö?q=ü"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"CONTENT_LENGTH": "12"}, 12),
        ({"CONTENT_LENGTH": "-12"}, 0),
        ({"CONTENT_LENGTH": "1_2"}, 0),
        ({"CONTENT_LENGTH": "no number"}, 0),
        ({"CONTENT_LENGTH": "12", "HTTP_TRANSFER_ENCODING": "chunked"}, None),
    ],
)
def test_content_length(fields: dict[str, str], expected: int | None) -> None:
    assert get_content_length(environ_of(**fields)) == expected


def test_path_info() -> None:
    assert get_path_info(environ_of()) == "/a b"
    assert get_path_info({"PATH_INFO": "/\xc3\xb6"}) == "/ö"
    assert get_path_info({"PATH_INFO": "/\xff"}) == "/\N{REPLACEMENT CHARACTER}"
    assert get_path_info({}) == ""
