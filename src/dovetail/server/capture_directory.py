"""The directory of captured requests: private, bounded, and shared by all workers."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from dovetail.server.settings import Settings

__all__ = ["CaptureDirectory", "CaptureDirectoryError"]

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9a-f]{16}\.json")
_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.tmp")
# A file that is not finished after so many seconds belongs to a process that is gone.
_ABANDONED_SECONDS = 600.0
_OPEN_DIRECTORY = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_OPEN_FILE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


class CaptureDirectoryError(Exception):
    """The directory cannot be used; the message is one line that says what to do."""

    status = 1


class CaptureDirectory:
    """Keeps files, the newest of them.

    :param path: the directory. It must belong to the workers' user, be closed to all others, and be
        no symbolic link.
    :param files: how many files are kept.
    :param octets: how large they may be together; the newest one is kept in any case.
    """

    def __init__(self, path: str, *, files: int, octets: int) -> None:
        self._path = path
        self._files = files
        self._octets = octets

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Return the directory that the settings name, if they do."""
        if settings.capture_errors is None:
            return None
        return cls(
            settings.capture_errors, files=settings.capture_files, octets=settings.capture_space
        )

    # In the arbiter

    def prepare(self, owner: tuple[int, int] | None) -> None:
        """Make the directory if it is not there, and check that it can be used.

        :param owner: the user and group id of the workers, if they are not this process's.
        :raises CaptureDirectoryError: it cannot.
        """
        try:
            os.mkdir(self._path, 0o700)
            if owner is not None:
                os.chown(self._path, *owner, follow_symlinks=False)
        except FileExistsError:
            pass
        except OSError as error:
            raise self._error(f"cannot be made: {error.strerror}") from None
        self.check(owner)
        self._try()

    def check(self, owner: tuple[int, int] | None) -> None:
        """Check that the directory can be used, or else be made; change nothing.

        :raises CaptureDirectoryError: it cannot.
        """
        uid = os.geteuid() if owner is None else owner[0]
        try:
            found = os.lstat(self._path)
        except FileNotFoundError:
            if os.access(os.path.dirname(self._path) or ".", os.W_OK | os.X_OK):
                return
            raise self._error("cannot be made; make it, for the workers' user") from None
        except OSError as error:
            raise self._error(f"cannot be used: {error.strerror}") from None
        if stat.S_ISLNK(found.st_mode):
            raise self._error("is a symbolic link; name the directory itself")
        if not stat.S_ISDIR(found.st_mode):
            raise self._error("is no directory")
        if found.st_uid != uid:
            raise self._error(f"belongs to uid {found.st_uid}; give it to the workers' uid, {uid}")
        if found.st_mode & 0o077:
            raise self._error(f"is open to others; close it with chmod 700 {self._path}")
        if found.st_mode & 0o700 != 0o700:
            raise self._error(f"is closed to its owner; open it with chmod 700 {self._path}")

    def _try(self) -> None:
        try:
            with self._opened() as directory:
                name = _unfinished_name()
                os.close(os.open(name, _OPEN_FILE, 0o600, dir_fd=directory))
                os.unlink(name, dir_fd=directory)
        except OSError as error:
            raise self._error(f"cannot be written to: {error.strerror}") from None

    def _error(self, what: str) -> CaptureDirectoryError:
        return CaptureDirectoryError(f"capture_errors: {self._path} {what}")

    # In a worker

    def keep(self, content: bytes, *, moment: float, token: str) -> Path:
        """Write a file, in one step for who looks, and remove the oldest ones that are too many.

        :param moment: seconds since the epoch; with the token it makes the file's name.
        :param token: 16 lower-case hexadecimal digits.
        :return: the file.
        :raises OSError: it cannot be written.
        """
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(moment))
        name = f"{stamp}.{int(moment * 1000) % 1000:03}Z-{token}.json"
        with self._opened() as directory:
            unfinished = _unfinished_name()
            fd = os.open(unfinished, _OPEN_FILE, 0o600, dir_fd=directory)
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(content)
                os.rename(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(unfinished, dir_fd=directory)
                raise
            self._prune(directory)
        return Path(self._path, name)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the directory: what is done in it is done in this one, whatever its path becomes."""
        directory = os.open(self._path, _OPEN_DIRECTORY)
        try:
            yield directory
        finally:
            os.close(directory)

    def _prune(self, directory: int) -> None:
        """Remove what is too much. Other workers may be doing the same."""
        names = sorted(os.listdir(directory), reverse=True)
        octets = 0
        for index, name in enumerate([name for name in names if _NAME.fullmatch(name)]):
            size = _size(name, directory)
            octets += size
            if index and (index >= self._files or octets > self._octets):
                octets -= size
                _remove(name, directory)
        oldest = time.time() - _ABANDONED_SECONDS
        for name in names:
            if _UNFINISHED.fullmatch(name) and _changed(name, directory) < oldest:
                _remove(name, directory)


def _unfinished_name() -> str:
    return f".{secrets.token_hex(8)}.tmp"


def _size(name: str, directory: int) -> int:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_size
    except OSError:
        return 0  # another worker has just removed it


def _changed(name: str, directory: int) -> float:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime
    except OSError:
        return time.time()


def _remove(name: str, directory: int) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=directory)
