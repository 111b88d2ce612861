"""Forms: ours beside the installed Werkzeug."""

from __future__ import annotations

import io
from typing import Any

import werkzeug.datastructures as their_types
import werkzeug.formparser as theirs
from hypothesis import example, given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from tests.toolkit.bodies import BODIES, Body

import dovetail.toolkit.forms as ours
from dovetail.data.headers import Headers

FIELD = b'--foo\r\nContent-Disposition: form-data; name="a"\r\n'
FILE = b'--foo\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n'
URLENCODED = "application/x-www-form-urlencoded"

parts = st.builds(
    lambda head, lines, content: head + b"".join(lines) + b"\r\n" + content + b"\r\n",
    st.sampled_from([FIELD, FILE, b"--foo\r\ncontent-disposition: x; name=ab\r\n", b"--foo\r\n"]),
    st.lists(
        st.sampled_from(
            [
                b"Content-Type: text/plain; charset=iso-8859-1\r\n",
                b"Content-Type: text/plain; charset=utf-16\r\n",
                b"Content-Type: ; charset=ascii\r\n",
                b"Content-Length: 7\r\n",
                b"Content-Length: x\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"X: \xff\r\n",
            ]
        ),
        max_size=2,
    ),
    st.sampled_from([b"", b"value", b"\xe4", b"\r\n", b"--foo", b"\x00" * 100]),
)
multipart = st.builds(
    lambda preamble, content, end: preamble + b"".join(content) + end,
    st.sampled_from([b"", b"preamble\r\n"]),
    st.lists(parts, max_size=4),
    st.sampled_from([b"--foo--\r\n", b"--foo--", b"", b"--foo--\r\nepilogue"]),
)
urlencoded = st.lists(
    st.sampled_from(
        [
            *b"a=&;+%".decode(),
            "%C3%A4",
            "%ff",
            "%zz",
            "%",
            "ä",
            "%00",
            "%26",
            "%3D",
            "b=2&",
            "%u00e4",
        ]
    )
).map(lambda pieces: "".join(pieces).encode())


def form(result: Any) -> Any:
    """Return fields and files as plain data."""
    _, fields, files = result
    described = []
    for name, file in files.items(multi=True):
        content = file.stream.read()
        described.append(
            (name, file.name, file.filename, file.content_type, list(file.headers), content)
        )
        file.close()
    return list(fields.items(multi=True)), described


def parse(package: Any, body: bytes, mimetype: str, options: Any, **arguments: Any) -> Any:
    calls: list[Any] = []

    def factory(**arguments: Any) -> Any:
        calls.append(arguments)
        return io.BytesIO()

    parser = package.FormDataParser(stream_factory=factory, **arguments)
    result = outcome(parser.parse, io.BytesIO(body), mimetype, len(body), options, form=form)
    return result, calls


@given(
    multipart,
    st.sampled_from([{"boundary": "foo"}, {"boundary": "fo"}, {"boundary": "ä"}, {}, None]),
    st.booleans(),
    st.sampled_from([None, 0, 1, 2]),
    st.sampled_from([None, 5000]),
)
def test_multipart(
    body: bytes, options: Any, silent: bool, count: int | None, bound: int | None
) -> None:
    arguments = {"silent": silent, "max_form_parts": count, "max_form_memory_size": bound}
    assert parse(ours, body, "multipart/form-data", options, **arguments) == parse(
        theirs, body, "multipart/form-data", options, **arguments
    )


@given(urlencoded | st.binary(), st.booleans(), st.sampled_from([None, 0, 1]))
@example(b"a=1&a=2&b", False, 1)
def test_urlencoded(body: bytes, silent: bool, bound: int | None) -> None:
    arguments = {"silent": silent, "max_form_parts": bound, "max_form_memory_size": bound}
    assert parse(ours, body, URLENCODED, {}, **arguments) == parse(
        theirs, body, URLENCODED, {}, **arguments
    )


CONTENT_TYPES = [
    *(URLENCODED, URLENCODED + "; charset=latin-1", "multipart/form-data; boundary=foo"),
    *(
        'multipart/form-data; BOUNDARY="foo"',
        "multipart/form-data",
        "multipart/mixed; boundary=foo",
    ),
    *("text/plain", "", ";", "multipart/form-data; boundary*=UTF-8''foo"),
]


@given(
    multipart | urlencoded,
    st.sampled_from(CONTENT_TYPES),
    st.sampled_from([-1, 0, 1]),
    st.booleans(),
    st.sampled_from([None, 0, 10_000]),
)
def test_parse_form_data(
    body: bytes, content_type: str, lie: int, silent: bool, bound: int | None
) -> None:
    def run(package: Any) -> Any:
        environ = {
            "wsgi.input": io.BytesIO(body),
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body) + lie),
        }
        return outcome(
            package.parse_form_data, environ, max_content_length=bound, silent=silent, form=form
        )

    assert run(ours) == run(theirs)


@given(st.sampled_from(BODIES))
def test_real_bodies(body: Body) -> None:
    options = {"boundary": body.boundary}
    assert parse(ours, body.raw, "multipart/form-data", options, silent=False) == parse(
        theirs, body.raw, "multipart/form-data", options, silent=False
    )


@given(
    st.sampled_from(["text/plain", "", "a/b ", ";"]),
    st.sampled_from(["", "; charset=", "; Charset="]),
    st.sampled_from(
        ["ascii", "US-ASCII", '"utf-8"', "UTF8", "iso-8859-1", "latin-1", "utf-7", "ISO_8859-1", ""]
    ),
)
def test_get_part_charset(mimetype: str, key: str, charset: str) -> None:
    pairs = [("Content-Type", mimetype + key + charset)]
    assert ours.MultiPartParser().get_part_charset(
        Headers(pairs)
    ) == theirs.MultiPartParser().get_part_charset(their_types.Headers(pairs))
