"""Listening sockets: bound here, inherited by descriptor, or handed over by systemd."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from dovetail.server.addresses import Address, DescriptorAddress, TCPAddress, UnixAddress

__all__ = ["BindError", "Listener", "bind_all", "describe", "systemd_listeners"]

FIRST_SYSTEMD_FD = 3  # SD_LISTEN_FDS_START
MAX_SYSTEMD_FDS = 1024

# A name may have an address of a family that this machine does not have, such as ::1 for localhost
# in a container without IPv6.
ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class BindError(Exception):
    """An address cannot be listened on; the message is one line and says what to do."""


@dataclass(slots=True, eq=False)
class Listener:
    """A listening socket, non-blocking and closed on ``exec``, and where it came from.

    ``address`` is None if systemd handed the socket over. ``path`` is set if the socket's file is
    ours to remove, by the process ``owner_pid`` only and while it is still the same file.
    """

    socket: socket.socket
    address: Address | None = None
    path: str | None = None
    owner_pid: int = 0
    inode: tuple[int, int] = (0, 0)

    def close(self) -> None:
        """Close the socket, and remove its file if this process bound it and nobody took over."""
        self.socket.close()
        path, self.path = self.path, None
        if path is None or os.getpid() != self.owner_pid:
            return
        try:
            if _inode(path) == self.inode:
                os.unlink(path)
        except OSError:
            return  # gone already, or in a directory that has been closed to us


def bind_all(
    addresses: Sequence[Address],
    *,
    backlog: int,
    umask: int | None = None,
    owner: tuple[int, int] | None = None,
    reuse_port: bool = False,
    keep: Sequence[Listener] = (),
) -> list[Listener]:
    """Listen on every address; a name may give several listeners.

    Listeners in ``keep`` are used again for the addresses that have not changed (and get the new
    ``backlog``). The others in ``keep`` are left alone: close them when their workers are gone.
    ``umask`` (None: the process's own) and ``owner`` (uid, gid) apply to the files of Unix sockets.

    Raises :class:`BindError`, after closing what it had opened.
    """
    listeners: list[Listener] = []
    fresh: list[Listener] = []
    try:
        for address in dict.fromkeys(addresses):
            kept = [listener for listener in keep if listener.address == address]
            for listener in kept:
                _listen(listener.socket, address, backlog)
            listeners += kept
            if kept:
                continue
            for listener in _open(address, addresses, reuse_port, umask, owner):
                fresh.append(listener)
                listeners.append(listener)
                _listen(listener.socket, address, backlog)
    except BaseException:
        for listener in fresh:
            listener.close()
        raise
    return listeners


def systemd_listeners(environ: MutableMapping[str, str], pid: int) -> list[Listener]:
    """Return the sockets that systemd passed to process ``pid``; they replace the setting bind.

    The variables (sd_listen_fds(3)) are taken out of ``environ`` if they are meant for this
    process, so call it once. Raises :class:`BindError` if one is not a listening stream socket.
    """
    if environ.get("LISTEN_PID") != str(pid):
        return []
    text = environ.get("LISTEN_FDS", "")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environ.pop(name, None)
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= MAX_SYSTEMD_FDS):
        raise BindError(f"LISTEN_FDS={text!r} is not a number of descriptors; unset it")
    descriptors = range(FIRST_SYSTEMD_FD, FIRST_SYSTEMD_FD + int(text))
    return [Listener(_adopt(fd, f"descriptor {fd} from LISTEN_FDS")) for fd in descriptors]


def describe(listener: socket.socket, tls: bool) -> str:
    """Return the listener as a user would type it: ``http://127.0.0.1:8000``, ``unix:/path``."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        path = os.fsdecode(name)
        return "unix:" + ("@" + path[1:] if path.startswith("\0") else path)
    host, port = name[0], name[1]
    if ":" in host:
        host = f"[{host}]"
    return f"{'https' if tls else 'http'}://{host}:{port}"


def _open(
    address: Address,
    all_addresses: Sequence[Address],
    reuse_port: bool,
    umask: int | None,
    owner: tuple[int, int] | None,
) -> Iterator[Listener]:
    match address:
        case TCPAddress():
            yield from _bind_tcp(address, all_addresses, reuse_port)
        case UnixAddress():
            yield _bind_unix(address, umask, owner)
        case DescriptorAddress(fd):
            yield Listener(_adopt(fd, str(address)), address)


def _listen(sock: socket.socket, address: Address, backlog: int) -> None:
    try:
        sock.listen(backlog)  # a second time it sets the backlog anew
        sock.setblocking(False)
    except OSError as error:
        raise _bind_error(str(address), error) from error


# TCP


def _bind_tcp(
    address: TCPAddress, all_addresses: Sequence[Address], reuse_port: bool
) -> Iterator[Listener]:
    # One [::] serves IPv4 as well, as people expect, unless IPv4 is asked for beside it.
    v6_only = any(
        isinstance(other, TCPAddress) and other.port == address.port and other.host == "0.0.0.0"
        for other in all_addresses
    )
    port, bound, absent = address.port, 0, None
    for family, host in _resolve(address):
        try:
            sock = _bind_port(family, host, port, v6_only, reuse_port)
        except OSError as error:
            if error.errno not in ABSENT:
                raise _bind_error(str(address), error) from error
            absent = error
            continue
        bound += 1
        yield Listener(sock, address)
        port = sock.getsockname()[1]  # port 0: the name's other addresses get the same one
    if not bound:
        raise _bind_error(str(address), absent or OSError(errno.EADDRNOTAVAIL, "")) from absent


def _resolve(address: TCPAddress) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        raise BindError(
            f"cannot listen on {address}: unknown host {address.host!r} ({reason}); "
            "use an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them"
        ) from error
    families = (socket.AF_INET, socket.AF_INET6)
    # A scoped IPv6 address (fe80::1%eth0) keeps its scope when it is given by name again.
    hosts = [(item[0], _scoped(item[4])) for item in found if item[0] in families]
    return list(dict.fromkeys(hosts))


def _scoped(name: tuple[object, ...]) -> str:
    host = str(name[0])
    scoped = len(name) == 4 and name[3] and "%" not in host
    return f"{host}%{name[3]}" if scoped else host


def _bind_port(family: int, host: str, port: int, v6_only: bool, reuse_port: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Connections of a server that just stopped may still be in TIME_WAIT.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6 and v6_only:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


# Unix sockets


def _bind_unix(address: UnixAddress, umask: int | None, owner: tuple[int, int] | None) -> Listener:
    listener = Listener(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), address)
    try:
        _remove_stale(address)
        with _umask(umask):
            listener.socket.bind(address.path)
        listener.inode = _inode(address.path)
        listener.owner_pid = os.getpid()
        listener.path = address.path
        if owner is not None:
            os.chown(address.path, *owner, follow_symlinks=False)
    except OSError as error:
        listener.close()
        raise _bind_error(str(address), error) from error
    except BaseException:
        listener.close()
        raise
    return listener


def _remove_stale(address: UnixAddress) -> None:
    """Remove a socket file that no server listens on any more."""
    path = address.path
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise BindError(
            f"cannot listen on {address}: the file exists and is not a socket; "
            "remove it or choose another path"
        )
    if _answers(path):
        raise OSError(errno.EADDRINUSE, "")
    # Another server may have replaced the file since; this narrows the gap to two system calls.
    if _inode(path) == (found.st_dev, found.st_ino):
        os.unlink(path)


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True  # alive, with a full backlog
    return True


def _inode(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


@contextmanager
def _umask(mask: int | None) -> Iterator[None]:
    if mask is None:
        yield
        return
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# Inherited descriptors


def _adopt(fd: int, name: str) -> socket.socket:
    try:
        sock = socket.socket(fileno=fd)
    except OSError as error:
        reason = "is not open" if error.errno == errno.EBADF else "is not a socket"
        raise BindError(
            f"cannot listen on {name}: it {reason}; "
            "the parent process must pass on a listening socket under this number"
        ) from error
    try:
        _check_stream(sock, name)
        sock.set_inheritable(False)
        sock.setblocking(False)
    except BaseException:
        sock.detach()  # it is not ours to close
        raise
    return sock


def _check_stream(sock: socket.socket, name: str) -> None:
    families = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
    if sock.family not in families or sock.type != socket.SOCK_STREAM:
        raise BindError(
            f"cannot listen on {name}: it is not a TCP or Unix stream socket; "
            "check the ListenStream= line, or what the parent process passes on"
        )
    try:
        sock.getpeername()
    except OSError:
        return  # a socket with a peer is one connection, which cannot listen
    raise BindError(
        f"cannot listen on {name}: it is a connection; "
        "pass on a listening socket (systemd: Accept=no)"
    )


def _bind_error(name: str, error: OSError) -> BindError:
    match error.errno:
        case errno.EADDRINUSE:
            reason = "address in use; stop the other server or choose another address"
        case errno.EACCES | errno.EPERM if name.startswith("unix:"):
            reason = "permission denied; make its directory writable or choose another path"
        case errno.EACCES | errno.EPERM:
            reason = "permission denied; ports below 1024 need root, choose a higher one"
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            reason = "not an address of this machine; use one, or 0.0.0.0 for all of them"
        case errno.ENOENT | errno.ENOTDIR:
            reason = "its directory does not exist; create it or choose another path"
        case _:
            reason = f"{error.strerror or error}; choose another address"
    return BindError(f"cannot listen on {name}: {reason}")
