"""The debugger in a server of several processes: each answers for the frames of all others."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from dovetail.dev.workshop import Workshop

PATIENCE = 60.0
PIN = "123-456"

SERVER = """
import os
from dovetail.dev import make_server
from dovetail.dev.debugger import DebuggedApplication

def application(environ, start_response):
    process = os.getpid()
    if environ["PATH_INFO"] == "/fail":
        raise ValueError(process)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(process).encode()]

debugged = DebuggedApplication(application, evalex=True)
server = make_server("127.0.0.1", 0, debugged, processes=2)
print(server.port, debugged.secret, debugged.pin_cookie_name, flush=True)
server.serve_forever()
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


@dataclass
class Browser:
    """Makes each request in a connection of its own, so that any process may answer."""

    port: int
    secret: str
    cookie: str = ""

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def get(self, path: str, accept: str = "text/html") -> tuple[int, str]:
        with closing(self.connect()) as client:
            self.send(client, path, accept)
            response = client.getresponse()
            if given := response.getheader("Set-Cookie"):
                self.cookie = given.partition(";")[0]
            return response.status, response.read().decode()

    def send(
        self, client: http.client.HTTPConnection, path: str, accept: str = "text/html"
    ) -> None:
        client.request("GET", path, headers={"Accept": accept, "Cookie": self.cookie})

    def ask(self, **fields: object) -> tuple[int, str]:
        return self.get(self.command(**fields))

    def command(self, **fields: object) -> str:
        query = urlencode({"__debugger__": "yes", "s": self.secret, **fields})
        return f"/?{query}"

    def process(self) -> int:
        return int(self.get("/")[1])


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", PIN)
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        port, secret, _ = server.stdout.readline().split()
        try:
            yield Browser(int(port), secret)
        finally:
            server.terminate()
            try:
                server.wait(PATIENCE)
            finally:
                server.kill()


def until_two_answer(browser: Browser) -> set[int]:
    processes: set[int] = set()
    deadline = time.monotonic() + PATIENCE
    while len(processes) < 2:
        assert time.monotonic() < deadline, "one process answers everything"
        processes.add(browser.process())
    return processes


def unlock(browser: Browser) -> None:
    assert json.loads(browser.ask(cmd="pinauth", pin=PIN)[1]) == {"auth": True, "exhausted": False}


def failure(browser: Browser) -> tuple[int, int]:
    """Have a request fail; return the id of its last frame, and the process."""
    status, page = browser.get("/fail")
    assert status == 500
    frame = max(map(int, re.findall(r'id="frame-(\d+)"', page)))
    return frame, frame >> 24


def test_whatever_process_answers(browser: Browser) -> None:
    processes = until_two_answer(browser)
    unlock(browser)
    frames: dict[int, int] = {}
    deadline = time.monotonic() + PATIENCE
    while set(frames) != processes:
        assert time.monotonic() < deadline
        frame, process = failure(browser)
        frames[process] = frame
    for process, frame in frames.items():
        assert str(process) in browser.ask(cmd="process", frm=frame)[1]
        assert browser.ask(cmd="kept = []", frm=frame)[0] == 200
        for number in range(12):
            status, html = browser.ask(cmd="kept.append(1); len(kept), process", frm=frame)
            assert status == 200
            text = re.sub(r"<[^>]+>", "", html)
            assert f"({number + 1}, {process})" in text


@pytest.mark.parametrize("is_own", [True, False], ids=["own", "elsewhere"])
def test_a_command_that_takes_long_keeps_no_connection_of_its_process_waiting(
    browser: Browser, tmp_path: Path, is_own: bool
) -> None:
    begun = tmp_path / "begun"
    unlock(browser)
    frame, process = failure(browser)
    with ExitStack() as clients:
        # A connection stays with its process.
        kept: dict[int, list[http.client.HTTPConnection]] = {}
        deadline = time.monotonic() + PATIENCE
        while len(kept) < 2 or min(map(len, kept.values())) < 2:
            assert time.monotonic() < deadline
            client = clients.enter_context(closing(browser.connect()))
            browser.send(client, "/")
            found = kept.setdefault(int(client.getresponse().read()), [])
            if len(found) < 2:
                found.append(client)
            else:
                client.close()
        asked = process if is_own else next(one for one in kept if one != process)
        running, other = kept[asked]
        code = f"import time\nopen({str(begun)!r}, 'w').close()\nwhile True: time.sleep(0.01)\n\n"
        browser.send(running, browser.command(cmd=code, frm=frame))
        while not begun.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        browser.send(other, "/")
        assert int(other.getresponse().read()) == asked
        browser.send(other, browser.command(cmd="", stop="yes", frm=frame))
        assert other.getresponse().status == 200
        response = running.getresponse()
        assert response.status == 200
        assert "KeyboardInterrupt" in response.read().decode()


def test_the_console_is_one(browser: Browser) -> None:
    until_two_answer(browser)
    unlock(browser)
    assert browser.get("/console")[0] == 200
    assert browser.ask(cmd="import os; kept = []", frm=0)[0] == 200
    answers = set()
    for number in range(12):
        html = browser.ask(cmd="kept.append(1); os.getpid(), len(kept)", frm=0)[1]
        process, length = re.findall(r"\d+", re.sub(r"<[^>]+>", "", html).partition("\n")[2])
        assert int(length) == number + 1
        answers.add(process)
    assert len(answers) == 1


def test_a_process_that_has_ended(browser: Browser) -> None:
    until_two_answer(browser)
    unlock(browser)
    frame, process = failure(browser)
    os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < deadline
        try:
            status, text = browser.ask(cmd="process", frm=frame)
        except (OSError, http.client.HTTPException):
            continue  # it was in the hands of the one that was killed
        if status == 410:
            break
    assert text.startswith("The process that raised this has ended")


def test_wrong_pins_are_counted_over_all(browser: Browser) -> None:
    until_two_answer(browser)
    answers = [json.loads(browser.ask(cmd="pinauth", pin="1")[1])["exhausted"] for _ in range(12)]
    assert answers == [False] * 10 + [True] * 2
    assert json.loads(browser.ask(cmd="pinauth", pin=PIN)[1]) == {"auth": False, "exhausted": True}


def test_a_page_is_opened_again_from_any(browser: Browser) -> None:
    until_two_answer(browser)
    text = browser.get("/fail", accept="*/*")[1]
    path = re.search(r"^Debugger: http://127\.0\.0\.1:\d+(/\S+)$", text, re.MULTILINE)
    assert path is not None
    for _ in range(12):
        status, page = browser.get(path[1])
        assert status == 200
        assert "GET /fail" in page
        assert browser.secret in page


def test_the_secret_stays_over_restarts(shop: Workshop) -> None:
    code = (
        "from dovetail.dev.debugger import DebuggedApplication as D\n"
        "print(D(lambda environ, start_response: []).secret)"
    )
    command = [sys.executable, "-c", code]
    secrets = {subprocess.check_output(command, text=True, timeout=PATIENCE) for _ in range(2)}
    assert len(secrets) == 1
    assert shop.secret not in secrets.pop()
