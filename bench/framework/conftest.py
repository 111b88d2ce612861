"""Prints what was measured: a table beside the others, and where the time of ours goes."""

from __future__ import annotations

from typing import Any

import pytest
from bench.framework.phases import BENCH, PHASES, Share

PHASES_KEY = pytest.StashKey[dict[str, list[Share]]]()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print microseconds a request in the best round, and how many times ours the others take."""
    measured: dict[str, dict[str, float]] = {}
    for one in config._benchmarksession.benchmarks:  # type: ignore[attr-defined]
        row = measured.setdefault(one.group, {})
        row[one.extra_info["who"]] = one.stats.min * 1e6
    columns = list(dict.fromkeys(who for row in measured.values() for who in row))
    lines = [["us a request", *columns]]
    for name, row in measured.items():
        lines.append([name, *(_cell(row.get(who), row.get("ours")) for who in columns)])
    _print(terminalreporter, lines)
    shares = config.stash.get(PHASES_KEY, {})
    if not shares:
        return
    lines = [["where ours goes, us", *PHASES, BENCH]]
    for name, phases in shares.items():
        of = dict(phases)
        lines.append([name, *(f"{of[phase]:.1f}" if phase in of else "" for phase in lines[0][1:])])
    _print(terminalreporter, list(zip(*lines, strict=True)))


def _cell(microseconds: float | None, ours: float | None) -> str:
    if microseconds is None:
        return "-"
    if ours is None or microseconds == ours:
        return f"{microseconds:.1f}"
    return f"{microseconds:.1f} ({microseconds / ours:.1f}x)"


def _print(reporter: Any, lines: list[Any]) -> None:
    """Print lines of cells, the first column to the left."""
    if len(lines) < 2:
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *cells in lines:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        reporter.write_line("  ".join([first.ljust(widths[0]), *padded]))
    reporter.write_line("")
