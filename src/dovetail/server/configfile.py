"""Configuration files as mappings: TOML tables and Python modules."""

from __future__ import annotations
import __future__

import tomllib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from dovetail.server.settings import KEYS, SettingsError

__all__ = ["ConfigFile", "read_config_file", "read_pyproject"]

#: Functions of a Gunicorn configuration file that it calls at certain moments. To leave them out
#: silently would break what they are there for.
_GUNICORN_HOOKS = frozenset(
    {
        *("on_starting", "on_reload", "when_ready", "pre_exec", "on_exit"),
        *("pre_fork", "post_fork", "post_worker_init", "worker_int", "worker_abort", "worker_exit"),
        *("pre_request", "post_request", "child_exit", "nworkers_changed"),
    }
)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What one file sets, unchecked; ``origin`` names it, ``hint`` ends a message on its keys."""

    values: Mapping[str, object]
    origin: str
    hint: str = ""


def read_config_file(path: Path, shown: str) -> ConfigFile:
    """Read the file at ``path``: TOML if its suffix is ``.toml``, else Python.

    In TOML the settings stand at the top or in ``[tool.dovetail]``. Of a Python module they are
    the global names; modules, functions, classes and names with a leading underscore are left
    out. ``shown`` is how messages name the file. Raises :class:`SettingsError`.
    """
    if path.suffix == ".toml":
        document = _read_toml(path, shown)
        table = _tool_table(document, shown)
        if table is None:
            if path.name == "pyproject.toml":
                raise SettingsError(f"{shown}: there is no [tool.dovetail] in it")
            return ConfigFile(document, shown)
        if both := sorted(document.keys() & KEYS.keys()):
            raise SettingsError(f"{shown}: {both[0]} stands outside [tool.dovetail]; move it there")
        return ConfigFile(table, f"{shown} [tool.dovetail]")
    hint = " (a name of your own begins with _)"
    return ConfigFile(_read_python(path, shown), shown, hint)


def read_pyproject(path: Path) -> ConfigFile:
    """Read ``[tool.dovetail]`` of a ``pyproject.toml``; without it nothing is set."""
    table = _tool_table(_read_toml(path, path.name), path.name)
    return ConfigFile(table or {}, f"{path.name} [tool.dovetail]")


def _read_bytes(path: Path, shown: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{shown}: cannot be read: {error.strerror or error}") from error


def _read_toml(path: Path, shown: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_bytes(path, shown).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{shown}: is not TOML: {error}") from error


def _tool_table(document: Mapping[str, Any], shown: str) -> Mapping[str, object] | None:
    tool = document.get("tool")
    table = tool.get("dovetail") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{shown}: tool.dovetail is not a table")
    return table


def _read_python(path: Path, shown: str) -> Mapping[str, object]:
    source = _read_bytes(path, shown)
    module = ModuleType("__config__")
    module.__file__ = str(path)
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))
    except (Exception, SystemExit) as error:
        raise SettingsError(f"{shown}{_line(error, path)}: {_one_line(error)}") from error
    return {name: value for name, value in vars(module).items() if _is_setting(name, value, shown)}


def _is_setting(name: str, value: object, shown: str) -> bool:
    if name.startswith("_") or isinstance(value, ModuleType | __future__._Feature):
        return False
    if name in KEYS or not callable(value):
        return True
    if name in _GUNICORN_HOOKS:
        raise SettingsError(f"{shown}: Gunicorn's hook {name} is not supported; remove it")
    return False


def _line(error: BaseException, path: Path) -> str:
    """Return the last line of the file itself that led to the error, as ``, line N``."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f", line {error.lineno}"
    lines = [
        number
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == str(path)
    ]
    return f", line {lines[-1]}" if lines else ""


def _one_line(error: BaseException) -> str:
    # The text of a SyntaxError repeats file and line.
    text = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
    return " ".join(text.split())
