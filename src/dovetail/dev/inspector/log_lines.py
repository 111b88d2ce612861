"""What is logged while a request is handled, whatever the logger and its handlers are."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from dovetail.dev.console import LOGGER
from dovetail.dev.pages.excerpts import cut

__all__ = ["LogLine", "LogLines", "collect", "install", "uninstall"]

_MOST_LINES = 200
_MESSAGE_CHARACTERS = 4096
_EXCEPTION_CHARACTERS = 16384
_ALL_CHARACTERS = 256 << 10

_formatter = logging.Formatter()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One record of the log. ``offset`` is in milliseconds since the application was called."""

    offset: float
    level: str
    logger: str
    message: str
    #: The traceback, if the record came with an exception.
    exception: str = ""


class LogLines:
    """The log lines of one request, so many at most."""

    __slots__ = ("_began", "_open", "_room", "lines", "lost")

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._room = _ALL_CHARACTERS
        self._open = True
        self.lines: list[LogLine] = []
        #: How many there were for which there was no room.
        self.lost = 0

    def close(self) -> None:
        """Take no more: the request is done, though its thread may go on."""
        self._open = False

    def take(self, record: logging.LogRecord) -> None:
        """Add what a record says, now: what its arguments say may be different later."""
        if not self._open or _is_request_line(record):
            return
        if len(self.lines) >= _MOST_LINES or self._room <= 0:
            self.lost += 1
            return
        line = LogLine(
            (time.monotonic() - self._began) * 1000,
            record.levelname,
            record.name[:200],
            cut(_message_of(record), _MESSAGE_CHARACTERS),
            cut(_exception_of(record), _EXCEPTION_CHARACTERS),
        )
        self._room -= len(line.message) + len(line.exception)
        self.lines.append(line)


_current: ContextVar[LogLines | None] = ContextVar("dovetail.inspector.log_lines", default=None)


def collect(lines: LogLines | None) -> None:
    """Have what this thread logs from now on, and what it starts as tasks, go to ``lines``."""
    _current.set(lines)


class _Factory:
    """Makes the records of all loggers, as the one before did.

    A handler of the root logger would not see what loggers keep to themselves; and it would change
    what is logged elsewhere, since ``basicConfig`` and others look whether there is a handler.
    """

    def __init__(self, before: Callable[..., logging.LogRecord]) -> None:
        self.before = before

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self.before(*args, **kwargs)
        lines = _current.get()
        if lines is not None:
            lines.take(record)
        return record


_installing = threading.Lock()
_factory: _Factory | None = None


def install() -> None:
    """Begin to see records. Doing it again changes nothing."""
    global _factory  # noqa: PLW0603  the factory of records is the process's, too
    with _installing:
        if _factory is None:
            _factory = _Factory(logging.getLogRecordFactory())
            logging.setLogRecordFactory(_factory)


def uninstall() -> None:
    """Undo :func:`install`, unless somebody else's factory rests on ours."""
    global _factory  # noqa: PLW0603
    with _installing:
        if _factory is not None and logging.getLogRecordFactory() is _factory:
            logging.setLogRecordFactory(_factory.before)
            _factory = None


def _is_request_line(record: logging.LogRecord) -> bool:
    # makeLogRecord() makes records without a name, of what was logged elsewhere.
    return not record.name or (record.name == LOGGER and record.levelno <= logging.INFO)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:
        # The handlers will say so, too; here it must not become the application's error.
        return f"{record.msg!r} with {record.args!r} cannot be formatted: {error}"


def _exception_of(record: logging.LogRecord) -> str:
    info = record.exc_info
    if not info or not info[0]:
        return ""
    try:
        return _formatter.formatException(info)
    except Exception as error:
        return f"{info[0].__name__}, which cannot be shown: {error}"
