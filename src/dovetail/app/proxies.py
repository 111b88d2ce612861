"""What belongs to the current application and request, from anywhere in the code they run."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from dovetail.toolkit.local import LocalProxy

if TYPE_CHECKING:
    from dovetail.app.application import App
    from dovetail.app.contexts import AppContext, AppGlobals, RequestContext
    from dovetail.app.sessions import SessionMixin
    from dovetail.app.wrappers import Request

__all__ = ["app_ctx", "current_app", "g", "request", "request_ctx", "session"]

_NO_APP = """\
Working outside of application context.

What was called needs the current application, which is known while a request
is handled or a command of the application runs. Elsewhere, put the call inside
"with app.app_context():".\
"""
_NO_REQUEST = """\
Working outside of request context.

What was called needs the current request, which is known while a view function
or one of its hooks runs. A generator that streams a response needs
"stream_with_context()". In a test, put the call inside
"with app.test_request_context():".\
"""

_cv_app: ContextVar[AppContext] = ContextVar("dovetail.app_ctx")
_cv_request: ContextVar[RequestContext] = ContextVar("dovetail.request_ctx")

#: The context of the current application.
app_ctx: AppContext = LocalProxy(  # type: ignore[assignment]
    _cv_app, unbound_message=_NO_APP
)
#: The current application.
current_app: App = LocalProxy(  # type: ignore[assignment]
    _cv_app, "app", unbound_message=_NO_APP
)
#: A namespace that lives as long as the application's context does: for one request, mostly.
g: AppGlobals = LocalProxy(  # type: ignore[assignment]
    _cv_app, "g", unbound_message=_NO_APP
)
#: The context of the current request.
request_ctx: RequestContext = LocalProxy(  # type: ignore[assignment]
    _cv_request, unbound_message=_NO_REQUEST
)
#: The current request.
request: Request = LocalProxy(  # type: ignore[assignment]
    _cv_request, "request", unbound_message=_NO_REQUEST
)
#: The session of the current request.
session: SessionMixin = LocalProxy(  # type: ignore[assignment]
    _cv_request, "session", unbound_message=_NO_REQUEST
)
