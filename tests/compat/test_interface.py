from __future__ import annotations

import string

import pytest

from dovetail.compat.interface import Deprecated, Interface, NameTable, load


def test_places_of_names() -> None:
    table = NameTable(
        "A module.",
        {"string": "digits letters=ascii_letters", "": "text=string"},
        {"": "sys", "os.path": "join"},
        {"old": Deprecated("string:digits", "old is deprecated")},
    )
    assert table.public == ["digits", "letters", "text"]
    assert table.places() == {
        "digits": "string:digits",
        "letters": "string:ascii_letters",
        "text": "string",
        "sys": "sys",
        "join": "os.path:join",
    }
    assert [load(table.places()[name]) for name in ("letters", "text")] == [
        string.ascii_letters,
        string,
    ]


def test_a_place_that_is_not_there() -> None:
    with pytest.raises(AttributeError):
        load("string:no_such_name")
    with pytest.raises(ModuleNotFoundError):
        load("no_such_module")


def test_submodules() -> None:
    tables = {name: NameTable("") for name in ("a", "a.b", "a.b.c", "a.d", "ab")}
    one = Interface("a", "A", "1", "A.", tables)
    assert (one.submodules("a"), one.submodules("a.b"), one.submodules("ab")) == (
        ["b", "d"],
        ["c"],
        [],
    )
