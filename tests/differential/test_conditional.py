"""Conditional requests: ours beside the installed Werkzeug."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import werkzeug.http as theirs
import werkzeug.sansio.http as theirs_sansio
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.data import conditional as ours

DATES = [f"Sat, 0{day} Jan 2000 00:00:00 GMT" for day in (1, 2, 3)]
TAGS = ['"a"', 'W/"a"', '"b"', "a", '"a", "b"', "x y"]
field = {
    "http_range": st.sampled_from([None, "bytes=0-1", "x"]),
    "http_if_range": st.sampled_from([None, *TAGS, *DATES, "", "*", "x"]),
    "http_if_modified_since": st.sampled_from([None, *DATES, "", "x"]),
    "http_if_none_match": st.sampled_from([None, *TAGS, "*", ""]),
    "http_if_match": st.sampled_from([None, *TAGS, ""]),  # not *: a known difference
}
MOMENT = datetime(2000, 1, 2)
last_modified = st.sampled_from(
    [
        None,
        *DATES,
        "x",
        "",
        MOMENT,
        MOMENT.replace(microsecond=7),
        MOMENT.replace(tzinfo=UTC),
        MOMENT.replace(tzinfo=timezone(timedelta(hours=5))),
    ]
)
resource = {
    "etag": st.sampled_from([None, '"a"', 'W/"a"', "a", ""]),
    "data": st.sampled_from([None, None, None, b"", b"x"]),
    "last_modified": last_modified,
    "ignore_if_range": st.booleans(),
}


@settings(max_examples=1500)
@given(st.fixed_dictionaries({**field, **resource}))
def test_is_modified(arguments: dict[str, Any]) -> None:
    mine = outcome(ours.is_modified, **arguments)
    assert mine == outcome(theirs_sansio.is_resource_modified, **arguments)


@given(st.fixed_dictionaries(field), st.fixed_dictionaries(resource))
def test_environ(fields: dict[str, str | None], arguments: dict[str, Any]) -> None:
    assume(fields)
    environ = {name.upper(): value for name, value in fields.items() if value is not None}
    environ["REQUEST_METHOD"] = "GET"
    mine = outcome(ours.is_resource_modified, environ, **arguments)
    assert mine == outcome(theirs.is_resource_modified, environ, **arguments)
