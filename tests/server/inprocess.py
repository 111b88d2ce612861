"""A thread worker inside the test's own process, its clients, and what they see.

Everything is real (sockets, threads, the steward) except for signals, which only a process's main
thread can take: they ring the worker's bell directly.
"""

from __future__ import annotations

import logging
import select
import selectors
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import h11
from tests.gateway.recorder import Reply

from dovetail.server import threads
from dovetail.server.access_log import AccessEntry
from dovetail.server.logs import Logs
from dovetail.server.poller import EpollPoller, Poller, SelectorPoller
from dovetail.server.settings import Settings
from dovetail.server.threads import ThreadWorker
from dovetail.server.worker import WorkerContext

__all__ = [
    "PATIENCE",
    "POLLERS",
    "UNHURRIED",
    "Channel",
    "Client",
    "Clock",
    "Gate",
    "RecordingLogs",
    "Running",
    "Slot",
    "listen_at",
    "make_worker",
    "open_test_poller",
    "running",
]

#: How long anything may take before a test gives up, in seconds.
PATIENCE = 60.0

#: Deadlines that do not pass, however long a slow machine leaves the test or the worker standing.
#: Who tests one gives another, and puts the server's clock forward.
UNHURRIED: dict[str, Any] = dict.fromkeys(
    ("header_timeout", "keep_alive", "body_timeout", "body_grace", "write_timeout"), 1e6
)

POLLERS: dict[str, Callable[[], Poller]] = {
    "epoll": EpollPoller,
    "poll": lambda: SelectorPoller(selectors.PollSelector()),
    "select": lambda: SelectorPoller(selectors.SelectSelector()),
}


@contextmanager
def open_test_poller(name: str) -> Iterator[Poller]:
    """A poller that is closed in the end."""
    poller = POLLERS[name]()
    try:
        yield poller
    finally:
        poller.close()


def listen_at(path: Path) -> socket.socket:
    """A listening Unix socket; the worker that gets it closes it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    return listener


class Clock:
    """Stands in for the module ``time`` in the server: a clock that a test can put forward.

    So a deadline can be far enough away not to pass by itself, however slow the machine is.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self._stopped: float | None = None

    def monotonic(self) -> float:
        return (time.monotonic() if self._stopped is None else self._stopped) + self.ahead

    def stop(self) -> None:
        """Let no time pass, except what it is put forward by."""
        self._stopped = time.monotonic()

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class RecordingLogs(Logs):
    """Keeps what is logged, and lets a test wait for it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.access_enabled = True
        self.entries: list[AccessEntry] = []
        self.records: list[logging.LogRecord] = []
        self._news = threading.Condition()
        handler = logging.Handler()
        handler.emit = self._keep  # type: ignore[method-assign]
        self.error.handlers = [handler]

    def access(self, entry: AccessEntry) -> None:
        with self._news:
            self.entries.append(entry)
            self._news.notify_all()

    def _keep(self, record: logging.LogRecord) -> None:
        with self._news:
            self.records.append(record)
            self._news.notify_all()

    def wait_for(self, condition: Callable[[], Any]) -> None:
        """Wait until what has been logged fulfils a condition."""
        with self._news:
            assert self._news.wait_for(condition, PATIENCE), (self.entries, self.messages)

    def wait_for_entries(self, count: int) -> list[AccessEntry]:
        """Return the access log once it has so many lines."""
        self.wait_for(lambda: len(self.entries) >= count)
        assert len(self.entries) == count, self.entries
        return self.entries

    @property
    def messages(self) -> list[str]:
        """The lines of the error log."""
        return [record.getMessage() for record in self.records]


class _Bell(threads._Bell):
    """Leaves the signals of the test's process alone."""

    def watch(self, signals: Iterable[signal.Signals]) -> None:
        """Do nothing."""

    def unwatch(self, signals: Iterable[signal.Signals]) -> None:
        """Do nothing."""


class Channel:
    """A channel that remembers what was said."""

    def __init__(self) -> None:
        self._ours, self.arbiter = socket.socketpair()
        self.is_ready = threading.Event()
        self.retired: list[str] = []
        self.failure: tuple[str, int] | None = None

    def fileno(self) -> int:
        return self._ours.fileno()

    def ready(self) -> None:
        self.is_ready.set()

    def failed(self, message: str, status: int) -> None:
        self.failure = message, status

    def retire(self, reason: str) -> None:
        self.retired.append(reason)

    def close(self) -> None:
        self._ours.close()
        self.arbiter.close()


