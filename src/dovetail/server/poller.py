"""Which descriptors have news: one edge-triggered set for all threads of a worker.

Connections are reported once for each piece of news and need not be asked for again. Listeners are
reported as long as there is somebody to accept. ``fetch`` takes what there is and never waits;
``wait`` waits and takes nothing, so that whatever arrives is still there for the thread that is
first to fetch it.
"""

from __future__ import annotations

import math
import os
import select
import selectors
import socket
import threading
from collections import deque
from collections.abc import Iterable
from typing import Protocol

__all__ = [
    "HANGUP",
    "READABLE",
    "WRITABLE",
    "EpollPoller",
    "Poller",
    "SelectorPoller",
    "open_poller",
    "wait_for",
    "wait_for_any",
]

READABLE = 1
WRITABLE = 2
#: The peer has closed its side, or the connection is broken.
HANGUP = 4


class Poller(Protocol):
    """What the loop needs. Every method may be called from any thread."""

    #: The news of a connection whose owner is at work is not lost, so it need not be polled.
    reports_owned: bool

    def fileno(self) -> int:
        """A descriptor that is readable while ``fetch`` would return something; -1 if none is."""

    def add(self, fd: int) -> None:
        """Report news of a connection from now on."""

    def rearm(self, fd: int, *, writable: bool) -> None:
        """Ask for the next news of a connection; ``writable`` if octets wait to be sent."""

    def remove(self, fd: int) -> None:
        """Forget a connection or a listener; called before it is closed."""

    def listen(self, fd: int) -> None:
        """Report a listener from now on."""

    def fetch(self) -> list[tuple[int, int]]:
        """Return (descriptor, news) pairs without waiting."""

    def wait(self, timeout: float | None) -> None:
        """Return when there is something to fetch, after ``wake``, or after ``timeout`` seconds."""

    def wake(self) -> None:
        """Make the thread in ``wait`` return, or the next one that comes."""

    def close(self) -> None:
        """Release the descriptors."""


def open_poller() -> Poller:
    """Return the best poller that this system has."""
    return EpollPoller() if hasattr(select, "epoll") else SelectorPoller()


def wait_for(fd: int, news: int, timeout: float) -> bool:
    """Wait in this thread until one descriptor is READABLE or WRITABLE; False after ``timeout``."""
    if hasattr(select, "poll"):
        gate = select.poll()
        gate.register(fd, select.POLLIN if news == READABLE else select.POLLOUT)
        return bool(gate.poll(math.ceil(timeout * 1000)))
    readers, writers = ([fd], []) if news == READABLE else ([], [fd])
    return any(select.select(readers, writers, [], timeout))


def wait_for_any(fds: Iterable[int], timeout: float | None) -> set[int]:
    """Wait in this thread until some of the descriptors are readable; return which.

    :param timeout: in seconds; None for ever.
    """
    if hasattr(select, "poll"):
        gate = select.poll()
        for fd in fds:
            gate.register(fd, select.POLLIN)
        return {fd for fd, _ in gate.poll(None if timeout is None else int(timeout * 1000) + 1)}
    return set(select.select([*fds], [], [], timeout)[0])


class EpollPoller:
    """Linux. Edge-triggered, so a connection costs one system call in its life."""

    reports_owned = True

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # Edge-triggered too: each ring is a new edge, and nobody has to read the bell.
        self._epoll.register(self._bell, select.EPOLLIN | select.EPOLLET)
        # poll() on the epoll descriptor waits without taking: a thread that had taken an edge and
        # then waited for the interpreter's lock would delay it by the switch interval.
        self._gate = select.poll()
        self._gate.register(self._epoll.fileno(), select.POLLIN)

    def fileno(self) -> int:
        return self._epoll.fileno()

    def add(self, fd: int) -> None:
        news = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
        self._epoll.register(fd, news)

    def rearm(self, fd: int, *, writable: bool) -> None:
        """Do nothing: an edge-triggered set reports the next news anyway."""

    def remove(self, fd: int) -> None:
        try:
            self._epoll.unregister(fd)
        except FileNotFoundError:
            return  # a paused listener

    def listen(self, fd: int) -> None:
        self._epoll.register(fd, select.EPOLLIN | select.EPOLLEXCLUSIVE)

    def fetch(self) -> list[tuple[int, int]]:
        found = []
        for fd, mask in self._epoll.poll(0, 64):
            if fd == self._bell:
                continue
            news = READABLE if mask & select.EPOLLIN else 0
            if mask & select.EPOLLOUT:
                news |= WRITABLE
            if mask & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
                news |= HANGUP
            found.append((fd, news))
        return found

    def wait(self, timeout: float | None) -> None:
        self._gate.poll(None if timeout is None else int(timeout * 1000) + 1)

    def wake(self) -> None:
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        self._epoll.close()
        os.close(self._bell)


