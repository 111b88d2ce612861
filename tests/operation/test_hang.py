"""Workers that hang are found by their heartbeat and replaced, whatever they hang in."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from tests.operation.client import Address, Links, Lost
from tests.operation.conftest import Serve, Site
from tests.operation.load import Load, called, ledger
from tests.operation.server import Server, freeze, wait_gone

pytestmark = [pytest.mark.process, pytest.mark.network]

# In seconds; long enough for a worker that stands still only because the machine is busy.
TIMEOUT = 5


def hang_with_the_lock_held(server: Server, load: Load) -> int:
    """Have a worker hang in C code that holds the interpreter's lock, under load; return it."""

    async def ask() -> int:
        async with Links(Address(server.port)) as links:
            # Beside others, one worker might have no room for newcomers all the time.
            victim, bystander = await links.of_each_worker(2)
            await asyncio.to_thread(load.start)
            hanging = asyncio.create_task(victim.ask("GET", "/hang?id=hanging"))
            assert (await bystander.ask("GET", "/work")).facts["pid"] == bystander.pid
            with pytest.raises(Lost):
                await hanging
            assert victim.pid is not None
            return victim.pid

    return asyncio.run(ask())


def test_worker_that_hangs_with_the_lock_held(serve: Serve, site: Site) -> None:
    server = serve(f"--timeout={TIMEOUT}")
    load = Load([Address(server.port)])
    try:
        victim = hang_with_the_lock_held(server, load)
        server.wait_for(rf"worker {victim} silent for more than {TIMEOUT} s; aborting it")
        server.wait_for(rf"worker {victim} .*SIGABRT.*; starting another")
        server.wait_for(r"worker \d+ ready", times=3)
        load.wait(40)
    finally:
        load.stop()
    # The stacks are in the log: the line that hangs, and the threads that do not.
    server.wait_for(r"Fatal Python error: Aborted")
    server.wait_for(r'application\.py", line \d+ in hang')
    server.wait_for(r'threads\.py", line \d+ in run')
    load.check_answered_once(ledger(site.state))
    assert {outcome.pid for outcome in load.lost} <= {victim, None}
    assert victim not in server.wait_workers(2)
    wait_gone([victim])
    assert server.stop() == 0


def test_worker_that_is_stopped(serve: Serve, site: Site) -> None:
    server = serve(f"--timeout={TIMEOUT}")
    victim, other = sorted(server.workers())
    with Load([Address(server.port)]) as load:
        os.kill(victim, signal.SIGSTOP)
        server.wait_for(rf"worker {victim} silent for more than {TIMEOUT} s; aborting it")
        # A stopped process cannot obey; only KILL works.
        server.wait_for(rf"worker {victim} did not stop in time; killing it")
        server.wait_for(rf"worker {victim} .*SIGKILL.*; starting another")
        server.wait_for(r"worker \d+ ready", times=3)
        load.wait(40)
    load.check_answered_once(ledger(site.state))
    assert {outcome.pid for outcome in load.lost} <= {victim, None}
    assert other in server.wait_workers(2, without=[victim])
    assert server.stop() == 0


def test_long_request_is_no_hang(serve: Serve, site: Site) -> None:
    server = serve(f"--timeout={TIMEOUT}", "--threads=1")

    async def scenario() -> None:
        async with Links(Address(server.port)) as links:
            busy, other = await links.of_each_worker(2)
            assert busy.pid is not None
            assert other.pid is not None
            held = asyncio.create_task(busy.ask("GET", "/hold?id=held&gate=gate"))
            await called(site.state, "held")
            # This one is silent for a shorter time than the request takes, and is found.
            freeze(other.pid)
            pattern = rf"worker {other.pid} silent for more than {TIMEOUT} s; aborting it"
            await asyncio.to_thread(server.wait_for, pattern)
            os.kill(other.pid, signal.SIGCONT)
            assert f"worker {busy.pid} silent" not in server.log
            site.open_gate("gate")
            answer = await held
            assert (answer.status, answer.facts["pid"]) == (200, busy.pid)

    asyncio.run(scenario())
    assert server.stop() == 0
