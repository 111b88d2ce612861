"""Where the value of a setting comes from, the strongest first.

Command line, environment, the file of ``-c``, ``[tool.dovetail]`` in ``pyproject.toml``, the
implicit ``dovetail.toml`` or ``dovetail.conf.py``, and the defaults.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from dovetail.server.configfile import ConfigFile, read_config_file, read_pyproject
from dovetail.server.consistency import check_consistency
from dovetail.server.settings import (
    ENVIRONMENT_PREFIX,
    KEYS,
    SETTINGS,
    Setting,
    Settings,
    SettingsError,
)

__all__ = ["IMPLICIT_FILES", "Loaded", "load_settings"]

#: Read from the start directory without being asked for; only one of them may be there.
IMPLICIT_FILES = ("dovetail.toml", "dovetail.conf.py")

#: What one source sets: the value and its origin by the setting's name.
_Layer = dict[str, tuple[object, str]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings and, by name, where each value came from: ``default``, ``dovetail.toml``..."""

    settings: Settings
    origins: dict[str, str]


def load_settings(
    cli_values: Mapping[str, object],
    *,
    config_file: str | None,
    environ: Mapping[str, str],
    directory: Path,
) -> Loaded:
    """Collect the settings from all their sources and check them.

    ``cli_values`` has by name what the command line gave: text, a tuple of texts for what may be
    repeated, a bool for a switch, and None or no entry where it gave nothing. ``directory`` is
    absolute; relative paths, also those in files, start there. Every call reads the files anew.
    Raises :class:`SettingsError`.
    """
    command_line = _from_command_line(cli_values)
    layers = [
        command_line,
        _from_environment(environ, command_line),
        *(_from_file(source) for source in _files(config_file, directory)),
        {name: (row.default, "default") for name, row in SETTINGS.items()},
    ]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, row in SETTINGS.items():
        value, origins[name] = next(layer[name] for layer in layers if name in layer)
        values[name] = _reading(row, origins[name], partial(row.kind.anchor, value, directory))
    settings = Settings(**values)
    check_consistency(settings, origins)
    return Loaded(settings, origins)


def _reading(row: Setting, origin: str, read: Callable[[], object]) -> object:
    """Call ``read`` and say in its error which setting it was about."""
    try:
        return read()
    except ValueError as error:
        raise SettingsError(f"{row.name} ({origin}): {error}") from error


def _from_command_line(values: Mapping[str, object]) -> _Layer:
    layer: _Layer = {}
    for name, value in values.items():
        if value is None or value == ():
            continue
        row = SETTINGS[name]
        origin = f"command line {row.off_flag if value is False else row.flag}"
        layer[name] = _reading(row, origin, partial(_read_argument, row, value)), origin
    return layer


def _read_argument(row: Setting, value: object) -> object:
    if isinstance(value, str):
        return row.kind.parse(value)
    if row.kind.repeatable and isinstance(value, tuple):
        return tuple(chain.from_iterable(row.kind.parse(text) for text in value))
    return row.kind.check(value)


def _from_environment(environ: Mapping[str, str], stronger: _Layer) -> _Layer:
    """Read ``DOVETAIL_SERVE_*`` and, for what nothing else sets, the names others gave.

    An empty variable counts as none at all: that is what compose files and unit files leave behind
    when they pass on a variable which is not set.
    """
    known = {row.variable: row for row in SETTINGS.values()}
    layer: _Layer = {}
    for variable in sorted(environ):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        if variable not in known:
            raise SettingsError(
                f"environment {variable}: unknown setting; {_nearest(variable, known)}"
            )
        if text := environ[variable]:
            row, origin = known[variable], f"environment {variable}"
            layer[row.name] = _reading(row, origin, partial(row.kind.parse, text)), origin
    for row in SETTINGS.values():
        for variable, template in row.variables:
            if row.name not in stronger | layer and (given := environ.get(variable)):
                origin = f"environment {variable}"
                read = partial(row.kind.parse, template.format(given))
                layer[row.name] = _reading(row, origin, read), origin
    return layer


def _files(config_file: str | None, directory: Path) -> Iterator[ConfigFile]:
    """Read the configuration files that are there, the strongest first."""
    explicit = None
    if config_file is not None:
        explicit = directory / os.path.expanduser(config_file)
        yield read_config_file(explicit, config_file)
    pyproject = directory / "pyproject.toml"
    if os.path.isfile(pyproject) and not _same(pyproject, explicit):
        yield read_pyproject(pyproject)
    implicit = [
        name
        for name in IMPLICIT_FILES
        if os.path.isfile(directory / name) and not _same(directory / name, explicit)
    ]
    if len(implicit) > 1:
        raise SettingsError(f"there are both {' and '.join(implicit)}; keep one, or name it by -c")
    for name in implicit:
        yield read_config_file(directory / name, name)


def _same(path: Path, explicit: Path | None) -> bool:
    return explicit is not None and os.path.exists(explicit) and path.samefile(explicit)


def _from_file(source: ConfigFile) -> _Layer:
    layer: _Layer = {}
    for key, value in source.values.items():
        row = KEYS.get(key)
        if row is None:
            hint = _nearest(key.lower().replace("-", "_"), KEYS)
            raise SettingsError(f"{source.origin}: unknown setting {key!r}; {hint}{source.hint}")
        if row.name in layer:
            raise SettingsError(f"{source.origin}: {key!r} sets {row.name} a second time")
        if value is None and row.optional:
            layer[row.name] = None, source.origin
            continue
        read = partial(row.kind.check, value)
        layer[row.name] = _reading(row, source.origin, read), source.origin
    return layer


def _nearest(key: str, known: Collection[str]) -> str:
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else "dovetail serve --help lists those there are"
