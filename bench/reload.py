"""From saving a file to the first answer of the new code, and what watching costs at rest.

    python bench/reload.py [--times 20] [--pause 1.5] [--files 50000] [--seconds 10]

Real processes: an application of one file under `dovetail run --debug` and under app.run(). A
client asks again and again; a file is saved; the first answer of the new code ends the clock. The
parts: noticing the change, retiring the server, starting the interpreter with what is imported
before the application, importing the application, and from there to the answer.

At rest, the same server is watched for some seconds with and without a large tree of unrelated
files beside the application.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

APPLICATION = """\
import os, time
BEGUN = time.time()
from dovetail import App

app = App(__name__)
VERSION = 1

@app.get("/")
def index():
    return f"{VERSION} {BEGUN} {READY}"

READY = time.time()
if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]), debug=True)
"""
PARTS = ("noticing", "retiring", "interpreter", "application", "answer")


class Server:
    """A development server, and when it wrote which line."""

    def __init__(self, command: list[str], folder: Path, port: int) -> None:
        environ = {**os.environ, "PORT": str(port)}
        self.process = subprocess.Popen(
            command, cwd=folder, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        self.port = port
        self.lines: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append((time.time(), line.decode()))

    def ask(self) -> list[str]:
        """Make a request; return the words of the answer, none if there was no good one."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            client.request("GET", "/")
            response = client.getresponse()
            text = response.read().decode()
            client.close()
            return text.split() if response.status == 200 else []
        return []

    def wait_for(self, version: int) -> tuple[float, list[str]]:
        """Return when the answer of a version came, and its words."""
        deadline = time.time() + 30
        while time.time() < deadline:
            words = self.ask()
            if words and int(words[0]) == version:
                return time.time(), words
            time.sleep(0.002)
        lines = "".join(line for _, line in self.lines if '"GET ' not in line)
        raise SystemExit(f"no answer of version {version}:\n{lines}")

    def when(self, text: str, after: float) -> float:
        """Return when the first line with this text was written after a moment."""
        return next((at for at, line in self.lines if at >= after and text in line), after)


@contextlib.contextmanager
def serving(command: list[str], folder: Path) -> Iterator[Server]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    server = Server([word.replace("PORT", str(port)) for word in command], folder, port)
    try:
        server.wait_for(1)
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(20)


def save(folder: Path, version: int) -> None:
    text = re.sub("VERSION = .*", f"VERSION = {version}", APPLICATION)
    (folder / "app.py").write_text(text)


def measure(command: list[str], folder: Path, times: int, pause: float) -> None:
    """Edit so many times; print the medians, in milliseconds."""
    save(folder, 1)
    rows: list[list[float]] = []
    with serving(command, folder) as server:
        for version in range(2, times + 2):
            time.sleep(pause)
            saved = time.time()
            save(folder, version)
            answered, words = server.wait_for(version)
            noticed = server.when("Detected change", saved)
            restarted = server.when("Restarting with", saved)
            begun, ready = float(words[1]), float(words[2])
            moments = [saved, noticed, restarted, begun, ready, answered]
            parts = [after - before for before, after in pairwise(moments)]
            rows.append([answered - saved, *parts])
    medians = [statistics.median(column) * 1000 for column in zip(*rows, strict=True)]
    worst = max(row[0] for row in rows) * 1000
    print(f"{' '.join(command[-4:]):40} {medians[0]:6.0f} ms (worst {worst:.0f})")
    for name, value in zip(PARTS, medians[1:], strict=True):
        print(f"    {name:36} {value:6.0f}")


def plant(folder: Path, files: int) -> None:
    """Make a tree of unrelated files, some of them beside the application."""
    for number in range(files):
        inner = folder / "data" / str(number // 500) if number >= 500 else folder
        if number < 500 or number % 500 == 0:
            inner.mkdir(parents=True, exist_ok=True)
        (inner / f"unrelated{number}.txt").write_text("x")


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def cost(pids: list[int]) -> tuple[float, int, int]:
    """Return CPU seconds, bytes read, and watches, of all processes together."""
    cpu, read, watches = 0.0, 0, 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            cpu += int((task / "schedstat").read_text().split()[0]) / 1e9
        read += int(Path(f"/proc/{pid}/io").read_text().split()[1])
        for info in Path(f"/proc/{pid}/fdinfo").iterdir():
            watches += info.read_text().count("inotify wd:")
    return cpu, read, watches


def rest(command: list[str], folder: Path, seconds: float, label: str) -> None:
    """Print what a server costs that nobody uses."""
    save(folder, 1)
    with serving(command, folder) as server:
        time.sleep(2)
        pids = family(server.process.pid)
        before = cost(pids)
        time.sleep(seconds)
        after = cost(pids)
        share = (after[0] - before[0]) / seconds * 100
        print(
            f"{label:40} {share:6.2f} % of a core, {after[1] - before[1]} bytes read,"
            f" {after[2]} directories watched"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--pause", type=float, default=1.5, help="seconds from answer to save")
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    dovetail = str(Path(sys.executable).with_name("dovetail"))
    run = [dovetail, "--app", "app", "run", "--debug", "--port", "PORT"]
    script = [sys.executable, "app.py"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command in (run, script):
            measure(command, folder, options.times, options.pause)
        rest(run, folder, options.seconds, "at rest")
        plant(folder, options.files)
        rest(run, folder, options.seconds, f"at rest, {options.files} unrelated files")
        polling = [*run, "--reload-type", "stat"]
        rest(polling, folder, options.seconds, "the same, polling")


if __name__ == "__main__":
    main()
