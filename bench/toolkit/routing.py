"""Routing beside Werkzeug's, with 30, 300 and 3,000 rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

from bench.toolkit.rows import Row
from werkzeug import routing as their_routing
from werkzeug.exceptions import HTTPException as TheirHTTPException

from dovetail.data.exceptions import HTTPException as OurHTTPException
from dovetail.routing import map as our_map
from dovetail.routing import rules as our_rules

__all__ = ["rows"]

OURS = SimpleNamespace(Map=our_map.Map, Rule=our_rules.Rule, error=OurHTTPException)
THEIRS = SimpleNamespace(Map=their_routing.Map, Rule=their_routing.Rule, error=TheirHTTPException)

ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/section3/items/17/edit",
    "QUERY_STRING": "page=2&sort=name",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "HTTP_HOST": "example.org:8000",
    "HTTP_CONNECTION": "keep-alive",
    "wsgi.url_scheme": "http",
}


def make_map(package: Any, size: int) -> Any:
    """Ten rules a section, as applications have them."""
    rules = []
    for number in range(size // 10):
        base = f"/section{number}"
        rules += [
            package.Rule(f"{base}/", endpoint=f"{number}.index"),
            package.Rule(f"{base}/about", endpoint=f"{number}.about"),
            package.Rule(f"{base}/items/", endpoint=f"{number}.items", methods=["GET"]),
            package.Rule(f"{base}/items/", endpoint=f"{number}.add", methods=["POST"]),
            package.Rule(f"{base}/items/<int:item>", endpoint=f"{number}.item"),
            package.Rule(f"{base}/items/<int:item>/edit", endpoint=f"{number}.edit"),
            package.Rule(f"{base}/users/<name>", endpoint=f"{number}.user"),
            package.Rule(f"{base}/users/<name>/posts/<int:post>", endpoint=f"{number}.post"),
            package.Rule(f"{base}/files/<path:file>", endpoint=f"{number}.file"),
            package.Rule(f"{base}/<slug>.html", endpoint=f"{number}.page"),
        ]
    return package.Map(rules)


def rows() -> list[Row]:
    """All rows."""
    return [row for size in (30, 300, 3000) for row in _rows_for(size)]


def _rows_for(size: int) -> Iterator[Row]:
    ours, theirs = make_map(OURS, size), make_map(THEIRS, size)
    last = size // 10 - 1

    def row(name: str, operation: Callable[[Any, Any], Callable[[], object]]) -> Row:
        return Row(f"{size} rules: {name}", operation(OURS, ours), operation(THEIRS, theirs))

    section = f"/section{last}"
    for name, path in {
        "match a literal path": "about",
        "match an int": "items/17/edit",
        "match a string and an int": "users/ann/posts/5",
        "match a path": "files/css/site/main.css",
        "match within a segment": "welcome.html",
    }.items():
        yield row(name, partial(_matching, f"{section}/{path}"))
    yield row("not found", partial(_failing, f"{section}/no/such"))
    yield row("a slash missing", partial(_failing, section))
    yield row("build a literal path", partial(_building, f"{last}.about", {}))
    yield row("build with an int", partial(_building, f"{last}.edit", {"item": 17}))
    yield row(
        "build with a string and a query",
        partial(_building, f"{last}.user", {"name": "ann", "page": 2}),
    )
    yield row("bind_to_environ", partial(_binding, None))
    yield row("bind_to_environ to a server name", partial(_binding, "example.org:8000"))


def _matching(path: str, _package: Any, url_map: Any) -> Callable[[], object]:
    match = url_map.bind("example.org").match
    match(path)
    return lambda: match(path)


def _failing(path: str, package: Any, url_map: Any) -> Callable[[], object]:
    match, expected = url_map.bind("example.org").match, package.error

    def fail() -> None:
        try:
            match(path)
        except expected:
            return
        raise AssertionError(path)

    return fail


def _building(
    endpoint: str, values: dict[str, Any], _package: Any, url_map: Any
) -> Callable[[], object]:
    build = url_map.bind("example.org").build
    return lambda: build(endpoint, values)


def _binding(server_name: str | None, _package: Any, url_map: Any) -> Callable[[], object]:
    return lambda: url_map.bind_to_environ(ENVIRON, server_name)
