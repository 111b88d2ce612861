"""How much of each part of a request the engine accepts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request, all in octets except ``fields`` (a count).

    Going over one is an error of its own (see :mod:`dovetail.http1.errors`): 414 for the request
    line, 431 for the fields of the head, 413 for the body, 400 for the chunked coding's overhead.
    """

    #: The request line without its CRLF. RFC 9112 section 3 recommends at least 8,000.
    request_line: int = 8190
    #: The number of field lines in the head, and again in the trailer section.
    fields: int = 100
    #: One field line without its CRLF.
    field_size: int = 8190
    #: All the field lines of the head together, CRLFs included.
    head_size: int = 65536
    #: One chunk-size line with its extensions, without its CRLF.
    chunk_line: int = 4096
    #: The chunk extensions of one message together, and the padding of its chunk sizes.
    chunk_extensions: int = 65536
    #: All the trailer field lines together, CRLFs included.
    trailer_size: int = 16384
    #: The content of one message, after the chunked coding is removed; None for no bound.
    body: int | None = 1 << 30
