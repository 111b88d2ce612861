"""Write the pages of other packages' names: where each is in Dovetail, and which test uses it.

``python tools/names_table.py`` writes docs/reference/werkzeug-names.md and flask-names.md; with
``--check`` it only says, by its exit status, whether the pages are what it would write and have no
empty row.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import NoneType
from typing import Any

from dovetail.compat.flask_names import FLASK
from dovetail.compat.interface import Interface, load
from dovetail.compat.werkzeug_names import WERKZEUG
from dovetail.toolkit.local import LocalProxy

__all__ = ["PAGES", "Page", "Row", "main"]

ROOT = Path(__file__).resolve().parent.parent

#: Where tests of the names are, in the order in which they are preferred.
TESTS = ("app", "data", "routing", "toolkit", "dev", "compat", "differential")

_words = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").findall
# A text in a test that may be a name, or a few of them, to be asked for by getattr.
_is_names = re.compile(r"[A-Za-z0-9_. ]{1,200}").fullmatch

_INTRODUCTION = """\
<!-- Written by tools/names_table.py from tests/compat/{package}_names.json and the tests. -->

# {distribution}'s public names

Every public name of {distribution} {version}: where it is in Dovetail, and a test that uses it.
After `dovetail.compat.install()` each is there under {distribution}'s own path, too. The tests are
below `tests/`.
"""


# The inventory


@dataclass(frozen=True)
class Row:
    """One name: its path in the package, its place in ours, and a test, empty if there is none."""

    module: str
    name: str
    place: str
    test: str


@dataclass(frozen=True)
class Page:
    """The names of one package."""

    interface: Interface

    @property
    def path(self) -> Path:
        """Where the page is."""
        return ROOT / "docs" / "reference" / f"{self.interface.package}-names.md"

    @cached_property
    def modules(self) -> dict[str, Any]:
        """All modules of the inventory."""
        path = ROOT / "tests" / "compat" / f"{self.interface.package}_names.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["modules"]
        return found

    @cached_property
    def rows(self) -> list[Row]:
        """A row for each name, in the inventory's order."""
        found = []
        for module, spec in self.modules.items():
            table = self.interface.modules[module]
            places = table.places() | {name: one.place for name, one in table.deprecated.items()}
            kinds = ("functions", "constants", "reexports", "classes")
            for name in (name for kind in kinds for name in spec[kind]):
                place = places.get(name, "")
                found.append(Row(module, name, place, find_test(place)))
                for member in spec["classes"].get(name, {"members": ()})["members"]:
                    test = find_test(place, member)
                    found.append(Row(module, f"{name}.{member}", f"{place}.{member}", test))
        return found

    def empty_rows(self) -> list[str]:
        """Return the names without a place or without a test."""
        return [f"{row.module}.{row.name}" for row in self.rows if not (row.place and row.test)]

    def render(self) -> str:
        """Return the whole page."""
        package = self.interface
        parts = [
            _INTRODUCTION.format(
                package=package.package, distribution=package.distribution, version=package.version
            )
        ]
        module = ""
        for row in self.rows:
            if row.module != module:
                module = row.module
                parts.append(f"\n## {module}\n\n| name | in Dovetail | test |\n|---|---|---|\n")
            test = f"`{row.test}`" if row.test else ""
            parts.append(f"| `{row.name}` | `{row.place.replace(':', '.')}` | {test} |\n")
        return "".join(parts)


PAGES = (Page(WERKZEUG), Page(FLASK))


# The tests


@dataclass(eq=False)
class TestModule:
    """A file of tests, as its syntax tree shows it."""

    path: Path
    tree: ast.Module

    @property
    def label(self) -> str:
        """The path below ``tests/``."""
        return self.path.relative_to(ROOT / "tests").as_posix()

    @cached_property
    def top(self) -> dict[str, ast.stmt]:
        """The statements that bind a name, by the name; among them the methods of classes."""
        methods = [inner for one in self.tree.body for inner in _methods(one)]
        return {name: one for one in [*methods, *self.tree.body] for name in _bound(one)}

    @cached_property
    def imports(self) -> dict[str, str]:
        """What is imported, as ``module:attribute`` or ``module``, by the name it has here."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.asname or alias.name: alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}:{alias.name}"
        return found

    @cached_property
    def functions(self) -> dict[str, dict[str, int]]:
        """What each test function spells itself (2), or by what it uses (1); by its name."""
        found = {}
        for node in self.tree.body:
            name = getattr(node, "name", "")
            for prefix, inner in [("", node), *((f"{name}::", one) for one in _methods(node))]:
                if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_"):
                    found[prefix + inner.name] = self._spelled(inner)
        return found

    @cached_property
    def words(self) -> set[str]:
        """All that the test functions spell."""
        return {word for words in self.functions.values() for word in words}

    def _spelled(self, function: ast.FunctionDef) -> dict[str, int]:
        own = set(_identifiers(function))
        reached: set[str] = set()
        pending = [(self, name) for name in own]
        seen: set[tuple[Path, str]] = set()
        while pending:
            where, name = pending.pop()
            if (where.path, name) in seen:
                continue
            seen.add((where.path, name))
            for used in where._uses(name):
                reached.add(used[1])
                pending.append(used)
        return dict.fromkeys(reached, 1) | dict.fromkeys(own, 2)

    def _uses(self, name: str) -> Iterator[tuple[TestModule, str]]:
        """Yield what is spelled in the helper, table or fixture ``name``."""
        if name in self.top:
            yield from ((self, word) for word in _identifiers(self.top[name]))
            return
        module, _, attribute = self.imports.get(name, "").partition(":")
        helper = self.path.with_name("conftest.py")
        if module.startswith("tests."):
            helper, name = ROOT / f"{module.replace('.', '/')}.py", attribute
        if helper != self.path and helper.is_file():
            other = read(helper)
            if name in other.top:
                yield other, name

    @cached_property
    def places(self) -> dict[str, str]:
        """What the file has of Dovetail: the name it has here, by ``module:attribute``."""
        found = {}
        for local, place in self.imports.items():
            target = place.replace(":", ".")
            if not target.startswith("dovetail."):
                continue
            if not _is_module(target):
                found[place] = local
                continue
            # A module was imported: what is spelled of it counts as imported by its own name.
            found[target] = local
            members = vars(importlib.import_module(target))
            found |= {f"{target}:{word}": word for word in self.words if word in members}
        return found

    @cached_property
    def objects(self) -> list[tuple[Any, str]]:
        """The objects at :attr:`places`, and the names they have here."""
        return [(load(place), local) for place, local in self.places.items()]

    @cached_property
    def mentioned(self) -> set[str]:
        """Names of the classes that the file has to do with.

        Those it imports and their bases, and those that its functions, and the methods and
        properties of its classes, are annotated to return.
        """
        names: set[str] = set()
        for found, _ in self.objects:
            names |= _produced(found) if _is_a(found, type) else _annotated(found)
        return names

    def names_of(self, place: str) -> set[str]:
        """Return the names under which the file has the object at ``place``."""
        names = {self.places[place]} if place in self.places else set()
        wanted = load(place)
        if not _is_a(wanted, int, str, bytes, NoneType):
            names |= {local for found, local in self.objects if found is wanted}
        return names

    def score(self, function: str, place: str, member: str) -> int:
        """Return how plainly a test uses a name, or a class's member; 0 if it does not."""
        words = self.functions[function]
        named = max((words.get(name, 0) for name in self.names_of(place)), default=0)
        spelled = words.get(f".{member}", 0) if member else named
        if not spelled:
            return 0
        mirrored = self.path.stem == "test_" + place.partition(":")[0].rpartition(".")[2]
        return 8 * spelled + 4 * named + 2 * mirrored + (self.path.parent.name != "differential")


