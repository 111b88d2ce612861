"""Templates on Flask and on ours: what they see, where they are found, and what signals tell."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import flask.debughelpers  # noqa: F401 - flask itself does not import it
import jinja2
import pytest
from markupsafe import Markup
from tests.differential.twins import Twins, same

TEMPLATES = {
    "plain.txt": "{{ x }}|{{ y }}|{{ z }}",
    "page.html": "<p>{{ x }}</p>{{ y }}",
    "layout.html": "[{% block body %}{% endblock %}{{ x }}]",
    "child.html": "{% extends 'layout.html' %}{% block body %}{{ x }}{% include 'plain.txt' %}"
    "{% endblock %}",
    "macros.html": "{% macro hello(n) %}Hi {{ n }}{{ request.path }}{{ g.u }}{% endmacro %}"
    "{% set v = 3 %}{% set _p = 4 %}",
    "import.html": "{% from 'macros.html' import hello %}{{ hello(x) }}"
    "{% import 'macros.html' as m with context %}{{ m.hello(x) }}{{ m.v }}",
    "names.html": "{{ request.path }}{{ session.get('u') }}{{ g.get('u') }}{{ config.TESTING }}"
    "{{ url_for('view') }}{{ get_flashed_messages() }}",
    "wrong.html": "\n{{ }}",
    "fails.html": "{{ x.y.z }}",
    "broken.html": "{{ 1 // 0 }}",
}
NAMES: list[Any] = [*sorted(TEMPLATES), "missing.html", ["missing.html", "page.html"], [], ()]
NAMES += [("page.html",), None, 3, b"page.html", ["a", "b"]]
SOURCES = [
    "",
    "{{ x }}{{ y }}",
    "{{ g.u }}{{ request.path }}{{ session }}",
    "{{ x|tojson }}{{ {'b': 1, 'a': [1, 2.5, none]}|tojson }}",
    "{{ '<'|safe }}{{ '<' }}{{ '<'|e }}{{ x|upper }}",
    "{{ x is none }}{{ x is defined }}{{ 'q' is own }}{{ 'q'|own }}",
    "{% for i in range(3) %}{{ loop.index }}{% endfor %}",
    "{{ own_global() }}{{ config['TESTING'] }}",
    "{% include 'page.html' %}",
    "{% extends 'layout.html' %}{% block body %}1{% endblock %}",
    "{{ }}",
    "{{ x|nothing }}",
    "{{ x.y.z }}",
    "{{ self }}{{ context }}{{ source }}{{ app }}",
    "{% autoescape false %}{{ x }}{% endautoescape %}",
    "{{ get_flashed_messages(with_categories=true) }}",
    "{{ url_for('view', a='b c') }}{{ url_for('static', filename='x') }}",
]


def build(flask: Any, seen: list[Any]) -> Any:
    app = flask.Flask("templated")
    app.secret_key = "k"
    app.jinja_loader = jinja2.DictLoader(TEMPLATES)
    app.add_template_filter(lambda value: f"<{value}>", "own")
    app.add_template_test(lambda value: value == "q", "own")
    app.template_global("own_global")(lambda: Markup("<b>"))
    parent = flask.Blueprint("parent", "p", url_prefix="/parent")
    child = flask.Blueprint("child", "c", url_prefix="/child")

    @app.context_processor
    def of_app() -> dict[str, Any]:
        seen.append("app")
        return {"x": "app<", "y": "app<", "z": "app<", "g": "g!"}

    @parent.context_processor
    def of_parent() -> dict[str, Any]:
        seen.append("parent")
        return {"y": "parent<", "z": "parent<", "request": "r!"}

    @child.context_processor
    def of_child() -> dict[str, Any]:
        seen.append("child")
        return {"z": "child<"}

    @child.app_context_processor
    def of_all() -> dict[str, Any]:
        seen.append("all")
        return {"z": "all<"}

    def view() -> Any:
        args = flask.request.args
        values = {key: args[key] for key in args if key in "xyz"}
        if "own" in args:
            values["g"] = values["session"] = values["request"] = "own<"
        if "source" in args:
            call = getattr(flask, f"{args['how']}_template_string")
            return call(args["source"], **values)
        return getattr(flask, f"{args['how']}_template")(args["name"], **values)

    for owner in (app, parent, child):
        owner.add_url_rule("/view", "view", view)
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    return app


def no_g(text: str) -> str:
    return text.replace("flask.g of", "g of").replace("dovetail.g of", "g of")


@pytest.mark.parametrize("place", ["/view", "/parent/view", "/parent/child/view"])
@pytest.mark.parametrize("how", ["render", "stream"])
def test_named(place: str, how: str) -> None:
    twins = Twins(build)
    for name in [*TEMPLATES, "missing.html"]:
        for query in ({}, {"x": "<x>"}, {"x": "1", "y": "2", "z": "3", "own": "1"}):
            twins.get(place, query_string={"how": how, "name": name, **query})


@pytest.mark.parametrize("place", ["/view", "/parent/child/view"])
@pytest.mark.parametrize("how", ["render", "stream"])
def test_strings(place: str, how: str) -> None:
    twins = Twins(build)
    for source in SOURCES:
        for query in ({}, {"x": "<x>"}, {"own": "1"}):
            for _ in range(2):
                twins.get(place, query_string={"how": how, "source": source, **query})


@pytest.mark.parametrize("name", NAMES)
def test_names_and_lists(name: Any) -> None:
    twins = Twins(build)

    def render(app: Any, flask: Any) -> Any:
        with app.test_request_context("/x"):
            return no_g(flask.render_template(name, x="<"))

    def stream(app: Any, flask: Any) -> Any:
        with app.test_request_context("/x"):
            return [no_g(piece) for piece in flask.stream_template(name, x="<")]

    def of_app(app: Any, flask: Any) -> Any:
        with app.app_context():
            return flask.render_template(template_name_or_list=name)

    for act in (render, stream, of_app):
        twins.same(act)


def test_template_objects() -> None:
    def act(app: Any, flask: Any) -> Any:
        with app.app_context():
            template = app.jinja_env.get_template("plain.txt")
            foreign = jinja2.Template("{{ x }}{{ nothing }}")
            return (
                flask.render_template(template, x=1),
                flask.render_template([template, "page.html"], x=1),
                flask.render_template(["missing", foreign], x=2),
                repr(template),
                list(flask.stream_template(foreign, x=3)),
            )

    Twins(build).same(act)


@pytest.mark.parametrize("attribute", ["hello", "v", "_p", "nothing", "__name__"])
@pytest.mark.parametrize("template", ["macros.html", "missing.html"])
def test_get_template_attribute(template: str, attribute: str) -> None:
    def act(app: Any, flask: Any) -> Any:
        with app.test_request_context("/x"):
            found = flask.get_template_attribute(template, attribute)
            return found("<") if callable(found) else found

    Twins(build).same(act)


@pytest.mark.parametrize("name", ["render_template", "render_template_string", "stream_template"])
def test_without_context(name: str) -> None:
    def act(flask: Any) -> Any:
        return getattr(flask, name)("plain.txt")

    assert same(act) == ("raised", "RuntimeError")


def test_signals() -> None:
    def act(app: Any, flask: Any) -> Any:
        rows: list[Any] = []

        def note(kind: str) -> Any:
            def receive(sender: Any, template: Any, context: Any, **extra: Any) -> None:
                values = {key: no_g(str(value)) for key, value in context.items()}
                rows.append((kind, sender is app, template.name, list(values.items()), extra))
                context["x"] = kind

            return receive

        before, after = note("before"), note("after")
        with (
            flask.before_render_template.connected_to(before, app),
            flask.template_rendered.connected_to(after, app),
            app.test_request_context("/parent/child/view"),
        ):
            rows.append(flask.render_template("plain.txt", x="x"))
            rows.append(flask.render_template_string("{{ x }}", x="x"))
            pieces = flask.stream_template("plain.txt", x="x")
            rows.append("between")
            rows.append(list(pieces))
            pieces = flask.stream_template_string("{{ x }}{{ y }}")
            rows.append(next(pieces))
            pieces.close()
            rows.append("closed")
            try:
                flask.render_template("broken.html")
            except ZeroDivisionError:
                rows.append("broken")
        return rows

    Twins(build).same(act)


def test_update_template_context() -> None:
    def act(app: Any, flask: Any) -> Any:
        results = []
        for path in ("/view", "/parent/view", "/parent/child/view", "/nothing"):
            with app.test_request_context(path):
                context = {"y": "given", "g": "mine"}
                assert app.update_template_context(context) is None
                results.append([(k, no_g(str(v))) for k, v in context.items()])
        with app.app_context():
            context = {}
            app.update_template_context(context)
            results.append([(k, no_g(str(v))) for k, v in context.items()])
        return results

    Twins(build).same(act)


def test_environment() -> None:
    def act(app: Any, flask: Any) -> Any:
        environment = app.jinja_env
        return (
            isinstance(environment, flask.templating.Environment),
            isinstance(environment.loader, flask.templating.DispatchingJinjaLoader),
            environment.loader.app is app,
            list(environment.globals),
            sorted(environment.filters),
            sorted(environment.tests),
            environment.policies["json.dumps_kwargs"],
            sorted(environment.extensions),
            environment.auto_reload,
            environment.autoescape("a.html"),
            sorted(environment.list_templates()),
            type(app.create_jinja_environment()).__name__,
            flask.templating.Environment(app, trim_blocks=True).trim_blocks,
            flask.templating.Environment(app, loader=None).loader,
            [len(value) for value in app.template_context_processors.values()],
            list(app.template_context_processors),
        )

    Twins(build).same(act)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("setting", [True, False, None])
@pytest.mark.parametrize("made", [True, False])
def test_auto_reload(debug: bool, setting: bool | None, made: bool) -> None:
    def act(flask: Any) -> Any:
        app = flask.Flask("x")
        # Flask makes the environment when debug mode is set, ours when it is asked for.
        app.config["TEMPLATES_AUTO_RELOAD"] = setting
        if made:
            assert app.jinja_env
        app.debug = debug
        results = [app.jinja_env.auto_reload]
        app.debug = not debug
        return [*results, app.jinja_env.auto_reload]

    same(act)


@pytest.mark.parametrize(
    "options", [{"autoescape": False}, {"trim_blocks": True}, {"block_start_string": "<%"}]
)
def test_options(options: dict[str, Any]) -> None:
    def act(flask: Any) -> Any:
        app = flask.Flask("x")
        app.jinja_options = options
        with app.app_context():
            return flask.render_template_string("{{ x }}{% if x %}\n1{% endif %}", x="<")

    same(act)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name, files in {
        "app": ["both.html", "app.html"],
        "one": ["both.html", "shared.html", "one/index.html"],
        "two": ["shared.html", "two/index.html"],
    }.items():
        for file in files:
            path = tmp_path / name / "templates" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    return tmp_path


@pytest.mark.parametrize("explains", [True, False])
def test_loading(folders: Path, explains: bool) -> None:
    def build(flask: Any, seen: list[Any]) -> Any:
        app = flask.Flask("app", root_path=str(folders / "app"))
        app.config["EXPLAIN_TEMPLATE_LOADING"] = explains

        def view(name: str) -> Any:
            return flask.render_template(name)

        app.add_url_rule("/<path:name>", "view", view)
        for name in ("one", "two"):
            blueprint = flask.Blueprint(
                name, f"package.{name}", template_folder="templates", root_path=folders / name
            )
            blueprint.add_url_rule(f"/in-{name}/<path:name>", "view", view)
            app.register_blueprint(blueprint)
        app.register_blueprint(flask.Blueprint("none", "none"))

        class Note(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                # One line of advice has words of its own.
                own = ("  Maybe", "  Is it")
                lines = record.getMessage().splitlines()
                if record.levelno == logging.INFO:
                    seen.extend(line for line in lines if not line.startswith(own))

        # Not the one that both would get by their name.
        app.logger = logging.Logger("app")
        app.logger.addHandler(Note())
        return app

    for name in ("both.html", "app.html", "shared.html", "one/index.html", "missing.html"):
        for place in ("/", "/in-one/"):
            twins = Twins(build)  # without the template that it has loaded already
            answer = twins.get(place + name)
            assert bool(answer.seen) is explains
    twins.same(lambda app, flask: sorted(app.jinja_env.list_templates()))
    twins.same(lambda app, flask: app.jinja_env.loader.list_templates().sort())


def test_replaced_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flask-Testing renders nothing where a test only asks which templates are used."""

    def act(app: Any, flask: Any) -> Any:
        used = []

        def render(app: Any, template: Any, context: dict[str, Any]) -> str:
            used.append((template.name, context))
            return ""

        monkeypatch.setattr(flask.templating, "_render", render)
        with app.app_context():
            return flask.render_template("page.html", x=1), used

    assert Twins(build).same(act) == ("returned", ("", [("page.html", {"x": 1})]))
