"""Forms: what becomes of fields and files, and what is too much."""

from __future__ import annotations

import io
import tempfile
import tracemalloc
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.http1.effort import effort
from tests.toolkit.bodies import BODIES, Body, describe, pieces, split

from dovetail.data.exceptions import ClientDisconnected, RequestEntityTooLarge
from dovetail.data.file_storage import FileStorage
from dovetail.data.headers import Headers
from dovetail.data.multidict import ImmutableMultiDict, MultiDict
from dovetail.toolkit.forms import (
    FormDataParser,
    MultiPartParser,
    StreamFactory,
    default_stream_factory,
    parse_form_data,
)
from dovetail.toolkit.multipart import Field, File
from dovetail.toolkit.streams import LimitedStream

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
FIELD = b'--foo\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
FILE = (
    b'--foo\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n'
    b"Content-Type: text/x\r\nX-Y: z\r\n\r\n"
)
END = b"\r\n--foo--\r\n"


class Slow(io.BytesIO):
    """Gives out these pieces, one a read, whatever is asked for."""

    def __init__(self, given_out: list[bytes]) -> None:
        super().__init__(b"".join(given_out))
        self._sizes = [len(piece) for piece in given_out if piece]

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._sizes.pop(0)) if self._sizes else b""


def in_memory(**_: Any) -> IO[bytes]:
    """Return a stream that nobody has to close."""
    return io.BytesIO()


def parse(body: bytes, mimetype: str = MULTIPART, **arguments: Any) -> tuple[Any, Any]:
    """Return fields and files of a body whose boundary is foo."""
    arguments.setdefault("silent", False)
    arguments.setdefault("stream_factory", in_memory)
    parser = FormDataParser(**arguments)
    _, fields, files = parser.parse(io.BytesIO(body), mimetype, len(body), {"boundary": "foo"})
    return fields, files


def environ(body: bytes, content_type: str, **more: Any) -> dict[str, Any]:
    return {
        "wsgi.input": io.BytesIO(body),
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        **more,
    }


# What is returned


def test_fields_and_files() -> None:
    fields, files = parse(FIELD + b"1\r\n" + FILE + b"\x00\r\n" + FIELD + "ä".encode() + END)

    assert type(fields) is type(files) is MultiDict
    assert list(fields.items(multi=True)) == [("a", "1"), ("a", "ä")]
    assert list(files) == ["f"]
    file = files["f"]
    assert isinstance(file, FileStorage)
    assert (file.name, file.filename, file.content_type) == ("f", "n", "text/x")
    assert file.headers == Headers(
        [
            ("Content-Disposition", 'form-data; name="f"; filename="n"'),
            ("Content-Type", "text/x"),
            ("X-Y", "z"),
        ]
    )
    assert (file.stream.tell(), file.stream.read()) == (0, b"\x00")


def test_a_field_without_a_name_has_none() -> None:
    fields, files = parse(
        FIELD.replace(b'; name="a"', b"") + b"v\r\n" + FILE.replace(b' name="f";', b"") + END
    )
    assert fields[None] == "v"
    assert files[None].name is None


def test_no_file_chosen() -> None:
    _, files = parse(FILE.replace(b'"n"', b'""') + END)
    assert (files["f"].filename, files["f"].stream.read()) == ("", b"")
    assert not files["f"]


def test_transfer_encodings_are_not_undone() -> None:
    encoding = b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    fields, _ = parse(FIELD.replace(b"\r\n\r\n", encoding) + b"YQ==" + END)
    assert fields["a"] == "YQ=="


def test_urlencoded() -> None:
    body = "a=1&b=%C3%A4+%2B&ü=ß&c&=x&&a=2;d=3&e=%zz%ff".encode()
    fields, files = parse(body, URLENCODED)
    assert list(fields.items(multi=True)) == [
        ("a", "1"),
        ("a", "2;d=3"),
        ("b", "ä +"),
        ("ü", "ß"),
        ("c", ""),
        ("", "x"),
        ("e", "%zz%FF"),
    ]
    assert type(files) is MultiDict
    assert not files