@cache
def read(path: Path) -> TestModule:
    """Parse a file."""
    return TestModule(path, ast.parse(path.read_text(encoding="utf-8")))


@cache
def suite() -> tuple[TestModule, ...]:
    """Return the files of tests."""
    return tuple(
        read(path)
        for directory in TESTS
        for path in sorted((ROOT / "tests" / directory).rglob("test_*.py"))
        if path.name != "test_names.py"
    )


def find_test(place: str, member: str = "") -> str:
    """Return the test that uses a name most plainly, as ``file::function``; empty if none does."""
    if not place:
        return ""
    best = 0, ""
    for module in suite():
        if (member and f".{member}" not in module.words) or not _has_to_do(module, place, member):
            continue
        for function in module.functions:
            score = module.score(function, place, member)
            if score > best[0]:
                best = score, f"{module.label}::{function}"
    return best[1]


def _has_to_do(module: TestModule, place: str, member: str) -> bool:
    if module.names_of(place):
        return True
    return bool(member) and not _family(load(place)).isdisjoint(module.mentioned)


def _family(one: type) -> set[str]:
    """Return the names of a class and its subclasses."""
    names = {one.__name__}
    # Spelled so, it does for metaclasses, too.
    for other in type[Any].__subclasses__(one):
        names |= _family(other)
    return names


def _methods(statement: ast.stmt) -> list[ast.stmt]:
    return statement.body if isinstance(statement, ast.ClassDef) else []


def _bound(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _identifiers(tree: ast.AST) -> Iterator[str]:
    """Yield what is spelled in a tree: names, attributes, keywords, and texts made of names.

    All but plain names stand there a second time with a dot in front: a class's member is spelled
    like that, and a variable that has its name by chance is not.
    """
    for node in ast.walk(tree):
        names: list[str] = []
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                yield name
            case ast.Attribute(attr=name) | ast.keyword(arg=str(name)) | ast.FunctionDef(name=name):
                names = [name]
            case ast.ClassDef(body=body):  # a subclass that overrides members
                names = [name for statement in body for name in _bound(statement)]
            case ast.Constant(value=str(text)) if _is_names(text):
                names = _words(text)
        for name in names:
            yield name
            yield f".{name}"


@cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _is_a(found: Any, *types: type) -> bool:
    # isinstance would ask a proxy for what it stands for, and that is not there outside a request.
    return issubclass(type(found), types)


def _annotated(function: Any) -> set[str]:
    """Return the words of what a function is annotated to return."""
    if _is_a(function, LocalProxy):
        return set()
    annotations = getattr(inspect.unwrap(function), "__annotations__", {})
    return set(_words(str(annotations.get("return", ""))))


def _produced(one: type) -> set[str]:
    """Return the names of a class, its bases, and what its members are annotated to be."""
    names: set[str] = set()
    for base in one.__mro__:
        names.add(base.__name__)
        if not base.__module__.startswith("dovetail."):
            continue
        names |= set(_words(str(vars(base).get("__annotations__", ""))))
        for member in vars(base).values():
            names |= _annotated(getattr(member, "fget", None) or member)
            names |= _annotated(getattr(member, "load_func", None))
    return names


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them; return the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: names_table.py [--check]", file=sys.stderr)
        return 2
    bad = False
    for page in PAGES:
        for name in page.empty_rows():
            bad = True
            print(f"no test uses {name}", file=sys.stderr)
        text = page.render()
        if not arguments:
            page.path.parent.mkdir(parents=True, exist_ok=True)
            page.path.write_text(text, encoding="utf-8")
        elif not page.path.is_file() or page.path.read_text(encoding="utf-8") != text:
            bad = True
            print(f"{page.path} is out of date; run tools/names_table.py", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
