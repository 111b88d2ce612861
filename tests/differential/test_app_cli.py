"""Ours beside Flask: finding an application, and the commands about it."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextvars import copy_context
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from click.testing import CliRunner
from tests.differential.twins import same


@pytest.fixture(autouse=True)
def _process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty directory, and what commands change in the process taken back."""
    monkeypatch.chdir(tmp_path)
    path, modules, environ = list(sys.path), set(sys.modules), dict(os.environ)
    for name in environ:
        if name.startswith(("FLASK_", "DOVETAIL_")):
            del os.environ[name]
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if not name.startswith(("flask", "werkzeug", "dovetail", "dotenv")):
            del sys.modules[name]
    os.environ.clear()
    os.environ.update(environ)


# --- finding an application


def module_of(flask: Any, **names: Any) -> ModuleType:
    module = ModuleType("mod")
    vars(module).update(names)
    return module


def name_of(app: Any) -> str:
    name: str = app.name
    return name


def candidates(flask: Any) -> dict[str, ModuleType]:
    one, other = flask.Flask("one"), flask.Flask("other")

    def make() -> Any:
        return flask.Flask("made")

    def make_with(x: Any) -> Any:
        return flask.Flask(f"made {x}")

    def make_maybe(x: Any = 1) -> Any:
        return flask.Flask(f"made {x}")

    def none() -> None:
        return None

    def bad() -> None:
        raise TypeError("inside")

    class Factory:
        def __call__(self) -> Any:
            return flask.Flask("made")

    rows: dict[str, dict[str, Any]] = {
        "app": {"app": one},
        "application": {"application": one},
        "app before application": {"application": other, "app": one},
        "any": {"x": one},
        "twice": {"x": one, "y": one},
        "two": {"x": one, "y": other},
        "two and app": {"x": one, "app": other},
        "nothing": {},
        "create_app": {"create_app": make},
        "make_app": {"make_app": make},
        "create_app gives none": {"create_app": none, "make_app": make},
        "none": {"create_app": none},
        "wants an argument": {"create_app": make_with},
        "the first wants one": {"create_app": make_with, "make_app": make},
        "may have one": {"create_app": make_maybe},
        "raises": {"create_app": bad},
        "app is no application": {"app": 5, "x": one},
        "app is a function": {"app": make},
        "no function": {"create_app": Factory()},
        "a number": {"create_app": 5},
        "application before factory": {"x": one, "create_app": make},
    }
    return {title: module_of(flask, **names) for title, names in rows.items()}


@pytest.mark.parametrize("title", list(candidates(__import__("flask"))))
def test_find_best_app(title: str) -> None:
    same(lambda flask: name_of(flask.cli.find_best_app(candidates(flask)[title])))


@pytest.mark.parametrize(
    "text",
    [
        *("app", "app ", "app\n", "(app)", "app # x", "app()", "app;", "a b", "", "1"),
        *("make", "make()", " make ( ) ", "make(1)", "make(1, b=2)", "make(b='x')", "make(a=-1)"),
        *("make(x)", "make(1+1)", "make(**{'a': 1})", "make(*[1])", "make([1], {'a': (1,)})"),
        *("make('x", "plain", "plain()", "bad", "bad()", "none", "number", "nope", "nope()"),
        *("sub.app", "sub.app()", "Kind", "Kind()", "instance", "instance()", "short", "short()"),
    ],
)
def test_find_app_by_string(text: str) -> None:
    def act(flask: Any) -> str:
        def make(a: Any, b: Any = 2) -> Any:
            return flask.Flask(f"{a} {b}")

        def plain() -> Any:
            return flask.Flask("plain")

        def bad() -> None:
            raise TypeError("inside")

        class Kind:
            def __call__(self) -> Any:
                return flask.Flask("x")

        module = module_of(
            flask,
            app=flask.Flask("one"),
            make=make,
            plain=plain,
            bad=bad,
            none=lambda: None,
            number=5,
            sub=module_of(flask, app=flask.Flask("sub")),
            Kind=Kind,
            instance=Kind(),
            short=lambda: flask.Flask("short"),
        )
        return name_of(flask.cli.find_app_by_string(module, text))

    same(act)


