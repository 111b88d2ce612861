"""What holds for all octets in all pieces."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.http1.cases import ACCEPT, REJECT, Case
from tests.http1.effort import effort
from tests.http1.outcome import octet_by_octet, random_pieces, read
from tests.http1.strategies import (
    SentRequest,
    damaged_streams,
    fragments,
    pieces,
    sent_requests,
)

from dovetail.http1.limits import Limits

TIGHT = Limits(
    request_line=30,
    fields=3,
    field_size=40,
    head_size=90,
    chunk_line=12,
    chunk_extensions=16,
    trailer_size=24,
    body=20,
)
STATUSES = {400, 413, 414, 417, 431, 501, 505}

limits = st.sampled_from([Limits(), TIGHT])
streams = (
    st.binary(max_size=60)
    | st.lists(fragments | st.binary(max_size=3), max_size=20).map(b"".join)
    | damaged_streams()
)


def lower(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in fields]


@effort(1500)
@given(stream=streams, limits=limits, eof=st.booleans())
def test_any_octets_parse_or_are_refused(stream: bytes, limits: Limits, eof: bool) -> None:
    """``read`` lets through all that is no ProtocolError."""
    outcome = read([stream], limits, eof=eof)
    assert outcome.error is None or outcome.status in STATUSES
    if eof:
        assert outcome.error is not None or all(one.complete for one in outcome.messages)


@effort(1500)
@given(data=st.data(), stream=streams, limits=limits, eof=st.booleans())
def test_pieces_change_nothing(
    data: st.DataObject, stream: bytes, limits: Limits, eof: bool
) -> None:
    cut = data.draw(pieces(stream))
    expected = read([stream], limits, eof=eof).summary()
    assert read(cut, limits, eof=eof).summary() == expected
    assert read(octet_by_octet(stream), limits, eof=eof).summary() == expected


@effort(500)
@given(stream=streams, more=streams)
def test_a_refusal_is_final(stream: bytes, more: bytes) -> None:
    """Once octets are refused, no octets behind them change anything."""
    outcome = read([stream])
    if outcome.error is not None:
        extended = read([stream + more])
        assert type(extended.error) is type(outcome.error)
        assert extended.messages[: len(outcome.complete)] == outcome.complete
        assert [one.head for one in extended.messages] == [one.head for one in outcome.messages]


@effort(500)
@given(data=st.data(), stream=damaged_streams())
def test_errors_quote_nothing(data: st.DataObject, stream: bytes) -> None:
    place = data.draw(st.integers(0, len(stream)))
    error = read([stream[:place] + b"Qv7Zk" + stream[place:]], eof=True).error
    assert error is None or "Qv7Zk".lower() not in str(error).lower()


@effort(500)
@given(sent=st.lists(sent_requests(), min_size=1, max_size=3), data=st.data())
def test_valid_requests_arrive(sent: list[SentRequest], data: st.DataObject) -> None:
    raw = b"".join(request.raw for request in sent)
    outcome = read(data.draw(pieces(raw)))
    last = next((i for i, one in enumerate(sent) if not one.keep_alive), len(sent) - 1)
    assert outcome.error is None
    assert len(outcome.complete) == last + 1
    assert outcome.rest == b"".join(request.raw for request in sent[last + 1 :])
    for message, request in zip(outcome.messages, sent, strict=False):
        head = message.head
        assert (head.method, head.target) == (request.method, request.target)
        assert (head.version, head.keep_alive) == (request.version, request.keep_alive)
        assert head.authority == request.authority
        assert message.body == request.body
        assert message.trailers == lower(request.trailers)
        without_host = [pair for pair in lower(request.fields) if pair[0] != "host"]
        assert [pair for pair in head.fields if pair[0] != "host"] == without_host
        assert [value for name, value in head.fields if name == "host"] == [request.authority]


@pytest.mark.parametrize("case", [*ACCEPT, *REJECT], ids=lambda case: case.name)
def test_tight_limits_and_pieces(case: Case) -> None:
    """Limits are met at the same octet whatever the pieces."""
    expected = read([case.raw], TIGHT).summary()
    random = Random(len(case.raw))
    for _ in range(3):
        assert read(random_pieces(case.raw, random), TIGHT).summary() == expected
    if len(case.raw) < 3000:
        assert read(octet_by_octet(case.raw), TIGHT).summary() == expected
