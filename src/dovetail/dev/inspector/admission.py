"""Who may see what the inspector has seen, and who may act on it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from typing import Any

from dovetail.data.hosts import host_is_trusted
from dovetail.dev.clients import LOCAL_HOSTS, is_of_own_page, is_of_own_user

__all__ = ["Admission"]

Environ = dict[str, Any]

_OTHERS = (
    "The inspector does not answer to other machines, to other users of this one, or through a "
    "proxy."
)
_OPEN_HERE = (
    "Open this page on the machine that the server runs on, as http://127.0.0.1:PORT/__dovetail__/"
)
_ENTER_PIN = (
    ", or enter the debugger's PIN in this browser first, at a page about an error or at /console"
)


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
        trusted = self.trusted_hosts or LOCAL_HOSTS
        if not host_is_trusted(environ.get("HTTP_HOST"), trusted):
            return f"The inspector does not answer for this host. {_OPEN_HERE}."
        if not (is_of_own_page(environ) or _is_link(environ)):
            return "The inspector does not answer to the pages of other sites."
        if is_of_own_user(environ):
            return ""
        if self.pin_trust is not None and self.pin_trust(environ) is True:
            return ""
        way = f"{_OPEN_HERE}{'' if self.pin_trust is None else _ENTER_PIN}."
        return f"{_OTHERS} {way}"

    def objection(self, environ: Environ, secret: str) -> str:
        """Return why a client that may see everything must not change anything; empty if it may.

        :param secret: what it sent for the page's secret.
        """
        if not is_of_own_page(environ):
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
