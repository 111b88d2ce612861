from __future__ import annotations

import io
import logging

import pytest

from dovetail.dev import console
from dovetail.dev.console import LOGGER, Styled
from dovetail.server.controls import escape_lines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def unconfigured() -> logging.Logger:
    """Return the logger as nobody has configured it; also free of what pytest has added by now."""
    logger = logging.getLogger(LOGGER)
    logger.handlers.clear()
    logger.propagate = False
    return logger


def test_a_logger_nobody_configured_gets_a_level_and_a_handler(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = unconfigured()
    logger.setLevel(logging.NOTSET)
    console._choose_level.cache_clear()
    console.log("info", "%s and %d\n", "one", 2)
    console.log("error", "three")
    assert logger.level == logging.INFO
    assert len(logger.handlers) == 1
    assert capsys.readouterr().err == "one and 2\nthree\n"


def test_the_level_can_be_left_to_the_loggers_above(capsys: pytest.CaptureFixture[str]) -> None:
    logger = unconfigured()
    console.log("debug", "the first message")
    logger.setLevel(logging.NOTSET)
    console.log("info", "not heard")
    console.log("warning", "heard")
    assert capsys.readouterr().err == "heard\n"


def test_the_handler_writes_to_what_standard_error_is(monkeypatch: pytest.MonkeyPatch) -> None:
    unconfigured()
    console.log("info", "before")
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    console.log("info", "after")
    assert stream.getvalue() == "after\n"


def test_a_configured_logger_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    logger = unconfigured()
    logger.setLevel(logging.WARNING)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    console.log("info", "not heard")
    console.log("warning", "heard")
    assert logger.handlers == [handler]
    assert stream.getvalue() == "heard\n"
    assert capsys.readouterr().err == ""


def test_a_handler_above_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    logger = unconfigured()
    logger.propagate = True
    root = logging.getLogger()
    assert root.handlers  # pytest's
    console.log("info", "heard")
    assert logger.handlers == []
    assert caplog.messages == ["heard"]


def test_a_handler_that_would_not_show_it_is_not_enough(capsys: pytest.CaptureFixture[str]) -> None:
    logger = unconfigured()
    logger.addHandler(logging.StreamHandler(io.StringIO()))
    logger.handlers[0].setLevel(logging.CRITICAL)
    console.log("info", "shown")
    assert capsys.readouterr().err == "shown\n"


def test_the_traceback_of_an_exception(capsys: pytest.CaptureFixture[str]) -> None:
    unconfigured()
    console.log("error", "it failed", exc_info=ValueError("why"))
    assert capsys.readouterr().err == "it failed\nValueError: why\n"


def test_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    unconfigured()
    monkeypatch.delenv("NO_COLOR", raising=False)
    file, terminal = io.StringIO(), Terminal()
    monkeypatch.setattr("sys.stderr", file)
    console.log("info", "%s: %s", Styled("text", "red"), 1)
    monkeypatch.setattr("sys.stderr", terminal)
    console.log("info", "%s: %s", Styled("text", "red"), 1)
    console.log("info", "plain")
    monkeypatch.setenv("NO_COLOR", "1")
    console.log("info", "%s", Styled("text", "red"))
    assert file.getvalue() == "text: 1\n"
    assert terminal.getvalue() == "\x1b[1;31mtext\x1b[0m: 1\nplain\ntext\n"


def test_escape() -> None:
    text = "a\r\n\x1b[2J\x00\x7f\x85\xa0é\u2028"
    assert console.escape(text) == "a\\x0d\\x0a\\x1b[2J\\x00\\x7f\\x85\xa0é\\u2028"


def test_escapes_can_be_told_from_what_looks_like_one() -> None:
    assert console.escape("/\\x1b") == "/\\\\x1b"
    assert escape_lines("C:\\x\n") == "C:\\x\n"


def test_the_direction_of_text_cannot_be_turned() -> None:
    marks = "\u202a\u202e\u2066\u2069"
    escaped = r"\u202a\u202e\u2066\u2069"
    assert console.escape(marks) == escape_lines(marks) == escaped
