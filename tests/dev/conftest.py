from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from dovetail.dev.console import LOGGER


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[str]]:
    """What the development server logs, instead of the console."""
    logger = logging.getLogger(LOGGER)
    before = logger.level, logger.handlers[:], logger.propagate
    handler = _Lines()
    logger.handlers[:], logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    yield handler.lines
    logger.setLevel(before[0])
    logger.handlers[:], logger.propagate = before[1], before[2]
