"""Form parsing beside Werkzeug's; multipart also beside ``multipart`` and ``python-multipart``."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from itertools import count
from typing import Any

import multipart
import werkzeug.formparser as their_forms
import werkzeug.sansio.multipart as their_multipart
from bench.toolkit.rows import Row
from python_multipart.multipart import MultipartParser
from werkzeug import wsgi as their_wsgi

from dovetail.toolkit import forms as our_forms
from dovetail.toolkit import multipart as our_multipart
from dovetail.toolkit import streams as our_streams

__all__ = ["CONTENTS", "DECODERS", "chunks_of", "rows"]

MEBIBYTE = 1024 * 1024
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

PAIRS = "&".join(f"field{number}=value+number+{number}%20x" for number in range(20)).encode()


def body(parts: list[tuple[str, bytes]], boundary: str = BOUNDARY) -> bytes:
    """Return a multipart body of parts with these header parameters and contents."""
    pieces = [
        f"--{boundary}\r\nContent-Disposition: form-data; {parameters}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for parameters, content in parts
    ]
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()


FIELDS = [(f'name="field{n}"', b"value number %d" % n) for n in range(20)]
FILES = [
    (f'name="file{n}"; filename="file{n}.txt"\r\nContent-Type: text/plain', b"x" * 100)
    for n in range(20)
]
LARGE = 'name="f"; filename="x.bin"\r\nContent-Type: application/octet-stream'


def parsing(package: Any, content: bytes, mimetype: str) -> Callable[[], Any]:
    """Return what parses a form from a stream, with the boundary known."""
    parser = package.FormDataParser()
    options = {"boundary": BOUNDARY}
    return lambda: parser.parse(io.BytesIO(content), mimetype, len(content), options)


def uploading(package: Any, content: bytes, mimetype: str) -> Callable[[], object]:
    """Return what parses a form from a stream, and closes its files."""
    parse = parsing(package, content, mimetype)

    def call() -> None:
        _, _, files = parse()
        for file in files.values():
            file.close()

    return call


def serving(package: Any, content: bytes, content_type: str) -> Callable[[], object]:
    """Return what parses a form from an environ."""
    environ = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(content))}
    return lambda: package.parse_form_data({**environ, "wsgi.input": io.BytesIO(content)})


def new_boundaries(package: Any) -> Callable[[], object]:
    """Return what parses forms as browsers send them, each with a boundary of its own."""
    parser = package.FormDataParser()
    numbers = count()
    content = body(FIELDS).replace(BOUNDARY.encode(), b"----%020d")
    delimiters = content.count(b"----%020d")

    def parse() -> None:
        number = next(numbers)
        sent = content % ((number,) * delimiters)
        parser.parse(io.BytesIO(sent), MULTIPART, len(sent), {"boundary": f"----{number:020}"})

    return parse


def reading(package: Any) -> Callable[[], object]:
    """Return what reads a stream of an announced length."""
    content = os.urandom(MEBIBYTE)

    def read() -> None:
        stream = package.LimitedStream(io.BytesIO(content), len(content))
        while stream.read(65536):
            continue

    return read


def rows() -> list[Row]:
    """All rows."""
    pairs = {
        "urlencoded, 20 pairs": (parsing, PAIRS, URLENCODED),
        "urlencoded, 20 pairs, from the environ": (serving, PAIRS, URLENCODED),
        "multipart, 20 fields": (parsing, body(FIELDS), MULTIPART),
        "multipart, 20 fields, from the environ": (
            serving,
            body(FIELDS),
            f"{MULTIPART}; boundary={BOUNDARY}",
        ),
        "multipart, 20 small files": (uploading, body(FILES), MULTIPART),
        "multipart, a file of 1 MiB": (uploading, body([(LARGE, bytes(MEBIBYTE))]), MULTIPART),
    }
    return [
        *(
            Row(name, make(our_forms, content, kind), make(their_forms, content, kind))
            for name, (make, content, kind) in pairs.items()
        ),
        Row(
            "multipart, 20 fields, new boundaries",
            new_boundaries(our_forms),
            new_boundaries(their_forms),
        ),
        Row("LimitedStream, 1 MiB", reading(our_streams), reading(their_wsgi)),
    ]


# Throughput: one file of 10 MiB in pieces of 64 KiB, decoded and counted


def decode(package: Any, chunks: list[bytes]) -> int:
    """Decode with our decoder or Werkzeug's."""
    decoder = package.MultipartDecoder(BOUNDARY.encode())
    need_data, data_event = package.NEED_DATA, package.Data
    size = 0
    for chunk in chunks:
        decoder.receive_data(chunk)
        while (event := decoder.next_event()) is not need_data:
            if isinstance(event, data_event):
                size += len(event.data)
    return size


def decode_by_python_multipart(chunks: list[bytes]) -> int:
    """Decode with the package ``python-multipart``."""
    size = 0

    def on_part_data(_: bytes, start: int, end: int) -> None:
        nonlocal size
        size += end - start

    parser = MultipartParser(BOUNDARY.encode(), {"on_part_data": on_part_data})
    for chunk in chunks:
        parser.write(chunk)
    return size


def decode_by_multipart(chunks: list[bytes]) -> int:
    """Decode with the package ``multipart``."""
    size = 0
    with multipart.PushMultipartParser(BOUNDARY, max_segment_size=20 * MEBIBYTE) as parser:
        for chunk in chunks:
            for result in parser.parse(chunk):
                if isinstance(result, bytes | bytearray):
                    size += len(result)
    return size


DECODERS: dict[str, Callable[[list[bytes]], int]] = {
    "ours": lambda chunks: decode(our_multipart, chunks),
    "Werkzeug": lambda chunks: decode(their_multipart, chunks),
    "python-multipart": decode_by_python_multipart,
    "multipart": decode_by_multipart,
}

CONTENTS = {
    "random": os.urandom(10 * MEBIBYTE),
    "text": (b"The quick brown fox jumps over the lazy dog.\r\n" * 250_000)[: 10 * MEBIBYTE],
    "zeros": bytes(10 * MEBIBYTE),
    "CR": b"\r" * (10 * MEBIBYTE),
    "LF": b"\n" * (10 * MEBIBYTE),
    "CRLF": b"\r\n" * (5 * MEBIBYTE),
    "dashes": b"-" * (10 * MEBIBYTE),
    "delimiters but for an octet": (f"\r\n--{BOUNDARY[:-1]}".encode() * 300_000)[: 10 * MEBIBYTE],
    "boundaries in lines": (f"x--{BOUNDARY}".encode() * 300_000)[: 10 * MEBIBYTE],
}


def chunks_of(content: bytes) -> list[bytes]:
    """Return a multipart body of one file as it comes from a socket."""
    sent = body([(LARGE, content)])
    return [sent[at : at + 65536] for at in range(0, len(sent), 65536)]
