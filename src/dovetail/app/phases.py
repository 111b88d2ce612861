"""Marks in a request's record what the application is doing, for the development server.

Connected, it costs a few microseconds a request; not connected, it costs nothing.
"""

from __future__ import annotations

from typing import Any

from dovetail.app.proxies import _cv_request
from dovetail.app.signals import (
    before_render_template,
    got_request_exception,
    request_started,
    template_rendered,
)

__all__ = ["mark_phases", "unmark_phases"]

# A view may render a template for each row of a table; so many are told apart.
_MOST_MARKS = 1000


def _mark(name: str) -> None:
    context = _cv_request.get(None)
    if context is None:
        return  # a template rendered outside of requests
    # A request that the test client makes has no record, even within a view of another one.
    record = context.request.environ.get("dovetail.request")
    marks = getattr(record, "marks", None)
    if record is not None and marks is not None and len(marks) < _MOST_MARKS:
        record.mark(name)


def _mark_matched(*_: Any, **__: Any) -> None:
    _mark("matched")


def _mark_rendering(*_: Any, **__: Any) -> None:
    _mark("rendering")


def _mark_rendered(*_: Any, **__: Any) -> None:
    _mark("rendered")


def _mark_failed(*_: Any, **__: Any) -> None:
    _mark("failed")


_RECEIVERS = (
    (request_started, _mark_matched),
    (before_render_template, _mark_rendering),
    (template_rendered, _mark_rendered),
    (got_request_exception, _mark_failed),
)


def mark_phases() -> None:
    """Mark from now on, in all applications of this process. Doing it again changes nothing.

    The marks are ``matched``, ``rendering`` and ``rendered`` for each template, and ``failed``.
    """
    for signal, receiver in _RECEIVERS:
        signal.connect(receiver)


def unmark_phases() -> None:
    """Stop marking."""
    for signal, receiver in _RECEIVERS:
        signal.disconnect(receiver)
