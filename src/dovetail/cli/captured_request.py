"""A captured request as it is sent again."""

from __future__ import annotations

from dovetail.http1 import (
    EndOfMessage,
    Limits,
    ProtocolError,
    RequestReader,
    Signal,
    dump_request_head,
)
from dovetail.http1.chunked import LAST_CHUNK, encode_chunk
from dovetail.server.capture import Capture, CaptureError
from dovetail.server.masking import MASK, MASKED_REMARK

__all__ = ["check_request", "dump_request", "put_in", "warnings"]

Fields = list[tuple[str, str]]


def put_in(fields: Fields, given: Fields) -> Fields:
    """Return ``fields`` with the given ones in the place of those of the same names.

    :param given: with names in lower case.
    """
    names = {name for name, _ in given}
    result: Fields = []
    done: set[str] = set()
    for name, value in fields:
        key = name.lower()
        if key not in names:
            result.append((name, value))
        elif key not in done:
            done.add(key)
            result += [field for field in given if field[0] == key]
    return result + [field for field in given if field[0] not in done]


def dump_request(capture: Capture, fields: Fields) -> bytes:
    """Return the request as it goes over the wire, with these fields.

    Its content may be less than what arrived, or have been edited, so its length is told anew.

    :raises CaptureError: there are characters in it that are no octets.
    """
    content = capture.content.data or b""
    names = {name.lower() for name, _ in fields}
    length = str(len(content))
    fields = [
        (name, length if name.lower() == "content-length" else value) for name, value in fields
    ]
    if content and not names & {"content-length", "transfer-encoding"}:
        fields.append(("content-length", length))
    try:
        head = dump_request_head(capture.method, capture.target, capture.version, fields)
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise CaptureError(
            f"its request has {character!r} in it, but each character stands for one octet: "
            r"write UTF-8 as \u00c3\u00bc; was it edited?"
        ) from None
    if "transfer-encoding" not in names:
        return head + content
    return head + (encode_chunk(content) if content else b"") + LAST_CHUNK


def check_request(octets: bytes) -> None:
    """Have the engine read a request, so that what an editor has broken is an error here.

    :raises CaptureError: it is none, or more than one.
    """
    size = len(octets)
    reader = RequestReader(Limits(size, size, size, size, body=None))
    reader.receive(octets)
    reader.receive_eof()
    try:
        event = reader.next_event()
        while not isinstance(event, EndOfMessage | Signal):
            event = reader.next_event()
    except ProtocolError as error:
        raise CaptureError(f"its request is not HTTP ({error}); was it edited?") from None
    # A line end in the value of a field, for one, would make two requests of it.
    if isinstance(event, Signal) or reader.buffered:
        raise CaptureError("its request does not end where it should; was it edited?")


def warnings(capture: Capture, fields: Fields) -> list[str]:
    """Return what the application will not see as it was: a sentence each.

    :param fields: those that are sent.
    """
    result = [
        f'the value of {name} was masked; give it by --field "{name.title()}: VALUE" '
        "if the application needs it"
        for name, value in fields
        if value == MASK
    ]
    rest = [value for _, value in fields if value != MASK]
    if MASK in capture.target or any(MASK in value for value in rest):
        result.append("parameters of URLs were masked; edit the file if the application needs them")
    content = capture.content
    if content.data is not None and MASK.encode() in content.data:
        result.append("parts of the content were masked; edit the file if they are needed")
    if content.remark and content.remark != MASKED_REMARK:
        result.append(f"the content is not what the client sent: {content.remark}")
    return result
