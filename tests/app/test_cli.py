from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from tests.app.commandline import APPLICATION, process_restored

from dovetail.app import cli as module
from dovetail.app.application import App
from dovetail.app.cli import DovetailGroup, cli, main
from dovetail.app.contexts import has_app_context
from dovetail.app.groups import ScriptInfo
from dovetail.app.proxies import current_app


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with process_restored():
        yield


def run(group: click.Group, *args: str, **kwargs: Any) -> Result:
    return CliRunner().invoke(group, list(args), **kwargs)


def make_app() -> App:
    app = App("made")

    @app.cli.command()
    @click.option("--number")
    def who(number: str) -> None:
        "Say who."
        click.echo(f"{current_app.name} {current_app.debug} {number}")

    return app


class TestCommands:
    def test_those_of_the_application(self) -> None:
        group = DovetailGroup(name="g", create_app=make_app)
        result = run(group, "who")
        assert (result.exit_code, result.output) == (0, "made False None\n")
        assert "who     Say who." in run(group, "--help").output

    def test_a_context(self) -> None:
        group = DovetailGroup(name="g", create_app=make_app, set_debug_flag=False)
        with group.make_context("g", ["--debug", "who", "rest"]) as ctx:
            assert isinstance(ctx.obj, ScriptInfo)
            assert (ctx.obj.create_app, ctx.obj.set_debug_flag) == (make_app, False)
            assert group.list_commands(ctx) == ["routes", "run", "shell", "who"]
            assert not has_app_context()
            command = group.get_command(ctx, "who")
            assert command is not None
            assert command.name == "who"
            assert current_app._get_current_object() is ctx.obj.load_app()  # type: ignore[attr-defined]
            assert group.get_command(ctx, "nobody") is None
        assert not has_app_context()
        with group.make_context("g", ["who"], obj=(info := ScriptInfo())) as ctx:
            assert ctx.obj is info

    def test_options_are_read_up_to_the_command(self) -> None:
        group = DovetailGroup(name="g", create_app=make_app)
        with click.Context(group, obj=ScriptInfo(create_app=make_app)) as ctx:
            assert group.parse_args(ctx, ["--debug", "who", "--number", "1"]) == ["--number", "1"]
        assert os.environ["FLASK_DEBUG"] == "1"

    def test_its_own(self) -> None:
        group = DovetailGroup(name="g", create_app=make_app)

        @group.command()
        def inside() -> None:
            click.echo(current_app.name)

        @group.command(with_appcontext=False)
        def outside() -> None:
            click.echo(has_app_context())

        assert run(group, "inside").output == "made\n"
        assert run(group, "outside").output == "False\n"

    def test_the_default_ones(self) -> None:
        group = DovetailGroup(name="g", create_app=make_app)
        assert list(group.commands) == ["run", "shell", "routes"]
        assert "/static/<path:filename>" in run(group, "routes").output
        bare = DovetailGroup(name="g", create_app=make_app, add_default_commands=False)
        assert bare.commands == {}

    def test_the_context_of_another_application(self) -> None:
        group = DovetailGroup(name="g", create_app=make_app)
        with App("around").app_context():
            assert run(group, "who").output == "made False None\n"
            assert current_app.name == "around"

    def test_app_run_is_told(self) -> None:
        run(DovetailGroup(name="g", create_app=make_app), "who")
        assert os.environ["FLASK_RUN_FROM_CLI"] == "true"


