"""Lists, dictionaries and header fields that refuse to be changed."""

# The arguments are those of the methods that are refused.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Generic, NoReturn, Self, SupportsIndex, TypeVar

__all__ = [
    "ImmutableDict",
    "ImmutableDictMixin",
    "ImmutableHeadersMixin",
    "ImmutableList",
    "ImmutableListMixin",
    "refuse",
]

K = TypeVar("K")
V = TypeVar("V")

_MISSING: Final[Any] = object()


def refuse(value: object) -> NoReturn:
    """Raise the :exc:`TypeError` of an attempt to change an immutable ``value``."""
    raise TypeError(f"{type(value).__name__!r} objects are immutable")


class ImmutableListMixin:
    """Makes a :class:`list` subclass immutable and hashable."""

    _hash_cache: int | None = None

    def __hash__(self) -> int:
        if self._hash_cache is None:
            self._hash_cache = hash(tuple(self))  # type: ignore[arg-type]
        return self._hash_cache

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return type(self), (list(self),)  # type: ignore[call-overload]

    def __delitem__(self, key: Any) -> NoReturn:
        refuse(self)

    def __iadd__(self, other: Any) -> NoReturn:
        refuse(self)

    def __imul__(self, other: Any) -> NoReturn:
        refuse(self)

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        refuse(self)

    def append(self, item: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def clear(self) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def extend(self, iterable: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def insert(self, pos: Any, value: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def pop(self, index: Any = -1) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def remove(self, item: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def reverse(self: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def sort(self, key: Any = None, reverse: Any = False) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)


class ImmutableList(ImmutableListMixin, list[V]):  # type: ignore[misc]
    """A :class:`list` that cannot be changed after it was made, and so has a hash."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list.__repr__(self)})"


class ImmutableDictMixin(Generic[K, V]):
    """Makes a :class:`dict` subclass immutable and hashable."""

    _hash_cache: int | None = None

    @classmethod
    def fromkeys(cls, keys: Iterable[K], value: V | None = None) -> Self:
        """Return a new one with ``value`` for each of ``keys``."""
        return cls([(key, value) for key in keys])  # type: ignore[call-arg]

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return type(self), (dict(self),)  # type: ignore[call-overload]

    def _iter_hashitems(self) -> Iterator[Any]:
        return iter(self.items())  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        if self._hash_cache is None:
            self._hash_cache = hash(frozenset(self._iter_hashitems()))
        return self._hash_cache

    def setdefault(self, key: Any, default: Any = None) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def update(self, arg: Any, /, **kwargs: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def __ior__(self, other: Any) -> NoReturn:
        refuse(self)

    def pop(self, key: Any, default: Any = None) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def popitem(self) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        refuse(self)

    def __delitem__(self, key: Any) -> NoReturn:
        refuse(self)

    def clear(self) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)


class ImmutableDict(ImmutableDictMixin[K, V], dict[K, V]):  # type: ignore[misc]
    """A :class:`dict` that cannot be changed after it was made, and so has a hash."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict.__repr__(self)})"

    def copy(self) -> dict[K, V]:
        """Return a shallow copy that can be changed."""
        return dict(self)

    def __copy__(self) -> Self:
        return self


class ImmutableHeadersMixin:
    """Makes a :class:`~dovetail.data.headers.Headers` subclass immutable."""

    def __delitem__(self, key: Any) -> NoReturn:
        refuse(self)

    def __ior__(self, other: Any) -> NoReturn:
        refuse(self)

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        refuse(self)

    def add(self, key: Any, value: Any, /, **kwargs: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def add_header(self, key: Any, value: Any, /, **kwargs: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def clear(self) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def extend(self, arg: Any, /, **kwargs: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def insert(self, pos: Any, value: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def pop(self, key: Any = None, default: Any = _MISSING) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def popitem(self) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def remove(self, key: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def set(self, key: Any, value: Any, /, **kwargs: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def setdefault(self, key: Any, default: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def setlist(self, key: Any, values: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def setlistdefault(self, key: Any, default: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def update(self, arg: Any, /, **kwargs: Any) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)
