"""The page a security reviewer reads: where a request ends and what becomes of the connection.

Two recipients that frame one message differently are the cause of request smuggling. So wherever
RFC 9112 lets a server refuse instead of guess, this one refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dovetail.http1.errors import (
    BadRequest,
    ContentTooLarge,
    ExpectationFailed,
    MethodNotImplemented,
)
from dovetail.http1.events import Fields
from dovetail.http1.grammar import OWS, is_token, tokens
from dovetail.http1.limits import Limits
from dovetail.http1.target import check_authority

__all__ = ["Framing", "frame_request"]

_NAMES = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "expect", "upgrade")
)
_digits = re.compile(r"[0-9]+").fullmatch
#: More digits than any length that fits into 63 bits has.
_LENGTH_DIGITS = 18


@dataclass(slots=True)
class Framing:
    """What the fields say about the message and its connection; see :class:`events.Request`."""

    host: str
    length: int | None
    keep_alive: bool
    expects_continue: bool
    upgrade: str


def frame_request(version: str, fields: Fields, limits: Limits) -> Framing:
    """Decide Host, length, keep-alive, Expect and Upgrade of one request.

    :param version: "HTTP/1.1" or "HTTP/1.0".
    :raises BadRequest: missing, doubled, malformed or contradictory fields.
    :raises MethodNotImplemented: a transfer coding other than chunked.
    :raises ContentTooLarge: Content-Length is over ``limits.body``.
    :raises ExpectationFailed: an expectation other than 100-continue.
    """
    found: dict[str, list[str]] = {}
    for name, value in fields:
        if name in _NAMES:
            found.setdefault(name, []).append(value)
    http11 = version == "HTTP/1.1"
    connection = tokens(found["connection"]) if "connection" in found else ()
    length = _length(found, http11, limits)
    return Framing(
        host=_host(found.get("host"), http11),
        length=length,
        keep_alive=_keep_alive(connection, http11),
        expects_continue=_expects_continue(found.get("expect"), http11) and length != 0,
        upgrade=_upgrade(found.get("upgrade"), connection, http11),
    )


def _host(values: list[str] | None, http11: bool) -> str:
    # RFC 9112 3.2: a request without Host, with two, or with a malformed one MUST get a 400.
    # HTTP/1.0 did not know the field, so there it may be missing.
    if values is None:
        if http11:
            raise BadRequest("an HTTP/1.1 request needs a Host field")
        return ""
    if len(values) > 1:
        raise BadRequest("more than one Host field")
    check_authority(values[0])
    return values[0]


def _length(found: dict[str, list[str]], http11: bool, limits: Limits) -> int | None:
    codings = found.get("transfer-encoding")
    lengths = found.get("content-length")
    if codings is not None:
        # RFC 9112 6.1: a server MAY reject a message with both, and one that does not "ought to"
        # close: whoever sends both is either attacking or a broken proxy.
        if lengths is not None:
            raise BadRequest("both Transfer-Encoding and Content-Length")
        # RFC 9112 6.1: HTTP/1.0 has no transfer codings; its framing is faulty.
        if not http11:
            raise BadRequest("Transfer-Encoding in an HTTP/1.0 request")
        _check_codings(codings)
        return None
    if lengths is None:
        return 0  # RFC 9112 6.3 rule 7: no content
    # RFC 9112 6.3 rule 5 allows to accept equal repeated values, or to reject. We reject.
    if len(lengths) > 1:
        raise BadRequest("more than one Content-Length field")
    if _digits(lengths[0]) is None:
        raise BadRequest("malformed Content-Length")
    digits = lengths[0].lstrip("0") or "0"
    if len(digits) > _LENGTH_DIGITS or (limits.body is not None and int(digits) > limits.body):
        raise ContentTooLarge(f"content over {limits.body} octets")
    return int(digits)


def _check_codings(values: list[str]) -> None:
    # RFC 9112 6.1 and 7: the list's elements are codings; ours is chunked, exactly once, last.
    codings = [coding.strip(OWS).lower() for value in values for coding in value.split(",")]
    if codings == ["chunked"]:
        return
    if not all(is_token(coding.partition(";")[0].rstrip(OWS)) for coding in codings):
        raise BadRequest("malformed Transfer-Encoding")
    # RFC 9112 6.3 rule 4: a request whose final coding is not chunked has no reliable length.
    # RFC 9112 7.1: chunked MUST NOT be applied twice.
    if codings[-1] != "chunked" or codings.count("chunked") > 1:
        raise BadRequest("chunked is not the one final transfer coding")
    # RFC 9112 6.1: 501 for a transfer coding that is not understood
    raise MethodNotImplemented("a transfer coding other than chunked")


def _keep_alive(connection: list[str] | tuple[()], http11: bool) -> bool:
    # RFC 9112 9.3, rules in its order
    if "close" in connection:
        return False
    return http11 or "keep-alive" in connection


def _expects_continue(values: list[str] | None, http11: bool) -> bool:
    # RFC 9110 10.1.1: an expectation in an HTTP/1.0 request MUST be ignored
    if values is None or not http11:
        return False
    expectations = tokens(values)
    if any(expectation != "100-continue" for expectation in expectations):
        raise ExpectationFailed("the only expectation known here is 100-continue")
    return bool(expectations)


def _upgrade(values: list[str] | None, connection: list[str] | tuple[()], http11: bool) -> str:
    # RFC 9110 7.8: ignored in HTTP/1.0, and hop-by-hop: it counts only if Connection names it
    if values is None or not http11 or "upgrade" not in connection:
        return ""
    return ", ".join(values)
