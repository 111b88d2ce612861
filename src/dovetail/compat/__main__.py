"""``python -m dovetail.compat PROGRAM``: run a program with Dovetail in the place of Flask.

PROGRAM is a module, as ``python -m`` takes one, or the path of a file. So the ``flask`` command is
``python -m dovetail.compat flask``.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
from collections.abc import Sequence

from dovetail.compat import InstallError, install

__all__ = ["main"]

_USAGE = "usage: python -m dovetail.compat MODULE|FILE [ARGUMENT]..."


def main(args: Sequence[str] | None = None) -> None:
    """Stand in for Flask and Werkzeug, and run the program that ``args`` begin with."""
    args = sys.argv[1:] if args is None else list(args)
    if not args or args[0].startswith("-"):
        sys.exit(_USAGE)
    try:
        install()
    except InstallError as error:
        sys.exit(f"Error: {error}")
    program = args[0]
    sys.argv[:] = args
    if os.path.isfile(program):
        # As Python itself does for a file, whose __file__ stays right in another directory.
        sys.path[0] = os.path.dirname(os.path.realpath(program))
        runpy.run_path(os.path.abspath(program), run_name="__main__")
    elif problem := _find_problem(program):
        sys.exit(f"Error: {problem}")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


def _find_problem(module: str) -> str | None:
    """Say why a module cannot be run, if it is not there; None if it is."""
    missing = f"there is neither a file nor a module {module!r}"
    if module.startswith("."):
        return missing
    try:
        spec = importlib.util.find_spec(module)
        package = spec is not None and spec.submodule_search_locations is not None
        main = importlib.util.find_spec(f"{module}.__main__") if package else spec
    except ModuleNotFoundError as error:
        # A package around it is not there; what one of these imports is its own affair.
        if not f"{module}.".startswith(f"{error.name}."):
            raise
        spec = main = None
    except ValueError as error:
        return str(error)
    if spec is None:
        return missing
    if main is None:
        return f"{module!r} is a package without a module __main__, so it cannot be run"
    return None


if __name__ == "__main__":
    main()
