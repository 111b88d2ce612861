"""Exceptions that signals raise, postponed to where they do no harm.

Python calls the handlers of signals in the main thread, between any two of its steps. What they
raise there may hit upon a lock that has just been released, or is about to be taken: then
``Thread.start()``, for one, ends with "release unlocked lock" instead of what the handler raised.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Final

__all__ = ["INSISTENT", "patient", "postponed"]

Handler = Callable[[int, FrameType | None], object]

#: So many signals are somebody who does not want to wait.
INSISTENT: Final = 3

# Those in force, the innermost last. Only the main thread has any, as it alone handles signals.
_postponements: list[Postponement] = []


class Postponement:
    """Keeps the calls of handlers for later.

    :param wake: called when there is one.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._waiting: list[Callable[[], object]] = []

    def take(self, call: Callable[[], object]) -> None:
        """Keep a call for :meth:`act`, or do without waiting any longer."""
        self._waiting.append(call)
        if len(self._waiting) >= INSISTENT:
            self.act()
        else:
            self._wake()

    def act(self) -> None:
        """Call the handlers that wait, of which one may raise."""
        while self._waiting:
            self._waiting.pop(0)()


def patient(handler: Handler) -> Handler:
    """Return a handler of signals that calls another one when it does no harm."""

    def handle(number: int, frame: FrameType | None) -> None:
        if _postponements:
            _postponements[-1].take(partial(handler, number, frame))
        else:
            handler(number, frame)

    return handle


@contextmanager
def postponed(wake: Callable[[], object] = lambda: None) -> Iterator[Postponement]:
    """Postpone :func:`patient` handlers and Python's own of Ctrl-C, at most to the end of this.

    In other threads than the main one, which signals do not interrupt, this does nothing.
    """
    postponement = Postponement(wake)
    if threading.current_thread() is not threading.main_thread():
        yield postponement
        return
    _postponements.append(postponement)
    interrupt = patient(signal.default_int_handler)
    with contextlib.suppress(ValueError):  # this interpreter is not the main one
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupt)
    try:
        yield postponement
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if postponement in _postponements:  # not so in a process that was forked meanwhile
            _postponements.remove(postponement)
            postponement.act()


if hasattr(os, "register_at_fork"):
    # Who would act on them does not run there.
    os.register_at_fork(after_in_child=_postponements.clear)
