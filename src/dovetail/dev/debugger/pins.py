"""The debugger's PIN: where it comes from, and how often it may be guessed."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import hmac
import os
import secrets
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO
from wsgiref.types import WSGIApplication

from dovetail.dev import console
from dovetail.dev.workshop import Workshop

if sys.platform == "win32":
    import winreg

try:
    import fcntl
except ImportError:  # where there is no fork, one process at a time counts
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "PIN_TIME",
    "Attempts",
    "check_ticket",
    "get_machine_id",
    "get_pin_and_cookie_name",
    "hash_pin",
    "is_pin",
    "make_ticket",
]

#: How long a browser is trusted that has given the PIN, in seconds: a week.
PIN_TIME = 60 * 60 * 24 * 7

# The second is the documented one of the debugger that this one stands in for.
_VARIABLES = ("DOVETAIL_DEBUG_PIN", "WERKZEUG_DEBUG_PIN")

_KEY_SIZE = 32
_KEY_FILE = "debugger-key"
# Without O_NONBLOCK, a FIFO of that name would be waited for without end.
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
# One that is empty is about to be written by another process: so often it is looked at again.
_LOOKS = 20
_BETWEEN_LOOKS = 0.01  # seconds
_MACHINE_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id", "/proc/sys/kernel/random/boot_id")
_COOKIE_PREFIX = "__dovetail_pin_"

_in_process = threading.Lock()


# --- the PIN


def get_pin_and_cookie_name(app: WSGIApplication) -> tuple[str, str] | tuple[None, None]:
    """Return the PIN of an application, and the name of the cookie of those who have given it.

    It is what DOVETAIL_DEBUG_PIN or else WERKZEUG_DEBUG_PIN says: digits, with dashes anywhere.
    ``off`` there switches the PIN off, and both are None. Otherwise it follows from random bytes
    in a file of the user's (``$XDG_STATE_HOME/dovetail/debugger-key``), so that it stays the same
    for this user, machine and application, and cannot be worked out from what is known of them.
    """
    chosen = _chosen_pin()
    if chosen == "off":
        return None, None
    identity = "\0".join(_identity(app)).encode("utf-8", "surrogatepass")
    cookie_name = _COOKIE_PREFIX + hashlib.sha256(identity).hexdigest()[:20]
    if chosen is None:
        digest = hmac.digest(_key(), b"pin\0" + identity, "sha256")
        chosen = f"{int.from_bytes(digest) % 10**9:09d}"
    return _grouped(chosen), cookie_name


def _chosen_pin() -> str | None:
    for variable in _VARIABLES:
        value = os.environ.get(variable, "").strip()
        digits = value.replace("-", "")
        if value == "off" or (digits.isascii() and digits.isdecimal()):
            return value
        if value:
            console.log(
                "warning", "%s is neither digits nor 'off', so another PIN is used", variable
            )
    return None


def _grouped(pin: str) -> str:
    if "-" in pin:
        return pin
    size = next((size for size in (5, 4, 3) if len(pin) % size == 0), len(pin))
    return "-".join(pin[at : at + size] for at in range(0, len(pin), size))


def _identity(app: object) -> Iterator[str]:
    """What is the same for a user and an application in each run, and not for others."""
    try:
        yield getpass.getuser()
    except (ImportError, KeyError, OSError):
        yield ""
    module = getattr(app, "__module__", None) or type(app).__module__
    yield str(module)
    yield str(getattr(app, "__name__", type(app).__name__))
    yield str(getattr(app, "import_name", ""))
    yield str(getattr(sys.modules.get(str(module)), "__file__", ""))
    machine = get_machine_id() or ""
    yield machine if isinstance(machine, str) else machine.decode("latin-1")


@cache
def get_machine_id() -> str | bytes | None:
    """Return what tells this machine from others; None if it says nothing of that kind."""
    for file in _MACHINE_FILES:
        with contextlib.suppress(OSError):
            if found := Path(file).read_bytes().strip():
                return found
    if sys.platform == "darwin":
        return _mac_id()
    if sys.platform == "win32":
        return _windows_id()
    return None


def _mac_id() -> bytes | None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["/usr/sbin/ioreg", "-c", "IOPlatformExpertDevice", "-d", "2"]
        listing = subprocess.run(command, capture_output=True, timeout=5, check=True).stdout
        for line in listing.splitlines():
            name, _, value = line.partition(b"=")
            if b"IOPlatformUUID" in name:
                return value.strip().strip(b'"')
    return None


if sys.platform == "win32":

    def _windows_id() -> str | bytes | None:
        with (
            contextlib.suppress(OSError),
            winreg.OpenKey(
                winreg.HKEY_LOCAL_MACHINE,
                r"SOFTWARE\Microsoft\Cryptography",
                0,
                winreg.KEY_READ | winreg.KEY_WOW64_64KEY,
            ) as key,
        ):
            value: str | bytes = winreg.QueryValueEx(key, "MachineGuid")[0]
            return value
        return None


# --- the key


def hash_pin(pin: str) -> str:
    """Return a digest of a PIN, or of another text, that only this user's processes can make."""
    return hmac.new(_key(), pin.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:32]


