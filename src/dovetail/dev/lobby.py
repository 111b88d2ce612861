"""Where clients wait that have connected and said nothing yet."""

from __future__ import annotations

import contextlib
import selectors
import socket
from typing import Any

__all__ = ["Lobby"]

# Browsers open a few connections that they may never use; more than so many are nobody's friend.
_MOST = 256


class Lobby:
    """Accepts clients, and hands out those that have sent something.

    A server that serves one client after the other would wait for a browser's spare connection
    while another client's request is there already.

    :param listener: the listening socket.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)

    @staticmethod
    def is_possible() -> bool:
        """Tell whether this system has descriptors that stand for several (epoll, kqueue)."""
        return hasattr(selectors.DefaultSelector, "fileno")

    def fileno(self) -> int:
        """Return a descriptor that is readable when :meth:`take` has something to do."""
        number: int = self._selector.fileno()
        return number

    def take(self) -> tuple[socket.socket, Any]:
        """Return a client that has sent something, or has left.

        :raises BlockingIOError: there is none; clients may have been accepted.
        """
        knocking = False
        for key, _ in self._selector.select(0):
            if key.fileobj is not self._listener:
                self._selector.unregister(key.fileobj)
                sock, address = key.data
                sock.setblocking(True)
                return sock, address
            knocking = True
        if knocking:
            self._admit(*self._listener.accept())
        raise BlockingIOError("no client has sent anything")

    def _admit(self, sock: socket.socket, address: Any) -> None:
        if len(self._selector.get_map()) > _MOST:
            sock.close()
            return
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, (sock, address))

    def close(self) -> None:
        """Close the connections of those that wait; the listener stays as it is."""
        for key in list((self._selector.get_map() or {}).values()):
            if key.data is not None:
                with contextlib.suppress(OSError):
                    key.data[0].close()
        self._selector.close()
