"""The doors of a loop: its listeners, and when clients are taken in.

What waits in the kernel's queue can still be taken by another worker, and what has been accepted
cannot. So each worker takes in what it can serve, and leaves the rest to workers with more room.
"""

from __future__ import annotations

import errno
import math
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from dovetail.gateway import base_environ
from dovetail.gateway.environ import Environ
from dovetail.server.addresses import inet
from dovetail.server.error_stream import ErrorStream
from dovetail.server.poller import READABLE, Poller, wait_for
from dovetail.server.service import Service
from dovetail.server.worker import Slot

__all__ = ["Doors", "House"]

# How many connections are accepted before what has arrived is served.
_ACCEPTS = 32
# No kernel queues more than so many; without a bound, a flood would keep a worker from leaving.
_QUEUE = 65536
# Out of descriptors or memory: how long to leave the clients in the kernel's queue, in seconds.
_EXHAUSTED_SECONDS = 0.5
# How long to leave an accept to a worker with fewer connections, in seconds, and how many fewer.
_YIELD_SECONDS = 0.005
_YIELD_CONNECTIONS = 16
_WARN_SECONDS = 60.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class House(Protocol):
    """What is behind the doors."""

    @property
    def all_busy(self) -> bool:
        """Whether every thread is in the application."""

    @property
    def free_threads(self) -> int:
        """How many threads nothing waits for."""

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""

    def admit(self, sock: socket.socket, address: object, base: Environ) -> None:
        """Take in a client that has just been accepted.

        Raises OSError or ValueError if it has broken off, or is refused.
        """


@dataclass(slots=True)
class _Door:
    """A listener, and whether it is open."""

    socket: socket.socket
    base: Environ
    open: bool = False
    opens_at: float = 0.0
    yielded: bool = False


