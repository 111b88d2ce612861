from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dovetail.data.callbacks import CallbackDict, UpdateDictMixin

# A change, its result, what is there afterwards, and how often the callback was called.
CHANGES: list[tuple[Callable[[Any], Any], Any, dict[str, Any], int]] = [
    (lambda d: d.__setitem__("b", 2), None, {"a": 1, "b": 2}, 1),
    (lambda d: d.__setitem__("a", 1), None, {"a": 1}, 1),
    (lambda d: d.__delitem__("a"), None, {}, 1),
    (lambda d: d.pop("a"), 1, {}, 1),
    (lambda d: d.pop("a", 5), 1, {}, 1),
    (lambda d: d.pop("x", 5), 5, {"a": 1}, 0),
    (lambda d: d.pop("x", default=None), None, {"a": 1}, 0),
    (lambda d: d.popitem(), ("a", 1), {}, 1),
    (lambda d: d.clear(), None, {}, 1),
    (lambda d: d.setdefault("a", 2), 1, {"a": 1}, 0),
    (lambda d: d.setdefault("b", 2), 2, {"a": 1, "b": 2}, 1),
    (lambda d: d.setdefault("b"), None, {"a": 1, "b": None}, 1),
    (lambda d: d.update({"b": 2}, c=3), None, {"a": 1, "b": 2, "c": 3}, 1),
    (lambda d: d.update([("b", 2)]), None, {"a": 1, "b": 2}, 1),
    (lambda d: d.update(arg=2), None, {"a": 1, "arg": 2}, 1),
    (lambda d: d.update(None), None, {"a": 1}, 1),
    (lambda d: d.update(), None, {"a": 1}, 1),
]


@pytest.mark.parametrize(("change", "result", "left", "calls"), CHANGES)
def test_changes_are_told(
    change: Callable[[Any], Any], result: Any, left: dict[str, Any], calls: int
) -> None:
    told: list[dict[str, Any]] = []
    value = CallbackDict({"a": 1}, on_update=lambda d: told.append(dict(d)))
    assert change(value) == result
    assert value == left
    assert told == [left] * calls


@pytest.mark.parametrize(
    "change",
    [lambda d: d.pop("x"), lambda d: d.__delitem__("x"), lambda d: d.update(5), lambda d: d[[]]],
)
def test_a_failed_change_is_not_told(change: Callable[[Any], Any]) -> None:
    told: list[Any] = []
    value = CallbackDict({"a": 1}, told.append)
    with pytest.raises((KeyError, TypeError)):
        change(value)
    assert value == {"a": 1}
    assert not told


def test_merging_in_place_is_told() -> None:
    told: list[Any] = []
    value = same = CallbackDict({"a": 1}, told.append)
    value |= {"b": 2}
    assert value is same
    assert told == [{"a": 1, "b": 2}]
    assert type(value | {"c": 3}) is dict


def test_the_callback_is_an_attribute() -> None:
    value: CallbackDict[str, int] = CallbackDict()
    assert value.on_update is None
    value["a"] = 1
    told: list[Any] = []
    value.on_update = told.append
    value["b"] = 2
    assert told == [value]


def test_initial_values() -> None:
    assert repr(CallbackDict([("a", 1)])) == "<CallbackDict {'a': 1}>"
    assert CallbackDict(None) == {}
    with pytest.raises(TypeError):
        CallbackDict(a=1)  # type: ignore[call-arg]


def test_the_mixin_gives_any_dict_a_callback() -> None:
    class Told(UpdateDictMixin[str, int]):
        on_update = None

    value = Told(a=1)
    value.clear()
    assert value == {}
    with pytest.raises(KeyError):
        value.popitem()
