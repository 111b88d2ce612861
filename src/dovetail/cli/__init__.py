"""The ``dovetail`` command.

Serving does without the framework: it is imported only for commands that are about applications.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from dovetail.cli.serve import ServeCommand, exit_with_error, serve_command
from dovetail.cli.version import version_option

__all__ = ["CommandLine", "ServeCommand", "cli", "main"]

#: The exit status of a shell command that SIGINT ended.
_INTERRUPTED = 130

# Whose frames say nothing to who wrote an application: this package, click, and importing.
_NOT_THE_USERS = (
    str(Path(__file__).parents[1]) + os.sep,
    str(Path(click.__file__).parent) + os.sep,
    str(Path(import_module.__code__.co_filename).parent) + os.sep,
    "<frozen importlib",
)


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

    Errors are one line on standard error: status 2 for a wrong usage or setting. What an
    application or a command of it raises is shown from its own code on, with status 1.
    """
    try:
        # Without click's own handling, which puts three lines of usage before each error.
        status = cli.main(args, prog_name="dovetail", standalone_mode=False)
    except click.ClickException as error:
        exit_with_error(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_INTERRUPTED)
    except Exception as error:
        _show(error)
        sys.exit(1)
    sys.exit(status)


def _show(error: Exception) -> None:
    """Have an exception shown, by what sits in ``sys.excepthook``, from the user's frames on.

    :raises Exception: it again, if it concerns none of the user's code: then it is ours.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_NOT_THE_USERS):
        trace = trace.tb_next
    if trace is None and isinstance(error, OSError):
        exit_with_error(str(error), 1)
    # A syntax error says itself where it is.
    if trace is None and not isinstance(error, SyntaxError):
        raise error
    sys.excepthook(type(error), error.with_traceback(trace), trace)
