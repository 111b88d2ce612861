"""The signals that end a server under the reloader: noticed, handed on, and at last enforced."""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

from dovetail.dev import console
from dovetail.dev.interruptions import INSISTENT

__all__ = ["PATIENCE", "Signals"]

#: How long a process may take to end, in seconds, once it was told to.
PATIENCE: Final = 12.0
# A terminal sends Ctrl-C to the child, too; it is handed on only to a child that has not heard.
_INTERRUPT_DELAY = 0.3
# How long after a signal to say what is waited for, in seconds: then one more Ctrl-C is enough.
_SILENCE = 2.0


class Signals:
    """Takes note of signals, and has the processes that serve ended.

    :param send: sends a signal to these processes.
    :param kill: ends the current one at once.
    :ivar last: the last signal that was acted on; 0 as long as there was none.
    """

    def __init__(self, send: Callable[[int], object], kill: Callable[[], object]) -> None:
        self.last = 0
        self._send = send
        self._kill = kill
        self._noted: list[int] = []
        self._reader: socket.socket | None = None
        self._interrupts = 0
        self._send_at: float | None = None
        self._kill_at: float | None = None
        self._say_at: float | None = None

    @property
    def next_moment(self) -> float | None:
        """When :meth:`act` has something to do at the latest, by the monotonic clock."""
        moments = (self._send_at, self._kill_at, self._say_at)
        return min((moment for moment in moments if moment is not None), default=None)

    @property
    def is_waiting(self) -> bool:
        """Whether one has come that was not acted on yet."""
        return bool(self._noted)

    def note(self, number: int, frame: FrameType | None = None) -> None:  # noqa: ARG002
        """Take note of a signal; this is its handler."""
        self._noted.append(number)

    def act(self) -> None:
        """Act on what was noted, and do what is due."""
        now = time.monotonic()
        while self._noted:
            self._end(self._noted.pop(0), now)
        if self._send_at is not None and now >= self._send_at:
            self._send_at = None
            self._send(signal.SIGINT)
        if self._say_at is not None and now >= self._say_at:
            self._say_at = None
            console.log(
                "warning", " * The program still runs; press CTRL+C again to end it at once"
            )
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = now + 1
            self._kill()

    def _end(self, number: int, now: float) -> None:
        """Act on a signal that is to end all this."""
        is_first = not self.last
        self.last = number
        self._interrupts += number == signal.SIGINT
        if is_first:
            self._say_at = now + _SILENCE
            self._kill_at = now + PATIENCE
        elif number == signal.SIGINT and (self._interrupts >= INSISTENT or self._say_at is None):
            self._kill_at = now
        if number == signal.SIGINT and is_first:
            self._send_at = now + _INTERRUPT_DELAY
        else:
            self._send(number)

    # Noticing

    @contextlib.contextmanager
    def noticed(self, selector: selectors.BaseSelector) -> Iterator[bool]:
        """Take note of signals, which wake the selector.

        Yields whether they do, also at the end of a child; in other threads than the main one,
        signals go elsewhere.
        """
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        before: dict[int, Any] = {}
        wakeup: int | None = None
        try:
            wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
            number: int
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                # Who had it ignored (nohup, a shell's background) wants that still.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    before[number] = signal.signal(number, self.note)
            before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _do_nothing)
            selector.register(reader, selectors.EVENT_READ)
            self._reader = reader
        except ValueError:
            pass  # not the main thread
        try:
            yield wakeup is not None
        finally:
            self._reader = None
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            if wakeup is not None:
                signal.set_wakeup_fd(wakeup)
            reader.close()
            writer.close()

    def quieten(self) -> None:
        """Have the selector sleep again, until the next signal."""
        if self._reader is not None:
            with contextlib.suppress(BlockingIOError):
                while self._reader.recv(512):
                    continue


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Handle SIGCHLD: that it comes is what ends the waiting."""
