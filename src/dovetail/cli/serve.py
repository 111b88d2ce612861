"""The command ``dovetail serve``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from dovetail.loader import LoadError, load_app, set_search_path
from dovetail.server.access_log import FormatError, compile_format
from dovetail.server.capture_directory import CaptureDirectory, CaptureDirectoryError
from dovetail.server.kinds import Flag
from dovetail.server.settings import SECTIONS, SETTINGS, Setting, Settings, SettingsError
from dovetail.server.sources import Loaded, load_settings
from dovetail.server.tls import TlsError, make_context

__all__ = ["ServeCommand", "exit_with_error", "serve_command"]

#: Values longer than this do not push the origins of all the others to the right.
_VALUE_COLUMN = 32


class ServeCommand(click.Command):
    """A command whose options are the table of settings, grouped by section in its help."""

    def __init__(self, name: str, callback: Callable[..., Any], **attributes: Any) -> None:
        options = [_option(row) for row in SETTINGS.values() if row.flags]
        params: list[click.Parameter] = [click.Argument(["app"], required=False), *options]
        params += _own_options()
        super().__init__(name, callback=callback, params=params, **attributes)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a block for each section, and the command's own options after them."""
        for section in SECTIONS:
            rows = [row for row in SETTINGS.values() if row.section == section and row.flags]
            with formatter.section(f"{section} ({SECTIONS[section]})"):
                formatter.write_dl([(_usage(row), _description(row)) for row in rows])
        own = [param for param in self.get_params(ctx) if param.name not in SETTINGS]
        records = [record for param in own if (record := param.get_help_record(ctx)) is not None]
        with formatter.section("This command"):
            formatter.write_dl(records)


def _option(row: Setting) -> click.Option:
    """Return the option of a setting. It stays text: the setting's kind reads all sources alike.

    One of them is the environment, which click therefore leaves alone.
    """
    if isinstance(row.kind, Flag):
        return click.Option(
            [row.name, f"{row.flag}/{row.off_flag}"], default=None, allow_from_autoenv=False
        )
    return click.Option(
        [row.name, *row.flags, *row.other_flags],
        allow_from_autoenv=False,
        type=click.STRING,
        metavar=row.kind.metavar,
        multiple=row.kind.repeatable,
    )


def _own_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["config_file", "-c", "--config"],
            metavar="FILE",
            help="Read settings from this file, Python or (by its suffix .toml) TOML.",
        ),
        click.Option(
            ["check_config", "--check-config"],
            is_flag=True,
            help="Load the settings and the application, say whether all is well, and exit.",
        ),
        click.Option(
            ["print_config", "--print-config"],
            is_flag=True,
            help="Print every setting, its value and where that came from, and exit.",
        ),
    ]


def _usage(row: Setting) -> str:
    if isinstance(row.kind, Flag):
        return f"{row.flag} / {row.off_flag}"
    return f"{', '.join(row.flags)} {row.kind.metavar}"


def _description(row: Setting) -> str:
    if row.default is None or row.default is False or row.default == ():
        return row.help
    shown = row.flag if row.default is True else row.dump(row.default)
    return f"{row.help}  [default: {shown}]"


def _serve(
    config_file: str | None, check_config: bool, print_config: bool, **values: object
) -> None:
    # What the application changes in its environment is none of a reload's business.
    environ = dict(os.environ)
    directory = _start_directory()
    # For the run() of an application, ours or Flask's, that forgot its main guard: instead of
    # serving in a worker it says so, and returns.
    os.environ["FLASK_RUN_FROM_CLI"] = "true"

    def load() -> Loaded:
        loaded = load_settings(
            values, config_file=config_file, environ=environ, directory=directory
        )
        if loaded.settings.compat:
            _stand_in(loaded.origins["compat"])
        return loaded

    if print_config:
        _print_config(_loaded(load, status=2))
    if check_config:
        _check_config(_loaded(load, status=1))
    if print_config or check_config:
        return
    if not hasattr(os, "fork"):
        exit_with_error(
            "dovetail serve forks its workers, which this system cannot do; use Linux or macOS"
        )
    from dovetail.server.serve import serve  # noqa: PLC0415 (POSIX only; this module is not)

    sys.exit(serve(load))


