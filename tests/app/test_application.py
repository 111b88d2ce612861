"""The application: how requests become responses."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from dovetail.app import commands, dotenv
from dovetail.app.application import App
from dovetail.app.proxies import current_app, g, request, session
from dovetail.app.testing import AppClient, AppCliRunner
from dovetail.app.views import View
from dovetail.app.wrappers import Request, Response
from dovetail.data.exceptions import (
    BadRequestKeyError,
    Forbidden,
    HTTPException,
    InternalServerError,
    NotFound,
    abort,
)
from dovetail.data.headers import Headers
from dovetail.dev import serving
from dovetail.toolkit.response import Response as BaseResponse
from dovetail.toolkit.testing.client import Client
from dovetail.toolkit.testing.environ_builder import EnvironBuilder


@pytest.fixture
def app() -> App:
    app = App("application", root_path=str(Path(__file__).parent))
    app.secret_key = "k"
    app.add_url_rule("/", "index", lambda: "index")

    @app.route("/fail/<kind>")
    def fail(kind: str) -> str:
        if kind == "zero":
            return str(1 // 0)
        if kind == "key":
            return request.form["missing"]
        return abort(int(kind))

    return app


class TestInstance:
    def test_static_route(self) -> None:
        with pytest.raises(AssertionError, match="static_host"):
            App("a", static_host="example.org")
        with pytest.raises(AssertionError, match="static_host"):
            App("a", host_matching=True)
        assert not list(App("a", host_matching=True, static_folder=None).url_map.iter_rules())
        app = App("a", host_matching=True, static_host="example.org")
        assert [rule.host for rule in app.url_map.iter_rules("static")] == ["example.org"]

    def test_defaults(self) -> None:
        app = App("a")
        assert app.cli.name == "a"
        assert app.request_class is Request
        assert app.response_class is Response
        assert app.config["MAX_FORM_PARTS"] == App.default_config["MAX_FORM_PARTS"] == 1000
        assert App.session_interface is app.session_interface
        assert repr(app) == "<App 'a'>"

    def test_it_is_freed_at_once(self) -> None:
        gc.collect()
        gc.disable()
        try:
            app = App("freed")
            app.test_client().get("/nothing")
            reference = weakref.ref(app)
            del app
            assert reference() is None
        finally:
            gc.enable()


class TestFiles:
    def test_open_resource(self, app: App) -> None:
        with app.open_resource(Path(__file__).name, "r", encoding="utf-8") as file:
            assert file.readline().startswith('"""')
        with app.open_resource(Path(__file__).name) as file:
            assert isinstance(file.read(), bytes)
        with pytest.raises(ValueError, match="reading"):
            app.open_resource("file", "w")

    def test_open_instance_resource(self, tmp_path: Path) -> None:
        app = App("a", instance_path=str(tmp_path))
        with app.open_instance_resource("file", "w") as file:
            file.write("\u00e9")
        with app.open_instance_resource("file") as file:
            assert file.read() == "\u00e9".encode()
        with app.open_instance_resource("file", "r", encoding="latin-1") as file:
            assert file.read() == "\u00c3\u00a9"

    def test_send_static_file_and_max_age(self, app: App) -> None:
        app.static_folder = str(Path(__file__).parent)
        with app.test_request_context():
            assert app.get_send_file_max_age("x") is None
            with app.send_static_file(Path(__file__).name) as answer:
                assert answer.status_code == 200


class TestTemplates:
    def test_create_jinja_environment(self, app: App) -> None:
        app.jinja_options = {"trim_blocks": True, "autoescape": False}
        environment = app.create_jinja_environment()
        assert environment.trim_blocks
        assert not environment.autoescape
        names = {"url_for", "get_flashed_messages", "config", "request", "session", "g"}
        assert names <= environment.globals.keys()
        assert environment.policies["json.dumps_function"] == app.json.dumps

    def test_update_template_context(self, app: App) -> None:
        app.context_processor(lambda: {"x": 1, "y": 1})
        with app.app_context():
            context: dict[str, Any] = {"y": 2}
            app.update_template_context(context)
            assert (context["x"], context["y"]) == (1, 2)

    def test_make_shell_context(self, app: App) -> None:
        app.shell_context_processor(lambda: {"x": 1})
        context = app.make_shell_context()
        assert (context["app"], context["x"]) == (app, 1)
        assert "g" in context


