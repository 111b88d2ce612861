"""What an application is set up with, its URLs and its contexts, on Flask and on ours."""

from __future__ import annotations

import contextvars
import logging
import threading
from typing import Any

import pytest
from tests.differential.test_app_cycle import listen, simple
from tests.differential.twins import Twins, same


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def linking(flask: Any, seen: list[Any]) -> Any:
    app = flask.Flask("linking")
    app.add_url_rule("/", "index", lambda: "")
    app.add_url_rule("/<int:number>", "number", lambda number: "")
    app.add_url_rule("/posted", "posted", lambda: "", methods=["POST"])
    blueprint = flask.Blueprint("blue", "linking", url_prefix="/blue")
    blueprint.add_url_rule("/", "index", lambda: "")
    blueprint.add_url_rule("/<lang>/", "lang", lambda lang: "")

    @blueprint.url_defaults
    def lang(endpoint: str, values: dict[str, Any]) -> None:
        seen.append((endpoint, dict(values)))
        values.setdefault("lang", "en")

    @app.url_defaults
    def everywhere(endpoint: str, values: dict[str, Any]) -> None:
        seen.append((endpoint, dict(values)))

    app.register_blueprint(blueprint)

    def first(error: Any, endpoint: str, values: dict[str, Any]) -> Any:
        seen.append(("first", type(error).__name__, endpoint, dict(values)))
        if endpoint == "raise":
            raise error

    def second(error: Any, endpoint: str, values: dict[str, Any]) -> Any:
        seen.append(("second", endpoint))
        return "/built" if endpoint == "built" else None

    app.url_build_error_handlers += [first, second]
    return app


LINKS: list[tuple[str, dict[str, Any]]] = [
    ("index", {}),
    ("index", {"_external": True}),
    ("index", {"_external": False}),
    ("index", {"_scheme": "https"}),
    ("index", {"_scheme": ""}),
    ("index", {"_scheme": "https", "_external": False}),
    ("index", {"_anchor": "x y/é?%20#&'\"<>[]~"}),
    ("index", {"_anchor": ""}),
    ("index", {"q": 1, "r": ["a", "b"], "n": None}),
    ("index", {"self": 1, "_other": 2}),
    ("number", {"number": 5}),
    ("number", {}),
    ("number", {"number": "x"}),
    ("posted", {"_method": "POST"}),
    ("posted", {"_method": "GET"}),
    (".index", {}),
    (".lang", {}),
    ("blue.index", {}),
    ("blue.lang", {}),
    ("blue.lang", {"lang": "de"}),
    ("static", {"filename": "a b.css"}),
    ("nothing", {}),
    ("built", {"a": 1, "_anchor": "x"}),
    ("raise", {"a": 1}),
]


@pytest.mark.parametrize(("endpoint", "values"), LINKS, ids=str)
def test_links(endpoint: str, values: dict[str, Any]) -> None:
    twins = Twins(linking)
    for path in ("/", "/blue/", "/nothing"):

        def act(app: Any, flask: Any, path: str = path) -> Any:
            with app.test_request_context(path):
                return app.url_for(endpoint, **values), flask.url_for(endpoint, **values)

        twins.same(act)

    def outside(app: Any, flask: Any) -> Any:
        with app.app_context():
            return app.url_for(endpoint, **values)

    twins.same(outside)
    twins.same(lambda app, flask: app.url_for(endpoint, **values))
    for twin in twins.twins:
        twin.app.config.update(
            SERVER_NAME="x.org:8000", APPLICATION_ROOT="/root", PREFERRED_URL_SCHEME="https"
        )
    twins.same(outside)
    twins.same(lambda app, flask: app.url_for(endpoint, **values))
    twins.same(act)


