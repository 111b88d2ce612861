"""Answers that take their time, on a server of several processes with one thread each."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from functools import partial
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from dovetail.dev.debugger import answers
from dovetail.http1 import dump_response_head
from dovetail.toolkit.response import Response

__all__ = ["without_keeping_the_thread"]

# For how long, in seconds, the server's thread waits: most commands are done by then. The page
# offers to stop one only later.
_PROMPT = 0.25
# How long a client may take to read the answer, in seconds.
_SENDING = 60.0


def without_keeping_the_thread(
    environ: WSGIEnvironment, work: Callable[[], Response]
) -> WSGIApplication:
    """Return what answers a request with what ``work`` returns, which may take long.

    The only thread of a process would be kept by it: not even the request that is to stop it could
    be answered, and not by another process either if the browser has a connection with this one.
    So the connection is taken over, and answered when the work is done.

    A server of one process and one thread is kept all the same: its applications may count on
    everything being done in that thread, as connections of sqlite3 do.

    :param work: is called in another thread if each of several processes has only one.
    """
    if (
        environ.get("wsgi.multithread", True)
        or not environ.get("wsgi.multiprocess")
        or "dovetail.detach" not in environ
    ):
        return work()
    done: Future[Response] = Future()
    thread = threading.Thread(
        target=_work, args=(work, done), name="dovetail debugger command", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:  # the system has no more
        return work()
    wait([done], _PROMPT)
    return done.result() if done.done() else partial(_answer_later, done)


def _work(work: Callable[[], Response], done: Future[Response]) -> None:
    try:
        done.set_result(work())
    except Exception as error:
        done.set_exception(error)


def _answer_later(
    done: Future[Response], environ: WSGIEnvironment, _start_response: StartResponse
) -> Iterable[bytes]:
    sock, _ = environ["dovetail.detach"]()
    done.add_done_callback(partial(_send, sock, environ))
    return []


def _send(sock: Any, environ: WSGIEnvironment, done: Future[Response]) -> None:
    try:
        response = done.result()
    except Exception as error:
        response = answers.plain(f"The debugger failed: {type(error).__name__}: {error}\n", 500)
    fields = [*response.get_wsgi_headers(environ).to_wsgi_list(), ("Connection", "close")]
    octets = dump_response_head(response.status, fields)
    if environ["REQUEST_METHOD"] != "HEAD":
        octets += response.get_data()
    with contextlib.closing(sock), contextlib.suppress(OSError):  # the page may be gone by now
        sock.settimeout(_SENDING)
        sock.sendall(octets)
