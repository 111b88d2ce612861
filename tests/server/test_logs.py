from __future__ import annotations

import errno
import logging
import logging.config
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from dovetail.server.access_log import AccessEntry
from dovetail.server.logs import LogError, LogFile, Logs
from dovetail.server.settings import Settings

STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\]"


def entry(target: str = "/") -> AccessEntry:
    return AccessEntry(
        remote_addr="192.0.2.7",
        remote_port=50_000,
        method="GET",
        target=target,
        protocol="HTTP/1.1",
        status=200,
        response_length=5,
        duration=0.25,
        started=1_793_000_000.0,
        request_fields=[],
        response_fields=[],
        pid=4321,
    )


@contextmanager
def opened(**values: Any) -> Iterator[Logs]:
    logs = Logs(Settings(**values))
    try:
        yield logs
    finally:
        logs.close()


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Any]:
    return {"access_log": str(tmp_path / "access"), "error_log": str(tmp_path / "error")}


def text(path: str) -> str:
    return Path(path).read_text()


def test_error_log_line(paths: dict[str, Any]) -> None:
    with opened(**paths) as logs:
        logs.error.info("listening on %s, %d workers in %.1f s", "[::]:80", 4, 0.25)
        logs.error.debug("too little to say")
    line = rf"{STAMP} \[{os.getpid()}\] \[INFO\] listening on \[::\]:80, 4 workers in 0\.2 s\n"
    assert re.fullmatch(line, text(paths["error_log"]))


@pytest.mark.parametrize("level", ["debug", "INFO", "warning", "error", "critical"])
def test_level(paths: dict[str, Any], level: str) -> None:
    with opened(log_level=level, **paths) as logs:
        assert logs.error.level == getattr(logging, level.upper())


def test_unknown_level_is_refused(paths: dict[str, Any]) -> None:
    with pytest.raises(LogError, match=r"^log_level: unknown level 'loud': use one of debug, "):
        Logs(Settings(log_level="loud", **paths))


def test_arguments_cannot_forge_a_line(paths: dict[str, Any]) -> None:
    forged = "x\r\n[2026-01-01 00:00:00 +0000] [1] [INFO] forged\x1b[2J\x00\x7f\x85\u2028\u202e"
    with opened(**paths) as logs:
        logs.error.error("refused %s and %r", forged, ValueError(forged))
        logs.error.error("refused %(name)s", {"name": forged})
    lines = text(paths["error_log"]).split("\n")
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert r"refused x\x0d\x0a[2026-01-01" in lines[0]
    assert r"\x1b[2J\x00\x7f\x85\u2028\u202e" in lines[1]


def test_traceback_is_readable_and_cannot_forge_a_line(paths: dict[str, Any]) -> None:
    with opened(**paths) as logs:
        try:
            raise ValueError("first\n[2026-01-01 00:00:00 +0000] [1] [INFO] forged\x1b")
        except ValueError:
            logs.error.exception("request failed", stack_info=True)
    first, *rest = text(paths["error_log"]).splitlines()
    assert first.endswith("[ERROR] request failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert "    ValueError: first" in rest
    assert r"    [2026-01-01 00:00:00 +0000] [1] [INFO] forged\x1b" in rest
    assert "    Stack (most recent call last):" in rest
    assert all(line.startswith("    ") for line in rest)


def test_text_that_no_encoding_has(paths: dict[str, Any]) -> None:
    with opened(**paths) as logs:
        logs.error.error("file \udcff \u20ac")
    assert text(paths["error_log"]).endswith("file \\udcff \u20ac\n")


def test_applications_logging_config_does_not_silence_the_server(
    paths: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests' loggers are not to be disabled.
    monkeypatch.setattr(logging.root.manager, "loggerDict", {})
    with opened(**paths) as logs:
        logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})
        logs.error.info("still here")
    assert "still here" in text(paths["error_log"])


