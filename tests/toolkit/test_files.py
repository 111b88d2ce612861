from __future__ import annotations

import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIEnvironment

import pytest
from tests.gateway.recorder import RecordingTransport, call, read_request

from dovetail.data.exceptions import NotFound, RequestedRangeNotSatisfiable
from dovetail.gateway.files import FileRange, FileWrapper
from dovetail.toolkit.files import send_file, send_from_directory
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response

CONTENT = b"0123456789"
MODIFIED = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "a.txt"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    os.utime(path, (1_000_000_000.5, 1_000_000_000.5))
    return path


def environ_of(method: str = "GET", **fields: str) -> WSGIEnvironment:
    return {"REQUEST_METHOD": method, **fields}


def content_of(response: Response, environ: WSGIEnvironment | None = None) -> bytes:
    with response:
        return b"".join(response.get_app_iter(environ or environ_of()))


def send(file: Any, environ: WSGIEnvironment | None = None, /, **options: Any) -> Response:
    """Send a file and close it; for its header fields."""
    with send_file(file, environ or environ_of(), **options) as response:
        return response


def test_path(path: Path) -> None:
    for given in (path, str(path)):
        response = send_file(given, environ_of())
        assert response.status_code == 200
        assert response.direct_passthrough
        assert isinstance(response.response, FileWrapper)
        assert response.mimetype == "text/plain"
        assert (response.content_length, response.last_modified) == (10, MODIFIED)
        assert response.get_etag()[0]
        assert content_of(response) == CONTENT


