"""``dovetail run``, ``app.run()`` and the other commands as processes, as their user has them."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.operation.server import COMMAND, PATIENCE, environment
from tests.programs import bounded

pytestmark = [pytest.mark.process, pytest.mark.network]

APPLICATION = """
from dovetail import App

def create_app(name="-", number=0):
    app = App(__name__)

    @app.get("/")
    def index():
        return f"{name} {number}"

    for row in range(300):
        app.add_url_rule(f"/row{row}/<int:number>", f"row{row}", index)
    return app

if __name__ == "__main__":
    create_app("run").run(port=0)
"""


class Program:
    """A development server; ``port`` is where it listens."""

    def __init__(self, line: list[str], directory: Path, **variables: str) -> None:
        self.process = subprocess.Popen(
            line,
            cwd=directory,
            env=environment({"PYTHONUNBUFFERED": "1"} | variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.lines: list[str] = []
        with bounded(self.process, PATIENCE):
            for text in self.process.stdout:
                self.lines.append(text.rstrip("\n"))
                if "CTRL+C" in text:
                    break
        self.port = int((re.search(r"://[^/]*:(\d+)$", "\n".join(self.lines), re.M) or [0, 0])[1])

    def ask(self, path: str = "/") -> str:
        """Return what the application answers on its port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", path)
        try:
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def wait_for(self, answer: str) -> None:
        """Ask until that is the answer."""
        deadline = time.monotonic() + PATIENCE
        while (last := self.ask()) != answer:
            assert time.monotonic() < deadline, last
            time.sleep(0.02)

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C; return the status and the rest of its output."""
        self.process.send_signal(signal.SIGINT)
        rest = self.process.communicate(timeout=PATIENCE)[0]
        return self.process.returncode, rest


Start = Callable[..., Program]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APPLICATION)
    return tmp_path


@pytest.fixture
def start(directory: Path) -> Iterator[Start]:
    programs = []

    def start_one(*line: str, **variables: str) -> Program:
        programs.append(Program(list(line) or [str(COMMAND), "run"], directory, **variables))
        return programs[-1]

    yield start_one
    for program in programs:
        program.process.kill()
        program.process.communicate()


def command(directory: Path, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(COMMAND), *args],
        cwd=directory,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=not options,
        text=True,
        timeout=PATIENCE,
        check=False,
        **options,
    )


@pytest.mark.parametrize("threads", ["--with-threads", "--without-threads"])
def test_run_until_ctrl_c(start: Start, threads: str) -> None:
    app = "app:create_app('it', number=3)"
    program = start(str(COMMAND), "--app", app, "run", "-p", "0", threads)
    assert program.ask() == "it 3"
    status, rest = program.interrupt()
    assert status == 0
    assert rest.count("\n") == 1
    assert '"GET / HTTP/1.1" 200' in rest


def test_files_of_variables_are_read_anew(start: Start, directory: Path) -> None:
    app = APPLICATION.replace("{name} {number}", "{os.environ.get('COLOR')} {os.environ['SIZE']}")
    (directory / "app.py").write_text(f"import os\n{app}")
    (directory / ".env").write_text("COLOR=red\nSIZE=1\n")
    program = start(str(COMMAND), "run", "-p", "0", "--reload", SIZE="5")
    assert program.ask() == "red 5"
    (directory / ".env").write_text("COLOR=blue\nSIZE=2\n")
    program.wait_for("blue 5")
    (directory / ".env").unlink()
    program.wait_for("None 5")
    (directory / ".flaskenv").write_text("COLOR=green\n")
    program.wait_for("green 5")
    assert program.interrupt()[0] == 0


def test_ctrl_c_at_once(start: Start) -> None:
    """Whoever waits for the line that says how to quit may do so before serving has begun."""
    assert start(sys.executable, "app.py").interrupt() == (0, "")
    program = start(sys.executable, "app.py")
    assert program.ask() == "run 0"
    assert program.interrupt()[0] == 0


def test_settings_of_the_environment_and_of_files(start: Start, directory: Path) -> None:
    (directory / "shop.py").write_text(APPLICATION)
    (directory / ".dovetailenv").write_text("DOVETAIL_APP=shop:create_app('file')\n")
    program = start(DOVETAIL_RUN_PORT="0")
    assert " * Serving application \"shop:create_app('file')\"" in program.lines
    assert program.ask() == "file 0"
    program = start(
        FLASK_RUN_PORT="0", FLASK_APP="shop:create_app('flask')", DOVETAIL_SKIP_DOTENV="1"
    )
    assert program.ask() == "flask 0"


def test_places(start: Start, directory: Path) -> None:
    program = start(str(COMMAND), "run", "--host", "0.0.0.0", "-p", "0")
    assert " * Running on all addresses (0.0.0.0)" in program.lines
    assert f" * Running on http://127.0.0.1:{program.port}" in program.lines
    assert program.ask() == "- 0"
    path = directory / "sock"
    program = start(str(COMMAND), "run", "--host", f"unix://{path}")
    assert f" * Running on unix://{path}" in program.lines
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(path))
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        received = b""
        while data := sock.recv(1000):
            received += data
    assert received.endswith(b"\r\n\r\n- 0")
    assert program.interrupt()[0] == 0
    assert not path.exists()


def test_a_port_in_use(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = command(directory, "run", "-p", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the port is in use; stop the program that uses it or choose another" in done.stderr


@pytest.mark.parametrize("args", [["routes"], ["--help"], ["run", "-p", "0"]])
def test_a_reader_that_has_gone_is_no_traceback(directory: Path, args: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = command(directory, *args, stdout=write, stderr=subprocess.PIPE)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_all_of_many_routes(directory: Path) -> None:
    lines = command(directory, "routes").stdout.splitlines()
    assert len(lines) == 2 + 2 + 300
    assert "row299    GET      /row299/<int:number>" in map(str.rstrip, lines)


@pytest.mark.parametrize(
    "args", [["run"], ["routes"], ["shell"], ["serve"], ["greet"], ["run", "--cert", "no.pem"]]
)
def test_nothing_to_work_with_is_one_line(tmp_path: Path, args: list[str]) -> None:
    done = command(tmp_path, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
