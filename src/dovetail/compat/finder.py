"""Importing the modules of an interface."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import DistributionFinder
from types import CodeType, ModuleType
from typing import Any

from dovetail.compat.distribution import InterfaceDistribution
from dovetail.compat.facade import InterfaceModule
from dovetail.compat.interface import Interface

__all__ = ["InstallError", "InterfaceFinder", "stand_in"]


class InstallError(RuntimeError):
    """Dovetail cannot stand in for a package; the message says what to do."""


class InterfaceFinder(DistributionFinder, Loader):
    """Finds and makes the modules of one interface, and its distribution's metadata."""

    def __init__(self, interface: Interface) -> None:
        self.interface = interface

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  (the import system passes both)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return the spec of a module that the interface has, None for any other."""
        if fullname not in self.interface.modules and not self._is_main(fullname):
            return None
        is_package = bool(self.interface.submodules(fullname))
        # What a program calls itself by in its usage is made of the name of its file.
        origin = "__main__.py" if self._is_main(fullname) else "dovetail.compat"
        return ModuleSpec(fullname, self, origin=origin, is_package=is_package)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module, which looks its names up when asked."""
        if self._is_main(spec.name):
            return ModuleType(spec.name)
        return InterfaceModule(spec.name, self.interface, import_module)

    def exec_module(self, module: ModuleType) -> None:
        """Import what the package does not work without."""
        code = self.get_code(module.__name__)
        if code is not None:
            exec(code, vars(module))
        if module.__name__ == self.interface.package:
            for required in self.interface.requires:
                import_module(required)

    def get_code(self, fullname: str) -> CodeType | None:
        """Return what :mod:`runpy` runs for ``python -m``, None for what cannot be run."""
        if not self._is_main(fullname):
            return None
        module, _, function = self.interface.main.partition(":")
        source = f"from {module} import {function} as main; main()"
        return compile(source, f"<{fullname}>", "exec")

    def _is_main(self, fullname: str) -> bool:
        return bool(self.interface.main) and fullname == f"{self.interface.package}.__main__"

    def find_distributions(
        self, context: DistributionFinder.Context | None = None
    ) -> Iterator[InterfaceDistribution]:
        """Yield the interface's distribution if ``context`` asks for it, or for all."""
        name = None if context is None else context.name
        if name is None or _normalized(name) == _normalized(self.interface.distribution):
            yield InterfaceDistribution(self.interface)


def _normalized(name: str) -> str:
    # Names of distributions, as importlib.metadata compares them.
    return name.lower().replace("-", "_").replace(".", "_")


def stand_in(interfaces: Iterable[Interface]) -> None:
    """Put a finder for each interface in front of all others.

    Nothing is changed if one of them is refused.

    :raises InstallError: the package itself is imported or installed.
    """
    fresh = [one for one in interfaces if not _is_installed(one)]
    for interface in fresh:
        _check_absent(interface)
    sys.meta_path[:0] = [InterfaceFinder(interface) for interface in fresh]


def _is_installed(interface: Interface) -> bool:
    finders: list[MetaPathFinder | Any] = list(sys.meta_path)
    return any(isinstance(one, InterfaceFinder) and one.interface is interface for one in finders)


def _check_absent(interface: Interface) -> None:
    package, distribution = interface.package, interface.distribution
    imported = sys.modules.get(package)
    if imported is not None:
        if isinstance(getattr(imported.__spec__, "loader", None), InterfaceFinder):
            return
        raise InstallError(
            f"{package} has been imported already; call dovetail.compat.install() before anything "
            f"imports it, and uninstall {distribution}"
        )
    spec = importlib.util.find_spec(package)
    # A directory that merely has the name is no package of modules.
    if spec is not None and spec.origin is not None:
        raise InstallError(
            f"{distribution} is installed ({spec.origin}); uninstall it (pip uninstall "
            f"{distribution}) to have Dovetail in its place, or do not call "
            "dovetail.compat.install()"
        )
