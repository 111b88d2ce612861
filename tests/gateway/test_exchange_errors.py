"""What PEP 3333 says about a response, where something goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.recorder import RecordingTransport, call, make_request
from tests.gateway.results import Result, assert_is_500, returning

from dovetail.gateway import ClientDisconnected, FileWrapper
from dovetail.http1 import Request

GET = make_request()
GET10 = make_request(http11=False)
HEAD = make_request("HEAD")
MIB = 1 << 20


# An error before anything was sent: 500


@pytest.mark.parametrize(
    "error", [ValueError("secret"), SystemExit("secret"), KeyboardInterrupt(), GeneratorExit()]
)
def test_error_of_the_application_is_a_500(error: BaseException) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise error

    outcome = call(app)
    assert_is_500(outcome)
    assert outcome.exchange.keep_alive


def test_error_behind_start_response_leaves_nothing_of_it() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        fields = [("X-Secret", "1"), ("Content-Length", "3"), ("Connection", "close")]
        start_response("200 OK", fields)
        raise ValueError("secret")

    outcome = call(app)
    assert_is_500(outcome)
    assert "x-secret" not in outcome.reply
    assert outcome.exchange.keep_alive


def test_error_in_the_first_step_of_a_generator_is_a_500() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b""
        raise ValueError("secret")

    assert_is_500(call(app))


def test_500_has_no_content_for_head() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise ValueError("secret")

    outcome = call(app, HEAD)
    assert_is_500(outcome)
    assert outcome.reply.content == b""
    assert int(outcome.reply["content-length"]) > 0


@pytest.mark.parametrize("result", [[b"x"], iter([b"x"]), [], iter([]), iter([b""])])
def test_start_response_was_never_called(result: Iterable[bytes]) -> None:
    outcome = call(lambda environ, start_response: result)
    assert_is_500(outcome)
    assert "start_response" in outcome.reports[0][1]


def test_file_without_start_response(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    file = (tmp_path / "file").open("rb")
    outcome = call(
        lambda environ, start_response: FileWrapper(file),
        transport=RecordingTransport(sends_files=True),
    )
    assert_is_500(outcome)
    assert file.closed


@pytest.mark.parametrize("result", [None, 5, object()])
def test_result_that_cannot_be_iterated(result: Any) -> None:
    assert_is_500(call(returning(result)))


@pytest.mark.parametrize("piece", ["text", bytearray(b"x"), memoryview(b"x"), 1, None])
@pytest.mark.parametrize("container", [list, tuple, iter])
def test_piece_must_be_bytes(piece: Any, container: Callable[..., Any]) -> None:
    outcome = call(returning(container([piece])))
    assert_is_500(outcome)
    assert type(piece).__name__ in outcome.reports[0][1]


@pytest.mark.parametrize("result", ["text", b"octets"])
def test_string_as_the_result(result: Any) -> None:
    assert_is_500(call(returning(result)))


def test_write_of_text() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])("text")
        return []

    assert_is_500(call(app))


# An error once something was sent: the connection is broken off


@pytest.mark.parametrize(
    ("request_", "fields", "broken"),
    [
        (GET, [], "abort"),
        (GET, [("Content-Length", "9")], "abort"),
        (GET10, [("Content-Length", "9")], "abort"),
        (GET10, [], "reset"),  # an orderly end would look like the end of the content
    ],
)
@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(1)])
def test_error_in_the_middle(
    request_: Request, fields: Any, broken: str, error: BaseException
) -> None:
    result = Result([b"one"], error=error)
    outcome = call(returning(result, *fields), request_)
    assert outcome.transport.broken == broken
    assert outcome.exchange.aborted
    assert not outcome.exchange.keep_alive
    assert outcome.octets.count(b"HTTP/1.1 ") == 1
    assert outcome.partial.content == b"one"
    assert outcome.exchange.status_code == 200
    assert len(outcome.reports) == 1
    assert result.closes == 1


def test_error_behind_write() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])(b"one")
        raise ValueError("secret")

    outcome = call(app)
    assert outcome.transport.broken == "abort"
    assert not outcome.partial.complete


@pytest.mark.parametrize("piece", ["text", bytearray(b"x"), None])
def test_piece_that_is_no_bytes_in_the_middle(piece: Any) -> None:
    outcome = call(returning(iter([b"one", piece])))
    assert outcome.transport.broken == "abort"
    assert outcome.partial.content == b"one"


# Content and Content-Length disagree


@pytest.mark.parametrize("parts", [[b"abcd"], [b"ab", b"cd"], [b"a", b"bcd"], [b"abc", b"d"]])
@pytest.mark.parametrize("length", [0, 1, 3])
@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_surplus_is_cut_off(parts: list[bytes], length: int, kind: Callable[..., Any]) -> None:
    outcome = call(returning(kind(parts), ("Content-Length", str(length))))
    assert outcome.reply.content == b"abcd"[:length]
    assert outcome.exchange.content_length == length
    assert len(outcome.reports) == 1


def test_surplus_is_reported_once_and_ends_the_iteration() -> None:
    result = Result([b"ab", b"cd", b"ef", b"gh"])
    outcome = call(returning(result, ("Content-Length", "3")))
    assert outcome.reply.content == b"abc"
    assert [text for text, _ in outcome.reports] == [
        "the application sent more than its Content-Length; cut off"
    ]
    assert result.events == ["next", "close"]


def test_surplus_by_write() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [("Content-Length", "3")])
        write(b"abcd")
        write(b"efgh")
        return [b"ijkl"]

    outcome = call(app)
    assert outcome.reply.content == b"abc"
    assert len(outcome.reports) == 1


@pytest.mark.parametrize("body", [[], [b"abc"], (b"a", b"b"), iter([]), iter([b""])])
def test_shortfall_seen_in_time_is_a_500(body: Any) -> None:
    outcome = call(returning(body, ("Content-Length", "10")))
    assert_is_500(outcome)
    assert outcome.exchange.keep_alive
    assert outcome.exchange.content_length == len(outcome.reply.content)


@pytest.mark.parametrize("request_", [GET, GET10])
def test_shortfall_seen_late_breaks_the_connection_off(request_: Request) -> None:
    result = Result([b"abc"])
    outcome = call(returning(result, ("Content-Length", "10")), request_)
    assert outcome.transport.broken == "abort"
    assert outcome.partial.content == b"abc"
    assert not outcome.partial.complete
    assert result.events == ["next", "close"]
    assert "7 octets short" in outcome.reports[0][1]


def test_shortfall_behind_write() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "10")])(b"abc")
        return [b"def"]

    outcome = call(app)
    assert outcome.transport.broken == "abort"
    assert not outcome.partial.complete


# The client leaves


@pytest.mark.parametrize("leaves_after", [0, 200])
def test_client_leaves_while_pieces_are_sent(leaves_after: int) -> None:
    result = Result([b"x" * 100] * 5)
    transport = RecordingTransport(leaves_after=leaves_after)
    outcome = call(returning(result), transport=transport)
    assert transport.broken == "abort"
    assert result.closes == 1
    assert result.events[-1] == "close"
    assert outcome.reports == []  # that is no error of the application's
    assert outcome.exchange.aborted


@pytest.mark.parametrize("size", [1, MIB])
def test_client_leaves_before_a_list_is_sent(size: int) -> None:
    transport = RecordingTransport(leaves_after=0)
    outcome = call(returning([b"x" * size]), transport=transport)
    assert transport.broken == "abort"
    assert outcome.reports == []


def test_client_leaves_before_a_file_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    for leaves_after in (0, 300, 1150):
        with (tmp_path / "file").open("rb") as file:
            transport = RecordingTransport(sends_files=True, leaves_after=leaves_after)
            outcome = call(returning(FileWrapper(file)), transport=transport)
            assert file.closed
            assert outcome.reports == []


def test_write_tells_the_application_that_the_client_left() -> None:
    seen = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        try:
            write(b"x")
        except OSError as error:
            seen.append(type(error))
            raise
        return []

    outcome = call(app, transport=RecordingTransport(leaves_after=0))
    assert seen == [ClientDisconnected]
    assert outcome.reports == []


def test_application_that_goes_on_behind_a_client_that_left() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        with pytest.raises(ClientDisconnected):
            write(b"x")
        return [b"y"]

    transport = RecordingTransport(leaves_after=0)
    assert call(app, transport=transport).exchange.aborted


def test_client_leaves_before_the_500() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise ValueError("secret")

    transport = RecordingTransport(leaves_after=0)
    outcome = call(app, transport=transport)
    assert transport.broken == "abort"
    assert len(outcome.reports) == 1


def test_client_that_leaves_while_content_is_read() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        raise ClientDisconnected("the content was cut")

    outcome = call(app)
    assert outcome.transport.broken == "abort"
    assert outcome.reports == []
    assert outcome.octets == b""
