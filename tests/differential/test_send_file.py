"""Files as responses: ours and Werkzeug's, for the same files and requests."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome
from werkzeug.utils import send_file as their_send_file
from werkzeug.utils import send_from_directory as their_send_from_directory

from dovetail.toolkit.files import send_file, send_from_directory

CONTENT = b"0123456789" * 30
NAMES = [
    *("a.txt", "b.html", "c.unknown", "d.tar.gz", "e \xfc.txt", 'f"q.txt', ".hidden", "g.svgz"),
    *("h", "\u65e5\u672c.js", "i'(x)*!\xbd.css", "j;k.txt", "sub/l.txt"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folder")
    (folder / "sub").mkdir()
    for name in NAMES:
        (folder / name).write_bytes(CONTENT)
        os.utime(folder / name, (1_000_000_000.5, 1_000_000_000.5))
    (folder.parent / "outside.txt").write_bytes(b"secret")
    return folder


ENVIRONS = st.builds(
    lambda method, fields: {"REQUEST_METHOD": method, **fields},
    st.sampled_from(["GET", "GET", "HEAD", "POST"]),
    st.one_of(
        st.just({}),
        st.fixed_dictionaries(
            {"HTTP_RANGE": st.sampled_from(["bytes=3-6", "bytes=290-", "bytes=-3", "bytes=900-"])},
            optional={"HTTP_IF_RANGE": st.sampled_from(['"x"', '"y"'])},
        ),
        st.fixed_dictionaries(
            {
                "HTTP_IF_MODIFIED_SINCE": st.sampled_from(
                    ["Sun, 09 Sep 2001 01:46:40 GMT", "Sun, 09 Sep 2001 01:46:39 GMT"]
                )
            }
        ),
        st.fixed_dictionaries({"HTTP_IF_NONE_MATCH": st.sampled_from(['"x"', "*", '"y"'])}),
    ),
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "mimetype": st.sampled_from(["text/html", "application/json", "a/b; c=d"]),
        "as_attachment": st.booleans(),
        "download_name": st.one_of(
            st.sampled_from([*NAMES, "", "a\nb", 'a\\"b']), st.text(max_size=6)
        ),
        "conditional": st.booleans(),
        "etag": st.sampled_from([True, False, "x", "", 'a"b']),
        "last_modified": st.sampled_from([0, 5.7, datetime(2020, 1, 1, tzinfo=UTC)]),
        "max_age": st.sampled_from([None, 0, lambda path: None]),
        "use_x_sendfile": st.booleans(),
    },
)


def answer(response: Any, environ: dict[str, Any]) -> Any:
    response.headers.pop("Date", None)
    if "Expires" in response.headers:
        response.headers["Expires"] = "soon"
    content, status, fields = response.get_wsgi_response(environ)
    data = b"".join(content)
    response.close()
    return status, fields, data, response.direct_passthrough


def call(function: Callable[..., Any], make: Callable[[], Any], environ: Any, options: Any) -> Any:
    return answer(function(make(), dict(environ), **options), environ)


@given(name=st.sampled_from(NAMES), environ=ENVIRONS, options=OPTIONS)
def test_path(folder: Path, name: str, environ: dict[str, str], options: dict[str, Any]) -> None:
    for given_path in (folder / name, str(folder / name)):
        ours = outcome(call, send_file, lambda: given_path, environ, options)  # noqa: B023
        theirs = outcome(call, their_send_file, lambda: given_path, environ, options)  # noqa: B023
        assert ours == theirs


@given(environ=ENVIRONS, options=OPTIONS, text=st.booleans())
def test_file(environ: dict[str, str], options: dict[str, Any], text: bool) -> None:
    def make() -> Any:
        return io.StringIO("0123456789") if text else io.BytesIO(CONTENT)

    ours = outcome(call, send_file, make, environ, options)
    assert ours == outcome(call, their_send_file, make, environ, options)


@given(environ=ENVIRONS, options=OPTIONS)
def test_open_file(folder: Path, environ: dict[str, str], options: dict[str, Any]) -> None:
    def make() -> Any:
        return (folder / "a.txt").open("rb", buffering=0)

    ours = outcome(call, send_file, make, environ, options)
    assert ours == outcome(call, their_send_file, make, environ, options)


PATHS = st.one_of(
    st.sampled_from([*NAMES, "sub", "", ".", "..", "../outside.txt", "/etc/passwd", "a.txt/"]),
    st.lists(st.sampled_from(["sub", "..", ".", "", "a.txt", "l.txt", "\0", "\\", "~"])).map(
        "/".join
    ),
    st.text(max_size=8),
    st.just("x" * 300),
)


@given(path=PATHS, environ=ENVIRONS, relative=st.booleans())
def test_directory(folder: Path, path: str, environ: dict[str, str], relative: bool) -> None:
    def send(function: Callable[..., Any]) -> Any:
        options = {"_root_path": str(folder.parent)} if relative else {}
        directory = folder.name if relative else folder
        return answer(function(directory, path, dict(environ), **options), environ)

    assert outcome(send, send_from_directory) == outcome(send, their_send_from_directory)
