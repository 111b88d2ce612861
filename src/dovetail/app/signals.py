"""The signals of an application; :mod:`blinker` has the means to connect to them.

Each is sent by the application. With ``signal.connected_to(f, app)`` a test can see what happens.
"""

from __future__ import annotations

from blinker import Namespace

__all__ = [
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "got_request_exception",
    "message_flashed",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "template_rendered",
]

_signals = Namespace()

#: A template was rendered: ``template`` and ``context``.
template_rendered = _signals.signal("template-rendered")
#: A template is about to be rendered: ``template`` and ``context``.
before_render_template = _signals.signal("before-render-template")
#: A request's context is pushed, nothing else was done yet.
request_started = _signals.signal("request-started")
#: The response is complete and about to be sent: ``response``.
request_finished = _signals.signal("request-finished")
#: A request's context is being popped, its functions were called: ``exc``.
request_tearing_down = _signals.signal("request-tearing-down")
#: An exception was not handled: ``exception``. It is logged, or raised in debug mode.
got_request_exception = _signals.signal("got-request-exception")
#: An application's context is being popped, its functions were called: ``exc``.
appcontext_tearing_down = _signals.signal("appcontext-tearing-down")
#: An application's context was pushed.
appcontext_pushed = _signals.signal("appcontext-pushed")
#: An application's context was popped.
appcontext_popped = _signals.signal("appcontext-popped")
#: A message was flashed: ``message`` and ``category``.
message_flashed = _signals.signal("message-flashed")
