"""Requests of somebody who wants what only the developer may have."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import quote, urlencode

__all__ = ["HOSTS", "PIN", "STRANGERS", "Attack", "Target", "attacks", "commands", "send"]

PIN = "314-159-265"
PATIENCE = 60.0

#: Names that are not this machine's, however much they look like it.
STRANGERS = [
    *("evil.test", "127.0.0.1.evil.test", "localhost.evil.test", "evillocalhost", "xlocalhost"),
    *("localhost:80@evil.test", "localhost@evil.test", "evil.test#localhost", ".", "", " ", ":80"),
    *("127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0.0.0.0", "::1", "[::1", "*", "metadata"),
    *("localhost, evil.test", "evil.test, localhost", "localhost evil.test", "[::ffff:7f00:2]"),
    *("localhost\tevil.test", "localhost:99999", "localhost:x", "localhost:80:80", "localhost%00"),
    *("xn--localhost", "%6cocalhost", "localhost%00.evil.test", "localhost/evil.test", "127.0.0.2"),
]
#: Together with ways to write those that are.
HOSTS = [
    *("localhost", "127.0.0.1", "a.localhost", "LOCALHOST", "LocalHost:80", "localhost.", "[::1]"),
    *("127.0.0.1.", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::1%25lo]", "localhost:"),
    *STRANGERS,
]

_PATHS = [
    *("/", "/boom", "/boom/", "/console", "/console/", "//console", "/%63onsole", "/console%00"),
    *("/__dovetail__/", "/__dovetail__", "/__dovetail__/requests.json", "/__dovetail__/clear"),
    *(
        "/__dovetail__/requests/1",
        "/__dovetail__/requests/1/replay",
        "/__dovetail__/requests/1/reveal",
    ),
    *(
        "/__dovetail__/errors/1-0123456789abcdef",
        "/__dovetail__/errors/",
        "/__dovetail__/errors/../",
    ),
    *(
        "/__dovetail__/live",
        "/__dovetail__/live.js",
        "/__dovetail__/console",
        "/__dovetail__/debug",
    ),
    *("/x/../__dovetail__/", "/%5F%5Fdovetail__/", "/__DOVETAIL__/", "/.//console", "/;/console"),
    *("/static/..%2fconsole", "/debugger", "/_debug", "/__debug__/", "/__debugger__", "/capture"),
]
_FORMS = ["", "", "", "http://{host}", "http://localhost", "HTTP://127.0.0.1:80"]
_METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "DEBUG", "get"]
_SWITCHES = [
    *(("X-Debug", "1"), ("Debug", "true"), ("X-Dovetail-Debug", "on"), ("X-Werkzeug-Debug", "1")),
    *(("Werkzeug-Run-Main", "true"), ("WERKZEUG_RUN_MAIN", "true"), ("Werkzeug-Debug-Pin", "off")),
    *(("Dovetail-Debug-Pin", "off"), ("Dovetail-Dev-Workshop", "/tmp"), ("Flask-Debug", "1")),
    *(
        ("Werkzeug-Server-Fd", "0"),
        ("X-Http-Method-Override", "DEBUG"),
        ("X-Original-Url", "/console"),
    ),
    *(
        ("X-Rewrite-Url", "/console"),
        ("X-Forwarded-Prefix", "/console"),
        ("Script-Name", "/console"),
    ),
    *(
        ("X-Forwarded-Host", "localhost"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("Via", "1.1 localhost"),
    ),
    *(
        ("Forwarded", "for=127.0.0.1;host=localhost"),
        ("X-Real-Ip", "127.0.0.1"),
        ("X-Host", "localhost"),
    ),
    *(("Origin", "http://localhost"), ("Origin", "null"), ("Origin", "http://evil.test")),
    *(("Referer", "http://localhost/console"), ("Sec-Fetch-Site", "cross-site")),
    *(("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html")),
    *(
        ("Accept", "*/*"),
        ("Accept", "application/json"),
        ("Upgrade", "debug"),
        ("Cookie", "debug=1"),
    ),
    *(
        ("Authorization", "Basic ZGVidWc6ZGVidWc="),
        ("Dovetail-Replay", "1"),
        ("X-Request-Id", "debug"),
    ),
]


@dataclass(frozen=True)
class Attack:
    """One request, as it is written."""

    method: str = "GET"
    target: str = "/"
    hosts: tuple[str, ...] = ("localhost",)
    fields: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    content_type: str = "application/x-www-form-urlencoded"

    def octets(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1", "Connection: close"]
        lines += [f"Host: {host}" for host in self.hosts]
        lines += [f"{name}: {value}" for name, value in self.fields]
        if self.content:
            lines += [f"Content-Length: {len(self.content)}", f"Content-Type: {self.content_type}"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + self.content


@dataclass
class Target:
    """A server, and the file that exists as soon as one of its processes has evaluated anything.

    :ivar address: host and port.
    :ivar secret: what its pages show with their commands, if the attacker knows that.
    :ivar cookies: what an attacker may have for the cookie of those who have given the PIN.
    """

    address: tuple[str, int]
    marker: Path
    secret: str = "0" * 32
    cookies: list[str] = field(default_factory=list)


def send(target: Target, attack: Attack) -> bytes:
    """Return the answer."""
    with socket.create_connection(target.address, timeout=PATIENCE) as sock:
        sock.sendall(attack.octets())
        parts = []
        try:
            while part := sock.recv(65536):
                parts.append(part)
                if b"text/event-stream" in part:
                    break  # it has no end
        except ConnectionResetError:  # what was sent was not read to its end
            pass
    return b"".join(parts)


def commands(marker: Path) -> list[str]:
    """Return pieces of Python that leave the marker."""
    return [
        f"open({str(marker)!r}, 'w').close()",
        f"__import__('os').mknod({str(marker)!r})",
        f"exec(\"open({str(marker)!r}, 'w')\")",
    ]


def attacks(target: Target, hosts: Sequence[str], count: int) -> Iterator[Attack]:
    """Yield requests of all kinds, each for one of the hosts: the same ones in each run."""
    chance = Random(f"{count} {len(hosts)}")
    secrets = ["", "0", "None", "yes", target.secret, target.secret[:-1], target.secret.upper()]
    evaluated = commands(target.marker)
    values = {
        "__debugger__": ["yes", "yes", "yes", "1", "no", "YES"],
        "cmd": [*evaluated, *evaluated, "pinauth", "printpin", "resource", "dump()"],
        "frm": ["0", "0", "0", "1", "-1", "00", "1e9", "", "9" * 400],
        "s": [*secrets, *[target.secret] * 3],
        "pin": ["", "off", "None", "000-000-000", "*", "0", "\ud800"],
        "f": ["debugger.js", "../pins.py", "/etc/passwd", "\0"],
        "debug": ["1"],
        "reload": ["yes"],
    }
    cookies = [*target.cookies, "1|0", "9999999999|0", "a=b; c", '"']
    fields = _SWITCHES + [("Cookie", value) for value in cookies]
    for _ in range(count):
        # Often a whole command, at times with something twice or missing.
        names = ["__debugger__", "cmd", "frm", "s"]
        if chance.random() < 0.5:
            names = chance.choices(list(values), k=chance.randrange(8))
        pairs = [(name, chance.choice(values[name])) for name in names]
        query = urlencode(pairs, errors="surrogatepass")
        host = chance.choice(hosts)
        form = chance.choice(_FORMS).format(host=host.replace(" ", "%20"))
        path = chance.choice(_PATHS)
        if chance.random() < 0.1:
            path = f"/{quote(chance.randbytes(4))}"
        kind = chance.choice(["", "", "form", "text"])
        yield Attack(
            chance.choice(_METHODS),
            form + path + ("" if kind == "form" else f"?{query}"),
            (host,),
            tuple(chance.choices(fields, k=chance.randrange(5))),
            query.encode() if kind == "form" else b"x" * 10 * (kind == "text"),
        )
