"""Where the time of a request goes, by sampling.

A timer interrupts the process every half millisecond, and the innermost function on the stack that
is in the table below says which phase it was in. So nothing is added to what is measured: a profile
hook on each call costs more than most of these calls, and a phase that is called alone runs with
other things in the processor's caches than in a request.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple

__all__ = ["BENCH", "PHASES", "Share", "sample"]

#: Seconds between two samples.
INTERVAL = 0.0005

#: Phase -> where it is: a file, or a file and its function.
PHASES: dict[str, tuple[str, ...]] = {
    "request object": (
        "toolkit/request.py",
        "toolkit/sansio/request.py",
        "app/wrappers.py",
    ),
    "contexts": ("app/contexts.py", "app/proxies.py", "toolkit/local.py"),
    "matching": ("routing/", "app/urls.py", "app/contexts.py:match_request"),
    "session": ("app/sessions.py", "app/signing.py"),
    "hooks and errors": (
        "app/application.py:preprocess_request",
        "app/application.py:process_response",
        "app/application.py:handle_user_exception",
        "app/application.py:handle_http_exception",
    ),
    "view": ("bench/framework/on_flask.py",),
    "JSON": ("app/json/",),
    "templates": ("app/templating.py",),
    "response making": (
        "app/application.py:make_response",
        "toolkit/response.py",
        "toolkit/sansio/response.py",
    ),
    "response call": (
        "toolkit/response.py:__call__",
        "toolkit/response.py:get_wsgi_response",
        "toolkit/response.py:get_wsgi_headers",
        "toolkit/response.py:get_app_iter",
    ),
    "the rest of the cycle": ("app/application.py",),
}

#: What the bench itself needs: the environ, and a server's part.
BENCH = "the bench itself"


class Share(NamedTuple):
    """A phase, and its microseconds of one request."""

    phase: str
    microseconds: float


class _Table:
    """Finds the phase of a function; the longest place that fits counts."""

    def __init__(self) -> None:
        self._known: dict[object, str | None] = {}
        self._places = sorted(
            ((place, phase) for phase, places in PHASES.items() for place in places),
            key=lambda one: -len(one[0]) - 1000 * (":" in one[0]),
        )

    def phase_of(self, frame: FrameType | None) -> str:
        while frame is not None:
            code = frame.f_code
            if code not in self._known:
                self._known[code] = self._find(code.co_filename, code.co_name)
            phase = self._known[code]
            if phase is not None:
                return phase
            frame = frame.f_back
        return BENCH

    def _find(self, file: str, function: str) -> str | None:
        for place, phase in self._places:
            path, _, name = place.partition(":")
            if f"/{path}" in file.replace(os.sep, "/") and name in {"", function}:
                return phase
        return None


def sample(call: Callable[[], object], seconds: float = 1.0) -> list[Share]:
    """Call a function again and again for some seconds, and return what it spent its time on.

    :param call: handles one request.
    :param seconds: of CPU time.
    """
    table = _Table()
    samples: Counter[str] = Counter()

    def note(_number: int, frame: FrameType | None) -> None:
        samples[table.phase_of(frame)] += 1

    before = signal.signal(signal.SIGALRM, note)
    calls = 0
    start = time.process_time()
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    try:
        while time.process_time() - start < seconds:
            for _ in range(100):
                call()
            calls += 100
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    each = (time.process_time() - start) / calls * 1e6 / max(samples.total(), 1)
    return [Share(phase, samples[phase] * each) for phase in (*PHASES, BENCH) if samples[phase]]
