"""The lint middleware: the kinds of its warnings beside those of the installed Werkzeug's."""

from __future__ import annotations

import io
import warnings
from typing import Any

import werkzeug.middleware.lint as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.toolkit.middleware import lint as ours

ENVIRON: dict[str, Any] = {
    **{"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "SERVER_NAME": "localhost"},
    **{"SERVER_PORT": "80", "wsgi.version": (1, 0), "wsgi.multithread": False},
    **{"wsgi.multiprocess": False, "wsgi.run_once": False},
}

statuses = st.sampled_from(
    ["200 OK", "200", "20 OK", "2000 OK", "99 X", "304 No", "204 No", "100 Go", "404  NOT", "-20 X"]
)
items = st.sampled_from(
    [
        *[("Content-Length", value) for value in ("0", "2", "3")],
        *[("ETag", value) for value in ("a", '"a"', 'W/"a"', 'w/"a"', "w/a", "", '"')],
        *[("Location", value) for value in ("/x", "http://a/b", "//a/b", "", "mailto:x")],
        *[("Content-Type", "a"), ("Expires", "b"), ("Allow", "c"), ("Status", "200"), ["A", "b"]],
    ]
)
bodies = st.sampled_from([[], [b"ok"], [b"o", b"k"], ["ok"], "ok", [b""], (b"ok",)])
environs = st.fixed_dictionaries(
    {},
    optional={
        "wsgi.version": st.sampled_from([(1, 0), (1, 1)]),
        "SCRIPT_NAME": st.sampled_from(["", "/", "x"]),
        "PATH_INFO": st.sampled_from(["", "/", "x"]),
    },
)


def run(module: Any, changes: dict[str, Any], status: str, headers: Any, body: Any) -> list[str]:
    def app(environ: Any, start_response: Any) -> Any:
        environ["wsgi.input"].read(1)
        environ["wsgi.input"].readline()
        environ["wsgi.errors"].write("x")
        start_response(status, headers)
        return body

    environ = {**ENVIRON, "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), **changes}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = module.LintMiddleware(app)(environ, lambda *_: lambda data: None)
        list(result)
        result.close()
    return [found.category.__name__ for found in caught]


@settings(max_examples=400)
@given(environs, statuses, st.lists(items, max_size=3), bodies)
def test_kinds_of_warnings(changes: dict[str, Any], status: str, headers: Any, body: Any) -> None:
    if status[:3] in {"100", "204"}:
        # That there is no Content-Length is right here: a known difference.
        headers = [("Content-Length", "0"), *headers]
    assert run(ours, changes, status, headers, body) == run(theirs, changes, status, headers, body)
