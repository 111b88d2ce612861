from __future__ import annotations

import importlib
import importlib.util
import inspect
import pickle
import pkgutil
import sys
import warnings
from typing import Any

import pytest

from dovetail import compat
from dovetail.app.application import App
from dovetail.app.cli import DovetailGroup
from dovetail.app.proxies import request
from dovetail.compat.flask_names import VERSION
from dovetail.compat.interface import load as load_place
from dovetail.data import accept, cookies, ordered_multidict
from dovetail.data.exceptions import NotFound
from dovetail.data.multidict import MultiDict

pytestmark = pytest.mark.usefixtures("installed")

MODULES = {name: one for one in compat.INTERFACES.values() for name in one.modules}


def load(name: str) -> Any:
    return importlib.import_module(name)


def run(code: str) -> dict[str, Any]:
    """Run statements of an application."""
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def test_forms_of_import() -> None:
    names = run(
        """
import werkzeug
import werkzeug.datastructures.accept
import werkzeug.exceptions as exceptions
from werkzeug import datastructures
from werkzeug.datastructures import MultiDict as M
from werkzeug.datastructures.accept import MIMEAccept
from werkzeug.routing import *
"""
    )
    assert names["MIMEAccept"] is accept.MIMEAccept
    assert names["werkzeug"].datastructures is names["datastructures"]
    assert names["werkzeug"].datastructures.accept.MIMEAccept is accept.MIMEAccept
    assert names["exceptions"].NotFound is NotFound
    assert names["M"] is MultiDict
    assert {"Rule", "Map", "Submount", "parse_converter_args"} <= names.keys()
    assert "converters" not in names


def test_forms_of_import_of_flask() -> None:
    names = run(
        """
import flask.json.provider
import flask.cli as commands
from flask import *
from flask import json as j, signals
from flask.json.tag import JSONTag
"""
    )
    flask = names["flask"]
    assert names["j"] is names["json"] is flask.json is sys.modules["flask.json"]
    assert names["Flask"] is App
    assert names["request"] is names["flask"].globals.request is request
    assert names["signals"].request_started is names["request_started"]
    assert names["commands"].FlaskGroup is DovetailGroup
    assert "__version__" not in names


def test_one_object_by_every_path() -> None:
    assert load("flask").url_for is load("flask.helpers").url_for
    assert load("flask").Flask is load("flask.app").Flask
    assert load("flask.sansio.app").Config is load("flask").Config
    assert load("werkzeug.datastructures").MultiDict is load("werkzeug.test").MultiDict
    assert load("werkzeug").Request is load("werkzeug.wrappers.request").Request
    assert load("werkzeug.utils").safe_join is load("werkzeug.security").safe_join
    assert load("werkzeug.sansio.http").parse_cookie is cookies.parse_cookie_header
    assert load("werkzeug.http").parse_cookie is cookies.parse_cookie
    assert load("werkzeug.sansio.request").Request is not load("werkzeug").Request


def test_submodules_are_attributes_without_being_imported() -> None:
    werkzeug = load("werkzeug")
    assert werkzeug.routing.rules is load("werkzeug.routing.rules")
    assert sys.modules["werkzeug.routing"] is werkzeug.routing


@pytest.mark.parametrize("name", sorted(MODULES))
def test_what_a_module_says_of_itself(name: str) -> None:
    module = load(name)
    assert module.__name__ == module.__spec__.name == name
    assert module.__doc__.endswith(".")
    assert hasattr(module, "__path__") is bool(MODULES[name].submodules(name))
    assert module.__package__ == (name if hasattr(module, "__path__") else name.rpartition(".")[0])
    assert inspect.ismodule(module)
    assert set(module.__all__) <= set(dir(module))
    assert set(MODULES[name].submodules(name)) <= set(dir(module))
    assert module.__all__ == sorted(set(module.__all__))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_name_in_the_table_is_there(name: str) -> None:
    module = load(name)
    for found, place in MODULES[name].modules[name].places().items():
        if f"{name}.{found}" in MODULES:
            assert getattr(module, found) is load(f"{name}.{found}")
        else:
            assert getattr(module, found) is load_place(place)
        assert vars(module)[found] is getattr(module, found)  # asked for once only


@pytest.mark.parametrize("name", sorted(MODULES))
def test_listing_the_members_of_a_module_warns_of_nothing(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inspect.getmembers(load(name))


def test_members_can_be_listed() -> None:
    exceptions = load("werkzeug.exceptions")
    members = dict(inspect.getmembers(exceptions, inspect.isclass))
    assert members["NotFound"] is NotFound
    assert list(pkgutil.iter_modules(load("werkzeug").__path__)) == []


def test_what_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"'werkzeug\.http' has no attribute 'url_quote'"):
        load("werkzeug.http").url_quote  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'url_quote'"):
        run("from werkzeug.urls import url_quote")
    with pytest.raises(ModuleNotFoundError, match=r"werkzeug\.contrib"):
        load("werkzeug.contrib")
    assert importlib.util.find_spec("werkzeug.contrib") is None
    assert not hasattr(load("werkzeug"), "__version__")


def test_pickles_name_our_modules() -> None:
    values = load("werkzeug.datastructures").MultiDict([("a", "1"), ("a", "2")])
    dumped = pickle.dumps(values)
    assert b"dovetail" in dumped
    assert b"werkzeug" not in dumped
    assert pickle.loads(dumped) == values


@pytest.mark.parametrize(
    "module", ["werkzeug.datastructures", "werkzeug.datastructures.structures"]
)
@pytest.mark.parametrize("name", ["OrderedMultiDict", "ImmutableOrderedMultiDict"])
def test_deprecated_names_warn_at_each_use(module: str, name: str) -> None:
    table = load(module)
    for _ in range(2):
        with pytest.warns(DeprecationWarning, match=f"^{name} is deprecated") as caught:
            found = getattr(table, name)
        assert caught[0].filename == __file__
        assert found is getattr(ordered_multidict, name)
    assert name not in dir(table)
    assert name not in table.__all__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(f"from {module} import *")


def test_a_deprecated_name_warns_where_it_is_imported() -> None:
    code = compile("from werkzeug.datastructures import OrderedMultiDict", "app.py", "exec")
    with pytest.warns(DeprecationWarning, match="OrderedMultiDict") as caught:
        exec(code, {})
    assert {warning.filename for warning in caught} == {"app.py"}


def test_the_version_of_flask_warns() -> None:
    with pytest.warns(DeprecationWarning, match="importlib") as caught:
        assert load("flask").__version__ == VERSION == "3.1.3"
    assert caught[0].filename == __file__


def test_reload_gives_the_same_objects() -> None:
    urls = load("werkzeug.urls")
    before = urls.iri_to_uri
    assert importlib.reload(urls).iri_to_uri is before