def test_wrong_arguments_do_not_raise(
    paths: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(**paths) as logs:
        logs.error.info("%d workers", "four")
        logs.error.info("next")
    assert "next" in text(paths["error_log"])
    assert "Logging error" in capsys.readouterr().err


def test_access_log(paths: dict[str, Any]) -> None:
    with opened(access_log_format='%(h)s "%(r)s" %(s)s', **paths) as logs:
        assert logs.access_enabled
        logs.access(entry('/"\n'))
    assert text(paths["access_log"]) == '192.0.2.7 "GET /\\"\\x0a HTTP/1.1" 200\n'


def test_no_access_log(paths: dict[str, Any]) -> None:
    with opened(access_log=None, error_log=paths["error_log"]) as logs:
        assert not logs.access_enabled
        logs.access(entry())
        logs.reopen()
    assert text(paths["error_log"]) == ""


def test_malformed_format_is_refused_before_files_are_made(paths: dict[str, Any]) -> None:
    with pytest.raises(LogError, match=r"^access_log_format: no atom .* column 3 "):
        Logs(Settings(access_log_format="a %z", **paths))
    assert not Path(paths["error_log"]).exists()


def test_standard_streams(capfd: pytest.CaptureFixture[str]) -> None:
    with opened(access_log="-", access_log_format="%(m)s", error_log="-") as logs:
        logs.access(entry())
        logs.error.info("hello")
        logs.reopen()
    # Closing the logs leaves the streams to those who have them.
    os.write(1, b"after\n")
    captured = capfd.readouterr()
    assert captured.out == "GET\nafter\n"
    assert captured.err.endswith("[INFO] hello\n")


@pytest.mark.parametrize("setting", ["access_log", "error_log"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [("none/log", "No such file or directory"), ("", "Is a directory"), ("a\0b", "null")],
)
def test_unopenable_file(
    paths: dict[str, Any], tmp_path: Path, setting: str, name: str, reason: str
) -> None:
    paths[setting] = f"{tmp_path}/{name}"
    with pytest.raises(LogError) as caught:
        Logs(Settings(**paths))
    message = str(caught.value)
    assert message.startswith(f"{setting}: cannot open {tmp_path}/")
    assert reason in message


def test_fifo_without_a_reader_is_an_error_and_no_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(LogError, match=r"^error_log: cannot open .*/fifo: "):
        Logs(Settings(error_log=str(tmp_path / "fifo")))


def test_file_is_not_readable_by_everyone(paths: dict[str, Any]) -> None:
    with opened(**paths):
        assert Path(paths["access_log"]).stat().st_mode & 0o007 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner(paths: dict[str, Any]) -> None:
    logs = Logs(Settings(**paths), owner=(12_345, 23_456))
    Path(paths["access_log"]).unlink()
    logs.reopen()
    logs.close()
    for path in paths.values():
        status = Path(path).stat()
        assert (status.st_uid, status.st_gid) == (12_345, 23_456)
    assert Path(os.devnull).stat().st_uid == 0


def test_reopen_after_rename(paths: dict[str, Any]) -> None:
    with opened(access_log_format="%(U)s", **paths) as logs:
        logs.access(entry("/old"))
        os.rename(paths["access_log"], paths["access_log"] + ".1")
        logs.access(entry("/renamed"))
        logs.reopen()
        logs.access(entry("/new"))
    assert text(paths["access_log"] + ".1") == "/old\n/renamed\n"
    assert text(paths["access_log"]) == "/new\n"


def test_reopen_that_fails_keeps_the_old_file(paths: dict[str, Any], tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    paths["access_log"] = str(directory / "access")
    with opened(access_log_format="%(U)s", **paths) as logs:
        directory.rename(tmp_path / "moved")
        logs.reopen()
        logs.access(entry("/kept"))
    assert text(str(tmp_path / "moved" / "access")) == "/kept\n"
    assert "[ERROR] access_log: cannot open " in text(paths["error_log"])
    assert "lines still go to the file opened before" in text(paths["error_log"])


def test_no_line_is_lost_or_torn_while_files_are_rotated(paths: dict[str, Any]) -> None:
    path = paths["access_log"]
    threads, lines, rotations = 3, 300, 20

    def write(number: int) -> None:
        for count in range(lines):
            logs.access(entry(f"/{number}/{count}"))

    with opened(access_log_format="%(U)s", **paths) as logs:
        writers = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
        for writer in writers:
            writer.start()
        for rotation in range(rotations):
            os.rename(path, f"{path}.{rotation}")
            logs.reopen()
        for writer in writers:
            writer.join()
    files = [path, *(f"{path}.{rotation}" for rotation in range(rotations))]
    found = [line for file in files for line in text(file).splitlines()]
    expected = [f"/{number}/{count}" for number in range(threads) for count in range(lines)]
    assert sorted(found) == sorted(expected)


def test_several_processes_share_a_file(paths: dict[str, Any]) -> None:
    program = (
        "import sys\n"
        "from dovetail.server.logs import Logs\n"
        "from dovetail.server.settings import Settings\n"
        "logs = Logs(Settings(error_log=sys.argv[1]))\n"
        "for count in range(200):\n"
        "    logs.error.info('%s', sys.argv[2] * 500)\n"
        "logs.close()\n"
    )
    command = [sys.executable, "-c", program, paths["error_log"]]
    processes = [subprocess.Popen([*command, letter]) for letter in "ab"]
    try:
        assert [process.wait(60) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    lines = [line.rsplit(" ", 1)[1] for line in text(paths["error_log"]).splitlines()]
    assert sorted(lines) == ["a" * 500] * 200 + ["b" * 500] * 200


def test_write_after_close_is_dropped(paths: dict[str, Any]) -> None:
    with opened(**paths) as logs:
        pass
    logs.access(entry())
    logs.error.error("too late")
    assert text(paths["access_log"]) == text(paths["error_log"]) == ""


def open_below(directory: Path) -> list[str]:
    """Return which files below a directory this process has open."""
    names = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            names.append(os.readlink(f"/proc/self/fd/{number}"))
    return [name for name in names if name.startswith(f"{directory}/")]


def test_descriptors_are_given_back(paths: dict[str, Any], tmp_path: Path) -> None:
    before = open_below(tmp_path)
    for _ in range(3):
        with opened(**paths) as logs:
            logs.reopen()
            assert len(open_below(tmp_path)) == len(before) + 2
    assert open_below(tmp_path) == before


def test_closed_pipe_is_survived_and_reported(paths: dict[str, Any], tmp_path: Path) -> None:
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with opened(access_log_format="%(U)s", **(paths | {"access_log": fifo})) as logs:
        os.close(reader)
        for _ in range(3):
            logs.access(entry("/lost"))
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        logs.access(entry("/found"))
        assert os.read(reader, 100) == b"/found\n"
        os.close(reader)
    begin, end = text(paths["error_log"]).splitlines()
    assert begin.endswith(f"[WARNING] access_log: cannot write to {fifo}: Broken pipe")
    assert end.endswith(f"[WARNING] access_log: {fifo} works again; lines lost: 3")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_full_disk_is_survived(paths: dict[str, Any]) -> None:
    paths["access_log"] = "/dev/full"
    with opened(**paths) as logs:
        logs.access(entry())
        logs.access(entry())
    assert text(paths["error_log"]).count("cannot write to /dev/full: No space left") == 1


class Disk:
    """Stands in for ``os.write``: takes so many octets of each line, or fails."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.room: int | None = None

    def write(self, _descriptor: int, data: bytes) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.taken.append(data[: self.room])
        return len(self.taken[-1])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "write", disk.write)
    return disk


def test_half_a_line_does_not_swallow_the_next(tmp_path: Path, disk: Disk) -> None:
    reports: list[str] = []
    file = LogFile(str(tmp_path / "log"), setting="error_log", stream=2, report=reports.append)
    disk.room = 3
    file.write(b"first\n")
    disk.room = None
    file.write(b"second\n")
    file.write(b"third\n")
    file.close()
    assert disk.taken == [b"fir", b"\nsecond\n", b"third\n"]
    assert reports[0].endswith("only part of a line was written")
    assert reports[1].endswith("works again; lines lost: 1")


def test_error_log_reports_its_own_lost_lines(paths: dict[str, Any], disk: Disk) -> None:
    with opened(**paths) as logs:
        disk.room = 0
        logs.error.info("one")
        logs.error.info("two")
        disk.room = None
        logs.error.info("three")
    written = b"".join(disk.taken).decode().splitlines()
    assert written[0].endswith("[INFO] three")
    # The two lines, and the report that there is no room for them.
    assert written[1].endswith("works again; lines lost: 3")
    assert len(written) == 2


def test_flapping_log_is_reported_seldom(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    reports: list[str] = []
    file = LogFile(str(tmp_path / "log"), setting="access_log", stream=1, report=reports.append)
    for _ in range(5):
        disk.room = 0
        file.write(b"lost\n")
        disk.room = None
        file.write(b"kept\n")
    assert len(reports) == 2
    assert file.lost == 4
    now += 60
    file.write(b"kept\n")
    file.close()
    assert reports[2].endswith("lines lost: 4")


def test_stream_that_was_closed_at_start_is_not_written_to() -> None:
    program = (
        "import os, sys\n"
        "from dovetail.server.logs import Logs\n"
        "from dovetail.server.settings import Settings\n"
        "os.open(os.devnull, os.O_RDONLY)\n"  # gets the number 2
        "read, write = os.pipe()\n"
        "os.dup2(write, 2)\n"  # as if a client's connection had got it
        "logs = Logs(Settings(error_log='-'))\n"
        "logs.error.error('text')\n"
        "os.set_blocking(read, False)\n"
        "try:\n"
        "    sys.exit('written: %r' % os.read(read, 100))\n"
        "except BlockingIOError:\n"
        "    print('nothing written')\n"
    )
    command = f'exec "{sys.executable}" -c "$1" 2>&-'
    done = subprocess.run(
        ["sh", "-c", command, "sh", program], stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"nothing written\n")
