"""What is served instead of an application that could not be started."""

from __future__ import annotations

import io
from types import TracebackType
from typing import NoReturn
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["failing_application"]


def failing_application(error: Exception, trace: TracebackType | None) -> WSGIApplication:
    """Return an application that raises ``error``, with this traceback, at every request."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> NoReturn:  # noqa: ARG001
        __traceback_hide__ = True  # for the debugger: this frame is not the user's
        # The terminal has it already, once.
        environ["wsgi.errors"] = io.StringIO()
        # The debugger's page says that the next save is picked up.
        environ["dovetail.failed_start"] = True
        # Raised again and again, it would otherwise grow.
        raise error.with_traceback(trace)

    return app
