"""Uploaded files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from shutil import copyfileobj
from typing import IO, Any

from dovetail.data.header_values import parse_options_header
from dovetail.data.headers import Headers
from dovetail.data.media_types import guess_media_type
from dovetail.data.multidict import MultiDict

__all__ = ["FileMultiDict", "FileStorage"]


class FileStorage:
    """A file that a form has sent: its stream, and what the form said about it.

    Methods and attributes of the stream can be used as if they were this object's own.

    :param stream: the content; nothing if omitted.
    :param filename: the name that the client gave; by default the name of the stream, if it is
        one of a file.
    :param name: the name of the form field.
    :param content_type: value of the ``Content-Type`` field, which is set in ``headers``.
    :param content_length: in octets; set in ``headers``.
    :param headers: the fields of the form's part, kept, not copied.
    """

    def __init__(  # noqa: PLR0917 - the documented order
        self,
        stream: IO[bytes] | None = None,
        filename: str | None = None,
        name: str | None = None,
        content_type: str | None = None,
        content_length: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        self.name = name
        self.stream: IO[bytes] = stream or io.BytesIO()
        if filename is None:
            filename = _stream_name(stream)
        elif isinstance(filename, bytes):
            filename = os.fsdecode(filename)
        self.filename: str | None = filename
        self.headers = Headers() if headers is None else headers
        if content_type is not None:
            self.headers["Content-Type"] = content_type
        if content_length is not None:
            self.headers["Content-Length"] = str(content_length)

    @property
    def content_type(self) -> str | None:
        """The value of the ``Content-Type`` field."""
        return self.headers.get("content-type")

    @property
    def content_length(self) -> int:
        """The length in octets that the ``Content-Length`` field gives, 0 if it gives none."""
        try:
            return int(self.headers.get("content-length") or 0)
        except ValueError:
            return 0

    @property
    def mimetype(self) -> str:
        """The content type in lower case without its parameters, empty if there is none."""
        return self._parsed_content_type[0].lower()

    @property
    def mimetype_params(self) -> dict[str, str]:
        """The parameters of the content type."""
        return self._parsed_content_type[1]

    @property
    def _parsed_content_type(self) -> tuple[str, dict[str, str]]:
        return parse_options_header(self.content_type or "")

    def save(self, dst: str | os.PathLike[str] | IO[bytes], buffer_size: int = 16384) -> None:
        """Copy the stream from where it stands to ``dst``.

        The name of the file is the client's choice: use
        :func:`~dovetail.data.paths.secure_filename` before a path is made of it.

        :param dst: a path, whose file is replaced, or an open binary file, which stays open.
        :param buffer_size: octets that are copied at a time.
        """
        if isinstance(dst, (str, os.PathLike)):
            with open(dst, "wb") as file:
                copyfileobj(self.stream, file, buffer_size)
        else:
            copyfileobj(self.stream, dst, buffer_size)

    def close(self) -> None:
        """Close the stream; one that cannot be closed is left alone."""
        try:
            self.stream.close()
        except Exception:
            return

    def __bool__(self) -> bool:
        return bool(self.filename)

    def __getattr__(self, name: str) -> Any:
        if name == "stream":  # not made yet, as in a copy that is being built
            raise AttributeError(name)
        try:
            return getattr(self.stream, name)
        except AttributeError:
            # A spooled file before Python 3.11 has not all the attributes of the file within.
            inner = getattr(self.stream, "_file", None)
            if inner is None:
                raise
            return getattr(inner, name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.stream)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.filename!r} ({self.content_type!r})>"


def _stream_name(stream: Any) -> str | None:
    """Return the name of the file behind a stream; None for a descriptor and for ``<fdopen>``."""
    name = getattr(stream, "name", None)
    if not isinstance(name, (str, bytes, os.PathLike)):
        return None
    text = os.fsdecode(name)
    return None if text[:1] == "<" and text[-1:] == ">" else text


class FileMultiDict(MultiDict[str, FileStorage]):
    """The files of a form, by the names of its fields."""

    def add_file(
        self,
        name: str,
        file: str | os.PathLike[str] | IO[bytes] | FileStorage,
        filename: str | None = None,
        content_type: str | None = None,
    ) -> None:
        """Add a file.

        :param name: the name of the form field.
        :param file: a path, which is opened, an open file, or a :class:`FileStorage`, which is
            added as it is.
        :param filename: the name to send; by default that of the file.
        :param content_type: guessed by the filename if omitted.
        """
        if isinstance(file, FileStorage):
            self.add(name, file)
            return
        stream: Any = file
        if isinstance(file, (str, os.PathLike)):
            if filename is None:
                filename = os.fspath(file)
            stream = open(file, "rb")  # noqa: SIM115 - the FileStorage owns it
        if filename and content_type is None:
            content_type = guess_media_type(filename) or "application/octet-stream"
        self.add(name, FileStorage(stream, filename, name, content_type))