class TestRun:
    @pytest.fixture
    def calls(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        calls: list[Any] = []
        for name in ("RUN_FROM_CLI", "DEBUG"):
            monkeypatch.delenv(f"FLASK_{name}", raising=False)
            monkeypatch.delenv(f"DOVETAIL_{name}", raising=False)
        monkeypatch.setenv("DOVETAIL_SKIP_DOTENV", "1")
        monkeypatch.setattr(serving, "run_simple", lambda *a, **k: calls.append((a, k)))
        return calls

    @pytest.mark.parametrize(
        ("server_name", "kwargs", "expected"),
        [
            (None, {}, ("127.0.0.1", 5000)),
            (None, {"host": "0.0.0.0", "port": "80"}, ("0.0.0.0", 80)),
            (None, {"port": 0}, ("127.0.0.1", 0)),
            ("example.org:8000", {}, ("example.org", 8000)),
            ("example.org:8000", {"port": 80}, ("example.org", 80)),
            ("example.org", {"host": ""}, ("example.org", 5000)),
            # As from an environment variable that is set to nothing.
            ("example.org:8000", {"port": ""}, ("example.org", 8000)),
        ],
    )
    def test_host_and_port(
        self,
        app: App,
        calls: list[Any],
        server_name: str | None,
        kwargs: dict[str, Any],
        expected: tuple[str, int],
    ) -> None:
        app.config["SERVER_NAME"] = server_name
        app.run(**kwargs)
        assert calls[0][0] == (*expected, app)

    def test_options(self, app: App, calls: list[Any]) -> None:
        app._got_first_request = True
        app.run(debug=False, threaded=False, ssl_context="adhoc")
        assert calls[0][1] == {
            "threaded": False,
            "ssl_context": "adhoc",
            "use_reloader": False,
            "use_debugger": False,
        }
        assert app._got_first_request is False

    def test_debug(self, app: App, calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        aids: list[Any] = []

        def choose_aids(*given: Any) -> Any:
            aids.append(given)
            return True, False

        monkeypatch.setattr(serving, "choose_aids", choose_aids)
        app.run(debug=True, use_debugger=False)
        assert app.debug is True
        assert aids == [(True, None, False)]
        options = calls[0][1]
        assert (options["use_reloader"], options["use_debugger"]) == (True, False)
        assert options["threaded"] is True

    def test_what_it_calls_may_be_replaced(
        self, app: App, calls: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Where flask.cli replaces them.
        seen: list[Any] = []
        monkeypatch.setenv("DOVETAIL_SKIP_DOTENV", "0")
        monkeypatch.setattr(dotenv, "load_dotenv", lambda: seen.append("dotenv"))
        monkeypatch.setattr(commands, "show_server_banner", lambda *args: seen.append(args))
        app.run()
        assert seen == ["dotenv", (False, app.name)]
        assert len(calls) == 1

    def test_environment_decides_on_debug(
        self, app: App, calls: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOVETAIL_SKIP_DOTENV", "0")
        monkeypatch.setenv("FLASK_DEBUG", "0")
        monkeypatch.chdir("/")
        app.debug = True
        app.run()
        assert app.debug is False

    @pytest.mark.parametrize("name", ["DOVETAIL_RUN_FROM_CLI", "FLASK_RUN_FROM_CLI"])
    def test_under_the_command(
        self,
        app: App,
        calls: list[Any],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        name: str,
    ) -> None:
        monkeypatch.setenv(name, "true")
        app.run()
        assert calls == []
        assert "Ignoring a call to 'app.run()'" in capsys.readouterr().out

    def test_banner(self, app: App, calls: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
        app.run()
        assert "Debug mode: off" in capsys.readouterr().out


class TestClients:
    def test_test_client(self, app: App) -> None:
        assert type(app.test_client()) is AppClient
        assert app.test_client(use_cookies=False)._cookies is None

    def test_test_client_class(self, app: App) -> None:
        class Own(AppClient):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                self.name = kwargs.pop("name")
                super().__init__(*args, **kwargs)

        app.test_client_class = Own
        client: Any = app.test_client(name="own")
        assert client.name == "own"
        assert isinstance(client, Client)

    def test_test_cli_runner(self, app: App) -> None:
        assert type(app.test_cli_runner()) is AppCliRunner

        class Own(AppCliRunner):
            pass

        app.test_cli_runner_class = Own
        assert type(app.test_cli_runner()) is Own


class TestContexts:
    def test_app_context(self, app: App) -> None:
        with app.app_context():
            assert current_app == app

    def test_request_context(self, app: App) -> None:
        with app.request_context(EnvironBuilder("/x").get_environ()):
            assert request.path == "/x"

    def test_test_request_context(self, app: App) -> None:
        with app.test_request_context("/x?a=1", method="POST", json={"b": 2}):
            assert request.args["a"] == "1"
            assert request.get_json() == {"b": 2}

    def test_do_teardown_request(self, app: App) -> None:
        seen: list[Any] = []
        app.teardown_request(lambda error: seen.append((1, error)))
        app.teardown_request(lambda error: seen.append((2, error)))
        with app.test_request_context():
            app.do_teardown_request()
            error = ValueError()
            app.do_teardown_request(error)
            assert seen == [(2, None), (1, None), (2, error), (1, error)]

    def test_do_teardown_appcontext(self, app: App) -> None:
        seen: list[Any] = []
        app.teardown_appcontext(seen.append)
        error = ValueError()
        try:
            raise error
        except ValueError:
            app.do_teardown_appcontext()
        assert seen == [error]


class TestCoroutines:
    def test_ensure_sync(self, app: App) -> None:
        def plain() -> int:
            return 1

        async def coroutine() -> int:
            return 2

        assert app.ensure_sync(plain) is plain
        assert app.ensure_sync(len) is len
        assert app.ensure_sync(coroutine)() == 2

    def test_async_to_sync_is_what_ensure_sync_asks(self, app: App) -> None:
        async def coroutine() -> int:
            return 2

        app.async_to_sync = lambda func: lambda: "own"  # type: ignore[method-assign]
        assert app.ensure_sync(coroutine)() == "own"

    def test_view(self, app: App) -> None:
        @app.route("/async")
        async def view() -> str:
            g.x = 1
            return request.path

        app.after_request(lambda response: Response(str(g.get("x"))))
        assert app.test_client().get("/async").data == b"1"


class TestCycle:
    def test_wsgi_app(self, app: App) -> None:
        class Middleware:
            def __init__(self, inner: Any) -> None:
                self.inner = inner

            def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
                environ["SCRIPT_NAME"] = "/mounted"
                return self.inner(environ, start)  # type: ignore[no-any-return]

        app.wsgi_app = Middleware(app.wsgi_app)  # type: ignore[assignment, method-assign]
        app.add_url_rule("/root", "root", lambda: request.script_root)
        assert app.test_client().get("/root").data == b"/mounted"

    def test_error_that_is_no_exception(self, app: App) -> None:
        seen: list[Any] = []
        app.teardown_request(seen.append)

        @app.route("/exit")
        def leave() -> str:
            raise SystemExit

        with pytest.raises(SystemExit):
            app.test_client().get("/exit")
        assert [type(error) for error in seen] == [SystemExit]

    def test_full_dispatch_request(self, app: App) -> None:
        with app.test_request_context("/"):
            assert app._got_first_request is False
            assert app.full_dispatch_request().data == b"index"
            assert app._got_first_request is True

    def test_preprocess_request(self, app: App) -> None:
        calls: list[Any] = []
        app.url_value_preprocessor(lambda endpoint, values: calls.append((endpoint, values)))
        app.before_request(lambda: calls.append(1))
        app.before_request(lambda: "answer")
        app.before_request(lambda: calls.append(2))
        with app.test_request_context("/"):
            assert app.preprocess_request() == "answer"
        assert calls == [("index", {}), 1]
        assert app.test_client().get("/").data == b"answer"

    def test_hook_that_is_put_into_the_registry_by_hand(self, app: App) -> None:
        client = app.test_client()
        client.get("/")
        app.before_request_funcs.setdefault(None, []).append(lambda: "before")
        assert client.get("/").data == b"before"
        app.before_request_funcs.clear()
        app.after_request_funcs[None] = [lambda response: Response("after")]
        assert client.get("/").data == b"after"
        app.after_request_funcs.clear()
        app.view_functions["index"] = lambda: "other"
        assert client.get("/").data == b"other"

    def test_dispatch_request(self, app: App) -> None:
        with app.test_request_context("/"):
            assert app.dispatch_request() == "index"
        with app.test_request_context("/nothing"), pytest.raises(NotFound):
            app.dispatch_request()

    def test_routing_exception_that_a_hook_sets(self, app: App) -> None:
        @app.url_value_preprocessor
        def forbid(endpoint: Any, values: Any) -> None:
            request.routing_exception = Forbidden()

        assert app.test_client().get("/").status_code == 403

    def test_make_default_options_response(self, app: App) -> None:
        app.add_url_rule("/posted", "posted", lambda: "", methods=["POST"])
        with app.test_request_context("/posted"):
            assert set(app.make_default_options_response().allow) == {"POST", "OPTIONS"}
        assert set(app.test_client().options("/").allow) == {"GET", "HEAD", "OPTIONS"}

    def test_options_that_the_view_answers(self, app: App) -> None:
        app.add_url_rule("/own", "own", lambda: "own", methods=["OPTIONS"])
        assert app.test_client().options("/own").data == b"own"

    def test_head(self, app: App) -> None:
        answer = app.test_client().head("/")
        assert (answer.data, answer.content_length) == (b"", 5)

    def test_finalize_request(self, app: App, caplog: pytest.LogCaptureFixture) -> None:
        def fail(response: Response) -> Response:
            raise ValueError("fail")

        app.after_request(fail)
        with app.test_request_context("/"):
            with pytest.raises(ValueError, match="fail"):
                app.finalize_request("x")
            assert app.finalize_request("x", from_error_handler=True).data == b"x"
        assert "could not be completed" in caplog.text

    def test_process_response(self, app: App) -> None:
        app.after_request(lambda response: Response(response.data + b"1"))
        app.after_request(lambda response: Response(response.data + b"2"))
        with app.test_request_context("/"):
            session["x"] = 1
            answer = app.process_response(Response("0"))
        assert answer.data == b"021"
        assert "session=" in answer.headers["Set-Cookie"]

    def test_preserved_context(self, app: App) -> None:
        kept: list[Any] = []
        environ = EnvironBuilder("/").get_environ()
        environ["werkzeug.debug.preserve_context"] = kept.append
        list(app(environ, lambda status, headers, *_: len))
        assert [type(context).__name__ for context in kept] == ["AppContext", "RequestContext"]


class TestMakeResponse:
    @pytest.mark.parametrize(
        ("value", "status", "body"),
        [
            ("text", 200, b"text"),
            (b"octets", 200, b"octets"),
            (bytearray(b"array"), 200, b"array"),
            ({"a": 1}, 200, b'{"a":1}\n'),
            ([1], 200, b"[1]\n"),
            (iter("ab"), 200, b"ab"),
            (("text", 201), 201, b"text"),
            (("text", "201 Made"), 201, b"text"),
            (("text", None), 200, b"text"),
            (({"a": 1}, 201), 201, b'{"a":1}\n'),
            ((Response("x", 201), 202), 202, b"x"),
            ((Response("x"), "203 Line"), 203, b"x"),
            (BaseResponse("base", 201), 201, b"base"),
            (NotFound(), 404, None),
        ],
        ids=str,
    )
    def test_values(self, app: App, value: Any, status: int, body: bytes | None) -> None:
        with app.test_request_context():
            made = app.make_response(value)
        assert type(made) is Response
        assert made.status_code == status
        assert body is None or made.data == body

    @pytest.mark.parametrize(
        "headers", [{"X-A": "b"}, [("X-A", "b")], (("X-A", "b"),), Headers({"X-A": "b"})], ids=str
    )
    @pytest.mark.parametrize("body", ["text", {"a": 1}, Response("x")], ids=str)
    def test_headers(self, app: App, body: Any, headers: Any) -> None:
        with app.test_request_context():
            assert app.make_response((body, headers)).headers["X-A"] == "b"
            made = app.make_response((body, 201, headers))
        assert (made.status_code, made.headers.getlist("X-A")) == (201, ["b"])

    def test_response_is_kept(self, app: App) -> None:
        class Own(Response):
            pass

        with app.test_request_context():
            own = Own()
            assert app.make_response(own) is own

    def test_own_class(self, app: App) -> None:
        class Own(Response):
            default_mimetype = "text/x"

        app.response_class = Own
        with app.test_request_context():
            for value in ("x", ("x", 201), {"a": 1}, Response("x"), NotFound()):
                assert type(app.make_response(value)) is Own
        assert app.test_client().get("/").mimetype == "text/x"

    def test_wsgi_application(self, app: App) -> None:
        def other(environ: WSGIEnvironment, start: StartResponse) -> Iterator[bytes]:
            start("201 Made", [("X-A", environ["PATH_INFO"])])
            return iter([b"other"])

        with app.test_request_context("/x"):
            made = app.make_response(other)
        assert (made.status, made.headers["X-A"], made.data) == ("201 Made", "/x", b"other")

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, "'index'.*returned None"),
            ((None, 201), "'index'.*returned None"),
            (5, "dict or list.*but it was a int"),
            (True, "but it was a bool"),
            (("a",), r"tuple must have the form \(body.*1 parts"),
            (("a", 1, {}, 2), "tuple must have the form.*4 parts"),
            (str, "but it was a type"),
        ],
        ids=str,
    )
    def test_wrong_values(self, app: App, value: Any, text: str) -> None:
        with app.test_request_context("/"), pytest.raises(TypeError, match=text):
            app.make_response(value)

    def test_what_was_returned_for_what_is_noted(self, app: App) -> None:
        @app.get("/number")
        def number() -> Any:
            return 5

        @app.get("/unserializable")
        def unserializable() -> Any:
            return {"a": object()}

        class Number(View):
            def dispatch_request(self) -> Any:
                return 5

        app.add_url_rule("/class", view_func=Number.as_view("class"))
        app.testing = True
        client = app.test_client()
        for name, place in (
            ("number", f'File "{__file__}", line '),
            ("unserializable", f'File "{__file__}", line '),
            ("class", f"class {__name__}."),
        ):
            with pytest.raises(TypeError) as raised:
                client.get(f"/{name}")
            (note,) = raised.value.__notes__
            assert note.startswith(f"This is about what was returned for the endpoint {name!r}.")
            assert place in note


class TestErrors:
    def test_handle_http_exception(self, app: App) -> None:
        with app.test_request_context("/"):
            error: HTTPException = NotFound()
            assert app.handle_http_exception(error) is error
            app.register_error_handler(404, lambda error: "handled")
            assert app.handle_http_exception(error) == "handled"
            error = HTTPException(response=Response("own"))
            app.register_error_handler(HTTPException, lambda error: "handled")
            assert app.handle_http_exception(error) is error

    def test_handle_user_exception(self, app: App) -> None:
        with app.test_request_context("/"):
            error = ValueError()
            with pytest.raises(ValueError) as caught:  # noqa: PT011
                app.handle_user_exception(error)
            assert caught.value is error
            app.register_error_handler(ValueError, lambda error: "handled")
            assert app.handle_user_exception(error) == "handled"
            not_found = NotFound()
            assert app.handle_user_exception(not_found) is not_found

    @pytest.mark.parametrize("config", [{}, {"DEBUG": True}, {"TRAP_BAD_REQUEST_ERRORS": True}])
    def test_missing_key(self, app: App, config: dict[str, Any]) -> None:
        app.config.update(config)
        app.register_error_handler(BadRequestKeyError, lambda error: (str(error), 400))
        answer = app.test_client().get("/fail/key")
        assert ("missing" in answer.text) is bool(config)

    def test_handle_exception(self, app: App) -> None:
        def handle(error: InternalServerError) -> Any:
            return repr(error.original_exception), 500

        app.register_error_handler(500, handle)
        answer = app.test_client().get("/fail/zero")
        assert (answer.status_code, answer.text[:17]) == (500, "ZeroDivisionError")

    @pytest.mark.parametrize("config", ["TESTING", "DEBUG", "PROPAGATE_EXCEPTIONS"])
    def test_exception_is_raised_again(self, app: App, config: str) -> None:
        app.config[config] = True
        with pytest.raises(ZeroDivisionError):
            app.test_client().get("/fail/zero")
        app.config["PROPAGATE_EXCEPTIONS"] = False
        assert app.test_client().get("/fail/zero").status_code == 500

    def test_log_exception(self, app: App, caplog: pytest.LogCaptureFixture) -> None:
        app.test_client().get("/fail/zero")
        record = caplog.records[0]
        assert record.getMessage() == "Exception on /fail/zero [GET]"
        assert record.name == "application"
        assert record.levelno == logging.ERROR
        assert record.exc_info is not None
        assert record.exc_info[0] is ZeroDivisionError

    def test_log_exception_by_hand(self, app: App, caplog: pytest.LogCaptureFixture) -> None:
        with app.test_request_context("/x", method="POST"):
            app.log_exception((None, None, None))
        assert caplog.messages == ["Exception on /x [POST]"]

    def test_order_of_handlers(self, app: App) -> None:
        app.register_error_handler(Exception, lambda error: ("Exception", 500))
        client = app.test_client()
        assert client.get("/fail/zero").data == b"Exception"
        assert client.get("/fail/404").data == b"Exception"
        app._got_first_request = False
        app.register_error_handler(HTTPException, lambda error: ("HTTPException", 500))
        assert client.get("/fail/404").data == b"HTTPException"
        app._got_first_request = False
        app.register_error_handler(404, lambda error: ("404", 404))
        assert client.get("/fail/404").data == b"404"
        assert client.get("/nothing").data == b"404"

    def test_replaced_methods(self, app: App) -> None:
        app.handle_exception = lambda e: Response("replaced")  # type: ignore[method-assign]
        assert app.test_client().get("/fail/zero").data == b"replaced"
        app.handle_user_exception = lambda e: "user"  # type: ignore[method-assign]
        assert app.test_client().get("/fail/404").data == b"user"