@pytest.mark.parametrize(
    "mimetype", ["", "text/plain", "multipart/mixed", "application/json", URLENCODED.upper()]
)
def test_other_types_are_not_read(mimetype: str) -> None:
    stream = io.BytesIO(b"a=1")
    result = FormDataParser().parse(stream, mimetype, 3)
    assert result == (stream, MultiDict(), MultiDict())
    assert stream.tell() == 0


@pytest.mark.parametrize("mimetype", [MULTIPART, URLENCODED, "text/plain"])
def test_the_type_of_the_results(mimetype: str) -> None:
    for body in (FIELD + b"v" + END, b"malformed \xff"):
        fields, files = parse(body, mimetype, cls=ImmutableMultiDict, silent=True)
        assert type(fields) is type(files) is ImmutableMultiDict


# Malformed forms


@pytest.mark.parametrize(
    ("body", "mimetype", "options"),
    [
        (b"", MULTIPART, {"boundary": "foo"}),
        (FIELD + b"v", MULTIPART, {"boundary": "foo"}),
        (FILE + b"v" * 600_000, MULTIPART, {"boundary": "foo"}),
        (FILE + b"v\r\n--foo\r\nX: y\r\n\r\n" + END, MULTIPART, {"boundary": "foo"}),
        (FIELD.replace(b'"a"', b'"\xff"') + b"v" + END, MULTIPART, {"boundary": "foo"}),
        (FIELD + b"v" + END, MULTIPART, {"boundary": "bar"}),
        (FIELD + b"v" + END, MULTIPART, {"boundary": " foo"}),
        (FIELD + b"v" + END, MULTIPART, {"boundary": "f\r\noo"}),
        (FIELD + b"v" + END, MULTIPART, {"boundary": "f" * 300}),
        (FIELD + b"v" + END, MULTIPART, {"boundary": "ä"}),
        (FIELD + b"v" + END, MULTIPART, {"boundary": "\udcff"}),
        (FIELD + b"v" + END, MULTIPART, {"boundary": ""}),
        (FIELD + b"v" + END, MULTIPART, {}),
        (FIELD + b"v" + END, MULTIPART, None),
        (b"a=\xff", URLENCODED, None),
    ],
)
def test_malformed_forms(body: bytes, mimetype: str, options: Any) -> None:
    stream = io.BytesIO(body)
    silent = FormDataParser()
    assert silent.parse(stream, mimetype, len(body), options) == (stream, MultiDict(), MultiDict())
    with pytest.raises(ValueError, match=r".+"):
        FormDataParser(silent=False).parse(io.BytesIO(body), mimetype, len(body), options)


def test_the_length_is_not_relied_on() -> None:
    body = FIELD + b"v" + END
    for length in (None, 0, 3, 10**9):
        parser = FormDataParser(silent=False)
        _, fields, _ = parser.parse(io.BytesIO(body), MULTIPART, length, {"boundary": "foo"})
        assert fields == MultiDict({"a": "v"})


@pytest.mark.parametrize("boundary", ["x", "'()+_,-./:=?", "b" * 70, "b" * 200])
def test_boundaries(boundary: str) -> None:
    body = (FIELD + b"v" + END).replace(b"foo", boundary.encode())
    _, fields, _ = parse_form_data(environ(body, f'{MULTIPART}; boundary="{boundary}"'))
    assert fields == MultiDict({"a": "v"})


# Limits


def test_fields_are_bounded_one_by_one() -> None:
    body = FIELD + b"v" * 100 + b"\r\n" + FIELD + b"v" * 100 + END
    fields, _ = parse(body, max_form_memory_size=100)
    assert fields.getlist("a") == ["v" * 100] * 2
    with pytest.raises(RequestEntityTooLarge):
        parse(body, max_form_memory_size=99)


