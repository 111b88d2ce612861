"""From the host that a user names to a socket's family and address."""

from __future__ import annotations

import os
import socket

__all__ = ["ALL_ADDRESSES", "af_unix", "get_interface_ip", "get_sockaddr", "select_address_family"]

#: The family of Unix sockets; None where the system has none.
af_unix: socket.AddressFamily | None = getattr(socket, "AF_UNIX", None)

#: What stands for all addresses of this machine where a server listens.
ALL_ADDRESSES = ("0.0.0.0", "::", "")

_UNIX_SCHEME = "unix://"

# Addresses that no one has (RFC 5737, RFC 3849): the interface towards them is the one in use.
_NOWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def select_address_family(host: str, port: int) -> socket.AddressFamily:  # noqa: ARG001
    """Return the family of ``host``: Unix for ``unix://PATH``, IPv6 if it has a colon, else IPv4.

    :param port: says nothing about the family; it is part of the documented interface.
    """
    if host.startswith(_UNIX_SCHEME) and af_unix is not None:
        return af_unix
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def get_sockaddr(
    host: str, port: int, family: socket.AddressFamily
) -> tuple[str, int] | tuple[str, int, int, int] | str:
    """Return the address to bind: an absolute path for a Unix socket, else what a look-up gives.

    A name that cannot be looked up is returned as it is; binding it will say what is wrong.
    """
    if family == af_unix:
        return os.path.abspath(host.removeprefix(_UNIX_SCHEME))
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except socket.gaierror:
        return host, port
    return found[0][4]  # type: ignore[return-value]


def get_interface_ip(family: socket.AddressFamily) -> str:
    """Return the address by which other machines reach this one; the loopback's without one.

    Nothing is sent: connecting a datagram socket only chooses the interface.
    """
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((_NOWHERE[family], 9))
        except OSError:
            return _LOOPBACK[family]
        address: str = sock.getsockname()[0]
        return address