class TestPlugins:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The groups of entry points that were asked for; each has one command."""
        groups: list[str] = []

        class Entry:
            def __init__(self, name: str) -> None:
                self.name = name

            def load(self) -> click.Command:
                return click.Command("x", callback=lambda: click.echo(f"plugin {self.name}"))

        def entry_points(group: str) -> list[Entry]:
            groups.append(group)
            return [Entry(group.partition(".")[0])]

        monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
        return groups

    def test_ours(self, asked: list[str]) -> None:
        group = DovetailGroup(name="g", create_app=make_app)
        assert run(group, "dovetail").output == "plugin dovetail\n"
        assert "dovetail" in run(group, "--help").output
        assert asked == ["dovetail.commands"]

    def test_those_for_flask(self, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "is_stood_in", lambda package: package == "flask")
        group = DovetailGroup(name="g", create_app=make_app)
        assert run(group, "flask").output == "plugin flask\n"
        assert asked == ["dovetail.commands", "flask.commands"]


class TestErrors:
    def test_no_application(self) -> None:
        result = run(cli, "missing")
        assert result.exit_code == 2
        assert "Could not locate an application" in result.stderr
        assert "No such command 'missing'" in result.stderr

    @pytest.mark.parametrize("args", [["--help"], []])
    def test_help_without_an_application(self, args: list[str]) -> None:
        result = run(cli, *args)
        assert "Could not locate an application" in result.stderr
        assert "  routes  List the routes of the application." in result.output

    def test_help_with_a_broken_one(self) -> None:
        def fail() -> App:
            raise RuntimeError("broken")

        result = run(DovetailGroup(name="g", create_app=fail), "--help")
        assert result.exit_code == 0
        assert "RuntimeError: broken" in result.stderr
        assert "  routes  " in result.stdout

    def test_nothing_stays_in_force(self) -> None:
        group = DovetailGroup(name="g", create_app=make_app)
        run(group, "--help")
        run(group)
        run(group, "--nope")
        assert not has_app_context()


class TestOptions:
    def test_app(self) -> None:
        Path("here.py").write_text(APPLICATION)
        assert run(cli, "--app", "here", "hello").output == "hello from here, debug False\n"
        assert "Say hello" in run(cli, "--app", "here", "--help").output

    @pytest.mark.parametrize(
        "environ",
        [
            {"FLASK_APP": "here"},
            {"DOVETAIL_APP": "here"},
            {"DOVETAIL_APP": "here", "FLASK_APP": "nowhere_at_all"},
        ],
    )
    def test_app_of_the_environment(self, environ: dict[str, str]) -> None:
        Path("here.py").write_text(APPLICATION)
        assert run(cli, "hello", env=environ).exit_code == 0
        assert "Say hello" in run(cli, "--help", env=environ).output

    def test_app_of_a_file(self) -> None:
        pytest.importorskip("dotenv")
        Path("here.py").write_text(APPLICATION)
        Path(".flaskenv").write_text("FLASK_APP=here\nFLASK_DEBUG=1\n")
        assert run(cli, "hello").output == "hello from here, debug True\n"

    @pytest.mark.parametrize(
        ("args", "environ", "debug"),
        [
            ([], {}, False),
            (["--debug"], {}, True),
            ([], {"DOVETAIL_DEBUG": "1"}, True),
            (["--no-debug"], {"DOVETAIL_DEBUG": "1"}, False),
            (["--debug"], {"DOVETAIL_DEBUG": "0", "FLASK_DEBUG": "0"}, True),
            ([], {"FLASK_DEBUG": "1", "DOVETAIL_DEBUG": "0"}, False),
        ],
    )
    def test_debug(self, args: list[str], environ: dict[str, str], debug: bool) -> None:
        group = DovetailGroup(name="g", create_app=make_app)
        assert run(group, *args, "who", env=environ).output == f"made {debug} None\n"

    @pytest.mark.parametrize("prefix", ["FLASK", "DOVETAIL"])
    def test_options_of_commands(self, prefix: str) -> None:
        group = DovetailGroup(name="g", create_app=make_app)
        environ = {f"{prefix}_WHO_NUMBER": "3"}
        assert run(group, "who", env=environ).output == "made False 3\n"

    def test_version(self) -> None:
        assert "Dovetail" in run(cli, "--version").output
        bare = DovetailGroup(name="g", create_app=make_app, add_version_option=False)
        assert run(bare, "--version").exit_code == 2

    def test_what_is_given_is_kept(self) -> None:
        option = click.Option(["--zip"])
        settings = {"auto_envvar_prefix": "X"}
        group = DovetailGroup(
            name="g",
            create_app=make_app,
            load_dotenv=False,
            set_debug_flag=False,
            params=[option],
            context_settings=settings,
            help="Its help.",
        )
        assert group.params[0] is option
        assert group.context_settings == settings
        assert (group.name, group.help) == ("g", "Its help.")
        assert (group.create_app, group.load_dotenv, group.set_debug_flag) == (
            make_app,
            False,
            False,
        )
        assert run(group, "who", env={"X_WHO_NUMBER": "4"}).output == "made False 4\n"


def test_main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("here.py").write_text(APPLICATION)
    monkeypatch.setattr(sys, "argv", ["dovetail", "--app", "here", "hello"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert capsys.readouterr().out == "hello from here, debug False\n"


def test_names_from_elsewhere() -> None:
    for name in module.__all__:
        assert getattr(module, name).__class__ is not None
