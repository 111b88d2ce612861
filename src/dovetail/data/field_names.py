"""Tables of the names of header fields: in lower case, and as an environ has them (PEP 3333).

The names come from applications and from clients, so each table is bounded; a full one starts anew.
"""

from __future__ import annotations

from typing import TypeVar

__all__ = ["ENVIRON_FIELDS", "ENVIRON_KEYS", "FOLDED", "UNPREFIXED"]

V = TypeVar("V")

_NAMES_BOUND = 2048
_NAME_BOUND = 64

#: The fields that CGI, and so an environ, has under their own names.
UNPREFIXED = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


class _Table(dict[str, V]):
    def keep(self, name: str, value: V) -> None:
        """Remember the value of ``name`` unless it is a long one."""
        if len(name) <= _NAME_BOUND:
            if len(self) >= _NAMES_BOUND:
                self.clear()
            self[name] = value


class _FoldedNames(_Table[str]):
    def __missing__(self, name: str) -> str:
        folded = name.lower()
        if type(name) is str and "\n" not in name and "\r" not in name:
            self.keep(name, folded)
        return folded


class _EnvironKeys(_Table[str]):
    def __missing__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        if key not in UNPREFIXED:
            key = f"HTTP_{key}"
        self.keep(name, key)
        return key


class _EnvironFields(_Table["str | None"]):
    def __missing__(self, key: str) -> str | None:
        name = None
        if key in UNPREFIXED:
            name = key
        elif key.startswith("HTTP_") and key[5:] not in UNPREFIXED:
            name = key[5:]
        if name is not None:
            name = name.replace("_", "-").title()
        self.keep(key, name)
        return name


#: Names as they are written -> in lower case. A name that is in it has no line end.
#: PERF: a look into a table takes 20 ns, ``str.lower()`` with its new string 40 ns.
FOLDED = _FoldedNames()
#: Names in any spelling -> the keys that hold the fields in an environ.
ENVIRON_KEYS = _EnvironKeys()
#: Keys of an environ -> the names of the fields they hold, None for keys that hold none.
ENVIRON_FIELDS = _EnvironFields()
