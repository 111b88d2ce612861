"""A response of a WSGI application, with its content."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Literal, Self, overload
from urllib.parse import urljoin
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from dovetail.data import exceptions
from dovetail.data.conditional import is_resource_modified
from dovetail.data.dates import http_date
from dovetail.data.etags import generate_etag, parse_etags
from dovetail.data.field_names import FOLDED, fold
from dovetail.data.fields import remove_entity_headers
from dovetail.data.headers import Headers
from dovetail.data.ranges import parse_range_header
from dovetail.data.urls import iri_to_uri
from dovetail.toolkit.descriptors import cached_property
from dovetail.toolkit.request import Request
from dovetail.toolkit.runner import run_wsgi_app
from dovetail.toolkit.sansio import response as sansio
from dovetail.toolkit.wsgi import ClosingIterator, get_current_url, wrap_range

__all__ = ["Response", "ResponseStream"]

_begin = sansio.Response.__init__
_STATUSES = sansio._STATUSES
_content_type_field = sansio._content_type_field

_DATA = (str, bytes, bytearray)
_NO_CONTENT = frozenset({204, 304})
_WITH_CONTENT = frozenset(range(200, 1000)) - _NO_CONTENT
# The fields that an answer may have in another form than the response, in lower case and as they
# are spelled then.
_CORRECTED = {"location": "Location", "content-location": "Content-Location"}
# What makes an answer of a response.
_ANSWERING = (
    *("close", "get_app_iter", "get_wsgi_headers", "is_sequence", "iter_encoded"),
    *("status", "status_code"),
)


class Response(sansio.Response):
    """A response of a WSGI application: it is one itself, and can be called.

    :param response: the content: octets, or text, which becomes UTF-8, or an iterable of either.
    :param status: a code, or a line such as "404 NOT FOUND"; ``default_status`` if None.
    :param headers: the header fields; a :class:`Headers` is taken as it is, not copied.
    :param mimetype: the type of the content, which gets a charset if it is one of text;
        ``default_mimetype`` if neither this nor ``content_type`` nor the field is given.
    :param content_type: the Content-Type field as it is to be.
    :param direct_passthrough: give ``response`` to the server as it is. For what
        :func:`wrap_file` returns, which the server can send by other means than iterating.
    """

    #: Make a list of an iterator when the whole content is asked for; if not, it is an error.
    implicit_sequence_conversion = True
    #: Make the Location field an absolute URL.
    autocorrect_location_header = False
    #: Set Content-Length if the content is all there.
    automatically_set_content_length = True
    #: Has ``loads``.
    json_module: Any = json

    response: Iterable[str] | Iterable[bytes]
    # Header fields that can be sent as they are, as long as they are what there is.
    _right_fields: list[tuple[str, str]] | None = None

    def __init__(  # noqa: PLR0917 - the documented signature
        self,
        response: Iterable[bytes] | bytes | Iterable[str] | str | None = None,
        status: int | str | HTTPStatus | None = None,
        headers: Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        self.direct_passthrough = direct_passthrough
        self._on_close: list[Callable[[], Any]] = []
        kind = type(response)
        if (
            (kind is str or kind is bytes)
            and headers is None
            and content_type is None
            and self._is_plain_content
        ):
            # PERF: 0.5 us less than by set_data() and the base class.
            content: Any = response
            data: bytes = content.encode() if kind is str else content
            self.response = [data]
            if mimetype is None:
                mimetype = self.default_mimetype
            fields = [] if mimetype is None else [_content_type_field(mimetype)]
            if self.automatically_set_content_length:
                fields.append(("Content-Length", str(len(data))))
                self._right_fields = fields
            self.headers = made = Headers()
            made._list = fields[:]
            if status is None:
                status = self.default_status
            self._status, self._status_code = _STATUSES.get(status) or sansio._clean_status(status)
            return
        _begin(self, status, headers, mimetype, content_type)  # PERF: super() takes 0.1 us more
        if response is None:
            self.response = []
        elif isinstance(response, _DATA):
            self.set_data(response)
        else:
            self.response = response

    # Whether a class has the methods of this one for its content, and for its answer.
    _is_plain_content = True
    _is_plain_answer = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._is_plain_content = cls.set_data is Response.set_data
        cls._is_plain_answer = all(getattr(cls, n) is getattr(Response, n) for n in _ANSWERING)

    def call_on_close(self, func: Callable[[], Any]) -> Callable[[], Any]:
        """Have ``func`` called when the response is closed; return it, as a decorator does."""
        self._on_close.append(func)
        return func

    def __repr__(self) -> str:
        if self.is_sequence:
            content = f"{sum(map(len, self.iter_encoded()))} bytes"
        else:
            content = "streamed" if self.is_streamed else "likely-streamed"
        return f"<{type(self).__name__} {content} [{self.status}]>"

    @classmethod
    def force_type(cls, response: Any, environ: WSGIEnvironment | None = None) -> Self:
        """Make a response of this class of another response or of a WSGI application.

        A response is changed in place: its ``__class__`` becomes this one.

        :param environ: what a WSGI application is called with.
        :raises TypeError: it is an application, and there is no environment.
        """
        if not isinstance(response, Response):
            if environ is None:
                raise TypeError("a WSGI application becomes a response only with an environ")
            content, status, headers = run_wsgi_app(response, environ)
            response = Response(content, status, headers)
        response.__class__ = cls
        forced: Self = response
        return forced

    @classmethod
    def from_app(
        cls, app: WSGIApplication, environ: WSGIEnvironment, buffered: bool = False
    ) -> Self:
        """Return the response of a WSGI application.

        :param buffered: take all of its content at once.
        """
        content, status, headers = run_wsgi_app(app, environ, buffered)
        return cls(content, status, headers)

    @overload
    def get_data(self, as_text: Literal[False] = False) -> bytes: ...
    @overload
    def get_data(self, as_text: Literal[True]) -> str: ...
    def get_data(self, as_text: bool = False) -> bytes | str:
        """Return the whole content; an iterator becomes a list by that.

        :param as_text: decode it as UTF-8.
        :raises RuntimeError: it is an iterator, and ``implicit_sequence_conversion`` is off or
            ``direct_passthrough`` on.
        """
        self._ensure_sequence()
        data = b"".join(self.iter_encoded())
        return data.decode() if as_text else data

    def set_data(self, value: bytes | str) -> None:
        """Replace the content, and set its length."""
        data = value.encode() if isinstance(value, str) else value
        self.response = [data]
        if self.automatically_set_content_length:
            self.headers.set("Content-Length", str(len(data)))

    data = property(
        get_data, set_data, doc="The whole content, as get_data() and set_data() have it."
    )

    def calculate_content_length(self) -> int | None:
        """Return the length of the content in octets; None if it cannot be told."""
        try:
            self._ensure_sequence()
        except RuntimeError:
            return None
        return sum(map(len, self.iter_encoded()))

    def _ensure_sequence(self, mutable: bool = False) -> None:
        if self.is_sequence:
            if mutable and not isinstance(self.response, list):
                self.response = list(self.response)  # type: ignore[assignment]
            return
        if self.direct_passthrough:
            raise RuntimeError(
                "the content of a response with direct_passthrough is for the server only"
            )
        if not self.implicit_sequence_conversion:
            raise RuntimeError(
                "the content is an iterator and implicit_sequence_conversion is off:"
                " call make_sequence() first"
            )
        self.make_sequence()

    def make_sequence(self) -> None:
        """Make a list of the content; the iterable is closed with the response."""
        if self.is_sequence:
            return
        close = getattr(self.response, "close", None)
        self.response = list(self.iter_encoded())
        if close is not None:
            self.call_on_close(close)

    def iter_encoded(self) -> Iterator[bytes]:
        """Iterate over the content, with text encoded as UTF-8."""
        return _encode(self.response)

    @property
    def is_streamed(self) -> bool:
        """Whether the content is an iterator whose length nobody knows."""
        try:
            len(self.response)  # type: ignore[arg-type]
        except (TypeError, AttributeError):
            return True
        return False

    @property
    def is_sequence(self) -> bool:
        """Whether the content is a list or tuple, so that it can be read more than once."""
        return isinstance(self.response, list | tuple)

    def close(self) -> None:
        """Close the content, if it can be closed, and call what ``call_on_close`` was given."""
        close = getattr(self.response, "close", None)
        if close is not None:
            close()
        for func in self._on_close:
            func()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, tb: Any) -> None:
        self.close()

    def freeze(self) -> None:
        """Make the response ready to be pickled or kept: a list as content, length and ETag set."""
        self.response = list(self.iter_encoded())
        self.headers["Content-Length"] = str(sum(map(len, self.response)))
        self.add_etag()

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """Return the header fields for one request: a copy with what the status demands.

        Location is made a URI, 1xx, 204 and 304 lose what they must not have (RFC 9110 sections
        8.6 and 15.4.5), and Content-Length is set if the content is all there.
        """
        headers = Headers(self.headers)
        status = self._status_code
        # If there should be several, the last one counts, and is the only one to be sent.
        locations = headers.getlist("Location")
        if locations:
            uri = iri_to_uri(locations[-1])
            if self.autocorrect_location_header:
                uri = urljoin(iri_to_uri(get_current_url(environ, strip_querystring=True)), uri)
            headers["Location"] = uri
        content_locations = headers.getlist("Content-Location")
        if content_locations:
            headers["Content-Location"] = iri_to_uri(content_locations[-1])
        if status in _NO_CONTENT or 100 <= status < 200:
            headers.remove("Content-Length")
            if status == 304:
                remove_entity_headers(headers)
        elif (
            self.automatically_set_content_length
            and self.is_sequence
            and "Content-Length" not in headers
        ):
            headers["Content-Length"] = str(sum(map(len, self.iter_encoded())))
        return headers

    def get_app_iter(self, environ: WSGIEnvironment) -> Iterable[bytes]:
        """Return the content for one request: none for HEAD, 1xx, 204 and 304."""
        status = self._status_code
        if environ["REQUEST_METHOD"] == "HEAD" or status in _NO_CONTENT or 100 <= status < 200:
            content: Iterable[bytes] = ()
        elif self.direct_passthrough:
            return self.response  # type: ignore[return-value]
        else:
            content = self.iter_encoded()
        return ClosingIterator(content, self.close)

    def _plain_fields(self) -> list[tuple[str, str]] | None:  # noqa: PLR0911 - one reason each
        """Return the header fields of a response that can be sent as it is; None if it cannot.

        There is nothing to encode, to correct or to close then, and a server may take the list
        that is its content at once. PERF: so most responses take 0.6 us, not 3.4.
        """
        content = self.response
        if (
            not self._is_plain_answer
            or type(content) is not list
            or len(content) != 1
            or type(content[0]) is not bytes
            or self._on_close
            or self.direct_passthrough
            or self._status_code not in _WITH_CONTENT
            or type(self.headers) is not Headers  # applications put a dict there
        ):
            return None
        try:
            # Applications put a function of their own into the object itself, too.
            if self.close.__func__ is not _close:  # type: ignore[attr-defined]
                return None
        except AttributeError:
            return None
        fields = self.headers._list[:]
        if fields == self._right_fields:
            return fields
        has_length = False
        targets = 0
        for name, value in fields:
            folded = FOLDED.get(name) or fold(name)
            if folded == "content-length":
                has_length = True
            elif folded in _CORRECTED:
                targets += 1
                # PERF: a redirect takes 1 us, not 4.
                if self.autocorrect_location_header or targets > 1:
                    return None
                if name != _CORRECTED[folded] or iri_to_uri(value) != value:
                    return None
        if not has_length and self.automatically_set_content_length:
            fields.append(("Content-Length", str(len(content[0]))))
        return fields

    def get_wsgi_response(
        self, environ: WSGIEnvironment
    ) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        """Return content, status and header fields for one request."""
        fields = self._plain_fields() if environ["REQUEST_METHOD"] != "HEAD" else None
        if fields is not None:
            return self.response[:], self._status, fields  # type: ignore[index]
        headers = self.get_wsgi_headers(environ)
        return self.get_app_iter(environ), self.status, headers.to_wsgi_list()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        content, status, headers = self.get_wsgi_response(environ)
        start_response(status, headers)
        return content

    @property
    def json(self) -> Any | None:
        """The content read as JSON; None if the content type is not JSON."""
        return self.get_json()

    def get_json(self, force: bool = False, silent: bool = False) -> Any | None:
        """Return the content read as JSON; None if the content type is not JSON.

        :param force: whatever the content type is.
        :param silent: return None in place of raising.
        :raises ValueError: it is no JSON.
        """
        if not (force or self.is_json):
            return None
        try:
            return self.json_module.loads(self.get_data())
        except ValueError:
            if silent:
                return None
            raise

    @cached_property
    def stream(self) -> ResponseStream:
        """The content as a file that can be written to."""
        return ResponseStream(self)

    def add_etag(self, overwrite: bool = False, weak: bool = False) -> None:
        """Set an entity tag made of the content, if there is none yet.

        :param overwrite: even if there is one.
        """
        if overwrite or "ETag" not in self.headers:
            self.set_etag(generate_etag(self.get_data()), weak)

    def make_conditional(
        self,
        request_or_environ: WSGIEnvironment | Request,
        accept_ranges: bool | str = False,
        complete_length: int | None = None,
    ) -> Self:
        """Make it the answer to a conditional request, and to one for a range of the content.

        It becomes a 304 or 412 if the request's conditions on entity tag and time say so, or a
        206 with the part asked for (RFC 9110 sections 13 and 14). Requests other than GET and
        HEAD are left alone. The content itself is not read: that of a file is moved in.

        :param accept_ranges: the Accept-Ranges field, "bytes" if True; ranges are refused if
            False.
        :param complete_length: the length of the content, in octets; there are no ranges
            without.
        :raises RequestedRangeNotSatisfiable: the range is malformed or lies outside.
        """
        environ = _environ_of(request_or_environ)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self
        headers = self.headers
        if "Date" not in headers:
            headers["Date"] = http_date()
        if accept_ranges:
            headers["Accept-Ranges"] = "bytes" if accept_ranges is True else accept_ranges
        if not is_resource_modified(
            environ, headers.get("ETag"), None, headers.get("Last-Modified")
        ):
            # Before the range, RFC 9110 section 13.2.2
            self.status_code = 412 if parse_etags(environ.get("HTTP_IF_MATCH")) else 304
        elif complete_length and accept_ranges:
            self._process_range(environ, complete_length)
        if self.automatically_set_content_length and "Content-Length" not in headers:
            length = self.calculate_content_length()
            if length is not None:
                headers["Content-Length"] = str(length)
        return self

    def _is_range_wanted(self, environ: WSGIEnvironment) -> bool:
        """Tell whether the request is for a range, and its If-Range holds or is not there."""
        return "HTTP_RANGE" in environ and (
            "HTTP_IF_RANGE" not in environ
            or not is_resource_modified(
                environ,
                self.headers.get("ETag"),
                None,
                self.headers.get("Last-Modified"),
                ignore_if_range=False,
            )
        )

    def _process_range(self, environ: WSGIEnvironment, complete_length: int) -> None:
        """Make it a 206 if a range is asked for.

        :raises RequestedRangeNotSatisfiable: the range is malformed or lies outside.
        """
        if not self._is_range_wanted(environ):
            return
        parsed = parse_range_header(environ.get("HTTP_RANGE"))
        part = None if parsed is None else parsed.range_for_length(complete_length)
        if parsed is None or part is None:
            raise exceptions.RequestedRangeNotSatisfiable(complete_length)
        start, stop = part
        headers = self.headers
        headers["Content-Length"] = str(stop - start)
        headers["Content-Range"] = f"{parsed.units} {start}-{stop - 1}/{complete_length}"
        self.status_code = 206
        content: Any = self.response
        if not (self.direct_passthrough or hasattr(content, "seekable")):  # a file has octets
            content = self.iter_encoded()
        self.response = wrap_range(content, start, stop - start)


_close = Response.close


class ResponseStream:
    """A file that writes to the content of a response.

    :param response: its content becomes a list, and each write adds to it.
    """

    mode = "wb+"

    def __init__(self, response: Response) -> None:
        self.response = response
        self.closed = False

    def write(self, value: bytes) -> int:
        """Add to the content, and return how much.

        :raises ValueError: it was closed.
        """
        self._check()
        self.response._ensure_sequence(mutable=True)
        self.response.response.append(value)  # type: ignore[union-attr]
        self.response.headers.pop("Content-Length", None)
        return len(value)

    def writelines(self, seq: Iterable[bytes]) -> None:
        """Write each."""
        for item in seq:
            self.write(item)

    def close(self) -> None:
        """Let nothing more be written."""
        self.closed = True

    def flush(self) -> None:
        """Do nothing: nothing is held back.

        :raises ValueError: it was closed.
        """
        self._check()

    def isatty(self) -> bool:
        """Return False: it is no terminal.

        :raises ValueError: it was closed.
        """
        self._check()
        return False

    def tell(self) -> int:
        """Return how long the content is."""
        self.response._ensure_sequence()
        return sum(map(len, self.response.response))

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    @property
    def encoding(self) -> str:
        """What text is encoded as."""
        return "utf-8"


def _encode(pieces: Iterable[str] | Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece.encode() if isinstance(piece, str) else piece


def _environ_of(request_or_environ: WSGIEnvironment | Request) -> WSGIEnvironment:
    environ = getattr(request_or_environ, "environ", None)
    return request_or_environ if environ is None else environ  # type: ignore[return-value]


def _render(
    error: exceptions.HTTPException, environ: Any, scope: dict[str, Any] | None
) -> Response:
    """Return the response of an HTTP exception."""
    if environ is not None:
        environ = _environ_of(environ)
    headers = error.get_headers(environ, scope)
    return Response(error.get_body(environ, scope), error.code, headers)


exceptions.set_renderer(_render)
