"""Servers for the tests, and the directory that they serve from."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.operation.client import Address
from tests.operation.server import Server
from tests.programs import unhurried

HERE = Path(__file__).parent

# On a machine that is busy, clients and workers may stand still for a while: what a test does not
# want to end must not end because of that.
UNHURRIED = (*unhurried("5m"), "--graceful-timeout=5m")


@dataclass(frozen=True, slots=True)
class Site:
    """A directory with the application, its release, and what it writes."""

    directory: Path
    state: Path

    def release(self, number: int, code: str = "") -> None:
        """Publish a release, or whatever ``code`` is."""
        draft = self.directory / "release.new"
        draft.write_text(f"RELEASE = {number}\n{code}\n")
        draft.rename(self.directory / "release.py")

    def open_gate(self, name: str) -> None:
        """Let the requests go that wait for it."""
        (self.state / name).touch()


class Serve(Protocol):
    """Starts servers."""

    def __call__(
        self,
        *arguments: str,
        app: str = ...,
        bind: str | None = ...,
        workers: int = ...,
        ready: bool = ...,
    ) -> Server:
        """Start one, on a port of its own and without hurry, and return it once it serves."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    directory, state = tmp_path / "site", tmp_path / "state"
    directory.mkdir()
    state.mkdir()
    shutil.copy(HERE / "application.py", directory)
    made = Site(directory, state)
    made.release(1)
    return made


@pytest.fixture
def serve(site: Site) -> Iterator[Serve]:
    servers: list[Server] = []

    def start(
        *arguments: str,
        app: str = "application:app",
        bind: str | None = "127.0.0.1:0",
        workers: int = 2,
        ready: bool = True,
    ) -> Server:
        where = [] if bind is None else ["-b", bind]
        server = Server(
            [*where, "-w", str(workers), *UNHURRIED, *arguments, app],
            directory=site.directory,
            variables={"OPERATION_STATE": str(site.state)},
        )
        servers.append(server)
        if ready:
            server.wait_ready(workers)
        return server

    yield start
    for server in servers:
        server.destroy()


@pytest.fixture(params=["plain", "tls"])
def reach(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[list[str], Callable[[Server], list[Address]]]:
    """Arguments that make a server listen on a port and a Unix socket, and the way to them."""
    tls = request.param == "tls"
    path = str(tmp_path / "socket")
    arguments = ["-b", f"unix:{path}"]
    if tls:
        certificate = request.getfixturevalue("certificate")
        arguments = ["--certfile", str(certificate)]

    def addresses(server: Server) -> list[Address]:
        port = Address(server.port, tls=tls)
        return [port] if tls else [port, Address(path=path)]

    return arguments, addresses


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "operation.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
