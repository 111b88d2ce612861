from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from dovetail.server import clock
from dovetail.server.clock import HttpDate


def test_is_an_imf_fixdate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 784111777.9)
    assert HttpDate()() == "Sun, 06 Nov 1994 08:49:37 GMT"


def test_is_now() -> None:
    before = int(time.time())
    stamp = parsedate_to_datetime(HttpDate()())
    assert datetime.fromtimestamp(before, UTC) <= stamp
    assert stamp <= datetime.fromtimestamp(time.time(), UTC)


def test_is_made_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def formatdate(second: int, *, usegmt: bool) -> str:
        made.append(second)
        return str(second)

    seconds = iter((100.0, 100.5, 100.99, 101.0, 101.2, 100.9))
    monkeypatch.setattr(time, "time", lambda: next(seconds))
    monkeypatch.setattr(clock, "formatdate", formatdate)
    date = HttpDate()
    # The clock was set back in the end.
    assert [date() for _ in range(6)] == ["100", "100", "100", "101", "101", "100"]
    assert made == [100, 101, 100]