def test_contexts() -> None:  # noqa: C901 - many small functions
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("contexts")
        listen(flask, app, seen)
        app.add_url_rule("/", "index", lambda: str(flask.g.get("x")))

        @app.teardown_request
        def teardown(error: Any) -> None:
            seen.append(("request", repr(error), flask.g.get("x")))

        @app.teardown_appcontext
        def teardown_app(error: Any) -> None:
            seen.append(("app", repr(error), flask.g.get("x")))

        return app

    def nested(app: Any, flask: Any) -> Any:
        found = []
        with app.app_context():
            flask.g.x = 1
            with app.test_request_context("/"):
                found.append(flask.g.x)
                with app.app_context():
                    found.append("x" in flask.g)
            with app.test_request_context("/") as context:
                with context:
                    found.append(flask.request.path)
                found.append(flask.has_request_context())
        found.append((flask.has_app_context(), flask.has_request_context()))
        return found

    def failing(app: Any, flask: Any) -> Any:
        with app.test_request_context("/"):
            flask.g.x = 2
            raise ValueError("out")

    def handled(app: Any, flask: Any) -> Any:
        context = app.test_request_context("/")
        context.push()
        try:
            raise ValueError("handled")
        except ValueError:
            context.pop()

    def given(app: Any, flask: Any) -> Any:
        context = app.test_request_context("/")
        context.push()
        context.pop(ValueError("given"))

    def wrong_order(app: Any, flask: Any) -> Any:
        first, second = app.test_request_context("/"), app.test_request_context("/")
        first.push()
        second.push()
        try:
            first.pop()
        finally:
            try:
                second.pop()
            except BaseException as error:
                flask.g.pop("x", type(error)) if flask.has_app_context() else None

    def wrong_order_of_applications(app: Any, flask: Any) -> Any:
        first, second = app.app_context(), app.app_context()
        first.push()
        second.push()
        first.pop()

    def not_pushed(app: Any, flask: Any) -> Any:
        app.test_request_context("/").pop()

    def not_pushed_application(app: Any, flask: Any) -> Any:
        app.app_context().pop()

    def closed(app: Any, flask: Any) -> Any:
        return app.test_request_context("/").session

    acts = (nested, failing, handled, given, not_pushed, not_pushed_application, closed)
    for act in acts:
        Twins(build).same(act)


def test_kept_contexts() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("kept")
        app.secret_key = "k"
        listen(flask, app, seen)

        @app.route("/")
        def index() -> Any:
            flask.g.x = flask.request.args.get("x")
            flask.session["x"] = flask.g.x
            return "index"

        @app.route("/fail")
        def fail() -> Any:
            flask.g.x = "fail"
            raise ValueError("fail")

        @app.teardown_request
        def teardown(error: Any) -> None:
            seen.append(("request", repr(error), flask.g.get("x")))

        @app.teardown_appcontext
        def teardown_app(error: Any) -> None:
            seen.append(("app", repr(error), flask.g.get("x")))

        return app

    def keep(app: Any, flask: Any) -> Any:
        found: list[Any] = []
        with app.test_client() as client:
            for x in "12":
                client.get(f"/?x={x}")
                found += [flask.g.x, flask.session["x"], flask.request.args["x"]]
            client.get("/fail")
            found += [flask.g.x, flask.request.path]
            client.get("/nothing")
            found += [flask.request.endpoint, flask.has_request_context()]
        return [*found, flask.has_request_context(), flask.has_app_context()]

    Twins(build).same(keep)


def test_late_setup() -> None:
    methods: dict[str, Any] = {
        "route": lambda app: app.route("/late"),
        "add_url_rule": lambda app: app.add_url_rule("/late", "late", lambda: ""),
        "before_request": lambda app: app.before_request(lambda: None),
        "after_request": lambda app: app.after_request(lambda r: r),
        "teardown_request": lambda app: app.teardown_request(lambda e: None),
        "teardown_appcontext": lambda app: app.teardown_appcontext(lambda e: None),
        "context_processor": lambda app: app.context_processor(dict),
        "errorhandler": lambda app: app.errorhandler(404),
        "register_error_handler": lambda app: app.register_error_handler(404, str),
        "template_filter": lambda app: app.template_filter("x"),
        "add_template_filter": lambda app: app.add_template_filter(str),
        "add_template_test": lambda app: app.add_template_test(str),
        "add_template_global": lambda app: app.add_template_global(str),
        "url_defaults": lambda app: app.url_defaults(str),
        "url_value_preprocessor": lambda app: app.url_value_preprocessor(str),
        "shell_context_processor": lambda app: app.shell_context_processor(dict),
        "endpoint": lambda app: app.endpoint("x"),
    }
    twins = Twins(simple)
    twins.get("/")
    for name, late in methods.items():
        assert twins.same(lambda app, flask, late=late: late(app)) == ("raised", "AssertionError")
        text = f"setup method '{name}' can no longer be called"
        with pytest.raises(AssertionError, match=text):
            late(twins.ours.app)


RULES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("/a", "a", len), {}),
    (("/a",), {}),
    (("/a", "a"), {}),
    (("/a", None, len), {"methods": ["post", "Get"]}),
    (("/a", None, len), {"methods": "GET"}),
    (("/a", None, len), {"methods": ["OPTIONS"]}),
    (("/a", None, len), {"methods": []}),
    (("/a", None, len), {"provide_automatic_options": False}),
    (("/a", None, len), {"provide_automatic_options": True, "methods": ["POST"]}),
    (("a", None, len), {}),
    (("/a", "a.b", len), {}),
    (("/a", "static", len), {}),
    (("/a", None, len), {"defaults": {"a": 1}, "strict_slashes": False, "subdomain": "x"}),
    (("/a", None, len), {"unknown": 1}),
    (("/<nothing:a>", None, len), {}),
]


