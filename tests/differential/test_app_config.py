"""Configuration, switches and logs of Flask and of ours."""

from __future__ import annotations

import json
import logging
import os
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock
from wsgiref.types import WSGIApplication

import flask.config
import flask.typing
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.twins import Twins, same

from dovetail.app import config as ours
from dovetail.app import types

THEIRS: Any = flask.config

KEYS = st.text(alphabet="AbÉé_19", min_size=0, max_size=4)
VALUES = st.sampled_from(
    ["", "1", "x", "true", "True", "[1]", '{"a": {"b": 1}}', "{", "NaN", '"q"', "null", " 1 "]
)
NAMES = st.lists(st.sampled_from(["A", "b", "A_B", "", "É"]), min_size=1, max_size=3).map("__".join)


def state(config: Any) -> tuple[Any, ...]:
    return repr(dict(config)), type(config).__name__, os.fspath(config.root_path), repr(config)


def both(act: Any, *args: Any, **defaults: Any) -> Any:
    """Return what ``act(config)`` comes to: the result or error, and the configuration."""
    results = []
    for module in (THEIRS, ours):
        config = module.Config(args[0] if args else "/root", defaults)
        try:
            result: Any = act(config)
        except Exception as error:
            text = str(error) if isinstance(error, OSError) else ""
            result = type(error).__name__, getattr(error, "errno", None), text
        results.append((result, *state(config)))
    assert results[1] == results[0]
    return results[0]


@given(st.dictionaries(KEYS, st.integers()), st.dictionaries(KEYS, st.integers()))
def test_from_mapping(mapping: dict[str, int], more: dict[str, int]) -> None:
    both(lambda config: config.from_mapping(mapping, **more), A=0)
    both(lambda config: config.from_mapping(list(mapping.items())))
    both(lambda config: config.from_mapping(None, **more))
    both(lambda config: config.from_object(SimpleNamespace(**mapping)))


@pytest.mark.parametrize("wrong", [({}, {}), ([1],), ({1: 2},), (3,), (0,)])
def test_from_mapping_of_something_wrong(wrong: Any) -> None:
    results = []
    for module in (THEIRS, ours):
        try:
            results.append(module.Config("/").from_mapping(*wrong))
        except Exception as error:
            results.append(type(error).__name__)
    assert results[1] == results[0]


@given(
    st.dictionaries(KEYS, st.integers()),
    st.sampled_from(["", "A", "A_", "a", "É", "_"]),
    st.booleans(),
    st.booleans(),
)
def test_get_namespace(items: dict[str, int], name: str, lower: bool, trim: bool) -> None:
    both(lambda config: config.get_namespace(name, lower, trim), **items)
    both(lambda config: config.get_namespace(name, trim_namespace=trim, lowercase=lower), **items)


@given(
    st.dictionaries(NAMES, VALUES, max_size=6),
    st.sampled_from(["FLASK", "X", "flask"]),
    st.booleans(),
)
def test_from_prefixed_env(variables: dict[str, str], prefix: str, given_loads: bool) -> None:
    environment = {f"{prefix}_{name}": value for name, value in variables.items()}
    loads = {"loads": lambda text: [text[0]]} if given_loads else {}
    with mock.patch.dict(os.environ, environment, clear=True):
        both(lambda config: config.from_prefixed_env(prefix, **loads), A={"b": {"c": 1}, "A_B": 2})
        both(lambda config: config.from_prefixed_env(prefix, **loads))
        both(lambda config: config.from_prefixed_env(), A={})


def folder(path: Path) -> None:
    (path / "good.py").write_text("A = __name__\nb = 1\nFILE = __file__\nNAMES = sorted(dir())\n")
    (path / "latin.py").write_bytes("# coding: latin-1\nA = 'é'\n".encode("latin-1"))
    (path / "syntax.py").write_text("A = \n")
    (path / "raises.py").write_text("A = 1 // 0\n")
    (path / "good.json").write_text('{"A": 1, "b": 2, "C": {"d": 1}}')
    (path / "list.json").write_text("[1]")
    (path / "pairs.json").write_text('[["A", 1]]')
    (path / "good.toml").write_text("A = 1\n[B]\nc = 1\n")


FILES = [
    *("good.py", "latin.py", "syntax.py", "raises.py", "good.json", "list.json", "pairs.json"),
    *("good.toml", "missing", "", "good.py/below", "/nowhere", "a\0b"),
]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("kind", [str, Path])
def test_files(tmp_path: Path, name: str, silent: bool, kind: Any) -> None:
    folder(tmp_path)
    path = kind(name)
    both(lambda config: config.from_pyfile(path, silent), tmp_path)
    both(lambda config: config.from_pyfile(path, silent=silent), str(tmp_path))
    both(lambda config: config.from_file(path, json.load, silent), tmp_path)
    both(lambda config: config.from_file(path, json.load, silent, False), tmp_path)
    both(lambda config: config.from_file(path, tomllib.load, silent, text=False), tmp_path)
    with mock.patch.dict(os.environ, {"SETTINGS": name.replace("\0", "0")}):
        both(lambda config: config.from_envvar("SETTINGS", silent), tmp_path)
        both(lambda config: config.from_envvar("NO_SETTINGS", silent), tmp_path)


