"""Responses on their way out: slow readers, files, generators, and ends that are no ends."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from tests.server.conftest import Serve, with_epoll
from tests.server.inprocess import PATIENCE, Client, Gate

pytestmark = pytest.mark.network

KIB = 1 << 10
MIB = 1 << 20
CONTENT = os.urandom(5 * MIB)
SMALL_BUFFER = 16 * KIB

Application = Callable[[Any, Any], Iterable[bytes]]


def one_list(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", str(len(CONTENT)))])
    return [CONTENT[:MIB], CONTENT[MIB:]]


def one_file(environ: Any, start_response: Any) -> Iterable[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the server closes it)
    file.write(CONTENT)
    file.seek(0)
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](file)  # type: ignore[no-any-return]


def generator(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    for start in range(0, len(CONTENT), 64 * KIB):
        yield CONTENT[start : start + 64 * KIB]


def writer(environ: Any, start_response: Any) -> list[bytes]:
    write = start_response("200 OK", [])
    for start in range(0, len(CONTENT), 64 * KIB):
        write(CONTENT[start : start + 64 * KIB])
    return []


SOURCES: dict[str, Application] = {
    "list": one_list,
    "file": one_file,
    "generator": generator,
    "write": writer,
}


def with_ping(application: Application) -> Application:
    """The application, and a short answer for /ping."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/ping":
            start_response("200 OK", [])
            return [b"pong"]
        return application(environ, start_response)

    return app


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_big_response_arrives_intact(serve: Serve, source: Application, tls: bool) -> None:
    server = serve(source, tls=tls, response_buffer=256 * KIB)
    client = server.connect()
    for _ in range(2):
        assert client.fetch().content == CONTENT
    assert [entry.response_length for entry in server.logs.wait_for_entries(2)] == [5 * MIB] * 2


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_slow_readers_occupy_no_thread(
    serve: Serve, source: Application, tls: bool, poller_name: str
) -> None:
    """Six of them on two threads, and others are answered meanwhile."""
    by_pieces = source in (generator, writer) or (tls and source is one_file)
    # Without epoll, what is made piece by piece waits for its client in a thread.
    count = 1 if by_pieces and poller_name != "epoll" else 6
    server = serve(with_ping(source), tls=tls, response_buffer=8 * MIB)
    readers = [server.connect(receive_buffer=SMALL_BUFFER) for _ in range(count)]
    for reader in readers:
        reader.get("/slow")
        assert reader.sock.recv(1) == b"H"
    for _ in range(20):
        assert server.connect().fetch("/ping").content == b"pong"
    for reader in readers:
        reader._rest = b"H"
        assert reader.read().content == CONTENT


def test_generator_past_the_buffer_waits_in_its_thread_only(serve: Serve) -> None:
    made: list[int] = []

    def endless(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        while len(made) < 1000:
            made.append(1)
            yield bytes(64 * KIB)

    server = serve(with_ping(endless), response_buffer=256 * KIB)
    reader = server.connect(receive_buffer=SMALL_BUFFER)
    reader.get()
    assert reader.sock.recv(1) == b"H"
    for _ in range(20):
        assert server.connect().fetch("/ping").content == b"pong"
    assert len(made) < 500
    reader._rest = b"H"
    assert len(reader.read().content) == 1000 * 64 * KIB


@pytest.mark.parametrize("size", [1, 20_000, 40_000, 500_000])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_piece_is_on_its_way_while_the_next_one_is_made(serve: Serve, size: int, tls: bool) -> None:
    """PEP 3333: a server must not delay a block; a part of it is a delay as well."""
    gate = Gate()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", str(size + 1))])
        yield b"x" * size
        gate.enter()
        yield b"!"

    client = serve(app, tls=tls).connect()
    client.get()
    gate.wait_for()
    assert client.read_until(b"\r\n\r\n" + b"x" * size).endswith(b"x" * size)
    gate.open()
    assert client.sock.recv(10) == b"!"


@with_epoll
def test_rest_is_sent_while_the_application_is_at_it(serve: Serve) -> None:
    """More than the kernel takes: other threads, or the steward, send it."""
    gates = [Gate() for _ in range(2)]

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield bytes(6 * MIB)
        gates[int(environ["QUERY_STRING"])].enter()

    server = serve(app)
    clients = [server.connect(receive_buffer=SMALL_BUFFER) for _ in range(2)]
    for number, client in enumerate(clients):  # all threads are busy in the end
        client.get(f"/?{number}")
        gates[number].wait_for()
    for client in clients:
        received = 0
        while received < 6 * MIB:
            octets = client.sock.recv(65536)
            assert octets
            received += len(octets)
    for gate in gates:
        gate.open()


# Clients that take nothing


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_client_that_takes_nothing_is_cut_off(serve: Serve, source: Application) -> None:
    closed = threading.Event()

    class Closing:
        def __init__(self, result: Iterable[bytes]) -> None:
            self._result = result

        def __iter__(self) -> Iterator[bytes]:
            return iter(self._result)

        def close(self) -> None:
            closed.set()

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        result = source(environ, start_response)
        return Closing(result) if source is generator else result

    server = serve(app, write_timeout=0.1, response_buffer=256 * KIB)
    client = server.connect(receive_buffer=SMALL_BUFFER)
    client.get()
    (entry,) = server.logs.wait_for_entries(1)
    assert entry.status == 200
    server.slot.wait_for(0)
    if source is generator:
        assert closed.wait(PATIENCE)
    assert not client.read().complete


def test_slow_but_steady_reader_is_not_cut_off(serve: Serve) -> None:
    server = serve(one_list, write_timeout=100)
    client = server.connect(receive_buffer=SMALL_BUFFER)
    client.get()
    for _ in range(25):
        client._rest += client.sock.recv(16 * KIB)
        server.pass_time(6)  # together far more than the deadline
    assert client.read().content == CONTENT


def test_client_that_asks_and_asks_and_takes_nothing_is_cut_off(serve: Serve) -> None:
    server = serve(one_list, write_timeout=0.1)
    clients = [server.connect(receive_buffer=SMALL_BUFFER) for _ in range(5)]
    for client in clients:
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 20)
    server.logs.wait_for(lambda: len(server.logs.entries) >= 5)
    server.slot.wait_for(0)
    assert {entry.status for entry in server.logs.entries} == {200}
    assert len(server.logs.entries) < 5 * 20


