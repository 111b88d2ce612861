"""What another package's public interface is, and where its names are in Dovetail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

__all__ = ["Deprecated", "Interface", "NameTable", "load"]


@dataclass(frozen=True, slots=True)
class Deprecated:
    """A name that still works, and what its use is warned of with (a DeprecationWarning)."""

    place: str
    warning: str


@dataclass(frozen=True, slots=True)
class NameTable:
    """The names of one module.

    :param doc: the module's docstring.
    :param sources: the documented names, as text with white space between, by the module of ours
        that has them. ``theirs=ours`` stands for a name that is another one here; what stands by
        no module, ``""``, are modules.
    :param also: names, in the same form, that can be reached there too because the module used
        them. They are not among those of a star import.
    :param deprecated: names whose use warns; not among those of a star import either.
    :param only_reexports: whether nothing is at home in the module: names that are replaced there
        are replaced for those who ask it, and for nobody else.
    """

    doc: str
    sources: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    deprecated: Mapping[str, Deprecated] = field(default_factory=dict)
    only_reexports: bool = False

    @property
    def public(self) -> list[str]:
        """The documented names, sorted."""
        return sorted(name for name, _ in _places(self.sources))

    def places(self) -> dict[str, str]:
        """Return by name where the object is, see :func:`load`."""
        return dict([*_places(self.also), *_places(self.sources)])


def _places(sources: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for module, names in sources.items():
        for entry in names.split():
            theirs, _, ours = entry.partition("=")
            yield theirs, f"{module}:{ours or theirs}" if module else ours or theirs


def load(place: str) -> Any:
    """Return the object at a place, ``module:attribute``, or the module at ``module``."""
    module, _, attribute = place.partition(":")
    found = import_module(module)
    return getattr(found, attribute) if attribute else found


@dataclass(frozen=True, slots=True)
class Interface:
    """One package: its modules by their dotted names, and its distribution.

    :param version: the version whose interface this is.
    :param requires: modules of ours that are imported with the package, because others do not
        work without them.
    :param main: the place of the function that ``python -m package`` calls, empty if there is none.
    """

    package: str
    distribution: str
    version: str
    summary: str
    modules: Mapping[str, NameTable]
    requires: Sequence[str] = ()
    main: str = ""

    def submodules(self, name: str) -> list[str]:
        """Return the last parts of the names of the modules directly in the module ``name``."""
        inside = f"{name}."
        found = (other.removeprefix(inside) for other in self.modules if other.startswith(inside))
        return sorted({rest.partition(".")[0] for rest in found})
