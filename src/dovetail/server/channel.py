"""A worker's line to its arbiter: a socket pair with one JSON object a line.

Only the worker speaks; orders go down as signals. What the line carries as well is its end: the
arbiter's end closes with the arbiter's death, however sudden, and the worker notices.

The worker runs other people's code, so the arbiter believes nothing it reads here: lines are
bounded, and one that is not a message is dropped.
"""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass

__all__ = [
    "ArbiterEnd",
    "Failed",
    "Message",
    "Ready",
    "Retire",
    "WorkerEnd",
    "open_channel",
]

MAX_TEXT = 64 * 1024  # octets of UTF-8 in a boot failure; a traceback may be long
MAX_LINE = 6 * MAX_TEXT + 1024  # JSON writes a control character as six octets
MAX_STATUS = 255
CUT = "\n[... shortened ...]\n"


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker accepts connections from now on."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker cannot boot; it exits with ``status`` afterwards."""

    message: str
    status: int


@dataclass(frozen=True, slots=True)
class Retire:
    """The worker asks for a spare."""

    reason: str


Message = Ready | Failed | Retire


class WorkerEnd:
    """The worker's side of the line: the :class:`~dovetail.server.worker.Channel`.

    Every method may be called from any thread. Without an arbiter to hear them, messages vanish:
    the worker learns of its death by the end of file.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._lock = threading.Lock()
        self.spoke = False

    def fileno(self) -> int:
        """Return the descriptor, readable at its end when the arbiter is gone."""
        return self._socket.fileno()

    def ready(self) -> None:
        """Say that the worker accepts connections from now on."""
        self._send({"kind": "ready"})

    def failed(self, message: str, status: int) -> None:
        """Say that the worker cannot boot and why; it exits with ``status`` afterwards.

        A message of more than 64 KiB loses its middle: the end of a traceback says the most.
        """
        self._send({"kind": "failed", "message": shorten(message), "status": status})

    def retire(self, reason: str) -> None:
        """Ask for a spare. The arbiter sends TERM to this worker once the spare is ready."""
        self._send({"kind": "retire", "reason": shorten(reason)})

    def close(self) -> None:
        """Close this side."""
        self._socket.close()

    def _send(self, message: dict[str, str | int]) -> None:
        line = json.dumps(message, ensure_ascii=False).encode() + b"\n"
        with self._lock:  # two threads' lines must not mix
            self.spoke = True
            try:
                self._socket.sendall(line)
            except (BrokenPipeError, ConnectionResetError):
                return


class ArbiterEnd:
    """The arbiter's side of the line; it never blocks."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._buffer = bytearray()
        self._skipping = False
        self.open = True

    def fileno(self) -> int:
        """Return the descriptor, readable when ``receive`` has something to do."""
        return self._socket.fileno()

    def receive(self) -> list[Message]:
        """Return the messages that have arrived; ``open`` is false after the last ones."""
        messages: list[Message] = []
        while self.open:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.open = False
            messages += self._feed(data)
        return messages

    def close(self) -> None:
        """Close this side. In the arbiter, the worker then sees its end of file."""
        self.open = False
        self._socket.close()

    def _feed(self, data: bytes) -> list[Message]:
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        if lines and self._skipping:
            del lines[0]
            self._skipping = False
        if len(rest) > MAX_LINE:
            rest = bytearray()
            self._skipping = True
        self._buffer = rest
        return [message for line in lines if (message := parse_message(line)) is not None]


def open_channel() -> tuple[WorkerEnd, ArbiterEnd]:
    """Return the two ends of a new line; neither survives an ``exec``."""
    worker, arbiter = socket.socketpair()
    return WorkerEnd(worker), ArbiterEnd(arbiter)


def parse_message(line: bytes | bytearray) -> Message | None:
    """Return the message in ``line``, or None if it is none."""
    if len(line) > MAX_LINE:
        return None
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match fields:
        case {"kind": "ready"}:
            return Ready()
        case {"kind": "failed", "message": str(text), "status": int(status)}:
            return Failed(text, status if 0 < status <= MAX_STATUS else 1)
        case {"kind": "retire", "reason": str(text)}:
            return Retire(text)
    return None


def shorten(text: str) -> str:
    """Return ``text`` as valid UTF-8 of at most 64 KiB, without its middle if it is longer."""
    octets = text.encode("utf-8", "backslashreplace")
    if len(octets) > MAX_TEXT:
        half = (MAX_TEXT - len(CUT)) // 2
        octets = octets[:half] + CUT.encode() + octets[-half:]
    return octets.decode("utf-8", "ignore")
