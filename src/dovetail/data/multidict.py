"""Dictionaries with several values for a key, as forms and query strings have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Final, NoReturn, Self, SupportsIndex, TypeVar, overload

from dovetail.data.exceptions import BadRequestKeyError
from dovetail.data.immutable import ImmutableDictMixin, refuse

__all__ = [
    "CombinedMultiDict",
    "ImmutableMultiDict",
    "ImmutableMultiDictMixin",
    "ImmutableTypeConversionDict",
    "MultiDict",
    "TypeConversionDict",
    "is_mapping",
    "iter_multi_items",
]

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")
D = TypeVar("D")

_MISSING: Final[Any] = object()
# PERF: a plain method of dict, called as a function, takes 28 ns where super().__getitem__() takes
# 60 ns; so does iterating a dict's own view rather than our generator.
_lookup: Callable[..., Any] = dict.get
_pairs: Callable[..., Any] = dict.items
# The underlying dictionary, whose values are lists and so of another type than MultiDict says.
_dict: Any = dict


def is_mapping(source: object) -> bool:
    """Tell whether ``source`` is a :class:`~collections.abc.Mapping`.

    PERF: the abstract class takes 300 ns to decide about a list; this takes 60 ns.
    """
    if isinstance(source, (list, tuple)):
        return False
    return isinstance(source, (dict, Mapping))


def iter_multi_items(
    mapping: MultiDict[K, V]
    | Mapping[K, V | list[V] | tuple[V, ...] | set[V]]
    | Iterable[tuple[K, V]],
) -> Iterator[tuple[K, V]]:
    """Iterate over the items of ``mapping``, one for each value of a key.

    A list, tuple or set as the value of a mapping counts as several values.
    """
    source: Any = mapping
    if isinstance(mapping, MultiDict):
        yield from mapping.items(multi=True)
    elif is_mapping(mapping):
        for key, value in source.items():
            if isinstance(value, (list, tuple, set)):
                for one in value:
                    yield key, one
            else:
                yield key, value
    else:
        yield from source


class TypeConversionDict(dict[K, V]):
    """A :class:`dict` whose :meth:`get` converts the value."""

    @overload  # type: ignore[override]
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: V) -> V: ...
    @overload
    def get(self, key: K, default: D) -> D | V: ...
    @overload
    def get(self, key: K, default: D, type: Callable[[V], T]) -> D | T: ...
    @overload
    def get(self, key: K, *, type: Callable[[V], T]) -> T | None: ...
    def get(
        self, key: K, default: D | None = None, type: Callable[[V], T] | None = None
    ) -> V | T | D | None:
        """Return the value of ``key``, converted by ``type``.

        :param default: returned if there is no such key or ``type`` raises :exc:`ValueError` or
            :exc:`TypeError`.
        """
        try:
            value = self[key]
        except KeyError:
            return default
        if type is None:
            return value
        try:
            return type(value)
        except (ValueError, TypeError):
            return default


class ImmutableTypeConversionDict(ImmutableDictMixin[K, V], TypeConversionDict[K, V]):  # type: ignore[misc]
    """A :class:`TypeConversionDict` that cannot be changed."""

    def copy(self) -> TypeConversionDict[K, V]:
        """Return a shallow copy that can be changed."""
        return TypeConversionDict(self)

    def __copy__(self) -> Self:
        return self


class MultiDict(TypeConversionDict[K, V]):
    """A :class:`dict` that can have several values for a key.

    The ordinary methods of a dictionary see the first value of each key; :meth:`getlist`,
    :meth:`lists` and their like see all. A missing key raises a :exc:`KeyError` that is a
    :exc:`~dovetail.data.exceptions.BadRequest` as well. The underlying dictionary holds a list for
    each key.

    :param mapping: another one, a mapping whose values may be lists, tuples or sets, or an
        iterable of pairs.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Our get() does not go through __getitem__; a subclass with a lookup of its own means both.
        if cls.__getitem__ is not MultiDict.__getitem__ and cls.get is MultiDict.get:
            cls.get = TypeConversionDict.get  # type: ignore[method-assign]

    def __init__(
        self,
        mapping: MultiDict[K, V]
        | Mapping[K, V | list[V] | tuple[V, ...] | set[V]]
        | Iterable[tuple[K, V]]
        | None = None,
    ) -> None:
        if mapping is None:
            return
        lists: dict[K, list[V]]
        source: Any = mapping
        if isinstance(mapping, MultiDict):
            lists = {key: values for key, values in mapping.lists() if values}
        elif is_mapping(mapping):
            lists = _lists_of(source)
        else:
            # PERF: filling a plain dict and handing it over at the end takes half the time of
            # filling self, whose type the interpreter cannot specialise on.
            lists = {}
            for key, value in source:
                if key in lists:
                    lists[key].append(value)
                else:
                    lists[key] = [value]
        _dict.update(self, lists)

    def __getitem__(self, key: K) -> V:
        """Return the first value of ``key``.

        :raises BadRequestKeyError: there is none.
        """
        values = _lookup(self, key)
        if values:
            return values[0]  # type: ignore[no-any-return]
        raise BadRequestKeyError(key)

    def __setitem__(self, key: K, value: V) -> None:
        """Make ``value`` the only value of ``key``."""
        _dict.__setitem__(self, key, [value])

    def __iter__(self) -> Iterator[K]:
        # dict(multidict) copies the lists unless the subclass has an __iter__ of its own.
        return _dict.__iter__(self)  # type: ignore[no-any-return]

    @overload  # type: ignore[override]
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: V) -> V: ...
    @overload
    def get(self, key: K, default: D) -> D | V: ...
    @overload
    def get(self, key: K, default: D, type: Callable[[V], T]) -> D | T: ...
    @overload
    def get(self, key: K, *, type: Callable[[V], T]) -> T | None: ...
    def get(
        self, key: K, default: D | None = None, type: Callable[[V], T] | None = None
    ) -> V | T | D | None:
        """Return the first value of ``key``, converted by ``type``.

        :param default: returned if there is no such key or ``type`` raises :exc:`ValueError` or
            :exc:`TypeError`.
        """
        values = _lookup(self, key)
        if not values:
            return default
        if type is None:
            return values[0]  # type: ignore[no-any-return]
        try:
            return type(values[0])
        except (ValueError, TypeError):
            return default

    def add(self, key: K, value: V) -> None:
        """Add ``value`` to the values of ``key``."""
        _dict.setdefault(self, key, []).append(value)

    @overload
    def getlist(self, key: K) -> list[V]: ...
    @overload
    def getlist(self, key: K, type: Callable[[V], T]) -> list[T]: ...
    def getlist(self, key: K, type: Callable[[V], T] | None = None) -> list[V] | list[T]:
        """Return a new list of the values of ``key``, empty if there is none.

        :param type: converts each value; one for which it raises :exc:`ValueError` or
            :exc:`TypeError` is left out.
        """
        values: list[V] | None = _lookup(self, key)
        if values is None:
            return []
        if type is None:
            return values[:]
        return list(_converted(values, type))

    def setlist(self, key: K, new_list: Iterable[V]) -> None:
        """Make a copy of ``new_list`` the values of ``key``."""
        _dict.__setitem__(self, key, list(new_list))

    def setdefault(self, key: K, default: V | None = None) -> V | None:  # type: ignore[override]
        """Return the first value of ``key``; if there is no such key, set ``default`` first."""
        if key not in self:
            self[key] = default  # type: ignore[assignment]
            return default
        return self[key]

    def setlistdefault(self, key: K, default_list: Iterable[V] | None = None) -> list[V]:
        """Return the list of values of ``key`` itself; changes to it change the dictionary.

        :param default_list: what a new list begins with.
        """
        if key not in self:
            _dict.__setitem__(self, key, list(default_list or ()))
        return _dict.__getitem__(self, key)  # type: ignore[no-any-return]

    def items(self, multi: bool = False) -> Iterable[tuple[K, V]]:  # type: ignore[override]
        """Iterate over pairs of a key and its first value.

        :param multi: pairs for each value instead.
        """
        if multi:
            for key, values in _pairs(self):
                for value in values:
                    yield key, value
        else:
            for key, values in _pairs(self):
                if values:
                    yield key, values[0]

    def lists(self) -> Iterable[tuple[K, list[V]]]:
        """Iterate over pairs of a key and a new list of its values."""
        for key, values in _pairs(self):
            yield key, values[:]

    def values(self) -> Iterable[V]:  # type: ignore[override]
        """Iterate over the first value of each key."""
        for values in _dict.values(self):
            if values:
                yield values[0]

    def listvalues(self) -> Iterable[list[V]]:
        """Iterate over the lists of values, in the order of the keys."""
        return _dict.values(self)  # type: ignore[no-any-return]

    def copy(self) -> Self:
        """Return a copy with lists of its own."""
        return type(self)(self)

    def deepcopy(self, memo: Any = None) -> Self:
        """Return a copy with copies of the values.

        :param memo: what :func:`copy.deepcopy` hands on.
        """
        return type(self)(deepcopy(self.to_dict(flat=False), memo))

    @overload
    def to_dict(self) -> dict[K, V]: ...
    @overload
    def to_dict(self, flat: bool) -> dict[K, V] | dict[K, list[V]]: ...
    def to_dict(self, flat: bool = True) -> dict[K, V] | dict[K, list[V]]:
        """Return a :class:`dict` of the first values.

        :param flat: false for a dict of lists of all values.
        """
        if flat:
            return dict(self.items())
        return dict(self.lists())

    def update(  # type: ignore[override]
        self,
        mapping: MultiDict[K, V]
        | Mapping[K, V | list[V] | tuple[V, ...] | set[V]]
        | Iterable[tuple[K, V]],
    ) -> None:
        """Add the items of ``mapping`` to those that are there; nothing is replaced."""
        items = iter_multi_items(mapping)
        if mapping is self:  # its lists grow meanwhile
            items = iter(list(items))
        add = self.add
        for key, value in items:
            add(key, value)

    def __or__(self, other: Mapping[K, V | list[V]]) -> Self:  # type: ignore[override]
        if not isinstance(other, Mapping):
            return NotImplemented
        merged = self.copy()
        merged.update(other)
        return merged

    def __ior__(self, other: Mapping[K, V | list[V]] | Iterable[tuple[K, V]]) -> Self:  # type: ignore[override]
        if not isinstance(other, (Mapping, Iterable)):
            return NotImplemented
        self.update(other)
        return self

    @overload
    def pop(self, key: K) -> V: ...
    @overload
    def pop(self, key: K, default: V) -> V: ...
    @overload
    def pop(self, key: K, default: T) -> V | T: ...
    def pop(self, key: K, default: V | T = _MISSING) -> V | T:
        """Remove ``key`` with all its values and return the first of them.

        :param default: returned if there is none.
        :raises BadRequestKeyError: there is no value and no default.
        """
        values: Any = _dict.pop(self, key, None)
        if values:
            return values[0]  # type: ignore[no-any-return]
        if default is _MISSING:
            raise BadRequestKeyError(key)
        return default

    def popitem(self) -> tuple[K, V]:
        """Remove the last key and return it with its first value.

        :raises BadRequestKeyError: there is none.
        """
        key, values = self.popitemlist()
        if values:
            return key, values[0]
        raise BadRequestKeyError(key)

    def poplist(self, key: K) -> list[V]:
        """Remove ``key`` and return its values, an empty list if there are none."""
        return _dict.pop(self, key, [])  # type: ignore[no-any-return]

    def popitemlist(self) -> tuple[K, list[V]]:
        """Remove the last key and return it with its values.

        :raises BadRequestKeyError: there is none.
        """
        try:
            return _dict.popitem(self)  # type: ignore[no-any-return]
        except KeyError as error:
            raise BadRequestKeyError(error.args[0]) from None

    def __getstate__(self) -> Any:
        return dict(self.lists())

    def __setstate__(self, state: Any) -> None:
        _dict.clear(self)
        _dict.update(self, state)

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Self:
        return self.deepcopy(memo)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self.items(multi=True))!r})"