class Slot:
    """A slot that lets a test wait for a number of connections."""

    def __init__(self) -> None:
        self.beats = 0
        self.ended = False
        self.connections = 0
        self.full = False
        #: What the other workers have; None: there is none, or all are full.
        self.least: int | None = None
        self.asked = 0
        self._news = threading.Condition()

    def beat(self) -> None:
        with self._news:
            self.beats += 1
            self._news.notify_all()

    def set_connections(self, count: int) -> None:
        with self._news:
            self.connections = count
            self._news.notify_all()

    def set_full(self, full: bool) -> None:
        with self._news:
            self.full = full
            self._news.notify_all()

    def least_connections(self) -> int | None:
        with self._news:
            self.asked += 1
            self._news.notify_all()
        return self.least

    def wait_for(self, count: int) -> None:
        """Wait until so many connections are open."""
        with self._news:
            assert self._news.wait_for(lambda: self.connections == count, PATIENCE), (
                self.connections
            )

    def end(self) -> None:
        """Called when the worker has returned: it beats no more."""
        with self._news:
            self.ended = True
            self._news.notify_all()

    def wait_for_beat(self, after: int) -> None:
        """Wait until there were more beats than so many, or the worker has returned."""
        with self._news:
            assert self._news.wait_for(lambda: self.beats > after or self.ended, PATIENCE)

    def wait_until_full(self, full: bool) -> None:
        """Wait until the worker says that it is full, or that it is not."""
        with self._news:
            assert self._news.wait_for(lambda: self.full is full, PATIENCE)

    def wait_for_questions(self, count: int) -> None:
        """Wait until the worker has asked about the others so many times more."""
        with self._news:
            enough = self.asked + count
            assert self._news.wait_for(lambda: self.asked >= enough, PATIENCE)


class Gate:
    """Holds requests in the application until it is opened."""

    def __init__(self) -> None:
        self._entered = threading.Semaphore(0)
        self._opened = threading.Event()
        self._lock = threading.Lock()
        self.inside = 0

    def enter(self) -> None:
        """Called by the application: wait until the gate is open."""
        with self._lock:
            self.inside += 1
        self._entered.release()
        opened = self._opened.wait(PATIENCE)
        with self._lock:
            self.inside -= 1
        assert opened

    def wait_for(self, count: int = 1) -> None:
        """Wait until so many more requests have come in."""
        for _ in range(count):
            assert self._entered.acquire(timeout=PATIENCE)

    def open(self) -> None:
        self._opened.set()


