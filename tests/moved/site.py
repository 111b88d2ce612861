"""Applications of others' extensions, served: by Flask's own packages or by ours instead."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from tests.applications.deployment import PATIENCE_SECONDS, Process, wait_until
from tests.programs import unhurried

__all__ = [
    "PATIENCE",
    "PROJECTS",
    "Browser",
    "Site",
    "browsing",
    "environment",
    "is_stock",
    "start_program",
]

PROJECTS = Path(__file__).parent / "projects"
#: How long a client waits for anything, in seconds: longer than the server may take.
PATIENCE = 2 * PATIENCE_SECONDS


def is_stock() -> bool:
    """Tell whether Flask itself is installed: then the same tests tell what it does."""
    spec = find_spec("flask")
    return spec is not None and spec.origin != "dovetail.compat"


def environment(state: Path, **more: str) -> dict[str, str]:
    """Return the variables for an application that keeps its files in ``state``."""
    return {"PYTHONDONTWRITEBYTECODE": "1", "SITE_STATE": str(state), **more}


class Browser(requests.Session):
    """Keeps cookies, and knows where the site is: ``get("/path")``."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.trust_env = False
        self.url = url

    def request(self, method: str, url: str, *arguments: Any, **named: Any) -> requests.Response:
        """Ask for a path of the site, or for a whole URL."""
        named.setdefault("timeout", PATIENCE)
        return super().request(method, urljoin(self.url, url), *arguments, **named)

    def wait_for(self, words: str, path: str = "/") -> None:
        """Ask until the answer has these words.

        Meanwhile there may be no server at all, and Werkzeug's breaks answers off at a restart.
        """

        def has_them() -> bool:
            try:
                return words in self.get(path).text
            except requests.RequestException:
                return False

        wait_until(has_them, f"{path} says {words}")


@contextmanager
def browsing(program: Process, words: str, path: str = "/") -> Iterator[Browser]:
    """Wait until a page of a program has these words; give a client of the program."""
    with Browser(program.wait_for_line(r"Running on (http://127\.0\.0\.1:\d+)")[1]) as browser:
        browser.headers["Accept"] = "text/html"
        browser.wait_for(words, path)
        yield browser


def start_program(place: Path, *words: str, log: str = "output.log", **variables: str) -> Process:
    """Run a program that serves by itself, in its directory.

    :param log: where its output goes, beside the directory.
    """
    command = [sys.executable, *([] if is_stock() else ["-m", "dovetail.compat"]), *words]
    return Process(
        command,
        output=place.parent / f"{place.name}-{log}",
        directory=place,
        environ=environment(place, PYTHONUNBUFFERED="1", **variables),
    )


class Site:
    """A process that serves an application of ``projects/`` on a port of its choice."""

    def __init__(self, project: str, state: Path, **variables: str) -> None:
        self.state = state
        application = f"{project}:app"
        command = [sys.executable, str(Path(__file__).with_name("stock.py")), application]
        if not is_stock():
            command = [sys.executable, "-m", "dovetail", "serve", application, "--compat"]
            command += ["--bind", "127.0.0.1:0", "--threads", "8", "--chdir", str(PROJECTS)]
            command += unhurried("60s")
        self.process = Process(
            command,
            output=state / "output.log",
            directory=state,
            environ=environment(state, **variables),
        )
        try:
            self.url = self.process.wait_for_line(r"listening on (http://127\.0\.0\.1:\d+)")[1]
        except BaseException:
            self.process.kill()
            raise

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.process.text()

    def wait_for_log(self, words: str) -> None:
        """Wait until it has written these words: it may do so after it has answered."""
        wait_until(lambda: words in self.log, f"{words} is in the log")

    def browser(self) -> Browser:
        """Return a client without cookies."""
        return Browser(self.url)

    def stop(self) -> None:
        """End it at once, even if a test that failed holds a connection."""
        if is_stock():
            self.process.kill()
            return
        assert self.process.stop(signal.SIGINT) == 0, self.log
        assert "please report it" not in self.log
