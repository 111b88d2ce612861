"""``from dovetail import ...``: the framework's names, none imported before it is asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dovetail

SOURCE = Path(dovetail.__file__)


def declared() -> dict[str, str]:
    """Return by name the module that type checkers are told it comes from."""
    tree = ast.parse(SOURCE.read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: node.module or ""
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_names_are_those_that_type_checkers_see() -> None:
    assert {*declared(), "__version__"} == set(dovetail.__all__)


@pytest.mark.parametrize("name", sorted(declared()))
def test_name_is_the_object_of_its_module(name: str) -> None:
    module = __import__(declared()[name], fromlist=[name])
    assert getattr(dovetail, name) is getattr(module, name)


def test_dir_has_all_names() -> None:
    assert set(dovetail.__all__) <= set(dir(dovetail))


def test_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Flask'"):
        dovetail.Flask  # noqa: B018


def test_importing_the_package_imports_no_library() -> None:
    program = "import sys, dovetail.server; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=60
    )
    loaded = {name.partition(".")[0] for name in out.stdout.split()}
    assert not loaded & {"jinja2", "itsdangerous", "blinker", "markupsafe"}
    assert "dovetail.app" not in out.stdout.split()
