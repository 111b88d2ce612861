"""The environ of a request that no client has sent."""

from __future__ import annotations

import io
import json as _json
import re
import sys
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, ClassVar, TextIO
from urllib.parse import unquote_to_bytes, urlencode, urlsplit, urlunsplit

from dovetail.data.auth import Authorization
from dovetail.data.callbacks import CallbackDict
from dovetail.data.file_storage import FileMultiDict
from dovetail.data.header_values import dump_options_header, parse_options_header
from dovetail.data.headers import EnvironHeaders, Headers
from dovetail.data.multidict import MultiDict, iter_multi_items
from dovetail.data.urls import iri_to_uri
from dovetail.toolkit.content_types import get_content_type
from dovetail.toolkit.request import Request, set_builder
from dovetail.toolkit.testing.multipart_body import iter_values, stream_encode_multipart
from dovetail.toolkit.wsgi import decode_octets, quote_octets

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

__all__ = ["EnvironBuilder", "create_environ", "split_host"]

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"

# PERF: most paths in tests are their own URI; taking them apart and encoding them costs 8 us.
_is_plain_path = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?").fullmatch

Data = IO[bytes] | str | bytes | Mapping[str, Any] | None


class EnvironBuilder:
    """Builds the environ of a WSGI request from what a client would have said.

    The arguments become attributes, which may be changed until :meth:`get_environ` is called, as
    often as wanted.

    :param path: PATH_INFO, percent-encoded or not; behind a "?" the query string.
    :param base_url: scheme, host, and the path that the application is mounted at.
    :param query_string: percent-encoded text, or a mapping to encode.
    :param input_stream: the body as a stream; excludes ``data`` and ``json``. One that cannot seek
        needs ``content_length``, or the application has to read it to its end.
    :param errors_stream: ``wsgi.errors``, by default the standard error stream.
    :param headers: header fields; Content-Type and Content-Length are overridden by arguments.
    :param data: the body as text, octets or a stream; or a mapping, the fields of a form: values
        that can be read, and tuples of the arguments of
        :meth:`~dovetail.data.file_storage.FileMultiDict.add_file`, are files.
    :param json: an object to send as JSON; ``content_type`` is ``application/json`` then.
    :param environ_base: what the environ begins with.
    :param environ_overrides: what the environ is updated with in the end.
    :param auth: the Authorization field; a tuple means Basic, name and password.
    :raises ValueError: the query string is given twice, or ``base_url`` has one.
    :raises TypeError: the body is given twice.
    """

    server_protocol = "HTTP/1.1"
    wsgi_version: ClassVar[tuple[int, int]] = (1, 0)
    #: What :meth:`get_request` makes.
    request_class: type[Request] = Request
    json_dumps = staticmethod(_json.dumps)

    url_scheme: str
    #: The Host field; with a port if it is not the scheme's.
    host: str
    script_root: str
    _args: MultiDict[str, str] | None
    _query_string: str | None
    _input_stream: IO[bytes] | None
    _form: MultiDict[str, Any] | None
    _files: FileMultiDict | None
    closed = True  # until there is something to close

    def __init__(  # noqa: PLR0917 -- the documented signature
        self,
        path: str = "/",
        base_url: str | None = None,
        query_string: Mapping[str, Any] | str | None = None,
        method: str = "GET",
        input_stream: IO[bytes] | None = None,
        content_type: str | None = None,
        content_length: int | None = None,
        errors_stream: TextIO | None = None,
        multithread: bool = False,
        multiprocess: bool = False,
        run_once: bool = False,
        headers: Headers | Mapping[str, Any] | Iterable[tuple[str, str]] | None = None,
        data: Data = None,
        environ_base: Mapping[str, Any] | None = None,
        environ_overrides: Mapping[str, Any] | None = None,
        mimetype: str | None = None,
        json: Any = None,
        auth: Authorization | tuple[str, str] | None = None,
    ) -> None:
        self._set_target(path, query_string)
        self.base_url = None if base_url is None else iri_to_uri(base_url)
        self.method = method
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        if content_type is not None:
            self.content_type = content_type
        self.content_length = content_length
        self.errors_stream: TextIO = sys.stderr if errors_stream is None else errors_stream
        self.multithread = multithread
        self.multiprocess = multiprocess
        self.run_once = run_once
        self.environ_base = environ_base
        self.environ_overrides = environ_overrides
        self._input_stream = input_stream
        self._form = self._files = None
        self.closed = False
        if auth is not None:
            self._set_auth(auth)
        if mimetype is not None:
            self.mimetype = mimetype
        if json is not None:
            if data is not None:
                raise TypeError("json and data are two bodies")
            data = self.json_dumps(json)
            if self.content_type is None:
                self.content_type = "application/json"
        if data:
            if input_stream is not None:
                raise TypeError("input_stream and data are two bodies")
            self._set_data(data)

    def _set_target(self, path: str, query_string: Mapping[str, Any] | str | None) -> None:
        self.request_uri = path
        if not _is_plain_path(path) or not path:
            if query_string is not None and "?" in path:
                raise ValueError("the query string is both in the path and an argument")
            parts = urlsplit(path)
            if "?" in path:
                query_string = parts.query
            path = iri_to_uri(parts.path)
        self.path = path
        self._args = self._query_string = None
        if isinstance(query_string, str):
            self._query_string = query_string
        elif query_string is None or isinstance(query_string, MultiDict):
            self._args = query_string
        else:
            self._args = MultiDict(query_string)

    def _set_auth(self, auth: Authorization | tuple[str, str]) -> None:
        if isinstance(auth, tuple):
            auth = Authorization("basic", {"username": auth[0], "password": auth[1]})
        self.headers.set("Authorization", auth.to_header())

    def _set_data(self, data: Any) -> None:
        if hasattr(data, "read"):
            data = data.read()
        if isinstance(data, str):
            data = data.encode()
        if isinstance(data, bytes):
            self.input_stream = io.BytesIO(data)
            if self.content_length is None:
                self.content_length = len(data)
            return
        for key, value in iter_values(data):
            if isinstance(value, tuple):
                self.files.add_file(key, *value)
            elif isinstance(value, dict) or hasattr(value, "read"):
                self.files.add_file(key, value)
            else:
                self.form.setlistdefault(key).append(value)

    @classmethod
    def from_environ(cls, environ: WSGIEnvironment, **kwargs: Any) -> EnvironBuilder:
        """Return a builder that would make ``environ``; ``kwargs`` are arguments that override.

        Keys that no argument stands for are not taken over.
        """
        headers = Headers(EnvironHeaders(environ))
        scheme = environ["wsgi.url_scheme"]
        host = headers.pop("Host", None) or _server_host(environ)
        arguments: dict[str, Any] = {
            "base_url": _make_base_url(scheme, host, decode_octets(environ.get("SCRIPT_NAME", ""))),
            "query_string": decode_octets(environ.get("QUERY_STRING", "")),
            "method": environ["REQUEST_METHOD"],
            "input_stream": environ["wsgi.input"],
            "content_type": headers.pop("Content-Type", None),
            "content_length": headers.pop("Content-Length", None),
            "errors_stream": environ["wsgi.errors"],
            "multithread": environ["wsgi.multithread"],
            "multiprocess": environ["wsgi.multiprocess"],
            "run_once": environ["wsgi.run_once"],
            "headers": headers,
        }
        arguments.update(kwargs)
        builder = cls(**arguments)
        if "path" not in kwargs:
            # Not an argument: "//", "?" and "%" in PATH_INFO are what they are.
            path = environ.get("PATH_INFO", "")
            builder.path = quote_octets(path)
            builder.request_uri = decode_octets(environ.get("REQUEST_URI") or path)
        return builder

    # The target

    @property
    def base_url(self) -> str:
        """Scheme, host and the path that the application is mounted at, with a slash behind."""
        return _make_base_url(self.url_scheme, self.host, self.script_root)

    @base_url.setter
    def base_url(self, value: str | None) -> None:
        if value is None:
            self.url_scheme, self.host, self.script_root = "http", "localhost", ""
            return
        scheme, host, script_root, query, fragment = urlsplit(value)
        if query or fragment:
            raise ValueError("a base URL has neither a query string nor a fragment")
        self.url_scheme = scheme
        self.host = host
        self.script_root = script_root.rstrip("/")

    @property
    def query_string(self) -> str:
        """The query string; it is made of :attr:`args` unless it was set as text."""
        if self._query_string is not None:
            return self._query_string
        return "" if not self._args else _encode_form(self._args)

    @query_string.setter
    def query_string(self, value: str | None) -> None:
        self._query_string = value
        self._args = None

    @property
    def args(self) -> MultiDict[str, str]:
        """The query string as a multi-dict.

        :raises AttributeError: the query string was set as text.
        """
        if self._query_string is not None:
            raise AttributeError("the query string was set as text")
        if self._args is None:
            self._args = MultiDict()
        return self._args

    @args.setter
    def args(self, value: MultiDict[str, str] | None) -> None:
        self._query_string = None
        self._args = value

    @property
    def server_name(self) -> str:
        """The host without its port (read-only)."""
        return split_host(self.host)[0]

    @property
    def server_port(self) -> int:
        """The host's port, or the scheme's (read-only)."""
        port = split_host(self.host)[1]
        if port.isascii() and port.isdigit():
            return int(port)
        return 443 if self.url_scheme == "https" else 80

    # The header fields

    @property
    def content_type(self) -> str | None:
        """Content-Type; if it is not set, that of the form."""
        value: str | None = self.headers.get("Content-Type")
        if value is None and self._input_stream is None:
            if self._files:
                return _MULTIPART
            if self._form:
                return _FORM
        return value

    @content_type.setter
    def content_type(self, value: str | None) -> None:
        if value is None:
            self.headers.pop("Content-Type", None)
        else:
            self.headers["Content-Type"] = value

    @property
    def mimetype(self) -> str | None:
        """Content-Type without parameters; text gets a charset when this is set."""
        value = self.content_type
        return value.split(";")[0].strip() if value else None

    @mimetype.setter
    def mimetype(self, value: str) -> None:
        self.content_type = get_content_type(value, "utf-8")

    @property
    def mimetype_params(self) -> CallbackDict[str, str]:
        """The parameters of Content-Type; changing them changes the field."""

        def dump(params: Mapping[str, Any]) -> None:
            self.headers["Content-Type"] = dump_options_header(self.mimetype, params)

        return CallbackDict(parse_options_header(self.headers.get("Content-Type"))[1], dump)

    @property
    def content_length(self) -> int | None:
        """Content-Length; an input stream that can seek is measured instead."""
        length: int | None = self.headers.get("Content-Length", type=int)
        return length

    @content_length.setter
    def content_length(self, value: int | None) -> None:
        if value is None:
            self.headers.pop("Content-Length", None)
        else:
            self.headers["Content-Length"] = str(value)

    # The body

    @property
    def input_stream(self) -> IO[bytes] | None:
        """The body as a stream; setting it drops form and files."""
        return self._input_stream

    @input_stream.setter
    def input_stream(self, value: IO[bytes] | None) -> None:
        self._input_stream = value
        self._form = self._files = None

    @property
    def form(self) -> MultiDict[str, Any]:
        """The fields of a form; setting them drops the input stream.

        :raises AttributeError: an input stream is set.
        """
        self._refuse_beside_stream()
        if self._form is None:
            self._form = MultiDict()
        return self._form

    @form.setter
    def form(self, value: MultiDict[str, Any]) -> None:
        self._input_stream = None
        self._form = value

    @property
    def files(self) -> FileMultiDict:
        """The files of a form; setting them drops the input stream.

        :raises AttributeError: an input stream is set.
        """
        self._refuse_beside_stream()
        if self._files is None:
            self._files = FileMultiDict()
        return self._files

    @files.setter
    def files(self, value: FileMultiDict) -> None:
        self._input_stream = None
        self._files = value

    def _refuse_beside_stream(self) -> None:
        if self._input_stream is not None:
            raise AttributeError("the body is an input stream")

    # Closing

    def close(self) -> None:
        """Close the files of the form; an input stream is left alone."""
        if self.closed:
            return
        for file in (self._files or {}).values():
            try:
                file.close()
            except Exception:  # one that fails must not keep the others open
                continue
        self.closed = True

    def __del__(self) -> None:
        self.close()

    # The result

    def get_environ(self) -> WSGIEnvironment:
        """Return a new environ; files of the form are read for it."""
        stream, length, content_type = self._body()
        environ: WSGIEnvironment = {} if self.environ_base is None else dict(self.environ_base)
        request_uri = _native_octets(self.request_uri)
        host = self.host
        environ.update(
            {
                "REQUEST_METHOD": self.method,
                "SCRIPT_NAME": _unquote(self.script_root),
                "PATH_INFO": _unquote(self.path),
                "QUERY_STRING": _native_octets(self.query_string),
                "REQUEST_URI": request_uri,
                "RAW_URI": request_uri,
                "SERVER_NAME": self.server_name,
                "SERVER_PORT": str(self.server_port),
                "HTTP_HOST": host,
                "SERVER_PROTOCOL": self.server_protocol,
                "wsgi.version": self.wsgi_version,
                "wsgi.url_scheme": self.url_scheme,
                "wsgi.input": stream,
                "wsgi.errors": self.errors_stream,
                "wsgi.multithread": self.multithread,
                "wsgi.multiprocess": self.multiprocess,
                "wsgi.run_once": self.run_once,
            }
        )
        if content_type is not None:
            environ["CONTENT_TYPE"] = content_type
        if length is not None:
            environ["CONTENT_LENGTH"] = str(length)
        elif self._input_stream is not None:
            environ["wsgi.input_terminated"] = True
        self._add_fields(environ)
        if self.environ_overrides:
            environ.update(self.environ_overrides)
        return environ

    def _add_fields(self, environ: WSGIEnvironment) -> None:
        fields: dict[str, str] = {}
        for name, value in self.headers:
            key = "HTTP_" + name.upper().replace("-", "_")
            if key in fields:
                fields[key] += ", " + value
            elif key not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"):
                fields[key] = value
        environ.update(fields)

    def _body(self) -> tuple[IO[bytes], int | None, str | None]:
        """Return the stream, its length if that is known or said, and the content type."""
        content_type = self.content_type
        stream = self._input_stream
        if stream is not None:
            length = _measure(stream)
            return stream, self.content_length if length is None else length, content_type
        mimetype = self.mimetype
        if mimetype == _MULTIPART:
            parts: list[tuple[str, Any]] = [*iter_multi_items(self.form)]
            parts.extend(iter_multi_items(self.files))
            stream, length, boundary = stream_encode_multipart(MultiDict(parts))
            return stream, length, f'{_MULTIPART}; boundary="{boundary}"'
        if mimetype == _FORM:
            octets = _encode_form(self.form).encode("ascii")
            return io.BytesIO(octets), len(octets), content_type
        return io.BytesIO(), self.content_length, content_type

    def get_request(self, cls: type[Request] | None = None) -> Request:
        """Return a request with the environ; ``cls`` is :attr:`request_class` by default."""
        return (self.request_class if cls is None else cls)(self.get_environ())


