from __future__ import annotations

import os
import platform
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from tests.app.commandline import process_restored

from dovetail import __version__
from dovetail.app.dotenv import is_available
from dovetail.app.groups import ScriptInfo
from dovetail.app.options import (
    CertParamType,
    SeparatedPathType,
    app_option,
    debug_option,
    env_file_option,
    get_version,
    validate_key,
    version_option,
)


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with process_restored():
        yield


def parse(args: list[str], *options: click.Parameter, **extra: Any) -> click.Context:
    return click.Command("test", params=list(options)).make_context("test", list(args), **extra)


def refusal(args: list[str], *options: click.Parameter) -> str:
    with pytest.raises(click.BadParameter) as caught:
        parse(args, *options)
    return caught.value.format_message()


class TestCert:
    options = (
        click.Option(["--cert"], type=CertParamType(), is_eager=True),
        click.Option(["--key"], callback=validate_key, expose_value=False),
    )

    def cert(self, *args: str) -> Any:
        return parse(list(args), *self.options).params["cert"]

    def refused(self, *args: str) -> str:
        return refusal(list(args), *self.options)

    def test_files(self, tmp_path: Path) -> None:
        assert self.cert("--key", "k", "--cert", "file") == (str(tmp_path / "file"), "k")
        assert "this is needed, too" in self.refused("--cert", "file")
        assert "of no use without '--cert'" in self.refused("--key", "k")
        assert "does not exist" in self.refused("--cert", "nowhere_at_all")

    def test_adhoc(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "cryptography", ModuleType("cryptography"))
        assert self.cert("--cert", "AdHoc") == "adhoc"
        assert "a key is made, too" in self.refused("--cert", "adhoc", "--key", "k")
        monkeypatch.setitem(sys.modules, "cryptography", None)
        assert "made by the cryptography library" in self.refused("--cert", "adhoc")
        monkeypatch.delitem(sys.modules, "cryptography")
        monkeypatch.setattr("dovetail.app.options.find_spec", lambda name: object())
        assert self.cert("--cert", "adhoc") == "adhoc"

    def test_context(self, monkeypatch: pytest.MonkeyPatch) -> None:
        held = ModuleType("held")
        context = vars(held)["context"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        monkeypatch.setitem(sys.modules, "held", held)
        assert self.cert("--cert", "held:context") is context
        assert "a key of its own" in self.refused("--cert", "held:context", "--key", "k")
        assert "does not exist" in self.refused("--cert", "ssl:SSLError")

    def test_type(self, tmp_path: Path) -> None:
        kind = CertParamType()
        assert kind.name == "path"
        assert isinstance(kind.path_type, click.Path)
        assert kind.convert("file", None, None) == str(tmp_path / "file")

    def test_without_ssl(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "ssl", None)
        assert "built without SSL" in self.refused("--cert", "file")


def test_separated_paths() -> None:
    option = click.Option(["--paths"], type=SeparatedPathType())
    given = os.pathsep.join(["a", "*.py"])
    assert parse(["--paths", given], option).params == {"paths": ["a", "*.py"]}
    assert parse([], option).params == {"paths": None}
    assert SeparatedPathType().convert(given, None, None) == ["a", "*.py"]


def test_app_option() -> None:
    info = ScriptInfo()
    assert parse(["-A", "x:y"], app_option, obj=info).params == {}
    assert info.app_import_path == "x:y"
    parse([], app_option, obj=info)
    assert info.app_import_path == "x:y"


@pytest.mark.parametrize(("args", "value"), [(["--debug"], "1"), (["--no-debug"], "0")])
def test_debug_option(args: list[str], value: str) -> None:
    parse([], debug_option)
    assert "FLASK_DEBUG" not in os.environ
    parse(args, debug_option)
    assert os.environ["FLASK_DEBUG"] == value
    assert "DOVETAIL_DEBUG" not in os.environ
    os.environ["DOVETAIL_DEBUG"] = "x"
    parse(args, debug_option)
    assert os.environ["DOVETAIL_DEBUG"] == value


class TestEnvFile:
    @pytest.mark.skipif(not is_available(), reason="python-dotenv is not installed")
    def test_with_the_default_files(self) -> None:
        Path(".env").write_text("A=env\nB=env\n")
        Path("mine").write_text("B=mine\n")
        parse(["-e", "mine"], env_file_option)
        assert (os.environ["A"], os.environ["B"]) == ("env", "mine")

    @pytest.mark.skipif(not is_available(), reason="python-dotenv is not installed")
    @pytest.mark.parametrize("why", ["skipped", "told so"])
    def test_without_them(self, why: str) -> None:
        Path(".env").write_text("A=env\n")
        Path("mine").write_text("B=mine\n")
        info = ScriptInfo(load_dotenv_defaults=why != "told so")
        if why == "skipped":
            os.environ["DOVETAIL_SKIP_DOTENV"] = "1"
        parse([], env_file_option, obj=info)
        parse(["--env-file", "mine"], env_file_option, obj=info)
        assert "A" not in os.environ
        assert os.environ["B"] == "mine"

    def test_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "does not exist" in refusal(["-e", "missing"], env_file_option)
        monkeypatch.setitem(sys.modules, "dotenv", None)
        assert "python-dotenv loads such files" in refusal(["-e", "file"], env_file_option)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.exceptions.Exit):
        parse(["--version"], version_option)
    expected = f"Python {platform.python_version()}\nDovetail {__version__}\n"
    assert capsys.readouterr().out == expected
    with pytest.raises(click.exceptions.Exit):
        get_version(click.Context(click.Command("x")), version_option, True)
    assert capsys.readouterr().out == expected


def test_versions_of_what_it_stands_in_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "dovetail.app.options.stood_in_versions", lambda: {"Flask": "3", "Werkzeug": "4"}
    )
    with pytest.raises(click.exceptions.Exit):
        parse(["--version"], version_option)
    assert capsys.readouterr().out.endswith("\nFlask 3\nWerkzeug 4\n")
