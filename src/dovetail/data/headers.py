"""Header fields of a message: names in any case, in order, repeated (RFC 9110 section 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn, Self, TypeAlias, TypeVar, overload
from wsgiref.types import WSGIEnvironment

from dovetail.data.exceptions import BadRequestKeyError
from dovetail.data.field_names import ENVIRON_FIELDS, ENVIRON_KEYS, FOLDED, UNPREFIXED, fold
from dovetail.data.header_values import dump_options_header
from dovetail.data.immutable import ImmutableHeadersMixin
from dovetail.data.multidict import MultiDict, is_mapping, iter_multi_items

__all__ = ["EnvironHeaders", "Headers", "ImmutableHeadersMixin"]

T = TypeVar("T")
D = TypeVar("D")

_MISSING: Final[Any] = object()

#: Values, or lists, tuples or sets of them, by their names.
FieldMapping: TypeAlias = Mapping[str, Any | list[Any] | tuple[Any, ...] | set[Any]]


def _check_name(name: str) -> None:
    """Refuse a name that is no text or would end its line (RFC 9110 section 5.5)."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a header field must be a str, not {type(name).__name__}")
    if "\n" in name or "\r" in name:
        raise ValueError("the name of a header field cannot contain a line end")
    fold(name)  # PERF: a name that is in FOLDED is not checked again


def _text(value: object) -> str:
    """Return ``value`` as the text of a field; refuse one that would end its line."""
    text = value if isinstance(value, str) else str(value)
    if "\n" in text or "\r" in text:
        raise ValueError("the value of a header field cannot contain a line end")
    return text


def _with_options(value: object, options: Mapping[str, Any]) -> str:
    header = None if value is None else str(value)
    return dump_options_header(header, {k.replace("_", "-"): v for k, v in options.items()})


def _fields(pairs: Iterable[tuple[str, Any]], several: bool = False) -> list[tuple[str, str]]:
    """Return the fields of ``pairs``.

    :param several: a list, tuple or set stands for several fields.
    """
    fields = []
    for name, value in pairs:
        if name not in FOLDED:
            _check_name(name)
        # PERF: the checks of _text() here, because a call takes longer than both of them.
        if type(value) is not str or "\n" in value or "\r" in value:
            if several and isinstance(value, (list, tuple, set)):
                fields += [(name, _text(one)) for one in value]
                continue
            value = _text(value)  # noqa: PLW2901
        fields.append((name, value))
    return fields


def _fields_of(source: Any) -> list[tuple[str, str]]:
    # PERF: the two that responses are made from take half of what the general way does; the fields
    # of another Headers have been checked.
    if type(source) is dict:
        return _fields(source.items(), several=True)
    if type(source) is Headers:
        return source._list[:]
    return _fields(iter_multi_items(source) if is_mapping(source) else source)


