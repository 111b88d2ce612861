"""Files of environment variables: ``.env``, ``.dovetailenv`` and ``.flaskenv``."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import click

__all__ = ["follow_changes", "is_available", "load_dotenv"]

# Each wins over those before it.
_DEFAULT_FILES = (".flaskenv", ".dovetailenv", ".env")
# The environment variable with the names of those that files have set, for a process that is
# started anew because the files have changed; between them is what no name can have.
_EARLIER = "DOVETAIL_DOTENV_NAMES"
_BETWEEN = "="

# What this process has loaded: where files are, or may be one day, and the names they have set.
_places: set[str] = set()
_names: set[str] = set()


def load_dotenv(path: str | os.PathLike[str] | None = None, load_defaults: bool = True) -> bool:
    """Set environment variables from files; what is set already stays as it is.

    The default files are looked for in this directory and upwards. Without python-dotenv (the
    extra ``dotenv``) nothing is loaded, and if there is something to load, a line says so.

    :param path: one file more; it wins over the default ones.
    :param load_defaults: read ``.flaskenv``, ``.dovetailenv`` and ``.env``, each of which wins
        over those before it.
    :return: whether there was something to load.
    :raises click.ClickException: a file cannot be read, or is not UTF-8.
    """
    dotenv = _library()
    if dotenv is None:
        if path or any(map(os.path.isfile, _DEFAULT_FILES)):
            click.secho(
                " * Tip: Some .env files are here that are not loaded. Install python-dotenv.",
                fg="yellow",
                err=True,
            )
        return False
    places = []
    if load_defaults:
        for name in _DEFAULT_FILES:
            places.append(dotenv.find_dotenv(name, usecwd=True) or os.path.abspath(name))
    if path is not None:
        places.append(os.path.abspath(path))
    values: dict[str, str | None] = {}
    for place in filter(os.path.isfile, places):
        values |= _read(dotenv, place)
    for name in os.environ.pop(_EARLIER, "").split(_BETWEEN):
        os.environ.pop(name, None)
    for key, value in values.items():
        if value is not None and key not in os.environ and key != _EARLIER:
            os.environ[key] = value
            _names.add(key)
    _places.update(places)
    return bool(values)


def follow_changes(options: dict[str, Any]) -> None:
    """Have the reloader watch the files of :func:`load_dotenv`, and new processes load them anew.

    :param options: those of :func:`dovetail.dev.run_simple`; ``extra_files`` is completed if there
        is to be a reloader.
    """
    if not options["use_reloader"] or not _places:
        return
    options["extra_files"] = [*(options.get("extra_files") or ()), *sorted(_places)]
    if _names:
        os.environ[_EARLIER] = _BETWEEN.join(sorted(_names))


def is_available() -> bool:
    """Tell whether python-dotenv is installed."""
    return _library() is not None


def _read(dotenv: Any, path: str | os.PathLike[str]) -> dict[str, str | None]:
    try:
        values: dict[str, str | None] = dotenv.dotenv_values(path, encoding="utf-8")
    except OSError as error:
        raise click.FileError(os.fspath(path), error.strerror) from error
    except UnicodeDecodeError as error:
        raise click.FileError(os.fspath(path), "it is not in UTF-8; save it so") from error
    for name, value in values.items():
        if not name or _BETWEEN in name or "\0" in f"{name}{value}":
            raise click.FileError(
                os.fspath(path), f"no environment variable can have the name or value of {name!r}"
            )
    return values


def _library() -> Any:
    """Import python-dotenv, which is an extra; None if it is not installed."""
    try:
        return import_module("dotenv")
    except ImportError:
        return None
