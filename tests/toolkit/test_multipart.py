"""The multipart decoder and encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.http1.effort import effort
from tests.toolkit.bodies import BODIES, Body, pieces, split

from dovetail.data.exceptions import RequestEntityTooLarge
from dovetail.data.headers import Headers
from dovetail.toolkit.multipart import (
    BLANK_LINE_RE,
    HEADER_CONTINUATION_RE,
    LINE_BREAK,
    LINE_BREAK_RE,
    NEED_DATA,
    SEARCH_EXTRA_LENGTH,
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    MultipartEncoder,
    NeedData,
    Preamble,
    State,
)

MEBIBYTE = 1024 * 1024
BOUNDARY = b"foo"
FIELD = b'--foo\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
FILE = b'--foo\r\nContent-Disposition: form-data; name="f"; filename="x"\r\nX-Y: z\r\n\r\n'
END = b"\r\n--foo--\r\n"


def events(decoder: MultipartDecoder) -> list[Event]:
    """Return the events that there are, with the epilogue but without NEED_DATA."""
    found: list[Event] = []
    while (event := decoder.next_event()) is not NEED_DATA:
        found.append(event)
        if isinstance(event, Epilogue):
            break
    return found


def decode(chunks: Iterable[bytes], boundary: bytes = BOUNDARY, **limits: Any) -> list[Event]:
    """Return all events of a body."""
    decoder = MultipartDecoder(boundary, **limits)
    found = []
    for chunk in chunks:
        decoder.receive_data(chunk)
        found += events(decoder)
    decoder.receive_data(None)
    return found + events(decoder)


def feed(decoder: MultipartDecoder, body: bytes, size: int) -> None:
    """Give the decoder pieces of a size that is ours to choose."""
    for piece in pieces(body, size):
        decoder.receive_piece(piece)
        events(decoder)
    decoder.receive_data(None)
    events(decoder)


def joined(found: Iterable[Event]) -> list[Any]:
    """Return events with the content of each part in one."""
    result: list[Any] = []
    content: list[bytes] = []
    for event in found:
        if isinstance(event, Data):
            content.append(event.data)
            if not event.more_data:
                result.append(b"".join(content))
                content = []
        else:
            result.append(event)
    return result


def outcome(chunks: Iterable[bytes], boundary: bytes = BOUNDARY, **limits: Any) -> Any:
    """Return what the chunks come to, however they are cut."""
    try:
        return joined(decode(chunks, boundary, **limits))
    except (ValueError, RequestEntityTooLarge) as error:
        return type(error)


def part(header: bytes, end: bytes = b"\r\n\r\n") -> Event:
    """Return the event of a part with this header block."""
    return decode([b"--foo\r\n" + header + end + b"v" + END])[1]


def field(name: Any, *headers: tuple[str, str]) -> Field:
    return Field(name, Headers([("Content-Disposition", 'form-data; name="a"'), *headers]))


# Events


def test_events_are_values() -> None:
    assert Data(b"x", True) == Data(data=b"x", more_data=True)
    assert Data(b"x", True) != Data(b"x", False)
    assert Preamble(b"x") != Preamble(b"")
    assert hash(Epilogue(b"x")) == hash(Epilogue(data=b"x"))
    assert repr(Data(b"x", True)) == "Data(data=b'x', more_data=True)"
    assert repr(Preamble(b"x")) == "Preamble(data=b'x')"
    headers = Headers([("A", "b")])
    assert repr(Field("a", headers)) == f"Field(name='a', headers={headers!r})"
    assert repr(File("a", "b", headers)) == f"File(name='a', filename='b', headers={headers!r})"
    assert all(
        issubclass(kind, Event) for kind in (Preamble, Field, File, Data, Epilogue, NeedData)
    )
    assert isinstance(NEED_DATA, NeedData)


def test_events_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Data(b"x", True).data = b"y"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del Data(b"x", True).more_data
    with pytest.raises(TypeError, match="unhashable"):
        hash(Field("a", Headers()))
    assert dataclasses.replace(Data(b"x", True), more_data=False) == Data(b"x", False)


def test_states() -> None:
    names = ["PREAMBLE", "PART", "DATA", "DATA_START", "EPILOGUE", "COMPLETE"]
    assert [state.name for state in State] == names


def test_constants_find_what_they_are_named_after() -> None:
    assert LINE_BREAK == b"(?:\r\n|\n|\r)"
    assert LINE_BREAK_RE.sub(b"|", b"a\r\nb\nc\rd") == b"a|b|c|d"
    assert [BLANK_LINE_RE.split(text) for text in (b"a\r\n\r\nb", b"a\n\nb", b"a\r\rb")] == [
        [b"a", b"b"]
    ] * 3
    assert HEADER_CONTINUATION_RE.sub(b" ", b"a\r\n\tb\n c") == b"a b c"
    assert len(b"\r\n--" + b"--\r\n") == SEARCH_EXTRA_LENGTH


# The decoder, step by step


def test_a_field_and_a_file() -> None:
    body = FIELD + b"hello\r\n" + FILE + b"\x00\r\n\xff" + END

    assert decode([body]) == [
        Preamble(b""),
        field("a"),
        Data(b"hello", False),
        File(
            "f",
            "x",
            Headers([("Content-Disposition", 'form-data; name="f"; filename="x"'), ("X-Y", "z")]),
        ),
        Data(b"\x00\r\n\xff", False),
        Epilogue(b""),
    ]


def test_states_of_the_decoder() -> None:
    decoder = MultipartDecoder(BOUNDARY)
    assert (decoder.state, decoder.next_event()) == (State.PREAMBLE, NEED_DATA)
    decoder.receive_data(FIELD)
    assert (decoder.next_event(), decoder.state) == (Preamble(b""), State.PART)
    assert (decoder.next_event(), decoder.state) == (field("a"), State.DATA_START)
    assert (decoder.next_event(), decoder.state) == (Data(b"", True), State.DATA)
    assert decoder.next_event() is NEED_DATA
    decoder.receive_data(b"he")
    assert (decoder.next_event(), decoder.state) == (Data(b"he", True), State.DATA)
    decoder.receive_data(b"llo\r\n--f")
    assert decoder.next_event() == Data(b"llo", True)
    assert decoder.buffer == b"\r\n--f"
    decoder.receive_data(b"oo--")
    assert (decoder.next_event(), decoder.state) == (Data(b"", False), State.EPILOGUE)
    assert decoder.next_event() is NEED_DATA
    assert not decoder.complete
    decoder.receive_data(None)
    assert decoder.complete
    assert (decoder.next_event(), decoder.state) == (Epilogue(b""), State.COMPLETE)
    with pytest.raises(ValueError, match="COMPLETE"):
        decoder.next_event()


def test_attributes_of_the_decoder() -> None:
    decoder = MultipartDecoder(b"f.o", 100, max_parts=3)
    assert (decoder.boundary, decoder.max_form_memory_size, decoder.max_parts) == (b"f.o", 100, 3)
    decoder.receive_data(b"--f.o")
    assert decoder.buffer == bytearray(b"--f.o")
    assert [bool(decoder.preamble_re.search(text)) for text in (b"--f.o\r\n", b"--foo\r\n")] == [
        True,
        False,
    ]
    delimiters = (b"\n--f.o\r\n", b"\r--f.o--", b"\r\n--f.o \t\n", b"--f.o\r\n", b"\n--f.o.")
    assert [bool(decoder.boundary_re.search(text)) for text in delimiters] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_octets_of_other_types_are_taken() -> None:
    decoder = MultipartDecoder(bytearray(BOUNDARY))  # type: ignore[arg-type]
    sent = bytearray(FIELD + b"v")
    decoder.receive_data(sent)  # type: ignore[arg-type]
    sent[:] = b"-" * len(sent)
    decoder.receive_data(memoryview(END))  # type: ignore[arg-type]
    assert joined(events(decoder)) == [Preamble(b""), field("a"), b"v"]
    with pytest.raises(TypeError):
        decoder.receive_data("text")  # type: ignore[arg-type]


def test_pieces_that_nobody_asked_events_of() -> None:
    decoder = MultipartDecoder(BOUNDARY)
    for chunk in pieces(FIELD + b"v" * 5000 + END, 1):
        decoder.receive_piece(chunk)
    assert joined(events(decoder)) == [Preamble(b""), field("a"), b"v" * 5000]


def test_preamble_and_epilogue() -> None:
    found = decode([b"before\r\n" + FIELD + b"v" + END + b"--foo\r\nbehind\r\n"])
    assert (found[0], found[-1]) == (Preamble(b"before"), Epilogue(b"--foo\r\nbehind\r\n"))
    assert decode([b"before--foo\r\n" + FIELD[7:] + b"v" + END])[0] == Preamble(b"before")
    assert decode([b"--foo--"]) == [Preamble(b""), Epilogue(b"")]
    assert decode([b"\r\n--foo-- \t\r\nx"]) == [Preamble(b""), Epilogue(b"x")]


@pytest.mark.parametrize("line_break", [b"\r\n", b"\n", b"\r"])
def test_line_breaks(line_break: bytes) -> None:
    body = (FIELD + b"v" + END).replace(b"\r\n", line_break)
    assert joined(decode([body])) == [Preamble(b""), field("a"), b"v", Epilogue(b"")]


@pytest.mark.parametrize(
    ("end", "content"),
    [
        (b"\r\n\n", b"v"),
        (b"\r\r\n", b"v"),
        (b"\n\n\n", b"\nv"),
        (b"\r\n\r\n\r\n", b"\r\nv"),
        (b"\r\n \r\n\r\n", b"v"),
    ],
)
def test_line_breaks_behind_headers(end: bytes, content: bytes) -> None:
    body = FIELD[:-4] + end + b"v" + END
    expected = [Preamble(b""), field("a"), content, Epilogue(b"")]
    assert joined(decode([body])) == expected
    assert joined(decode(pieces(body, 1))) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"\r",
        b"\n\r\n",
        b"\r\n--fo",
        b"\r\n--fooo",
        b"\r\n--foo -",
        b"--foo-",
        b"x--foo--",
        b"\r\n--foo" + b" " * 100 + b"\r\n",
        b"\r\r\n-\n--\r\n",
    ],
)
def test_contents_that_look_like_delimiters(content: bytes) -> None:
    body = FIELD + content + END
    expected = [Preamble(b""), field("a"), content, Epilogue(b"")]
    assert joined(decode([body])) == expected
    assert joined(decode(pieces(body, 1))) == expected


def test_white_space_behind_a_boundary() -> None:
    body = b"--foo \t\r\n" + FIELD[7:] + b"v\r\n--foo" + b" " * 64 + b"\r\n" + FIELD[7:] + END[2:]
    expected = [Preamble(b""), field("a"), b"v", field("a"), b"", Epilogue(b"")]
    assert joined(decode([body])) == expected
    assert joined(decode(pieces(body, 1))) == expected


def test_a_part_without_content() -> None:
    expected = [Preamble(b""), field("a"), b"", Epilogue(b"")]
    for body in (FIELD + END, FIELD + END[2:]):
        assert joined(decode([body])) == expected
        assert joined(decode(pieces(body, 1))) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        b"--foo",
        b"--foo\r\n",
        b"--foo\r\n--foo--",
        b"--foo\r\n\r\nv" + END,
        b"--foo\r\n\r\n\r\nv" + END,
        b"--foo\r\nContent-Type: text/plain\r\n\r\nv" + END,
        FIELD,
        FIELD + b"v\r",
        FIELD + b"v\r\n--foo",
        FIELD + b"v\r\n--foo-",
        b'--foo\r\nContent-Disposition: form-data; name="\xe4"\r\n\r\nv' + END,
    ],
)
def test_malformed_bodies(body: bytes) -> None:
    assert outcome([body]) in {ValueError, UnicodeDecodeError}
    assert outcome(pieces(body, 1)) in {ValueError, UnicodeDecodeError}


# Header lines


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        ('form-data; name="a"', "a", None),
        ('form-data; name="ä😀"', "ä😀", None),
        ('form-data; name="a;b=c"', "a;b=c", None),
        ("form-data; name=a; filename=b", "a", "b"),
        ('form-data; name=""; filename=""', "", ""),
        ('attachment; NAME="a"; FILENAME="b"', "a", "b"),
        ('form-data; name="a"; filename="b\\"c.txt"', "a", 'b"c.txt'),
        ('form-data; name="a"; filename="b%22c%0D%0A.txt"', "a", 'b"c%0D%0A.txt'),
        ('form-data; name="a"; filename="C:\\\\b\\\\c.txt"', "a", "C:\\b\\c.txt"),
        ("form-data; name=a; filename*=UTF-8''%e2%82%ac.txt", "a", "€.txt"),
        ("form-data; name=a; filename=x; filename*=UTF-8''y", "a", "y"),
        ("form-data; name*=UTF-8''%C3%A4", "ä", None),
        ("form-data; filename=b", None, "b"),
        ("form-data", None, None),
        ("", None, None),
        ('form-data; name="a', None, None),
    ],
)
def test_names(disposition: str, name: str | None, filename: str | None) -> None:
    for field_name in ("Content-Disposition", "content-disposition"):
        event = part(f"{field_name}: {disposition}".encode())
        assert isinstance(event, (Field, File))
        assert event.name == name
        assert getattr(event, "filename", None) == filename
        assert isinstance(event, File) is (filename is not None)
        assert list(event.headers) == [(field_name, disposition)]


def test_header_lines() -> None:
    event = part(
        b"\r\n  X-First : 1 \r\nContent-Disposition: form-data;\r\n\tname=a;\r\n  filename=b\r\n"
        b": no name\r\nno value\r\nX-Last:a:b\nX-Bare: \xc2\x85"
    )
    assert event == File(
        "a",
        "b",
        Headers(
            [
                ("X-First", "1"),
                ("Content-Disposition", "form-data; name=a;  filename=b"),
                ("", "no name"),
                ("no value", ""),
                ("X-Last", "a:b"),
                ("X-Bare", "\x85"),
            ]
        ),
    )


def test_the_type_of_a_part() -> None:
    event = part(
        b'Content-Disposition: form-data; name="a"; filename="b"\r\nContent-Type: text/x; a=b'
    )
    assert isinstance(event, File)
    assert event.headers["content-type"] == "text/x; a=b"


# Limits


def test_what_waits_is_bounded() -> None:
    decoder = MultipartDecoder(BOUNDARY, 100)
    decoder.receive_data(b"x" * 100)
    assert decoder.next_event() is NEED_DATA
    with pytest.raises(RequestEntityTooLarge):
        decoder.receive_data(b"x")
    with pytest.raises(RequestEntityTooLarge):
        MultipartDecoder(BOUNDARY, 100).receive_data(b"x" * 101)


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 101 + b"\r\n" + FIELD + END,
        b"--foo\r\nX: " + b"x" * 101 + b"\r\n" + FIELD[7:] + END,
        b'--foo\r\nContent-Disposition: form-data; name="' + b"x" * 101 + b'"\r\n\r\n' + END,
        FIELD + END + b"x" * 101,
    ],
)
def test_preamble_headers_and_epilogue_are_bounded(body: bytes) -> None:
    for size in (len(body), 30, 1):
        decoder = MultipartDecoder(BOUNDARY, 100)
        with pytest.raises(RequestEntityTooLarge):
            feed(decoder, body, size)


def test_content_is_not_bounded() -> None:
    chunks = [FIELD, *[b"x" * 90] * 10, END]
    assert joined(decode(chunks, max_form_memory_size=100))[2] == b"x" * 900


@pytest.mark.parametrize("size", [1000, 65536, 2 * MEBIBYTE])
def test_header_lines_are_bounded_in_any_case(size: int) -> None:
    for block in (b"x" * (2 * MEBIBYTE), b"x: y\r\n" * MEBIBYTE, b"\r\n " * MEBIBYTE):
        decoder = MultipartDecoder(BOUNDARY)
        with pytest.raises(RequestEntityTooLarge):
            feed(decoder, b"--foo\r\n" + block, size)
        assert len(decoder.buffer) <= 65536 + size


def test_header_lines_of_64_kib_are_accepted() -> None:
    line = b"X: " + b"x" * (65536 - 3 - len(FIELD[7:]) - len(b"\r\n") + len(b"\r\n\r\n")) + b"\r\n"
    body = b"--foo\r\n" + line + FIELD[7:] + END
    assert len(joined(decode([body]))) == 4
    assert outcome([b"--foo\r\nX" + body[7:]]) is RequestEntityTooLarge


def test_the_number_of_parts_is_bounded() -> None:
    body = (FIELD + b"v\r\n") * 2 + END[2:]
    assert len(joined(decode([body], max_parts=2))) == 6
    assert outcome([body], max_parts=1) is RequestEntityTooLarge
    assert outcome([body], max_parts=0) is RequestEntityTooLarge


# Whatever the pieces are


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_real_bodies_in_pieces(body: Body) -> None:
    boundary = body.boundary.encode()
    whole = outcome([body.raw], boundary)
    assert (whole is UnicodeDecodeError) == ("error" in body.expected)
    for size in (1, 2, 3, 7, 64, 1000):
        assert outcome(pieces(body.raw, size), boundary) == whole


ATOMS = [
    *(b"--foo", b"\r\n--foo", b"\r\n--foo\r\n", b"\r\n--foo--", b"--foo\r\n", b"--foo--", FIELD),
    *(b"\r\n", b"\n", b"\r", b"-", b"--", b" ", b"\t", b"\r\n\r\n", b"abc", b"f", b"fo", b"\xff"),
    *(FIELD[7:], FILE[7:], b"content-disposition: form-data; name=b\n\n", b"X: y\r\n", b"\r\n z"),
]


@given(
    st.lists(st.sampled_from(ATOMS), max_size=12).map(b"".join),
    st.booleans(),
    st.lists(st.integers(0, 1000), max_size=8),
)
@effort(200)
def test_all_splits_come_to_the_same(body: bytes, begun: bool, cuts: list[int]) -> None:
    body = (FIELD if begun else b"") + body + END
    whole = outcome([body], max_form_memory_size=10_000)
    assert outcome(split(body, cuts), max_form_memory_size=10_000) == whole
    assert outcome(pieces(body, 1), max_form_memory_size=10_000) == whole


@given(
    st.binary(max_size=3) | st.sampled_from([b"-", b"--", b" ", b"a" * 5000]),
    st.lists(st.sampled_from([*ATOMS, b"--", b"a" * 5000]) | st.binary(max_size=5), max_size=12),
    st.lists(st.integers(0, 1000), max_size=4),
)
@effort(300)
def test_nothing_but_the_documented_errors(
    boundary: bytes, atoms: list[bytes], cuts: list[int]
) -> None:
    body = b"".join(atom.replace(b"foo", boundary) for atom in [FIELD, *atoms, END])
    whole = outcome([body], boundary)
    if not set(boundary) & set(b"\r\n"):  # a line break in a boundary is none of HTTP's
        assert outcome(split(body, cuts), boundary) == whole


@given(st.lists(st.sampled_from(BODIES)), st.lists(st.integers(0, 10_000), max_size=20))
@effort(50)
def test_real_bodies_at_random_splits(bodies: list[Body], cuts: list[int]) -> None:
    for body in bodies:
        boundary = body.boundary.encode()
        assert outcome(split(body.raw, cuts), boundary) == outcome([body.raw], boundary)


BOUNDARIES = [b"x", b"-", b"--", b"-" * 69 + b"x", b"-" * 25 + b"x" + b"-" * 25, b"b" * 200]


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_boundaries_of_all_kinds(boundary: bytes) -> None:
    head = FIELD.replace(b"foo", boundary, 1)
    token = b"--" + boundary
    content = b"".join(token[:size] + b"\r\n" for size in range(len(token))) + token[:-1] + b"\r"
    body = head + content + b"\r\n" + token + b"--"
    for size in (len(body), 1, 13):
        assert joined(decode(pieces(body, size), boundary))[2:] == [content, Epilogue(b"")]


FLOODS = {
    "CR": b"\r",
    "LF": b"\n",
    "CRLF": b"\r\n",
    "dashes": b"-",
    "begun": b"\r\n--",
    "nearly": b"\r\n--fo",
    "token": b"x--foo",
    "padded": b"\r\n--foo" + b" " * 60 + b"x",
    "padding": b"\r\n--foo" + b" " * 70,
    "half closed": b"\r\n--foo-x",
}


@pytest.mark.parametrize("line_break", [b"\r\n", b"\n", b"\r"])
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_delimiter_in_a_flood(flood: bytes, line_break: bytes) -> None:
    end = END.replace(b"\r\n", line_break)
    for content in (flood * 30 + b"x", b"x--foox" * 9 + flood * 9 + b"x"):
        found = outcome([FILE + content + end])
        assert found[2:] == [content, Epilogue(b"")]
        assert outcome([content + line_break + FILE + end])[0] == Preamble(content)


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_floods_pass_through(flood: bytes) -> None:
    """Megabytes in pieces of 64 KiB; no time is asserted, but quadratic work would not end."""
    length = (10 if len(flood) <= 2 else 2) * MEBIBYTE
    content = (flood * (length // len(flood) + 1))[:length]
    decoder = MultipartDecoder(BOUNDARY)
    size = 0
    for chunk in pieces(FILE + content + b"\x00" + END, 65536):
        decoder.receive_data(chunk)
        size += sum(len(event.data) for event in events(decoder) if isinstance(event, Data))
        assert len(decoder.buffer) < 200
    assert size == len(content) + 1


@pytest.mark.parametrize("line_break", [b"\r\n", b"\n", b"\r"])
def test_a_flood_in_each_of_many_parts(line_break: bytes) -> None:
    """In one piece; no time is asserted, but it took minutes while it was quadratic."""
    content = b"x--foo" * 12
    part = (FILE + content + b"\r\n").replace(b"\r\n", line_break)
    decoder = MultipartDecoder(BOUNDARY)
    decoder.receive_data((part * 20_000).removesuffix(line_break) + END)
    data = [event.data for event in events(decoder) if isinstance(event, Data) and event.data]
    assert data == [content] * 20_000


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_floods_octet_by_octet(flood: bytes) -> None:
    content = (flood * (20_000 // len(flood) + 1))[:20_000]
    decoder = MultipartDecoder(BOUNDARY)
    size = 0
    for chunk in pieces(FILE + content + b"\x00" + END, 1):
        decoder.receive_data(chunk)
        size += sum(len(event.data) for event in events(decoder) if isinstance(event, Data))
        assert len(decoder.buffer) < 200
    assert size == len(content) + 1


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_floods_in_front_of_all_parts(flood: bytes) -> None:
    preamble = (flood * (500_000 // len(flood) + 1))[:500_000] + b"\x00"
    for size in (64, 65536, MEBIBYTE):
        found = decode(pieces(preamble + b"\r\n" + FIELD + b"v" + END, size))
        assert found[0] == Preamble(preamble)


# The encoder


def test_encode() -> None:
    encoder = MultipartEncoder(BOUNDARY)
    assert (encoder.boundary, encoder.state) == (BOUNDARY, State.PREAMBLE)
    sent = [
        Preamble(b""),
        Field("a", Headers([("X-Y", "z")])),
        Data(b"1", True),
        Data(b"2", False),
        File("ä", "€", Headers([("Content-Type", "text/x"), ("Content-Disposition", "lost")])),
        Data(b"", True),
        Data(b"3", False),
        Field("e", Headers()),
        Data(b"", False),
        Epilogue(b"end"),
    ]
    assert [encoder.send_event(event) for event in sent] == [
        b"",
        b'\r\n--foo\r\nContent-Disposition: form-data; name="a"\r\nX-Y: z\r\n',
        b"\r\n1",
        b"2",
        b'\r\n--foo\r\nContent-Disposition: form-data; name="\xc3\xa4"; '
        b'filename="\xe2\x82\xac"\r\nContent-Type: text/x\r\n',
        b"",
        b"\r\n3",
        b'\r\n--foo\r\nContent-Disposition: form-data; name="e"\r\n',
        b"",
        b"\r\n--foo--\r\nend",
    ]
    assert encoder.state is State.COMPLETE


def test_names_cannot_break_out() -> None:
    encoder = MultipartEncoder(BOUNDARY)
    head = encoder.send_event(File('a"; x="\r\nX: y', 'b\\"', Headers()))
    assert head == (
        b'\r\n--foo\r\nContent-Disposition: form-data; name="a\\"; x=\\"%0D%0AX: y"; '
        b'filename="b\\\\\\""\r\n'
    )


A_FIELD = Field("a", Headers())


@pytest.mark.parametrize(
    "sequence",
    [
        [Data(b"x", True)],
        [Preamble(b""), Preamble(b"")],
        [Preamble(b""), Data(b"x", True)],
        [A_FIELD, A_FIELD],
        [A_FIELD, Data(b"", True), A_FIELD],
        [Epilogue(b""), A_FIELD],
        [Epilogue(b""), Data(b"x", False)],
        [NEED_DATA],
        [Event()],
    ],
)
def test_events_out_of_order(sequence: list[Event]) -> None:
    encoder = MultipartEncoder(BOUNDARY)
    for event in sequence[:-1]:
        encoder.send_event(event)
    with pytest.raises(ValueError, match="out of order"):
        encoder.send_event(sequence[-1])


def test_surrogates_are_not_sent() -> None:
    with pytest.raises(UnicodeEncodeError):
        MultipartEncoder(BOUNDARY).send_event(Field("\udc80", Headers()))


NAMES = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8
).filter(lambda name: "%22" not in name)
TOKENS = st.text("abcXYZ-", min_size=1, max_size=6)
VALUES = st.text("abc xyz;=äöü€", max_size=8).map(str.strip)
HEADERS = st.lists(st.tuples(TOKENS, VALUES), max_size=2).filter(
    lambda pairs: not any(name.lower() == "content-disposition" for name, _ in pairs)
)
CONTENTS = st.lists(st.sampled_from([b"\r", b"\n", b"--", b"--fo", b"foo", b"x", b"\xff"]))
PARTS = st.tuples(NAMES, st.none() | NAMES, HEADERS, CONTENTS)


@given(
    st.sampled_from([b"", b"preamble"]),
    st.lists(PARTS, max_size=4),
    st.binary(max_size=4),
    st.lists(st.integers(0, 1000), max_size=6),
)
@effort(100)
def test_decoding_undoes_encoding(
    preamble: bytes, parts: list[Any], epilogue: bytes, cuts: list[int]
) -> None:
    encoder = MultipartEncoder(b"foo" * 5)
    sent: list[Event] = [Preamble(preamble)]
    for name, filename, headers, content in parts:
        if filename is None:
            sent.append(Field(name, Headers(headers)))
        else:
            sent.append(File(name, filename, Headers(headers)))
        sent += [Data(piece, True) for piece in content]
        sent.append(Data(b"", False))
    sent.append(Epilogue(epilogue))
    body = b"".join(encoder.send_event(event) for event in sent)

    received = joined(decode(split(body, cuts), b"foo" * 5))

    for event in received:
        if isinstance(event, (Field, File)):
            event.headers.remove("Content-Disposition")
    assert received == joined(sent)


@pytest.mark.parametrize("octet", [b"\v", b"\f", b"\x1c", b"\x00"])
def test_only_space_and_tab_are_white(octet: bytes) -> None:
    decoder = MultipartDecoder(b"foo")
    decoder.receive_data(b"--foo\r\n" + octet + b'Content-Disposition: form-data; name="f"\r\n\r\n')
    assert decoder.next_event() == Preamble(b"")
    with pytest.raises(ValueError, match="Content-Disposition"):
        decoder.next_event()
