"""Commands that are stopped at the worst moments."""

from __future__ import annotations

import threading

import pytest

from dovetail.dev.debugger.store import ConsoleFrame, Turns


class Guard:
    """Has the command's thread interrupted right behind the guard, the ``number``-th time."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()
        self._number -= 1
        if not self._number:
            raise KeyboardInterrupt


@pytest.mark.parametrize("number", [1, 2])
def test_no_thread_is_left_as_running(number: int) -> None:
    turns = Turns()
    turns._guard = Guard(number)  # type: ignore[assignment]
    turns.evaluate(ConsoleFrame({}), [], "1")
    assert turns._running == 0
    assert turns.stop() == ""
    assert "42" in turns.evaluate(ConsoleFrame({}), [], "6 * 7")
