from __future__ import annotations

import pytest

from dovetail.routing.converters import IntegerConverter, PathConverter
from dovetail.routing.map import Map
from dovetail.routing.parts import split_rule
from dovetail.routing.template import UrlTemplate

CONVERTERS = {"x": IntegerConverter(Map()), "p": PathConverter(Map())}


def template(rule: str, defaults: dict[str, object] | None = None) -> UrlTemplate:
    return UrlTemplate(split_rule(rule), CONVERTERS, defaults or {})


def test_fixed() -> None:
    made = template("/é")
    assert (made.fixed, made.gap) == ("/%C3%A9", None)
    assert made.fill({}) == "/%C3%A9"


def test_one_gap() -> None:
    made = template("/a/<int:x>/b")
    assert made.fixed is None
    assert made.gap is not None
    before, name, to_url, after = made.gap
    assert (before, name, to_url(True), to_url("05"), after) == ("/a/", "x", "1", "5", "/b")
    assert made.fill({"x": 5}) == "/a/5/b"


def test_several_gaps() -> None:
    made = template("<int:x>/<path:p>")
    assert (made.fixed, made.gap) == (None, None)
    assert made.fill({"x": 1, "p": "a/b c"}) == "1/a/b%20c"
    with pytest.raises(KeyError):
        made.fill({"x": 1})


def test_defaults_are_filled_in() -> None:
    made = template("/<int:x>/<path:p>", {"x": 7})
    assert made.fill({"p": "a"}) == "/7/a"
    assert template("/<int:x>", {"x": 7}).fixed == "/7"
