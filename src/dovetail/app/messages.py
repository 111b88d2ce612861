"""Messages for the next request, kept in the session."""

from __future__ import annotations

from collections.abc import Container, Iterable

from dovetail.app.proxies import current_app, request_ctx, session
from dovetail.app.signals import message_flashed

__all__ = ["flash", "get_flashed_messages"]

_KEY = "_flashes"


def flash(message: str, category: str = "message") -> None:
    """Keep a message in the session, until :func:`get_flashed_messages` takes it out.

    :param message: the text.
    :param category: the kind of message; common ones are "message", "error", "info" and "warning".
    :raises RuntimeError: there is no current request, or no secret key for its session.
    """
    current = session._get_current_object()  # type: ignore[attr-defined]
    # A new list, and set anew: a session does not see what happens to a list in it.
    current[_KEY] = [*current.get(_KEY, ()), (category, message)]
    if message_flashed.receivers:
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        message_flashed.send(
            app, _async_wrapper=app.ensure_sync, message=message, category=category
        )


def get_flashed_messages(
    with_categories: bool = False, category_filter: Iterable[str] = ()
) -> list[str] | list[tuple[str, str]]:
    """Take the messages out of the session and return them; the same ones during the request.

    :param with_categories: return pairs of category and message.
    :param category_filter: return only the messages of these categories.
    :raises RuntimeError: there is no current request.
    """
    context = request_ctx._get_current_object()  # type: ignore[attr-defined]
    flashes: list[tuple[str, str]] | None = context.flashes
    if flashes is None:
        current = context.session
        flashes = current.pop(_KEY) if _KEY in current else []
        context.flashes = flashes
    if category_filter:
        # An iterator could be looked through once only.
        wanted = category_filter if isinstance(category_filter, Container) else [*category_filter]
        flashes = [flashed for flashed in flashes if flashed[0] in wanted]
    if with_categories:
        return flashes
    return [message for _, message in flashes]
