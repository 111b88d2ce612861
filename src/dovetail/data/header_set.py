"""Sets of field names and tokens, such as the value of ``Vary`` or ``Allow``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableSet
from typing import Any, Self

from dovetail.data.header_values import parse_list_header, quote_header_value

__all__ = ["HeaderSet", "parse_set_header"]


class HeaderSet(MutableSet[str]):
    """A set of names in order, which compare without regard to case.

    It has the methods of a list that find, read or replace by position as well.

    :param headers: what it begins with; taken as it is, repeated names included.
    :param on_update: called after each change, with the set.
    """

    def __init__(
        self,
        headers: Iterable[str] | None = None,
        on_update: Callable[[Self], None] | None = None,
    ) -> None:
        self._headers = list(headers or ())
        self._set = {header.lower() for header in self._headers}
        self.on_update = on_update

    def _changed(self) -> None:
        on_update: Callable[[Any], None] | None = self.on_update
        if on_update is not None:
            on_update(self)

    def add(self, header: str) -> None:
        """Add a name at the end, if it is not there yet."""
        folded = header.lower()
        if folded not in self._set:
            self._headers.append(header)
            self._set.add(folded)
            if self.on_update is not None:
                self._changed()

    def remove(self: Self, header: str) -> None:
        """Remove a name.

        :raises KeyError: it is not there.
        """
        folded = header.lower()
        if folded not in self._set:
            raise KeyError(header)
        self._drop(folded)

    def _drop(self, folded: str) -> None:
        self._set.remove(folded)
        self._headers = [known for known in self._headers if known.lower() != folded]
        if self.on_update is not None:
            self._changed()

    def update(self: Self, iterable: Iterable[str]) -> None:
        """Add the names that are not there yet, at the end; tell once."""
        added = False
        for header in iterable:
            folded = header.lower()
            if folded not in self._set:
                self._headers.append(header)
                self._set.add(folded)
                added = True
        if added:
            self._changed()

    def discard(self, header: str) -> None:
        """Remove a name if it is there."""
        folded = header.lower()
        if folded in self._set:
            self._drop(folded)

    def find(self, header: str) -> int:
        """Return the position of a name, -1 if it is not there."""
        folded = header.lower()
        for position, known in enumerate(self._headers):
            if known.lower() == folded:
                return position
        return -1

    def index(self, header: str) -> int:
        """Return the position of a name.

        :raises IndexError: it is not there.
        """
        position = self.find(header)
        if position < 0:
            raise IndexError(header)
        return position

    def clear(self: Self) -> None:
        """Remove all names."""
        self._set.clear()
        self._headers.clear()
        self._changed()

    def as_set(self, preserve_casing: bool = False) -> set[str]:
        """Return the names as a :class:`set`, in lower case.

        :param preserve_casing: as they are written instead.
        """
        return set(self._headers if preserve_casing else self._set)

    def to_header(self) -> str:
        """Return the value of a header field; names that are no tokens are quoted."""
        return ", ".join(map(quote_header_value, self._headers))

    def __getitem__(self, index: int) -> str:
        return self._headers[index]

    def __delitem__(self, index: int) -> None:
        removed = self._headers.pop(index).lower()
        if self.find(removed) < 0:
            self._set.discard(removed)
        self._changed()

    def __setitem__(self, index: int, value: str) -> None:
        replaced = self._headers[index].lower()
        self._headers[index] = value
        if self.find(replaced) < 0:
            self._set.discard(replaced)
        self._set.add(value.lower())
        self._changed()

    def __contains__(self, header: Any) -> bool:
        return header.lower() in self._set

    def __len__(self) -> int:
        return len(self._set)

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __bool__(self) -> bool:
        return bool(self._set)

    def __str__(self) -> str:
        return self.to_header()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._headers!r})"


def parse_set_header(
    value: str | None, on_update: Callable[[HeaderSet], None] | None = None
) -> HeaderSet:
    """Return the names of a comma-separated header field, quoted ones included.

    :param value: of the field; None and an empty one give an empty set.
    :param on_update: called after each change of the set, with the set.
    """
    return HeaderSet(parse_list_header(value) if value else None, on_update)
