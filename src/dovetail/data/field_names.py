"""Tables of the names of header fields: in lower case, and as an environ has them (PEP 3333).

The names come from applications and from clients, so each table is bounded; a full one starts anew.
"""

from __future__ import annotations

from typing import TypeVar

__all__ = ["ENVIRON_FIELDS", "ENVIRON_KEYS", "FOLDED", "UNPREFIXED", "fold"]

V = TypeVar("V")

_NAMES_BOUND = 2048
_NAME_BOUND = 64

#: The fields that CGI, and so an environ, has under their own names.
UNPREFIXED = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


def _keep(table: dict[str, V], name: str, value: V) -> None:
    """Remember the value of ``name`` unless it is a long one."""
    if len(name) <= _NAME_BOUND:
        if len(table) >= _NAMES_BOUND:
            table.clear()
        table[name] = value


class _EnvironKeys(dict[str, str]):
    def __missing__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        if key not in UNPREFIXED:
            key = f"HTTP_{key}"
        _keep(self, name, key)
        return key


class _EnvironFields(dict[str, "str | None"]):
    def __missing__(self, key: str) -> str | None:
        name = None
        if key in UNPREFIXED:
            name = key
        elif key.startswith("HTTP_") and key[5:] not in UNPREFIXED:
            name = key[5:]
        if name is not None:
            name = name.replace("_", "-").title()
        _keep(self, key, name)
        return name


#: Names as they are written -> in lower case, as far as :func:`fold` has met them. A name that is
#: in it has no line end. Ask it first, and :func:`fold` upon a KeyError.
#: PERF: a lookup in a plain dict takes half as long as ``str.lower()``; in a subclass of dict with
#: a ``__missing__`` it takes as long, because the interpreter does not specialise it.
FOLDED: dict[str, str] = {}
#: Names in any spelling -> the keys that hold the fields in an environ.
ENVIRON_KEYS = _EnvironKeys()
#: Keys of an environ -> the names of the fields they hold, None for keys that hold none.
ENVIRON_FIELDS = _EnvironFields()


def fold(name: str) -> str:
    """Return the name of a field in lower case and remember it."""
    folded = name.lower()
    if type(name) is str and "\n" not in name and "\r" not in name:
        _keep(FOLDED, name, folded)
    return folded