def _stand_in(origin: str) -> None:
    """Have Dovetail in the place of Flask and Werkzeug, before an application is imported.

    Here and not in a worker: who forks them, or preloads the application, has it for all.
    """
    from dovetail.compat import InstallError, install  # noqa: PLC0415 (only for who asks for it)

    try:
        install()
    except InstallError as error:
        raise SettingsError(f"compat ({origin}): {error}") from error


#: ``dovetail serve``.
serve_command = ServeCommand(
    "serve",
    _serve,
    short_help="Serve a WSGI application in production.",
    help=f"""Serve a WSGI application in production.

        APP: {SETTINGS["app"].help.removeprefix("The application: ")}

        What is not given here is taken from the environment (DOVETAIL_SERVE_WORKERS
        for --workers), the file of -c, [tool.dovetail] in pyproject.toml, and
        dovetail.toml or dovetail.conf.py, in this order.

        DURATION is a number of seconds, or 250ms, 30s, 1m30s, 2h. SIZE is a number
        of bytes, or 64k, 10MiB, 1GB.""",
)


def exit_with_error(message: str, status: int = 1) -> NoReturn:
    """Write one line to standard error and exit."""
    click.echo(f"Error: {message}", err=True)
    sys.exit(status)


def _start_directory() -> Path:
    """Return the directory the command was started in, by the name the shell has for it.

    Where that is a symbolic link to the current release, a reload follows it to the next one.
    """
    named = os.environ.get("PWD", "")
    try:
        if os.path.isabs(named) and os.path.samefile(named, os.curdir):
            return Path(named)
        return Path.cwd()
    except OSError as error:
        exit_with_error(f"the current directory cannot be read: {error.strerror}")


def _loaded(load: Callable[[], Loaded], *, status: int) -> Loaded:
    try:
        return load()
    except SettingsError as error:
        exit_with_error(str(error), status)


def _print_config(loaded: Loaded) -> None:
    shown = {
        name: _printable(row.dump(getattr(loaded.settings, name))) for name, row in SETTINGS.items()
    }
    names = max(map(len, shown))
    values = max(len(value) for value in shown.values() if len(value) <= _VALUE_COLUMN)
    for name, value in shown.items():
        click.echo(f"{name:{names}}  {value:{values}}  {loaded.origins[name]}")


def _printable(text: str) -> str:
    return text if text.isprintable() else repr(text)


def _check_config(loaded: Loaded) -> None:
    """Try everything that can be tried without opening a socket or a log file."""
    settings = loaded.settings
    if settings.app is None:
        exit_with_error("which application? Give it as MODULE:ATTR")
    try:
        set_search_path(settings.chdir, settings.pythonpath)
        compile_format(settings.access_log_format)
        make_context(settings)
        _check_captures(settings)
        load_app(settings.app)
    except FormatError as error:
        exit_with_error(f"access_log_format ({loaded.origins['access_log_format']}): {error}")
    except (CaptureDirectoryError, LoadError, TlsError) as error:
        exit_with_error(str(error))
    click.echo(f"OK: the settings are right, and {settings.app} is a WSGI application")


def _check_captures(settings: Settings) -> None:
    directory = CaptureDirectory.of(settings)
    if directory is None or not hasattr(os, "fork"):
        return
    from dovetail.server.privileges import (  # noqa: PLC0415 (POSIX only; this module is not)
        PrivilegeError,
        resolve_identity,
    )

    try:
        identity = resolve_identity(settings.user, settings.group)
    except PrivilegeError as error:
        exit_with_error(str(error))
    directory.check(None if identity is None else (identity.uid, identity.gid))
