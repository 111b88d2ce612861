from __future__ import annotations

import copy
import pickle
from collections import UserDict
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.exceptions import BadRequest, BadRequestKeyError
from dovetail.data.headers import Headers
from dovetail.data.multidict import (
    CombinedMultiDict,
    ImmutableMultiDict,
    ImmutableMultiDictMixin,
    ImmutableTypeConversionDict,
    MultiDict,
    TypeConversionDict,
    is_mapping,
    iter_multi_items,
)

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def raw(value: MultiDict[Any, Any]) -> dict[Any, list[Any]]:
    """Return what the underlying dictionary holds."""
    return dict(dict.items(value))


def _raise_key_error(value: object) -> object:
    raise KeyError(value)


def sample() -> MultiDict[str, int]:
    return MultiDict([("a", 1), ("b", 2), ("a", 3)])


class TestIterMultiItems:
    def test_a_mapping_may_have_lists_tuples_and_sets(self) -> None:
        source = {"a": [1, 2], "b": (3, 4), "c": {5}, "d": 6, "e": [], "f": "xy"}
        assert list(iter_multi_items(source)) == [
            *(("a", 1), ("a", 2), ("b", 3), ("b", 4), ("c", 5), ("d", 6), ("f", "xy")),
        ]

    def test_pairs_are_taken_as_they_are(self) -> None:
        assert list(iter_multi_items([("a", [1, 2]), ("a", 3)])) == [("a", [1, 2]), ("a", 3)]

    def test_all_values_of_a_multi_dict(self) -> None:
        assert list(iter_multi_items(sample())) == [("a", 1), ("a", 3), ("b", 2)]

    def test_other_types_raise(self) -> None:
        with pytest.raises(TypeError):
            list(iter_multi_items(5))  # type: ignore[arg-type]

    def test_is_mapping(self) -> None:
        assert is_mapping({})
        assert is_mapping(MappingProxyType({}))
        assert is_mapping(UserDict())
        assert not is_mapping([])
        assert not is_mapping(iter(()))


class TestTypeConversionDict:
    def test_get_converts(self) -> None:
        value: TypeConversionDict[str, Any] = TypeConversionDict(a="1", b="x", c=None)
        assert value.get("a", type=int) == 1
        assert value.get("a") == "1"
        assert value.get("b", 3, int) == 3
        assert value.get("b", type=int) is None
        assert value.get("c", -1, type=int) == -1
        assert value.get("z", "d", type=str) == "d"

    def test_other_errors_of_the_conversion_are_raised(self) -> None:
        with pytest.raises(KeyError):
            TypeConversionDict(a="1").get("a", 3, _raise_key_error)

    def test_immutable(self) -> None:
        value = ImmutableTypeConversionDict({"a": "1"})
        assert value.get("a", type=int) == 1
        assert copy.copy(value) is value
        assert type(value.copy()) is TypeConversionDict
        assert hash(value) == hash(ImmutableTypeConversionDict({"a": "1"}))
        with pytest.raises(TypeError, match="immutable"):
            value["a"] = "2"


