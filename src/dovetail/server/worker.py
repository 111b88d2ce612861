"""The contract between the arbiter and every kind of worker."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from wsgiref.types import WSGIApplication

from dovetail.server.logs import Logs
from dovetail.server.settings import Settings

__all__ = ["Channel", "Slot", "Worker", "WorkerContext"]


class Channel(Protocol):
    """A worker's line to its arbiter. Every method may be called from any thread."""

    def fileno(self) -> int:
        """Readable at its end when the arbiter is gone, which a worker takes as TERM."""

    def ready(self) -> None:
        """Say that the worker accepts connections from now on."""

    def failed(self, message: str, status: int) -> None:
        """Say that the worker cannot boot and why; it exits with ``status`` afterwards."""

    def retire(self, reason: str) -> None:
        """Ask for a spare. The arbiter sends TERM to this worker once the spare is ready."""


class Slot(Protocol):
    """A worker's entry in the memory that all processes of the server share."""

    def beat(self) -> None:
        """Record that the worker's main thread is alive now."""

    def set_connections(self, count: int) -> None:
        """Publish how many connections the worker has open."""

    def set_full(self, full: bool) -> None:
        """Publish whether a newcomer would wait here: for stuck threads, or a descriptor."""

    def least_connections(self) -> int | None:
        """Return the smallest count among the other ready workers of this generation.

        Those that are full do not count. None without such a worker.
        """


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """All that a worker gets; it is built in the arbiter, before the fork.

    ``load`` returns the application, importing it in the worker unless it is preloaded; it raises
    :class:`dovetail.loader.LoadError`. ``max_requests`` has the jitter in it already; 0: no bound.
    """

    settings: Settings
    listeners: Sequence[socket.socket]
    load: Callable[[], WSGIApplication]
    logs: Logs
    channel: Channel
    slot: Slot
    max_requests: int = 0
    tls: ssl.SSLContext | None = None


class Worker(Protocol):
    """One process model. ``run`` is called in the forked child and returns its exit status.

    A worker handles these signals: TERM drains (finish what is in flight, then return; before the
    application is loaded it dies), INT and QUIT return at once, USR1 reopens the log files, ABRT
    dumps the stacks and dies. It calls ``slot.beat`` at least once a second from its main thread,
    and ``channel.ready`` once it serves.
    """

    def run(self) -> int:
        """Serve until told to stop; return the process's exit status."""