class Headers:
    """Header fields in order, repeated ones included; names compare without regard to case.

    It has the methods of a dictionary, which see the first field of a name, and those of
    :class:`~dovetail.data.multidict.MultiDict`, which see all; an index or a slice selects fields
    by position. Values become text; one with a carriage return or a line feed raises
    :exc:`ValueError`, because it would end the field (RFC 9110 section 5.5). A missing name raises
    a :exc:`KeyError` that is a :exc:`~dovetail.data.exceptions.BadRequest` as well.

    :param defaults: another one, a mapping whose values may be lists, tuples or sets, or an
        iterable of pairs.
    """

    _list: list[tuple[str, str]]

    def __init__(
        self,
        defaults: FieldSource | None = None,
    ) -> None:
        self._list = []
        if defaults is None:
            return
        if type(self) is Headers:  # PERF: responses are made of these; a call less
            self._list = _fields_of(defaults)
        else:
            self.extend(defaults)

    @overload
    def __getitem__(self, key: str) -> str: ...
    @overload
    def __getitem__(self, key: int) -> tuple[str, str]: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: str | int | slice) -> str | tuple[str, str] | Self:
        """Return the first value of a name, the field at a position or those of a slice.

        :raises BadRequestKeyError: there is no field of that name.
        """
        if isinstance(key, str):
            try:
                wanted = FOLDED[key]
                for name, value in self._list:
                    if FOLDED[name] == wanted:
                        return value
            except KeyError:
                for _, (_, value) in self._matches(key):
                    return value
            raise BadRequestKeyError(key)
        if isinstance(key, slice):
            return type(self)(self._list[key])
        return self._list[key]

    @overload
    def __setitem__(self, key: str, value: Any) -> None: ...
    @overload
    def __setitem__(self, key: int, value: tuple[str, Any]) -> None: ...
    @overload
    def __setitem__(self, key: slice, value: Iterable[tuple[str, Any]]) -> None: ...
    def __setitem__(self, key: str | int | slice, value: Any) -> None:
        """Set a field as :meth:`set` does, or replace those at a position or a slice."""
        if isinstance(key, str):
            self.set(key, value)
        elif isinstance(key, slice):
            self._list[key] = _fields(value)
        else:
            self._list[key] = _fields([(value[0], value[1])])[0]

    def __delitem__(self, key: str | int | slice) -> None:
        """Remove all fields of a name, or those at a position or a slice."""
        if isinstance(key, str):
            self.remove(key)
        else:
            del self._list[key]

    def __contains__(self, key: str) -> bool:
        try:
            wanted = FOLDED[key]
            for name, _ in self._list:  # noqa: SIM110 - PERF: any() takes three times as long
                if FOLDED[name] == wanted:
                    return True
            return False
        except KeyError:
            return any(self._matches(key))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._list)

    def __len__(self) -> int:
        return len(self._list)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._comparable() == other._comparable()

    __hash__ = None  # type: ignore[assignment]

    def _matches(self, key: str) -> Iterator[tuple[int, tuple[str, str]]]:
        """Iterate over positions and fields of a name, and remember the names for the next time."""
        wanted = fold(key)
        for at, field in enumerate(self._list):
            if fold(field[0]) == wanted:
                yield at, field

    def _comparable(self) -> set[tuple[str, str]]:
        return {(name.lower(), value) for name, value in self._list}

    @overload
    def get(self, key: str) -> str | None: ...
    @overload
    def get(self, key: str, default: str) -> str: ...
    @overload
    def get(self, key: str, default: D) -> str | D: ...
    @overload
    def get(self, key: str, default: D, type: Callable[[str], T]) -> T | D: ...
    @overload
    def get(self, key: str, *, type: Callable[[str], T]) -> T | None: ...
    def get(
        self, key: str, default: str | D | None = None, type: Callable[[str], T] | None = None
    ) -> str | T | D | None:
        """Return the first value of a name, converted by ``type``.

        :param default: returned if there is no such field or ``type`` raises :exc:`ValueError`.
        """
        try:
            wanted = FOLDED[key]
            for name, value in self._list:  # noqa: B007 - it is used after the loop
                if FOLDED[name] == wanted:
                    break
            else:
                return default
        except KeyError:
            for _, (_, value) in self._matches(key):  # noqa: B007
                break
            else:
                return default
        if type is None:
            return value
        try:
            return type(value)
        except ValueError:
            return default

    @overload
    def getlist(self, key: str) -> list[str]: ...
    @overload
    def getlist(self, key: str, type: Callable[[str], T]) -> list[T]: ...
    def getlist(self, key: str, type: Callable[[str], T] | None = None) -> list[str] | list[T]:
        """Return the values of all fields of a name, an empty list if there are none.

        :param type: converts each value; one for which it raises :exc:`ValueError` is left out.
        """
        try:
            wanted = FOLDED[key]
            values = [value for name, value in self._list if FOLDED[name] == wanted]
        except KeyError:
            values = [value for _, (_, value) in self._matches(key)]
        return values if type is None else _converted(values, type)

    def get_all(self, name: str) -> list[str]:
        """Return the values of all fields of a name, as :class:`wsgiref.headers.Headers` does."""
        return self.getlist(name)

    def items(self, lower: bool = False) -> Iterable[tuple[str, str]]:
        """Iterate over the fields.

        :param lower: with the names in lower case.
        """
        if not lower:
            return iter(self._list)
        return ((name.lower(), value) for name, value in self._list)

    def keys(self, lower: bool = False) -> Iterable[str]:
        """Iterate over the names, repeated ones included.

        :param lower: in lower case.
        """
        for name, _ in self._list:
            yield name.lower() if lower else name

    def values(self) -> Iterable[str]:
        """Iterate over the values."""
        for _, value in self._list:
            yield value

    def add(self, key: str, value: Any, /, **kwargs: Any) -> None:
        """Add a field at the end.

        :param kwargs: parameters that follow the value, as ``filename="x"`` for ``; filename=x``;
            an underscore in a name stands for a dash.
        """
        if kwargs:
            value = _with_options(value, kwargs)
        if key not in FOLDED:
            _check_name(key)
        if type(value) is not str or "\n" in value or "\r" in value:
            value = _text(value)
        self._list.append((key, value))

    def add_header(self, key: str, value: Any, /, **kwargs: Any) -> None:
        """Add a field, as :class:`wsgiref.headers.Headers` does; the same as :meth:`add`."""
        self.add(key, value, **kwargs)

    def set(self, key: str, value: Any, /, **kwargs: Any) -> None:
        """Replace the first field of a name and remove the others; add it if there is none.

        :param kwargs: parameters, as for :meth:`add`.
        """
        if kwargs:
            value = _with_options(value, kwargs)
        if key not in FOLDED:
            _check_name(key)
        if type(value) is not str or "\n" in value or "\r" in value:
            value = _text(value)
        fields = self._list
        first = -1
        repeated = False
        try:
            wanted = FOLDED[key]
            at = 0  # PERF: enumerate() and its pairs take half as long again
            for name, _ in fields:
                if FOLDED[name] == wanted:
                    if first < 0:
                        first = at
                    else:
                        repeated = True
                at += 1  # noqa: SIM113
        except KeyError:
            matches = list(self._matches(key))
            first = matches[0][0] if matches else -1
            repeated = len(matches) > 1
        if first < 0:
            fields.append((key, value))
            return
        if repeated:
            self.remove(key)
            fields.insert(first, (key, value))
        else:
            fields[first] = (key, value)

    def setdefault(self, key: str, default: Any) -> str:
        """Return the first value of a name; if there is none, set ``default`` first."""
        if key not in self:
            self.set(key, default)
        return self[key]

    def setlist(self, key: str, values: Iterable[Any]) -> None:
        """Replace the fields of a name by one for each of ``values``.

        The first takes the place of the first, the others come at the end.
        """
        texts = [_text(value) for value in values]
        if not texts:
            self.remove(key)
            return
        self.set(key, texts[0])
        for text in texts[1:]:
            self.add(key, text)

    def setlistdefault(self, key: str, default: Iterable[Any]) -> list[str]:
        """Return the values of a name; if there is none, set those of ``default`` first."""
        if key not in self:
            self.setlist(key, default)
        return self.getlist(key)

    def extend(
        self,
        arg: FieldSource | None = None,
        /,
        **kwargs: str,
    ) -> None:
        """Add the fields of ``arg`` and of ``kwargs`` at the end, as :meth:`add` does."""
        if arg is not None:
            self._append(arg)
        if kwargs:
            self._append(kwargs)

    def _append(self, source: Any) -> None:
        if type(self).add is Headers.add:
            self._list += _fields_of(source)
            return
        # A subclass may change each field, or refuse it.
        for name, value in list(iter_multi_items(source) if is_mapping(source) else source):
            self.add(name, value)

    def update(
        self,
        arg: FieldSource | None = None,
        /,
        **kwargs: Any,
    ) -> None:
        """Replace the fields whose names ``arg`` and ``kwargs`` have; the others stay.

        All values of a name in another :class:`Headers`, in a
        :class:`~dovetail.data.multidict.MultiDict` or in a list, tuple or set of a mapping are
        set; of an iterable of pairs the last one.
        """
        if isinstance(arg, Headers):
            self._replace_by(list(arg))
        elif isinstance(arg, MultiDict):
            self._replace(arg.to_dict(flat=False))
        elif isinstance(arg, Mapping):
            self._replace(arg)
        elif arg is not None:
            for name, value in arg:
                self.set(name, value)
        self._replace(kwargs)

    def _replace_by(self, fields: list[tuple[str, str]]) -> None:
        """Set the fields, under the last spelling of each name.

        The first of a name goes where the first was, the others to the end when the last is met.
        """
        spelling = {name.lower(): name for name, _ in fields}
        values: dict[str, list[str]] = {folded: [] for folded in spelling}
        for name, value in fields:
            values[name.lower()].append(value)
        left = {folded: len(texts) for folded, texts in values.items()}
        for folded in [name.lower() for name, _ in fields]:
            first, *others = values[folded]
            if left[folded] == len(others) + 1:
                self.set(spelling[folded], first)
            left[folded] -= 1
            if not left[folded]:
                self.extend([(spelling[folded], text) for text in others])

    def _replace(self, mapping: Mapping[str, Any]) -> None:
        for name, value in mapping.items():
            if isinstance(value, (list, tuple, set)):
                self.setlist(name, value)
            else:
                self.set(name, value)

    def __or__(self, other: FieldMapping) -> Self:
        if not isinstance(other, Mapping):
            return NotImplemented
        merged = self.copy()
        merged.update(other)
        return merged

    def __ior__(
        self,
        other: FieldMapping | Iterable[tuple[str, Any]],
    ) -> Self:
        if not isinstance(other, (Mapping, Iterable)):
            return NotImplemented
        self.update(other)
        return self

    def remove(self, key: str) -> None:
        """Remove all fields of a name."""
        wanted = key.lower()
        self._list[:] = [field for field in self._list if field[0].lower() != wanted]

    @overload
    def pop(self) -> tuple[str, str]: ...
    @overload
    def pop(self, key: str) -> str: ...
    @overload
    def pop(self, key: int | None = ...) -> tuple[str, str]: ...
    @overload
    def pop(self, key: str, default: str) -> str: ...
    @overload
    def pop(self, key: str, default: T) -> str | T: ...
    def pop(
        self, key: str | int | None = None, default: str | T = _MISSING
    ) -> str | tuple[str, str] | T:
        """Remove all fields of a name and return the first value, or remove one by position.

        :param key: a name, a position, or None for the last field.
        :param default: returned if there is no field of that name.
        :raises BadRequestKeyError: there is neither.
        :raises IndexError: there is no field at that position.
        """
        if key is None:
            return self._list.pop()
        if isinstance(key, int):
            return self._list.pop(key)
        values = self.getlist(key)
        if values:
            self.remove(key)
            return values[0]
        if default is _MISSING:
            raise BadRequestKeyError(key)
        return default

    def popitem(self) -> tuple[str, str]:
        """Remove the last field and return it.

        :raises IndexError: there is none.
        """
        return self._list.pop()

    def clear(self) -> None:
        """Remove all fields."""
        self._list.clear()

    def copy(self) -> Self:
        """Return a copy."""
        return type(self)(self if type(self) is Headers else self._list)

    def __copy__(self) -> Self:
        return self.copy()

    def to_wsgi_list(self) -> list[tuple[str, str]]:
        """Return a list for ``start_response`` (PEP 3333)."""
        return self._list[:]

    def __str__(self) -> str:
        """Return the fields and the empty line as they are sent."""
        return "".join([f"{name}: {value}\r\n" for name, value in self._list]) + "\r\n"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"


