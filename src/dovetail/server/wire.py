"""A client's socket: sending without waiting, receiving without waiting, and what waits to be sent.

Which thread may call what is the business of :mod:`dovetail.server.connection`; the sending side is
locked, because two threads may be at it: the one in the application, and the one that sends the
rest of an earlier block meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
import time
from typing import NoReturn

from dovetail.gateway import ClientDisconnected
from dovetail.server.duplex import DuplexTlsSocket
from dovetail.server.outbox import Outbox
from dovetail.server.poller import WRITABLE, wait_for
from dovetail.server.service import Service

try:
    import fcntl
    import termios
except ImportError:  # not a POSIX system
    _UNSENT = None
else:
    _UNSENT = termios.TIOCOUTQ

__all__ = ["LOOKS", "Wire"]

#: How often a client that takes nothing is looked at before it is cut off.
LOOKS = 5

# Up to here, copying head and content together is cheaper than a vectored call.
_JOIN_OCTETS = 32 << 10

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Wire:
    """A non-blocking socket, plain or TLS; the transport of exchanges."""

    __slots__ = (
        "_lock",
        "_service",
        "_taken_at",
        "_unsent",
        "fd",
        "gone",
        "hung_up",
        "outbox",
        "readable",
        "sends_files",
        "sock",
        "tls",
    )

    def __init__(self, sock: socket.socket, service: Service) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self._service = service
        self.tls = isinstance(sock, ssl.SSLSocket)
        self.outbox = Outbox(service.budget)
        #: Whether the kernel may have octets for us; it saves the call that would find none.
        self.readable = True
        #: The client has closed its side at least; set by any thread.
        self.hung_up = False
        #: Nothing more can be sent.
        self.gone = False
        self.sends_files = service.settings.sendfile and not self.tls and hasattr(os, "sendfile")
        # Guards the outbox and the socket's sending side, and all of a TLS socket: its two
        # directions share one state.
        self._lock = threading.Lock()
        self._unsent = 0
        self._taken_at = 0.0

    # Sending

    def send(self, *pieces: bytes) -> None:
        """Send octets; see :class:`dovetail.gateway.Transport`."""
        self.finish(*pieces)
        while self.outbox.size > self._service.high_water():
            self._wait()

    def finish(self, *pieces: bytes) -> None:
        """Send octets without ever waiting; see :class:`dovetail.gateway.Transport`."""
        with self._lock:
            self._check_gone()
            try:
                self._put(pieces)
            except OSError as error:
                self._lose(error)

    def _put(self, pieces: tuple[bytes, ...]) -> None:
        if self.outbox or sum(map(len, pieces)) > _JOIN_OCTETS:
            for piece in pieces:
                self.outbox.put(memoryview(piece))
            self.outbox.flush(self.sock)
            return
        data = b"".join(pieces)
        if not data:
            return
        try:
            sent = self.sock.send(data)
        except _NOT_NOW:
            sent = 0
        if sent < len(data):
            self.outbox.put(memoryview(data)[sent:])
            # Once more, now that the rest is there to be seen: TLS sends one record at a time, and
            # the news that there is room again may have come before there was a rest.
            self.outbox.flush(self.sock)

    def send_file(self, fd: int, offset: int, size: int) -> None:
        """Send a part of a file; see :class:`dovetail.gateway.Transport`."""
        with self._lock:
            self.outbox.put_file(fd, offset, size)
            self._flush()

    def abort(self, *, reset: bool) -> None:
        """Send nothing more; see :class:`dovetail.gateway.Transport`."""
        with self._lock:
            self.gone = True
            self.outbox.clear()
            if reset:
                with contextlib.suppress(OSError):
                    linger = struct.pack("ii", 1, 0)
                    self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def flush(self) -> bool:
        """Send what waits; return whether all of it is sent.

        :raises ClientDisconnected: the client is gone.
        """
        with self._lock:
            return self._flush()

    def flush_owned(self) -> None:
        """Send what waits while the owner is in the application; any thread may call this.

        PEP 3333 asks for it: a block is to be on its way while the next one is made.
        """
        with contextlib.suppress(ClientDisconnected):
            self.flush()

    def _flush(self) -> bool:
        self._check_gone()
        try:
            return self.outbox.flush(self.sock)
        except OSError as error:
            self._lose(error)

    def _check_gone(self) -> None:
        if self.gone:
            raise ClientDisconnected("the client is gone")

    def _lose(self, error: OSError) -> NoReturn:
        self.gone = True
        raise ClientDisconnected("the client is gone") from error

    def _wait(self) -> None:
        """Wait in this thread until the client has taken something."""
        patience = self._service.settings.write_timeout
        self.watch_client()
        while not wait_for(self.fd, WRITABLE, patience / LOOKS):
            if self.client_idle() >= patience:
                self.gone = True
                break
        self.flush()

    def watch_client(self) -> None:
        """Begin to measure how long the client takes nothing."""
        self._taken_at = time.monotonic()
        self._unsent = self._count_unsent()

    def client_idle(self) -> float:
        """Return for how many seconds the client has taken nothing, as far as calls could see.

        What the kernel still has counts too: the socket becomes writable only when a third of its
        buffer is free, which takes a slow client longer than it may do nothing.
        """
        now = time.monotonic()
        before, self._unsent = self._unsent, self._count_unsent()
        if self._unsent < before:
            self._taken_at = now
        return now - self._taken_at

    def _count_unsent(self) -> int:
        unsent = self.outbox.left
        if _UNSENT is not None:
            with contextlib.suppress(OSError):
                unsent += struct.unpack("i", fcntl.ioctl(self.fd, _UNSENT, bytes(4)))[0]
        return unsent

    # Receiving

    def shake_hands(self) -> bool:
        """Go on with the TLS handshake; False if it waits for the client.

        :raises OSError: it failed.
        """
        assert isinstance(self.sock, ssl.SSLSocket)
        try:
            with self._lock:
                self.sock.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        return True

    def receive(self, scratch: memoryview) -> int | None:
        """Receive into ``scratch``: the number of octets, 0 at the end, None if there are none now.

        :raises OSError: the connection is broken.
        """
        if not self.readable:
            return None
        try:
            if self.tls:
                with self._lock:
                    return self.sock.recv_into(scratch)
            count = self.sock.recv_into(scratch)
        except _NOT_NOW:
            self.readable = False
            return None
        # A short read has emptied the kernel's buffer, and the next octets are news; but the end
        # that came with them is not news any more.
        self.readable = count == len(scratch) or self.hung_up
        return count

    # Closing

    def hand_over(self) -> socket.socket | DuplexTlsSocket:
        """Return the socket, blocking, for an application that uses it from now on."""
        if isinstance(self.sock, ssl.SSLSocket):
            return DuplexTlsSocket(self.sock)
        self.sock.setblocking(True)
        return self.sock

    def disconnect(self) -> None:
        """End both directions, also under threads of the application's that still wait there.

        Closing alone would leave them waiting, and the connection open as long as they do.
        """
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def shut(self) -> None:
        """Close our side; what the client still sends can be received."""
        self.say_goodbye()
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        self.tls = False
        self.readable = True

    def say_goodbye(self) -> None:
        """Tell a TLS client that nothing was cut off; do not wait for its answer."""
        if isinstance(self.sock, ssl.SSLSocket):
            with self._lock, contextlib.suppress(OSError, ValueError):
                self.sock.unwrap()

    def close(self) -> None:
        """Close the socket and drop what waits."""
        with self._lock:
            self.gone = True
            self.outbox.clear()
            self.sock.close()