# Ends


def failing(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"x" * 1000
    raise LookupError("on purpose")


def test_error_in_the_middle_is_no_clean_end(serve: Serve) -> None:
    server = serve(failing)
    client = server.connect()
    client.get()
    reply = client.read()
    assert not reply.complete
    assert reply.content == b"x" * 1000
    assert server.logs.wait_for_entries(1)[0].status == 200


def test_error_in_the_middle_is_a_reset_where_the_end_would_be_the_length(serve: Serve) -> None:
    client = serve(failing).connect()
    client.send("GET / HTTP/1.0\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        client.read_to_end()


def test_content_shorter_than_its_length_is_no_clean_end(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        yield b"short"

    client = serve(app).connect()
    client.get()
    client.get("/next")
    reply = client.read()
    assert (reply.content, reply.complete) == (b"short", False)


def test_content_longer_than_its_length_harms_nothing(serve: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "4")])
        yield b"long"
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevil!"

    client = serve(app).connect()
    for _ in range(3):
        assert client.fetch().content == b"long"


def test_file_that_becomes_shorter_is_no_clean_end(serve: Serve) -> None:
    closed = threading.Event()

    class Truncated:
        def __init__(self) -> None:
            self.file = tempfile.TemporaryFile()  # noqa: SIM115 (the server closes it)
            self.file.truncate(64 * MIB)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def close(self) -> None:
            self.file.truncate(2 * MIB)
            self.file.close()
            closed.set()

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](Truncated())  # type: ignore[no-any-return]

    server = serve(app)
    client = server.connect(receive_buffer=SMALL_BUFFER)
    client.get()
    assert closed.wait(PATIENCE)
    reply = client.read()
    assert (reply["content-length"], reply.complete) == (str(64 * MIB), False)
    assert len(reply.content) < 64 * MIB
    assert server.connect().fetch(method="HEAD").status == 200


def temporary_files() -> set[str]:
    """The files without a name that this process has open."""
    names = set()
    for fd in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            names.add(os.readlink(f"/proc/self/fd/{fd}"))
    return {name for name in names if name.endswith("(deleted)")}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="Linux tells what is open")
def test_descriptors_of_files_are_closed(serve: Serve) -> None:
    before = temporary_files()
    server = serve(one_file)
    for how in (Client.close, Client.reset, None):
        client = server.connect(receive_buffer=SMALL_BUFFER)
        client.get()
        assert client.sock.recv(1) == b"H"
        if how is not None:
            how(client)
        else:
            client._rest = b"H"
            assert client.read().complete
            client.close()
    server.slot.wait_for(0)
    # The connections are not counted any more just before they are closed.
    deadline = time.monotonic() + PATIENCE
    while left := temporary_files() - before:
        assert time.monotonic() < deadline, left
        time.sleep(0.005)