class Doors:
    """Accepts for a loop.

    :param scheme: ``http`` or ``https``.
    :param modest: whether clients are left in the kernel's queue, for other processes, as long as
        all threads are busy.
    :param call_steward: called when a door was shut, for :meth:`reopen`.
    """

    def __init__(
        self,
        house: House,
        service: Service,
        poller: Poller,
        slot: Slot,
        *,
        listeners: Iterable[socket.socket],
        scheme: str,
        multithread: bool,
        multiprocess: bool,
        modest: bool,
        call_steward: Callable[[], None],
    ) -> None:
        self._house = house
        self._service = service
        self._poller = poller
        self._slot = slot
        self._multiprocess = multiprocess
        self._modest = modest
        self._call_steward = call_steward
        self._most = service.settings.worker_connections
        self._accepting = threading.Lock()  # held from an accept until the connection is counted
        self._accepts_none = False  # guarded by it
        self._lock = threading.Lock()  # guards the doors' state and what the slot says
        self._exhausted = False  # no further connection can be opened
        self._quiet_until = 0.0
        #: Whether all threads are busy, and none has finished anything for a while.
        self.stuck = False
        errors = ErrorStream(service.logs.error)
        self._doors = {
            listener.fileno(): _Door(
                listener,
                base_environ(
                    scheme=scheme,
                    server=inet(listener.getsockname(), listener.family),
                    client=None,
                    errors=errors,  # type: ignore[arg-type]
                    multithread=multithread,
                    multiprocess=multiprocess,
                ),
            )
            for listener in listeners
        }

    @property
    def first_base(self) -> Environ:
        """What all requests at the first listener share."""
        return next(iter(self._doors.values())).base

    def set_stuck(self, stuck: bool) -> None:
        """Say whether a newcomer would have to wait for threads that are stuck."""
        with self._lock:
            self.stuck = stuck
            self._publish_room()

    def _publish_room(self) -> None:
        self._slot.set_full(self.stuck or self._exhausted)

    # Open and shut

    def open(self) -> None:
        """Accept connections from now on."""
        for door in self._doors.values():
            self._open(door)

    def close(self) -> None:
        """Accept what the kernel has queued, then stop listening.

        What the kernel still has when the last process closes a listener is reset.
        """
        for door in self._doors.values():
            for _ in range(_QUEUE):
                if not self._accept_one(door):
                    break
            self._bar(door)
        doors, self._doors = self._doors, {}
        for door in doors.values():
            door.socket.close()

    def leave(self) -> None:
        """Accept nobody any more. The listeners stay open, with all that the kernel has queued."""
        with self._accepting:
            self._accepts_none = True
        for door in self._doors.values():
            self._bar(door)

    def reopen(self, now: float) -> float:
        """Open the doors that are due; return when the next one is, infinity if none is."""
        due = math.inf
        for door in list(self._doors.values()):
            if door.open or not door.opens_at:
                continue
            if door.opens_at <= now and self._house.open_connections < self._most:
                self._open(door)
            else:
                due = min(due, max(door.opens_at, now + _YIELD_SECONDS))
        return due

    def _open(self, door: _Door) -> None:
        with self._lock:
            if door.open or door.socket.fileno() < 0 or self._accepts_none:
                return
            # Somebody waits still, and no other worker has taken them.
            door.yielded = door.yielded and wait_for(door.socket.fileno(), READABLE, 0.0)
            self._poller.listen(door.socket.fileno())
            door.open = True
            self._exhausted = False
            self._publish_room()

    def _shut(self, door: _Door, *, exhausted: bool) -> None:
        """Leave the clients in the kernel's queue for a while; for a moment, if only to others."""
        seconds = _EXHAUSTED_SECONDS if exhausted else _YIELD_SECONDS
        with self._lock:
            if door.open:
                self._poller.remove(door.socket.fileno())
                door.open = False
                door.opens_at = time.monotonic() + seconds
            self._exhausted = exhausted
            self._publish_room()
        self._call_steward()  # wakes the steward, which opens it again

    def _bar(self, door: _Door) -> None:
        """Shut a door for good."""
        with self._lock:
            if door.open:
                self._poller.remove(door.socket.fileno())
            door.open, door.opens_at = False, 0.0

    # Accept

    def accept(self, fd: int) -> None:
        """Accept at the listener with this descriptor, if there is one and it is our turn."""
        door = self._doors.get(fd)
        if door is None or self._yields(door):
            return
        for _ in range(self._accepts()):
            if not self._accept_one(door):
                return

    def _accepts(self) -> int:
        """Return how many connections to accept now.

        Beside other workers not more than there are free threads. None is free when the steward
        accepts; it has left others their chance.
        """
        if not self._multiprocess or self._house.all_busy:
            return _ACCEPTS
        return max(1, self._house.free_threads)

    def _yields(self, door: _Door) -> bool:
        """Leave an accept to a worker with more room, for a moment."""
        if self._modest and not self._house.all_busy:
            return self._house.free_threads <= 0  # those who are queued go first
        door.yielded = self._should_yield(has_yielded=door.yielded)
        if door.yielded:
            self._shut(door, exhausted=False)
        return door.yielded

    def _should_yield(self, *, has_yielded: bool) -> bool:
        """Tell whether another worker should have this accept, which may just have been left to it.

        Who has a free thread leaves it once to a worker with clearly fewer connections: that one
        may be slow. Who has none leaves it as long as another worker is not stuck as well, however
        slow that one is: here the client would wait, and cannot be given away any more.
        """
        if self._multiprocess and self._house.all_busy:
            return not has_yielded or self._modest or self._slot.least_connections() is not None
        mine = self._house.open_connections
        if has_yielded or mine <= _YIELD_CONNECTIONS:
            return False
        least = self._slot.least_connections()
        return least is not None and mine - least > max(_YIELD_CONNECTIONS, mine // 4)

    def _accept_one(self, door: _Door) -> bool:
        # Until it is counted, nobody may find that the worker has no connection left and can go.
        with self._accepting:
            return not self._accepts_none and self._accept_uncounted(door)

    def _accept_uncounted(self, door: _Door) -> bool:
        # Who waits when the drain begins is taken in any case: nobody else may come for them.
        if self._house.open_connections >= self._most and not self._service.draining:
            self._shut(door, exhausted=True)
            self._warn(f"{self._most} connections are open, the limit (--worker-connections)")
            return False
        try:
            sock, address = door.socket.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                return error.errno == errno.ECONNABORTED  # that client is gone; the next one
            self._shut(door, exhausted=True)
            self._warn(f"cannot accept a connection: {error.strerror}")
            return False
        try:
            self._house.admit(sock, address, door.base)
        except (OSError, ValueError):
            sock.close()  # it broke off at once
        return True

    def _warn(self, why: str) -> None:
        """Say why clients have to wait, once a minute."""
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _WARN_SECONDS
            self._service.logs.error.warning("%s; others wait to be accepted", why)
