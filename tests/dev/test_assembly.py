"""``run_simple`` and ``dovetail run`` as processes: all parts together, as their user has them."""

from __future__ import annotations

import contextlib
import http.client
import os
import pty
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.operation.server import COMMAND, PATIENCE, environment

pytestmark = [pytest.mark.process, pytest.mark.network]

APPLICATION = """
from dovetail import App

app = App(__name__)
VERSION = 1

@app.get("/")
def index():
    return f"version {VERSION}"

@app.get("/fail")
def fail():
    secret_number = 42
    return 1 / 0
"""
SCRIPT = """
import os, ssl, sys
from dovetail.dev import run_simple

VERSION = 1

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    if environ["PATH_INFO"] == "/inherited":
        return [str(os.get_inheritable(int(os.environ["WERKZEUG_SERVER_FD"]))).encode()]
    return [f"version {VERSION}".encode()]

run_simple(sys.argv[1], 0, app, use_reloader=True, use_debugger=True,
           ssl_context="adhoc" if "tls" in sys.argv else None,
           processes=2 if "processes" in sys.argv else 1)
"""


class Program:
    """A development server, and what it has written; on a terminal if ``terminal``."""

    def __init__(self, directory: Path, *line: str, terminal: bool = False) -> None:
        self.log = directory / "log"
        variables = {"PYTHONUNBUFFERED": "1", "TMPDIR": str(directory / "tmp")}
        reader, writer = pty.openpty() if terminal else (-1, -1)
        self.terminal = reader
        self.shown = ""
        with self.log.open("wb") as file:
            self.process = subprocess.Popen(
                line,
                cwd=directory,
                env=environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=writer if terminal else subprocess.STDOUT,
                start_new_session=True,
            )
        if terminal:
            os.close(writer)

    def text(self) -> str:
        return self.log.read_text()

    def read_terminal_until(self, pattern: str) -> re.Match[str]:
        while (match := re.search(pattern, self.shown)) is None:
            assert select.select([self.terminal], [], [], PATIENCE)[0], self.shown
            self.shown += os.read(self.terminal, 1000).decode()
        return match

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.text()
            assert self.process.poll() is None, self.text()
            time.sleep(0.01)

    @property
    def port(self) -> int:
        pattern = r"Running on https?://127\.0\.0\.1:(\d+)\n"
        self.until(lambda: re.search(pattern, self.text()) is not None)
        return int(re.findall(pattern, self.text())[0])

    def ask(self, path: str = "/", port: int = 0, accept: str = "*/*") -> tuple[int, str]:
        client = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE)
        try:
            client.request("GET", path, headers={"Accept": accept})
            response = client.getresponse()
            return response.status, response.read().decode()
        finally:
            client.close()

    def interrupt(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(PATIENCE)


Start = Callable[..., Program]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(APPLICATION)
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "tmp").mkdir()
    return tmp_path


@pytest.fixture
def start(directory: Path) -> Iterator[Start]:
    programs: list[Program] = []

    def start(*line: str, **options: bool) -> Program:
        programs.append(Program(directory, *line, **options))
        return programs[-1]

    yield start
    for program in programs:
        if program.process.poll() is None:
            os.killpg(program.process.pid, signal.SIGKILL)
            program.process.wait()
        if program.terminal != -1:
            os.close(program.terminal)


def run(*options: str) -> list[str]:
    return [str(COMMAND), "--app", "shop", "run", "-p", "0", *options]


def edit(directory: Path, name: str, version: int) -> None:
    path = directory / name
    # At once: half of it would be another version, which is told of.
    new = path.with_suffix(".new")
    new.write_text(re.sub(r"VERSION = \d", f"VERSION = {version}", path.read_text()))
    new.replace(path)


def test_all_of_debug_mode(start: Start, directory: Path) -> None:
    program = start(*run("--debug"))
    port = program.port
    assert program.ask() == (200, "version 1")
    status, page = program.ask("/fail", accept="text/html")
    assert status == 500
    assert "secret_number" in page
    status, text = program.ask("/fail", accept="*/*")
    assert (status, text.splitlines()[0]) == (500, "Traceback (most recent call last):")
    # It is listed when it is answered, by another thread than the one that shows the list.
    program.until(lambda: "/fail" in program.ask("/__dovetail__/")[1])
    edit(directory, "shop.py", 2)
    program.until(lambda: program.ask() == (200, "version 2"))
    # It is the same socket, and all is said once.
    said = program.text()
    for once in ("WARNING: ", f"Running on http://127.0.0.1:{port}", "CTRL+C", "Serving", "PIN: "):
        assert said.count(once) == 1, said
    assert said.count(" * Debugger is active!") == 1
    assert said.count(" * Restarting with ") >= 2
    assert program.interrupt() == 0
    assert list((directory / "tmp").iterdir()) == []


