"""The directory of captured requests."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path

import pytest

from dovetail.server.capture_directory import CaptureDirectory, CaptureDirectoryError

MOMENT = 1_800_000_000.25
TOKEN = "0123456789abcdef"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def make(path: Path, *, files: int = 100, octets: int = 1 << 20) -> CaptureDirectory:
    directory = CaptureDirectory(str(path), files=files, octets=octets)
    directory.prepare(None)
    return directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "captures"


def test_private(path: Path) -> None:
    directory = make(path)
    kept = directory.keep(b"content", moment=MOMENT, token=TOKEN)
    assert mode(path) == 0o700
    assert mode(kept) == 0o600
    assert kept.read_bytes() == b"content"
    assert kept == path / f"20270115T080000.250Z-{TOKEN}.json"
    assert os.listdir(path) == [kept.name]


def test_an_existing_directory(path: Path) -> None:
    path.mkdir(0o700)
    (path / "other").write_text("stays")
    make(path, files=1).keep(b"", moment=MOMENT, token=TOKEN)
    make(path, files=1).keep(b"", moment=MOMENT + 1, token=TOKEN)
    assert len(os.listdir(path)) == 2
    assert (path / "other").exists()


@pytest.mark.parametrize("existing_mode", [0o755, 0o770, 0o701])
def test_open_to_others(path: Path, existing_mode: int) -> None:
    path.mkdir()
    path.chmod(existing_mode)
    with pytest.raises(CaptureDirectoryError, match=f"open to others.*chmod 700 {path}"):
        make(path)


def test_closed_to_its_owner(path: Path) -> None:
    path.mkdir(0o500)
    with pytest.raises(CaptureDirectoryError, match="closed to its owner"):
        make(path)


def test_symbolic_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(0o700)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CaptureDirectoryError, match="symbolic link"):
        make(path)


def test_becomes_a_symbolic_link(path: Path, tmp_path: Path) -> None:
    directory = make(path)
    path.rmdir()
    (tmp_path / "elsewhere").mkdir(0o700)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="captures"):
        directory.keep(b"", moment=MOMENT, token=TOKEN)
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_link_in_a_files_place(path: Path, tmp_path: Path) -> None:
    directory = make(path)
    target = tmp_path / "target"
    target.write_text("stays")
    name = f"20270115T080000.250Z-{TOKEN}.json"
    (path / name).symlink_to(target)
    directory.keep(b"content", moment=MOMENT, token=TOKEN)
    assert target.read_text() == "stays"
    assert not (path / name).is_symlink()


def test_a_file(path: Path) -> None:
    path.write_text("")
    with pytest.raises(CaptureDirectoryError, match="no directory"):
        make(path)


def test_no_parent(tmp_path: Path) -> None:
    with pytest.raises(CaptureDirectoryError, match=r"capture_errors: .* cannot be made"):
        make(tmp_path / "none" / "captures")


@as_root
def test_given_to_the_workers(path: Path) -> None:
    CaptureDirectory(str(path), files=1, octets=1).prepare((12345, 23456))
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)
    assert os.listdir(path) == []
    CaptureDirectory(str(path), files=1, octets=1).prepare((12345, 23456))
    with pytest.raises(CaptureDirectoryError, match=r"belongs to uid 12345; give it to .* uid, 0"):
        make(path)


def test_check_changes_nothing(path: Path, tmp_path: Path) -> None:
    CaptureDirectory(str(path), files=1, octets=1).check(None)
    assert not path.exists()
    with pytest.raises(CaptureDirectoryError, match="cannot be made"):
        CaptureDirectory(str(tmp_path / "no" / "no"), files=1, octets=1).check(None)


def test_newest_are_kept(path: Path) -> None:
    directory = make(path, files=3)
    for number in (3, 1, 4, 5, 9):
        directory.keep(b"", moment=MOMENT + number, token=TOKEN)
    seconds = [re.findall(r"T0800(\d\d)", name)[0] for name in sorted(os.listdir(path))]
    assert seconds == ["04", "05", "09"]


def test_space(path: Path) -> None:
    directory = make(path, octets=250)
    for number in range(5):
        directory.keep(bytes(100), moment=MOMENT + number, token=TOKEN)
    assert len(os.listdir(path)) == 2
    directory.keep(bytes(1000), moment=MOMENT + 9, token=TOKEN)
    (name,) = os.listdir(path)
    assert (path / name).stat().st_size == 1000


def test_what_a_process_left_unfinished(path: Path) -> None:
    directory = make(path)
    old, new = path / f".{TOKEN}.tmp", path / f".{TOKEN[::-1]}.tmp"
    old.touch()
    new.touch()
    os.utime(old, (1, 1))
    directory.keep(b"", moment=MOMENT, token=TOKEN)
    assert not old.exists()
    assert new.exists()


def test_failed_write_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = make(path)

    def fail(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError, match="No space"):
        directory.keep(b"", moment=MOMENT, token=TOKEN)
    assert os.listdir(path) == []


def test_many_at_once(path: Path) -> None:
    directory = make(path, files=5)
    failures: list[BaseException] = []

    def keep(thread: int) -> None:
        try:
            for number in range(20):
                token = f"{thread:08x}{number:08x}"
                directory.keep(b"x" * 100, moment=MOMENT + number, token=token)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(os.listdir(path)) == 5
    assert all("T080019" in name for name in os.listdir(path))