def test_path_is_relative(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    assert content_of(send_file("a.txt", environ_of())) == CONTENT
    monkeypatch.chdir("/")
    assert content_of(send_file("a.txt", environ_of(), _root_path=path.parent)) == CONTENT


def test_path_that_is_not_there(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        send_file(path.parent / "b.txt", environ_of())
    with pytest.raises(IsADirectoryError):
        send_file(path.parent, environ_of())


def test_wrapper_of_the_server(path: Path) -> None:
    environ: dict[str, Any] = {**environ_of(), "wsgi.file_wrapper": lambda *args: list(args)}
    response = send_file(path, environ)
    wrapped: Any = response.response
    file, size = wrapped
    assert (file.name, size) == (str(path), 8192)
    file.close()


def test_file() -> None:
    file = io.BytesIO(CONTENT)
    response = send_file(file, environ_of(), mimetype="a/b")
    assert (response.content_length, response.get_etag()) == (10, (None, None))
    assert "Content-Disposition" not in response.headers
    assert content_of(response) == CONTENT
    assert file.closed


def test_file_has_to_be_binary(path: Path) -> None:
    with pytest.raises(ValueError, match="binary"):
        send_file(io.StringIO("a"), environ_of(), mimetype="a/b")  # type: ignore[arg-type]
    with path.open() as file, pytest.raises(ValueError, match="binary"):
        send_file(file, environ_of(), mimetype="a/b")  # type: ignore[arg-type]


def test_type_needs_a_name() -> None:
    with pytest.raises(TypeError, match="download_name"):
        send_file(io.BytesIO(), environ_of())
    with pytest.raises(TypeError, match="download_name"):
        send_file(io.BytesIO(), environ_of(), mimetype="a/b", as_attachment=True)


@pytest.mark.parametrize(
    ("name", "content_type", "encoding"),
    [
        ("a.html", "text/html; charset=utf-8", None),
        ("a.json", "application/json", None),
        ("a.svgz", "image/svg+xml; charset=utf-8", "gzip"),
        ("a.tar.gz", "application/x-tar", "gzip"),
        ("a", "application/octet-stream", None),
        ("data:text/html,a", "application/octet-stream", None),
    ],
)
def test_type_is_guessed(name: str, content_type: str, encoding: str | None) -> None:
    response = send(io.BytesIO(), download_name=name)
    assert (response.content_type, response.content_encoding) == (content_type, encoding)
    saved = send(io.BytesIO(), download_name=name, as_attachment=True)
    assert (saved.content_type, saved.content_encoding) == (content_type, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", "filename=a.txt"),
        ("a b.txt", 'filename="a b.txt"'),
        ('a"b.txt', 'filename="a\\"b.txt"'),
        ("ü.txt", "filename=u.txt; filename*=UTF-8''%C3%BC.txt"),
        ("日本.txt", "filename=.txt; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt"),
        ("½'(x)*.txt", "filename=\"12'(x)*.txt\"; filename*=UTF-8''%C2%BD%27%28x%29%2A.txt"),
        ("a\udcff.txt", "filename=a.txt; filename*=UTF-8''a%3F.txt"),
    ],
)
def test_name(name: str, expected: str) -> None:
    shown = send(io.BytesIO(), download_name=name)
    assert shown.headers["Content-Disposition"] == f"inline; {expected}"
    saved = send(io.BytesIO(), download_name=name, as_attachment=True)
    assert saved.headers["Content-Disposition"] == f"attachment; {expected}"


def test_name_of_the_path(path: Path) -> None:
    assert send(path).headers["Content-Disposition"] == "inline; filename=a.txt"
    response = send(path, download_name="b.html")
    assert response.headers["Content-Disposition"] == "inline; filename=b.html"
    assert response.mimetype == "text/html"


def test_name_on_disk_is_no_utf8(path: Path) -> None:
    odd = os.fsencode(path.parent) + b"/\xff.txt"
    Path(os.fsdecode(odd)).write_bytes(CONTENT)
    assert content_of(send_file(os.fsdecode(odd), environ_of())) == CONTENT


@pytest.mark.parametrize(
    ("max_age", "cache_control"),
    [
        (None, "no-cache"),
        (0, "no-cache, max-age=0"),
        (5, "public, max-age=5"),
        (len, None),
        (lambda path: None, "no-cache"),
    ],
)
def test_max_age(path: Path, max_age: Any, cache_control: str | None) -> None:
    response = send(path, max_age=max_age)
    expected = cache_control or f"public, max-age={len(str(path))}"
    assert response.headers["Cache-Control"] == expected
    assert (response.expires is not None) is ("max-age" in expected)


def test_max_age_of_a_file_without_path() -> None:
    asked: list[str | None] = []
    send(io.BytesIO(), mimetype="a/b", max_age=asked.append)
    assert asked == [None]


def test_etag(path: Path) -> None:
    assert send(path, etag="x").get_etag() == ("x", False)
    assert send(path, etag=False).get_etag() == (None, None)
    assert send(path).get_etag() == send(path).get_etag()
    before = send(path).get_etag()
    path.write_bytes(CONTENT + b"x")
    assert send(path).get_etag() != before


@pytest.mark.parametrize("last_modified", [1_000_000_000, 1_000_000_000.7, MODIFIED])
def test_last_modified(path: Path, last_modified: Any) -> None:
    os.utime(path)
    assert send(path, last_modified=last_modified).last_modified == MODIFIED
    assert send(io.BytesIO(), mimetype="a/b").last_modified is None


def test_not_modified(path: Path) -> None:
    environ = environ_of(HTTP_IF_NONE_MATCH=send(path).headers["ETag"])
    response = send_file(path, environ)
    assert response.status_code == 304
    assert content_of(response, environ) == b""
    response = send(path, environ_of(HTTP_IF_MODIFIED_SINCE="Sun, 09 Sep 2001 01:46:40 GMT"))
    assert response.status_code == 304


def test_range(path: Path) -> None:
    environ = environ_of(HTTP_RANGE="bytes=3-5")
    response = send_file(path, environ)
    assert (response.status_code, response.content_length) == (206, 3)
    assert response.headers["Content-Range"] == "bytes 3-5/10"
    assert isinstance(response.response, FileRange)
    assert content_of(response, environ) == b"345"


def test_range_is_refused_and_the_file_closed() -> None:
    file = io.BytesIO(CONTENT)
    with pytest.raises(RequestedRangeNotSatisfiable):
        send_file(file, environ_of(HTTP_RANGE="bytes=30-"), mimetype="a/b")
    assert file.closed


@pytest.mark.parametrize(
    "options",
    [
        {"etag": 'a"b'},
        {"mimetype": "a\nb"},
        {"max_age": lambda _: 1 // 0},
        {"last_modified": 1e30},
        {"environ": {}},
    ],
)
def test_a_file_is_closed_if_there_is_no_response(path: Path, options: dict[str, Any]) -> None:
    opened: list[Any] = []

    class Kept(FileWrapper):
        def __init__(self, file: Any, buffer_size: int) -> None:
            super().__init__(file, buffer_size)
            opened.append(file)

    environ = options.pop("environ", environ_of())
    with pytest.raises((ValueError, OverflowError, ZeroDivisionError, KeyError)):
        send_file(path, {**environ, "wsgi.file_wrapper": Kept}, **options)
    assert [file.closed for file in opened] == [True]
    mine = io.BytesIO()
    with pytest.raises((ValueError, OverflowError, ZeroDivisionError, KeyError)):
        send_file(mine, environ, download_name="a", **options)
    assert not mine.closed


def test_conditional_may_be_off(path: Path) -> None:
    response = send(path, environ_of(HTTP_RANGE="bytes=3-5"), conditional=False)
    assert (response.status_code, response.accept_ranges) == (200, None)


def test_head(path: Path) -> None:
    response = send_file(path, environ_of("HEAD"))
    assert response.content_length == 10
    assert content_of(response, environ_of("HEAD")) == b""


def test_x_sendfile(path: Path) -> None:
    response = send(path, use_x_sendfile=True)
    assert (response.headers["X-Sendfile"], response.response) == (str(path), [])
    assert response.content_length == 10
    environ = environ_of(HTTP_IF_NONE_MATCH="*")
    assert "X-Sendfile" not in send(path, environ, use_x_sendfile=True).headers
    assert "X-Sendfile" not in send(io.BytesIO(), mimetype="a/b", use_x_sendfile=True).headers


def test_response_class(path: Path) -> None:
    class Own(Response):
        pass

    assert type(send(path, response_class=Own)) is Own


def test_directory(path: Path) -> None:
    response = send_from_directory(path.parent, "a.txt", environ_of(), as_attachment=True)
    assert response.headers["Content-Disposition"] == "attachment; filename=a.txt"
    assert content_of(response) == CONTENT


def test_directory_is_relative(path: Path) -> None:
    response = send_from_directory("folder", "a.txt", environ_of(), _root_path=path.parent.parent)
    assert content_of(response) == CONTENT


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "b.txt", "", ".", "..", "a\0b", "sub", "x" * 300, "~"]
)
def test_directory_keeps_to_its_files(path: Path, name: str) -> None:
    (path.parent / "sub").mkdir()
    (path.parent.parent / "secret").write_bytes(b"")
    with pytest.raises(NotFound):
        send_from_directory(path.parent, name, environ_of())


