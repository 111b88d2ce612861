"""The command ``dovetail replay``."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from tests.applications.deployment import wait_until
from tests.captured import CAPTURE
from tests.programs import bounded

from dovetail.app.groups import ScriptInfo
from dovetail.cli.captured_request import check_request, dump_request, put_in, warnings
from dovetail.cli.replay import replay_command
from dovetail.cli.replayer import replay
from dovetail.server.capture import Capture, CaptureError, Content, dump_capture
from dovetail.server.masking import MASK

COMMAND = Path(sys.executable).parent / "dovetail"
PATIENCE = 60.0

SHOP = """
import os
import sys

from dovetail import App, request

app = App(__name__)
app.config["PROPAGATE_EXCEPTIONS"] = False


@app.get("/fails")
def fails():
    print("fields", sorted(request.headers.items()), file=sys.stderr)
    local = "a local variable"
    raise RuntimeError("the view failed with " + request.headers.get("X-Token", ""))


@app.get("/works")
def works():
    return request.headers.get("X-Token", "") + " from " + request.remote_addr + " " + request.url


def raw(environ, start_response):
    raise RuntimeError("\\x1b[2Jthe raw one failed")


def late(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    yield b"beginning"
    raise RuntimeError("the late one failed")


def make(name):
    def application(environ, start_response):
        start_response("200 OK", [("X-Name", name), ("Set-Cookie", "session=" + name)])
        return [name.encode()]

    return application
"""

FAILED = replace(
    CAPTURE,
    method="GET",
    route="/fails",
    target="/fails",
    fields=[("host", "shop.example"), ("x-token", MASK), ("accept", "*/*")],
    content=Content(0, b""),
    response_fields=[],
    response_length=0,
    traceback="",
)


def environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DOVETAIL_", "FLASK_", "WERKZEUG_"))
    }
    return kept | {"PYTHONUNBUFFERED": "1"}


class Place:
    """A directory with the application and a capture."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "capture.json"
        (directory / "shop.py").write_text(SHOP)

    def keep(self, **changes: Any) -> Capture:
        """Write the capture, after these changes of it."""
        capture = replace(FAILED, **changes)
        self.file.write_bytes(dump_capture(capture))
        return capture

    def edit(self, change: Callable[[Any], object]) -> None:
        """Change the file as an editor would."""
        value = json.loads(self.file.read_bytes())
        change(value)
        self.file.write_text(json.dumps(value))

    def replay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(COMMAND), "replay", "--once", *arguments, str(self.file)],
            check=False,
            cwd=self.directory,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def refused(self) -> str:
        """Return what is said of the file in this process, instead of running it again."""
        with pytest.raises(click.ClickException) as caught:
            replay(str(self.file), ScriptInfo(), [], once=True)
        return caught.value.format_message()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# --- Running it


def test_failure_reaches_the_debugger(place: Place) -> None:
    place.keep()
    done = place.replay("--field", "X-Token: open-sesame")
    assert done.returncode == 1
    assert "in production: status 500 after 12.3 ms" in done.stdout
    assert "here: status 500" in done.stdout
    assert f"RuntimeError: the view failed with {MASK}\n" in done.stdout
    assert "('X-Token', 'open-sesame')" in done.stderr  # what the application prints is its own
    assert "open-sesame" not in done.stdout
    assert "Debugger:" not in done.stdout


def test_success_as_it_came(place: Place) -> None:
    place.keep(target="/works?a=%20")
    done = place.replay()
    assert done.returncode == 0
    assert done.stdout.endswith(f"{MASK} from 192.0.2.7 https://shop.example/works?a=%20\n")
    assert done.stderr.startswith("Warning: the value of x-token was masked; give it by --field")


def test_given_fields(place: Place) -> None:
    place.keep(target="/works", fields=[("host", "a")])
    done = place.replay("--field", "x-TOKEN:  é ", "--field", "Host: b")
    assert "Warning" not in done.stderr
    # An application has a character for each octet.
    assert done.stdout.endswith("\n\xc3\xa9 from 192.0.2.7 https://b/works\n")