@pytest.mark.parametrize(
    "name", ["os.path", "json.decoder.JSONDecoder", "os:path", "nowhere", "os.nothing", "", "."]
)
def test_from_object_by_name(name: str) -> None:
    both(lambda config: config.from_object(name))


def test_from_object_of_other_kinds() -> None:
    class Settings:
        A = 1

        @property
        def B(self) -> int:  # noqa: N802
            return 2

    class Broken:
        @property
        def B(self) -> int:  # noqa: N802
            raise KeyError("B")

    for thing in (Settings(), Broken(), {"A": 1}, 3, None, ["A"], str):
        both(lambda config, thing=thing: config.from_object(thing))


def test_attribute() -> None:
    def act(flask: Any) -> Any:
        class App(flask.Flask):  # type: ignore[misc]
            seconds = flask.config.ConfigAttribute("SECONDS", get_converter=int)
            plain = flask.config.ConfigAttribute("PLAIN")

        app = App("x")
        app.config["SECONDS"] = "3"
        app.plain = [1]
        return (
            app.seconds,
            app.config["PLAIN"],
            app.plain,
            App.plain.__name__,
            sorted(vars(App.seconds)),
            type(flask.Flask.testing).__name__,
            app.testing,
        )

    same(act)
    same(lambda flask: flask.Flask("x").__class__.secret_key.__get__(flask.Flask("x")))


def test_defaults() -> None:
    twins = Twins(lambda flask: flask.Flask("x"))
    twins.same(lambda app, flask: sorted(app.config.items(), key=lambda item: item[0]))
    twins.same(lambda app, flask: list(app.config))
    twins.same(lambda app, flask: type(app.config).__name__)


VALUES_OF_SWITCHES = [None, "", "0", "1", "false", "FALSE", "No", "n", "off", "true", " 0", "x"]


@pytest.mark.parametrize("value", VALUES_OF_SWITCHES)
def test_switches(value: str | None) -> None:
    names = {"FLASK_DEBUG", "FLASK_SKIP_DOTENV"}
    environment = {} if value is None else dict.fromkeys(names, value)
    with mock.patch.dict(os.environ, environment):
        if value is None:
            for name in names:
                os.environ.pop(name, None)
        same(lambda flask: flask.helpers.get_debug_flag())
        same(lambda flask: flask.helpers.get_load_dotenv())
        same(lambda flask: flask.helpers.get_load_dotenv(False))
        same(lambda flask: flask.Flask("x").debug)


@pytest.mark.parametrize("own_level", [None, logging.DEBUG, logging.ERROR])
@pytest.mark.parametrize("handler_level", [None, logging.NOTSET, logging.WARNING, logging.ERROR])
@pytest.mark.parametrize("place", ["twin", "twin.inner"])
@pytest.mark.parametrize("debug", [True, False])
def test_logger(own_level: int | None, handler_level: int | None, place: str, debug: bool) -> None:
    def act(flask: Any) -> Any:
        name = "twin.inner"
        top, logger = logging.getLogger("twin"), logging.getLogger(name)
        parent, top.parent = top.parent, None
        try:
            top.setLevel(logging.WARNING)
            logger.setLevel(own_level or logging.NOTSET)
            if handler_level is not None:
                handler = logging.NullHandler()
                handler.setLevel(handler_level)
                logging.getLogger(place).addHandler(handler)
            had = flask.logging.has_level_handler(logger)
            app = flask.Flask(name)
            app.debug = debug
            made = app.logger
            return (
                had,
                made.name,
                made.level,
                [one is flask.logging.default_handler for one in made.handlers],
                flask.logging.has_level_handler(made),
                made is flask.logging.create_logger(app),
                len(made.handlers),
            )
        finally:
            top.parent = parent
            for one in (top, logger):
                one.handlers[:] = []
                one.setLevel(logging.NOTSET)

    same(act)


def test_default_handler() -> None:
    def act(flask: Any) -> Any:
        handler = flask.logging.default_handler
        record = logging.LogRecord("n", logging.INFO, "module.py", 3, "text %s", ("x",), None)
        record.created = record.msecs = 0
        return (
            handler.formatter.format(record),
            handler.level,
            isinstance(handler, logging.StreamHandler),
            repr(flask.logging.wsgi_errors_stream)[:20],
        )

    same(act)


def test_types() -> None:
    for name in types.__all__:

        def act(flask: Any, name: str = name) -> Any:
            text = str(getattr(flask.typing, name))
            text = text.replace(str(WSGIApplication), "ForwardRef('WSGIApplication')")
            return re.sub(r"collections\.abc\.|typing\.", "", text).replace("NoneType", "None")

        same(act)
