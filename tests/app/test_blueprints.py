"""Blueprints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dovetail.app.application import App
from dovetail.app.blueprints import Blueprint, BlueprintSetupState
from dovetail.app.proxies import g, request
from dovetail.app.responses import url_for
from dovetail.app.scaffold import Scaffold
from dovetail.app.templating import render_template_string


@pytest.fixture
def app() -> App:
    return App(__name__, static_folder=None)


@pytest.fixture
def shop() -> Blueprint:
    return Blueprint("shop", __name__)


def view(**values: Any) -> str:
    return f"{request.endpoint} {values}"


def rules(app: App) -> list[tuple[str, str]]:
    return [(rule.rule, rule.endpoint) for rule in app.url_map.iter_rules()]


class TestBlueprint:
    def test_is_a_scaffold_with_attributes(self) -> None:
        blueprint = Blueprint(
            "shop",
            __name__,
            url_prefix="/shop",
            subdomain="my",
            url_defaults={"a": 1},
            root_path="/root",
            cli_group="tools",
            static_folder="files",
            static_url_path="/f",
            template_folder="pages",
        )
        assert isinstance(blueprint, Scaffold)
        assert repr(blueprint) == "<Blueprint 'shop'>"
        assert (blueprint.name, blueprint.import_name) == ("shop", __name__)
        assert (blueprint.url_prefix, blueprint.subdomain) == ("/shop", "my")
        assert blueprint.url_values_defaults == {"a": 1}
        assert blueprint.root_path == "/root"
        assert blueprint.cli_group == "tools"
        assert (blueprint.static_folder, blueprint.static_url_path) == ("/root/files", "/f")
        assert blueprint.template_folder == "pages"
        assert blueprint.deferred_functions == []
        assert blueprint.cli.name == "shop"

    @pytest.mark.parametrize("name", ["", "a.b", "."])
    def test_name_is_neither_empty_nor_dotted(self, name: str) -> None:
        with pytest.raises(ValueError, match="'name' may not"):
            Blueprint(name, __name__)

    def test_does_nothing_before_it_is_registered(self, app: App, shop: Blueprint) -> None:
        shop.add_url_rule("/", view_func=view)
        assert rules(app) == []
        assert len(shop.deferred_functions) == 1


class TestAddUrlRule:
    def test_endpoint_begins_with_the_name(self, app: App, shop: Blueprint) -> None:
        shop.add_url_rule("/a", view_func=view)
        shop.add_url_rule("/b", endpoint="other", view_func=view, methods=["PUT"])
        shop.add_url_rule("/c", endpoint="loose")
        app.register_blueprint(shop)
        assert rules(app) == [("/a", "shop.view"), ("/b", "shop.other"), ("/c", "shop.loose")]
        assert app.view_functions == {"shop.view": view, "shop.other": view}
        assert app.test_client().put("/b").text == "shop.other {}"

    def test_names_have_no_dots(self, shop: Blueprint) -> None:
        with pytest.raises(ValueError, match="'endpoint' may not contain a dot"):
            shop.add_url_rule("/", endpoint="a.b", view_func=view)
        dotted: Any = lambda: ""  # noqa: E731
        dotted.__name__ = "a.b"
        with pytest.raises(ValueError, match="'view_func' may not contain a dot"):
            shop.add_url_rule("/", view_func=dotted)
        assert shop.deferred_functions == []

    @pytest.mark.parametrize(
        ("prefix", "rule", "whole"),
        [
            ("/p", "/x", "/p/x"),
            ("/p/", "/x", "/p/x"),
            ("/p", "x", "/p/x"),
            ("/p", "", "/p"),
            ("/p/", "", "/p/"),
            ("/p", "/", "/p/"),
            ("/", "/x", "/x"),
            ("", "x", "/x"),
            (None, "/x", "/x"),
            ("/<word>", "/x", "/<word>/x"),
        ],
    )
    def test_prefix_and_rule_are_joined(
        self, app: App, prefix: str | None, rule: str, whole: str
    ) -> None:
        blueprint = Blueprint("shop", __name__, url_prefix=prefix)
        blueprint.add_url_rule(rule, view_func=view)
        app.register_blueprint(blueprint)
        assert rules(app) == [(whole, "shop.view")]

    def test_automatic_options(self, app: App, shop: Blueprint) -> None:
        shop.add_url_rule("/a", view_func=view, provide_automatic_options=False)
        app.register_blueprint(shop)
        assert app.test_client().options("/a").status_code == 405

    def test_defaults_go_over_those_of_the_blueprint(self, app: App) -> None:
        blueprint = Blueprint("shop", __name__, url_defaults={"a": 1, "b": 2})
        blueprint.add_url_rule("/", view_func=view, defaults={"b": 3})
        app.register_blueprint(blueprint, url_defaults={"a": 4})
        assert app.test_client().get("/").text == "shop.view {'a': 4, 'b': 3}"
        assert blueprint.url_values_defaults == {"a": 1, "b": 2}


class TestRegister:
    def test_is_what_the_application_calls(self, app: App, shop: Blueprint) -> None:
        shop.add_url_rule("/", view_func=view)
        shop.register(app, {"url_prefix": "/p"})
        assert app.blueprints == {"shop": shop}
        assert rules(app) == [("/p/", "shop.view")]

    def test_again_under_another_name(self, app: App, shop: Blueprint) -> None:
        shop.add_url_rule("/", view_func=view)
        shop.before_request(lambda: g.setdefault("seen", "before") and None)
        app.register_blueprint(shop, url_prefix="/1")
        app.register_blueprint(shop, url_prefix="/2", name="second")
        assert app.blueprints == {"shop": shop, "second": shop}
        client = app.test_client()
        assert client.get("/1/").text == "shop.view {}"
        assert client.get("/2/").text == "second.view {}"
        assert set(app.before_request_funcs) == {"shop", "second"}

    def test_names_must_differ(self, app: App, shop: Blueprint) -> None:
        app.register_blueprint(shop)
        with pytest.raises(ValueError, match="'shop' is already registered for this blueprint"):
            app.register_blueprint(shop)
        with pytest.raises(ValueError, match="'shop' is already registered for a different"):
            app.register_blueprint(Blueprint("shop", __name__))
        assert app.blueprints == {"shop": shop}

    def test_goes_on_more_than_one_application(self, app: App, shop: Blueprint) -> None:
        shop.add_url_rule("/", view_func=view)
        other = App(__name__, static_folder=None)
        app.register_blueprint(shop)
        other.register_blueprint(shop)
        assert rules(app) == rules(other) == [("/", "shop.view")]

    def test_setting_it_up_afterwards_is_refused(self, app: App, shop: Blueprint) -> None:
        app.register_blueprint(shop)
        with pytest.raises(AssertionError, match=r"setup method 'route'.*'shop'"):
            shop.route("/")
        with pytest.raises(AssertionError, match="setup method 'before_app_request'"):
            shop.before_app_request(view)

    def test_later_changes_do_not_reach_what_was_merged(self, app: App, shop: Blueprint) -> None:
        shop.register_error_handler(404, str)
        app.register_blueprint(shop)
        shop.error_handler_spec[None][404].clear()
        assert app.error_handler_spec["shop"][404] != {}


class TestRegisterBlueprint:
    def test_names_prefixes_and_subdomains_are_joined(self, app: App, shop: Blueprint) -> None:
        shop.url_prefix, shop.subdomain = "/shop", "eu"
        cart = Blueprint("cart", __name__, url_prefix="/cart", subdomain="my")
        cart.add_url_rule("/", view_func=view)
        shop.register_blueprint(cart)
        app.register_blueprint(shop)
        assert app.blueprints == {"shop": shop, "shop.cart": cart}
        assert rules(app) == [("/shop/cart/", "shop.cart.view")]
        assert [rule.subdomain for rule in app.url_map.iter_rules()] == ["my.eu"]

    def test_options_go_over_what_the_blueprint_says(self, app: App, shop: Blueprint) -> None:
        cart = Blueprint("cart", __name__, url_prefix="/cart")
        cart.add_url_rule("/", view_func=view)
        shop.register_blueprint(cart, url_prefix="/basket", name="basket")
        app.register_blueprint(shop, url_prefix="/shop")
        assert rules(app) == [("/shop/basket/", "shop.basket.view")]

    def test_one_child_in_two_parents(self, app: App) -> None:
        child = Blueprint("child", __name__)
        child.add_url_rule("/", view_func=view)
        for name in ("a", "b"):
            parent = Blueprint(name, __name__, url_prefix=f"/{name}")
            parent.register_blueprint(child)
            app.register_blueprint(parent)
        assert rules(app) == [("/a/", "a.child.view"), ("/b/", "b.child.view")]

    def test_on_itself_is_refused(self, shop: Blueprint) -> None:
        with pytest.raises(ValueError, match="'shop' cannot be nested in itself"):
            shop.register_blueprint(shop)


class TestRecord:
    def test_gets_the_state_at_each_registration(self, app: App, shop: Blueprint) -> None:
        states: list[BlueprintSetupState] = []
        once: list[BlueprintSetupState] = []
        shop.record(states.append)
        shop.record_once(once.append)
        app.register_blueprint(shop, extra=1)
        app.register_blueprint(shop, name="second")
        assert [state.name for state in states] == ["shop", "second"]
        assert [state.first_registration for state in states] == [True, False]
        assert states[0].options == {"extra": 1}
        assert once == states[:1]

    def test_the_first_registration_is_one_on_each_application(
        self, app: App, shop: Blueprint
    ) -> None:
        names: list[str] = []
        shop.record_once(lambda state: names.append(state.app.name))
        app.register_blueprint(shop)
        App("other_application").register_blueprint(shop)
        assert names == [app.name, "other_application"]


class TestBlueprintSetupState:
    def test_takes_options_before_what_the_blueprint_says(self, app: App) -> None:
        blueprint = Blueprint(
            "shop", __name__, url_prefix="/p", subdomain="s", url_defaults={"a": 1}
        )
        options = {"url_prefix": "/q", "url_defaults": {"b": 2}, "name_prefix": "outer"}
        state = BlueprintSetupState(blueprint, app, options, first_registration=True)
        assert (state.blueprint, state.app, state.options) == (blueprint, app, options)
        assert state.first_registration is True
        assert (state.url_prefix, state.subdomain) == ("/q", "s")
        assert (state.name, state.name_prefix) == ("shop", "outer")
        assert state.url_defaults == {"a": 1, "b": 2}

    def test_add_url_rule(self, app: App, shop: Blueprint) -> None:
        state = shop.make_setup_state(app, {"url_prefix": "/q", "name_prefix": "outer"})
        assert state.first_registration is False
        state.add_url_rule("/x", view_func=view, methods=["PUT"], defaults={"a": 1})
        (rule,) = app.url_map.iter_rules()
        assert (rule.rule, rule.endpoint, rule.defaults) == ("/q/x", "outer.shop.view", {"a": 1})

    def test_make_setup_state_can_be_overridden(self, app: App) -> None:
        class Loud(BlueprintSetupState):
            def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
                super().add_url_rule(rule.upper(), *args, **options)

        class LoudBlueprint(Blueprint):
            def make_setup_state(
                self, app: Any, options: dict[str, Any], first_registration: bool = False
            ) -> BlueprintSetupState:
                return Loud(self, app, options, first_registration)

        blueprint = LoudBlueprint("loud", __name__)
        blueprint.add_url_rule("/x", view_func=view)
        app.register_blueprint(blueprint)
        assert rules(app) == [("/X", "loud.view")]


class TestOfTheApplication:
    """What a blueprint registers for requests of others, too."""

    def test_hooks(self, app: App, shop: Blueprint) -> None:
        seen: list[str] = []

        @shop.before_app_request
        def before() -> None:
            seen.append("before")

        @shop.after_app_request
        def after(response: Any) -> Any:
            seen.append("after")
            return response

        @shop.teardown_app_request
        def teardown(error: BaseException | None) -> None:
            seen.append("teardown")

        @shop.app_url_value_preprocessor
        def pull(endpoint: str | None, values: dict[str, Any] | None) -> None:
            seen.append(f"{endpoint} {values}")

        app.register_blueprint(shop)
        app.register_blueprint(shop, name="second")
        app.add_url_rule("/", view_func=view)
        app.test_client().get("/")
        assert seen == ["view {}", "before", "after", "teardown"]

    def test_app_url_defaults(self, app: App, shop: Blueprint) -> None:
        @shop.app_url_defaults
        def push(endpoint: str, values: dict[str, Any]) -> None:
            values["from"] = endpoint

        app.register_blueprint(shop)
        app.add_url_rule("/", view_func=view)
        with app.test_request_context():
            assert url_for("view") == "/?from=view"

    def test_app_errorhandler(self, app: App, shop: Blueprint) -> None:
        @shop.app_errorhandler(404)
        def missing(error: Any) -> Any:
            return "nothing there", 404

        app.register_blueprint(shop)
        assert app.test_client().get("/nowhere").text == "nothing there"

    def test_app_context_processor(self, app: App, shop: Blueprint) -> None:
        shop.app_context_processor(lambda: {"word": "hello"})
        app.register_blueprint(shop)
        with app.app_context():
            assert render_template_string("{{ word }}") == "hello"

    def test_names_for_templates(self, app: App, shop: Blueprint) -> None:
        @shop.app_template_filter()
        def twice(text: str) -> str:
            return text * 2

        @shop.app_template_filter("thrice")
        def three_times(text: str) -> str:
            return text * 3

        @shop.app_template_test()
        def short(text: str) -> bool:
            return len(text) < 3

        @shop.app_template_global()
        def today() -> str:
            return "Friday"

        shop.add_app_template_filter(len, "size")
        shop.add_app_template_test(str.isdigit, "number")
        shop.add_app_template_global(lambda: "Monday", name="tomorrow")
        app.register_blueprint(shop)
        with app.app_context():
            text = render_template_string(
                "{{ 'a'|twice }} {{ 'a'|thrice }} {{ 'abc'|size }} {{ 'ab' is short }}"
                " {{ '1' is number }} {{ today() }} {{ tomorrow() }}"
            )
        assert text == "aa aaa 3 True True Friday Monday"


class TestOfTheBlueprint:
    """What a blueprint registers for its own requests."""

    def test_hooks_and_handlers(self, app: App, shop: Blueprint) -> None:
        seen: list[str] = []
        shop.before_request(lambda: seen.append("before"))
        shop.teardown_request(lambda error: seen.append("teardown"))
        shop.url_value_preprocessor(lambda endpoint, values: seen.append(str(endpoint)))
        shop.context_processor(lambda: {"word": "of shop"})

        @shop.after_request
        def after(response: Any) -> Any:
            seen.append("after")
            return response

        @shop.errorhandler(KeyError)
        def lost(error: KeyError) -> Any:
            return f"lost {error.args[0]}", 400

        @shop.route("/fail")
        def fail() -> str:
            raise KeyError("it")

        @shop.route("/word")
        def word() -> str:
            return render_template_string("{{ word }}")

        app.add_url_rule("/word", endpoint="of_app", view_func=word)
        app.register_blueprint(shop, url_prefix="/shop")
        client = app.test_client()
        assert client.get("/word").text == ""
        assert seen == []
        assert client.get("/shop/word").text == "of shop"
        assert seen == ["shop.word", "before", "after", "teardown"]
        assert client.get("/shop/fail").text == "lost it"

    def test_endpoint_is_used_as_it_is(self, app: App, shop: Blueprint) -> None:
        shop.endpoint("shop.late")(view)
        shop.add_url_rule("/", endpoint="late")
        app.register_blueprint(shop)
        assert app.test_client().get("/").text == "shop.late {}"

    def test_static_files_and_templates(self, app: App, tmp_path: Path) -> None:
        (tmp_path / "files").mkdir()
        (tmp_path / "files" / "a.txt").write_text("static")
        (tmp_path / "page.html").write_text("{{ url_for('.static', filename='a.txt') }}")
        blueprint = Blueprint(
            "shop",
            __name__,
            root_path=str(tmp_path),
            static_folder="files",
            template_folder=".",
            url_prefix="/shop",
        )

        @blueprint.route("/")
        def page() -> str:
            return app.jinja_env.get_template("page.html").render()

        app.register_blueprint(blueprint)
        client = app.test_client()
        assert client.get("/shop/").text == "/shop/files/a.txt"
        with client.get("/shop/files/a.txt") as response:
            assert response.text == "static"


class TestCommands:
    @pytest.mark.parametrize(
        ("made_with", "registered_with", "found"),
        [
            ({}, {}, ["shop", "hello"]),
            ({}, {"name": "other"}, ["other", "hello"]),
            ({"cli_group": None}, {}, ["hello"]),
            ({"cli_group": "tools"}, {}, ["tools", "hello"]),
            ({"cli_group": "tools"}, {"cli_group": None}, ["hello"]),
            ({}, {"cli_group": "tools"}, ["tools", "hello"]),
        ],
    )
    def test_are_in_a_group(
        self,
        app: App,
        made_with: dict[str, Any],
        registered_with: dict[str, Any],
        found: list[str],
    ) -> None:
        blueprint = Blueprint("shop", __name__, **made_with)

        @blueprint.cli.command("hello")
        def hello() -> None:
            print("hello from", app.name)

        app.register_blueprint(blueprint, **registered_with)
        result = app.test_cli_runner().invoke(app.cli, found)
        assert result.output == f"hello from {app.name}\n"

    def test_of_a_nested_blueprint_are_in_a_group_of_its_dotted_name(
        self, app: App, shop: Blueprint
    ) -> None:
        cart = Blueprint("cart", __name__)
        cart.cli.command("hello")(lambda: None)
        shop.register_blueprint(cart)
        app.register_blueprint(shop)
        assert set(app.cli.commands) == {"shop.cart"}
