from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from dovetail.app.application import App
from dovetail.app.contexts import has_app_context
from dovetail.app.discovery import NoAppException
from dovetail.app.groups import AppGroup, ScriptInfo, pass_script_info, with_appcontext
from dovetail.app.proxies import current_app


def output(command: click.Command, *args: str, obj: object = None) -> str:
    result = CliRunner().invoke(command, list(args), obj=obj)
    assert (result.exit_code, result.exception) == (0, None)
    return result.output.rstrip("\n")


class TestScriptInfo:
    def test_loads_once(self) -> None:
        made = []

        def create() -> App:
            made.append(App("made"))
            return made[-1]

        info = ScriptInfo(create_app=create)
        assert info.load_app() is info.load_app() is made[0]
        assert len(made) == 1
        assert (info.create_app, info.app_import_path, info.data) == (create, None, {})
        assert info.load_dotenv_defaults is True

    @pytest.mark.parametrize(("flag", "debug"), [(True, True), (False, False)])
    def test_debug_mode(self, flag: bool, debug: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        app = App("made")
        monkeypatch.setenv("DOVETAIL_DEBUG", "1")
        assert ScriptInfo(create_app=lambda: app, set_debug_flag=flag).load_app().debug is debug

    def test_nothing_named(self, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(str(tmp_path))
        with pytest.raises(NoAppException, match="Could not locate an application"):
            ScriptInfo().load_app()


def test_with_appcontext() -> None:
    @click.command()
    @click.argument("number", type=int)
    @with_appcontext
    def show(number: int) -> None:
        "Its help."
        click.echo(f"{current_app.name} {number}")

    info = ScriptInfo(create_app=lambda: App("made"))
    assert output(show, "3", obj=info) == "made 3"
    assert (show.name, show.help) == ("show", "Its help.")
    assert not has_app_context()
    with App("around").app_context():
        assert output(show, "4", obj=info) == "around 4"


def test_pass_script_info() -> None:
    @click.command()
    @pass_script_info
    def show(info: ScriptInfo) -> None:
        click.echo(info.data)

    info = ScriptInfo()
    info.data["a"] = 1
    assert output(show, obj=info) == "{'a': 1}"
    assert output(show) == "{}"


class TestAppGroup:
    def test_command(self) -> None:
        group = AppGroup("group")

        @group.command()
        def inside() -> None:
            click.echo(has_app_context())

        @group.command("apart", with_appcontext=False)
        def outside() -> None:
            click.echo(has_app_context())

        info = ScriptInfo(create_app=lambda: App("made"))
        assert output(group, "inside", obj=info) == "True"
        assert output(group, "apart", obj=info) == "False"
        assert isinstance(inside, click.Command)

    def test_group(self) -> None:
        outer = AppGroup("outer")

        @outer.group()
        def inner() -> None:
            pass

        @inner.command()
        def leaf() -> None:
            click.echo(current_app.name)

        @outer.group(cls=click.Group)
        def plain() -> None:
            pass

        assert type(inner) is AppGroup
        assert type(plain) is click.Group
        info = ScriptInfo(create_app=lambda: App("made"))
        assert output(outer, "inner", "leaf", obj=info) == "made"
