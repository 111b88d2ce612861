from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from dovetail.data.immutable import (
    ImmutableDict,
    ImmutableDictMixin,
    ImmutableHeadersMixin,
    ImmutableList,
    ImmutableListMixin,
    refuse,
)

LIST_CHANGES: dict[str, Callable[[Any], Any]] = {
    "append": lambda v: v.append(1),
    "clear": lambda v: v.clear(),
    "extend": lambda v: v.extend([1]),
    "insert": lambda v: v.insert(0, 1),
    "pop": lambda v: v.pop(),
    "remove": lambda v: v.remove(1),
    "reverse": lambda v: v.reverse(),
    "sort": lambda v: v.sort(key=str, reverse=True),
    "__delitem__": lambda v: v.__delitem__(0),
    "__setitem__": lambda v: v.__setitem__(0, 1),
    "__iadd__": lambda v: v.__iadd__([1]),
    "__imul__": lambda v: v.__imul__(2),
}
DICT_CHANGES: dict[str, Callable[[Any], Any]] = {
    "clear": lambda v: v.clear(),
    "pop": lambda v: v.pop("a"),
    "popitem": lambda v: v.popitem(),
    "setdefault": lambda v: v.setdefault("a", 2),
    "update": lambda v: v.update({}, b=1),
    "__delitem__": lambda v: v.__delitem__("a"),
    "__setitem__": lambda v: v.__setitem__("a", 1),
    "__ior__": lambda v: v.__ior__({"b": 1}),
}
HEADERS_CHANGES: dict[str, Callable[[Any], Any]] = {
    "add": lambda v: v.add("a", "b", c="d"),
    "add_header": lambda v: v.add_header("a", "b"),
    "clear": lambda v: v.clear(),
    "extend": lambda v: v.extend({}),
    "insert": lambda v: v.insert(0, ("a", "b")),
    "pop": lambda v: v.pop(),
    "popitem": lambda v: v.popitem(),
    "remove": lambda v: v.remove("a"),
    "set": lambda v: v.set("a", "b"),
    "setdefault": lambda v: v.setdefault("a", "b"),
    "setlist": lambda v: v.setlist("a", []),
    "setlistdefault": lambda v: v.setlistdefault("a", []),
    "update": lambda v: v.update({}),
    "__delitem__": lambda v: v.__delitem__("a"),
    "__setitem__": lambda v: v.__setitem__("a", "b"),
    "__ior__": lambda v: v.__ior__({}),
}


@pytest.mark.parametrize("name", LIST_CHANGES)
def test_a_list_refuses(name: str) -> None:
    value = ImmutableList([1, 2])
    with pytest.raises(TypeError, match="'ImmutableList' objects are immutable"):
        LIST_CHANGES[name](value)
    assert value == [1, 2]


@pytest.mark.parametrize("name", DICT_CHANGES)
def test_a_dict_refuses(name: str) -> None:
    value = ImmutableDict(a=1)
    with pytest.raises(TypeError, match="'ImmutableDict' objects are immutable"):
        DICT_CHANGES[name](value)
    assert value == {"a": 1}


@pytest.mark.parametrize("name", HEADERS_CHANGES)
def test_header_fields_refuse(name: str) -> None:
    class Fields(ImmutableHeadersMixin):
        pass

    with pytest.raises(TypeError, match="'Fields' objects are immutable"):
        HEADERS_CHANGES[name](Fields())


def test_refuse_names_the_class() -> None:
    with pytest.raises(TypeError, match="'int'"):
        refuse(3)


def test_a_list_has_a_hash() -> None:
    assert hash(ImmutableList([1, 2])) == hash(ImmutableList([1, 2]))
    assert hash(ImmutableList([1, 2])) != hash(ImmutableList([2, 1]))
    with pytest.raises(TypeError):
        hash(ImmutableList([[]]))


def test_a_list_is_a_list() -> None:
    value = ImmutableList([1, 2])
    assert isinstance(value, list)
    assert isinstance(value, ImmutableListMixin)
    assert repr(value) == "ImmutableList([1, 2])"
    assert value[::-1] == [2, 1]
    assert type(value.copy()) is list
    assert type(copy.copy(value)) is ImmutableList


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_they_can_be_pickled(protocol: int) -> None:
    for value in (ImmutableList([1, 2]), ImmutableDict(a=1)):
        loaded = pickle.loads(pickle.dumps(value, protocol))
        assert loaded == value
        assert type(loaded) is type(value)


def test_a_dict_has_a_hash() -> None:
    value = ImmutableDict(a=1, b=2)
    assert hash(value) == hash(ImmutableDict(b=2, a=1))
    assert {value: 3}[ImmutableDict(a=1, b=2)] == 3
    with pytest.raises(TypeError):
        hash(ImmutableDict(a=[]))


def test_copies_of_a_dict() -> None:
    value = ImmutableDict(a=[1])
    assert copy.copy(value) is value
    assert type(value.copy()) is dict
    deep = copy.deepcopy(value)
    assert deep == value
    assert deep["a"] is not value["a"]
    assert type(deep) is ImmutableDict


def test_a_dict_from_keys() -> None:
    assert repr(ImmutableDict.fromkeys("ab", 1)) == "ImmutableDict({'a': 1, 'b': 1})"
    assert ImmutableDict.fromkeys("a") == {"a": None}


def test_merging_makes_a_plain_dict() -> None:
    merged = ImmutableDict(a=1) | {"b": 2}
    assert merged == {"a": 1, "b": 2}
    assert type(merged) is dict


def test_the_mixin_makes_other_dicts_immutable() -> None:
    class Frozen(ImmutableDictMixin[str, int], dict[str, int]):  # type: ignore[misc]
        pass

    frozen = Frozen({"a": 1})
    with pytest.raises(TypeError):
        frozen["b"] = 2
    assert hash(frozen) == hash(Frozen({"a": 1}))
