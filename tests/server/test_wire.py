"""One socket's sending and receiving, without a loop around it."""

from __future__ import annotations

import os
import select
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.server.inprocess import PATIENCE, RecordingLogs

from dovetail.gateway import ClientDisconnected
from dovetail.server.service import Service
from dovetail.server.settings import Settings
from dovetail.server.wire import Wire

MIB = 1 << 20
KIB = 1 << 10


def make_service(*, flushes: bool = True, **settings: Any) -> Service:
    checked = Settings(**{"write_timeout": PATIENCE} | settings)
    logs = RecordingLogs(checked)
    return Service(checked, lambda environ, start_response: [], logs, flushes=flushes)


class Ends:
    """A wire and the client at its other end."""

    def __init__(self, service: Service | None = None, kind: type = socket.socket) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            # Small buffers, so that little fills them; set before the connection takes them over.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * KIB)
            self.client = socket.socket()
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * KIB)
            self.client.settimeout(PATIENCE)
            self.client.connect(listener.getsockname())
            accepted, _ = listener.accept()
        sock = kind(fileno=accepted.detach())
        sock.setblocking(False)
        self.wire = Wire(sock, service or make_service())

    def receive(self, count: int) -> bytes:
        """Exactly so many octets, while the wire sends."""
        received = bytearray()
        while len(received) < count:
            if self.wire.outbox:
                self.wire.flush_owned()
            received += self.client.recv(count - len(received))
        return bytes(received)

    def close(self) -> None:
        self.wire.close()
        self.client.close()


def send_for_ever(wire: Wire) -> None:
    while True:
        wire.finish(bytes(64 * KIB))


def receive(sock: socket.socket, count: int) -> bytes:
    """Exactly so many octets."""
    received = bytearray()
    while len(received) < count:
        octets = sock.recv(count - len(received))
        assert octets
        received += octets
    return bytes(received)


def receive_all(sock: socket.socket) -> int:
    """How many octets come before the end."""
    received = 0
    while octets := sock.recv(MIB):
        received += len(octets)
    return received


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.close()


def test_small_octets_are_sent_at_once(ends: Ends) -> None:
    ends.wire.send(b"HEAD ", b"body")
    ends.wire.finish(b" end")
    assert not ends.wire.outbox
    assert receive(ends.client, 13) == b"HEAD body end"


@pytest.mark.parametrize("pieces", [(), (b"",), (b"", b"", b"")])
def test_sending_nothing(ends: Ends, pieces: tuple[bytes, ...]) -> None:
    ends.wire.finish(*pieces)
    ends.wire.send(*pieces)
    assert not ends.wire.outbox
    ends.wire.finish(b"x")
    assert ends.client.recv(100) == b"x"


@pytest.mark.parametrize("size", [1, 32 * KIB, 32 * KIB + 1, 3 * MIB])
def test_finish_never_waits_and_keeps_the_order(ends: Ends, size: int) -> None:
    content = os.urandom(size)
    ends.wire.finish(b"head", content, b"tail")
    ends.wire.finish(b"more")
    expected = b"head" + content + b"tailmore"
    assert ends.wire.outbox.left < len(expected)
    assert ends.receive(len(expected)) == expected
    assert ends.wire.flush()
    assert ends.wire.outbox.left == 0


def test_flush_tells_whether_all_is_sent(ends: Ends) -> None:
    ends.wire.finish(bytes(3 * MIB))
    assert not ends.wire.flush()
    assert len(ends.receive(3 * MIB)) == 3 * MIB
    assert ends.wire.flush()


def test_how_long_the_client_has_taken_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Between these two ends nothing is ever under way.
    ours, client = socket.socketpair()
    ours.setblocking(False)
    wire = Wire(ours, make_service())
    with client:
        now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: now)
        wire.finish(bytes(3 * MIB))
        wire.watch_client()
        assert wire.client_idle() == 0.0
        now = 103.0
        assert wire.client_idle() == 3.0
        while wire.client_idle():  # until the kernel has told it that there is room
            assert client.recv(KIB)
        now = 104.0
        assert wire.client_idle() == 1.0
        wire.close()


class Stingy(socket.socket):
    """Takes little in one call, as TLS does, which sends one record at a time."""

    def send(self, data: Any, flags: int = 0) -> int:
        return super().send(memoryview(data)[: 16 * KIB], flags)


def test_rest_is_sent_although_there_is_no_more_news() -> None:
    """There was room all the time, so nothing will say that there is room again."""
    ends = Ends(kind=Stingy)
    try:
        ends.wire.send(bytes(20_000))
        assert not ends.wire.outbox
        assert len(receive(ends.client, 20_000)) == 20_000
    finally:
        ends.close()


def test_send_does_not_wait_below_the_buffer() -> None:
    ends = Ends(make_service(response_buffer=8 * MIB))
    try:
        for _ in range(4):
            ends.wire.send(bytes(MIB))
        assert ends.wire.outbox.size > 3 * MIB
    finally:
        ends.close()


def test_send_waits_above_the_buffer_and_goes_on_with_the_client() -> None:
    ends = Ends(make_service(response_buffer=256 * KIB))
    content = os.urandom(2 * MIB)
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(receive(ends.client, len(content))))
    try:
        thread.start()
        for start in range(0, len(content), 64 * KIB):
            ends.wire.send(content[start : start + 64 * KIB])
            assert ends.wire.outbox.size <= 256 * KIB
        while ends.wire.outbox:
            ends.wire.flush()
        thread.join(PATIENCE)
        assert received == [content]
    finally:
        ends.close()


