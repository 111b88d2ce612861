"""One worker with two threads, and thousands of clients that do not get on with it."""

from __future__ import annotations

import asyncio
import itertools
import resource
import time

import pytest
from tests.operation.client import Address, Begun, Link, Lost
from tests.operation.conftest import Serve, Site
from tests.operation.crowd import BIG, UPLOAD, Crowd, connections, descriptors, resident
from tests.operation.load import called
from tests.operation.server import PATIENCE, Server

pytestmark = [pytest.mark.process, pytest.mark.network]

IDLE, HEADS, BODIES, READERS = 2000, 500, 100, 20
EVERYBODY = IDLE + HEADS + BODIES + READERS
REQUESTS, USERS = 300, 4
GROWTH = 400 << 20
NEEDED = EVERYBODY + 1000

if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < NEEDED:
    pytestmark.append(pytest.mark.skip(f"needs a hard limit of {NEEDED} descriptors"))


def start(serve: Serve, *arguments: str) -> tuple[Server, int]:
    """Start a server with one worker; return both."""
    with descriptors(1024):  # it has to see to it itself that this is enough
        server = serve("--threads", "2", *arguments, workers=1)
    (worker,) = server.workers()
    return server, worker


def test_crowd_that_stays(serve: Serve, site: Site) -> None:
    server, worker = start(
        serve,
        "--keep-alive=10m",
        "--header-timeout=10m",
        "--body-timeout=10m",
        "--body-grace=10m",
        "--write-timeout=10m",
    )
    empty, memory = connections(worker), resident(worker)

    async def scenario() -> None:
        async with Crowd(Address(server.port)) as crowd:
            await crowd.gather(idle=IDLE, heads=HEADS, bodies=BODIES, readers=READERS)
            await called(site.state, *(f"reader-{number}" for number in range(READERS)))
            sips = asyncio.create_task(sip(crowd.readers))
            await ask_often(crowd.address)
            sips.cancel()
            assert connections(worker) - empty >= EVERYBODY
            assert resident(worker) - memory < GROWTH
            await go_on(crowd)
            await crowd.leave()

    with descriptors(NEEDED):
        asyncio.run(scenario())
    wait_connections(worker, empty)
    assert server.stop() == 0


async def go_on(crowd: Crowd) -> None:
    """Check that everybody gets the answer, when they do get on with it."""
    for link in (*crowd.idle, *crowd.silent):
        assert (await link.ask("GET", "/work")).status == 200
    for head in crowd.heads:
        assert (await head.finish()).facts["octets"] == 0
    for body in crowd.bodies:
        assert (await body.finish()).facts["octets"] == len(UPLOAD)
    for number, reader in enumerate(crowd.readers):
        reader.link.hurry()
        answer = await reader.finish()
        assert answer.facts["id"] == f"reader-{number}"
        assert answer.content.index(b"\n") == BIG


async def sip(readers: list[Begun]) -> None:
    """Take a little of each answer again and again."""
    for reader in itertools.cycle(readers):
        await reader.sip()
        await asyncio.sleep(0.01)


async def ask_often(address: Address) -> None:
    """Make ordinary requests, half of them on connections of their own."""

    async def user() -> None:
        link = await Link.open(address)
        for number in range(REQUESTS // USERS):
            if number % 2:
                await link.close()
                link = await Link.open(address)
            assert (await link.ask("GET", "/work")).status == 200
        await link.close()

    await asyncio.gather(*(user() for _ in range(USERS)))


def test_crowd_that_is_cut_off(serve: Serve, site: Site) -> None:
    server, worker = start(
        serve,
        # Long enough for users who hesitate only because the machine is busy.
        "--keep-alive=8s",
        "--header-timeout=8s",
        "--body-timeout=8s",
        "--write-timeout=8s",
    )
    empty = connections(worker)

    async def scenario() -> None:
        async with Crowd(Address(server.port)) as crowd:
            await crowd.gather(idle=IDLE, heads=HEADS, bodies=BODIES, readers=READERS)
            await ask_often(crowd.address)
            assert all([await link.read_end() for link in (*crowd.silent, *crowd.idle)])
            for begun in (*crowd.heads, *crowd.bodies):
                answer = await begun.link.receive(begun.parser)
                assert answer.status == 408
                assert answer.closes
                await begun.link.close()
            # These have taken nothing at all; the worker has given them up.
            await called(site.state, *(f"reader-{number}" for number in range(READERS)))
            await asyncio.to_thread(wait_connections, worker, empty)
            for reader in crowd.readers:
                with pytest.raises(Lost):
                    await reader.finish()
            await crowd.leave()
            await ask_often(crowd.address)

    with descriptors(NEEDED):
        asyncio.run(scenario())
    assert server.workers() == {worker}
    assert server.stop() == 0


def wait_connections(pid: int, most: int) -> None:
    """Wait until a process has no more sockets than that."""
    deadline = time.monotonic() + PATIENCE
    while (found := connections(pid)) > most:
        assert time.monotonic() < deadline, f"{found} sockets are open, not {most}"
        time.sleep(0.02)
