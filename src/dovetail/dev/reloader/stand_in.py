"""A program that has failed before it served: run once more, to show its exception to the browser.

The process that keeps the socket starts this. If the program does not fail this time, it is just
run. See :meth:`~dovetail.dev.reloader.program.Program.command_under`.
"""

from __future__ import annotations

import sys

from dovetail.dev.reloader.launch import launch

__all__ = ["main"]


def main() -> None:
    """Run the program of the arguments, which have its kind in front."""
    launch(sys.argv[1], sys.argv[2], sys.argv[3:], shows=False)
