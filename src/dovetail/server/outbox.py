"""Octets and files that wait for a client to take them."""

from __future__ import annotations

import os
import socket
import ssl
from collections import deque
from dataclasses import dataclass

__all__ = ["Budget", "Outbox"]

# At most so much of a file in one call, so that a fast client does not keep a thread to itself.
_FILE_PIECE = 1 << 20
# The pieces handed over in one call; the system's bound (IOV_MAX) is 1,024 on Linux.
_PIECES = 64


@dataclass(slots=True)
class Budget:
    """The memory that all outboxes of a worker take, in octets.

    Not exact under threads, and it need not be: it decides when a generator has to wait.
    """

    limit: int
    used: int = 0


@dataclass(slots=True)
class _File:
    fd: int
    offset: int
    size: int


class Outbox:
    """What is still to be sent, in order. Not locked: its connection does that.

    :param budget: told of what is kept in memory.
    """

    __slots__ = ("_budget", "_queue", "left", "size")

    def __init__(self, budget: Budget) -> None:
        self._queue: deque[memoryview | _File] = deque()
        self._budget = budget
        #: Octets in memory; files do not count.
        self.size = 0
        #: Octets altogether.
        self.left = 0

    def __bool__(self) -> bool:
        return bool(self._queue)

    def put(self, data: memoryview) -> None:
        """Queue octets."""
        self._queue.append(data)
        self._account(len(data))

    def put_file(self, fd: int, offset: int, size: int) -> None:
        """Queue ``size`` octets of the open file ``fd``, which is closed here in the end."""
        self._queue.append(_File(fd, offset, size))
        self.left += size

    def flush(self, sock: socket.socket) -> bool:
        """Send until everything is gone (True) or the socket takes no more (False).

        :raises OSError: the connection is broken, or a file is shorter than announced.
        """
        while self._queue:
            first = self._queue[0]
            try:
                if isinstance(first, _File):
                    self._send_file(sock, first)
                else:
                    self._send_octets(sock)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return False
        return True

    def clear(self) -> None:
        """Drop everything."""
        for item in self._queue:
            if isinstance(item, _File):
                os.close(item.fd)
        self._queue.clear()
        self._account(-self.size)
        self.left = 0

    def _account(self, octets: int) -> None:
        self.size += octets
        self.left += octets
        self._budget.used += octets

    def _send_octets(self, sock: socket.socket) -> None:
        if isinstance(sock, ssl.SSLSocket):
            first = self._queue[0]
            assert not isinstance(first, _File)
            sent = sock.send(first)
        else:
            pieces: list[memoryview] = []
            for item in self._queue:
                if isinstance(item, _File) or len(pieces) == _PIECES:
                    break
                pieces.append(item)
            sent = sock.sendmsg(pieces)
        self._account(-sent)
        while sent or (
            self._queue and not isinstance(self._queue[0], _File) and not self._queue[0]
        ):
            item = self._queue[0]
            assert not isinstance(item, _File)
            if sent < len(item):
                self._queue[0] = item[sent:]
                return
            sent -= len(item)
            self._queue.popleft()

    def _send_file(self, sock: socket.socket, file: _File) -> None:
        sent = os.sendfile(sock.fileno(), file.fd, file.offset, min(file.size, _FILE_PIECE))
        if not sent:
            raise OSError("a file became shorter while it was being sent")
        file.offset += sent
        file.size -= sent
        self.left -= sent
        if not file.size:
            self._queue.popleft()
            os.close(file.fd)
