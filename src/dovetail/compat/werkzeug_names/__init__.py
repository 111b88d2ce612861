"""Werkzeug's public names and where they are in Dovetail: tables, and nothing else."""

from __future__ import annotations

from dovetail.compat.interface import Interface, NameTable
from dovetail.compat.werkzeug_names import (
    datastructures,
    development,
    fields,
    messages,
    middleware,
    routing,
)

__all__ = ["WERKZEUG"]

_TOP = {
    "werkzeug": NameTable(
        "A toolkit for WSGI applications.",
        {
            "dovetail.dev.serving": "run_simple",
            "dovetail.toolkit.request": "Request",
            "dovetail.toolkit.response": "Response",
            "dovetail.toolkit.testing.client": "Client",
        },
        only_reexports=True,
    ),
}

WERKZEUG = Interface(
    package="werkzeug",
    distribution="Werkzeug",
    version="3.1.9",
    summary="Werkzeug's interface, provided by Dovetail.",
    modules=_TOP
    | datastructures.MODULES
    | development.MODULES
    | fields.MODULES
    | messages.MODULES
    | middleware.MODULES
    | routing.MODULES,
    # It makes the responses of exceptions.
    requires=("dovetail.toolkit.response",),
)
