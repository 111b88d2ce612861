"""The distributions that Dovetail stands in for, as ``importlib.metadata`` sees them."""

from __future__ import annotations

import os
from importlib.metadata import Distribution, PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

from dovetail.compat.interface import Interface

__all__ = ["InterfaceDistribution"]

_METADATA = """\
Metadata-Version: 2.1
Name: {interface.distribution}
Version: {interface.version}
Summary: {interface.summary}
Requires-Dist: {requirement}

The package is not installed. dovetail.compat provides its interface.
"""


class InterfaceDistribution(Distribution):
    """Metadata made from an :class:`Interface`; there are no files."""

    def __init__(self, interface: Interface) -> None:
        self._interface = interface

    def read_text(self, filename: str) -> str | None:
        """Return the text of a metadata file, None for one that there is not."""
        match filename:
            case "METADATA":
                return _METADATA.format(interface=self._interface, requirement=_requirement())
            case "top_level.txt":
                return f"{self._interface.package}\n"
        return None

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        """Return where a file of the distribution would be: beside this package."""
        return Path(__file__).parent / path


def _requirement() -> str:
    try:
        return f"dovetail=={installed_version('dovetail')}"
    except PackageNotFoundError:  # run from a source tree
        return "dovetail"
