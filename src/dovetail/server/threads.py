"""The default worker: application threads on one shared loop, and a steward.

The main thread is the steward. It never runs the application, so it is always there: it keeps the
clock, the heartbeat, the signals and the drain, and while all application threads are busy it reads
bodies, finishes writes and accepts in their place.
"""

from __future__ import annotations

import contextlib
import faulthandler
import signal
import threading
from collections.abc import Iterable
from types import FrameType

from dovetail.loader import LoadError
from dovetail.server.capture_directory import CaptureDirectory
from dovetail.server.logs import Logs
from dovetail.server.loop import Loop
from dovetail.server.observation import Observer
from dovetail.server.poller import Poller, open_poller
from dovetail.server.service import Service
from dovetail.server.settings import Settings
from dovetail.server.steward import Bell, Steward
from dovetail.server.worker import WorkerContext

try:
    import resource
except ImportError:  # not a POSIX system
    _HAS_LIMITS = False
else:
    _HAS_LIMITS = True

__all__ = ["ThreadWorker"]

# The steward's rhythm in seconds: while requests come in, in a drain, and the heartbeat's.
# The first is how long all threads may be stuck before the steward takes over their other work.
_BUSY_TICK = 0.05
_DRAIN_TICK = 0.25
_IDLE_TICK = 1.0
# How long threads that are idle get to return.
_JOIN_SECONDS = 2.0
# Descriptors besides the connections': files, database connections, the application's own.
_OTHER_DESCRIPTORS = 512
_AT_ONCE = (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1)


class _Bell(Bell):
    """Rings for signals, too."""

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
        self._draining = False
        self._retiring = False
        self._orphaned = False

    def run(self) -> int:
        """Serve until told to stop; return the exit status."""
        # TERM ends the process at once until there is something to drain: an import may take long.
        self._bell.watch(_AT_ONCE)
        try:
            return self._run()
        finally:
            self._bell.unwatch([signal.SIGTERM, *_AT_ONCE])

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
        self._bell.watch([signal.SIGTERM])
        settings = self._context.settings
        _raise_descriptor_limit(settings.worker_connections + _OTHER_DESCRIPTORS)
        logs = self._context.logs
        service = Service(
            settings,
            application,
            logs,
            flushes=self._poller.reports_owned,
            observer=_observer(settings, logs),
        )
        steward = Steward(self._poller, self._bell, _BUSY_TICK)
        loop = Loop(
            service,
            self._poller,
            self._context.slot,
            listeners=self._context.listeners,
            tls=self._context.tls,
            threads=settings.threads,
            multiprocess=settings.workers > 1,
            call_steward=steward.call,
        )
        for number in range(1, settings.threads + 1):
            name = f"application-{number}"
            threading.Thread(target=loop.work, name=name, daemon=True).start()
        loop.doors.open()
        self._context.channel.ready()
        if self._keep_house(service, loop, steward):
            loop.stop()
            loop.join(_JOIN_SECONDS)
            loop.close()
        return 0

    def _keep_house(self, service: Service, loop: Loop, steward: Steward) -> bool:
        """Be the steward until the worker is done (True) or told to stop at once (False)."""
        channel = self._context.channel.fileno()
        while not (self._draining and not loop.open_connections):
            at_most = _DRAIN_TICK if self._draining else _IDLE_TICK
            # One that has ended would wake it for ever.
            ready = steward.sleep(loop, [] if self._orphaned else [channel], at_most=at_most)
            self._orphaned = self._orphaned or channel in ready
            if not self._obey(service, loop):
                return False
            self._context.slot.beat()
            steward.look(loop)
            self._retire_if_due(loop.served)
        return True

    def _obey(self, service: Service, loop: Loop) -> bool:
        """Act on the signals that came; False to stop at once."""
        signals = self._bell.take()
        if signal.SIGINT in signals or signal.SIGQUIT in signals:
            return False
        if signal.SIGUSR1 in signals:
            self._context.logs.reopen()
        if (signal.SIGTERM in signals or self._orphaned) and not self._draining:
            self._draining = service.draining = True
            loop.doors.close()
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


def _observer(settings: Settings, logs: Logs) -> Observer | None:
    """Return what keeps the requests that fail, if the settings ask for it."""
    directory = CaptureDirectory.of(settings)
    if directory is None:
        return None
    # PERF: 40 ms of each start for those who keep none.
    from dovetail.server.error_capture import ErrorCapture  # noqa: PLC0415 (see above)

    return ErrorCapture(settings, directory, logs.error)
