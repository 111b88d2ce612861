"""Prints what was measured, one line a row."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print name, ours, Werkzeug's and the ratio of the best rounds; of multipart the MB/s."""
    groups: dict[str, list[Any]] = {}
    for measured in config._benchmarksession.benchmarks:  # type: ignore[attr-defined]
        groups.setdefault(measured.group, []).append(measured)
    for name, members in groups.items():
        if "MB/s" in members[0].extra_info:
            figures = [f"{one.params['who']} {one.extra_info['MB/s']:,} MB/s" for one in members]
        else:
            best = [one.stats.min * 1e6 for one in members]
            figures = [f"{microseconds:.2f} us" for microseconds in best]
            if len(best) == 2:
                figures.append(f"{best[1] / best[0]:.2f}x")
        terminalreporter.write_line(", ".join([name, *figures]))
