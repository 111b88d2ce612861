"""Modules that stand for another package's: each name is looked up in Dovetail when it is used."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from dovetail.compat.interface import Interface, load

__all__ = ["InterfaceModule", "make_facade"]

# Where an object is that a facade's name stands for: a module of ours, and the name there.
_Holder = tuple[ModuleType, str]

# What was at a place before a facade put something else there. Other facades still show it, like
# modules that had imported the name.
_originals: dict[str, Any] = {}


class InterfaceModule(ModuleType):
    """A module of an interface.

    To replace or delete a name does what it does to the module that this one stands for: whoever
    asks this module for the name sees it, and so do the functions that are in this module, wherever
    Dovetail has them. Deleting what replaced a name brings the original back.

    :param name: the module's name in the interface.
    :param find_module: returns a module of the interface by its full name.
    """

    __slots__ = (
        "_deleted",
        "_find_module",
        "_places",
        "_replaced",
        "_submodules",
        "_table",
    )

    def __init__(
        self, name: str, interface: Interface, find_module: Callable[[str], ModuleType]
    ) -> None:
        table = interface.modules[name]
        super().__init__(name, table.doc)
        keep = super().__setattr__
        keep("_table", table)
        keep("_places", table.places())
        keep("_submodules", frozenset(interface.submodules(name)))
        keep("_find_module", find_module)
        keep("_replaced", {})
        keep("_deleted", {})
        keep("__all__", table.public)

    def __getattr__(self, name: str) -> Any:
        # PERF: asked once for each name, because what is found is kept in the module's namespace.
        # To read it there takes 0.08 us; to come here each time would take 2 us.
        if name in self._submodules:
            return self._find_module(f"{self.__name__}.{name}")
        if name in self._places and name not in self._deleted:
            found = self._original(name)
            super().__setattr__(name, found)
            return found
        if name in self._table.deprecated:
            deprecated = self._table.deprecated[name]
            # Not kept, so that each use warns.
            warnings.warn(deprecated.warning, DeprecationWarning, stacklevel=2)
            return load(deprecated.place)
        raise AttributeError(
            f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._places and name not in self._submodules:
            self._replace(name, value)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if name in self._replaced:
            self._replace(name, self._replaced[name][0])
            vars(self).pop(name)
        elif name in self._places and name not in {*self._deleted, *self._submodules}:
            original, holders = self._original(name), self._holders(name)
            for module, attribute in holders:
                delattr(module, attribute)
            _originals[self._places[name]] = original
            self._deleted[name] = original, holders
            vars(self).pop(name, None)
        else:
            super().__delattr__(name)

    def __dir__(self) -> list[str]:
        # Those that warn are not listed: who goes through all names does not use them.
        return sorted({*self._places, *self._submodules, *vars(self)} - self._deleted.keys())

    def _original(self, name: str) -> Any:
        place = self._places[name]
        return _originals[place] if place in _originals else load(place)

    def _replace(self, name: str, value: Any) -> None:
        """Put ``value`` where the functions of this module look for ``name``."""
        known = self._replaced.get(name) or self._deleted.pop(name, None)
        original, holders = known or (self._original(name), self._holders(name))
        for module, attribute in holders:
            setattr(module, attribute, value)
        if value is original:
            self._replaced.pop(name, None)
            _originals.pop(self._places[name], None)
        else:
            self._replaced[name] = original, holders
            _originals[self._places[name]] = original

    def _holders(self, name: str) -> list[_Holder]:
        """Return where the functions of this module find the object that ``name`` stands for."""
        if self._table.only_reexports:
            return []
        home, _, attribute = self._places[name].partition(":")
        label, original = attribute or name, self._original(name)
        found = [
            (module, label)
            for module in map(import_module, filter(None, self._table.sources))
            if label in vars(module) and vars(module)[label] is original
        ]
        # If none imported it, they look for it where it is.
        return found or ([(import_module(home), attribute)] if attribute else [])


def make_facade(interface: Interface) -> ModuleType:
    """Return the package of an interface, with its modules as attributes, out of reach of imports.

    Code that takes the package as an argument can be run on it where the package itself is
    installed.
    """
    modules: dict[str, ModuleType] = {}
    for name in interface.modules:
        modules[name] = InterfaceModule(name, interface, modules.__getitem__)
    for required in interface.requires:
        import_module(required)
    return modules[interface.package]
