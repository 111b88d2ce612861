"""A worker in a process of its own: ``python -m tests.server.outside JSON``.

The argument is an object: ``application`` (a name from here), ``settings``, and ``limits``, which
are set before anything else. The port is printed when the worker serves.
"""

from __future__ import annotations

import json
import resource
import socket
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any
from wsgiref.types import WSGIApplication

from dovetail.server import connection
from dovetail.server.channel import open_channel
from dovetail.server.logs import Logs
from dovetail.server.settings import Settings
from dovetail.server.threads import ThreadWorker
from dovetail.server.worker import WorkerContext

__all__ = ["hang", "hello", "hold_the_lock", "size", "slow"]

RELEASED = threading.Event()


def hello(environ: Any, start_response: Any) -> list[bytes]:
    """Answer at once."""
    start_response("200 OK", [])
    return [b"hello"]


def size(environ: Any, start_response: Any) -> list[bytes]:
    """Say how much content came."""
    total = 0
    while block := environ["wsgi.input"].read(65536):
        total += len(block)
    start_response("200 OK", [])
    return [str(total).encode()]


def hang(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Say that it hangs, and hang; /hello is answered."""
    start_response("200 OK", [])
    if environ["PATH_INFO"] != "/hello":
        yield b"hanging"
        RELEASED.wait(60)
    yield b"hello"


slow = hello  # takes long to import


def hold_the_lock(environ: Any, start_response: Any) -> list[bytes]:
    """Say that it is busy, and keep the processor busy for a minute."""
    start_response("200 OK", [])(b"busy")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass
    return []


def _load(name: str) -> WSGIApplication:
    if name == "slow":
        print("loading", flush=True)
        RELEASED.wait(60)
    application: WSGIApplication = globals()[name]
    return application


def main() -> int:
    """Run the worker; return its exit status."""
    order = json.loads(sys.argv[1])
    for name, limit in order.get("limits", {}).items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    connection._LINGER_SECONDS = 600.0  # a slow machine may leave the client standing
    settings = Settings(**order.get("settings", {}))
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    worker_end, arbiter_end = open_channel()
    context = WorkerContext(
        settings=settings,
        listeners=[listener],
        load=lambda: _load(order["application"]),
        logs=Logs(settings),
        channel=worker_end,
        slot=_Slot(),
    )
    print(listener.getsockname()[1], flush=True)
    try:
        return ThreadWorker(context).run()
    finally:
        arbiter_end.close()


class _Slot:
    """Notes nothing."""

    def beat(self) -> None:
        return None

    def set_connections(self, count: int) -> None:
        return None

    def set_full(self, full: bool) -> None:
        return None

    def least_connections(self) -> None:
        return None


if __name__ == "__main__":
    sys.exit(main())