def _key() -> bytes:
    """Return random bytes that stay the same: for ever if possible, else in this server."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.expanduser("~/.local/state")
    return _kept_key(os.path.join(state, "dovetail"))


@cache
def _kept_key(directory: str) -> bytes:
    for place in (Path(directory), Workshop.current().path):
        with contextlib.suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if key := _read_or_make(place / _KEY_FILE):
                return key
    return secrets.token_bytes(_KEY_SIZE)


def _read_or_make(file: Path) -> bytes | None:
    if not file.exists():
        _make(file)
    for _ in range(_LOOKS):
        with open(os.open(file, _READ_FLAGS), "rb") as kept:
            if os.fstat(kept.fileno()).st_size:
                return kept.read(_KEY_SIZE) if _is_private(kept) else None
        time.sleep(_BETWEEN_LOOKS)
    return None


def _make(file: Path) -> None:
    """Put a new key into a file, unless another process is first."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        _write_key(draft)
        os.link(draft, file)  # so it appears whole or not at all
    except FileExistsError:
        return
    except (AttributeError, NotImplementedError, OSError):
        # The system has no hard links, or the file system. Then others may see it empty.
        with contextlib.suppress(FileExistsError):
            _write_key(file)
    finally:
        draft.unlink(missing_ok=True)


def _write_key(file: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(file, flags, 0o600), "wb", buffering=0) as made:
        made.write(secrets.token_bytes(_KEY_SIZE))


def _is_private(file: IO[bytes]) -> bool:
    """Tell whether a key's file is this user's alone, so that nobody else knows the key."""
    found = os.fstat(file.fileno())
    if found.st_size < _KEY_SIZE or not stat.S_ISREG(found.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077


# --- checks


def is_pin(given: str, pin: str) -> bool:
    """Tell whether a text is the PIN; dashes and blanks around it do not count."""
    texts = (text.strip().replace("-", "").encode() for text in (given, pin))
    return hmac.compare_digest(*texts)


def make_ticket(pin: str) -> str:
    """Return a cookie's value that says that the PIN was given now."""
    now = int(time.time())
    return f"{now}|{hash_pin(f'{now}|{pin}')}"


def check_ticket(ticket: str, pin: str) -> bool | None:
    """Tell whether the value of a cookie says that the PIN was given within :data:`PIN_TIME`.

    :return: False if it is too old, or none; None if it was not made for this PIN.
    """
    stamp, bar, signature = ticket.partition("|")
    if not bar or not (stamp.isascii() and stamp.isdecimal()) or len(stamp) > 12:
        return False
    if not hmac.compare_digest(signature.encode(), hash_pin(f"{int(stamp)}|{pin}").encode()):
        return None
    return 0 <= time.time() - int(stamp) + 1 < PIN_TIME


class Attempts:
    """Counts the PINs that were given, in all processes of a server and over its reloads.

    :param name: what is guessed: another cookie's PIN has its own count.
    """

    #: How many wrong ones are answered as such.
    MOST = 10

    def __init__(self, name: str) -> None:
        self._name = f"pin-attempts-{hashlib.sha256(name.encode()).hexdigest()[:16]}"

    def begin(self) -> bool:
        """Count one more, before it is looked at; tell whether it may be looked at.

        Whoever guesses in parallel does not get more of them. If they cannot be counted, none may.
        """
        try:
            with self._count() as file:
                count = _number(file) + 1
                _write(file, count)
        except OSError:
            return False
        return count <= self.MOST

    def count(self) -> int:
        """Return how many there were since the last right one."""
        try:
            with self._count() as file:
                return _number(file)
        except OSError:
            return self.MOST

    def reset(self) -> None:
        """Forget them: this one was right."""
        with contextlib.suppress(OSError), self._count() as file:
            _write(file, 0)

    def delay(self) -> float:
        """Return for how many seconds the answer to a wrong one is held back."""
        return 0.1 * min(self.count(), self.MOST)

    @contextlib.contextmanager
    def _count(self) -> Iterator[IO[bytes]]:
        path = Workshop.current().path / self._name
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        with _in_process, open(os.open(path, flags, 0o600), "r+b", buffering=0) as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _number(file: IO[bytes]) -> int:
    file.seek(0)
    try:
        return int(file.read(16).strip() or b"0")
    except ValueError:
        raise OSError("the count of attempts is damaged") from None


def _write(file: IO[bytes], number: int) -> None:
    file.seek(0)
    file.write(b"%15d\n" % number)
