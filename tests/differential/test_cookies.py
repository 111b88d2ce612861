"""Cookies, beside Werkzeug's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug import http
from werkzeug.sansio import http as sansio

from dovetail.data import cookies as ours

PIECES = st.sampled_from(
    [
        *('"', "\\", '\\"', "\\\\", ";", "; ", "=", ",", " ", "\t", "a", "b", "a=b", '"x;y"', "é"),
        *('a="', '";', "\\012", "\\303\\251", "\\377", "\\400", "\\8", "\n", "\r", "\x00", "\x0b"),
        *("$Version=1", "c=d; ", "\x85", "\xa0", "✓", "%20", "'", "/", "a b=c"),
    ]
)
HEADERS = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=30))


def pairs(cookies: Any) -> list[tuple[str, str]]:
    return list(cookies.items(multi=True))


@given(st.one_of(st.none(), HEADERS))
def test_parse_cookie_header(header: str | None) -> None:
    mine = outcome(ours.parse_cookie_header, header, form=pairs)
    assert mine == outcome(sansio.parse_cookie, header, form=pairs)


@pytest.mark.parametrize(
    "template", ["a%sb=c", "a=b%sc", 'a="b%sc"', 'a="b\\%sc"', "%sa=b", "a=b;%sc=d", "a%s", "a=b%s"]
)
def test_parse_cookie_header_with_every_character(template: str) -> None:
    for code in range(0x180):
        header = template % chr(code)
        mine = outcome(ours.parse_cookie_header, header, form=pairs)
        assert mine == outcome(sansio.parse_cookie, header, form=pairs), header


@given(HEADERS.map(lambda header: header.encode("utf-8", "replace").decode("latin-1")))
def test_parse_cookie(header: str) -> None:
    for argument in (header, {"HTTP_COOKIE": header}):
        mine = outcome(ours.parse_cookie, argument, form=pairs)
        assert mine == outcome(http.parse_cookie, argument, form=pairs)


# Without the control characters that Werkzeug lets out as they are: a known difference.
VALUES = st.text().filter(lambda value: not set(value) & set("\x1a\x1b\x1c\x1d\x1e\x1f"))


@given(VALUES)
def test_dump_value(value: str) -> None:
    assert outcome(ours.dump_cookie, "k", value) == outcome(http.dump_cookie, "k", value)


NAMES = st.text("abé✓.-_()/@ \"'", max_size=4)
DOMAINS = st.one_of(
    st.none(),
    st.sampled_from(["", "a.b", ".a.b", "A.b:80", "é.com", "a..b", "ß.de", "x" * 64, "."]),
)
EXPIRES = st.one_of(
    st.none(),
    st.integers(-(10**9), 10**10),
    st.floats(-1e9, 1e10),
    st.datetimes(),
    st.datetimes(
        datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(timezone(timedelta(hours=2)))
    ),
    st.dates(),
    st.just("whenever"),
    st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    st.just(date(999, 2, 3)),
)


@given(
    NAMES,
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "max_age": st.one_of(
                st.none(), st.integers(), st.timedeltas(), st.floats(-1e6, 1e6), st.just(0)
            ),
            "expires": EXPIRES,
            "path": st.one_of(st.none(), st.text(max_size=8), st.just("/a b?#;%20é")),
            "domain": DOMAINS,
            "secure": st.booleans(),
            "httponly": st.booleans(),
            "samesite": st.sampled_from([None, "lax", "LAX", "Strict", "none", "", "x", " lax"]),
            "partitioned": st.booleans(),
        },
    ),
)
def test_dump_cookie(key: str, value: str, arguments: dict[str, Any]) -> None:
    if arguments.get("expires") is None:
        arguments["sync_expires"] = False  # the clock would tick between the two
    mine = outcome(ours.dump_cookie, key, value, **arguments)
    assert mine == outcome(http.dump_cookie, key, value, **arguments)


def test_expires_by_max_age() -> None:
    for _ in range(100):
        mine = ours.dump_cookie("k", "v", max_age=timedelta(days=1, seconds=0.5))
        if mine == http.dump_cookie("k", "v", max_age=timedelta(days=1, seconds=0.5)):
            break  # or a second has passed between the two
    else:
        pytest.fail("they never agree")


@pytest.mark.parametrize(("length", "max_size"), [(5000, 4093), (20, 10), (20, 0), (4083, 4093)])
def test_too_large(length: int, max_size: int) -> None:
    warned = []
    for dump in (ours.dump_cookie, http.dump_cookie):
        try:
            with pytest.warns(UserWarning, match="too large") as warning:
                dump("k", "v" * length, max_size=max_size)
        except pytest.fail.Exception:
            warned.append(False)
        else:
            warned.append(warning[0].filename == __file__)
    assert warned[0] == warned[1]
