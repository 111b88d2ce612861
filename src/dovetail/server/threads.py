"""The default worker: application threads on one shared loop, and a steward.

The main thread is the steward. It never runs the application, so it is always there: it keeps the
clock, the heartbeat, the signals and the drain, and while all application threads are busy it reads
bodies, finishes writes and accepts in their place.
"""

from __future__ import annotations

import contextlib
import faulthandler
import select
import signal
import socket
import threading
import time
from collections.abc import Iterable
from types import FrameType

from dovetail.loader import LoadError
from dovetail.server.loop import Loop
from dovetail.server.poller import Poller, open_poller
from dovetail.server.service import Service
from dovetail.server.worker import WorkerContext

try:
    import resource
except ImportError:  # not a POSIX system
    _HAS_LIMITS = False
else:
    _HAS_LIMITS = True

__all__ = ["ThreadWorker"]

# The steward's rhythm in seconds: while requests come in, with clients connected, and without.
# The first is how long all threads may be stuck before the steward takes over their other work.
_BUSY_TICK = 0.05
_OPEN_TICK = 0.25
_IDLE_TICK = 1.0
# While it covers and cannot wait for news.
_COVER_TICK = 0.02
# How long threads that are idle get to return.
_JOIN_SECONDS = 2.0
# Descriptors besides the connections': files, database connections, the application's own.
_OTHER_DESCRIPTORS = 512
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1)


class _Bell:
    """Wakes the steward, from threads and from signal handlers."""

    def __init__(self) -> None:
        self._out, self._in = socket.socketpair()
        self._out.setblocking(False)
        self._in.setblocking(False)

    def fileno(self) -> int:
        return self._out.fileno()

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it has been rung often enough
            self._in.send(b"\0")

    def watch(self, signals: Iterable[signal.Signals]) -> None:
        """Ring for these signals instead of what they do by default."""
        signal.set_wakeup_fd(self._in.fileno(), warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, _ignore)

    def unwatch(self, signals: Iterable[signal.Signals]) -> None:
        """Ignore these signals: the process is about to end anyway."""
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)

    def take(self) -> bytes:
        """Return the numbers of the signals that came; 0 is a plain ring."""
        taken = b""
        with contextlib.suppress(BlockingIOError):
            while data := self._out.recv(4096):
                taken += data
        return taken


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor has the number already."""


class ThreadWorker:
    """See :class:`dovetail.server.worker.Worker`.

    :param poller: for tests; by default the best that this system has.
    """

    def __init__(self, context: WorkerContext, poller: Poller | None = None) -> None:
        self._context = context
        self._poller = poller or open_poller()
        self._log = context.logs.error
        self._bell = _Bell()
        self._resting = False
        self._draining = False
        self._retiring = False
        self._orphaned = False

    def run(self) -> int:
        """Serve until told to stop; return the exit status."""
        self._bell.watch(_SIGNALS)
        try:
            return self._run()
        finally:
            self._bell.unwatch(_SIGNALS)

    def _run(self) -> int:
        # The arbiter aborts a worker that hangs, perhaps with the interpreter's lock held: only C
        # code can still say where.
        with contextlib.suppress(ValueError, OSError, AttributeError):
            faulthandler.enable()
        try:
            application = self._context.load()
        except LoadError as error:
            self._context.channel.failed(str(error), error.status)
            return error.status
        settings = self._context.settings
        _raise_descriptor_limit(settings.worker_connections + _OTHER_DESCRIPTORS)
        service = Service(
            settings, application, self._context.logs, flushes=self._poller.reports_owned
        )
        loop = Loop(
            service,
            self._poller,
            self._context.slot,
            listeners=self._context.listeners,
            tls=self._context.tls,
            threads=settings.threads,
            multiprocess=settings.workers > 1,
            call_steward=self._call,
        )
        threads = [
            threading.Thread(target=loop.work, name=f"application-{number}", daemon=True)
            for number in range(1, settings.threads + 1)
        ]
        for thread in threads:
            thread.start()
        loop.open_doors()
        self._context.channel.ready()
        if self._keep_house(service, loop):
            self._dismiss(loop, threads)
        return 0

    def _dismiss(self, loop: Loop, threads: list[threading.Thread]) -> None:
        loop.stop()
        deadline = time.monotonic() + _JOIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        loop.close()

    def _call(self) -> None:
        """Wake the steward if it does not look by itself soon."""
        if self._resting:
            self._resting = False
            self._bell.ring()

    def _keep_house(self, service: Service, loop: Loop) -> bool:
        """Be the steward until the worker is done (True) or told to stop at once (False)."""
        scratch = memoryview(bytearray(65536))
        served, scan_at, covering = 0, 0.0, False
        while not (self._draining and not loop.open_connections):
            self._sleep(loop, covering, active=loop.served != served)
            if not self._obey(service, loop):
                return False
            self._context.slot.beat()
            now = time.monotonic()
            if now >= scan_at:
                scan_at = now + _OPEN_TICK
                loop.expire(now, scratch)
            loop.reopen_doors(now)
            # All are busy, and not one has finished anything since the last look.
            covering = loop.all_busy and (covering or loop.served == served)
            if covering:
                loop.cover(scratch)
            served = loop.served
            self._retire_if_due(served)
        return True

    def _sleep(self, loop: Loop, covering: bool, *, active: bool) -> None:
        gate = select.poll()
        gate.register(self._bell.fileno(), select.POLLIN)
        if not self._orphaned:
            gate.register(self._context.channel.fileno(), select.POLLIN)
        if covering:
            seconds = _BUSY_TICK
            if self._poller.fileno() >= 0:
                gate.register(self._poller.fileno(), select.POLLIN)
            else:
                seconds = _COVER_TICK
        elif active or loop.all_busy:
            seconds = _BUSY_TICK
        else:
            seconds = _OPEN_TICK if loop.open_connections or self._draining else _IDLE_TICK
        due = loop.reopen_doors(time.monotonic()) - time.monotonic()
        seconds = max(0.0, min(seconds, due))
        self._resting = seconds > _BUSY_TICK
        # A thread that went into the application in between has not rung.
        if self._resting and loop.all_busy:
            seconds = _BUSY_TICK
        events = gate.poll(int(seconds * 1000) + 1)
        self._resting = False
        if any(fd == self._context.channel.fileno() for fd, _ in events):
            self._orphaned = True

    def _obey(self, service: Service, loop: Loop) -> bool:
        """Act on the signals that came; False to stop at once."""
        signals = self._bell.take()
        if signal.SIGINT in signals or signal.SIGQUIT in signals:
            return False
        if signal.SIGUSR1 in signals:
            self._context.logs.reopen()
        if (signal.SIGTERM in signals or self._orphaned) and not self._draining:
            self._draining = service.draining = True
            loop.close_doors()
            if self._orphaned:
                self._log.warning("the arbiter is gone; finishing what is under way")
        return True

    def _retire_if_due(self, served: int) -> None:
        most = self._context.max_requests
        if most and served >= most and not self._retiring:
            self._retiring = True
            self._context.channel.retire(f"{served} requests served")


def _raise_descriptor_limit(wanted: int) -> None:
    """Allow this process as many descriptors as it may need, if the system lets it."""
    if not _HAS_LIMITS:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
