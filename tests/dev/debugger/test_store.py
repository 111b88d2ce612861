"""The tracebacks that are kept, and code that is evaluated in their frames."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from dovetail.dev.debugger import store as store_module
from dovetail.dev.debugger.store import MOST_TRACEBACKS, ConsoleFrame, Kept, Store, Turns
from dovetail.dev.debugger.tracebacks import DebugTraceback

PATIENCE = 60.0


def kept(number: int = 0, contexts: list[Any] | None = None) -> Kept:
    def failing() -> None:
        local = number
        raise ValueError(local)

    try:
        failing()
    except ValueError as error:
        return Kept(DebugTraceback(error), "GET /", contexts or [])
    raise AssertionError("nothing was raised")


def test_keeps_the_last() -> None:
    store = Store()
    all_kept = [kept(number) for number in range(MOST_TRACEBACKS + 2)]
    for one in all_kept:
        store.add(one)
    assert [store.find(one.id) is one for one in all_kept] == [False] * 2 + [True] * MOST_TRACEBACKS
    frames = {frame.id for one in all_kept[2:] for frame in one.traceback.all_frames}
    assert set(store.frames) == set(store.contexts) == frames


def test_ids_cannot_be_guessed() -> None:
    ids = {kept().id for _ in range(100)}
    assert len(ids) == 100
    assert all(len(one.partition("-")[2]) == 16 for one in ids)


def test_evaluates_in_the_contexts_of_the_request() -> None:
    current: ContextVar[str] = ContextVar("current", default="nothing")
    order: list[str] = []

    @contextmanager
    def context(name: str) -> Iterator[None]:
        token = current.set(name)
        order.append(f"enter {name}")
        yield
        order.append(f"leave {name}")
        current.reset(token)

    class Context:
        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self) -> None:
            self.inner = context(self.name)
            self.inner.__enter__()

        def __exit__(self, *error: Any) -> None:
            self.inner.__exit__(None, None, None)

    store = Store()
    one = kept(7, [Context("app"), Context("request")])
    store.add(one)
    frame = one.traceback.all_frames[-1]
    frame.local_ns["current"] = current
    for _ in range(2):
        assert "request" in store.evaluate(frame, "current.get()")
    assert order == ["enter app", "enter request", "leave request", "leave app"] * 2
    assert current.get() == "nothing"
    assert "8" in store.evaluate(frame, "local + 1")


def test_a_context_that_cannot_be_entered_is_shown() -> None:
    class Broken:
        def __enter__(self) -> None:
            raise RuntimeError("not again")

        def __exit__(self, *error: Any) -> None:
            raise AssertionError

    store = Store()
    one = kept(0, [Broken()])
    store.add(one)
    assert "RuntimeError: not again" in store.evaluate(one.traceback.all_frames[-1], "1")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("print('<b>')", "&lt;b&gt;"),
        ("import threading; threading.current_thread().name", "dovetail debugger console"),
    ],
)
def test_nothing_gets_out_of_an_evaluation(command: str, expected: str) -> None:
    frame = ConsoleFrame({})
    assert expected in Turns().evaluate(frame, [], command)
    assert "2" in Turns().evaluate(frame, [], "1 + 1")


def test_what_does_not_end_is_not_waited_for() -> None:
    gate = threading.Event()
    turns = Turns(patience=0.05)
    frame = ConsoleFrame({"gate": gate})
    html = turns.evaluate(frame, [], "gate.wait(60) and 'late result'")
    assert "It still runs" in html
    assert "An earlier command still runs" in turns.evaluate(frame, [], "1 + 1")
    gate.set()
    assert turns._turn.acquire(timeout=PATIENCE)
    turns._turn.release()
    turns._patience = PATIENCE
    html = turns.evaluate(frame, [], "'next'")
    assert html.index("late result") < html.index("next")


def test_what_runs_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_STOPPING", PATIENCE)
    begun = threading.Event()
    frame = ConsoleFrame({"begun": begun})
    turns = Turns(patience=0.05)
    assert "data-running" in turns.evaluate(frame, [], "while True: begun.set()")
    assert begun.wait(PATIENCE)
    html = turns.stop()
    assert "KeyboardInterrupt" in html
    assert "data-running" not in html
    turns._patience = PATIENCE
    assert "2" in turns.evaluate(frame, [], "1 + 1")
    assert turns.stop() == ""


def test_what_waits_in_the_system_stops_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_STOPPING", 0.05)
    reading, writing = os.pipe()
    # More than the pipe takes: when the first of it is there, the system has the thread.
    size = 1 << 20
    turns = Turns(patience=0.05)
    frame = ConsoleFrame({"write": os.write, "pipe": writing, "octets": bytes(size)})
    assert "still runs" in turns.evaluate(frame, [], "write(pipe, octets)")
    assert select.select([reading], [], [], PATIENCE)[0]
    assert "was told to stop" in turns.stop()
    while size:
        size -= len(os.read(reading, size))
    assert turns._turn.acquire(timeout=PATIENCE)
    turns._turn.release()
    os.close(reading)
    os.close(writing)
    assert "KeyboardInterrupt" in turns.evaluate(ConsoleFrame({}), [], "None")


def test_a_command_is_stopped_by_way_of_the_store() -> None:
    store = Store()
    one = kept()
    store.add(one)
    frame = one.traceback.all_frames[-1]
    assert store.evaluate(frame, None) == ""


def test_the_console_is_made_once() -> None:
    store = Store()
    made = store.console(lambda: {"given": 5})
    assert store.console(pytest.fail) is made
    assert store.frames[0] is made
    assert "6" in store.evaluate(made, "given + 1")
    assert "7" in store.evaluate(made, "given = 7; given")
    assert "7" in store.evaluate(made, "given")
