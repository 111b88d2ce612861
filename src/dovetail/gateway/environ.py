"""From a request to the environ of PEP 3333."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import IO, Any, TextIO
from urllib.parse import unquote_to_bytes

from dovetail.gateway.files import FileWrapper
from dovetail.gateway.record import RequestRecord
from dovetail.http1 import MethodNotImplemented, Request, TargetForm

__all__ = ["Environ", "base_environ", "build_environ", "refuse_unservable"]

Environ = dict[str, Any]

# Field names -> environ keys, None for the fields that have no key. Bounded: clients choose names.
_KEYS: dict[str, str | None] = {
    "content-type": "CONTENT_TYPE",
    "content-length": "CONTENT_LENGTH",
    # The content is handed over without its transfer coding (RFC 9112 7.1.3).
    "transfer-encoding": None,
    # CGI would make HTTP_PROXY of it, which many clients take for their own proxy ("httpoxy").
    "proxy": None,
}
_KEYS_BOUND = 2048


def base_environ(
    *,
    scheme: str,
    server: tuple[str, int] | None,
    client: tuple[str, int] | None,
    errors: TextIO,
    multithread: bool,
    multiprocess: bool,
) -> Environ:
    """Return the part of the environ that all requests of one connection share.

    :param server: the address the connection came in at; None for a Unix socket, where Host
        has to serve for SERVER_NAME and SERVER_PORT.
    :param client: the peer's address; None for a Unix socket.
    """
    return {
        "SCRIPT_NAME": "",
        "SERVER_SOFTWARE": "dovetail",
        "SERVER_NAME": server[0] if server else "localhost",
        "SERVER_PORT": str(server[1]) if server else _default_port(scheme),
        "REMOTE_ADDR": client[0] if client else "",
        "REMOTE_PORT": str(client[1]) if client else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": errors,
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.input_terminated": True,
    }


def _default_port(scheme: str) -> str:
    return "443" if scheme == "https" else "80"


def refuse_unservable(request: Request) -> None:
    """Refuse what an application cannot be asked.

    :raises MethodNotImplemented: CONNECT, whose target is no path (RFC 9110 section 9.3.6).
    """
    if request.form is TargetForm.AUTHORITY:
        raise MethodNotImplemented("this server is no proxy")


def build_environ(
    base: Environ,
    request: Request,
    *,
    body: IO[bytes],
    length: int | None,
    record: RequestRecord,
    early_hints: Callable[[list[tuple[str, str]]], None],
) -> Environ:
    """Return a new environ for one request: a builtin dict of native strings (PEP 3333).

    :param base: what :func:`base_environ` made for the connection.
    :param body: what becomes ``wsgi.input``; it ends where the content ends.
    :param length: the content's length in octets; None if it is still arriving. It becomes
        CONTENT_LENGTH also if the client sent chunks, as RFC 9112 section 7.1.3 has it, so that
        applications which know only Content-Length see the content.
    """
    path = request.path
    environ = base.copy()
    environ["REQUEST_METHOD"] = request.method
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path
    environ["QUERY_STRING"] = request.query
    environ["RAW_URI"] = environ["REQUEST_URI"] = request.target
    environ["SERVER_PROTOCOL"] = request.version
    environ["wsgi.input"] = body
    environ["wsgi.early_hints"] = early_hints
    environ["dovetail.request"] = record
    for name, value in request.fields:
        key = _KEYS.get(name, "")
        if key == "":
            key = _environ_key(name)
        if key is None:
            continue
        if key in environ:
            # RFC 9110 5.3, and RFC 6265 5.4 for the one list that has another separator
            environ[key] += ("; " if name == "cookie" else ",") + value
        else:
            environ[key] = value
    if request.length is None and length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    if not base["REMOTE_PORT"]:
        _name_by_host(environ, request.authority)
    return environ


def _environ_key(name: str) -> str | None:
    """Return the key of a field name met for the first time.

    A name with an underscore has none: in the environ it would pass for the name with a dash,
    which a proxy in front may have set or removed.
    """
    key = None if "_" in name else "HTTP_" + sys.intern(name.upper().replace("-", "_"))
    if len(_KEYS) < _KEYS_BOUND:
        _KEYS[name] = key
    return key


def _name_by_host(environ: Environ, authority: str) -> None:
    """Set SERVER_NAME and SERVER_PORT, which must not be empty, for a Unix socket."""
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, ""
    environ["SERVER_NAME"] = host or "localhost"
    environ["SERVER_PORT"] = port or _default_port(environ["wsgi.url_scheme"])
