"""What stands around an application while it is developed, in the right order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from wsgiref.types import WSGIApplication

from dovetail.dev.changes import Changes
from dovetail.dev.clients import hosts_of
from dovetail.dev.debugger import DebuggedApplication
from dovetail.dev.inspector import Inspector
from dovetail.dev.livereload import LiveReload
from dovetail.dev.server import BaseWSGIServer
from dovetail.dev.workshop import Workshop
from dovetail.toolkit.middleware.shared_data import SharedDataMiddleware

__all__ = ["Stack"]

# In the workshop.
_CHANGES = "changes"


class Stack:
    """An application with static files, the debugger, the inspector and live reload around it.

    The debugger shows errors of static files, too. The inspector sees what the debugger answers.
    Live reload has a part in every page, those of the debugger and the inspector included.

    :ivar application: all of it.
    :ivar debugger: None without one; so for ``live``.
    """

    def __init__(
        self,
        application: WSGIApplication,
        hostname: str,
        *,
        static_files: Mapping[str, str | tuple[str, str]] | None = None,
        use_debugger: bool = False,
        use_evalex: bool = True,
        inspector: bool = False,
        live_reload: bool = False,
    ) -> None:
        self.debugger: DebuggedApplication | None = None
        self.live: LiveReload | None = None
        self._inspector: Inspector | None = None
        self._closers: list[Callable[[], object]] = []
        if static_files:
            application = SharedDataMiddleware(application, dict(static_files))
        hosts = hosts_of(hostname)
        if use_debugger:
            application = self.debugger = DebuggedApplication(application, evalex=use_evalex)
            self.debugger.trusted_hosts = hosts
        if inspector:
            trust: Any = None if self.debugger is None else self.debugger.check_pin_trust
            application = self._inspector = Inspector(
                application, trusted_hosts=hosts, pin_trust=trust
            )
            self._closers.append(self._inspector.close)
        if live_reload:
            changes = Changes(Workshop.current().path / _CHANGES)
            application = self.live = LiveReload(application, changes, hosts)
            self._closers.append(self.live.close)
        self.application = application

    def attach(self, server: BaseWSGIServer) -> None:
        """Have the inspector see what a server does."""
        if self._inspector is not None:
            self._inspector.address = server.server_address
            server.observer = self._inspector

    def show_change(self, path: str) -> None:
        """Have open pages show that a template or a static file has changed."""
        if self.live is not None:
            self.live.changes.tell([path])

    def close(self) -> None:
        """Let go of files, threads and connections."""
        for close in self._closers:
            close()
