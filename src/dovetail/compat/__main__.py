"""``python -m dovetail.compat PROGRAM``: run a program with Dovetail in the place of Flask.

PROGRAM is a module, as ``python -m`` takes one, or the path of a file. So the ``flask`` command is
``python -m dovetail.compat flask``.
"""

from __future__ import annotations

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
        # As Python itself does for a file.
        sys.path[0] = os.path.dirname(os.path.realpath(program))
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
