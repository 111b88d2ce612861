"""What the pages and the list in JSON show of a request."""

from __future__ import annotations

import time
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from dovetail.dev.inspector.entry import Entry, Fields, Head
from dovetail.dev.inspector.parameters import decode_content, decode_form, decode_query
from dovetail.dev.inspector.phases import Timing
from dovetail.dev.places import PREFIX
from dovetail.server.masking import MASK, Mask

__all__ = ["show_entry", "show_head"]

_SHOWN_CONTENT = 64 << 10
# A shell takes no longer argument (MAX_ARG_STRLEN of Linux is 128 KiB).
_LONGEST_ARGUMENT = 100_000
_MEANINGS = {
    "body": "its content was arriving",
    "queue": "it waited for a thread to answer it",
    "routing": "the session was opened and the route found",
    "application": "the application made the answer",
    "view": "the view, and what is registered to run before and after it",
    "template": "templates were rendered",
    "error page": "the error was handled, and the page about it made",
    "write": "the answer was sent, or made piece by piece while it was",
}
# What curl sends by itself, or makes of --data-raw.
_OF_CURL = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect"})


def show_head(head: Head) -> dict[str, Any]:
    """Return what the list shows of a request, with the secrets of its query masked."""
    target = Mask().target(head.target)
    moment = time.localtime(head.at)
    return {
        "id": head.id,
        "url": f"{PREFIX}requests/{head.id}",
        "time": time.strftime("%H:%M:%S", moment),
        "moment": time.strftime("%Y-%m-%d %H:%M:%S", moment),
        "method": head.method,
        "target": target,
        "path": target.partition("?")[0],
        "route": head.route,
        "status": head.status,
        "reason": _reason(head),
        "duration": round(head.duration, 3),
        "took": format_milliseconds(head.duration),
        "phases": _bar(head.phases),
        "summary": ", ".join(
            f"{timing.name} {format_milliseconds(timing.milliseconds)}" for timing in head.phases
        ),
        "slowest": _slowest(head.phases),
        "error": head.is_error,
        "failure": head.failure,
        # It becomes a link, so it must not lead elsewhere.
        "error_page": head.error_page if head.error_page.startswith(PREFIX) else "",
        "aborted": head.aborted,
        "origin": head.origin,
        "client": head.client,
    }


def _bar(phases: list[Timing], scale: float = 1.0) -> list[dict[str, Any]]:
    """Return where each phase is in a bar, in milliseconds times the scale."""
    pieces, begin = [], 0.0
    for timing in phases:
        width = timing.milliseconds * scale
        pieces.append({"name": timing.name, "x": round(begin, 4), "width": round(width, 4)})
        begin += width
    return pieces


def format_milliseconds(value: float) -> str:
    """Return a time for people to read: ``0.04 ms``, ``3.1 ms``, ``1,204 ms``."""
    if value < 1:
        return f"{value:.2f} ms"
    return f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"


def _slowest(phases: list[Timing]) -> str:
    """Return the phase that took most of the time; empty if none did."""
    whole = sum(timing.milliseconds for timing in phases)
    if len(phases) < 2:
        return ""
    longest = max(phases, key=lambda timing: timing.milliseconds)
    return longest.name if longest.milliseconds * 2 > whole else ""


