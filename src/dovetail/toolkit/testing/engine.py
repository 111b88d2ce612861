"""A client whose requests go through the server's HTTP/1.1 engine, in memory.

What it sends are octets, read by the same reader under the same limits as in production; what the
application answers is framed and checked by the same writer. So tests see what clients would see:
a 431 for a field that is too long, a 500 for a field that cannot be sent, Date, Content-Length and
the chunked coding.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import quote

from dovetail.data.dates import http_date
from dovetail.data.headers import Headers
from dovetail.gateway import (
    Exchange,
    RequestRecord,
    base_environ,
    build_environ,
    refuse_unservable,
)
from dovetail.http1 import (
    CONTINUE,
    Data,
    EndOfMessage,
    Limits,
    ProtocolError,
    RequestReader,
    Signal,
    dump_refusal,
    dump_request_head,
)
from dovetail.http1 import Request as RequestHead
from dovetail.http1.chunked import LAST_CHUNK, encode_chunk
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response
from dovetail.toolkit.testing.client import Answer, Client, TestResponse
from dovetail.toolkit.testing.environ_builder import EnvironBuilder
from dovetail.toolkit.testing.response_reader import (
    BadResponse,
    Message,
    ResponseAborted,
    ResponseReader,
)
from dovetail.toolkit.wsgi import quote_octets

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

__all__ = [
    "BadResponse",
    "EngineClient",
    "EngineConnection",
    "EngineResponse",
    "Report",
    "ResponseAborted",
]

_BLOCK = 65536
#: The fields of a request as they were given, for their spelling and order.
_FIELDS = "dovetail.testing.fields"
# What the server makes of the request itself.
_REQUEST_KEYS = frozenset(
    (
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "REQUEST_URI",
        "RAW_URI",
        "SERVER_PROTOCOL",
        "CONTENT_TYPE",
        "CONTENT_LENGTH",
        "werkzeug.request",  # the client's own object
        "wsgi.version",
        "wsgi.input",
        "wsgi.input_terminated",
        _FIELDS,
    )
)
# In a query a client encodes spaces, quotes, angle brackets, and what is not ASCII.
_QUERY_SAFE = "%!$&'()*+,/:;=?@[\\]^`{|}~"


class Report(NamedTuple):
    """What the server would have logged about an error of the application's."""

    text: str
    error: BaseException | None


