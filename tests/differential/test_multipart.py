"""Multipart events: ours beside the installed Werkzeug.

In pieces, ours come to what theirs come to as a whole. (In pieces, theirs come to something else if
they are cut at the wrong place: docs/design/werkzeug-differences.md.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import werkzeug.datastructures as their_types
import werkzeug.sansio.multipart as theirs
from hypothesis import example, given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from tests.toolkit.bodies import BODIES, Body, split

import dovetail.toolkit.multipart as ours
from dovetail.data.headers import Headers

FIELD = b'--foo\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
END = b"\r\n--foo--\r\n"
ATOMS = [
    *(b"--foo", b"\r\n--foo", b"\r\n--foo\r\n", b"\r\n--foo--", b"--foo\r\n", b"--foo--", FIELD),
    *(b"\r\n", b"\n", b"\r", b"-", b"--", b" ", b"\t", b"\x0b", b"\r\n\r\n", b"abc", b"f", b"fo"),
    *(b'Content-Disposition: form-data; name="f"; filename="x"\r\nContent-Type: a/b\r\n\r\n',),
    *(b"content-disposition: form-data; name=b\n\n", b"X: y\r\n", b"\r\n z", b": x", b"NoColon"),
    *(b"\xff", b"\x85", b"\x1c", b"\xc2\x85", b"\xc2\xa0", b"\x00"),
]
bodies = st.lists(st.sampled_from(ATOMS), max_size=12).map(b"".join)


def form(events: Iterable[Any]) -> list[Any]:
    """Return events as plain data, the content of each part in one; without half a content."""
    result: list[Any] = []
    content = b""
    for event in events:
        values = dict(event.__dict__)
        if "more_data" in values:
            content += values["data"]
            if not values["more_data"]:
                result.append(content)
                content = b""
        else:
            if "headers" in values:
                values["headers"] = list(values["headers"])
            result.append((type(event).__name__, sorted(values.items())))
    return result


def decode(package: Any, chunks: Iterable[bytes], boundary: bytes, **limits: Any) -> Any:
    """Return the events, and the name of the error that ended them."""
    events = []
    decoder = package.MultipartDecoder(boundary, **limits)

    def run() -> None:
        for chunk in [*chunks, None]:
            decoder.receive_data(chunk)
            while True:
                event = decoder.next_event()
                if event is package.NEED_DATA:
                    break
                events.append(event)
                if isinstance(event, package.Epilogue):
                    return

    end = outcome(run)
    return form(events), end, decoder.state.name, decoder.complete


@given(bodies, st.booleans(), st.booleans(), st.sampled_from([None, 0, 1, 2]))
def test_whole_bodies(body: bytes, begun: bool, ended: bool, parts: int | None) -> None:
    body = (FIELD if begun else b"") + body + (END if ended else b"")
    for boundary in (b"foo", b"fo"):
        assert decode(ours, [body], boundary, max_parts=parts) == decode(
            theirs, [body], boundary, max_parts=parts
        )


names = st.text(st.sampled_from('ab ;=,"\\%2äß€😀\x7f\u2028'), max_size=6)
blocks = st.lists(
    st.one_of(
        st.sampled_from(["Content-Type: text/plain", "content-type: a/b; c=d", "X-Y:z", " folded"]),
        st.builds('Content-Disposition: form-data; name="{}"'.format, names),
        st.builds('Content-Disposition: form-data; name="{}"; filename="{}"'.format, names, names),
        st.builds(
            "Content-Disposition: {}; name={}; filename*=UTF-8''{}".format, names, names, names
        ),
    ),
    max_size=3,
)


@given(blocks, st.sampled_from(["\r\n", "\n", "\r"]))
def test_header_lines(lines: list[str], line_break: str) -> None:
    body = "--foo\r\n" + "".join(line + line_break for line in lines) + line_break + "v"
    sent = [body.encode() + END]
    assert decode(ours, sent, b"foo") == decode(theirs, sent, b"foo")


contents = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"fo", b"\xff", b"x" * 50]))
cuts = st.lists(st.integers(0, 2000), max_size=8)


@given(st.lists(contents.map(b"".join), max_size=4), cuts)
@example([b"--fo"], [-4])
def test_bodies_in_pieces(values: list[bytes], places: list[int]) -> None:
    body = b"".join(FIELD + value + b"\r\n" for value in values) + b"--foo--"
    chunks = split(body, places)
    assert decode(ours, chunks, b"foo") == decode(theirs, [body], b"foo")


@given(st.sampled_from(BODIES), cuts)
def test_real_bodies(body: Body, places: list[int]) -> None:
    boundary = body.boundary.encode()
    chunks = split(body.raw, places)
    assert decode(ours, chunks, boundary) == decode(theirs, [body.raw], boundary)


@given(st.lists(st.integers(0, 60), max_size=5), st.integers(0, 100))
def test_what_waits_is_bounded(sizes: list[int], bound: int) -> None:
    chunks = [b"x" * size for size in sizes]
    assert decode(ours, chunks, b"foo", max_form_memory_size=bound) == decode(
        theirs, chunks, b"foo", max_form_memory_size=bound
    )


KINDS = ["Preamble", "Field", "File", "More", "Last", "Epilogue", "NeedData"]


def event(package: Any, kind: str, content: bytes) -> Any:
    headers = Headers if package is ours else their_types.Headers
    pairs = [("X-Y", "z"), ("content-disposition", "x"), ("Content-Type", "ä")]
    return {
        "Preamble": lambda: package.Preamble(content),
        "Field": lambda: package.Field("ä;%", headers(pairs)),
        "File": lambda: package.File("€", "f", headers()),
        "More": lambda: package.Data(content, True),
        "Last": lambda: package.Data(content, False),
        "Epilogue": lambda: package.Epilogue(content),
        "NeedData": lambda: package.NEED_DATA,
    }[kind]()


def encode(package: Any, sequence: list[tuple[str, bytes]]) -> Any:
    encoder = package.MultipartEncoder(b"foo")
    return [
        (outcome(encoder.send_event, event(package, kind, content)), encoder.state.name)
        for kind, content in sequence
    ]


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from([b"x", b"\r\n"])), max_size=10))
def test_encoding(sequence: list[tuple[str, bytes]]) -> None:
    assert encode(ours, sequence) == encode(theirs, sequence)


def test_empty_contents() -> None:
    for kind in ("Field", "File"):
        sequence = [(kind, b""), ("Last", b""), (kind, b""), ("Last", b"x"), ("Epilogue", b"")]
        assert encode(ours, sequence) == encode(theirs, sequence)
