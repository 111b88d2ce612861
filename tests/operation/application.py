"""The application under test. It writes every call into a ledger, to be compared with the answers.

It is copied beside a ``release.py``, which the tests rewrite to make new code of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

release: Any = import_module("release")

STATE = Path(os.environ["OPERATION_STATE"])
PATIENCE = 60.0


def create() -> WSGIApplication:
    """Make the application; a release may forbid it."""
    if getattr(release, "FACTORY_FAILS", False):
        raise RuntimeError("the factory fails on purpose")
    return app


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Do what the path says, once for each call."""
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    body = environ["wsgi.input"].read()
    note(query.get("id", "-"))
    facts = {
        "id": query.get("id", "-"),
        "pid": os.getpid(),
        "release": release.RELEASE,
        "octets": len(body),
        "digest": hashlib.sha256(body).hexdigest(),
        "scheme": environ["wsgi.url_scheme"],
    }
    return PATHS[environ["PATH_INFO"]](query, facts, environ, start_response)


def note(name: str) -> None:
    """Add a line to the ledger: one write in append mode, whole even among processes."""
    descriptor = os.open(STATE / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{name} {os.getpid()} {release.RELEASE}\n".encode())
    finally:
        os.close(descriptor)


def await_gate(name: str) -> None:
    """Wait until the test makes the file ``name``."""
    deadline = time.monotonic() + PATIENCE
    while not (STATE / name).exists() and time.monotonic() < deadline:
        time.sleep(0.01)


Query = dict[str, str]
Facts = dict[str, Any]


def work(
    query: Query, facts: Facts, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Take so many ``seconds``."""
    time.sleep(float(query.get("seconds", "0")))
    content = json.dumps(facts).encode()
    start_response(
        "200 OK",
        [("Content-Type", "application/json"), ("Content-Length", str(len(content)))],
    )
    return [content]


def hold(
    query: Query, facts: Facts, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer once the ``gate`` is open."""
    await_gate(query["gate"])
    return work(query, facts, environ, start_response)


def stream(
    query: Query, facts: Facts, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterator[bytes]:
    """Answer in pieces, the facts in the last one; behind the first one waits a ``gate``."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    pieces = int(query.get("pieces", "3"))
    for _ in range(pieces):
        yield b"x" * 1000 + b"\n"
        time.sleep(float(query.get("seconds", "0")) / pieces)
        if "gate" in query:
            await_gate(query["gate"])
    yield json.dumps(facts).encode()


def big(
    query: Query, facts: Facts, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer with so many ``octets`` and the facts behind them, as a ``kind`` of iterable."""
    content = b"x" * int(query["octets"]) + b"\n" + json.dumps(facts).encode()
    start_response("200 OK", [("Content-Length", str(len(content)))])
    if query["kind"] == "list":
        return [content]
    if query["kind"] == "file":
        file = tempfile.TemporaryFile()  # noqa: SIM115 (the server closes it)
        file.write(content)
        file.seek(0)
        wrapper: Iterable[bytes] = environ["wsgi.file_wrapper"](file, 65536)
        return wrapper
    return (content[start : start + 50_000] for start in range(0, len(content), 50_000))


def hang(
    query: Query, facts: Facts, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Hang in C code that holds the interpreter's lock: exponential backtracking."""
    (STATE / "hanging").write_text(str(os.getpid()))
    re.match(r"(a+)+$", "a" * 60 + "b")
    return work(query, facts, environ, start_response)


def orphan(
    query: Query, facts: Facts, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Leave a process behind whose parent is gone, and that ends when the ``gate`` is open."""
    script = 'while [ ! -e "$0" ]; do sleep 0.02; done &'
    subprocess.run(["sh", "-c", script, STATE / query["gate"]], check=True)
    return work(query, facts, environ, start_response)


PATHS = {
    "/work": work,
    "/hold": hold,
    "/stream": stream,
    "/big": big,
    "/hang": hang,
    "/orphan": orphan,
}
