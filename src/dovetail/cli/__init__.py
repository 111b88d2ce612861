"""The ``dovetail`` command.

Serving does without the framework: it is imported only for commands that are about applications.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from dovetail.cli.serve import ServeCommand, exit_with_error, serve_command
from dovetail.cli.version import version_option

__all__ = ["CommandLine", "ServeCommand", "cli", "main"]

#: The exit status of a shell command that SIGINT ended.
_INTERRUPTED = 130


class CommandLine(click.Group):
    """The group of ``serve``, which leaves all other commands to the group of applications."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, **extra: Any
    ) -> Any:
        """Run the command; see :meth:`click.Command.main`."""
        args = sys.argv[1:] if args is None else list(args)
        # PERF: serve starts in 85 ms so, and in 150 with the commands of applications imported.
        if args[:1] in (["serve"], ["--version"]):
            return super().main(args, **extra)
        from dovetail.cli.applications import applications  # noqa: PLC0415 (see above)

        return applications.main(args, **extra)


#: The ``dovetail`` command.
cli = CommandLine(
    "dovetail",
    params=[version_option],
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.add_command(serve_command)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command with ``args`` (those of the process) and exit with its status.

    Errors are one line on standard error: status 2 for a wrong usage or setting.
    """
    try:
        # Without click's own handling, which puts three lines of usage before each error.
        status = cli.main(args, prog_name="dovetail", standalone_mode=False)
    except click.ClickException as error:
        exit_with_error(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_INTERRUPTED)
    sys.exit(status)