class SelectorPoller:
    """Everywhere else: what :mod:`selectors` has, one report for each ``rearm``.

    A selector may be used by one thread at a time, so changes are queued and made by whichever
    thread selects next; a waiting one is woken for it.
    """

    reports_owned = False

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        self._selector = selector or selectors.DefaultSelector()
        self._changes: deque[tuple[int, int]] = deque()  # (descriptor, events; 0 to remove it)
        self._listeners: set[int] = set()
        self._lock = threading.Lock()
        self._waiting = False
        self._urgent: deque[int] = deque()
        self._bell_out, self._bell = socket.socketpair()
        self._bell_out.setblocking(False)
        self._bell.setblocking(False)
        self._selector.register(self._bell_out, selectors.EVENT_READ)

    def fileno(self) -> int:
        return -1

    def add(self, fd: int) -> None:
        self._change(fd, selectors.EVENT_READ)

    def rearm(self, fd: int, *, writable: bool) -> None:
        self._change(fd, selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0))

    def remove(self, fd: int) -> None:
        self._listeners.discard(fd)
        # At once, because the number may belong to another connection in a moment; so nobody may
        # go on waiting, or begin to, until it is done.
        self._urgent.append(fd)
        if self._waiting:
            self.wake()
        with self._lock:
            self._apply()
            self._set(fd, 0)
        self._urgent.pop()

    def listen(self, fd: int) -> None:
        self._listeners.add(fd)
        self._change(fd, selectors.EVENT_READ)

    def fetch(self) -> list[tuple[int, int]]:
        if not self._lock.acquire(blocking=False):
            return []  # the waiting thread will see it
        try:
            return self._select(0)
        finally:
            self._lock.release()

    def wait(self, timeout: float | None) -> None:
        with self._lock:
            self._waiting = True
            try:
                if not self._changes and not self._urgent:
                    self._selector.select(timeout)
            finally:
                self._waiting = False

    def wake(self) -> None:
        try:
            self._bell.send(b"\0")
        except BlockingIOError:
            return  # it has been rung often enough

    def close(self) -> None:
        self._selector.close()
        self._bell.close()
        self._bell_out.close()

    def _change(self, fd: int, events: int) -> None:
        self._changes.append((fd, events))
        if self._waiting:
            self.wake()

    def _apply(self) -> None:
        while self._changes:
            self._set(*self._changes.popleft())

    def _set(self, fd: int, events: int) -> None:
        known = fd in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(fd)
        elif known:
            self._selector.modify(fd, events)
        else:
            self._selector.register(fd, events)

    def _select(self, timeout: float) -> list[tuple[int, int]]:
        self._apply()
        found = []
        for key, events in self._selector.select(timeout):
            if key.fileobj is self._bell_out:
                self._silence()
                continue
            if key.fd not in self._listeners:
                self._set(key.fd, 0)
            news = READABLE if events & selectors.EVENT_READ else 0
            found.append((key.fd, news | (WRITABLE if events & selectors.EVENT_WRITE else 0)))
        return found

    def _silence(self) -> None:
        try:
            while self._bell_out.recv(4096):
                continue
        except BlockingIOError:
            return
