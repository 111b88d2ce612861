"""HUP under load: nothing is lost, whether the new code is good or broken."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable

import pytest
from tests.operation.client import Address, Links, Lost
from tests.operation.conftest import Serve, Site
from tests.operation.load import Load, called, ledger
from tests.operation.server import PATIENCE, Server

pytestmark = [pytest.mark.process, pytest.mark.network]

Reach = tuple[list[str], Callable[[Server], list[Address]]]

RELOADS = 5
# More octets than any request here has.
WHOLE = 10_000


def reload_well(server: Server) -> int:
    """Reload and wait until the new generation serves; return where the log was before."""
    mark = server.signal(signal.SIGHUP)
    server.wait_for(r"reloaded; the old workers finish", since=mark)
    return mark


def test_reload_loses_nothing(serve: Serve, site: Site, reach: Reach) -> None:
    arguments, addresses = reach
    server = serve(*arguments)
    with Load(addresses(server)) as load:
        for number in range(2, 2 + RELOADS):
            site.release(number)
            reload_well(server)
            load.wait_for_release(number)
            load.wait(20)
        server.wait_for(r"worker \d+ stopped", times=2 * RELOADS)
        settled_at = time.monotonic()
        load.wait(100)
    load.check_nothing_lost(ledger(site.state))
    assert {one.release for one in load.since(settled_at)} == {1 + RELOADS}
    assert {one.release for one in load.outcomes} == set(range(1, 2 + RELOADS))
    assert len(server.wait_workers(2)) == 2
    assert server.stop() == 0


def test_hasty_reloads_lose_nothing(serve: Serve, site: Site) -> None:
    server = serve()
    with Load([Address(server.port)]) as load:
        for number in range(2, 12):
            site.release(number)
            server.signal(signal.SIGHUP)
            load.wait(2)
        load.wait_for_release(11)
    assert len(server.wait_workers(2)) == 2
    load.check_nothing_lost(ledger(site.state))
    assert server.stop() == 0


def test_reload_follows_a_link_to_the_next_release(serve: Serve, site: Site) -> None:
    """Deployments switch a symbolic link, and start the server in it."""
    current = site.directory.parent / "current"
    following = site.directory.parent / "following"
    shutil.copytree(site.directory, following)
    (following / "release.py").write_text("RELEASE = 2\n")
    current.symlink_to(site.directory)
    server = serve("--chdir", str(current), workers=1)

    async def ask() -> int:
        async with Links(Address(server.port)) as links:
            return int((await (await links.open()).ask("GET", "/work")).facts["release"])

    assert asyncio.run(ask()) == 1
    current.unlink()
    current.symlink_to(following)
    server.wait_for(r"worker \d+ stopped", since=reload_well(server))
    assert asyncio.run(ask()) == 2
    assert server.stop() == 0


def test_requests_under_way_stay_with_the_old_code(serve: Serve, site: Site) -> None:
    server = serve(workers=1)
    address = Address(server.port)

    async def scenario() -> None:
        async with Links(address) as links:
            upload, hold, stream, idle = [await links.open() for _ in range(4)]
            assert not (await idle.ask("GET", "/work")).closes
            streamed = await stream.begin(WHOLE, "GET", "/stream?id=streamed&gate=gate")
            await streamed.sip()

            async def halves() -> AsyncIterator[bytes]:
                yield b"first half, "
                await called(site.state, "held")
                site.release(2)
                await asyncio.to_thread(reload_well, server)
                assert (await idle.ask_until_told()).facts["release"] == 1
                # The new code answers while the old one has three requests under way.
                async with asyncio.timeout(PATIENCE):
                    while (await (await links.open()).ask("GET", "/work")).facts["release"] != 2:
                        await asyncio.sleep(0.01)  # the old worker was about to close its doors
                site.open_gate("gate")
                yield b"second half"

            answers = await asyncio.gather(
                upload.ask("POST", "/work", [("Content-Length", "23")], halves()),
                hold.ask("GET", "/hold?id=held&gate=gate"),
                streamed.finish(),
            )
            assert [answer.facts["release"] for answer in answers] == [1, 1, 1]
            assert answers[0].facts["octets"] == 23
            # The stream's head was here before anybody thought of closing.
            assert [answer.closes for answer in answers] == [True, True, False]
            assert [await link.read_end() for link in (upload, hold)] == [True, True]
            await stream.ask_until_told()

    asyncio.run(scenario())
    assert server.stop() == 0


def test_idle_connection_is_told_before_it_is_closed(serve: Serve, site: Site) -> None:
    server = serve(workers=1)

    async def scenario() -> None:
        async with Links(Address(server.port)) as links:
            link = await links.open()
            assert not (await link.ask("GET", "/work")).closes
            site.release(2)
            await asyncio.to_thread(reload_well, server)
            assert (await link.ask_until_told()).facts["release"] == 1

    asyncio.run(scenario())
    assert server.stop() == 0


FAULTS = {
    "syntax error": ("RELEASE = = 2", r"SyntaxError: invalid syntax"),
    "error at import": ("raise KeyError('at import')", r"KeyError: 'at import'"),
    "exit at import": ("raise SystemExit(0)", r"ends the process"),
    "failing factory": ("FACTORY_FAILS = True", r"RuntimeError: the factory fails on purpose"),
}


def test_broken_code_changes_nothing(serve: Serve, site: Site, reach: Reach) -> None:
    arguments, addresses = reach
    server = serve(*arguments, app="application:create()")
    before = server.workers()
    with Load(addresses(server)) as load:
        for code, why in FAULTS.values():
            site.release(2, code)
            mark = server.signal(signal.SIGHUP)
            server.wait_for(r"reload failed: ", since=mark)
            server.wait_for(why, since=mark)
            server.wait_for(r"the old generation keeps serving", since=mark)
            load.wait(40)
            assert server.wait_workers(2) == before
        assert {one.release for one in load.outcomes if one.answer} == {1}
        site.release(3)
        reload_well(server)
        for worker in before:
            server.wait_for(rf"worker {worker} stopped")
        repaired_at = time.monotonic()
        load.wait(60)
    load.check_nothing_lost(ledger(site.state))
    assert {one.release for one in load.since(repaired_at)} == {3}
    assert server.wait_workers(2).isdisjoint(before)
    assert server.stop() == 0


def test_broken_settings_change_nothing(serve: Serve, site: Site) -> None:
    settings = site.directory / "settings.py"
    settings.write_text("threads = 3\n")
    server = serve("-c", str(settings))
    before = server.workers()
    with Load([Address(server.port)]) as load:
        for text, why in (
            ("threads = = 3\n", r"settings\.py, line 1: SyntaxError"),
            ("1 / 0\n", r"settings\.py, line 1: ZeroDivisionError"),
            ("threads = 'many'\n", r"threads .*settings\.py.*many"),
            ("tredas = 3\n", r"unknown setting 'tredas'; did you mean threads\?"),
            ("errorlog = '/nowhere/log'\n", r"cannot open /nowhere/log"),
            ("certfile = '/nowhere/pem'\n", r"certfile.*/nowhere/pem"),
        ):
            settings.write_text(text)
            mark = server.signal(signal.SIGHUP)
            server.wait_for(rf"reload failed: .*{why}", since=mark)
            server.wait_for(r"the old generation keeps serving", since=mark)
            load.wait(10)
            assert server.wait_workers(2) == before
        settings.write_text("threads = 1\nworkers = 3\n")
        server.wait_for(r"serving .* with 2 workers of 1 thread", since=reload_well(server))
    load.check_nothing_lost(ledger(site.state))
    assert server.stop() == 0


def test_reload_moves_to_another_address(serve: Serve, site: Site) -> None:
    settings = site.directory / "settings.py"
    first, second = site.state / "first.sock", site.state / "second.sock"
    settings.write_text(f"bind = 'unix:{first}'\n")
    server = serve("-c", str(settings), bind=None)
    with Load([Address(path=str(first))]) as load:
        load.wait(10)
        settings.write_text(f"bind = ['unix:{first}', 'unix:{second}']\n")
        reload_well(server)
        with Load([Address(path=str(second))]) as more:
            more.wait(10)
    settings.write_text(f"bind = 'unix:{second}'\n")
    server.wait_for(r"worker \d+ stopped", since=reload_well(server), times=2)
    with Load([Address(path=str(second))]) as rest:
        rest.wait(10)
    for one in (load, more, rest):
        one.check_nothing_lost(ledger(site.state))
    assert server.stop() == 0
    assert not first.exists()
    assert not second.exists()


def test_preloaded_code_stays(serve: Serve, site: Site) -> None:
    server = serve("--preload")
    with Load([Address(server.port)]) as load:
        site.release(2)
        mark = reload_well(server)
        server.wait_for(r"preloaded: its code stays, and only a restart renews it", since=mark)
        server.wait_for(r"worker \d+ stopped", since=mark, times=2)
        load.wait(20)
    load.check_nothing_lost(ledger(site.state))
    assert {one.release for one in load.outcomes} == {1}
    assert server.stop() == 0


def test_reload_cuts_off_what_takes_too_long(serve: Serve, site: Site) -> None:
    server = serve("--graceful-timeout", "1", workers=1)

    async def scenario() -> None:
        async with Links(Address(server.port)) as links:
            link = await links.open()
            held = asyncio.create_task(link.ask("GET", "/hold?id=held&gate=never"))
            await called(site.state, "held")
            mark = await asyncio.to_thread(reload_well, server)
            with pytest.raises(Lost):
                await held
            await asyncio.to_thread(
                server.wait_for, r"worker \d+ did not stop in time; killing it", since=mark
            )

    asyncio.run(scenario())
    assert server.stop() == 0
