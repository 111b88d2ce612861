from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.http1.effort import effort
from tests.http1.strategies import field_lists, pieces

from dovetail.http1.errors import ResponseError
from dovetail.http1.events import Request, TargetForm
from dovetail.http1.writer import (
    CONTINUE,
    ResponseWriter,
    dump_interim,
    dump_refusal,
    dump_request_head,
)

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def request(method: str = "GET", version: str = "HTTP/1.1", *, keep_alive: bool = True) -> Request:
    return Request(
        method, "/", TargetForm.ORIGIN, "/", "", "a.test", version, [], keep_alive=keep_alive
    )


def write(
    writer: ResponseWriter,
    status: str = "200 OK",
    fields: Sequence[tuple[str, str]] = (),
    body: Sequence[bytes] = (),
    *,
    length: int | None = None,
) -> bytes:
    writer.start(status, fields)
    octets = writer.head(length=length, date=DATE)
    return octets + b"".join(map(writer.body, body)) + writer.end()


def lines(octets: bytes) -> list[str]:
    """Return the head's lines behind the status line."""
    return octets.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]


def framing(octets: bytes) -> list[str]:
    own = ("content-length", "transfer-encoding", "connection")
    return [line for line in lines(octets) if line.lower().startswith(own)]


def test_a_whole_response() -> None:
    writer = ResponseWriter(request())
    octets = write(writer, "200 OK", [("Content-Type", "text/plain")], [b"hello"], length=5)
    assert octets == (
        b"HTTP/1.1 200 OK\r\n"
        b"Content-Type: text/plain\r\n"
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        b"Server: dovetail\r\n"
        b"Content-Length: 5\r\n"
        b"\r\n"
        b"hello"
    )
    assert writer.keep_alive


def test_start_returns_the_code() -> None:
    assert ResponseWriter(request()).start("404 Not Found", []) == 404


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("200 OK", "HTTP/1.1 200 OK"),
        ("299 ", "HTTP/1.1 299 "),
        ("299", "HTTP/1.1 299 "),  # RFC 9112 4: the space is sent even without a reason
        ("999 \xe9\t!", "HTTP/1.1 999 \xe9\t!"),
    ],
)
def test_status_lines(status: str, line: str) -> None:
    octets = write(ResponseWriter(request()), status)
    assert octets.startswith(line.encode("latin-1") + b"\r\n")


BAD_STATUS: list[Any] = [
    *("", "OK", "20 OK", "2000 OK", "200OK", " 200 OK", "099 X", "000 X", "-20 X", "2\xb20 X"),
    *("200 OK\r\nX: y", "200 OK\n", "200 OK\r", "200 \0", "200 \x7f", "200 \u20ac", "200\tOK"),
    *("100 Continue", "101 Switching Protocols", "103 Early Hints", b"200 OK", 200, None),
]


@pytest.mark.parametrize("status", BAD_STATUS)
def test_bad_status(status: Any) -> None:
    with pytest.raises(ResponseError):
        ResponseWriter(request()).start(status, [])


BAD_NAMES = ["", " X", "X ", "X Y", "X:", "X\r\n", "X\n", "X\0", "\xe9", "\u20ac", b"X", None]
BAD_VALUES = [
    "a\r\nY: z",
    "a\n",
    "\ra",
    "\0",
    "\x01",
    "\x7f",
    "\x0b",
    "\u20ac",
    b"y",
    None,
    5,
    ["y"],
]
BAD_LENGTHS = ["", "-1", "+1", "1_0", "5 ", " 5", "0x5", "\xb2", "5, 5", "9" * 19, b"5", 5, None]
BAD_FIELDS: list[Any] = [
    *((name, "y") for name in BAD_NAMES),
    *(("X", value) for value in BAD_VALUES),
    *(("Content-Length", value) for value in BAD_LENGTHS),
]


@pytest.mark.parametrize("field", BAD_FIELDS)
def test_bad_fields(field: Any) -> None:
    with pytest.raises(ResponseError):
        ResponseWriter(request()).start("200 OK", [field])


