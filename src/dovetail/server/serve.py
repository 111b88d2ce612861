"""Putting the pieces together: from settings to an exit status."""

from __future__ import annotations

import os
import platform
import ssl
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from wsgiref.types import WSGIApplication

from dovetail import __version__
from dovetail.loader import LoadError, load_app, set_search_path
from dovetail.server.arbiter import Arbiter, Generation, PlanError
from dovetail.server.capture_directory import CaptureDirectory, CaptureDirectoryError
from dovetail.server.channel import WorkerEnd
from dovetail.server.logs import LogError, Logs
from dovetail.server.pidfile import PidFileError
from dovetail.server.privileges import PrivilegeError, resolve_identity
from dovetail.server.scoreboard import SharedSlot
from dovetail.server.settings import Settings, SettingsError
from dovetail.server.sockets import BindError, Listener, bind_all, describe, systemd_listeners
from dovetail.server.sources import Loaded
from dovetail.server.system import PosixSystem
from dovetail.server.threads import ThreadWorker
from dovetail.server.tls import TlsError, make_context
from dovetail.server.worker import WorkerContext

__all__ = ["serve"]

_PLAN_ERRORS = (
    BindError,
    CaptureDirectoryError,
    LogError,
    PrivilegeError,
    SettingsError,
    TlsError,
)
#: By the setting ``worker_class``.
_WORKERS = {"threads": ThreadWorker}


def serve(load: Callable[[], Loaded]) -> int:
    """Run the server until it is told to stop; return its exit status.

    :param load: returns the settings; called again for each reload.
    """
    planner = _Planner(load)
    arbiter = Arbiter(plan=planner.plan, system=PosixSystem(os.environ))
    try:
        return arbiter.run()
    except (PlanError, PidFileError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.status if isinstance(error, PlanError) else 1


class _Planner:
    """Makes generations of settings; the arbiter's ``plan``."""

    def __init__(self, load: Callable[[], Loaded]) -> None:
        self._load = load
        self._preloaded: WSGIApplication | None = None
        self._systemd: list[Listener] | None = None
        self._started = False

    def plan(self, held: Sequence[Listener]) -> Generation:
        """Read the settings, open what they name, and say what the generation will be.

        :param held: the listeners of the generation that serves now; the ones whose address has
            not changed are used again.
        """
        listeners: list[Listener] = []
        logs: Logs | None = None
        try:
            settings = self._load().settings
            if settings.app is None:
                raise SettingsError("which application? Give it as MODULE:ATTR")
            identity = resolve_identity(settings.user, settings.group)
            owner = None if identity is None else (identity.uid, identity.gid)
            logs = Logs(settings, owner=owner)
            captures = CaptureDirectory.of(settings)
            if captures is not None:
                captures.prepare(owner)
            tls = make_context(settings)
            listeners = self._listen(settings, held, owner)
            if settings.preload_app and self._preloaded is None:
                self._preloaded = _load(settings)
        except (*_PLAN_ERRORS, LoadError) as error:
            for listener in listeners:
                if listener not in held:
                    listener.close()
            if logs is not None:
                logs.close()
            raise PlanError(str(error), getattr(error, "status", 1)) from error
        self._announce(settings, logs, listeners, tls=tls is not None)
        preloaded = self._preloaded if settings.preload_app else None
        work = _Work(settings, listeners, logs, tls, preloaded)
        return Generation(settings, listeners, work, logs, identity)

    def _listen(
        self, settings: Settings, held: Sequence[Listener], owner: tuple[int, int] | None
    ) -> list[Listener]:
        if self._systemd is None:
            self._systemd = systemd_listeners(os.environ, os.getpid())
        if self._systemd:
            return self._systemd
        return bind_all(
            settings.bind, backlog=settings.backlog, umask=settings.umask, owner=owner, keep=held
        )

    def _announce(
        self, settings: Settings, logs: Logs, listeners: Sequence[Listener], *, tls: bool
    ) -> None:
        log = logs.error
        if not self._started:
            self._started = True
            python = f"{platform.python_implementation()} {platform.python_version()}"
            log.info("dovetail %s (python core, %s), process %d", __version__, python, os.getpid())
        for listener in listeners:
            log.info("listening on %s", describe(listener.socket, tls))
        log.info(
            "serving %s with %d worker%s of %d thread%s",
            settings.app,
            settings.workers,
            "" if settings.workers == 1 else "s",
            settings.threads,
            "" if settings.threads == 1 else "s",
        )


@dataclass(frozen=True, slots=True)
class _Work:
    """What the workers of one generation do; called in the forked child."""

    settings: Settings
    listeners: Sequence[Listener]
    logs: Logs
    tls: ssl.SSLContext | None
    preloaded: WSGIApplication | None

    def __call__(self, end: WorkerEnd, slot: SharedSlot, max_requests: int) -> int:
        context = WorkerContext(
            settings=self.settings,
            listeners=[listener.socket for listener in self.listeners],
            load=self._application,
            logs=self.logs,
            channel=end,
            slot=slot,
            max_requests=max_requests,
            tls=self.tls,
        )
        return _WORKERS[self.settings.worker_class](context).run()

    def _application(self) -> WSGIApplication:
        return self.preloaded or _load(self.settings)


def _load(settings: Settings) -> WSGIApplication:
    assert settings.app is not None
    set_search_path(settings.chdir, settings.pythonpath)
    return load_app(settings.app)
