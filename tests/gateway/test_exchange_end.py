"""The end of an exchange: close(), what comes behind it, and the socket taken over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.recorder import RecordingTransport, call, make_request
from tests.gateway.results import Result, assert_is_500, returning

from dovetail.gateway import ApplicationError, FileWrapper
from dovetail.http1 import Request, ResponseError

GET = make_request()
GET10 = make_request(http11=False)
HEAD = make_request("HEAD")
MIB = 1 << 20


# close() exactly once


CLOSING: dict[str, tuple[Any, Request, RecordingTransport | None]] = {
    "plain": (Result([b"a", b"b"]), GET, None),
    "empty": (Result([]), GET, None),
    "head": (Result([b"a", b"b"]), HEAD, None),
    "error": (Result([b"a"], error=ValueError()), GET, None),
    "error-first": (Result([], error=ValueError()), GET, None),
    "exit": (Result([b"a"], error=SystemExit()), GET, None),
    "text": (Result(["text"]), GET, None),  # type: ignore[list-item]
    "gone": (Result([b"a"] * 3), GET, RecordingTransport(leaves_after=0)),
    "gone-later": (Result([b"a"] * 30), GET, RecordingTransport(leaves_after=150)),
    "close-fails": (Result([b"a"], close_error=ValueError()), GET, None),
    "both-fail": (Result([b"a"], error=ValueError(), close_error=OSError()), GET, None),
    "gone-and-close-fails": (
        Result([b"a"], close_error=ValueError()),
        GET,
        RecordingTransport(leaves_after=0),
    ),
}


@pytest.mark.parametrize(("result", "request_", "transport"), CLOSING.values(), ids=CLOSING)
def test_close_is_called_once_and_last(
    result: Result, request_: Request, transport: RecordingTransport | None
) -> None:
    call(returning(result), request_, transport=transport)
    assert result.closes == 1
    assert result.events[-1] == "close"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "205 Reset Content"])
def test_close_is_called_for_codes_without_content(status: str) -> None:
    result = Result([b"a", b"b"])
    assert call(returning(result, status=status)).reply.content == b""
    assert result.closes == 1


@pytest.mark.parametrize("length", ["0", "1", "100", "x"])
def test_close_is_called_whatever_the_length(length: str) -> None:
    result = Result([b"ab", b"cd"])

    def app(environ: Any, start_response: Any) -> Result:
        if length == "x":
            return result  # start_response was never called
        start_response("200 OK", [("Content-Length", length)])
        return result

    call(app)
    assert result.closes == 1


def test_close_is_called_without_iteration() -> None:
    class Closing:
        closes = 0

        def close(self) -> None:
            self.closes += 1

    result = Closing()
    assert_is_500(call(returning(result)))
    assert result.closes == 1


class ClosingList(list[bytes]):
    closes = 0

    def close(self) -> None:
        self.closes += 1


def test_close_of_a_list() -> None:
    result = ClosingList([b"ab"])
    assert call(returning(result)).reply.content == b"ab"
    assert result.closes == 1


@pytest.mark.parametrize("sends_files", [True, False])
@pytest.mark.parametrize("request_", [GET, HEAD])
def test_close_of_a_file_wrapper(tmp_path: Path, sends_files: bool, request_: Request) -> None:
    closes = []

    class Wrapper(FileWrapper):
        def close(self) -> None:
            closes.append(1)
            super().close()

    (tmp_path / "file").write_bytes(b"abc")
    file = (tmp_path / "file").open("rb")
    transport = RecordingTransport(sends_files=sends_files)
    outcome = call(returning(Wrapper(file)), request_, transport=transport)
    assert outcome.reply.content == (b"abc" if request_ is GET else b"")
    assert closes == [1]
    assert file.closed


def test_close_of_a_generator_runs_its_finally() -> None:
    events = []

    def generate() -> Iterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            events.append("finally")

    call(returning(generate()), HEAD)
    assert events == ["finally"]


def test_error_in_close_does_not_harm_a_complete_response() -> None:
    for parts in ([b"ab"], [b"a", b"b"]):
        result = Result(parts, close_error=ValueError("secret"))
        outcome = call(returning(result))
        assert outcome.reply.content == b"ab"
        assert outcome.reports == [("the application failed", "secret")]
        assert outcome.exchange.keep_alive


def test_error_in_close_behind_another_error_is_no_500_twice() -> None:
    result = Result([], error=ValueError("first"), close_error=ValueError("second"))
    outcome = call(returning(result))
    assert_is_500(outcome)
    assert "second" in outcome.reports[0][1]


# Behind the response


def test_write_behind_the_end_is_refused() -> None:
    """Otherwise its octets would pass for the next response."""
    kept: list[Any] = []
    refused: list[BaseException] = []

    class Late:
        def __iter__(self) -> Iterator[bytes]:
            yield b"all"

        def close(self) -> None:
            with pytest.raises(ApplicationError) as caught:
                kept[0](b"late")
            refused.append(caught.value)

    def app(environ: Any, start_response: Any) -> Late:
        kept.append(start_response("200 OK", []))
        return Late()

    outcome = call(app)
    assert outcome.reply.content == b"all"
    with pytest.raises(ApplicationError):
        kept[0](b"later still")
    assert len(refused) == 1
    assert outcome.reply.content == b"all"


def test_start_response_and_hints_behind_the_end() -> None:
    kept: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        kept.extend([start_response, environ["wsgi.early_hints"]])
        start_response("200 OK", [])
        return [b"all"]

    outcome = call(app)
    start_response, early_hints = kept
    with pytest.raises(ApplicationError):
        start_response("200 OK", [])
    with pytest.raises(ValueError, match="mine"):
        start_response("500 Oops", [], (ValueError, ValueError("mine"), None))
    early_hints([("Link", "</a>")])
    assert outcome.reply.content == b"all"
    assert outcome.exchange.status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        [("Content-Length", "1")],
        [("Link", "a\r\nb")],
        [("Connection", "close")],
        [("X", 1)],
        [("", "")],
    ],
)
def test_early_hints_are_checked(fields: Any) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        with pytest.raises(ResponseError):
            environ["wsgi.early_hints"](fields)
        start_response("200 OK", [])
        return []

    outcome = call(app)
    assert outcome.reply.interim == []


# The socket is taken over


def test_nothing_is_sent_once_the_socket_is_taken() -> None:
    results: list[Any] = [[], [b"x"], iter([b"x"]), iter([])]
    for result in results:

        def app(environ: Any, start_response: Any, result: Any = result) -> Any:
            environ["test.detach"]()
            return result

        outcome = call(app)
        assert outcome.exchange.detached
        assert outcome.octets == b""
        assert not outcome.exchange.keep_alive
        assert outcome.transport.calls == []
        assert outcome.reports == []


@pytest.mark.parametrize("answers", [True, False])
def test_socket_taken_in_the_middle_of_a_generator(answers: bool) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        environ["test.detach"]()
        if answers:
            yield b"nobody gets this"

    outcome = call(app)
    assert outcome.exchange.detached
    assert outcome.octets == b""
    assert outcome.reports == []


def test_start_response_and_write_behind_the_detaching() -> None:
    """Frameworks answer something for form's sake."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["test.detach"]()
        write = start_response("200 OK", [])
        with pytest.raises(ApplicationError):
            write(b"x")
        return [b"y"]

    outcome = call(app)
    assert outcome.octets == b""
    assert outcome.reports == []


def test_socket_cannot_be_taken_once_the_response_has_begun() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"x"
        with pytest.raises(ApplicationError):
            environ["test.detach"]()

    outcome = call(app)
    assert not outcome.exchange.detached
    assert outcome.reply.content == b"x"


def test_error_behind_the_detaching_is_reported_and_sends_nothing() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["test.detach"]()
        raise ValueError("secret")

    result = Result([b"x"], close_error=ValueError("secret"))

    def closing(environ: Any, start_response: Any) -> Result:
        environ["test.detach"]()
        return result

    for application in (app, closing):
        outcome = call(application)
        assert outcome.octets == b""
        assert len(outcome.reports) == 1
    assert result.closes == 1


def test_the_end_of_a_detached_connection_is_no_failure() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["test.detach"]()
        raise ConnectionError

    outcome = call(app)
    assert outcome.octets == b""
    assert outcome.reports == []


def test_a_connection_error_of_an_application_is_one() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise ConnectionError("some other server")

    outcome = call(app)
    assert outcome.octets.startswith(b"HTTP/1.1 500 ")
    assert len(outcome.reports) == 1