class Client:
    """One end of a connection; every wait is bounded."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        self.sock = sock
        self._rest = b""

    def send(self, octets: bytes | str) -> None:
        self.sock.sendall(octets.encode("latin-1") if isinstance(octets, str) else octets)

    def get(self, path: str = "/", *fields: str, method: str = "GET") -> None:
        """Send a request without content."""
        lines = [f"{method} {path} HTTP/1.1", "Host: test", *fields, "", ""]
        self.send("\r\n".join(lines))

    def post(self, path: str, body: bytes, *fields: str) -> None:
        """Send a request with content."""
        lines = [f"POST {path} HTTP/1.1", "Host: test", f"Content-Length: {len(body)}", *fields]
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def read(self, method: str = "GET") -> Reply:
        """Read the response to a request of that method; it may be cut short.

        Content that was broken off by a reset counts as cut short, too.
        """
        reader = h11.Connection(h11.CLIENT)
        reader.send(h11.Request(method=method, target="/", headers=[("Host", "test")]))
        reader.send(h11.EndOfMessage())
        if self._rest:
            reader.receive_data(self._rest)
            self._rest = b""
        reply: Reply | None = None
        interim = []
        content: list[bytes] = []
        try:
            while not isinstance(event := self._next_event(reader), h11.EndOfMessage):
                if isinstance(event, h11.InformationalResponse):
                    interim.append((event.status_code, _text(event)))
                elif isinstance(event, h11.Response):
                    reason = bytes(event.reason).decode("latin-1")
                    reply = Reply(event.status_code, reason, _text(event), interim=interim)
                elif isinstance(event, h11.Data):
                    content.append(bytes(event.data))
            assert reply is not None
            reply.complete = True
            self._rest = reader.trailing_data[0]
        except (h11.RemoteProtocolError, ConnectionError):
            if reply is None:
                raise
        reply.content = b"".join(content)
        return reply

    def _next_event(self, reader: h11.Connection) -> Any:
        while (event := reader.next_event()) is h11.NEED_DATA:
            reader.receive_data(self.sock.recv(65536))
        return event

    def fetch(self, path: str = "/", *fields: str, method: str = "GET") -> Reply:
        """Send a request without content and read its response, which has to be complete."""
        self.get(path, *fields, method=method)
        reply = self.read(method)
        assert reply.complete
        return reply

    def read_until(self, mark: bytes) -> bytes:
        """Read until this is among what has come; return all of that."""
        received = self._rest
        self._rest = b""
        while mark not in received:
            octets = self.sock.recv(65536)
            assert octets, f"the server closed behind {received[-100:]!r}"
            received += octets
        return received

    def read_to_end(self) -> bytes:
        """Read until the server closes in an orderly way."""
        parts = [self._rest]
        self._rest = b""
        while part := self.sock.recv(65536):
            parts.append(part)
        return b"".join(parts)

    def has_news(self) -> bool:
        """Whether something has come, be it the end; if not, that is said after a moment."""
        return bool(select.select([self.sock], [], [], 0.01)[0])

    def is_closed(self) -> bool:
        """Wait for the server to close; anything else that comes is an error."""
        try:
            return self.read_to_end() == b""
        except ConnectionError:
            return True

    def reset(self) -> None:
        """Leave without a goodbye."""
        linger = b"\x01\0\0\0\0\0\0\0"
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


def _text(event: h11.Response | h11.InformationalResponse) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]


@dataclass
class Running:
    """A worker at work."""

    worker: ThreadWorker
    listener: socket.socket
    logs: RecordingLogs
    channel: Channel
    slot: Slot
    tls: ssl.SSLContext | None
    steward: threading.Thread
    status: list[int]
    clock: Clock
    clients: list[Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._others = set(threading.enumerate())
        self.address = self.listener.getsockname()
        self.family = self.listener.family

    def connect(self, *, plain: bool = False, receive_buffer: int = 0) -> Client:
        """Return a new client; ``plain`` speaks no TLS in any case."""
        sock = socket.socket(self.family)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client = Client(sock)
        self.clients.append(client)
        sock.connect(self.address)
        if self.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is not None and not plain:
            client.sock = self.tls.wrap_socket(sock, server_hostname="localhost")
        return client

    def signal(self, number: signal.Signals) -> None:
        """Have the worker find a signal."""
        self.worker._bell._in.send(bytes([number]))

    def wait(self) -> int:
        """Wait until the worker has returned; return its exit status."""
        self.steward.join(PATIENCE)
        assert not self.steward.is_alive(), "the worker did not return"
        (status,) = self.status
        return status

    def pass_time(self, seconds: float) -> None:
        """Put the server's clock forward, and wait until the steward has looked around."""
        self.clock.ahead += seconds
        self.wait_for_look()

    def pass_time_until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Put the server's clock forward until this is so.

        Once is not enough where a thread has not begun yet to wait for what the client owes it.
        """
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            self.pass_time(seconds)

    def wait_for_look(self) -> None:
        """Wait until the steward has begun to look around, and has done so."""
        for _ in range(2):  # after the first beat the look begins, before the next one it is over
            beats = self.slot.beats
            self.worker._bell.ring()
            self.slot.wait_for_beat(beats)

    def join_threads(self) -> None:
        """Wait until there are no application threads any more."""
        for thread in set(threading.enumerate()) - self._others:
            if thread.name.startswith("application-"):
                thread.join(PATIENCE)
                assert not thread.is_alive(), f"{thread.name} did not return"


def make_worker(context: WorkerContext, poller: Poller) -> ThreadWorker:
    """Return a worker that does not touch this process's signals."""
    worker = ThreadWorker(context, poller)
    worker._bell._in.close()
    worker._bell._out.close()
    worker._bell = _Bell()
    return worker


@contextmanager
def running(
    application: WSGIApplication,
    settings: Settings,
    poller: Poller,
    *,
    listener: socket.socket | None = None,
    tls: ssl.SSLContext | None = None,
    client_tls: ssl.SSLContext | None = None,
    max_requests: int = 0,
    clock: Clock | None = None,
) -> Iterator[Running]:
    """Run a worker; stop it in the end, and see that nothing of it went wrong unnoticed.

    :param clock: the one that the server's modules have, if a test puts it forward.
    """
    if listener is None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    logs, channel, slot = RecordingLogs(settings), Channel(), Slot()
    context = WorkerContext(
        settings=settings,
        listeners=[listener],
        load=lambda: application,
        logs=logs,
        channel=channel,
        slot=slot,
        max_requests=max_requests,
        tls=tls,
    )
    worker = make_worker(context, poller)
    status: list[int] = []

    def run() -> None:
        try:
            status.append(worker.run())
        finally:
            slot.end()

    steward = threading.Thread(target=run, name="steward")
    clock = clock or Clock()
    server = Running(worker, listener, logs, channel, slot, client_tls, steward, status, clock)
    steward.start()
    try:
        assert channel.is_ready.wait(PATIENCE)
        yield server
    finally:
        try:
            _stop(server)
        finally:
            for resource in (listener, channel, worker._bell._in, worker._bell._out, logs):
                resource.close()
    assert [text for text in logs.messages if "please report" in text] == []


def _stop(server: Running) -> None:
    for client in server.clients:
        client.close()
    try:
        if server.steward.is_alive():
            server.slot.wait_for(0)  # no connection is lost, and the drain waits for nothing
    finally:
        server.signal(signal.SIGTERM)
        server.steward.join(PATIENCE)
        if server.steward.is_alive():  # the test fails; but it must not hang
            server.signal(signal.SIGQUIT)
            server.steward.join(PATIENCE)
            raise AssertionError("the worker did not drain")
        server.join_threads()
