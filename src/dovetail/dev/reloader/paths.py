"""Files: what is a library's and what is of no interest, and telling one state from another."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable
from hashlib import blake2b
from importlib.util import MAGIC_NUMBER, cache_from_source

__all__ = [
    "DIGEST_SIZE",
    "Signature",
    "digest_of",
    "drop_stale_bytecode",
    "file_clock",
    "is_ignored_directory",
    "is_leftover",
    "is_library",
    "nearest",
    "settle",
    "signature",
]

#: The length of a digest.
DIGEST_SIZE = 16

#: Time of modification in nanoseconds, size and number of a file; None if it is not there.
Signature = tuple[int, int, int] | None

_LIBRARIES = tuple(
    os.path.realpath(directory) + os.sep
    for directory in (
        os.path.dirname(os.__file__),
        # The scripts that pip installs; a program of the user's own is not put there.
        os.path.join(sys.prefix, "Scripts" if os.name == "nt" else "bin"),
    )
)
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))

# Of version control, of packages of other languages, and of tools.
_IGNORED_DIRECTORIES = frozenset(
    {
        *("__pycache__", ".git", ".hg", ".svn", ".jj", "node_modules"),
        *(".tox", ".nox", ".venv", ".eggs", ".idea", ".vscode", ".hypothesis"),
        *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".cache", ".ipynb_checkpoints"),
    }
)
# Vim, Emacs, JetBrains, Finder.
_LEFTOVER_ENDS = ("~", ".swp", ".swo", ".swx", ".swpx", "___jb_tmp___", "___jb_old___")
_LEFTOVER_STARTS = (".#", "#", ".goutputstream-", "flycheck_")
_LEFTOVERS = frozenset({"4913", ".DS_Store", "Thumbs.db"})

# An editor that writes in two steps, or deletes and creates, is done within this, in seconds.
_SETTLED = 0.02
_SETTLING = 0.3
_PAUSE = 0.005

# CLOCK_REALTIME_COARSE, which Python has no name for: Linux gives files the time of the last tick.
_COARSE_CLOCK = 5 if sys.platform == "linux" else None

# The header of a .pyc (PEP 552): magic number, flags, and then for no flags time and size.
_HEADER = 16


def is_library(path: str) -> bool:
    """Tell whether a file belongs to Python or to an installed package.

    One that is installed editably lies elsewhere, so it does not.
    """
    return path.startswith(_LIBRARIES) or any(part in path for part in _INSTALLED)


def is_ignored_directory(name: str) -> bool:
    """Tell by the name of a directory whether nothing in it is looked at."""
    return name in _IGNORED_DIRECTORIES


def is_leftover(name: str) -> bool:
    """Tell by its name whether a file is one that editors and desktops leave behind."""
    if name in _LEFTOVERS or name.endswith((".pyc", ".pyo")):
        return True
    return name.endswith(_LEFTOVER_ENDS) or name.startswith(_LEFTOVER_STARTS)


def signature(path: str) -> Signature:
    """Return what tells the state of a file from another."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def digest_of(paths: Iterable[str]) -> bytes:
    """Return a digest of the paths and the content of files, of :data:`DIGEST_SIZE` octets."""
    digest = blake2b(digest_size=DIGEST_SIZE)
    for path in paths:
        content = b""
        with contextlib.suppress(OSError), open(path, "rb") as file:
            content = file.read()
        digest.update(f"{path}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
        digest.update(content)
    return digest.digest()


def settle(path: str) -> None:
    """Wait until a file is there, is not empty, and has not changed for a moment."""
    deadline = time.monotonic() + _SETTLING
    while time.monotonic() < deadline:
        state = signature(path)
        if state is not None and state[1] > 0 and file_clock() - state[0] > _SETTLED * 1e9:
            return
        time.sleep(_PAUSE)


def nearest(path: str) -> tuple[str, str]:
    """Return the nearest directory above a path that exists, and the path just below it."""
    directory, below = os.path.dirname(path), path
    while not os.path.isdir(directory):
        parent = os.path.dirname(directory)
        if parent == directory:
            break
        directory, below = parent, directory
    return directory, below


def file_clock() -> int:
    """Return the time that a file would get which were written now, in nanoseconds; or less."""
    if _COARSE_CLOCK is None:
        return time.time_ns()
    return time.clock_gettime_ns(_COARSE_CLOCK)


def drop_stale_bytecode(path: str) -> None:
    """Remove the cached code of a changed source if Python would take it to be up to date.

    It does so if the size is the same, and the time in whole seconds.
    """
    if not path.endswith(".py"):
        return
    with contextlib.suppress(OSError, NotImplementedError, ValueError):
        cached = cache_from_source(path)
        now = os.stat(path)
        with open(cached, "rb") as file:
            header = file.read(_HEADER)
        fields = (0, int(now.st_mtime) & 0xFFFFFFFF, now.st_size & 0xFFFFFFFF)
        written = b"".join(field.to_bytes(4, "little") for field in fields)
        if header == MAGIC_NUMBER + written:
            os.unlink(cached)
