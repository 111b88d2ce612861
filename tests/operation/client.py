"""A client's connection. h11, an engine that is not ours, judges what comes back."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import h11

__all__ = ["Address", "Answer", "Begun", "Link", "Links", "Lost"]

PATIENCE = 60.0


class Lost(Exception):
    """There is no complete and correct answer."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: a port of the loopback interface, or the path of a Unix socket."""

    port: int = 0
    path: str | None = None
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response."""

    status: int
    fields: dict[str, str]
    content: bytes

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends with it."""
        return self.fields.get("connection", "").lower() == "close"

    @property
    def facts(self) -> dict[str, Any]:
        """What the application said about the request: the last line of the content."""
        facts: dict[str, Any] = json.loads(self.content.rpartition(b"\n")[2])
        return facts


class Link:
    """One connection; ``pid`` is the worker that has answered on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._rest = b""
        self.pid: int | None = None

    @classmethod
    async def open(cls, address: Address) -> Link:
        """Connect.

        :raises Lost: it is refused.
        """
        try:
            if address.path is not None:
                return cls(*await asyncio.open_unix_connection(address.path))
            context = _trusting() if address.tls else None
            async with asyncio.timeout(PATIENCE):
                return cls(*await asyncio.open_connection("127.0.0.1", address.port, ssl=context))
        except OSError as error:
            raise Lost(f"no connection: {error}") from error

    @classmethod
    async def over(cls, sock: socket.socket, address: Address, limit: int = 65536) -> Link:
        """Take over a socket that is connected already, to read ``limit`` octets in advance."""
        sock.setblocking(False)
        context = _trusting() if address.tls else None
        name = "operation.test" if address.tls else None
        streams = asyncio.open_connection(sock=sock, ssl=context, server_hostname=name, limit=limit)
        return cls(*await streams)

    def hurry(self) -> None:
        """Take what comes in large pieces from now on."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    @property
    def ended(self) -> bool:
        """Whether the server has closed it."""
        return self._reader.at_eof() or self._reader.exception() is not None

    async def send(self, data: bytes) -> None:
        """Send octets.

        :raises Lost: the server does not want them.
        """
        if not data:
            return  # the answer may be here already, and the server gone
        try:
            self._writer.write(data)
            async with asyncio.timeout(PATIENCE):
                await self._writer.drain()
        except OSError as error:
            raise Lost(f"while sending: {error!r}") from error

    async def ask(
        self,
        method: str,
        target: str,
        fields: Sequence[tuple[str, str]] = (),
        pieces: AsyncIterable[bytes] | None = None,
    ) -> Answer:
        """Send a request, its content piece by piece, and receive the answer.

        :raises Lost: there is none.
        """
        parser = h11.Connection(h11.CLIENT)
        await self.send(_dump(parser, method, target, fields))
        if pieces is not None:
            async for piece in pieces:
                await self.send(parser.send(h11.Data(piece)) or b"")
        await self.send(parser.send(h11.EndOfMessage()) or b"")
        return await self.receive(parser)

    async def ask_until_told(self) -> Answer:
        """Ask until the answer says that the connection closes, which then has to happen.

        :raises Lost: there is no answer.
        """
        async with asyncio.timeout(PATIENCE):
            while not (answer := await self.ask("GET", "/work")).closes:
                continue
        if not await self.read_end():
            raise Lost("it was not closed as announced")
        return answer

    async def begin(self, octets: int, method: str, target: str, content: bytes = b"") -> Begun:
        """Send only the first octets of a request.

        :raises Lost: the server does not want them.
        """
        parser = h11.Connection(h11.CLIENT)
        fields = [("Content-Length", str(len(content)))] if content else []
        whole = _dump(parser, method, target, fields)
        if content:
            whole += parser.send(h11.Data(content)) or b""
        whole += parser.send(h11.EndOfMessage()) or b""
        await self.send(whole[:octets])
        return Begun(self, parser, whole[octets:])

    async def sip(self, parser: h11.Connection) -> None:
        """Take a little of the answer.

        :raises Lost: it is cut off.
        """
        try:
            parser.receive_data(await self._reader.read(1000))
        except OSError as error:
            raise Lost(f"while receiving: {error!r}") from error

    async def ask_all(self, targets: Sequence[str]) -> list[Answer]:
        """Send several requests at once and receive the answers.

        :raises Lost: one is missing.
        """
        parsers = [h11.Connection(h11.CLIENT) for _ in targets]
        octets = b""
        for parser, target in zip(parsers, targets, strict=True):
            octets += _dump(parser, "GET", target, ())
            octets += parser.send(h11.EndOfMessage()) or b""
        await self.send(octets)
        return [await self.receive(parser) for parser in parsers]

    async def receive(self, parser: h11.Connection) -> Answer:
        """Receive the answer to the parser's request.

        :raises Lost: there is none.
        """
        if self._rest:
            parser.receive_data(self._rest)
        response: h11.Response | None = None
        content = b""
        while not isinstance(event := await self._next_event(parser), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                content += bytes(event.data)
            elif not isinstance(event, h11.InformationalResponse):
                raise Lost(f"the connection ended: {event}")
        assert response is not None
        self._rest = parser.trailing_data[0]
        fields = {name.decode(): value.decode("latin-1") for name, value in response.headers}
        return Answer(response.status_code, fields, content)

    async def _next_event(self, parser: h11.Connection) -> object:
        try:
            while (event := parser.next_event()) is h11.NEED_DATA:
                async with asyncio.timeout(PATIENCE):
                    parser.receive_data(await self._reader.read(65536))
        except TimeoutError:
            raise Lost("no answer") from None
        except (OSError, h11.RemoteProtocolError) as error:
            raise Lost(f"while receiving: {error!r}") from error
        return event

    async def read_end(self) -> bool:
        """Wait until the server closes; False if it sends something, resets or does not close."""
        try:
            async with asyncio.timeout(PATIENCE):
                return not self._rest and await self._reader.read(1) == b""
        except OSError:
            return False

    def abort(self) -> None:
        """Break it off, whatever is under way."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close this side."""
        self._writer.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._writer.wait_closed()
        except OSError:
            return  # the server was first


@dataclass(slots=True)
class Begun:
    """A request of which ``rest`` has not been sent yet."""

    link: Link
    parser: h11.Connection
    rest: bytes

    async def finish(self) -> Answer:
        """Send the rest and receive the answer.

        :raises Lost: there is none.
        """
        await self.link.send(self.rest)
        return await self.link.receive(self.parser)

    async def sip(self) -> None:
        """Take a little of the answer.

        :raises Lost: it is cut off.
        """
        await self.link.sip(self.parser)


class Links:
    """Connections to one server, all closed at the end of ``async with``."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._open: list[Link] = []

    async def __aenter__(self) -> Links:
        return self

    async def __aexit__(self, *_: object) -> None:
        for link in self._open:
            await link.close()

    async def open(self) -> Link:
        """Return a new connection.

        :raises Lost: it is refused.
        """
        link = await Link.open(self._address)
        self._open.append(link)
        return link

    async def of_each_worker(self, workers: int) -> list[Link]:
        """Return an idle keep-alive connection of each worker."""
        found: dict[int, Link] = {}
        async with asyncio.timeout(PATIENCE):
            while len(found) < workers:
                link = await self.open()
                link.pid = (await link.ask("GET", "/work")).facts["pid"]
                assert link.pid is not None
                if found.setdefault(link.pid, link) is not link:
                    # The others are busy, and descriptors are not without end.
                    await asyncio.sleep(0.05)
        return list(found.values())


def _dump(
    parser: h11.Connection, method: str, target: str, fields: Sequence[tuple[str, str]]
) -> bytes:
    head = [("Host", "operation.test"), *fields]
    return parser.send(h11.Request(method=method, target=target, headers=head)) or b""


@cache
def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
