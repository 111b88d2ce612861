"""What the arbiter needs of the operating system, so that its tests can do without one."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from types import FrameType
from typing import NoReturn, Protocol

from dovetail.server.channel import Message, WorkerEnd, open_channel
from dovetail.server.notify import Notifier

__all__ = ["Line", "PosixSystem", "System"]

# Signals without a meaning for a worker; one sent to the whole process group must not kill it. A
# handler does that rather than SIG_IGN, which programs started by the application would inherit.
DEAF = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


class Line(Protocol):
    """The arbiter's side of a channel."""

    open: bool

    def fileno(self) -> int:
        """Return the descriptor to wait for."""

    def receive(self) -> list[Message]:
        """Return what has arrived, without blocking."""

    def close(self) -> None:
        """Close this side."""


class System(Protocol):
    """The clock, processes and signals."""

    def pid(self) -> int:
        """Return this process's id."""

    def monotonic(self) -> float:
        """Return seconds on a clock that all processes share and nobody sets."""

    def catch(self, signals: Iterable[int], enqueue: Callable[[int], None]) -> None:
        """From now on these signals, and SIGCHLD, wake ``wait``; the former are enqueued."""

    def release(self) -> None:
        """Undo ``catch``."""

    def channel(self) -> tuple[WorkerEnd, Line]:
        """Return the two ends of a new channel."""

    def spawn(self, child: Callable[[], int]) -> int:
        """Fork; run ``child`` in the new process, which exits with its result; return the pid."""

    def kill(self, pid: int, signum: int) -> None:
        """Send a signal; that the process is gone is no error."""

    def reap(self) -> Iterator[tuple[int, int]]:
        """Yield (pid, exit status) of every dead child, minus the signal's number if killed."""

    def wait(self, lines: Iterable[Line], timeout: float) -> None:
        """Sleep until a signal, something on a line, or ``timeout`` seconds."""

    def notify(self, *assignments: str) -> None:
        """Tell the service manager."""


class PosixSystem:
    """The real one. Single-threaded, and only one at a time in a process."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._notifier = Notifier(environ)
        self._previous: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
        self._wake: tuple[socket.socket, socket.socket] | None = None

    def pid(self) -> int:
        """Return this process's id."""
        return os.getpid()

    def monotonic(self) -> float:
        """Return seconds on the clock that the slots' heartbeats use."""
        return time.monotonic()

    def catch(self, signals: Iterable[int], enqueue: Callable[[int], None]) -> None:
        """Install handlers that only enqueue; the interpreter itself writes to the wake-up pipe."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        self._wake = reader, writer
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

        def handle(signum: int, _frame: FrameType | None) -> None:
            enqueue(signum)

        for signum in signals:
            self._previous[signum] = signal.signal(signum, handle)
        self._previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _wake_only)

    def release(self) -> None:
        """Put back the handlers that were there before ``catch``."""
        for signum, handler in self._previous.items():
            signal.signal(signum, signal.SIG_DFL if handler is None else handler)
        self._previous.clear()
        self._close_wake()

    def channel(self) -> tuple[WorkerEnd, Line]:
        """Return the two ends of a new socket pair."""
        return open_channel()

    def spawn(self, child: Callable[[], int]) -> int:
        """Fork with signals blocked, so that none meets a child that still has our handlers."""
        _flush()
        every = signal.valid_signals()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, every)
        try:
            pid = os.fork()
            if pid == 0:
                self._be_child(child, before)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid

    def kill(self, pid: int, signum: int) -> None:
        """Send a signal to one process."""
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            return  # dead and about to be reaped

    def reap(self) -> Iterator[tuple[int, int]]:
        """Yield every dead child; as process 1 that includes strangers."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            yield pid, os.waitstatus_to_exitcode(status)

    def wait(self, lines: Iterable[Line], timeout: float) -> None:
        """Sleep in poll."""
        poller = select.poll()
        for line in lines:
            if line.open:
                poller.register(line.fileno(), select.POLLIN)
        if self._wake is not None:
            poller.register(self._wake[0].fileno(), select.POLLIN)
        poller.poll(max(0.0, timeout) * 1000)
        self._empty_wake()

    def notify(self, *assignments: str) -> None:
        """Send to the manager's socket, if there is one."""
        self._notifier.send(*assignments)

    def _empty_wake(self) -> None:
        if self._wake is None:
            return
        try:
            while self._wake[0].recv(4096):
                continue
        except BlockingIOError:
            return

    def _close_wake(self) -> None:
        if self._wake is not None:
            signal.set_wakeup_fd(-1)
            for end in self._wake:
                end.close()
            self._wake = None

    def _be_child(self, child: Callable[[], int], mask: Iterable[int]) -> NoReturn:
        """Run ``child`` and leave, whatever happens; the arbiter's stack is never returned to."""
        status = 1
        try:
            self._shed_signals(mask)
            status = child()
            # What the application registered at exit runs, as it would in a program of its own.
            atexit._run_exitfuncs()
        except BaseException:  # the last line of defence: the stack above is the arbiter's
            traceback.print_exc()
        finally:
            _flush()
            os._exit(status)

    def _shed_signals(self, mask: Iterable[int]) -> None:
        for signum in self._previous:
            signal.signal(signum, signal.SIG_DFL)
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
        for signum in DEAF:
            signal.signal(signum, _wake_only)
        self._close_wake()
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # no stderr, no dump
            faulthandler.enable()  # a worker that hangs while it boots dumps its stacks on ABRT
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _wake_only(_signum: int, _frame: FrameType | None) -> None:
    """Do nothing: the wake-up pipe, if there is one, has been written to already."""


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            continue  # closed, or its reader is gone: nobody is left to tell
