"""Commands that take long, on servers that have one thread."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from tests.dev.live import PATIENCE, serving

from dovetail.dev.debugger import DebuggedApplication, deferral
from dovetail.dev.debugger.deferral import without_keeping_the_thread
from dovetail.toolkit.response import Response

ONE_OF_SEVERAL: WSGIEnvironment = {"wsgi.multithread": False, "wsgi.multiprocess": True}


def fine(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]


@pytest.mark.network
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_the_only_thread_of_a_process_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, is_tls: bool
) -> None:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "off")
    begun, gate = threading.Event(), threading.Event()
    names = {"begun": begun, "gate": gate, "seconds": PATIENCE}
    app = DebuggedApplication(fine, evalex=True, console_init_func=lambda: names)
    options: dict[str, Any] = {"ssl_context": "adhoc"} if is_tls else {}

    def one_of_several(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return app(environ | {"wsgi.multiprocess": True}, start_response)

    with serving(one_of_several, **options) as server:

        def connect() -> http.client.HTTPConnection:
            if not is_tls:
                return http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return http.client.HTTPSConnection(
                "127.0.0.1", server.port, timeout=PATIENCE, context=context
            )

        with closing(connect()) as slow, closing(connect()) as quick:
            command = "begun.set(), gate.wait(seconds)"
            fields = {"__debugger__": "yes", "s": app.secret, "cmd": command, "frm": 0}
            slow.request("GET", f"/?{urlencode(fields)}")
            assert begun.wait(PATIENCE)
            quick.request("GET", "/")
            assert quick.getresponse().read() == b"fine"
            gate.set()
            answer = slow.getresponse()
            assert (answer.status, answer.headers["Connection"]) == (200, "close")
            text = answer.read()
            assert b"True" in text
            assert len(text) == int(answer.headers["Content-Length"])


class Work:
    """What is asked for, done when it is told to."""

    def __init__(self, result: Response | Exception) -> None:
        self.gate = threading.Event()
        self._result = result

    def __call__(self) -> Response:
        assert self.gate.wait(PATIENCE)
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


def begin(status: str, *_: object) -> Callable[[bytes], object]:
    raise AssertionError(f"the server was told to answer with {status}")


def answer_later(work: Work, method: str) -> bytes:
    """Return all that a client is sent for work that is done when it is not waited for any more."""
    ours, theirs = socket.socketpair()
    environ = ONE_OF_SEVERAL | {"REQUEST_METHOD": method}
    environ["dovetail.detach"] = lambda: (theirs, b"")
    with ours:
        ours.settimeout(PATIENCE)
        application: WSGIApplication = without_keeping_the_thread(environ, work)
        assert application(environ, begin) == []
        work.gate.set()
        octets = b""
        while part := ours.recv(4096):
            octets += part
    return octets


@pytest.mark.parametrize(("method", "content"), [("POST", b"done"), ("HEAD", b"")])
def test_what_is_answered_later(
    monkeypatch: pytest.MonkeyPatch, method: str, content: bytes
) -> None:
    monkeypatch.setattr(deferral, "_PROMPT", 0.0)
    head, _, found = answer_later(Work(Response("done", 202)), method).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 202 ACCEPTED\r\n")
    assert b"\r\nContent-Length: 4\r\n" in head
    assert found == content


def test_a_failure_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferral, "_PROMPT", 0.0)
    octets = answer_later(Work(LookupError("nothing there")), "GET")
    assert octets.startswith(b"HTTP/1.1 500 ")
    assert octets.endswith(b"The debugger failed: LookupError: nothing there\n")


def test_without_another_thread_it_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    work = Work(response := Response("done"))
    work.gate.set()
    environ = ONE_OF_SEVERAL | {"dovetail.detach": pytest.fail}
    assert without_keeping_the_thread(environ, work) is response


@pytest.mark.parametrize(
    "environ",
    [
        {},
        ONE_OF_SEVERAL,
        ONE_OF_SEVERAL | {"wsgi.multithread": True, "dovetail.detach": pytest.fail},
        ONE_OF_SEVERAL | {"wsgi.multiprocess": False, "dovetail.detach": pytest.fail},
    ],
)
def test_other_servers_wait(environ: WSGIEnvironment) -> None:
    thread: list[threading.Thread] = []

    def work() -> Response:
        thread.append(threading.current_thread())
        return Response("done")

    assert isinstance(without_keeping_the_thread(environ, work), Response)
    assert thread == [threading.current_thread()]