class EngineResponse(TestResponse):
    """A response that came through the engine.

    Its header fields are those that were on the wire, the server's own included.
    """

    #: Whether the server would take another request on the connection.
    keep_alive: bool = False
    #: The interim responses before it, such as 100 and 103: status and header fields of each.
    interim: tuple[tuple[str, Headers], ...] = ()

    def __init__(
        self,
        response: Iterable[bytes],
        status: str,
        headers: Headers,
        request: Request,
        history: tuple[TestResponse, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(response, status, headers, request, history, **kwargs)
        if isinstance(response, _Content):
            message = response.message
            self.keep_alive = message.keep_alive
            self.interim = tuple((line, Headers(fields)) for line, fields in message.interim)


class _Content(list[bytes]):
    """The content of a response, and the message it came in."""

    def __init__(self, message: Message) -> None:
        super().__init__([message.content] if message.content else [])
        self.message = message


class _MemoryTransport:
    """Keeps what is sent."""

    sends_files = True

    def __init__(self) -> None:
        self.octets = bytearray()
        self.aborted = False

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.octets += piece

    finish = send

    def send_file(self, fd: int, offset: int, size: int) -> None:
        try:
            end = offset + size
            while offset < end and (block := os.pread(fd, min(_BLOCK, end - offset), offset)):
                self.octets += block
                offset += len(block)
        finally:
            os.close(fd)

    def abort(self, *, reset: bool) -> None:  # noqa: ARG002 -- the end shows in the octets
        self.aborted = True


class EngineConnection:
    """The server's side of one connection, without a socket.

    :param base: what the environs of its requests begin with.
    :param reports: errors of the application's are added to it.
    """

    def __init__(
        self,
        application: WSGIApplication,
        limits: Limits,
        base: WSGIEnvironment,
        reports: list[Report],
    ) -> None:
        self._application = application
        self._base = base
        self._reports = reports
        self._reader = RequestReader(limits)
        self._transport = _MemoryTransport()
        self._request: RequestHead | None = None
        self._body = io.BytesIO()
        #: Nothing more is read: the response that was sent is the last one.
        self.closed = False
        #: Method and environ of each request that was answered, the latter None for a refused one.
        self.answered: list[tuple[str, WSGIEnvironment | None]] = []

    @property
    def octets(self) -> bytes:
        """All that was sent."""
        return bytes(self._transport.octets)

    def receive(self, data: bytes) -> None:
        """Take octets from the client and answer the requests that are complete."""
        self._reader.receive(data)
        self._advance()

    def receive_eof(self) -> None:
        """Note that the client has closed its side."""
        self._reader.receive_eof()
        self._advance()

    def _advance(self) -> None:
        try:
            while not self.closed and self._take_event():
                continue
        except ProtocolError as error:
            self._refuse(error)

    def _take_event(self) -> bool:
        """Take one event of the reader's; False if it has none."""
        event = self._reader.next_event()
        if type(event) is RequestHead:
            self._begin(event)
        elif type(event) is Data:
            self._body.write(event.data)
        elif type(event) is EndOfMessage:
            self._answer()
        elif event is Signal.PAUSED:
            self._reader.next_request()
        elif event is Signal.CLOSED:
            self.closed = True
        else:
            return False
        return True

    def _begin(self, request: RequestHead) -> None:
        self._request = request
        self._body = io.BytesIO()
        refuse_unservable(request)
        if request.expects_continue and not self._reader.buffered:
            self._transport.send(CONTINUE)

    def _answer(self) -> None:
        request, self._request = self._request, None
        assert request is not None
        exchange = Exchange(request, self._transport, date=http_date, report=self._report)
        length = self._body.tell()
        self._body.seek(0)
        environ = build_environ(
            self._base,
            request,
            body=self._body,
            length=length,
            record=RequestRecord(fields=request.fields),
            early_hints=exchange.early_hints,
        )
        root = environ["SCRIPT_NAME"]
        if root and (environ["PATH_INFO"] + "/").startswith(root + "/"):
            environ["PATH_INFO"] = environ["PATH_INFO"][len(root) :]
        self.answered.append((request.method, environ))
        exchange.run(self._application, environ)
        self.closed = not exchange.keep_alive

    def _report(self, text: str, error: BaseException | None) -> None:
        self._reports.append(Report(text, error))

    def _refuse(self, error: ProtocolError) -> None:
        """Answer with the error's status and close, as the server does."""
        method = "GET" if self._request is None else self._request.method
        self.closed = True
        self.answered.append((method, None))
        self._transport.finish(
            dump_refusal(
                error.status, error.reason, str(error), date=http_date(), content=method != "HEAD"
            )
        )


class EngineClient(Client):
    """A :class:`~dovetail.toolkit.testing.client.Client` with a real server's engine behind it.

    An error of the application's does not come out of ``open``: the server answers with a 500, and
    the error is in :attr:`reports`. Each request has a connection of its own; to send several, or
    octets that no client library would send, there is :meth:`send`. Content is always there as a
    whole when a method returns. Upgrades offer no socket.

    :param limits: the bounds of requests, by default those of the server.
    """

    _test_response = EngineResponse

    def __init__(
        self,
        application: WSGIApplication,
        response_wrapper: type[Response] | None = None,
        use_cookies: bool = True,
        allow_subdomain_redirects: bool = False,
        *,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(application, response_wrapper, use_cookies, allow_subdomain_redirects)
        self.limits = Limits() if limits is None else limits
        #: The application's errors, the oldest first.
        self.reports: list[Report] = []

    def send(self, *pieces: bytes) -> list[TestResponse]:
        """Send octets over one connection and close it; return the responses in their order.

        Cookies are neither added nor kept. The ``request`` of a response is None where the server
        refused to read one.

        :param pieces: what the server receives at a time.
        :raises ResponseAborted: a response is cut off.
        """
        connection = self._connect(_server_environ({}))
        for piece in pieces:
            connection.receive(piece)
        connection.receive_eof()
        responses = []
        for message, environ in self._read(connection):
            request = None if environ is None else Request(environ)
            headers = Headers(message.fields)
            responses.append(
                self.response_wrapper(
                    _Content(message), message.status, headers, cast(Request, request)
                )
            )
        return responses

    def _make_request(self, builder: EnvironBuilder) -> Request:
        request = builder.get_request()
        request.environ[_FIELDS] = list(builder.headers)
        return request

    def _call(self, environ: WSGIEnvironment, buffered: bool) -> Answer:  # noqa: ARG002 -- always
        connection = self._connect(_server_environ(environ))
        fields = _fields(environ)
        connection.receive(_dump_head(environ, fields))
        body = _dump_body(environ)
        while not connection.closed and (octets := next(body, b"")):
            connection.receive(octets)
        connection.receive_eof()
        message, _ = next(self._read(connection))
        return _Content(message), message.status, Headers(message.fields)

    def _connect(self, base: WSGIEnvironment) -> EngineConnection:
        return EngineConnection(self.application, self.limits, base, self.reports)

    def _read(
        self, connection: EngineConnection
    ) -> Iterator[tuple[Message, WSGIEnvironment | None]]:
        reader = ResponseReader(connection.octets)
        for method, environ in connection.answered:
            try:
                message = reader.read(method)
            except ResponseAborted as error:
                raise error from (self.reports[-1].error if self.reports else None)
            yield message, environ
        if not reader.at_end:
            raise BadResponse("octets behind the last response")


def _server_environ(environ: WSGIEnvironment) -> WSGIEnvironment:
    """Return what a connection's environs begin with; what is no part of the request is kept."""
    base = base_environ(
        scheme=environ.get("wsgi.url_scheme", "http"),
        server=("localhost", 80),
        client=("127.0.0.1", 50000),
        errors=environ.get("wsgi.errors") or sys.stderr,
        multithread=False,
        multiprocess=False,
    )
    for key, value in environ.items():
        if key not in _REQUEST_KEYS and not key.startswith("HTTP_"):
            base[key] = value
    base["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "")
    return base


def _fields(environ: WSGIEnvironment) -> list[tuple[str, str]]:
    """Return the header fields of a request, as they were given where the environ agrees."""
    left = {key: value for key, value in environ.items() if key.startswith("HTTP_")}
    host = left.pop("HTTP_HOST", None)
    fields = [] if host is None else [("Host", host)]
    given: dict[str, list[tuple[str, str]]] = {}
    for name, value in environ.get(_FIELDS, ()):
        given.setdefault("HTTP_" + name.upper().replace("-", "_"), []).append((name, value))
    for key, lines in given.items():
        if left.get(key) == ", ".join(value for _, value in lines):
            del left[key]
            fields.extend(lines)
    if environ.get("CONTENT_TYPE"):
        fields.append(("Content-Type", environ["CONTENT_TYPE"]))
    if "HTTP_TRANSFER_ENCODING" in environ:
        left.pop("HTTP_TRANSFER_ENCODING", None)
        if "HTTP_TRANSFER_ENCODING" not in given:
            fields.append(("Transfer-Encoding", environ["HTTP_TRANSFER_ENCODING"]))
    elif environ.get("CONTENT_LENGTH"):
        fields.append(("Content-Length", environ["CONTENT_LENGTH"]))
    elif _is_chunked(environ):
        fields.append(("Transfer-Encoding", "chunked"))
    for key, value in left.items():
        fields.append((key[5:].replace("_", "-").title(), value))
    return fields


def _is_chunked(environ: WSGIEnvironment) -> bool:
    """Tell whether the body is sent in chunks: its length is not known, or that was asked for."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        return True
    return not environ.get("CONTENT_LENGTH") and bool(environ.get("wsgi.input_terminated"))


def _dump_head(environ: WSGIEnvironment, fields: list[tuple[str, str]]) -> bytes:
    """Return request line and fields as a client would send them.

    :raises ValueError: there is a line end in one, or what is no latin-1 text.
    """
    line = environ["REQUEST_METHOD"], _target(environ), environ["SERVER_PROTOCOL"]
    if any("\r" in text or "\n" in text for text in chain(line, *fields)):
        raise ValueError("a line end in the request line or in a field; send() sends anything")
    return dump_request_head(*line, fields)


def _target(environ: WSGIEnvironment) -> str:
    path = environ.get("PATH_INFO", "")
    if path == "*" and environ["REQUEST_METHOD"] == "OPTIONS":
        return "*"
    if path and not path.startswith("/"):
        path = "/" + path
    target = quote_octets(environ.get("SCRIPT_NAME", "") + path) or "/"
    query: str = environ.get("QUERY_STRING", "")
    if query:
        target += "?" + quote(query.encode("latin-1"), safe=_QUERY_SAFE)
    return target


def _dump_body(environ: WSGIEnvironment) -> Iterator[bytes]:
    """Yield the body, in chunks if its length is not known."""
    stream = environ["wsgi.input"]
    if _is_chunked(environ):
        while block := stream.read(_BLOCK):
            yield encode_chunk(block)
        yield LAST_CHUNK
        return
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while left > 0 and (block := stream.read(min(_BLOCK, left))):
        left -= len(block)
        yield block
