from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dovetail.data.exceptions import BadRequestKeyError
from dovetail.data.multidict import MultiDict
from dovetail.data.ordered_multidict import ImmutableOrderedMultiDict, OrderedMultiDict

Items = list[tuple[str, int]]
START: Items = [("a", 1), ("b", 2), ("a", 3)]


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def sample() -> OrderedMultiDict[str, int]:
    return OrderedMultiDict(START)


@pytest.mark.parametrize(
    ("cls", "instead"),
    [(OrderedMultiDict, "use MultiDict"), (ImmutableOrderedMultiDict, "use ImmutableMultiDict")],
)
def test_making_one_warns(cls: type[Any], instead: str) -> None:
    with pytest.warns(DeprecationWarning, match=instead) as caught:
        cls(START)
    assert [warning.filename for warning in caught] == [__file__]


def test_reading() -> None:
    value = sample()
    assert list(value.items(multi=True)) == START
    assert list(value.items()) == [("a", 1), ("b", 2)]
    assert list(value) == list(value.keys()) == ["a", "b"]
    assert list(value.values()) == [1, 2]
    assert list(value.lists()) == [("a", [1, 3]), ("b", [2])]
    assert list(value.listvalues()) == [[1, 3], [2]]
    assert value["a"] == value.get("a") == 1
    assert value.getlist("a", type=str) == ["1", "3"]
    assert value.to_dict(flat=False) == {"a": [1, 3], "b": [2]}
    assert repr(value) == f"OrderedMultiDict({START})"
    with pytest.raises(BadRequestKeyError):
        value["z"]


CHANGES: list[tuple[Callable[[Any], Any], Any, Items]] = [
    (lambda d: d.__setitem__("a", 9), None, [("b", 2), ("a", 9)]),
    (lambda d: d.__delitem__("a"), None, [("b", 2)]),
    (lambda d: d.add("b", 5), None, [*START, ("b", 5)]),
    (lambda d: d.setlist("a", [7, 8]), None, [("b", 2), ("a", 7), ("a", 8)]),
    (lambda d: d.setlist("a", []), None, [("b", 2)]),
    (lambda d: d.setdefault("a", 5), 1, START),
    (lambda d: d.setdefault("n", 5), 5, [*START, ("n", 5)]),
    (lambda d: d.update({"a": [4, 5], "q": 1}), None, [*START, ("a", 4), ("a", 5), ("q", 1)]),
    (lambda d: d.update(d), None, START + START),
    (lambda d: d.pop("a"), 1, [("b", 2)]),
    (lambda d: d.pop("z", 1), 1, START),
    (lambda d: d.popitem(), ("b", 2), [("a", 1), ("a", 3)]),
    (lambda d: d.popitemlist(), ("b", [2]), [("a", 1), ("a", 3)]),
    (lambda d: d.poplist("a"), [1, 3], [("b", 2)]),
    (lambda d: d.poplist("z"), [], START),
    (lambda d: d.clear(), None, []),
]


@pytest.mark.parametrize(("change", "result", "left"), CHANGES)
def test_change(change: Callable[[Any], Any], result: Any, left: Items) -> None:
    value = sample()
    assert change(value) == result
    assert list(value.items(multi=True)) == left
    assert value == OrderedMultiDict(left)
    assert value == MultiDict(left)


@pytest.mark.parametrize(
    "change",
    [lambda d: d.pop("z"), lambda d: d.__delitem__("z"), lambda d: OrderedMultiDict().popitem()],
)
def test_nothing_to_take_out(change: Callable[[Any], Any]) -> None:
    with pytest.raises(BadRequestKeyError):
        change(sample())


def test_a_list_cannot_be_had_to_change_it() -> None:
    with pytest.raises(TypeError, match="setlistdefault"):
        sample().setlistdefault("a")


def test_equality_goes_by_order_among_ordered_ones() -> None:
    other = OrderedMultiDict([("b", 2), ("a", 1), ("a", 3)])
    assert sample() != other
    assert (sample() == other) is False
    assert sample() == MultiDict(other)
    assert MultiDict(other) == sample()
    assert sample() != []
    with pytest.raises(TypeError):
        hash(sample())


def test_copies() -> None:
    value = sample()
    for other in (value.copy(), copy.copy(value), value.deepcopy(), copy.deepcopy(value)):
        assert type(other) is OrderedMultiDict
        assert other == value
        other.add("c", 1)
    assert list((value | {"a": 9}).items(multi=True)) == [*START, ("a", 9)]
    assert list(value.items(multi=True)) == START


@pytest.mark.parametrize("cls", [OrderedMultiDict, ImmutableOrderedMultiDict])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling(cls: type[Any], protocol: int) -> None:
    loaded = pickle.loads(pickle.dumps(cls(START), protocol))
    assert type(loaded) is cls
    assert list(loaded.items(multi=True)) == START


def test_state() -> None:
    value: OrderedMultiDict[str, int] = OrderedMultiDict()
    value.__setstate__(sample().__getstate__())
    assert value == sample()


def test_an_immutable_one() -> None:
    value = ImmutableOrderedMultiDict(START)
    assert hash(value) == hash(ImmutableOrderedMultiDict(START))
    assert hash(value) != hash(ImmutableOrderedMultiDict(START[::-1]))
    assert type(value.copy()) is OrderedMultiDict
    assert copy.copy(value) is value
    assert copy.deepcopy(value) == value
    for change in (value.clear, value.popitem, lambda: value.add("a", 1), lambda: value.pop("a")):
        with pytest.raises(TypeError, match="immutable"):
            change()
