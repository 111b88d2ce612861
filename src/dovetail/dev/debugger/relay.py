"""From one process of a development server to another: what only that one can answer.

A frame lives in the process that its exception was raised in, and the next request of the browser
may reach another. Each process that keeps frames listens on a Unix socket of its own in the
workshop, which nobody but this user can enter.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dovetail.dev import console
from dovetail.dev.hosts import af_unix
from dovetail.dev.workshop import Workshop

__all__ = ["Message", "ProcessEnded", "Relay", "Seat", "TooSlow"]

Message = dict[str, Any]

_LENGTH = struct.Struct("!I")
_LONGEST_QUESTION = 4 << 20
_LONGEST_ANSWER = 32 << 20
_QUEUE = 32
_ASKING = 10.0  # seconds for a question to arrive, once somebody has connected
_PAUSE = 0.1  # seconds until the next try to accept, after one that failed


class ProcessEnded(Exception):
    """The process that is asked is not there any more, or keeps nothing."""


class TooSlow(Exception):
    """The process that is asked has not answered in time."""


class Relay:
    """Asks other processes, and answers them.

    :param answer: called in a thread of its own with what another process asks; returns the
        answer, or None if it knows nothing of that.
    """

    def __init__(self, answer: Callable[[Message], Message | None]) -> None:
        self._answer = answer
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        _relays.add(self)

    # Asking

    def ask(self, process: int, name: str, question: Message, seconds: float) -> Message:
        """Return what a process answers.

        :param name: of which of its relays; see :meth:`listen`.
        :raises ProcessEnded: it cannot be asked.
        :raises TooSlow: it did not answer within ``seconds``.
        """
        if af_unix is None:
            raise ProcessEnded("this system has no Unix sockets")
        with socket.socket(af_unix, socket.SOCK_STREAM) as sock:
            sock.settimeout(seconds)
            try:
                sock.connect(str(_path(process, name)))
                _send(sock, question)
                return _receive(sock, _LONGEST_ANSWER)
            except TimeoutError as error:
                raise TooSlow(f"process {process} has not answered") from error
            except (OSError, ValueError) as error:
                raise ProcessEnded(f"process {process} cannot be asked: {error}") from error

    def reaches(self, process: int, name: str) -> bool:
        """Tell whether a process can be asked."""
        if af_unix is None:
            return False
        with socket.socket(af_unix, socket.SOCK_STREAM) as sock:
            sock.settimeout(_ASKING)
            try:
                sock.connect(str(_path(process, name)))
            except OSError:
                return False
            return True

    # Answering

    def listen(self, name: str) -> None:
        """Answer other processes from now on, if this has not begun yet.

        :param name: the same in all processes, and of no other relay of one.
        :raises OSError: the socket cannot be made, or there is no thread for it.
        """
        with self._lock:
            if self._listener is not None or af_unix is None:
                return
            path = _path(os.getpid(), name)
            path.unlink(missing_ok=True)  # an earlier process may have had this one's id
            listener = socket.socket(af_unix, socket.SOCK_STREAM)
            try:
                listener.bind(str(path))
                path.chmod(0o600)
                listener.listen(_QUEUE)
            except BaseException:
                listener.close()
                raise
            self._listener = listener
        thread = threading.Thread(
            target=self._serve, args=(listener,), name="dovetail debugger relay", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more
            self.close()
            raise OSError(f"nobody can answer: {error}") from error

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                if self._listener is not listener:
                    return
                time.sleep(_PAUSE)  # no descriptor is left for now
                continue
            # One that does not come to an end must not keep others waiting.
            thread = threading.Thread(
                target=self._converse, args=(sock,), name="dovetail debugger", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:
                sock.close()  # no thread is left for now

    def _converse(self, sock: socket.socket) -> None:
        # Who asked may be gone by now, which is no matter of ours.
        with sock, contextlib.suppress(OSError, ValueError):
            sock.settimeout(_ASKING)
            question = _receive(sock, _LONGEST_QUESTION)
            _send(sock, self._try_to_answer(question) or {})

    def _try_to_answer(self, question: Message) -> Message | None:
        try:
            return self._answer(question)
        except Exception:
            # The other process may run other code than this one. It has to hear something.
            console.log("error", "The debugger could not answer another process:", exc_info=True)
            return None

    def close(self) -> None:
        """Stop answering."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            path = listener.getsockname()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes up the thread that accepts
            listener.close()
            with contextlib.suppress(OSError):
                os.unlink(path)

    def forget(self) -> None:
        """Leave the socket to the parent: this process is a forked child."""
        self._lock = threading.Lock()
        if self._listener is not None:
            # Held open here, it would take questions that nobody answers.
            self._listener.close()
            self._listener = None


class Seat:
    """What only one process has, such as the one console that there is: which process that is.

    :param relay: reaches the other processes by ``name``.
    :param place: what it is about.
    """

    def __init__(self, relay: Relay, name: str, place: str) -> None:
        self._relay = relay
        self._name = name
        self._place = place

    def process(self) -> int:
        """Return the id of the process that has it; 0 if none has."""
        try:
            return int(self._file().read_text())
        except (OSError, ValueError):
            return 0

    def take(self, listen: Callable[[], None]) -> bool:
        """Take it unless another process has it that can be asked; tell whether this one has it.

        :param listen: has this process answer the others.
        """
        own, process = os.getpid(), self.process()
        if process not in {0, own} and self._relay.reaches(process, self._name):
            return False
        if process != own:
            listen()
            with contextlib.suppress(OSError):  # else each process has one of its own
                self._note(own)
        return True

    def _note(self, process: int) -> None:
        file = self._file()
        draft = file.with_name(f"{file.name}-{process}-{threading.get_ident()}")
        draft.write_text(str(process))
        draft.replace(file)

    def _file(self) -> Path:
        return Workshop.current().path / f"{self._name}-{self._place}"


_relays: weakref.WeakSet[Relay] = weakref.WeakSet()


def _forget_all() -> None:
    for relay in list(_relays):
        relay.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


def _path(process: int, name: str) -> Path:
    return Workshop.current().path / f"{name}-{process}.sock"


def _send(sock: socket.socket, message: Message) -> None:
    octets = json.dumps(message).encode()
    sock.sendall(_LENGTH.pack(len(octets)) + octets)


def _receive(sock: socket.socket, longest: int) -> Message:
    (length,) = _LENGTH.unpack(_read(sock, _LENGTH.size))
    if length > longest:
        raise ValueError(f"a message of {length} octets is too long")
    try:
        message = json.loads(_read(sock, length))
    except RecursionError:
        raise ValueError("a message is not nested so deeply") from None
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message


def _read(sock: socket.socket, size: int) -> bytes:
    octets = bytearray()
    while len(octets) < size:
        if not (piece := sock.recv(min(65536, size - len(octets)))):
            raise ValueError("the message has no end")
        octets += piece
    return bytes(octets)
