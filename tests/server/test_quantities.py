from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.server.quantities import dump_duration, dump_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        ("0.5", 0.5),
        ("30s", 30),
        ("1m30s", 90),
        ("250ms", 0.25),
        ("2h", 7200),
        ("1m5ms", 60.005),
        ("1h2m3s4ms", 3723.004),
        ("1.5h", 5400),
        ("90m", 5400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "-1",
        "+1",
        "1 s",
        " 1",
        "1s1m",
        "1s1s",
        "1d",
        "1e3",
        "1_0",
        "\u0661",
        ".5",
        "1.",
        "inf",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"30s, 1m30s, 250ms"):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_a_duration_reads_what_it_writes(milliseconds: int) -> None:
    assert parse_duration(dump_duration(milliseconds / 1000)) == milliseconds / 1000


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("0", 0),
        ("500", 500),
        ("500b", 500),
        ("64k", 65536),
        ("64K", 65536),
        ("64KiB", 65536),
        ("64kB", 64000),
        ("10MiB", 10 << 20),
        ("10m", 10 << 20),
        ("10MB", 10**7),
        ("1GB", 10**9),
        ("1gib", 1 << 30),
        ("1G", 1 << 30),
    ],
)
def test_sizes(text: str, octets: int) -> None:
    assert parse_size(text) == octets


@pytest.mark.parametrize(
    "text", ["", "k", "-1", "1.5M", "1 k", "1T", "1kk", "1ki", "0x10", "1_000", "\u0661", "9" * 16]
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r"64k, 10MiB, 1GB"):
        parse_size(text)


@given(st.integers(0, 2**45))
def test_a_size_reads_what_it_writes(octets: int) -> None:
    assert parse_size(dump_size(octets)) == octets


def test_the_largest_exact_unit_is_written() -> None:
    assert [dump_size(n) for n in (0, 1023, 1024, 1536 << 10, 3 << 30)] == [
        "0",
        "1023",
        "1KiB",
        "1536KiB",
        "3GiB",
    ]
    assert [dump_duration(s) for s in (0, 0.001, 90, 3600.5)] == ["0s", "1ms", "1m30s", "1h500ms"]
