"""What is set up of an application before its first request."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dovetail.app.application import App
from dovetail.app.blueprints import Blueprint
from dovetail.app.config import Config
from dovetail.app.json.provider import DefaultJSONProvider
from dovetail.app.scaffold import Scaffold
from dovetail.app.setup import AppSetup
from dovetail.app.templating import DispatchingJinjaLoader, Environment
from dovetail.data.exceptions import Aborter, BadRequest, BadRequestKeyError, NotFound
from dovetail.routing.exceptions import BuildError
from dovetail.routing.map import Map
from dovetail.routing.rules import Rule


@pytest.fixture
def app() -> App:
    return App("setting_up")


def test_hierarchy() -> None:
    assert issubclass(App, AppSetup)
    assert issubclass(AppSetup, Scaffold)


def test_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert App("some.module").name == "some.module"
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__file__", "/somewhere/run.py", raising=False)
    assert App("__main__", root_path="/somewhere").name == "run"
    monkeypatch.delattr(main, "__file__")
    assert App("__main__", root_path="/somewhere").name == "__main__"


def test_logger(app: App) -> None:
    assert app.logger is logging.getLogger("setting_up")
    assert app.logger is app.logger


def test_debug(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    assert app.debug is False
    app.debug = True
    assert app.config["DEBUG"] is True
    monkeypatch.setenv("DOVETAIL_DEBUG", "1")
    assert App("setting_up").debug is True


@pytest.mark.parametrize("first", [True, False])
def test_debug_reloads_templates(app: App, first: bool) -> None:
    if first:
        assert app.jinja_env.auto_reload is False
    app.debug = True
    assert app.jinja_env.auto_reload is True


def test_templates_auto_reload(app: App) -> None:
    app.config["TEMPLATES_AUTO_RELOAD"] = False
    app.debug = True
    assert app.jinja_env.auto_reload is False


def test_config_attributes(app: App) -> None:
    app.testing = True
    app.secret_key = "key"
    assert app.config["TESTING"] is True
    assert app.config["SECRET_KEY"] == "key"
    assert app.permanent_session_lifetime == timedelta(days=31)
    app.permanent_session_lifetime = 60
    assert app.permanent_session_lifetime == timedelta(minutes=1)


def test_classes() -> None:
    class Own(App):
        class aborter_class(Aborter):  # noqa: N801 - the documented name
            pass

        class config_class(Config):  # noqa: N801
            pass

        class json_provider_class(DefaultJSONProvider):  # noqa: N801
            pass

        class url_rule_class(Rule):  # noqa: N801
            pass

        class url_map_class(Map):  # noqa: N801
            pass

        class jinja_environment(Environment):  # noqa: N801
            pass

    app = Own("own")
    assert type(app.aborter) is Own.aborter_class
    assert type(app.config) is Own.config_class
    assert type(app.json) is Own.json_provider_class
    assert type(app.url_map) is Own.url_map_class
    assert {type(rule) for rule in app.url_map.iter_rules()} == {Own.url_rule_class}
    assert type(app.jinja_env) is Own.jinja_environment
    # Matched by an adapter, not by a shortcut that would pass over the subclass.
    app.add_url_rule("/", "index", lambda: "index")
    assert app.test_client().get("/").data == b"index"


def test_overridden_makers(tmp_path: Path) -> None:
    class Own(App):
        def make_config(self, instance_relative: bool = False) -> Config:
            config = super().make_config(instance_relative)
            config["OWN"] = instance_relative
            return config

        def make_aborter(self) -> Aborter:
            return Aborter(extra={777: NotFound})

        def auto_find_instance_path(self) -> str:
            return str(tmp_path)

        def select_jinja_autoescape(self, filename: str | None) -> bool:
            return filename == "own"

        def create_global_jinja_loader(self) -> DispatchingJinjaLoader:
            made = super().create_global_jinja_loader()
            made.own = True  # type: ignore[attr-defined]
            return made

    app = Own("own", instance_relative_config=True)
    assert app.config["OWN"] is True
    assert app.config.root_path == app.instance_path == str(tmp_path)
    with pytest.raises(NotFound):
        app.aborter(777)
    assert app.jinja_env.loader.own  # type: ignore[union-attr]
    assert app.jinja_env.autoescape("own")  # type: ignore[operator]


def test_instance_path() -> None:
    with pytest.raises(ValueError, match="must be absolute"):
        App("setting_up", instance_path="relative")
    assert App("setting_up", instance_path="/absolute").instance_path == "/absolute"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, True),
        *((f"a.{kind}", True) for kind in ("html", "htm", "xml", "xhtml", "svg")),
        *((f"a.{kind}", False) for kind in ("txt", "js", "html.txt", "HTML")),
    ],
)
def test_select_jinja_autoescape(app: App, name: str | None, expected: bool) -> None:
    assert app.select_jinja_autoescape(name) is expected


def test_create_jinja_environment(app: App) -> None:
    with pytest.raises(NotImplementedError):
        AppSetup.create_jinja_environment(app)
    assert isinstance(app.create_jinja_environment(), Environment)
    assert app.jinja_env is app.jinja_env


class TestBlueprints:
    def test_register_and_iterate(self, app: App) -> None:
        first, second = Blueprint("first", __name__), Blueprint("second", __name__)
        app.register_blueprint(first, url_prefix="/first")
        app.register_blueprint(second)
        assert list(app.iter_blueprints()) == [first, second]
        assert app.blueprints == {"first": first, "second": second}


class TestAddUrlRule:
    def rule(self, app: App, endpoint: str = "view") -> Any:
        return next(app.url_map.iter_rules(endpoint))

    def test_methods(self, app: App) -> None:
        app.add_url_rule("/", "view", lambda: "", methods=["post", "PUT"])
        assert self.rule(app).methods == {"POST", "PUT", "OPTIONS"}
        assert self.rule(app).provide_automatic_options is True

    def test_attributes_of_the_view(self, app: App) -> None:
        def view() -> str:
            return ""

        view.methods = ["POST"]  # type: ignore[attr-defined]
        view.required_methods = ["delete"]  # type: ignore[attr-defined]
        view.provide_automatic_options = False  # type: ignore[attr-defined]
        app.add_url_rule("/", view_func=view)
        assert self.rule(app).methods == {"POST", "DELETE"}
        assert self.rule(app).provide_automatic_options is False

    def test_one_string(self, app: App) -> None:
        with pytest.raises(TypeError, match="must be a list of strings"):
            app.add_url_rule("/", "view", lambda: "", methods="GET")

    @pytest.mark.parametrize("view", [None])
    def test_no_view(self, app: App, view: None) -> None:
        with pytest.raises(AssertionError, match="endpoint"):
            app.add_url_rule("/", view_func=view)
        app.add_url_rule("/", "view")
        assert "view" not in app.view_functions

    def test_another_view(self, app: App) -> None:
        def view() -> str:
            return ""

        app.add_url_rule("/a", "view", view)
        app.add_url_rule("/b", "view", view)
        with pytest.raises(AssertionError, match="overwriting an existing endpoint function"):
            app.add_url_rule("/c", "view", lambda: "")

    def test_without_automatic_options(self, app: App) -> None:
        app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        app.add_url_rule("/", "view", lambda: "")
        assert self.rule(app).methods == {"GET", "HEAD"}
        assert app.test_client().options("/").status_code == 405


class TestTemplates:
    def test_filters(self, app: App) -> None:
        @app.template_filter()
        def double(value: int) -> int:
            return value * 2

        @app.template_filter("twice")
        def other(value: int) -> int:
            return value * 2

        app.add_template_filter(lambda value: value + 1, "more")
        app.add_template_filter(double, "again")
        template = "{{ 2|double }} {{ 3|twice }} {{ 4|more }} {{ 5|again }}"
        assert app.jinja_env.from_string(template).render() == "4 6 5 10"

    def test_tests(self, app: App) -> None:
        @app.template_test()
        def big(value: int) -> bool:
            return value > 5

        @app.template_test("huge")
        def other(value: int) -> bool:
            return value > 50

        app.add_template_test(lambda value: value < 5, "small")
        app.add_template_test(big)
        template = "{{ 9 is big }} {{ 9 is huge }} {{ 9 is small }}"
        assert app.jinja_env.from_string(template).render() == "True False False"

    def test_globals(self, app: App) -> None:
        @app.template_global()
        def one() -> int:
            return 1

        @app.template_global("two")
        def other() -> int:
            return 2

        app.add_template_global(lambda: 3, "three")
        app.add_template_global(one)
        template = "{{ one() }} {{ two() }} {{ three() }}"
        assert app.jinja_env.from_string(template).render() == "1 2 3"


def test_teardown_appcontext(app: App) -> None:
    order: list[int] = []
    app.teardown_appcontext(lambda error: order.append(1))
    assert app.teardown_appcontext(len) is len  # type: ignore[type-var]
    app.teardown_appcontext_funcs[-1] = lambda error: order.append(2)
    with app.app_context():
        pass
    assert order == [2, 1]


def test_shell_context_processor(app: App) -> None:
    @app.shell_context_processor
    def add() -> dict[str, Any]:
        return {"x": 1}

    assert app.shell_context_processors == [add]
    assert app.make_shell_context()["x"] == 1


class TestErrors:
    @pytest.mark.parametrize(
        ("config", "error", "expected"),
        [
            ({}, NotFound(), False),
            ({"TRAP_HTTP_EXCEPTIONS": True}, NotFound(), True),
            ({"TRAP_BAD_REQUEST_ERRORS": True}, NotFound(), False),
            ({"TRAP_BAD_REQUEST_ERRORS": True}, BadRequest(), True),
            ({"DEBUG": True}, BadRequest(), False),
            ({"DEBUG": True}, BadRequestKeyError(), True),
            ({"DEBUG": True, "TRAP_BAD_REQUEST_ERRORS": False}, BadRequestKeyError(), False),
        ],
        ids=str,
    )
    def test_trap_http_exception(
        self, app: App, config: dict[str, Any], error: Exception, expected: bool
    ) -> None:
        app.config.update(config)
        assert app.trap_http_exception(error) is expected

    def test_should_ignore_error(self, app: App) -> None:
        assert app.should_ignore_error(None) is False

    def test_error_that_is_ignored(self) -> None:
        class Own(App):
            def should_ignore_error(self, error: BaseException | None) -> bool:
                return isinstance(error, ZeroDivisionError)

        app = Own("own")
        app.testing = True
        seen: list[Any] = []
        app.teardown_request(seen.append)
        app.add_url_rule("/", "index", lambda: str(1 // 0))
        with pytest.raises(ZeroDivisionError):
            app.test_client().get("/")
        assert seen == [None]


class TestUrls:
    def test_redirect(self, app: App) -> None:
        answer = app.redirect("/there", 307)
        assert type(answer) is app.response_class
        assert (answer.status_code, answer.location) == (307, "/there")
        assert app.redirect("/").status_code == 302

    def test_inject_url_defaults(self, app: App) -> None:
        blueprint = Blueprint("blue", __name__)
        blueprint.url_defaults(lambda endpoint, values: values.setdefault("a", endpoint))
        app.url_defaults(lambda endpoint, values: values.setdefault("b", endpoint))
        app.register_blueprint(blueprint)
        values: dict[str, Any] = {}
        app.inject_url_defaults("view", values)
        assert values == {"b": "view"}
        app.inject_url_defaults("blue.view", values)
        assert values == {"a": "blue.view", "b": "view"}

    def test_handle_url_build_error(self, app: App) -> None:
        error = BuildError("view", {}, None)
        with pytest.raises(BuildError) as caught:
            app.handle_url_build_error(error, "view", {})
        assert caught.value is error
        other = BuildError("other", {}, None)

        def fail(error: Exception, endpoint: str, values: dict[str, Any]) -> str:
            raise other

        app.url_build_error_handlers.append(fail)
        with pytest.raises(BuildError) as caught:
            app.handle_url_build_error(error, "view", {})
        assert caught.value is other
        app.url_build_error_handlers.append(lambda error, endpoint, values: f"/{endpoint}")
        assert app.handle_url_build_error(error, "view", {}) == "/view"


def test_nothing_is_set_up_after_the_first_request(app: App) -> None:
    app.test_client().get("/")
    with pytest.raises(AssertionError, match=r"setup method 'route'.*first request"):
        app.route("/late")
