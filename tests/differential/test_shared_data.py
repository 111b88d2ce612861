"""Static files: ours beside the installed Werkzeug."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import werkzeug.middleware.shared_data as theirs
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.differential.outcome import outcome

from dovetail.toolkit.middleware.shared_data import SharedDataMiddleware

NOW = 1_700_000_000.5
NAMES = [
    *("a.txt", "b.js", "c.css", "d.html", "noext", "e.unknown", "f.json", "g.tar.gz", ".hidden"),
    *(
        "ü.txt",
        "sp ace.TXT",
        "sub/x.png",
        "sub/sub/y.svg",
        "empty.txt",
        "h.xhtml",
        "i.TXT",
        "j.woff2",
    ),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("shared") / "static"
    for number, name in enumerate(NAMES):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * number if name != "empty.txt" else b"")
        os.utime(file, (1_600_000_000 + number / 8,) * 2)
    (root / "link").symlink_to(root / "a.txt")
    (root.parent / "outside.txt").write_bytes(b"outside")
    with mock.patch("time.time", return_value=NOW):
        yield root


def fallback(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 X", [])
    return [b"fallback"]


def call(middleware: Any, environ: dict[str, Any]) -> Any:
    started: list[Any] = []
    result = middleware(
        dict(environ), lambda status, headers, exc_info=None: started.append((status, headers))
    )
    try:
        content = b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    [(status, headers)] = started
    # Ours alone serves ranges, and Date is read from the clock in different ways.
    fields = [field for field in headers if field[0] not in ("Accept-Ranges", "Date", "Expires")]
    return status, fields, content


piece = st.sampled_from(
    [
        *NAMES,
        "/",
        "//",
        "..",
        ".",
        "/../",
        "sub",
        "link",
        "outside.txt",
        "\0",
        "\\",
        "~",
        "Ã¼.txt",
        "\xff",
    ]
)
path = st.builds(
    lambda prefix, parts: prefix + "".join(parts),
    st.sampled_from(["", "/", "/s", "/s/", "/s//", "/file", "/x/", "/S/"]),
    st.lists(piece, max_size=3),
)
condition = st.fixed_dictionaries(
    {},
    optional={
        "HTTP_IF_MODIFIED_SINCE": st.sampled_from(
            [
                *("Sun, 13 Sep 2020 12:26:40 GMT", "Sun, 13 Sep 2020 12:26:41 GMT", "junk", ""),
                *("Sunday, 13-Sep-20 12:26:42 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ]
        ),
        "HTTP_IF_NONE_MATCH": st.sampled_from(
            ['"x"', "*", "", "junk", 'W/"x"', '"wzsdm-1600000000.0-0-90309104"']
        ),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    path,
    st.sampled_from(["GET", "POST", "FOO"]),
    condition,
    st.fixed_dictionaries(
        {},
        optional={
            "cache": st.booleans(),
            "cache_timeout": st.integers(0, 99),
            "fallback_mimetype": st.sampled_from(["text/x", "a/b", "image/svg+xml"]),
            "disallow": st.sampled_from(["*.txt", "*", "a*", "/s/*", "[ab].*"]),
        },
    ),
    st.booleans(),
)
@example("/s/a.txt", "GET", {"HTTP_IF_NONE_MATCH": "*"}, {}, False)
@example("/s/../outside.txt", "GET", {}, {}, False)
@example("/s/link", "GET", {}, {}, False)
def test_files(
    root: Path,
    path: str,
    method: str,
    headers: dict[str, str],
    arguments: dict[str, Any],
    in_order: bool,
) -> None:
    exports = [("/s", str(root / "sub")), ("/s/", str(root)), ("/file", str(root / "a.txt"))]
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": ""}
    if method == "GET":
        environ.update(headers)
    given: Any = exports if in_order else {"/s": str(root), "/file": str(root / "a.txt")}
    assert outcome(call, SharedDataMiddleware(fallback, given, **arguments), environ) == outcome(
        call, theirs.SharedDataMiddleware(fallback, given, **arguments), environ
    )


@pytest.mark.parametrize("path", ["/p/style.css", "/p/missing", "/p/../__init__.py", "/p", "/p/"])
def test_packages(root: Path, path: str) -> None:
    exports: Any = {"/p": ("werkzeug", "debug/shared")}
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
    assert outcome(call, SharedDataMiddleware(fallback, exports), environ) == outcome(
        call, theirs.SharedDataMiddleware(fallback, exports), environ
    )
