"""What the development server watches, and what it does when that changes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from itertools import islice
from typing import Any

from dovetail.dev.reloader import record_imports, run_with_reloader
from dovetail.dev.reloader.generation import Retirable
from dovetail.dev.reloader.watching import Watcher, choose_type
from dovetail.dev.reloader.watchlist import Change, Watchlist

__all__ = ["Watch", "folders_of"]

# So many files of assets are compared by themselves; larger trees by events alone.
_MOST_FILES = 2000

_CODE = ("*.py", "*.pyc", "*.so", "*.pyd")

Show = Callable[[str], object]


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
        run_with_reloader(
            main,
            self.extra_files,
            self.exclude_patterns,
            self.interval,
            self.reloader_type,
            server=server,
            on_asset_change=show,
            assets=None if show is None else _Assets(self.asset_folders, show),
            stand_in=stand_in,
        )

    @contextlib.contextmanager
    def assets_alone(self, show: Show) -> Iterator[None]:
        """Watch the folders of assets in a thread: there is no reloader."""
        ended = threading.Event()
        watchers: list[Watcher] = []

        def run() -> None:
            assets = _Assets(self.asset_folders, show)
            exclude = [*(self.exclude_patterns or ()), *_CODE]
            # Each watches until the code changes, which is nothing here, where it is seen at all.
            while not ended.is_set():
                watchlist = Watchlist(record_imports(), None, assets, exclude)
                watchers[:] = [Watcher(watchlist, self._kind, self.interval, _go_on, show)]
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
    """The files and folders to watch; it tells of what has changed before they are watched.

    A style sheet, for one, is built anew while the server is started anew for the same save.
    """

    def __init__(self, folders: list[str], show: Show) -> None:
        self._folders = folders
        self._show = show
        self._known = dict(islice(_states(folders), _MOST_FILES))
        self._asked = False

    def __call__(self) -> list[str]:
        """Return files, which the watcher compares when it is ready, and folders."""
        if not self._asked:
            self._asked = True
            now = dict(islice(_states(self._folders), _MOST_FILES))
            if len(now) < _MOST_FILES:
                for path in sorted(now):
                    if now[path] != self._known.get(path):
                        self._show(path)
            self._known = now
        return [*self._known, *self._folders]


def _states(folders: list[str]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the files below folders, with what differs when they have changed."""
    for folder in folders:
        for directory, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(directory, name)
                with contextlib.suppress(OSError):
                    status = os.stat(path)
                    yield path, (status.st_mtime_ns, status.st_size)


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
