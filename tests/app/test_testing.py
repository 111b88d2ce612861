from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import click
import pytest

from dovetail import __version__
from dovetail.app import testing
from dovetail.app.application import App
from dovetail.app.contexts import has_app_context, has_request_context
from dovetail.app.groups import ScriptInfo, pass_script_info
from dovetail.app.proxies import current_app, g, request, session
from dovetail.app.sessions import SecureCookieSessionInterface
from dovetail.app.testing import AppClient, AppCliRunner, EnvironBuilder
from dovetail.toolkit.request import Request
from dovetail.toolkit.testing.client import TestResponse
from dovetail.toolkit.testing.environ_builder import EnvironBuilder as ToolkitBuilder


@pytest.fixture
def app() -> App:
    app = App("made")
    app.secret_key = "key"

    @app.route("/", methods=["GET", "POST", "PUT"])
    def index() -> Any:
        g.seen = request.full_path
        return {
            "method": request.method,
            "address": request.remote_addr,
            "agent": str(request.user_agent),
            "data": request.get_data(as_text=True),
            "extra": request.environ.get("x.y"),
            "url": request.url,
        }

    @app.route("/count")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.route("/away")
    def away() -> Any:
        return app.redirect("/?away")

    return app


@pytest.fixture
def client(app: App) -> AppClient:
    return AppClient(app, app.response_class)


class TestEnvironBuilder:
    def url(self, *args: Any, config: dict[str, Any] | None = None, **kwargs: Any) -> str:
        app = App("made")
        app.config.update(config or {})
        return EnvironBuilder(app, *args, **kwargs).get_request().url

    def test_defaults(self) -> None:
        assert self.url() == "http://localhost/"
        assert self.url("/a?b=1") == "http://localhost/a?b=1"
        assert self.url("https://h:5/a") == "https://h:5/a"

    def test_config(self) -> None:
        config = {
            "SERVER_NAME": "ex.com:99",
            "APPLICATION_ROOT": "/root",
            "PREFERRED_URL_SCHEME": "https",
        }
        assert self.url("/a", config=config) == "https://ex.com:99/root/a"
        assert self.url("/a", subdomain="x", config=config) == "https://x.ex.com:99/root/a"
        assert self.url("/a", url_scheme="http", config=config) == "http://ex.com:99/root/a"
        assert self.url("/a", "http://base/x", config=config) == "http://base/x/a"

    @pytest.mark.parametrize("more", [{"subdomain": "s"}, {"url_scheme": "http"}])
    def test_the_base_url_says_all(self, more: dict[str, Any]) -> None:
        with pytest.raises(AssertionError, match="'subdomain' and 'url_scheme'"):
            self.url("/", "http://base/", **more)

    def test_json_is_the_applications(self, app: App) -> None:
        app.json.dumps = lambda obj, **kwargs: f"{obj} {kwargs}"  # type: ignore[method-assign]
        builder = EnvironBuilder(app, json=[1])
        assert builder.get_request().get_data() == b"[1] {}"
        assert builder.json_dumps([2], indent=1) == "[2] {'indent': 1}"
        assert builder.app is app


class TestOpen:
    def test_what_each_request_has(self, client: AppClient) -> None:
        agent = f"Dovetail/{__version__}"
        base = {"REMOTE_ADDR": "127.0.0.1", "HTTP_USER_AGENT": agent}
        assert client.environ_base == base
        client.environ_base["x.y"] = "base"
        answer: Any = client.get("/").get_json()
        assert (answer["address"], answer["agent"], answer["extra"]) == ("127.0.0.1", agent, "base")
        other: Any = client.get(
            "/", environ_base={"REMOTE_ADDR": "9.9.9.9", "x.y": "own"}
        ).get_json()
        assert (other["address"], other["agent"], other["extra"]) == ("9.9.9.9", agent, "own")

    def test_the_agent_that_flasks_users_expect(
        self, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "flask", ModuleType("flask"))
        monkeypatch.setattr(testing, "stood_in_versions", lambda: {"Werkzeug": "3.x"})
        assert AppClient(app).environ_base["HTTP_USER_AGENT"] == "Werkzeug/3.x"

    @pytest.mark.parametrize(
        "make",
        [
            lambda app: EnvironBuilder(app, "/?q", method="PUT", data="xx"),
            lambda app: ToolkitBuilder("/?q", method="PUT", data="xx"),
            lambda app: ToolkitBuilder("/?q", method="PUT", data="xx").get_environ(),
            lambda app: ToolkitBuilder("/?q", method="PUT", data="xx").get_request(Request),
        ],
        ids=["ours", "toolkit", "environ", "request"],
    )
    def test_what_describes_a_request(
        self, make: Callable[[App], Any], client: AppClient, app: App
    ) -> None:
        client.environ_base["x.y"] = "base"
        answer: Any = client.open(make(app)).get_json()
        assert (answer["method"], answer["url"]) == ("PUT", "http://localhost/?q")
        assert (answer["data"], answer["extra"]) == ("xx", "base")

    def test_the_given_is_not_changed(self, client: AppClient) -> None:
        environ = ToolkitBuilder("/").get_environ()
        before = dict(environ)
        client.open(environ)
        given = ToolkitBuilder("/").get_request()
        client.open(given)
        assert environ == before
        assert "REMOTE_ADDR" not in given.environ

    def test_response(self, client: AppClient, app: App) -> None:
        response = client.post("/", json={"a": 1}, buffered=True)
        assert isinstance(response, TestResponse)
        assert isinstance(response, app.response_class)
        assert response.json_module is app.json
        answer: Any = client.get("/away", follow_redirects=True)
        assert answer.get_json()["url"] == "http://localhost/?away"
        assert client.application is app


