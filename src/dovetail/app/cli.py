"""The command line of applications."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from dovetail.app.commands import (
    routes_command,
    run_command,
    shell_command,
    show_server_banner,
)
from dovetail.app.discovery import (
    NoAppException,
    find_app_by_string,
    find_best_app,
    locate_app,
    prepare_import,
)
from dovetail.app.dotenv import load_dotenv
from dovetail.app.groups import AppGroup, ScriptInfo, pass_script_info, with_appcontext
from dovetail.app.options import (
    CertParamType,
    SeparatedPathType,
    app_option,
    debug_option,
    env_file_option,
    get_version,
    version_option,
)
from dovetail.app.proxies import _cv_app
from dovetail.app.variables import PREFIX, read_fallbacks
from dovetail.app.versions import is_stood_in

if TYPE_CHECKING:
    from dovetail.app.application import App

__all__ = [
    "AppGroup",
    "CertParamType",
    "DovetailGroup",
    "NoAppException",
    "ScriptInfo",
    "SeparatedPathType",
    "cli",
    "find_app_by_string",
    "find_best_app",
    "get_version",
    "load_dotenv",
    "locate_app",
    "main",
    "pass_script_info",
    "prepare_import",
    "routes_command",
    "run_command",
    "shell_command",
    "show_server_banner",
    "version_option",
    "with_appcontext",
]


class DovetailGroup(AppGroup):
    """A group with the commands of the application that the command line is about.

    Besides its own it has those of ``app.cli``, and those that packages offer as entry points:
    ``dovetail.commands``, and where Dovetail stands in for Flask ``flask.commands``.

    :param add_default_commands: have ``run``, ``shell`` and ``routes``.
    :param create_app: a function that returns the application; without it ``--app`` is asked.
    :param add_version_option: have ``--version``.
    :param load_dotenv: load ``.env`` and its like.
    :param set_debug_flag: have the application's debug mode follow ``--debug``.
    :param extra: arguments of :class:`click.Group`.
    """

    def __init__(
        self,
        add_default_commands: bool = True,
        create_app: Callable[..., App] | None = None,
        add_version_option: bool = True,
        load_dotenv: bool = True,
        set_debug_flag: bool = True,
        **extra: Any,
    ) -> None:
        params: list[click.Parameter] = [
            *(extra.pop("params", None) or ()),
            env_file_option,
            app_option,
            debug_option,
        ]
        if add_version_option:
            params.append(version_option)
        settings = {"auto_envvar_prefix": PREFIX} | (extra.pop("context_settings", None) or {})
        super().__init__(params=params, context_settings=settings, **extra)
        self.create_app = create_app
        self.load_dotenv = load_dotenv
        self.set_debug_flag = set_debug_flag
        self._plugins_loaded = False
        if add_default_commands:
            for command in (run_command, shell_command, routes_command):
                self.add_command(command)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Make the context, whose object is a :class:`ScriptInfo` unless there is another."""
        if "obj" not in extra and "obj" not in self.context_settings:
            extra["obj"] = ScriptInfo(
                create_app=self.create_app,
                set_debug_flag=self.set_debug_flag,
                load_dotenv_defaults=self.load_dotenv,
            )
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options."""
        read_fallbacks(ctx)
        try:
            if self._is_help(ctx, args):
                # It lists the commands of the application, which therefore has to be known.
                for option in (env_file_option, app_option):
                    option.handle_parse_result(ctx, {}, [])
            return super().parse_args(ctx, args)
        except BaseException:
            # There will be no context to close for whoever called: help and errors end here, and
            # the application's context would stay.
            ctx.close()
            raise

    def _is_help(self, ctx: click.Context, args: list[str]) -> bool:
        if not args:
            return self.no_args_is_help
        return len(args) == 1 and args[0] in self.get_help_option_names(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            read_fallbacks(ctx, command)
        return name, command, rest

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command: the group's own or a plugin's, or else the application's.

        Why the application cannot be had is written to standard error.
        """
        self._begin()
        command = super().get_command(ctx, name)
        if command is not None:
            return command
        info = ctx.ensure_object(ScriptInfo)
        try:
            app = info.load_app()
        except NoAppException as error:
            self._report(ctx, error)
            return None
        # Not the context of another application, that called this one's commands.
        context = _cv_app.get(None)
        if context is None or context.app is not app:
            ctx.with_resource(app.app_context())
        found: click.Command | None = app.cli.get_command(ctx, name)
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted.

        Why the application cannot be had is written to standard error.
        """
        self._begin()
        names = set(super().list_commands(ctx))
        try:
            names.update(ctx.ensure_object(ScriptInfo).load_app().cli.list_commands(ctx))
        except NoAppException as error:
            self._report(ctx, error)
        except Exception:
            # A broken application is no reason to show no help.
            click.secho(f"{traceback.format_exc()}\n", err=True, fg="red")
        return sorted(names)

    def _report(self, ctx: click.Context, error: NoAppException) -> None:  # noqa: ARG002
        click.secho(f"Error: {error.format_message()}\n", err=True, fg="red")

    def _begin(self) -> None:
        """Get ready to import the application."""
        # App.run() does nothing then: the module of an application often ends with it.
        os.environ["FLASK_RUN_FROM_CLI"] = "true"
        if not self._plugins_loaded:
            self._plugins_loaded = True
            for name, command in _plugins():
                self.add_command(command, name)


def _plugins() -> Iterator[tuple[str, click.Command]]:
    """Load the commands of installed packages."""
    from importlib.metadata import entry_points  # noqa: PLC0415  (slow to import)

    groups = ["dovetail.commands"]
    if is_stood_in("flask"):
        groups.append("flask.commands")
    for group in groups:
        for entry in entry_points(group=group):
            yield entry.name, entry.load()


#: The command of an application's own: ``dovetail`` without the server.
cli = DovetailGroup(
    name="dovetail",
    help="""\
Commands for applications.

The application must be named by the '--app' option or the environment variable
'DOVETAIL_APP' (or 'FLASK_APP'), or be in a file 'wsgi.py' or 'app.py' in the
current directory.
""",
)


def main() -> None:
    """Run the command with the arguments of the process."""
    cli.main()
