"""Cache-Control: ours beside the installed Werkzeug."""

from __future__ import annotations

from typing import Any

import pytest
import werkzeug.datastructures as their_types
import werkzeug.http as theirs
from hypothesis import example, given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug.datastructures.cache_control import cache_control_property as their_property

from dovetail.data import cache_control as ours
from dovetail.data.header_values import parse_dict_header

KINDS = ["RequestCacheControl", "ResponseCacheControl"]
PROPERTIES = [
    *("no_store", "max_age", "no_transform", "stale_if_error", "no_cache", "max_stale"),
    *("min_fresh", "only_if_cached", "public", "private", "must_revalidate", "proxy_revalidate"),
    *("s_maxage", "immutable", "must_understand", "stale_while_revalidate"),
]
NAMES = [name.replace("_", "-") for name in PROPERTIES]
TEXTS = ["0", "5", "-1", "+5", "1_0", "٣", "x", "", " 7 ", "9" * 5000, "a, b", "1.5"]
directive = st.one_of(
    st.sampled_from(NAMES),
    st.builds("{}={}".format, st.sampled_from(NAMES), st.sampled_from(TEXTS)),
    st.builds('{}="{}"'.format, st.sampled_from(NAMES), st.sampled_from(TEXTS)),
    st.text(st.sampled_from('a=", *;é'), max_size=6),
)
headers = st.one_of(st.none(), st.lists(directive, max_size=4).map(", ".join)).filter(
    # How the parts are found is compared with the other dictionary fields.
    lambda value: not value or parse_dict_header(value) == theirs.parse_dict_header(value)
)
values = st.one_of(
    st.sampled_from([None, True, False, 0, 1, 5, 1.5, "", "x", "5", b"5"]), st.integers()
)


def form(found: Any) -> Any:
    got = {}
    for name in PROPERTIES:
        if hasattr(type(found), name):
            got[name] = getattr(found, name)
    return got, dict(found), str(found), repr(found), found.provided


@pytest.mark.parametrize("kind", KINDS)
def test_parse(kind: str) -> None:
    @given(headers)
    @example('max-age=5, private="a, b", no-cache')
    def check(value: str | None) -> None:
        mine = outcome(ours.parse_cache_control_header, value, None, getattr(ours, kind), form=form)
        peer = outcome(
            theirs.parse_cache_control_header, value, None, getattr(their_types, kind), form=form
        )
        assert mine == peer

    check()


def test_the_default_kind() -> None:
    for module in (ours, theirs):
        found = module.parse_cache_control_header("no-store")
        assert type(found).__name__ == "RequestCacheControl"


@given(headers, st.sampled_from([*PROPERTIES, "del", "item"]), st.sampled_from(PROPERTIES), values)
def test_changes(header: str | None, what: str, name: str, value: Any) -> None:
    results = []
    for types in (ours, their_types):
        calls: list[dict[str, Any]] = []
        kind = types.ResponseCacheControl
        if not hasattr(kind, name):
            return
        found = (ours if types is ours else theirs).parse_cache_control_header(
            header, lambda changed, calls=calls: calls.append(dict(changed)), kind
        )
        if what == "del":
            result = outcome(delattr, found, name)
        elif what == "item":
            result = outcome(found.__setitem__, name.replace("_", "-"), value)
        else:
            result = outcome(setattr, found, name, value)
        results.append((result, outcome(form, found), calls))
    assert results[0] == results[1]


@given(st.sampled_from(PROPERTIES), values)
def test_requests_are_immutable(name: str, value: Any) -> None:
    results = []
    for types in (ours, their_types):
        found: Any = types.RequestCacheControl({"max-age": "5"})
        if hasattr(type(found), name):
            results.append((outcome(setattr, found, name, value), outcome(delattr, found, name)))
    assert len(set(results)) <= 1


@given(
    st.sampled_from([None, bool, int, float, str]),
    st.sampled_from([None, True, "empty"]),
    headers,
    values,
)
def test_property(kind: Any, empty: Any, header: str | None, value: Any) -> None:
    results = []
    for module, maker in ((ours, ours.cache_control_property), (their_types, their_property)):
        made = type("Made", (module.ResponseCacheControl,), {"it": maker("a", empty, kind)})
        parse = (ours if module is ours else theirs).parse_cache_control_header
        found = parse(header, None, made)
        results.append(
            (outcome(getattr, found, "it"), outcome(setattr, found, "it", value), dict(found))
        )
    assert results[0] == results[1]
