"""What the processes of one development server share: a private directory, and a secret in it."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import stat
import tempfile
import threading
import weakref
from contextlib import AbstractContextManager
from pathlib import Path

from dovetail.dev.endings import clearing_up, ctrl_c_ignored

try:
    import fcntl
except ImportError:  # then what others have left behind stays where it is
    fcntl = None  # type: ignore[assignment]

__all__ = ["VARIABLE", "Workshop", "removed_on_signals"]

#: The environment variable by which a process finds the directory of the one that started it.
VARIABLE = "DOVETAIL_DEV_WORKSHOP"

_PREFIX = "dovetail-dev-"
_SECRET = "secret"
_MAKER = "maker"

# The names of Unix sockets in the directory must fit into 104 bytes on the strictest systems.
_LONGEST_PARENT = 56

_making = threading.Lock()


class Workshop:
    """A directory that only this user can enter, for one development server.

    The first process makes it, and removes it when it ends. Those that it forks or starts anew
    after a reload find it by :data:`VARIABLE`.

    :ivar path: the directory.
    :ivar secret: random text of 32 characters, the same in all processes and over reloads.
    """

    _cached: Workshop | None = None

    def __init__(self, path: Path, secret: str) -> None:
        self.path = path
        self.secret = secret
        if fcntl is not None:
            # As long as one process has it, nobody takes the directory for left behind.
            fd = os.open(path / _MAKER, os.O_RDONLY)
            # A program that replaces itself has it without a gap.
            os.set_inheritable(fd, True)
            weakref.finalize(self, os.close, fd)
            fcntl.flock(fd, fcntl.LOCK_SH)

    @classmethod
    def current(cls) -> Workshop:
        """Return the workshop of this development server; make it if there is none.

        A directory that is not this user's alone, or that has no secret, is not taken.

        :raises OSError: there is none, and none can be made.
        """
        with _making:
            named = os.environ.get(VARIABLE)
            found = cls._cached
            if found is None or named != str(found.path) or not _is_private(found.path):
                found = cls._cached = (_open(Path(named)) if named else None) or _make()
            return found

    @property
    def is_shared(self) -> bool:
        """Whether this process was started, or forked, by the one that made the directory."""
        return _read(self.path / _MAKER) != str(os.getpid())

    def __repr__(self) -> str:
        return f"Workshop({str(self.path)!r})"


def removed_on_signals() -> AbstractContextManager[None]:
    """Meanwhile, have this process remove its workshop, too, when SIGTERM or SIGHUP ends it.

    It ends by the signal all the same. A signal that somebody handles, or ignores, is left alone.
    """
    return clearing_up(_remove_own)


def _remove_own() -> None:
    # Without the lock, which this process may be holding.
    found = Workshop._cached
    if found is not None and not found.is_shared:
        _remove(found.path, os.getpid())


def _make() -> Workshop:
    parent = _parent()
    path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    # First, because the disk may be full: nobody else removes what is incomplete.
    atexit.register(_remove, path, os.getpid())
    secret = secrets.token_urlsafe(24)
    _write(path / _MAKER, str(os.getpid()))
    made = Workshop(path, secret)
    # Last, because what has no secret is neither used nor swept away.
    _write(path / _SECRET, secret)
    os.environ[VARIABLE] = str(path)
    _sweep(Path(parent))
    return made


def _sweep(parent: Path) -> None:
    """Remove what servers have left behind that were killed: it holds requests and the like."""
    if fcntl is None:
        return
    for path in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            # Without a secret it is being made at this moment.
            if _is_private(path) and len(_read(path / _SECRET)) >= 32:
                _remove_if_unused(path)


def _remove_if_unused(path: Path) -> None:
    fd = os.open(path / _MAKER, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove_at_once(path)
    finally:
        os.close(fd)


def _parent() -> str:
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) > _LONGEST_PARENT and os.access("/tmp", os.W_OK | os.X_OK):
        return "/tmp"  # mkdtemp() makes a directory of a random name there
    return usual


def _open(path: Path) -> Workshop | None:
    if not _is_private(path):
        return None
    secret = _read(path / _SECRET)
    maker = _read(path / _MAKER)
    if len(secret) < 32 or not maker:
        return None
    if maker == str(os.getpid()):
        # This process replaced the program of the one that made it, which cannot clear up.
        atexit.register(_remove, path, os.getpid())
    try:
        found = Workshop(path, secret)
    except OSError:  # another process has just removed it
        return None
    # Or is just removing it, and had the lock until now.
    return found if _is_private(path) else None


def _is_private(path: Path) -> bool:
    """Tell whether a path is a directory that belongs to this user, and that no other can enter."""
    try:
        found = path.lstat()
    except (OSError, ValueError):
        return False
    if not path.is_absolute() or not stat.S_ISDIR(found.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True  # rights are those of the user's own directory for temporary files
    return found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077


def _read(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text("ascii")[:1024]
    return ""


def _write(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
        file.write(text)


def _remove_at_once(path: Path) -> None:
    # Under another name, a process that has not ended yet makes no file in it meanwhile.
    with contextlib.suppress(OSError):
        path = path.rename(f"{path}-gone")
    shutil.rmtree(path, ignore_errors=True)


def _remove(path: Path, maker: int) -> None:
    # A forked child has the same exit functions as its parent.
    if os.getpid() == maker:
        with ctrl_c_ignored():
            _remove_at_once(path)
        if os.environ.get(VARIABLE) == str(path):
            del os.environ[VARIABLE]
