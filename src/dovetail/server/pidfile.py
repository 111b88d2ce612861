"""The pid file: one line, the arbiter's process id."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

__all__ = ["PidFile", "PidFileError", "move_pidfile"]

MAX_READ = 64


class PidFileError(Exception):
    """The pid file cannot be written; the message says what to do."""


class PidFile:
    """A pid file that appears whole or not at all, and never replaces a live server's."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._pid = 0
        self._identity: tuple[int, int] | None = None

    def create(self, pid: int) -> None:
        """Write ``pid`` to the file; raises :class:`PidFileError`.

        A file left behind by a dead process, or by an earlier one with this same pid (every
        container starts again at 1), is replaced.
        """
        try:
            draft = self._write_draft(pid)
        except OSError as error:
            raise PidFileError(
                f"cannot write pid file {self.path}: {error.strerror or error}; "
                "choose a path in a directory that exists and is writable"
            ) from error
        try:
            while not (self._link(draft) or self._replace_stale(draft, pid)):
                continue  # the file appeared or vanished in between: look again
        except OSError as error:
            raise PidFileError(
                f"cannot write pid file {self.path}: {error.strerror or error}"
            ) from error
        finally:
            draft.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the file if it is still the one this object wrote."""
        identity, self._identity = self._identity, None
        if identity is None:
            return
        try:
            found = self.path.lstat()
            if (found.st_dev, found.st_ino) == identity and self._read() == str(self._pid):
                self.path.unlink()
        except OSError:
            return  # gone already, or no longer ours to remove

    def _write_draft(self, pid: int) -> Path:
        descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            os.fchmod(descriptor, 0o644)
            file.write(f"{pid}\n")
            found = os.fstat(descriptor)
        self._pid = pid
        self._identity = (found.st_dev, found.st_ino)
        return Path(name)

    def _link(self, draft: Path) -> bool:
        try:
            os.link(draft, self.path)  # unlike a rename it fails if the name is taken
        except FileExistsError:
            return False
        return True

    def _replace_stale(self, draft: Path, pid: int) -> bool:
        """Put the draft in the place of a dead server's file; false if the name has moved on.

        The old file is locked meanwhile: of two servers that start at once and both find it stale,
        the second then sees that its name leads to another file and looks again.
        """
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            if self.path.is_symlink():
                raise PidFileError(
                    f"{self.path} is a symbolic link that leads nowhere; "
                    "remove it or choose another path"
                ) from None
            return False
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            old = os.fstat(file.fileno())
            try:
                if not os.path.samestat(old, self.path.stat()):
                    return False
            except FileNotFoundError:
                return False
            self._check_stale(file.read(MAX_READ), pid)
            draft.replace(self.path)
        return True

    def _check_stale(self, content: bytes, pid: int) -> None:
        text = content.strip()
        if not text:
            return
        if not (text.isdigit() and len(text) <= 10):
            raise PidFileError(
                f"{self.path} exists and is not a pid file; remove it or choose another path"
            )
        other = int(text)
        if other != pid and is_alive(other):
            raise PidFileError(
                f"already running: pid file {self.path} names process {other}, which is alive; "
                "stop it first, or remove the file if that is another program"
            )

    def _read(self) -> str:
        with self.path.open("rb") as file:
            return file.read(MAX_READ).decode("ascii", "replace").strip()


def move_pidfile(old: PidFile | None, path: str | None, pid: int) -> PidFile | None:
    """Return the pid file at ``path``, written before ``old`` is removed; None for no path.

    Raises :class:`PidFileError`, and ``old`` is still there.
    """
    if old is not None and str(old.path) == path:
        return old
    new = None if path is None else PidFile(path)
    if new is not None:
        new.create(pid)
    if old is not None:
        old.remove()
    return new


def is_alive(pid: int) -> bool:
    """Return whether a process ``pid`` exists, whoever owns it."""
    if pid < 1:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except OverflowError:
        return False
    return True