def write_package() -> None:
    for path, text in {
        "pkg/__init__.py": "",
        "pkg/sub/__init__.py": "",
        "pkg/sub/m.py": "import nowhere_at_all",
        "pkg/missing.py": "import pkg.nowhere",
        "pkg/boom.py": "1/0",
        "pkg/syntax.py": "def (",
        "pkg/leaves.py": "raise SystemExit(3)",
        "pkg/fine.py": "import click\napp = 5",
        "no.txt": "",
    }.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)


@pytest.mark.parametrize(
    "path",
    [
        *("pkg/fine.py", "pkg/fine", "pkg", "pkg/__init__.py", "pkg/__init__", "pkg/sub/m"),
        *("pkg.sub.m", "no.txt", "", ".", "missing/x.py"),
    ],
)
def test_prepare_import(path: str) -> None:
    write_package()

    def act(flask: Any) -> Any:
        before = list(sys.path)
        name = flask.cli.prepare_import(path)
        added, sys.path[:] = sys.path[0], before
        return name, added

    same(act)


@pytest.mark.parametrize("raising", [True, False])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        *(("pkg.fine", "app"), ("pkg.fine", "nope"), ("pkg.fine", None), ("nowhere", None)),
        *(("pkg.sub.m", None), ("pkg.missing", None), ("pkg.boom", None), ("pkg.syntax", None)),
        *(("pkg.nothing", None), ("nowhere.y", None), ("pkg/q", None), ("", None)),
    ],
)
def test_locate_app(module: str, name: str | None, raising: bool) -> None:
    write_package()
    sys.path.insert(0, os.getcwd())
    same(lambda flask: flask.cli.locate_app(module, name, raise_if_not_found=raising))


# --- files of variables


@pytest.mark.parametrize(
    ("args", "environ", "where"),
    [
        ((), {}, "."),
        ((), {"FOO": "set"}, "."),
        (("c.env",), {}, "."),
        (("c.env", False), {}, "."),
        (("missing",), {}, "."),
        (("missing", False), {}, "."),
        ((None, False), {}, "."),
        ((), {}, "sub"),
        (("../c.env",), {}, "sub"),
        ((), {}, "/"),
    ],
)
@pytest.mark.parametrize("installed", [True, False])
def test_load_dotenv(
    args: tuple[Any, ...],
    environ: dict[str, str],
    where: str,
    installed: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("sub").mkdir()
    Path(".env").write_text('FOO=env\nBAR=${FOO}x\nEGGS=""\nEMPTY\n')
    Path(".flaskenv").write_text("FOO=flaskenv\nBAZ=flaskenv\nUML=ü\n")
    Path("c.env").write_text("SPAM=1\nFOO=custom\n")
    Path("sub/.flaskenv").write_text("FOO=below\n")
    monkeypatch.chdir(where)
    if not installed:
        monkeypatch.setitem(sys.modules, "dotenv", None)

    def act(flask: Any) -> Any:
        before = dict(os.environ)
        os.environ.update(environ)
        capsys.readouterr()
        try:
            loaded = flask.cli.load_dotenv(*args)
            return (
                loaded,
                {k: v for k, v in os.environ.items() if before.get(k) != v},
                ("Install python-dotenv" in capsys.readouterr().err),
            )
        finally:
            os.environ.clear()
            os.environ.update(before)

    same(act)


# --- groups


def run(flask: Any, command: Any, args: Sequence[str], **kwargs: Any) -> Any:
    """Run a command; what the two print in help and errors differs in words, and is left out.

    Flask leaves the application's context behind when it prints help.
    """
    before = dict(os.environ)
    try:
        result = copy_context().run(CliRunner().invoke, command, list(args), **kwargs)
    finally:
        os.environ.clear()
        os.environ.update(before)
    output = result.stdout if result.exit_code == 0 and "Usage" not in result.stdout else ""
    return result.exit_code, output, type(result.exception).__name__


def make_app(flask: Any) -> Any:
    app = flask.Flask("made")

    @app.cli.command()
    @click.option("--number")
    def who(number: str) -> None:
        click.echo(f"{flask.current_app.name} {flask.current_app.debug} {number}")

    @app.cli.command(with_appcontext=False)
    @flask.cli.pass_script_info
    def info(script: Any) -> None:
        path = script.app_import_path
        click.echo(f"{path} {script.data} {flask.has_app_context()} {script.set_debug_flag}")

    @app.cli.group()
    def sub() -> None:
        click.echo(f"sub {flask.has_app_context()}")

    @sub.command()
    def leaf() -> None:
        click.echo(f"leaf {flask.has_app_context()} {type(sub) is flask.cli.AppGroup}")

    @sub.command(with_appcontext=False)
    def bare() -> None:
        click.echo("bare")

    return app


GROUPS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no defaults": {"add_default_commands": False, "add_version_option": False},
    "no dotenv": {"load_dotenv": False},
    "no debug": {"set_debug_flag": False},
    "prefix": {"context_settings": {"auto_envvar_prefix": "X"}},
}
CALLS: tuple[tuple[list[str], dict[str, str]], ...] = (
    (["who"], {}),
    (["who", "--number", "3"], {}),
    (["who"], {"FLASK_WHO_NUMBER": "3"}),
    (["who"], {"X_WHO_NUMBER": "3"}),
    (["--debug", "who"], {}),
    (["--debug", "who"], {"FLASK_DEBUG": "0"}),
    (["--no-debug", "who"], {"FLASK_DEBUG": "1"}),
    (["who"], {"FLASK_DEBUG": "1"}),
    (["who"], {"FLASK_DEBUG": "no"}),
    (["who"], {"FLASK_DEBUG": "zork"}),
    (["info"], {}),
    (["--app", "elsewhere", "info"], {}),
    (["info"], {"FLASK_APP": "elsewhere"}),
    (["sub", "leaf"], {}),
    (["sub", "bare"], {}),
    (["sub"], {}),
    (["nope"], {}),
    (["--nope"], {}),
    ([], {}),
    (["--help"], {}),
    (["--version"], {}),
    (["routes"], {}),
    (["-e", "missing", "who"], {}),
)