HOP_BY_HOP = [
    *("Transfer-Encoding", "transfer-encoding", "Upgrade", "TE", "Trailer", "Trailers"),
    *("Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization"),
]


@pytest.mark.parametrize("name", HOP_BY_HOP)
def test_hop_by_hop_fields_are_left_out(name: str) -> None:
    fields = [("X", "y"), (name, "Chunked"), ("Z", "z")]
    octets = write(ResponseWriter(request()), fields=fields, body=[b"a"], length=1)
    assert octets.startswith(b"HTTP/1.1 200 OK\r\nX: y\r\nZ: z\r\n")
    assert b"Chunked" not in octets
    assert framing(octets) == ["Content-Length: 1"]


@pytest.mark.parametrize("value", ["gzip", "gzip, chunked", "", "chunked;x=y", b"chunked", None])
def test_a_coding_that_the_server_does_not_apply(value: Any) -> None:
    with pytest.raises(ResponseError, match="transfer coding"):
        ResponseWriter(request()).start("200 OK", [("Transfer-Encoding", value)])


@pytest.mark.parametrize("second", ["5", "6"])
def test_two_lengths(second: str) -> None:
    with pytest.raises(ResponseError):
        ResponseWriter(request()).start(
            "200 OK", [("Content-Length", "5"), ("content-length", second)]
        )


def test_start_again_forgets_the_first() -> None:
    writer = ResponseWriter(request())
    writer.start("200 OK", [("X", "y"), ("Content-Length", "9"), ("Connection", "close")])
    octets = write(writer, "500 Oh", [("Z", "z")], [b"no"], length=2)
    assert octets.startswith(b"HTTP/1.1 500 Oh\r\nZ: z\r\n")
    assert b"X: y" not in octets
    assert framing(octets) == ["Content-Length: 2"]
    assert writer.keep_alive


@pytest.mark.parametrize("bad", [[("Connection", "close"), ("X", "\n")], [("Connection", "x")]])
def test_start_again_behind_an_error(bad: list[tuple[str, str]]) -> None:
    writer = ResponseWriter(request())
    with pytest.raises(ResponseError):
        writer.start("200 OK", bad)
    octets = write(writer, "500 Oh", [], [b"no"], length=2)
    assert framing(octets) == ["Content-Length: 2"]
    assert writer.keep_alive


def test_own_date_and_server() -> None:
    octets = write(ResponseWriter(request()), fields=[("dAte", "now"), ("SERVER", "mine")])
    assert [line for line in lines(octets) if line.lower().startswith(("date", "server"))] == [
        "dAte: now",
        "SERVER: mine",
    ]


