"""The logger of an application."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dovetail.app.application import App
from dovetail.app.logs import (
    create_logger,
    default_handler,
    has_level_handler,
    wsgi_errors_stream,
)
from dovetail.server.error_stream import ErrorStream
from dovetail.server.logs import Logs
from dovetail.server.settings import Settings

# Below a logger that stands for the root: pytest gives that handlers, and those that do not
# propagate to it.
TOP = "tests_app"
NAME = f"{TOP}.logs"


@pytest.fixture(autouse=True)
def top() -> Iterator[logging.Logger]:
    """Let no logger know of another test."""
    top, logger = logging.getLogger(TOP), logging.getLogger(NAME)
    parent, top.parent = top.parent, None
    top.setLevel(logging.WARNING)
    yield top
    top.parent = parent
    for one in (top, logger):
        one.handlers[:] = []
        one.setLevel(logging.NOTSET)
        one.propagate = True


@pytest.fixture
def app() -> App:
    return App(NAME)


def test_logger_has_the_name_and_the_default_handler(app: App) -> None:
    assert app.logger is logging.getLogger(NAME)
    assert app.logger.level == logging.NOTSET
    assert app.logger.handlers == [default_handler]


def test_debug_mode_logs_everything(app: App) -> None:
    app.debug = True
    assert create_logger(app).level == logging.DEBUG


def test_a_level_that_was_set_stays(app: App) -> None:
    logging.getLogger(NAME).setLevel(logging.ERROR)
    app.debug = True
    assert app.logger.level == logging.ERROR


@pytest.mark.parametrize("name", [NAME, TOP])
def test_a_handler_that_was_added_stays_alone(app: App, name: str) -> None:
    handler = logging.StreamHandler(io.StringIO())
    logging.getLogger(name).addHandler(handler)
    assert default_handler not in app.logger.handlers


def test_a_handler_of_a_higher_level_is_not_enough(app: App, top: logging.Logger) -> None:
    handler = logging.StreamHandler(io.StringIO())
    handler.setLevel(logging.ERROR)
    top.addHandler(handler)
    assert not has_level_handler(logging.getLogger(NAME))
    assert app.logger.handlers == [default_handler]


def test_has_level_handler(top: logging.Logger) -> None:
    logger = logging.getLogger(NAME)
    assert not has_level_handler(logger)
    handler = logging.StreamHandler(io.StringIO())
    top.addHandler(handler)
    assert has_level_handler(logger)
    logger.propagate = False
    assert not has_level_handler(logger)
    logger.propagate = True
    handler.setLevel(logging.ERROR)
    assert not has_level_handler(logger)
    logger.setLevel(logging.ERROR)
    assert has_level_handler(logger)


def test_wsgi_errors_stream(app: App) -> None:
    assert wsgi_errors_stream._get_current_object() is sys.stderr
    stream = io.StringIO()
    with app.test_request_context(errors_stream=stream):
        assert wsgi_errors_stream._get_current_object() is stream


def test_records_go_to_the_server_of_the_request(app: App, capsys: Any) -> None:
    stream = io.StringIO()

    @app.route("/")
    def index() -> str:
        app.logger.error("it %s", "failed")
        return ""

    app.test_client().get("/", errors_stream=stream)
    app.logger.error("outside")
    written = stream.getvalue()
    assert written.startswith("[")
    assert written.endswith("] ERROR in test_logs: it failed\n")
    assert capsys.readouterr().err.endswith("] ERROR in test_logs: outside\n")


@pytest.fixture
def written(app: App, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Ask the application for a path, and return what is in the error log of its server."""
    path = tmp_path / "error.log"
    logs = Logs(Settings(error_log=str(path), log_level="error"))

    @app.route("/low")
    def low() -> str:
        app.logger.warning("%s is low\nvery", "stock")
        return ""

    @app.route("/wrong")
    def wrong() -> str:
        app.logger.warning("%d", "four")
        return ""

    @app.route("/fail")
    def fail() -> str:
        return str(1 / 0)

    def ask(target: str) -> str:
        errors: Any = ErrorStream(logs.error)
        app.test_client().get(target, errors_stream=errors)
        return path.read_text()

    yield ask
    logs.close()


STAMP = r"\[[-0-9]+ [:0-9]+ [+-]\d{4}\] \[\d+\]"


def test_our_server_stamps_records_once(written: Callable[[str], str]) -> None:
    message = rf"{STAMP} \[WARNING\] test_logs: stock is low\n    very\n"
    assert re.fullmatch(message, written("/low"))


def test_our_server_indents_tracebacks(written: Callable[[str], str]) -> None:
    message = rf"{STAMP} \[ERROR\] application: Exception on /fail \[GET\]( \(.*\))?\n"
    assert re.match(
        message + r"    Traceback \(most recent call last\):\n      File", written("/fail")
    )
    assert written("/fail").endswith("    ZeroDivisionError: division by zero\n")


def test_a_form_that_was_set_is_kept(
    written: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default_handler, "formatter", logging.Formatter("own %(message)s"))
    assert re.fullmatch(rf"{STAMP} \[ERROR\] own stock is low\n    very\n", written("/low"))


def test_a_message_that_cannot_be_made(written: Callable[[str], str], capsys: Any) -> None:
    assert written("/wrong") == ""
    assert "Logging error" in capsys.readouterr().err
