"""The toolkit beside the installed Werkzeug, row by row.

make bench
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from bench.toolkit import applications, forms, header_values, messages, routing, structures
from pytest_benchmark.fixture import BenchmarkFixture

MODULES = (messages, routing, applications, forms, structures, header_values)
SIDES = [
    pytest.param(row.name, side, id=f"{row.name}-{who}")
    for module in MODULES
    for row in module.rows()
    for who, side in (("ours", row.ours), ("Werkzeug", row.theirs))
]


@pytest.mark.benchmark(timer=time.process_time, min_time=0.004, max_time=0.15, min_rounds=15)
@pytest.mark.parametrize(("name", "side"), SIDES)
def test_row(benchmark: BenchmarkFixture, name: str, side: Callable[[], object]) -> None:
    benchmark.group = name
    benchmark(side)


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("who", forms.DECODERS)
@pytest.mark.parametrize("content", forms.CONTENTS)
def test_multipart_throughput(benchmark: BenchmarkFixture, content: str, who: str) -> None:
    octets = forms.CONTENTS[content]
    benchmark.group = f"multipart, 10 MiB of {content}"
    size = benchmark.pedantic(
        forms.DECODERS[who], args=(forms.chunks_of(octets),), rounds=7, warmup_rounds=1
    )
    assert size == len(octets)
    benchmark.extra_info["MB/s"] = round(size / benchmark.stats.stats.min / 1e6)