def test_nothing_of_it_otherwise(start: Start) -> None:
    program = start(*run())
    status, text = program.ask("/fail", accept="text/html")
    assert status == 500
    assert "secret_number" not in text
    assert "ZeroDivisionError" not in text
    assert program.ask("/__dovetail__/")[0] == 404
    assert program.ask("/__dovetail__/live")[0] == 404
    assert program.ask("/console")[0] == 404
    said = program.text()
    assert "PIN" not in said
    assert "Restarting" not in said
    assert "<script" not in program.ask(accept="text/html")[1]
    assert program.interrupt() == 0


def test_what_fails_at_first_ends_at_once(start: Start, directory: Path) -> None:
    (directory / "shop.py").write_text("x = (\n")
    program = start(*run("--debug"))
    assert program.process.wait(PATIENCE) == 1
    assert "SyntaxError" in program.text()
    assert "Running on" not in program.text()


def test_a_terminal(start: Start) -> None:
    program = start(*run("--debug"), terminal=True)
    warning = program.read_terminal_until(r"\x1b\[1;31mWARNING: [^\x1b]*\x1b\[0m")
    assert "for development" in warning[0]
    port = int(program.read_terminal_until(r"Running on http://127\.0\.0\.1:(\d+)")[1])
    program.read_terminal_until(r"\x1b\[33mPress CTRL\+C to quit\x1b\[0m")
    assert program.ask(port=port)[0] == 200
    program.read_terminal_until(r'"GET / HTTP/1\.1" 200 -')
    program.ask("/none", port)
    program.read_terminal_until(r'"\x1b\[33mGET /none HTTP/1\.1\x1b\[0m" 404 -')


def test_a_certificate_outlasts_reloads(start: Start, directory: Path) -> None:
    def look() -> tuple[str, str]:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = http.client.HTTPSConnection(
            "127.0.0.1", program.port, timeout=PATIENCE, context=context
        )
        client.request("GET", "/")
        text = client.getresponse().read().decode()
        client.close()
        return text, ssl.get_server_certificate(("127.0.0.1", program.port))

    program = start(sys.executable, "script.py", "127.0.0.1", "tls")
    text, certificate = look()
    assert text == "version 1"
    assert " * Running on https://" in program.text()
    edit(directory, "script.py", 2)

    def is_new() -> bool:
        # One that has not asked yet when the process ends that it is connected to, asks again.
        with contextlib.suppress(OSError, http.client.HTTPException):
            return look() == ("version 2", certificate)
        return False

    program.until(is_new)


def test_a_unix_socket(start: Start, directory: Path) -> None:
    path = directory / "socket"

    def ask() -> bytes:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(str(path))
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return b"".join(iter(lambda: sock.recv(1000), b""))

    program = start(sys.executable, "script.py", f"unix://{path}", "processes")
    program.until(lambda: "Running on" in program.text())  # the file is there before it listens
    assert ask().endswith(b"version 1")
    edit(directory, "script.py", 2)
    program.until(lambda: ask().endswith(b"version 2"))
    assert program.text().count(f" * Running on unix://{path}\n") == 1
    assert program.interrupt() == 0
    assert not path.exists()


def test_a_script_that_cannot_be_started_anew(start: Start, directory: Path) -> None:
    program = start(sys.executable, "script.py", "127.0.0.1")
    # What it starts, and what outlives it, does not keep the port.
    assert program.ask("/inherited") == (200, "False")
    script = directory / "script.py"
    script.write_text(SCRIPT.replace("VERSION = 1", "VERSION = 1 / 0"))
    program.until(lambda: program.ask()[0] == 500)
    assert "the next save is picked up" in program.ask(accept="text/html")[1]
    script.write_text(SCRIPT.replace("VERSION = 1", "VERSION = 3"))
    program.until(lambda: program.ask() == (200, "version 3"))
    assert program.ask("/inherited") == (200, "False")
    assert program.interrupt() == 0


def test_app_run(start: Start, directory: Path) -> None:
    with (directory / "shop.py").open("a") as file:
        file.write('\napp.run(port=0, debug=True, use_reloader=False)\nprint("after")\n')
    program = start(sys.executable, "shop.py")
    assert "secret_number" in program.ask("/fail", accept="text/html")[1]
    assert program.text().count("Debugger PIN: ") == 1
    assert program.interrupt() == 0
    assert program.text().endswith("after\n")
