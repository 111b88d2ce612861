"""Multi-dictionaries that keep the order of all items, for applications that still use them.

:class:`~dovetail.data.multidict.MultiDict` keeps the order of keys and that of the values of each
key, which is why these classes are deprecated.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Final, NoReturn, Self, SupportsIndex, TypeVar, overload

from dovetail.data.exceptions import BadRequestKeyError
from dovetail.data.multidict import ImmutableMultiDictMixin, MultiDict, iter_multi_items

__all__ = ["ImmutableOrderedMultiDict", "OrderedMultiDict"]

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_MISSING: Final[Any] = object()


class OrderedMultiDict(MultiDict[K, V]):
    """A :class:`MultiDict` whose ``items(multi=True)`` come in the order they were added.

    Deprecated: making one warns.

    :param mapping: as for :class:`MultiDict`.
    """

    _substitute = "MultiDict"

    def __init__(
        self,
        mapping: MultiDict[K, V]
        | Mapping[K, V | list[V] | tuple[V, ...] | set[V]]
        | Iterable[tuple[K, V]]
        | None = None,
    ) -> None:
        warnings.warn(
            f"{type(self).__name__} is deprecated, use {self._substitute} instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        super().__init__()
        self._sequence: list[tuple[K, V]] = []
        if mapping is not None:
            self._fill(iter_multi_items(mapping))

    def _fill(self, items: Iterable[tuple[K, V]]) -> None:
        for key, value in items:
            MultiDict.add(self, key, value)
            self._sequence.append((key, value))

    def _forget(self, key: K) -> None:
        self._sequence = [item for item in self._sequence if item[0] != key]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, OrderedMultiDict):
            return self._sequence == other._sequence
        if isinstance(other, MultiDict):
            return dict(self.lists()) == dict(other.lists())
        return NotImplemented

    __ne__ = object.__ne__  # that of dict knows nothing of our __eq__
    __hash__ = None  # type: ignore[assignment]

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return type(self), (list(self._sequence),)

    def __getstate__(self) -> Any:
        return list(self._sequence)

    def __setstate__(self, state: Any) -> None:
        dict.clear(self)
        self._sequence = []
        self._fill(state)

    def __setitem__(self, key: K, value: V) -> None:
        self.setlist(key, (value,))

    def __delitem__(self, key: K) -> None:
        self.pop(key)

    def add(self, key: K, value: V) -> None:
        """Add an item at the end."""
        self._fill(((key, value),))

    def setlist(self, key: K, new_list: Iterable[V]) -> None:
        """Replace the items of ``key`` by new ones at the end."""
        values = list(new_list)
        self.poplist(key)
        self._fill([(key, value) for value in values])

    def setlistdefault(self, key: Any, default_list: Any = None) -> NoReturn:  # noqa: ARG002
        """Raise :exc:`TypeError`: the order of a changed list would not be known."""
        raise TypeError(f"{type(self).__name__!r} objects have no setlistdefault()")

    def items(self, multi: bool = False) -> Iterable[tuple[K, V]]:  # type: ignore[override]
        """Iterate over pairs of a key and its first value.

        :param multi: all items in their order instead.
        """
        return iter(self._sequence) if multi else super().items()

    def keys(self) -> Iterable[K]:  # type: ignore[override]
        """Iterate over the keys, in the order of their first items."""
        return iter(self)

    def update(  # type: ignore[override]
        self,
        mapping: MultiDict[K, V]
        | Mapping[K, V | list[V] | tuple[V, ...] | set[V]]
        | Iterable[tuple[K, V]],
    ) -> None:
        """Add the items of ``mapping`` at the end; nothing is replaced."""
        self._fill(list(iter_multi_items(mapping)))

    def deepcopy(self, memo: Any = None) -> Self:
        """Return a copy with copies of the values, in the same order."""
        return type(self)(deepcopy(self._sequence, memo))

    @overload
    def pop(self, key: K) -> V: ...
    @overload
    def pop(self, key: K, default: V) -> V: ...
    @overload
    def pop(self, key: K, default: T) -> V | T: ...
    def pop(self, key: K, default: V | T = _MISSING) -> V | T:
        """Remove the items of ``key`` and return the first value.

        :param default: returned if there is none.
        :raises BadRequestKeyError: there is no value and no default.
        """
        values = self.poplist(key)
        if values:
            return values[0]
        if default is _MISSING:
            raise BadRequestKeyError(key)
        return default

    def poplist(self, key: K) -> list[V]:
        """Remove the items of ``key`` and return its values, an empty list if there are none."""
        values = super().poplist(key)
        if values:
            self._forget(key)
        return values

    def popitemlist(self) -> tuple[K, list[V]]:
        """Remove the items of the last key and return it with its values.

        :raises BadRequestKeyError: there is none.
        """
        key, values = super().popitemlist()
        self._forget(key)
        return key, values

    def clear(self) -> None:
        """Remove everything."""
        super().clear()
        self._sequence = []


class ImmutableOrderedMultiDict(ImmutableMultiDictMixin[K, V], OrderedMultiDict[K, V]):  # type: ignore[misc]
    """An :class:`OrderedMultiDict` that cannot be changed, and so has a hash. Deprecated, too."""

    _substitute = "ImmutableMultiDict"

    def _iter_hashitems(self) -> Iterator[Any]:
        # Equal ones have the same items in the same order.
        return enumerate(self._sequence)

    __hash__ = ImmutableMultiDictMixin.__hash__  # type: ignore[assignment]

    def copy(self) -> OrderedMultiDict[K, V]:  # type: ignore[override]
        """Return an :class:`OrderedMultiDict`, which can be changed."""
        return OrderedMultiDict(self)

    def __copy__(self) -> Self:
        return self