def _lists_of(mapping: Mapping[K, Any]) -> dict[K, list[Any]]:
    lists = {}
    for key, value in mapping.items():
        if not isinstance(value, (list, tuple, set)):
            lists[key] = [value]
        elif value:
            lists[key] = list(value)
    return lists


def _converted(values: Iterable[V], type: Callable[[V], T]) -> Iterator[T]:
    for value in values:
        try:
            yield type(value)
        except (ValueError, TypeError):
            continue


class ImmutableMultiDictMixin(ImmutableDictMixin[K, V]):
    """Makes a :class:`MultiDict` subclass immutable and hashable."""

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return type(self), (list(self.items(multi=True)),)  # type: ignore[attr-defined]

    def _iter_hashitems(self) -> Iterator[Any]:
        return iter(self.items(multi=True))  # type: ignore[attr-defined]

    def add(self, key: Any, value: Any) -> NoReturn:  # noqa: ARG002
        """Raise :exc:`TypeError`."""
        refuse(self)

    def popitemlist(self) -> NoReturn:
        """Raise :exc:`TypeError`."""
        refuse(self)

    def poplist(self, key: Any) -> NoReturn:  # noqa: ARG002
        """Raise :exc:`TypeError`."""
        refuse(self)

    def setlist(self, key: Any, new_list: Any) -> NoReturn:  # noqa: ARG002
        """Raise :exc:`TypeError`."""
        refuse(self)

    def setlistdefault(self, key: Any, default_list: Any = None) -> NoReturn:  # noqa: ARG002
        """Raise :exc:`TypeError`."""
        refuse(self)