@pytest.mark.parametrize(
    ("application", "words"),
    [
        ("shop:raw", "RuntimeError: \\x1b[2Jthe raw one failed"),
        ("shop:late", "RuntimeError: the late one failed"),
    ],
)
def test_applications_of_others(place: Place, application: str, words: str) -> None:
    place.keep(application=application)
    done = place.replay("--field", "X-Token: a")
    assert done.returncode == 1
    assert words in done.stdout
    assert "\x1b" not in done.stdout


def test_named_application(place: Place) -> None:
    place.keep(application="elsewhere:app")
    done = place.replay("--app", "shop:make('by name')")
    assert done.returncode == 0
    assert done.stdout.endswith("\n\nby name\n")
    assert f"Set-Cookie: {MASK}" in done.stdout
    for name in ("shop", "shop.py"):
        assert "RuntimeError: the view failed" in place.replay("--app", name).stdout


def test_before_the_command(place: Place) -> None:
    place.keep(application="")
    done = subprocess.run(
        [str(COMMAND), "--app", "shop:raw", "replay", "--once", str(place.file)],
        check=False,
        cwd=place.directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "the raw one failed" in done.stdout


def test_compat(place: Place) -> None:
    (place.directory / "moved.py").write_text(
        "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\n"
        "def index():\n    return 'moved'\n"
    )
    place.keep(application="moved:app", compat=True, target="/")
    assert place.replay().stdout.endswith("\nmoved\n")
    place.keep(application="moved:app", target="/")
    done = place.replay()
    assert done.returncode == 125
    assert "flask" in done.stderr
    assert place.replay("--compat").stdout.endswith("\nmoved\n")


def test_with_the_debugger(place: Place) -> None:
    place.keep()
    process = subprocess.Popen(
        [str(COMMAND), "replay", "--field", "X-Token: a", str(place.file)],
        cwd=place.directory,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        shown = ""
        with bounded(process, PATIENCE):
            while "Press Ctrl-C to quit\n" not in shown:
                line = process.stdout.readline()
                assert line, shown
                shown += line
        found = re.search(r"^Debugger: (http://127\.0\.0\.1:\d+/\S+)\nPIN: ([\d-]+)$", shown, re.M)
        assert found is not None, shown
        request = urllib.request.Request(found[1], headers={"Accept": "text/html"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            page = response.read().decode()
        assert "the view failed" in page
        assert "a local variable" in page
        inspector = found[1][: found[1].index("/__dovetail__/")] + "/__dovetail__/"

        def is_listed() -> bool:
            with urllib.request.urlopen(inspector, timeout=PATIENCE) as response:
                return "/fails" in response.read().decode()

        wait_until(is_listed, "the inspector lists it")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()


# --- What is refused


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda value: value.update(version=99), "reads up to 1"),
        (lambda value: value.pop("format"), "no capture"),
        (lambda value: value["request"].update(method="GET /\r\nHost: a"), "not HTTP"),
        (lambda value: value["request"].update(target="/a b"), "not HTTP"),
        (lambda value: value["request"]["fields"].append("a b: c"), "not HTTP"),
        (
            lambda value: value["request"]["fields"].append("a: b\r\n\r\nGET / HTTP/1.1"),
            "does not end where it should",
        ),
        (lambda value: value["request"]["fields"].append("a: \u20ac"), "stands for one octet"),
    ],
)
def test_edited(place: Place, change: Callable[[Any], object], words: str) -> None:
    place.keep()
    place.edit(change)
    message = place.refused()
    assert words in message
    assert message.startswith(f"{place.file}: ")


def test_edited_well(place: Place) -> None:
    place.keep(target="/works")
    place.edit(lambda value: value["request"].update(target="/works?edited=1"))
    assert place.replay().stdout.endswith("/works?edited=1\n")


@pytest.mark.parametrize("content", [b"", b"{", b"\x89PNG", b'{"format": "other"}'])
def test_other_files(place: Place, content: bytes) -> None:
    place.file.write_bytes(content)
    assert place.refused().startswith(f"{place.file}: it is no ")


def test_no_file(place: Place) -> None:
    done = place.replay()
    assert done.returncode == 125  # for git bisect: that tells nothing about the application
    assert done.stderr == f"Error: {place.file}: it cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    "application",
    [
        "shop:make('x')",
        "os:abort",
        "pytest",
        "os:system('touch proof')",
        "antigravity",
        "../shop:app",
        "shop:__import__('os').abort()",
        "\x1b]0;title\x07:app",
    ],
)
def test_a_file_chooses_no_code(
    place: Place, application: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.directory)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("DOVETAIL_DEBUG", "FLASK_DEBUG"):
        monkeypatch.setenv(name, "1")
    place.keep(application=application, fields=[("host", "a")])
    message = place.refused()
    assert "If it is the right one, say so: --app" in message
    assert "\x1b" not in message
    assert not (place.directory / "proof").exists()


