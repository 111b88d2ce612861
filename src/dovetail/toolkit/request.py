"""A request of a WSGI server, with its body."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import update_wrapper
from io import BytesIO
from operator import itemgetter
from typing import IO, Any, Literal, NoReturn, Self, overload
from wsgiref.types import WSGIApplication, WSGIEnvironment

from dovetail.data.exceptions import BadRequest, HTTPException, UnsupportedMediaType
from dovetail.data.fields import get_content_length
from dovetail.data.file_storage import FileStorage
from dovetail.data.header_values import parse_options_header
from dovetail.data.headers import EnvironHeaders, Headers
from dovetail.data.multidict import CombinedMultiDict, MultiDict, iter_multi_items
from dovetail.toolkit.descriptors import environ_property, lazy_property
from dovetail.toolkit.forms import FormDataParser, default_stream_factory
from dovetail.toolkit.sansio import request as sansio
from dovetail.toolkit.streams import get_input_stream
from dovetail.toolkit.wsgi import decode_octets, server_of

__all__ = ["Request", "set_builder"]

_NOT_JSON = (
    "The body was not read as JSON, because the request's Content-Type is not 'application/json'."
)


# What a request keeps as it was when the request was made. Servers give these.
_KEPT = ("REQUEST_METHOD", "wsgi.url_scheme", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING")
_parts_of = itemgetter(*_KEPT)


def _no_builder(*_args: Any, **_kwargs: Any) -> NoReturn:
    raise RuntimeError("Request.from_values() needs dovetail.toolkit.testing to be imported")


_builder: Callable[..., Any] = _no_builder


def set_builder(builder: Callable[..., Any]) -> None:
    """Have ``builder`` make the environments of :meth:`Request.from_values`.

    :param builder: a class as the test client's EnvironBuilder, which rests on this module.
    """
    global _builder  # noqa: PLW0603 - the one hook through which the layer above is reached
    _builder = builder


class Request(sansio.Request):
    """A request of a WSGI server.

    Nothing of the environment is converted before it is asked for. PERF: 0.4 us to make one,
    and 2.7 us with path, headers and the like.

    :param environ: the WSGI environment.
    :param populate_request: put the request into the environment, as "werkzeug.request".
    :param shallow: refuse to read the body; for middleware, which must leave it to the
        application.
    """

    #: The most octets that a body may have; None sets no limit.
    max_content_length: int | None = None
    #: The most octets that the fields of a form without file may have; None sets no limit.
    max_form_memory_size: int | None = 500_000
    #: The most parts that a multipart body may have; None sets no limit.
    max_form_parts: int | None = 1000
    form_data_parser_class: type[FormDataParser] = FormDataParser
    #: Has ``loads``.
    json_module: Any = json

    environ: WSGIEnvironment
    shallow: bool
    _cached_data: bytes | None = None
    # What get_json() returned, when loud and when silent.
    _cached_json: tuple[Any, Any] = (..., ...)

    def __init__(
        self, environ: WSGIEnvironment, populate_request: bool = True, shallow: bool = False
    ) -> None:
        self.environ = environ
        self.shallow = shallow
        # As they are now: middleware further in changes them in place. PERF: 0.1 us less than by
        # asking for each.
        try:
            parts: tuple[Any, ...] = _parts_of(environ)
        except KeyError:
            parts = tuple(map(environ.get, _KEPT))
        self._parts = parts
        self._remote_addr = environ.get("REMOTE_ADDR")
        self.method = (parts[0] or "GET").upper()
        if populate_request and not shallow:
            environ["werkzeug.request"] = self

    @lazy_property
    def scheme(self) -> str:
        """The scheme of the URL, such as "https"."""
        return self._parts[1] or "http"

    @lazy_property
    def server(self) -> tuple[str, int | None] | None:
        """Name and port of the server; None if not known."""
        return server_of(self.environ)

    @lazy_property
    def root_path(self) -> str:
        """Where the application is mounted, without a slash at the end."""
        return decode_octets(self._parts[2] or "").rstrip("/")

    @lazy_property
    def path(self) -> str:
        """The path below that, with one slash at the beginning."""
        path: str = self._parts[3] or ""
        if not path.isascii():
            path = decode_octets(path)
        return "/" + path.lstrip("/")

    @lazy_property
    def query_string(self) -> bytes:
        """What follows the question mark, in octets as they came."""
        return (self._parts[4] or "").encode("latin-1")

    @lazy_property
    def headers(self) -> Headers:
        """The header fields, read from the environment."""
        return EnvironHeaders(self.environ)

    @lazy_property
    def _content_type(self) -> tuple[str, dict[str, str]]:
        # PERF: what ``headers`` would have, 0.6 us sooner.
        return parse_options_header(self.environ.get("CONTENT_TYPE"))

    @lazy_property
    def remote_addr(self) -> str | None:
        """The address of the client, or of the last proxy."""
        return self._remote_addr

    @classmethod
    def from_values(cls, *args: Any, **kwargs: Any) -> Self:
        """Return a request made of values, as the test client makes them.

        The arguments are those of EnvironBuilder.
        """
        builder = _builder(*args, **kwargs)
        try:
            request: Self = builder.get_request(cls)
        finally:
            builder.close()
        return request

    @classmethod
    def application(cls, f: Callable[..., WSGIApplication]) -> WSGIApplication:
        """Make a WSGI application of a function, or method, that takes a request.

        It returns a response. An :class:`HTTPException` that it raises is the response then. The
        files of the request are closed when it has returned.
        """

        def application(*args: Any) -> Iterable[bytes]:
            environ, start_response = args[-2:]
            with cls(environ) as request:
                try:
                    response = f(*args[:-2], request)
                except HTTPException as error:
                    response = error.get_response(environ)
            return response(environ, start_response)

        return update_wrapper(application, f)

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Return what an uploaded file is written into; made for being overridden.

        :param total_content_length: the length of the whole body, if known.
        :param content_type: the file's type.
        :param content_length: the file's length, if the client told; mostly 0 or None.
        """
        return default_stream_factory(
            total_content_length=total_content_length,
            filename=filename,
            content_type=content_type,
            content_length=content_length,
        )

    @property
    def want_form_data_parsed(self) -> bool:
        """Whether there may be a form: the request has a content type."""
        return bool(self.environ.get("CONTENT_TYPE"))

    def make_form_data_parser(self) -> FormDataParser:
        """Return the parser of the body, with the limits of this request."""
        return self.form_data_parser_class(
            stream_factory=self._get_file_stream,
            max_form_memory_size=self.max_form_memory_size,
            max_content_length=self.max_content_length,
            max_form_parts=self.max_form_parts,
            cls=self.parameter_storage_class,
        )

    def _load_form_data(self) -> None:
        """Set ``form`` and ``files``, and ``stream`` to what is left of the body."""
        values = self.__dict__
        if "form" in values:
            return
        if self.want_form_data_parsed:
            data = self._cached_data
            stream, form, files = self.make_form_data_parser().parse(
                self.stream if data is None else BytesIO(data),
                self.mimetype,
                self.content_length,
                self.mimetype_params,
            )
        else:
            stream = self.stream
            form, files = self.parameter_storage_class(), self.parameter_storage_class()
        values["stream"], values["form"], values["files"] = stream, form, files

    def close(self) -> None:
        """Close the uploaded files."""
        files = self.__dict__.get("files")
        if files:
            for _, file in iter_multi_items(files):
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, tb: Any) -> None:
        self.close()

    @lazy_property
    def stream(self) -> IO[bytes]:
        """The body as it arrives; it ends where the body ends.

        It can be read once, either here or by ``data``, ``json`` or ``form``.

        :raises RequestEntityTooLarge: the body is longer than ``max_content_length``.
        """
        if self.shallow:
            raise RuntimeError("the request was made with shallow=True: its body is not for it")
        return get_input_stream(self.environ, max_content_length=self.max_content_length)

    input_stream = environ_property[IO[bytes]](
        "wsgi.input", doc="The server's own stream, without a limit; ``stream`` is safer."
    )

    @property
    def is_json(self) -> bool:
        """Whether the content type is JSON: application/json or application/*+json."""
        # PERF: 1.6 us less for what most clients send.
        return self.environ.get("CONTENT_TYPE") == "application/json" or super().is_json

    @lazy_property
    def content_length(self) -> int | None:
        """The length of the body in octets; None if it is chunked or not told."""
        get = self.environ.get
        return get_content_length(get("CONTENT_LENGTH"), get("HTTP_TRANSFER_ENCODING"))

    @lazy_property
    def data(self) -> bytes:
        """The body in octets; empty if it is a form, which is in ``form`` and ``files`` then."""
        return self.get_data(parse_form_data=True)

    @overload
    def get_data(
        self, cache: bool = True, as_text: Literal[False] = False, parse_form_data: bool = False
    ) -> bytes: ...
    @overload
    def get_data(
        self, cache: bool = True, as_text: Literal[True] = ..., parse_form_data: bool = False
    ) -> str: ...
    def get_data(
        self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False
    ) -> bytes | str:
        """Return the body.

        :param cache: keep it, so that it can be had again, also as a form or as JSON.
        :param as_text: decode it as UTF-8; octets that are not become U+FFFD.
        :param parse_form_data: if it is a form then leave it to ``form`` and ``files``, and
            return nothing.
        """
        data = self._cached_data
        if data is None:
            if parse_form_data:
                self._load_form_data()
            data = self.stream.read()
            if cache:
                self._cached_data = data
        return data.decode("utf-8", "replace") if as_text else data

    @lazy_property
    def form(self) -> MultiDict[str, str]:
        """The fields of a form that was sent as the body; those with a file are in ``files``."""
        self._load_form_data()
        return self.__dict__["form"]  # type: ignore[no-any-return]

    @lazy_property
    def values(self) -> CombinedMultiDict[str, str]:
        """``args`` and ``form`` together; only ``args`` if the method is GET."""
        sources = [self.args] if self.method == "GET" else [self.args, self.form]
        return CombinedMultiDict(
            source if isinstance(source, MultiDict) else MultiDict(source) for source in sources
        )

    @lazy_property
    def files(self) -> MultiDict[str, FileStorage]:
        """The files of a multipart form."""
        self._load_form_data()
        return self.__dict__["files"]  # type: ignore[no-any-return]

    @property
    def script_root(self) -> str:
        """``root_path`` under another name."""
        return self.root_path

    @lazy_property
    def url_root(self) -> str:
        """``root_url`` under another name."""
        return self.root_url

    remote_user = environ_property[str | None](
        "REMOTE_USER", doc="The user, if the server has authenticated one."
    )
    is_multithread = environ_property[bool](
        "wsgi.multithread", doc="Whether the server calls the application in several threads."
    )
    is_multiprocess = environ_property[bool](
        "wsgi.multiprocess", doc="Whether the server runs the application in several processes."
    )
    is_run_once = environ_property[bool](
        "wsgi.run_once", doc="Whether the process serves this one request only."
    )

    @property
    def json(self) -> Any:
        """The body read as JSON.

        :raises UnsupportedMediaType: the content type is not JSON.
        :raises BadRequest: the body is not JSON.
        """
        return self.get_json()

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any | None:
        """Return the body read as JSON.

        :param force: whatever the content type is.
        :param silent: return None in place of raising.
        :param cache: keep the result.
        :raises UnsupportedMediaType: the content type is not JSON.
        :raises BadRequest: the body is not JSON; :meth:`on_json_loading_failed` may decide
            otherwise.
        """
        if cache and self._cached_json[silent] is not ...:
            return self._cached_json[silent]
        if not (force or self.is_json):
            return None if silent else self.on_json_loading_failed(None)
        try:
            value = self._load_json(cache)
        except ValueError as error:
            if silent:
                value = None
                kept = (self._cached_json[0], None)
            else:
                value = self.on_json_loading_failed(error)
                kept = (value, self._cached_json[1])
        else:
            kept = (value, value)
        if cache:
            self._cached_json = kept
        return value

    def _load_json(self, cache: bool) -> Any:
        """:raises ValueError: the body is not JSON."""
        try:
            return self.json_module.loads(self.get_data(cache=cache))
        except RecursionError:
            # A client should not be able to raise it, with 1000 brackets for example.
            raise ValueError("it is nested too deeply") from None

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Decide what :meth:`get_json` returns, or raises, if there is no JSON.

        :param e: the error of the JSON parser; None if the content type is not JSON.
        :raises BadRequest: always, for an error of the parser.
        :raises UnsupportedMediaType: always, for the content type.
        """
        if e is not None:
            raise BadRequest(f"Failed to decode JSON object: {e}")
        raise UnsupportedMediaType(_NOT_JSON)
