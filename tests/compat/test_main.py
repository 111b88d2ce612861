from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dovetail.compat.__main__ import main

PROGRAM = """
import sys
import flask
print(sys.argv, __name__, flask.Flask.__module__)
"""


@pytest.fixture(autouse=True)
def _process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    modules = set(sys.modules)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "program.py").write_text(PROGRAM)
    (tmp_path / "module.py").write_text(PROGRAM)
    yield
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in {"flask", "werkzeug", "module", "below"}:
            del sys.modules[name]


def test_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["below/program.py", "-x"])
    # Absolute, so that tracebacks and __file__ stay right in another directory.
    said = f"['{tmp_path}/below/program.py', '-x'] __main__ dovetail.app.application\n"
    assert capsys.readouterr() == (said, "")
    assert sys.path[0] == str(tmp_path / "below")


def test_a_module(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["module", "-x"])
    said = f"['{tmp_path}/module.py', '-x'] __main__ dovetail.app.application\n"
    assert capsys.readouterr() == (said, "")


def test_the_flask_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["flask", "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("Usage: python -m flask [OPTIONS] COMMAND")


@pytest.mark.parametrize("args", [[], ["-m", "module"]])
def test_usage(args: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(args)
    assert str(caught.value.code).startswith("usage: python -m dovetail.compat")


def test_flask_is_installed(tmp_path: Path) -> None:
    (tmp_path / "flask.py").touch()
    with pytest.raises(SystemExit) as caught:
        main(["module"])
    assert str(caught.value.code).startswith("Error: Flask is installed")


def test_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["compat", "below/program.py"])
    monkeypatch.delitem(sys.modules, "dovetail.compat.__main__")
    runpy.run_module("dovetail.compat", run_name="__main__")
    assert "dovetail.app.application" in capsys.readouterr().out


def test_a_package(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "__init__.py").touch()
    (tmp_path / "module" / "__main__.py").write_text(PROGRAM)
    main(["module", "-x"])
    said = f"['{tmp_path}/module/__main__.py', '-x'] __main__ dovetail.app.application\n"
    assert capsys.readouterr() == (said, "")


@pytest.mark.parametrize(
    "program", ["nowhere", "nowhere.at.all", "module.below", ".module", "a.py"]
)
def test_what_is_not_there(program: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main([program])
    assert caught.value.code == f"Error: there is neither a file nor a module {program!r}"


def test_a_package_that_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "below" / "__init__.py").touch()
    with pytest.raises(SystemExit) as caught:
        main(["below"])
    said = "Error: 'below' is a package without a module __main__, so it cannot be run"
    assert caught.value.code == said


def test_an_import_of_the_program_that_fails(tmp_path: Path) -> None:
    (tmp_path / "below" / "__init__.py").write_text("import nowhere_at_all")
    with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"):
        main(["below.program"])
