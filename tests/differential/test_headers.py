"""Header fields beside Werkzeug's."""

from __future__ import annotations

import io
from typing import Any

import pytest
import werkzeug.datastructures as theirs
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.data.file_storage import FileMultiDict, FileStorage
from dovetail.data.headers import EnvironHeaders, Headers
from dovetail.data.multidict import MultiDict

NAMES = st.sampled_from(["A", "a", "B", "b-c", "Content-Type", "x" * 70])
VALUES = st.one_of(
    st.sampled_from(["1", "2", "x", "", "a\nb", "\r", "é€", "a b", None, 1.5]),
    st.integers(0, 5),
    st.text(max_size=6),
)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=5)
MAPPINGS = st.dictionaries(
    NAMES,
    st.one_of(VALUES, st.lists(VALUES, max_size=2), st.lists(VALUES, max_size=2).map(tuple)),
    max_size=4,
)
SOURCES = st.one_of(PAIRS, MAPPINGS, st.none(), st.sampled_from([5, [1], [("a",)], "", "ab"]))
TYPES = st.sampled_from([None, int, str])
OPTIONS = st.dictionaries(st.sampled_from(["filename", "foo_bar", "q"]), VALUES, max_size=2)
STEPS = st.one_of(
    st.tuples(st.sampled_from(["__setitem__", "setdefault"]), NAMES, VALUES),
    st.tuples(st.sampled_from(["__delitem__", "remove", "pop", "__getitem__"]), NAMES),
    st.tuples(st.sampled_from(["__delitem__", "pop", "__getitem__"]), st.integers(-6, 6)),
    st.tuples(st.just("__setitem__"), st.integers(-6, 6), st.tuples(NAMES, VALUES)),
    st.tuples(st.just("__setitem__"), st.slices(5), PAIRS),
    st.tuples(st.just("__delitem__"), st.slices(5)),
    st.tuples(st.just("__getitem__"), st.slices(5)),
    st.tuples(st.just("pop"), NAMES, VALUES),
    st.tuples(st.sampled_from(["pop", "popitem", "clear", "copy", "to_wsgi_list", "__len__"])),
    st.tuples(st.sampled_from(["__str__", "__repr__", "values"])),
    st.tuples(st.sampled_from(["items", "keys"]), st.booleans()),
    st.tuples(st.sampled_from(["setlist", "setlistdefault"]), NAMES, st.lists(VALUES, max_size=3)),
    st.tuples(st.sampled_from(["extend", "update", "__or__", "__ior__"]), SOURCES),
    st.tuples(st.just("get"), NAMES, VALUES, TYPES),
    st.tuples(st.just("getlist"), NAMES, TYPES),
    st.tuples(st.sampled_from(["get_all", "__contains__"]), NAMES),
)


def plain(value: Any) -> Any:
    """Return a result in a form that is equal for both packages."""
    if value is NotImplemented or isinstance(value, str):
        return value
    try:
        return list(value)
    except TypeError:
        return value


def applied(headers: Any, step: Any, options: dict[str, Any]) -> Any:
    """Apply a step to a copy; return the result and the fields afterwards, or the error."""
    name, *arguments = step
    headers = headers.copy()
    result = outcome(getattr(headers, name), *arguments, **options, form=plain)
    # What an error leaves behind is not promised, except that it is no line end.
    return (result, list(headers)) if result[0] == "returned" else (result, None)


@given(source=SOURCES)
def test_making(source: Any) -> None:
    assert outcome(Headers, source, form=list) == outcome(theirs.Headers, source, form=list)


@given(
    pairs=PAIRS.filter(lambda pairs: not any("\n" in str(v) or "\r" in str(v) for _, v in pairs)),
    steps=st.lists(STEPS, max_size=8),
)
def test_steps(pairs: Any, steps: list[Any]) -> None:
    ours, peers = Headers(pairs), theirs.Headers(pairs)
    for step in steps:
        assert applied(ours, step, {}) == applied(peers, step, {})
        name, *arguments = step
        if applied(ours, step, {})[1] is not None:
            outcome(getattr(ours, name), *arguments)
            outcome(getattr(peers, name), *arguments)
        assert list(ours) == list(peers)


