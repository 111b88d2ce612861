"""The access log: one line a request, in Gunicorn's format language or as JSON.

A format is compiled once, when the server starts, to a function from an :class:`AccessEntry` to
its line. What a client sent is escaped on its way into the line, so that no request can forge a
field or a line.
"""

from __future__ import annotations

import binascii
import json
import re
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from dovetail.gateway.record import RequestRecord

__all__ = ["AccessEntry", "FormatError", "LineFormatter", "compile_format", "escape"]


class FormatError(ValueError):
    """An access log format that cannot be read; the message says where and why."""


@dataclass(slots=True)
class AccessEntry:
    """What is known of a request once its response is finished.

    Text is as it came: native strings with one character for each octet (latin-1). ``method`` and
    ``target`` are empty when the request was refused before they could be read.
    ``response_length`` counts octets of the body, ``duration`` is in seconds and ``started`` in
    seconds since the epoch. Names in ``request_fields`` are in lower case.
    """

    remote_addr: str
    remote_port: int
    method: str
    target: str
    protocol: str
    status: int
    response_length: int
    duration: float
    started: float
    request_fields: list[tuple[str, str]]
    response_fields: list[tuple[str, str]]
    pid: int
    environ: Mapping[str, Any] | None = None

    @property
    def user(self) -> str:
        """The user name of Basic credentials (RFC 7617), or an empty string.

        It is decoded anew on each access: only a format that asks for it pays for it.
        """
        scheme, _, token = self.request_field("authorization").partition(" ")
        if scheme.lower() != "basic":
            return ""
        try:
            credentials = b64decode(token.strip(" "), validate=True)
        except (binascii.Error, ValueError):
            return ""
        name, colon, _ = credentials.partition(b":")
        return name.decode("latin-1") if colon else ""

    def request_field(self, name: str) -> str:
        """Return the value of a request field, repeated ones joined by a comma, or ``""``.

        ``name`` is in lower case.
        """
        return ", ".join([value for key, value in self.request_fields if key == name])

    def response_field(self, name: str) -> str:
        """Return the value of a response field, repeated ones joined by a comma, or ``""``.

        ``name`` is in lower case.
        """
        return ", ".join([value for key, value in self.response_fields if key.lower() == name])


LineFormatter: TypeAlias = Callable[[AccessEntry], str]
_Getter: TypeAlias = Callable[[AccessEntry], object]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# All that may not stand in a line as it is. A space is harmless between quotes only.
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")
_UNSAFE_OR_SPACE = re.compile(r"[^!#-\[\]-~]")


def _escape_character(match: re.Match[str]) -> str:
    character = match.group()
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape(text: str, *, spaces: bool = False) -> str:
    r"""Return ``text`` in printable ASCII, the rest as ``\xHH``, ``\"`` and ``\\``.

    With ``spaces``, spaces are escaped as well, for a place where a space ends a field.
    """
    pattern = _UNSAFE_OR_SPACE if spaces else _UNSAFE
    # PERF: nearly all text is clean; a search that finds nothing is half the price of a sub().
    return pattern.sub(_escape_character, text) if pattern.search(text) else text


class _Stamp:
    """The time in the Common Log Format, made anew once a second."""

    __slots__ = ("_cached",)

    def __init__(self) -> None:
        # One tuple, replaced as a whole: threads may share a stamp without a lock.
        self._cached = (-1, "-")

    def __call__(self, entry: AccessEntry) -> str:
        second = int(entry.started)
        cached = self._cached
        if cached[0] != second:
            local = time.localtime(second)
            # strftime's month follows the locale an application may have set; a log must not.
            month = _MONTHS[local.tm_mon - 1]
            text = time.strftime(f"[%d/{month}/%Y:%H:%M:%S %z]", local)
            self._cached = cached = (second, text)
        return cached[1]


def _path(entry: AccessEntry) -> str:
    path = entry.target.partition("?")[0]
    if path.startswith("/"):
        return path
    # The absolute form (RFC 9112 section 3.2.2); the other forms have no path and stay.
    _, separator, rest = path.partition("://")
    return "/" + rest.partition("/")[2] if separator else path


