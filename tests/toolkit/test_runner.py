"""Calling applications: what is asked of them when, and what comes back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from dovetail.data.headers import Headers
from dovetail.toolkit.runner import AppIterator, run_wsgi_app


class Content:
    """An application's result that notes what happens to it."""

    def __init__(self, *items: bytes | Exception, start: Any = None) -> None:
        self.items = iter(items)
        self.start = start
        self.taken = 0
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self.start is not None:
            self.start("201 CREATED", [("A", "late")])
            self.start = None
        item = next(self.items)
        if isinstance(item, Exception):
            raise item
        self.taken += 1
        return item

    def close(self) -> None:
        self.closed += 1


def application(content: Any) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("A", "b"), ("A", "c")])
        return content

    return app


def test_unbuffered_takes_one_piece_and_leaves_the_rest() -> None:
    content = Content(b"a", b"b", b"c")
    pieces, status, headers = run_wsgi_app(application(content), {})
    assert (content.taken, content.closed) == (1, 0)
    assert status == "200 OK"
    assert headers == Headers([("A", "b"), ("A", "c")])
    assert isinstance(pieces, AppIterator)
    assert list(pieces) == [b"a", b"b", b"c"]
    assert content.closed == 0
    pieces.close()
    pieces.close()
    assert content.closed == 1


def test_buffered_takes_all_and_closes() -> None:
    content = Content(b"a", b"b")
    pieces, _, _ = run_wsgi_app(application(content), {}, buffered=True)
    assert pieces == [b"a", b"b"]
    assert content.closed == 1


@pytest.mark.parametrize("buffered", [False, True])
def test_an_application_that_starts_late(buffered: bool) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        return Content(b"a", b"b", start=start_response)

    pieces, status, headers = run_wsgi_app(app, {}, buffered)
    assert (status, headers["A"]) == ("201 CREATED", "late")
    assert list(pieces) == [b"a", b"b"]


def test_pieces_before_the_start_are_kept() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        yield b""
        yield b"early"
        start_response("200 OK", [])
        yield b"late"
        yield b"later"

    assert list(run_wsgi_app(app, {})[0]) == [b"", b"early", b"late", b"later"]


@pytest.mark.parametrize("buffered", [False, True])
def test_written_content_keeps_its_place(buffered: bool) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [])
        write(b"1")
        yield b"2"
        write(b"3")
        yield b"4"
        write(b"5")

    pieces, _, _ = run_wsgi_app(app, {}, buffered)
    assert list(pieces) == [b"1", b"2", b"3", b"4", b"5"]


def test_written_content_of_a_list() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"1")
        return [b"2"]

    assert list(run_wsgi_app(app, {})[0]) == [b"1", b"2"]


def test_the_environ_is_copied() -> None:
    environ = {"a": 1}

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["b"] = 2
        start_response("200 OK", [])
        return []

    assert list(run_wsgi_app(app, environ)[0]) == []
    assert environ == {"a": 1}


@pytest.mark.parametrize("buffered", [False, True])
def test_an_application_that_never_starts(buffered: bool) -> None:
    content = Content(b"a")
    with pytest.raises(TypeError, match="start_response"):
        run_wsgi_app(lambda environ, start_response: content, {}, buffered)
    assert content.closed == 1


@pytest.mark.parametrize("buffered", [False, True])
def test_an_error_in_the_content_closes_it(buffered: bool) -> None:
    content = Content(KeyError("x"))
    with pytest.raises(KeyError):
        run_wsgi_app(application(content), {}, buffered)
    assert content.closed == 1


def test_an_error_that_was_handled_is_raised() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            raise KeyError("x")
        except KeyError:
            start_response("500 OOPS", [], sys.exc_info())
        return [b"page"]

    with pytest.raises(KeyError):
        run_wsgi_app(app, {})


def test_the_last_start_counts() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("A", "b")])
        start_response("300 X", [], (None, None, None))
        return []

    assert run_wsgi_app(app, {})[1:] == ("300 X", Headers())
