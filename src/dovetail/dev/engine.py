"""One process of the development server: production's loop, its threads, and its steward."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterable

from dovetail.dev.interruptions import postponed
from dovetail.server.controls import escape_lines
from dovetail.server.loop import Loop, MakeConnection
from dovetail.server.poller import Poller
from dovetail.server.service import Service
from dovetail.server.steward import Bell, Steward

__all__ = ["MOST_THREADS", "Engine", "Give", "Shut"]

#: Takes sockets, open, for somebody who goes on with them.
Give = Callable[[list[socket.socket]], object]
#: Is told that a server accepts nobody any more.
Shut = Callable[[], object]

#: So many requests can be in the application at a time. In development an application may call
#: itself, hold long polls and stream: what production answers by configuration, threads do here.
MOST_THREADS = 256

# How long all threads may be stuck before there is another one, in seconds.
_PATIENCE = 0.01
# How often a server that retires looks whether it is done.
_HASTE = 0.005
# How long clients that were told good-bye get to go, once nothing else is to be waited for.
_LINGER_SECONDS = 0.25
# How long who stops the server waits for it to be tidied up; it goes on by itself.
_TIDY_SECONDS = 0.2


class _OwnSlot:
    """A worker's entry where nobody compares workers; see :class:`dovetail.server.worker.Slot`."""

    def beat(self) -> None:
        """Do nothing: nobody watches."""

    def set_connections(self, count: int) -> None:
        """Do nothing: nobody compares."""

    def set_full(self, full: bool) -> None:
        """Do nothing: nobody compares."""

    def least_connections(self) -> None:
        """Return None: there is no other worker to be seen."""


