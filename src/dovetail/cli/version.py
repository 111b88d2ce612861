"""The option ``dovetail --version``."""

from __future__ import annotations

import platform

import click

from dovetail import __version__

__all__ = ["version_option"]


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        python = f"{platform.python_implementation()} {platform.python_version()}"
        click.echo(f"dovetail {__version__} (python core, {python})")
        ctx.exit()


#: Which Dovetail this is, which core it has, and which Python runs it.
version_option = click.Option(
    ["--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
