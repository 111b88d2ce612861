"""What the user names to be watched: files, directories and globs; and what is to be left out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from glob import has_magic

from dovetail.dev.reloader.paths import is_ignored_directory, is_leftover

__all__ = ["Exclusion", "Tree", "sort_names"]


class Exclusion:
    """Patterns of files that are left out.

    A pattern is one of :mod:`fnmatch`, for the whole path, or for what it is below the working
    directory.
    """

    def __init__(self, patterns: Iterable[str] | None) -> None:
        self._patterns = tuple(map(os.fspath, patterns or ()))
        self._here = os.path.join(os.getcwd(), "")

    def covers(self, path: str) -> bool:
        """Tell whether a file is left out."""
        short = path.removeprefix(self._here)
        return any(fnmatch(path, pattern) or fnmatch(short, pattern) for pattern in self._patterns)


class Tree:
    """The files in a directory and those below it, or those of them that match a glob.

    What version control, tools, environments and editors keep there does not count.

    :ivar root: the directory, an absolute path. It need not exist.
    :param pattern: what stands behind the root in a glob, with ``**`` for any directories.
    """

    def __init__(self, root: str, pattern: str = "**") -> None:
        self.root = root
        self._parts = pattern.split(os.sep)
        self._depth = None if "**" in self._parts else len(self._parts) - 1

    def matches(self, path: str) -> bool:
        """Tell whether a file of this path is one of the tree."""
        start = os.path.join(self.root, "")
        if not path.startswith(start):
            return False
        *directories, name = path.removeprefix(start).split(os.sep)
        if is_leftover(name) or any(map(is_ignored_directory, directories)):
            return False
        return _match(self._parts, [*directories, name])

    def directories(self, root: str = "") -> Iterator[tuple[str, list[str]]]:
        """Yield the directories to be watched, with the names of what else is in each.

        :param root: one of them, for those from there on.
        """
        start = root or self.root
        waiting = [(start, start.removeprefix(self.root).count(os.sep))]
        seen = set()
        while waiting:
            directory, depth = waiting.pop()
            inner, names = _read(directory)
            # Links may lead around in a circle.
            if inner is None or (real := os.path.realpath(directory)) in seen:
                continue
            seen.add(real)
            yield directory, names
            if self._depth is None or depth < self._depth:
                waiting += [(each, depth + 1) for each in inner]

    def files(self, root: str = "") -> Iterator[str]:
        """Yield the files that are there."""
        for directory, names in self.directories(root):
            paths = (os.path.join(directory, name) for name in names)
            yield from filter(self.matches, paths)


def _read(directory: str) -> tuple[list[str] | None, list[str]]:
    """Return the directories in a directory that count, and the names of the files; None if it
    is none, or is an environment.
    """
    inner, names = [], []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name == "pyvenv.cfg":
                    return None, []
                if not entry.is_dir():
                    names.append(entry.name)
                elif not is_ignored_directory(entry.name):
                    inner.append(entry.path)
    except OSError:
        return None, []
    return inner, names


def _match(parts: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether the names of a path match those of a glob."""
    if not parts:
        return not names
    if parts[0] == "**":
        # At the end it stands for anything, elsewhere for directories.
        last = len(names) - 1
        if len(parts) == 1:
            return bool(names)
        return any(_match(parts[1:], names[skipped:]) for skipped in range(last + 1))
    return bool(names) and _is_named(names[0], parts[0]) and _match(parts[1:], names[1:])


def _is_named(name: str, pattern: str) -> bool:
    # As for glob, names that begin with a dot are asked for by a dot.
    return fnmatch(name, pattern) and (not name.startswith(".") or pattern.startswith("."))


def sort_names(names: Iterable[str]) -> tuple[list[str], list[Tree]]:
    """Return the absolute paths of files among names, and the trees of directories and globs."""
    files, trees = [], []
    for name in map(os.fspath, names):
        path = os.path.abspath(os.path.expanduser(name))
        if has_magic(path) and not os.path.exists(path):
            trees.append(_glob(path))
        elif os.path.isdir(path):
            trees.append(Tree(path))
        else:
            files.append(path)
    return files, trees


def _glob(path: str) -> Tree:
    parts = path.split(os.sep)
    fixed = next(number for number, part in enumerate(parts) if has_magic(part))
    return Tree(os.sep.join(parts[:fixed]) or os.sep, os.sep.join(parts[fixed:]))