set_builder(EnvironBuilder)  # for Request.from_values


def create_environ(*args: Any, **kwargs: Any) -> WSGIEnvironment:
    """Return a new environ; the arguments are those of :class:`EnvironBuilder`.

    Files that were given are closed.
    """
    builder = EnvironBuilder(*args, **kwargs)
    try:
        return builder.get_environ()
    finally:
        builder.close()


# What urlencode would escape without need.
_QUERY_SAFE = "!$'()*,/:;?@"


def _encode_form(values: Mapping[str, Any]) -> str:
    """Encode for a query string or a urlencoded body; None stands for no value at all."""
    pairs = [(key, value) for key, value in iter_multi_items(values) if value is not None]
    return urlencode(pairs, safe=_QUERY_SAFE)


def _make_base_url(scheme: str, host: str, script_root: str) -> str:
    return urlunsplit((scheme, host, script_root, "", "")).rstrip("/") + "/"


def split_host(host: str) -> tuple[str, str]:
    """Return a host's name and its port, which does not begin at a colon of an IPv6 address."""
    if host.startswith("["):
        address, bracket, rest = host.partition("]")
        return address + bracket, rest.removeprefix(":")
    name, _, port = host.partition(":")
    return name, port


def _server_host(environ: WSGIEnvironment) -> str:
    """Return what Host would have been."""
    name: str = environ["SERVER_NAME"]
    port: str = environ["SERVER_PORT"]
    default = "443" if environ["wsgi.url_scheme"] == "https" else "80"
    return name if port == default else f"{name}:{port}"


def _measure(stream: IO[bytes]) -> int | None:
    """Return how many octets are left in a stream; None if it cannot tell."""
    try:
        start = stream.tell()
        end = stream.seek(0, io.SEEK_END)
        stream.seek(start)
    except (AttributeError, OSError):  # io.UnsupportedOperation is an OSError
        return None
    return None if end is None else end - start


def _native_octets(text: str) -> str:
    """Return the text's UTF-8 octets as PEP 3333 has them in strings."""
    return text if text.isascii() else text.encode().decode("latin-1")


def _unquote(path: str) -> str:
    """Return the octets that a percent-encoded path stands for, as PEP 3333 has them."""
    if "%" not in path:
        return _native_octets(path)
    return unquote_to_bytes(path).decode("latin-1")
