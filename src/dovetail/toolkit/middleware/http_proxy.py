"""Passing requests on to another HTTP server, for development and small set-ups."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    InvalidHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import IO, Any
from urllib.parse import SplitResult, quote, urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import dovetail.toolkit.response  # noqa: F401 - makes the response of BadGateway
from dovetail.data.exceptions import BadGateway
from dovetail.data.fields import decimal_number, is_hop_by_hop_header
from dovetail.data.headers import EnvironHeaders
from dovetail.http1.chunked import LAST_CHUNK, encode_chunk
from dovetail.http1.grammar import OWS, TOKEN
from dovetail.toolkit.streams import get_input_stream
from dovetail.toolkit.wsgi import PATH_CHARACTERS, get_content_length, quote_octets

__all__ = ["ProxyMiddleware"]

_DEFAULTS: dict[str, Any] = {
    "remove_prefix": False,
    "host": "<auto>",
    "headers": {},
    "ssl_context": None,
}

# What a query may hold as it is (RFC 3986 section 3.4); it comes encoded.
_QUERY = PATH_CHARACTERS + "?%"

# A field value in several lines, which only very old servers send (RFC 9112 section 5.2).
_unfold = re.compile(r"\r?\n[ \t]*").sub
_forbidden = re.compile(r"[\r\n\0]").search
_is_name = re.compile(TOKEN).fullmatch

# What http.client finds wrong with header lines; it leaves them out then, and all below them.
_DEFECTS = (
    FirstHeaderLineIsContinuationDefect,
    InvalidHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)


class ProxyMiddleware:
    """Passes requests below certain paths on to other servers.

    Each target is a dictionary:

    - ``target``: the URL of the server, ``http`` or ``https``;
    - ``remove_prefix``: take the path's prefix off and put the target's own path in its place;
    - ``host``: the Host field; ``"<auto>"`` is the target's host, None the client's Host;
    - ``headers``: a dictionary of further fields;
    - ``ssl_context``: an :class:`ssl.SSLContext` for ``https``.

    If the server cannot be reached or does not answer in HTTP, the response is a 502.

    :param app: answers what lies below no target's path.
    :param targets: path -> target; the first that fits is taken.
    :param chunk_size: octets that are passed on at once at most.
    :param timeout: seconds that one operation on the other server's connection may take.
    """

    def __init__(
        self,
        app: WSGIApplication,
        targets: Mapping[str, dict[str, Any]],
        chunk_size: int = 2 << 13,
        timeout: int = 10,
    ) -> None:
        self.app = app
        self.targets = {_directory(path): {**_DEFAULTS, **opts} for path, opts in targets.items()}
        self.chunk_size = chunk_size
        self.timeout = timeout

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        path = environ["PATH_INFO"]
        app = self.app
        for prefix, opts in self.targets.items():
            if path.startswith(prefix) and _stays_below(prefix, path):
                app = self.proxy_to(opts, path, prefix)
                break
        return app(environ, start_response)

    def proxy_to(self, opts: dict[str, Any], path: str, prefix: str) -> WSGIApplication:
        """Return an application that passes one request on.

        :param opts: the target.
        :param path: the request's path, as in PATH_INFO.
        :param prefix: the part of it that chose the target.
        """
        target = urlsplit(opts["target"])
        if opts["remove_prefix"]:
            path = f"{target.path.rstrip('/')}/{path[len(prefix) :]}"

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            connection = _connect(target, opts, self.timeout)
            try:
                self._send(connection, environ, path, _fields(environ, target, opts))
                response = connection.getresponse()
                headers = _response_fields(response)
            except (OSError, HTTPException):
                connection.close()
                return BadGateway()(environ, start_response)
            except BaseException:
                connection.close()
                raise
            start_response(f"{response.status} {response.reason}", headers)
            return _Body(connection, response, self.chunk_size)

        return application

    def _send(
        self,
        connection: HTTPConnection,
        environ: WSGIEnvironment,
        path: str,
        fields: list[tuple[str, str]],
    ) -> None:
        method = environ["REQUEST_METHOD"]
        target = quote_octets(path)
        if environ.get("QUERY_STRING"):
            target += "?" + quote(environ["QUERY_STRING"].encode("latin-1"), safe=_QUERY)
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in fields:
            connection.putheader(name, value.encode("latin-1"))
        length = get_content_length(environ)
        chunked = length is None and bool(environ.get("wsgi.input_terminated"))
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        elif length is not None or method in {"POST", "PUT", "PATCH"}:
            connection.putheader("Content-Length", str(length or 0))
        connection.endheaders()
        if chunked or length:
            # A server that refuses the content answers, and closes before all of it is sent.
            with suppress(ConnectionError):
                self._send_content(connection, get_input_stream(environ), chunked)

    def _send_content(self, connection: HTTPConnection, stream: IO[bytes], chunked: bool) -> None:
        while data := stream.read(self.chunk_size):
            connection.send(encode_chunk(data) if chunked else data)
        if chunked:
            connection.send(LAST_CHUNK)


class _Body:
    """The other server's content, passed on as it comes; the connection is closed at its end."""

    def __init__(self, connection: HTTPConnection, response: HTTPResponse, size: int) -> None:
        self._connection = connection
        self._response = response
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        # read1: what is there now, and not only when all of the size is.
        while data := self._response.read1(self._size):
            yield data
        self.close()

    def close(self) -> None:
        self._response.close()
        self._connection.close()


