"""A real server process, and what the tests ask of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["COMMAND", "PATIENCE", "Server", "children", "environment", "freeze", "wait_gone"]

#: How long anything may take that has to happen, in seconds; long, for a machine that is busy.
PATIENCE = 60.0

COMMAND = Path(sys.executable).parent / "dovetail"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without the variables that are settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DOVETAIL_", "FLASK_", "LISTEN_", "PYTHON", "WERKZEUG_"))
        and name not in {"PORT", "WEB_CONCURRENCY", "NOTIFY_SOCKET"}
    }
    # Within a second, a rewritten module of the same size would be taken from its old bytecode.
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"} | dict(extra or {})


class Server:
    """``dovetail serve`` as a process of its own session; its error log is read as it comes."""

    def __init__(
        self,
        arguments: Iterable[str],
        *,
        directory: Path,
        variables: Mapping[str, str],
        prefix: Iterable[str] = (),
    ) -> None:
        self.lines: list[str] = []
        self._ended = False
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [*prefix, str(COMMAND), "serve", *arguments],
            cwd=directory,
            env=environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    # The log

    @property
    def log(self) -> str:
        """All that it has said so far."""
        with self._news:
            return "\n".join(self.lines)

    def mark(self) -> int:
        """Return where the log is now, for ``since``."""
        with self._news:
            return len(self.lines)

    def wait_for(self, pattern: str, *, since: int = 0, times: int = 1) -> list[re.Match[str]]:
        """Wait until so many lines match; return the matches."""
        compiled = re.compile(pattern)
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while True:
                found = [m for line in self.lines[since:] if (m := compiled.search(line))]
                if len(found) >= times:
                    return found
                if self._ended or not self._news.wait(deadline - time.monotonic()):
                    text = "\n".join(self.lines)
                    raise AssertionError(f"{pattern!r} is not {times} times in the log:\n{text}")

    def wait_ready(self, workers: int) -> None:
        """Wait until so many workers serve."""
        self.wait_for(r"worker \d+ ready", times=workers)

    @property
    def port(self) -> int:
        """The port that it chose."""
        return int(self.wait_for(r"listening on https?://127\.0\.0\.1:(\d+)")[0][1])

    # Processes

    def workers(self) -> set[int]:
        """Return the workers that are there now."""
        return children(self.pid)

    def wait_workers(self, count: int, *, without: Iterable[int] = ()) -> set[int]:
        """Wait until there are exactly so many workers, and none of some earlier ones."""
        deadline = time.monotonic() + PATIENCE
        while True:
            workers = self.workers()
            if len(workers) == count and workers.isdisjoint(without):
                return workers
            assert time.monotonic() < deadline, f"workers are {workers}, log:\n{self.log}"
            time.sleep(0.02)

    def signal(self, signum: signal.Signals) -> int:
        """Send the arbiter a signal; return where the log was before."""
        mark = self.mark()
        os.kill(self.pid, signum)
        return mark

    def wait(self) -> int:
        """Wait until it has ended by itself; return its exit status."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end; log:\n{self.log}") from None
        # The workers inherited the pipe: its end says that they are gone as well.
        self._reader.join(PATIENCE)
        assert not self._reader.is_alive(), "a worker outlives its arbiter"
        return status

    def stop(self) -> int:
        """Tell it to finish; return its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def destroy(self) -> None:
        """Kill whatever is left of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()


def children(parent: int) -> set[int]:
    """Return the processes whose parent that is, dead ones too until they are reaped."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))) and stat[1] == str(parent):
            found.add(int(entry.name))
    return found


def wait_gone(pids: Iterable[int]) -> None:
    """Wait until these processes have ended; they may still wait to be reaped."""
    deadline = time.monotonic() + PATIENCE
    for pid in pids:
        while (stat := _stat(pid)) and stat[0] not in "ZX":
            assert time.monotonic() < deadline, f"process {pid} is still running"
            time.sleep(0.02)


def freeze(pid: int) -> None:
    """Stop a process, and wait until every thread of it stands still."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + PATIENCE
    while any(_stat(f"{pid}/task/{task.name}")[:1] != ["T"] for task in _tasks(pid)):
        assert time.monotonic() < deadline, f"process {pid} does not stop"
        time.sleep(0.01)


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _stat(pid: int | str) -> list[str]:
    """Return state, parent and what follows of proc(5)'s ``stat``; nothing if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()
