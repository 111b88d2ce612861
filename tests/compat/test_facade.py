from __future__ import annotations

import importlib
import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import ExitStack
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

import dovetail.app.cli
import dovetail.app.options
import dovetail.app.proxies
import dovetail.dev.serving
from dovetail import compat
from dovetail.compat.facade import InterfaceModule, make_facade
from dovetail.compat.interface import Interface, NameTable

# Two modules of ours: the first has a function, and the second took it over.
HOME = """
def double(number):
    return 2 * number

def double_twice(number):
    return double(double(number))
"""
USER = """
from home import double

def quadruple(number):
    return double(number) * 2
"""

PACKAGE = Interface(
    package="package",
    distribution="Package",
    version="1",
    summary="A package.",
    modules={
        "package": NameTable("Exports.", {"home": "double"}, only_reexports=True),
        "package.both": NameTable("Numbers.", {"home": "double double_twice", "user": "quadruple"}),
        "package.other": NameTable("More.", {"user": "quadruple"}, {"home": "twice=double"}),
        "package.late": NameTable("Late.", {"string": "digits"}, {"home": "double", "": "sys"}),
    },
)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, code in (("home", HOME), ("user", USER)):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        exec(code, vars(sys.modules[name]))
    return sys.modules["home"]


@pytest.fixture
def user(home: Any) -> Any:
    return sys.modules["user"]


@pytest.fixture
def package(home: Any) -> Any:
    return make_facade(PACKAGE)


def triple(number: int) -> int:
    return 3 * number


