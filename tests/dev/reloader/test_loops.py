from __future__ import annotations

import pytest

from dovetail.dev.reloader import ReloaderLoop, reloader_loops
from dovetail.dev.reloader.watching import choose_type
from dovetail.dev.reloader.watchlist import Change


def test_there_is_one_for_each_type() -> None:
    assert {choose_type(name) for name in reloader_loops} == {"watchfiles", "stat"}
    assert all(issubclass(loop, ReloaderLoop) for loop in reloader_loops.values())


def test_what_it_is_given() -> None:
    loop = ReloaderLoop(["a"], exclude_patterns=["b"], interval=2)
    assert (loop.extra_files, loop.exclude_patterns, loop.interval) == ({"a"}, {"b"}, 2)
    assert (ReloaderLoop().extra_files, ReloaderLoop().exclude_patterns) == (set(), set())


def test_a_change_leads_to_a_reload() -> None:
    changes: list[Change] = []
    loop = ReloaderLoop()
    loop.attach(changes.append)
    change = Change("a.py", early=b"digest")
    loop.act_on(change)
    assert changes[0] is change
    loop.trigger_reload("b.py")
    assert changes[1] == Change("b.py")


def test_an_override_decides() -> None:
    class Loop(ReloaderLoop):
        def trigger_reload(self, filename: str) -> None:
            if filename.endswith(".py"):
                super().trigger_reload(filename)

    changes: list[Change] = []
    loop = Loop()
    loop.attach(changes.append)
    assert loop.act_on(Change("a.html")) is True
    assert changes == []
    loop.act_on(Change("a.py"))
    assert changes == [Change("a.py")]


def test_where_nothing_is_watched() -> None:
    with pytest.raises(RuntimeError, match=r"run_with_reloader\(\)"):
        ReloaderLoop().trigger_reload("a.py")
