"""Clearing up when this process is ended by a signal that nobody handles."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

__all__ = ["clearing_up", "ctrl_c_ignored"]

# What ends a process without its exit functions; Ctrl-C is an exception. Windows has no SIGHUP.
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

_acts: list[Callable[[], object]] = []
_forking = threading.local()


@contextmanager
def clearing_up(act: Callable[[], object]) -> Iterator[None]:
    """Meanwhile, have a function called when SIGTERM or SIGHUP ends this process.

    It ends by the signal all the same. A signal that somebody handles, or ignores, is left alone,
    and so are the processes that this one forks.
    """
    _acts.append(act)
    with suppress(ValueError):  # not in the main thread, which signals are for
        for number in _ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end)
    try:
        yield
    finally:
        _acts.remove(act)
        if not _acts:
            with suppress(ValueError):
                _stand_down()


@contextmanager
def ctrl_c_ignored() -> Iterator[None]:
    """Meanwhile, have Ctrl-C do nothing: who presses it twice has asked for the end already."""
    before = signal.getsignal(signal.SIGINT)
    is_ours = before is not None and threading.current_thread() is threading.main_thread()
    if is_ours:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, before)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  the signature of handlers
    for act in reversed(_acts):
        with suppress(Exception):  # what cannot be cleared up keeps nobody alive
            act()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _stand_down() -> None:
    for number in _handled():
        signal.signal(number, signal.SIG_DFL)


def _handled() -> list[signal.Signals]:
    return [number for number in _ENDING if signal.getsignal(number) is _end]


# A forked process is ended at once by these signals, as if there were no handler. What comes before
# it has got so far has to wait, because Python would drop it.


def _before_fork() -> None:
    if handled := _handled():
        _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, handled)


def _after_fork() -> None:
    mask = _forking.__dict__.pop("mask", None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _begin_forked() -> None:
    _acts.clear()
    _stand_down()
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_begin_forked
    )