def _query(entry: AccessEntry) -> str:
    return entry.target.partition("?")[2]


def _request_line(entry: AccessEntry) -> str:
    """Return the escaped request line (``r``), or ``-`` when none was read."""
    method, target, protocol = entry.method, entry.target, entry.protocol
    if not method:
        return "-"
    if _UNSAFE_OR_SPACE.search(method + target + protocol):
        return " ".join([escape(part, spaces=True) for part in (method, target, protocol)])
    return f"{method} {target} {protocol}"


def _decimal_seconds(entry: AccessEntry) -> str:
    return f"{entry.duration:.6f}"


def _client_text(name: str) -> Callable[[AccessEntry], str] | None:
    """Return the getter of an atom whose text the client chose, not escaped yet."""
    texts: dict[str, Callable[[AccessEntry], str]] = {
        "h": lambda entry: entry.remote_addr,
        "u": lambda entry: entry.user,
        "m": lambda entry: entry.method,
        "U": _path,
        "H": lambda entry: entry.protocol,
        "f": lambda entry: entry.request_field("referer"),
        "a": lambda entry: entry.request_field("user-agent"),
        # Not Gunicorn's, where it is a dash: an application of ours says which rule has matched.
        "route": lambda entry: _route(entry.environ) or "",
        # Not Gunicorn's either: what the error log and a captured request name it by.
        "id": lambda entry: _id(entry.environ) or "",
    }
    if len(name) > 3 and name[0] == "{" and name[-2] == "}":
        key = name[1:-2]
        lowered = key.lower()
        texts = {
            "i": lambda entry: entry.request_field(lowered),
            "o": lambda entry: entry.response_field(lowered),
            "e": lambda entry: _environ_text(entry.environ, key),
        }
        return texts.get(name[-1])
    return texts.get(name)


def _environ_text(environ: Mapping[str, Any] | None, key: str) -> str:
    value = environ.get(key) if environ is not None else None
    # An object of the application's is not asked for its text: that could run any code, or raise.
    return str(value) if isinstance(value, str | int | float) else ""


_NUMBERS: dict[str, _Getter] = {
    "s": lambda entry: entry.status,
    "B": lambda entry: entry.response_length,
    "T": lambda entry: int(entry.duration),
    "M": lambda entry: int(entry.duration * 1_000),
    "D": lambda entry: int(entry.duration * 1_000_000),
}
_OWN_TEXTS: dict[str, _Getter] = {
    "r": _request_line,
    "b": lambda entry: entry.response_length or "-",
    "L": _decimal_seconds,
    "p": lambda entry: f"<{entry.pid}>",
}


def _absent(_entry: AccessEntry) -> str:
    return "-"


def _escaped(read: Callable[[AccessEntry], str], *, quoted: bool) -> _Getter:
    """Wrap the getter of foreign text: escaped, and ``-`` when there is none."""
    unsafe = (_UNSAFE if quoted else _UNSAFE_OR_SPACE).search

    def get(entry: AccessEntry) -> str:
        text = read(entry)
        if unsafe(text):
            return escape(text, spaces=not quoted)
        return text or "-"

    return get


def _query_text(*, quoted: bool) -> _Getter:
    """Return the getter of ``q``: unlike other atoms an absent query is empty, as in Apache."""

    def get(entry: AccessEntry) -> str:
        return escape(_query(entry), spaces=not quoted)

    return get


def _getter(name: str, *, quoted: bool) -> _Getter:
    """Return the getter of one atom; an unknown one is ``-``, as Gunicorn has it."""
    if name == "t":
        return _Stamp()
    if name == "q":
        return _query_text(quoted=quoted)
    own = _NUMBERS.get(name) or _OWN_TEXTS.get(name)
    if own is not None:
        return own
    read = _client_text(name)
    return _escaped(read, quoted=quoted) if read is not None else _absent


# A width may be given and filled at either side. A precision may not: it could cut an escape in
# two and leave a lone backslash in front of the closing quote.
_ATOM = re.compile(r"\((?P<name>[^()]*)\)(?P<fill>-?[0-9]{0,3})(?P<type>[sd])")


