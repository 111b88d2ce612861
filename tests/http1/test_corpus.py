"""Every file of the corpus, whole, cut in every way, and with something behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import pytest
from tests.http1.cases import ACCEPT, REJECT, Case, describe
from tests.http1.outcome import Outcome, octet_by_octet, random_pieces, read

from dovetail.http1.events import Signal

NEXT = b"GET /behind HTTP/1.1\r\nHost: behind.test\r\n\r\n"

Cut = Callable[[bytes], Iterable[bytes]]


def whole(raw: bytes) -> Iterable[bytes]:
    return [raw]


def in_two(raw: bytes) -> Iterable[bytes]:
    middle = len(raw) // 2
    return [raw[:middle], b"", raw[middle:]]


def at_random(seed: int) -> Cut:
    return lambda raw: random_pieces(raw, Random(f"{seed} {len(raw)}"))


CUTS = {
    "whole": whole,
    "octets": octet_by_octet,
    "two": in_two,
    "random-1": at_random(1),
    "random-2": at_random(2),
    "random-3": at_random(3),
}

each_cut = pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
each_accepted = pytest.mark.parametrize("case", ACCEPT, ids=lambda case: case.name)
each_refused = pytest.mark.parametrize("case", REJECT, ids=lambda case: case.name)


def assert_accepted(case: Case, outcome: Outcome) -> None:
    expected = case.expected["messages"]
    assert outcome.error is None
    assert all(message.complete for message in outcome.messages)
    assert len(outcome.messages) == len(expected)
    for message, description in zip(outcome.messages, expected, strict=True):
        assert describe(message, description) == description
    assert outcome.rest == case.expected["rest"].encode("latin-1")


def assert_refused(case: Case, outcome: Outcome) -> None:
    assert outcome.status == case.expected["status"]
    assert len(outcome.messages) == case.expected["heads"]
    assert len(outcome.complete) == case.expected["complete"]


def ends_connection(case: Case) -> bool:
    messages = case.expected["messages"]
    return bool(messages) and not messages[-1]["keep_alive"]


@each_cut
@each_accepted
def test_accepted(case: Case, cut: Cut) -> None:
    outcome = read(cut(case.raw), case.limits)
    assert_accepted(case, outcome)
    assert outcome.end is (Signal.CLOSED if ends_connection(case) else Signal.NEED_DATA)


@each_accepted
def test_accepted_and_closed(case: Case) -> None:
    outcome = read([case.raw], case.limits, eof=True)
    assert_accepted(case, outcome)
    assert outcome.end is Signal.CLOSED


@each_accepted
def test_accepted_with_next_request(case: Case) -> None:
    outcome = read([case.raw + NEXT], case.limits)
    if ends_connection(case):
        assert outcome.rest.endswith(NEXT)
        outcome.rest = outcome.rest.removesuffix(NEXT)
    else:
        assert outcome.messages.pop().head.target == "/behind"
    assert_accepted(case, outcome)


@each_accepted
def test_accepted_part_is_no_error(case: Case) -> None:
    """Any beginning waits for more, and is an error only when the client leaves inside it."""
    random = Random(len(case.raw))
    for _ in range(10):
        beginning = case.raw[: random.randrange(len(case.raw) + 1)]
        outcome = read([beginning], case.limits)
        assert outcome.error is None
        left = read([beginning], case.limits, eof=True)
        assert left.end is Signal.CLOSED or left.status == 400
        if any(not message.complete for message in outcome.messages):
            assert left.status == 400
        assert left.complete == outcome.complete


@each_cut
@each_refused
def test_refused(case: Case, cut: Cut) -> None:
    assert_refused(case, read(cut(case.raw), case.limits, eof=case.expected["eof"]))


@each_refused
def test_refused_with_next_request(case: Case) -> None:
    """Nothing behind a refused request is looked at, in the same piece or in a later one."""
    if case.expected["eof"]:
        assert read([case.raw], case.limits).error is None
        return
    for pieces in ([case.raw + NEXT], [case.raw, NEXT]):
        outcome = read(pieces, case.limits)
        assert_refused(case, outcome)
        assert outcome.rest == b""


def test_every_file_has_its_expectation() -> None:
    folders = [Path(__file__).parent / "corpus" / name for name in ("accept", "reject")]
    for folder in folders:
        names = {path.stem for path in folder.glob("*.http")}
        assert names == {path.stem for path in folder.glob("*.json")}
        assert {path.suffix for path in folder.iterdir()} == {".http", ".json"}
    assert len(ACCEPT) >= 150
    assert len(REJECT) >= 300
