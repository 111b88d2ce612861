"""Servers as processes: started, watched, stopped, and nothing of them left behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.programs import unhurried

__all__ = ["BIN", "PATIENCE_SECONDS", "THREADS", "WORKERS", "Deployment", "Process", "wait_until"]

#: The environment of the applications: theirs are not to be mixed up with what tests ours.
BIN = Path(f"{sys.prefix}-applications") / "bin"
#: How long anything here may take before the test gives up.
PATIENCE_SECONDS = 60.0
WORKERS = 2
THREADS = 4


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return when ``condition`` holds; fail when it did not in good time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.005)


class Process:
    """A process with its children in a group of their own, writing to ``output``."""

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        output: Path,
        directory: Path,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.output = output
        with output.open("wb") as file:
            self.popen = subprocess.Popen(
                command,
                cwd=directory,
                env={**os.environ, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        """Return what it has written so far."""
        return self.output.read_text(errors="replace")

    def wait_for_line(self, pattern: str) -> re.Match[str]:
        """Return the match of ``pattern`` in its output, once it is there."""

        def written() -> bool:
            if self.popen.poll() is not None:
                raise AssertionError(f"it ended by itself:\n{self.text()}")
            return re.search(pattern, self.text()) is not None

        try:
            wait_until(written, f"{pattern} is written")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None
        match = re.search(pattern, self.text())
        assert match is not None
        return match

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and kill its group if it does not; return its exit status."""
        try:
            if self.popen.poll() is None:
                self.popen.send_signal(number)
            return self.popen.wait(PATIENCE_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        """End all of its group at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(PATIENCE_SECONDS)

    def alone(self) -> bool:
        """Tell whether nothing of its group is alive."""
        try:
            os.killpg(self.popen.pid, 0)
        except ProcessLookupError:
            return True
        return False


class Deployment:
    """``dovetail serve`` with two workers of four threads, on a TCP port and a Unix socket."""

    def __init__(
        self,
        application: str,
        state: Path,
        *,
        search: Path,
        options: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.state = state
        self.socket = state / "dovetail.sock"
        self.access_log = state / "access.log"
        command: list[str | os.PathLike[str]] = [BIN / "dovetail", "serve", application]
        command += ["--chdir", search, "--workers", str(WORKERS), "--threads", str(THREADS)]
        command += ["--bind", "127.0.0.1:0", "--bind", f"unix:{self.socket}"]
        # Besides, nginx has to be the first to close an idle connection between the two.
        command += unhurried("5m")
        command += ["--access-log", self.access_log, "--access-log-format", "json", *options]
        environment = {"PYTHONDONTWRITEBYTECODE": "1", **(environ or {})}
        self.process = Process(
            command, output=state / "output.log", directory=state, environ=environment
        )
        try:
            self.url = self.process.wait_for_line(r"listening on (http://127\.0\.0\.1:\d+)")[1]
            self.process.wait_for_line(r"(?s)worker \d+ ready.*worker \d+ ready")
        except BaseException:
            self.process.kill()
            raise

    def stop(self) -> None:
        """Stop it gracefully, and see that it has behaved."""
        status = self.process.stop()
        written = self.process.text()
        assert status == 0, written
        assert "please report it" not in written
        assert self.process.alone()
