"""Accept and its kinds, beside Werkzeug's."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug import datastructures as theirs
from werkzeug import http

from dovetail.data import accept as ours

KINDS = ["Accept", "MIMEAccept", "LanguageAccept", "CharsetAccept"]
VALUES = {
    "Accept": st.sampled_from(["a", "A", "b", "*", "a b", "", "é"]),
    "MIMEAccept": st.sampled_from(
        [
            *("text/html", "text/*", "*/*", "TEXT/HTML", "text/html;level=1", "text/html; level=1"),
            *("text/html;level=1;q2=3", "text/html; Q2=3 ;level=1", "*/*;level=1", "text/*;a=b"),
            *(
                "application/json",
                "application/xhtml+xml",
                "application/xml",
                "*/html",
                "text",
                "*",
            ),
            *("a/b/c", "text/", "/html", "image/*;a", ""),
        ]
    ),
    "LanguageAccept": st.sampled_from(
        [
            *(
                "en",
                "EN",
                "en-us",
                "en_US",
                "en-GB",
                "de",
                "de-AT",
                "zh-Hant-TW",
                "zh-Hant",
                "zh",
                "*",
            ),
            *("x-klingon", "x", "en-", "en-us-x"),
        ]
    ),
    "CharsetAccept": st.sampled_from(
        [
            "utf-8",
            "UTF8",
            "u8",
            "latin1",
            "iso-8859-1",
            "ISO_8859-1",
            "*",
            "foo",
            "FOO",
            "ascii",
            "",
        ]
    ),
}
QUALITIES = st.sampled_from([1, 0, 0.5, 0.3, 1.0, 0.12345])


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, list[tuple[str, float]], list[str]]:
    kind = draw(st.sampled_from(KINDS))
    values = VALUES[kind]
    pairs = draw(st.lists(st.tuples(values, QUALITIES), max_size=5))
    return kind, pairs, draw(st.lists(values, max_size=4))


def seen(accept: Any) -> Any:
    return (
        *(list(accept), str(accept), repr(accept), bool(accept), len(accept), accept.best),
        *(accept.provided, list(accept.values()), accept.to_header()),
    )


@given(cases())
def test_type(case: tuple[str, list[tuple[str, float]], list[str]]) -> None:
    kind, pairs, matches = case
    mine, peer = getattr(ours, kind)(pairs), getattr(theirs, kind)(pairs)
    assert seen(mine) == seen(peer)
    assert seen(type(mine)(mine)) == seen(type(peer)(peer))
    for copied in (pickle.loads(pickle.dumps(mine)), copy.copy(mine), copy.deepcopy(mine)):
        assert seen(copied) == seen(mine)
    for match in matches:
        for name in ("__contains__", "__getitem__", "quality", "index", "find"):
            assert outcome(getattr(mine, name), match) == outcome(getattr(peer, name), match)
    for default in (None, "other"):
        theirs_outcome = outcome(peer.best_match, matches, default)
        assert outcome(mine.best_match, matches, default) == theirs_outcome
    for name in ("accept_html", "accept_xhtml", "accept_json"):
        if kind == "MIMEAccept":
            assert getattr(mine, name) == getattr(peer, name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", [("a", 1), ("z", 1), 0, -1, 5, slice(0, 1), None])
def test_other_keys(kind: str, key: Any) -> None:
    pairs = [("a", 1), ("b", 0.5)]
    mine, peer = getattr(ours, kind)(pairs), getattr(theirs, kind)(pairs)
    for name in ("__getitem__", "index", "find", "count"):
        assert outcome(getattr(mine, name), key) == outcome(getattr(peer, name), key)


PIECES = st.sampled_from(
    [
        *(
            ",",
            ", ",
            ";",
            "; ",
            "q=",
            ";q=0.5",
            ";q=1",
            ";q=0",
            ";Q=0.3",
            ";q=-1",
            ";q=1.5",
            ";q=x",
        ),
        *(
            ";q=.5",
            ";q=1.",
            ";q=1e-1",
            ";q=\u0660",
            ";q=0.0001",
            ";q=1.001",
            ';q="0.5"',
            "; q = 1",
            " ",
        ),
        *("text/html", "*/*", "text/*", "*", "a", "en-us", ";level=1", ';a="b, c"', '"', "\\", "é"),
        *(" ", "\t", "\n", "\x0b", "=", ";x*=UTF-8''y", "utf-8", "q", ";q=-0", ";q=00.5", ";q=0_1"),
    ]
)
HEADERS = st.one_of(st.none(), st.lists(PIECES, max_size=10).map("".join), st.text(max_size=20))


@given(HEADERS, st.sampled_from([None, *KINDS]))
def test_parse_accept_header(header: str | None, kind: str | None) -> None:
    mine = None if kind is None else getattr(ours, kind)
    peer = None if kind is None else getattr(theirs, kind)
    assert outcome(ours.parse_accept_header, header, mine, form=seen) == outcome(
        http.parse_accept_header, header, peer, form=seen
    )
