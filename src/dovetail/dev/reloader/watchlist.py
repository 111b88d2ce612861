"""What is watched, and what of it has changed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dovetail.dev.reloader.imports import ImportRecorder, module_files
from dovetail.dev.reloader.paths import (
    Signature,
    digest_of,
    file_clock,
    is_library,
    nearest,
    signature,
)
from dovetail.dev.reloader.patterns import Exclusion, Tree, sort_names

__all__ = ["Assets", "Change", "Watchlist"]

# So far may the clock of a file system be ahead, in nanoseconds.
_SKEW = 1_000_000_000

#: Files, directories and globs, or what returns them at the time.
Assets = Iterable[str] | Callable[[], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Change:
    """A file that has changed.

    :ivar is_asset: it is no code, so the application goes on with it as it is.
    :ivar early: for a module that had changed before it could be watched, the digest of all of
        these.
    """

    path: str
    is_asset: bool = False
    early: bytes = b""


class Watchlist:
    """The files that are watched: those of the user's modules, and those that the user names.

    :param extra: files, directories and globs whose change is one of the code.
    :param assets: those whose change is not.
    :param exclude: fnmatch patterns of files that are left out.
    :param started: when this process was started, by :func:`~.paths.file_clock`. A module's file
        that has changed since it was imported, or if that is not known since then, is a change. 0
        for nothing is.
    :param known: the digest of such files for which the process before has ended. A program that
        writes a module of its own whenever it starts must not be started forever.
    """

    def __init__(  # noqa: PLR0917  what is watched, in that order, and since when
        self,
        recorder: ImportRecorder,
        extra: Assets | None = None,
        assets: Assets | None = None,
        exclude: Iterable[str] | None = None,
        started: int = 0,
        known: bytes = b"",
    ) -> None:
        self._recorder = recorder
        self._exclusion = Exclusion(exclude)
        self._assets: Assets = () if assets is None else assets
        self._started = started
        self._known = known
        self._modules_seen: set[str] = set()
        self._early: list[str] = []
        self._files: dict[str, Signature] = {}
        self._asset_files: set[str] = set()
        self._extra: Assets = () if extra is None else extra
        self._extra_seen: frozenset[str] = frozenset()
        self._trees: list[Tree] = []
        self._asset_trees: list[Tree] = []
        self._tree_files: dict[str, Signature] = {}
        # Not since the start: a program may write there when it starts.
        self._trees_seen = file_clock()
        self._index: dict[str, set[str]] = {}
        self._places: frozenset[str] = frozenset()
        self._real: dict[str, str] = {}
        self._take_extra(self._extra_now())

    # What there is to be watched

    def refresh(self) -> None:
        """Take up what has been imported since the last time."""
        self._recorder.is_fresh = False
        for name, module in list(sys.modules.items()):
            if name not in self._modules_seen:
                self._modules_seen.add(name)
                for file in module_files(module):
                    self._add_module(file, name)
        for file in self._recorder.failed:
            self._add_module(file, "")
        for name, file in self._recorder.missing_files():
            self._add_module(file, name)
        for file in self._recorder.take_reports():
            if not is_library(file):
                self._add(file)
        if (extra := self._extra_now()) != self._extra_seen:
            self._take_extra(extra)
            # What is in a new tree is not new itself.
            self._trees_seen = file_clock()
            self._tree_files = self._scan()[0] | self._tree_files
        given = self._assets() if callable(self._assets) else self._assets
        files, self._asset_trees = sort_names(given)
        for file in files:
            if file not in self._files:
                self._asset_files.add(file)
                self._add(file)

    def is_outdated(self) -> bool:
        """Tell whether there may be more to be watched than at the last refresh."""
        has_more = self.is_fresh or not self._modules_seen.issuperset(list(sys.modules))
        return has_more or self._extra_now() != self._extra_seen

    @property
    def is_fresh(self) -> bool:
        """Whether a module is being imported for the first time; quickly told."""
        return self._recorder.is_fresh

    def _extra_now(self) -> frozenset[str]:
        given = self._extra() if callable(self._extra) else self._extra
        return frozenset(map(os.fspath, given))

    def _take_extra(self, extra: frozenset[str]) -> None:
        self._extra_seen = extra
        files, self._trees = sort_names(sorted(extra))
        for file in files:
            self._add(file)

    def _add(self, file: str) -> None:
        if file not in self._files and not self._exclusion.covers(file):
            self._files[file] = signature(file)

    def _add_module(self, file: str, name: str) -> None:
        self._asset_files.discard(file)
        if file in self._files or is_library(file):
            return
        self._add(file)
        state = self._files.get(file)
        since = self._recorder.times.get(name, self._started)
        # A time in the future is of another machine's clock and tells nothing.
        latest = time.time_ns() + _SKEW
        if self._started and state is not None and since <= state[0] <= latest:
            self._early.append(file)

    # Where to wait for events

    def places(self) -> frozenset[str]:
        """Return the directories that must be watched, each for itself, to see every change."""
        self._index = {}
        places = set()
        for file in self._files:
            for path in {file, self._real_path(file)}:
                directory, below = nearest(path)
                places.add(directory)
                self._index.setdefault(below, set()).add(file)
        for tree in (*self._trees, *self._asset_trees):
            found = [directory for directory, _ in tree.directories()]
            places.update(found or [nearest(tree.root)[0]])
        self._places = frozenset(places)
        return self._places

    def _real_path(self, file: str) -> str:
        directory = os.path.dirname(file)
        if directory not in self._real:
            self._real[directory] = os.path.realpath(directory)
        if os.path.islink(file):
            return os.path.realpath(file)
        return os.path.join(self._real[directory], os.path.basename(file))

    def may_move(self, event: str) -> bool:
        """Tell whether an event may have changed :meth:`places`."""
        if event in self._places or (event in self._index and event not in self._files):
            return True
        trees = (*self._trees, *self._asset_trees)
        return any(
            tree.root == event or (event.startswith(tree.root + os.sep) and os.path.isdir(event))
            for tree in trees
        ) or any(tree.root.startswith(event + os.sep) for tree in trees)

    def begin(self) -> None:
        """Ask for the assets again: from now on their changes are seen.

        So whoever names them can tell of what has changed before.
        """
        if callable(self._assets):
            self._assets()

    # What has changed

    def take_early(self) -> list[Change]:
        """Return the modules that have changed before they could be watched, once."""
        early, self._early = sorted(self._early), []
        if not early:
            return []
        digest = digest_of(early)
        return [] if digest == self._known else [Change(path, early=digest) for path in early]

    def changes(self, events: Iterable[str]) -> Iterator[Change]:
        """Yield what has changed according to events of the paths; code before assets."""
        events = list(events)
        files = set().union(*(self._index.get(event, ()) for event in events))
        yield from self._compare(files)
        for trees, is_asset in ((self._trees, False), (self._asset_trees, True)):
            for event in events:
                if event not in self._files and self._is_in(event, trees):
                    yield Change(event, is_asset)

    def all_changes(self) -> Iterator[Change]:
        """Yield which of the files have changed; code before assets.

        In the trees of code these are the files that were written since the last time; those of
        assets are not looked at.
        """
        yield from self._compare(self._files)
        since, self._trees_seen = self._trees_seen, file_clock()
        for path in (path for tree in self._trees for path in tree.files()):
            is_elsewhere = path in self._files or self._exclusion.covers(path)
            state = None if is_elsewhere else signature(path)
            # A time in the future is of another machine's clock and tells nothing.
            if state is not None and since < state[0] <= file_clock():
                yield Change(path)

    def _is_in(self, path: str, trees: Iterable[Tree]) -> bool:
        if self._exclusion.covers(path):
            return False
        for tree in trees:
            if os.path.isdir(path):
                # What came along with a new directory is as new as it.
                if path.startswith(tree.root + os.sep) and any(True for _ in tree.files(path)):
                    return True
            elif tree.matches(path):
                return True
        return False

    def _compare(self, files: Iterable[str]) -> Iterator[Change]:
        changed = []
        for file in files:
            now = signature(file)
            if now != self._files[file]:
                self._files[file] = now
                changed.append(Change(file, file in self._asset_files))
        yield from sorted(changed, key=_order)

    def begin_to_poll(self) -> None:
        """Take all files as they are now for unchanged."""
        self._tree_files, _ = self._scan()

    def polled_changes(self) -> Iterator[Change]:
        """Yield what has changed since the last time, without events; code before assets."""
        yield from self._compare(self._files)
        before = self._tree_files
        self._tree_files, assets = self._scan()
        changed = [
            Change(path, path in assets)
            for path in self._tree_files.keys() | before.keys()
            if self._tree_files.get(path) != before.get(path)
        ]
        yield from sorted(changed, key=_order)

    def _scan(self) -> tuple[dict[str, Signature], set[str]]:
        """Return the state of the files in the trees, and which of them are assets."""
        found: dict[str, Signature] = {}
        for tree in (*self._trees, *self._asset_trees):
            for path in tree.files():
                if path not in self._files and not self._exclusion.covers(path):
                    found.setdefault(path, signature(path))
        code = {path for path in found if any(tree.matches(path) for tree in self._trees)}
        return found, found.keys() - code


def _order(change: Change) -> tuple[bool, str]:
    return change.is_asset, change.path
