"""The command ``dovetail replay``: a request that failed in production, once more and here."""

from __future__ import annotations

import sys

import click

from dovetail.app.groups import ScriptInfo, pass_script_info
from dovetail.app.options import app_option

__all__ = ["replay_command"]


class _UntestedError(click.ClickException):
    """Nothing is known of the application; `git bisect run` skips by this status."""

    exit_code = 125


def _read_fields(
    _ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]
) -> list[tuple[str, str]]:
    fields = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name or name != name.strip() or not text.isprintable():
            # Without the text: it may be a secret.
            raise click.BadParameter('it is of the form "NAME: VALUE"')
        # As it goes over the wire: a character for each octet.
        octets = value.strip(" \t").encode("utf-8", "surrogateescape")
        fields.append((name.lower(), octets.decode("latin-1")))
    return fields


@click.command("replay", short_help="Run a request that failed in production again.")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--field",
    "fields",
    metavar='"NAME: VALUE"',
    multiple=True,
    callback=_read_fields,
    help="Send this header field instead of what the file has of that name, which may have been"
    " masked. May be given several times.",
)
@click.option(
    "--once",
    is_flag=True,
    help="Do not wait with the debugger for a browser; exit with status 1 if the answer is a"
    " server error, with 125 if there is none because the file or the application cannot be loaded,"
    " else with 0.",
)
@pass_script_info
def replay_command(info: ScriptInfo, file: str, fields: list[tuple[str, str]], once: bool) -> None:
    """Run a request again that 'dovetail serve --capture-errors DIR' has kept in FILE.

    It goes to the application here, on this machine, through the development server and
    its debugger, and the answer is shown.

    The application is the one that --app names (MODULE:ATTR for any WSGI application),
    or else the one of the capture, if its module is in the current directory.
    """
    from dovetail.cli.replayer import replay  # noqa: PLC0415 (the server and its debugger)

    try:
        sys.exit(replay(file, info, fields, once=once))
    except click.ClickException as error:
        if once:
            raise _UntestedError(error.format_message()) from error
        raise


replay_command.params.append(app_option)