@pytest.mark.parametrize("automatic", [True, False])
@pytest.mark.parametrize(("args", "kwargs"), RULES, ids=str)
def test_rules(args: Any, kwargs: Any, automatic: bool) -> None:
    def act(flask: Any) -> Any:
        app = flask.Flask("rules")
        app.config["PROVIDE_AUTOMATIC_OPTIONS"] = automatic
        app.add_url_rule(*args, **kwargs)
        rows = []
        for rule in app.url_map.iter_rules():
            options = rule.provide_automatic_options
            row = rule.rule, rule.endpoint, sorted(rule.methods), rule.defaults, rule.subdomain
            rows.append((row, options))
        return rows, sorted(app.view_functions)

    same(act)


def test_instances() -> None:
    cases: list[dict[str, Any]] = [
        {},
        {"static_folder": None},
        {"static_url_path": ""},
        {"static_url_path": "/s/"},
        {"static_folder": "a/b"},
        {"static_host": "h"},
        {"host_matching": True},
        {"host_matching": True, "static_host": "h"},
        {"host_matching": True, "static_folder": None},
        {"instance_path": "relative"},
        {"instance_path": "/absolute"},
        {"root_path": "/r"},
        {"root_path": "/r", "instance_relative_config": True, "instance_path": "/i"},
        {"template_folder": None},
    ]
    for kwargs in cases:

        def act(flask: Any, kwargs: dict[str, Any] = kwargs) -> Any:
            app = flask.Flask("some.where", **{"root_path": "/r", **kwargs})
            rules = [(r.rule, r.host, r.endpoint) for r in app.url_map.iter_rules()]
            found = app.name, app.root_path, app.static_folder, app.static_url_path, rules
            return found, app.config.root_path, app.has_static_folder, app.template_folder

        same(act)


def test_attributes() -> None:
    def act(flask: Any) -> Any:
        app = flask.Flask("attributes", instance_path="/i")
        kinds = {
            name: type(value).__name__
            for name, value in vars(app).items()
            if name not in {"_known_hosts", "aborter"}
        }
        return kinds, dict(app.default_config), sorted(app.config)

    assert same(act)[0] == "returned"


def test_test_request_contexts() -> None:
    cases: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((), {}),
        (("/p?a=1",), {}),
        (("/p",), {"base_url": "https://x.org:8000/root"}),
        (("/p",), {"subdomain": "sub"}),
        (("/p",), {"url_scheme": "https"}),
        (("/p",), {"base_url": "http://x", "subdomain": "a"}),
        (("https://other.org/p?x=1",), {}),
        (("/p",), {"json": {"a": 1}, "query_string": {"b": "c"}}),
        (("/p", None, None, None, {"q": 1}), {}),
        (("/p",), {"method": "POST", "data": {"a": "b"}, "headers": {"X-A": "b"}}),
    ]
    for config in ({}, {"SERVER_NAME": "s.org", "APPLICATION_ROOT": "/r"}):
        for args, kwargs in cases:

            def act(
                flask: Any, args: Any = args, kwargs: Any = kwargs, config: Any = config
            ) -> Any:
                app = flask.Flask("contexts")
                app.config.update(config)
                with app.test_request_context(*args, **kwargs) as context:
                    request = flask.request
                    found = request.url, request.method, dict(request.form), dict(request.args)
                    length = request.content_length, request.get_json(silent=True)
                    return found, length, repr(context).partition(" ")[0], request.script_root

            same(act)


def test_shell_and_template_context() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("shell")
        app.shell_context_processor(lambda: {"x": 1, "g": 2})
        app.context_processor(lambda: {"y": 1, "z": 1})
        blue = flask.Blueprint("blue", "shell", url_prefix="/blue")
        blue.context_processor(lambda: {"z": 2})
        blue.add_url_rule("/", "index", lambda: "")
        app.register_blueprint(blue)
        return app

    def act(app: Any, flask: Any) -> Any:
        found: list[Any] = [sorted(app.make_shell_context())]
        for path in ("/", "/blue/"):
            with app.test_request_context(path):
                context: dict[str, Any] = {"y": 3}
                app.update_template_context(context)
                found.append({key: context[key] for key in ("y", "z")} | {"keys": sorted(context)})
        return found

    assert Twins(build).same(act)[0] == "returned"


def test_copied_contexts() -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("copied")
        app.secret_key = "k"

        @app.route("/")
        def index() -> Any:
            flask.session["x"] = 1
            flask.g.y = 1

            @flask.copy_current_request_context
            def elsewhere() -> Any:
                seen.append((flask.request.path, dict(flask.session), flask.g.get("y")))
                return elsewhere.__name__

            flask.session["z"] = 1
            threads = [threading.Thread(target=elsewhere)]
            threads += [threading.Thread(target=contextvars.Context().run, args=(elsewhere,))]
            for thread in threads:
                thread.start()
                thread.join()
            return elsewhere()

        return app

    assert len(Twins(build).get("/").seen) == 3
