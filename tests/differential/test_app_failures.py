"""An exception at each point of a request, on both: who hears of it, and what the client gets."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable
from typing import Any

import pytest
from tests.differential.twins import Twins, same

SIGNALS = (
    *("appcontext_pushed", "appcontext_popped", "appcontext_tearing_down", "got_request_exception"),
    *("request_started", "request_finished", "request_tearing_down"),
    *("before_render_template", "template_rendered"),
)
POINTS = [
    *("", "before", "after", "teardown", "app teardown", "values", "context", "view"),
    *("after this", "open", "no session", "save", "handler", *SIGNALS),
]
CONFIGS: list[dict[str, Any]] = [
    {},
    {"TESTING": True},
    {"DEBUG": True, "PROPAGATE_EXCEPTIONS": False},
    {"TRAP_HTTP_EXCEPTIONS": True},
    {"PROPAGATE_EXCEPTIONS": True},
]


class Failing:
    """Makes an application that fails at one point."""

    def __init__(self, point: str, config: dict[str, Any], handled: str) -> None:
        self.point = point
        self.config = config
        self.handled = handled

    def hit(self, name: str, seen: list[Any], answer: Any = None) -> Callable[..., Any]:
        def function(*args: Any, **kwargs: Any) -> Any:
            seen.append((name, [type(arg).__name__ for arg in args[-1:]], sorted(kwargs)))
            if name == self.point:
                raise ValueError(name)
            return args[0] if answer == "same" else answer

        return function

    def build(self, flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        app = flask.Flask("failing")
        app.config.update(self.config)
        for _ in range(2):  # of each two, to see whether the other one is called
            app.before_request(self.hit("before", seen))
            app.after_request(self.hit("after", seen, "same"))
            app.teardown_request(self.hit("teardown", seen))
            app.teardown_appcontext(self.hit("app teardown", seen))
        app.url_value_preprocessor(lambda endpoint, values: self.hit("values", seen)())
        app.context_processor(self.hit("context", seen, {}))
        for name in SIGNALS:
            note = self.hit(name, seen)
            receive = lambda sender, note=note, **given: note(**given)  # noqa: E731
            getattr(flask, name).connect(receive, app, weak=False)
        app.session_interface = self.sessions(flask, seen)
        if self.handled:
            kinds = {"HTTPException": werkzeug.exceptions.HTTPException, "500": 500}
            kinds |= {"Exception": Exception, "ValueError": ValueError}
            app.register_error_handler(
                kinds[self.handled], self.hit("handler", seen, ("handled", 418))
            )

        @app.route("/")
        def index() -> Any:
            self.hit("view", seen)()
            flask.after_this_request(self.hit("after this", seen, "same"))
            return flask.render_template_string("page")

        return app

    def sessions(self, flask: Any, seen: list[Any]) -> Any:
        opened = self.hit("open", seen)
        saved = self.hit("save", seen)
        has_session = self.point != "no session"

        class Interface(flask.sessions.SessionInterface):  # type: ignore[misc]
            def open_session(self, app: Any, request: Any) -> Any:
                opened()
                return flask.sessions.SecureCookieSession() if has_session else None

            def save_session(self, app: Any, session: Any, response: Any) -> None:
                saved(session)

        return Interface()


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("point", POINTS)
def test_failing_at(point: str, config: dict[str, Any]) -> None:
    def act(handled: str) -> None:
        twins = Twins(Failing(point, config, handled).build)
        logging.getLogger("failing").handlers.clear()
        twins.get("/")
        twins.get("/missing")
        twins.open("/", method="DELETE")
        twins.same(lambda app, flask: (flask.has_request_context(), flask.has_app_context()))

    for handled in ("", "Exception", "ValueError", "HTTPException", "500"):
        contextvars.Context().run(act, handled)  # some failures leave a context behind


def test_contexts_popped_in_the_wrong_order() -> None:
    def act(flask: Any) -> Any:
        app, other = flask.Flask("app"), flask.Flask("other")
        found: list[Any] = []
        app.teardown_request(lambda error: found.append(("request", flask.request.path)))
        for one in (app, other):
            one.teardown_appcontext(lambda error: found.append(("app", flask.current_app.name)))

        def pop(context: Any) -> None:
            try:
                context.pop()
            except Exception as error:
                found.append(type(error).__name__)
            found.append((flask.has_request_context(), flask.has_app_context()))

        for first, second in (
            (app.app_context(), other.app_context()),
            (app.test_request_context("/a"), app.test_request_context("/b")),
            (app.app_context(), app.test_request_context("/a")),
            (app.test_request_context("/a"), app.app_context()),
            (app.test_request_context("/a"), other.test_request_context("/b")),
        ):
            first.push()
            second.push()
            for context in (first, second, first, second):
                pop(context)
        return found

    contextvars.Context().run(same, act)


def test_session_that_cannot_be_opened() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        class Interface(flask.sessions.SecureCookieSessionInterface):  # type: ignore[misc]
            def open_session(self, app: Any, request: Any) -> Any:
                raise LookupError

        app = flask.Flask("failing")
        app.secret_key = "k"
        app.session_interface = Interface()
        app.add_url_rule("/", "index", lambda: "page")
        return app

    twins = Twins(build)
    assert twins.get("/").status == "500 INTERNAL SERVER ERROR"
