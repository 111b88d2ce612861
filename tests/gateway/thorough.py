"""An application that uses every part of PEP 3333 as wsgiref.validate allows it.

The path says which part. Each answer begins with what the application saw, so that a test can tell
that it got there.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse

__all__ = ["BODY", "PATHS", "thorough"]

#: What the paths under /input expect to be sent.
BODY = b"one\ntwo\n" + b"x" * 3000 + b"\nlast line without an end"

TEXT = ("Content-Type", "text/plain")
Environ = dict[str, Any]


class Closing:
    """An iterable that is no generator, with close()."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        self._parts = iter(())


def read_all(stream: Any) -> bytes:
    content: bytes = stream.read(len(BODY)) + stream.read(1)
    return content


def read_by_pieces(stream: Any) -> bytes:
    return b"".join(iter(lambda: stream.read(7), b""))


def read_by_lines(stream: Any) -> bytes:
    return b"".join(iter(stream.readline, b""))


def read_by_bounded_lines(stream: Any) -> bytes:
    return b"".join(iter(lambda: stream.readline(5), b""))


def read_lines(stream: Any) -> bytes:
    return b"".join(stream.readlines())


def read_some_lines(stream: Any) -> bytes:
    return b"".join(stream.readlines(4)) + b"".join(stream.readlines(1 << 20))


def iterate(stream: Any) -> bytes:
    return b"".join(stream)


INPUTS = {
    reader.__name__: reader
    for reader in (
        *(read_all, read_by_pieces, read_by_lines, read_by_bounded_lines),
        *(read_lines, read_some_lines, iterate),
    )
}


def read_input(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    content = INPUTS[environ["PATH_INFO"].rpartition("/")[2]](environ["wsgi.input"])
    start_response("200 OK", [TEXT, ("Content-Length", str(len(content)))])
    return [content]


def one_list(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "5")])
    return [b"hello"]


def no_length(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return [b"hel", b"", b"lo"]


def generator(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [TEXT])
    yield b"hel"
    yield b"lo"


def closing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Closing([b"hel", b"lo"])


def write(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    writer = start_response("200 OK", [TEXT])
    writer(b"hel")
    writer(b"")
    writer(b"l")
    return [b"o"]


def errors(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    stream = environ["wsgi.errors"]
    stream.write("written\n")
    stream.writelines(["first of ", "two\n", "second of two\n"])
    stream.write("no end of line")
    stream.flush()
    start_response("200 OK", [TEXT])
    return [b"hello"]


def file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    content = tempfile.TemporaryFile()  # noqa: SIM115 (the server closes it)
    content.write(b"hello")
    content.seek(0)
    start_response("200 OK", [TEXT, ("Content-Length", "5")])
    return environ["wsgi.file_wrapper"](content, 2)  # type: ignore[no-any-return]


def no_content(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("204 No Content", [("X-Nothing", "here")])
    return []


def not_modified(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("304 Not Modified", [("ETag", '"x"')])
    return []


def exc_info(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "100")])
    try:
        raise LookupError("on purpose")
    except LookupError:
        start_response("418 Sorry", [TEXT], sys.exc_info())
    return [b"hello"]


def fields(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    assert environ["HTTP_X_ONE"] == "a,b"
    assert environ["QUERY_STRING"] == "q=1"
    assert environ["wsgi.url_scheme"] in ("http", "https")
    environ["own.key"] = object()
    start_response("200 OK", [TEXT, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [b"hello"]


APPLICATIONS = {
    application.__name__: application
    for application in (
        *(one_list, no_length, generator, closing, write, errors, file, no_content),
        *(not_modified, exc_info, fields),
    )
}

#: Every path, with the status and the content of its answer to a GET.
PATHS: dict[str, tuple[int, bytes]] = {
    **{f"/{name}": (200, b"hello") for name in APPLICATIONS},
    **{f"/input/{name}": (200, BODY) for name in INPUTS},
    "/no_content": (204, b""),
    "/not_modified": (304, b""),
    "/exc_info": (418, b"hello"),
}


def thorough(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Dispatch by path; to be wrapped by wsgiref.validate.validator."""
    if environ["PATH_INFO"].startswith("/input/"):
        return read_input(environ, start_response)
    return APPLICATIONS[environ["PATH_INFO"].lstrip("/")](environ, start_response)
