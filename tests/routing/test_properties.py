"""Building and matching are inverse to each other."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dovetail.routing.exceptions import RequestRedirect
from dovetail.routing.map import Map
from dovetail.routing.rules import Rule

# What a URL can hold: no lone surrogates.
characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters, min_size=1, max_size=8).filter(lambda text: "/" not in text)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "<{}>": texts,
    "<string(length=3):{}>": st.text("aé %?#", min_size=3, max_size=3),
    "<int:{}>": st.integers(0),
    "<int(signed=True):{}>": st.integers(),
    "<int(5):{}>": st.integers(0, 99999),
    "<float:{}>": st.integers(0, 10**9).map(lambda number: number / 100),
    "<uuid:{}>": st.uuids(),
    "<any(a,b):{}>": st.sampled_from(["a", "b"]),
    "<path:{}>": st.lists(st.text("aé b%", min_size=1), min_size=1, max_size=3).map("/".join),
}


@st.composite
def rules_with_values(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A rule whose segments hold one variable each, so that values cannot run into each other."""
    values: dict[str, Any] = {}
    segments: list[str] = []
    for number, variable in enumerate(draw(st.lists(st.sampled_from(list(VALUES)), max_size=4))):
        if "path" in variable and any("path" in segment for segment in segments):
            continue
        name = f"v{number}"
        values[name] = draw(VALUES[variable])
        segments.append(draw(st.sampled_from(["", "x-", "é"])) + variable.format(name))
        segments.append(f"literal{number}")
    end = draw(st.sampled_from(["", "/"]))
    return f"/{'/'.join(segments)}{end if segments else ''}", values


@given(rules_with_values(), st.sampled_from([None, "/app"]), st.booleans())
def test_what_is_built_matches(
    case: tuple[str, dict[str, Any]], script_name: str | None, external: bool
) -> None:
    string, values = case
    adapter = Map([Rule(string, endpoint="e")]).bind("example.org", script_name)
    url = adapter.build("e", values, force_external=external)
    path = unquote(urlsplit(url).path).removeprefix(script_name or "")
    assert url.isascii()
    assert adapter.match(path) == ("e", values)


@given(rules_with_values())
def test_a_slash_more_or_less_is_redirected_to_what_matches(
    case: tuple[str, dict[str, Any]],
) -> None:
    string, values = case
    assume(string != "/")
    assume("." not in str(values))
    adapter = Map([Rule(f"{string.rstrip('/')}/", endpoint="e")]).bind("example.org")
    path = unquote(adapter.build("e", values))
    with pytest.raises(RequestRedirect) as caught:
        adapter.match(path.rstrip("/"))
    assert unquote(urlsplit(caught.value.new_url).path) == path
    assert adapter.match(path) == ("e", values)


@given(st.text("/ab<>:()%\n\udc80\x00é.-1", max_size=30))
def test_nothing_but_a_match_or_its_exceptions(path: str) -> None:
    url_map = Map(
        [
            Rule("/<a>-<b>", endpoint="a"),
            Rule("/<int:a>/", endpoint="b"),
            Rule("/a/<path:b>/<c>", endpoint="c"),
        ]
    )
    url_map.find("", path, "GET")
    url_map.bind("h").test(path)
