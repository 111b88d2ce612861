"""wsgiref.validate has nothing to say about a worker either."""

from __future__ import annotations

from pathlib import Path
from wsgiref.validate import validator

import pytest
from tests.gateway.thorough import BODY, PATHS, thorough
from tests.server.conftest import Serve
from tests.server.inprocess import Client, Running, listen_at

pytestmark = pytest.mark.network

FIELDS = ("X-One: a", "X-One: b", "Content-Type: text/plain")

#: What the application prints at /errors.
PRINTED = ["written", "first of two", "second of two", "no end of line"]


def ask(client: Client, method: str, path: str) -> None:
    """One request and its response, both as the thorough application expects them."""
    status, content = PATHS[path]
    body = BODY if path.startswith("/input/") else b""
    length = [f"Content-Length: {len(body)}"] if body else []
    client.get(f"{path}?q=1", *FIELDS, *length, method=method)
    client.send(body)
    reply = client.read(method)
    assert reply.complete
    assert (path, reply.status) == (path, status)
    assert reply.content == (b"" if method == "HEAD" else content)


def ask_everything(server: Running) -> None:
    client = server.connect()
    for method in ("GET", "HEAD", "POST"):
        for path in PATHS:
            ask(client, method, path)
    assert server.logs.messages == PRINTED * 3
    assert len(server.logs.wait_for_entries(3 * len(PATHS))) == 3 * len(PATHS)


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_validator_stays_silent(serve: Serve, tls: bool, streams: bool) -> None:
    ask_everything(serve(validator(thorough), tls=tls, stream_input=streams, body_buffer=1000))


def test_validator_stays_silent_over_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    ask_everything(serve(validator(thorough), listener=listen_at(tmp_path / "socket")))
