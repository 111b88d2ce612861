"""The arbiter with real processes: forks, signals, deaths."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.process

BOUND = 60.0
SCRIPT = Path(__file__).with_name("tiny_server.py")


class TinyServer:
    """A process that runs ``tiny_server.py``; what it says is read as it comes."""

    def __init__(self, directory: Path, *prefix: str, **variables: str) -> None:
        self.directory = directory
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            [*prefix, sys.executable, str(SCRIPT), str(directory)],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **variables},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.decode().rstrip())
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, pattern: str, times: int = 1) -> list[str]:
        """Wait until so many lines match; return what their first groups hold."""

        def found() -> list[str]:
            matches = [re.search(pattern, line) for line in self.lines]
            return [match[match.re.groups] for match in matches if match]

        with self._news:
            self._news.wait_for(lambda: len(found()) >= times or self._ended, BOUND)
            assert len(found()) >= times, f"no {pattern!r} in:\n" + "\n".join(self.lines)
            return found()

    def wait_ready(self, count: int) -> list[int]:
        """Wait until so many workers have become ready since the start; return the last ones."""
        return [int(pid) for pid in self.wait_for(r"worker (\d+) ready", count)]

    def ask(self) -> str:
        """Return the application's answer, without the worker's pid."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(BOUND)
            client.connect(str(self.directory / "socket"))
            return client.recv(100).decode().partition(" ")[2]

    def wait_for_answer(self, answer: str) -> None:
        """Wait until the application says so; a worker may be killed while it is asked."""

        def answers() -> bool:
            with contextlib.suppress(ConnectionError):
                return self.ask() == answer
            return False

        eventually(answers)

    def signal(self, signum: int) -> None:
        os.kill(self.pid, signum)

    def wait(self) -> int:
        """Wait until it and all its workers are gone; return its exit status."""
        status = self.process.wait(BOUND)
        # The workers have inherited the pipe: it ends with the last of them.
        self._reader.join(BOUND)
        assert not self._reader.is_alive(), "workers are left"
        return status

    def destroy(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(BOUND)
        self._reader.join(BOUND)
        assert self.process.stderr is not None
        self.process.stderr.close()


def configure(directory: Path, application: str | None = None, **settings: Any) -> None:
    if application is not None:
        (directory / "application").write_text(application)
    if settings:
        (directory / "settings.json").write_text(json.dumps({"workers": 2} | settings))


Start = Callable[..., TinyServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server in ``tmp_path`` with an application and settings."""
    servers: list[TinyServer] = []

    def start(
        application: str = "old",
        prefix: tuple[str, ...] = (),
        variables: dict[str, str] | None = None,
        **settings: Any,
    ) -> TinyServer:
        configure(tmp_path, application, **{"workers": 2, **settings})
        servers.append(TinyServer(tmp_path, *prefix, **(variables or {})))
        return servers[-1]

    yield start
    for server in servers:
        server.destroy()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(pid: int) -> set[int]:
    """Return the children of a process, dead ones that nobody has waited for too."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(child) for child in text.split()}


def oldest_child(pid: int) -> int:
    """Return the child that was forked first; the numbers of processes begin again some day."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return int(text.split()[0])


def test_it_boots_serves_and_stops_on_term(start: Start, tmp_path: Path) -> None:
    server = start(pidfile=str(tmp_path / "pid"))
    workers = server.wait_ready(2)
    assert server.ask() == "old"
    assert (tmp_path / "pid").read_text() == f"{server.pid}\n"
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    for worker in workers:
        # What an application has registered to run at exit runs in its worker.
        for text in ("got SIGTERM", "finished", "atexit"):
            server.wait_for(f"tiny {worker} {text}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["application", "settings.json"]


def test_an_application_that_does_not_load_ends_it_with_4_and_one_message(start: Start) -> None:
    server = start("broken", workers=3)
    assert server.wait() == 4
    assert len(server.wait_for("no module named 'shop'")) == 1
    assert "    on line 1" in "\n".join(server.lines)


def test_a_worker_that_raises_at_boot_ends_it_with_3_and_one_traceback(start: Start) -> None:
    server = start("crash", workers=2)
    assert server.wait() == 3
    assert len(server.wait_for("ZeroDivisionError: at import")) == 1


def test_a_killed_worker_is_replaced(start: Start) -> None:
    server = start()
    [first, _] = server.wait_ready(2)
    os.kill(first, signal.SIGKILL)
    server.wait_for(f"worker {first} died by SIGKILL; starting another")
    [*_, new] = server.wait_ready(3)
    assert server.ask() == "old"
    assert new in children(server.pid)
    assert len(children(server.pid)) == 2


def test_a_reload_with_good_code_changes_the_guard(start: Start, tmp_path: Path) -> None:
    server = start()
    old = server.wait_ready(2)
    configure(tmp_path, "new")
    server.signal(signal.SIGHUP)
    new = server.wait_ready(4)[2:]
    server.wait_for(r"worker \d+ stopped", 2)
    eventually(lambda: children(server.pid) == set(new))
    assert server.ask() == "new"
    assert not set(old) & set(new)


def test_a_reload_with_broken_code_changes_nothing_until_it_is_repaired(
    start: Start, tmp_path: Path
) -> None:
    server = start()
    old = server.wait_ready(2)
    configure(tmp_path, "broken")
    server.signal(signal.SIGHUP)
    server.wait_for("reload failed: worker .* could not boot: no module named 'shop'")
    server.wait_for("the old generation keeps serving")
    eventually(lambda: children(server.pid) == set(old))
    assert server.ask() == "old"
    configure(tmp_path, "new")
    server.signal(signal.SIGHUP)
    server.wait_ready(4)
    server.wait_for(f"worker {old[1]} stopped")
    server.wait_for(f"worker {old[0]} stopped")
    assert server.ask() == "new"


def test_a_reload_with_broken_settings_changes_nothing(start: Start, tmp_path: Path) -> None:
    server = start()
    old = server.wait_ready(2)
    (tmp_path / "settings.json").write_text("{nonsense")
    server.signal(signal.SIGHUP)
    server.wait_for("reload failed: settings.json: Expecting property name")
    assert server.ask() == "old"
    assert children(server.pid) == set(old)


def test_a_worker_that_ignores_term_is_killed_in_time(start: Start, tmp_path: Path) -> None:
    server = start("deaf", graceful_timeout=100)
    workers = server.wait_ready(2)
    server.signal(signal.SIGTERM)
    for worker in workers:
        server.wait_for(f"tiny {worker} ignores TERM")
    (tmp_path / "new").write_text("101")
    (tmp_path / "new").rename(tmp_path / "ahead")
    assert server.wait() == 0
    for worker in workers:
        server.wait_for(f"worker {worker} did not stop in time; killing it")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGQUIT])
def test_int_and_quit_to_the_whole_group_stop_it(start: Start, signum: int) -> None:
    server = start()
    server.wait_ready(2)
    os.killpg(server.pid, signum)  # as a terminal does
    assert server.wait() == 0


def test_signals_of_the_arbiter_do_not_kill_workers_that_get_them_too(start: Start) -> None:
    server = start()
    old = server.wait_ready(2)
    for signum in (signal.SIGUSR2, signal.SIGWINCH):
        os.killpg(server.pid, signum)
    server.wait_for("USR2 has no meaning here")
    os.killpg(server.pid, signal.SIGHUP)
    server.wait_ready(4)
    for worker in old:
        server.wait_for(f"tiny {worker} finished")


def test_usr1_reopens_the_log_everywhere(start: Start, tmp_path: Path) -> None:
    log, rotated = tmp_path / "log", tmp_path / "log.1"
    server = start(error_log=str(log))
    eventually(lambda: log.exists() and log.read_text().count("ready") == 2)
    log.rename(rotated)
    server.signal(signal.SIGUSR1)
    eventually(lambda: log.exists() and log.read_text().count("reopened") == 3)
    assert "reopened" not in rotated.read_text()


def test_ttin_and_ttou_change_the_number_of_workers(start: Start) -> None:
    server = start()
    server.wait_ready(2)
    first = oldest_child(server.pid)
    server.signal(signal.SIGTTIN)
    server.wait_ready(3)
    assert len(children(server.pid)) == 3
    server.signal(signal.SIGTTOU)
    server.wait_for(f"worker {first} stopped")
    eventually(lambda: len(children(server.pid)) == 2)


def test_a_worker_that_is_silent_dumps_its_stacks_and_is_replaced(start: Start) -> None:
    server = start("frozen", timeout=0.5, abort_seconds=BOUND, workers=1)
    first, *_ = server.wait_ready(1)
    server.wait_for(f"worker {first} silent for more than 0.5 s; aborting it")
    server.wait_for(r"Current thread .*most recent call first")
    server.wait_for(f"worker {first} died by SIGABRT; starting another")
    server.wait_ready(2)
    server.wait_for_answer("old")


def test_a_stopped_worker_is_killed_and_replaced(start: Start) -> None:
    server = start("stopped", timeout=0.5, abort_seconds=0.5, workers=1)
    first, *_ = server.wait_ready(1)
    server.wait_for(f"worker {first} did not stop in time; killing it")
    server.wait_for(f"worker {first} died by SIGKILL; starting another")
    server.wait_ready(2)
    server.wait_for_answer("old")


def test_term_reaches_a_worker_that_still_boots(start: Start) -> None:
    server = start("hang")
    eventually(lambda: len(children(server.pid)) == 2)
    # The children are there before they have shed the arbiter's handlers; none may lose the order.
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    server.wait_for(r"worker \d+ stopped", 2)


def test_workers_whose_arbiter_was_killed_notice_it(start: Start) -> None:
    server = start()
    workers = server.wait_ready(2)
    server.signal(signal.SIGKILL)
    assert server.wait() == -signal.SIGKILL
    for worker in workers:
        server.wait_for(f"tiny {worker} is alone")
        server.wait_for(f"tiny {worker} finished")


def test_the_next_server_takes_over_what_a_killed_one_left(start: Start, tmp_path: Path) -> None:
    server = start(pidfile=str(tmp_path / "pid"))
    server.wait_ready(2)
    server.signal(signal.SIGKILL)
    server.wait()
    assert (tmp_path / "socket").exists()
    second = start("new", pidfile=str(tmp_path / "pid"))
    second.wait_ready(2)
    assert second.ask() == "new"
    assert (tmp_path / "pid").read_text() == f"{second.pid}\n"


def test_children_that_are_not_its_own_are_reaped_silently(start: Start) -> None:
    # The shell's children stay children of the process that takes its place.
    server = start(prefix=("sh", "-c", 'true & sleep 0.1 & exec "$@"', "sh"))
    workers = server.wait_ready(2)
    eventually(lambda: children(server.pid) == set(workers))
    assert not [line for line in server.lines if "exited" in line or "died" in line]


def test_a_service_manager_hears_of_readiness_reload_and_end(start: Start, tmp_path: Path) -> None:
    name = f"dovetail-test-{os.getpid()}-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(BOUND)
        manager.bind("\0" + name)
        server = start(variables={"NOTIFY_SOCKET": "@" + name})
        assert manager.recv(1000) == b"READY=1"
        server.signal(signal.SIGHUP)
        assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", manager.recv(1000))
        assert manager.recv(1000) == b"READY=1"
        server.signal(signal.SIGTERM)
        assert manager.recv(1000) == b"STOPPING=1"
        assert server.wait() == 0
