"""What decides whether a change starts the process anew; others put classes of their own here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dovetail.dev.reloader.watchlist import Change

__all__ = ["ReloaderLoop", "reloader_loops"]


class ReloaderLoop:
    """What is watched besides modules, and what a change leads to, in the process that serves.

    How changes are noticed is not its affair. A framework that reads templates anew by itself
    overrides :meth:`trigger_reload`, and names the templates in ``extra_files``.

    :ivar extra_files: files, directories and globs to be watched, too. They are asked for at each
        look, so a property may have others later.
    :ivar exclude_patterns: changes of files that match these :mod:`fnmatch` patterns do not count.
    :ivar interval: how often to look at the files, in seconds, if they are polled.
    """

    def __init__(
        self,
        extra_files: Iterable[str] | None = None,
        exclude_patterns: Iterable[str] | None = None,
        interval: float = 1,
    ) -> None:
        self.extra_files = set(extra_files or ())
        self.exclude_patterns = set(exclude_patterns or ())
        self.interval = interval
        self._reload: Callable[[Change], object] | None = None
        self._current: Change | None = None

    def trigger_reload(self, filename: str) -> None:
        """Start the process anew because of a file; this is called when one has changed.

        An override that does not call it has the application go on as it is.

        :raises RuntimeError: nothing is being watched.
        """
        if self._reload is None:
            raise RuntimeError(
                "only the process that run_with_reloader() has started can be reloaded"
            )
        change = self._current
        self._reload(change if change and change.path == filename else Change(filename))

    def attach(self, reload: Callable[[Change], object]) -> None:
        """Have changes lead to this call, which does not return; the reloader calls this."""
        self._reload = reload

    def act_on(self, change: Change) -> bool:
        """Act on a change; return True if the process goes on. The reloader calls this."""
        self._current = change
        self.trigger_reload(change.path)
        return True


#: The class to use for each ``reloader_type``.
reloader_loops: dict[str, type[ReloaderLoop]] = dict.fromkeys(
    ("auto", "stat", "watchdog", "watchfiles"), ReloaderLoop
)
