"""Which user of this machine is at the other end of a connection."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Iterator
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["ARE_KNOWN", "PEER", "Peer", "find_user"]

#: Whether this system tells: only Linux does.
ARE_KNOWN = sys.platform in {"linux", "android"}
#: The key of an environ under which the development server tells of the connection's other end.
PEER = "dovetail.peer"

#: An address and a port.
End = tuple[str, int]

# Of the process's own network namespace, so that equal addresses of others are not met.
_TABLE, _TABLE_6 = "/proc/net/tcp", "/proc/net/tcp6"
# A row is 150 octets: a system with more sockets than this has other things to do.
_MOST_ROWS = 50_000
# While the table is read, sockets come and go, and a row may be skipped.
_TRIES = 2
_MAPPED = bytes(10) + b"\xff\xff"
_CREDENTIALS = struct.Struct("=iII")


class Peer:
    """The other end of a connection of the development server.

    :param sock: this end.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @cached_property
    def user(self) -> int | None:
        """The id of the user whose it is; None if that is not known, or not of this machine."""
        # PERF: asked for once a connection, and only by the debugger's and the inspector's pages.
        try:
            if self._sock.family == getattr(socket, "AF_UNIX", None):
                return _user_of_unix(self._sock)
            client, server = self._sock.getpeername(), self._sock.getsockname()
            return find_user(client[:2], server[:2])
        except (AttributeError, OSError, TypeError, ValueError, struct.error):
            return None  # it is gone, or a stand-in


def _user_of_unix(sock: socket.socket) -> int:
    """Return the user who has connected a Unix socket.

    :raises OSError: nobody has.
    """
    octets = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(octets)[1]
    return user


def find_user(client: End, server: End | None = None) -> int | None:
    """Return the id of the user whose socket a TCP connection from this machine comes from.

    It is looked up in the system's table of sockets.

    :param client: the connection's far end.
    :param server: its near end. Without, all that comes from the far end has to be of one user.
    :return: None if it is not known.
    """
    if not ARE_KNOWN:
        return None
    with contextlib.suppress(OSError, ValueError):
        for _ in range(_TRIES):
            found = set(_users(client, server))
            if len(found) == 1:
                return found.pop()
    return None


def _users(client: End, server: End | None) -> Iterator[int]:
    """Return whose the sockets are that a connection may come from.

    :raises OSError: the table cannot be read to its end.
    :raises ValueError: a host is no address.
    """
    ends = [client] if server is None else [client, server]
    addresses = [_unmapped(host) for host, _ in ends]
    ports = [port for _, port in ends]
    if not any(isinstance(address, IPv6Address) for address in addresses):
        yield from _search(_TABLE, [address.packed for address in addresses], ports)
    wide = [
        address.packed if isinstance(address, IPv6Address) else _MAPPED + address.packed
        for address in addresses
    ]
    yield from _search(_TABLE_6, wide, ports)


def _search(table: str, addresses: list[bytes], ports: list[int]) -> Iterator[int]:
    # "  12: 0100007F:A13F 0100007F:1388 01 ...": addresses are words in the machine's order.
    ends = [f"{_hexadecimal(addresses[at])}:{port:04X}" for at, port in enumerate(ports)]
    wanted = f": {' '.join(ends)} ".encode()
    with open(table, "rb") as rows:
        for number, row in enumerate(rows):
            if number == _MOST_ROWS:
                raise OSError("too many sockets to look through")
            if wanted in row:
                columns = row.split()
                # One without an inode is closed, and said to be root's whosever it was: nobody
                # reads an answer from it.
                if columns[9] != b"0":
                    yield int(columns[7])


def _unmapped(host: str) -> IPv4Address | IPv6Address:
    address = ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _hexadecimal(address: bytes) -> str:
    return "".join(f"{word:08X}" for (word,) in struct.iter_unpack("=I", address))
