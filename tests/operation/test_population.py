"""Workers come and go under load, and nothing is lost by it."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from tests.operation.client import Address
from tests.operation.conftest import Serve, Site
from tests.operation.load import Load, ledger
from tests.operation.server import Server

pytestmark = [pytest.mark.process, pytest.mark.network]

Reach = tuple[list[str], Callable[[Server], list[Address]]]

RECYCLINGS = 6


def test_recycling_loses_nothing(serve: Serve, site: Site, reach: Reach) -> None:
    arguments, addresses = reach
    server = serve(*arguments, "--max-requests", "40", "--max-requests-jitter", "20")
    before = server.workers()
    with Load(addresses(server)) as load:
        served = server.wait_for(
            r"worker (\d+) asks for a spare: (\d+) requests served", times=RECYCLINGS
        )
        server.wait_for(r"worker \d+ stopped", times=RECYCLINGS)
        # One worker may get so little of the load that others are recycled several times before it.
        for worker in before:
            server.wait_for(rf"worker {worker} stopped")
    load.check_nothing_lost(ledger(site.state))
    assert min(int(match[2]) for match in served) >= 40
    assert len({match[1] for match in served}) == len(served)
    assert server.wait_workers(2).isdisjoint(before)
    assert server.stop() == 0
    # A spare is ready before anybody is told to go.
    assert "starting another" not in server.log


def test_number_of_workers_changes_under_load(serve: Serve, site: Site) -> None:
    server = serve(workers=1)
    with Load([Address(server.port)]) as load:
        for signum, workers in (
            (signal.SIGTTIN, 2),
            (signal.SIGTTIN, 3),
            (signal.SIGTTOU, 2),
            (signal.SIGTTOU, 1),
        ):
            mark = server.signal(signum)
            server.wait_for(rf"workers: {workers}", since=mark)
            server.wait_workers(workers)
            load.wait(30)
        mark = server.signal(signal.SIGTTOU)
        server.wait_for(r"one worker is the least", since=mark)
        load.wait(10)
    load.check_nothing_lost(ledger(site.state))
    assert len(server.wait_workers(1)) == 1
    assert server.stop() == 0
