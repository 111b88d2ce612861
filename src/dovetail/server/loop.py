"""The event loop that all threads of a worker share.

Every application thread is a whole event loop: it takes one ready connection, reads what is there,
and if a request is complete, runs the application right there and writes. Nothing is handed from
an I/O thread to an application thread. What makes that right:

- News is fetched into one queue, and a thread takes one connection at a time, so that no thread
  keeps a batch that another could serve.
- At most one thread waits for news, and waiting takes nothing. The others stand in line for that
  place. Whoever leaves it fetches before it lets the next one in.
- A connection is IDLE, OWNED by one thread (or by the queue to one), or OWNED with news meanwhile:
  AGAIN. Releasing an AGAIN connection puts it back into the queue, so no news is lost, and no
  connection is ever touched by two owners.
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable

from dovetail.gateway.environ import Environ
from dovetail.server.addresses import inet
from dovetail.server.connection import Connection, Hooks
from dovetail.server.doors import Doors
from dovetail.server.phases import Ownership, Phase, Step
from dovetail.server.poller import HANGUP, WRITABLE, Poller
from dovetail.server.service import Service
from dovetail.server.wire import Wire
from dovetail.server.worker import Slot

__all__ = ["Loop", "MakeConnection"]

#: Makes a connection of a non-blocking socket, the client's address as the system gives it, the
#: part of the environ that its requests share, and the loop's hooks. It may refuse the client by
#: raising an OSError.
MakeConnection = Callable[[socket.socket, object, Environ, Hooks], Connection]


class Loop:
    """Connections, listeners, and the queue of those that have news.

    :param threads: how many application threads there are.
    :param call_steward: wakes the steward, when the last free thread goes into the application
        and when a door was shut.
    :param make_connection: for connections of another kind than :class:`Connection`.
    :param modest: whether clients are left in the kernel's queue, for other processes, as long as
        all threads are busy; otherwise they are only as long as another worker is not stuck.
    """

    def __init__(
        self,
        service: Service,
        poller: Poller,
        slot: Slot,
        *,
        listeners: Iterable[socket.socket],
        tls: ssl.SSLContext | None,
        threads: int,
        multiprocess: bool,
        call_steward: Callable[[], None],
        make_connection: MakeConnection | None = None,
        modest: bool = False,
    ) -> None:
        self._service = service
        self._poller = poller
        self._slot = slot
        self._tls = tls
        self._threads = threads
        self._call_steward = call_steward
        self._make_connection = make_connection or self._connect
        self._hooks = Hooks(self._forget, self._detach)
        self._lock = threading.Lock()  # guards everything below
        self._connections: dict[int, Connection] = {}
        self._detached: set[Connection] = set()
        self._busy = 0
        self._ready: deque[Connection] = deque()
        self._runnable: deque[Connection] = deque()  # complete requests that the steward received
        self._turn = threading.Lock()  # held by the one thread that waits for news
        self._waiting = False
        self._stopped = False
        self._working = 0
        self._left = threading.Condition(self._lock)  # notified when the last thread has left
        #: Requests answered so far.
        self.served = 0
        #: Where clients come in.
        self.doors = Doors(
            self,
            service,
            poller,
            slot,
            listeners=listeners,
            scheme="https" if tls else "http",
            multithread=threads > 1,
            multiprocess=multiprocess,
            modest=modest,
            call_steward=call_steward,
        )

    # What the worker asks

    @property
    def all_busy(self) -> bool:
        """Whether every thread is in the application."""
        return self._busy >= self._threads

    @property
    def free_threads(self) -> int:
        """How many threads nothing waits for; negative if more waits than there are free ones."""
        return self._threads - self._busy - len(self._ready) - len(self._runnable)

    @property
    def open_connections(self) -> int:
        """How many clients are connected, those of detached sockets too."""
        return len(self._connections) + len(self._detached)

    @property
    def under_way(self) -> bool:
        """Whether there is a connection that has not been told good-bye, or handed over."""
        with self._lock:
            open_ones = list(self._connections.values())
        return any(connection.phase is not Phase.LINGERING for connection in open_ones)

    @property
    def is_lingering(self) -> bool:
        """Whether a client that was told good-bye has not left yet."""
        with self._lock:
            open_ones = list(self._connections.values())
        return any(connection.phase is Phase.LINGERING for connection in open_ones)

    @property
    def queued(self) -> int:
        """How many complete requests wait for a thread, as far as the steward received them."""
        return len(self._runnable)

    def add_thread(self) -> None:
        """Count one more application thread, which is about to :meth:`work`."""
        with self._lock:
            self._threads += 1

    # What an application thread does

    def work(self) -> None:
        """Serve connections until :meth:`stop`."""
        with self._lock:
            if self._stopped:
                return  # a thread that is late; what it would need may be closed already
            self._working += 1
        try:
            scratch = memoryview(bytearray(65536))
            while (connection := self._next()) is not None:
                try:
                    self._serve(connection, scratch)
                except Exception:
                    self._give_up(connection)
        finally:
            with self._left:
                self._working -= 1
                self._left.notify_all()

    def _give_up(self, connection: Connection) -> None:
        """Close a connection on which the server failed: a defect costs no thread."""
        self._service.logs.error.exception("an error in the server; please report it")
        connection.close()

    def _next(self) -> Connection | None:
        while not self._stopped:
            connection = self._take()
            if connection is None:
                # Even if nothing was fetched: it may have been the ring for what is queued now,
                # and the thread that it was meant for sleeps on.
                self._fetch()
                connection = self._take()
            if connection is not None:
                self._wake()  # for what is left, if this one takes its time
                return connection
            if not self._stopped:
                self._wait()
        self._poller.wake()  # this thread may have taken the ring that was meant for another
        return None

    def _take(self) -> Connection | None:
        try:
            return self._runnable.popleft()
        except IndexError:
            pass
        try:
            return self._ready.popleft()
        except IndexError:
            return None

    def _wait(self) -> None:
        with self._turn:
            # The order matters: whoever queues something looks at _waiting afterwards.
            self._waiting = True
            if not (self._ready or self._runnable or self._stopped):
                self._poller.wait(None)
                self._waiting = False
                self._fetch()
            self._waiting = False

    def _serve(self, connection: Connection, scratch: memoryview) -> None:
        connection.wire.readable = True
        while True:
            step = connection.advance(scratch)
            if step is Step.RUN:
                self._run(connection)
                if not (connection.has_more and self._others_wait()):
                    continue
                step = Step.MORE  # a pipeline must not keep the others waiting
            self._leave(connection, step)
            return

    def _others_wait(self) -> bool:
        """Tell whether another connection is ready, also if nobody has seen it yet."""
        if not (self._ready or self._runnable or self._waiting):
            self._fetch()
        return bool(self._ready or self._runnable)

    def _run(self, connection: Connection) -> None:
        with self._lock:
            self._busy += 1
            full = self._busy == self._threads
        if full:
            self._call_steward()
        try:
            connection.run()
        finally:
            with self._lock:
                self._busy -= 1
                self.served += 1
                if self.doors.stuck:
                    self.doors.set_stuck(False)

    def _leave(self, connection: Connection, step: Step) -> None:
        """Do with a connection what the step says."""
        if step is Step.WAIT:
            self._release(connection)
        elif step is Step.MORE:
            self._ready.append(connection)

    def _release(self, connection: Connection) -> None:
        # Before the change: news that comes in between makes it AGAIN, and is not lost.
        self._poller.rearm(connection.wire.fd, writable=bool(connection.wire.outbox))
        with self._lock:
            if connection.ownership is Ownership.AGAIN:
                connection.ownership = Ownership.OWNED
                self._ready.append(connection)
            else:
                connection.ownership = Ownership.IDLE

    # News

    def _fetch(self) -> None:
        """Queue the connections that have news; accept."""
        news = self._poller.fetch()
        if not news:
            return
        owned, doors = self._sort(news)
        for connection in owned:
            connection.wire.flush_owned()
        for fd in doors:
            self.doors.accept(fd)

    def _sort(self, news: list[tuple[int, int]]) -> tuple[list[Connection], list[int]]:
        owned: list[Connection] = []
        doors: list[int] = []
        with self._lock:
            for fd, what in news:
                connection = self._connections.get(fd)
                if connection is None:
                    doors.append(fd)  # or a connection that has just been forgotten
                    continue
                if what & HANGUP:
                    connection.wire.hung_up = True
                if connection.ownership is Ownership.IDLE:
                    connection.ownership = Ownership.OWNED
                    self._ready.append(connection)
                    continue
                connection.ownership = Ownership.AGAIN
                if what & WRITABLE and connection.wire.outbox:
                    owned.append(connection)
        return owned, doors

    # Accepting

    def admit(self, sock: socket.socket, address: object, base: Environ) -> None:
        """Take in a client that has just been accepted.

        Raises OSError or ValueError if it has broken off, or is refused.
        """
        sock.setblocking(False)
        client = inet(address, sock.family)
        if client is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            base = base | {"REMOTE_ADDR": client[0], "REMOTE_PORT": str(client[1])}
        if self._tls is not None:
            sock.getpeername()  # raises if the client has left: such a socket cannot be wrapped
            sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        connection = self._make_connection(sock, address, base, self._hooks)
        with self._lock:
            self._connections[connection.wire.fd] = connection
        self._poller.add(connection.wire.fd)
        self._slot.set_connections(self.open_connections)

    def _connect(
        self, sock: socket.socket, _address: object, base: Environ, hooks: Hooks
    ) -> Connection:
        return Connection(Wire(sock, self._service), self._service, hooks, base)

    def adopt(self, sock: socket.socket) -> None:
        """Go on with a connection that another process, or another loop, has accepted.

        It came in at the first listener's address. If its client has left, it is closed.
        """
        try:
            self.admit(sock, sock.getpeername(), self.doors.first_base)
        except (OSError, ValueError):
            sock.close()

    # Leaving

    def release_resting(self) -> list[socket.socket]:
        """Give up the connections that are at rest.

        :return: their sockets, still open, for somebody who goes on with them.
        """
        with self._lock:
            resting = [
                connection
                for connection in self._connections.values()
                if connection.ownership is Ownership.IDLE and connection.at_rest
            ]
            for connection in resting:
                connection.ownership = Ownership.OWNED
        # Those that have news, which nobody has read yet.
        for _ in range(len(self._ready)):
            try:
                connection = self._ready.popleft()
            except IndexError:
                break
            (resting if connection.at_rest else self._ready).append(connection)
        self._wake()  # a thread may have found the queue empty meanwhile
        released = [connection.surrender() for connection in resting]
        return [sock for sock in released if sock is not None]

    def _forget(self, connection: Connection) -> None:
        with self._lock:
            fd = connection.wire.fd
            if self._connections.get(fd) is connection:
                # Before the close, so that nobody else can get the number meanwhile.
                del self._connections[fd]
                self._poller.remove(fd)
            self._detached.discard(connection)
        self._slot.set_connections(self.open_connections)

    def _detach(self, connection: Connection) -> None:
        """Leave the socket to the application, which may close it at any time."""
        with self._lock:
            del self._connections[connection.wire.fd]
            self._poller.remove(connection.wire.fd)
            self._detached.add(connection)

    # What the steward does

    def cover(self, scratch: memoryview) -> None:
        """Do the threads' work while all of them are busy, except for the application."""
        with self._lock:
            self.doors.set_stuck(self.all_busy)
        self._fetch()
        for _ in range(len(self._ready)):
            try:
                connection = self._ready.popleft()
            except IndexError:
                break
            self._tend(connection, scratch)
        self._wake()

    def _tend(self, connection: Connection, scratch: memoryview, now: float = -math.inf) -> None:
        """Do what needs no application; a deadline counts if ``now`` is given."""
        connection.wire.readable = True
        try:
            step = connection.advance(scratch)
            if step is Step.WAIT and connection.deadline <= now:
                step = connection.expire()
        except Exception:
            self._give_up(connection)
            return
        if step is Step.RUN:
            self._runnable.append(connection)
        else:
            self._leave(connection, step)

    def _wake(self) -> None:
        """Wake a thread for what is queued."""
        if self._waiting and (self._ready or self._runnable):
            self._poller.wake()

    def expire(self, now: float, scratch: memoryview) -> None:
        """Act on the deadlines that have passed.

        While the threads have much to do, what a client sent in time may not have been looked at
        yet. That comes first, and may give it a new deadline.

        PERF: a look at each connection, four times a second at most: 0.1 us each.
        """
        with self._lock:
            due = [one for one in self._connections.values() if one.deadline <= now]
            due = [one for one in due if one.ownership is Ownership.IDLE]
            for connection in due:
                connection.ownership = Ownership.OWNED
        for connection in due:
            self._tend(connection, scratch, now)
        self._wake()

    def stop(self) -> None:
        """Make the threads return from :meth:`work`."""
        with self._lock:
            self._stopped = True
        self._poller.wake()

    def join(self, timeout: float | None = None) -> None:
        """Wait, for ``timeout`` seconds at most, until every thread has left :meth:`work`."""
        with self._left:
            self._left.wait_for(lambda: not self._working, timeout)

    def break_off(self) -> None:
        """End what goes on, under the threads that are at it: their next write fails."""
        with self._lock:
            under_way = [*self._connections.values(), *self._detached]
        for connection in under_way:
            connection.wire.gone = True
            connection.wire.disconnect()

    def close_silent(self) -> None:
        """Close the connections on which no response is going out; the threads have returned."""
        for connection in list(self._connections.values()):
            if connection.phase is not Phase.FLUSHING:
                connection.close()

    def close(self) -> None:
        """Close all connections; the threads have returned, or are given up."""
        for connection in [*self._connections.values(), *self._detached]:
            connection.close()
