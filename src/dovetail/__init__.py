"""Dovetail: WSGI server, toolkit and framework, from ``accept()`` to the view function.

The framework's names are here: ``from dovetail import App, render_template, request``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail.app import json
    from dovetail.app.application import App
    from dovetail.app.blueprints import Blueprint
    from dovetail.app.config import Config
    from dovetail.app.contexts import (
        after_this_request,
        copy_current_request_context,
        has_app_context,
        has_request_context,
        stream_with_context,
    )
    from dovetail.app.json import jsonify
    from dovetail.app.messages import flash, get_flashed_messages
    from dovetail.app.proxies import current_app, g, request, session
    from dovetail.app.responses import (
        abort,
        make_response,
        redirect,
        send_file,
        send_from_directory,
        url_for,
    )
    from dovetail.app.signals import (
        appcontext_popped,
        appcontext_pushed,
        appcontext_tearing_down,
        before_render_template,
        got_request_exception,
        message_flashed,
        request_finished,
        request_started,
        request_tearing_down,
        template_rendered,
    )
    from dovetail.app.templating import (
        get_template_attribute,
        render_template,
        render_template_string,
        stream_template,
        stream_template_string,
    )
    from dovetail.app.wrappers import Request, Response

__version__ = "0.1.0"

# The server does without the framework, and without the libraries that come with it: a name's
# module is imported when the name is asked for.
_PLACES = {
    name: module
    for module, names in {
        "application": "App",
        "blueprints": "Blueprint",
        "config": "Config",
        "contexts": """
            after_this_request copy_current_request_context has_app_context has_request_context
            stream_with_context
        """,
        "json": "jsonify",
        "messages": "flash get_flashed_messages",
        "proxies": "current_app g request session",
        "responses": "abort make_response redirect send_file send_from_directory url_for",
        "signals": """
            appcontext_popped appcontext_pushed appcontext_tearing_down before_render_template
            got_request_exception message_flashed request_finished request_started
            request_tearing_down template_rendered
        """,
        "templating": """
            get_template_attribute render_template render_template_string stream_template
            stream_template_string
        """,
        "wrappers": "Request Response",
    }.items()
    for name in names.split()
}

__all__ = [
    "App",
    "Blueprint",
    "Config",
    "Request",
    "Response",
    "__version__",
    "abort",
    "after_this_request",
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "copy_current_request_context",
    "current_app",
    "flash",
    "g",
    "get_flashed_messages",
    "get_template_attribute",
    "got_request_exception",
    "has_app_context",
    "has_request_context",
    "json",
    "jsonify",
    "make_response",
    "message_flashed",
    "redirect",
    "render_template",
    "render_template_string",
    "request",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "send_file",
    "send_from_directory",
    "session",
    "stream_template",
    "stream_template_string",
    "stream_with_context",
    "template_rendered",
    "url_for",
]


def __getattr__(name: str) -> Any:
    """Import a name of the framework (PEP 562)."""
    if name == "json":
        found: Any = import_module("dovetail.app.json")
    elif name in _PLACES:
        found = getattr(import_module(f"dovetail.app.{_PLACES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
