"""The content of a request as a form: fields and files (WHATWG HTML, RFC 7578)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, NoReturn, Protocol, cast

from dovetail.data.exceptions import RequestEntityTooLarge
from dovetail.data.fields import get_content_length
from dovetail.data.file_storage import FileStorage
from dovetail.data.header_values import parse_options_header
from dovetail.data.headers import Headers
from dovetail.data.multidict import MultiDict
from dovetail.data.urls import parse_query
from dovetail.toolkit.multipart import (
    NEED_DATA,
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    State,
)
from dovetail.toolkit.streams import LimitedStream, get_input_stream

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

__all__ = [
    "FormDataParser",
    "MultiPartParser",
    "StreamFactory",
    "default_stream_factory",
    "parse_form_data",
]

# What parsing returns: the stream, the fields, the files.
ParseResult = tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]

# Octets of one file that stay in memory.
_SPOOL_SIZE = 500 * 1024

# The character encodings a part may name. Of the others nothing is believed: some of them turn
# harmless octets into quotes and angle brackets.
_CHARSETS = frozenset({"ascii", "us-ascii", "utf-8", "iso-8859-1"})


class StreamFactory(Protocol):
    """Makes the stream that a file of a form is written to, then read from.

    Called by keyword, with octets and header values; ``content_length`` is what the part's own
    header says, 0 if it says nothing.
    """

    def __call__(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Return an empty stream, to be written, read and sought in."""


def default_stream_factory(
    total_content_length: int | None,  # noqa: ARG001 (every stream factory's arguments)
    content_type: str | None,  # noqa: ARG001
    filename: str | None,  # noqa: ARG001
    content_length: int | None = None,  # noqa: ARG001
) -> IO[bytes]:
    """Return a stream that is in memory up to 500 KiB, and a temporary file from there on.

    What the client says about sizes and names is not relied on.
    """
    return cast("IO[bytes]", SpooledTemporaryFile(max_size=_SPOOL_SIZE, mode="rb+"))


def parse_form_data(  # noqa: PLR0917 (the documented order)
    environ: WSGIEnvironment,
    stream_factory: StreamFactory | None = None,
    max_form_memory_size: int | None = None,
    max_content_length: int | None = None,
    cls: type[MultiDict[str, Any]] | None = None,
    silent: bool = True,
    *,
    max_form_parts: int | None = None,
) -> ParseResult:
    """Return ``(stream, fields, files)`` of a request; see :class:`FormDataParser`."""
    return FormDataParser(
        stream_factory=stream_factory,
        max_form_memory_size=max_form_memory_size,
        max_content_length=max_content_length,
        cls=cls,
        silent=silent,
        max_form_parts=max_form_parts,
    ).parse_from_environ(environ)


class FormDataParser:
    """Parses ``multipart/form-data`` and ``application/x-www-form-urlencoded``.

    :param stream_factory: see :func:`default_stream_factory`.
    :param max_form_memory_size: octets of one field of a multipart form, and of each other thing
        that has to be kept in memory for parsing one; None for no bound. Files do not count.
    :param max_content_length: octets of the whole content; None for no bound.
    :param cls: the type of the results, :class:`~dovetail.data.multidict.MultiDict` if None.
    :param silent: whether a malformed form counts as an empty one instead of raising ValueError.
    :param max_form_parts: parts of a multipart form; None for no bound.
    """

    def __init__(
        self,
        stream_factory: StreamFactory | None = None,
        max_form_memory_size: int | None = None,
        max_content_length: int | None = None,
        cls: type[MultiDict[str, Any]] | None = None,
        silent: bool = True,
        *,
        max_form_parts: int | None = None,
    ) -> None:
        self.stream_factory = default_stream_factory if stream_factory is None else stream_factory
        self.max_form_memory_size = max_form_memory_size
        self.max_content_length = max_content_length
        self.max_form_parts = max_form_parts
        self.cls: type[MultiDict[str, Any]] = MultiDict if cls is None else cls
        self.silent = silent

    def parse_from_environ(self, environ: WSGIEnvironment) -> ParseResult:
        """Parse the content of a request.

        :raises RequestEntityTooLarge: a bound is exceeded.
        :raises ClientDisconnected: the content is shorter than was announced.
        :raises ValueError: the form is malformed and the parser is not silent.
        """
        stream = get_input_stream(environ, max_content_length=self.max_content_length)
        length = get_content_length(
            http_content_length=environ.get("CONTENT_LENGTH"),
            http_transfer_encoding=environ.get("HTTP_TRANSFER_ENCODING"),
        )
        mimetype, options = parse_options_header(environ.get("CONTENT_TYPE"))
        return self.parse(stream, mimetype.lower(), length, options)

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> ParseResult:
        """Parse a stream; return ``(stream, fields, files)``.

        A stream of another type is returned as it is, with no fields and files.

        :param mimetype: the content type, lower-case, without its options.
        :param content_length: octets, for the stream factory only.
        :param options: the content type's options.
        :raises RequestEntityTooLarge: a bound is exceeded.
        :raises ValueError: the form is malformed and the parser is not silent.
        """
        try:
            if mimetype == "multipart/form-data":
                return self._parse_multipart(stream, content_length, options or {})
            if mimetype == "application/x-www-form-urlencoded":
                return self._parse_urlencoded(stream)
        except ValueError:
            if not self.silent:
                raise
        return stream, self.cls(), self.cls()

    def _parse_multipart(
        self, stream: IO[bytes], content_length: int | None, options: dict[str, str]
    ) -> ParseResult:
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("The content type names no boundary.")
        parser = MultiPartParser(
            stream_factory=self.stream_factory,
            max_form_memory_size=self.max_form_memory_size,
            max_form_parts=self.max_form_parts,
            cls=self.cls,
        )
        fields, files = parser.parse(stream, boundary, content_length)
        return stream, fields, files

    def _parse_urlencoded(self, stream: IO[bytes]) -> ParseResult:
        if isinstance(stream, LimitedStream):
            content = stream.exhaust()
            stream.confirm_end()
        else:
            content = stream.read()
        return stream, self.cls(parse_query(content.decode())), self.cls()


