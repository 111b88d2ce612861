"""Who sends a request: somebody at this machine, a page of ours, or anybody."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

__all__ = ["is_local", "is_of_own_page"]

# By these a proxy says that the client is somebody else.
_FORWARDING = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")


def is_local(environ: dict[str, Any]) -> bool:
    """Tell whether a request comes from this machine, and from no proxy on it."""
    if any(name in _FORWARDING or name.startswith("HTTP_X_FORWARDED_") for name in environ):
        return False
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


def is_of_own_page(environ: dict[str, Any]) -> bool:
    """Tell whether a request may be one of our own page's, or of the user himself.

    What browsers say of where it comes from decides; other programs say nothing. The scheme does
    not count, because a proxy may have taken off TLS.
    """
    if environ.get("HTTP_SEC_FETCH_SITE", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return True
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(host) and host == environ.get("HTTP_HOST")