def test_send_gives_up_on_a_client_that_takes_nothing() -> None:
    ends = Ends(make_service(response_buffer=1, write_timeout=0.05))
    try:
        with pytest.raises(ClientDisconnected):
            ends.wire.send(bytes(4 * MIB))
        assert ends.wire.gone
        with pytest.raises(ClientDisconnected):
            ends.wire.send(b"x")
    finally:
        ends.close()


def test_memory_of_all_responses_is_bounded() -> None:
    service = make_service(response_buffer=8 * MIB, response_memory=3 * MIB, write_timeout=0.05)
    first, second = Ends(service), Ends(service)
    try:
        assert service.high_water() == 8 * MIB
        first.wire.finish(bytes(4 * MIB))
        assert service.high_water() == 64 * KIB
        second.wire.finish(b"whole responses are taken in any case")
        with pytest.raises(ClientDisconnected):
            second.wire.send(bytes(MIB))
        first.close()
        second.close()
        assert service.budget.used == 0
        assert service.high_water() == 8 * MIB
    finally:
        first.close()
        second.close()


def test_without_a_loop_that_flushes_a_generator_waits_for_its_client() -> None:
    assert make_service(flushes=False).high_water() == 0


def file_of(content: bytes) -> int:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return os.dup(file.fileno())


def test_file_between_octets(ends: Ends) -> None:
    content = os.urandom(3 * MIB)
    assert ends.wire.sends_files
    ends.wire.send(b"head")
    ends.wire.send_file(file_of(content), 1, 3 * MIB - 1)
    ends.wire.finish(b"tail")
    assert ends.wire.outbox.size <= 4
    assert ends.receive(3 * MIB + 7) == b"head" + content[1:] + b"tail"


def test_files_are_not_sent_if_so_set() -> None:
    ends = Ends(make_service(sendfile=False))
    assert not ends.wire.sends_files
    ends.close()


def test_file_for_a_client_that_is_gone_is_closed(ends: Ends) -> None:
    ends.wire.abort(reset=False)
    fd = file_of(b"content")
    with pytest.raises(ClientDisconnected):
        ends.wire.send_file(fd, 0, 7)
    ends.wire.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_broken_connection_raises_the_one_error(ends: Ends) -> None:
    ends.client.close()
    with pytest.raises(ClientDisconnected):
        send_for_ever(ends.wire)
    assert ends.wire.gone
    for use in (ends.wire.flush, lambda: ends.wire.finish(b"x"), lambda: ends.wire.send(b"x")):
        with pytest.raises(ClientDisconnected):
            use()
    ends.wire.flush_owned()  # has nobody to tell


def test_abort_drops_what_waits(ends: Ends) -> None:
    ends.wire.finish(bytes(4 * MIB))
    ends.wire.abort(reset=False)
    assert not ends.wire.outbox
    with pytest.raises(ClientDisconnected):
        ends.wire.finish(b"x")
    ends.wire.close()
    assert receive_all(ends.client) < 4 * MIB


def test_abort_with_reset_is_no_orderly_end(ends: Ends) -> None:
    ends.wire.finish(b"all there is")
    ends.wire.abort(reset=True)
    ends.wire.close()
    with pytest.raises(ConnectionResetError):
        receive_all(ends.client)


# Receiving


def wait_for_news(wire: Wire, news: int = select.POLLIN) -> None:
    """Wait until what the client has sent is there."""
    gate = select.poll()
    gate.register(wire.fd, news)
    assert gate.poll(PATIENCE * 1000)


@pytest.fixture
def scratch() -> memoryview:
    return memoryview(bytearray(100))


def test_receive(ends: Ends, scratch: memoryview) -> None:
    assert ends.wire.receive(scratch) is None
    assert not ends.wire.readable
    ends.client.send(b"hello")
    wait_for_news(ends.wire)
    assert ends.wire.receive(scratch) is None  # saves the call until there is news
    ends.wire.readable = True
    assert ends.wire.receive(scratch) == 5
    assert bytes(scratch[:5]) == b"hello"
    assert not ends.wire.readable


def test_full_buffer_may_not_be_all(ends: Ends, scratch: memoryview) -> None:
    ends.client.send(bytes(150))
    wait_for_news(ends.wire)
    assert ends.wire.receive(scratch) == 100
    assert ends.wire.receive(scratch) == 50
    assert ends.wire.receive(scratch) is None


def test_end_that_came_with_octets_is_seen(ends: Ends, scratch: memoryview) -> None:
    ends.client.send(b"last")
    ends.client.shutdown(socket.SHUT_WR)
    wait_for_news(ends.wire, select.POLLRDHUP)
    ends.wire.hung_up = True
    assert ends.wire.receive(scratch) == 4
    assert ends.wire.receive(scratch) == 0


def test_reset_is_an_os_error(ends: Ends, scratch: memoryview) -> None:
    ends.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    ends.client.close()
    wait_for_news(ends.wire)
    with pytest.raises(OSError, match="reset"):
        ends.wire.receive(scratch)


def test_shut_closes_one_side(ends: Ends, scratch: memoryview) -> None:
    ends.wire.finish(b"bye")
    ends.wire.readable = False
    ends.wire.shut()
    assert ends.client.recv(100) == b"bye"
    assert ends.client.recv(100) == b""
    ends.client.send(b"still here")
    wait_for_news(ends.wire)
    assert ends.wire.receive(scratch) == 10


def test_close_may_be_repeated(ends: Ends) -> None:
    ends.wire.close()
    ends.wire.close()
    assert ends.wire.gone
