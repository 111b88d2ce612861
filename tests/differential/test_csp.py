"""Content-Security-Policy: ours beside the installed Werkzeug."""

from __future__ import annotations

from typing import Any

import werkzeug.datastructures as their_types
import werkzeug.http as theirs
from hypothesis import example, given
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.data import csp as ours

PROPERTIES = sorted(
    name
    for name, value in vars(their_types.ContentSecurityPolicy).items()
    if isinstance(value, property)
)
headers = st.one_of(
    st.none(),
    st.lists(
        st.sampled_from(
            ["default-src", "img-src", "'self'", "*", ";", " ", "\t", "\n", "\x0b", ",", '"', "é"]
        )
    ).map("".join),
    st.text(max_size=20),
)


def form(found: Any) -> Any:
    return (
        [getattr(found, name) for name in PROPERTIES],
        dict(found),
        str(found),
        repr(found),
        found.provided,
    )


@given(headers)
@example("default-src 'self'; img-src  * data: ; sandbox;")
def test_parse(value: str | None) -> None:
    assert outcome(ours.parse_csp_header, value, form=form) == outcome(
        theirs.parse_csp_header, value, form=form
    )


@given(headers, st.sampled_from(PROPERTIES), st.sampled_from([None, "", "x", 5, False]))
def test_changes(header: str | None, name: str, value: Any) -> None:
    results = []
    for module in (ours, theirs):
        calls: list[dict[str, Any]] = []
        found = module.parse_csp_header(
            header, lambda changed, calls=calls: calls.append(dict(changed))
        )
        setattr(found, name, value)
        results.append((form(found), list(calls)))
        delattr(found, name)
        results.append((form(found), calls))
    assert results[:2] == results[2:]


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3))
def test_dump(directives: dict[str, str]) -> None:
    assert ours.dump_csp_header(directives) == theirs.dump_csp_header(directives)
    assert form(ours.ContentSecurityPolicy(directives)) == form(
        their_types.ContentSecurityPolicy(directives)
    )