def test_a_large_field_is_not_kept() -> None:
    content = [FIELD] + [b"v" * 60] * 10
    with pytest.raises(RequestEntityTooLarge):
        MultiPartParser(max_form_memory_size=500).parse(Slow(content), b"foo", None)


def test_files_are_not_bounded_by_memory() -> None:
    body = FIELD + b"1\r\n" + FILE + b"x" * 2_000_000 + b"\r\n" + FIELD + b"2" + END
    fields, files = parse(body, max_form_memory_size=100)
    assert fields.getlist("a") == ["1", "2"]
    assert len(files["f"].stream.read()) == 2_000_000


def test_what_surrounds_parts_is_bounded() -> None:
    for body in (
        b"x" * 101 + b"\r\n" + FIELD + b"v" + END,
        FIELD + b"v" + END + b"x" * 101,
        b"--foo\r\nX: " + b"x" * 100 + FIELD[5:] + b"v" + END,
    ):
        with pytest.raises(RequestEntityTooLarge):
            parse(body, max_form_memory_size=100)


def test_an_epilogue_without_bound_is_read_and_forgotten() -> None:
    fields, _ = parse(FIELD + b"v" + END + b"x" * 1_000_000)
    assert fields == MultiDict({"a": "v"})


def test_the_number_of_parts_is_bounded() -> None:
    body = (FIELD + b"v\r\n") * 3 + END
    assert len(parse(body, max_form_parts=3)[0].getlist("a")) == 3
    for silent in (False, True):
        with pytest.raises(RequestEntityTooLarge):
            parse(body, max_form_parts=2, silent=silent)


def test_urlencoded_forms_are_bounded_by_the_content_only() -> None:
    """As documented: the other bounds are those of multipart forms."""
    fields, _ = parse(b"a=12345&b=6", URLENCODED, max_form_memory_size=1, max_form_parts=1)
    assert fields == MultiDict({"a": "12345", "b": "6"})
    with pytest.raises(RequestEntityTooLarge):
        parse_form_data(environ(b"a=1", URLENCODED), max_content_length=2)


TERMINATED = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"a=1", URLENCODED), (FIELD + b"1" + END, MULTIPART + "; boundary=foo")],
)
def test_content_of_unknown_length_is_bounded(body: bytes, content_type: str) -> None:
    sent = environ(body, content_type, **TERMINATED)
    _, fields, _ = parse_form_data(sent, max_content_length=len(body), silent=False)
    assert fields == MultiDict({"a": "1"})
    sent = environ(body, content_type, **TERMINATED)
    with pytest.raises(RequestEntityTooLarge):
        parse_form_data(sent, max_content_length=len(body) - 1)


# Files


def test_default_stream_factory() -> None:
    for size in (0, 500 * 1024, 500 * 1024 + 1):
        stream = default_stream_factory(size, "text/plain", "name", content_length=size)
        assert isinstance(stream, tempfile.SpooledTemporaryFile)
        with stream:
            stream.write(b"x" * size)
            assert stream._rolled is (size > 500 * 1024)  # type: ignore[attr-defined]


