"""A request's query and content, decoded for people to read."""

from __future__ import annotations

import io
import json

from dovetail.data.exceptions import RequestEntityTooLarge
from dovetail.data.header_values import parse_options_header
from dovetail.data.urls import parse_query
from dovetail.dev.pages.excerpts import cut
from dovetail.toolkit.forms import MultiPartParser

__all__ = ["decode_content", "decode_form", "decode_query"]

Pairs = list[tuple[str, str]]

_MOST_PAIRS = 200
_NAME_CHARACTERS = 200
_VALUE_CHARACTERS = 500
_JSON_OCTETS = 64 << 10
_JSON_CHARACTERS = 128 << 10


def decode_query(target: str) -> Pairs:
    """Return the parameters in a request's target, in order, as far as a page shows them."""
    return _bound(parse_query(target.partition("?")[2]))


def decode_form(content: bytes, content_type: str) -> Pairs:
    """Return a form's fields, and of its files what they are; empty if it is no form."""
    kind, options = parse_options_header(content_type)
    if kind == "application/x-www-form-urlencoded":
        return _bound(parse_query(content))
    if kind != "multipart/form-data" or not options.get("boundary"):
        return []
    parser = MultiPartParser(stream_factory=_in_memory, max_form_parts=_MOST_PAIRS)
    boundary = options["boundary"].encode("utf-8", "replace")
    try:
        fields, files = parser.parse(io.BytesIO(content), boundary, len(content))
    except (ValueError, RequestEntityTooLarge):
        return []  # it is shown as it came
    shown = list(fields.items(multi=True))
    for name, file in files.items(multi=True):
        size = file.stream.seek(0, io.SEEK_END)
        shown.append((name, f"file {file.filename}, {size:,} octets of {file.content_type}"))
        file.close()
    return _bound(shown)


def decode_content(content: bytes, content_type: str) -> str:
    """Return JSON indented; empty if it is none, or too long."""
    kind, _ = parse_options_header(content_type)
    if "json" not in kind.lower() or len(content) > _JSON_OCTETS:
        return ""
    pieces: list[str] = []
    room = _JSON_CHARACTERS
    try:
        # What is nested deeply gets very long lines, so it is not written to the end first.
        for piece in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(json.loads(content)):
            pieces.append(piece)
            room -= len(piece)
            if room < 0:
                return ""
    except (ValueError, RecursionError):
        return ""
    return "".join(pieces)


def _bound(pairs: Pairs) -> Pairs:
    shown = [
        (cut(name, _NAME_CHARACTERS), cut(value, _VALUE_CHARACTERS))
        for name, value in pairs[:_MOST_PAIRS]
    ]
    if len(pairs) > _MOST_PAIRS:
        shown.append(("…", f"{len(pairs) - _MOST_PAIRS:,} more"))
    return shown


def _in_memory(*_: object, **__: object) -> io.BytesIO:
    return io.BytesIO()
