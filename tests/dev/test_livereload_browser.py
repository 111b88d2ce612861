"""Live reload in Chromium: nobody touches the page, and yet it shows what was saved."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.applications.deployment import Process, wait_until
from tests.browser import Browser
from tests.operation.server import COMMAND

from dovetail.dev.workshop import VARIABLE

pytestmark = [pytest.mark.process, pytest.mark.network]

APPLICATION = """
from dovetail import App, render_template

app = App(__name__)
WORD = "code 1"

@app.get("/")
def index():
    return render_template("index.html", word=WORD)

@app.get("/fail")
def fail():
    return 1 / 0
"""
PLAIN = """
from dovetail.dev import run_simple

WORD = "code 1"

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    return [f'<link rel="stylesheet" href="/static/main.css"><h1>{WORD}</h1>'.encode()]

run_simple("127.0.0.1", 0, app, use_reloader=True, use_debugger=True, live_reload=True,
           processes=2, static_files={"/static": "static"})
"""
TEMPLATE = """<!doctype html>
<title>live</title>
<link rel="stylesheet" href="/static/main.css">
<h1>{{ word }}</h1>
<p>template 1</p>
"""
STYLE = "h1 { color: rgb(255, 0, 0); }"


class Project:
    """A directory with an application, and its development server."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.write("shop.py", APPLICATION)
        self.write("plain.py", PLAIN)
        self.write("templates/index.html", TEMPLATE)
        self.write("static/main.css", STYLE)
        self.url = ""

    def start(self, *command: str) -> None:
        self.process = Process(
            command,
            output=self.directory / "server.log",
            directory=self.directory,
            environ={"PYTHONUNBUFFERED": "1", "DOVETAIL_DEBUG_PIN": "off", VARIABLE: ""},
        )
        match = self.process.wait_for_line(r"Running on (http://[0-9.:]+)\n")
        self.url = match[1]

    def write(self, name: str, text: str) -> None:
        """Save a file in one step: an empty one in between could be seen, and reloaded for."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.directory.with_name(f"{self.directory.name}-draft")
        draft.write_text(text)
        draft.replace(path)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.directory / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    yield project
    project.process.kill()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser("", tmp_path_factory.mktemp("browser"))
    yield browser
    browser.quit()


See = Callable[[str], None]


@pytest.fixture
def see(browser: Browser, project: Project) -> See:
    """Wait until the open page shows a text."""

    def see(text: str) -> None:
        try:
            # Asked in one go, because the document may be replaced between two questions.
            wait_until(
                lambda: text in browser.run("return document.body ? document.body.innerText : ''"),
                f"{text!r} is seen",
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{project.process.text()}") from None

    return see


def expect_color(project: Project, browser: Browser, color: str) -> None:
    """Wait until the heading has a colour."""
    script = "const h = document.querySelector('h1'); return h ? getComputedStyle(h).color : ''"
    try:
        wait_until(lambda: browser.run(script) == f"rgb({color})", f"the heading is {color}")
    except AssertionError as error:
        links = browser.run("return document.head.innerHTML + document.body.innerHTML")
        raise AssertionError(f"{error}\n{links}\n{project.process.text()}") from None


def is_marked(browser: Browser) -> bool:
    """Tell whether the page is still the very one that was marked."""
    return bool(browser.run("return window.marked === true"))


def test_a_page_follows_what_is_saved(project: Project, browser: Browser, see: See) -> None:
    project.start(str(COMMAND), "--app", "shop", "run", "--debug", "--live-reload", "-p", "0")
    browser.url = project.url
    browser.open("/")
    see("template 1")
    # A template: without a restart.
    project.edit("templates/index.html", "template 1", "template 2")
    see("template 2")
    assert "Detected change" not in project.process.text()
    # A style: without loading the page.
    browser.run("window.marked = true")
    expect_color(project, browser, "255, 0, 0")
    project.edit("static/main.css", "255, 0, 0", "0, 0, 255")
    expect_color(project, browser, "0, 0, 255")
    project.edit("static/main.css", "0, 0, 255", "0, 128, 0")
    expect_color(project, browser, "0, 128, 0")
    assert is_marked(browser)
    assert browser.run("return document.querySelectorAll('link').length") == 1
    # The code.
    project.edit("shop.py", "code 1", "code 2")
    see("code 2")
    assert not is_marked(browser)
    # A syntax error, another one, and the repair.
    project.edit("shop.py", '"code 2"', '"code 3" +')
    see("SyntaxError")
    project.edit("shop.py", '"code 3" +', "1 / 0")
    see("ZeroDivisionError")
    project.edit("shop.py", "1 / 0", '"code 4"')
    see("code 4")


def test_a_page_of_the_debugger(project: Project, browser: Browser, see: See) -> None:
    project.start(str(COMMAND), "--app", "shop", "run", "--debug", "--live-reload", "-p", "0")
    browser.url = project.url
    browser.open("/fail")
    see("division by zero")
    project.edit("shop.py", "return 1 / 0", 'return "<p>mended</p>"')
    see("mended")


def test_any_application_in_several_processes(project: Project, browser: Browser, see: See) -> None:
    project.start(sys.executable, "plain.py")
    browser.url = project.url
    browser.open("/")
    see("code 1")
    browser.run("window.marked = true")
    project.edit("static/main.css", "255, 0, 0", "0, 0, 255")
    expect_color(project, browser, "0, 0, 255")
    assert is_marked(browser)
    project.edit("plain.py", "code 1", "code 2")
    see("code 2")
    # A program that does not come as far as serving.
    project.edit("plain.py", '"code 2"', '"code 3')
    see("SyntaxError")
    project.edit("plain.py", '"code 3', '"code 3"')
    see("code 3")


def test_without_the_reloader(project: Project, browser: Browser, see: See) -> None:
    options = ["--no-reload", "--no-debugger", "--live-reload", "-p", "0"]
    project.start(str(COMMAND), "--app", "shop", "run", *options)
    browser.url = project.url
    browser.open("/")
    see("template 1")
    project.edit("shop.py", "code 1", "code 2")
    project.edit("templates/index.html", "template 1", "template 2")
    see("template 2")
    see("code 1")
    project.edit("templates/index.html", "template 2", "template 3")
    see("template 3")