def compile_format(text: str) -> LineFormatter:
    """Compile an access log format to a function that makes a line, without its newline.

    ``text`` is ``json``, or literal text with Gunicorn's atoms: ``%(h)s``, ``%({x}i)s``; ``%%`` is
    a percent sign. Raises :class:`FormatError` when it is malformed.
    """
    if text == "json":
        return _json_line
    template: list[str] = []
    getters: list[_Getter] = []
    quotes = 0
    position = 0
    while (percent := text.find("%", position)) >= 0:
        literal = text[position:percent]
        quotes += literal.count('"')
        template.append(_checked_literal(literal, position))
        if text.startswith("%%", percent):
            template.append("%%")
            position = percent + 2
            continue
        atom = _match_atom(text, percent)
        template.append("%" + atom["fill"] + atom["type"])
        getters.append(_getter(atom["name"], quoted=quotes % 2 == 1))
        position = atom.end()
    template.append(_checked_literal(text[position:], position))
    return _line_formatter("".join(template), tuple(getters))


def _match_atom(text: str, percent: int) -> re.Match[str]:
    """Match the atom behind the percent sign at ``percent``."""
    atom = _ATOM.match(text, percent + 1)
    if atom is None:
        raise FormatError(
            f"no atom after the % at column {percent + 1} ({text[percent : percent + 12]!r}): "
            "write %(name)s, or %% for a percent sign"
        )
    if atom["type"] == "d" and atom["name"] not in _NUMBERS:
        raise FormatError(
            f"{atom.group()[: len(atom['name']) + 2]} at column {percent + 1} is not a whole "
            f"number: write %({atom['name']})s"
        )
    return atom


def _checked_literal(literal: str, position: int) -> str:
    for offset, character in enumerate(literal):
        if character != "\t" and not character.isprintable():
            raise FormatError(
                f"control character {character!r} at column {position + offset + 1}: "
                "an entry is one line"
            )
    return literal


def _line_formatter(template: str, getters: tuple[_Getter, ...]) -> LineFormatter:
    def line(entry: AccessEntry) -> str:
        return template % tuple([get(entry) for get in getters])

    return line


_encode_json = json.JSONEncoder(ensure_ascii=True, separators=(", ", ": ")).encode


def _decoded(text: str) -> str:
    """Return wire text, one character an octet, as the UTF-8 it is, or else as latin-1."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text
    except UnicodeEncodeError:
        # Not from the wire: the name of a Unix socket's peer may hold surrogates.
        return text.encode("utf-8", "replace").decode("utf-8")


def _route(environ: Mapping[str, Any] | None) -> str | None:
    """Return the rule that the application says has matched."""
    record = environ.get("dovetail.request") if environ is not None else None
    return (_decoded(record.route) or None) if isinstance(record, RequestRecord) else None


def _id(environ: Mapping[str, Any] | None) -> str | None:
    """Return the request's id; a request that was refused has none."""
    record = environ.get("dovetail.request") if environ is not None else None
    return record.id if isinstance(record, RequestRecord) else None


def _json_line(entry: AccessEntry) -> str:
    """Return the entry as one JSON object; what is absent is ``null``."""
    started = datetime.fromtimestamp(entry.started, UTC)
    return _encode_json(
        {
            "time": started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "remote_addr": _decoded(entry.remote_addr) or None,
            "remote_port": entry.remote_port or None,
            "user": _decoded(entry.user) or None,
            "method": _decoded(entry.method) or None,
            "target": _decoded(entry.target) or None,
            "path": _decoded(_path(entry)) or None,
            "query": _decoded(_query(entry)),
            "route": _route(entry.environ),
            "request_id": _id(entry.environ),
            "protocol": _decoded(entry.protocol) or None,
            "host": _decoded(entry.request_field("host")) or None,
            "status": entry.status,
            "response_length": entry.response_length,
            "duration_ms": round(entry.duration * 1_000, 3),
            "referer": _decoded(entry.request_field("referer")) or None,
            "user_agent": _decoded(entry.request_field("user-agent")) or None,
            "pid": entry.pid,
        }
    )
