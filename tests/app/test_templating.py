"""Templates: where they are found, what they see, and how they are rendered."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2.nativetypes import NativeEnvironment, NativeTemplate
from markupsafe import Markup

from dovetail.app.application import App
from dovetail.app.blueprints import Blueprint
from dovetail.app.proxies import g, request, session
from dovetail.app.signals import before_render_template, template_rendered
from dovetail.app.templating import (
    DispatchingJinjaLoader,
    Environment,
    get_template_attribute,
    render_template,
    render_template_string,
    stream_template,
    stream_template_string,
)

TEMPLATES = {
    "plain.txt": "{{ value }}",
    "page.html": "<p>{{ value }}</p>",
    "where.html": "app",
    "macros.html": "{% macro hello(name) %}Hello {{ name }}!{% endmacro %}{% set number = 3 %}",
    "names.html": "{{ request.path }} {{ session.user }} {{ g.user }}",
    "imports.html": "{% from 'path.html' import path %}{{ path() }}",
    "path.html": "{% macro path() %}{{ request.path }}{{ g.user }}{{ session.user }}{% endmacro %}",
    "layout.html": "[{% block body %}{% endblock %}{{ value }}]",
    "child.html": "{% extends 'layout.html' %}{% block body %}{{ value }}{% include 'plain.txt' %}"
    "{% endblock %}",
    "items.html": "{% for item in items %}{{ item }},{% endfor %}",
}


@pytest.fixture
def app() -> App:
    app = App("templated")
    app.secret_key = "test"
    app.testing = True
    app.jinja_loader = jinja2.DictLoader(TEMPLATES)
    return app


@pytest.fixture
def context(app: App) -> Iterator[App]:
    with app.app_context():
        yield app


class TestRenderTemplate:
    def test_by_name(self, context: App) -> None:
        assert render_template("page.html", value="<x>") == "<p>&lt;x&gt;</p>"

    @pytest.mark.parametrize(
        "names", [["missing.html", "plain.txt"], ("plain.txt", "page.html"), ["plain.txt"]]
    )
    def test_first_of_several(self, context: App, names: Any) -> None:
        assert render_template(names, value="<x>") == "<x>"

    def test_template_object(self, context: App) -> None:
        template = context.jinja_env.get_template("plain.txt")
        assert render_template(template, value=1) == "1"
        assert render_template([template, "missing.html"], value=2) == "2"
        assert render_template(jinja2.Template("own {{ value }}"), value=3) == "own 3"

    def test_not_found(self, context: App) -> None:
        with pytest.raises(jinja2.TemplateNotFound, match="missing"):
            render_template("missing.html")
        with pytest.raises(jinja2.TemplatesNotFound, match="other"):
            render_template(["missing.html", "other.html"])

    def test_needs_an_application(self) -> None:
        for call in (render_template, render_template_string, stream_template):
            with pytest.raises(RuntimeError, match="Working outside of application context"):
                call("plain.txt")

    def test_inheritance_and_inclusion(self, context: App) -> None:
        assert render_template("child.html", value="<") == "[&lt;<&lt;]"

    def test_of_another_class_of_environment(self, app: App) -> None:
        class Plain(App):
            def create_jinja_environment(self) -> Any:
                return jinja2.Environment(loader=jinja2.DictLoader(TEMPLATES))

        with Plain("plain").app_context():
            assert render_template("page.html", value="<") == "<p><</p>"
            assert render_template_string("{{ value }}", value="<") == "<"


class TestVariables:
    def test_of_a_request(self, app: App) -> None:
        @app.route("/there")
        def there() -> str:
            session["user"] = "s"
            g.user = "g"
            return render_template("names.html")

        assert app.test_client().get("/there").text == "/there s g"

    def test_of_an_imported_template(self, app: App) -> None:
        with app.test_request_context("/there"):
            g.user = session["user"] = "u"
            assert render_template("imports.html") == "/thereuu"

    def test_without_a_request(self, context: App) -> None:
        context.context_processor(lambda: {"value": "v"})
        g.user = "u"
        assert render_template_string("{{ g.user }}{{ value }}") == "uv"
        with pytest.raises(RuntimeError, match="Working outside of request context"):
            render_template_string("{{ request }}")

    def test_those_of_the_call_win(self, context: App) -> None:
        context.context_processor(lambda: {"value": "processor", "other": "processor"})
        assert render_template_string("{{ value }} {{ other }}", value="call") == "call processor"
        assert render_template_string("{{ g }} {{ config }}", g=1, config=2) == "1 2"

    def test_reading_none_leaves_the_session_alone(self, app: App) -> None:
        with app.test_request_context() as context:
            render_template("page.html")
            assert context._session is None or not context._session.accessed
            render_template_string("{{ session.user }}")
            assert session.accessed

    def test_of_blueprints(self, app: App) -> None:
        parent, child = Blueprint("parent", "x"), Blueprint("child", "x")
        template = "{{ a }} {{ b }} {{ c }} {{ d }}"

        @app.context_processor
        def of_app() -> dict[str, str]:
            return {"a": "app", "b": "app", "c": "app"}

        @parent.context_processor
        def of_parent() -> dict[str, str]:
            return {"b": "parent", "c": "parent"}

        @child.context_processor
        def of_child() -> dict[str, str]:
            return {"c": "child"}

        @child.app_context_processor
        def of_all() -> dict[str, str]:
            return {"d": "all"}

        for part in (app, parent, child):
            name = part.name.replace("templated", "")
            part.add_url_rule(f"/{name}", "show", lambda: render_template_string(template))
        parent.register_blueprint(child)
        app.register_blueprint(parent)
        client = app.test_client()
        assert client.get("/").text == "app app app all"
        assert client.get("/parent").text == "app parent parent all"
        assert client.get("/child").text == "app parent child all"

    def test_update_template_context(self, context: App) -> None:
        context.context_processor(lambda: {"value": "v", "other": "o"})
        variables = {"value": "given"}
        context.update_template_context(variables)
        assert list(variables) == ["value", "g", "other"]
        assert variables["value"] == "given"

    def test_of_an_asynchronous_processor(self, context: App) -> None:
        @context.context_processor
        async def variables() -> dict[str, str]:
            return {"value": "later"}

        assert render_template("plain.txt") == "later"

    def test_blueprint_begins_with_the_default_ones(self, app: App) -> None:
        blueprint = Blueprint("part", "x")
        app.context_processor(lambda: {"g": "mine"})
        view = lambda: render_template_string("{{ g }}")  # noqa: E731
        app.add_url_rule("/app", "show", view)
        blueprint.add_url_rule("/part", "show", view)
        app.register_blueprint(blueprint)
        client = app.test_client()
        assert client.get("/app").text == "mine"
        assert "of &#39;templated&#39;" in client.get("/part").text


class TestAutoescape:
    @pytest.mark.parametrize(
        ("name", "escapes"),
        [
            *(("a.html", True), ("a.htm", True), ("a.xml", True), ("a.xhtml", True)),
            *(("a.svg", True), ("a.txt", False), ("a.HTML", False), ("a.html.jinja", False)),
        ],
    )
    def test_by_the_name(self, app: App, name: str, escapes: bool) -> None:
        app.jinja_loader = jinja2.DictLoader({name: "{{ value }}"})
        with app.app_context():
            assert render_template(name, value="<") == ("&lt;" if escapes else "<")

    def test_strings_are_escaped(self, context: App) -> None:
        template = "{{ value }}{% autoescape false %}{{ value }}{% endautoescape %}{{ safe }}"
        assert render_template_string(template, value="<", safe=Markup("<")) == "&lt;<<"

    def test_json_in_scripts(self, context: App) -> None:
        assert render_template_string("{{ v|tojson }}", v="</s>'") == '"\\u003c/s\\u003e\\u0027"'


class TestStrings:
    def test_same_source_is_compiled_once(
        self, context: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compiled: list[Any] = []
        compile_template = context.jinja_env.compile

        def count(*args: Any, **kwargs: Any) -> Any:
            compiled.append(args)
            return compile_template(*args, **kwargs)

        monkeypatch.setattr(context.jinja_env, "compile", count)
        for number in range(3):
            assert render_template_string("n{{ n|int }}", n=number) == f"n{number}"
        assert len(compiled) == 1
        render_template_string("{{ n }}")
        assert len(compiled) == 2

    def test_keeps_a_bounded_number(self, context: App) -> None:
        for number in range(500):
            assert render_template_string(f"{number}{{{{ v }}}}", v="!") == f"{number}!"
        assert len(context.jinja_env._strings) <= 128
        assert render_template_string("x" * 100_000) == "x" * 100_000
        assert "x" * 100_000 not in context.jinja_env._strings

    def test_filters_of_the_application_are_called_each_time(self, context: App) -> None:
        numbers = itertools.count()
        context.add_template_filter(lambda value: next(numbers), "numbered")
        context.add_template_test(lambda value: next(numbers) % 2 == 1, "odd_one")
        context.jinja_env.filters["upper"] = lambda value: next(numbers)
        sources = ["{{ 'x'|numbered }}", "{{ 'x'|upper }}", "{{ 1 if 1 is odd_one else 0 }}"]
        for source in sources:
            assert render_template_string(source) != render_template_string(source)

    def test_globals_may_be_added_later(self, context: App) -> None:
        assert render_template_string("{{ late }}") == ""
        context.jinja_env.globals["late"] = "there"
        assert render_template_string("{{ late }}") == "there"

    def test_cache_that_is_turned_off(self, app: App) -> None:
        app.jinja_options = {"cache_size": 0}
        with app.app_context():
            assert render_template_string("{{ v }}", v=1) == "1"
            assert not app.jinja_env._strings

    def test_overlay_of_the_environment(self, context: App) -> None:
        assert render_template_string("{{ v }}", v="<") == "&lt;"
        context.jinja_env = context.jinja_env.overlay(autoescape=False)
        assert render_template_string("{{ v }}", v="<") == "<"

    @pytest.mark.parametrize("source", ["a\n{{ }}", "a\n{{ x|nothing }}"])
    def test_error_names_the_line(self, context: App, source: str) -> None:
        with pytest.raises(jinja2.TemplateSyntaxError) as caught:
            render_template_string(source)
        assert caught.value.lineno == 2
        assert caught.value.source == source

    def test_parsed_source(self, context: App) -> None:
        tree: Any = context.jinja_env.parse("{{ v }}")
        assert render_template_string(tree, v=1) == "1"


class TestStreaming:
    def test_stream_template(self, app: App) -> None:
        @app.route("/")
        def index() -> Any:
            return stream_template("items.html", items=[1, 2])

        response = app.test_client().get("/")
        assert response.text == "1,2,"
        assert response.content_length is None

    def test_pieces(self, context: App) -> None:
        assert list(stream_template_string("a{{ v }}b", v="<")) == ["a", "&lt;", "b"]
        assert list(stream_template("plain.txt", v=1)) == [""]

    def test_context_is_kept(self, app: App) -> None:
        with app.test_request_context("/there"):
            pieces = stream_template_string("{{ request.path }}")
        assert "".join(pieces) == "/there"

    def test_not_found_at_once(self, context: App) -> None:
        with pytest.raises(jinja2.TemplateNotFound):
            stream_template("missing.html")


@pytest.fixture
def received(app: App) -> Iterator[list[Any]]:
    received: list[Any] = []

    def before(sender: App, template: Any, context: dict[str, Any], **extra: Any) -> None:
        received.append(("before", sender, template.name, dict(context), extra))
        context["value"] = "changed"

    def after(sender: App, template: Any, context: dict[str, Any], **extra: Any) -> None:
        received.append(("after", sender, template.name, dict(context), extra))

    with (
        before_render_template.connected_to(before, app),
        template_rendered.connected_to(after, app),
    ):
        yield received


class TestSignals:
    def test_rendering(self, app: App, received: list[Any]) -> None:
        with app.test_request_context() as context:
            assert render_template("plain.txt", value="v") == "changed"
        (_, *before), (_, *after) = received
        variables = {"g": context.app.app_ctx_globals_class(), "request": context.request}
        del variables["g"], before[2]["g"], after[2]["g"]
        assert before == [app, "plain.txt", {"value": "v", **variables}, {}]
        assert after == [app, "plain.txt", {"value": "changed", **variables}, {}]

    def test_string(self, context: App, received: list[Any]) -> None:
        render_template_string("{{ value }}")
        assert [(name, template) for name, _, template, *_ in received] == [
            ("before", None),
            ("after", None),
        ]

    def test_streaming(self, context: App, received: list[Any]) -> None:
        pieces = stream_template("plain.txt")
        assert [name for name, *_ in received] == ["before"]
        assert list(pieces) == ["changed"]
        assert [name for name, *_ in received] == ["before", "after"]

    def test_failure(self, context: App, received: list[Any]) -> None:
        with pytest.raises(ZeroDivisionError):
            render_template_string("{{ 1 // zero() }}", zero=lambda: 0)
        with pytest.raises(jinja2.UndefinedError):
            render_template_string("{{ value.x.y.z }}")
        assert {name for name, *_ in received} == {"before"}


class TestGetTemplateAttribute:
    def test_macro_and_variable(self, context: App) -> None:
        assert get_template_attribute("macros.html", "hello")("<World>") == "Hello &lt;World&gt;!"
        assert get_template_attribute("macros.html", "number") == 3

    def test_what_is_not_there(self, context: App) -> None:
        with pytest.raises(AttributeError, match="nothing"):
            get_template_attribute("macros.html", "nothing")
        with pytest.raises(jinja2.TemplateNotFound):
            get_template_attribute("missing.html", "hello")


class TestEnvironment:
    def test_belongs_to_the_application(self, app: App) -> None:
        environment = app.jinja_env
        assert isinstance(environment, Environment)
        assert environment.app is app
        assert isinstance(environment.loader, DispatchingJinjaLoader)
        assert environment.loader.app is app

    def test_options(self, app: App) -> None:
        loader = jinja2.DictLoader({})
        environment = Environment(app, loader=loader, trim_blocks=True)
        assert environment.loader is loader
        assert environment.trim_blocks

    def test_loader_of_the_application(self) -> None:
        class Own(App):
            def create_global_jinja_loader(self) -> Any:
                return jinja2.DictLoader({"own.html": "own"})

        app = Own("own")
        assert app.jinja_env.get_template("own.html").render() == "own"

    def test_another_class_of_templates(self, app: App) -> None:
        class Native(Environment, NativeEnvironment):
            pass

        app.jinja_environment = Native
        assert isinstance(app.jinja_env.get_template("plain.txt"), NativeTemplate)
        with app.app_context():
            rendered: Any = render_template_string("{{ [1, 2] }}")
        assert rendered == [1, 2]

    def test_repr_of_a_template(self, app: App) -> None:
        assert repr(app.jinja_env.get_template("page.html")) == "<Template 'page.html'>"

    def test_template_has_globals_of_its_own(self, context: App) -> None:
        template = context.jinja_env.get_template("plain.txt", globals={"value": "given"})
        assert template.render() == "given"
        assert render_template("plain.txt", value="other") == "other"
        assert "value" not in context.jinja_env.globals
        context.jinja_env.globals["value"] = "global"
        assert template.render() == "given"

    def test_asynchronous_environment(self, app: App) -> None:
        app.jinja_options = {"enable_async": True}

        async def later() -> str:
            return "later"

        with app.app_context():
            assert render_template_string("{{ value() }}", value=later) == "later"
            assert "".join(stream_template("page.html", value=1)) == "<p>1</p>"


class TestLoader:
    @pytest.fixture
    def app(self, tmp_path: Path) -> App:
        for name, files in {
            "app": ["both.html", "app.html"],
            "one": ["both.html", "shared.html", "one/index.html"],
            "two": ["shared.html", "two/index.html"],
        }.items():
            for file in files:
                path = tmp_path / name / "templates" / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(name)
        app = App("app", root_path=str(tmp_path / "app"))
        for name in ("one", "two"):
            blueprint = Blueprint(
                name, name, template_folder="templates", root_path=str(tmp_path / name)
            )
            app.register_blueprint(blueprint)
        app.register_blueprint(Blueprint("none", "none"))
        return app

    @pytest.mark.parametrize(
        ("name", "owner"),
        [
            *(("both.html", "app"), ("app.html", "app"), ("shared.html", "one")),
            *(("one/index.html", "one"), ("two/index.html", "two")),
        ],
    )
    @pytest.mark.parametrize("explains", [True, False])
    def test_application_comes_first(self, app: App, name: str, owner: str, explains: bool) -> None:
        app.config["EXPLAIN_TEMPLATE_LOADING"] = explains
        with app.app_context():
            assert render_template(name) == owner
            with pytest.raises(jinja2.TemplateNotFound):
                render_template("index.html")
        loader = DispatchingJinjaLoader(app)
        source, filename, is_current = loader.get_source(app.jinja_env, name)
        assert source == owner
        assert filename is not None
        assert filename.endswith(name)
        assert is_current is not None
        assert is_current()

    def test_list_templates(self, app: App) -> None:
        assert DispatchingJinjaLoader(app).list_templates() == [
            *("app.html", "both.html", "one/index.html", "shared.html", "two/index.html"),
        ]
        assert app.jinja_env.list_templates(filter_func=lambda name: "/" in name) == [
            *("one/index.html", "two/index.html"),
        ]

    @pytest.mark.parametrize(
        ("debug", "setting", "reloads"),
        [(False, None, False), (True, None, True), (False, True, True), (True, False, False)],
    )
    def test_reload(
        self, app: App, tmp_path: Path, debug: bool, setting: bool | None, reloads: bool
    ) -> None:
        app.config["TEMPLATES_AUTO_RELOAD"] = setting
        app.debug = debug
        file = tmp_path / "app" / "templates" / "app.html"
        with app.app_context():
            assert render_template("app.html") == "app"
            file.write_text("changed")
            assert render_template("app.html") == ("changed" if reloads else "app")


def test_request_is_the_object_itself(app: App) -> None:
    """In a template ``request`` is no proxy, unless the template is imported."""
    with app.test_request_context():
        current: Any = request._get_current_object()  # type: ignore[attr-defined]
        assert render_template_string("{{ r is sameas request }}", r=current) == "True"
