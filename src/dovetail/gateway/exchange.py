"""One request and its response through PEP 3333."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, NoReturn, Protocol
from wsgiref.types import WSGIApplication

from dovetail.gateway.environ import Environ
from dovetail.gateway.errors import ApplicationError, ClientDisconnected
from dovetail.gateway.files import FileWrapper, file_region
from dovetail.http1 import Request, ResponseWriter, dump_interim

__all__ = ["Exchange", "Transport"]

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
Fields = list[tuple[str, str]]

_ERROR_PAGE = b"The server could not answer this request because of an error in the application.\n"


class Transport(Protocol):
    """What an exchange needs of the connection. Every method may raise ClientDisconnected."""

    #: Whether ``send_file`` is there: not through TLS, for instance.
    sends_files: bool

    def send(self, *pieces: bytes) -> None:
        """Send octets, or take them over to be sent while the application goes on.

        Waits while too much of what was taken over is still unsent.
        """

    def send_file(self, fd: int, offset: int, size: int) -> None:
        """Take over the open descriptor ``fd`` and send ``size`` octets of it from ``offset``."""

    def finish(self, *pieces: bytes) -> None:
        """Send the last octets of the response; never waits."""

    def abort(self, *, reset: bool) -> None:
        """Break the connection off, so that the client cannot take what it has for complete.

        :param reset: the content ends with the connection, so an orderly end would look complete.
        """


def _always() -> bool:
    return True


class Exchange:
    """Calls the application once, checks what it says, and sends it.

    :param request: the complete request.
    :param transport: where the response goes.
    :param date: returns the Date field's value for now.
    :param report: called with one sentence, and the exception if there is one, for each error of
        the application's.
    :param may_keep_alive: asked when the head goes out, which may be long after the call: False if
        the connection has to close behind this response in any case.
    """

    __slots__ = (
        "_date",
        "_detached",
        "_finished",
        "_head_sent",
        "_may_keep_alive",
        "_overrun",
        "_report",
        "_transport",
        "_writer",
        "aborted",
        "content_length",
        "fields",
        "request",
        "status",
        "status_code",
    )

    def __init__(
        self,
        request: Request,
        transport: Transport,
        *,
        date: Callable[[], str],
        report: Callable[[str, BaseException | None], None],
        may_keep_alive: Callable[[], bool] = _always,
    ) -> None:
        self.request = request
        self._transport = transport
        self._writer = ResponseWriter(request)
        self._may_keep_alive = may_keep_alive
        self._date = date
        self._report = report
        self._head_sent = False
        self._finished = False
        self._detached = False
        self._overrun = False
        #: What the application passed to ``start_response``.
        self.status: str | None = None
        self.fields: Fields = []
        #: For the log: the code that was sent, 0 if none was, and the octets of content.
        self.status_code = 0
        self.content_length = 0
        #: The connection was broken off: nothing more may be sent.
        self.aborted = False

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may carry another request."""
        return self._writer.keep_alive and not self.aborted and not self._detached

    @property
    def detached(self) -> bool:
        """Whether the application has taken the socket over."""
        return self._detached

    def detach(self) -> None:
        """Send nothing from now on: the socket belongs to the application.

        :raises ApplicationError: the response has begun.
        """
        if self._head_sent:
            raise ApplicationError("the socket cannot be taken once the response has begun")
        self._detached = True

    def run(self, application: WSGIApplication, environ: Environ) -> None:
        """Call the application and send its response; never raises.

        Whatever happens, ``close()`` of the result is called exactly once.
        """
        try:
            result = application(environ, self.start_response)
            try:
                self._send_result(result)
            finally:
                close = getattr(result, "close", None)
                if close is not None:
                    close()
        except ClientDisconnected:
            self._abort()
        except BaseException as error:  # SystemExit too: it must not end the server's thread
            if self._detached and isinstance(error, ConnectionError):
                # Its own connection has ended; and where libraries for WebSocket have no other way
                # to say that no response follows, they raise this (python-engineio).
                self._abort()
            else:
                self._fail(error)

    def start_response(
        self, status: str, headers: Fields, exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """``start_response`` of PEP 3333.

        :raises ResponseError: the status or a field cannot be sent.
        :raises ApplicationError: called a second time without ``exc_info``.
        """
        if exc_info is not None and exc_info[1] is not None:
            try:
                if self._head_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # break the circle of traceback and frame
        elif self.status is not None:
            raise ApplicationError("start_response was called twice without exc_info")
        self.status_code = self._writer.start(status, headers)
        self.status = status
        self.fields = headers
        return self.write

    def write(self, data: bytes) -> None:
        """``write()`` of PEP 3333.

        :raises ApplicationError: nothing may be sent any more: behind the end, what is written
            would pass for the next response.
        """
        if not isinstance(data, bytes):
            _refuse_type(data)
        if self._finished or self._detached:
            raise ApplicationError("write() was called behind the end of the response")
        self._send_piece(data)

    def early_hints(self, headers: Fields) -> None:
        """``wsgi.early_hints``: send a 103 with these fields (RFC 8297).

        Does nothing towards HTTP/1.0, which knows no interim responses, and once the response has
        begun.

        :raises ResponseError: a field cannot be sent.
        """
        octets = dump_interim("103 Early Hints", headers)
        if self.request.version == "HTTP/1.1" and not self._head_sent and not self._detached:
            self._transport.send(octets)

    def _send_result(self, result: Iterable[bytes]) -> None:
        if self._detached:
            return
        if type(result) is list or type(result) is tuple:
            self._send_whole(result)
        elif isinstance(result, FileWrapper) and self._send_file(result):
            return
        else:
            self._send_pieces(result)

    def _send_whole(self, pieces: list[bytes] | tuple[bytes, ...]) -> None:
        """Send a response whose content is all there, in one go."""
        for piece in pieces:
            if not isinstance(piece, bytes):
                _refuse_type(piece)
        content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        head = b"" if self._head_sent else self._head(len(content))
        octets = self._frame(content)
        ending = self._writer.end()  # raises before anything is sent, so that it can be a 500
        self._finish(head, octets, ending)

    def _send_pieces(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            if not isinstance(piece, bytes):
                _refuse_type(piece)
            if self._detached:
                return
            self._send_piece(piece)
            if (self._writer.bodyless and self._head_sent) or self._overrun:
                break  # a generator may be endless, and nothing more of it can be sent
        if self._detached:
            return
        head = b"" if self._head_sent else self._head(0)
        self._finish(head, self._writer.end())

    def _send_piece(self, data: bytes) -> None:
        if not data:
            return
        head = b"" if self._head_sent else self._head(None)
        octets = self._frame(data)
        self._head_sent = True
        if head or octets:
            self._transport.send(head, octets)

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Have the kernel send a file; False if it has to be read block by block."""
        if self._head_sent or not self._transport.sends_files:
            return False
        region = file_region(wrapper)
        if region is None:
            return False
        try:
            # A descriptor of its own: the application's may be closed before the client has all.
            fd = os.dup(region.fd)
        except OSError:
            return False  # none is left, but the file can still be read
        try:
            head = self._head(region.size)
            self._head_sent = True
            self._transport.send(head)
        except BaseException:
            os.close(fd)
            raise
        size = 0 if self._writer.bodyless else min(region.size, self._writer.remaining or 0)
        if size:
            self._transport.send_file(fd, region.offset, size)
            self._writer.sent(size)
            self.content_length += size
        else:
            os.close(fd)
        self._finish(self._writer.end())
        return True

    def _finish(self, *pieces: bytes) -> None:
        """Send the last octets of the response."""
        self._head_sent = True
        self._transport.finish(*pieces)
        self._finished = True

    def _head(self, length: int | None) -> bytes:
        if self.status is None:
            raise ApplicationError("the application returned without calling start_response")
        if self._writer.keep_alive and not self._may_keep_alive():
            self._writer.keep_alive = False
        return self._writer.head(length=length, date=self._date())

    def _frame(self, data: bytes) -> bytes:
        remaining = self._writer.remaining
        if remaining is not None and len(data) > remaining and not self._writer.bodyless:
            if not self._overrun:
                self._report("the application sent more than its Content-Length; cut off", None)
            self._overrun = True
            data = data[:remaining]
        octets = self._writer.body(data)
        if octets:
            self.content_length += len(data)
        return octets

    def _fail(self, error: BaseException) -> None:
        """Answer with a 500 if nothing was sent yet, else break the connection off.

        A response that is complete stays so: only ``close()`` of the result can fail behind it.
        """
        self._report("the application failed", error)
        if self._finished:
            return
        if self._head_sent or self._detached or self.aborted:
            self._abort()
            return
        fields = [("Content-Type", "text/plain; charset=utf-8")]
        self.status = "500 Internal Server Error"
        self.fields = fields
        self.status_code = self._writer.start(self.status, fields)
        self._overrun = False
        self.content_length = 0
        try:
            head = self._head(len(_ERROR_PAGE))
            self._finish(head, self._frame(_ERROR_PAGE))
        except ClientDisconnected:
            self._abort()

    def _abort(self) -> None:
        if not self.aborted:
            self.aborted = True
            self._transport.abort(reset=self._writer.delimited_by_close)


def _refuse_type(piece: Any) -> NoReturn:
    raise ApplicationError(f"the content must be bytes, not {type(piece).__name__}")
