"""Durations and sizes as people write them."""

from __future__ import annotations

import re

__all__ = [
    "DURATION_FORMS",
    "SIZE_FORMS",
    "dump_duration",
    "dump_size",
    "parse_duration",
    "parse_size",
]

DURATION_FORMS = "a number of seconds, or numbers with h, m, s, ms as in 30s, 1m30s, 250ms"
SIZE_FORMS = "a number of bytes, or one with a unit as in 64k, 10MiB, 1GB"

_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
# The unit "m" must not eat the first letter of "ms".
_DURATION = re.compile(
    rf"(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m(?!s))?"
    rf"(?:(?P<s>{_NUMBER})s)?(?:(?P<ms>{_NUMBER})ms)?"
)
_MILLISECONDS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}

_SIZE = re.compile(r"(?P<number>[0-9]{1,15})(?P<unit>[A-Za-z]{0,3})")
# As GNU coreutils has it: one letter and IEC units count in 1024, SI units in 1000.
_OCTETS = {
    "": 1,
    "b": 1,
    "k": 1 << 10,
    "kb": 10**3,
    "kib": 1 << 10,
    "m": 1 << 20,
    "mb": 10**6,
    "mib": 1 << 20,
    "g": 1 << 30,
    "gb": 10**9,
    "gib": 1 << 30,
}


def parse_duration(text: str) -> float:
    """Return the seconds that ``text`` means: ``30``, ``30s``, ``1m30s``, ``250ms``, ``2h``.

    Units stand in the order h, m, s, ms, each at most once. Raises :class:`ValueError`.
    """
    if re.fullmatch(_NUMBER, text):
        return float(text)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"{text!r} is not a duration; allowed is {DURATION_FORMS}")
    parts = ((unit, number) for unit, number in match.groupdict().items() if number)
    return sum(float(number) * _MILLISECONDS[unit] for unit, number in parts) / 1000


def dump_duration(seconds: float) -> str:
    """Return ``seconds`` in the form :func:`parse_duration` reads, to the millisecond."""
    rest = round(seconds * 1000)
    parts = []
    for unit, length in _MILLISECONDS.items():
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_size(text: str) -> int:
    """Return the octets that ``text`` means: ``500``, ``64k``, ``10MiB``, ``1GB``.

    ``k``, ``M``, ``G`` and ``KiB``, ``MiB``, ``GiB`` are powers of 1024; ``kB``, ``MB``, ``GB`` are
    powers of 1000. Case does not matter. Raises :class:`ValueError`.
    """
    match = _SIZE.fullmatch(text)
    if match is None or match["unit"].lower() not in _OCTETS:
        raise ValueError(f"{text!r} is not a size; allowed is {SIZE_FORMS}")
    return int(match["number"]) * _OCTETS[match["unit"].lower()]


def dump_size(octets: int) -> str:
    """Return ``octets`` exactly, in the largest unit that needs no fraction."""
    for unit, length in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if octets and octets % length == 0:
            return f"{octets // length}{unit}"
    return str(octets)
