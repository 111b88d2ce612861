"""Bodies of ``multipart/form-data``, as a browser would send them."""

from __future__ import annotations

import contextlib
import io
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from dovetail.data.headers import Headers
from dovetail.data.media_types import guess_media_type
from dovetail.data.multidict import MultiDict
from dovetail.toolkit.multipart import Data, Epilogue, Field, File, MultipartEncoder, Preamble

__all__ = ["encode_multipart", "iter_values", "stream_encode_multipart"]

_BLOCK = 65536


class _BodyFile(io.BufferedRandom):
    """A temporary file that closes itself without a word when nobody refers to it any more.

    Whoever reads ``wsgi.input`` does not close it, so a warning would be every test's.
    """

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter may be going down
            self.close()


class _Sink:
    """Takes a body in memory and, beyond ``limit`` octets, in a temporary file."""

    __slots__ = ("_file", "_limit", "_pieces", "size")

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add octets."""
        self.size += len(data)
        if self._file is not None:
            self._file.write(data)
            return
        self._pieces.append(data)
        if self.size > self._limit:
            raw = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 -- the body file closes it
            self._file = _BodyFile(raw)
            self._file.writelines(self._pieces)
            self._pieces.clear()

    def finish(self) -> IO[bytes]:
        """Return the stream, at its beginning."""
        if self._file is None:
            return io.BytesIO(b"".join(self._pieces))
        self._file.seek(0)
        return self._file


def iter_values(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each key with each of its values; of the values only a list stands for several."""
    if isinstance(data, MultiDict):
        yield from data.items(multi=True)
        return
    for key, value in data.items():
        if isinstance(value, list):
            for item in value:
                yield key, item
        else:
            yield key, value


def stream_encode_multipart(
    data: Mapping[str, Any],
    use_tempfile: bool = True,
    threshold: int = 1024 * 500,
    boundary: str | None = None,
) -> tuple[IO[bytes], int, str]:
    """Encode ``data`` and return a stream at its beginning, its length in octets, the boundary.

    :param data: a value that can be read becomes a file, anything else text; a list several parts.
    :param use_tempfile: keep what is longer than ``threshold`` octets in a temporary file.
    """
    if boundary is None:
        boundary = f"---------------DovetailFormPart_{os.urandom(12).hex()}"
    encoder = MultipartEncoder(boundary.encode())
    sink = _Sink(threshold if use_tempfile else math.inf)
    write, send = sink.write, encoder.send_event
    write(send(Preamble(data=b"")))
    for name, value in iter_values(data):
        read = None if isinstance(value, str) else getattr(value, "read", None)
        if read is not None:
            _write_file(encoder, sink, name, value, read)
        else:
            octets = value if isinstance(value, bytes) else str(value).encode()
            write(send(Field(name=name, headers=Headers())))
            write(send(Data(data=octets, more_data=False)))
    write(send(Epilogue(data=b"")))
    return sink.finish(), sink.size, boundary


def _write_file(
    encoder: MultipartEncoder, sink: _Sink, name: str, file: Any, read: Callable[[int], bytes | str]
) -> None:
    """Encode one file; its name and type come from a FileStorage's attributes, or a file's name."""
    filename = getattr(file, "filename", getattr(file, "name", None))
    content_type = getattr(file, "content_type", None)
    if content_type is None:
        guessed = guess_media_type(filename) if isinstance(filename, str) else None
        content_type = guessed or "application/octet-stream"
    given = getattr(file, "headers", None)
    if given:
        headers = Headers(given)
        headers["Content-Type"] = content_type
    else:
        headers = Headers([("Content-Type", content_type)])
    if isinstance(filename, str):
        event: Field | File = File(name=name, filename=filename, headers=headers)
    else:
        event = Field(name=name, headers=headers)
    sink.write(encoder.send_event(event))
    octets = b""
    block = read(_BLOCK)
    while block:
        octets = block.encode() if isinstance(block, str) else block
        block = read(_BLOCK)
        sink.write(encoder.send_event(Data(data=octets, more_data=bool(block))))
    if not octets:
        sink.write(encoder.send_event(Data(data=b"", more_data=False)))


def encode_multipart(values: Mapping[str, Any], boundary: str | None = None) -> tuple[str, bytes]:
    """Return the boundary and the encoded body; see :func:`stream_encode_multipart`."""
    stream, _, boundary = stream_encode_multipart(values, use_tempfile=False, boundary=boundary)
    return boundary, stream.read()
