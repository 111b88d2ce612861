from __future__ import annotations

import pytest

from dovetail.routing.parts import (
    RulePart,
    Variable,
    Weighting,
    parse_converter_args,
    split_rule,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ((), {})),
        ("a, b", (("a", "b"), {})),
        ("\"a, b\", 'c'", (("a, b", "c"), {})),
        ("1, 2.5, 1_000", ((1, 2.5, 1000), {})),
        ("1,2,3", ((1, 2, 3), {})),
        ("None, True, False, true", ((None, True, False, "true"), {})),
        ("'None', \"1\"", (("None", "1"), {})),
        ("min=1, max = 5", ((), {"min": 1, "max": 5})),
        ("a, length=2,", (("a",), {"length": 2})),
        ("u'x', x.y, é", (("x", "x.y", "é"), {})),
        ("'it\"s'", (('it"s',), {})),
    ],
)
def test_parse_converter_args(text: str, expected: tuple[object, object]) -> None:
    assert parse_converter_args(text) == expected


@pytest.mark.parametrize(
    "text", ["a b", "a,,b", ",", "x=", "-1", "min=-3", "'a", "a|b", "(a)", "a-b"]
)
def test_malformed_converter_args(text: str) -> None:
    with pytest.raises(ValueError, match="Cannot parse converter argument"):
        parse_converter_args(text)


def test_split_rule() -> None:
    assert list(split_rule("/a/<x>b<int(1, max=2):y>/")) == [
        "/a/",
        Variable("x", "default", None),
        "b",
        Variable("y", "int", "1, max=2"),
        "/",
    ]
    assert list(split_rule("")) == []
    assert list(split_rule("/a>b")) == ["/a>b"]
    assert list(split_rule("/<any('>', '):'):x>")) == ["/", Variable("x", "any", "'>', '):'")]


@pytest.mark.parametrize(
    "rule", ["/<", "/<>", "/<x", "/<1x>", "/<x >", "/<int:>", "/<int(:x>", "/<é>", "/<int (1):x>"]
)
def test_malformed_rule(rule: str) -> None:
    with pytest.raises(ValueError, match="malformed url rule"):
        list(split_rule(rule))


def test_rule_part() -> None:
    weight = Weighting(-1, [(0, -2)], -1, [100])
    part = RulePart("ab([^/]+)", False, False, False, weight)
    assert part == RulePart(
        content="ab([^/]+)", final=False, static=False, suffixed=False, weight=weight
    )
    assert (part.content, part.final, part.static, part.suffixed) == (
        *("ab([^/]+)", False),
        *(False, False),
    )
    assert part.weight is weight
    assert repr(part).startswith("RulePart(content='ab([^/]+)', final=False, static=False")


def test_weighting_orders_parts() -> None:
    longer = Weighting(-1, [(0, -2)], -1, [100])
    assert longer < Weighting(-1, [(0, -1)], -1, [100])
    assert Weighting(-2, [(0, -1), (1, -1)], -1, [100]) < longer
    assert Weighting(-1, [(0, -2)], -2, [100, 100]) < longer
    assert Weighting(-1, [(0, -2)], -1, [50]) < longer
    assert longer.number_static_weights == -1
    assert longer.static_weights == [(0, -2)]
    assert longer.number_argument_weights == -1
    assert longer.argument_weights == [100]
    assert isinstance(longer, tuple)
