from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.header_set import HeaderSet, parse_set_header

# A change, its result, what is there afterwards, and how often the callback was called.
CHANGES: list[tuple[Callable[[Any], Any], Any, list[str], int]] = [
    (lambda s: s.add("FOO"), None, ["Foo", "bar"], 0),
    (lambda s: s.add("New"), None, ["Foo", "bar", "New"], 1),
    (lambda s: s.remove("FOO"), None, ["bar"], 1),
    (lambda s: s.discard("BAR"), None, ["Foo"], 1),
    (lambda s: s.discard("zz"), None, ["Foo", "bar"], 0),
    (lambda s: s.update(["a", "foo", "A", "b"]), None, ["Foo", "bar", "a", "b"], 1),
    (lambda s: s.update(["foo"]), None, ["Foo", "bar"], 0),
    (lambda s: s.clear(), None, [], 1),
    (lambda s: s.pop(), "Foo", ["bar"], 1),
    (lambda s: s.__delitem__(0), None, ["bar"], 1),
    (lambda s: s.__delitem__(-1), None, ["Foo"], 1),
    (lambda s: s.__setitem__(0, "Q"), None, ["Q", "bar"], 1),
    (lambda s: s.__setitem__(0, "FOO"), None, ["FOO", "bar"], 1),
]


@pytest.mark.parametrize(("change", "result", "left", "calls"), CHANGES)
def test_change(change: Callable[[Any], Any], result: Any, left: list[str], calls: int) -> None:
    told: list[list[str]] = []
    value = HeaderSet(["Foo", "bar"], on_update=lambda s: told.append(list(s)))
    assert change(value) == result
    assert list(value) == left
    assert len(value) == len(left)
    assert value.as_set() == {name.lower() for name in left}
    assert told == [left] * calls


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda s: s.remove("zz"), KeyError),
        (lambda s: s.index("zz"), IndexError),
        (lambda s: s[9], IndexError),
        (lambda s: s.__delitem__(9), IndexError),
        (lambda s: s.__setitem__(9, "a"), IndexError),
    ],
)
def test_errors(change: Callable[[Any], Any], error: type[Exception]) -> None:
    told: list[Any] = []
    value = HeaderSet(["Foo"], told.append)
    with pytest.raises(error):
        change(value)
    assert list(value) == ["Foo"]
    assert not told


def test_reading() -> None:
    value = HeaderSet(["Foo", "bar"])
    assert "FOO" in value
    assert "zz" not in value
    assert value.find("BAR") == value.index("BAR") == 1
    assert value.find("zz") == -1
    assert value[0] == "Foo"
    assert value.as_set(preserve_casing=True) == {"Foo", "bar"}
    assert repr(value) == "HeaderSet(['Foo', 'bar'])"
    assert value
    assert not HeaderSet()


def test_text() -> None:
    value = HeaderSet(["a", "b c", 'd"e', "é"])
    assert value.to_header() == str(value) == 'a, "b c", "d\\"e", "é"'
    assert HeaderSet().to_header() == ""


def test_set_operations() -> None:
    value = HeaderSet(["Foo", "bar"])
    assert list(value | {"x"}) == ["Foo", "bar", "x"]
    assert list(value - {"Foo"}) == ["bar"]
    assert value == HeaderSet(["BAR", "foo"])
    assert value != HeaderSet(["foo"])
    told: list[Any] = []
    value.on_update = told.append
    value |= {"y"}
    assert told == [value]
    assert list(value) == ["Foo", "bar", "y"]


def test_repeated_names_are_taken_as_they_are() -> None:
    value = HeaderSet(["a", "A", "b"])
    assert list(value) == ["a", "A", "b"]
    assert len(value) == 2
    del value[0]
    assert "a" in value
    value[0] = "c"
    assert list(value) == ["c", "b"]
    assert "a" not in value


def test_copies() -> None:
    value = HeaderSet(["a"])
    assert list(copy.copy(value)) == ["a"]
    assert list(pickle.loads(pickle.dumps(value))) == ["a"]


def test_parse_set_header() -> None:
    told: list[Any] = []
    value = parse_set_header('token, "quoted value", Token', told.append)
    assert list(value) == ["token", "quoted value", "Token"]
    value.add("x")
    assert told == [value]
    assert list(parse_set_header(None)) == list(parse_set_header("")) == []
    assert parse_set_header(parse_set_header('a, "b c"').to_header()).as_set() == {"a", "b c"}


names = st.lists(st.text('abcDEF-_!, "\\;=é', min_size=1), unique_by=str.lower, max_size=5)


@given(names)
def test_what_was_dumped_is_parsed(names: list[str]) -> None:
    parsed = parse_set_header(HeaderSet(names).to_header())
    assert list(parsed) == names
