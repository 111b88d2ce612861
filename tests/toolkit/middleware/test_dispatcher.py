from __future__ import annotations

from typing import Any

import pytest

from dovetail.toolkit.middleware.dispatcher import DispatcherMiddleware


def named(name: str) -> Any:
    def application(environ: dict[str, Any], start_response: Any) -> list[str]:
        assert start_response is START
        return [name, environ["SCRIPT_NAME"], environ["PATH_INFO"]]

    return application


def START(*_: object) -> None: ...  # noqa: N802


APP: Any = DispatcherMiddleware(
    named("root"),
    {"/a": named("a"), "/a/b": named("ab"), "/" + "long" * 100: named("long")},
)


@pytest.mark.parametrize(
    ("path", "name", "script", "rest"),
    [
        ("/", "root", "", "/"),
        ("", "root", "", ""),
        ("/x/y", "root", "", "/x/y"),
        ("/a", "a", "/a", ""),
        ("/a/", "a", "/a", "/"),
        ("/a/c", "a", "/a", "/c"),
        ("/ab", "root", "", "/ab"),
        ("/a/b", "ab", "/a/b", ""),
        ("/a/b/c", "ab", "/a/b", "/c"),
        ("/a/bc", "a", "/a", "/bc"),
        ("/a//b", "a", "/a", "//b"),
        ("/a/" + "x" * 1000, "a", "/a", "/" + "x" * 1000),
        ("/" + "long" * 100, "long", "/" + "long" * 100, ""),
        ("/" + "long" * 100 + "/x", "long", "/" + "long" * 100, "/x"),
        ("/x" * 1000, "root", "", "/x" * 1000),
    ],
)
def test_dispatch(path: str, name: str, script: str, rest: str) -> None:
    for outer in ("", "/outer"):
        environ = {"SCRIPT_NAME": outer, "PATH_INFO": path}
        assert APP(environ, START) == [name, outer + script, rest]


def test_no_script_name() -> None:
    assert APP({"PATH_INFO": "/a/x"}, START) == ["a", "/a", "/x"]
    assert APP({}, START) == ["root", "", ""]


def test_attributes() -> None:
    root = named("root")
    app: Any = DispatcherMiddleware(root)
    assert app.app is root
    assert app.mounts == {}
    app.mounts["/late"] = named("late")
    assert app({"PATH_INFO": "/late"}, START) == ["late", "/late", ""]


def test_a_path_of_slashes_is_cheap() -> None:
    path = "/" * 1_000_000
    assert APP({"PATH_INFO": path}, START) == ["root", "", path]
