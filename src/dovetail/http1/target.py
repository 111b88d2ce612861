"""The request target and the Host grammar (RFC 9112 section 3.2, RFC 3986 section 3.2)."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

from dovetail.http1.errors import BadRequest
from dovetail.http1.events import TargetForm

__all__ = ["Target", "check_authority", "parse_target"]

# uri-host [ ":" port ]: IP-literal, or reg-name, of which an IPv4 address is one.
_AUTHORITY = re.compile(
    r"""
    (?P<host>
        \[ (?: (?P<ipv6>[0-9A-Fa-f:.]{2,45})
             | [vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+ ) \]
      | (?: [A-Za-z0-9\-._~!$&'()*+,;=] | %[0-9A-Fa-f]{2} )+
    )
    (?: : (?P<port>[0-9]*) )?
    """,
    re.VERBOSE,
).fullmatch

_ABSOLUTE = re.compile(r"https?://([^/?]*)(/[^?]*)?(?:\?(.*))?", re.IGNORECASE).fullmatch


class Target(NamedTuple):
    """A request target taken apart; ``path`` and ``query`` are still percent-encoded."""

    form: TargetForm
    path: str = ""
    query: str = ""
    authority: str = ""


@lru_cache(maxsize=512)
def check_authority(authority: str) -> None:
    """Check ``uri-host [":" port]``; the port may be empty, the host may not.

    Userinfo is refused: it serves only to make one host look like another (RFC 9110 4.2.4), and
    so is an empty host (RFC 9110 4.2.1).

    :raises BadRequest: the text does not follow the grammar.
    """
    match = _AUTHORITY(authority)
    if match is None:
        raise BadRequest("malformed host")
    if match["ipv6"] is not None:
        try:
            ipaddress.IPv6Address(match["ipv6"])
        except ValueError:
            raise BadRequest("malformed IPv6 address in host") from None
    if match["port"] and int(match["port"].lstrip("0")[:6] or "0") > 65535:
        raise BadRequest("port out of range in host")


def parse_target(method: str, target: str) -> Target:
    """Take a request target apart, allowing each form only where RFC 9112 section 3.2 does.

    :param target: latin-1 text without spaces or control characters.
    :raises BadRequest: an octet or a form that is not allowed there.
    """
    if not target.isascii() or "#" in target or "\t" in target:
        raise BadRequest("an octet is not allowed in a request target")
    if method == "CONNECT":
        # 3.2.3: authority-form, and only this form, and the port is not optional
        check_authority(target)
        if not re.search(r":[0-9]+\Z", target):
            raise BadRequest("CONNECT needs a host and a port")
        return Target(TargetForm.AUTHORITY, authority=target)
    if target.startswith("/"):
        path, _, query = target.partition("?")
        return Target(TargetForm.ORIGIN, path, query)
    if target == "*":
        # 3.2.4: only for a server-wide OPTIONS
        if method != "OPTIONS":
            raise BadRequest("the asterisk-form is for OPTIONS only")
        return Target(TargetForm.ASTERISK)
    match = _ABSOLUTE(target)
    if match is None:
        raise BadRequest("malformed request target")
    authority, path, query = match.groups(default="")
    check_authority(authority)
    return Target(TargetForm.ABSOLUTE, path or "/", query, authority)
