"""Who sends a request: the user who runs the server, a page of ours, or anybody."""

from __future__ import annotations

import os
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from dovetail.data.hosts import host_is_trusted
from dovetail.dev.hosts import ALL_ADDRESSES
from dovetail.dev.peers import ARE_KNOWN, PEER, Peer, find_user

__all__ = ["LOCAL_HOSTS", "hosts_of", "is_of_own_page", "is_of_own_user"]

#: The hosts by which a browser reaches this machine, whatever somebody else's name server says.
LOCAL_HOSTS = (".localhost", "127.0.0.1", "[::1]")
# By these a proxy says that the client is somebody else.
_FORWARDING = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")


def hosts_of(hostname: str) -> list[str]:
    """Return the hosts that are trusted to be this server's.

    :param hostname: what it was told to listen at: a name, an address, or ``unix://PATH``.
    """
    # By 0.0.0.0 browsers reach this machine, too, but do not tell from what site.
    if hostname in ALL_ADDRESSES or hostname.startswith("unix://"):
        return [*LOCAL_HOSTS]
    name = hostname.lower()  # as browsers write it
    return [*LOCAL_HOSTS, f"[{name}]" if ":" in name else name]


def is_of_own_user(environ: dict[str, Any]) -> bool:
    """Tell whether a request is of the user who runs this server, and came through no proxy.

    It has to come from this machine. Its other users, and a proxy that does not say it is one, are
    told apart by whose socket it comes from, where the system tells; what is not known is not the
    user. Elsewhere whoever is at this machine counts.
    """
    if any(name in _FORWARDING or name.startswith("HTTP_X_FORWARDED_") for name in environ):
        return False
    if not _is_from_here(environ):
        return False
    if not ARE_KNOWN:
        return True
    peer = environ.get(PEER)
    user = peer.user if isinstance(peer, Peer) else _look_up(environ)
    return user is not None and user == os.geteuid()


def _is_from_here(environ: dict[str, Any]) -> bool:
    client = environ.get("REMOTE_ADDR", "")
    if client in {"", "<local>"}:
        return not environ.get("REMOTE_PORT", "").strip("0")  # a Unix socket has no ports
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _look_up(environ: dict[str, Any]) -> int | None:
    """Return whose the client's socket is when another server serves."""
    port = str(environ.get("REMOTE_PORT", ""))
    if not (port.isascii() and port.isdecimal() and len(port) <= 5):
        return None  # that server does not say, or it is a Unix socket that only it has
    return find_user((environ["REMOTE_ADDR"], int(port)))


def is_of_own_page(environ: dict[str, Any]) -> bool:
    """Tell whether a request may be one of our own page's, or of the user himself.

    What browsers say of where it comes from decides; other programs say nothing. The scheme does
    not count, because a proxy may have taken off TLS.
    """
    fetched = environ.get("HTTP_SEC_FETCH_SITE")
    if fetched not in {None, "same-origin", "none"}:
        return False
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return True
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    if bool(host) and host == environ.get("HTTP_HOST"):
        return True
    # A proxy on this machine may have put its own name for the server in the place of the host.
    # The browser compares with the address that it has asked.
    return fetched == "same-origin" and host_is_trusted(host, LOCAL_HOSTS)
