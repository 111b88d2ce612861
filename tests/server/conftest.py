"""Fixtures of the worker's tests: a worker in this process, over every kind of poller."""

from __future__ import annotations

import os
import select
import selectors
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol
from unittest.mock import Mock
from wsgiref.types import WSGIApplication

import pytest
from tests.server.inprocess import PATIENCE, UNHURRIED, Clock, Running, open_test_poller, running
from tests.server.test_tls import Pair

from dovetail.server import connection, steward, threads
from dovetail.server.settings import Settings
from dovetail.server.tls import make_context


class Serve(Protocol):
    """What the ``serve`` fixture is: more keywords are settings."""

    def __call__(
        self,
        application: WSGIApplication,
        *,
        listener: socket.socket | None = None,
        tls: bool = False,
        max_requests: int = 0,
        **settings: Any,
    ) -> Running: ...


_POLLERS = [
    pytest.param(name, marks=pytest.mark.skipif(not hasattr(module, attribute), reason=name))
    for name, module, attribute in (
        ("epoll", select, "epoll"),
        ("poll", selectors, "PollSelector"),
        ("select", selectors, "SelectSelector"),
    )
]

#: For what only epoll can do, or what has nothing to do with the poller.
with_epoll = pytest.mark.parametrize("poller_name", _POLLERS[:1], indirect=True)


@pytest.fixture(params=_POLLERS)
def poller_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def alone() -> None:
    """Wait until threads that have been joined have left the process, too.

    Python 3.12 and later warn of a fork beside another thread, and count as the system does.
    """
    deadline = time.monotonic() + PATIENCE
    while sys.platform == "linux" and len(os.listdir("/proc/self/task")) > threading.active_count():
        assert time.monotonic() < deadline, "a thread that is not Python's"
        time.sleep(0.001)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a certificate for localhost with its key."""
    pair = Pair.make()
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(pair.pem() + pair.key_pem())
    return str(path)


@pytest.fixture
def client_tls(certificate: str) -> ssl.SSLContext:
    """A client that trusts the certificate."""
    return ssl.create_default_context(cafile=certificate)


@pytest.fixture
def serve(
    poller_name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Serve]:
    """Start a worker in this process; it is stopped when the test is over."""
    # The traceback of a crash belongs to the test runner.
    monkeypatch.setattr(threads, "faulthandler", Mock())
    clock = Clock()
    for name, module in list(sys.modules.items()):
        if name.startswith("dovetail.server.") and getattr(module, "time", None) is time:
            monkeypatch.setattr(module, "time", clock)
    # These end well before, unless the machine leaves a thread or a client standing.
    monkeypatch.setattr(threads, "_JOIN_SECONDS", PATIENCE)
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 10 * PATIENCE)
    # How often a steward with little to do looks at the clock; short deadlines are to be seen soon.
    monkeypatch.setattr(steward, "_IDLE_TICK", 0.05)
    monkeypatch.setattr(steward, "_OPEN_TICK", 0.05)
    with ExitStack() as stack:

        def serve(
            application: WSGIApplication,
            *,
            listener: socket.socket | None = None,
            tls: bool = False,
            max_requests: int = 0,
            **settings: Any,
        ) -> Running:
            settings = {"threads": 2, "worker_connections": 500} | UNHURRIED | settings
            if tls:
                settings["certfile"] = request.getfixturevalue("certificate")
            checked = Settings(**settings)
            return stack.enter_context(
                running(
                    application,
                    checked,
                    stack.enter_context(open_test_poller(poller_name)),
                    listener=listener,
                    tls=make_context(checked),
                    client_tls=request.getfixturevalue("client_tls") if tls else None,
                    max_requests=max_requests,
                    clock=clock,
                )
            )

        yield serve
