"""One operation, by ours and by the peer's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["Row", "compare"]


class Row(NamedTuple):
    """What is measured; the callables do it once."""

    name: str
    ours: Callable[[], object]
    theirs: Callable[[], object]


def compare(
    operations: Mapping[str, Callable[[Any], Callable[[], object]]], ours: object, theirs: object
) -> list[Row]:
    """Return a row of each operation, made with the names of either side."""
    return [Row(name, make(ours), make(theirs)) for name, make in operations.items()]
