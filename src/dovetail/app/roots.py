"""Where the files of an imported module or package are, and where its instance folder goes."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

__all__ = ["find_instance_path", "find_package", "get_root_path"]


def get_root_path(import_name: str) -> str:
    """Return the directory of a module or package; the current one if it cannot be imported.

    :raises RuntimeError: it can be imported, but comes from no file.
    """
    file: str | None = getattr(sys.modules.get(import_name), "__file__", None)
    if file is None:
        spec = _find_spec(import_name)
        # Without a loader: a namespace package that was not imported.
        if spec is None or spec.loader is None:
            return os.getcwd()
        if hasattr(spec.loader, "get_filename"):
            file = spec.loader.get_filename(import_name)
        else:
            # A loader of somebody else's may set it nevertheless.
            file = getattr(import_module(import_name), "__file__", None)
    if file is None:
        raise RuntimeError(
            f"no root path can be found for the module {import_name!r}: it is a namespace package,"
            " or came from an import hook that tells no file name. Pass 'root_path'."
        )
    return os.path.dirname(os.path.abspath(file))


def find_package(import_name: str) -> tuple[str | None, str]:
    """Return the prefix that a package is installed under, and the directory it is imported from.

    The prefix is None if it is not installed. Of a module's dotted name the first part counts.
    """
    path = _import_directory(import_name)
    installed = os.path.normpath(path)
    prefix = os.path.normpath(sys.prefix)
    if installed == prefix or installed.startswith(os.path.join(prefix, "")):
        return sys.prefix, path
    parent, folder = os.path.split(installed)
    if folder.lower() != "site-packages":
        return None, path
    # PREFIX/lib/pythonX.Y/site-packages, PREFIX\Lib\site-packages, or anywhere.
    for directory in (parent, os.path.dirname(parent)):
        if os.path.basename(directory).lower() == "lib":
            return os.path.dirname(directory), path
    return parent, path


def find_instance_path(import_name: str) -> str:
    """Return where an application's instance folder is if it names none.

    Beside a module or package that is not installed, else in ``var`` of where it is installed.
    """
    prefix, path = find_package(import_name)
    if prefix is None:
        return os.path.join(path, "instance")
    return os.path.join(prefix, "var", f"{import_name}-instance")


def _find_spec(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except (ImportError, ValueError):  # its package is missing; it was made by hand, or is a script
        return None


def _import_directory(import_name: str) -> str:
    """Return the entry of the import path that a module is found in."""
    spec = _find_spec(import_name.partition(".")[0])
    if spec is None:
        return os.getcwd()
    if spec.has_location and spec.origin is not None:
        directory = os.path.dirname(spec.origin)
        return directory if spec.submodule_search_locations is None else os.path.dirname(directory)
    if not spec.submodule_search_locations:  # built in
        return os.getcwd()
    # A namespace package may be in several places: its part with what was asked for is meant.
    portions = list(spec.submodule_search_locations)
    inner = _find_spec(import_name)
    places = [] if inner is None else [*(inner.submodule_search_locations or ()), inner.origin]
    for portion in portions:
        within = os.path.join(portion, "")
        if any(place is not None and place.startswith(within) for place in places):
            return os.path.dirname(portion)
    return os.path.dirname(portions[0])
