"""What kind a header field is, and the numbers in header fields."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.data.field_names import FOLDED, fold
from dovetail.data.headers import Headers
from dovetail.http1.grammar import OWS

__all__ = [
    "decimal_number",
    "get_content_length",
    "is_entity_header",
    "is_hop_by_hop_header",
    "remove_entity_headers",
    "remove_hop_by_hop_headers",
]

# RFC 2616 section 7.1: the fields that describe a body, and that a 304 leaves out.
_ENTITY = frozenset(
    {
        "allow",
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-md5",
        "content-range",
        "content-type",
        "expires",
        "last-modified",
    }
)

# RFC 2616 section 13.5.1: the fields that PEP 3333 forbids to applications.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def is_entity_header(header: str) -> bool:
    """Tell whether a field of this name describes the body (RFC 2616 section 7.1)."""
    try:
        return FOLDED[header] in _ENTITY
    except KeyError:
        return fold(header) in _ENTITY


def is_hop_by_hop_header(header: str) -> bool:
    """Tell whether a field of this name concerns one connection only (RFC 2616 13.5.1)."""
    try:
        return FOLDED[header] in _HOP_BY_HOP
    except KeyError:
        return fold(header) in _HOP_BY_HOP


def remove_entity_headers(
    headers: Headers | list[tuple[str, str]],
    allowed: Iterable[str] = ("expires", "content-location"),
) -> None:
    """Take the fields that describe a body out of ``headers``, in place.

    :param allowed: names of fields that stay; a 304 may have the two of the default.
    """
    doomed = _ENTITY.difference([name.lower() for name in allowed])
    headers[:] = [pair for pair in headers if pair[0].lower() not in doomed]


def remove_hop_by_hop_headers(headers: Headers | list[tuple[str, str]]) -> None:
    """Take the fields that concern one connection out of ``headers``, in place."""
    headers[:] = [pair for pair in headers if pair[0].lower() not in _HOP_BY_HOP]


def decimal_number(text: str) -> int | None:
    """Return the number that ``text`` spells in ASCII digits (1*DIGIT), else None.

    ``int()`` takes signs, underscores, white space and the digits of every script; and it refuses
    numbers of thousands of digits, which count as no number here.
    """
    if not (text.isascii() and text.isdigit()):
        return None
    try:
        return int(text)
    except ValueError:
        return None


def get_content_length(
    http_content_length: str | None = None, http_transfer_encoding: str | None = None
) -> int | None:
    """Return the size of a body in octets, as its header fields tell it.

    :param http_content_length: the value of Content-Length.
    :param http_transfer_encoding: the value of Transfer-Encoding.
    :return: None if it is not known beforehand; 0 if Content-Length is malformed.
    """
    if http_content_length is None or (
        http_transfer_encoding is not None and _is_chunked(http_transfer_encoding)
    ):
        return None
    return decimal_number(http_content_length.strip(OWS)) or 0


def _is_chunked(transfer_encoding: str) -> bool:
    # In any place of the list: a body that might be chunked has no length to rely on.
    return "chunked" in [coding.strip(' \t"').lower() for coding in transfer_encoding.split(",")]
