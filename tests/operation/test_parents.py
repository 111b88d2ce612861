"""The arbiter's place in the tree of processes: its sudden death, and its life as process 1."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from tests.operation.client import Address, Answer, Links
from tests.operation.conftest import Serve, Site
from tests.operation.load import called
from tests.operation.server import PATIENCE, Server, children, wait_gone

pytestmark = [pytest.mark.process, pytest.mark.network]


def test_workers_finish_when_the_arbiter_is_killed(serve: Serve, site: Site) -> None:
    server = serve()
    workers = server.workers()

    async def scenario() -> None:
        async with Links(Address(server.port)) as links:
            busy, idle = await links.of_each_worker(2)
            held = asyncio.create_task(busy.ask("GET", "/hold?id=held&gate=gate"))
            await called(site.state, "held")
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.to_thread(server.wait_for, r"the arbiter is gone", times=2)
            assert (await idle.ask("GET", "/work")).closes
            site.open_gate("gate")
            assert (await held).facts["pid"] in workers

    asyncio.run(scenario())
    assert server.wait() == -signal.SIGKILL
    wait_gone(workers)
    with socket.socket() as another:
        another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        another.bind(("127.0.0.1", server.port))
        another.listen()


NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


@pytest.fixture
def contained(site: Site) -> Iterator[Server]:
    """Return a server that is process 1 of a namespace of its own."""
    prefix = NAMESPACE if os.geteuid() == 0 else [*NAMESPACE, "--user", "--map-root-user"]
    possible = shutil.which("unshare") is not None and (
        subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    )
    if not possible:
        assert not os.environ.get("CI"), "this machine has to be able to make a namespace"
        pytest.skip("needs the right to make a process namespace")
    server = Server(
        ["-b", "127.0.0.1:0", "-w", "2", "application:app"],
        directory=site.directory,
        variables={"OPERATION_STATE": str(site.state)},
        prefix=prefix,
    )
    try:
        server.wait_ready(2)
        yield server
    finally:
        server.destroy()


def test_process_1_reaps_orphans_and_stops(contained: Server, site: Site) -> None:
    (arbiter,) = children(contained.pid)
    contained.wait_for(r"process 1$")

    async def leave_orphan() -> Answer:
        async with Links(Address(contained.port)) as links:
            return await (await links.open()).ask("GET", "/orphan?gate=gate")

    mark = contained.mark()
    assert asyncio.run(leave_orphan()).status == 200
    # It is adopted, ends, and is gone: a zombie would stay.
    wait_children(arbiter, 3)
    site.open_gate("gate")
    wait_children(arbiter, 2)
    assert contained.mark() == mark
    os.kill(arbiter, signal.SIGTERM)
    assert contained.wait() == 0
    contained.wait_for(r"worker \d+ stopped", times=2)


def wait_children(parent: int, count: int) -> None:
    """Wait until a process has so many children."""
    deadline = time.monotonic() + PATIENCE
    while len(children(parent)) != count:
        assert time.monotonic() < deadline, children(parent)
        time.sleep(0.01)