class ImmutableMultiDict(ImmutableMultiDictMixin[K, V], MultiDict[K, V]):  # type: ignore[misc]
    """A :class:`MultiDict` that cannot be changed after it was made, and so has a hash."""

    def copy(self) -> MultiDict[K, V]:  # type: ignore[override]
        """Return a :class:`MultiDict`, which can be changed."""
        return MultiDict(self)

    def __copy__(self) -> Self:
        return self


class CombinedMultiDict(ImmutableMultiDictMixin[K, V], MultiDict[K, V]):  # type: ignore[misc]
    """A read-only view of several :class:`MultiDict` as if they were one.

    A single value comes from the first of them that has the key, a list from all. A change to one
    of them is seen.

    :param dicts: the dictionaries.
    """

    def __init__(self, dicts: Iterable[MultiDict[K, V]] | None = None) -> None:
        super().__init__()
        self.dicts: list[MultiDict[K, V]] = list(dicts or ())

    @classmethod
    def fromkeys(cls, keys: Any, value: Any = None) -> NoReturn:  # noqa: ARG003
        """Raise :exc:`TypeError`: there would be no dictionaries to combine."""
        raise TypeError(f"{cls.__name__!r} objects combine others and cannot be made from keys")

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return type(self), (self.dicts,)

    def __getitem__(self, key: K) -> V:
        value = self.get(key, _MISSING)
        if value is _MISSING:
            raise BadRequestKeyError(key)
        return value  # type: ignore[no-any-return]

    @overload  # type: ignore[override]
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: V) -> V: ...
    @overload
    def get(self, key: K, default: D) -> D | V: ...
    @overload
    def get(self, key: K, default: D, type: Callable[[V], T]) -> D | T: ...
    @overload
    def get(self, key: K, *, type: Callable[[V], T]) -> T | None: ...
    def get(
        self, key: K, default: D | None = None, type: Callable[[V], T] | None = None
    ) -> V | T | D | None:
        """Return the value of ``key`` in the first dictionary that has it and can convert it."""
        for one in self.dicts:
            value = one.get(key, _MISSING)
            if value is _MISSING:
                continue
            if type is None:
                return value  # type: ignore[no-any-return]
            try:
                return type(value)
            except (ValueError, TypeError):
                continue
        return default

    @overload
    def getlist(self, key: K) -> list[V]: ...
    @overload
    def getlist(self, key: K, type: Callable[[V], T]) -> list[T]: ...
    def getlist(self, key: K, type: Callable[[V], T] | None = None) -> list[V] | list[T]:
        """Return the values of ``key`` in all the dictionaries, as in :meth:`MultiDict.getlist`."""
        found: list[Any] = []
        for one in self.dicts:
            found += one.getlist(key) if type is None else one.getlist(key, type)
        return found

    def _keys(self) -> dict[K, None]:
        return {key: None for one in self.dicts for key in one}

    def keys(self) -> Iterable[K]:  # type: ignore[override]
        """Return the keys of all, each once, in the order of the dictionaries."""
        return self._keys().keys()

    def __iter__(self) -> Iterator[K]:
        return iter(self._keys())

    def __reversed__(self) -> Iterator[K]:
        return reversed(self._keys())

    def __len__(self) -> int:
        return len(self._keys())

    def __contains__(self, key: object) -> bool:
        return any(key in one for one in self.dicts)

    def items(self, multi: bool = False) -> Iterable[tuple[K, V]]:  # type: ignore[override]
        """Iterate over pairs of a key and its first value, or with ``multi`` each value."""
        found = set()
        for one in self.dicts:
            for key, value in one.items(multi):
                if multi:
                    yield key, value
                elif key not in found:
                    found.add(key)
                    yield key, value

    def values(self) -> Iterable[V]:  # type: ignore[override]
        """Iterate over the first value of each key."""
        for _, value in self.items():
            yield value

    def _lists(self) -> dict[K, list[V]]:
        merged: dict[K, list[V]] = {}
        for one in self.dicts:
            for key, values in one.lists():
                merged.setdefault(key, []).extend(values)
        return merged

    def lists(self) -> Iterable[tuple[K, list[V]]]:
        """Return pairs of a key and all its values."""
        return self._lists().items()

    def listvalues(self) -> Iterable[list[V]]:
        """Return the lists of all values, in the order of the keys."""
        return self._lists().values()

    def copy(self) -> MultiDict[K, V]:  # type: ignore[override]
        """Return a :class:`MultiDict` of all values, which can be changed."""
        return MultiDict(self)

    def __copy__(self) -> MultiDict[K, V]:  # type: ignore[override]
        return self.copy()

    def deepcopy(self, memo: Any = None) -> Self:
        """Return a view of copies of the dictionaries."""
        return type(self)(deepcopy(self.dicts, memo))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, MultiDict):
            return self._lists() == dict(other.lists())
        if isinstance(other, dict):
            return self._lists() == other
        return NotImplemented

    __ne__ = object.__ne__  # that of dict knows nothing of our __eq__

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self._iter_hashitems()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dicts!r})"
