"""``wsgi.errors``: what applications print goes to the error log, in whole lines."""

from __future__ import annotations

import io
import logging
import threading
from types import TracebackType

__all__ = ["ErrorStream"]

# A line that never ends is written in parts of this many characters.
_LINE = 8192


class ErrorStream(io.TextIOBase):
    """A text stream whose lines become records of a logger; one for all threads of a worker.

    Lines that are written together are one record, such as a message with its traceback.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._parts = threading.local()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str, /) -> int:
        """Log the complete lines of ``text``; the rest waits for its end or for ``flush``."""
        pending: str = getattr(self._parts, "pending", "") + text
        *lines, rest = pending.split("\n")
        parts = [rest[at : at + _LINE] for at in range(0, len(rest), _LINE)]
        self._parts.pending = parts.pop() if parts else ""
        if lines:
            self._log.error(_format_of(lines), *lines)
        for part in parts:
            self._log.error("%s", part)
        return len(text)

    def flush(self) -> None:
        """Log what this thread has written of an unfinished line."""
        pending = getattr(self._parts, "pending", "")
        if pending:
            self._parts.pending = ""
            self._log.error("%s", pending)

    def log(
        self,
        level: int,
        text: str,
        exc_info: tuple[type[BaseException], BaseException, TracebackType | None] | None = None,
        stack_info: str | None = None,
    ) -> None:
        """Log a message of the application as one of the server's own, with its level and time.

        The application has decided that it is to be logged: the server's level does not count.

        :param level: see :mod:`logging`; so for ``exc_info`` and ``stack_info``.
        """
        self.flush()
        lines = text.split("\n")
        self._log.handle(
            self._log.makeRecord(
                self._log.name,
                level,
                __file__,
                0,
                _format_of(lines),
                tuple(lines),
                exc_info,
                sinfo=stack_info,
            )
        )

    def close(self) -> None:
        """Only flush: a request that closes the stream must not silence all others."""
        self.flush()


def _format_of(lines: list[str]) -> str:
    # Line ends in the format, unlike those in an argument, are not escaped in the log.
    return "\n".join(["%s"] * len(lines))