class Factory:
    """Makes streams that remember why they were made, and whether they were closed."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.streams: list[io.BytesIO] = []

    def __call__(self, **arguments: Any) -> IO[bytes]:
        self.calls.append(arguments)
        self.streams.append(io.BytesIO())
        return self.streams[-1]


def test_stream_factories_are_called_by_keyword() -> None:
    factory: Any = Factory()
    lengths = [b"12", b"-3", b"x", b"1" * 5000, "٣".encode()]
    body = b"".join(
        FILE.replace(b"X-Y: z", b"Content-Length: " + length) + b"v\r\n" for length in lengths
    )
    body += FILE.replace(b"Content-Type: text/x\r\n", b"") + END
    checked: StreamFactory = factory

    _, files = parse(body, stream_factory=checked)

    common = {"total_content_length": len(body), "filename": "n"}
    assert factory.calls == [
        *(
            {**common, "content_type": "text/x", "content_length": length}
            for length in (12, -3, 0, 0, 0)
        ),
        {**common, "content_type": None, "content_length": 0},
    ]
    assert [file.stream for file in files.getlist("f")] == factory.streams


def test_files_of_a_broken_form_are_closed() -> None:
    factory: Any = Factory()
    with pytest.raises(ValueError, match=r".+"):
        parse(FILE + b"1\r\n" + FILE + b"2", stream_factory=factory)
    assert [stream.closed for stream in factory.streams] == [True, True]


class Endless(io.RawIOBase):
    """A form with a file of many MiB that nobody has in memory, and a sink for that file."""

    def __init__(self, mebibytes: int) -> None:
        self._rest = mebibytes * 16
        self._piece = bytes(65536)
        self.written = 0

    def read(self, size: int = -1, /) -> bytes:
        self._rest -= 1
        if self._rest >= 0:
            return self._piece if self.written else FILE + self._piece
        return END if self._rest == -1 else b""

    def write(self, data: Any, /) -> int:
        self.written += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return 0


def test_files_are_not_kept_in_memory() -> None:
    form: Any = Endless(32)
    parser = MultiPartParser(stream_factory=lambda **_: form, max_form_memory_size=1000)  # type: ignore[arg-type]
    tracemalloc.start()
    try:
        parser.parse(form, b"foo", None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert form.written == 32 * 1024 * 1024
    assert peak < 500_000


# From the environ


def test_parse_form_data() -> None:
    sent = environ(FIELD + b"v" + END, "Multipart/Form-Data; boundary=foo")
    stream, fields, files = parse_form_data(sent)
    assert isinstance(stream, LimitedStream)
    assert (stream.read(), fields, files) == (b"", MultiDict({"a": "v"}), MultiDict())
    sent = environ(FIELD + b"v" + END, 'multipart/form-data; boundary="foo"')
    assert parse_form_data(sent)[1] == MultiDict({"a": "v"})


def test_parse_from_environ() -> None:
    parser = FormDataParser(silent=False)
    sent = environ(b"a=1", URLENCODED + "; charset=latin-1")
    assert parser.parse_from_environ(sent)[1] == MultiDict({"a": "1"})
    stream, fields, _ = parser.parse_from_environ({"wsgi.input": io.BytesIO(b"a=1")})
    assert (stream.read(), fields) == (b"", MultiDict())
    with pytest.raises(KeyError):
        parser.parse_from_environ({})


def test_content_cut_short() -> None:
    for body, content_type in ((b"a=1", URLENCODED), (FIELD, MULTIPART + "; boundary=foo")):
        with pytest.raises(ClientDisconnected):
            parse_form_data(environ(body, content_type, CONTENT_LENGTH=str(len(body) + 1)))


def test_arguments_are_kept() -> None:
    parser = FormDataParser(
        default_stream_factory, 1, 2, ImmutableMultiDict, False, max_form_parts=3
    )
    assert (
        parser.stream_factory,
        parser.max_form_memory_size,
        parser.max_content_length,
        parser.cls,
        parser.silent,
        parser.max_form_parts,
    ) == (default_stream_factory, 1, 2, ImmutableMultiDict, False, 3)
    multipart = MultiPartParser(default_stream_factory, 1, ImmutableMultiDict, 2, 3)
    assert (
        multipart.stream_factory,
        multipart.max_form_memory_size,
        multipart.cls,
        multipart.buffer_size,
        multipart.max_form_parts,
    ) == (default_stream_factory, 1, ImmutableMultiDict, 2, 3)
    assert MultiPartParser().buffer_size == 65536
    assert FormDataParser().silent is True


# MultiPartParser's own


def test_fail() -> None:
    with pytest.raises(ValueError, match="what is wrong"):
        MultiPartParser().fail("what is wrong")


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        (None, "utf-8"),
        ("text/plain", "utf-8"),
        ("text/plain; charset=UTF-8", "utf-8"),
        ("text/plain; charset=ISO-8859-1", "iso-8859-1"),
        ("text/plain; charset=us-ascii", "us-ascii"),
        ("text/plain; charset=ascii", "ascii"),
        ("text/plain; charset=utf-7", "utf-8"),
        ("text/plain; charset=nonsense", "utf-8"),
        ("; charset=ascii", "utf-8"),
    ],
)
def test_get_part_charset(content_type: str | None, charset: str) -> None:
    headers = Headers() if content_type is None else Headers([("Content-Type", content_type)])
    assert MultiPartParser().get_part_charset(headers) == charset


def test_fields_are_decoded_by_their_charset() -> None:
    def typed(charset: bytes) -> bytes:
        return FIELD[:-2] + b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\n"

    parts = [typed(b"iso-8859-1"), typed(b"us-ascii"), typed(b"utf-16"), FIELD]
    fields, _ = parse(b"".join(part + b"\xe4\r\n" for part in parts) + END[2:])
    assert fields.getlist("a") == ["ä", "\ufffd", "\ufffd", "\ufffd"]


def test_methods_of_a_subclass_are_used() -> None:
    class Parser(MultiPartParser):
        def get_part_charset(self, headers: Headers) -> str:
            assert headers["content-disposition"] == 'form-data; name="a"'
            return "cp1252"

        def start_file_streaming(self, event: File, total_content_length: int | None) -> IO[bytes]:
            assert (event.name, event.filename, total_content_length) == ("f", "n", 7)
            assert not isinstance(event, Field)
            return io.BytesIO()

    body = io.BytesIO(FIELD + b"\x80\r\n" + FILE + b"v" + END)
    fields, files = Parser().parse(body, b"foo", 7)
    assert fields == MultiDict({"a": "€"})
    assert isinstance(files["f"].stream, io.BytesIO)


def test_start_file_streaming_asks_the_factory() -> None:
    event = File("f", "n", Headers([("Content-Length", "5")]))
    factory: Any = Factory()
    stream = MultiPartParser(factory).start_file_streaming(event, 9)
    assert stream is factory.streams[0]
    assert factory.calls == [
        {"total_content_length": 9, "filename": "n", "content_type": None, "content_length": 5}
    ]


# Whatever the pieces are


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_real_bodies(body: Body) -> None:
    sent = environ(body.raw, body.content_type)
    assert describe(lambda: parse_form_data(sent, silent=False)) == body.meaning
    for size in (1, 7, 100):
        parser = MultiPartParser(buffer_size=size, max_form_memory_size=10_000)
        stream, boundary = io.BytesIO(body.raw), body.boundary.encode()
        assert describe(lambda: parser.parse(stream, boundary, None)) == body.meaning  # noqa: B023


PARTS = st.sampled_from(
    [
        *(FIELD + value + b"\r\n" for value in (b"", b"v" * 50, b"\r\n-", b"--foo", b"\r\n--fo")),
        *(FILE + value + b"\r\n" for value in (b"", b"\x00" * 3000, b"\r", b"\r\n--foo-")),
        b"--foo\r\nX: y\r\n\r\n",
        b"preamble\r\n",
    ]
)


@given(
    st.lists(PARTS, max_size=5).map(b"".join),
    st.sampled_from([b"--foo--", b"--foo--\r\n", b"", b"--foo-- \r\nepilogue"]),
    st.lists(st.integers(0, 10_000), max_size=10),
    st.sampled_from([None, 0, 66, 67, 100]),
)
@effort(150)
def test_all_splits_give_the_same_form(
    parts: bytes, end: bytes, cuts: list[int], bound: int | None
) -> None:
    body = parts + end

    def outcome(stream: IO[bytes]) -> Any:
        try:
            parser = MultiPartParser(max_form_memory_size=bound)
            return describe(lambda: parser.parse(stream, b"foo", None))
        except RequestEntityTooLarge:
            return "too large"

    whole = outcome(io.BytesIO(body))
    assert outcome(Slow(split(body, cuts))) == whole
    assert outcome(Slow(pieces(body, 1))) == whole
