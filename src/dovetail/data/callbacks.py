"""Dictionaries that tell when they were changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self, TypeVar, overload

__all__ = ["CallbackDict", "UpdateDictMixin"]

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_MISSING: Final[Any] = object()


class UpdateDictMixin(dict[K, V]):
    """Makes a :class:`dict` call ``on_update`` with itself after each change.

    ``setdefault`` and ``pop`` call it only if they changed something; the other methods always do.
    """

    on_update: Callable[[Self], None] | None = None

    def _changed(self) -> None:
        on_update: Callable[[Any], None] | None = self.on_update
        if on_update is not None:
            on_update(self)

    def setdefault(self: Self, key: K, default: V | None = None) -> V:
        """Return the value of ``key``; if there is none, set ``default`` first."""
        known = key in self
        value = super().setdefault(key, default)  # type: ignore[arg-type]
        if not known:
            self._changed()
        return value

    @overload
    def pop(self: Self, key: K) -> V: ...
    @overload
    def pop(self: Self, key: K, default: V) -> V: ...
    @overload
    def pop(self: Self, key: K, default: T) -> T: ...
    def pop(self: Self, key: K, default: V | T = _MISSING) -> V | T:
        """Remove ``key`` and return its value.

        :param default: returned if there is no such key.
        :raises KeyError: there is neither.
        """
        known = key in self
        if default is _MISSING:
            value: V | T = super().pop(key)
        else:
            value = super().pop(key, default)
        if known:
            self._changed()
        return value

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self._changed()

    def __delitem__(self, key: K) -> None:
        super().__delitem__(key)
        self._changed()

    def clear(self) -> None:
        """Remove everything."""
        super().clear()
        self._changed()

    def popitem(self) -> tuple[K, V]:
        """Remove the last item and return it.

        :raises KeyError: there is none.
        """
        item = super().popitem()
        self._changed()
        return item

    def update(  # type: ignore[override]
        self, arg: Mapping[K, V] | Iterable[tuple[K, V]] | None = None, /, **kwargs: V
    ) -> None:
        """Set the items of ``arg`` and of ``kwargs``, and tell once."""
        if arg is None:
            super().update(**kwargs)  # type: ignore[call-overload]
        else:
            super().update(arg, **kwargs)
        self._changed()

    def __ior__(self, other: Mapping[K, V] | Iterable[tuple[K, V]]) -> Self:  # type: ignore[override, misc]
        self.update(other)
        return self


class CallbackDict(UpdateDictMixin[K, V], dict[K, V]):
    """A :class:`dict` that calls ``on_update`` with itself whenever it is changed.

    :param initial: what it begins with.
    :param on_update: called after each change, with the dictionary.
    """

    def __init__(
        self,
        initial: Mapping[K, V] | Iterable[tuple[K, V]] | None = None,
        on_update: Callable[[Self], None] | None = None,
    ) -> None:
        if initial is None:
            super().__init__()
        else:
            super().__init__(initial)
        self.on_update = on_update

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {super().__repr__()}>"