def _converted(values: Iterable[str], type: Callable[[str], T]) -> list[T]:
    converted = []
    for value in values:
        try:
            converted.append(type(value))
        except ValueError:
            continue
    return converted


#: What header fields are made from. (Not a str, so that ``typing.get_type_hints`` can read it.)
FieldSource: TypeAlias = Headers | MultiDict[str, Any] | FieldMapping | Iterable[tuple[str, Any]]


class EnvironHeaders(ImmutableHeadersMixin, Headers):  # type: ignore[misc]
    """The header fields of a WSGI environ, read when they are asked for; they cannot be changed.

    Each name occurs once, because the server has joined repeated fields. Names come from the keys
    of the environ: an underscore cannot be told from a dash.

    :param environ: the environ, which is kept, not copied.
    """

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ

    @property
    def _list(self) -> list[tuple[str, str]]:  # type: ignore[override]
        return list(self)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.environ is other.environ

    __hash__ = None

    def __getitem__(self, key: str) -> str:  # type: ignore[override]
        """Return the value of a field.

        :raises BadRequestKeyError: there is none.
        """
        if isinstance(key, str):
            try:
                return self.environ[ENVIRON_KEYS[key]]  # type: ignore[no-any-return]
            except KeyError:
                pass
        raise BadRequestKeyError(key)

    def __contains__(self, key: str) -> bool:
        return isinstance(key, str) and ENVIRON_KEYS[key] in self.environ

    @overload
    def get(self, key: str) -> str | None: ...
    @overload
    def get(self, key: str, default: str) -> str: ...
    @overload
    def get(self, key: str, default: D) -> str | D: ...
    @overload
    def get(self, key: str, default: D, type: Callable[[str], T]) -> T | D: ...
    @overload
    def get(self, key: str, *, type: Callable[[str], T]) -> T | None: ...
    def get(
        self, key: str, default: str | D | None = None, type: Callable[[str], T] | None = None
    ) -> str | T | D | None:
        """Return the value of a field, converted by ``type``, as in :meth:`Headers.get`."""
        if not isinstance(key, str):
            return default
        value = self.environ.get(ENVIRON_KEYS[key], _MISSING)
        if value is _MISSING:
            return default
        if type is None:
            return value  # type: ignore[no-any-return]
        try:
            return type(value)
        except ValueError:
            return default

    @overload
    def getlist(self, key: str) -> list[str]: ...
    @overload
    def getlist(self, key: str, type: Callable[[str], T]) -> list[T]: ...
    def getlist(self, key: str, type: Callable[[str], T] | None = None) -> list[str] | list[T]:
        """Return a list of the value of a field, an empty one if there is none."""
        name = ENVIRON_KEYS[key]
        value = self.environ.get(name)
        if value is None or (not value and name in UNPREFIXED):
            return []
        return [value] if type is None else _converted([value], type)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for key, value in self.environ.items():
            name = ENVIRON_FIELDS[key]
            # A server may set the two to an empty string for a field that was not sent (PEP 3333).
            if name is not None and (value or key not in UNPREFIXED):
                yield name, value

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def copy(self) -> NoReturn:
        """Raise :exc:`TypeError`; ``Headers(environ_headers)`` makes a copy."""
        raise TypeError(f"{type(self).__name__!r} objects cannot be copied; use Headers(headers)")

    def __or__(self, other: Any) -> NoReturn:
        self.copy()
