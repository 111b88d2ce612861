"""Packages for tests that start servers: Flask-Testing, pytest-flask and pytest-localserver."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.moved.site import PATIENCE, PROJECTS, environment, is_stock

localserver = pytest.importorskip("pytest_localserver.http")

pytestmark = [pytest.mark.process, pytest.mark.network]

Serve = Callable[[Any], Any]


def test_live_servers(tmp_path: Path) -> None:
    shutil.copy(PROJECTS / "live_servers.py", tmp_path / "test_it.py")
    runner = ["-m", "pytest"] if is_stock() else ["-m", "dovetail.compat", "pytest"]
    options = ["-p", "no:dash", "-p", "no:cacheprovider", "--tb=line", "--live-server-wait=60"]
    done = subprocess.run(
        [sys.executable, *runner, *options],
        cwd=tmp_path,
        env={**os.environ, **environment(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout


@pytest.fixture
def serve() -> Iterator[Serve]:
    running = []

    def serve(server: Any) -> Any:
        server.start()
        running.append(server)
        return server

    yield serve
    for server in running:
        server.stop()
        server.join(PATIENCE)
        assert not server.is_alive()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_content(serve: Serve, session: requests.Session) -> None:
    server = serve(localserver.ContentServer())
    server.serve_content("not there", 404, headers={"X-Name": "value"})
    answer = session.get(f"{server.url}/page?q=1")
    assert (answer.status_code, answer.text) == (404, "not there")
    assert answer.headers["X-Name"] == "value"
    session.post(server.url, data={"a": "1"}, files={"b": ("name", b"content")})
    with server.requests[1] as posted:
        assert (posted.form["a"], posted.files["b"].read()) == ("1", b"content")
    session.post(server.url, data=iter([b"one", b"two"]))
    assert server.requests[2].data == b"onetwo"


def test_an_application_that_is_stopped(serve: Serve, session: requests.Session) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]

    server = localserver.WSGIServer(application=application)
    server.start()
    try:
        assert session.get(f"{server.url}/path").text == "/path"
    finally:
        server.stop()
        server.join(PATIENCE)
    with pytest.raises(requests.ConnectionError):
        session.get(f"{server.url}/path")
