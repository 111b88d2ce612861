"""The development server."""

from __future__ import annotations

from dovetail.dev.certificates import load_ssl_context, make_ssl_devcert
from dovetail.dev.handler import WSGIRequestHandler
from dovetail.dev.server import (
    BaseWSGIServer,
    ForkingWSGIServer,
    ThreadedWSGIServer,
    make_server,
)
from dovetail.dev.serving import is_running_from_reloader, run_simple

__all__ = [
    "BaseWSGIServer",
    "ForkingWSGIServer",
    "ThreadedWSGIServer",
    "WSGIRequestHandler",
    "is_running_from_reloader",
    "load_ssl_context",
    "make_server",
    "make_ssl_devcert",
    "run_simple",
]