def _stays_below(prefix: str, path: str) -> bool:
    """Tell whether a path lies below a prefix for a server that resolves ``..`` in it, too."""
    return "/.." not in path or f"{posixpath.normpath(path)}/".startswith(prefix)


def _directory(path: str) -> str:
    path = path.strip("/")
    return f"/{path}/" if path else "/"


def _connect(target: SplitResult, opts: dict[str, Any], timeout: float) -> HTTPConnection:
    host = target.hostname
    if target.scheme not in {"http", "https"} or not host:
        raise RuntimeError(f"a target is an http or https URL, not {opts['target']!r}")
    if target.scheme == "http":
        return HTTPConnection(host, target.port or 80, timeout=timeout)
    return HTTPSConnection(host, target.port or 443, timeout=timeout, context=opts["ssl_context"])


def _fields(
    environ: WSGIEnvironment, target: SplitResult, opts: dict[str, Any]
) -> list[tuple[str, str]]:
    """Return the fields to send, without Host and framing from the client."""
    host = opts["host"]
    dropped = {"content-length", "proxy-connection", *_options(environ.get("HTTP_CONNECTION"))}
    if host is not None:
        dropped.add("host")
    # The server has answered it already; http.client would not wait.
    dropped.add("expect")
    fields = [
        (name, value)
        for name, value in EnvironHeaders(environ)
        if name.lower() not in dropped and not is_hop_by_hop_header(name)
    ]
    fields.append(("Connection", "close"))
    if host is not None:
        fields.append(("Host", _host(target) if host == "<auto>" else host))
    fields.extend(opts["headers"].items())
    return fields


def _host(target: SplitResult) -> str:
    host = target.hostname or ""
    return f"[{host}]" if ":" in host else host


def _options(connection: str | None) -> list[str]:
    """Return the names that a Connection field lists (RFC 9110 section 7.6.1)."""
    return [option.strip(OWS).lower() for option in (connection or "").split(",")]


def _response_fields(response: HTTPResponse) -> list[tuple[str, str]]:
    """Return the fields to pass on.

    :raises HTTPException: the response cannot be passed on.
    """
    if response.status < 200:
        raise HTTPException("the other server switched protocols")
    if _forbidden(response.reason):
        raise HTTPException("a reason with a control character")
    if any(isinstance(defect, _DEFECTS) for defect in response.headers.defects):
        raise HTTPException("a malformed header line")
    dropped = {"proxy-connection", "content-length"}
    for value in response.headers.get_all("Connection", ()):
        dropped.update(_options(value))
    fields = []
    for name, value in response.headers.items():
        if name.lower() not in dropped and not is_hop_by_hop_header(name):
            text = _unfold(" ", value)
            if _forbidden(text) or not _is_name(name):
                raise HTTPException("a malformed field")
            fields.append((name, text))
    length = _content_length(response)
    if length is not None:
        fields.append(("Content-Length", str(length)))
    return fields


def _content_length(response: HTTPResponse) -> int | None:
    """Return the length of the content as it is announced, None if it is not.

    Two servers must not see two ends of one content (RFC 9112 sections 6.3 and 11.1), and
    http.client takes the first length it finds, and any coding it does not know for none.

    :raises HTTPException: it is not sure where the content ends.
    """
    codings = response.headers.get_all("Transfer-Encoding", ())
    if codings:
        if [coding.strip(OWS).lower() for coding in codings] != ["chunked"]:
            raise HTTPException("a transfer coding besides chunked")
        # A length counts for nothing beside it.
        return None
    lengths = {value.strip(OWS) for value in response.headers.get_all("Content-Length", ())}
    if not lengths:
        return None
    length = decimal_number(lengths.pop())
    if lengths or length is None:
        raise HTTPException("several lengths, or one that is no number")
    return length
