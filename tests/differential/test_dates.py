"""Dates and ages, beside Werkzeug's."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug import http

from dovetail.data import dates as ours

ZONES = st.one_of(
    st.none(),
    st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    st.timezones(),
)
PIECES = st.sampled_from(
    [
        *("Sun", "Sunday", "Sun,", "sun", ", ", " ", "06", "6", "6-Nov-94", "Nov", "nov", "1994"),
        *("94", "0", "0000", "10000", "08:49:37", "8:49", "25:00:00", "08.49.37", "GMT", "UTC"),
        *("EST", "+0200", "-0000", "+9999", "(x)", "-", ":", "é", "٣", "\x00", "9" * 30, "31 Feb"),
    ]
)


@given(st.one_of(st.datetimes(timezones=ZONES), st.dates(), st.integers(), st.floats()))
def test_http_date(moment: Any) -> None:
    assert outcome(ours.http_date, moment) == outcome(http.http_date, moment)


@given(
    st.tuples(
        *(st.integers(0, 3000), st.integers(0, 14), st.integers(0, 40), st.integers(0, 30)),
        *(st.integers(0, 70), st.integers(0, 70), st.integers(0, 7), st.integers(0, 400)),
        st.integers(-1, 1),
    )
)
def test_http_date_of_struct_time(fields: tuple[int, ...]) -> None:
    moment = time.struct_time(fields)
    assert outcome(ours.http_date, moment) == outcome(http.http_date, moment)


@pytest.mark.parametrize("moment", ["x", b"x", (2020, 1, 1), True])
def test_http_date_of_other_types(moment: Any) -> None:
    assert outcome(ours.http_date, moment) == outcome(http.http_date, moment)


@given(st.datetimes(timezones=st.none()))
def test_parse_each_form(moment: datetime) -> None:
    for form in (
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %d %H:%M:%S %Y",
        "%d %b %Y %H:%M +0130",
    ):
        text = moment.strftime(form)
        mine = outcome(ours.parse_date, text, form=repr)
        assert mine == outcome(http.parse_date, text, form=repr)


@given(
    st.one_of(
        st.lists(PIECES, max_size=10).map("".join),
        st.lists(PIECES, max_size=10).map(" ".join),
        st.text(max_size=30),
        st.none(),
    )
)
def test_parse_date(text: str | None) -> None:
    theirs_outcome = outcome(http.parse_date, text, form=repr)
    if theirs_outcome == ("raised", "OverflowError"):
        theirs_outcome = ("returned", "None")  # a year with thirty digits
    assert outcome(ours.parse_date, text, form=repr) == theirs_outcome


@given(
    st.one_of(
        st.none(),
        st.integers().map(str),
        st.sampled_from(
            ["", " 5 ", "1_0", "1.5", "+5", "-0", "٣", "9" * 5000, "x", "86400000000000"]
        ),
        st.text(max_size=5),
    )
)
def test_parse_age(text: str | None) -> None:
    assert outcome(ours.parse_age, text) == outcome(http.parse_age, text)


@given(st.one_of(st.none(), st.integers(), st.timedeltas(), st.just(1.5), st.just("5")))
def test_dump_age(age: Any) -> None:
    assert outcome(ours.dump_age, age) == outcome(http.dump_age, age)
