"""What is kept of one request."""

from __future__ import annotations

import json
import os
import time
import traceback
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from dovetail.dev.inspector.log_lines import LogLine, LogLines
from dovetail.dev.inspector.phases import Timing, divide
from dovetail.dev.pages.excerpts import cut
from dovetail.http1 import Request
from dovetail.server.masking import Mask
from dovetail.server.observation import Observation

__all__ = ["KEPT_CONTENT", "Entry", "Fields", "Head", "Visit", "make_entry"]

Fields = list[tuple[str, str]]

#: Octets of a request's content that are kept for a replay.
KEPT_CONTENT = 1 << 20
# Octets of the head that are kept, and those of the response's fields.
_KEPT_HEAD = 64 << 10
_METHOD_CHARACTERS = 40
_TARGET_CHARACTERS = 2048
_ROUTE_CHARACTERS = 500
_FAILURE_CHARACTERS = 300


@dataclass(slots=True)
class Head:
    """A request's line in the list."""

    method: str
    target: str
    route: str
    #: 0 if no response was begun.
    status: int
    #: When it arrived, in seconds since the epoch.
    at: float
    #: Milliseconds from then until the response was out.
    duration: float
    phases: list[Timing]
    client: str
    #: The path of the debugger's page about it.
    error_page: str = ""
    #: The exception that nothing has caught: its type and message, in a line, without secrets.
    failure: str = ""
    #: The connection broke before the response was complete.
    aborted: bool = False
    #: The entry of which this is a replay; 0 if it is none.
    origin: int = 0
    #: Its own number; 0 as long as it is not in the history.
    id: int = 0

    @property
    def is_error(self) -> bool:
        """Whether something went wrong."""
        return self.status >= 400 or self.aborted or bool(self.error_page) or not self.status

    def dump(self) -> str:
        """Return all but the number as JSON."""
        values = asdict(self)
        del values["id"]
        return json.dumps(values, ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def load(cls, text: str, number: int) -> Head:
        """Read what :meth:`dump` returned."""
        values = json.loads(text)
        values["phases"] = [Timing(**timing) for timing in values["phases"]]
        return cls(**values, id=number)


@dataclass(slots=True)
class Entry:
    """All that is kept of a request."""

    head: Head
    version: str
    #: Names in lower case, in the order of arrival.
    request_fields: Fields
    response_fields: Fields
    response_length: int
    content_length: int
    pid: int
    log_lines: list[LogLine] = field(default_factory=list)
    lost_lines: int = 0
    #: What the head has without secrets.
    failure: str = ""
    #: Why it cannot be sent again; empty if it can.
    obstacle: str = ""
    #: The request's content, empty also if it is not kept.
    content: bytes = b""

    def dump(self) -> str:
        """Return what is neither in the head nor the content, as JSON."""
        values: dict[str, Any] = {
            name: getattr(self, name)
            for name in self.__slots__
            if name not in {"head", "content", "log_lines"}
        }
        values["log_lines"] = [asdict(line) for line in self.log_lines]
        return json.dumps(values, ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def load(cls, text: str, head: Head, content: bytes) -> Entry:
        """Read what :meth:`dump` returned."""
        values = json.loads(text)
        values["log_lines"] = [LogLine(**line) for line in values["log_lines"]]
        for name in ("request_fields", "response_fields"):
            values[name] = [(key, value) for key, value in values[name]]
        return cls(**values, head=head, content=content)


@dataclass(slots=True)
class Visit:
    """What is noted before the application is called, and may change the environ."""

    client: str
    lines: LogLines
    #: The entry of which this request is a replay.
    origin: int = 0


def make_entry(seen: Observation, visit: Visit, hidden_field: str) -> Entry:
    """Return what is to be kept of a request that was answered.

    :param hidden_field: the name of a field that is none of the client's.
    """
    record, request = seen.record, seen.request
    began = record.received or record.called or seen.finished
    fields = [(name, value) for name, value in request.fields if name != hidden_field]
    content, obstacle = _take_content(seen)
    obstacle = _obstacle(seen, fields) or obstacle
    failure = _failure(record.error)
    return Entry(
        head=Head(
            method=request.method[:_METHOD_CHARACTERS],
            target=request.target[:_TARGET_CHARACTERS],
            route=_route(seen)[:_ROUTE_CHARACTERS],
            status=seen.status,
            at=time.time() - (time.monotonic() - began),
            duration=max(0.0, seen.finished - began) * 1000,
            phases=divide(record, seen.finished, content=seen.content_size > 0),
            client=visit.client,
            error_page=record.error_page,
            failure=failure and cut(_mask(seen, content).text(failure), _FAILURE_CHARACTERS),
            aborted=seen.aborted,
            origin=visit.origin,
        ),
        version=request.version,
        request_fields=_bound(fields),
        response_fields=_bound(seen.fields),
        response_length=seen.content_length,
        content_length=seen.content_size,
        pid=os.getpid(),
        log_lines=visit.lines.lines,
        lost_lines=visit.lines.lost,
        failure=cut(failure, _FAILURE_CHARACTERS),
        obstacle=obstacle,
        content=b"" if obstacle else content,
    )


def _route(seen: Observation) -> str:
    if seen.record.route:
        return seen.record.route
    # Frameworks that share Werkzeug's key, but know nothing of the record.
    rule = getattr(seen.environ.get("werkzeug.request"), "url_rule", None)
    route = getattr(rule, "rule", "")
    return route if isinstance(route, str) else ""


def _failure(error: BaseException | None) -> str:
    if error is None:
        return ""
    lines = traceback.format_exception_only(error)
    # Of a syntax error, the lines with the place come before, indented.
    text = next((line for line in lines if line[:1].strip()), "")
    return " ".join(text.split())


def _mask(seen: Observation, content: bytes) -> Mask:
    """Return a mask that knows the secrets of a request and its response."""
    mask = Mask()
    mask.fields(seen.request.fields)
    mask.target(seen.request.target)
    kind = next((value for name, value in seen.request.fields if name == "content-type"), "")
    mask.content(content, kind, cut=False)
    mask.fields(seen.fields)
    return mask


def _take_content(seen: Observation) -> tuple[bytes, str]:
    """Return the request's content, and why it is not kept if it is not."""
    if seen.content_size > KEPT_CONTENT:
        return b"", (
            f"its content has {seen.content_size} octets, and no more than {KEPT_CONTENT} are kept"
        )
    if not seen.content_complete:
        return b"", "the application did not read its content to the end"
    content = _read(seen.content, seen.content_size)
    if content is None:
        return b"", "its content could not be kept"
    return content, ""


def _read(file: IO[bytes] | None, size: int) -> bytes | None:
    if not size:
        return b""
    try:
        content = file.read(size) if file is not None else b""
    except (OSError, ValueError):
        return None
    return content if len(content) == size else None


def _obstacle(seen: Observation, fields: Fields) -> str:
    request: Request = seen.request
    if request.upgrade:
        return f"it asks for another protocol (Upgrade: {request.upgrade[:80]})"
    if seen.status == 101:
        return "the application took its connection over"
    if (
        len(request.method) > _METHOD_CHARACTERS
        or len(request.target) > _TARGET_CHARACTERS
        or _size(fields) > _KEPT_HEAD
    ):
        return (
            f"its head is too long: no more than {_TARGET_CHARACTERS} octets of the target and"
            f" {_KEPT_HEAD} of the header fields are kept"
        )
    return ""


def _size(fields: Fields) -> int:
    return sum(len(name) + len(value) + 4 for name, value in fields)


def _bound(fields: Fields) -> Fields:
    if _size(fields) <= _KEPT_HEAD:
        return fields
    kept: Fields = []
    room = _KEPT_HEAD
    for name, value in fields:
        room -= len(name) + len(value) + 4
        if room < 0:
            kept.append(("…", "more fields, which are too long to be kept"))
            break
        kept.append((name, value))
    return kept
