"""What the engine tells about a request: its head, its content, its end."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

__all__ = ["Data", "EndOfMessage", "Event", "Request", "Signal", "TargetForm"]

Fields = list[tuple[str, str]]


class TargetForm(enum.Enum):
    """The four forms of a request target (RFC 9112 section 3.2)."""

    ORIGIN = "origin-form"
    ABSOLUTE = "absolute-form"
    AUTHORITY = "authority-form"
    ASTERISK = "asterisk-form"


@dataclass(slots=True)
class Request:
    """The head of one request. All text is latin-1: one character for each octet.

    ``path`` and ``query`` are still percent-encoded; both are empty in the asterisk and authority
    forms. ``authority`` is the host to serve: the one of an absolute-form target, else the Host
    field's value, else an empty string (HTTP/1.0 only). ``fields`` has lower-case names, in the
    order of arrival, with Host already replaced by ``authority`` (RFC 9112 section 3.2.2).
    ``length`` is the content's length in octets, 0 without content, None for the chunked coding.
    ``upgrade`` is the Upgrade field's value if Connection names it, else an empty string.
    """

    method: str
    target: str
    form: TargetForm
    path: str
    query: str
    authority: str
    version: str
    fields: Fields
    length: int | None = 0
    keep_alive: bool = True
    expects_continue: bool = False
    upgrade: str = ""


@dataclass(frozen=True, slots=True)
class Data:
    """Some of the content, chunked coding removed; never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """The request is complete. ``trailers`` are the fields after the last chunk, names lower-case.

    They stay apart from the head's fields (RFC 9110 section 6.5.1).
    """

    trailers: Fields = field(default_factory=list)


class Signal(enum.Enum):
    """What ``next_event`` returns when it has no event."""

    #: Call ``receive`` first.
    NEED_DATA = enum.auto()
    #: The request is complete; ``next_request`` moves on to the one that may follow it.
    PAUSED = enum.auto()
    #: No request will follow: the client closed, or this was the connection's last request.
    CLOSED = enum.auto()


Event = Request | Data | EndOfMessage | Signal