@given(
    pairs=st.just([("A", "1"), ("a", "2")]),
    name=NAMES,
    value=VALUES.filter(lambda value: value is None or isinstance(value, str)),
    options=OPTIONS,
)
@pytest.mark.parametrize("way", ["add", "add_header", "set"])
def test_parameters(way: str, pairs: Any, name: str, value: Any, options: dict[str, Any]) -> None:
    step = (way, name, value)
    results = [applied(cls(pairs), step, options) for cls in (Headers, theirs.Headers)]
    assert results[0] == results[1]


@given(left=PAIRS, right=PAIRS)
def test_equality(left: Any, right: Any) -> None:
    for a, b in ((left, right), (left, left[::-1])):
        assert outcome(lambda a=a, b=b: Headers(a) == Headers(b)) == outcome(
            lambda a=a, b=b: theirs.Headers(a) == theirs.Headers(b)
        )


@given(pairs=PAIRS, other=PAIRS)
def test_from_multi_dicts_and_each_other(pairs: Any, other: Any) -> None:
    def update(headers: Any, multi_dict: Any, method: str, source: str) -> Any:
        value = headers(pairs)
        argument = multi_dict(other) if source == "MultiDict" else headers(other)
        getattr(value, method)(argument)
        return list(value)

    for method in ("update", "extend"):
        for source in ("MultiDict", "Headers"):
            assert outcome(update, Headers, MultiDict, method, source) == outcome(
                update, theirs.Headers, theirs.MultiDict, method, source
            )


ENVIRON_KEYS = st.sampled_from(
    [
        *("HTTP_HOST", "HTTP_X_FOO_BAR", "HTTP_ETAG", "HTTP_A1B", "HTTP_", "REQUEST_METHOD"),
        *("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"),
        *("wsgi.input", "HTTPX", "HTTP_É"),
    ]
)
FIELD_NAMES = st.sampled_from(
    ["Host", "hOsT", "X-Foo-Bar", "content-type", "Content-Length", "nope", "", "a1b", "é", "Etag"]
)


@given(
    environ=st.dictionaries(ENVIRON_KEYS, st.sampled_from(["", "1", "x", "é"])),
    name=FIELD_NAMES,
    default=VALUES,
    to=TYPES,
)
def test_environ_headers(environ: Any, name: str, default: Any, to: Any) -> None:
    ours, peers = EnvironHeaders(environ), theirs.EnvironHeaders(environ)
    assert list(ours) == list(peers)
    assert len(ours) == len(peers)
    assert (str(ours), repr(ours)) == (str(peers), repr(peers))
    assert list(ours.items(lower=True)) == list(peers.items(lower=True))
    assert ours.get(name, default, to) == peers.get(name, default, to)
    assert ours.getlist(name, to) == peers.getlist(name, to)
    assert (name in ours) == (name in peers)
    results = [outcome(headers.__getitem__, name) for headers in (ours, peers)]
    if results[0][0] == "raised":  # see the table of differences
        assert results == [("raised", "BadRequestKeyError"), ("raised", "KeyError")]
    else:
        assert results[0] == results[1]


class Named(io.BytesIO):
    """A stream that may have a name."""

    def __init__(self, name: Any) -> None:
        super().__init__(b"content")
        self.name = name


@given(
    stream_name=st.sampled_from(
        [None, "", "a.txt", b"b.txt", "<fdopen>", "<x", b"<y>", "/p/q.gif"]
    ),
    filename=st.sampled_from([None, "", "c.html", "d.unknown", "e.tar.gz"]),
    content_type=st.sampled_from([None, "", "Text/X; Charset=Y", "nonsense; ; a"]),
    length=st.sampled_from([None, 0, 7]),
    given_fields=st.sampled_from([[], [("Content-Type", "h/h")], [("content-length", "z")]]),
)
def test_files(
    stream_name: Any, filename: Any, content_type: Any, length: Any, given_fields: Any
) -> None:
    def described(storage: Any, headers: Any) -> Any:
        file = storage(
            Named(stream_name), filename, "field", content_type, length, headers(given_fields)
        )
        facts = (
            "filename",
            "name",
            "content_type",
            "content_length",
            "mimetype",
            "mimetype_params",
        )
        return repr(file), bool(file), list(file.headers), [getattr(file, fact) for fact in facts]

    def added(files: Any) -> Any:
        value = files()
        value.add_file("field", Named(stream_name), filename, content_type)
        file = value["field"]
        return repr(value), file.name, list(file.headers)

    assert outcome(described, FileStorage, Headers) == outcome(
        described, theirs.FileStorage, theirs.Headers
    )
    assert outcome(added, FileMultiDict) == outcome(added, theirs.FileMultiDict)