class TestMaking:
    @pytest.mark.parametrize(
        ("source", "lists"),
        [
            (None, {}),
            ([], {}),
            ([("a", 1), ("b", 2), ("a", 3)], {"a": [1, 3], "b": [2]}),
            (iter([("a", 1), ("a", 2)]), {"a": [1, 2]}),
            ({"a": [1, 2], "b": (3,), "c": {4}, "d": 5, "e": [], "f": ()}, None),
            (MappingProxyType({"a": [1, 2]}), {"a": [1, 2]}),
            (UserDict({"a": [1, 2]}), {"a": [1, 2]}),
            (MultiDict([("a", 1), ("a", 2)]), {"a": [1, 2]}),
            (Headers([("a", "1"), ("A", "2")]), {"a": ["1"], "A": ["2"]}),
            (["ab"], {"a": ["b"]}),
        ],
    )
    def test_from(self, source: Any, lists: dict[str, list[Any]] | None) -> None:
        assert raw(MultiDict(source)) == (
            {"a": [1, 2], "b": [3], "c": [4], "d": [5]} if lists is None else lists
        )

    @pytest.mark.parametrize(
        ("source", "error"), [(5, TypeError), ([1], TypeError), (["a"], ValueError)]
    )
    def test_from_nonsense(self, source: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            MultiDict(source)

    def test_the_lists_are_its_own(self) -> None:
        values = [1]
        first: MultiDict[str, int] = MultiDict({"a": values})
        second = MultiDict(first)
        second.add("a", 2)
        assert values == [1]
        assert first.getlist("a") == [1]

    def test_from_keys(self) -> None:
        made: Any = MultiDict.fromkeys("ab", 1)
        assert raw(made) == {"a": [1], "b": [1]}


class TestReading:
    def test_the_first_value(self) -> None:
        value = sample()
        assert value["a"] == 1
        assert value.get("a") == 1
        assert value.get("x") is None
        assert value.get("x", 7) == 7

    def test_a_missing_key_is_a_bad_request(self) -> None:
        with pytest.raises(BadRequestKeyError) as caught:
            sample()["x"]
        assert isinstance(caught.value, BadRequest)
        assert isinstance(caught.value, KeyError)
        assert caught.value.args == ("x",)

    def test_get_converts(self) -> None:
        value: MultiDict[str, Any] = MultiDict([("a", "x"), ("a", "1"), ("n", None)])
        assert value.get("a", 5, int) == 5
        assert value.get("a", type=str.upper) == "X"
        assert value.get("n", type=int) is None
        with pytest.raises(KeyError):
            value.get("a", type=_raise_key_error)

    def test_getlist(self) -> None:
        value: MultiDict[str, Any] = MultiDict([("a", "x"), ("a", "1"), ("a", None)])
        assert value.getlist("a") == ["x", "1", None]
        assert value.getlist("a", type=int) == [1]
        assert value.getlist("z") == []
        value.getlist("a").clear()
        assert len(value.getlist("a")) == 3

    def test_views(self) -> None:
        value = sample()
        assert list(value) == list(value.keys()) == ["a", "b"]
        assert list(value.items()) == [("a", 1), ("b", 2)]
        assert list(value.items(multi=True)) == [("a", 1), ("a", 3), ("b", 2)]
        assert list(value.values()) == [1, 2]
        assert list(value.lists()) == [("a", [1, 3]), ("b", [2])]
        assert list(value.listvalues()) == [[1, 3], [2]]
        assert len(value) == 2
        assert next(iter(value.values())) == 1

    def test_to_dict(self) -> None:
        assert sample().to_dict() == {"a": 1, "b": 2}
        assert sample().to_dict(flat=False) == {"a": [1, 3], "b": [2]}
        assert dict(sample()) == {"a": 1, "b": 2}
        assert dict(**sample()) == {"a": 1, "b": 2}

    def test_a_key_with_an_empty_list_has_no_first_value(self) -> None:
        value = sample()
        value.setlist("e", [])
        assert "e" in value
        assert value.get("e") is None
        assert list(value.items()) == [("a", 1), ("b", 2)]
        assert list(value.values()) == [1, 2]
        with pytest.raises(BadRequestKeyError):
            value["e"]

    def test_representation_and_equality(self) -> None:
        assert repr(sample()) == "MultiDict([('a', 1), ('a', 3), ('b', 2)])"
        assert sample() == MultiDict({"b": 2, "a": [1, 3]})
        assert sample() != MultiDict({"b": 2, "a": [3, 1]})
        with pytest.raises(TypeError):
            hash(sample())

    def test_a_lookup_of_a_subclass_holds_for_get(self) -> None:
        class Folded(MultiDict[str, int]):
            def __getitem__(self, key: str) -> int:
                return super().__getitem__(key.lower())

        assert Folded({"a": 1}).get("A") == 1
        assert Folded({"a": 1}).get("B", 2) == 2


CHANGES: list[tuple[Callable[[Any], Any], Any, dict[str, list[int]]]] = [
    (lambda d: d.__setitem__("a", 9), None, {"a": [9], "b": [2]}),
    (lambda d: d.__delitem__("a"), None, {"b": [2]}),
    (lambda d: d.add("a", 4), None, {"a": [1, 3, 4], "b": [2]}),
    (lambda d: d.add("c", 4), None, {"a": [1, 3], "b": [2], "c": [4]}),
    (lambda d: d.setlist("a", (7, 8)), None, {"a": [7, 8], "b": [2]}),
    (lambda d: d.setdefault("a", 5), 1, {"a": [1, 3], "b": [2]}),
    (lambda d: d.setdefault("c", 5), 5, {"a": [1, 3], "b": [2], "c": [5]}),
    (lambda d: d.setlistdefault("a", [5]), [1, 3], {"a": [1, 3], "b": [2]}),
    (lambda d: d.setlistdefault("c", (5, 6)), [5, 6], {"a": [1, 3], "b": [2], "c": [5, 6]}),
    (lambda d: d.setlistdefault("c"), [], {"a": [1, 3], "b": [2], "c": []}),
    (
        lambda d: d.update({"a": [4, 5], "b": (), "c": 6}),
        None,
        {"a": [1, 3, 4, 5], "b": [2], "c": [6]},
    ),
    (lambda d: d.update([("b", 4)]), None, {"a": [1, 3], "b": [2, 4]}),
    (lambda d: d.update(MultiDict([("b", 4), ("b", 5)])), None, {"a": [1, 3], "b": [2, 4, 5]}),
    (lambda d: d.update(d), None, {"a": [1, 3, 1, 3], "b": [2, 2]}),
    (lambda d: d.pop("a"), 1, {"b": [2]}),
    (lambda d: d.pop("x", 5), 5, {"a": [1, 3], "b": [2]}),
    (lambda d: d.pop("x", default=None), None, {"a": [1, 3], "b": [2]}),
    (lambda d: d.popitem(), ("b", 2), {"a": [1, 3]}),
    (lambda d: d.popitemlist(), ("b", [2]), {"a": [1, 3]}),
    (lambda d: d.poplist("a"), [1, 3], {"b": [2]}),
    (lambda d: d.poplist("x"), [], {"a": [1, 3], "b": [2]}),
    (lambda d: d.clear(), None, {}),
]


class TestChanging:
    @pytest.mark.parametrize(("change", "result", "left"), CHANGES)
    def test_change(
        self, change: Callable[[Any], Any], result: Any, left: dict[str, list[int]]
    ) -> None:
        value = sample()
        assert change(value) == result
        assert raw(value) == left

    def test_a_list_by_setlistdefault_is_the_list_itself(self) -> None:
        value = sample()
        value.setlistdefault("a").append(9)
        value.setlistdefault("n").extend([1, 2])
        assert value.getlist("a") == [1, 3, 9]
        assert value.getlist("n") == [1, 2]

    @pytest.mark.parametrize(
        ("change", "argument"),
        [
            (lambda d: d.pop("x"), "x"),
            (lambda d: d.popitem(), "popitem(): dictionary is empty"),
            (lambda d: d.popitemlist(), "popitem(): dictionary is empty"),
        ],
    )
    def test_nothing_to_take_out(self, change: Callable[[Any], Any], argument: str) -> None:
        with pytest.raises(BadRequestKeyError) as caught:
            change(MultiDict())
        assert caught.value.args == (argument,)

    @pytest.mark.parametrize("take", [lambda d: d.pop("e"), lambda d: d.popitem()])
    def test_taking_a_key_without_values(self, take: Callable[[Any], Any]) -> None:
        value: MultiDict[str, int] = MultiDict()
        value.setlist("e", [])
        with pytest.raises(BadRequestKeyError):
            take(value)
        assert "e" not in value
        value.setlist("e", [])
        assert value.pop("e", 3) == 3

    def test_update_needs_an_argument(self) -> None:
        with pytest.raises(TypeError):
            sample().update()  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            sample().update(None)  # type: ignore[arg-type]

    def test_update_adds_by_the_method_of_a_subclass(self) -> None:
        class Doubled(MultiDict[str, int]):
            def add(self, key: str, value: int) -> None:
                super().add(key, value * 2)

        value = Doubled()
        value.update({"a": [1, 2]})
        assert value.getlist("a") == [2, 4]


class TestMerging:
    def test_or(self) -> None:
        first = sample()
        assert raw(first | {"a": 9, "c": [7, 8]}) == {"a": [1, 3, 9], "b": [2], "c": [7, 8]}
        assert raw(first) == {"a": [1, 3], "b": [2]}

    @pytest.mark.parametrize("other", [[("a", 1)], 5, None])
    def test_or_wants_a_mapping(self, other: Any) -> None:
        with pytest.raises(TypeError):
            sample() | other

    @pytest.mark.parametrize("other", [{"b": 9}, [("b", 9)], MultiDict([("b", 9)])])
    def test_or_in_place(self, other: Any) -> None:
        value = same = sample()
        value |= other
        assert value is same
        assert raw(value) == {"a": [1, 3], "b": [2, 9]}

    def test_or_in_place_wants_items(self) -> None:
        value = sample()
        with pytest.raises(TypeError):
            value |= 5  # type: ignore[arg-type]


class Named(MultiDict[str, Any]):
    pass


class TestCopies:
    @pytest.mark.parametrize(
        "copied", [lambda d: d.copy(), copy.copy, lambda d: d.deepcopy(), copy.deepcopy]
    )
    def test_a_copy_has_lists_of_its_own(self, copied: Callable[[Any], Any]) -> None:
        value = Named({"a": [[1], [2]]})
        other = copied(value)
        assert type(other) is Named
        assert other == value
        other.add("a", 3)
        assert len(value.getlist("a")) == 2

    def test_a_deep_copy_has_values_of_its_own(self) -> None:
        value = Named({"a": [[1]]})
        assert value.copy()["a"] is value["a"]
        assert value.deepcopy()["a"] is not value["a"]
        memo: dict[int, Any] = {}
        pair = copy.deepcopy([value, value], memo)
        assert pair[0] is pair[1]

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_pickling(self, protocol: int) -> None:
        value = Named([("a", 1), ("a", 2), ("b", 3)])
        if protocol > 1:
            value.setlist("e", [])
        loaded = pickle.loads(pickle.dumps(value, protocol))
        assert type(loaded) is Named
        assert raw(loaded) == raw(value)


IMMUTABLE_CHANGES: list[Callable[[Any], Any]] = [
    lambda d: d.add("a", 1),
    lambda d: d.clear(),
    lambda d: d.pop("a"),
    lambda d: d.popitem(),
    lambda d: d.popitemlist(),
    lambda d: d.poplist("a"),
    lambda d: d.setdefault("a", 1),
    lambda d: d.setlist("a", []),
    lambda d: d.setlistdefault("a"),
    lambda d: d.update({}),
    lambda d: d.__setitem__("a", 1),
    lambda d: d.__delitem__("a"),
    lambda d: d.__ior__({}),
]


class TestImmutableMultiDict:
    @pytest.mark.parametrize("change", IMMUTABLE_CHANGES)
    @pytest.mark.parametrize(
        "value",
        [
            ImmutableMultiDict([("a", 1), ("a", 2)]),
            CombinedMultiDict([MultiDict([("a", 1), ("a", 2)])]),
        ],
    )
    def test_it_refuses(self, value: MultiDict[str, int], change: Callable[[Any], Any]) -> None:
        assert isinstance(value, ImmutableMultiDictMixin)
        with pytest.raises(TypeError, match=f"'{type(value).__name__}' objects are immutable"):
            change(value)
        assert value.getlist("a") == [1, 2]

    def test_hash(self) -> None:
        value = ImmutableMultiDict([("a", 1), ("b", 2), ("a", 3)])
        assert hash(value) == hash(ImmutableMultiDict({"b": 2, "a": [1, 3]}))
        assert value == sample()
        with pytest.raises(TypeError):
            hash(ImmutableMultiDict([("a", [])]))

    def test_copies(self) -> None:
        value = ImmutableMultiDict([("a", 1), ("a", 2)])
        assert type(value.copy()) is MultiDict
        assert value.copy() == value
        assert copy.copy(value) is value
        assert type(copy.deepcopy(value)) is ImmutableMultiDict
        assert type(value | {"b": 1}) is MultiDict
        assert repr(ImmutableMultiDict.fromkeys("a", 1)) == "ImmutableMultiDict([('a', 1)])"

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_pickling(self, protocol: int) -> None:
        value = ImmutableMultiDict([("a", 1), ("a", 2)])
        loaded = pickle.loads(pickle.dumps(value, protocol))
        assert type(loaded) is ImmutableMultiDict
        assert raw(loaded) == {"a": [1, 2]}


class TestCombinedMultiDict:
    def make(self) -> CombinedMultiDict[str, Any]:
        return CombinedMultiDict(
            [MultiDict([("a", 1), ("a", 2), ("c", None)]), MultiDict([("a", 3), ("b", "4")])]
        )

    def test_single_values_come_from_the_first(self) -> None:
        value = self.make()
        assert value["a"] == 1
        assert value["c"] is None
        assert value.get("b", type=int) == 4
        assert value.get("x", 5) == 5
        with pytest.raises(BadRequestKeyError) as caught:
            value["x"]
        assert caught.value.args == ("x",)

    def test_a_value_that_cannot_be_converted_is_passed_over(self) -> None:
        value = CombinedMultiDict([MultiDict({"a": "x"}), MultiDict({"a": "1"})])
        assert value.get("a", type=int) == 1
        assert value.get("a", 9, type=lambda v: int(v, 2) if v == "2" else int("z")) == 9
        assert value.getlist("a", type=int) == [1]

    def test_lists_come_from_all(self) -> None:
        value = self.make()
        assert value.getlist("a") == [1, 2, 3]
        assert value.getlist("x") == []
        assert list(value.lists()) == [("a", [1, 2, 3]), ("c", [None]), ("b", ["4"])]
        assert list(value.listvalues()) == [[1, 2, 3], [None], ["4"]]
        assert value.to_dict(flat=False) == {"a": [1, 2, 3], "c": [None], "b": ["4"]}

    def test_views(self) -> None:
        value = self.make()
        assert list(value) == list(value.keys()) == ["a", "c", "b"]
        assert list(reversed(value)) == ["b", "c", "a"]
        assert list(value.items()) == [("a", 1), ("c", None), ("b", "4")]
        assert list(value.items(multi=True)) == [
            *(("a", 1), ("a", 2), ("c", None), ("a", 3), ("b", "4")),
        ]
        assert list(value.values()) == [1, None, "4"]
        assert len(value) == 3
        assert "b" in value
        assert "x" not in value
        assert dict(value) == {"a": 1, "c": None, "b": "4"}
        assert value.to_dict() == {"a": 1, "c": None, "b": "4"}

    def test_changes_are_seen(self) -> None:
        value = self.make()
        value.dicts[1].add("z", 1)
        assert value["z"] == 1

    def test_a_key_without_values_is_passed_over(self) -> None:
        empty: MultiDict[str, int] = MultiDict()
        empty.setlist("a", [])
        assert CombinedMultiDict([empty, MultiDict({"a": 1})])["a"] == 1

    def test_nothing_to_combine(self) -> None:
        assert CombinedMultiDict().dicts == []
        assert not CombinedMultiDict(None)
        with pytest.raises(TypeError, match="keys"):
            CombinedMultiDict.fromkeys("ab")

    def test_equality_goes_by_content(self) -> None:
        assert self.make() == self.make()
        assert self.make() == self.make().copy()
        assert self.make() == {"a": [1, 2, 3], "c": [None], "b": ["4"]}
        assert self.make() != CombinedMultiDict()
        assert (self.make() == 5) is False
        assert (self.make() != self.make()) is False
        assert hash(self.make()) == hash(self.make())

    def test_copies(self) -> None:
        value = self.make()
        for copied in (value.copy(), copy.copy(value)):
            assert type(copied) is MultiDict
            assert copied.getlist("a") == [1, 2, 3]
        for deep in (value.deepcopy(), copy.deepcopy(value)):
            assert type(deep) is CombinedMultiDict
            assert deep == value
            assert deep.dicts[0] is not value.dicts[0]
        assert (value | {"a": 9}).getlist("a") == [1, 2, 3, 9]
        assert repr(CombinedMultiDict([MultiDict()])) == "CombinedMultiDict([MultiDict([])])"

    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_pickling(self, protocol: int) -> None:
        loaded = pickle.loads(pickle.dumps(self.make(), protocol))
        assert type(loaded) is CombinedMultiDict
        assert loaded == self.make()


# A multi-dictionary is a dictionary of lists: the same operations on both, step by step.
KEYS = st.sampled_from("abc")
VALUES = st.integers(0, 9)
STEPS = st.one_of(
    st.tuples(st.just("add"), KEYS, VALUES),
    st.tuples(st.just("set"), KEYS, VALUES),
    st.tuples(st.just("setlist"), KEYS, st.lists(VALUES, max_size=3)),
    st.tuples(st.just("setdefault"), KEYS, VALUES),
    st.tuples(st.just("setlistdefault"), KEYS, st.lists(VALUES, max_size=3)),
    st.tuples(st.just("update"), st.lists(st.tuples(KEYS, VALUES), max_size=4)),
    st.tuples(st.just("pop"), KEYS),
    st.tuples(st.just("poplist"), KEYS),
    st.tuples(st.just("popitemlist")),
    st.tuples(st.just("delete"), KEYS),
)


def apply_to_model(model: dict[str, list[int]], step: Any) -> Any:  # noqa: PLR0911
    match step:
        case ("add", key, value):
            model.setdefault(key, []).append(value)
        case ("set", key, value):
            model[key] = [value]
        case ("setlist", key, values):
            model[key] = list(values)
        case ("setdefault", key, value):
            values = model.setdefault(key, [value])
            return values[0] if values else KeyError
        case ("setlistdefault", key, values):
            return model.setdefault(key, list(values))
        case ("update", items):
            for key, value in items:
                model.setdefault(key, []).append(value)
        case ("pop", key):
            values = model.pop(key, None)
            return values[0] if values else KeyError
        case ("poplist", key):
            return model.pop(key, [])
        case ("popitemlist",):
            return model.popitem() if model else KeyError
        case ("delete", key):
            return None if model.pop(key, None) is not None else KeyError
    return None


def apply_to_multidict(value: MultiDict[str, int], step: Any) -> Any:
    name, *arguments = step
    method = {"set": "__setitem__", "delete": "__delitem__"}.get(name, name)
    try:
        return getattr(value, method)(*arguments)
    except KeyError:
        return KeyError


@given(st.lists(st.tuples(KEYS, VALUES), max_size=8), st.lists(STEPS, max_size=20))
def test_it_agrees_with_a_model(items: list[tuple[str, int]], steps: list[Any]) -> None:
    value: MultiDict[str, int] = MultiDict(items)
    model: dict[str, list[int]] = {}
    for key, item in items:
        model.setdefault(key, []).append(item)
    for step in steps:
        assert apply_to_multidict(value, step) == apply_to_model(model, step)
        assert raw(value) == model
        assert list(value) == list(model)
        assert list(value.items(multi=True)) == [(k, v) for k, vs in model.items() for v in vs]
        assert value.to_dict() == {k: vs[0] for k, vs in model.items() if vs}
        assert raw(MultiDict(value)) == {k: vs for k, vs in model.items() if vs}
