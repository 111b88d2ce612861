from __future__ import annotations

import re
from typing import Any

import pytest

from dovetail.routing.converters import BaseConverter
from dovetail.routing.map import Map
from dovetail.routing.rules import Rule


class Upper(BaseConverter):
    def to_python(self, value: str) -> str:
        return value.upper()


@pytest.mark.parametrize(
    ("string", "path", "expected"),
    [
        ("/<x>/<int:y>", "/a/5", {"x": "a", "y": 5}),
        ("/<float:x>", "/1.5", {"x": 1.5}),
        ("/a<int:x>.b", "/a5.b", {"x": 5}),
        ("/<x>-<int:y>", "/a-b-5", {"x": "a-b", "y": 5}),
        ("/<path:p>", "/a/b//", {"p": "a/b//"}),
        ("/<path:p>/", "/a/b/", {"p": "a/b"}),
        ("/<upper:u>/<path:p>", "/a/b/c", {"u": "A", "p": "b/c"}),
        ("/<path:p>/<int:x>/", "/a/b/5/", {"p": "a/b", "x": 5}),
        ("/<path:p>/x/<path:q>", "/a/x/b/x/c", {"p": "a", "q": "b/x/c"}),
        ("/<int(max=5):x>", "/6", None),
        ("/<int:x>", "/" + "1" * 5000, None),
    ],
)
def test_read(string: str, path: str, expected: dict[str, Any] | None) -> None:
    rule = Rule(string, endpoint="e")
    Map([rule], converters={"upper": Upper})
    assert rule.reading.read(path.split("/")) == expected


@pytest.mark.parametrize(
    "string", ["/a<x>/<y>", "/<x>-<y>/<z>", "/<x>-<y>/a<z>", "/<x>/a<y>/<path:z>", "/<x>/<y>"]
)
def test_values_are_in_the_order_of_the_rule(string: str) -> None:
    rule = Rule(string, endpoint="e", subdomain="<h>.c")
    Map([rule])
    values = rule.reading.read(["q.c", *re.sub("<(path:)?|>", "", string).split("/")[1:]])
    assert values is not None
    assert list(values) == ["h", *re.findall(r"(?:path:|<)([xyz])", string)]


def test_defaults() -> None:
    rule = Rule("/<x>", endpoint="e", defaults={"x": "1", "y": 2})
    Map([rule])
    assert rule.reading.read(["", "a"]) == {"x": "1", "y": 2}


def test_a_conversion_set_on_the_instance() -> None:
    class Own(BaseConverter):
        def __init__(self, url_map: Any) -> None:
            super().__init__(url_map)
            self.to_python = len  # type: ignore[method-assign,assignment]

    rule = Rule("/<own:x>", endpoint="e")
    Map([rule], converters={"own": Own})
    assert rule.reading.read(["", "abc"]) == {"x": 3}
