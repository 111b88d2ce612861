"""What PEP 3333 says about a response, where nothing goes wrong."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.recorder import (
    DATE,
    Outcome,
    RecordingTransport,
    Reply,
    call,
    make_request,
    read_request,
)

from dovetail.gateway import FileWrapper
from dovetail.http1 import Request

TEXT = ("Content-Type", "text/plain")
Body = Callable[[], Iterable[bytes]]


def respond(
    body: Body | Iterable[bytes], *fields: tuple[str, str], status: str = "200 OK"
) -> Outcome:
    return call(application(body, *fields, status=status))


def application(
    body: Body | Iterable[bytes], *fields: tuple[str, str], status: str = "200 OK"
) -> Any:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, list(fields))
        return body() if callable(body) else body

    return app


def pieces(*parts: bytes) -> Body:
    """A generator function, whose number of pieces nobody can know beforehand."""

    def generate() -> Iterator[bytes]:
        yield from parts

    return generate


GET = make_request()
GET10 = make_request(http11=False)
GET10_KEEP = read_request(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
HEAD = make_request("HEAD")
HEAD10 = make_request("HEAD", http11=False)


# Status line and fields


def test_response_of_one_piece_goes_out_in_one_call() -> None:
    outcome = respond([b"hello"], TEXT, ("X-One", "1"))
    assert outcome.octets == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-One: 1\r\n"
        b"Date: " + DATE.encode() + b"\r\nServer: dovetail\r\nContent-Length: 5\r\n\r\nhello"
    )
    assert outcome.transport.calls == ["finish"]
    assert outcome.exchange.status == "200 OK"
    assert outcome.exchange.fields == [TEXT, ("X-One", "1")]
    assert outcome.exchange.status_code == 200
    assert outcome.exchange.content_length == 5
    assert outcome.exchange.keep_alive
    assert outcome.reports == []


def test_date_and_server_of_the_application_are_kept() -> None:
    reply = respond([], ("DATE", "today"), ("server", "mine")).reply
    assert reply["date"] == "today"
    assert reply["server"] == "mine"


def test_repeated_fields_stay_apart_and_in_order() -> None:
    reply = respond([], ("Set-Cookie", "a=1"), ("X", "-"), ("Set-Cookie", "b=2")).reply
    assert [value for name, value in reply.fields if name == "set-cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize("status", ["200 ", "299 Really fine", "404 Not Found", "599 \xfc\tx"])
def test_status_goes_out_as_it_is(status: str) -> None:
    outcome = respond([b"x"], status=status)
    assert outcome.octets.startswith(f"HTTP/1.1 {status}\r\n".encode("latin-1"))
    assert outcome.exchange.status_code == int(status[:3])


def test_status_without_a_reason_gets_its_space() -> None:
    assert respond([b"x"], status="200").octets.startswith(b"HTTP/1.1 200 \r\n")


def test_values_are_latin_1() -> None:
    assert b"X-Name: caf\xe9\r\n" in respond([], ("X-Name", "caf\xe9")).octets


def test_subclasses_of_str_and_bytes_are_accepted() -> None:
    class Text(str):
        __slots__ = ()

    class Octets(bytes):
        __slots__ = ()

    reply = respond([Octets(b"ab")], (Text("X"), Text("y")), status=Text("201 Created")).reply
    assert (reply.status, reply["x"], reply.content) == (201, "y", b"ab")


# The content and its length


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("parts", [[], [b""], [b"a"], [b"", b"ab", b"", b"c"]])
def test_length_of_lists_is_known(kind: Any, parts: list[bytes]) -> None:
    outcome = respond(kind(parts))
    assert outcome.reply.content == b"".join(parts)
    assert outcome.reply["content-length"] == str(len(b"".join(parts)))
    assert outcome.exchange.content_length == len(b"".join(parts))


def test_generator_is_sent_piece_by_piece_in_chunks() -> None:
    outcome = respond(pieces(b"a", b"", b"bc"))
    assert outcome.octets.endswith(b"\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")
    assert outcome.reply["transfer-encoding"] == "chunked"
    assert "content-length" not in outcome.reply
    assert outcome.transport.calls == ["send", "send", "finish"]
    assert outcome.exchange.content_length == 3


def test_generator_with_a_declared_length() -> None:
    outcome = respond(pieces(b"a", b"bc"), ("Content-Length", "3"))
    assert outcome.octets.endswith(b"Content-Length: 3\r\n\r\nabc")
    assert outcome.reply.content == b"abc"
    assert outcome.exchange.keep_alive


@pytest.mark.parametrize("parts", [(), (b"",), (b"", b"")])
def test_generator_without_content_has_length_zero(parts: tuple[bytes, ...]) -> None:
    reply = respond(pieces(*parts)).reply
    assert reply["content-length"] == "0"


def test_each_piece_is_sent_before_the_next_is_asked_for() -> None:
    transport = RecordingTransport()
    seen = []

    def generate() -> Iterator[bytes]:
        for piece in (b"one", b"two", b"three"):
            yield piece
            seen.append(piece in transport.octets)

    assert call(application(generate), transport=transport).reply.content == b"onetwothree"
    assert seen == [True, True, True]


def test_head_waits_for_the_first_piece_that_is_not_empty() -> None:
    transport = RecordingTransport()
    sent: list[int] = []

    def generate() -> Iterator[bytes]:
        yield b""
        sent.append(len(transport.octets))
        yield b""
        sent.append(len(transport.octets))
        yield b"x"

    assert call(application(generate), transport=transport).reply.content == b"x"
    assert sent == [0, 0]


def test_generator_may_call_start_response_late() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        yield b""
        start_response("202 Accepted", [TEXT])
        yield b"late"

    reply = call(app).reply
    assert (reply.status, reply.content) == (202, b"late")


def test_generator_may_call_start_response_and_yield_nothing() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("202 Accepted", [TEXT])
        yield from ()

    assert call(app).reply.status == 202


def test_any_iterable_will_do() -> None:
    class Old:
        """The sequence protocol of old: no __iter__."""

        def __getitem__(self, index: int) -> bytes:
            return [b"a", b"b"][index]

    body: Any = Old()
    assert respond(body).reply.content == b"ab"
    assert respond({b"k": 1}).reply.content == b"k"
    assert respond(iter([b"i"])).reply.content == b"i"


def test_list_of_a_subclass_is_iterated() -> None:
    class Loud(list[bytes]):
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"other"])

    assert respond(Loud([b"inner"])).reply.content == b"other"


# write()


def test_write_sends_at_once() -> None:
    transport = RecordingTransport()
    seen = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [TEXT])
        seen.append(len(transport.octets))
        write(b"")
        seen.append(len(transport.octets))
        write(b"one")
        seen.append(transport.octets.endswith(b"3\r\none\r\n"))
        return [b"two", b"three"]

    outcome = call(app, transport=transport)
    assert outcome.reply.content == b"onetwothree"
    assert seen == [0, 0, True]
    assert outcome.exchange.content_length == 11


@pytest.mark.parametrize(
    "rest", [[b"!"], (b"!",), [b"", b"!"], pieces(b"!")(), pieces(b"", b"!")()]
)
def test_write_and_what_is_returned_are_one_content(rest: Iterable[bytes]) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "3")])(b"ab")
        return rest

    assert call(app).reply.content == b"ab!"


def test_write_in_the_middle_of_an_iteration_keeps_the_order() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [])
        yield b"a"
        write(b"b")
        yield b"c"

    assert call(app).reply.content == b"abc"


def test_write_of_one_response_with_known_length_is_not_chunked() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "4")])(b"abcd")
        return []

    outcome = call(app)
    assert outcome.octets.endswith(b"Content-Length: 4\r\n\r\nabcd")
    assert outcome.exchange.keep_alive


# Requests and codes without content


@pytest.mark.parametrize("request_", [HEAD, HEAD10], ids=["1.1", "1.0"])
def test_head_has_the_length_and_no_content(request_: Request) -> None:
    for body, fields in (([b"abc"], ()), (pieces(b"a", b"bc"), (("Content-Length", "3"),))):
        outcome = call(application(body, *fields), request_)
        assert outcome.reply["content-length"] == "3"
        assert outcome.octets.endswith(b"\r\n\r\n")
        assert outcome.exchange.content_length == 0
        assert outcome.exchange.keep_alive == (request_ is HEAD)


@pytest.mark.parametrize("body", [[], [b""], pieces(), pieces(b"abc")])
def test_head_of_unknown_length_claims_none(body: Any) -> None:
    outcome = call(application(body), HEAD)
    assert "content-length" not in outcome.reply
    assert "transfer-encoding" not in outcome.reply
    assert outcome.exchange.keep_alive


def test_head_with_a_declared_length_and_nothing_else() -> None:
    outcome = call(application([], ("Content-Length", "1234")), HEAD)
    assert outcome.reply["content-length"] == "1234"
    assert outcome.reports == []


def test_head_by_write() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"abc")
        write(b"def")
        return [b"ghi"]

    outcome = call(app, HEAD)
    assert outcome.reply.content == b""
    assert outcome.exchange.keep_alive


def test_endless_generator_is_left_once_nothing_of_it_can_be_sent() -> None:
    taken: list[int] = []

    def endless() -> Iterator[bytes]:
        while len(taken) < 100:
            taken.append(1)
            yield b"more"

    assert call(application(endless), HEAD).reply.status == 200
    assert len(taken) == 1


@pytest.mark.parametrize("request_", [GET, HEAD])
@pytest.mark.parametrize("body", [[], [b"xyz"], pieces(b"xyz"), pieces()])
@pytest.mark.parametrize("declared", [(), (("Content-Length", "3"),)])
@pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content", "304 Not Modified"])
def test_code_without_content(status: str, declared: Any, body: Any, request_: Request) -> None:
    outcome = call(application(body, *declared, status=status), request_)
    reply = outcome.reply
    assert reply.content == b""
    assert "transfer-encoding" not in reply
    if status[:3] == "204":
        assert "content-length" not in reply
    elif status[:3] == "205":
        assert reply["content-length"] == "0"
    else:
        assert ("content-length" in reply) == bool(declared)
    assert outcome.octets.endswith(b"\r\n\r\n")
    assert outcome.exchange.keep_alive
    assert outcome.exchange.content_length == 0


# The connection behind the response


def test_http10_without_length_ends_with_the_connection() -> None:
    outcome = call(application(pieces(b"a", b"b")), GET10)
    assert outcome.octets.endswith(b"Connection: close\r\n\r\nab")
    assert "transfer-encoding" not in outcome.reply
    assert not outcome.exchange.keep_alive


def test_http10_without_length_closes_although_it_was_asked_to_keep() -> None:
    outcome = call(application(pieces(b"a")), GET10_KEEP)
    assert outcome.reply["connection"] == "close"
    assert not outcome.exchange.keep_alive


def test_http10_keeps_the_connection_if_asked_and_told_so() -> None:
    outcome = call(application([b"a"]), GET10_KEEP)
    assert outcome.reply["connection"] == "keep-alive"
    assert outcome.exchange.keep_alive
    assert call(application([b"a"]), GET10).reply["connection"] == "close"


def test_close_of_the_client_is_answered() -> None:
    request = read_request(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    outcome = call(application([b"a"]), request)
    assert outcome.reply["connection"] == "close"
    assert not outcome.exchange.keep_alive


def test_connection_that_has_to_close_says_so() -> None:
    outcome = call(application([b"a"]), keep_alive=False)
    assert outcome.reply["connection"] == "close"
    assert not outcome.exchange.keep_alive


def test_application_may_close_but_not_keep() -> None:
    outcome = respond([b"a"], ("connection", "Close"))
    assert [value for name, value in outcome.reply.fields if name == "connection"] == ["close"]
    assert not outcome.exchange.keep_alive
    outcome = respond([b"a"], ("Connection", "keep-alive"))
    assert "connection" not in outcome.reply
    assert outcome.exchange.keep_alive
    outcome = call(application([b"a"], ("Connection", "keep-alive")), keep_alive=False)
    assert outcome.reply["connection"] == "close"


# start_response again, before anything was sent


def test_start_response_again_with_exc_info_replaces_everything() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(
            "200 OK", [("Content-Length", "99"), ("X-Old", "1"), ("Connection", "close")]
        )
        try:
            raise ValueError("oops")
        except ValueError as error:
            exc_info = (type(error), error, error.__traceback__)
            start_response("500 Oops", [("X-New", "1")], exc_info)
        return [b"sorry"]

    outcome = call(app)
    reply = outcome.reply
    assert (reply.status, reply.reason, reply.content) == (500, "Oops", b"sorry")
    assert "x-old" not in reply
    assert reply["content-length"] == "5"
    assert outcome.exchange.keep_alive
    assert outcome.exchange.status_code == 500
    assert outcome.reports == []


def test_start_response_first_time_with_exc_info() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        error = ValueError("oops")
        start_response("500 Oops", [], (ValueError, error, None))
        return [b"sorry"]

    assert call(app).reply.status == 500


def test_write_of_the_second_start_response_works() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        write = start_response("500 Oops", [], (ValueError, ValueError("oops"), None))
        write(b"sorry")
        return []

    assert call(app).reply.content == b"sorry"


# Early hints


def test_early_hints_go_out_at_once() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload")])
        environ["wsgi.early_hints"]([("Link", "</b.css>; rel=preload")])
        start_response("200 OK", [TEXT])
        return [b"x"]

    outcome = call(app)
    assert outcome.transport.calls == ["send", "send", "finish"]
    assert outcome.reply.interim == [
        (103, [("link", "</a.css>; rel=preload")]),
        (103, [("link", "</b.css>; rel=preload")]),
    ]
    assert outcome.reply.content == b"x"


def test_early_hints_are_nothing_to_http10_and_to_a_response_under_way() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        if environ["SERVER_PROTOCOL"] == "HTTP/1.0":
            environ["wsgi.early_hints"]([("Link", "</a.css>")])
        start_response("200 OK", [])
        yield b"x"
        environ["wsgi.early_hints"]([("Link", "</a.css>")])

    for request in (GET, GET10):
        outcome = call(app, request)
        assert outcome.reply.interim == []
        assert outcome.reply.content == b"x"
        assert outcome.reports == []


# wsgi.file_wrapper


def file_application(path: Path, *fields: tuple[str, str], status: str = "200 OK") -> Any:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, list(fields))
        file = path.open("rb")
        file.seek(int(environ["QUERY_STRING"] or 0))
        return environ["wsgi.file_wrapper"](file, 4)  # type: ignore[no-any-return]

    return app


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return path


@pytest.mark.parametrize("sends_files", [True, False])
@pytest.mark.parametrize(
    ("offset", "declared", "content"),
    [
        (0, None, b"0123456789"),
        (4, None, b"456789"),
        (4, 3, b"456"),
        (4, 0, b""),
        (10, None, b""),
        (11, None, b""),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_file(
    path: Path, sends_files: bool, offset: int, declared: int | None, content: bytes, method: str
) -> None:
    fields = [] if declared is None else [("Content-Length", str(declared))]
    transport = RecordingTransport(sends_files=sends_files)
    request = make_request(method, f"/?{offset}")
    outcome = call(file_application(path, *fields), request, transport=transport)
    assert outcome.reply.content == (content if method == "GET" else b"")
    # A HEAD without a declared length says nothing about an empty file.
    if declared is not None or (sends_files and (method == "GET" or content)):
        assert outcome.reply["content-length"] == str(len(content))
    assert ("send_file" in transport.calls) == (sends_files and method == "GET" and content != b"")
    assert outcome.exchange.content_length == len(outcome.reply.content)
    assert outcome.exchange.keep_alive


def test_file_shorter_than_declared_is_broken_off(path: Path) -> None:
    transport = RecordingTransport(sends_files=True)
    outcome = call(file_application(path, ("Content-Length", "11")), transport=transport)
    assert transport.broken == "abort"
    assert outcome.partial.content == b"0123456789"
    assert not outcome.partial.complete
    assert len(outcome.reports) == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_file_of_a_code_without_content(path: Path, status: str) -> None:
    transport = RecordingTransport(sends_files=True)
    outcome = call(file_application(path, status=status), transport=transport)
    assert outcome.reply.content == b""
    assert "send_file" not in transport.calls


def test_file_is_read_if_no_descriptor_is_left(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dup(fd: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "dup", dup)
    transport = RecordingTransport(sends_files=True)
    outcome = call(file_application(path), transport=transport)
    assert outcome.reply.content == b"0123456789"
    assert outcome.reports == []
    assert "send_file" not in transport.calls


@pytest.mark.parametrize(
    ("status", "method", "leaves_after"),
    [
        ("200 OK", "GET", None),
        ("200 OK", "HEAD", None),
        ("204 No Content", "GET", None),
        ("bad", "GET", None),
        ("200 OK", "GET", 0),
        ("200 OK", "GET", 160),
    ],
)
def test_own_descriptor_of_a_file_is_closed(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    method: str,
    leaves_after: int | None,
) -> None:
    made: list[int] = []
    dup = os.dup

    def note(fd: int) -> int:
        made.append(dup(fd))
        return made[-1]

    monkeypatch.setattr(os, "dup", note)
    transport = RecordingTransport(sends_files=True, leaves_after=leaves_after)
    call(file_application(path, status=status), make_request(method), transport=transport)
    for fd in made:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
    assert len(made) == (status != "bad")


def test_file_behind_write_is_read(path: Path) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])(b"head ")
        return FileWrapper(path.open("rb"), 3)

    outcome = call(app, transport=RecordingTransport(sends_files=True))
    assert outcome.reply.content == b"head 0123456789"


def test_file_that_is_none_is_read() -> None:
    parts = [b"a", b"b"]

    class Answer:
        def read(self, size: int) -> bytes:
            return parts.pop(0) if parts else b""

    outcome = call(
        application(FileWrapper(Answer())), transport=RecordingTransport(sends_files=True)
    )
    assert outcome.reply.content == b"ab"


def test_parse_is_strict() -> None:
    with pytest.raises(AssertionError, match="behind the response"):
        Reply.parse(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab")
