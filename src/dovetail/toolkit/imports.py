"""Objects and modules found by their dotted names."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["ImportStringError", "find_modules", "import_string"]


def import_string(import_name: str, silent: bool = False) -> Any:
    """Import an object by its name, such as "xml.sax.saxutils.escape".

    A colon may stand before the object's name, "xml.sax.saxutils:escape".

    :param silent: return None if there is no such object.
    :raises ImportStringError: there is no such object; it tells how far the import came.
    """
    import_name = import_name.replace(":", ".")
    try:
        return _import(import_name)
    except ImportError as error:
        if silent:
            return None
        # With the traceback of the import, which shows the line that fails inside of a module.
        failure = ImportStringError(import_name, error)
        raise failure.with_traceback(error.__traceback__) from None


def _import(name: str) -> Any:
    try:
        return _module(name)
    except ImportError as error:
        module_name, dot, attribute = name.rpartition(".")
        if not dot:
            raise
        failure = error
    module = _module(module_name)
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        if failure.name == name:  # there is no such module
            raise ImportError(error) from None
        raise failure from None  # there is one, but it fails


def _module(name: str) -> Any:
    # Not import_module(): a name that begins with a dot is no relative import here.
    __import__(name)
    return sys.modules[name]


class ImportStringError(ImportError):
    """:func:`import_string` found nothing; the message tells how far it came.

    :param import_name: the name, with dots only.
    :param exception: what was raised.
    """

    def __init__(self, import_name: str, exception: BaseException) -> None:
        self.import_name = import_name
        self.exception = exception
        found, missing = _trace(import_name)
        lines = [f"cannot import {import_name!r}; what was tried:", ""]
        lines += [f"- {name!r} found in {file!r}." for name, file in found]
        if missing:
            lines.append(f"- {missing!r} not found.")
        lines += [
            "",
            "Is the name spelled right, is its package on sys.path and not hidden by another of"
            " the same name, and has it an __init__.py?",
            "",
            f"The error was {type(exception).__name__}: {exception}",
        ]
        super().__init__("\n".join(lines))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.import_name!r}, {self.exception!r})>"


def _trace(import_name: str) -> tuple[list[tuple[str, str | None]], str]:
    """Return what can be imported of a name, with files, and the first part that cannot."""
    found: list[tuple[str, str | None]] = []
    name = ""
    for part in import_name.split("."):
        name = f"{name}.{part}" if name else part
        imported = import_string(name, silent=True)
        if not imported:
            return found, name
        found.append((name, getattr(imported, "__file__", None)))
    return found, ""


def find_modules(
    import_path: str, include_packages: bool = False, recursive: bool = False
) -> Iterator[str]:
    """Find the modules below a package; for modules that register something when imported.

    :param import_path: the package's name.
    :param include_packages: yield packages too.
    :param recursive: look into packages below, too.
    :raises ValueError: it is no package.
    """
    package = import_string(import_path)
    path = getattr(package, "__path__", None)
    if path is None:
        raise ValueError(f"{import_path!r} is not a package")
    for _, name, is_package in pkgutil.iter_modules(path, f"{package.__name__}."):
        if not is_package:
            yield name
            continue
        if include_packages:
            yield name
        if recursive:
            yield from find_modules(name, include_packages, recursive=True)
