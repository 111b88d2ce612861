"""Switches that the environment sets before there is an application."""

from __future__ import annotations

import os

__all__ = ["get_debug_flag", "get_load_dotenv"]

# What turns a switch off; every other value but the empty one turns it on.
_OFF = frozenset({"0", "false", "no"})


def get_debug_flag() -> bool:
    """Tell whether debug mode is asked for, by ``DOVETAIL_DEBUG`` or else ``FLASK_DEBUG``."""
    value = _read("DEBUG")
    return bool(value) and value.lower() not in _OFF


def get_load_dotenv(default: bool = True) -> bool:
    """Tell whether dotenv files are to be loaded.

    ``DOVETAIL_SKIP_DOTENV`` or else ``FLASK_SKIP_DOTENV`` turns it off.

    :param default: the answer if neither is set.
    """
    value = _read("SKIP_DOTENV")
    return value.lower() in _OFF if value else default


def _read(name: str) -> str:
    """Return a variable of ours, or if it is not set the one of the same name of Flask's."""
    value = os.environ.get(f"DOVETAIL_{name}")
    return os.environ.get(f"FLASK_{name}", "") if value is None else value
