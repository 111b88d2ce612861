"""The tracebacks that a process keeps, and code that is evaluated in their frames."""

from __future__ import annotations

import ctypes
import os
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any

from markupsafe import escape

from dovetail.dev.debugger.console import Console
from dovetail.dev.debugger.frames import DebugFrameSummary, Evaluator
from dovetail.dev.debugger.tracebacks import DebugTraceback

__all__ = ["MOST_TRACEBACKS", "ConsoleFrame", "Kept", "Store", "Turns"]

#: How many tracebacks a process keeps; for one more the oldest goes.
MOST_TRACEBACKS = 50

# How long an evaluation is waited for, in seconds, and one that was told to stop.
_PATIENCE = 60.0
_STOPPING = 3.0

Contexts = list[AbstractContextManager[Any]]


class ConsoleFrame:
    """What stands for a frame in the console that belongs to no traceback.

    :param namespace: the names that code sees there.
    """

    id = 0

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.console = Console(namespace)

    def eval(self, code: str) -> Any:
        """Evaluate code; return what that gives, as HTML."""
        return self.console.eval(code)


@dataclass(slots=True)
class Kept:
    """A traceback that is kept.

    :ivar id: what its page is asked for by; the process's id, and random digits that make it
        known only to those that were told.
    :ivar inspected: whether the request is in the inspector's list.
    :ivar at_start: whether the program failed before it could serve.
    """

    traceback: DebugTraceback
    request_line: str
    contexts: Contexts
    inspected: bool = False
    at_start: bool = False
    id: str = field(default_factory=lambda: f"{os.getpid():x}-{secrets.token_hex(8)}")


class Turns:
    """Evaluates code in threads, one command after the other.

    The contexts of a request can be entered by one at a time; and a command that does not come to
    an end must not take the thread that is to answer other requests.
    """

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        #: The thread of the command that runs; changed under the guard.
        self._running = 0
        self._is_awaited = False
        # Also what commands gave that were not waited for any more.
        self._results: deque[str] = deque()

    def evaluate(self, frame: Evaluator, contexts: Sequence[Any], command: str) -> str:
        """Return what a command gives, as HTML; after some time, that it goes on."""
        if not self._turn.acquire(timeout=self._patience):
            return _notice("An earlier command still runs, so this one was not run.")
        ended = threading.Event()
        self._is_awaited = True

        def work() -> None:
            try:
                self._work(frame, contexts, command)
            except KeyboardInterrupt:
                pass  # it was told to stop at its very end
            finally:
                self._turn.release()
                ended.set()

        thread = threading.Thread(target=work, name="dovetail debugger console", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._turn.release()
            raise
        in_time = self._is_awaited = ended.wait(self._patience)
        html = self._take_results()
        return html if in_time else html + _GOES_ON

    def _work(self, frame: Evaluator, contexts: Sequence[Any], command: str) -> None:
        try:
            # Within: whoever is stopped right behind the guard must not be left as running. Its
            # number may be given to one of the server's threads.
            with self._guard:
                self._running = threading.get_ident()
            self._results.append(_run(frame, contexts, command))
        finally:
            with self._guard:
                self._running = 0

    def _take_results(self) -> str:
        return "".join(self._results.popleft() for _ in range(len(self._results)))

    def stop(self) -> str:
        """Interrupt the command that runs, as Ctrl-C does; return what it gave, as HTML.

        Code that waits in the system (a query, ``time.sleep``) is interrupted when that is done.
        """
        with self._guard:
            running = self._running
            if running:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(running), ctypes.py_object(KeyboardInterrupt)
                )
        if not running:
            return ""
        if not self._turn.acquire(timeout=_STOPPING):
            return _STOPS_LATER
        self._turn.release()
        # Whoever still waits for the command is given its results.
        return "" if self._is_awaited else self._take_results()


def _run(frame: Evaluator, contexts: Sequence[Any], command: str) -> str:
    try:
        with ExitStack() as stack:
            for context in contexts:
                stack.enter_context(context)
            return str(frame.eval(command))
    except BaseException as error:  # SystemExit too: it ends nothing but the command
        return DebugTraceback(error, skip=1).render_traceback_html()


def _notice(text: str, state: str = "") -> str:
    return f'<p class="notice"{state}>{escape(text)}</p>'


# The page's script offers to stop what still runs.
_GOES_ON = _notice("It still runs; the next command shows more.", " data-running")
_STOPS_LATER = _notice(
    "It was told to stop, and does so when what it waits for is done.", " data-running"
)


class Store:
    """The tracebacks that this process keeps: the last :data:`MOST_TRACEBACKS`.

    :ivar frames: their frames by id; 0 is for the console that belongs to none.
    :ivar contexts: by the frame's id, what is entered before code is evaluated in it.
    """

    def __init__(self) -> None:
        self.frames: dict[int, DebugFrameSummary | ConsoleFrame] = {}
        self.contexts: dict[int, Contexts] = {}
        self._turns: dict[int, Turns] = {}
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, kept: Kept) -> None:
        """Keep a traceback; let go of the oldest if there are too many."""
        turns = Turns()
        with self._lock:
            self._kept[kept.id] = kept
            for frame in kept.traceback.all_frames:
                self.frames[frame.id] = frame
                self.contexts[frame.id] = kept.contexts
                self._turns[frame.id] = turns
            if len(self._kept) > MOST_TRACEBACKS:
                self._drop(self._kept.popitem(last=False)[1])

    def _drop(self, kept: Kept) -> None:
        for frame in kept.traceback.all_frames:
            for table in (self.frames, self.contexts, self._turns):
                table.pop(frame.id, None)

    def find(self, page: str) -> Kept | None:
        """Return a traceback by its id; None if it is not kept any more."""
        return self._kept.get(page)

    def console(self, make: Callable[[], dict[str, Any]]) -> ConsoleFrame:
        """Return the frame of the console; if there is none, make one with names from ``make``."""
        with self._lock:
            frame = self.frames.get(0)
            if not isinstance(frame, ConsoleFrame):
                frame = self.frames[0] = ConsoleFrame(make())
                self._turns[0] = Turns()
            return frame

    def evaluate(self, frame: DebugFrameSummary | ConsoleFrame, command: str | None) -> str:
        """Evaluate a command in a frame; return what it gives, as HTML.

        :param command: None stops the one that runs.
        """
        with self._lock:
            turns = self._turns.setdefault(frame.id, Turns())
        if command is None:
            return turns.stop()
        return turns.evaluate(frame, self.contexts.get(frame.id, ()), command)