@pytest.mark.parametrize(
    ("version", "keep_alive", "length", "expected", "kept"),
    [
        ("HTTP/1.1", True, 3, ["Content-Length: 3"], True),
        ("HTTP/1.1", True, None, ["Transfer-Encoding: chunked"], True),
        ("HTTP/1.1", False, 3, ["Content-Length: 3", "Connection: close"], False),
        ("HTTP/1.1", False, None, ["Transfer-Encoding: chunked", "Connection: close"], False),
        ("HTTP/1.0", True, 3, ["Content-Length: 3", "Connection: keep-alive"], True),
        ("HTTP/1.0", True, None, ["Connection: close"], False),
        ("HTTP/1.0", False, 3, ["Content-Length: 3", "Connection: close"], False),
        ("HTTP/1.0", False, None, ["Connection: close"], False),
    ],
)
def test_framing(
    version: str, keep_alive: bool, length: int | None, expected: list[str], kept: bool
) -> None:
    writer = ResponseWriter(request("GET", version, keep_alive=keep_alive))
    octets = write(writer, body=[b"abc"], length=length)
    assert framing(octets) == expected
    assert writer.keep_alive is kept
    assert writer.delimited_by_close is (version == "HTTP/1.0" and length is None)
    chunked = "Transfer-Encoding: chunked" in expected
    assert octets.partition(b"\r\n\r\n")[2] == (b"3\r\nabc\r\n0\r\n\r\n" if chunked else b"abc")


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize(
    ("method", "status", "declared", "length", "expected"),
    [
        ("HEAD", "200 OK", None, None, None),
        ("HEAD", "200 OK", None, 0, None),
        ("HEAD", "200 OK", None, 5, "5"),
        ("HEAD", "200 OK", "7", 0, "7"),
        ("GET", "204 No Content", None, 0, None),
        ("GET", "204 No Content", "5", 5, None),
        ("GET", "205 Reset Content", None, None, "0"),
        ("GET", "205 Reset Content", "5", 5, "0"),
        ("GET", "304 Not Modified", None, 0, None),
        ("GET", "304 Not Modified", None, None, None),
        ("GET", "304 Not Modified", "5", 0, "5"),
    ],
)
def test_responses_without_content(
    version: str,
    method: str,
    status: str,
    declared: str | None,
    length: int | None,
    expected: str | None,
) -> None:
    writer = ResponseWriter(request(method, version))
    fields = [("Content-Length", declared)] if declared else []
    octets = write(writer, status, fields, [b"hello", b"more"], length=length)
    assert writer.bodyless
    assert writer.keep_alive
    assert octets.endswith(b"\r\n\r\n")
    shown = [line for line in framing(octets) if not line.startswith("Connection")]
    assert shown == ([f"Content-Length: {expected}"] if expected is not None else [])


def test_the_declared_length_counts() -> None:
    """The application's word stands against what the server sees of the first piece."""
    octets = write(ResponseWriter(request()), fields=[("content-length", "005")], body=[b"hello"])
    assert framing(octets) == ["Content-Length: 5"]
    assert octets.endswith(b"\r\n\r\nhello")


def test_too_much_content_is_cut_off() -> None:
    writer = ResponseWriter(request())
    octets = write(writer, fields=[("Content-Length", "3")], body=[b"ab", b"cd", b"ef"], length=6)
    assert octets.endswith(b"\r\n\r\nabc")
    assert writer.remaining == 0


def test_too_little_content_is_an_error() -> None:
    writer = ResponseWriter(request())
    writer.start("200 OK", [("Content-Length", "3")])
    writer.head(length=None, date=DATE)
    writer.body(b"ab")
    assert writer.remaining == 1
    with pytest.raises(ResponseError):
        writer.end()


def test_content_sent_another_way() -> None:
    writer = ResponseWriter(request())
    writer.start("200 OK", [("Content-Length", "10")])
    writer.head(length=None, date=DATE)
    assert writer.body(b"abc") == b"abc"
    writer.sent(7)
    assert writer.remaining == 0
    assert writer.end() == b""


def test_an_empty_piece_is_no_last_chunk() -> None:
    octets = write(ResponseWriter(request()), body=[b"", b"a", b"", b"b", b""])
    assert octets.endswith(b"\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        *(("close", False), ("Close", False), ("keep-alive", True), ("upgrade", True)),
        *(("Transfer-Encoding, close", False), ("Keep-Alive, TE", True)),
    ],
)
def test_connection_of_the_application(value: str, kept: bool) -> None:
    writer = ResponseWriter(request())
    octets = write(writer, fields=[("Connection", value)], length=0)
    assert writer.keep_alive is kept
    assert framing(octets) == ["Content-Length: 0"] + ([] if kept else ["Connection: close"])


def test_an_application_cannot_keep_what_closes() -> None:
    writer = ResponseWriter(request(keep_alive=False))
    octets = write(writer, fields=[("Connection", "keep-alive")], length=0)
    assert not writer.keep_alive
    assert "Connection: close" in framing(octets)


@pytest.mark.parametrize("value", ["", "x", "close, x", "close\r\n", b"close", None])
def test_bad_connection(value: Any) -> None:
    with pytest.raises(ResponseError):
        ResponseWriter(request()).start("200 OK", [("Connection", value)])


