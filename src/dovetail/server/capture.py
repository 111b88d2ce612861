"""A failed request in a file: what the production server keeps and ``dovetail replay`` reads."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["VERSION", "Capture", "CaptureError", "Content", "dump_capture", "parse_capture"]

#: The version of the format. A file of a later one is not read.
VERSION = 1

_FORMAT = "dovetail capture"

T = TypeVar("T")

Fields = list[tuple[str, str]]


class CaptureError(ValueError):
    """What was read is no capture; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Content:
    """A request's content, as far as it was kept."""

    #: Octets that arrived from the client.
    size: int
    #: The octets that were kept, or None if none were.
    data: bytes | None
    #: Why ``data`` is not what arrived, a sentence; empty if it is.
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Capture:
    """A request, its response, and what went wrong.

    Text of the request and of the response's fields is as it came: one character for each octet
    (latin-1). ``method`` to ``fields`` are the request's.
    """

    id: str
    #: When the request arrived: ISO 8601, in UTC.
    time: str
    #: MODULE:ATTR, as ``dovetail serve`` was given it.
    application: str
    compat: bool
    #: The rule that matched, or empty.
    route: str
    duration_ms: float
    #: The client's address and port as the application saw them; empty for a Unix socket.
    client: str
    client_port: str
    scheme: str
    server_name: str
    server_port: str
    method: str
    target: str
    version: str
    fields: Fields
    content: Content
    #: The response: 0 if none was sent.
    status: int
    response_fields: Fields
    response_length: int
    #: The connection was broken off before the response was complete.
    aborted: bool
    #: As Python prints it, or empty if the application kept the exception to itself.
    traceback: str


# --- Writing


def dump_capture(capture: Capture) -> bytes:
    """Return a capture as JSON for people to read."""
    value = {
        "format": _FORMAT,
        "version": VERSION,
        "id": capture.id,
        "time": capture.time,
        "application": capture.application,
        "compat": capture.compat,
        "route": capture.route,
        "duration_ms": capture.duration_ms,
        "client": {"address": capture.client, "port": capture.client_port},
        "server": {
            "scheme": capture.scheme,
            "name": capture.server_name,
            "port": capture.server_port,
        },
        "request": {
            "method": capture.method,
            "target": capture.target,
            "version": capture.version,
            "fields": [f"{name}: {value}" for name, value in capture.fields],
            "content": _dump_content(capture.content),
        },
        "response": {
            "status": capture.status,
            "fields": [f"{name}: {value}" for name, value in capture.response_fields],
            "length": capture.response_length,
            "aborted": capture.aborted,
        },
        "traceback": capture.traceback.split("\n") if capture.traceback else [],
    }
    return (json.dumps(value, indent=2) + "\n").encode("ascii")


def _dump_content(content: Content) -> dict[str, Any]:
    value: dict[str, Any] = {"size": content.size}
    if content.remark:
        value["remark"] = content.remark
    if content.data is not None:
        try:
            value["text"] = content.data.decode("utf-8")
        except UnicodeDecodeError:
            value["base64"] = b64encode(content.data).decode("ascii")
    return value


# --- Reading


def parse_capture(octets: bytes) -> Capture:
    """Read what :func:`dump_capture` has written, and perhaps somebody has edited since.

    :raises CaptureError: it is something else.
    """
    try:
        value = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise CaptureError(
            f"it is no JSON ({error}): no capture, or one that was cut off or edited"
        ) from None
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        raise CaptureError(
            "it is no capture: those are the files that dovetail serve --capture-errors DIR keeps"
        )
    top = _Node(value)
    version = top.integer("version")
    if version > VERSION:
        raise CaptureError(
            f"it has version {version} of the format, and this Dovetail reads up to {VERSION}; "
            "replay it with the version that made it, or a later one"
        )
    return _read(top)


def _read(top: _Node) -> Capture:
    client, server = top.node("client"), top.node("server")
    request, response = top.node("request"), top.node("response")
    return Capture(
        id=top.text("id"),
        time=top.text("time"),
        application=top.text("application"),
        compat=top.flag("compat"),
        route=top.text("route"),
        duration_ms=top.number("duration_ms"),
        client=client.text("address"),
        client_port=client.text("port"),
        scheme=server.word("scheme", ("http", "https")),
        server_name=server.text("name"),
        server_port=server.text("port"),
        method=request.text("method"),
        target=request.text("target"),
        version=request.word("version", ("HTTP/1.0", "HTTP/1.1")),
        fields=request.fields("fields"),
        content=_read_content(request.node("content")),
        status=response.integer("status"),
        response_fields=response.fields("fields"),
        response_length=response.integer("length"),
        aborted=response.flag("aborted"),
        traceback="\n".join(top.texts("traceback")),
    )


def _read_content(node: _Node) -> Content:
    data: bytes | None = None
    if node.has("text"):
        try:
            data = node.text("text").encode("utf-8")
        except UnicodeEncodeError:
            raise node.wrong("text", "text that UTF-8 can have, or base64 instead") from None
    elif node.has("base64"):
        try:
            data = b64decode(node.text("base64"), validate=True)
        except ValueError:
            raise node.wrong("base64", "base64") from None
    return Content(node.integer("size"), data, node.text("remark") if node.has("remark") else "")


class _Node:
    """An object of the JSON, whose entries are checked when they are taken.

    :param path: where it stands in the whole, with a dot behind.
    """

    def __init__(self, value: dict[str, Any], path: str = "") -> None:
        self._value = value
        self._path = path

    def wrong(self, key: str, wanted: str) -> CaptureError:
        """Return the error that the entry is not what is wanted."""
        state = "must be" if self.has(key) else "is missing; it must be"
        return CaptureError(f"{self._path}{key} {state} {wanted}; was it edited?")

    def has(self, key: str) -> bool:
        return key in self._value

    def _take(self, key: str, kind: type[T], wanted: str) -> T:
        value = self._value.get(key)
        # True is an int, and no number.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(key, wanted)
        return value

    def node(self, key: str) -> _Node:
        return _Node(self._take(key, dict, "an object"), f"{self._path}{key}.")

    def text(self, key: str) -> str:
        return self._take(key, str, "text")

    def flag(self, key: str) -> bool:
        return self._take(key, bool, "true or false")

    def integer(self, key: str) -> int:
        value = self._take(key, int, "a whole number")
        if value < 0:
            raise self.wrong(key, "a whole number of at least 0")
        return value

    def number(self, key: str) -> float:
        try:
            return float(self._take(key, int | float, "a number"))  # type: ignore[arg-type]
        except OverflowError:
            raise self.wrong(key, "a number of usual size") from None

    def word(self, key: str, words: Sequence[str]) -> str:
        value = self.text(key)
        if value not in words:
            raise self.wrong(key, " or ".join(words))
        return value

    def texts(self, key: str) -> list[str]:
        values = self._take(key, list, "a list of texts")
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(key, "a list of texts")
        return values

    def fields(self, key: str) -> Fields:
        fields = []
        for line in self.texts(key):
            name, colon, value = line.partition(":")
            if not colon:
                raise self.wrong(key, 'a list of fields such as "host: example.org"')
            fields.append((name, value.removeprefix(" ")))
        return fields
