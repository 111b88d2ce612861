from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.dates import dump_age, http_date, parse_age, parse_date

# The example of RFC 9110 section 5.6.7.
NOVEMBER = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOVEMBER, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (NOVEMBER.replace(tzinfo=None, microsecond=999999), "Sun, 06 Nov 1994 08:49:37 GMT"),
        (
            datetime(2020, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
            "Tue, 31 Dec 2019 23:30:00 GMT",
        ),
        (date(2020, 2, 29), "Sat, 29 Feb 2020 00:00:00 GMT"),
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (784111777.9, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (datetime(1, 1, 1), "Mon, 01 Jan 0001 00:00:00 GMT"),
        (datetime(999, 12, 31), "Tue, 31 Dec 0999 00:00:00 GMT"),
        (datetime(9999, 12, 31, 23, 59, 59), "Fri, 31 Dec 9999 23:59:59 GMT"),
        (time.localtime(784111777), "Sun, 06 Nov 1994 08:49:37 GMT"),
    ],
)
def test_http_date(moment: Any, text: str) -> None:
    assert http_date(moment) == text


def test_http_date_of_now() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    now = parse_date(http_date())
    assert now is not None
    assert before <= now <= datetime.now(UTC)


@pytest.mark.parametrize("moment", [10**15, float("nan"), float("inf"), "now"])
def test_http_date_of_no_date(moment: Any) -> None:
    with pytest.raises((ValueError, OverflowError, OSError, TypeError)):
        http_date(moment)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "sun, 6 nov 1994 8:49:37",
        " Sun, 06 Nov 1994 09:49:37 +0100 ",
        "06 Nov 1994 03:49:37 EST",
        "Mon, 06 Nov 1994 08:49:37 GMT; length=3",
    ],
)
def test_parse_date(text: str) -> None:
    moment = parse_date(text)
    assert moment == NOVEMBER
    assert moment.tzinfo is not None


def test_parse_date_keeps_the_offset() -> None:
    moment = parse_date("Sun, 06 Nov 1994 09:49:37 +0100")
    assert moment is not None
    assert moment.utcoffset() == timedelta(hours=1)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "never",
        "06 Nov 1994",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 10000 08:49:37 GMT",
        "31 Feb 08:49:37 999999999999999999999999999999",
        "Sun, 06 Nov 1994 08:49:37 +9999",
        "1994-11-06T08:49:37Z",
        "\x00",
        "9" * 5000,
    ],
)
def test_parse_no_date(text: str | None) -> None:
    assert parse_date(text) is None


@given(st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_parse_what_is_dumped(moment: datetime) -> None:
    assert parse_date(http_date(moment)) == moment.replace(microsecond=0)


@given(st.text())
def test_parse_whatever(text: str) -> None:
    parse_date(text)
    parse_date(f"Sun, 06 Nov {text} 08:49:37 GMT")
    parse_age(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("60", 60), ("86399999999999", 86399999999999)]
)
def test_parse_age(text: str, seconds: int) -> None:
    assert parse_age(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", [None, "", "-1", "1.5", "x", "86400000000000", "9" * 5000])
def test_parse_no_age(text: str | None) -> None:
    assert parse_age(text) is None


def test_dump_age() -> None:
    assert dump_age() is None
    assert dump_age(None) is None
    assert dump_age(0) == "0"
    assert dump_age(timedelta(days=1, seconds=1.9)) == "86401"
    for age in (-1, timedelta(days=-1)):
        with pytest.raises(ValueError, match="negative"):
            dump_age(age)


@given(st.timedeltas(timedelta(0)))
def test_parse_the_age_dumped(age: timedelta) -> None:
    assert parse_age(dump_age(age)) == timedelta(seconds=int(age.total_seconds()))
