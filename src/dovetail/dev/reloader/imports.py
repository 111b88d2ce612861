"""What is imported: the files of modules, and where modules would be that could not be imported."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import source_from_cache
from traceback import walk_tb
from types import ModuleType
from typing import Any

from dovetail.dev.origin import is_running_from_reloader
from dovetail.dev.reloader.paths import file_clock, is_library

__all__ = ["ImportRecorder", "module_files", "note_failure", "record_imports"]

# The longest path of a report, in octets.
_LONGEST = 4096


class ImportRecorder:
    """Notes which modules are asked for, and when; it finds none (it is on ``sys.meta_path``).

    :ivar times: when each module was last looked for, by :func:`~.paths.file_clock`.
    :ivar is_fresh: whether a module was looked for the first time since this was set to False.
    :ivar failed: the files that a failure has come through.
    """

    def __init__(self) -> None:
        self.times: dict[str, int] = {}
        self.is_fresh = False
        self.failed: set[str] = set()
        self._missed: set[str] = set()
        self._places: dict[str, Iterable[str] | None] = {}
        self._reports: tuple[socket.socket, socket.socket] | None = None
        # Filled by one thread, and emptied by another.
        self._reported: deque[str] = deque()
        self._is_worker = False

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002  the documented signature
    ) -> ModuleSpec | None:
        """Take note of a module; return None, so that the other finders are asked."""
        is_new = name not in self._places
        self._places[name] = path
        self.times[name] = file_clock()
        if is_new:
            self.is_fresh = True
            if self._is_worker:
                self._report(possible_files(name, path))
        return None

    def missing_files(self) -> Iterator[tuple[str, str]]:
        """Yield the modules that were asked for and are not imported, with each place where one
        is or could be; each module once.
        """
        for name, path in list(self._places.items()):
            if name not in sys.modules and name not in self._missed:
                self._missed.add(name)
                yield from ((name, file) for file in possible_files(name, path))

    # A forked worker imports by itself, where the one that watches does not see it.

    def listen(self) -> socket.socket | None:
        """Return a socket on which forked processes tell of files; None where there is no fork."""
        if self._reports is None and hasattr(os, "register_at_fork"):
            self._reports = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            for end in self._reports:
                end.setblocking(False)
            os.register_at_fork(after_in_child=self._become_worker)
        return None if self._reports is None else self._reports[0]

    def receive(self) -> None:
        """Read what forked processes have told of."""
        if self._reports is not None:
            with contextlib.suppress(OSError):
                while True:
                    self._reported.append(os.fsdecode(self._reports[0].recv(_LONGEST)))
        self.is_fresh = True

    def take_reports(self) -> list[str]:
        """Return the files that forked processes have imported, or have looked for; once."""
        return [self._reported.popleft() for _ in range(len(self._reported))]

    def _become_worker(self) -> None:
        self._is_worker = True

    def _report(self, files: Iterable[str]) -> None:
        if self._reports is not None:
            for file in files:
                # A full queue loses it, as the process cannot wait for the other.
                with contextlib.suppress(OSError):
                    self._reports[1].send(os.fsencode(file))


_recorder = ImportRecorder()


def record_imports() -> ImportRecorder:
    """Begin to note what is imported, if that is not being done yet."""
    if _recorder not in sys.meta_path:
        sys.meta_path.insert(0, _recorder)
    return _recorder


# What fails and is caught can only be known to who was there; a process that the reloader started
# knows its purpose before it imports the application.
if is_running_from_reloader():
    record_imports()


def module_files(module: object) -> Iterator[str]:
    """Yield the absolute paths of the files that a module was made of."""
    try:
        names: dict[str, Any] = vars(module)
    except TypeError:
        return
    spec = names.get("__spec__")
    origin = getattr(spec, "origin", None) if getattr(spec, "has_location", False) else None
    for file in dict.fromkeys((names.get("__file__"), origin)):
        if isinstance(file, str) and file:
            yield from _sources(os.path.abspath(file))


def _sources(file: str) -> Iterator[str]:
    if file.endswith(".pyc"):
        with contextlib.suppress(ValueError, NotImplementedError):
            yield source_from_cache(file)
            return
        if os.path.exists(file[:-1]):
            yield file[:-1]
    archive = file
    while archive and not os.path.exists(archive) and os.path.dirname(archive) != archive:
        archive = os.path.dirname(archive)
    # What is in a zip archive changes with the archive.
    yield archive if os.path.isfile(archive) else file


def possible_files(name: str, path: Iterable[str] | None) -> list[str]:
    """Return where a module is, or if it is nowhere, where the user could put it.

    :param path: the directories to look in; None for those of ``sys.path``.
    """
    try:
        directories = list(sys.path if path is None else path)
        spec = PathFinder.find_spec(name, directories)
    except Exception:
        # Whatever a path hook of some package raises: then nothing is known.
        return []
    if spec is not None:
        return [os.path.abspath(spec.origin)] if spec.has_location and spec.origin else []
    stem = name.rpartition(".")[2]
    found = []
    for directory in map(os.path.abspath, directories):
        if os.path.isdir(directory) and not is_library(directory + os.sep):
            found.append(os.path.join(directory, f"{stem}.py"))
            found.append(os.path.join(directory, stem, "__init__.py"))
    return found


def note_failure(error: BaseException) -> list[str]:
    """Have the files watched whose change might mend an exception: those it has come through.

    :returns: the files.
    """
    found: dict[str, None] = {}
    for each in _chain(error):
        found.update((frame.f_code.co_filename, None) for frame, _ in walk_tb(each.__traceback__))
        if isinstance(each, SyntaxError) and each.filename:
            found[each.filename] = None
    paths = (os.path.abspath(name) for name in found if not name.startswith("<"))
    files = [path for path in paths if os.path.isfile(path) and not is_library(path)]
    _recorder.failed.update(files)
    return files


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, its causes and contexts, and the members of groups, each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__]
            waiting += each.exceptions if isinstance(each, BaseExceptionGroup) else ()
