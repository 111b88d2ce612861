"""A worker that is killed takes along what it had in flight, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest
from tests.operation.client import Address, Links, Lost
from tests.operation.conftest import Serve, Site
from tests.operation.load import Load, called, ledger
from tests.operation.server import Server, freeze

pytestmark = [pytest.mark.process, pytest.mark.network]

Reach = tuple[list[str], Callable[[Server], list[Address]]]


def test_kill_loses_only_what_was_in_flight(serve: Serve, site: Site, reach: Reach) -> None:
    arguments, addresses = reach
    server = serve(*arguments, "--threads", "4")
    with Load(addresses(server)) as load:
        before = server.workers()
        victim = min(before)
        mark = server.mark()
        os.kill(victim, signal.SIGKILL)
        server.wait_for(rf"worker {victim} .*; starting another", since=mark)
        buried_at = time.monotonic()
        server.wait_for(r"worker \d+ ready", since=mark)
        load.wait(60)
    after = server.wait_workers(2, without=[victim])
    assert after > before - {victim}
    load.check_answered_once(ledger(site.state))
    # Whoever had not been answered on a connection yet cannot know which worker it belonged to.
    assert {outcome.pid for outcome in load.lost} <= {victim, None}
    assert [outcome for outcome in load.lost if outcome.connecting_at > buried_at] == []
    assert set(load.untold) <= {victim}
    assert {one.answer.facts["pid"] for one in load.since(buried_at) if one.answer} <= after
    assert server.stop() == 0


def test_request_of_the_other_worker_survives(serve: Serve, site: Site) -> None:
    server = serve()

    async def scenario() -> None:
        async with Links(Address(server.port)) as links:
            mine, other = await links.of_each_worker(2)
            lost = asyncio.create_task(mine.ask("GET", "/hold?id=lost&gate=gate"))
            kept = asyncio.create_task(other.ask("GET", "/hold?id=kept&gate=gate"))
            await called(site.state, "lost", "kept")
            assert mine.pid is not None
            os.kill(mine.pid, signal.SIGKILL)
            with pytest.raises(Lost):
                await lost
            site.open_gate("gate")
            assert (await kept).facts["pid"] == other.pid

    asyncio.run(scenario())
    assert server.stop() == 0


def test_those_who_wait_are_answered_by_the_next_worker(serve: Serve, site: Site) -> None:
    server = serve(workers=1)
    (victim,) = server.workers()
    freeze(victim)

    async def scenario() -> None:
        async with Links(Address(server.port)) as links:
            # The kernel completes these connections; nobody has accepted them.
            waiting = [await links.open() for _ in range(20)]
            os.kill(victim, signal.SIGKILL)
            answers = await asyncio.gather(*(link.ask("GET", "/work") for link in waiting))
            assert victim not in {answer.facts["pid"] for answer in answers}

    asyncio.run(scenario())
    assert server.stop() == 0
