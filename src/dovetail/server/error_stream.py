"""``wsgi.errors``: what applications print goes to the error log, in whole lines."""

from __future__ import annotations

import io
import logging
import threading

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
            # Line ends in the format, unlike those in an argument, are not escaped in the log.
            self._log.error("\n".join(["%s"] * len(lines)), *lines)
        for part in parts:
            self._log.error("%s", part)
        return len(text)

    def flush(self) -> None:
        """Log what this thread has written of an unfinished line."""
        pending = getattr(self._parts, "pending", "")
        if pending:
            self._parts.pending = ""
            self._log.error("%s", pending)

    def close(self) -> None:
        """Only flush: a request that closes the stream must not silence all others."""
        self.flush()
