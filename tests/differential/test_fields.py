"""Kinds of header fields and Content-Length: ours beside the installed Werkzeug."""

from __future__ import annotations

import werkzeug.datastructures as their_types
import werkzeug.http as theirs
import werkzeug.sansio.utils as theirs_sansio
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.data import cross_origin, fields
from dovetail.data.headers import Headers

names = st.sampled_from(
    [
        *("Allow", "content-encoding", "Content-Language", "CONTENT-LENGTH", "content-location"),
        *("content-md5", "content-range", "content-type", "Expires", "last-modified", "etag"),
        *("connection", "Keep-Alive", "proxy-authenticate", "proxy-authorization", "te"),
        *("trailer", "trailers", "transfer-encoding", "upgrade", "proxy-connection", "x", ""),
    ]
)
lists = st.lists(st.tuples(names, st.just("v")), max_size=6)


@given(names)
def test_kinds(name: str) -> None:
    assert fields.is_entity_header(name) == theirs.is_entity_header(name)
    assert fields.is_hop_by_hop_header(name) == theirs.is_hop_by_hop_header(name)


@given(lists, st.lists(names, max_size=2))
def test_removal(pairs: list[tuple[str, str]], allowed: list[str]) -> None:
    for mine, peer in ((list, list), (Headers, their_types.Headers)):
        ours, other = mine(pairs), peer(pairs)
        fields.remove_entity_headers(ours, allowed)
        theirs.remove_entity_headers(other, allowed)
        assert list(ours) == list(other)
        ours, other = mine(pairs), peer(pairs)
        fields.remove_entity_headers(ours)
        theirs.remove_entity_headers(other)
        assert list(ours) == list(other)
        fields.remove_hop_by_hop_headers(ours)
        theirs.remove_hop_by_hop_headers(other)
        assert list(ours) == list(other)


lengths = st.one_of(
    st.none(),
    st.integers(-5, 10**20).map(str),
    st.lists(st.sampled_from(["5", " ", "\t", "\n", "+", "_", "٣", "\xa0", "x", "9" * 5000])).map(
        "".join
    ),
)
codings = st.sampled_from([None, "", "chunked", "gzip", "gzip, Chunked", " chunked\t", "xchunked"])


@given(lengths, codings)
def test_get_content_length(length: str | None, coding: str | None) -> None:
    assert outcome(fields.get_content_length, length, coding) == outcome(
        theirs_sansio.get_content_length, length, coding
    )


def test_policies() -> None:
    for mine, peer in ((cross_origin.COEP, theirs.COEP), (cross_origin.COOP, theirs.COOP)):
        assert [(each.name, each.value) for each in mine] == [
            (each.name, each.value) for each in peer
        ]
