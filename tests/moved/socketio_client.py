"""The little of Socket.IO's protocol (version 5) that its tests speak, over either transport."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import simple_websocket
from tests.moved.site import PATIENCE, Browser

__all__ = ["Client"]


class Client:
    """One connection to a Socket.IO server.

    :param upgrade: change from long polls to a WebSocket, as browsers do.
    """

    def __init__(
        self,
        browser: Browser,
        *,
        upgrade: bool = False,
        namespace: str = "/",
        auth: Any = None,
        **headers: str,
    ) -> None:
        self._browser = browser
        self._headers = headers
        self._query = "EIO=4&transport=polling"
        self._waiting: list[Any] = []
        self._socket: simple_websocket.Client | None = None
        self._prefix = "" if namespace == "/" else f"{namespace},"
        self.handshake = json.loads(self._poll()[0][1:])
        self._query += f"&sid={self.handshake['sid']}"
        if upgrade:
            self._upgrade()
        self._send(f"40{self._prefix}" + ("" if auth is None else json.dumps(auth)))
        # What the handler of connect emits comes before the server says that it let us in.
        early: list[Any] = []
        while not (packet := self._receive()).startswith(("40", "44")):
            early.append(packet)
        self._waiting[:0] = early
        #: Whether the server let us in; else ``answer`` is its reason.
        self.connected = packet.startswith("40")
        self.answer = json.loads(packet[2 + len(self._prefix) :])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _upgrade(self) -> None:
        url = self._browser.url.replace("http", "ws", 1)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._browser.cookies)
        self._socket = simple_websocket.Client(
            f"{url}/socket.io/?{self._query.replace('polling', 'websocket')}",
            headers={"Cookie": cookies, **self._headers},
        )
        self._socket.send("2probe")
        assert self._socket.receive(PATIENCE) == "3probe"
        self._socket.send("5")

    def _poll(self) -> list[str]:
        done = self._browser.get(f"/socket.io/?{self._query}", headers=self._headers)
        assert done.status_code == 200, done.text
        return done.text.split("\x1e")

    def _send(self, packet: str) -> None:
        if self._socket:
            self._socket.send(packet)
        else:
            url = f"/socket.io/?{self._query}"
            done = self._browser.post(url, data=packet.encode(), headers=self._headers)
            assert (done.status_code, done.text) == (200, "OK")

    def _read(self) -> list[Any]:
        if not self._socket:
            return self._poll()
        packet = self._socket.receive(PATIENCE)
        assert packet is not None, "nothing comes"
        return [packet]

    def _receive(self) -> Any:
        while True:
            if not self._waiting:
                self._waiting = self._read()
            packet = self._waiting.pop(0)
            # Pings have to be answered, and a 6 is what a poll gets that an upgrade interrupts.
            if packet == "2":
                self._send("3")
            elif packet != "6":
                return packet

    def emit(self, event: str, *arguments: Any) -> None:
        """Send an event."""
        self._send(f"42{self._prefix}" + json.dumps([event, *arguments]))

    def call(self, event: str, *arguments: Any) -> list[Any]:
        """Send an event; return what its handler returned."""
        self._send(f"42{self._prefix}7" + json.dumps([event, *arguments]))
        answer = self._receive()
        assert answer.startswith(f"43{self._prefix}7["), answer
        return json.loads(answer[3 + len(self._prefix) :])

    def receive(self) -> list[Any]:
        """Return the next event that comes, and its arguments."""
        packet = self._receive()
        assert packet.startswith(f"42{self._prefix}["), packet
        return json.loads(packet[2 + len(self._prefix) :])

    def answer_question(self, answer: Any) -> list[Any]:
        """Receive an event that asks for an answer, and answer it."""
        packet = self._receive()[2:]
        number, bracket, rest = packet.partition("[")
        self._send(f"43{number}" + json.dumps([answer]))
        return json.loads(bracket + rest)

    def exchange_binary(self, event: str, data: bytes) -> bytes:
        """Send an event with binary data over the WebSocket; return the data of the answer."""
        assert self._socket
        placeholder = {"_placeholder": True, "num": 0}
        self._socket.send("451-" + json.dumps([event, placeholder]))
        self._socket.send(data)
        assert json.loads(self._receive().removeprefix("451-")) == [event, placeholder]
        return self._receive()

    def is_closed(self) -> bool:
        """Tell whether the server ends this connection to the namespace."""
        return self._receive() == f"41{self._prefix}".rstrip(",")

    def close(self) -> None:
        """Leave."""
        if self._socket:
            self._socket.close()
        else:
            self._send("1")
