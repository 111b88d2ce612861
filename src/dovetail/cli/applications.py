"""The ``dovetail`` command with all its subcommands."""

from __future__ import annotations

from copy import copy
from typing import Any

import click
from click.core import ParameterSource

from dovetail.app.cli import DovetailGroup, NoAppException, ScriptInfo
from dovetail.app.discovery import NothingNamed
from dovetail.cli.replay import replay_command
from dovetail.cli.serve import serve_command
from dovetail.cli.version import version_option

__all__ = ["CompleteGroup", "applications"]

_SERVE = "serve"
# In the context's meta: that there is no application because none is named.
_NOTHING_NAMED = "dovetail.nothing_named"


def _stand_in(_ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value:
        return
    from dovetail.compat import InstallError, install  # noqa: PLC0415 (only for who asks for it)

    try:
        install()
    except InstallError as error:
        raise click.ClickException(str(error)) from error


#: ``--compat``, for the group and for its own commands.
compat_option = click.Option(
    ["--compat/--no-compat"],
    is_eager=True,
    expose_value=False,
    callback=_stand_in,
    help="Stand in for Flask and Werkzeug, for an application that was written for them.",
)


class CompleteGroup(DovetailGroup):
    """The commands of an application, and ``serve``, which has nothing to do with the others.

    It imports no application or plugin, and loads no ``.env`` file that is not named.
    """

    def __init__(self, **extra: Any) -> None:
        super().__init__(add_version_option=False, **extra)
        self.params += [compat_option, version_option]
        self.add_command(serve_command)
        self.add_command(replay_command)
        for name in ("replay", "routes", "run", "shell"):
            command = copy(self.commands[name])
            command.params = [*command.params, compat_option]
            self.add_command(command)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options."""
        _, rest, _ = self.make_parser(ctx).parse_args(list(args))
        is_serve = rest[:1] == [_SERVE]
        if is_serve:
            ctx.ensure_object(ScriptInfo).load_dotenv_defaults = False
        left = super().parse_args(ctx, args)
        if is_serve and ctx.get_parameter_source("app") is ParameterSource.COMMANDLINE:
            ctx.fail("serve has the application as its argument: dovetail serve MODULE:ATTR")
        return left

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command."""
        return serve_command if name == _SERVE else super().get_command(ctx, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if ctx.meta.get(_NOTHING_NAMED):
                hint = "If it is a command of an application, name that with --app."
                raise click.UsageError(f"{error.format_message()} {hint}", ctx) from error
            raise

    def invoke(self, ctx: click.Context) -> None:
        """Run the command. What it returns is no exit status."""
        super().invoke(ctx)

    def _report(self, ctx: click.Context, error: NoAppException) -> None:
        # Whoever only serves, and not applications of ours, has none, and that is no error.
        if isinstance(error, NothingNamed):
            ctx.meta[_NOTHING_NAMED] = True
        else:
            super()._report(ctx, error)


def _show_help() -> None:
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


#: The ``dovetail`` command.
applications = CompleteGroup(
    name="dovetail",
    callback=_show_help,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""WSGI server, toolkit and framework in one package.

    Commands other than 'serve' are about an application, which the option '--app'
    names, or the environment variable 'DOVETAIL_APP' (or 'FLASK_APP'), or which is
    in a file 'wsgi.py' or 'app.py' in the current directory.""",
)
