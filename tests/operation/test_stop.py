"""The ways to stop a server: TERM finishes what is under way, INT and QUIT do not."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest
from tests.operation.client import Address, Answer, Link, Links, Lost
from tests.operation.conftest import Serve, Site
from tests.operation.load import Load, called, ledger
from tests.operation.server import PATIENCE, Server, freeze

pytestmark = [pytest.mark.process, pytest.mark.network]

Reach = tuple[list[str], Callable[[Server], list[Address]]]


def test_term_under_load(serve: Serve, site: Site, reach: Reach) -> None:
    arguments, addresses = reach
    server = serve(*arguments)
    with Load(addresses(server)) as load:
        stopped_at = time.monotonic()
        assert server.stop() == 0
    known = [one for one in load.outcomes if one.opened_at < stopped_at]
    assert [one for one in known if one.answer is None] == []
    assert load.untold == []
    load.check_answered_once(ledger(site.state))


def test_term_refuses_newcomers(serve: Serve, site: Site, reach: Reach) -> None:
    arguments, addresses = reach
    server = serve(*arguments)

    async def scenario(address: Address) -> None:
        async with Links(address) as links:
            held, *idle = await links.of_each_worker(2)
            answer = asyncio.create_task(held.ask("GET", "/hold?id=held&gate=gate"))
            await called(site.state, "held")
            await asyncio.to_thread(stop_gently, server)
            await idle[0].ask_until_told()
            # Only a listener that nobody has open refuses: they must not queue behind one that is
            # still finishing, only to be reset in the end.
            async with asyncio.timeout(PATIENCE):
                while await is_welcome(address):
                    await asyncio.sleep(0.01)
            site.open_gate("gate")
            assert (await answer).closes

    asyncio.run(scenario(addresses(server)[-1]))
    assert server.wait() == 0


async def is_welcome(address: Address) -> bool:
    """Tell whether a connection is accepted, by the kernel at least."""
    try:
        link = await Link.open(address)
    except Lost:
        return False
    await link.close()
    return True


def test_term_finishes_what_is_under_way(serve: Serve, site: Site, reach: Reach) -> None:
    arguments, addresses = reach
    pidfile = site.state / "pid"
    server = serve(*arguments, "-p", str(pidfile))
    assert pidfile.read_text() == f"{server.pid}\n"

    halfway = asyncio.Barrier(3)
    stopping = asyncio.Event()

    async def halves() -> AsyncIterator[bytes]:
        yield b"first half, "
        await halfway.wait()
        await stopping.wait()
        yield b"second half"

    async def stop(idle: list[Link]) -> None:
        await halfway.wait()
        await called(site.state, "held", "streamed")
        await asyncio.to_thread(stop_gently, server)
        for link in idle:  # one of each worker: now both have heard of it
            await link.ask_until_told()
        stopping.set()
        site.open_gate("gate")

    async def scenario(address: Address) -> None:
        async with Links(address) as links:
            upload, chunked, hold, stream = [await links.open() for _ in range(4)]
            length = ("Content-Length", "23")
            stopped = asyncio.create_task(stop(await links.of_each_worker(2)))
            answers = await asyncio.gather(
                upload.ask("POST", "/work?id=upload", [length], halves()),
                chunked.ask("POST", "/work", [("Transfer-Encoding", "chunked")], halves()),
                hold.ask("GET", "/hold?id=held&gate=gate"),
                stream.ask("GET", "/stream?id=streamed&gate=gate"),
            )
            assert [answer.status for answer in answers] == [200, 200, 200, 200]
            assert [answer.facts["octets"] for answer in answers] == [23, 23, 0, 0]
            assert [answer.closes for answer in answers[:3]] == [True, True, True]
            await stopped

    asyncio.run(scenario(addresses(server)[-1]))
    assert server.wait() == 0
    assert not pidfile.exists()
    for address in addresses(server):
        with pytest.raises(Lost, match="no connection"):
            asyncio.run(Link.open(address))
        assert address.path is None or not os.path.lexists(address.path)


def stop_gently(server: Server) -> None:
    """Send TERM and wait until it is heard."""
    server.wait_for(r"stopping; workers have", since=server.signal(signal.SIGTERM))


def test_term_answers_an_idle_connection_once_more(serve: Serve, site: Site) -> None:
    server = serve(workers=1)

    async def scenario() -> None:
        async with Links(Address(server.port)) as links:
            idle = await links.open()
            assert not (await idle.ask("GET", "/work")).closes
            await asyncio.to_thread(stop_gently, server)
            await idle.ask_until_told()

    asyncio.run(scenario())
    assert server.wait() == 0


def test_term_leaves_an_idle_connection_at_its_deadline(serve: Serve, site: Site) -> None:
    server = serve("--keep-alive", "1s", workers=1)

    async def scenario() -> None:
        async with Links(Address(server.port)) as links:
            idle = await links.open()
            assert not (await idle.ask("GET", "/work")).closes
            await asyncio.to_thread(stop_gently, server)
            assert await idle.read_end()

    asyncio.run(scenario())
    assert server.wait() == 0


def test_term_answers_those_who_wait_to_be_accepted(serve: Serve, site: Site, reach: Reach) -> None:
    arguments, addresses = reach
    server = serve(*arguments, workers=1)
    (worker,) = server.workers()
    # The kernel completes connections while the worker sleeps.
    freeze(worker)
    sockets = [knock(address) for address in addresses(server) for _ in range(20)]
    stop_gently(server)
    os.kill(worker, signal.SIGCONT)

    async def scenario() -> list[Answer]:
        address = addresses(server)[0]
        links = [await Link.over(sock, address) for sock in sockets]
        answers = [await link.ask("GET", f"/work?id={n}") for n, link in enumerate(links)]
        for link, answer in zip(links, answers, strict=True):
            # The worker may answer the first ones before it hears that it shall stop.
            if not answer.closes:
                await link.ask_until_told()
            await link.close()
        return answers

    answers = asyncio.run(scenario())
    assert [answer.facts["id"] for answer in answers] == [str(n) for n in range(len(sockets))]
    assert server.wait() == 0


def knock(address: Address) -> socket.socket:
    """Connect, and say nothing yet."""
    if address.path is not None:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(address.path)
        return sock
    return socket.create_connection(("127.0.0.1", address.port))


def test_term_cuts_off_what_takes_too_long(serve: Serve, site: Site) -> None:
    server = serve("--graceful-timeout", "1", workers=1)

    async def scenario() -> None:
        async with Links(Address(server.port)) as links:
            link = await links.open()
            held = asyncio.create_task(link.ask("GET", "/hold?id=held&gate=never"))
            await called(site.state, "held")
            await asyncio.to_thread(stop_gently, server)
            with pytest.raises(Lost):
                await held

    asyncio.run(scenario())
    assert server.wait() == 0
    server.wait_for(r"worker \d+ did not stop in time; killing it")


@pytest.mark.parametrize(
    "signals",
    [
        [signal.SIGINT],
        [signal.SIGQUIT],
        [signal.SIGTERM, signal.SIGINT],
        [signal.SIGTERM, signal.SIGQUIT],
        [signal.SIGHUP, signal.SIGINT],
    ],
    ids=lambda signals: "-".join(one.name for one in signals),
)
def test_quick_stop_waits_for_nobody(
    serve: Serve, site: Site, signals: list[signal.Signals]
) -> None:
    # A graceful stop would take longer than the test waits.
    server = serve("--graceful-timeout", "10m", "--keep-alive", "10m")

    async def scenario() -> None:
        async with Links(Address(server.port)) as links:
            idle, busy = await links.of_each_worker(2)
            held = asyncio.create_task(busy.ask("GET", "/hold?id=held&gate=never"))
            await called(site.state, "held")
            for signum in signals:
                server.signal(signum)
            with pytest.raises(Lost):
                await held
            assert await idle.read_end()

    asyncio.run(scenario())
    assert server.wait() == 0
