"""The error log and the access log: where lines go, and how they get there whole."""

from __future__ import annotations

import logging
import os
import stat
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final, Literal

from dovetail.server.access_log import AccessEntry, FormatError, LineFormatter, compile_format
from dovetail.server.controls import CONTROL_ESCAPES, escape_lines
from dovetail.server.settings import Settings

__all__ = ["AccessEntry", "LogError", "LogFile", "Logs"]

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}

# A log that fails and recovers in turn is reported no more often than this, in seconds.
_REPORT_INTERVAL: Final = 10.0

# Opened non-blocking, a FIFO that nobody reads is an error at once instead of a server that hangs.
_OPEN_FLAGS: Final = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
)


class LogError(Exception):
    """A log that cannot be set up; the message is one line that names the setting."""


class LogFile:
    """One destination of lines: a file opened for appending, or a standard stream for ``-``.

    Every line is one ``write`` on a descriptor in append mode, so that threads and processes may
    share a file and no line is torn. A line that cannot be written is lost and counted; ``write``
    never raises. ``report`` takes a sentence about lost lines, when they begin and when they end.
    """

    def __init__(
        self,
        path: str,
        *,
        setting: str,
        stream: Literal[1, 2],
        report: Callable[[str], None],
        owner: tuple[int, int] | None = None,
    ) -> None:
        self.setting = setting
        self.path = path
        self.lost = 0
        self._report = report
        self._owner = owner
        self._torn = False
        self._quiet_until = 0.0
        self._lock = threading.Lock()
        self._owned = path != "-" or _is_closed(stream)
        if self._owned:
            self._descriptor = _open_null() if path == "-" else self._open()
            # close() leaves the number taken, see there; it is given back with the object.
            self._finalizer = weakref.finalize(self, os.close, self._descriptor)
        else:
            self._descriptor = int(stream)

    def _open(self) -> int:
        try:
            descriptor = os.open(self.path, _OPEN_FLAGS, 0o640)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise LogError(f"{self.setting}: cannot open {self.path}: {reason}") from None
        try:
            _prepare(descriptor, self._owner)
        except OSError as error:
            os.close(descriptor)
            raise LogError(
                f"{self.setting}: cannot give {self.path} to the workers' user: {error.strerror}"
            ) from None
        return descriptor

    def write(self, line: bytes) -> None:
        """Append ``line``, which ends with its newline."""
        if self._torn:
            # A full disk left half a line behind; this one must not become its second half.
            line = b"\n" + line
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            self._lose(error.strerror or "unknown error")
            return
        if written < len(line):
            self._torn = True
            self._lose("only part of a line was written")
        elif self._torn or self.lost:
            self._torn = False
            self._recover()

    def _lose(self, reason: str) -> None:
        with self._lock:
            self.lost += 1
            first = self.lost == 1 and time.monotonic() >= self._quiet_until
        if first:
            self._report(f"{self.setting}: cannot write to {self._name}: {reason}")

    def _recover(self) -> None:
        with self._lock:
            now = time.monotonic()
            if not self.lost or now < self._quiet_until:
                return
            lost, self.lost = self.lost, 0
            self._quiet_until = now + _REPORT_INTERVAL
        self._report(f"{self.setting}: {self._name} works again; lines lost: {lost}")

    @property
    def _name(self) -> str:
        if self.path != "-":
            return self.path
        return "standard output" if self._descriptor == 1 else "standard error"

    def reopen(self) -> None:
        """Open the path anew, for a file that was renamed; raise :class:`LogError`, keep the old.

        Threads may write meanwhile: the new file takes over the same descriptor in one step.
        """
        if self.path != "-":
            self._take(self._open())
            self._torn = False

    def close(self) -> None:
        """Let go of the file. Lines written afterwards are dropped.

        The descriptor's number stays taken as long as the object lives: a thread that is about to
        write must not hit a client's connection that got the number meanwhile.
        """
        if self._owned:
            self._take(_open_null())

    def _take(self, descriptor: int) -> None:
        try:
            os.dup2(descriptor, self._descriptor, inheritable=False)
        finally:
            os.close(descriptor)


def _open_null() -> int:
    return os.open(os.devnull, os.O_WRONLY)


def _prepare(descriptor: int, owner: tuple[int, int] | None) -> None:
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(descriptor, True)
    # A terminal or a pipe belongs to whoever made it.
    if owner is not None and stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchown(descriptor, *owner)


