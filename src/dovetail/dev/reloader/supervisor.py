"""The process that stays: it keeps the listening socket, and starts the one that serves anew."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Final

from dovetail.dev import console
from dovetail.dev.origin import RUN_MAIN, SERVER_FD
from dovetail.dev.reloader import link as messages
from dovetail.dev.reloader.link import Link
from dovetail.dev.reloader.paths import DIGEST_SIZE, file_clock, settle, signature
from dovetail.dev.reloader.program import Program
from dovetail.dev.reloader.signals import PATIENCE, Signals
from dovetail.server.deaths import describe_death
from dovetail.server.poller import READABLE, wait_for

__all__ = ["AGAIN", "KNOWN", "SPARE", "STAND_IN", "STARTED", "Supervisor", "end_status"]

#: The exit status by which a serving process asks to be started again.
AGAIN: Final = 3
#: The environment variable with what :mod:`~dovetail.dev.reloader.stand_in` serves with, as JSON.
STAND_IN: Final = "DOVETAIL_DEV_STAND_IN"
#: The environment variable with when a process was started, by the clock of files.
STARTED: Final = "DOVETAIL_DEV_STARTED"
#: The environment variable with what :mod:`~dovetail.dev.reloader.spare` has to know, as JSON.
SPARE: Final = "DOVETAIL_DEV_SPARE"
#: The environment variable with the digest of what the process before has gone for early.
KNOWN: Final = "DOVETAIL_DEV_KNOWN"

# The status of a Python program that an exception has ended.
_RAISED = 1

# After so many starts in a row for files that changed during the start they are taken as they are:
# then it is the program that changes them.
_MOST_EARLY_ONES = 100
# How many spare processes there are: editors save twice when a formatter corrects what was saved.
_SPARES = 2
# How long after a start, and after each other, they are started, in seconds: first there may be
# requests.
_LEISURE = 0.4
# With these at work it matters what is imported when, or who runs the program.
_DELICATE = ("gevent.monkey", "eventlet", "debugpy", "pydevd", "coverage", "pytest")
# What passes, and how long to wait for that, in seconds.
_SHORTAGES = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
_SHORTAGE_PAUSE = 1.0
# How often to look for ended children where no signal can tell of them.
_POLL = 0.1


class _Child:
    """A process that serves."""

    def __init__(
        self, process: subprocess.Popen[bytes], link: Link | None, stands_in: bool
    ) -> None:
        self.process = process
        self.link = link
        self.stands_in = stands_in
        #: When it began to read the program, by the clock of files.
        self.started = file_clock()
        self.has_served = False
        #: The digest of the files that it has gone for before it could watch them.
        self.early = b""

    def has_ended(self) -> bool:
        """Tell whether the process is gone; then its line is closed, too."""
        if self.process.poll() is None:
            return False
        self.close()
        return True

    def close(self) -> None:
        if self.link is not None:
            self.link.close()
            self.link = None


class Supervisor:
    """Starts a program again and again, as long as it asks for that.

    :param name: of the way in which files are watched.
    :param listener: the listening socket's descriptor, which all children inherit, or None.
    :param stand_in: what to serve an exception with that ends the program before it serves: the
        arguments of :func:`~dovetail.dev.run_simple`. If JSON cannot write them, requests wait
        until the program has been mended. None for ending then.
    """

    def __init__(
        self,
        program: Program,
        name: str,
        listener: int | None = None,
        stand_in: Mapping[str, Any] | None = None,
    ) -> None:
        self._program = program
        self._name = name
        self._listener = listener
        self._stand_in = None if stand_in is None else _dump(stand_in)
        self._linked = Link.is_possible()
        self._child: _Child
        self._retiring: list[_Child] = []
        self._spares: list[_Child] = []
        self._spares_at: list[float] = []
        self._connections: list[socket.socket] = []
        self._early_ones = 0
        self._selector = selectors.DefaultSelector()
        self._signals = Signals(self._forward, self._kill)

    def run(self) -> int:
        """Return when a child has ended for good, with the exit status for this process."""
        # Without lines to the children it is the children that are waited for, not the selector.
        noticed = self._signals.noticed(self._selector) if self._linked else nullcontext(False)
        with self._selector, noticed as is_told:
            try:
                self._start()
                while True:
                    self._wait(is_told)
                    self._signals.act()
                    self._listen()
                    self._prepare()
                    status = self._reap()
                    if status is not None:
                        return status
            finally:
                self._end_all()

    # Children

    def _start(self, stands_in: bool = False, known: bytes = b"") -> None:
        """Start the program, or with ``stands_in`` what shows how it fails."""
        now = 0 if self._early_ones >= _MOST_EARLY_ONES else file_clock()
        if not stands_in:
            console.log("info", f" * Restarting with {self._name}")
            if self._use_spare(now, known):
                return
        command: Sequence[str] = self._program.command
        environ = {STARTED: str(now), KNOWN: known.hex()}
        if stands_in and self._stand_in is not None:
            command = self._program.command_under("dovetail.dev.reloader.stand_in")
            environ[STAND_IN] = self._stand_in
        self._be_child(self._spawn_at_last(command, environ, stands_in))

    def _spawn_at_last(
        self, command: Sequence[str], more: Mapping[str, str], stands_in: bool
    ) -> _Child:
        """Start a process; wait until the system has room for one.

        :raises SystemExit: a signal has come meanwhile.
        """
        while True:
            try:
                return self._spawn(command, more, stands_in)
            except OSError as error:
                if error.errno not in _SHORTAGES:
                    raise
                console.log("error", f" * Cannot start the program: {error.strerror}; waiting")
            time.sleep(_SHORTAGE_PAUSE)
            if self._signals.is_waiting:
                sys.exit(0)

    def _be_child(self, child: _Child) -> None:
        self._child = child
        if child.link is not None:
            self._selector.register(child.link.fileno(), selectors.EVENT_READ, child)

    def _spawn(self, command: Sequence[str], more: Mapping[str, str], stands_in: bool) -> _Child:
        environ = {**os.environ, RUN_MAIN: "true", **more}
        if self._listener is not None:
            os.set_inheritable(self._listener, True)
            environ[SERVER_FD] = str(self._listener)
        link, theirs = Link.pair() if self._linked else (None, None)
        if theirs is not None:
            environ[messages.VARIABLE] = str(theirs.fileno())
        try:
            # What this process was given to hand on is the program's as much as it was before.
            process = subprocess.Popen(
                command, env=environ, cwd=self._program.directory, close_fds=False
            )
        except BaseException:
            if link is not None:
                link.close()
            raise
        finally:
            if theirs is not None:
                theirs.close()
        return _Child(process, link, stands_in)

    # The spare ones. PERF: starting Python and importing Dovetail is most of a restart.

    def _order_spares(self) -> None:
        """Have as many spare processes started as are missing, one after the other."""
        if not _may_prepare():
            return
        self._spares = [spare for spare in self._spares if not spare.has_ended()]
        # Those that are ordered already come in their time, however often files are saved until
        # then.
        while len(self._spares) + len(self._spares_at) < _SPARES:
            self._spares_at.append(max([time.monotonic(), *self._spares_at]) + _LEISURE)

    def _prepare(self) -> None:
        """Start a spare process when it is time."""
        if self._spares_at and time.monotonic() >= self._spares_at[0]:
            del self._spares_at[0]
            with contextlib.suppress(OSError):  # without, the next start only takes longer
                self._spares.append(self._start_spare())

    def _start_spare(self) -> _Child:
        given = {
            "modules": [name for name in list(sys.modules) if _is_ours(name)],
            "command": self._program.command,
            "words": sys.orig_argv,
        }
        environ = {SPARE: json.dumps(given)}
        if self._stand_in is not None:
            environ[STAND_IN] = self._stand_in
        command = self._program.command_under("dovetail.dev.reloader.spare")
        # Nobody knows of it, so it must not complain about Ctrl-C; it unblocks that when it can.
        with _interrupts_blocked():
            return self._spawn(command, environ, stands_in=False)

    def _use_spare(self, now: int, known: bytes) -> bool:
        """Have a spare process be the program; return whether there is one."""
        while self._spares:
            spare = self._spares.pop(0)
            if spare.link is not None and not spare.has_ended():
                begin = messages.BEGIN + now.to_bytes(messages.TIME_SIZE, "big")
                spare.started = now
                spare.link.say(begin + known.ljust(DIGEST_SIZE, b"\0"))
                self._be_child(spare)
                return True
        return False

    def _start_next(self, before: _Child) -> None:
        self._early_ones = self._early_ones + 1 if before.early else 0
        self._start(known=before.early)

    def _reap(self) -> int | None:
        for child in [child for child in self._retiring if child.process.poll() is not None]:
            self._retiring.remove(child)
            self._forget(child)
        child = self._child
        status = child.process.poll()
        if status is None:
            return None
        # What it said last. Processes that it has forked may still have its end of the line.
        while child.link is not None and wait_for(child.link.fileno(), READABLE, 0):
            self._hear(child)
        if child is not self._child:
            return None  # it has a successor already
        self._forget(child)
        if self._signals.last:
            return self._final(status)
        if status == AGAIN or (not child.has_served and self._is_being_written(child)):
            self._start_next(child)
            return None
        if self._may_stand_in(child, status):
            self._start(stands_in=True)
            return None
        return self._final(status)

    def _is_being_written(self, child: _Child) -> bool:
        """Tell whether the program has changed since a child began to read it.

        Half of it may end as if that were all.
        """
        if self._program.file is None:
            return False
        settle(self._program.file)
        state = signature(self._program.file)
        return state is not None and state[1] > 0 and child.started <= state[0]

    def _may_stand_in(self, child: _Child, status: int) -> bool:
        if status != _RAISED or self._stand_in is None:
            return False
        return self._linked and not child.has_served and not child.stands_in

    def _final(self, status: int) -> int:
        if not self._signals.last:
            # Python itself says why a program ends with status 1.
            if status not in (0, _RAISED):
                console.log("error", f" * The server's process {describe_death(status)}")
            return end_status(status)
        is_killed = status < 0 and self._signals.last in (signal.SIGINT, signal.SIGTERM)
        return 0 if is_killed or status == AGAIN else end_status(status)

    def _forget(self, child: _Child) -> None:
        if child.link is not None:
            self._selector.unregister(child.link.fileno())
        child.close()

    def _end_all(self) -> None:
        children = [*self._retiring, *([self._child] if hasattr(self, "_child") else [])]
        children += self._spares
        for child in children:
            if child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + (0 if self._signals.last else PATIENCE)
        for child in children:
            try:
                child.process.wait(max(0.5, deadline - time.monotonic()))
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                child.process.kill()
                child.process.wait()
            child.close()
        for connection in self._connections:
            connection.close()

    # What they say

    def _listen(self) -> None:
        for key, _ in self._selector.select(0):
            if isinstance(key.data, _Child):
                self._hear(key.data)

    def _hear(self, child: _Child) -> None:
        if child.link is None:
            return
        message, connections = child.link.listen()
        if message == messages.CONNECTIONS:
            self._connections += connections
            if self._child is not child and self._child.has_served:
                self._hand_on(self._child)
        elif message == messages.SERVING:
            child.has_served = True
            self._order_spares()
            self._hand_on(child)
            child.link.say(messages.GO)
        elif message == messages.EARLY:
            child.early = child.link.read(DIGEST_SIZE)
        elif message == messages.NEXT:
            if child is self._child and not self._signals.last:
                self._retiring.append(child)
                self._start_next(child)
        elif not message:
            self._forget(child)

    def _hand_on(self, child: _Child) -> None:
        # PERF: closed at once, because what is on its way to a process stays open.
        connections, self._connections = self._connections, []
        if child.link is not None:
            child.link.hand_over(connections)
        for connection in connections:
            connection.close()

    # Waiting

    def _wait(self, is_told: bool) -> None:
        moments = [self._signals.next_moment, *self._spares_at[:1]]
        first = min((moment for moment in moments if moment is not None), default=None)
        timeout = None if first is None else max(0.0, first - time.monotonic())
        if not is_told:
            timeout = _POLL if timeout is None else min(timeout, _POLL)
        if not self._linked:
            self._wait_for_child(timeout)
            return
        self._selector.select(timeout)
        self._signals.quieten()

    def _wait_for_child(self, timeout: float | None) -> None:
        try:
            self._child.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return
        except KeyboardInterrupt:
            self._signals.note(signal.SIGINT)

    def _kill(self) -> None:
        self._child.process.kill()

    def _forward(self, number: int) -> None:
        for child in (*self._retiring, self._child):
            with contextlib.suppress(OSError, ValueError):
                child.process.send_signal(number)


def _dump(stand_in: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(stand_in))
    except (TypeError, ValueError):
        # Some object that no other process can have, such as a TLS context.
        return ""


def _may_prepare() -> bool:
    """Tell whether it makes no difference to the program if modules are imported before it runs."""
    is_traced = sys.gettrace() is not None or sys.getprofile() is not None
    is_inspected = sys.flags.inspect or sys.flags.verbose
    return not (is_traced or is_inspected or any(name in sys.modules for name in _DELICATE))


def _is_ours(name: str) -> bool:
    """Tell whether a module is one of Dovetail that only defines something."""
    is_harmless = not name.startswith("dovetail.compat") and not name.endswith("__main__")
    return name.startswith("dovetail.") and is_harmless


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_status(status: int) -> int:
    """Return the exit status of a shell for that of :mod:`subprocess`."""
    return status if status >= 0 else 128 - status
