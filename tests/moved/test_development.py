"""``app.run(debug=True)`` as a program: the reloader, the debugger, and Flask-DebugToolbar."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.applications.deployment import Process, wait_until
from tests.moved.site import PROJECTS, Browser, browsing, start_program

pytest.importorskip("flask_debugtoolbar")

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("development")
    shutil.copy(PROJECTS / "development_app.py", place)
    (place / "parts.py").write_text("WORD = 'first'\n")
    (place / "notes.txt").write_text("none")
    return place


@pytest.fixture(scope="module")
def program(place: Path) -> Iterator[Process]:
    process = start_program(place, "development_app.py", "--word", WERKZEUG_DEBUG_PIN="123-456-789")
    yield process
    process.stop(signal.SIGINT)
    process.kill()


@pytest.fixture(scope="module")
def browser(program: Process) -> Iterator[Browser]:
    with browsing(program, "<body>first") as browser:
        yield browser


def test_what_the_program_is_given(browser: Browser) -> None:
    expected = {"given": [True, True], "arguments": ["--word"], "debug": True, "threads": True}
    assert browser.get("/process").json() == expected


def test_the_toolbar(browser: Browser) -> None:
    page = browser.get("/").text
    assert 'id="flDebug"' in page
    assert "seen by the toolbar" in page
    script = browser.get("/_debug_toolbar/static/js/toolbar.js")
    assert (script.status_code, bool(script.text)) == (200, True)
    stopped = browser.get("/moved", allow_redirects=False)
    assert (stopped.status_code, 'id="flDebug"' in stopped.text) == (200, True)


def test_the_debugger(browser: Browser, program: Process) -> None:
    page = browser.get("/error")
    assert (page.status_code, page.headers["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert "LookupError: &lt;first&gt;" in page.text
    assert "The debugger caught an exception" in page.text
    assert "development_app.py" in page.text
    wait_until(lambda: "LookupError: <first>" in program.text(), "the traceback is logged")
    script = browser.get("/error?__debugger__=yes&cmd=resource&f=debugger.js")
    assert (script.status_code, "javascript" in script.headers["Content-Type"]) == (200, True)
    # Without the page's secret it says nothing.
    assert "auth" not in browser.get("/process?__debugger__=yes&cmd=pinauth&pin=123456789").text


def test_a_key_that_is_missing(browser: Browser) -> None:
    page = browser.post("/form", data={"other": "1"})
    assert page.status_code == 500
    assert "BadRequestKeyError" in page.text
    assert "KeyError: &#39;missing&#39;" in page.text


def test_changes(browser: Browser, program: Process, place: Path) -> None:
    (place / "parts.py").write_text("WORD = 'changed'\n")
    browser.wait_for("<body>changed")
    program.wait_for_line(re.escape(f"Detected change in {str(place / 'parts.py')!r}, reloading"))
    program.wait_for_line("Restarting with stat")
    assert browser.get("/process").json()["arguments"] == ["--word"]
    before = program.text().count("reloading")
    (place / "notes.txt").write_text("more than none")
    wait_until(lambda: program.text().count("reloading") > before, "a note restarts it")
    browser.wait_for("<body>changed")


def test_the_terminal(program: Process) -> None:
    for said in (
        "Debug mode: on",
        "Press CTRL\\+C to quit",
        "Debugger is active!",
        "Debugger PIN: 123-456-789",
        '"GET /process HTTP/1.1" 200 -',
    ):
        program.wait_for_line(said)
    assert program.text().count("Running on") == 1