def _is_closed(stream: Literal[1, 2]) -> bool:
    """Whether the process was started without this standard stream.

    Its number may belong to anything then, a client's connection for instance.
    """
    return (sys.__stdout__ if stream == 1 else sys.__stderr__) is None


_ESCAPES: Final = {code: text for code, text in CONTROL_ESCAPES.items() if code != 0x09}


class _Escaped:
    """An argument of a message, whose text must stay within its line."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return str(self._value).translate(_ESCAPES)

    def __repr__(self) -> str:
        return repr(self._value).translate(_ESCAPES)


class _ErrorFormatter(logging.Formatter):
    """``[2026-11-21 10:00:00 +0000] [pid] [LEVEL] text``.

    Arguments of a message may come from a client: their control characters, line ends too, are
    escaped. Line ends in the message itself and in a traceback stay, and the lines that follow are
    indented, so that a line which begins with a bracket is always one that this server wrote.
    """

    def format(self, record: logging.LogRecord) -> str:
        text = self._message(record)
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        if record.stack_info:
            text += "\n" + self.formatStack(record.stack_info)
        stamp = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(record.created))
        text = escape_lines(text).replace("\n", "\n    ")
        return f"[{stamp}] [{os.getpid()}] [{record.levelname}] {text}"

    @staticmethod
    def _message(record: logging.LogRecord) -> str:
        message, arguments = str(record.msg), record.args
        if not arguments:
            return message
        if isinstance(arguments, tuple):
            return message % tuple(_guard(value) for value in arguments)
        return message % {key: _guard(value) for key, value in arguments.items()}


def _guard(value: object) -> object:
    # Numbers stay themselves, for the sake of %d and %.3f.
    return value if isinstance(value, int | float) else _Escaped(value)


class _ErrorHandler(logging.Handler):
    """Writes records of the error log to its file."""

    def __init__(self, file: LogFile) -> None:
        super().__init__()
        self._file = file
        self.setFormatter(_ErrorFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + "\n"
        except Exception:
            # A message that cannot be formatted is not worth a worker.
            self.handleError(record)
            return
        self._file.write(line.encode("utf-8", "backslashreplace"))


class Logs:
    """The two logs of a server.

    ``error`` is the error log, an ordinary :class:`logging.Logger`. Pass what came from a client as
    an argument (``logs.error.info("refused: %s", reason)``), then it cannot forge a line.

    ``owner`` is the user and group id that log files are given to, for an arbiter that runs as root
    and workers that do not. Raises :class:`LogError` when a file cannot be opened or the format or
    the level is unknown.
    """

    def __init__(self, settings: Settings, *, owner: tuple[int, int] | None = None) -> None:
        level = _LEVELS.get(settings.log_level.lower())
        if level is None:
            raise LogError(
                f"log_level: unknown level {settings.log_level!r}: use one of {', '.join(_LEVELS)}"
            )
        self._line = _compile(settings.access_log_format)
        # Made by hand and not by getLogger: an application's logging.config disables all loggers
        # that are registered when it runs, and would silence the server.
        self.error = logging.Logger("dovetail.error", level)
        self._error_file = LogFile(
            settings.error_log or "-",
            setting="error_log",
            stream=2,
            report=self.error.warning,
            owner=owner,
        )
        self.error.addHandler(_ErrorHandler(self._error_file))
        self._access_file: LogFile | None = None
        if settings.access_log:
            try:
                self._access_file = LogFile(
                    settings.access_log,
                    setting="access_log",
                    stream=1,
                    report=self.error.warning,
                    owner=owner,
                )
            except LogError:
                self._error_file.close()
                raise
        self.access_enabled: bool = self._access_file is not None

    def access(self, entry: AccessEntry) -> None:
        """Write a request's line; does nothing when there is no access log."""
        file = self._access_file
        if file is not None:
            file.write((self._line(entry) + "\n").encode("ascii", "backslashreplace"))

    def reopen(self) -> None:
        """Open the files anew, after they were renamed; any thread may log meanwhile.

        A file that cannot be opened stays the old one, and the error log says so.
        """
        for file in self._files():
            try:
                file.reopen()
            except LogError as error:
                self.error.error("%s; lines still go to the file opened before", error)

    def close(self) -> None:
        """Let go of the files. What is logged afterwards is dropped."""
        for file in self._files():
            file.close()

    def _files(self) -> list[LogFile]:
        return [self._error_file] + ([self._access_file] if self._access_file is not None else [])


def _compile(text: str) -> LineFormatter:
    try:
        return compile_format(text)
    except FormatError as error:
        raise LogError(f"access_log_format: {error}") from None
