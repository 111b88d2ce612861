"""The processes of a development server that was asked for several: forked once, replaced if lost.

Each of them has a line to the process that forked it, a pair of sockets: orders go down, and the
sockets of clients that somebody else is to go on with come up. Each end notices when the other one
is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, Protocol

from dovetail.dev.engine import Engine, Give, Shut
from dovetail.dev.interruptions import postponed
from dovetail.server.deaths import describe_death
from dovetail.server.poller import wait_for_any
from dovetail.server.steward import Bell

__all__ = ["WorkerEnd", "Workers"]

# An order: what to do, and how many seconds there are for it.
_ORDER = struct.Struct("!cd")
_STOP = b"S"
_RETIRE = b"R"
# Go on with the clients whose sockets come along.
_ADOPT = b"A"
# What a worker sends: sockets come along, or it accepts nobody any more.
_SOCKETS_COME = b"."
_IS_SHUT = b"s"
# How many sockets go into one message; Linux allows 253.
_SOCKETS = 100
# A process that has lived for less than this, in seconds, is not replaced before as long has passed
# again: it might end at once each time. One that could not be forked is tried again as late.
_SHORT_LIFE = 1.0
# How long requests that are under way get when the server is stopped, and when its own process
# was interrupted or has vanished.
_STOP_SECONDS = 5.0
_HURRY_SECONDS = 1.0
# How long a process that is late may take to end, once it was interrupted like by Ctrl-C: what its
# application has printed, and what it does in the end, would be lost with a process that is killed.
_INTERRUPTED_SECONDS = 5.0
# How much longer the sockets may take to arrive than the requests under way.
_HANDOVER_SECONDS = 1.0


class Log(Protocol):
    """``BaseWSGIServer.log``."""

    def __call__(self, type: str, message: str, *args: object) -> None:
        """Log a message of the level ``type``."""


class WorkerEnd:
    """A worker's end of its line."""

    engine: Engine

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._alone = False
        self._handing_up: threading.Thread | None = None

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is an order."""
        return self._sock.fileno()

    def obey(self, ready: set[int]) -> None:
        """Follow an order, if the line is among the descriptors that are readable."""
        if self._alone or self._sock.fileno() not in ready:
            return
        octets, fds, _, _ = socket.recv_fds(self._sock, _ORDER.size, _SOCKETS)
        if len(octets) < _ORDER.size:
            self._alone = True
            self.engine.stop()
            # Nobody is left to end this process if its application does not come to an end.
            reaper = threading.Timer(_HURRY_SECONDS, os._exit, [1])
            reaper.daemon = True
            reaper.start()
            return
        order, seconds = _ORDER.unpack(octets)
        if order == _ADOPT:
            self.engine.adopt(_sockets_of(fds))
        elif order == _RETIRE:
            # Not by the thread that serves: it may be in the application for longer.
            self._handing_up = threading.Thread(target=self._hand_up, args=[seconds], daemon=True)
            self._handing_up.start()
        else:
            self.engine.stop()

    def finish(self) -> None:
        """Wait until everything is handed up that was asked for."""
        if self._handing_up is not None:
            self._handing_up.join()

    def _hand_up(self, grace: float) -> None:
        self._send_up(self.engine.retire(grace, self._send_up, self._say_shut))

    def _say_shut(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.sendall(_IS_SHUT)

    def _send_up(self, sockets: list[socket.socket]) -> None:
        for at in range(0, len(sockets), _SOCKETS):
            fds = [sock.fileno() for sock in sockets[at : at + _SOCKETS]]
            with contextlib.suppress(OSError):
                socket.send_fds(self._sock, [_SOCKETS_COME], fds)
        for sock in sockets:
            sock.close()


@dataclass(slots=True)
class _Worker:
    pid: int
    line: socket.socket
    started: float
    is_shut: bool = False


class Workers:
    """Forks processes that serve, replaces those that end, and ends them.

    :param make_engine: called in each of them; its result serves there.
    :param log: called in this process.
    :param act: called at least every ``interval`` seconds.
    """

    def __init__(
        self,
        count: int,
        make_engine: Callable[[WorkerEnd], Engine],
        *,
        log: Log,
        act: Callable[[], None],
        interval: float,
    ) -> None:
        self._count = count
        self._make_engine = make_engine
        self._log = log
        self._act = act
        self._interval = interval
        self._bell = Bell()
        self._workers: list[_Worker] = []
        self._adopting = threading.Lock()  # guards the next two
        self._adopted: list[socket.socket] = []
        self._has_left = False
        self._hire_at = 0.0
        self._stopping = False
        self._grace: float | None = None
        self._released: list[socket.socket] = []
        self._give: Give | None = None
        self._shut: Shut | None = None
        self._retired = threading.Event()
        self._thread: threading.Thread | None = None

    # From other threads

    def stop(self) -> None:
        """Stop soon; requests that are under way get a few seconds."""
        self._stopping = True
        self._bell.ring()

    def retire(
        self, grace: float, give: Give | None = None, shut: Shut | None = None
    ) -> list[socket.socket]:
        """Do what :meth:`dovetail.dev.engine.Engine.retire` does, in all processes."""
        self._give = give
        self._shut = shut
        self._grace = grace
        self.stop()
        self._retired.wait()
        released, self._released = self._released, []
        return released

    def owns(self, thread: threading.Thread) -> bool:
        """Tell whether this would wait for itself if it waited for this thread."""
        return thread is self._thread

    # Serving

    def adopt(self, sockets: list[socket.socket]) -> list[socket.socket]:
        """Have the processes go on with connections that somebody else has accepted.

        :return: the sockets, if it is too late for that; none if they are taken.
        """
        with self._adopting:
            if self._has_left:
                return sockets
            self._adopted += sockets
        self._bell.ring()
        return []

    def serve(self, *, once: bool = False) -> None:
        """Serve until told to stop.

        :param once: not possible here.
        """
        assert not once
        self._thread = threading.current_thread()
        seconds = _HURRY_SECONDS
        try:
            with postponed(self._bell.ring) as signals:
                while not self._stopping:
                    self._hire()
                    self._deal()
                    self._wait(self._interval)
                    signals.act()
                    self._act()
                    self._reap()
            seconds = _STOP_SECONDS
        finally:
            try:
                self._dismiss(seconds)
            finally:
                self._retired.set()
                self._bell.close()

    def _wait(self, seconds: float) -> None:
        if len(self._workers) < self._count:
            seconds = min(seconds, max(0.0, self._hire_at - time.monotonic()))
        lines = [worker.line.fileno() for worker in self._workers]
        wait_for_any([self._bell.fileno(), *lines], seconds)
        self._bell.take()

    def _reap(self) -> None:
        for worker in list(self._workers):
            status = _status_of(worker.pid)
            if status is None:
                continue
            self._drop(worker)
            now = time.monotonic()
            if now < worker.started + _SHORT_LIFE:
                self._hire_at = now + _SHORT_LIFE
            self._log("warning", "Process %s %s; starting another", worker.pid, status)

    def _drop(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.line.close()

    # Forking

    def _hire(self) -> None:
        missing = self._count - len(self._workers)
        if not missing or time.monotonic() < self._hire_at:
            return
        adopted = self._take_adopted()
        shares = [adopted[at::missing] for at in range(missing)]
        while shares:
            try:
                self._fork(shares[-1], adopted)
            except OSError as error:
                self._hire_at = time.monotonic() + _SHORT_LIFE
                self._log("error", "Cannot start a process: %s; trying again soon", error)
                break
            for sock in shares.pop():
                sock.close()
        with self._adopting:
            self._adopted += [sock for share in shares for sock in share]

    def _deal(self) -> None:
        """Have the processes that are there go on with the clients that came meanwhile."""
        adopted = self._take_adopted() if self._workers else []
        for at, sock in enumerate(adopted):
            line = self._workers[at % len(self._workers)].line
            with contextlib.suppress(OSError):
                socket.send_fds(line, [_ORDER.pack(_ADOPT, 0.0)], [sock.fileno()])
            sock.close()

    def _take_adopted(self) -> list[socket.socket]:
        with self._adopting:
            adopted, self._adopted = self._adopted, []
        return adopted

    def _fork(self, share: list[socket.socket], adopted: list[socket.socket]) -> None:
        # What waits in the buffers would be printed by both.
        _flush()
        ours, theirs = socket.socketpair()
        others = [sock for sock in adopted if sock not in share]
        with theirs, contextlib.ExitStack() as undoing:
            undoing.callback(ours.close)
            with _undisturbed() as disturb:
                pid = os.fork()
                if not pid:
                    self._be_worker([ours, *others], theirs, share, disturb)
            self._workers.append(_Worker(pid, ours, time.monotonic()))
            undoing.pop_all()

    def _be_worker(
        self,
        others: list[socket.socket],
        line: socket.socket,
        adopted: list[socket.socket],
        disturb: Callable[[], None],
    ) -> NoReturn:
        """Be the forked process, to its end.

        :param others: what is of no use to this process, which has it from its parent.
        """
        status = 1
        try:
            disturb()
            for sock in [*others, *(sibling.line for sibling in self._workers)]:
                sock.close()
            status = self._work(WorkerEnd(line), adopted)
        except KeyboardInterrupt:
            status = 0
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            # It ends by os._exit, which loses what was printed into a pipe or a file. Whatever
            # comes in between: it must not go on as its parent.
            try:
                _flush()
            finally:
                os._exit(status)

    def _work(self, end: WorkerEnd, adopted: list[socket.socket]) -> int:
        engine = self._make_engine(end)
        engine.adopt(adopted)
        try:
            engine.serve()
        finally:
            end.finish()
        return 0

    # The end

    def _dismiss(self, seconds: float) -> None:
        """End the processes; they have so many seconds, or the grace of a retirement."""
        order = _STOP
        if self._grace is not None:
            order, seconds = _RETIRE, self._grace
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.line.sendall(_ORDER.pack(order, seconds))
        deadline = time.monotonic() + seconds + (_HANDOVER_SECONDS if order == _RETIRE else 0.0)
        with self._adopting:
            self._has_left = True
        self._pass_on(self._take_adopted())
        self._wait_for_ends(deadline)
        self._send(signal.SIGINT)
        self._wait_for_ends(time.monotonic() + _INTERRUPTED_SECONDS)
        self._send(signal.SIGKILL)
        for worker in list(self._workers):
            self._bury(worker)

    def _wait_for_ends(self, deadline: float) -> None:
        """Wait until all processes have ended, but not longer than to a moment."""
        self._note_shut()
        while self._workers and (left := deadline - time.monotonic()) > 0:
            lines = {worker.line.fileno(): worker for worker in self._workers}
            for fd in wait_for_any(lines, left):
                self._collect(lines[fd])
            self._note_shut()

    def _note_shut(self) -> None:
        """Tell who wants to know as soon as no process accepts anybody any more."""
        if self._shut is not None and all(worker.is_shut for worker in self._workers):
            self._shut()
            self._shut = None

    def _send(self, number: int) -> None:
        for worker in self._workers:
            with contextlib.suppress(OSError):
                os.kill(worker.pid, number)

    def _collect(self, worker: _Worker) -> None:
        """Take what a worker hands up, or note that it has ended."""
        try:
            octets, fds, _, _ = socket.recv_fds(worker.line, 1, _SOCKETS)
        except OSError:
            octets, fds = b"", []
        worker.is_shut = worker.is_shut or octets == _IS_SHUT
        self._pass_on(_sockets_of(fds))
        if not octets:
            self._bury(worker)

    def _pass_on(self, sockets: list[socket.socket]) -> None:
        if self._give is None:
            self._released += sockets
        elif sockets:
            self._give(sockets)

    def _bury(self, worker: _Worker) -> None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(worker.pid, 0)
        self._drop(worker)


@contextmanager
def _undisturbed() -> Iterator[Callable[[], None]]:
    """Fork here: a signal that came before the new process knows what it is would be misunderstood.

    Yields what lets signals through again.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

    def disturb() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        with warnings.catch_warnings():
            # A reloader's thread may watch the files meanwhile; it holds no lock of ours.
            warnings.simplefilter("ignore", DeprecationWarning)
            yield disturb
    finally:
        disturb()


def _sockets_of(fds: Iterable[int]) -> list[socket.socket]:
    """Return the sockets that came in a message."""
    sockets = [socket.socket(fileno=fd) for fd in fds]
    for sock in sockets:
        sock.set_inheritable(False)
    return sockets


def _status_of(pid: int) -> str | None:
    """Return how a process ended, None if it has not."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return "ended, somebody else knows how"
    if not found:
        return None
    return describe_death(os.waitstatus_to_exitcode(status))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
