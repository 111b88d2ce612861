"""Bounded streams: ours beside the installed Werkzeug."""

from __future__ import annotations

import io
from typing import Any

import werkzeug.wsgi as theirs
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome

import dovetail.toolkit.streams as ours

CONTENT = b"line\n\nlonger line\n\r\nend"

calls = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["read", "readline"]), st.integers(1, 12).map(lambda n: (n,))),
        st.tuples(st.sampled_from(["read", "readline", "readall", "exhaust"]), st.just(())),
        st.tuples(st.just("readlines"), st.integers(0, 12).map(lambda n: (n,))),
        st.tuples(st.just("readinto"), st.integers(1, 12).map(lambda n: (bytearray(n),))),
        st.tuples(st.sampled_from(["tell", "readable", "seekable", "__next__"]), st.just(())),
        st.tuples(st.sampled_from(["seek", "write"]), st.just((0,))),
    ),
    max_size=8,
)


class ReadOnly:
    """Has ``read`` and nothing else."""

    def __init__(self, content: bytes) -> None:
        self.read = io.BytesIO(content).read


def run(
    package: Any, raw: Any, limit: int, is_max: bool, sequence: list[tuple[str, tuple[Any, ...]]]
) -> Any:
    stream = package.LimitedStream(raw, limit, is_max)
    results = []
    for name, arguments in sequence:
        results.append(outcome(getattr(stream, name), *arguments))
        results.append((stream.tell(), stream.is_exhausted))
    return results


@given(st.integers(-1, 30), st.booleans(), calls)
def test_limited_stream(limit: int, is_max: bool, sequence: Any) -> None:
    for make in (io.BytesIO, ReadOnly):
        assert run(ours, make(CONTENT), limit, is_max, sequence) == run(
            theirs, make(CONTENT), limit, is_max, sequence
        )


def choose(package: Any, environ: dict[str, Any], *arguments: Any) -> Any:
    environ = {**environ, "wsgi.input": io.BytesIO(CONTENT)}
    stream = package.get_input_stream(environ, *arguments)
    limit = getattr(stream, "limit", None)
    return stream is environ["wsgi.input"], type(stream).__name__, limit, stream.read()


environs = st.fixed_dictionaries(
    {},
    optional={
        "CONTENT_LENGTH": st.sampled_from(
            ["", "0", "3", " 4", "5\t", "+3", "-3", "x", "1_0", "٣", "1e3", "3,3", "100", "0x1"]
        ),
        "HTTP_TRANSFER_ENCODING": st.sampled_from(["chunked", "Chunked", "gzip", "", "identity"]),
        "wsgi.input_terminated": st.just(True),
    },
)


@given(environs, st.booleans(), st.sampled_from([None, 0, 3, 4, 100]))
def test_get_input_stream(environ: dict[str, Any], safe: bool, bound: int | None) -> None:
    assert outcome(choose, ours, environ, safe, bound) == outcome(
        choose, theirs, environ, safe, bound
    )
