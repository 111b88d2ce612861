"""The smallest useful WSGI application: it greets, and says which process and thread did."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer ``/?name=Ann`` with a greeting, anything else with 404."""
    if environ["PATH_INFO"] != "/":
        return respond(start_response, "404 Not Found", "There is only / here.\n")
    query = parse_qs(environ["QUERY_STRING"])
    name = query.get("name", ["world"])[0]
    place = f"process {os.getpid()}, {threading.current_thread().name}"
    return respond(start_response, "200 OK", f"Hello, {name}!\n({place})\n")


def respond(start_response: StartResponse, status: str, text: str) -> Iterable[bytes]:
    body = text.encode()
    fields = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, fields)
    return [body]