def test_what_is_replaced_is_used_by_the_functions_of_the_module(
    package: Any, home: Any, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = home.double
    monkeypatch.setattr(package.both, "double", triple)
    assert package.both.double is triple
    assert package.both.double_twice(1) == 9
    assert package.both.quadruple(1) == 6
    monkeypatch.undo()
    assert package.both.double is home.double is user.double is original
    assert package.both.double_twice(1) == package.both.quadruple(1) == 4


def test_what_is_replaced_in_one_module_is_not_in_another(
    package: Any, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = home.double
    monkeypatch.setattr(package.both, "double", triple)
    # Asked for the first time meanwhile, and not kept by mistake.
    assert package.double is package.other.twice is original
    monkeypatch.undo()
    assert package.double is package.other.twice is original


def test_a_name_of_another_spelling(package: Any, user: Any, home: Any) -> None:
    package.other.twice = triple
    assert (package.other.quadruple(1), home.double_twice(1)) == (6, 4)
    del package.other.twice
    assert package.other.quadruple(1) == 4


def test_a_name_that_none_of_the_module_imported_is_replaced_where_it_is(
    package: Any, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package.late, "double", triple)
    assert home.double is triple
    monkeypatch.setattr(package.late, "sys", None)
    monkeypatch.undo()
    assert home.double(1) == 2
    assert package.late.sys is sys


def test_exports_are_replaced_for_those_who_ask_for_them(package: Any, home: Any) -> None:
    original = home.double
    package.double = triple
    assert (package.double, home.double, package.both.double) == (triple, original, original)
    del package.double
    assert package.double is original


def test_what_is_deleted_is_gone_for_the_module(
    package: Any, home: Any, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = home.double
    monkeypatch.delattr(package.both, "double")
    assert not hasattr(package.both, "double")
    assert "double" not in dir(package.both)
    with pytest.raises(NameError):
        package.both.quadruple(1)
    with pytest.raises(AttributeError):
        del package.both.double
    assert package.double is original
    monkeypatch.undo()
    assert package.both.double is home.double is user.double is original


def test_deleting_what_replaced_a_name_brings_the_original_back(package: Any, home: Any) -> None:
    original = home.double
    package.both.double = triple
    package.both.double = abs
    assert package.both.double_twice(-1) == 1
    del package.both.double
    assert package.both.double is home.double is original


def test_something_else_instead_of_what_was_deleted(package: Any, home: Any) -> None:
    original = home.double
    del package.both.double
    package.both.double = triple
    assert package.both.double_twice(1) == 9
    package.both.double = original
    assert package.both.double_twice(1) == 4


def test_new_names(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    package.both.another = 1
    assert package.both.another == 1
    assert "another" in dir(package.both)
    del package.both.another
    with pytest.raises(AttributeError, match="another"):
        del package.both.another
    with pytest.raises(AttributeError):
        monkeypatch.setattr(package.both, "another", 2)


def test_a_submodule_can_be_replaced(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    both = package.both
    monkeypatch.setattr(package, "both", None)
    assert package.both is None
    monkeypatch.undo()
    assert package.both is both


def test_a_facade_is_out_of_reach_of_imports(package: Any, home: Any) -> None:
    assert isinstance(package, ModuleType)
    assert isinstance(package.both, InterfaceModule)
    assert package.both.__name__ == "package.both"
    assert package.both is package.both
    assert "package" not in sys.modules
    assert make_facade(PACKAGE) is not package


def test_facades_of_the_packages() -> None:
    flask, werkzeug = (
        compat.make_facade(compat.INTERFACES[name]) for name in ("flask", "werkzeug")
    )
    assert werkzeug.serving.run_simple is dovetail.dev.serving.run_simple
    assert flask.config.Config is flask.Config
    assert {"flask", "werkzeug"}.isdisjoint(sys.modules)


# Under the names of the packages.


@pytest.fixture
def serving(installed: None) -> Any:
    return importlib.import_module("werkzeug.serving")


@pytest.fixture(params=["object", "name", "mock", "mock by name"])
def fake(request: pytest.FixtureRequest, serving: Any) -> Iterator[Any]:
    """Replace ``run_simple``, each way that tests of applications have for it."""
    fake, path = mock.Mock(), "werkzeug.serving.run_simple"
    with pytest.MonkeyPatch.context() as patch:
        match request.param:
            case "object":
                patch.setattr(serving, "run_simple", fake)
            case "name":
                patch.setattr(path, fake)
            case "mock":
                request.getfixturevalue("mocked").enter_context(
                    mock.patch.object(serving, "run_simple", fake)
                )
            case "mock by name":
                request.getfixturevalue("mocked").enter_context(mock.patch(path, fake))
        yield fake


@pytest.fixture
def mocked() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def restored() -> Iterator[None]:
    original = dovetail.dev.serving.run_simple
    yield
    assert dovetail.dev.serving.run_simple is original


def test_replaced_where_the_framework_looks(restored: None, serving: Any, fake: mock.Mock) -> None:
    assert dovetail.dev.serving.run_simple is serving.run_simple is fake
    assert importlib.import_module("werkzeug").run_simple is not fake


@pytest.mark.usefixtures("installed")
def test_a_name_that_several_of_our_modules_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = mock.Mock(return_value=False)
    commands = importlib.import_module("flask.cli")
    original = commands.load_dotenv
    monkeypatch.setattr(commands, "load_dotenv", fake)
    assert dovetail.app.cli.load_dotenv is vars(dovetail.app.options)["load_dotenv"] is fake
    with pytest.raises(SystemExit):
        commands.FlaskGroup().main(["--help"])
    assert fake.called
    monkeypatch.undo()
    assert commands.load_dotenv is vars(dovetail.app.options)["load_dotenv"] is original


@pytest.mark.usefixtures("installed")
def test_a_proxy_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    flask = importlib.import_module("flask")
    original = flask.current_app
    monkeypatch.setattr("flask.current_app", mock.Mock())
    assert flask.current_app is not original
    assert dovetail.app.proxies.current_app is flask.globals.current_app is original
    monkeypatch.undo()
    assert flask.current_app is original


@pytest.mark.usefixtures("installed")
def test_pickles_of_classes() -> None:
    config = importlib.import_module("flask").Config
    assert pickle.loads(pickle.dumps(config)) is config


def test_a_module_can_be_printed(serving: Any) -> None:
    assert repr(serving) == "<module 'werkzeug.serving' (dovetail.compat)>"
