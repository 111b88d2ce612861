"""A TLS socket that several threads may use at a time."""

from __future__ import annotations

import math
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from dovetail.server.poller import READABLE, WRITABLE, wait_for

__all__ = ["DuplexTlsSocket"]

T = TypeVar("T")

# Without a timeout it is waited in turns of so many seconds.
_TURN = 3600.0


class DuplexTlsSocket:
    """What an application gets that takes a TLS connection over; used as a blocking socket is.

    WebSocket libraries send in one thread while another one waits to receive. OpenSSL has one
    state for both directions, so every call is made under a lock and never waits; the waiting
    happens between the calls.

    :param sock: it has shaken hands, and is not used in any other way from now on.
    """

    def __init__(self, sock: ssl.SSLSocket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._timeout: float | None = None
        self._call_lock = threading.Lock()
        # OpenSSL wants an unfinished write to be finished before another one begins.
        self._send_lock = threading.Lock()

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return up to ``size`` octets, none at the end.

        :raises TimeoutError: nothing came in time.
        """
        return self._patiently(lambda: self._sock.recv(size, flags))

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive into ``buffer``; as :meth:`recv`."""
        return self._patiently(lambda: self._sock.recv_into(buffer, nbytes, flags))

    def send(self, data: Any, flags: int = 0) -> int:
        """Send all octets: who knows plain sockets does not expect less of a blocking one."""
        self.sendall(data, flags)
        return memoryview(data).nbytes

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all octets.

        :raises TimeoutError: the client did not take them in time.
        """
        rest = memoryview(data).cast("B")
        with self._send_lock:
            while rest:
                part = rest
                rest = rest[self._patiently(lambda: self._sock.send(part, flags)) :]  # noqa: B023

    def settimeout(self, timeout: float | None) -> None:
        """Wait so many seconds for each step; None: for ever, 0: not at all."""
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        """Return what was set."""
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        """Wait for ever, or not at all."""
        self._timeout = None if flag else 0.0

    def close(self) -> None:
        """Close the socket."""
        with self._call_lock:
            self._sock.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def _patiently(self, call: Callable[[], T]) -> T:
        """Make a call again and again until it needs not wait any more."""
        deadline = math.inf if self._timeout is None else time.monotonic() + self._timeout
        while True:
            try:
                with self._call_lock:
                    return call()
            except ssl.SSLWantReadError:
                news = READABLE
            except ssl.SSLWantWriteError:
                news = WRITABLE
            if self._timeout == 0.0:
                raise BlockingIOError("the connection is not ready")
            if not self._wait(news, deadline):
                raise TimeoutError("timed out")

    def _wait(self, news: int, deadline: float) -> bool:
        while (left := deadline - time.monotonic()) > 0:
            try:
                if wait_for(self._sock.fileno(), news, min(_TURN, left)):
                    return True
            except ValueError:
                return True  # closed meanwhile, which the next call will tell
        return False
