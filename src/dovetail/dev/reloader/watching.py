"""Waiting for changes: by the system's events of files, or by looking at the files again."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from dovetail.dev import console
from dovetail.dev.reloader.paths import settle
from dovetail.dev.reloader.watchlist import Change, Watchlist

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

__all__ = ["NATIVE", "POLLING", "Watcher", "choose_type"]

#: The reloader's type that uses the system's events, and the one that polls.
NATIVE: Final = "watchfiles"
POLLING: Final = "stat"

# How long events are gathered: until there were none for a moment, at most so long, in
# milliseconds. PERF: at rest the native watcher wakes up once a step, 0.15 ms of CPU time a second
# for each 1/s.
_STEP = 25
_GATHER = 75
# How often to look for what nobody tells of, in milliseconds.
_LOOK = 1000
# How often the places may move while the watch over them is being set up.
_ATTEMPTS = 5

# How long an import is given before its files are taken up, in seconds.
_IMPORTING = 0.05

# Polling may use so much of the time.
_SHARE = 0.05
_SHORTEST = 0.02


def choose_type(wanted: str) -> str:
    """Return the type of reloader to use for the one that was asked for.

    :param wanted: ``auto``, ``watchfiles``, ``watchdog`` (the documented name for native events)
        or ``stat``.
    :raises ValueError: there is no such type.
    """
    if wanted not in ("auto", NATIVE, "watchdog", POLLING):
        raise ValueError(
            f"there is no reloader of type {wanted!r}; there are 'auto', 'watchfiles' and 'stat'"
        )
    if wanted == POLLING:
        return POLLING
    if find_spec(NATIVE) is None:
        return POLLING
    return POLLING if wanted == "auto" and _events_are_unreliable() else NATIVE


def _events_are_unreliable() -> bool:
    """Tell whether files change without events here, or the user says so, as to watchfiles."""
    forced = os.environ.get("WATCHFILES_FORCE_POLLING", "")
    if forced:
        return forced.lower() not in ("false", "disable", "disabled")
    # Windows Subsystem for Linux, where the drives of Windows have none.
    return "microsoft" in platform.release().lower()


class Watcher:
    """Waits for changes, in a thread of its own.

    :param act: is called with a change of the code; then the watching ends, unless it returns True.
    :param show: is called with the path of each asset that has changed; None for not at all.
    :param interval: how often to look at the files if they are polled, in seconds.
    """

    def __init__(
        self,
        watchlist: Watchlist,
        kind: str,
        interval: float,
        act: Callable[[Change], object],
        show: Callable[[str], object] | None = None,
    ) -> None:
        self._watchlist = watchlist
        self._kind = kind
        self._interval = max(float(interval), _SHORTEST)
        self._act = act
        self._show = show
        self._stopped = threading.Event()

    def run(self, delay: float = 0.0) -> None:
        """Watch until the code changes, or :meth:`stop`.

        :param delay: how long to wait before, in seconds.
        """
        if self._stopped.wait(delay):
            return
        if self._look():
            return
        if self._kind == NATIVE:
            try:
                self._wait_for_events()
            except (OSError, RuntimeError, ImportError) as error:
                console.log("warning", f" * Files are polled, as watching them failed: {error}")
            else:
                return
        self._poll()

    def stop(self) -> None:
        """End the watching; any thread may call this."""
        self._stopped.set()

    def _tell(self, changes: Iterable[Change]) -> bool:
        """Act on changes; return whether the watching is over."""
        assets = []
        for change in changes:
            if self._stopped.is_set():
                return True
            if not change.is_asset:
                settle(change.path)
                if self._act(change) is True:
                    continue
                self._stopped.set()
                return True
            assets.append(change.path)
        if self._show is not None:
            for path in assets:
                self._show(path)
        return self._stopped.is_set()

    def _look(self) -> bool:
        """Take up what has been imported; return whether the watching is over."""
        self._watchlist.refresh()
        return self._tell(self._watchlist.take_early())

    # By events

    def is_set(self) -> bool:
        """Tell the native watcher whether to return at once; it asks once a step."""
        return self._stopped.is_set() or self._watchlist.is_fresh

    def _wait_for_events(self) -> None:
        # Only here, as not every installation has it, and as it takes 15 ms.
        from watchfiles._rust_notify import RustNotify  # noqa: PLC0415  (see above)

        attempts = 0
        while not self._stopped.is_set():
            places = self._watchlist.places()
            try:
                notifier = RustNotify(sorted(places), False, False, 300, False, True)
            except FileNotFoundError:
                # One has gone meanwhile.
                attempts += 1
                if attempts == _ATTEMPTS:
                    raise
                continue
            attempts = 0
            with notifier:
                self._watchlist.begin()
                # Whatever happened since the last look was in nobody's sight.
                if not self._tell(self._watchlist.all_changes()):
                    self._follow(notifier, places)

    def _follow(self, notifier: RustNotify, places: frozenset[str]) -> None:
        """Act on events until there are others to be waited for."""
        while not self._stopped.is_set():
            found = notifier.watch(_GATHER, _STEP, _LOOK, self)
            has_moved = False
            if isinstance(found, set):
                paths = {path for _, path in found}
                has_moved = any(map(self._watchlist.may_move, paths))
                if self._tell(self._watchlist.changes(paths)):
                    return
            elif found == "stop" and self._tell(self._watchlist.all_changes()):
                # Told to return at once, the native watcher forgets what it has gathered.
                return
            if has_moved or self._watchlist.is_outdated():
                # What is just being imported mostly imports more.
                self._stopped.wait(_IMPORTING)
                if self._look() or has_moved or self._watchlist.places() != places:
                    return

    # By looking

    def _poll(self) -> None:
        self._watchlist.begin_to_poll()
        self._watchlist.begin()
        # Whatever happened since the last look was in nobody's sight.
        if self._tell(self._watchlist.all_changes()):
            return
        spent = 0.0
        while not self._stopped.wait(max(self._interval, spent / _SHARE)):
            begun = time.thread_time()
            if self._watchlist.is_outdated() and self._look():
                return
            if self._tell(self._watchlist.polled_changes()):
                return
            spent = time.thread_time() - begun
