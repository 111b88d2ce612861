"""What we accept and understand, compared with h11 and llhttp."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from tests.http1.cases import ACCEPT, REJECT
from tests.http1.differences import DIFFERENCES, Row, compare, render
from tests.http1.effort import effort
from tests.http1.peers import PEERS
from tests.http1.strategies import SentRequest, damaged_streams, sent_requests

PAGE = Path(__file__).parents[2] / "docs" / "design" / "http1-differences.md"

# The peers have no limits like ours to set, and the end of a connection is no part of a stream.
STREAMS = {
    case.name: case.raw
    for case in (*ACCEPT, *REJECT)
    if case.has_default_limits and not case.expected.get("eof")
}

each_peer = pytest.mark.parametrize("peer", PEERS)


@each_peer
@pytest.mark.parametrize("raw", STREAMS.values(), ids=STREAMS)
def test_corpus(raw: bytes, peer: str) -> None:
    compare(raw, peer)


@each_peer
@effort(600)
@given(raw=damaged_streams())
def test_damaged_streams(raw: bytes, peer: str) -> None:
    compare(raw, peer)


@each_peer
@effort(200)
@given(sent=sent_requests())
def test_valid_requests(sent: SentRequest, peer: str) -> None:
    compare(sent.raw, peer)


@each_peer
def test_every_row_still_occurs(peer: str) -> None:
    """A peer has a cell in a row if, and only if, the corpus shows that difference."""
    occurring: set[str] = {row.what for raw in STREAMS.values() for row in compare(raw, peer)}
    assert occurring == {row.what for row in DIFFERENCES if row.concerns(peer)}


def test_rows_are_complete() -> None:
    def is_complete(row: Row) -> bool:
        has_rule = bool(row.refusal or row.theirs or row.adjust)
        return has_rule and bool(row.h11 or row.llhttp) and "RFC " in row.reason

    assert [row.what for row in DIFFERENCES if not is_complete(row)] == []
    assert len({row.what for row in DIFFERENCES}) == len(DIFFERENCES)


def test_page_shows_the_table() -> None:
    assert PAGE.read_text("utf-8") == render()
