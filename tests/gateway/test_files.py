from __future__ import annotations

import io
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dovetail.gateway import FileWrapper
from dovetail.gateway.files import FileRange, file_region

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def region_of(filelike: Any) -> tuple[int, int] | None:
    region = file_region(FileWrapper(filelike))
    if region is None:
        return None
    assert region.fd == filelike.fileno()
    return region.offset, region.size


def test_region_begins_where_the_file_stands(path: Path) -> None:
    with path.open("rb") as file:
        assert region_of(file) == (0, 2048)
        file.seek(48)
        assert region_of(file) == (48, 2000)


def test_region_knows_what_a_buffered_file_has_read_ahead(path: Path) -> None:
    with path.open("rb") as file:
        assert file.read(10) == CONTENT[:10]
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) > 10
        assert region_of(file) == (10, 2038)


def test_region_of_an_unbuffered_file(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        file.read(100)
        assert region_of(file) == (100, 1948)


def test_region_at_the_end_and_behind_it(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        assert region_of(file) == (2048, 0)
        file.seek(5000)
        assert region_of(file) == (5000, 0)


def test_region_of_a_temporary_file() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(CONTENT)
        file.seek(1)
        assert region_of(file) == (1, 2047)


def test_region_without_tell_is_the_descriptors_position(path: Path) -> None:
    class OnlyDescriptor:
        def __init__(self, fd: int) -> None:
            self._fd = fd

        def fileno(self) -> int:
            return self._fd

        def read(self, size: int) -> bytes:
            return os.read(self._fd, size)

    with path.open("rb", buffering=0) as file:
        file.seek(7)
        assert region_of(OnlyDescriptor(file.fileno())) == (7, 2041)


@pytest.fixture
def pipe() -> Iterator[Any]:
    out, into = os.pipe()
    os.close(into)
    with open(out, "rb") as file:
        yield file


def test_pipe_has_no_region(pipe: Any) -> None:
    assert region_of(pipe) is None


def test_socket_has_no_region() -> None:
    one, other = socket.socketpair()
    with one, other, one.makefile("rb") as file:
        assert file_region(FileWrapper(file)) is None


def test_directory_has_no_region(tmp_path: Path) -> None:
    class Directory:
        def __init__(self, fd: int) -> None:
            self.fd = fd

        def fileno(self) -> int:
            return self.fd

    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert file_region(FileWrapper(Directory(fd))) is None
    finally:
        os.close(fd)


class Odd:
    """A file-like object with the given attributes."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


def raises(error: type[Exception]) -> Any:
    def function(*_: object) -> None:
        raise error("no")

    return function


@pytest.mark.parametrize(
    "filelike",
    [
        io.BytesIO(CONTENT),
        Odd(),
        Odd(fileno=raises(io.UnsupportedOperation)),
        Odd(fileno=raises(ValueError)),
        Odd(fileno=raises(AttributeError)),
        Odd(fileno=None),
        Odd(fileno=lambda: None),
        Odd(fileno=lambda: "3"),
        Odd(fileno=lambda: -1, tell=lambda: 0),
    ],
)
def test_odd_file_has_no_region(filelike: Any) -> None:
    assert file_region(FileWrapper(filelike)) is None


def test_file_that_cannot_tell_has_no_region(path: Path) -> None:
    with path.open("rb") as file:
        for tell in (raises(OSError), raises(ValueError), lambda: None, lambda: 1.5):
            odd = Odd(fileno=file.fileno, tell=tell)
            assert file_region(FileWrapper(odd)) is None


def test_closed_file_has_no_region(path: Path) -> None:
    with path.open("rb") as file:
        pass
    assert file_region(FileWrapper(file)) is None


def test_wrapper_reads_in_blocks(path: Path) -> None:
    with path.open("rb") as file:
        assert [len(block) for block in FileWrapper(file, 600)] == [600, 600, 600, 248]
    with path.open("rb") as file:
        assert list(FileWrapper(file)) == [CONTENT]


def test_wrapper_closes_what_can_be_closed(path: Path) -> None:
    with path.open("rb") as file:
        FileWrapper(file).close()
        assert file.closed
    FileWrapper(Odd(read=lambda size: b"")).close()


def test_wrapper_is_an_iterator() -> None:
    wrapper = FileWrapper(io.BytesIO(b"abcdef"), 4)
    assert iter(wrapper) is wrapper
    assert (wrapper.buffer_size, next(wrapper), next(wrapper)) == (4, b"abcd", b"ef")
    with pytest.raises(StopIteration):
        next(wrapper)


def test_wrapper_moves_in_its_file() -> None:
    file = io.BytesIO(b"abcdef")
    wrapper = FileWrapper(file)
    assert wrapper.file is file
    assert wrapper.seekable()
    wrapper.seek(-2, os.SEEK_END)
    assert (wrapper.tell(), next(wrapper)) == (4, b"ef")


def test_wrapper_of_a_file_that_cannot_be_moved_in() -> None:
    wrapper = FileWrapper(Odd(read=lambda size: b""))
    wrapper.seek(3)
    assert (wrapper.seekable(), wrapper.tell()) == (False, None)
    assert not FileWrapper(Odd(seekable=lambda: False, seek=lambda: None)).seekable()
    assert FileWrapper(Odd(seek=lambda: None)).seekable()


def test_range_yields_its_part_only(path: Path) -> None:
    with path.open("rb") as file:
        assert [*FileRange(file, 250, 10, 8)] == [CONTENT[250:258], CONTENT[258:260]]
    with path.open("rb") as file:
        assert b"".join(FileRange(file, 2040, 100)) == CONTENT[2040:]
    with path.open("rb") as file:
        assert [*FileRange(file, 0, 0)] == []


def test_range_has_a_region(path: Path) -> None:
    with path.open("rb") as file:
        file.read(10)
        region = file_region(FileRange(file, 250, 10))
        assert region == (file.fileno(), 250, 10)
        assert file_region(FileRange(file, 2040, 100)) == (file.fileno(), 2040, 8)


def test_region_is_what_is_left_of_a_range(path: Path) -> None:
    with path.open("rb") as file:
        part = FileRange(file, 250, 10, 4)
        next(part)
        assert file_region(part) == (file.fileno(), 254, 6)


def test_range_of_a_file_that_cannot_be_moved_in(pipe: Any) -> None:
    with pytest.raises(OSError, match="seek"):
        FileRange(pipe, 1, 2)