def test_directory_that_is_not_there(path: Path) -> None:
    with pytest.raises(NotFound):
        send_from_directory(path.parent / "none", "a.txt", environ_of())


@pytest.mark.parametrize(
    ("fields", "status", "content", "calls"),
    [
        ("", 200, CONTENT, True),
        ("Range: bytes=3-5\r\n", 206, b"345", True),
        ("Range: bytes=-2\r\n", 206, b"89", True),
        ("If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\n", 304, b"", False),
    ],
)
def test_kernel_sends_the_file_on_our_server(
    path: Path, fields: str, status: int, content: bytes, calls: bool
) -> None:
    @Request.application
    def application(request: Request) -> Response:
        return send_file(path, request.environ)

    transport = RecordingTransport(sends_files=True)
    head = read_request(f"GET / HTTP/1.1\r\nHost: test\r\n{fields}\r\n".encode())
    outcome = call(application, head, transport=transport)
    assert outcome.reports == []
    assert (outcome.reply.status, outcome.reply.content) == (status, content)
    assert ("send_file" in transport.calls) is calls


def test_plain_response_is_sent_at_once_on_our_server() -> None:
    transport = RecordingTransport()
    outcome = call(Response("hello"), transport=transport)
    assert outcome.reply.content == b"hello"
    assert transport.calls == ["finish"]
