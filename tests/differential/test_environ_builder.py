"""Environs and multipart bodies: ours beside the installed Werkzeug."""

from __future__ import annotations

import io
from typing import Any

import werkzeug.datastructures as their_types
import werkzeug.test as theirs
from hypothesis import example, given
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.data.file_storage import FileStorage
from dovetail.data.multidict import MultiDict
from dovetail.toolkit.testing import environ_builder as ours
from dovetail.toolkit.testing.multipart_body import encode_multipart

# What is read apart, or is an object of the package's.
APART = frozenset({"wsgi.input", "wsgi.errors"})

# Without letters that could end a percent-encoding: octets that are no UTF-8 are in the table of
# differences.
pieces = [
    *("/", "//", "g", "H", ".", "..", "%2F", "%20", "%C3%BC", "%", "%zz", " ", "ü", "€", "+"),
    *(";", ":", "@", "&", "=", "|", '"', "<", "\\", "~", "[", "]", "\t", "\n"),
]
path = st.lists(st.sampled_from(pieces), max_size=6).map(lambda parts: "/" + "".join(parts))
query = st.lists(st.sampled_from([*pieces, "?", "#"]), max_size=6).map("".join)
host = st.sampled_from(
    ["localhost", "e.test", "e.test:80", "e.test:8443", "täst.test", "E.TEST", "h:", "h:x", "h:0"]
)
base_url = st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "ftp"]),
    host,
    st.one_of(st.just(""), path),
)
text = st.text(st.sampled_from("ab ü€&=+%/?#\"'"), max_size=4)
value = st.one_of(text, st.integers(0, 9), st.none(), st.booleans(), st.floats(0, 1))
mapping = st.dictionaries(text, st.one_of(value, st.lists(value, max_size=3)), max_size=3)
types = st.sampled_from(
    [
        *("text/html", "application/json", "image/png", "application/x-www-form-urlencoded"),
        *("multipart/mixed", "a/b; c=d", 'a/b; c="d e"', "", "x", "application/xhtml+xml"),
    ]
)
arguments = st.fixed_dictionaries(
    {},
    optional={
        "path": st.one_of(path, st.builds("{}?{}".format, path, query)),
        "base_url": base_url,
        "query_string": st.one_of(query, mapping),
        "method": st.sampled_from(["GET", "POST", "foo"]),
        "content_type": types,
        "mimetype": types,
        "content_length": st.integers(0, 9),
        "headers": st.lists(
            st.tuples(st.sampled_from(["X", "x-y", "X_Y", "Host", "Content-Type"]), text),
            max_size=3,
        ),
        "data": st.one_of(text, text.map(str.encode), mapping),
        "json": st.one_of(st.none(), mapping),
        "auth": st.tuples(text, text),
        "environ_base": st.dictionaries(st.sampled_from(["a", "PATH_INFO"]), text),
        "environ_overrides": st.dictionaries(st.sampled_from(["a", "PATH_INFO"]), text),
        "multithread": st.booleans(),
    },
)


def environ_form(environ: dict[str, Any]) -> Any:
    rest = {key: item for key, item in environ.items() if key not in APART}
    return list(rest.items()), environ["wsgi.input"].read()


@given(arguments)
@example({"path": "http://e.test:99/a?b"})
@example({"base_url": "/only/a/path"})
@example({"base_url": "http://e.test/?a"})
@example({"path": "/?a", "query_string": ""})
@example({"data": "x", "json": {}})
def test_create_environ(arguments: dict[str, Any]) -> None:
    assert outcome(ours.create_environ, **arguments, form=environ_form) == outcome(
        theirs.create_environ, **arguments, form=environ_form
    )


ATTRIBUTES = [
    *("path", "script_root", "url_scheme", "host", "server_name", "server_port", "base_url"),
    *("query_string", "request_uri", "content_type", "content_length", "mimetype", "method"),
]


def builder_form(builder: Any) -> Any:
    return [getattr(builder, name) for name in ATTRIBUTES], dict(builder.mimetype_params)


@given(arguments)
def test_attributes(arguments: dict[str, Any]) -> None:
    assert outcome(ours.EnvironBuilder, **arguments, form=builder_form) == outcome(
        theirs.EnvironBuilder, **arguments, form=builder_form
    )


def set_attribute(module: Any, arguments: dict[str, Any], name: str, value: Any) -> Any:
    builder = module.EnvironBuilder(**arguments)
    setattr(builder, name, value)
    return builder_form(builder), environ_form(builder.get_environ())


@given(
    arguments,
    st.one_of(
        st.tuples(st.sampled_from(["content_type", "query_string"]), st.one_of(st.none(), text)),
        st.tuples(st.just("mimetype"), types),
        st.tuples(st.just("content_length"), st.one_of(st.none(), st.integers(0, 9))),
        st.tuples(st.just("base_url"), st.one_of(st.none(), base_url)),
        st.tuples(st.just("input_stream"), st.none()),
        st.tuples(st.sampled_from(["path", "script_root"]), path),
        st.tuples(st.just("host"), host),
    ),
)
def test_set_attributes(arguments: dict[str, Any], change: tuple[str, Any]) -> None:
    assert outcome(set_attribute, ours, arguments, *change) == outcome(
        set_attribute, theirs, arguments, *change
    )


safe_text = st.text(st.sampled_from("abü€&=+%/ '"), max_size=4)
parts = st.lists(
    st.tuples(
        safe_text,
        st.one_of(
            safe_text,
            st.integers(0, 9),
            st.tuples(
                st.binary(max_size=4),
                st.one_of(st.none(), safe_text, st.sampled_from(["a.png", "b.tar.gz"])),
                st.one_of(st.none(), st.just("x/y; z=1")),
            ),
        ),
    ),
    max_size=4,
)


def multipart(multi_dict: Any, storage: Any, encode: Any, parts: Any) -> Any:
    values = multi_dict()
    for name, item in parts:
        if isinstance(item, tuple):
            item = storage(io.BytesIO(item[0]), filename=item[1], content_type=item[2])  # noqa: PLW2901
        values.add(name, item)
    return encode(values, "boundary")


@given(parts)
def test_encode_multipart(parts: Any) -> None:
    assert outcome(multipart, MultiDict, FileStorage, encode_multipart, parts) == outcome(
        multipart, their_types.MultiDict, their_types.FileStorage, theirs.encode_multipart, parts
    )
