from __future__ import annotations

import signal

import pytest

from dovetail.server.deaths import describe_death


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "exited with status 0"),
        (4, "exited with status 4"),
        (-signal.SIGKILL, "died by SIGKILL"),
        (-45, "died by signal 45"),
    ],
)
def test_how_a_death_reads(code: int, text: str) -> None:
    assert describe_death(code) == text
