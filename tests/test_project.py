"""What the project says about itself is true."""

from __future__ import annotations

import ast
import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import dovetail
from dovetail.app.commands import run_command
from dovetail.server.settings import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md")


def read(name: str) -> str:
    return (ROOT / name).read_text()


def pyproject() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))


def test_version_is_the_same_everywhere() -> None:
    assert distribution("dovetail").version == dovetail.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:(?:a|b|rc|\.dev)\d+)?", dovetail.__version__)
    assert pyproject()["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "dovetail.__version__"
    }
    assert "## Unreleased" in read("CHANGELOG.md") or dovetail.__version__ in read("CHANGELOG.md")


def test_types_are_shipped() -> None:
    assert files("dovetail").joinpath("py.typed").is_file()
    assert "py.typed" in pyproject()["tool"]["setuptools"]["package-data"]["dovetail"]


def test_this_python_is_claimed() -> None:
    here = f"Programming Language :: Python :: {sys.version_info[0]}.{sys.version_info[1]}"
    assert here in pyproject()["project"]["classifiers"]


def test_command_is_installed() -> None:
    scripts = distribution("dovetail").entry_points.select(group="console_scripts")
    assert {script.name: script.value for script in scripts} == {"dovetail": "dovetail.cli:main"}


@pytest.mark.parametrize("path", sorted((ROOT / "src").glob("dovetail/**/*.py")), ids=str)
def test_module_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_first_screen_of_the_readme_shows_the_two_commands() -> None:
    screen = read("README.md").splitlines()[:40]
    commands = [line for line in screen if line.startswith("$ make")]
    assert [command[:11].rstrip() for command in commands] == ["$ make run", "$ make test"]
    assert "dovetail serve MODULE:ATTR" in read("README.md")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", read(page))
    inside = [target for target in targets if "://" not in target]
    assert [target for target in inside if not (ROOT / target).exists()] == []


def test_readme_names_real_options() -> None:
    known = {flag for row in SETTINGS.values() for flag in (*row.flags, *row.other_flags)}
    known |= {"--help", "--check-config", "--print-config", "-c", "--app"}
    known |= {flag for option in run_command.params for flag in option.opts}
    # What stands in the left column of the table is Gunicorn's.
    ours = "\n".join(
        line.split("|")[2] if line.startswith("|") else line
        for line in read("README.md").splitlines()
    )
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", ours))
    assert named - known == set()


def test_commands_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    assert {"run", "test", "lint", "format", "help"} <= targets
    mentioned = set(re.findall(r"^\$ make ([a-z]+)", read("CONTRIBUTING.md"), re.MULTILINE))
    assert mentioned <= targets


@pytest.mark.parametrize("name", [".ci/run", "tools/make-venv"])
def test_scripts_can_be_run(name: str) -> None:
    path = ROOT / name
    assert path.stat().st_mode & stat.S_IXUSR
    shell = path.read_text().splitlines()[0].split("/")[-1].removeprefix("env ")
    subprocess.run([shell, "-n", str(path)], check=True, timeout=60)


def make_venv(directory: Path, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "tools/make-venv"), str(directory), *arguments],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fake_python(path: Path, lines: Iterable[str]) -> None:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


def test_make_venv_takes_the_first_python_that_will_do(tmp_path: Path) -> None:
    fake_python(tmp_path / "python3", ["exit 127"])
    fake_python(tmp_path / "python3.13", ['[ -z "$2" ] && exit 0', "echo is too old", "exit 1"])
    fake_python(tmp_path / "python3.12", ['echo "called: $*"'])
    done = make_venv(tmp_path / "venv", path=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"called: -m venv --clear {tmp_path}/venv"


def test_make_venv_says_why_there_is_none(tmp_path: Path) -> None:
    fake_python(tmp_path / "python3", ['[ -z "$2" ] && exit 0', "echo is too old", "exit 1"])
    done = make_venv(tmp_path / "venv", path=tmp_path)
    assert done.returncode == 1
    assert "  python3 is too old\n" in done.stderr
    assert "make PYTHON=" in done.stderr
    done = make_venv(tmp_path / "venv", str(tmp_path / "absent"), path=tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path}/absent does not run" in done.stderr


def test_make_venv_checks_the_version(tmp_path: Path) -> None:
    check = re.search(r"check='(.*?)'\n", read("tools/make-venv"), re.DOTALL)
    assert check is not None
    subprocess.run([sys.executable, "-c", check[1]], check=True, timeout=60)
    old = "import sys; sys.version_info = (3, 10, 2)\n" + check[1]
    done = subprocess.run(
        [sys.executable, "-c", old], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (1, "is Python 3.10; Dovetail needs 3.11 or newer\n")
