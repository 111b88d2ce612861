from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.routing.map import Map
from dovetail.routing.parts import Variable, split_rule
from dovetail.routing.pattern import cut_rule, part_pattern


def cuts(rule: str) -> list[tuple[str, list[object]]]:
    """The kinds of a rule's parts behind the domain, with their pieces."""
    converters = {
        piece.name: Map().converters[piece.converter](Map())
        for piece in split_rule(rule)
        if isinstance(piece, Variable)
    }
    return [
        (
            "".join(
                kind[0]
                for kind in ("static", "final", "?suffixed")
                if getattr(cut.part, kind.lstrip("?"))
            ),
            [piece.name if isinstance(piece, Variable) else piece for piece in cut.pieces],
        )
        for cut in cut_rule([], list(split_rule(rule)), converters)[1:]
    ]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("/", [("s", [])]),
        ("/a", [("s", ["a"])]),
        ("/a/", [("s", ["a"]), ("s", [])]),
        ("/a//b", [("s", ["a"]), ("s", []), ("s", ["b"])]),
        ("/<x>/a<y>b", [("", ["x"]), ("", ["a", "y", "b"])]),
        ("/a/b<path:p>", [("s", ["a"]), ("f", ["b", "p"])]),
        ("/<path:p>/", [("f?", ["p"]), ("s", [])]),
        ("/<x>/<path:p>/b/<y>", [("", ["x"]), ("f", ["p", "/b/", "y"])]),
        ("/<path:p>/b/", [("f?", ["p", "/b"]), ("s", [])]),
    ],
)
def test_cut_rule(rule: str, expected: object) -> None:
    assert cuts(rule) == expected


def test_prefix() -> None:
    assert part_pattern(r"a\.b(?P<_0>[^/]+)", False).prefix == "a.b"


def test_groups_of_converters() -> None:
    pattern = part_pattern(r"(?P<_0>(a|b)(?P<c>1)?)\-(?P<_1>(x)?)", False)
    assert pattern.fits("b1-x")
    assert not pattern.fits("c-x")
    assert pattern.split("b1-x") == ("b1", "x")


texts = st.text("ab-.\n", max_size=12)
literals = st.lists(st.sampled_from(["", "a", "-", "--", "a-", ".b"]), min_size=3, max_size=5)


@given(literals, texts)
def test_texts_between_literals_are_found_as_by_an_expression(parts: list[str], text: str) -> None:
    content = "".join(
        (f"(?P<_{number - 1}>[^/]{{1,}})" if number else "") + re.escape(part)
        for number, part in enumerate(parts)
    )
    pattern = part_pattern(content, False)
    match = re.fullmatch(content, text)
    assert pattern.split(text) == (match and match.groups())
    assert bool(pattern.fits(text)) is (match is not None)


paths = st.text("ab/\n", max_size=12)
path_literals = st.lists(st.sampled_from(["", "a", "/", "/a/", "a/", "b"]), min_size=2, max_size=5)


@given(path_literals, paths)
def test_paths_between_literals_are_found_as_by_an_expression(parts: list[str], text: str) -> None:
    content = "".join(
        (f"(?P<_{number - 1}>[^/].*?)" if number else "") + re.escape(part)
        for number, part in enumerate(parts)
    )
    pattern = part_pattern(content, True)
    match = re.fullmatch(content, text)
    assert pattern.split(text) == (match and match.groups())
    assert bool(pattern.fits(text)) is (match is not None)


pieces = st.sampled_from(["", "a", "/", "/a", "a/", ".", ".a", "/a/b"])


@given(pieces, pieces, pieces, st.text("ab./\n", max_size=12))
def test_a_path_and_a_text_are_found_as_by_an_expression(
    first: str, between: str, last: str, text: str
) -> None:
    content = f"{re.escape(first)}(?P<_0>[^/].*?){re.escape(between)}(?P<_1>[^/]{{1,}})"
    content += re.escape(last)
    pattern = part_pattern(content, True)
    for candidate in (text, f"{first}{text}{between}a{last}"):
        match = re.fullmatch(content, candidate)
        assert pattern.split(candidate) == (match and match.groups())
        assert bool(pattern.fits(candidate)) is (match is not None)


@pytest.mark.parametrize(
    ("text", "fits"), [("a", True), ("a/b//", True), ("\na", True), ("a\nb", False), ("", False)]
)
def test_a_path_has_no_line_feed_but_at_its_start(text: str, fits: bool) -> None:
    pattern = part_pattern("(?P<_0>[^/].*?)", True)
    assert bool(pattern.fits(text)) is fits
    assert (re.fullmatch("[^/].*?", text) is not None) is fits
