"""Requests that fail in production, kept and run again: dovetail serve, then dovetail replay."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
from tests.operation.conftest import Serve, Site
from tests.operation.server import COMMAND, PATIENCE, Server, environment

pytestmark = [pytest.mark.process, pytest.mark.network]

APPLICATION = '''
"""Answers with what it has seen, once it is mended; before that, it fails at it."""

import hashlib
import json
import os

from dovetail import App, Blueprint, request


def note(environ, content):
    """Write down what was seen."""
    seen = {
        "method": environ["REQUEST_METHOD"],
        "target": environ["REQUEST_URI"],
        "scheme": environ["wsgi.url_scheme"],
        "client": environ["REMOTE_ADDR"],
        "fields": {k: v for k, v in environ.items() if k.startswith(("HTTP_", "CONTENT_"))},
        "size": len(content),
        "content": hashlib.sha256(content).hexdigest(),
    }
    with open(os.environ["SEEN"], "w") as file:
        json.dump(seen, file)


MENDED = os.path.exists(os.path.join(os.path.dirname(__file__), "mended"))

app = App(__name__)
pages = Blueprint("pages", __name__, url_prefix="/pages")


@pages.route("/<name>", methods=["GET", "POST"])
def page(name):
    note(request.environ, request.get_data())
    if not MENDED:
        raise RuntimeError("the page failed")
    return "mended"


app.register_blueprint(pages)


def raw(environ, start_response):
    note(environ, environ["wsgi.input"].read())
    if not MENDED:
        raise RuntimeError("the raw one failed")
    start_response("200 OK", [])
    return [b"mended"]


def catching(environ, start_response):
    note(environ, environ["wsgi.input"].read())
    start_response("200 OK" if MENDED else "500 Internal Server Error", [])
    return [b"mended" if MENDED else b"caught"]


def application(environ, start_response):
    """Have all of them behind one server."""
    if environ["PATH_INFO"].startswith("/raw"):
        return raw(environ, start_response)
    if environ["PATH_INFO"].startswith("/catching"):
        return catching(environ, start_response)
    return app(environ, start_response)
'''

MULTIPART = (
    b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
    b'--x\r\nContent-Disposition: form-data; name=f; filename="f.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n" + bytes(range(256)) + b"\r\n--x--\r\n"
)
LARGE = b"0123456789abcdef" * 100_000  # more than is kept in memory


def with_length(method: str, target: str, kind: str, content: bytes) -> bytes:
    return (
        f"{method} {target} HTTP/1.1\r\nHost: shop.example\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    ).encode() + content


REQUESTS = {
    "get": b"GET /pages/a%20b?q=1&q=%ff&empty HTTP/1.1\r\nHost: shop.example\r\n"
    b"X-Twice: 1\r\nX-Twice: 2\r\nX-Latin: \xe9\r\nConnection: close\r\n\r\n",
    "form": with_length("POST", "/pages/form", "application/x-www-form-urlencoded", b"a=1&b=%20"),
    "json": with_length("POST", "/pages/json", "application/json", '{"a": "é"}'.encode()),
    "multipart": with_length("POST", "/raw/up", "multipart/form-data; boundary=x", MULTIPART),
    "chunked": b"POST /pages/chunked HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    "large": with_length("POST", "/raw/large", "text/plain", LARGE),
    "head": b"HEAD /pages/head HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
    "old": b"GET /raw HTTP/1.0\r\n\r\n",
    "catching": b"PUT /catching?x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
}


@pytest.fixture
def shop(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    (site.directory / "shop.py").write_text(APPLICATION)
    return site


def fail(server: Server, request: bytes) -> None:
    """Send a request whose answer is a 500."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(request)
        answer = b""
        while block := client.recv(65536):
            answer += block
    assert answer.split(b" ", 2)[1] == b"500", answer


def run(site: Site, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [str(COMMAND), *arguments],
        check=False,
        cwd=site.directory,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def replay(site: Site, seen: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(site, "replay", "--once", *arguments, SEEN=str(seen))


def test_all_kinds(shop: Site, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEN", str(shop.state / "seen"))
    directory = shop.state / "captures"
    arguments = ["--capture-errors", str(directory), "--capture-content", "2MiB"]
    server = serve(*arguments, app="shop", workers=2)
    commands: dict[str, str] = {}
    expected: dict[str, dict[str, object]] = {}
    for name, request in REQUESTS.items():
        mark = server.mark()
        fail(server, request)
        found = server.wait_for(
            r"kept the request with id \w{16}; run: dovetail replay (\S+)$", since=mark
        )
        commands[name] = found[0][1]
        expected[name] = json.loads((shop.state / "seen").read_text())
    assert expected["large"]["size"] == len(LARGE)
    server.stop()
    assert sorted(map(Path, commands.values())) == sorted(directory.iterdir())
    # One run for all that an application does once more; all of them are quite alike.
    again = shop.state / "again"
    for name in REQUESTS:
        failed = replay(shop, again, commands[name])
        assert failed.returncode == 1, failed
        assert "in production: status 500 after" in failed.stdout
        assert "here: status 500" in failed.stdout
        traceback = {"catching": "caught"}.get(name, "Traceback (most recent call last):")
        assert traceback in failed.stdout
        assert json.loads(again.read_text()) == expected[name]
    (shop.directory / "mended").touch()
    for name in ("get", "multipart", "catching"):
        mended = replay(shop, again, commands[name])
        assert mended.returncode == 0, mended
        assert "here: status 200 OK" in mended.stdout
        assert mended.stdout.endswith("\nmended\n")
        assert json.loads(again.read_text()) == expected[name]


def test_cut_content(shop: Site, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEN", str(shop.state / "seen"))
    server = serve("--capture-errors", str(shop.state / "captures"), app="shop:raw")
    fail(server, REQUESTS["large"])
    server.wait_for("kept the request")
    (path,) = (shop.state / "captures").iterdir()
    done = replay(shop, shop.state / "again", str(path))
    assert "cut off after 1048576 of 1600000 bytes" in done.stderr
    assert json.loads((shop.state / "again").read_text())["size"] == 1 << 20


@pytest.mark.parametrize("arguments", [["--check-config"], []])
def test_bad_directory(shop: Site, tmp_path: Path, arguments: list[str]) -> None:
    bad = tmp_path / "open"
    bad.mkdir()
    bad.chmod(0o755)
    where = ["-b", "127.0.0.1:0", "--capture-errors", str(bad)]
    done = run(shop, "serve", *where, *arguments, "shop")
    assert done.returncode == 1
    assert re.search(rf"^Error: capture_errors: {bad} is open to others; .*$", done.stderr, re.M)
    assert "Traceback" not in done.stderr
    assert os.listdir(bad) == []
