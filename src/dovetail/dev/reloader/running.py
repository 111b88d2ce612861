"""Running a function in a process that is started anew when files change."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dovetail.dev import console
from dovetail.dev.origin import is_running_from_reloader
from dovetail.dev.reloader.generation import Generation, Retirable
from dovetail.dev.reloader.imports import record_imports
from dovetail.dev.reloader.link import Link
from dovetail.dev.reloader.loops import reloader_loops
from dovetail.dev.reloader.program import Program
from dovetail.dev.reloader.supervisor import KNOWN, STARTED, Supervisor
from dovetail.dev.reloader.watching import POLLING, Watcher, choose_type
from dovetail.dev.reloader.watchlist import Assets, Watchlist

__all__ = ["run_with_reloader"]


def run_with_reloader(
    main_func: Callable[[], object],
    extra_files: Iterable[str] | None = None,
    exclude_patterns: Iterable[str] | None = None,
    interval: float = 1,
    reloader_type: str = "auto",
    *,
    server: Retirable | None = None,
    on_asset_change: Callable[[str], object] | None = None,
    assets: Assets | None = None,
    stand_in: Mapping[str, Any] | None = None,
) -> None:
    """Run a function in a process of its own, which is started anew when files change.

    The process that calls this first starts the same program again, with ``WERKZEUG_RUN_MAIN`` set
    to ``true``, and does so whenever that ends with status 3. In the process that it starts the
    function is run, and the files of the modules that were imported are watched, but not those of
    Python and of installed packages.

    :param main_func: what to run, in the main thread. Without ``server`` it is interrupted by
        SystemExit when files change; if it returns, changes are waited for.
    :param extra_files: files, directories and globs to be watched, too.
    :param exclude_patterns: changes of files that match these :mod:`fnmatch` patterns do not count.
    :param interval: how often to look at the files, in seconds, if they are polled.
    :param reloader_type: ``auto``, ``watchfiles`` (``watchdog`` means the same) for the system's
        events, or ``stat`` for polling.
    :param server: what ``main_func`` serves with. The first process keeps its socket, the others
        find it by ``WERKZEUG_SERVER_FD``; connections that are open pass from one to the next.
    :param on_asset_change: is called in a thread with the path of each asset that has changed.
    :param assets: files, directories and globs whose change does not start the process anew.
    :param stand_in: the arguments of :func:`~dovetail.dev.run_simple` (without the application) to
        show an exception with that ends the program before it comes here.
    :raises SystemExit: the process that called this first is done; its status is that of the last
        one it started. Or this is one that it started, and files have changed.
    :raises ValueError: there is no such type.
    :raises RuntimeError: the program cannot be started again.
    """
    kind = choose_type(reloader_type)
    if not is_running_from_reloader():
        if kind == POLLING and reloader_type in ("watchfiles", "watchdog"):
            console.log("warning", " * watchfiles is not installed: files are polled instead")
        listener = None if server is None else server.fileno()
        sys.exit(Supervisor(Program.current(), kind, listener, stand_in).run())
    if server is not None:
        # The programs that this one starts have no use for it.
        os.set_inheritable(server.fileno(), False)
    recorder = record_imports()
    link = Link.of_child()
    generation = Generation(main_func, server, link)
    generation.begin()
    loop = reloader_loops[reloader_type](extra_files, exclude_patterns, interval)
    loop.attach(generation.retire)
    started, known = _circumstances()
    watchlist = Watchlist(
        recorder, lambda: loop.extra_files, assets, loop.exclude_patterns, started, known
    )
    watcher = Watcher(watchlist, kind, loop.interval, loop.act_on, on_asset_change)
    generation.run(watcher, recorder)


def _circumstances() -> tuple[int, bytes]:
    """Return when this process was started, and what for; 0 and nothing if that is not known."""
    try:
        return int(os.environ.pop(STARTED, "0")), bytes.fromhex(os.environ.pop(KNOWN, ""))
    except ValueError:
        return 0, b""
