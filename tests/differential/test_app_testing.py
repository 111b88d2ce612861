"""Ours beside Flask: calling an application, and its commands, in tests."""

from __future__ import annotations

from typing import Any

import click
import pytest
from tests.differential.twins import Twins, same

CONFIGS: tuple[dict[str, Any], ...] = (
    {},
    {"SERVER_NAME": "ex.com:99", "APPLICATION_ROOT": "/root", "PREFERRED_URL_SCHEME": "https"},
    {"APPLICATION_ROOT": "/r/"},
    {"APPLICATION_ROOT": "r"},
)

TARGETS: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((), {}),
    (("/a?b=1#f",), {}),
    (("http://h:5/p?q=2",), {}),
    (("//h/p",), {}),
    (("/a",), {"subdomain": "sub"}),
    (("/a",), {"url_scheme": "ftp"}),
    (("/a", "http://base/x"), {}),
    (("/a", "http://base/x"), {"subdomain": "s"}),
    (("/a", "http://base/x"), {"url_scheme": "s"}),
    (("/a", "http://base/x", None, None, {"y": 2}), {}),
    (("a",), {}),
    (("",), {}),
    (("https://h/a",), {"url_scheme": "http", "subdomain": "x"}),
    (("/a?x=1",), {"query_string": {"y": 2}}),
    (("/é?ü=1",), {}),
    (("?x",), {}),
    (("/a?",), {}),
    (("http://h/p",), {"base_url": "http://z/"}),
)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(("args", "kwargs"), TARGETS)
def test_environ_builder(
    args: tuple[Any, ...], kwargs: dict[str, Any], config: dict[str, Any]
) -> None:
    def act(flask: Any) -> Any:
        app = flask.Flask("twins")
        app.config.update(config)
        with app.test_request_context(*args, **kwargs) as ctx:
            request = ctx.request
            return request.url, request.root_url, request.method, request.environ["HTTP_HOST"]

    same(act)


def test_json_of_the_provider() -> None:
    def act(flask: Any) -> Any:
        class Provider(flask.json.provider.DefaultJSONProvider):  # type: ignore[misc]
            def dumps(self, obj: Any, **kwargs: Any) -> str:
                return f'"<{obj!r} {kwargs}>"'

        app = flask.Flask("twins")
        app.json = Provider(app)
        builder = flask.testing.EnvironBuilder(app, "/", json={"a": 1})
        return (
            builder.get_request().get_data(),
            builder.json_dumps([1], x=2),
            builder.content_type,
            builder.app is app,
        )

    same(act)


