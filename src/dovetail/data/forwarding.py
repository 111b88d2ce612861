"""What proxies tell of the request they received: X-Forwarded-* and Forwarded (RFC 7239).

Every proxy adds its word at the end of such a field, and whatever stands before may come from the
client. So only as many values from the end count as there are proxies to trust. Values in, values
out: who applies them to a request is another module's matter.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

from dovetail.data.header_values import parse_list_header
from dovetail.http1.errors import BadRequest
from dovetail.http1.grammar import OWS, QUOTED_STRING, TOKEN
from dovetail.http1.target import check_authority

__all__ = [
    "ForwardedElement",
    "Node",
    "Origin",
    "forwarded_origin",
    "parse_forwarded_header",
    "parse_node",
    "split_port",
    "trusted_value",
]

# Parsing stops here; a request passes through a handful of proxies.
_ELEMENTS = 100
# So many commas that trusted proxies put into quoted strings are passed over, which is no
# character of an address or a host.
_QUOTED_COMMAS = 8

# forwarded-pair and what ends it. White space around ";" is not in the RFC but in the world.
_pair = re.compile(rf"[{OWS}]*+(?:({TOKEN})=({TOKEN}|{QUOTED_STRING})[{OWS}]*+)?([;,]|\Z)").match
_unescape = re.compile(r"\\(.)").sub

# Section 6: node-name [ ":" node-port ]; both may be obfuscated.
_node = re.compile(
    r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)|(unknown|_[A-Za-z0-9._-]+))(?::([0-9]{1,5}|_[A-Za-z0-9._-]+))?",
    re.IGNORECASE,
).fullmatch
_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*").fullmatch


class Node(NamedTuple):
    """A node of RFC 7239 section 6: a client or a proxy.

    :ivar name: an IP address, without brackets, or ``unknown``, or an obfuscated identifier.
    :ivar port: digits or an obfuscated port; None if it is not told.
    :ivar is_address: whether the name is an IP address.
    """

    name: str
    port: str | None
    is_address: bool


class ForwardedElement(NamedTuple):
    """One proxy's word (RFC 7239 section 5); None for what it does not say or says badly.

    :ivar client: ``for``: who made the request to the proxy.
    :ivar proxy: ``by``: where the proxy received it.
    :ivar host: the Host field as the proxy received it.
    :ivar proto: the scheme of the request, in lower case.
    """

    client: Node | None
    proxy: Node | None
    host: str | None
    proto: str | None


class Origin(NamedTuple):
    """What a trusted proxy tells of the request; None for what it does not.

    :ivar address: the client's IP address.
    :ivar scheme: ``http`` or ``https``.
    :ivar host: the host, with its port unless that is the usual one.
    :ivar port: the port, in digits.
    :ivar prefix: the path under which the proxy shows the application.
    """

    address: str | None = None
    scheme: str | None = None
    host: str | None = None
    port: str | None = None
    prefix: str | None = None


def trusted_value(value: str | None, trusted: int) -> str | None:
    """Return the value that the outermost trusted proxy added to a list field.

    :param value: the field, its lines joined by commas.
    :param trusted: how many proxies at the end of the list are trusted.
    :return: None if none is trusted, or there are fewer values than that.
    """
    if trusted < 1 or not value:
        return None
    # A quote that a client left open must not swallow what the proxies added behind it.
    values = parse_list_header(value) or [
        item for each in value.split(",") if (item := each.strip(OWS))
    ]
    return values[-trusted] if len(values) >= trusted else None


def split_port(host: str) -> tuple[str, str | None]:
    """Return a host, an IPv6 address with its brackets, and its port if there is one."""
    name, colon, port = host.rpartition(":")
    return (name, port) if colon and not host.endswith("]") else (host, None)


def parse_node(value: str) -> Node | None:
    """Return the node that a ``for`` or a ``by`` names; None if it is malformed."""
    match = _node(value)
    if match is None:
        return None
    ipv6, ipv4, hidden, port = match.groups()
    if port and port[0] != "_" and int(port) > 65535:
        return None
    try:
        # Checked, and in its usual form: one client, one address.
        name = str(IPv6Address(ipv6)) if ipv6 else str(IPv4Address(ipv4)) if ipv4 else hidden
    except AddressValueError:
        return None
    return Node(name, port, not hidden)


def parse_forwarded_header(value: str | None) -> list[ForwardedElement]:
    """Return the elements of a Forwarded field (RFC 7239 section 4), the last proxy's at the end.

    :return: empty if the field is missing or anything in it is malformed, because then it is not
        sure which proxy said what.
    """
    elements: list[ForwardedElement] = []
    pairs: dict[str, str] = {}
    position = 0
    while value is not None and len(elements) < _ELEMENTS:
        match = _pair(value, position)
        if match is None:
            return []
        name, text, end = match.groups()
        if name is not None:
            # Section 4: a parameter may not occur twice.
            if name.lower() in pairs:
                return []
            pairs[name.lower()] = _unescape(r"\1", text[1:-1]) if text[0] == '"' else text
        if end != ";":
            if pairs:
                elements.append(_element(pairs))
                pairs = {}
            if not end:
                return elements
        position = match.end()
    return []


def _element(pairs: dict[str, str]) -> ForwardedElement:
    host, proto = pairs.get("host"), pairs.get("proto")
    return ForwardedElement(
        parse_node(pairs["for"]) if "for" in pairs else None,
        parse_node(pairs["by"]) if "by" in pairs else None,
        host if host is not None and _is_host(host) else None,
        proto.lower() if proto is not None and _scheme(proto) else None,
    )


def _is_host(value: str) -> bool:
    try:
        check_authority(value)
    except BadRequest:
        return False
    return True


def _last_elements(value: str, wanted: int) -> list[ForwardedElement]:
    """Return the elements at the end of a field whose beginning may be malformed.

    Else a client could hide behind the proxy's own address, by sending a quote for example. No
    comma within a quoted string is mistaken for one between elements: from there on, the string's
    last quote opens a string that does not end well.
    """
    elements = parse_forwarded_header(value)
    comma = len(value)
    for _ in range(0 if elements else wanted + _QUOTED_COMMAS):
        comma = value.rfind(",", 0, comma)
        if comma < 0:
            break
        found = parse_forwarded_header(value[comma + 1 :])
        if len(found) >= wanted:
            return found
    return elements


def forwarded_origin(value: str | None, trusted: int) -> Origin:
    """Return what the outermost trusted proxy tells in a Forwarded field.

    :param value: the field, its lines joined by commas.
    :param trusted: how many proxies at the end of the list are trusted.
    :return: all None if none is trusted, there are fewer elements or those of the trusted proxies
        are malformed; what stands before theirs may be anything. A client that is unknown or
        obfuscated has no address, and other schemes than ``http`` and ``https`` are none.
    """
    elements = _last_elements(value, trusted) if value and trusted > 0 else []
    if not elements or len(elements) < trusted:
        return Origin()
    client, _, host, proto = elements[-trusted]
    return Origin(
        address=client.name if client is not None and client.is_address else None,
        scheme=proto if proto in {"http", "https"} else None,
        host=host,
    )
