"""The framework beside Flask, Bottle and Falcon: CPU time of one request, in process.

make bench
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import flask
import pytest
from bench.framework import on_bottle, on_falcon, on_flask
from bench.framework.cases import CASES, Case, ask
from bench.framework.conftest import PHASES_KEY
from bench.framework.phases import sample
from bench.toolkit.messages import send
from pytest_benchmark.fixture import BenchmarkFixture

import dovetail

BUILDERS: dict[str, Callable[[str], Any]] = {
    "ours": lambda key: on_flask.build(key, dovetail, dovetail.App),
    "Flask": lambda key: on_flask.build(key, flask, flask.Flask),
    "Bottle": on_bottle.build,
    "Falcon": on_falcon.build,
}


def call_of(case: Case, who: str) -> Callable[[], object]:
    """Return a function that has one request answered, after one answer was found right."""
    app = BUILDERS[who](case.key)
    if app is None:
        pytest.skip(f"{who} has nothing for it")
    make = case.request(app)
    answer = ask(app, make())
    assert case.is_right(answer), answer
    return lambda: send(app, make())


@pytest.mark.benchmark(timer=time.process_time, min_time=0.01, max_time=0.5, min_rounds=25)
@pytest.mark.parametrize("who", BUILDERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_request(benchmark: BenchmarkFixture, case: Case, who: str) -> None:
    benchmark.group = case.name
    benchmark.extra_info["who"] = who
    benchmark(call_of(case, who))


@pytest.mark.benchmark(timer=time.process_time, min_time=0.01, max_time=0.5, min_rounds=25)
def test_the_bench_itself(benchmark: BenchmarkFixture) -> None:
    def bare(_environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"Hello, world!"]

    make = CASES[0].request(bare)
    benchmark.group = "a function instead of a framework"
    benchmark.extra_info["who"] = "ours"
    benchmark(lambda: send(bare, make()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_where_the_time_goes(case: Case, pytestconfig: pytest.Config) -> None:
    call = call_of(case, "ours")
    for _ in range(100):
        call()
    shares = sample(call)
    assert shares
    pytestconfig.stash.setdefault(PHASES_KEY, {})[case.name] = shares
