"""wsgiref.validate has nothing to say about the gateway."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import Any
from wsgiref.validate import validator

import pytest
from tests.gateway.recorder import RecordingTransport, call, read_request
from tests.gateway.thorough import BODY, PATHS, thorough


def request_head(method: str, path: str, body: bytes) -> bytes:
    content = f"Content-Length: {len(body)}\r\nContent-Type: text/plain\r\n" if body else ""
    return (
        f"{method} {path}?q=1 HTTP/1.1\r\nHost: test\r\nX-One: a\r\nX-One: b\r\n{content}\r\n"
    ).encode()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", PATHS)
def test_validator_stays_silent(path: str, method: str) -> None:
    status, content = PATHS[path]
    body = BODY if path.startswith("/input/") else b""
    errors = io.StringIO()
    outcome = call(
        validator(thorough),
        read_request(request_head(method, path, body)),
        body=body,
        errors=errors,
        transport=RecordingTransport(sends_files=True),
    )
    assert outcome.reports == []
    assert outcome.reply.status == status
    assert outcome.reply.content == (b"" if method == "HEAD" else content)
    assert bool(errors.getvalue()) == (path == "/errors")


def test_every_part_of_the_interface_is_used() -> None:
    """The thorough application really goes through what the validator wraps."""
    used: set[str] = set()

    class Spy:
        def __init__(self, name: str, target: Any) -> None:
            self._name, self._target = name, target

        def __getattr__(self, attribute: str) -> Any:
            used.add(f"{self._name}.{attribute}")
            return getattr(self._target, attribute)

        def __iter__(self) -> Any:
            used.add(f"{self._name}.__iter__")
            return iter(self._target)

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"] = Spy("input", environ["wsgi.input"])
        environ["wsgi.errors"] = Spy("errors", environ["wsgi.errors"])
        return thorough(environ, start_response)

    for path in PATHS:
        body = BODY if path.startswith("/input/") else b""
        assert (
            call(application, read_request(request_head("POST", path, body)), body=body).reports
            == []
        )
    assert used == {
        *("input.read", "input.readline", "input.readlines", "input.__iter__"),
        *("errors.write", "errors.writelines", "errors.flush"),
    }


def test_validator_would_speak_up() -> None:
    """The silence above means something."""

    def sloppy(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"no content type"]

    outcome = call(validator(sloppy))
    assert outcome.reply.status == 500
    assert re.search("Content-Type", outcome.reports[0][1])
