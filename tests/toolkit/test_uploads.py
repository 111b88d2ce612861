"""Forms that real clients send to a real server: all arrives as it was sent.

A browser normalises line breaks in text to CRLF. Browsers and curl escape quotes in names as
``%22``, browsers line breaks as ``%0D`` and ``%0A``, of which the first is undone (as Werkzeug does
it). A backslash they send as it is; by RFC 9110 section 5.6.4 it escapes what follows.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.operation.server import PATIENCE, Server
from tests.programs import find_program

HERE = Path(__file__).parent / "uploads"

TEXT = [["a", "1"], ["a", "2"], ["empty", ""], ["lines", "one\ntwo\r\nthree\rfour"]]
TEXT_ODD = [["ümläut", "€ 😀"], ['quo"te;=', 'v"\\;'], ["per%cent", "%41+"]]

BINARY = "application/octet-stream"
ODD_FILES = [
    ["f", "plain.txt", "text/plain", 10],
    ["f", 'quo"te.txt', "text/plain", 1],
    ["f", "per%cent.txt", "text/plain", 3],
    ["f", "ümläut.txt", "text/plain", 5],
    ["f", "😀.png", "image/png", 6],
    ["f", "semi;colon=x.txt", "text/plain", 7],
    ["g", "empty.bin", BINARY, 0],
    ['g"x', "big.bin", BINARY, 300_000],
    ["apos'", " spaces  .txt", "text/plain; charset=x", 9],
]


@dataclass(frozen=True)
class Case:
    """A form that the browser sends, and what arrives where that is not the same."""

    name: str
    how: str
    fields: list[list[str]] = field(default_factory=list)
    #: Name, file name (None: no file is chosen), type, size.
    files: list[list[Any]] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    arriving_fields: list[list[str]] | None = None
    arriving_files: list[list[Any]] | None = None


LINES = ["lines", "one\r\ntwo\r\nthree\r\nfour"]
ESCAPED = [["f", "new\nline\r.txt", "text/plain", 4], ["f", "back\\slash.txt", "text/plain", 2]]
ESCAPED_ARRIVING = [
    ["f", "new%0Aline%0D.txt", "text/plain", 4],
    ["f", "backslash.txt", "text/plain", 2],
]

CASES = [
    Case("fetch-text", "fetch", TEXT + TEXT_ODD, arriving_fields=[*TEXT[:3], LINES, *TEXT_ODD]),
    Case("submit-text", "submit", TEXT + TEXT_ODD, arriving_fields=[*TEXT[:3], LINES, *TEXT_ODD]),
    Case("fetch-files", "fetch", [["t", "v"]], ODD_FILES),
    Case("submit-files", "submit", [["t", "v"]], ODD_FILES),
    Case("fetch-escapes", "fetch", [["", "x"]], ESCAPED, arriving_files=ESCAPED_ARRIVING),
    Case("submit-escapes", "submit", [], ESCAPED, arriving_files=ESCAPED_ARRIVING),
    Case("fetch-no-type", "fetch", [], [["f", "", "", 3]], arriving_files=[["f", "", BINARY, 3]]),
    Case(
        "submit-no-file",
        "submit",
        [["t", ""]],
        [["f", None, "", 0], ["g", None, "", 0]],
        arriving_files=[["f", "", BINARY, 0], ["g", "", BINARY, 0]],
    ),
    Case("submit-nothing", "submit"),
    Case("fetch-nothing", "fetch"),
    Case(
        "submit-urlencoded",
        "submit",
        TEXT + TEXT_ODD,
        [["f", "x.txt", "text/plain", 1]],
        {"enctype": "application/x-www-form-urlencoded"},
        [*TEXT[:3], LINES, *TEXT_ODD, ["f", "x.txt"]],
        [],
    ),
]


def content(size: int) -> bytes:
    """Return what the page puts into a file of this size."""
    return bytes((i * 7 + (i >> 8)) & 255 for i in range(size))


def described(files: list[list[Any]]) -> list[list[Any]]:
    """Return files as the application reports them."""
    return [[*file, hashlib.sha256(content(file[3])).hexdigest()] for file in files]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("uploads")
    (directory / "reports").mkdir()
    shutil.copy(HERE / "application.py", directory)
    cases = json.dumps([asdict(case) for case in CASES]).replace("<", "\\u003c")
    page = (HERE / "page.html").read_text().replace("CASES", cases)
    (directory / "page.html").write_text(page)
    return directory


@pytest.fixture(scope="module")
def server(site: Path) -> Iterator[Server]:
    server = Server(
        ["--bind", "127.0.0.1:0", "--workers", "1", "application:app"], directory=site, variables={}
    )
    server.wait_ready(1)
    yield server
    server.destroy()


@pytest.fixture(scope="module")
def reports(server: Server, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let the browser send all cases, once; return where the reports are."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    options += ["--no-first-run", "--disable-extensions", "--disable-background-networking"]
    profile = tmp_path_factory.mktemp("profile")
    log = profile / "log"
    with log.open("wb") as output:
        browser = subprocess.Popen(
            [
                find_program("chromium", "chromium-browser", "google-chrome", package="chromium"),
                *options,
                f"--user-data-dir={profile}",
                # Without it the command ends when the page is loaded.
                "--remote-debugging-port=0",
                f"http://127.0.0.1:{server.port}/",
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        # A busy machine may need long to start a browser alone.
        deadline = time.monotonic() + 4 * PATIENCE
        while not (site / "reports/finished.json").exists():
            ended = browser.poll() is not None
            if ended or time.monotonic() > deadline:
                pytest.fail(f"{log.read_text()}\n{server.log}\nthe browser did not send all")
            time.sleep(0.02)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
    return site / "reports"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_browser_uploads(reports: Path, case: Case) -> None:
    report = json.loads((reports / f"{case.name}.json").read_text())

    arriving = case.fields if case.arriving_fields is None else case.arriving_fields
    assert report["fields"] == arriving
    files = case.files if case.arriving_files is None else case.arriving_files
    assert report["files"] == described(files)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with files for curl."""
    directory = tmp_path_factory.mktemp("files")
    (directory / "plain.txt").write_bytes(content(10))
    (directory / "empty.bin").write_bytes(b"")
    (directory / "big.bin").write_bytes(content(300_000))
    (directory / "lines.txt").write_bytes(b"one\ntwo\r\nthree\rfour")
    return directory


