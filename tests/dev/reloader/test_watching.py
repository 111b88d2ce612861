from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from types import ModuleType
from typing import Any, TypeVar

import pytest

from dovetail.dev.reloader.imports import ImportRecorder
from dovetail.dev.reloader.paths import file_clock
from dovetail.dev.reloader.watching import NATIVE, POLLING, Watcher, choose_type
from dovetail.dev.reloader.watchlist import Change, Watchlist

PATIENCE = 60.0

_Item = TypeVar("_Item")
KINDS = pytest.mark.parametrize("kind", [NATIVE, POLLING])


class Watched:
    """A watcher in a thread, and what it tells."""

    def __init__(self, kind: str, **options: Any) -> None:
        self.changes: Queue[Change] = Queue()
        self.assets: Queue[str] = Queue()
        self.list = Watchlist(ImportRecorder(), **options)
        self.goes_on = False
        self.watcher = Watcher(self.list, kind, 0.03, self.act, self.assets.put)
        self.thread = threading.Thread(target=self.watcher.run)

    def act(self, change: Change) -> bool:
        self.changes.put(change)
        return self.goes_on

    def change(self, act: Callable[[], object]) -> Change:
        """Act until that is noticed: nobody tells when the watching begins."""
        return _repeat(act, self.changes)

    def change_of(self, act: Callable[[], object]) -> str:
        return self.change(act).path

    def asset(self, act: Callable[[], object]) -> str:
        return _repeat(act, self.assets)


def _repeat(act: Callable[[], object], queue: Queue[_Item]) -> _Item:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        act()
        try:
            return queue.get(timeout=0.2)
        except Empty:
            continue
    raise AssertionError("nothing was noticed")


@contextmanager
def watching(kind: str, **options: Any) -> Iterator[Watched]:
    watched = Watched(kind, **options)
    watched.thread.start()
    try:
        yield watched
    finally:
        watched.watcher.stop()
        watched.thread.join(PATIENCE)
        assert not watched.thread.is_alive()


def touch(path: Path) -> Callable[[], object]:
    """Return what writes something new to a file each time."""
    count = iter(range(10**6))

    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(next(count)))

    return write


