"""Clients that want something of a worker, and do not get on with it."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.operation.client import Address, Begun, Link

__all__ = ["BIG", "Crowd", "connections", "descriptors", "resident"]

T = TypeVar("T")

BIG = 5_000_000
UPLOAD = b"u" * 100_000
# What a slow reader leaves to the server must not fit anywhere on the way.
RECEIVE_BUFFER = 4096
# How many connect at once: with more, the kernel drops some and tries again a second later.
BATCH = 100


@dataclass(slots=True)
class Crowd:
    """Connections to one server by what they are doing, all closed at the end of ``async with``."""

    address: Address
    #: Connected, and not a word.
    silent: list[Link] = field(default_factory=list)
    #: Answered once, and no further request.
    idle: list[Link] = field(default_factory=list)
    heads: list[Begun] = field(default_factory=list)
    bodies: list[Begun] = field(default_factory=list)
    readers: list[Begun] = field(default_factory=list)
    _all: list[Link] = field(default_factory=list)

    async def __aenter__(self) -> Crowd:
        return self

    async def __aexit__(self, *_: object) -> None:
        # Those of a test that has failed would be kept with its traceback.
        for link in self._all:
            link.abort()
        await asyncio.sleep(0)

    async def gather(self, *, idle: int, heads: int, bodies: int, readers: int) -> None:
        """Let them all come; half of the idle ones have an answer behind them."""
        self.silent = await in_batches(idle // 2, lambda _: self._connect())
        self.idle = await in_batches(idle - idle // 2, lambda _: self._answered())
        self.heads = await in_batches(heads, lambda _: self._begin(30))
        self.bodies = await in_batches(bodies, lambda _: self._begin(50_000, UPLOAD))
        self.readers = await in_batches(readers, self._read_slowly)

    async def leave(self) -> None:
        """Let them all go."""
        for link in self._all:
            await link.close()

    async def _connect(self) -> Link:
        self._all.append(await Link.open(self.address))
        return self._all[-1]

    async def _answered(self) -> Link:
        link = await self._connect()
        answer = await link.ask("GET", "/work")
        assert answer.status == 200
        assert not answer.closes
        return link

    async def _begin(self, octets: int, content: bytes = b"") -> Begun:
        link = await self._connect()
        return await link.begin(octets, "POST" if content else "GET", "/work", content)

    async def _read_slowly(self, number: int) -> Begun:
        """Ask for 5 MB, and take nothing yet."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.address.port))
        link = await Link.over(sock, self.address, limit=RECEIVE_BUFFER)
        self._all.append(link)
        kind = ("list", "file", "generator")[number % 3]
        target = f"/big?id=reader-{number}&kind={kind}&octets={BIG}"
        return await link.begin(len(target) + 1000, "GET", target)


async def in_batches(count: int, make: Callable[[int], Awaitable[T]]) -> list[T]:
    """Make so many, not all at once."""
    made: list[T] = []
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        made += await asyncio.gather(*(make(number) for number in numbers))
    return made


@contextlib.contextmanager
def descriptors(most: int) -> Iterator[None]:
    """Allow this process, and what it starts, so many open descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connections(pid: int) -> int:
    """Return how many sockets a process has open."""
    count = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(entry.readlink()).startswith("socket:")
    return count


def resident(pid: int) -> int:
    """Return how much memory a process has, in octets."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} is gone")
