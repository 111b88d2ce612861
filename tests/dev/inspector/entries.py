"""Entries of the history, made by hand."""

from __future__ import annotations

from typing import Any

from dovetail.dev.inspector.entry import Entry, Head
from dovetail.dev.inspector.phases import Timing


def make_entry(
    target: str = "/", *, method: str = "GET", origin: int = 0, number: int = 0, **values: Any
) -> Entry:
    head = Head(
        method=method,
        target=target,
        route=values.pop("route", ""),
        status=values.pop("status", 200),
        at=1_750_000_000.0,
        duration=12.5,
        phases=[Timing("routing", 0.5), Timing("view", 12.0)],
        client="127.0.0.1:50000",
        error_page=values.pop("error_page", ""),
        aborted=values.pop("aborted", False),
        origin=origin,
        id=number,
    )
    content = values.get("content", b"")
    given: dict[str, Any] = {
        "version": "HTTP/1.1",
        "request_fields": [("host", "127.0.0.1:5000"), ("user-agent", "tests")],
        "response_fields": [("Content-Type", "text/plain")],
        "response_length": 5,
        "content_length": len(content),
        "pid": 1234,
    }
    return Entry(head=head, **(given | values))
