"""Versions, also those of the packages that Dovetail stands in for."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["is_stood_in", "stood_in_versions"]


def is_stood_in(package: str) -> bool:
    """Tell whether importing a package gives what :mod:`dovetail.compat` has for it."""
    if package in sys.modules:
        spec = getattr(sys.modules[package], "__spec__", None)
    else:
        spec = find_spec(package)
    return spec is not None and spec.origin == "dovetail.compat"


def stood_in_versions() -> dict[str, str]:
    """Return the versions of Flask and Werkzeug that Dovetail stands in for."""
    from importlib.metadata import version  # noqa: PLC0415  (slow to import, rarely needed)

    names = ("Flask", "Werkzeug")
    return {name: version(name) for name in names if is_stood_in(name.lower())}
