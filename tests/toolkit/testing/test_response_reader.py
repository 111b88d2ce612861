"""Reading responses: what is strict, and where they end."""

from __future__ import annotations

import pytest

from dovetail.toolkit.testing.response_reader import (
    BadResponse,
    Message,
    ResponseAborted,
    ResponseReader,
)


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


OK = "HTTP/1.1 200 OK"
CHUNKED = head(OK, "Transfer-Encoding: chunked")


def test_content_length_and_the_next_response() -> None:
    octets = (
        head(OK, "Content-Length: 2", "X: ä ") + b"ab" + head("HTTP/1.1 204 ", "Connection: close")
    )
    reader = ResponseReader(octets)
    assert not reader.at_end
    first = reader.read("GET")
    assert first == Message("HTTP/1.1", "200 OK", [("Content-Length", "2"), ("X", "ä")], b"ab")
    assert first.keep_alive
    second = reader.read("GET")
    assert (second.status, second.status_code, second.content) == ("204 ", 204, b"")
    assert not second.keep_alive
    assert second.values("connection") == ["close"]
    assert reader.at_end


def test_chunks() -> None:
    reader = ResponseReader(
        CHUNKED + b"2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n" + head(OK, "Content-Length: 0")
    )
    assert reader.read("GET").content == b"abc"
    assert reader.read("GET").content == b""
    assert reader.at_end


def test_until_the_end() -> None:
    reader = ResponseReader(head(OK, "Connection: close") + b"rest")
    assert reader.read("GET").content == b"rest"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_no_content_by_status(status: str) -> None:
    reader = ResponseReader(head(f"HTTP/1.1 {status}", "Content-Length: 9"))
    assert reader.read("GET").content == b""
    assert reader.at_end


def test_no_content_by_method() -> None:
    assert ResponseReader(head(OK, "Content-Length: 9")).read("HEAD").content == b""


def test_interim_responses() -> None:
    octets = head("HTTP/1.1 100 Continue") + head("HTTP/1.1 103 Early Hints", "Link: <a>")
    message = ResponseReader(octets + head(OK, "Content-Length: 0")).read("GET")
    assert message.interim == [("100 Continue", []), ("103 Early Hints", [("Link", "<a>")])]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        head(OK, "Content-Length: 3") + b"ab",
        CHUNKED,
        CHUNKED + b"2\r\na",
        CHUNKED + b"2\r\nab\r\n0\r\n",
        head("HTTP/1.1 100 Continue"),
    ],
)
def test_cut_off(octets: bytes) -> None:
    with pytest.raises(ResponseAborted):
        ResponseReader(octets).read("GET")


@pytest.mark.parametrize(
    "octets",
    [
        head("HTTP/2.0 200 OK"),
        head("HTTP/1.1 200"),
        head("HTTP/1.1 2000 OK"),
        head(OK, "no colon"),
        head(OK, "Bad Name: x"),
        head(OK, "X: a\x00b"),
        head(OK, "X: a\nb"),
        head(OK),
        head(OK, "Content-Length: 1", "Content-Length: 1") + b"a",
        head(OK, "Content-Length: +1") + b"a",
        head(OK, "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head(OK, "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
        CHUNKED + b"x\r\n",
    ],
)
def test_malformed(octets: bytes) -> None:
    with pytest.raises(BadResponse):
        ResponseReader(octets).read("GET")
