"""The development server's log: the logger named ``werkzeug``, in colours on a terminal."""

from __future__ import annotations

import copy
import logging
import os
import sys
from functools import cache
from typing import Any, TextIO

from dovetail.server.controls import CONTROL_ESCAPES
from dovetail.toolkit.loggers import has_level_handler

__all__ = ["LOGGER", "Styled", "escape", "log", "shows_colours"]

#: The logger's name. Applications configure it by this name, so it is the documented one.
LOGGER = "werkzeug"

_COLOURS = {"green": "32", "yellow": "33", "magenta": "1;35", "cyan": "36", "red": "1;31"}

# What a client sends must not look like an escape, either.
_ESCAPES = {**CONTROL_ESCAPES, ord("\\"): r"\\"}


def escape(text: str) -> str:
    """Return ``text`` with its control characters, line ends and backslashes as escapes."""
    return text.translate(_ESCAPES)


def shows_colours(stream: Any) -> bool:
    """Tell whether what is written to a stream is seen on a terminal, and may be in colours."""
    # https://no-color.org: the variable counts if it is there and not empty.
    if os.environ.get("NO_COLOR"):
        return False
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # ValueError: it is closed
        return False


class Styled:
    """A text that is shown in a colour, where the log is a terminal."""

    __slots__ = ("colour", "text")

    def __init__(self, text: str, colour: str) -> None:
        self.text = text
        self.colour = colour

    def __str__(self) -> str:
        return self.text

    def painted(self) -> str:
        """Return the text with the terminal's codes around it (ECMA-48)."""
        return f"\x1b[{_COLOURS[self.colour]}m{self.text}\x1b[0m"


class _ConsoleHandler(logging.StreamHandler[TextIO]):
    """Writes to what ``sys.stderr`` is at the time."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.args, tuple) and shows_colours(self.stream):
            record = copy.copy(record)
            record.args = tuple(
                value.painted() if isinstance(value, Styled) else value
                for value in record.args or ()
            )
        return super().format(record)


_handler = _ConsoleHandler()


@cache
def _choose_level() -> None:
    logger = logging.getLogger(LOGGER)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)


def log(type: str, message: str, *args: object, **options: Any) -> None:
    """Log a message.

    With the first message a logger without a level gets INFO, so that requests are shown; who takes
    that away again has the level of the loggers above. A logger without a handler that would show
    the message gets one that writes to standard error.

    :param type: the level's name in lower case: ``info``, ``warning``, ``error``.
    :param args: what the message's format is filled with.
    :param options: more for :meth:`logging.Logger.log`, such as ``exc_info``.
    """
    logger = logging.getLogger(LOGGER)
    _choose_level()
    if not has_level_handler(logger):
        logger.addHandler(_handler)
    level = logging.getLevelNamesMapping()[type.upper()]
    logger.log(level, message.rstrip("\n"), *args, **options)
