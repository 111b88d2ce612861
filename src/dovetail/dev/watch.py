"""What the development server watches, and what it does when that changes."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from itertools import islice
from typing import Any

from dovetail.dev.reloader import record_imports, run_with_reloader
from dovetail.dev.reloader.generation import Retirable
from dovetail.dev.reloader.watching import Watcher, choose_type
from dovetail.dev.reloader.watchlist import Change, Watchlist

__all__ = ["Watch", "folders_of"]

# What changes before the watcher has begun is looked for by these pauses, in seconds; but not in
# folders of so many files.
_PAUSES = (0.3, 1.0)
_MOST_FILES = 2000

_CODE = ("*.py", "*.pyc", "*.so", "*.pyd")

Show = Callable[[str], object]
_State = tuple[int, int] | None


class Watch:
    """Files, and how they are watched; the parameters are those of :func:`dovetail.dev.run_simple`.

    :raises ValueError: there is no such type of reloader.
    """

    def __init__(
        self,
        extra_files: Iterable[str] | None = None,
        exclude_patterns: Iterable[str] | None = None,
        interval: float = 1,
        reloader_type: str = "auto",
        asset_folders: Iterable[str] = (),
    ) -> None:
        self.extra_files = None if extra_files is None else list(extra_files)
        self.exclude_patterns = None if exclude_patterns is None else list(exclude_patterns)
        self.interval = interval
        self.reloader_type = reloader_type
        self.asset_folders = list(asset_folders)
        self._kind = choose_type(reloader_type)

    def reload(
        self,
        main: Callable[[], object],
        server: Retirable,
        *,
        show: Show | None = None,
        stand_in: Mapping[str, Any] | None = None,
    ) -> None:
        """Run a function under the reloader; see :func:`~dovetail.dev.reloader.run_with_reloader`.

        :param show: is called with the path of each changed file of the folders of assets.
        """
        assets = None if show is None else _Assets(self.asset_folders, show)
        run_with_reloader(
            main,
            self.extra_files,
            self.exclude_patterns,
            self.interval,
            self.reloader_type,
            server=server,
            on_asset_change=None if assets is None else assets.show,
            assets=assets,
            stand_in=stand_in,
        )

    @contextlib.contextmanager
    def assets_alone(self, show: Show) -> Iterator[None]:
        """Watch the folders of assets in a thread: there is no reloader."""
        ended = threading.Event()
        watchers: list[Watcher] = []
        # Before the first request: what changes from now on is told.
        assets = _Assets(self.asset_folders, show)

        def run() -> None:
            exclude = [*(self.exclude_patterns or ()), *_CODE]
            # A watcher ends when it sees code change. Here that has no effect, and the next begins.
            while not ended.is_set():
                watchlist = Watchlist(record_imports(), None, assets, exclude)
                watchers[:] = [Watcher(watchlist, self._kind, self.interval, _go_on, assets.show)]
                if not ended.is_set():
                    watchers[0].run()

        thread = threading.Thread(target=run, name="dovetail-assets", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            for watcher in list(watchers):
                watcher.stop()


class _Assets:
    """The folders to watch. It tells of what changes before they are watched, too.

    A style sheet, for one, is built anew while the server is started anew for the same save.
    """

    def __init__(self, folders: list[str], show: Show) -> None:
        self._folders = folders
        self._show = show
        self._lock = threading.Lock()
        self._known = _states(folders)
        self._asked = False

    def __call__(self) -> list[str]:
        """Return the folders; the watcher asks for them before and after it begins, and then again.

        It may take long to begin, so the folders are looked at then, and not only meanwhile.
        """
        was_asked, self._asked = self._asked, True
        if len(self._known) >= _MOST_FILES:
            return self._folders
        if was_asked:
            self._look()
        else:
            threading.Thread(
                target=self._catch_up, name="dovetail-assets-early", daemon=True
            ).start()
        return self._folders

    def show(self, path: str) -> None:
        """Tell of a change that the watcher has seen, once."""
        with self._lock:
            state = _state(path)
            if path in self._known and self._known[path] == state:
                return
            self._known[path] = state
        self._show(path)

    def _catch_up(self) -> None:
        for pause in _PAUSES:
            time.sleep(pause)
            self._look()

    def _look(self) -> None:
        for path in _states(self._folders):
            self.show(path)


def _states(folders: list[str]) -> dict[str, _State]:
    """Return the files below folders, the first of them, with what differs when they change."""
    paths = (
        os.path.join(directory, name)
        for folder in folders
        for directory, _, names in os.walk(folder)
        for name in names
    )
    return {path: _state(path) for path in islice(paths, _MOST_FILES)}


def _state(path: str) -> _State:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _go_on(_: Change) -> None:
    """Do nothing about a change of the code."""


def folders_of(static_files: Mapping[str, str | tuple[str, str]] | None) -> Iterator[str]:
    """Yield where static files come from; a pair is a package and a directory in it."""
    for place in (static_files or {}).values():
        if isinstance(place, str):
            yield place
        elif spec := find_spec(place[0]):
            for root in spec.submodule_search_locations or ():
                yield os.path.join(root, place[1])
