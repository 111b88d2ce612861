"""Server-sent events to the pages that are open (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import contextlib
import json
import selectors
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from dovetail.dev.changes import Changes, Moment
from dovetail.http1 import dump_response_head

__all__ = ["HEAD", "RETRY", "Broadcaster", "events_since", "greeting"]

#: What an answer with events begins with.
HEAD: Final = (
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)

#: How soon a browser connects again, in milliseconds: the new code shall be seen at once.
RETRY: Final = 100

_LOOK_SECONDS = 0.1
_HEARTBEAT_SECONDS = 15.0

# A client says nothing more on such a connection; what it says nevertheless is not read for ever.
_CHATTER = 4096


def events_since(changes: Changes, moment: Moment) -> tuple[bytes, Moment]:
    """Return the events about what has changed since a moment, and the moment they lead to."""
    now = changes.now()
    lines = []
    for change in changes.since(moment):
        event = "sheet" if change.sheet else "page"
        lines.append(f"event: {event}\ndata: {json.dumps(change.sheet)}\nid: {now}\n\n")
    return "".join(lines).encode("ascii"), now


def greeting(changes: Changes, moment: Moment, retry: int = RETRY) -> tuple[bytes, Moment]:
    """Return the first events for a page that was made at a moment.

    :param retry: after how many milliseconds the browser connects again.
    """
    events, now = events_since(changes, moment)
    return f"retry: {retry}\n\n".encode() + (events or f"data: here\nid: {now}\n\n".encode()), now


@dataclass(slots=True)
class _Client:
    sock: Any
    moment: Moment
    said: int = 0


class Broadcaster:
    """Writes events to all clients, in one thread; it runs as long as there is a client.

    :param limit: how many clients there may be.
    """

    def __init__(self, changes: Changes, limit: int = 100) -> None:
        self.changes = changes
        self.limit = limit
        self._lock = threading.Lock()
        self._clients: dict[int, _Client] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more clients, because the server is about to go."""
        return self._closed

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more client."""
        return self._closed or len(self._clients) >= self.limit

    def add(self, sock: Any, moment: Moment) -> None:
        """Send the head of an answer, and from now on events.

        :param sock: a socket, which is closed here when the client is gone.
        :param moment: when the client's page was made.
        """
        sock.setblocking(False)
        head = dump_response_head("200 OK", [*HEAD, ("Connection", "close")])
        events, moment = greeting(self.changes, moment)
        if not _send(sock, head + events):
            sock.close()
            return
        with self._lock:
            if self.is_full or not self._has_thread():
                sock.close()
                return
            self._clients[sock.fileno()] = _Client(sock, moment)

    def _has_thread(self) -> bool:
        """Start the thread if need be, under the lock; tell whether there is one."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="dovetail-live-reload", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no more; the browser asks again
                return False
            self._thread = thread
        return True

    def close(self) -> None:
        """Close all connections; no more are taken."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.join()

    # In the thread

    def _run(self) -> None:
        beat = time.monotonic()
        while (clients := self._current()) is not None:
            self._listen(clients)
            heartbeat = b""
            if time.monotonic() - beat >= _HEARTBEAT_SECONDS:
                beat, heartbeat = time.monotonic(), b":\n\n"
            now = self.changes.now()
            for client in clients:
                self._tell(client, now, heartbeat)

    def _current(self) -> list[_Client] | None:
        """Return the clients; None, and the thread's end, if there are none."""
        with self._lock:
            if self._closed:
                for client in self._clients.values():
                    client.sock.close()
                self._clients.clear()
            if not self._clients:
                self._thread = None
                return None
            return list(self._clients.values())

    def _listen(self, clients: list[_Client]) -> None:
        """Wait a little, and drop who is gone."""
        until = time.monotonic() + _LOOK_SECONDS
        with selectors.DefaultSelector() as selector:
            for client in clients:
                selector.register(client.sock.fileno(), selectors.EVENT_READ, client)
            for key, _ in selector.select(_LOOK_SECONDS):
                self._hear(key.data)
        # Somebody who talks without end does not make this thread run without a pause.
        time.sleep(max(0.0, until - time.monotonic()))

    def _hear(self, client: _Client) -> None:
        try:
            received = client.sock.recv(1024)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        client.said += len(received)
        if not received or client.said > _CHATTER:
            self._drop(client)

    def _tell(self, client: _Client, now: Moment, heartbeat: bytes) -> None:
        octets = heartbeat
        if now != client.moment:
            events, client.moment = events_since(self.changes, client.moment)
            octets += events
        # Who does not take so little is not there any more.
        if octets and client.sock.fileno() != -1 and not _send(client.sock, octets):
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        with self._lock:
            self._clients.pop(client.sock.fileno(), None)
        with contextlib.suppress(OSError):
            client.sock.close()


def _send(sock: Any, octets: bytes) -> bool:
    """Send without waiting; tell whether all has gone."""
    try:
        return bool(sock.send(octets) == len(octets))
    except OSError:
        return False