def format_age(seconds: float) -> str:
    """Return how long ago something was, for people: ``3 minutes ago``."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now" if seconds < 5 else f"{int(seconds)} seconds ago"


def _reason(head: Head) -> str:
    if not head.status:
        return "no answer"
    try:
        phrase = HTTPStatus(head.status).phrase
    except ValueError:
        phrase = ""
    return f"{phrase}, broken off".lstrip(", ") if head.aborted else phrase


def show_entry(entry: Entry, scheme: str, *, reveal: bool) -> dict[str, Any]:
    """Return what the page about a request shows.

    :param scheme: by which the page was asked for, and the request most likely, too.
    :param reveal: do not mask secrets.
    """
    mask = None if reveal else Mask()
    row = show_head(entry.head)
    if mask is None:
        row["target"], row["failure"] = entry.head.target, entry.failure
    else:
        mask.target(entry.head.target)
    kind = _field(entry.request_fields, "content-type")
    content, about = _show_content(entry, kind, mask)
    path = unquote(row["path"], errors="replace")
    values: dict[str, Any] = {
        "row": row,
        "entry": entry,
        "phases": _show_phases(entry.head),
        "request_fields": _masked(entry.request_fields, mask),
        "response_fields": _masked(entry.response_fields, mask),
        "path": path if path != row["path"] else "",
        "age": format_age(time.time() - entry.head.at),
        "query": decode_query(row["target"]),
        "form": decode_form(content, kind),
        "indented": decode_content(content, kind),
        "about_content": about,
        "response_kind": _field(entry.response_fields, "content-type"),
        "reveal": reveal,
    }
    text = _readable(content)
    if text is None:
        values["about_content"] += ", which are no text"
    elif len(text) > _SHOWN_CONTENT:
        values["about_content"] += ", of which the first part is shown"
    values["content"] = (text or "")[:_SHOWN_CONTENT]
    values["curl"] = _show_curl(entry, scheme, text or "", mask)
    values["curl_is_masked"] = mask is not None and MASK in values["curl"]
    # The last, when all that is secret is known: it may have been logged, too.
    hide = str if mask is None else mask.text
    values["log_lines"] = [
        replace(line, message=hide(line.message), exception=hide(line.exception))
        for line in entry.log_lines
    ]
    values["worse"] = sum(line.level not in {"DEBUG", "INFO"} for line in entry.log_lines)
    return values


def _masked(fields: Fields, mask: Mask | None) -> Fields:
    return fields if mask is None else mask.fields(fields)


def _show_phases(head: Head) -> list[dict[str, Any]]:
    """Return the phases with their places in a bar of the width 100, and what they mean."""
    whole = sum(timing.milliseconds for timing in head.phases) or 1.0
    return [
        piece
        | {
            "took": format_milliseconds(timing.milliseconds),
            "share": f"{piece['width']:.0f} %",
            "meaning": _MEANINGS[timing.name],
        }
        for timing, piece in zip(head.phases, _bar(head.phases, 100 / whole), strict=True)
    ]


def _show_content(entry: Entry, kind: str, mask: Mask | None) -> tuple[bytes, str]:
    """Return a request's content without its secrets, and what there is to say about it."""
    size = entry.content_length
    if not size:
        return b"", "none"
    about = f"{size:,} octets" + (f" of {kind}" if kind else "")
    if not entry.content:
        return b"", f"{about}, which were not kept"
    if mask is None:
        return entry.content, about
    content = mask.content(entry.content, kind, cut=False)
    if content is None:
        return b"", f"{about}, which have secrets in them and are shown with these only"
    return content, about


def _show_curl(entry: Entry, scheme: str, content: str, mask: Mask | None) -> str:
    """Return a command that sends the same request from a shell."""
    head, fields = entry.head, entry.request_fields
    target = head.target if mask is None else mask.target(head.target)
    url = target
    if target.startswith("/"):
        url = f"{scheme}://{_field(fields, 'host') or 'localhost'}{target}"
    parts = ["curl", "--globoff", "--path-as-is"]
    if head.method == "HEAD":
        parts.append("--head")
    else:
        parts += ["--request", _quote(head.method)]
    for name, value in _masked(fields, mask):
        if name not in _OF_CURL:
            # curl takes "Name:" for a field that it is to leave out, "Name;" for an empty one.
            parts += ["--header", _quote(f"{name}: {value}" if value else f"{name};")]
    if entry.content_length and not _field(fields, "content-type"):
        parts += ["--header", _quote("content-type:")]  # or curl says that it is a form
    if content and len(content.encode()) <= _LONGEST_ARGUMENT:
        parts += ["--data-raw", _quote(content)]
    elif entry.content_length:
        parts += ["--data-binary", "@FILE_WITH_THE_CONTENT"]
    return " ".join([*parts, _quote(url)])


def _field(fields: Fields, name: str) -> str:
    return next((value for key, value in fields if key.lower() == name), "")


def _readable(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _quote(text: str) -> str:
    """Quote for any shell of POSIX."""
    return "'" + text.replace("'", "'\\''") + "'"