def test_the_owner_may_close() -> None:
    writer = ResponseWriter(request())
    writer.start("200 OK", [])
    writer.keep_alive = False
    assert framing(writer.head(length=0, date=DATE)) == ["Content-Length: 0", "Connection: close"]


def test_interim_responses() -> None:
    assert CONTINUE == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert dump_interim("103 Early Hints", [("Link", "</a>"), ("Link", "</b>")]) == (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n"
    )


@pytest.mark.parametrize(
    "field",
    [
        ("Link", "a\r\nX: y"),
        ("Li nk", "a"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_bad_interim_responses(field: tuple[str, str]) -> None:
    with pytest.raises(ResponseError):
        dump_interim("103 Early Hints", [field])


def test_refusals() -> None:
    octets = dump_refusal(414, "URI Too Long", "too long", date=DATE)
    head, _, body = octets.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 414 URI Too Long\r\n")
    assert f"Date: {DATE}".encode() in head.split(b"\r\n")
    assert framing(octets) == [f"Content-Length: {len(body)}", "Connection: close"]
    assert body == b"too long\n"
    assert dump_refusal(414, "URI Too Long", "too long", date=DATE, content=False) == (
        head + b"\r\n\r\n"
    )


def read_response(sent: Request, octets: bytes) -> tuple[h11.Response, bytes, bool]:
    """Read a response as a client does; return its head, its content and whether one may follow."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=sent.method, target="/", headers=[("Host", "a.test")]))
    client.send(h11.EndOfMessage())
    client.receive_data(octets)
    response, body = client.next_event(), b""
    assert isinstance(response, h11.Response)
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        if event is h11.NEED_DATA:
            client.receive_data(b"")  # nothing but the connection's end delimits this one
            continue
        assert isinstance(event, h11.Data)
        body += bytes(event.data)
    assert client.trailing_data[0] == b""
    return response, body, client.their_state is h11.DONE


@effort(400)
@given(
    data=st.data(),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    version=st.sampled_from(["HTTP/1.1", "HTTP/1.0"]),
    keep_alive=st.booleans(),
    code=st.sampled_from([200, 203, 204, 205, 206, 304, 404, 500, 599]),
    fields=field_lists,
    body=st.binary(max_size=60),
    framed=st.sampled_from(["declared", "known", "unknown"]),
)
def test_a_client_reads_what_was_written(
    data: st.DataObject,
    method: str,
    version: str,
    keep_alive: bool,
    code: int,
    fields: list[tuple[str, str]],
    body: bytes,
    framed: str,
) -> None:
    not_free = {"date", "server", *map(str.lower, HOP_BY_HOP)}
    fields = [pair for pair in fields if pair[0].lower() not in not_free]
    sent = request(method, version, keep_alive=keep_alive)
    writer = ResponseWriter(sent)
    declared = [("Content-Length", str(len(body)))] if framed == "declared" else []
    length = len(body) if framed == "known" else None
    octets = write(
        writer, f"{code} Reason", fields + declared, data.draw(pieces(body)), length=length
    )
    response, content, another = read_response(sent, octets)
    assert response.status_code == code
    assert bytes(response.reason) == b"Reason"
    bodyless = method == "HEAD" or code in (204, 205, 304)
    assert content == (b"" if bodyless else body)
    assert another is writer.keep_alive
    received = [(name.decode(), value.decode("latin-1")) for name, value in response.headers]
    assert received[: len(fields)] == [(name.lower(), value) for name, value in fields]


def test_the_head_of_a_request_goes_out_as_it_is() -> None:
    fields = [("host", "a.test"), ("X-Mine", "\xe4"), ("x-mine", "")]
    assert dump_request_head("PUT", "/a?b", "HTTP/1.0", fields) == (
        b"PUT /a?b HTTP/1.0\r\nhost: a.test\r\nX-Mine: \xe4\r\nx-mine: \r\n\r\n"
    )
    with pytest.raises(UnicodeEncodeError):
        dump_request_head("GET", "/\u20ac", "HTTP/1.1", [])
