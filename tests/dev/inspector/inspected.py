"""A development server whose requests are inspected, and a client of it."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar
from urllib.parse import urlencode
from wsgiref.types import WSGIApplication

from dovetail.dev.clients import hosts_of
from dovetail.dev.inspector import Inspector
from dovetail.dev.server import BaseWSGIServer, make_server
from dovetail.dev.workshop import Workshop
from dovetail.gateway.environ import Environ
from dovetail.server.observation import Observation

__all__ = ["PATIENCE", "SECRET", "Answer", "Site", "inspected", "wait_for"]

T = TypeVar("T")

PATIENCE = 60.0
SECRET = "of-the-tests-".ljust(32, "x")


def wait_for(condition: Callable[[], T], what: str) -> T:
    """Return what is true at last."""
    end = monotonic() + PATIENCE
    while not (found := condition()):
        assert monotonic() < end, f"never: {what}"
        sleep(0.005)
    return found


@dataclass
class Answer:
    status: int
    fields: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()


class Witness:
    """Observes a server for an inspector, and knows whose requests that one has seen."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._seen: set[str] = set()
        self._news = threading.Condition()

    def calling(self, environ: Environ) -> None:
        self._inspector.calling(environ)

    def answered(self, seen: Observation) -> None:
        self._inspector.answered(seen)
        with self._news:
            self._seen.add(seen.environ["REMOTE_PORT"])
            self._news.notify_all()

    def wait_for(self, port: int) -> None:
        """Return when the request of the client at a port is listed: it was answered before."""
        with self._news:
            assert self._news.wait_for(lambda: str(port) in self._seen, PATIENCE)
            self._seen.discard(str(port))


@dataclass
class Site:
    """The server, as its client sees it."""

    server: BaseWSGIServer
    inspector: Inspector
    witness: Witness
    fields: dict[str, str] = field(default_factory=dict)

    def connect(self) -> http.client.HTTPConnection:
        client = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        if self.server.ssl_context is not None or isinstance(self.server.server_address, str):
            client.sock = self.open()
        return client

    def open(self) -> socket.socket:
        """Connect, whatever the server listens at."""
        family = self.server.address_family
        sock = socket.socket(family)
        sock.settimeout(PATIENCE)
        sock.connect(self.server.server_address)
        if self.server.ssl_context is None:
            return sock
        import ssl  # noqa: PLC0415  for the one test that needs it

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(sock)

    def ask(self, path: str = "/", method: str = "GET", body: Any = None, **fields: str) -> Answer:
        """Make a request, and wait until it is listed, if that is possible.

        Underscores in the names of fields stand for dashes.
        """
        client = self.connect()
        try:
            sent = self.fields | {name.replace("_", "-"): value for name, value in fields.items()}
            client.request(method, path, body, sent, encode_chunked="Transfer-Encoding" in sent)
            assert client.sock is not None
            place = client.sock.getsockname()
            response = client.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(response.status, found, response.read())
            # Clients of Unix sockets have no names.
            if self.server.observer is self.witness and isinstance(place, tuple):
                self.witness.wait_for(place[1])
            return answer
        finally:
            client.close()

    def post(self, path: str, secret: str = "", **fields: str) -> Answer:
        """Press one of the inspector's buttons."""
        body = urlencode({"s": secret or self.secret})
        fields.setdefault("Content_Type", "application/x-www-form-urlencoded")
        return self.ask(f"/__dovetail__/{path}", "POST", body, **fields)

    @property
    def secret(self) -> str:
        found = re.search(r'name="s" value="([^"]+)"', self.ask("/__dovetail__/").text)
        assert found is not None
        return found[1]

    def rows(self, after: int = 0) -> list[dict[str, Any]]:
        """The list, the newest first."""
        answer = self.ask(f"/__dovetail__/requests.json?after={after}")
        assert answer.status == 200, answer.text
        rows: list[dict[str, Any]] = json.loads(answer.text)["requests"]
        return rows

    def row(self, path: str, count: int = 1) -> dict[str, Any]:
        """Wait until so many requests for a path are listed; return the newest."""

        def look() -> list[dict[str, Any]]:
            found = [row for row in self.rows() if row["path"] == path]
            return found if len(found) >= count else []

        return wait_for(look, f"{count} requests of {path} are listed")[0]

    def page(self, number: int) -> str:
        answer = self.ask(f"/__dovetail__/requests/{number}")
        assert answer.status == 200, answer.text
        return answer.text

    def replay(self, row: dict[str, Any]) -> dict[str, Any]:
        """Send a request again; return its row when it is answered."""
        before = self.rows()[0]["id"]
        answer = self.post(f"requests/{row['id']}/replay")
        assert (answer.status, answer.fields["location"]) == (303, f"{row['url']}#replays")

        def look() -> list[dict[str, Any]]:
            return [found for found in self.rows(before) if found["origin"] == row["id"]]

        return wait_for(look, "the replay is answered")[0]


@contextmanager
def inspected(
    app: WSGIApplication, directory: Path, *, host: str = "127.0.0.1", **options: Any
) -> Iterator[Site]:
    """Serve an application in a thread; stop in the end."""
    given = {name: options.pop(name) for name in ("address", "pin_trust") if name in options}
    # As of a process that has made the directory; it is open as long as the workshop is used.
    (directory / "maker").write_text("1")
    shop = Workshop(directory, SECRET)
    inspector = Inspector(app, trusted_hosts=hosts_of(host), workshop=shop, **given)
    server = make_server(host, 0, inspector, **options)
    server.observer = witness = Witness(inspector)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Site(server, inspector, witness, {"Host": f"127.0.0.1:{server.port}"})
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        inspector.close()
        assert not thread.is_alive()
