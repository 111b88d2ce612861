"""Routing, beside Werkzeug's: random rules, and random paths, values, hosts and requests."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug import datastructures as their_data
from werkzeug import exceptions as their_errors
from werkzeug import routing as theirs

from dovetail.data import exceptions as our_errors
from dovetail.data.multidict import MultiDict
from dovetail.routing import exceptions as our_routing_errors
from dovetail.routing import factories
from dovetail.routing.converters import BaseConverter
from dovetail.routing.map import Map
from dovetail.routing.parts import parse_converter_args
from dovetail.routing.rules import Rule

Spec = tuple[str, dict[str, Any]]


class Package(NamedTuple):
    """The names of one of the two packages."""

    map: Any
    rule: Any
    redirect: type[Exception]
    method_not_allowed: type[Exception]
    multidict: Any


OURS = Package(
    Map,
    Rule,
    our_routing_errors.RequestRedirect,
    our_errors.MethodNotAllowed,
    MultiDict,
)
THEIRS = Package(
    theirs.Map,
    theirs.Rule,
    theirs.RequestRedirect,
    their_errors.MethodNotAllowed,
    their_data.MultiDict,
)


def told(package: Package, call: Callable[[], Any]) -> Any:
    """Return what a call came to."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result: Any = call()
        except package.redirect as error:
            result = "redirect", error.new_url  # type: ignore[attr-defined]
        except package.method_not_allowed as error:
            result = "allowed", sorted(error.valid_methods)  # type: ignore[attr-defined]
        except Exception as error:
            result = "raised", type(error).__name__
    return result, [str(warning.message) for warning in caught]


def both(work: Callable[[Package], Iterable[Callable[[], Any]]]) -> None:
    """Do the same with both packages and compare what each step comes to."""
    ours = [told(OURS, call) for call in work(OURS)]
    their = [told(THEIRS, call) for call in work(THEIRS)]
    assert ours == their


def make_map(package: Package, specs: Iterable[Spec], **options: Any) -> Any:
    return package.map(
        [
            package.rule(string, **{"endpoint": f"{number}:{string}", **arguments})
            for number, (string, arguments) in enumerate(specs)
        ],
        **options,
    )


# ---------------------------------------------------------------------------------- matching

LITERALS = ["a", "b", "ab", "abb", "1", "12", "1.5", "-", "a-b", "x.y", "é", "a b"]
VARIABLES = [
    *("<{}>", "<int:{}>", "<path:{}>", "<float:{}>", "<any(a,ab,b):{}>", "<string(length=2):{}>"),
    *("<string(maxlength=2):{}>", "<int(signed=True):{}>", "<string(minlength=2):{}>"),
]


def named(pieces: list[str]) -> str:
    """Give each variable a name of its own, the same in rules of one shape."""
    return "".join(piece.format(f"v{number}") for number, piece in enumerate(pieces))


segments = st.one_of(
    st.sampled_from(LITERALS).map(lambda text: [text]),
    st.sampled_from(VARIABLES).map(lambda text: [text]),
    st.lists(st.sampled_from(["a", "b", "-", "1", "ab", *VARIABLES]), min_size=1, max_size=4),
)


@st.composite
def rule_strings(draw: st.DrawFn) -> str:
    pieces = ["/"]
    for segment in draw(st.lists(segments, max_size=4)):
        if pieces[-1] != "/":
            pieces.append("/")
        pieces += segment
    if draw(st.booleans()) and pieces[-1] != "/":
        pieces.append("/")
    return named(pieces)


# What may stand for a variable, whether its converter takes it or not.
TEXTS = ["a", "b", "ab", "abb", "1", "12", "-1", "1.5", "a-b", "é", "b\n", "a/b", "b//a", "-", ""]
_variable = re.compile("<[^>]*>")


def filled(draw: st.DrawFn, rule: str) -> str:
    """A path that the rule matches, or nearly so."""
    path = _variable.sub(lambda _: draw(st.sampled_from(TEXTS)), rule)
    change = draw(st.sampled_from(["", "", "", "slash", "leaf", "double", "front", "more"]))
    if change == "slash":
        return f"{path}/"
    if change == "leaf":
        return path.removesuffix("/")
    if change == "double":
        return path.replace("/", "//", 2)
    if change == "front":
        return path.lstrip("/")
    return f"{path}/a" if change == "more" else path


methods = st.none() | st.lists(st.sampled_from(["GET", "POST", "PUT"]), max_size=2)


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    arguments: dict[str, Any] = {"methods": draw(methods)}
    if draw(st.integers(0, 5)) == 0:
        arguments["strict_slashes"] = draw(st.booleans())
    if draw(st.integers(0, 5)) == 0:
        arguments["merge_slashes"] = draw(st.booleans())
    if draw(st.integers(0, 9)) == 0:
        arguments["websocket"] = True
        arguments["methods"] = draw(st.sampled_from([None, ["GET"], ["OPTIONS"]]))
    if draw(st.integers(0, 9)) == 0:
        arguments["build_only"] = True
    return draw(rule_strings()), arguments


@st.composite
def rules_and_paths(draw: st.DrawFn) -> tuple[list[Spec], list[str]]:
    rules = draw(st.lists(specs(), min_size=2, max_size=7))
    strings = [string for string, _ in rules]
    tried = [filled(draw, draw(st.sampled_from(strings))) for _ in range(8)]
    return rules, [*tried, draw(st.text("/ab1-.\n", max_size=8))]


@given(rules_and_paths(), st.booleans(), st.booleans())
def test_match(case: tuple[list[Spec], list[str]], strict: bool, merge: bool) -> None:
    rules, tried = case

    def work(package: Package) -> Iterable[Callable[[], Any]]:
        options = {"strict_slashes": strict, "merge_slashes": merge}
        adapter = make_map(package, rules, **options).bind("example.org", "/mount")
        for path in tried:
            for method in ("GET", "PUT"):
                yield lambda path=path, method=method: adapter.match(path, method)
            yield lambda path=path: adapter.match(path, websocket=True)

    both(work)


one_segment = st.lists(st.sampled_from(["a", "b", "-", *VARIABLES]), min_size=1, max_size=4).map(
    lambda pieces: "/" + named(pieces)
)


@given(
    st.lists(one_segment, min_size=2, max_size=8),
    st.lists(st.text("ab-1", min_size=1, max_size=7), min_size=1, max_size=8),
)
def test_weights_within_a_segment(rules: list[str], tried: list[str]) -> None:
    def work(package: Package) -> Iterable[Callable[[], Any]]:
        adapter = make_map(package, [(rule, {}) for rule in rules]).bind("example.org")
        for path in tried:
            yield lambda path=path: adapter.match(f"/{path}")

    both(work)


many_segments = st.lists(
    st.sampled_from(["a", "b", "<{}>", "<int:{}>", "<path:{}>", "a<path:{}>", "<path:{}>b"]),
    min_size=1,
    max_size=4,
).map(lambda pieces: named([f"/{piece}" for piece in pieces]))


@given(
    st.lists(many_segments, min_size=2, max_size=8),
    st.lists(st.text("ab1/", min_size=1, max_size=9), min_size=1, max_size=8),
)
def test_weights_of_paths(rules: list[str], tried: list[str]) -> None:
    def work(package: Package) -> Iterable[Callable[[], Any]]:
        adapter = make_map(package, [(rule, {}) for rule in rules]).bind("example.org")
        for path in tried:
            yield lambda path=path: adapter.match(f"/{path}")

    both(work)
