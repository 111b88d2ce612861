from __future__ import annotations

from itertools import product

import pytest

from dovetail.http1.errors import (
    BadRequest,
    ContentTooLarge,
    ExpectationFailed,
    MethodNotImplemented,
    ProtocolError,
)
from dovetail.http1.framing import Framing, frame_request
from dovetail.http1.limits import Limits

HOST = ("host", "a.test")


def frame(
    *fields: tuple[str, str], version: str = "HTTP/1.1", limits: Limits | None = None
) -> Framing:
    return frame_request(version, [HOST, *fields], limits or Limits())


def test_plain_request() -> None:
    assert frame(("accept", "*/*")) == Framing("a.test", 0, True, False, "")


LENGTHS = {"": 0, "0": 0, "5": 5, "x": None, "5, 5": None}
CODINGS = {
    "": 0,
    "chunked": 0,
    "Chunked": 0,
    "gzip": 400,
    "gzip, chunked": 501,
    "chunked, chunked": 400,
}


@pytest.mark.parametrize(
    ("version", "first", "second", "coding"),
    list(product(["HTTP/1.1", "HTTP/1.0"], LENGTHS, LENGTHS, CODINGS)),
)
@pytest.mark.parametrize("codings_first", [False, True])
def test_every_combination_of_length_and_coding(
    version: str, first: str, second: str, coding: str, codings_first: bool
) -> None:
    """There is one way to a length each for no content, Content-Length and chunked."""
    lengths = [("content-length", value) for value in (first, second) if value]
    codings = [("transfer-encoding", coding)] if coding else []
    fields = codings + lengths if codings_first else lengths + codings

    def status() -> int:
        if codings and (lengths or version == "HTTP/1.0"):
            return 400
        if codings:
            return CODINGS[coding]
        return 400 if len(lengths) > 1 or any(LENGTHS[value] is None for _, value in lengths) else 0

    if status():
        with pytest.raises(ProtocolError) as caught:
            frame(*fields, version=version)
        assert caught.value.status == status()
        return
    expected = None if codings else LENGTHS[lengths[0][1]] if lengths else 0
    assert frame(*fields, version=version).length == expected


@pytest.mark.parametrize("fields", [[], [HOST, HOST], [HOST, ("host", "b.test")], [("host", "")]])
def test_host_missing_doubled_or_empty(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(BadRequest):
        frame_request("HTTP/1.1", fields, Limits())


def test_http10_needs_no_host() -> None:
    assert frame_request("HTTP/1.0", [], Limits()).host == ""


@pytest.mark.parametrize("length", ["11", "99999999999999999999", "9" * 8000])
def test_length_over_the_limit(length: str) -> None:
    with pytest.raises(ContentTooLarge):
        frame(("content-length", length), limits=Limits(body=10))


@pytest.mark.parametrize("length", ["10", "0" * 8000 + "10"])
def test_length_at_the_limit(length: str) -> None:
    assert frame(("content-length", length), limits=Limits(body=10)).length == 10


def test_without_a_limit_a_length_still_fits_an_integer() -> None:
    unlimited = Limits(body=None)
    assert frame(("content-length", "9" * 18), limits=unlimited).length == 10**18 - 1
    with pytest.raises(ContentTooLarge):
        frame(("content-length", "9" * 19), limits=unlimited)


@pytest.mark.parametrize(
    ("version", "connection", "expected"),
    [
        ("HTTP/1.1", None, True),
        ("HTTP/1.1", "close", False),
        ("HTTP/1.1", "Close", False),
        ("HTTP/1.1", "keep-alive", True),
        ("HTTP/1.1", "keep-alive, close", False),
        ("HTTP/1.1", "x-close", True),
        ("HTTP/1.1", '"close"', True),
        ("HTTP/1.0", None, False),
        ("HTTP/1.0", "keep-alive", True),
        ("HTTP/1.0", "Keep-Alive , x", True),
        ("HTTP/1.0", "close, keep-alive", False),
        ("HTTP/1.0", "x", False),
    ],
)
def test_keep_alive(version: str, connection: str | None, expected: bool) -> None:
    fields = [] if connection is None else [("connection", connection)]
    assert frame(*fields, version=version).keep_alive is expected


BODY = ("content-length", "1")


@pytest.mark.parametrize(
    ("version", "fields", "expected"),
    [
        ("HTTP/1.1", [("expect", "100-continue"), BODY], True),
        ("HTTP/1.1", [("expect", "100-CONTINUE"), BODY], True),
        ("HTTP/1.1", [("expect", "100-continue, 100-continue"), BODY], True),
        ("HTTP/1.1", [("expect", "100-continue"), ("transfer-encoding", "chunked")], True),
        ("HTTP/1.1", [("expect", "100-continue")], False),
        ("HTTP/1.1", [("expect", "100-continue"), ("content-length", "0")], False),
        ("HTTP/1.1", [("expect", ""), BODY], False),
        ("HTTP/1.1", [BODY], False),
        ("HTTP/1.0", [("expect", "100-continue"), BODY], False),
        ("HTTP/1.0", [("expect", "x"), BODY], False),
    ],
)
def test_expectations(version: str, fields: list[tuple[str, str]], expected: bool) -> None:
    assert frame(*fields, version=version).expects_continue is expected


@pytest.mark.parametrize(
    "value", ["x", "100-continue, x", "100-continue;q=1", "100", '"100-continue"']
)
def test_unknown_expectations(value: str) -> None:
    with pytest.raises(ExpectationFailed):
        frame(("expect", value), BODY)


@pytest.mark.parametrize(
    ("version", "fields", "expected"),
    [
        ("HTTP/1.1", [("upgrade", "websocket"), ("connection", "Upgrade")], "websocket"),
        ("HTTP/1.1", [("upgrade", "a"), ("upgrade", "b"), ("connection", "x, upgrade")], "a, b"),
        ("HTTP/1.1", [("upgrade", "websocket")], ""),
        ("HTTP/1.1", [("upgrade", "websocket"), ("connection", "upgraded")], ""),
        ("HTTP/1.1", [("connection", "upgrade")], ""),
        ("HTTP/1.0", [("upgrade", "websocket"), ("connection", "upgrade")], ""),
    ],
)
def test_upgrade(version: str, fields: list[tuple[str, str]], expected: str) -> None:
    assert frame(*fields, version=version).upgrade == expected


def test_a_coding_that_is_not_understood() -> None:
    with pytest.raises(MethodNotImplemented):
        frame(("transfer-encoding", "gzip"), ("transfer-encoding", "chunked"))