@pytest.mark.parametrize(("args", "environ"), CALLS)
@pytest.mark.parametrize("group", list(GROUPS))
def test_group(group: str, args: list[str], environ: dict[str, str]) -> None:
    def act(flask: Any) -> Any:
        made = flask.cli.FlaskGroup(name="g", create_app=lambda: make_app(flask), **GROUPS[group])
        status, output, error = run(flask, made, args, env=environ)
        return status, "" if args == ["--version"] else output, error

    same(act)


@pytest.mark.parametrize("args", [["--help"], ["who"], ["routes"]])
def test_a_factory_that_fails(args: list[str]) -> None:
    def act(flask: Any) -> Any:
        def fail() -> None:
            raise RuntimeError

        return run(flask, flask.cli.FlaskGroup(name="g", create_app=fail), args)

    same(act)


@pytest.mark.parametrize(
    ("args", "environ"),
    [
        (["env"], {}),
        (["-e", "c.env", "env"], {}),
        (["env"], {"FLASK_SKIP_DOTENV": "1"}),
        (["-e", "c.env", "env"], {"FLASK_SKIP_DOTENV": "1"}),
        (["env"], {"FLASK_SKIP_DOTENV": "0"}),
        (["env"], {"FLASK_ENV_FILE": "c.env"}),
        (["env"], {"FOO": "set"}),
        (["-e", "c.env", "env"], {"FOO": "set"}),
    ],
)
@pytest.mark.parametrize("load", [True, False])
@pytest.mark.parametrize("installed", [True, False])
def test_env_file(
    args: list[str],
    environ: dict[str, str],
    load: bool,
    installed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("FOO=env\n")
    Path(".flaskenv").write_text("FOO=flaskenv\nBAZ=flaskenv\nFLASK_DEBUG=1\n")
    Path("c.env").write_text("SPAM=1\nFOO=custom\n")
    if not installed:
        monkeypatch.setitem(sys.modules, "dotenv", None)

    def act(flask: Any) -> Any:
        app = flask.Flask("made")

        @app.cli.command()
        def env() -> None:
            names = ("FOO", "SPAM", "BAZ", "FLASK_RUN_FROM_CLI")
            click.echo([os.environ.get(name) for name in names] + [app.debug])

        made = flask.cli.FlaskGroup(name="g", create_app=lambda: app, load_dotenv=load)
        return run(flask, made, args, env=environ)

    same(act)


def test_with_appcontext() -> None:
    def act(flask: Any) -> Any:
        @click.command()
        @click.pass_context
        @flask.cli.with_appcontext
        def alone(*_args: Any) -> None:
            click.echo(flask.current_app.name)

        app = make_app(flask)
        script = flask.cli.ScriptInfo(create_app=lambda: app)
        with app.app_context():
            inside = run(flask, alone, [])
        return inside, run(flask, alone, [], obj=script), run(flask, alone, []), alone.name

    same(act)


# --- the options of run

# Those that Flask's command has not.
OUR_OPTIONS = {"inspector", "live_reload", "processes", "reload_type"}


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--cert", "file"],
        ["--cert", "file", "--key", "file"],
        ["--key", "file", "--cert", "file"],
        ["--key", "file"],
        ["--cert", "ssl"],
        ["--cert", "nowhere_at_all"],
        ["--cert", "adhoc"],
        ["--cert", "ADHOC"],
        ["--cert", "adhoc", "--key", "file"],
        ["--cert", "held:ctx"],
        ["--cert", "held.ctx"],
        ["--cert", "held.ctx", "--key", "file"],
        ["--cert", "file", "--key", "missing"],
        ["--extra-files", "a:b", "--exclude-patterns", "*.py:x"],
        ["-h", "::1", "-p", "0"],
        ["--port", "x"],
        ["--port", "65535"],
        ["--reload", "--no-debugger", "--without-threads"],
        ["extra"],
    ],
)
@pytest.mark.parametrize("missing", ["", "ssl", "cryptography"])
def test_parameters_of_run(args: list[str], missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("")
    held = ModuleType("held")
    vars(held)["ctx"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    monkeypatch.setitem(sys.modules, "held", held)
    there = ModuleType("cryptography")
    monkeypatch.setitem(sys.modules, "cryptography", None if missing == "cryptography" else there)
    if missing == "ssl":
        monkeypatch.setitem(sys.modules, "ssl", None)

    def parameters(flask: Any) -> dict[str, Any]:
        found = flask.cli.run_command.make_context("run", list(args)).params
        return {name: value for name, value in found.items() if name not in OUR_OPTIONS}

    same(parameters)


# --- routes


def build_routes(flask: Any, **arguments: Any) -> Any:
    app = flask.Flask("routed", **arguments)
    for rule, endpoint, methods in (
        ("/get_post/<int:x>/<int:y>", "yyy_get_post", ["GET", "POST"]),
        ("/zzz_post", "aaa_post", ["POST"]),
        ("/only", "only", ["OPTIONS"]),
        ("/a/<path:rest>", "bp.rest", None),
    ):
        app.add_url_rule(rule, endpoint, methods=methods)
    return app


@pytest.mark.parametrize("sort", ["", "endpoint", "methods", "domain", "rule", "match", "nope"])
@pytest.mark.parametrize("all_methods", [True, False])
@pytest.mark.parametrize("kind", ["plain", "subdomain", "host", "empty"])
def test_routes(kind: str, all_methods: bool, sort: str) -> None:
    def act(flask: Any) -> Any:
        if kind == "host":
            app = build_routes(flask, host_matching=True, static_host="static.example")
            app.add_url_rule("/hosted", "hosted", host="h.example")
        elif kind == "empty":
            app = flask.Flask("routed", static_folder=None)
        else:
            app = build_routes(flask)
        if kind == "subdomain":
            app.add_url_rule("/below", "below", subdomain="sub")
        args = [*(["--sort", sort] if sort else []), *(["--all-methods"] if all_methods else [])]
        result = app.test_cli_runner().invoke(flask.cli.routes_command, args)
        return result.exit_code, result.stdout if result.exit_code == 0 else ""

    kind_of, found = same(act)
    assert kind_of == "returned"
    assert found[0] == (2 if sort == "nope" else 0)


# --- shell


def test_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    startup = Path("startup.py")
    startup.write_text("started = 1\napp = 'not the application'\n")
    monkeypatch.setenv("PYTHONSTARTUP", str(startup))
    monkeypatch.delattr(sys, "__interactivehook__", raising=False)
    seen: list[Any] = []
    monkeypatch.setattr("code.interact", lambda banner, local: seen.append((banner, local)))

    def act(flask: Any) -> Any:
        app = flask.Flask("shelled", instance_path=os.getcwd())
        app.shell_context_processor(lambda: {"more": 2})
        result = app.test_cli_runner().invoke(flask.cli.shell_command)
        banner, local = seen.pop()
        names = sorted(name for name in local if not name.startswith("__"))
        return result.exit_code, banner, names, local["app"] is app, local["more"]

    kind, _ = same(act)
    assert kind == "returned"