class TestBlock:
    def test_contexts_stay_until_the_next_request(self, client: AppClient) -> None:
        assert client.preserve_context is False
        with client as entered:
            assert entered is client
            assert client.preserve_context is True
            client.get("/?first")
            assert g.seen == "/?first"
            client.get("/away", follow_redirects=True)
            assert request.url == "http://localhost/?away"
            assert g.seen == "/?away"
        assert not has_request_context()
        assert not has_app_context()
        client.get("/")
        assert not has_request_context()

    def test_no_nesting(self, client: AppClient) -> None:
        with client, pytest.raises(RuntimeError, match="Cannot nest client invocations"):
            client.__enter__()
        with client:
            pass


class TestSessionTransaction:
    def test_read_and_change(self, client: AppClient) -> None:
        with client.session_transaction() as opened:
            assert dict(opened) == {}
            opened["n"] = 41
        assert client.get("/count").text == "42"
        with client.session_transaction() as opened:
            assert dict(opened) == {"n": 42}

    def test_the_request_before_stays_in_force(self, client: AppClient) -> None:
        with client:
            client.get("/count")
            with client.session_transaction() as opened:
                assert request.path == "/count"
                opened["n"] = 5
            assert session["n"] == 1

    def test_an_error_saves_nothing(self, client: AppClient) -> None:
        transaction = client.session_transaction()
        transaction.__enter__()["n"] = 5
        error = KeyError()
        assert not transaction.__exit__(KeyError, error, None)
        assert client.get("/count").text == "1"

    def test_another_host(self, client: AppClient) -> None:
        with client.session_transaction("/x", base_url="http://other/") as opened:
            opened["n"] = 5
        assert client.get("/count").text == "1"
        assert client.get("/count", base_url="http://other/").text == "6"

    def test_a_request_as_extensions_make_it(self, client: AppClient) -> None:
        arguments = {"path": "/x?a=1", "headers": {"X-A": "b"}}
        made = client._request_from_builder_args((), arguments)
        assert (made.full_path, made.headers["X-A"]) == ("/x?a=1", "b")
        assert made.remote_addr == "127.0.0.1"
        assert "environ_base" not in arguments

    def test_without_cookies(self, app: App) -> None:
        client = app.test_client(use_cookies=False)
        assert isinstance(client, AppClient)
        with pytest.raises(TypeError, match="use_cookies=True"), client.session_transaction():
            pass

    def test_without_a_key(self, app: App, client: AppClient) -> None:
        app.secret_key = None
        with (
            pytest.raises(RuntimeError, match="did not open a session"),
            client.session_transaction(),
        ):
            pass

    def test_a_null_session_is_not_saved(self, app: App, client: AppClient) -> None:
        class Interface(SecureCookieSessionInterface):
            def open_session(self, app: App, request: Any) -> Any:
                return self.make_null_session(app)

            def save_session(self, *args: Any) -> None:
                raise AssertionError

        app.session_interface = Interface()
        with client.session_transaction() as opened:
            assert opened.get("n") is None


class TestCliRunner:
    @pytest.fixture
    def runner(self, app: App) -> AppCliRunner:
        @app.cli.command()
        @click.argument("name")
        def hello(name: str) -> None:
            click.echo(f"hello {name} from {current_app.name}")

        @app.cli.command(with_appcontext=False)
        @pass_script_info
        def info(script: ScriptInfo) -> None:
            click.echo(script.load_app() is app)

        return AppCliRunner(app, env={"A": "1"})

    def test_the_applications_commands(self, runner: AppCliRunner, app: App) -> None:
        assert runner.invoke(args=["hello", "a"]).output == "hello a from made\n"
        assert runner.invoke(None, "hello b").output == "hello b from made\n"
        assert runner.invoke(app.cli.commands["hello"], ["c"]).output == "hello c from made\n"
        assert runner.invoke(args=["info"]).output == "True\n"
        assert (runner.app, dict(runner.env)) == (app, {"A": "1"})

    def test_an_object_of_the_callers(self, runner: AppCliRunner) -> None:
        other = ScriptInfo(create_app=lambda: App("other"))
        assert runner.invoke(args=["hello", "a"], obj=other).output == "hello a from other\n"
