"""What all connections of a worker share."""

from __future__ import annotations

from wsgiref.types import WSGIApplication

from dovetail.http1 import Limits
from dovetail.server.clock import HttpDate
from dovetail.server.logs import Logs
from dovetail.server.observation import Observer
from dovetail.server.outbox import Budget
from dovetail.server.settings import Settings

__all__ = ["Service"]

# How much may wait for one client once the worker's memory for responses is used up.
_LOW_WATER = 64 << 10


class Service:
    """Settings, application and logs of a worker, and the state that is common to its connections.

    :param flushes: whether the loop sends what waits while an owner is in the application.
    :param observer: sees every request; None costs nothing.
    """

    def __init__(
        self,
        settings: Settings,
        application: WSGIApplication,
        logs: Logs,
        *,
        flushes: bool,
        observer: Observer | None = None,
    ) -> None:
        self.settings = settings
        self.limits: Limits = settings.request_limits()
        self.application = application
        self.logs = logs
        self.date = HttpDate()
        self.budget = Budget(settings.response_memory)
        self.stream_input = settings.stream_input or bool(
            getattr(application, "dovetail_stream_input", False)
        )
        self.observer = observer
        self._flushes = flushes
        #: Responses tell their clients that the connection closes.
        self.draining = False

    def high_water(self) -> int:
        """How many octets may wait for one client before its generator has to wait, too."""
        if not self._flushes:
            return 0  # nobody would send them while the application goes on
        if self.budget.used > self.budget.limit:
            return _LOW_WATER
        return self.settings.response_buffer
