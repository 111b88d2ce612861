"""Programs in a directory of their own, run by the reloader in real processes; and clients."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dovetail.dev.workshop import VARIABLE

__all__ = ["PATIENCE", "Client", "Crowd", "Project", "family", "is_alive", "project", "until"]

PATIENCE = 60.0

# Serves what the module `app` has; as little as possible stands around the reloader.
PROGRAM = """
import os
import sys

from dovetail.dev.reloader import run_with_reloader
from dovetail.dev.server import make_server

import app

options = app.OPTIONS
is_child = os.environ.get("WERKZEUG_RUN_MAIN") == "true"
fd = int(os.environ["WERKZEUG_SERVER_FD"]) if is_child else None
given = {"host": "127.0.0.1", "port": 0, "threaded": True, **options.get("server", {})}
server = make_server(app=app.application, fd=fd, **given)
if not is_child:
    print("PORT", server.port, file=sys.stderr, flush=True)
stand_in = {"hostname": given["host"], "port": server.port}
with server:
    run_with_reloader(
        server.serve_forever, server=server, stand_in=stand_in, **options.get("reloader", {})
    )
"""

APP = """
import time

VERSION = 1
OPTIONS = {}


def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        start_response("200 OK", [("Content-Type", "text/plain")])
        time.sleep(1.5)
        return [str(VERSION).encode()]
    if environ["PATH_INFO"] == "/lazy":
        import lazy
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(lazy.VERSION).encode()]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(VERSION).encode()]
"""


class Project:
    """A program under the reloader."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes]
        self.port = 0
        self.tls = False
        self.unix = ""
        self.lines: list[str] = []
        self.write("run.py", PROGRAM)
        self.write("app.py", APP)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def options(self, **options: object) -> None:
        """Set what the program passes on, before it is started."""
        self.write("app.py", APP.replace("OPTIONS = {}", f"OPTIONS = {options!r}"))

    def save(self, version: int | str) -> None:
        """Give the application another version."""
        lines = (self.folder / "app.py").read_text().splitlines()
        changed = [f"VERSION = {version}" if "VERSION =" in line else line for line in lines]
        self.write("app.py", "\n".join(changed) + "\n")

    def start(
        self, *command: str, program: str = sys.executable, environ: dict[str, str] | None = None
    ) -> None:
        variables = {**os.environ, "PYTHONUNBUFFERED": "1", VARIABLE: "", **(environ or {})}
        words = [*([program] if program else []), *(command or ("run.py",))]
        words[0] = shutil.which(words[0], path=variables["PATH"]) or words[0]
        self.process = subprocess.Popen(
            words,
            cwd=self.folder,
            env=variables,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = int(until(lambda: self.find("PORT "), "a port").split()[1])

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if b'"GET ' not in line:
                self.lines.append(line.decode().rstrip("\n"))

    def find(self, text: str) -> str:
        return next((line for line in list(self.lines) if text in line), "")

    def count(self, text: str) -> int:
        return sum(text in line for line in list(self.lines))

    def ask(self, path: str = "/") -> tuple[int, str]:
        """Make one request."""
        with contextlib.closing(Client(self)) as client:
            return client.ask(path)

    def wait_for(self, version: object, path: str = "/") -> None:
        until(lambda: self.ask(path) == (200, str(version)), f"version {version}", self.lines)

    def wait_for_line(self, text: str, times: int = 1) -> None:
        until(lambda: self.count(text) >= times, text, self.lines)

    def pids(self) -> list[int]:
        return family(self.process.pid)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        print(*self.lines, sep="\n")  # for pytest, which shows it when a test fails
        return status

    def clean_up(self) -> None:
        if hasattr(self, "process"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(PATIENCE)
            self._reader.join(PATIENCE)
            assert self.process.stderr is not None
            self.process.stderr.close()


class Client:
    """A client that keeps its connection."""

    def __init__(self, project: Project) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", project.port, timeout=PATIENCE)
        self._project = project

    def ask(self, path: str = "/") -> tuple[int, str]:
        if self._http.sock is None:
            self._http.sock = self._connect()
        self._http.request("GET", path)
        response = self._http.getresponse()
        return response.status, response.read().decode()

    def _connect(self) -> socket.socket:
        if self._project.unix:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(PATIENCE)
            sock.connect(self._project.unix)
            return sock
        sock = socket.create_connection(("127.0.0.1", self._project.port), PATIENCE)
        if self._project.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context.wrap_socket(sock)
        return sock

    def close(self) -> None:
        self._http.close()


class Crowd:
    """Clients that never stop asking, each in its thread; half of them keep their connection."""

    def __init__(self, project: Project, count: int) -> None:
        self.failures: list[str] = []
        self.seen: set[int] = set()
        self.errors_shown = 0
        self._project = project
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=[number % 2 == 0]) for number in range(count)
        ]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _run(self, keeps: bool) -> None:
        latest = 0
        client = Client(self._project)
        while not self._stopped.wait(0.02):
            try:
                status, text = client.ask()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{error!r}, keeps={keeps}")
                client.close()
                continue
            if not keeps:
                client.close()
            if status != 200:
                self.errors_shown += 1
                continue
            if int(text) < latest:
                self.failures.append(f"{text} after {latest}")
            latest = int(text)
            self.seen.add(latest)
        client.close()

    def wait_for(self, version: int) -> None:
        until(lambda: version in self.seen, f"version {version}", self._project.lines)


def until(ask: Callable[[], Any], what: str, lines: list[str] | None = None) -> Any:
    """Ask again and again until the answer is true, and return it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if found := ask():
                return found
        time.sleep(0.01)
    raise AssertionError("\n".join([f"waited in vain for {what}", *(lines or [])]))


def family(pid: int) -> list[int]:
    """Return a process and its descendants (Linux)."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in children for each in family(int(child)))]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.clean_up()
