"""The process that serves: it watches the files, and makes room for the next one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final, Protocol

from dovetail.dev import console
from dovetail.dev.engine import Give, Shut
from dovetail.dev.interruptions import patient, postponed
from dovetail.dev.reloader import link as messages
from dovetail.dev.reloader.imports import ImportRecorder
from dovetail.dev.reloader.link import Link
from dovetail.dev.reloader.paths import drop_stale_bytecode
from dovetail.dev.reloader.supervisor import AGAIN
from dovetail.dev.reloader.watching import Watcher
from dovetail.dev.reloader.watchlist import Change
from dovetail.server.poller import wait_for_any

__all__ = ["Generation", "Retirable"]

#: How long requests that are under way are given to finish, in seconds.
GRACE: Final = 10.0
# How long the next process waits for them, once nobody is accepted any more; then it starts, and
# serves beside this one.
_HEAD_START = 0.5
# How long this process is given to end, in seconds, once the function has returned.
_ENDING = 2.0
# PERF: what the watching needs is imported while nothing else wants the interpreter; changes until
# then are seen by their time.
_START_DELAY = 0.1


class Retirable(Protocol):
    """What is asked of a server: see :class:`~dovetail.dev.server.BaseWSGIServer`."""

    def fileno(self) -> int:
        """Return the listening socket's descriptor."""

    def retire(
        self, grace: float, give: Give | None = None, shut: Shut | None = None
    ) -> list[socket.socket]:
        """Stop serving; give, or return, the connections that wait for their next request."""

    def adopt(self, sockets: list[socket.socket]) -> list[socket.socket]:
        """Serve on connections of another process; return them if it is too late for that."""


class Generation:
    """One run of the program, until its files change.

    :param server: what ``main`` serves with, to be retired; None for a function that is
        interrupted.
    :param link: to the process that starts this one anew; None if there is none, and then a change
        ends this process with a status that asks for it.
    """

    #: Whether one has begun in this process.
    has_begun = False

    def __init__(
        self, main: Callable[[], object], server: Retirable | None, link: Link | None
    ) -> None:
        self._main = main
        self._server = server
        self._link = link
        self._is_retiring = False
        self._has_retired = threading.Event()
        self._is_interruptible = False

    def begin(self) -> None:
        """Say that this process is set up, and take the connections that wait for it."""
        Generation.has_begun = True
        if self._link is None:
            return
        self._link.say(messages.SERVING)
        message = messages.CONNECTIONS
        while message == messages.CONNECTIONS:
            message, connections = self._link.listen()
            self._adopt(connections)

    def run(self, watcher: Watcher, recorder: ImportRecorder) -> None:
        """Run the function until it returns or is interrupted.

        :raises SystemExit: the files have changed, or this process was told to end.
        """
        with self._handle_termination():
            with postponed():
                self._start(watcher.run, "dovetail-reloader", _START_DELAY)
                if self._link is not None:
                    self._start(self._attend, "dovetail-reloader-link", self._link, recorder)
            try:
                with contextlib.suppress(KeyboardInterrupt):
                    self._main()
                    if self._server is None:
                        self._idle()
            finally:
                watcher.stop()
                if self._is_retiring:
                    self._has_retired.wait(GRACE + _ENDING)
                    sys.exit(AGAIN)

    def retire(self, change: Change) -> None:
        """End this process because a file has changed."""
        self._is_retiring = True
        console.log("info", f" * Detected change in {change.path!r}, reloading")
        drop_stale_bytecode(change.path)
        if change.early and self._link is not None:
            self._link.say(messages.EARLY + change.early)
        try:
            if self._server is None:
                self._interrupt()
            else:
                self._leave(self._server)
        finally:
            self._has_retired.set()
            # Threads of the program may keep it from ending; it must make room all the same.
            time.sleep(_ENDING)
            _end_at_once(AGAIN)

    # Serving

    def _leave(self, server: Retirable) -> None:
        shut = threading.Event()
        self._start(self._lose_patience, "dovetail-reloader-impatience", shut)
        try:
            self._hand_over(server.retire(GRACE, self._hand_over, shut.set))
        finally:
            self._call_next()

    def _lose_patience(self, shut: threading.Event) -> None:
        # A client that the next one has answered must not come to this one afterwards, so the head
        # start begins when nobody is accepted any more. What keeps a server from that for all the
        # grace is not waited for.
        if shut.wait(GRACE):
            time.sleep(_HEAD_START)
        self._call_next()

    def _hand_over(self, connections: list[socket.socket]) -> None:
        if self._link is not None:
            self._link.hand_over(connections)
        for connection in connections:
            connection.close()

    def _call_next(self) -> None:
        if self._link is not None:
            self._link.say(messages.NEXT)

    def _adopt(self, connections: list[socket.socket]) -> None:
        if self._server is None:
            for connection in connections:
                connection.close()
            return
        if not self._is_retiring:
            connections = self._server.adopt(connections)
        self._hand_over(connections)  # for the next process

    def _attend(self, link: Link, recorder: ImportRecorder) -> None:
        """Listen to the other process, without which this one ends, too; and to forked ones."""
        reports = recorder.listen()
        fds = [each.fileno() for each in (link, reports) if each is not None]
        message = messages.GO
        while message:
            ready = wait_for_any(fds, None)
            if reports is not None and reports.fileno() in ready:
                recorder.receive()
            if link.fileno() in ready:
                message, connections = link.listen()
                self._adopt(connections)
        self._interrupt()
        time.sleep(_ENDING)
        _end_at_once(1)

    def _idle(self) -> None:
        """Wait for a change, after a function that has done its work."""
        while not self._is_retiring:
            time.sleep(3600)

    def _start(self, target: Callable[..., object], name: str, *arguments: object) -> None:
        threading.Thread(target=target, name=name, args=arguments, daemon=True).start()

    @contextlib.contextmanager
    def _handle_termination(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # signals are the main thread's
            return
        before = signal.signal(signal.SIGTERM, patient(self._terminate))
        self._is_interruptible = True
        try:
            yield
        finally:
            self._is_interruptible = False
            signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)

    def _terminate(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self._is_retiring and self._server is not None:
            # It is being waited for, but not by who sends this.
            _end_at_once(AGAIN)
        sys.exit(AGAIN if self._is_retiring else 0)

    def _interrupt(self) -> None:
        """Have SIGTERM handled in the main thread, whatever that waits for."""
        if not self._is_interruptible:
            return
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        else:
            signal.raise_signal(signal.SIGTERM)


def _end_at_once(status: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(status)
