from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from dovetail.server.spool import BodySpool


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The temporary files that were made."""
    made: list[Any] = []
    real = tempfile.TemporaryFile

    def make(*args: Any, **options: Any) -> IO[bytes]:
        file = real(*args, **options)
        made.append(file)
        return file  # type: ignore[no-any-return]

    monkeypatch.setattr(tempfile, "TemporaryFile", make)
    yield made
    for file in made:
        file.close()


def fill(spool: BodySpool, *pieces: bytes) -> BodySpool:
    for piece in pieces:
        spool.write(piece)
    return spool


def test_small_body_stays_in_memory(files: list[Any]) -> None:
    spool = fill(BodySpool(10, None), b"01234", b"", b"56789")
    assert spool.size == 10
    body = spool.finish()
    assert isinstance(body, io.BytesIO)
    assert body.read() == b"0123456789"
    assert files == []


def test_one_octet_more_goes_to_a_file(files: list[Any], tmp_path: Path) -> None:
    spool = fill(BodySpool(10, str(tmp_path)), b"0123456789", b"x", b"yz")
    assert spool.size == 13
    (raw,) = files
    with spool.finish() as body:
        assert body.fileno() == raw.fileno()
        assert body.read() == b"0123456789xyz"
    assert raw.closed


def test_file_has_no_name(tmp_path: Path) -> None:
    spool = fill(BodySpool(0, str(tmp_path)), b"secret")
    assert list(tmp_path.iterdir()) == []
    spool.close()


def test_body_is_a_whole_file() -> None:
    lines = [b"one\n", b"two\n", b"three"]
    for memory in (0, 1000):
        with fill(BodySpool(memory, None), *lines).finish() as body:
            assert body.readline() == b"one\n"
            assert list(body) == lines[1:]
            assert body.read() == b""
            assert body.seek(4) == 4
            assert body.readlines() == lines[1:]


def test_nothing_was_written(files: list[Any]) -> None:
    for memory in (0, 10):
        spool = BodySpool(memory, None)
        assert spool.size == 0
        assert spool.finish().read() == b""
    assert files == []


def test_short_writes_are_continued(files: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Short(io.FileIO):
        def write(self, data: Any) -> int:
            return super().write(memoryview(data)[:3])

    monkeypatch.setattr(
        tempfile,
        "TemporaryFile",
        lambda dir, buffering: Short(os.memfd_create("body"), "r+"),  # noqa: A006
    )
    with fill(BodySpool(0, None), b"0123456789", b"abcdef").finish() as body:
        assert body.read() == b"0123456789abcdef"


def test_full_disk_is_an_error_at_once(files: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    full = Full(os.memfd_create("body"), "r+")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
    spool = BodySpool(4, None)
    spool.write(b"1234")
    with pytest.raises(OSError, match="No space"):
        spool.write(b"5")
    spool.close()
    assert full.closed


def test_missing_directory_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no-such"):
        BodySpool(0, str(tmp_path / "no-such")).write(b"x")


def test_close_drops_what_was_received(files: list[Any]) -> None:
    spool = fill(BodySpool(0, None), b"x")
    spool.close()
    spool.close()
    assert files[0].closed
    BodySpool(10, None).close()


def test_close_leaves_a_finished_body_alone() -> None:
    for memory in (0, 10):
        spool = fill(BodySpool(memory, None), b"mine now")
        body = spool.finish()
        spool.close()
        assert body.read() == b"mine now"
        body.close()