class Engine:
    """Serves until it is told to stop or to retire, or until an error is to leave the server.

    :param poller: closed in the end.
    :param listener: left open.
    :param inside: the thread that calls :meth:`serve` is the one application thread, and the
        steward is a helper. Otherwise it is the steward, and there are as many application threads
        as are needed.
    :param act: called by the steward in each round, with the descriptors that are readable.
    :param watched: further descriptors that wake the steward.
    :param interval: the longest time between two rounds, in seconds.
    """

    def __init__(
        self,
        service: Service,
        poller: Poller,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
        make_connection: MakeConnection,
        *,
        inside: bool,
        multiprocess: bool = False,
        act: Callable[[set[int]], None],
        watched: Iterable[int] = (),
        interval: float,
    ) -> None:
        self._service = service
        self._poller = poller
        # A descriptor of its own, so that nobody can close it under the loop.
        self._listener = listener.dup()
        self._listener.setblocking(False)
        self._inside = inside
        self._act = act
        self._watched = list(watched)
        self._interval = interval
        self._most = 1 if inside else MOST_THREADS
        self._bell = Bell()
        self._steward = Steward(poller, self._bell, _PATIENCE)
        self._loop = Loop(
            service,
            poller,
            _OwnSlot(),
            listeners=[self._listener],
            tls=tls,
            threads=1 if inside else service.settings.threads,
            multiprocess=multiprocess,
            call_steward=self._steward.call,
            make_connection=make_connection,
            modest=multiprocess,
        )
        self._threads: list[threading.Thread] = []
        # Who is, or is about to be, the steward: it is made in the thread that is going to serve.
        self._keeper = threading.current_thread()
        self._given: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._once = False
        self._stopping = False
        self._retire_by: float | None = None
        self._linger_until = 0.0
        self._released: list[socket.socket] = []
        self._give: Give | None = None
        self._shut: Shut | None = None
        self._retired = threading.Event()
        self._adopting = threading.Lock()  # guards the next one
        self._has_left = False
        self._error: BaseException | None = None

    def be_last(self) -> None:
        """Let each connection's next response be its last one."""
        self._service.draining = True

    # From other threads

    def stop(self) -> None:
        """Stop soon. What is under way is finished in the background."""
        self._stopping = True
        self._bell.ring()

    def fail(self, error: BaseException) -> None:
        """Stop, and let ``error`` leave :meth:`serve`.

        One that only ends its thread, such as SystemExit, does so where the thread is one of many;
        it is logged, because nobody else tells of it.
        """
        if self._inside or isinstance(error, Exception):
            self._error = error
            self.stop()
            return
        lines = escape_lines("".join(traceback.format_exception(error)))
        self._service.logs.error.error("The application has ended a request:\n%s", lines.rstrip())

    def retire(
        self, grace: float, give: Give | None = None, shut: Shut | None = None
    ) -> list[socket.socket]:
        """Accept nobody any more, finish within ``grace`` seconds what is under way, and stop.

        :param give: is called, by the steward, with sockets as soon as they are to be had.
        :param shut: is called, by the steward, once when nobody is accepted any more.
        :return: the sockets of the clients with whom somebody else can go on, without those given.
        """
        self._give = give
        self._shut = shut
        self._retire_by = time.monotonic() + grace
        self._bell.ring()
        self._retired.wait()
        return self._take_released()

    def _take_released(self) -> list[socket.socket]:
        released, self._released = self._released, []
        return released

    def _release(self) -> None:
        released = self._loop.release_resting()
        if self._give is None:
            self._released += released
        elif released:
            self._give(released)

    def note_given(self, sock: socket.socket) -> None:
        """Take note that the application has a socket for itself; it is cut off in the end."""
        self._given.add(sock)

    def owns(self, thread: threading.Thread) -> bool:
        """Tell whether the engine would wait for itself if it waited for this thread."""
        return thread in self._threads or thread is self._keeper

    # Serving

    def adopt(self, sockets: list[socket.socket]) -> list[socket.socket]:
        """Go on with connections that somebody else has accepted; also while serving.

        :return: the sockets, if it is too late for that; none if they are taken.
        """
        with self._adopting:
            if self._has_left:
                return sockets
            for sock in sockets:
                self._loop.adopt(sock)
        return []

    def serve(self, *, once: bool = False) -> None:
        """Serve.

        :param once: accept nobody, and stop when the adopted clients are served.
        :raises BaseException: what was to leave the server.
        """
        self._once = once
        # One that was told to stop before may have a successor already, on the same socket.
        if not (once or self._stopping):
            self._loop.doors.open()
        try:
            if self._inside:
                self._serve_inside()
            else:
                with postponed(self._bell.ring) as signals:
                    self._keep_house(signals.act)
        finally:
            with postponed():
                self._dismiss()
        if self._error is not None:
            raise self._error

    def _serve_inside(self) -> None:
        steward = threading.Thread(target=self._keep_house, name="steward", daemon=True)
        self._threads.append(threading.current_thread())
        try:
            with postponed():
                steward.start()
            # Ctrl-C comes in this thread, and leaves by here.
            self._loop.work()
        finally:
            self.stop()
            if steward.is_alive():
                steward.join()
            self._threads.clear()
            self._loop.close_silent()

    def _keep_house(self, heed_signals: Callable[[], None] = lambda: None) -> None:
        self._keeper = threading.current_thread()
        try:
            if not (self._inside or self._stopping):
                self._hire(self._service.settings.threads)
            while not self._is_over():
                haste = self._retire_by is not None or self._once
                at_most = min(_HASTE, self._interval) if haste else self._interval
                ready = self._steward.sleep(self._loop, self._watched, at_most=at_most)
                self._bell.take()
                heed_signals()
                self._act(ready)
                self._steward.look(self._loop)
                self._grow()
        except Exception as error:
            if not self._inside:
                raise
            self._error = error  # and not in this thread, where nobody would see it
        finally:
            self._leave()

    def _is_over(self) -> bool:
        if self._stopping:
            return True
        if self._once:
            return not self._loop.open_connections
        return self._retire_by is not None and self._has_retired(self._retire_by)

    def _has_retired(self, deadline: float) -> bool:
        self._close_doors()
        self._release()
        now = time.monotonic()
        if self._loop.under_way:
            return now >= deadline
        self._linger_until = self._linger_until or now + _LINGER_SECONDS
        return now >= self._linger_until or not self._loop.is_lingering

    def _close_doors(self) -> None:
        self._service.draining = True
        self._loop.doors.leave()
        if self._shut is not None:
            self._shut()
            self._shut = None

    def _leave(self) -> None:
        """Accept nobody, part with those who wait, and let the thread inside return."""
        self._close_doors()
        with self._adopting:
            self._has_left = True
        self._listener.close()
        self._release()
        if self._retire_by is None:
            for sock in self._take_released():
                sock.close()
        else:
            self._loop.break_off()
        for sock in list(self._given):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self._retired.set()
        if self._inside:
            self._loop.stop()

    # Threads

    def _hire(self, count: int) -> None:
        for _ in range(count):
            name = f"application-{len(self._threads) + 1}"
            thread = threading.Thread(target=self._loop.work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _grow(self) -> None:
        """Have another thread for each request that waits while all of them are stuck."""
        # In this order: a thread that takes a queued one becomes busy by that.
        if not self._loop.all_busy:
            return
        wanted = min(self._loop.queued, self._most - len(self._threads))
        if wanted <= 0:
            return
        try:
            for _ in range(wanted):
                self._hire(1)
                self._loop.add_thread()
        except RuntimeError as error:  # the system has no room for another one
            self._most = len(self._threads)
            self._service.logs.error.warning("requests have to wait: %s", error)

    def _dismiss(self) -> None:
        tidier = threading.Thread(target=self._tidy_up, name="finishing", daemon=True)
        tidier.start()
        tidier.join(_TIDY_SECONDS)

    def _tidy_up(self) -> None:
        """Finish what is under way, and release everything."""
        while self._loop.under_way:
            self._steward.sleep(self._loop, at_most=_PATIENCE)
            self._bell.take()
            self._steward.look(self._loop, alone=self._inside)
            self._grow()
            for sock in self._loop.release_resting():
                sock.close()
        self._loop.stop()
        self._loop.join()
        self._loop.close()
        self._poller.close()
        self._bell.close()
