"""django-extensions' runserver_plus: Django, the debugger, and a reloader that it extends."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.applications.deployment import Process, wait_until
from tests.moved.site import PROJECTS, Browser, browsing, is_stock, start_program

pytest.importorskip("django_extensions")

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("django") / "site"
    shutil.copytree(PROJECTS / "django_site", place)
    (place / "parts.py").write_text("WORD = 'first'\n")
    return place


def run(place: Path, *options: str, log: str = "output.log") -> Process:
    command = ["manage.py", "runserver_plus", "127.0.0.1:0", *options]
    variables = {"REMOTE_USER": "ada", "WERKZEUG_DEBUG_PIN": "123-456-789"}
    return start_program(place, *command, log=log, **variables)


@pytest.fixture(scope="module")
def program(place: Path) -> Iterator[Process]:
    process = run(place, "--threaded", "--reloader-type", "stat")
    yield process
    process.stop(signal.SIGINT)
    process.kill()


@pytest.fixture(scope="module")
def browser(program: Process) -> Iterator[Browser]:
    with browsing(program, "first by the first template") as browser:
        yield browser


def test_the_environ_of_its_request_handler(browser: Browser) -> None:
    expected = {"REMOTE_USER": "ada", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.multithread": True}
    assert browser.get("/meta").json() == expected


def test_the_debugger_instead_of_the_page_of_django(browser: Browser) -> None:
    page = browser.get("/error")
    assert page.status_code == 500
    assert "LookupError: &lt;first&gt;" in page.text
    assert "The debugger caught an exception" in page.text


def test_templates_are_read_anew_without_a_restart(
    browser: Browser, program: Process, place: Path
) -> None:
    restarts = program.text().count("Restarting with")
    (place / "templates" / "page.html").write_text("<body>{{ word }} by another</body>")
    browser.wait_for("first by another")
    wait_until(lambda: "page.html', reset template loaders" in program.text(), "it is told")
    (place / "templates" / "new.html").write_text("")
    wait_until(lambda: "new.html added, reset template loaders" in program.text(), "it is new")
    assert program.text().count("Restarting with") == restarts


def test_code_that_changes(browser: Browser, program: Process, place: Path) -> None:
    (place / "parts.py").write_text("WORD = 'changed'\n")
    browser.wait_for("changed by")
    program.wait_for_line(re.escape(f"Detected change in {str(place / 'parts.py')!r}, reloading"))


@pytest.mark.skipif(is_stock(), reason="this fails with Werkzeug 3.1")
def test_without_the_reloader(place: Path) -> None:
    process = run(place, "--noreload", log="alone.log")
    try:
        url = process.wait_for_line(r"Running on (http://127\.0\.0\.1:\d+)")[1]
        with Browser(url) as browser:
            assert browser.get("/meta").json()["REMOTE_USER"] == "ada"
        process.wait_for_line("Debugger PIN: 123-456-789")
        assert process.stop(signal.SIGINT) == 0
    finally:
        process.kill()
