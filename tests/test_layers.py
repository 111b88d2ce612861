"""The layers of the project: what each part may import, and that there are no circles."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src"

EVERYTHING = frozenset(
    {
        *("http1", "data", "routing", "gateway", "loader"),
        *("toolkit", "server", "dev", "app", "compat"),
    }
)

# Each part of the package, and the parts it may import besides itself and the standard library.
LAYERS: dict[str, frozenset[str]] = {
    "http1": frozenset(),
    "data": frozenset({"http1"}),
    "routing": frozenset({"data"}),
    "gateway": frozenset({"http1", "data"}),
    "loader": frozenset(),
    "toolkit": frozenset({"data", "routing", "gateway", "http1"}),
    "server": frozenset({"http1", "data", "gateway", "loader"}),
    "dev": frozenset({"toolkit", "server", "loader", "gateway", "http1", "data"}),
    "app": frozenset({"toolkit", "routing", "data", "loader"}),
    "compat": EVERYTHING,
    "cli": EVERYTHING,
    "__main__": frozenset({"cli"}),
}

# What is not in the standard library, and who may import it.
THIRD_PARTY = {
    "blinker": {"app"},
    "click": {"cli", "app"},
    "cryptography": {"dev", "app"},  # an extra
    "dotenv": {"app"},  # an extra
    "itsdangerous": {"app"},
    "jinja2": {"app", "dev"},
    "markupsafe": {"data", "toolkit", "app", "dev"},
    "redis": {"app"},  # an extra
    "watchfiles": {"dev"},
}

# The one import that goes up, inside a function: App.run() starts the development server.
LAZY_UPWARD = {("app", "dev")}

# Names that say nothing about what is inside.
BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "_internal"}


@dataclass(frozen=True)
class Import:
    """One import of one module."""

    importer: str
    target: str
    line: int
    nested: bool
    #: Whether only type checkers see it.
    typing: bool = False

    def __str__(self) -> str:
        return f"{self.importer} imports {self.target} (line {self.line})"


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(SOURCE.glob("dovetail/**/*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text())


def layer(module: str) -> str:
    """The part of the package that a module belongs to; empty for the package itself."""
    return module.split(".")[1] if "." in module else ""


def targets(module: str, node: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules that a statement imports; ``from package import module`` means the module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        parts = module.split(".")
        # In a package's own __init__ one dot is the package itself.
        drop = node.level - (modules()[module].name == "__init__.py")
        base = ".".join([*parts[: len(parts) - drop], *([base] if base else [])])
    names = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in modules() else base for name in names]


def imports_of(module: str) -> Iterator[Import]:
    top_level = set(map(id, _outside_functions(tree(module))))
    typing = set(map(id, _for_type_checkers(tree(module))))
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            nested = id(node) not in top_level
            for target in targets(module, node):
                yield Import(module, target, node.lineno, nested, id(node) in typing)


def _for_type_checkers(module: ast.Module) -> Iterator[ast.stmt]:
    for node in module.body:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):
                yield from body


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _outside_functions(child)


@cache
def all_imports() -> tuple[Import, ...]:
    return tuple(found for module in modules() for found in imports_of(module))


def test_every_part_has_its_layer() -> None:
    assert {layer(module) for module in modules()} - {""} <= LAYERS.keys()


def test_the_table_has_no_circle() -> None:
    below = {name: allowed - {name} for name, allowed in LAYERS.items()}
    del below["compat"], below["cli"]
    while below:
        lowest = {name for name, allowed in below.items() if not allowed & below.keys()}
        assert lowest, f"these import each other: {sorted(below)}"
        below = {name: allowed for name, allowed in below.items() if name not in lowest}


def is_allowed(found: Import) -> bool:
    here, there = layer(found.importer), layer(found.target)
    if here == there or found.target == "dovetail":
        return True
    if found.importer == "dovetail" and found.typing:
        return there == "app"  # the names of the framework, imported when they are asked for
    return there in LAYERS.get(here, ()) or (found.nested and (here, there) in LAZY_UPWARD)


def test_no_import_goes_up() -> None:
    ours = [found for found in all_imports() if found.target.split(".")[0] == "dovetail"]
    assert ours, "no imports found: the test reads the wrong directory"
    assert [str(found) for found in ours if not is_allowed(found)] == []


def test_only_the_standard_library_and_what_is_listed() -> None:
    wrong = []
    for found in all_imports():
        top = found.target.split(".")[0]
        known = top == "dovetail" or top in sys.stdlib_module_names
        if not known and layer(found.importer) not in THIRD_PARTY.get(top, ()):
            wrong.append(str(found))
    assert wrong == []


def test_no_circles_between_modules() -> None:
    edges: dict[str, set[str]] = {module: set() for module in modules()}
    for found in all_imports():
        if found.target in edges and found.target != found.importer and not found.typing:
            edges[found.importer].add(found.target)
    while edges:
        free = {module for module, uses in edges.items() if not uses & edges.keys()}
        assert free, f"a circle among {sorted(edges)}"
        edges = {module: uses for module, uses in edges.items() if module not in free}


def test_an_import_inside_a_function_says_why() -> None:
    silent = [
        str(found)
        for found in all_imports()
        if found.nested
        and "#" not in modules()[found.importer].read_text().splitlines()[found.line - 1]
    ]
    assert silent == []


def test_modules_are_nouns() -> None:
    assert [module for module in modules() if BANNED & set(module.split("."))] == []


@pytest.mark.parametrize("module", sorted(modules()))
def test_public_names(module: str) -> None:
    body = tree(module).body
    listed = _listed_names(body)
    if any(part.startswith("_") for part in module.split(".")):
        return
    if listed is None:
        # Only a package that is nothing but its docstring needs no list.
        assert len(body) == 1, f"{module} has no __all__"
        return
    assert len(set(listed)) == len(listed)
    assert set(listed) - _bound_names(body) == set()


def _listed_names(body: list[ast.stmt]) -> list[str] | None:
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                names: list[str] = ast.literal_eval(value)
                return names
    return None


def _bound_names(body: list[ast.stmt]) -> set[str]:
    names: set[str] = set()
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case ast.Assign(targets=places):
                names.update(place.id for place in places if isinstance(place, ast.Name))
            case ast.If() | ast.Try():
                inner = [child for child in ast.walk(node) if isinstance(child, ast.stmt)]
                names |= _bound_names([child for child in inner if child is not node])
    return names


# Everything but the arbiter runs where there is no fork, so it may not need these to be imported.
POSIX_ONLY = ("fcntl", "grp", "pwd", "resource", "termios")
PORTABLE = (
    *("dovetail", "dovetail.cli", "dovetail.toolkit", "dovetail.app.application"),
    "dovetail.dev",
)

WITHOUT_POSIX = """
import os, sys
for name in sys.argv[2:]:
    sys.modules[name] = None
for name in ("fork", "register_at_fork", "geteuid", "fchown", "sendfile"):
    vars(os).pop(name, None)
__import__(sys.argv[1])
"""


@pytest.mark.parametrize("module", [name for name in PORTABLE if name in modules()])
def test_import_needs_no_posix(module: str) -> None:
    command = [sys.executable, "-W", "error", "-c", WITHOUT_POSIX, module, *POSIX_ONLY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
