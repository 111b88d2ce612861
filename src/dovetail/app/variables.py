"""Environment variables that stand for options of commands."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

__all__ = ["PREFIX", "read_fallbacks"]

#: ``DOVETAIL_RUN_PORT`` stands for the option ``--port`` of the command ``run``.
PREFIX = "DOVETAIL"

# What Flask calls them. They count where ours are not set.
_FALLBACK_PREFIX = "FLASK"


def read_fallbacks(ctx: click.Context, command: click.Command | None = None) -> None:
    """Let ``FLASK_`` variables stand for options that nothing stronger sets.

    click reads the variables of one prefix; the others become its map of defaults, which comes
    after them. A context with another prefix than ours is left alone.

    :param command: read those of this command of the context's group, and not the group's own.
    """
    if ctx.auto_envvar_prefix != PREFIX:
        return
    given = ctx.default_map or {}
    if command is None:
        ctx.default_map = _read(ctx.command, _FALLBACK_PREFIX, given)
    elif command.name is not None:
        name = command.name
        found = _read(command, _below(_FALLBACK_PREFIX, name), given.get(name) or {})
        ctx.default_map = {**given, name: found}


def _below(prefix: str, name: str) -> str:
    """Return the prefix of a subcommand's variables, as click forms it."""
    return f"{prefix}_{name.upper()}".replace("-", "_")


def _read(command: click.Command, prefix: str, given: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(given)
    if not any(variable.startswith(f"{prefix}_") for variable in os.environ):
        return found
    if isinstance(command, click.Group):
        for name, subcommand in command.commands.items():
            found[name] = _read(subcommand, _below(prefix, name), given.get(name) or {})
    ctx = click.Context(command, auto_envvar_prefix=prefix)
    for param in command.params:
        value = param.value_from_envvar(ctx)
        if value is not None and param.name is not None:
            found[param.name] = value
    return found
