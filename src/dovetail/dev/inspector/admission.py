"""Who may see what the inspector has seen, and who may act on it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from ipaddress import IPv6Address, ip_address
from typing import Any

from dovetail.data.hosts import host_is_trusted

__all__ = ["TRUSTED_HOSTS", "Admission", "is_local"]

Environ = dict[str, Any]

#: The hosts of which nobody else can say that they lead here.
TRUSTED_HOSTS = (".localhost", "127.0.0.1", "[::1]")

# By these a proxy says that the client is somebody else.
_FORWARDING = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")
_WHAT_TO_DO = (
    "Open this page on the machine that the server runs on, as http://127.0.0.1:PORT/__dovetail__/,"
    " or enter the debugger's PIN in this browser first, at a page about an error or at /console."
)


def is_local(environ: Environ) -> bool:
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


class Admission:
    """Decides on requests to the inspector.

    :param secret: what its pages send back with each change.
    :param trusted_hosts: the hosts by which it may be reached; see
        :func:`~dovetail.data.hosts.host_is_trusted`.
    :param pin_trust: tells whether a client has entered the debugger's PIN.
    """

    def __init__(
        self,
        secret: str,
        trusted_hosts: Collection[str],
        pin_trust: Callable[[Environ], bool | None] | None,
    ) -> None:
        self.secret = secret
        self.trusted_hosts = trusted_hosts
        self.pin_trust = pin_trust

    def refusal(self, environ: Environ) -> str:
        """Return why a client gets to see nothing; empty if it may."""
        # An empty list would be one of all hosts.
        trusted = self.trusted_hosts or TRUSTED_HOSTS
        if not host_is_trusted(environ.get("HTTP_HOST"), trusted):
            return f"The inspector does not answer for this host. {_WHAT_TO_DO}"
        if environ.get("HTTP_SEC_FETCH_SITE") in {"cross-site", "same-site"} and not _is_link(
            environ
        ):
            return "The inspector does not answer to the pages of other sites."
        if is_local(environ) or (self.pin_trust is not None and self.pin_trust(environ) is True):
            return ""
        return f"The inspector does not answer to other machines. {_WHAT_TO_DO}"

    def objection(self, environ: Environ, secret: str) -> str:
        """Return why a client that may see everything must not change anything; empty if it may.

        :param secret: what it sent for the page's secret.
        """
        if environ.get("HTTP_SEC_FETCH_SITE", "same-origin") != "same-origin":
            return "Only the inspector's own pages can change anything."
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin != _origin(environ):
            return "Only the inspector's own pages can change anything."
        if not hmac.compare_digest(secret.encode(), self.secret.encode()):
            return "This page is of another run of the server: load it again, and repeat this."
        return ""


def _is_link(environ: Environ) -> bool:
    """Tell whether somebody follows a link from elsewhere, which shows that site nothing."""
    return (
        environ.get("REQUEST_METHOD") in {"GET", "HEAD"}
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
    )


def _origin(environ: Environ) -> str:
    return f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
