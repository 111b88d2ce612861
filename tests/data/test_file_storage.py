from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from dovetail.data.file_storage import FileMultiDict, FileStorage
from dovetail.data.headers import Headers


class Opened(io.BytesIO):
    """A stream with a name."""

    def __init__(self, name: Any) -> None:
        super().__init__()
        self.name = name


def test_what_the_form_said() -> None:
    file = FileStorage(io.BytesIO(b"abc"), "a.txt", "field", "Text/Plain; Charset=utf-8", 3)
    assert (file.name, file.filename) == ("field", "a.txt")
    assert file.content_type == "Text/Plain; Charset=utf-8"
    assert file.mimetype == "text/plain"
    assert file.mimetype_params == {"charset": "utf-8"}
    assert file.content_length == 3
    assert file.headers["Content-Length"] == "3"
    assert repr(file) == "<FileStorage: 'a.txt' ('Text/Plain; Charset=utf-8')>"


def test_nothing_said() -> None:
    file = FileStorage()
    assert file.stream.read() == b""
    assert (file.name, file.filename, file.content_type) == (None, None, None)
    assert (file.mimetype, file.mimetype_params, file.content_length) == ("", {}, 0)
    assert file.headers == Headers()


def test_headers_are_kept_and_overridden() -> None:
    headers = Headers([("Content-Type", "a/b"), ("Content-Length", "x")])
    assert FileStorage(headers=headers).content_length == 0
    file = FileStorage(headers=headers, content_type="c/d", content_length=5)
    assert file.headers is headers
    assert headers == Headers([("Content-Type", "c/d"), ("Content-Length", "5")])
    assert file.content_length == 5


@pytest.mark.parametrize(
    ("name", "filename"),
    [
        ("/a/x.txt", "/a/x.txt"),
        (b"x\xff.txt", os.fsdecode(b"x\xff.txt")),
        (Path("/a/b"), "/a/b"),
        ("<fdopen>", None),
        (b"<stdin>", None),
        ("<a", "<a"),
        ("", ""),
        (None, None),
        (7, None),
    ],
)
def test_the_name_of_the_stream(name: Any, filename: str | None) -> None:
    file = FileStorage(Opened(name))
    assert file.filename == filename
    assert bool(file) == bool(filename)


def test_a_given_name_goes_before_that_of_the_stream() -> None:
    assert FileStorage(Opened("inner"), "").filename == ""
    assert FileStorage(filename=b"abc").filename == "abc"  # type: ignore[arg-type]


def test_a_temporary_file_has_no_name() -> None:
    with tempfile.TemporaryFile() as stream:
        assert FileStorage(stream).filename is None


def test_saving(tmp_path: Path) -> None:
    file = FileStorage(io.BytesIO(b"0123456789"))
    file.save(str(tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == b"0123456789"
    file.stream.seek(4)
    file.save(tmp_path / "a", buffer_size=1)
    assert (tmp_path / "a").read_bytes() == b"456789"
    file.stream.seek(0)
    target = io.BytesIO()
    file.save(target, 3)
    assert target.getvalue() == b"0123456789"
    with pytest.raises(FileNotFoundError):
        file.save(tmp_path / "none" / "a")


def test_the_buffer_size_is_how_much_is_copied_at_a_time() -> None:
    class Parts:
        def __init__(self) -> None:
            self.parts: list[bytes] = []

        def write(self, part: bytes) -> None:
            self.parts.append(part)

    target: Any = Parts()
    FileStorage(io.BytesIO(b"abcde")).save(target, 2)
    assert target.parts == [b"ab", b"cd", b"e"]


def test_the_stream_shows_through() -> None:
    file = FileStorage(io.BytesIO(b"ab\ncd\n"))
    assert list(file) == [b"ab\n", b"cd\n"]
    assert file.seek(1) == 1
    assert file.read(1) == b"b"
    assert file.seekable()
    with pytest.raises(AttributeError, match="nonsense"):
        file.nonsense  # noqa: B018


def test_a_spooled_file_shows_through() -> None:
    with tempfile.SpooledTemporaryFile() as stream:
        file = FileStorage(stream)
        assert file.readable()
        assert file.writable()
        assert file.seekable()
        assert io.TextIOWrapper(file, "utf-8").read() == ""


def test_the_file_within_shows_through() -> None:
    class Spooled:
        _file = io.BytesIO(b"x")

    file = FileStorage(Spooled())  # type: ignore[arg-type]
    assert file.getvalue() == b"x"
    with pytest.raises(AttributeError):
        file.nonsense  # noqa: B018


def test_a_file_without_a_stream_yet_has_no_attributes() -> None:
    with pytest.raises(AttributeError):
        FileStorage.__new__(FileStorage).read  # noqa: B018


def test_close() -> None:
    file = FileStorage(io.BytesIO(b"x"))
    file.close()
    assert file.stream.closed
    file.close()


def test_a_stream_that_cannot_be_closed_is_left_alone() -> None:
    class Stuck:
        def close(self) -> None:
            raise OSError

    FileStorage(Stuck()).close()  # type: ignore[arg-type]
    FileStorage(object()).close()  # type: ignore[arg-type]


class TestFileMultiDict:
    @pytest.mark.parametrize(
        ("filename", "content_type", "guessed"),
        [
            (None, None, None),
            ("a.txt", None, "text/plain"),
            ("a.unknown-type", None, "application/octet-stream"),
            ("a.txt", "x/y", "x/y"),
            (None, "x/y", "x/y"),
        ],
    )
    def test_a_stream(
        self, filename: str | None, content_type: str | None, guessed: str | None
    ) -> None:
        files = FileMultiDict()
        stream = io.BytesIO()
        files.add_file("f", stream, filename, content_type)
        file = files["f"]
        assert file.stream is stream
        assert (file.name, file.filename, file.content_type) == ("f", filename, guessed)

    def test_a_path(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(b"png")
        files = FileMultiDict()
        files.add_file("f", path)
        files.add_file("f", str(path), filename="b.txt")
        first, second = files.getlist("f")
        assert (first.filename, first.content_type) == (str(path), "image/png")
        assert (second.filename, second.content_type) == ("b.txt", "text/plain")
        assert first.read() == second.read() == b"png"
        first.close()
        second.close()
        with pytest.raises(FileNotFoundError):
            files.add_file("f", tmp_path / "none")

    def test_a_file_storage_is_added_as_it_is(self) -> None:
        file = FileStorage(filename="z.txt", name="own")
        files = FileMultiDict()
        files.add_file("f", file, "other", "t/t")
        assert files["f"] is file
        assert (file.name, file.filename, file.content_type) == ("own", "z.txt", None)
        assert repr(files) == "FileMultiDict([('f', <FileStorage: 'z.txt' (None)>)])"
