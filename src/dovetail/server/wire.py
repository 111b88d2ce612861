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
from collections.abc import Iterator

from dovetail.gateway import ClientDisconnected
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

__all__ = ["Wire"]

# Up to here, copying head and content together is cheaper than a vectored call.
_JOIN_OCTETS = 32 << 10

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Wire:
    """A non-blocking socket, plain or TLS; the transport of exchanges."""

    __slots__ = (
        "_lock",
        "_service",
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
        self._unsent = -1

    # Sending

    def send(self, *pieces: bytes) -> None:
        """Send octets; see :class:`dovetail.gateway.Transport`."""
        self.finish(*pieces)
        while self.outbox.size > self._service.high_water():
            self._wait()

    def finish(self, *pieces: bytes) -> None:
        """Send octets without ever waiting; see :class:`dovetail.gateway.Transport`."""
        with self._lock, self._noticing():
            if not self.outbox and sum(map(len, pieces)) <= _JOIN_OCTETS:
                data = memoryview(b"".join(pieces))
                with contextlib.suppress(*_NOT_NOW):
                    data = data[self.sock.send(data) :]
                if data:
                    self.outbox.put(data)
                return
            for piece in pieces:
                self.outbox.put(memoryview(piece))
            self.outbox.flush(self.sock)

    def send_file(self, fd: int, offset: int, size: int) -> None:
        """Send a part of a file; see :class:`dovetail.gateway.Transport`."""
        with self._lock:
            self.outbox.put_file(fd, offset, size)
            with self._noticing():
                self.outbox.flush(self.sock)

    def abort(self, *, reset: bool) -> None:
        """Send nothing more; see :class:`dovetail.gateway.Transport`."""
        with self._lock:
            self.gone = True
            self.outbox.clear()
            if reset:
                with contextlib.suppress(OSError):
                    linger = struct.pack("ii", 1, 0)
                    self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def flush(self) -> tuple[bool, bool]:
        """Send what waits; return whether all of it is sent, and whether any of it was.

        :raises ClientDisconnected: the client is gone.
        """
        with self._lock, self._noticing():
            before = self.outbox.left
            done = self.outbox.flush(self.sock)
            return done, self.outbox.left < before

    def flush_owned(self) -> None:
        """Send what waits while the owner is in the application; any thread may call this.

        PEP 3333 asks for it: a block is to be on its way while the next one is made.
        """
        with contextlib.suppress(ClientDisconnected):
            self.flush()

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        """Turn a broken connection into the one error that says so."""
        if self.gone:
            raise ClientDisconnected("the client is gone")
        try:
            yield
        except OSError as error:
            self.gone = True
            raise ClientDisconnected("the client is gone") from error

    def _wait(self) -> None:
        """Wait in this thread until the client has taken something."""
        if not wait_for(self.fd, WRITABLE, self._service.settings.write_timeout):
            if self.client_takes():
                return
            self.gone = True
        self.flush()

    def client_takes(self) -> bool:
        """Tell whether the kernel has sent something since the last time this was asked.

        A large send buffer can take a slow client longer to empty by a third, which is when the
        socket becomes writable, than the client may do nothing.
        """
        if _UNSENT is None:
            return False
        try:
            answer = fcntl.ioctl(self.fd, _UNSENT, bytes(4))
        except OSError:
            return False
        before, self._unsent = self._unsent, struct.unpack("i", answer)[0]
        return before < 0 or self._unsent < before

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
