"""The file that a failed request is kept in."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.captured import CAPTURE

from dovetail.server.capture import (
    VERSION,
    Capture,
    CaptureError,
    Content,
    dump_capture,
    parse_capture,
)


def edited(change: Callable[[Any], object]) -> bytes:
    """Return the capture after somebody has edited its file."""
    value = json.loads(dump_capture(CAPTURE))
    change(value)
    return json.dumps(value).encode()


def test_round_trip() -> None:
    assert parse_capture(dump_capture(CAPTURE)) == CAPTURE


@pytest.mark.parametrize(
    "content",
    [
        Content(0, b""),
        Content(256, bytes(range(256))),
        Content(9, None, "not kept: capture_content is 0"),
        Content(10, b"abc", "cut off after 3 of 10 bytes"),
    ],
)
def test_content(content: Content) -> None:
    assert parse_capture(dump_capture(replace(CAPTURE, content=content))).content == content


@given(st.binary(), st.text(st.characters(max_codepoint=255)), st.text())
def test_any_text(octets: bytes, value: str, text: str) -> None:
    capture = replace(
        CAPTURE,
        content=Content(len(octets), octets),
        fields=[("x-a", value)],
        route=text,
        traceback=text,
    )
    written = dump_capture(capture)
    assert written.isascii()
    assert parse_capture(written) == capture


def test_readable() -> None:
    value = json.loads(dump_capture(CAPTURE))
    assert value["request"]["fields"][0] == "host: example.org"
    assert value["request"]["content"] == {"size": 5, "text": "a=\xe9"}
    assert value["traceback"][-1].startswith("ValueError")


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "no JSON"),
        (dump_capture(CAPTURE)[:-100], "cut off"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no capture"),
        (b"{}", "no capture"),
        (b'{"format": "dovetail capture"}', "version is missing"),
        (b'{"format": "dovetail capture", "version": true}', "version must be"),
        (edited(lambda value: value.update(version=VERSION + 1)), "later one"),
        (edited(lambda value: value.update(format="other")), "no capture"),
        (edited(lambda value: value.pop("request")), "request is missing"),
        (edited(lambda value: value.update(compat=1)), "compat must be true or false"),
        (edited(lambda value: value["request"].update(version="HTTP/2")), "request.version"),
        (edited(lambda value: value["request"].update(fields="a: b")), "request.fields"),
        (edited(lambda value: value["request"]["fields"].append("no colon")), "host: example.org"),
        (edited(lambda value: value["request"]["content"].update(size=-1)), "content.size"),
        (edited(lambda value: value["request"]["content"].update(text="\ud800")), "base64 instead"),
        (edited(lambda value: value["response"].update(status="500")), "response.status"),
        (edited(lambda value: value.update(traceback=[1])), "traceback"),
        (edited(lambda value: value.update(duration_ms=10**400)), "duration_ms must be"),
        (edited(lambda value: value["server"].update(scheme="ftp")), "http or https"),
    ],
)
def test_what_is_no_capture(octets: bytes, words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        parse_capture(octets)


def test_edited_base64() -> None:
    octets = dump_capture(replace(CAPTURE, content=Content(1, b"\xff")))
    with pytest.raises(CaptureError, match="base64"):
        parse_capture(octets.replace(b'"/w=="', b'"/w"'))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_any_edit_is_a_clear_error(value: object) -> None:
    plain = json.loads(dump_capture(CAPTURE))
    for key in plain:
        octets = json.dumps(plain | {key: value}).encode()
        with contextlib.suppress(CaptureError):
            assert isinstance(parse_capture(octets), Capture)
