"""A worker in a process of its own, with real signals and scarce resources."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.applications.deployment import wait_until
from tests.server.inprocess import PATIENCE, UNHURRIED, Client

pytestmark = [pytest.mark.network, pytest.mark.process]

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


class Outside:
    """The process, and clients of it."""

    def __init__(self, order: dict[str, Any], log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.server.outside", json.dumps(order)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self.clients: list[Client] = []

    def wait_for_port(self) -> None:
        """Wait until clients can connect."""
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], PATIENCE)[0]
        self.port = int(self.process.stdout.readline())

    def connect(self) -> Client:
        client = Client(socket.create_connection(("127.0.0.1", self.port), PATIENCE))
        self.clients.append(client)
        return client

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_for_log(self, words: str) -> None:
        wait_until(lambda: words in self.log, f"{words} is in the log")

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


Start = Callable[..., Outside]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a worker that runs an application of tests.server.outside."""
    started: list[Outside] = []

    def start(
        application: str, *, limits: dict[str, int] | None = None, **settings: Any
    ) -> Outside:
        settings = UNHURRIED | settings
        order = {"application": application, "settings": settings, "limits": limits or {}}
        started.append(Outside(order, tmp_path / f"log-{len(started)}"))
        started[-1].wait_for_port()
        return started[-1]

    yield start
    for outside in started:
        outside.close()


def test_term_finishes_what_is_under_way(start: Start) -> None:
    outside = start("size")
    client = outside.connect()
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert client.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    outside.process.send_signal(signal.SIGTERM)
    client.send("body")
    assert client.read().content == b"4"
    client.close()
    assert outside.wait() == 0


def test_term_does_not_wait_for_an_import(start: Start) -> None:
    outside = start("slow")
    assert outside.process.stdout is not None
    assert outside.process.stdout.readline() == b"loading\n"
    outside.process.send_signal(signal.SIGTERM)
    assert outside.wait() == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_int_and_quit_return_at_once(start: Start, number: signal.Signals) -> None:
    outside = start("hang")
    client = outside.connect()
    client.get("/hang")
    client.read_until(b"hanging")
    outside.process.send_signal(number)
    assert outside.wait() == 0


def test_usr1_reopens_the_logs(start: Start, tmp_path: Path) -> None:
    access, errors = tmp_path / "access.log", tmp_path / "error.log"
    outside = start("hello", access_log=str(access), error_log=str(errors), threads=1)
    client = outside.connect()
    assert client.fetch("/before").status == 200
    # The second answer comes when the first one has been logged.
    assert client.fetch("/before").status == 200
    access.rename(tmp_path / "access.old")
    outside.process.send_signal(signal.SIGUSR1)

    def is_written() -> bool:  # the file is there a little earlier
        assert client.fetch("/between").status == 200
        return access.exists() and "GET /between" in access.read_text()

    wait_until(is_written, "it is written")
    assert client.fetch("/after").status == 200
    assert client.fetch("/after").status == 200
    assert "GET /before" in (tmp_path / "access.old").read_text()
    assert "GET /after" in access.read_text()
    assert access.read_text().count("GET /before") <= 1  # the second was perhaps logged late


def test_abrt_says_where_it_hangs(start: Start) -> None:
    outside = start("hold_the_lock", threads=1)
    client = outside.connect()
    client.get("/")
    client.read_until(b"busy")
    outside.process.send_signal(signal.SIGABRT)
    assert outside.wait() == -signal.SIGABRT
    assert "in hold_the_lock" in outside.log


def test_without_descriptors_clients_wait_and_are_served_then(start: Start) -> None:
    outside = start("hello", limits={"RLIMIT_NOFILE": 40})
    first = outside.connect()
    assert first.fetch().content == b"hello"
    crowd = [outside.connect() for _ in range(60)]
    for client in crowd:
        client.get()
    served = [client for client in crowd[:20] if client.read().content == b"hello"]
    assert len(served) == 20
    # Those who are in are served on.
    assert first.fetch().content == b"hello"
    for client in served:
        client.close()
    for client in crowd[20:40]:
        assert client.read().content == b"hello"
        client.close()
    for client in crowd[40:]:
        assert client.read().content == b"hello"
    assert outside.log.count("cannot accept a connection") == 1


def test_without_descriptors_a_body_is_refused_and_the_worker_lives(start: Start) -> None:
    outside = start("size", limits={"RLIMIT_NOFILE": 40}, body_buffer=1000)
    client = outside.connect()
    client.send(f"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {2 * MIB}\r\n\r\n")
    crowd = [outside.connect() for _ in range(60)]
    crowd[0].get()
    assert crowd[0].read().content == b"0"
    outside.wait_for_log("cannot accept a connection")
    client.send(bytes(2 * MIB))
    assert client.read().status == 500
    for one in crowd:
        one.close()
    again = outside.connect()
    assert again.fetch().content == b"0"  # all of those who left have been seen off
    again.post("/", bytes(2 * MIB))
    assert again.read().content == str(2 * MIB).encode()


@pytest.mark.parametrize("coding", ["Content-Length: 3145728", "Transfer-Encoding: chunked"])
def test_full_disk_is_a_507_and_the_worker_lives(start: Start, coding: str, tmp_path: Path) -> None:
    outside = start(
        "size",
        limits={"RLIMIT_FSIZE": MIB},
        body_buffer=1000,
        tmp_upload_dir=str(tmp_path),
    )
    for _ in range(3):
        client = outside.connect()
        client.send(f"POST / HTTP/1.1\r\nHost: h\r\n{coding}\r\n\r\n")
        if "chunked" in coding:
            client.send("300000\r\n")
        client.send(bytes(3 * MIB))
        reply = client.read()
        assert reply.status == 507
        assert reply.complete
        assert client.is_closed()
    client = outside.connect()
    client.post("/", bytes(MIB))
    assert client.read().content == str(MIB).encode()
    assert "no room for a request body" in outside.log
    assert os.listdir(tmp_path) == ["log-0"]
