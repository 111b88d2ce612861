"""Blueprints, error handlers and hooks: ours and Flask's, for the same applications."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.differential.twins import Twins, same

HOOKS = [
    "before_request",
    "after_request",
    "teardown_request",
    "context_processor",
    "url_value_preprocessor",
    "url_defaults",
]
APP_HOOKS = [
    "before_app_request",
    "after_app_request",
    "teardown_app_request",
    "app_context_processor",
    "app_url_value_preprocessor",
    "app_url_defaults",
]
REGISTRIES = [
    "view_functions",
    "error_handler_spec",
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "template_context_processors",
    "url_value_preprocessors",
    "url_default_functions",
]


def named(name: str) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        return name

    function.__name__ = name
    return function


def plain(value: Any) -> Any:
    """Return names in place of functions and classes, whatever they are in."""
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return getattr(value, "__name__", value)


def rules(app: Any) -> list[Any]:
    return [
        (rule.rule, rule.endpoint, rule.subdomain, rule.defaults, sorted(rule.methods or ()))
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
    ]


def full(flask: Any, name: str, **options: Any) -> Any:
    """Return a blueprint with one of everything."""
    blueprint = flask.Blueprint(name, __name__, **options)
    for hook in HOOKS + APP_HOOKS:
        getattr(blueprint, hook)(named(f"{name}_{hook}"))
    blueprint.endpoint("loose")(named(f"{name}_loose"))
    blueprint.errorhandler(404)(named(f"{name}_404"))
    blueprint.errorhandler(KeyError)(named(f"{name}_key"))
    blueprint.app_errorhandler(500)(named(f"{name}_500"))
    blueprint.app_template_filter("given_filter")(named(f"{name}_given"))
    blueprint.app_template_filter()(named(f"{name}_filter"))
    blueprint.add_app_template_filter(len)
    blueprint.app_template_test("given_test")(named(f"{name}_given"))
    blueprint.add_app_template_test(named(f"{name}_test"))
    blueprint.app_template_global("given_global")(named(f"{name}_given"))
    blueprint.add_app_template_global(named(f"{name}_global"), name="renamed")
    blueprint.route(f"/{name}")(named(f"{name}_view"))
    return blueprint


class TestRegistries:
    @pytest.mark.parametrize("again", [False, True])
    @pytest.mark.parametrize("nested", [False, True])
    def test_of_the_application(self, nested: bool, again: bool) -> None:
        def act(flask: Any) -> Any:
            app = flask.Flask(__name__)
            parent, child = full(flask, "parent"), full(flask, "child")
            if nested:
                parent.register_blueprint(child)
            app.register_blueprint(parent)
            if again:
                app.register_blueprint(parent, name="again")
            environment = app.jinja_env
            return (
                [plain(getattr(app, name)) for name in REGISTRIES],
                {name: blueprint.name for name, blueprint in app.blueprints.items()},
                [blueprint.name for blueprint in app.iter_blueprints()],
                rules(app),
                [
                    name in environment.filters
                    for name in ("given_filter", "parent_filter", "len", "child_filter")
                ],
                [name in environment.tests for name in ("given_test", "child_test")],
                [name in environment.globals for name in ("given_global", "renamed")],
            )

        assert same(act)[0] == "returned"

    def test_of_the_blueprint(self) -> None:
        def act(flask: Any) -> Any:
            blueprint = full(flask, "one")
            return (
                [plain(getattr(blueprint, name)) for name in REGISTRIES],
                len(blueprint.deferred_functions),
                sorted(vars(blueprint)),
            )

        assert same(act)[0] == "returned"

    def test_keys_of_the_blueprint_are_put_behind_its_name(self) -> None:
        def act(flask: Any) -> Any:
            app, blueprint = flask.Flask(__name__), flask.Blueprint("one", __name__)
            blueprint.before_request_funcs["inner"].append(named("a"))
            blueprint.error_handler_spec["inner"][None][KeyError] = named("b")
            app.register_blueprint(blueprint, name_prefix="outer")
            return plain(app.before_request_funcs), plain(app.error_handler_spec)

        assert same(act)[0] == "returned"


PREFIXES = [None, "", "/", "/p", "/p/", "p", "//p"]
NO_PREFIX: Any = object()


class TestRules:
    @pytest.mark.parametrize("rule", ["", "/", "/x", "x", "/x/", "//"])
    @pytest.mark.parametrize("prefix", PREFIXES)
    def test_prefix(self, prefix: str | None, rule: str) -> None:
        def act(flask: Any) -> Any:
            app = flask.Flask(__name__)
            blueprint = flask.Blueprint("one", __name__, url_prefix=prefix)
            blueprint.add_url_rule(rule, view_func=named("view"))
            app.register_blueprint(blueprint)
            return rules(app)

        same(act)

    @pytest.mark.parametrize("option", [NO_PREFIX, None, "", "/", "/r"])
    @pytest.mark.parametrize("inner", PREFIXES)
    @pytest.mark.parametrize("outer", PREFIXES)
    def test_nested_prefix(self, outer: str | None, inner: str | None, option: Any) -> None:
        options = {} if option is NO_PREFIX else {"url_prefix": option}

        def act(flask: Any) -> Any:
            app = flask.Flask(__name__)
            parent = flask.Blueprint("parent", __name__, url_prefix=outer)
            child = flask.Blueprint("child", __name__, url_prefix=inner)
            child.add_url_rule("/x", view_func=named("view"))
            prefixes: list[Any] = []
            child.record(lambda state: prefixes.append(state.url_prefix))
            parent.register_blueprint(child, **options)
            app.register_blueprint(parent)
            return rules(app), prefixes

        same(act)

    @pytest.mark.parametrize("option", [NO_PREFIX, None, "", "c"])
    @pytest.mark.parametrize(
        ("outer", "inner"), list(itertools.product([None, "", "a"], [None, "", "b"]))
    )
    def test_subdomain(self, outer: str | None, inner: str | None, option: Any) -> None:
        options = {} if option is NO_PREFIX else {"subdomain": option}

        def act(flask: Any) -> Any:
            app = flask.Flask(__name__)
            parent = flask.Blueprint("parent", __name__, subdomain=outer)
            child = flask.Blueprint("child", __name__, subdomain=inner)
            child.add_url_rule("/x", view_func=named("view"))
            child.add_url_rule("/y", view_func=named("own"), subdomain="d")
            parent.register_blueprint(child, **options)
            app.register_blueprint(parent)
            return rules(app)

        assert same(act)[0] == "returned"

    def test_subdomains_are_answered(self) -> None:
        def build(flask: Any) -> Any:
            app = flask.Flask(__name__, subdomain_matching=True)
            app.config["SERVER_NAME"] = "example.test"
            parent = flask.Blueprint("parent", __name__, subdomain="api")
            child = flask.Blueprint("child", __name__, subdomain="v1")
            parent.route("/")(lambda: "parent")
            child.route("/")(lambda: f"child {flask.url_for('.<lambda>', _external=True)}")
            parent.register_blueprint(child)
            app.register_blueprint(parent)
            return app

        twins = Twins(build)
        assert twins.get("/", "http://api.example.test").text == "parent"
        assert twins.get("/", "http://v1.api.example.test").text == (
            "child http://v1.api.example.test/"
        )
        assert twins.get("/", "http://example.test").status == "404 NOT FOUND"

    def test_defaults(self) -> None:
        def build(flask: Any) -> Any:
            app = flask.Flask(__name__)
            blueprint = flask.Blueprint("one", __name__, url_defaults={"a": 1, "b": 2})
            blueprint.add_url_rule("/<int:c>", "x", lambda **values: values)
            blueprint.add_url_rule("/y", "y", lambda **values: values, defaults={"b": 3})
            app.register_blueprint(blueprint)
            app.register_blueprint(blueprint, name="two", url_prefix="/2", url_defaults={"a": 9})
            return app

        twins = Twins(build)
        assert twins.get("/5").text == '{"a":1,"b":2,"c":5}\n'
        assert twins.get("/2/y").text == '{"a":9,"b":3}\n'
        assert twins.same(lambda app, _: rules(app))[0] == "returned"


class TestRegistration:
    @pytest.mark.parametrize("name", ["", "a.b", None, "good", 5, "ä b"])
    def test_name(self, name: Any) -> None:
        same(lambda flask: flask.Blueprint(name, __name__).name)

    @pytest.mark.parametrize("endpoint", ["a.b", "", None, "good", "."])
    @pytest.mark.parametrize("name", ["view", "a.b"])
    def test_endpoint(self, endpoint: str | None, name: str) -> None:
        def act(flask: Any) -> Any:
            app, blueprint = flask.Flask(__name__), flask.Blueprint("one", __name__)
            blueprint.add_url_rule("/", endpoint, named(name))
            app.register_blueprint(blueprint)
            return rules(app)

        same(act)

    def test_without_view_or_endpoint(self) -> None:
        def act(flask: Any) -> Any:
            app, blueprint = flask.Flask(__name__), flask.Blueprint("one", __name__)
            blueprint.add_url_rule("/a", endpoint="only")
            app.register_blueprint(blueprint)
            return rules(app)

        assert same(act)[0] == "returned"

        def neither(flask: Any) -> None:
            app, blueprint = flask.Flask(__name__), flask.Blueprint("one", __name__)
            blueprint.add_url_rule("/a")
            app.register_blueprint(blueprint)

        assert same(neither) == ("raised", "AssertionError")

    @pytest.mark.parametrize("second", ["same", "other"])
    @pytest.mark.parametrize("options", [{}, {"name": "free"}, {"name": "one"}, {"name": "a.b"}])
    def test_clash(self, second: str, options: dict[str, Any]) -> None:
        def act(flask: Any) -> Any:
            app, one = flask.Flask(__name__), flask.Blueprint("one", __name__)
            app.register_blueprint(one)
            other = one if second == "same" else flask.Blueprint("one", __name__)
            app.register_blueprint(other, **options)
            return list(app.blueprints)

        same(act)

    @pytest.mark.parametrize(
        "options", [{}, {"name_prefix": "x"}, {"name_prefix": "..x."}, {"name": ""}]
    )
    def test_options_that_name(self, options: dict[str, Any]) -> None:
        def act(flask: Any) -> Any:
            app, blueprint = flask.Flask(__name__), flask.Blueprint("one", __name__)
            blueprint.add_url_rule("/", view_func=named("view"))
            app.register_blueprint(blueprint, **options)
            return list(app.blueprints), rules(app)

        same(act)

    def test_the_state(self) -> None:
        def act(flask: Any) -> Any:
            seen: list[Any] = []

            def note(state: Any) -> None:
                values = dict(vars(state))
                del values["app"], values["blueprint"]
                seen.append((type(state).__name__, values))

            blueprint = flask.Blueprint(
                "one", __name__, url_prefix="/p", subdomain="s", url_defaults={"a": 1}
            )
            blueprint.record(note)
            blueprint.record_once(lambda state: seen.append("once"))
            outer = flask.Blueprint("outer", __name__, url_prefix="/o")
            outer.register_blueprint(blueprint, extra=5)
            app = flask.Flask(__name__)
            app.register_blueprint(
                blueprint,
                url_defaults={"b": 2},
                url_prefix="/q",
                subdomain="",
                cli_group="g",
                other=4,
            )
            app.register_blueprint(blueprint, name="two", url_prefix=None)
            app.register_blueprint(outer)
            flask.Flask(__name__).register_blueprint(blueprint)
            return seen, blueprint.name, blueprint.url_values_defaults

        assert same(act)[0] == "returned"

    def test_by_hand(self) -> None:
        def act(flask: Any) -> Any:
            app, blueprint = flask.Flask(__name__), full(flask, "one")
            blueprint.register(app, {})
            state = blueprint.make_setup_state(app, {"name": "n", "name_prefix": "p"})
            state.add_url_rule("/a", view_func=named("a"), methods=["PUT"], subdomain="s")
            return rules(app), state.first_registration

        assert same(act)[0] == "returned"

    def test_on_itself(self) -> None:
        def act(flask: Any) -> None:
            blueprint = flask.Blueprint("one", __name__)
            blueprint.register_blueprint(blueprint)

        assert same(act) == ("raised", "ValueError")

    def test_one_child_of_two_parents(self) -> None:
        def act(flask: Any) -> Any:
            app, child = flask.Flask(__name__), full(flask, "child")
            for name in ("a", "b"):
                parent = flask.Blueprint(name, __name__, url_prefix=f"/{name}")
                parent.register_blueprint(child)
                app.register_blueprint(parent)
            return rules(app), list(app.blueprints), plain(app.before_request_funcs)

        assert same(act)[0] == "returned"

    @pytest.mark.parametrize("method", [*HOOKS, *APP_HOOKS, "record", "record_once"])
    def test_too_late(self, method: str) -> None:
        def act(flask: Any) -> None:
            blueprint = flask.Blueprint("one", __name__)
            flask.Flask(__name__).register_blueprint(blueprint)
            getattr(blueprint, method)(named("a"))

        assert same(act) == ("raised", "AssertionError")

    def test_after_the_first_request(self) -> None:
        def build(flask: Any) -> Any:
            app = flask.Flask(__name__)
            app.route("/")(lambda: "")
            return app

        twins = Twins(build)
        twins.get("/")
        late = twins.same(
            lambda app, flask: app.register_blueprint(flask.Blueprint("one", __name__))
        )
        assert late == ("raised", "AssertionError")


class TestCommands:
    @pytest.mark.parametrize(
        ("made_with", "registered_with"),
        [
            ({}, {}),
            ({"cli_group": None}, {}),
            ({"cli_group": "g"}, {}),
            ({"cli_group": ""}, {}),
            ({}, {"cli_group": None}),
            ({"cli_group": None}, {"cli_group": "g"}),
            ({}, {"name": "other"}),
            ({}, {"cli_group": "g", "name": "other"}),
        ],
    )
    @pytest.mark.parametrize("nested", [False, True])
    def test_groups(
        self, made_with: dict[str, Any], registered_with: dict[str, Any], nested: bool
    ) -> None:
        def act(flask: Any) -> Any:
            app = flask.Flask(__name__)
            blueprint = flask.Blueprint("one", __name__, **made_with)
            blueprint.cli.command("hello")(named("hello"))
            if nested:
                parent = flask.Blueprint("parent", __name__, cli_group="ignored")
                parent.register_blueprint(blueprint, **registered_with)
                app.register_blueprint(parent)
            else:
                app.register_blueprint(blueprint, **registered_with)
            app.register_blueprint(flask.Blueprint("empty", __name__))
            return {
                name: sorted(getattr(command, "commands", ()))
                for name, command in app.cli.commands.items()
            }

        assert same(act)[0] == "returned"


def story(flask: Any, seen: list[Any]) -> Any:
    """An application, a blueprint and a nested one, whose hooks and handlers tell of themselves."""
    app = flask.Flask(__name__)
    parent = flask.Blueprint("parent", __name__, url_prefix="/parent")
    child = flask.Blueprint("child", __name__, url_prefix="/child")
    for owner, name in ((app, "app"), (parent, "parent"), (child, "child")):
        _tell(flask, owner, name, seen)
        _fail(flask, owner, name)
    for blueprint in (parent, child):
        _tell_of_app(flask, blueprint, seen)
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    return app


def _tell(flask: Any, owner: Any, name: str, seen: list[Any]) -> None:
    @owner.before_request
    def before() -> Any:
        seen.append(f"{name} before")
        return f"{name} stopped" if flask.request.args.get("stop") == name else None

    @owner.after_request
    def after(response: Any) -> Any:
        seen.append(f"{name} after")
        response.headers.add("X-After", name)
        return response

    @owner.teardown_request
    def teardown(error: Any) -> None:
        seen.append(f"{name} teardown {type(error).__name__}")

    @owner.url_value_preprocessor
    def pull(endpoint: Any, values: Any) -> None:
        seen.append(f"{name} pull {endpoint} {values}")

    @owner.url_defaults
    def push(endpoint: str, values: Any) -> None:
        seen.append(f"{name} push {endpoint} {sorted(values)}")
        values.setdefault(name, "1")

    @owner.context_processor
    def context() -> Any:
        return {"who": name, f"is_{name}": True}


def _fail(flask: Any, owner: Any, name: str) -> None:
    @owner.errorhandler(403)
    def forbidden(error: Any) -> Any:
        return f"{name} forbids", 403

    if name != "child":

        @owner.errorhandler(LookupError)
        def lookup(error: Any) -> Any:
            return f"{name} looked", 400

    if name == "child":

        @owner.errorhandler(IndexError)
        def index(error: Any) -> Any:
            raise KeyError("while handling")

    @owner.route("/page")
    def page() -> str:
        return flask.render_template_string(  # type: ignore[no-any-return]
            "{{ who }} {{ is_app }} {{ is_parent }} {{ is_child }} {{ request.blueprints }}"
            " {{ request.blueprint }} {{ request.endpoint }} {{ late }}"
        )

    @owner.route("/fail/<kind>")
    def fail(kind: str) -> Any:
        if kind.isdigit():
            flask.abort(int(kind))
        raise {"key": KeyError, "index": IndexError, "type": TypeError, "zero": ZeroDivisionError}[
            kind
        ]

    @owner.route("/links")
    def links() -> str:
        return " ".join(flask.url_for(point) for point in (".page", "page", "parent.child.page"))


def _tell_of_app(flask: Any, blueprint: Any, seen: list[Any]) -> None:
    name = blueprint.name

    @blueprint.before_app_request
    def before() -> None:
        seen.append(f"{name} before of app")

    @blueprint.after_app_request
    def after(response: Any) -> Any:
        seen.append(f"{name} after of app")
        return response

    @blueprint.teardown_app_request
    def teardown(error: Any) -> None:
        seen.append(f"{name} teardown of app")

    @blueprint.app_context_processor
    def context() -> Any:
        return {"who": f"{name} of app", "late": name}

    @blueprint.app_url_value_preprocessor
    def pull(endpoint: Any, values: Any) -> None:
        seen.append(f"{name} pull of app")

    @blueprint.app_url_defaults
    def push(endpoint: str, values: Any) -> None:
        seen.append(f"{name} push of app")

    @blueprint.app_errorhandler(404)
    def missing(error: Any) -> Any:
        return f"{name} misses {flask.request.blueprint}", 404

    @blueprint.app_errorhandler(ZeroDivisionError)
    def zero(error: Any) -> Any:
        return f"{name} divided", 500


PLACES = ["", "/parent", "/parent/child"]


@pytest.fixture(scope="module")
def twins() -> Twins:
    return Twins(story)


class TestRequests:
    @pytest.mark.parametrize("place", PLACES)
    def test_page(self, twins: Twins, place: str) -> None:
        assert twins.get(f"{place}/page").status == "200 OK"

    @pytest.mark.parametrize("place", PLACES)
    def test_links(self, twins: Twins, place: str) -> None:
        assert twins.get(f"{place}/links").status == "200 OK"

    @pytest.mark.parametrize("stop", ["app", "parent", "child"])
    @pytest.mark.parametrize("place", PLACES)
    def test_stopped(self, twins: Twins, place: str, stop: str) -> None:
        twins.get(f"{place}/page", query_string={"stop": stop})

    @pytest.mark.parametrize("kind", ["403", "404", "500", "418", "key", "index", "type", "zero"])
    @pytest.mark.parametrize("place", PLACES)
    def test_error(self, twins: Twins, place: str, kind: str) -> None:
        twins.get(f"{place}/fail/{kind}")

    @pytest.mark.parametrize("place", [*PLACES, "/else"])
    @pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "HEAD"])
    def test_not_found_or_not_allowed(self, twins: Twins, place: str, method: str) -> None:
        twins.open(f"{place}/nowhere", method=method)
        twins.open(f"{place}/page", method=method)

    @pytest.mark.parametrize("key", ["PROPAGATE_EXCEPTIONS", "TESTING", "DEBUG"])
    def test_error_let_through(self, key: str) -> None:
        def build(flask: Any, seen: list[Any]) -> Any:
            app = story(flask, seen)
            app.config[key] = True
            return app

        twins = Twins(build)
        assert twins.get("/parent/child/fail/type").raised == "TypeError"
        assert twins.get("/parent/child/fail/index").raised == "KeyError"


def test_registries_that_are_changed_by_hand_after_requests() -> None:
    def build(flask: Any) -> Any:
        app, one = flask.Flask(__name__), flask.Blueprint("one", __name__, url_prefix="/one")
        one.add_url_rule("/", "index", lambda: "index")
        one.add_url_rule("/fail", "fail", lambda: 1 / 0)
        app.register_blueprint(one)
        return app

    twins = Twins(build)
    for path in ("/one/", "/one/fail", "/nowhere"):
        twins.get(path)

    def change(app: Any, flask: Any) -> Any:
        seen: list[Any] = []

        def after(response: Any) -> Any:
            seen.append("after")
            return response

        app.before_request_funcs.setdefault("one", []).append(lambda: seen.append("one"))
        app.before_request_funcs.setdefault(None, []).insert(0, lambda: seen.append("app"))
        app.after_request_funcs.setdefault(None, []).append(after)
        app.teardown_request_funcs.setdefault("one", []).append(lambda _: seen.append("end"))
        app.url_value_preprocessors.setdefault(None, []).append(
            lambda endpoint, values: seen.append((endpoint, values))
        )
        app.error_handler_spec["one"][None][ZeroDivisionError] = lambda _: ("zero", 400)
        app.view_functions["one.index"] = lambda: "other"
        app.template_context_processors[None].append(lambda: {"word": 1})
        client = app.test_client()
        texts = [client.get(path).text for path in ("/one/", "/one/fail")]
        with app.app_context():
            texts.append(flask.render_template_string("{{ word }}"))
        return texts, seen

    kind, (texts, _) = twins.same(change)
    assert (kind, texts) == ("returned", ["other", "zero", "1"])


def handlers(*spec: tuple[str, Any]) -> Callable[..., Any]:
    """Return a function that builds an application with handlers, at ``app``, ``one`` or both."""

    def build(flask: Any, seen: list[Any], werkzeug: Any) -> Any:
        class Special(werkzeug.exceptions.Forbidden):  # type: ignore[misc]
            description = "special"

        class Teapot(werkzeug.exceptions.HTTPException):  # type: ignore[misc]
            code = 404

        errors = {
            "http": werkzeug.exceptions.HTTPException,
            "missing": werkzeug.exceptions.NotFound,
            "internal": werkzeug.exceptions.InternalServerError,
            "special": Special,
            "teapot": Teapot,
            "base": Exception,
            "lookup": LookupError,
            "key": KeyError,
        }
        app, one = flask.Flask(__name__), flask.Blueprint("one", __name__, url_prefix="/one")
        for where, what in spec:
            owner = one if where == "one" else app

            def handle(error: Any, where: str = where, what: Any = what) -> Any:
                cause = getattr(error, "original_exception", None)
                return f"{where} {what} {type(error).__name__} {type(cause).__name__}", 400

            owner.register_error_handler(errors.get(what, what), handle)

        def fail(kind: str) -> Any:
            if kind.isdigit():
                flask.abort(int(kind))
            if kind == "zero":
                raise ZeroDivisionError
            raise errors[kind]()

        app.add_url_rule("/<kind>", "fail", fail)
        one.add_url_rule("/<kind>", "fail", fail)
        app.register_blueprint(one)
        return app

    return build


SPECS: list[tuple[tuple[str, Any], ...]] = [
    (),
    (("app", 404),),
    (("app", "http"), ("one", 404)),
    (("app", 404), ("one", "http")),
    (("app", "base"), ("one", "lookup")),
    (("app", "key"), ("one", "base")),
    (("app", 500), ("one", 403)),
    (("app", "base"), ("app", 500)),
    (("one", 500),),
    (("app", "http"), ("app", "base"), ("app", "special")),
    (("app", "teapot"), ("one", "missing")),
    (("app", "internal"), ("one", "special"), ("app", 403)),
]


class TestHandlerChoice:
    @pytest.mark.parametrize("spec", SPECS, ids=str)
    def test_is_the_same(self, spec: tuple[tuple[str, Any], ...]) -> None:
        twins = Twins(handlers(*spec))
        kinds = ["404", "403", "500", "409", "special", "teapot", "lookup", "key", "zero"]
        for place in ("", "/one"):
            for kind in kinds:
                twins.get(f"{place}/{kind}")
        twins.get("/one/a/b")


class TestFiles:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in ("static/a.txt", "own/a.txt", "templates/t.html", "deep/t.html"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(name)
        (tmp_path / "templates" / "only.html").write_text(
            "only {{ url_for('.static', filename='x') }}"
        )
        return tmp_path

    @pytest.mark.parametrize(
        "options",
        [
            {"static_folder": "own"},
            {"static_folder": "own", "url_prefix": "/p"},
            {"static_folder": "own", "static_url_path": "/s/", "url_prefix": "/p"},
            {"static_folder": "own", "static_url_path": "", "url_prefix": "/p"},
            {"static_folder": "static", "static_url_path": "/static"},
            {"static_folder": "/"},
            {"static_url_path": "/s"},
        ],
        ids=str,
    )
    def test_static(self, folder: Path, options: dict[str, Any]) -> None:
        def build(flask: Any) -> Any:
            app = flask.Flask(__name__, root_path=str(folder))
            one = flask.Blueprint("one", __name__, root_path=str(folder), **options)
            app.register_blueprint(one)
            return app

        twins = Twins(build)
        assert twins.same(lambda app, _: rules(app))[0] == "returned"
        for path in ("/own/a.txt", "/p/own/a.txt", "/p/s/a.txt", "/p/a.txt", "/static/a.txt"):
            twins.get(path)
            twins.get(path, headers={"Range": "bytes=1-2"})
        twins.get("/own/no.txt")
        twins.get("/own/../static/a.txt")
        for name in ("static_folder", "static_url_path", "has_static_folder"):
            twins.same(lambda app, _, name=name: getattr(app.blueprints["one"], name))

    @pytest.mark.parametrize("age", [None, 0, 5, timedelta(seconds=9.5), timedelta(days=-1), 3.5])
    def test_max_age(self, folder: Path, age: Any) -> None:
        def build(flask: Any) -> Any:
            app = flask.Flask(__name__, root_path=str(folder))
            app.config["SEND_FILE_MAX_AGE_DEFAULT"] = age
            one = flask.Blueprint("one", __name__, root_path=str(folder), static_folder="own")
            app.register_blueprint(one)

            class Own(flask.Blueprint):  # type: ignore[misc]
                def get_send_file_max_age(self, filename: Any) -> int:
                    return len(filename)

            app.register_blueprint(
                Own("two", __name__, root_path=str(folder), static_folder="own", url_prefix="/two")
            )
            return app

        twins = Twins(build)
        for path in ("/static/a.txt", "/own/a.txt", "/two/own/a.txt"):
            assert twins.get(path).status == "200 OK"

        def ages(app: Any, _flask: Any) -> Any:
            with app.app_context():
                return app.get_send_file_max_age("x"), app.blueprints["one"].get_send_file_max_age(
                    None
                )

        assert twins.same(ages)[0] == "returned"

    @pytest.mark.parametrize("mode", ["r", "rb", "rt", "w", "br", "", "r+", "a"])
    @pytest.mark.parametrize("options", [{}, {"encoding": None}, {"encoding": "latin-1"}])
    @pytest.mark.parametrize("owner", ["Flask", "Blueprint"])
    def test_open_resource(
        self, folder: Path, owner: str, mode: str, options: dict[str, Any]
    ) -> None:
        (folder / "r.txt").write_bytes("ä\r\n".encode())

        def act(flask: Any) -> Any:
            if owner == "Flask":
                found = flask.Flask("a", root_path=str(folder))
            else:
                found = flask.Blueprint("a", "b", root_path=str(folder))
            with found.open_resource("r.txt", mode, **options) as file:
                return type(file).__name__, getattr(file, "encoding", None), file.read()

        same(act)

    def test_templates(self, folder: Path) -> None:
        def build(flask: Any) -> Any:
            root = str(folder)
            app = flask.Flask(__name__, root_path=root, template_folder="none")
            one = flask.Blueprint(
                "one", __name__, root_path=root, template_folder="templates", static_folder="own"
            )
            two = flask.Blueprint(
                "two", __name__, root_path=root, template_folder=Path("deep"), url_prefix="/two"
            )

            @one.route("/<name>")
            @two.route("/<name>")
            def show(name: str) -> Any:
                return flask.render_template(name)

            one.register_blueprint(two)
            app.register_blueprint(one)
            return app

        twins = Twins(build)
        assert twins.get("/t.html").text == "templates/t.html"
        assert twins.get("/two/t.html").text == "templates/t.html"
        assert twins.get("/only.html").text == "only /own/x"
        twins.get("/two/only.html")
        for name in ("one", "one.two"):
            twins.same(lambda app, _, name=name: app.blueprints[name].jinja_loader.searchpath)
