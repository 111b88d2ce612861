"""The pid file: written whole, never over a live server's, removed only if ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dovetail.server.pidfile import PidFile, PidFileError, move_pidfile

MINE = os.getpid()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "server.pid"


@pytest.fixture
def other() -> Iterator[int]:
    """The id of another process that is alive."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_it_holds_the_pid_on_one_line_readable_by_all_and_nothing_else_is_left(path: Path) -> None:
    PidFile(path).create(MINE)
    assert path.read_text() == f"{MINE}\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_it_is_removed_at_the_end(path: Path) -> None:
    pidfile = PidFile(path)
    pidfile.create(MINE)
    pidfile.remove()
    pidfile.remove()
    assert not path.exists()


def test_a_live_servers_file_is_an_error_that_names_it(path: Path, other: int) -> None:
    path.write_text(f"{other}\n")
    with pytest.raises(PidFileError, match=f"already running: .*{path} names process {other}"):
        PidFile(path).create(MINE)
    assert path.read_text() == f"{other}\n"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "\n", "0\n", f"{MINE}\n", "9999999999\n", "dead"])
def test_a_stale_file_is_replaced(path: Path, content: str) -> None:
    path.write_text(f"{dead_pid()}\n" if content == "dead" else content)
    PidFile(path).create(MINE)
    assert path.read_text() == f"{MINE}\n"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["import os\n", "12 monkeys", "-1", "\u0663", "1" * 40])
def test_a_file_that_is_no_pid_file_is_not_overwritten(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(PidFileError, match="is not a pid file; remove it or choose"):
        PidFile(path).create(MINE)
    assert path.read_text() == content


def test_a_directory_that_is_missing_is_a_readable_error(tmp_path: Path) -> None:
    with pytest.raises(PidFileError, match="No such file or directory; choose a path"):
        PidFile(tmp_path / "missing" / "server.pid").create(MINE)


def test_a_directory_in_its_place_is_a_readable_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(PidFileError, match="cannot write pid file"):
        PidFile(path).create(MINE)


def test_a_link_that_leads_nowhere_is_a_readable_error(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))
    with pytest.raises(PidFileError, match="leads nowhere"):
        PidFile(path).create(MINE)


def test_a_file_that_another_server_has_written_since_stays(path: Path) -> None:
    pidfile = PidFile(path)
    pidfile.create(MINE)
    path.unlink()
    path.write_text("12345\n")
    pidfile.remove()
    assert path.read_text() == "12345\n"


def test_a_file_that_was_rewritten_in_place_stays(path: Path) -> None:
    pidfile = PidFile(path)
    pidfile.create(MINE)
    path.write_text("12345\n")
    pidfile.remove()
    assert path.read_text() == "12345\n"


def test_one_that_was_never_written_removes_nothing(path: Path, other: int) -> None:
    path.write_text(f"{other}\n")
    pidfile = PidFile(path)
    with pytest.raises(PidFileError):
        pidfile.create(MINE)
    pidfile.remove()
    assert path.exists()


def test_moving_writes_the_new_one_and_removes_the_old_one(path: Path) -> None:
    first = move_pidfile(None, str(path), MINE)
    assert move_pidfile(first, str(path), MINE) is first
    new = path.with_name("other.pid")
    second = move_pidfile(first, str(new), MINE)
    assert (path.exists(), new.read_text()) == (False, f"{MINE}\n")
    assert move_pidfile(second, None, MINE) is None
    assert not new.exists()


def test_moving_onto_a_live_servers_file_keeps_the_old_one(path: Path, other: int) -> None:
    first = move_pidfile(None, str(path), MINE)
    taken = path.with_name("taken.pid")
    taken.write_text(f"{other}\n")
    with pytest.raises(PidFileError):
        move_pidfile(first, str(taken), MINE)
    assert path.read_text() == f"{MINE}\n"
