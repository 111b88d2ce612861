"""The development server."""

from __future__ import annotations

from dovetail.dev.certificates import load_ssl_context, make_ssl_devcert
from dovetail.dev.debugger import DebuggedApplication
from dovetail.dev.handler import WSGIRequestHandler
from dovetail.dev.inspector import Inspector
from dovetail.dev.livereload import LiveReload
from dovetail.dev.reloader import run_with_reloader
from dovetail.dev.server import (
    BaseWSGIServer,
    ForkingWSGIServer,
    ThreadedWSGIServer,
    make_server,
)
from dovetail.dev.serving import is_running_from_reloader, run_simple

__all__ = [
    "BaseWSGIServer",
    "DebuggedApplication",
    "ForkingWSGIServer",
    "Inspector",
    "LiveReload",
    "ThreadedWSGIServer",
    "WSGIRequestHandler",
    "is_running_from_reloader",
    "load_ssl_context",
    "make_server",
    "make_ssl_devcert",
    "run_simple",
    "run_with_reloader",
]
