"""Maps of names for applications written for the packages that Dovetail replaces.

After :func:`install`, ``import flask`` and ``import werkzeug`` with all their submodules resolve to
Dovetail's own classes and functions, and ``importlib.metadata`` answers for the distributions. Each
name is one object, whichever way it is reached.
"""

from __future__ import annotations

from dovetail.compat.facade import make_facade
from dovetail.compat.finder import InstallError, stand_in
from dovetail.compat.flask_names import FLASK
from dovetail.compat.interface import Interface
from dovetail.compat.werkzeug_names import WERKZEUG

__all__ = [
    "INTERFACES",
    "InstallError",
    "install",
    "make_facade",
]

#: The packages that Dovetail can stand in for, by their import name.
INTERFACES: dict[str, Interface] = {one.package: one for one in (WERKZEUG, FLASK)}


def install(*packages: str) -> None:
    """Stand in for the named packages, or without a name for all of :data:`INTERFACES`.

    Call it before anything imports them. A second call does nothing.

    :param packages: import names, such as ``"werkzeug"``.
    :raises InstallError: a package itself is installed or imported, or there is no such interface.
    """
    unknown = [name for name in packages if name not in INTERFACES]
    if unknown:
        known = ", ".join(sorted(INTERFACES))
        raise InstallError(f"there is no interface {unknown[0]!r}; there is {known}")
    stand_in([INTERFACES[name] for name in packages or INTERFACES])
