"""The contexts of applications and requests."""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest

from dovetail.app.application import App
from dovetail.app.contexts import (
    AppContext,
    AppGlobals,
    RequestContext,
    after_this_request,
    copy_current_request_context,
    has_app_context,
    has_request_context,
    stream_with_context,
)
from dovetail.app.proxies import app_ctx, current_app, g, request, request_ctx, session
from dovetail.app.sessions import SecureCookieSessionInterface, SessionMixin
from dovetail.app.wrappers import Response
from dovetail.routing.adapter import MapAdapter
from dovetail.toolkit.testing.environ_builder import EnvironBuilder


@pytest.fixture
def app() -> App:
    app = App("contexts")
    app.secret_key = "k"
    app.add_url_rule("/", "index", lambda: "index")
    return app


class TestAppGlobals:
    def test_attributes(self) -> None:
        names = AppGlobals()
        names.a = 1
        assert names.a == 1
        assert "a" in names
        assert list(names) == ["a"]
        del names.a
        assert "a" not in names

    def test_missing(self) -> None:
        with pytest.raises(AttributeError, match="'AppGlobals' object has no attribute 'a'"):
            AppGlobals().a  # noqa: B018 - the access is what fails
        with pytest.raises(AttributeError):
            del AppGlobals().a

    def test_get(self) -> None:
        names = AppGlobals()
        assert names.get("a") is None
        assert names.get("a", 1) == 1
        assert "a" not in names

    def test_pop(self) -> None:
        names = AppGlobals()
        names.a = 1
        assert names.pop("a") == 1
        assert names.pop("a", 2) == 2
        assert names.pop("a", None) is None
        with pytest.raises(KeyError):
            names.pop("a")

    def test_setdefault(self) -> None:
        names = AppGlobals()
        assert names.setdefault("a", []) is names.setdefault("a", None)
        assert names.setdefault("b") is None

    def test_repr(self, app: App) -> None:
        assert "AppGlobals object" in repr(AppGlobals())
        with app.app_context():
            assert repr(g) == "<dovetail.g of 'contexts'>"

    def test_repr_where_it_stands_in_for_flask(
        self, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flask = ModuleType("flask")
        flask.__spec__ = ModuleSpec("flask", None, origin="dovetail.compat")
        monkeypatch.setitem(sys.modules, "flask", flask)
        with app.app_context():
            assert repr(g) == "<flask.g of 'contexts'>"
        assert repr(app) == "<Flask 'contexts'>"
        assert repr(type("Shop", (App,), {})("shop")) == "<Shop 'shop'>"


class TestAppContext:
    def test_push_and_pop(self, app: App) -> None:
        context = AppContext(app)
        assert not has_app_context()
        context.push()
        assert has_app_context()
        assert (app_ctx, current_app) == (context, app)
        context.pop()
        assert not has_app_context()

    def test_with(self, app: App) -> None:
        with app.app_context() as context:
            assert context.app is app
        assert not has_app_context()

    def test_pushed_twice(self, app: App) -> None:
        seen: list[Any] = []
        app.teardown_appcontext(seen.append)
        with app.app_context() as context:
            with context:
                g.x = 1
            assert g.x == 1
            assert seen == []
        assert seen == [None]

    def test_error_goes_to_teardown(self, app: App) -> None:
        seen: list[Any] = []
        app.teardown_appcontext(seen.append)
        error = ValueError()
        with pytest.raises(ValueError), app.app_context():  # noqa: PT011
            raise error
        context = app.app_context()
        context.push()
        context.pop(error)
        context.push()
        try:
            raise error
        except ValueError:
            context.pop()
        assert seen == [error, error, error]

    def test_popped_in_the_wrong_order(self, app: App) -> None:
        first, second = app.app_context(), app.app_context()
        first.push()
        second.push()
        with pytest.raises(AssertionError, match="Popped wrong app context"):
            first.pop()
        with pytest.raises(LookupError):
            second.pop()
        assert not has_app_context()

    def test_popped_too_often(self, app: App) -> None:
        context = app.app_context()
        with pytest.raises(LookupError, match="not pushed"):
            context.pop()
        with context:
            pass
        with pytest.raises(LookupError):
            context.pop()

    def test_url_adapter(self, app: App) -> None:
        assert app.app_context().url_adapter is None
        app.config["SERVER_NAME"] = "localhost"
        context = app.app_context()
        assert isinstance(context.url_adapter, MapAdapter)
        context.url_adapter = None
        assert context.url_adapter is None

    def test_class_of_g(self, app: App) -> None:
        app.app_ctx_globals_class = dict
        context = app.app_context()
        assert context.g == {}
        assert context.g is context.g
        context.g = 1
        assert context.g == 1

    def test_attributes_can_be_added(self, app: App) -> None:
        with app.app_context(), app.test_request_context():
            app_ctx.extra = 1  # type: ignore[attr-defined]
            request_ctx.extra = 2  # type: ignore[attr-defined]
            assert (app_ctx.extra, request_ctx.extra) == (1, 2)  # type: ignore[attr-defined]


class TestRequestContext:
    def test_made_of_an_environment(self, app: App) -> None:
        context = RequestContext(app, EnvironBuilder("/?a=1").get_environ())
        assert context.app is app
        assert context.request.args["a"] == "1"
        assert context.flashes is None
        assert repr(context) == "<RequestContext 'http://localhost/?a=1' [GET] of contexts>"

    def test_made_of_a_request_and_a_session(self, app: App) -> None:
        environ = EnvironBuilder("/").get_environ()
        made = app.request_class(environ)
        opened = app.session_interface.open_session(app, made)
        with RequestContext(app, environ, request=made, session=opened) as context:
            assert request == made
            assert context.session is opened

    def test_push_and_pop(self, app: App) -> None:
        context = app.test_request_context()
        assert not has_request_context()
        context.push()
        assert has_request_context()
        assert has_app_context()
        context.pop()
        assert not has_request_context()
        assert not has_app_context()

    def test_brings_an_application_context_if_there_is_none(self, app: App) -> None:
        other = App("other")
        with app.app_context() as outer:
            with app.test_request_context():
                assert app_ctx == outer
            with other.test_request_context():
                assert current_app == other
            assert app_ctx == outer

    def test_popped_in_the_wrong_order(self, app: App) -> None:
        first, second = app.test_request_context(), app.test_request_context()
        first.push()
        second.push()
        with pytest.raises(AssertionError, match="Popped wrong request context"):
            first.pop()
        assert not has_request_context()
        with pytest.raises(LookupError):  # and it does not become current again
            second.pop()
        assert not has_request_context()
        assert not has_app_context()

    def test_popped_too_often(self, app: App) -> None:
        with pytest.raises(LookupError, match="not pushed"):
            app.test_request_context().pop()

    def test_teardown(self, app: App) -> None:
        seen: list[Any] = []
        app.teardown_request(lambda error: seen.append(("request", error)))
        app.teardown_appcontext(lambda error: seen.append(("app", error, has_request_context())))
        error = ValueError()
        with pytest.raises(ValueError), app.test_request_context():  # noqa: PT011
            raise error
        assert seen == [("request", error), ("app", error, False)]

    def test_teardown_that_fails_leaves_no_context(self, app: App) -> None:
        app.teardown_request(lambda error: 1 // 0)  # type: ignore[type-var]
        context = app.test_request_context()
        context.push()
        with pytest.raises(ZeroDivisionError):
            context.pop()
        assert not has_request_context()
        assert not has_app_context()

    def test_request_is_closed(self, app: App) -> None:
        with app.test_request_context() as context:
            closed: list[int] = []
            context.request.close = lambda: closed.append(1)  # type: ignore[method-assign]
        assert closed == [1]
        assert context.request.environ["werkzeug.request"] is None

    def test_match_request(self, app: App) -> None:
        context = app.test_request_context("/")
        assert context.request.url_rule is None
        context.match_request()
        assert context.request.endpoint == "index"

    def test_match_request_of_a_subclass(self, app: App) -> None:
        class Context(RequestContext):
            def match_request(self) -> None:
                self.request.url_rule = None
                self.request.view_args = {"own": 1}

        app.request_context = lambda environ: Context(app, environ)  # type: ignore[method-assign]
        with app.test_request_context("/"):
            assert request.view_args == {"own": 1}

    def test_route_for_the_servers_log(self, app: App) -> None:
        class Record:
            route = ""

        for path, route in (("/", "/"), ("/nothing", "")):
            environ = EnvironBuilder(path).get_environ()
            environ["dovetail.request"] = Record()
            with app.request_context(environ):
                assert environ["dovetail.request"].route == route

    def test_url_adapter(self, app: App) -> None:
        with app.test_request_context() as context:
            assert isinstance(context.url_adapter, MapAdapter)
            context.url_adapter = None
            assert context.url_adapter is None

    def test_session(self, app: App) -> None:
        context = app.test_request_context()
        with pytest.raises(AssertionError, match="push the request context"):
            context.session  # noqa: B018 - the access is what fails
        with context:
            assert context.session.accessed
            assert context.session is context.session

    def test_copy(self, app: App) -> None:
        with app.test_request_context() as context:
            session["x"] = 1
            copy = context.copy()
        assert copy is not context
        assert copy.request is context.request
        with copy:
            assert session == {"x": 1}

    def test_copy_shares_the_session_that_nobody_asked_for(self, app: App) -> None:
        with app.test_request_context() as context:
            copy = context.copy()
            session["x"] = 1
        with copy:
            assert session == {"x": 1}


class Counting(SecureCookieSessionInterface):
    """Counts how often it is asked."""

    opened = saved = 0

    def open_session(self, app: App, request: Any) -> Any:
        self.opened += 1
        return super().open_session(app, request)

    def save_session(self, app: App, session: SessionMixin, response: Response) -> None:
        self.saved += 1
        super().save_session(app, session, response)


class TestSessions:
    """When they are opened and saved."""

    def test_interface_of_an_application_is_asked_each_time(self, app: App) -> None:
        interface = app.session_interface = Counting()
        app.test_client().get("/")
        assert (interface.opened, interface.saved) == (1, 1)

    def test_interface_with_replaced_methods_is_asked_each_time(
        self, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app.test_client().get("/")
        calls: list[str] = []
        for name in ("open_session", "save_session"):
            original = getattr(app.session_interface, name)

            def call(*args: Any, _name: str = name, _original: Any = original) -> Any:
                calls.append(_name)
                return _original(*args)

            monkeypatch.setattr(app.session_interface, name, call)
        app.test_client().get("/")
        assert calls == ["open_session", "save_session"]

    def test_permanent_session_is_refreshed_without_being_asked_for(self, app: App) -> None:
        @app.route("/begin")
        def begin() -> str:
            session.permanent = True
            return ""

        client = app.test_client()
        client.get("/begin")
        answer = client.get("/")
        assert "Set-Cookie" in answer.headers
        assert answer.headers["Vary"] == "Cookie"
        app.config["SESSION_REFRESH_EACH_REQUEST"] = False
        assert "Set-Cookie" not in client.get("/").headers

    def test_session_that_cannot_be_opened_is_saved_all_the_same(self, app: App) -> None:
        saved: list[Any] = []

        class Broken(SecureCookieSessionInterface):
            def open_session(self, app: App, request: Any) -> Any:
                raise ValueError

            def save_session(self, app: App, session: Any, response: Response) -> None:
                saved.append((session, response.status_code))

        app.session_interface = Broken()
        with patch.object(app, "log_exception"):
            assert app.test_client().get("/").status_code == 500
        assert saved == [(None, 500)]

    def test_null_session(self, app: App) -> None:
        app.secret_key = None
        with app.test_request_context():
            assert session.get("x") is None
            with pytest.raises(RuntimeError, match="secret key"):
                session["x"] = 1


def test_has_contexts(app: App) -> None:
    with app.app_context():
        assert (has_app_context(), has_request_context()) == (True, False)


class TestAfterThisRequest:
    def test_order(self, app: App) -> None:
        @app.route("/ordered")
        def view() -> str:
            @after_this_request
            def first(response: Response) -> Response:
                response.headers.add("X-Order", "1")
                return response

            @after_this_request
            def second(response: Response) -> Response:
                response.headers.add("X-Order", "2")
                return Response("other", headers=response.headers)

            return "one"

        answer = app.test_client().get("/ordered")
        assert answer.headers.getlist("X-Order") == ["1", "2"]
        assert answer.data == b"other"

    def test_outside(self, app: App) -> None:
        with app.app_context(), pytest.raises(RuntimeError, match="'after_this_request' only"):
            after_this_request(lambda response: response)


class TestCopyCurrentRequestContext:
    def test_in_a_thread(self, app: App) -> None:
        seen = []
        with app.test_request_context("/path"):

            @copy_current_request_context
            def work(value: int) -> None:
                seen.append((request.path, value, work.__name__))

            thread = threading.Thread(target=work, args=(1,))
            thread.start()
            thread.join()
        work(2)
        contextvars.Context().run(work, 3)
        assert seen == [("/path", 1, "work"), ("/path", 2, "work"), ("/path", 3, "work")]

    def test_coroutine(self, app: App) -> None:
        with app.test_request_context("/path"):

            @copy_current_request_context
            async def work() -> str:
                return request.path

        assert work() == "/path"  # type: ignore[comparison-overlap]

    def test_outside(self) -> None:
        with pytest.raises(RuntimeError, match="'copy_current_request_context' only"):
            copy_current_request_context(len)


class TestStreamWithContext:
    def test_generator(self, app: App) -> None:
        @app.route("/stream")
        def view() -> Any:
            g.x = 1

            def generate() -> Iterator[str]:
                yield request.path
                yield str(g.x)

            return stream_with_context(generate())

        assert app.test_client().get("/stream").data == b"/stream1"

    def test_decorator(self, app: App) -> None:
        @app.route("/<name>")
        @stream_with_context
        def view(name: str) -> Iterator[str]:
            yield name
            yield request.path

        assert app.test_client().get("/abc").data == b"abc/abc"

    def test_closing(self, app: App) -> None:
        seen: list[Any] = []

        class Source:
            def __iter__(self) -> Source:
                return self

            def __next__(self) -> str:
                return request.path

            def close(self) -> None:
                seen.append(has_request_context())

        with app.test_request_context("/path"):
            stream: Any = stream_with_context(Source())
        assert next(stream) == "/path"
        stream.close()
        assert set(seen) == {True}
        assert not has_request_context()

    def test_outside(self, app: App) -> None:
        with app.app_context(), pytest.raises(RuntimeError, match="'stream_with_context' only"):
            stream_with_context(iter([]))