@pytest.mark.parametrize(
    "text", ["secret-value", ": secret-value", " a: secret-value", "a: secret-value\r\nb: c"]
)
def test_fields_that_are_none(text: str) -> None:
    done = CliRunner().invoke(replay_command, ["--field", text, "file"])
    assert done.exit_code == 2
    assert 'of the form "NAME: VALUE"' in done.output
    assert "secret-value" not in done.output


# --- The request


def test_put_in() -> None:
    fields = [("a", "1"), ("b", "2"), ("A", "3")]
    assert put_in(fields, []) == fields
    assert put_in(fields, [("a", "x")]) == [("a", "x"), ("b", "2")]
    assert put_in(fields, [("a", "x"), ("a", "y"), ("c", "z")]) == [
        ("a", "x"),
        ("a", "y"),
        ("b", "2"),
        ("c", "z"),
    ]


@pytest.mark.parametrize(
    ("field", "content", "end"),
    [
        (("content-length", "99"), b"abc", b"content-length: 3\r\n\r\nabc"),
        (("x", "y"), b"abc", b"x: y\r\ncontent-length: 3\r\n\r\nabc"),
        (("x", "y"), None, b"x: y\r\n\r\n"),
        (("Transfer-Encoding", "chunked"), b"abc", b"chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        (("transfer-encoding", "chunked"), None, b"chunked\r\n\r\n0\r\n\r\n"),
    ],
)
def test_framing(field: tuple[str, str], content: bytes | None, end: bytes) -> None:
    capture = replace(FAILED, content=Content(5, content))
    octets = dump_request(capture, [("host", "a"), field])
    assert octets.startswith(b"GET /fails HTTP/1.1\r\nhost: a\r\n")
    assert octets.endswith(end)
    check_request(octets)


def test_request_of_any_size() -> None:
    fields = [("host", "a"), *[(f"x-{number}", "y" * 10_000) for number in range(300)]]
    check_request(dump_request(replace(FAILED, target="/" + "z" * 100_000), fields))


def test_two_requests() -> None:
    with pytest.raises(CaptureError, match="does not end"):
        check_request(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")


def test_warnings() -> None:
    capture = replace(
        FAILED,
        target=f"/?token={MASK}",
        content=Content(50, f"password={MASK}".encode(), "cut off after 24 of 50 bytes"),
    )
    said = "\n".join(warnings(capture, [("cookie", MASK), ("x", "y")]))
    assert '--field "Cookie: VALUE"' in said
    assert "parameters of URLs" in said
    assert "parts of the content" in said
    assert "cut off after 24 of 50 bytes" in said
    assert warnings(replace(FAILED, content=Content(0, b"", "masked in parts")), []) == []
