"""What the pages and the list in JSON show of a request."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any

from dovetail.dev.inspector.entry import Entry, Fields, Head
from dovetail.dev.inspector.masking import mask_content, mask_fields, mask_target
from dovetail.dev.inspector.phases import Timing

__all__ = ["PREFIX", "show_content", "show_curl", "show_head", "show_phases"]

#: Below this path nothing is the application's.
PREFIX = "/__dovetail__/"

_SHOWN_CONTENT = 64 << 10
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
# What curl sends by itself, or makes of --data-binary.
_OF_CURL = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect"})


def show_head(head: Head) -> dict[str, Any]:
    """Return what the list shows of a request, with the secrets of its query masked."""
    target = mask_target(head.target)
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
        "error": head.is_error,
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


def _reason(head: Head) -> str:
    if not head.status:
        return "no answer"
    try:
        phrase = HTTPStatus(head.status).phrase
    except ValueError:
        phrase = ""
    return f"{phrase}, broken off".lstrip(", ") if head.aborted else phrase


def show_phases(head: Head) -> list[dict[str, Any]]:
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


def show_content(entry: Entry, *, reveal: bool) -> tuple[str, str]:
    """Return a request's content as text, and what there is to say about it.

    :param reveal: show secrets, too.
    """
    size = entry.content_length
    if not size:
        return "", "none"
    kind = _field(entry.request_fields, "content-type")
    about = f"{size} octets" + (f" of {kind}" if kind else "")
    if not entry.content:
        return "", f"{about}, which were not kept"
    if reveal:
        text = _readable(entry.content)
        if text is None:
            return "", f"{about}, which are no text"
    else:
        text = mask_content(kind, entry.content)
        if text is None:
            return "", f"{about}, shown with the secrets only"
    if len(text) > _SHOWN_CONTENT:
        return text[:_SHOWN_CONTENT], f"{about}, of which the first part is shown"
    return text, about


def show_curl(entry: Entry, scheme: str, *, reveal: bool) -> str:
    """Return a command that sends the same request from a shell."""
    head, fields = entry.head, entry.request_fields
    target = head.target if reveal else mask_target(head.target)
    url = target
    if target.startswith("/"):
        url = f"{scheme}://{_field(fields, 'host') or 'localhost'}{target}"
    parts = ["curl", "--globoff", "--path-as-is"]
    if head.method == "HEAD":
        parts.append("--head")
    else:
        parts += ["--request", _quote(head.method)]
    for name, value in fields if reveal else mask_fields(fields):
        if name not in _OF_CURL:
            # curl takes "Name:" for a field that it is to leave out, "Name;" for an empty one.
            parts += ["--header", _quote(f"{name}: {value}" if value else f"{name};")]
    text, _ = show_content(entry, reveal=reveal)
    if text and len(text) < _SHOWN_CONTENT:
        parts += ["--data-binary", _quote(text)]
    elif entry.content_length:
        parts += ["--data-binary", "@FILE_WITH_THE_CONTENT"]
    return " ".join([*parts, _quote(url)])


def _field(fields: Fields, name: str) -> str:
    return next((value for key, value in fields if key == name), "")


def _readable(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _quote(text: str) -> str:
    """Quote for any shell of POSIX; a "@" at the start would make curl read a file."""
    if text.startswith("@"):
        return "$'\\x40" + text[1:].replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "'" + text.replace("'", "'\\''") + "'"
