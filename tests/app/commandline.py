"""Running commands in a test without leaving a trace in the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dovetail.app import dotenv

__all__ = ["APPLICATION", "process_restored"]

#: The text of a module with an application.
APPLICATION = """\
import click
from dovetail import App, current_app

app = App("here")

@app.cli.command()
def hello():
    "Say hello."
    click.echo(f"hello from {current_app.name}, debug {app.debug}")

@app.cli.command()
def number():
    return 7
"""


@contextmanager
def process_restored() -> Iterator[None]:
    """Begin without variables of ours or Flask's; put environment, path and modules back."""
    path, modules, environ = list(sys.path), set(sys.modules), dict(os.environ)
    dotenv._places.clear()
    dotenv._names.clear()
    for name in environ:
        if name.startswith(("FLASK_", "DOVETAIL_")):
            del os.environ[name]
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if "." not in name and not name.startswith(("dovetail", "_")):
                spec = sys.modules[name].__spec__
                if spec is None or not (spec.origin or "").startswith(
                    (sys.prefix, sys.base_prefix)
                ):
                    del sys.modules[name]
        os.environ.clear()
        os.environ.update(environ)
