"""Names of files that somebody else chose."""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata

__all__ = ["safe_join", "secure_filename"]

_NOT_PORTABLE = re.compile(r"[^A-Za-z0-9_.-]")

# Names that Windows gives to devices in every directory, whatever comes after a dot or a colon.
_DEVICE = re.compile(
    r"\s*(?:CON|PRN|AUX|NUL|(?:COM|LPT)[1-9\u00b9\u00b2\u00b3]|CON(?:IN|OUT)\$)\s*(?:[.:].*)?",
    re.IGNORECASE | re.DOTALL,
)


def secure_filename(filename: str) -> str:
    """Return a name that can be stored in any file system, made of one that was uploaded.

    It has ASCII letters, digits, ``_``, ``.`` and ``-`` only, no directory, and does not begin with
    a dot; it may be empty, and somebody may have the same name already. On Windows the
    names of devices get ``_`` in front.
    """
    name = filename
    if not filename.isascii():
        name = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode("ascii")
    name = name.replace(os.sep, " ")
    if os.path.altsep:
        name = name.replace(os.path.altsep, " ")
    name = _NOT_PORTABLE.sub("", "_".join(name.split())).strip("._")
    if os.name == "nt" and _DEVICE.fullmatch(name):
        name = f"_{name}"
    return name


def safe_join(directory: str, *untrusted: str) -> str | None:
    """Join names that somebody else chose to a directory, without leaving it.

    :param directory: it is trusted.
    :param untrusted: paths relative to the directory, and each to the one before it.
    :return: None if one of them would lead out, or is the name of a device on Windows.
    """
    parts = [directory or "."]
    for path in untrusted:
        if path:
            name = posixpath.normpath(path)
            if name == ".." or name.startswith(("/", "../")):
                return None
            if (os.name == "nt" or os.sep != "/") and _leads_out_of_windows(name):
                return None
            parts.append(name)
    return posixpath.join(*parts)


def _leads_out_of_windows(name: str) -> bool:
    """Tell whether a path is not one inside of the directory it is joined to, on Windows."""
    if os.path.isabs(name) or any(
        sep in name for sep in (os.sep, os.path.altsep or "/") if sep != "/"
    ):
        return True
    # A colon: a drive, or an alternative stream of a file.
    return ":" in name or any(_DEVICE.fullmatch(part) for part in name.split("/"))
