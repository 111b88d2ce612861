"""A development server at work, and clients of it."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from dovetail.dev.handler import WSGIRequestHandler
from dovetail.dev.peers import Peer
from dovetail.dev.server import BaseWSGIServer, make_server

#: How long anything may take that has to happen, in seconds; long, for a machine that is busy.
PATIENCE = 60.0


class PatientHandler(WSGIRequestHandler):
    """Waits for requests as long as those wait who send them."""

    timeout = PATIENCE


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@contextmanager
def serving(
    app: WSGIApplication = hello,
    host: str = "127.0.0.1",
    prepare: Callable[[BaseWSGIServer], object] = lambda _: None,
    **options: Any,
) -> Iterator[BaseWSGIServer]:
    """Serve in a thread, after ``prepare`` was called with the server; stop in the end."""
    options.setdefault("request_handler", PatientHandler)
    server = make_server(host, 0, app, **options)
    prepare(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def connect(server: BaseWSGIServer) -> socket.socket:
    sock = socket.socket(server.address_family)
    sock.settimeout(PATIENCE)
    sock.connect(server.server_address)
    return sock


def exchange(server: BaseWSGIServer, octets: bytes) -> bytes:
    """Send octets and close that side; return all that comes until the server closes."""
    with connect(server) as sock:
        sock.sendall(octets)
        with suppress(OSError):  # who refuses it may have closed already
            sock.shutdown(socket.SHUT_WR)
        return read_to_end(sock)


def read_to_end(sock: socket.socket) -> bytes:
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


def get(
    server: BaseWSGIServer, path: str = "/", method: str = "GET", body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Make one request; return status, fields by lower-case name, and content."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        client.request(method, path, body)
        response = client.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return response.status, fields, response.read()
    finally:
        client.close()


def make_own_peer() -> Peer:
    """Return the other end of a connection whose both ends were this process's."""
    near, far = socket.socketpair()
    with near, far:
        peer = Peer(near)
        assert peer.user in {getattr(os, "geteuid", int)(), None}, "it is kept from now on"
        return peer
