"""One operation by ours and by the peer's, measured in turns in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

__all__ = ["Row", "measure"]

ROUNDS = 7
SECONDS = 0.02  # CPU time of one round of one side


class Row(NamedTuple):
    """What is measured; the callables do it once."""

    name: str
    ours: Callable[[], object]
    theirs: Callable[[], object]


def measure(rows: Iterable[Row]) -> None:
    """Print each row as ``name, ours us, Werkzeug us, ratio``: CPU time, the best of the rounds."""
    for row in rows:
        ours, theirs = _best(row.ours, row.theirs)
        print(f"{row.name}, {ours:.2f} us, {theirs:.2f} us, {theirs / ours:.1f}x", flush=True)


def _best(*sides: Callable[[], object]) -> list[float]:
    counts = [_count(side) for side in sides]
    best = [float("inf")] * len(sides)
    for _ in range(ROUNDS):
        for index, (side, count) in enumerate(zip(sides, counts, strict=True)):
            best[index] = min(best[index], _seconds(side, count) / count * 1e6)
    return best


def _count(side: Callable[[], object]) -> int:
    """How often a side can do it in one round."""
    count = 1
    while (taken := _seconds(side, count)) < SECONDS / 4:
        count *= 4
    return max(1, round(count * SECONDS / taken))


def _seconds(side: Callable[[], object], count: int) -> float:
    repeated = [None] * count
    start = time.process_time()
    for _ in repeated:
        side()
    return time.process_time() - start
