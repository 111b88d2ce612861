from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tests.dev.live import PATIENCE, hello
from tests.programs import bounded

from dovetail.dev.handler import WSGIRequestHandler
from dovetail.dev.server import BaseWSGIServer
from dovetail.dev.serving import choose_aids, is_running_from_reloader, run_simple
from dovetail.dev.workshop import Workshop


def test_is_running_from_reloader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WERKZEUG_RUN_MAIN", raising=False)
    assert is_running_from_reloader() is False
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    assert is_running_from_reloader() is True
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "1")
    assert is_running_from_reloader() is False


@pytest.mark.parametrize("port", ["80", None, 80.0])
def test_a_port_that_is_no_integer(port: Any) -> None:
    with pytest.raises(TypeError, match="port must be an integer"):
        run_simple("127.0.0.1", port, hello)


def test_no_place_for_what_the_processes_share(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def current() -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(Workshop, "current", current)
    with pytest.raises(SystemExit) as stop:
        run_simple("127.0.0.1", 0, hello, use_debugger=True)
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert "No usable temporary directory found; set TMPDIR" in said


def test_what_run_simple_passes_on(
    monkeypatch: pytest.MonkeyPatch, lines: list[str], tmp_path: Path
) -> None:
    servers: list[BaseWSGIServer] = []

    def serve_forever(server: BaseWSGIServer) -> None:
        servers.append(server)

    monkeypatch.setattr(BaseWSGIServer, "serve_forever", serve_forever)
    run_simple("127.0.0.1", 0, hello, threaded=True, passthrough_errors=True)
    run_simple("127.0.0.1", 0, hello, processes=2)
    run_simple("127.0.0.1", 0, hello, ssl_context="adhoc")
    run_simple("127.0.0.1", 0, hello, static_files={"/static": str(tmp_path)})
    run_simple("127.0.0.1", 0, hello, request_handler=WSGIRequestHandler)
    assert servers[0].multithread
    assert servers[0].passthrough_errors
    assert servers[0].app is hello
    assert servers[1].multiprocess
    assert servers[2].ssl_context is not None
    assert servers[3].app is not hello
    assert all(server.socket.fileno() == -1 for server in servers)  # closed in the end
    assert f"Running on http://127.0.0.1:{servers[0].port}" in lines[0]
    assert lines[1] == "INFO Press CTRL+C to quit"


def test_a_part_of_the_reloader_that_is_taken_without_it(
    monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    monkeypatch.delenv("WERKZEUG_SERVER_FD", raising=False)
    monkeypatch.setattr(BaseWSGIServer, "serve_forever", lambda server: None)
    run_simple("127.0.0.1", 0, hello)
    assert "Running on http://127.0.0.1:" in lines[0]


PROGRAM = """
import sys
from dovetail.dev.serving import choose_aids, is_running_from_reloader, run_simple
from dovetail.dev.workshop import Workshop

def app(environ, start_response):
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode()]

run_simple("127.0.0.1", 0, app, static_files={"/files": sys.argv[1]}, threaded=sys.argv[2] == "t")
print("after")
"""


@pytest.mark.process
@pytest.mark.parametrize("kind", ["threads", "one"])
def test_a_program(kind: str, tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text("static")
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(PROGRAM)]
    with subprocess.Popen(
        [*command, str(tmp_path), kind[0]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stderr is not None
        with bounded(program, 2 * PATIENCE):
            said = [program.stderr.readline() for _ in range(3)]
        port = int(said[1].rpartition(":")[2])
        contents = []
        for path in ("/a", "/files/page.txt"):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            client.request("GET", path)
            contents.append(client.getresponse().read())
            client.close()
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=PATIENCE)
    assert said[0].startswith("WARNING: ")
    assert said[1] == f" * Running on http://127.0.0.1:{port}\n"
    assert said[2] == "Press CTRL+C to quit\n"
    assert contents == [b"/a", b"static"]
    assert (program.returncode, out) == (0, "after\n")
    assert err.count(" 200 -\n") == 2
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ((False, None, None), (False, False)),
        ((True, None, None), (True, True)),
        ((True, False, None), (False, True)),
        ((True, True, False), (True, False)),
        ((False, None, True), (False, True)),
    ],
)
def test_choose_aids(
    asked: tuple[bool, bool | None, bool | None], chosen: tuple[bool, bool]
) -> None:
    assert choose_aids(*asked) == chosen
