"""The steward of a loop: the thread that is always there because it never runs the application.

It keeps the clock, and while all application threads are busy it reads bodies, finishes writes and
accepts in their place. Whose thread it is, and what else that has to look after (signals, other
processes), is the business of its caller, which takes turns between :meth:`Steward.sleep` and
:meth:`Steward.look`.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable

from dovetail.server.loop import Loop
from dovetail.server.poller import Poller, wait_for_any

__all__ = ["Bell", "Steward"]

# The rhythm in seconds: with clients connected, and without.
_OPEN_TICK = 0.25
_IDLE_TICK = 1.0
# While it covers and cannot wait for news.
_COVER_TICK = 0.02


class Bell:
    """Wakes a thread that waits for several things; any thread may ring."""

    def __init__(self) -> None:
        self._out, self._in = socket.socketpair()
        self._out.setblocking(False)
        self._in.setblocking(False)

    def fileno(self) -> int:
        """Return a descriptor that is readable once it has been rung."""
        return self._out.fileno()

    def ring(self) -> None:
        """Wake who waits, or who comes to wait next."""
        with contextlib.suppress(OSError):  # it has been rung often enough, or is closed
            self._in.send(b"\0")

    def take(self) -> bytes:
        """Return what it was rung with; 0 is a plain ring."""
        taken = b""
        with contextlib.suppress(BlockingIOError):
            while data := self._out.recv(4096):
                taken += data
        return taken

    def close(self) -> None:
        """Release the descriptors; it rings no more."""
        self._out.close()
        self._in.close()


class Steward:
    """Keeps house for one loop.

    :param poller: the loop's.
    :param bell: wakes it; its caller takes the rings.
    :param patience: how long all threads may be stuck, in seconds, before it takes over their
        other work. It also looks so often while requests come in.
    """

    def __init__(self, poller: Poller, bell: Bell, patience: float) -> None:
        self._poller = poller
        self._bell = bell
        self._patience = patience
        self._scratch = memoryview(bytearray(65536))
        self._resting = False
        self._covering = False
        self._served = 0
        self._scan_at = 0.0

    def call(self) -> None:
        """Wake the steward if it does not look by itself soon; any thread may call this."""
        if self._resting:
            self._resting = False
            self._bell.ring()

    def sleep(
        self, loop: Loop, others: Iterable[int] = (), *, at_most: float = _IDLE_TICK
    ) -> set[int]:
        """Wait until it is time to look again; return which descriptors became readable.

        :param others: further descriptors to wake up for.
        :param at_most: seconds.
        """
        fds = {self._bell.fileno(), *others}
        if self._covering:
            seconds = self._patience
            if self._poller.fileno() >= 0:
                fds.add(self._poller.fileno())
            else:
                seconds = _COVER_TICK
        elif loop.served != self._served or loop.all_busy:
            seconds = self._patience
        else:
            seconds = _OPEN_TICK if loop.open_connections else _IDLE_TICK
        due = loop.doors.reopen(time.monotonic()) - time.monotonic()
        seconds = max(0.0, min(seconds, due, at_most))
        self._resting = seconds > self._patience
        # A thread that went into the application in between has not rung.
        if self._resting and loop.all_busy:
            seconds = self._patience
        ready = wait_for_any(fds, seconds)
        self._resting = False
        return ready

    def look(self, loop: Loop, *, alone: bool = False) -> None:
        """Act on deadlines, open doors that are due, and cover for threads that are all stuck.

        :param alone: cover in any case: there are no threads any more.
        """
        now = time.monotonic()
        if now >= self._scan_at:
            self._scan_at = now + _OPEN_TICK
            loop.expire(now, self._scratch)
        loop.doors.reopen(now)
        # All are busy, and not one has finished anything since the last look.
        stuck = loop.all_busy and (self._covering or loop.served == self._served)
        self._covering = stuck or alone
        if self._covering:
            loop.cover(self._scratch)
        self._served = loop.served
