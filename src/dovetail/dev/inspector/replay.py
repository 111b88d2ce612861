"""Sending a request again, as it came."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from dovetail.data.hosts import host_is_trusted
from dovetail.dev.inspector.entry import Entry, Fields
from dovetail.http1 import dump_request_head

__all__ = ["TOKEN_FIELD", "Address", "Replayer", "Tokens", "dump_replay", "parse_address"]

#: The header field by which the server knows a replay; it is taken away before the application is
#: called.
TOKEN_FIELD = "x-dovetail-replay"

# Those that are about the one connection, or about how the content was framed.
_OF_CONNECTION = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"),
        *("transfer-encoding", "content-length", "expect", TOKEN_FIELD),
    }
)
_MOST_AT_A_TIME = 8
# An answer may never end: it is read for so many seconds, and so many octets.
_PATIENCE = 60.0
_MOST_OCTETS = 256 << 20
_TOKEN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    :param place: host and port, or the path of a Unix socket.
    """

    place: tuple[str, int] | str
    tls: bool = False

    def __str__(self) -> str:
        if isinstance(self.place, str):
            return self.place
        host, port = self.place
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_address(address: object) -> tuple[str, int] | str:
    """Return host and port, or the path of a Unix socket.

    :param address: what ``getsockname()`` of a listening socket returns, or ``unix://PATH``.
    :raises TypeError: it is something else.
    """
    if isinstance(address, (str, bytes)):
        path = address.decode() if isinstance(address, bytes) else address
        return path.removeprefix("unix://")
    if isinstance(address, tuple) and len(address) >= 2 and isinstance(address[0], str):
        anywhere = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}
        return anywhere.get(address[0], address[0]), int(address[1])
    raise TypeError(f"a server's address is (host, port) or a path, not {address!r}")


class Tokens:
    """Makes and reads what a replay is known by, which nobody else can make.

    :param secret: known to the processes of this server only.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"inspector replay", "sha256")

    def dump(self, number: int) -> str:
        """Return a token for a replay of the entry of this number, good for a minute."""
        text = f"{number}.{int(time.time())}.{secrets.token_hex(8)}"
        return f"{text}.{self._sign(text)}"

    def load(self, token: str) -> int:
        """Return the number of the entry; 0 if it is no token, or an old one."""
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._sign(text).encode(), signature.encode()):
            return 0
        number, moment, _ = text.split(".")
        return int(number) if abs(time.time() - int(moment)) < _TOKEN_SECONDS else 0

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def dump_replay(entry: Entry, token: str) -> bytes:
    """Return the octets of a kept request, to be sent again on a connection of its own.

    The content goes out in one piece with its length, also if it came in chunks.
    """
    head = entry.head
    fields: Fields = [
        (name, value) for name, value in entry.request_fields if name not in _OF_CONNECTION
    ]
    had = {name for name, _ in entry.request_fields}
    if entry.content or not had.isdisjoint({"content-length", "transfer-encoding"}):
        fields.append(("content-length", str(len(entry.content))))
    fields += [("connection", "close"), (TOKEN_FIELD, token)]
    return dump_request_head(head.method, head.target, entry.version, fields) + entry.content


class Replayer:
    """Sends requests from threads of its own, so that a server of one thread can answer.

    :param report: called with an entry's number and a sentence if a request could not be sent.
    """

    def __init__(self, report: Callable[[int, str], None]) -> None:
        self._report = report
        self._places = threading.BoundedSemaphore(_MOST_AT_A_TIME)

    def start(self, entry: Entry, address: Address, token: str) -> bool:
        """Begin to send an entry's request; False if there is no room for one more."""
        if not self._places.acquire(blocking=False):
            return False
        thread = threading.Thread(
            target=self._send, args=(entry, address, token), name="replay", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads
            self._places.release()
            return False
        return True

    def _send(self, entry: Entry, address: Address, token: str) -> None:
        try:
            with _connect(address, _host_of(entry)) as sock:
                sock.sendall(dump_replay(entry, token))
                if not _drop_answer(sock):
                    self._report(entry.head.id, "The replay got no answer.")
        except (OSError, ValueError) as error:
            problem = f"The replay could not be sent to {address}: {error}"
            self._report(entry.head.id, problem)
        finally:
            self._places.release()


def _connect(address: Address, host: str) -> socket.socket:
    place = address.place
    if isinstance(place, str):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(_PATIENCE)
        try:
            sock.connect(place)
        except BaseException:
            sock.close()
            raise
    else:
        sock = socket.create_connection(place, timeout=_PATIENCE)
    if not address.tls:
        return sock
    # It is this very server, whose certificate is often one that nobody vouches for.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(sock, server_hostname=host or None)
    except BaseException:
        sock.close()
        raise


def _host_of(entry: Entry) -> str:
    """Return the host's name that TLS is told; none for an address, which it does not take."""
    host = dict(entry.request_fields).get("host", "")
    name = host.rpartition(":")[0] or host
    is_name = host_is_trusted(host) and not name.startswith("[") and not name[-1:].isdigit()
    return name if is_name else ""


def _drop_answer(sock: socket.socket) -> bool:
    """Read what comes until the server closes; False if that is nothing."""
    end = time.monotonic() + _PATIENCE
    count = 0
    with contextlib.suppress(OSError):
        while count < _MOST_OCTETS:
            sock.settimeout(max(0.01, end - time.monotonic()))
            data = sock.recv(65536)
            if not data:
                break
            count += len(data)
    return count > 0
