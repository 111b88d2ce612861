"""What start_response refuses, and when it may be called again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests.gateway.recorder import call, make_request
from tests.gateway.results import assert_is_500, returning

from dovetail.gateway import ApplicationError
from dovetail.http1 import ResponseError

GET = make_request()
GET10 = make_request(http11=False)
HEAD = make_request("HEAD")
MIB = 1 << 20


# What start_response refuses


INJECTIONS = ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "a\x7fb", "a\x1bb", "\r\n"]


@pytest.mark.parametrize("text", INJECTIONS)
def test_control_characters_are_refused_in_values(text: str) -> None:
    assert_is_500(call(returning([b"x"], ("X-Name", text))))


@pytest.mark.parametrize("text", INJECTIONS)
def test_control_characters_are_refused_in_the_status(text: str) -> None:
    assert_is_500(call(returning([b"x"], status=f"200 {text}")))


@pytest.mark.parametrize("text", [*INJECTIONS, "", "a b", "a:", "a:b", "caf\xe9", "\u2192", "(a)"])
def test_name_must_be_a_token(text: str) -> None:
    assert_is_500(call(returning([b"x"], (text, "v"))))


@pytest.mark.parametrize("text", ["\u2192", "\ud800"])
def test_values_beyond_latin_1_are_refused(text: str) -> None:
    assert_is_500(call(returning([b"x"], ("X-Name", text))))
    assert_is_500(call(returning([b"x"], status=f"200 {text}")))


@pytest.mark.parametrize(
    "status",
    [
        "",
        "20 OK",
        "2000 OK",
        "abc",
        "-20 OK",
        "000 No",
        "OK 200",
        "200OK",
        " 200 OK",
        "\u0662\u0660\u0660 OK",
    ],
)
def test_status_must_be_a_code_and_a_reason(status: str) -> None:
    assert_is_500(call(returning([b"x"], status=status)))


@pytest.mark.parametrize("status", [200, b"200 OK", None])
def test_status_must_be_a_native_string(status: Any) -> None:
    assert_is_500(call(returning([b"x"], status=status)))


@pytest.mark.parametrize("status", ["100 Continue", "101 Switching Protocols", "103 Early Hints"])
def test_interim_status_is_refused(status: str) -> None:
    assert_is_500(call(returning([b"x"], status=status)))


@pytest.mark.parametrize(
    "field",
    [(b"X", "v"), ("X", b"v"), ("X", 1), ("X", None), (1, "v"), ("X",), "XV!", ("X", "v", 1)],
)
def test_field_must_be_two_native_strings(field: Any) -> None:
    assert_is_500(call(returning([b"x"], field)))


@pytest.mark.parametrize("fields", [None, 5, object()])
def test_fields_must_be_a_list(fields: Any) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", fields)
        return []

    assert_is_500(call(app))


@pytest.mark.parametrize(
    "name",
    [
        *("Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer"),
        *("Transfer-Encoding", "Upgrade", "Proxy-Connection", "transfer-ENCODING"),
    ],
)
def test_hop_by_hop_fields_are_left_out(name: str) -> None:
    outcome = call(returning([b"x"], (name, "chunked"), ("X", "y")))
    assert (outcome.reply.status, outcome.reply.content) == (200, b"x")
    assert outcome.reply["x"] == "y"
    assert name.lower() not in outcome.reply
    assert outcome.reports == []


def test_a_transfer_coding_of_the_application_is_refused() -> None:
    assert_is_500(call(returning([b"x"], ("Transfer-Encoding", "gzip"))))


@pytest.mark.parametrize("value", ["X-Other", "close, X-Other", ""])
def test_connection_options_are_refused(value: str) -> None:
    assert_is_500(call(returning([b"x"], ("Connection", value))))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "-1",
        "+1",
        "1.0",
        "0x1",
        "1_0",
        " 1",
        "1 ",
        "1,1",
        "1, 1",
        "one",
        "\u0661",
        "\xb2",
        "9" * 30,
    ],
)
def test_malformed_content_length_is_refused(value: str) -> None:
    assert_is_500(call(returning([b"x"], ("Content-Length", value))))


@pytest.mark.parametrize("value", ["1", "2"])
def test_doubled_content_length_is_refused(value: str) -> None:
    fields = [("Content-Length", "1"), ("content-length", value)]
    assert_is_500(call(returning([b"x"], *fields)))


def test_refused_start_response_may_be_tried_again() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        with pytest.raises(ResponseError):
            start_response("200 OK", [("Connection", "close"), ("Content-Length", "x")])
        start_response("201 Created", [])
        return [b"x"]

    outcome = call(app)
    assert outcome.reply.status == 201
    assert outcome.exchange.keep_alive


# start_response twice


def start_twice(*exc_info: Any) -> Any:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        start_response("202 Accepted", [], *exc_info)
        return [b"x"]

    return app


@pytest.mark.parametrize("exc_info", [(), (None,), ((None, None, None),)])
def test_start_response_twice_without_exc_info(exc_info: tuple[Any, ...]) -> None:
    outcome = call(start_twice(*exc_info))
    assert_is_500(outcome)
    assert "twice" in outcome.reports[0][1]


def test_start_response_twice_raises_in_the_application() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("X-First", "1")])
        with pytest.raises(ApplicationError):
            start_response("202 Accepted", [])
        return [b"x"]

    reply = call(app).reply
    assert (reply.status, reply["x-first"]) == (200, "1")


def test_exc_info_is_raised_again_once_the_head_is_out() -> None:
    raised = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        try:
            raise LookupError("original")
        except LookupError as error:
            try:
                start_response("500 Oops", [], sys.exc_info())
            except LookupError as again:
                raised.append(again is error)
                raise

    outcome = call(app)
    assert raised == [True]
    assert outcome.transport.broken == "abort"
    assert outcome.partial.status == 200
    assert outcome.partial.content == b"first"
    assert not outcome.partial.complete
    assert outcome.reports == [("the application failed", "original")]


def test_start_response_without_exc_info_once_the_head_is_out() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        start_response("200 OK", [])

    assert call(app).transport.broken == "abort"