@KINDS
def test_an_extra_file_that_does_not_exist_yet(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.cfg"
    with watching(kind, extra=[str(path)]) as watched:
        assert watched.change(touch(path)) == Change(str(path))


@KINDS
def test_extra_files_that_are_named_later(kind: str, tmp_path: Path) -> None:
    named = {str(tmp_path / "a"), str(tmp_path / "last")}
    with watching(kind, extra=lambda: frozenset(named)) as watched:
        watched.goes_on = True
        assert watched.change(touch(tmp_path / "a")).path == str(tmp_path / "a")
        # What is there already has not changed.
        touch(tmp_path / "tree" / "c")()
        touch(tmp_path / "b")()
        # What was noticed behind it has come after what was written before it.
        _repeat_until(watched.change_of, touch(tmp_path / "last"), str(tmp_path / "last"))
        named.update({str(tmp_path / "b"), str(tmp_path / "tree")})
        seen = {watched.change_of(touch(tmp_path / "a")) for _ in range(3)}
        assert seen <= {str(tmp_path / "a"), str(tmp_path / "last")}
        _repeat_until(watched.change_of, touch(tmp_path / "b"), str(tmp_path / "b"))
        in_tree = tmp_path / "tree" / "d"
        _repeat_until(watched.change_of, touch(in_tree), str(in_tree))


def _repeat_until(
    notice: Callable[[Callable[[], object]], str], act: Callable[[], object], path: str
) -> None:
    """Act until that is noticed, and not only something that was done before."""
    deadline = time.monotonic() + PATIENCE
    while notice(act) != path:
        assert time.monotonic() < deadline, f"{path} was not seen"


@KINDS
def test_a_file_behind_a_link(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "target" / "a.cfg"
    touch(target)()
    link = tmp_path / "link.cfg"
    link.symlink_to(target)
    with watching(kind, extra=[str(link)]) as watched:
        assert watched.change(touch(target)) == Change(str(link))


@KINDS
def test_a_directory_that_is_moved_and_another_put_in_its_place(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.cfg"
    touch(path)()

    def replace() -> None:
        shutil.rmtree(tmp_path / "old", ignore_errors=True)
        path.parent.rename(tmp_path / "old")
        touch(path)()

    with watching(kind, extra=[str(path)]) as watched:
        assert watched.change(replace) == Change(str(path))


@KINDS
def test_a_new_directory_in_a_tree(kind: str, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    number = iter(range(10**6))

    def make() -> None:
        touch(tmp_path / "tree" / f"n{next(number)}" / "a")()

    with watching(kind, extra=[str(tmp_path / "tree")]) as watched:
        found = watched.change(make)
    assert found.path.startswith(str(tmp_path / "tree" / "n"))


@KINDS
def test_assets_do_not_end_the_watching(kind: str, tmp_path: Path) -> None:
    static, template = tmp_path / "static" / "a.css", tmp_path / "templates" / "b" / "c.html"
    touch(static)()
    touch(template)()
    folders = [str(tmp_path / "static"), str(tmp_path / "templates")]
    with watching(kind, assets=lambda: folders, extra=[str(tmp_path / "x")]) as watched:
        assert watched.asset(touch(static)) == str(static)
        _repeat_until(watched.asset, touch(template), str(template))
        assert watched.change(touch(tmp_path / "x")).path == str(tmp_path / "x")


@KINDS
def test_nothing_unrelated_counts(kind: str, tmp_path: Path) -> None:
    touch(tmp_path / "a.cfg")()
    (tmp_path / "t").mkdir()
    with watching(kind, extra=[str(tmp_path / "a.cfg"), str(tmp_path / "t")]) as watched:
        names = [".a.cfg.swp", "a.cfg~", "b.cfg", ".#a.cfg", "t/__pycache__/x.pyc", "t/.git/x"]

        def write() -> None:
            for name in names:
                touch(tmp_path / name)()
            (tmp_path / "a.cfg").chmod(0o600)

        for _ in range(3):
            write()
        assert watched.change(touch(tmp_path / "a.cfg")) == Change(str(tmp_path / "a.cfg"))
        assert watched.changes.empty()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = ModuleType("watched_module")
    path = tmp_path / "watched_module.py"
    made.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "watched_module", made)
    return path


def test_a_module_that_has_changed_since_it_was_imported(module: Path) -> None:
    started = file_clock()
    module.write_text("1")
    early = _early(started)
    assert [change.path for change in early] == [str(module)]
    assert _early(started, known=early[0].early) == []  # it is the same
    module.write_text("2")
    assert _early(started, known=early[0].early) != []
    assert _early(0) == []


def test_a_module_that_is_written_before_it_is_imported(module: Path) -> None:
    started = file_clock()
    module.write_text("1")
    recorder = ImportRecorder()
    recorder.times["watched_module"] = file_clock() + 10**9
    watchlist = Watchlist(recorder, started=started)
    watchlist.refresh()
    assert watchlist.take_early() == []


def _early(started: int, known: bytes = b"") -> list[Change]:
    watchlist = Watchlist(ImportRecorder(), started=started, known=known)
    watchlist.refresh()
    return watchlist.take_early()


def test_events_that_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    def fail(*_: object) -> object:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles._rust_notify.RustNotify", fail)
    with watching(NATIVE, extra=[str(tmp_path / "a")]) as watched:
        assert watched.change(touch(tmp_path / "a")).path == str(tmp_path / "a")
    assert any("polled" in line and "watch limit" in line for line in lines)


def test_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHFILES_FORCE_POLLING", raising=False)
    monkeypatch.setattr("platform.release", lambda: "6.1.0")
    assert [choose_type(name) for name in ("auto", "watchfiles", "watchdog")] == [NATIVE] * 3
    assert choose_type("stat") == POLLING
    monkeypatch.setattr("platform.release", lambda: "5.15-microsoft-standard-WSL2")
    assert (choose_type("auto"), choose_type("watchfiles")) == (POLLING, NATIVE)
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "1")
    assert choose_type("auto") == POLLING
    monkeypatch.setattr("dovetail.dev.reloader.watching.find_spec", lambda _: None)
    assert choose_type("watchdog") == POLLING
    with pytest.raises(ValueError, match="'auto', 'watchfiles' and 'stat'"):
        choose_type("other")