def curl(server: Server, directory: Path, *arguments: str) -> Any:
    """Let curl send a form; return the report."""
    address = f"http://127.0.0.1:{server.port}/?case=curl"
    options = ["--disable", "--silent", "--show-error", "--fail", "--noproxy", "*"]
    done = subprocess.run(
        [find_program("curl", package="curl"), *options, *arguments, address],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr.decode()}\n{server.log}"
    return json.loads(done.stdout)


def forms(*values: str) -> list[str]:
    return [argument for value in values for argument in ("--form", value)]


def test_curl_sends_text(server: Server, files: Path) -> None:
    sent = ("a=1", "a=2", "empty=", "lines=one\ntwo\r\nthree\rfour", "ümläut=€ 😀", 'q"u;o=v"\\')

    report = curl(server, files, *forms(*sent))

    assert report["fields"] == [*TEXT, ["ümläut", "€ 😀"], ['q"u;o', 'v"\\']]
    assert report["files"] == []


def test_curl_sends_the_content_of_a_file_as_text(server: Server, files: Path) -> None:
    report = curl(server, files, *forms("t=<lines.txt", "u=x;type=text/plain; charset=us-ascii"))

    assert report["fields"] == [["t", "one\ntwo\r\nthree\rfour"], ["u", "x"]]


@pytest.mark.parametrize("headers", [[], ["--header", "Transfer-Encoding: chunked"]])
def test_curl_sends_files(server: Server, files: Path, headers: list[str]) -> None:
    sent = [
        "f=@plain.txt",
        "f=@empty.bin",
        "g=@big.bin;type=image/png",
        'h=@plain.txt;filename="odd\\"quote.txt"',
        "h=@plain.txt;filename=ü😀.txt",
        'h=@plain.txt;filename="semi;colon,x.txt"',
        "h=@plain.txt;filename=per%cent.txt",
        "h=@plain.txt;filename=",
        'q"x=@plain.txt',
    ]

    report = curl(server, files, *headers, *forms("t=v", *sent))

    assert report["fields"] == [["t", "v"]]
    assert report["files"] == described(
        [
            ["f", "plain.txt", "text/plain", 10],
            ["f", "empty.bin", BINARY, 0],
            ["g", "big.bin", "image/png", 300_000],
            ["h", 'odd"quote.txt', "text/plain", 10],
            ["h", "ü😀.txt", "text/plain", 10],
            ["h", "semi;colon,x.txt", "text/plain", 10],
            ["h", "per%cent.txt", "text/plain", 10],
            ["h", "", "text/plain", 10],
            ['q"x', "plain.txt", "text/plain", 10],
        ]
    )


def test_curl_escapes_by_backslash(server: Server, files: Path) -> None:
    sent = ['q"u\\x=v', 'h=@plain.txt;filename="odd\\"quo\\\\te.txt"']

    report = curl(server, files, "--form-escape", *forms(*sent))

    assert report["fields"] == [['q"u\\x', "v"]]
    assert report["files"] == described([["h", 'odd"quo\\te.txt', "text/plain", 10]])


def test_curl_sends_urlencoded(server: Server, files: Path) -> None:
    report = curl(server, files, "--data-urlencode", "a=b &=ü", "--data", "c=d&e")

    assert report["fields"] == [["a", "b &=ü"], ["c", "d"], ["e", ""]]


def test_a_stream_cut_short_is_no_form(server: Server, files: Path) -> None:
    head = "content-type: multipart/form-data; boundary=b"

    with pytest.raises(AssertionError, match="500"):
        curl(server, files, "--header", head, "--data-binary", "--b\r\nContent-")
