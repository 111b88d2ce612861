"""Every public name of Werkzeug and Flask: it is there, it can be called, it has a test."""

from __future__ import annotations

import ast
import importlib
import inspect
import runpy
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dovetail.dev.console
import dovetail.dev.reloader
from dovetail import compat
from dovetail.app.json import provider
from dovetail.compat.interface import load

ROOT = Path(__file__).resolve().parent.parent.parent
TOOL = ROOT / "tools" / "names_table.py"
PAGES = {page.interface.package: page for page in runpy.run_path(str(TOOL))["PAGES"]}
SPECS = {name: spec for page in PAGES.values() for name, spec in page.modules.items()}
TABLES = {name: table for one in compat.INTERFACES.values() for name, table in one.modules.items()}
KINDS = ("functions", "classes", "constants", "reexports")
ORDERED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def find(module: str, name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(importlib.import_module(module), name)


def test_there_is_a_page_for_each_interface() -> None:
    assert PAGES.keys() == compat.INTERFACES.keys()


def test_the_inventory_and_the_map_have_the_same_modules() -> None:
    assert set(SPECS) <= set(TABLES)


def test_what_is_mapped_beyond_the_inventory_is_not_public() -> None:
    beyond = {name: table for name, table in TABLES.items() if name not in SPECS}
    assert set(beyond) == {
        "flask.sansio",
        "flask.sansio.app",
        "flask.sansio.blueprints",
        "flask.sansio.scaffold",
        "werkzeug._internal",
        "werkzeug._reloader",
    }
    assert [name for table in beyond.values() for name in table.public] == []


@pytest.mark.usefixtures("installed")
def test_names_that_are_not_documented_but_used() -> None:
    internal = importlib.import_module("werkzeug._internal")
    assert internal._log is dovetail.dev.console.log
    assert internal._wsgi_decoding_dance("/\xc3\xa4\xff") == "/ä\ufffd"
    wsgi = importlib.import_module("werkzeug.wsgi")
    assert wsgi._get_server({"SERVER_NAME": "a", "SERVER_PORT": "80"}) == ("a", 80)
    reloader = importlib.import_module("werkzeug._reloader")
    assert reloader.run_with_reloader is dovetail.dev.reloader.run_with_reloader
    assert reloader.reloader_loops is dovetail.dev.reloader.reloader_loops
    debug = importlib.import_module("werkzeug.debug")
    assert debug.DebugTraceback is importlib.import_module("werkzeug.debug.tbtools").DebugTraceback
    assert debug.Console is debug.console.Console


@pytest.mark.usefixtures("installed")
def test_names_of_flask_that_are_not_documented_but_used() -> None:
    app = find("flask", "Flask")(__name__)
    assert isinstance(app, find("flask.sansio.app", "App"))
    assert isinstance(app, find("flask.sansio.scaffold", "Scaffold"))
    assert find("flask.globals", "_cv_app") is find("flask.ctx", "_cv_app")
    with app.test_request_context() as context:
        assert find("flask.globals", "_cv_app").get().app is app
        assert find("flask.globals", "_cv_request").get() is context
        assert type(find("flask", "g")._get_current_object()) is find("flask.ctx", "_AppCtxGlobals")
    assert find("flask.wrappers", "json").provider is provider


@pytest.mark.parametrize("module", SPECS)
def test_star_imports_give_the_documented_names(module: str) -> None:
    documented = {name for kind in KINDS for name in SPECS[module][kind]}
    assert set(TABLES[module].public) == documented - set(TABLES[module].deprecated)


@pytest.mark.parametrize("module", SPECS)
@pytest.mark.usefixtures("installed")
def test_every_name_is_there(module: str) -> None:
    spec, table = SPECS[module], TABLES[module]
    places = table.places() | {name: one.place for name, one in table.deprecated.items()}
    for name in (name for kind in KINDS for name in spec[kind]):
        if f"{module}.{name}" in SPECS:  # a module
            assert find(module, name) is sys.modules[f"{module}.{name}"]
        else:
            assert find(module, name) is load(places[name])
    missing = [
        f"{name}.{member}"
        for name, details in spec["classes"].items()
        for member in details["members"]
        if not has_member(find(module, name), member)
    ]
    assert missing == []


@pytest.mark.parametrize("module", SPECS)
@pytest.mark.usefixtures("installed")
def test_everything_can_be_called_as_documented(module: str) -> None:
    wrong = [
        f"{label} cannot be called like {signature}"
        for label, target, signature in callables(module)
        if not accepts(target, signature)
    ]
    assert wrong == []


def callables(module: str) -> Iterator[tuple[str, Any, str]]:
    """Yield what can be called: its name, itself, and the documented signature."""
    spec = SPECS[module]
    for name, signature in spec["functions"].items():
        if signature:
            yield name, find(module, name), signature
    for name, details in spec["classes"].items():
        found = find(module, name)
        if details["init"]:
            yield name, found, details["init"]
        for member, kind in details["members"].items():
            _, bracket, signature = kind.partition("(")
            if bracket:
                yield f"{name}.{member}", getattr(found, member), f"({signature}"


def accepts(target: Any, signature: str) -> bool:
    """Tell whether ``target`` can be called in every way that the documented signature allows."""
    documented = ast.parse(f"def f{signature}: pass").body[0]
    assert isinstance(documented, ast.FunctionDef)
    wanted = documented.args
    positional = without_self([one.arg for one in wanted.posonlyargs + wanted.args])
    required = len(wanted.posonlyargs + wanted.args) - len(wanted.defaults)
    required -= len(wanted.posonlyargs + wanted.args) - len(positional)
    by_name = without_self([one.arg for one in wanted.args])
    try:
        ours = inspect.signature(target)
    except ValueError:  # something of C without one
        return False
    calls: list[tuple[list[str], list[str]]] = [
        (positional[:count], []) for count in range(max(required, 0), len(positional) + 1)
    ]
    calls.append((positional[: len(positional) - len(by_name)], by_name))
    defaults = zip(wanted.kwonlyargs, wanted.kw_defaults, strict=True)
    named = [one.arg for one, default in defaults if default is None]
    calls += [(positional, [one.arg]) for one in wanted.kwonlyargs]
    if wanted.vararg:
        calls.append(([*positional, "more", "and more"], []))
    if wanted.kwarg:
        calls.append((positional, ["any_name_at_all"]))
    bound = [] if binds_self(target, ours) else [object()]
    order = [one.name for one in ours.parameters.values() if one.kind in ORDERED][len(bound) :]
    takes_any = any(one.kind is one.VAR_POSITIONAL for one in ours.parameters.values())
    if order[: len(positional)] != positional and not takes_any:
        return False
    return all(can_bind(ours, [*bound, *given], {*named, *names}) for given, names in calls)


def without_self(names: list[str]) -> list[str]:
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def binds_self(target: Any, signature: inspect.Signature) -> bool:
    """Tell whether the first parameter is filled in already, or there is none for the instance."""
    first = next(iter(signature.parameters), "")
    return inspect.isclass(target) or inspect.ismethod(target) or first != "self"


def can_bind(signature: inspect.Signature, given: list[Any], names: set[str]) -> bool:
    try:
        signature.bind(*given, **dict.fromkeys(names))
    except TypeError:
        # An argument that the documented call leaves out, because it has a default there.
        return False
    return True


def has_member(found: type, member: str) -> bool:
    return hasattr(found, member) or any(member in assigned(one) for one in found.__mro__)


def assigned(one: type) -> set[str]:
    """Return what a class annotates, or its methods set on ``self``."""
    names = set(vars(one).get("__annotations__", {})) | set(vars(one).get("__slots__", ()))
    if not one.__module__.startswith("dovetail."):
        return names
    for node in ast.walk(ast.parse(inspect.cleandoc("\n" + inspect.getsource(one)))):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                names.add(name)
    return names


def test_the_check_of_signatures() -> None:
    def same(a, /, b, c=1, *, d=2):  # type: ignore[no-untyped-def]
        pass

    assert accepts(same, "(a, /, b, c=1, *, d=2)")
    assert accepts(same, "(a, b)") is False  # a by name
    assert not accepts(same, "(a, /, c, b=1, *, d=2)")
    assert not accepts(same, "(a, /, b, c=1, *, e=2)")
    assert not accepts(same, "(a, /, b, c=1, *, d, e)")
    assert not accepts(same, "(a, /, b, c=1, *args)")
    assert not accepts(same, "(a, /, b, c=1, **kwargs)")
    assert not accepts(same, "(a, /)")
    assert not accepts(same, "(a, /, b, c, d)")


@pytest.mark.parametrize("package", PAGES)
def test_every_name_has_a_test(package: str) -> None:
    assert PAGES[package].empty_rows() == []


def test_the_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, TOOL, "--check"], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