def build(flask: Any, seen: list[Any]) -> Any:
    app = flask.Flask("twins")
    app.secret_key = "key"

    @app.route("/", methods=["GET", "POST", "PUT"])
    def index() -> Any:
        request = flask.request
        return flask.jsonify(
            url=request.url,
            method=request.method,
            address=request.remote_addr,
            data=request.get_data(as_text=True),
            field=request.headers.get("X-H"),
            extra=request.environ.get("x.y"),
            cookies=request.cookies,
        )

    @app.route("/count")
    def count() -> str:
        flask.session["n"] = flask.session.get("n", 0) + 1
        return str(flask.session["n"])

    @app.route("/away")
    def away() -> Any:
        return flask.redirect("/?away")

    @app.route("/boom")
    def boom() -> str:
        raise ZeroDivisionError

    @app.teardown_request
    def over(_error: Any) -> None:
        seen.append(f"over {flask.request.path}")

    return app


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("/",), {}),
        ((), {"path": "/?a=1"}),
        (("/",), {"method": "POST", "json": {"a": 1}, "headers": {"X-H": "1"}}),
        (("/",), {"environ_base": {"REMOTE_ADDR": "9.9.9.9", "x.y": "1"}}),
        (("/",), {"environ_base": None}),
        (("/",), {"environ_overrides": {"REMOTE_ADDR": "9.9.9.9", "x.y": "1"}}),
        (("/",), {"subdomain": "foo"}),
        (("/",), {"url_scheme": "https", "buffered": True}),
        (("/away",), {"follow_redirects": True}),
        (("/boom",), {}),
        (("http://other:1/",), {}),
    ],
)
def test_open(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    Twins(build).open(*args, **kwargs)


def test_open_with_what_describes_a_request() -> None:
    def act(app: Any, flask: Any) -> Any:
        client = app.test_client()
        client.environ_base["x.y"] = "base"
        toolkit = flask.testing.EnvironBuilder.__mro__[1]
        environ = flask.testing.EnvironBuilder(app, "/?e", method="POST", data=b"xx").get_environ()
        request = flask.testing.EnvironBuilder(app, "/?r", method="PUT", data=b"yy").get_request()
        given = [
            flask.testing.EnvironBuilder(app, "/?b", method="PUT"),
            toolkit("/?t", environ_base={"REMOTE_ADDR": "7.7.7.7"}),
            environ,
            request,
        ]
        return [
            *[client.open(one).json for one in given],
            # Then the other arguments do not count.
            client.post(toolkit("/?t")).json,
        ]

    Twins(build).same(act)


def test_contexts_stay_in_a_block() -> None:
    def act(app: Any, flask: Any) -> Any:
        client = app.test_client()
        noted: list[Any] = []
        with client as entered:
            noted.append(entered is client)
            client.get("/count")
            noted.append((flask.request.path, dict(flask.session), flask.has_app_context()))
            client.get("/?q=1")
            noted.append(flask.request.url)
            client.get("/away", follow_redirects=True)
            noted.append(flask.request.url)
            app.testing = True
            try:
                client.get("/boom")
            except ZeroDivisionError:
                noted.append(flask.has_request_context())
            app.testing = False
            client.get("/")
        noted += [flask.has_request_context(), client.preserve_context]
        client.get("/")
        return [*noted, flask.has_request_context()]

    Twins(build).same(act)


@pytest.mark.parametrize("how", ["nested", "after"])
def test_blocks_do_not_nest(how: str) -> None:
    def act(app: Any, flask: Any) -> Any:
        client = app.test_client()
        if how == "nested":
            with client, client:
                pass
        with client:
            pass
        with client:
            return client.preserve_context

    kind, _ = Twins(build).same(act)
    assert kind == ("raised" if how == "nested" else "returned")


def test_session_transaction() -> None:
    def act(app: Any, flask: Any) -> Any:
        client = app.test_client()
        noted: list[Any] = []
        with client:
            client.get("/count")
            with client.session_transaction() as session:
                noted.append((dict(session), flask.has_request_context(), flask.request.path))
                session["n"] = 10
            noted.append((flask.has_request_context(), dict(flask.session)))
            noted.append(client.get("/count").data)
        with client.session_transaction("/x", base_url="http://other/") as session:
            noted.append((dict(session), flask.has_request_context()))
            session["o"] = 1
        with client.session_transaction() as session:
            noted.append(dict(session))
        try:
            with client.session_transaction() as session:
                session["n"] = 99
                raise KeyError
        except KeyError:
            pass
        with client.session_transaction() as session:
            noted.append(dict(session))
            session.clear()
        noted.append(client.get_cookie("session") is None)
        return noted

    Twins(build).same(act)


@pytest.mark.parametrize("case", ["no cookies", "no key", "null", "none"])
def test_session_transaction_without_a_session(case: str) -> None:
    def act(flask: Any) -> Any:
        saved: list[Any] = []

        class Interface(flask.sessions.SecureCookieSessionInterface):  # type: ignore[misc]
            def open_session(self, app: Any, request: Any) -> Any:
                return self.make_null_session(app) if case == "null" else None

            def save_session(self, *args: Any) -> None:
                saved.append(args)

        app = flask.Flask("twins")
        if case in {"null", "none"}:
            app.session_interface = Interface()
        client = app.test_client(use_cookies=case != "no cookies")
        with client.session_transaction() as session:
            saved.append(type(session).__name__)
        return saved

    same(act)


def test_cli_runner() -> None:
    def act(flask: Any) -> Any:
        app = flask.Flask("twins")

        @app.cli.command()
        @click.argument("name")
        def hello(name: str) -> None:
            click.echo(f"hello {name} from {flask.current_app.name}")

        @app.cli.command(with_appcontext=False)
        @flask.cli.pass_script_info
        def info(script: Any) -> None:
            click.echo(f"{script.app_import_path} {script.load_app() is app}")

        runner = app.test_cli_runner(env={"A": "1"})
        calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
            ((), {}),
            ((), {"args": ["hello", "a"]}),
            ((app.cli, ["hello", "a"]), {}),
            ((hello, ["a"]), {}),
            ((None, "hello b"), {}),
            ((), {"args": ["info"]}),
            ((hello, ["a"]), {"obj": flask.cli.ScriptInfo(create_app=lambda: app)}),
        ]
        results = [runner.invoke(*args, **kwargs) for args, kwargs in calls]
        return runner.env, runner.app is app, [(one.exit_code, one.output) for one in results]

    same(act)
