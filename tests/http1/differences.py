"""The known differences to h11 and llhttp, and the comparison that knows them.

This table is the source of docs/design/http1-differences.md; to write the page anew:

    python -m tests.http1.differences > docs/design/http1-differences.md

A row with ``refusal`` explains why we refuse what a peer takes; with ``theirs`` why a peer refuses
what we take; with ``adjust`` why both take a request but not as the same one. A peer without a
column of its own in a row does as we do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

from tests.http1.peers import PEERS, Parsed, Verdict, read_ours

__all__ = ["DIFFERENCES", "Row", "UnexplainedDifference", "compare", "render"]

Adjust = Callable[[Parsed, Parsed], bool]
Engine = Callable[[bytes], Verdict]


class UnexplainedDifference(AssertionError):
    """The engines disagree and no row says why."""


@dataclass(frozen=True)
class Row:
    """One difference, with the reason for it.

    ``refusal`` and ``theirs`` are patterns for the texts of the errors, ``stream`` one for the
    octets. ``adjust`` gets the two requests, makes theirs look like ours in the one point that the
    row is about, and tells whether they differed there. Behind a row that ``parts``, the two
    engines read different things, and the comparison ends.
    """

    what: str
    ours: str
    reason: str
    h11: str = ""
    llhttp: str = ""
    refusal: str = ""
    theirs: str = ""
    stream: bytes = b""
    adjust: Adjust | None = None
    parts: bool = False

    def concerns(self, peer: str) -> bool:
        """Tell whether the row is about this peer."""
        return bool({"h11": self.h11, "llhttp": self.llhttp}[peer])

    def explains(self, raw: bytes, ours: str | None, theirs: str | None) -> bool:
        """Tell whether one engine refuses ``raw``, with that text, for the reason of this row."""
        if re.search(self.stream, raw, re.DOTALL) is None:
            return False
        for pattern, refusal in ((self.refusal, ours), (self.theirs, theirs)):
            if pattern and refusal is not None and re.search(pattern, refusal):
                return True
        return False


def _host_replaced(ours: Parsed, theirs: Parsed) -> bool:
    if not re.match(rb"https?://", ours.target, re.IGNORECASE):
        return False
    before = theirs.fields
    others = [pair for pair in before if pair[0] != b"host"]
    theirs.fields = [ours.fields[0], *others]
    return theirs.fields != before


def _coding_lowered(ours: Parsed, theirs: Parsed) -> bool:
    before = theirs.fields
    written = [pair for pair in ours.fields if pair[0] == b"transfer-encoding"]
    theirs.fields = [
        written[0] if pair == (b"transfer-encoding", b"chunked") and written else pair
        for pair in before
    ]
    return theirs.fields != before


def _white_space_behind(ours: Parsed, theirs: Parsed) -> bool:
    before = theirs.fields, theirs.trailers
    theirs.fields = [(name, value.rstrip(b" \t")) for name, value in theirs.fields]
    theirs.trailers = [(name, value.rstrip(b" \t")) for name, value in theirs.trailers]
    return (theirs.fields, theirs.trailers) != before


def _minor_version(ours: Parsed, theirs: Parsed) -> bool:
    if ours.version == b"1.1" and re.fullmatch(rb"1\.[2-9]", theirs.version):
        theirs.version = b"1.1"
        return True
    return False


def _kept_http10(ours: Parsed, theirs: Parsed) -> bool:
    differs = ours.version == b"1.0" and ours.keep_alive and not theirs.keep_alive
    theirs.keep_alive |= differs
    return differs


def _close_and_keep_alive(ours: Parsed, theirs: Parsed) -> bool:
    options = b",".join(value.lower() for name, value in ours.fields if name == b"connection")
    if not ours.complete or not theirs.complete:
        return False
    differs = theirs.keep_alive and not ours.keep_alive and b"keep-alive" in options
    theirs.keep_alive &= not differs
    return differs


def _content_of_upgrade(ours: Parsed, theirs: Parsed) -> bool:
    upgrades = ours.method == b"CONNECT" or any(name == b"upgrade" for name, _ in ours.fields)
    without = theirs.complete and not theirs.body and not theirs.trailers
    framing = [pair for pair in ours.fields if pair[0] in (b"content-length", b"transfer-encoding")]
    return upgrades and without and bool(framing)


_REFUSED = "refused, 400"

DIFFERENCES = (
    Row(
        "A bare LF ends a line",
        _REFUSED,
        "RFC 9112 2.2 lets a server accept it; a proxy that does not is then out of step.",
        h11="accepted",
        refusal="does not end with CRLF|malformed chunk size",
        stream=b"[^\r]\n",
    ),
    Row(
        "A folded field line",
        _REFUSED,
        "RFC 9112 5.2: refuse it, or put spaces in its place; two readings are one too many.",
        h11="joined by a space",
        refusal="malformed field name|a field line without a colon",
        stream=b"\n[ \t]",
    ),
    Row(
        "A control character in a field value, not NUL",
        _REFUSED,
        "RFC 9110 5.5 lets only HTAB into a value; VT, FF and FS are white space to some.",
        h11="accepted",
        refusal="a control character in the fields",
        stream=b"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]",
    ),
    Row(
        'A host, in Host or in the target, that is no `uri-host [":" port]`',
        _REFUSED,
        "RFC 9112 3.2 asks for a 400; applications build links of it and choose tenants by it.",
        h11="accepted",
        llhttp="accepted",
        refusal="malformed host|malformed IPv6 address in host|port out of range in host",
    ),
    Row(
        "HTTP/1.1 without Host",
        _REFUSED,
        "RFC 9112 3.2 asks for a 400.",
        llhttp="accepted",
        refusal="an HTTP/1.1 request needs a Host field",
    ),
    Row(
        "A minor version higher than 1 without Host",
        _REFUSED,
        "RFC 9112 3.2 and RFC 9110 2.5: it is processed as HTTP/1.1; h11 asks 1.1 alone for Host.",
        h11="accepted",
        refusal="an HTTP/1.1 request needs a Host field",
        stream=rb"HTTP/1\.[2-9]",
    ),
    Row(
        "More than one Host field",
        _REFUSED,
        "RFC 9112 3.2 asks for a 400.",
        llhttp="accepted",
        refusal="more than one Host field",
    ),
    Row(
        "A target of no form, or of one that the method does not take",
        _REFUSED,
        "RFC 9112 3.2: each form only where it is allowed; neither peer parses the target.",
        h11="accepted",
        llhttp="some accepted",
        refusal="malformed request target|the asterisk-form is for|CONNECT needs a host|"
        "an octet is not allowed in a request target",
    ),
    Row(
        "Content-Length and Transfer-Encoding in one request",
        _REFUSED,
        "RFC 9112 6.1 lets a server refuse it; it is how requests are smuggled.",
        h11="Transfer-Encoding wins",
        refusal="both Transfer-Encoding and Content-Length",
    ),
    Row(
        "Content-Length twice, or a list in it, with equal values",
        _REFUSED,
        "RFC 9112 6.3 lets a server refuse it; no honest client sends it.",
        h11="taken once",
        refusal="malformed Content-Length|more than one Content-Length field",
    ),
    Row(
        "Transfer-Encoding in HTTP/1.0",
        _REFUSED,
        "RFC 9112 6.1: such framing is faulty.",
        h11="accepted",
        llhttp="accepted",
        refusal="Transfer-Encoding in an HTTP/1.0 request",
    ),
    Row(
        "Empty elements in the list of transfer codings",
        _REFUSED,
        "RFC 9110 5.6.1 asks to ignore them; about framing we follow no reading but the plain one.",
        llhttp="ignored",
        refusal="malformed Transfer-Encoding|chunked is not the one final",
        stream=b":[ \t]*,|,[ \t]*,|,[ \t]*\r\n",
    ),
    Row(
        "A transfer coding in front of chunked",
        "refused, 501, or 400 if it is malformed",
        "RFC 9112 6.1: what is not understood cannot be taken off; llhttp leaves it to its user.",
        llhttp="accepted",
        refusal="a transfer coding other than chunked|malformed Transfer-Encoding",
    ),
    Row(
        "Another major version",
        "refused, 505",
        "RFC 9110 15.6.6: its meaning is unknown.",
        h11="accepted",
        llhttp="0.9 and 2.0 accepted",
        refusal="only HTTP/1.1 and HTTP/1.0",
    ),
    Row(
        "Parts of a message over a limit",
        "refused, 413, 414, 431 or 400",
        "RFC 9112 3, RFC 6585 5: h11 bounds the head as a whole, llhttp nothing.",
        h11="accepted",
        llhttp="accepted",
        refusal=" over [0-9]+ octets|^more than [0-9]+ fields",
    ),
    Row(
        "An expectation other than 100-continue",
        "refused, 417",
        "RFC 9110 10.1.1; the peers leave it to their user.",
        h11="accepted",
        llhttp="accepted",
        refusal="the only expectation known here",
    ),
    Row(
        "A chunk extension outside the grammar",
        _REFUSED,
        "RFC 9112 7.1.1: nobody sends extensions but those who look for a gap.",
        h11="accepted",
        llhttp="some accepted",
        refusal="malformed chunk size",
        stream=b";",
    ),
    Row(
        "White space behind a chunk size",
        _REFUSED,
        "RFC 9112 7.1: the grammar has none there unless an extension follows.",
        h11="accepted",
        refusal="malformed chunk size",
        stream=b"\n[0-9A-Fa-f]+[ \t]",
    ),
    Row(
        "More than one space, or no version, in a request line",
        _REFUSED,
        "RFC 9112 3: single spaces; HTTP/0.9 is not spoken.",
        llhttp="accepted",
        refusal="malformed request line|malformed HTTP version|a line does not end with CRLF",
        stream=rb"  |(^|\n)[A-Z]+ [^ \r\n]*\r?\n",
    ),
    Row(
        "Bare CR, LF or too many empty lines before a request line",
        _REFUSED,
        "RFC 9112 2.2: an empty line is a CRLF, and at least one is to be ignored, not all.",
        llhttp="skipped",
        refusal="this is no HTTP request|too many empty lines",
        stream=b"[\r\n]",
    ),
    Row(
        "An empty line before a request line",
        "skipped",
        "RFC 9112 2.2: at least one should be ignored.",
        h11="refused",
        theirs="no request line received",
    ),
    Row(
        "Content-Length of more than 20 digits, most of them zeros",
        "accepted",
        "RFC 9110 8.6: 1*DIGIT; h11 has a bound on the digits, we have one on the number.",
        h11="refused",
        theirs="bad Content-Length",
        stream=b"[0-9]{21}",
    ),
    Row(
        "A chunk size of more than 20 digits, most of them zeros",
        "accepted",
        "RFC 9112 7.1: 1*HEXDIG; h11 has a bound on the digits, we have one on the line.",
        h11="refused",
        theirs="illegal chunk header",
        stream=b"[0-9A-Fa-f]{21}",
    ),
    Row(
        "White space around the semicolon or the equals sign of a chunk extension",
        "accepted",
        "RFC 9110 5.6.3: a recipient has to accept bad white space where the grammar has it.",
        h11="refused",
        llhttp="refused",
        theirs="illegal chunk header|Invalid character in chunk",
        stream=b"[ \t][;=]|[;=][ \t]",
    ),
    Row(
        "Content-Length or Transfer-Encoding among the trailers",
        "kept apart from the head's fields",
        "RFC 9110 6.5.1: trailers do not frame the message; its end is known by then.",
        h11="judged like fields of the head",
        llhttp="judged like fields of the head",
        theirs="Only Transfer-Encoding: chunked is supported|multiple Transfer-Encoding headers|"
        "bad Content-Length|conflicting Content-Length|"
        "Content-Length can't be present with Transfer-Encoding|Invalid `Transfer-Encoding` header",
        stream=b"\r\n0",
    ),
    Row(
        "A method that is not in llhttp's list",
        "accepted",
        "RFC 9110 9.1: any token; who serves it is decided above the parser.",
        llhttp="refused",
        theirs="Invalid method encountered|Expected space after method",
    ),
    Row(
        "A minor version higher than 1",
        "read as HTTP/1.1",
        "RFC 9110 2.5: processed as the highest minor version known.",
        h11="reported as it came",
        llhttp="refused",
        theirs="Invalid HTTP version",
        stream=rb"HTTP/1\.[2-9]",
        adjust=_minor_version,
    ),
    Row(
        "White space behind a field value",
        "stripped",
        "RFC 9110 5.5: no part of the value; llhttp leaves it to its user, and with it the coding.",
        llhttp="kept; behind chunked refused",
        refusal="chunked is not the one final transfer coding",
        theirs="Request has invalid `Transfer-Encoding`",
        stream=b"(?i:chunked)[ \t]+\r\n",
        adjust=_white_space_behind,
    ),
    Row(
        "The Host field beside an absolute-form target",
        "replaced by the target's host",
        "RFC 9112 3.2.2: the field is to be ignored; the peers leave it to their user.",
        h11="as it came",
        llhttp="as it came",
        adjust=_host_replaced,
    ),
    Row(
        "The case of a transfer coding",
        "as it came",
        "RFC 9112 7: codings know no case; no matter which one is shown.",
        h11="lower case",
        adjust=_coding_lowered,
    ),
    Row(
        "HTTP/1.0 with Connection: keep-alive",
        "kept",
        "RFC 9112 9.3 allows it; h11 has chosen not to.",
        h11="closed",
        adjust=_kept_http10,
        parts=True,
    ),
    Row(
        "Both close and keep-alive in Connection",
        "closed",
        "RFC 9112 9.3: close is looked for first.",
        llhttp="kept",
        adjust=_close_and_keep_alive,
        parts=True,
    ),
    Row(
        "Content of CONNECT, or of a request with Upgrade",
        "read",
        "RFC 9110 7.8: the request comes first, whole; llhttp hands over behind the head.",
        llhttp="not read",
        refusal="chunked is not the one final|malformed Transfer-Encoding",
        stream=b"CONNECT ",
        adjust=_content_of_upgrade,
        parts=True,
    ),
)


def compare(raw: bytes, peer: str) -> list[Row]:
    """Compare what we and ``peer`` make of ``raw``; return the rows that were needed for it.

    :raises UnexplainedDifference: no row explains what differs.
    """
    ours, theirs = read_ours(raw), PEERS[peer](raw)
    if ours.refusal is not None and theirs.refusal is None:
        theirs = _outcome_of_waiting(raw, theirs, PEERS[peer])
    elif theirs.refusal is not None and ours.refusal is None:
        ours = _outcome_of_waiting(raw, ours, read_ours)
    rows = [row for row in DIFFERENCES if row.concerns(peer)]
    return list(_compare(raw, ours, theirs, rows))


def _outcome_of_waiting(raw: bytes, verdict: Verdict, engine: Engine) -> Verdict:
    """Return what an engine says in the end that has not refused yet, as another engine has.

    It may only be waiting for the end of a line, of a head or of the chunks, to refuse then.
    """
    ends = [engine(raw + tail) for tail in (b"\r\n\r\n", b"0\r\n\r\n", b"\r\n0\r\n\r\n", b"\r\n")]
    accepting = [end for end in ends if end.completed > verdict.completed]
    if accepting:
        return accepting[0]
    refusing = [end for end in ends if end.refusal is not None]
    return refusing[0] if refusing else verdict


def _compare(raw: bytes, ours: Verdict, theirs: Verdict, rows: list[Row]) -> Iterator[Row]:
    theirs = deepcopy(theirs)
    for mine, other in zip(ours.requests, theirs.requests, strict=False):
        for row in rows:
            if row.adjust is not None and row.adjust(mine, other):
                yield row
                if row.parts:
                    return
        if not mine.complete or not other.complete:
            break
        if mine != other:
            raise UnexplainedDifference(f"{raw!r}\nours   {mine}\ntheirs {other}")
        if not mine.keep_alive:
            return
    yield from _compare_ends(raw, ours, theirs, rows)


def _compare_ends(raw: bytes, ours: Verdict, theirs: Verdict, rows: list[Row]) -> Iterator[Row]:
    mine, other = ours.completed, theirs.completed
    if mine == other and (ours.refusal is None) == (theirs.refusal is None):
        return
    # Who got less far is the one to explain.
    our_reason = ours.refusal if mine <= other else None
    their_reason = theirs.refusal if mine >= other else None
    row = next((row for row in rows if row.explains(raw, our_reason, their_reason)), None)
    if row is None:
        raise UnexplainedDifference(
            f"{raw!r}\nours   {mine} complete, {ours.refusal}"
            f"\ntheirs {other} complete, {theirs.refusal}"
        )
    yield row


def render() -> str:
    """Return the page of the table."""
    lines = [_INTRODUCTION]
    for row in DIFFERENCES:
        cells = (row.what, row.ours, row.h11 or "as ours", row.llhttp or "as ours", row.reason)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


_INTRODUCTION = """\
# How our HTTP/1.1 engine differs from h11 and llhttp

The tests compare the three over a corpus of messages and over damaged ones that Hypothesis makes:
what is accepted, and what was understood. A difference that is not in this table fails them, and
so does a row that no longer occurs. The page is written by `python -m tests.http1.differences`;
"as ours" means that no difference is known. h11 is tested as it is, llhttp in its strict mode as
httptools binds it.

| what differs | ours | h11 | llhttp | why |
| --- | --- | --- | --- | --- |"""


if __name__ == "__main__":
    print(render(), end="")