class MultiPartParser:
    """Parses a multipart form from a stream.

    :param stream_factory: see :func:`default_stream_factory`.
    :param max_form_memory_size: as for :class:`FormDataParser`.
    :param cls: the type of the results, :class:`~dovetail.data.multidict.MultiDict` if None.
    :param buffer_size: octets that are read at a time.
    :param max_form_parts: as for :class:`FormDataParser`.
    """

    def __init__(
        self,
        stream_factory: StreamFactory | None = None,
        max_form_memory_size: int | None = None,
        cls: type[MultiDict[str, Any]] | None = None,
        buffer_size: int = 64 * 1024,
        max_form_parts: int | None = None,
    ) -> None:
        self.stream_factory = default_stream_factory if stream_factory is None else stream_factory
        self.max_form_memory_size = max_form_memory_size
        self.max_form_parts = max_form_parts
        self.cls: type[MultiDict[str, Any]] = MultiDict if cls is None else cls
        self.buffer_size = buffer_size

    def fail(self, message: str) -> NoReturn:
        """Raise ValueError."""
        raise ValueError(message)

    def get_part_charset(self, headers: Headers) -> str:
        """Return the character encoding of a part: what its content type says, or UTF-8."""
        content_type = headers.get("content-type")
        if content_type:
            mimetype, options = parse_options_header(content_type)
            charset = options.get("charset", "").lower()
            if mimetype and charset in _CHARSETS:
                return charset
        return "utf-8"

    def start_file_streaming(self, event: File, total_content_length: int | None) -> IO[bytes]:
        """Return the stream that a file is written to.

        :param event: the start of the file's part.
        :param total_content_length: octets of the whole form; None if that is not known.
        """
        return self.stream_factory(
            total_content_length=total_content_length,
            filename=event.filename,
            content_type=event.headers.get("content-type"),
            content_length=_part_length(event.headers.get("content-length")),
        )

    def parse(
        self, stream: IO[bytes], boundary: bytes, content_length: int | None
    ) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
        """Return the fields and the files.

        :param content_length: octets, for the stream factory only.
        :raises ValueError: the form is malformed.
        :raises RequestEntityTooLarge: a bound is exceeded.
        """
        bound = self.max_form_memory_size
        decoder = MultipartDecoder(boundary, bound, max_parts=self.max_form_parts)
        form = _Form(self, content_length)
        try:
            for piece in _pieces(stream, self.buffer_size):
                if decoder.state is State.EPILOGUE and bound is None:
                    continue  # read and forgotten: kept, it would have no bound
                decoder.receive_piece(piece)
                form.take(decoder.next_event)
            decoder.receive_data(None)
            form.take(decoder.next_event)
        except BaseException:
            form.close()
            raise
        return self.cls(form.fields), self.cls(form.files)


class _Form:
    """The fields and files of a multipart form that were seen so far."""

    def __init__(self, parser: MultiPartParser, total_length: int | None) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[tuple[str, FileStorage]] = []
        self._parser = parser
        self._total_length = total_length
        self._part: Field | File | None = None
        # The content of the current part: pieces of a field, or the stream of a file.
        self._pieces: list[bytes] = []
        self._size = 0
        self._stream: IO[bytes] | None = None

    def take(self, next_event: Callable[[], Event]) -> None:
        """Take all events that there are."""
        while True:
            event = next_event()
            if type(event) is Data:
                if self._stream is not None:
                    self._stream.write(event.data)
                else:
                    self._add(event.data)
                if not event.more_data:
                    self._finish_part()
            elif event is NEED_DATA or type(event) is Epilogue:
                return
            elif type(event) is Field:
                self._part = event
                self._pieces = []
                self._size = 0
            elif type(event) is File:
                self._part = event
                self._stream = self._parser.start_file_streaming(event, self._total_length)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        bound = self._parser.max_form_memory_size
        if bound is not None and self._size > bound:
            raise RequestEntityTooLarge()
        self._pieces.append(piece)

    def _finish_part(self) -> None:
        part = cast("Field | File", self._part)
        if type(part) is File:
            stream = cast("IO[bytes]", self._stream)
            stream.seek(0)
            file = FileStorage(stream, part.filename, part.name, headers=part.headers)
            self.files.append((part.name, file))
            self._stream = None
        else:
            charset = self._parser.get_part_charset(part.headers)
            value = b"".join(self._pieces).decode(charset, "replace")
            self.fields.append((part.name, value))

    def close(self) -> None:
        """Close the streams of a form that nobody will get."""
        if self._stream is not None:
            self._stream.close()
        for _, file in self.files:
            file.close()


def _pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """Read a stream to its end, at most ``size`` octets at a time.

    :raises RequestEntityTooLarge: the stream is one with a bound, and goes on behind it.
    """
    limited = stream if isinstance(stream, LimitedStream) else None
    while limited is None or not limited.is_exhausted:
        piece = stream.read(size)
        if not piece:
            return
        yield piece
    limited.confirm_end()


def _part_length(value: str | None) -> int:
    """Return the length that a part's header says, 0 if it says none."""
    digits = (value or "").removeprefix("-")
    # 18 digits fit into 64 bits
    if digits.isascii() and digits.isdigit() and len(digits) <= 18:
        return int(cast("str", value))
    return 0
