"""The line between the process that keeps the socket and the one that serves."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable

__all__ = [
    "BEGIN",
    "CONNECTIONS",
    "EARLY",
    "GO",
    "NEXT",
    "SERVING",
    "TIME_SIZE",
    "VARIABLE",
    "Link",
]

#: The environment variable with the descriptor of the serving process's end.
VARIABLE = "DOVETAIL_DEV_LINK"

# What the serving process says.
#: It has been set up, and would begin to serve.
SERVING = b"S"
#: Its successor may be started.
NEXT = b"N"
#: Why it goes are files that had changed before it could watch them; their digest follows.
EARLY = b"E"

# What the other one says.
#: Begin to serve.
GO = b"G"
#: Be the program. The time, in nanoseconds, and the digest that the predecessor sent follow.
BEGIN = b"B"
#: The length of the time, in octets.
TIME_SIZE = 8

# What both say.
#: Here are connections to serve on.
CONNECTIONS = b"C"

# The system takes 253 descriptors in a message (Linux, SCM_MAX_FD).
_AT_A_TIME = 100


class Link:
    """One end of the line. A message is one octet, so that descriptors belong to just one.

    :param sock: a connected Unix stream socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @staticmethod
    def is_possible() -> bool:
        """Tell whether this system has what it needs."""
        return hasattr(socket, "send_fds") and hasattr(os, "fork")

    @classmethod
    def pair(cls) -> tuple[Link, socket.socket]:
        """Return this process's end, and the one for a child, which inherits it."""
        ours, theirs = socket.socketpair()
        theirs.set_inheritable(True)
        return cls(ours), theirs

    @classmethod
    def of_child(cls) -> Link | None:
        """Return the end that this process was started with; None if there is none.

        Neither it nor what tells about it is left to this process's own children.
        """
        number = os.environ.pop(VARIABLE, "")
        if not number.isascii() or not number.isdigit() or not cls.is_possible():
            return None
        try:
            sock = socket.socket(fileno=int(number))
        except OSError:
            return None
        sock.set_inheritable(False)
        sock.setblocking(True)
        return cls(sock)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._sock.fileno()

    def say(self, message: bytes) -> None:
        """Send a message. That the other end has gone is found out by who listens."""
        with contextlib.suppress(OSError):
            self._sock.sendall(message)

    def hand_over(self, connections: Iterable[socket.socket]) -> None:
        """Give connections to the other end. They stay open here, too."""
        waiting = list(connections)
        with contextlib.suppress(OSError):
            while waiting:
                some, waiting = waiting[:_AT_A_TIME], waiting[_AT_A_TIME:]
                socket.send_fds(self._sock, [CONNECTIONS], [each.fileno() for each in some])

    def listen(self) -> tuple[bytes, list[socket.socket]]:
        """Wait for a message, and return it with the connections that came along.

        It is empty if the other end has gone.
        """
        try:
            message, descriptors, _, _ = socket.recv_fds(self._sock, 1, _AT_A_TIME)
        except OSError:
            return b"", []
        connections = []
        for descriptor in descriptors:
            connection = socket.socket(fileno=descriptor)
            connection.set_inheritable(False)
            connections.append(connection)
        return message, connections

    def read(self, size: int) -> bytes:
        """Return what follows a message, of so many octets; less if the other end has gone."""
        with contextlib.suppress(OSError):
            return self._sock.recv(size, socket.MSG_WAITALL)
        return b""

    def detach(self) -> int:
        """Give up the descriptor, for whoever finds it by the environment."""
        return self._sock.detach()

    def close(self) -> None:
        """Close this end."""
        self._sock.close()
