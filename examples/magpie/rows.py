"""The numbers of rows, as they stand in URLs."""

from typing import Any

from dovetail.routing import IntegerConverter, Map

# What SQLite can number; it refuses to look for a larger one.
LARGEST = 2**63 - 1


class RowId(IntegerConverter):
    """``<id:item_id>``: a number that a row can have. No other URL matches, which means 404."""

    def __init__(self, map: Map, **options: Any) -> None:  # noqa: A002
        super().__init__(map, max=LARGEST, **options)
