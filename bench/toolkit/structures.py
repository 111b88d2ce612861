"""Dictionaries of several values, header fields and locals beside Werkzeug's."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from functools import partial
from types import SimpleNamespace
from typing import Any

from bench.toolkit.rows import Row, compare
from werkzeug import datastructures as their_data
from werkzeug import local as their_local

from dovetail import data as our_data
from dovetail.toolkit import local as our_local

__all__ = ["rows"]

OURS = SimpleNamespace(**vars(our_data) | vars(our_local))
THEIRS = SimpleNamespace(**vars(their_data) | vars(their_local))

PAIRS = [("page", "2"), ("tag", "new"), ("tag", "cheap"), ("sort", "name"), ("q", "green tea")]
LISTS = {"page": ["2"], "tag": ["new", "cheap"], "sort": ["name"], "q": "green tea"}
FIELDS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Length", "1234"),
    ("Cache-Control", "no-store"),
    ("Set-Cookie", "session=abc; Path=/"),
    ("Set-Cookie", "theme=dark; Path=/"),
    ("X-Frame-Options", "DENY"),
]
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/",
    "CONTENT_TYPE": "text/plain",
    "CONTENT_LENGTH": "5",
    "HTTP_HOST": "example.org",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
    "HTTP_COOKIE": "session=abc; theme=dark",
}


def made(kind: str, *arguments: Any) -> Callable[[Any], Callable[[], object]]:
    """Make an object."""
    return lambda side: partial(getattr(side, kind), *arguments)


def asked(
    kind: str, content: object, method: str, *arguments: Any
) -> Callable[[Any], Callable[[], object]]:
    """Call a method of an object that is there."""
    return lambda side: partial(getattr(getattr(side, kind)(content), method), *arguments)


def listed(
    kind: str, content: object, method: str, *arguments: Any
) -> Callable[[Any], Callable[[], object]]:
    """Make a list of what a method of an object returns."""

    def of(side: Any) -> Callable[[], object]:
        call = getattr(getattr(side, kind)(content), method)
        return lambda: list(call(*arguments))

    return of


def combined(side: Any) -> Callable[[], object]:
    values = side.CombinedMultiDict([side.MultiDict(PAIRS), side.MultiDict(LISTS)])
    return partial(values.get, "q")


def added(side: Any) -> Callable[[], object]:
    kind = side.MultiDict

    def call() -> None:
        values = kind()
        values.add("tag", "new")
        values.add("tag", "cheap")
        values["page"] = "2"

    return call


def fields_added(side: Any) -> Callable[[], object]:
    kind = side.Headers

    def call() -> None:
        fields = kind()
        fields.add("Content-Type", "text/plain")
        fields.add("Vary", "Cookie")
        fields.add("Content-Length", 5)

    return call


def fields_set(side: Any) -> Callable[[], object]:
    kind = side.Headers

    def call() -> None:
        fields = kind()
        fields["Content-Type"] = "text/plain"
        fields["Vary"] = "Cookie"
        fields["Content-Length"] = 5

    return call


def field_replaced(side: Any) -> Callable[[], object]:
    return partial(side.Headers(FIELDS).set, "X-Frame-Options", "SAMEORIGIN")


def fields_with_options(side: Any) -> Callable[[], object]:
    kind = side.Headers
    return lambda: kind().add("Content-Disposition", "attachment", filename="a name.txt")


def environ_fields(side: Any) -> Callable[[], object]:
    kind = side.EnvironHeaders
    return lambda: kind(ENVIRON).get("User-Agent")


def header_set_changed(side: Any) -> Callable[[], object]:
    kind = side.HeaderSet

    def call() -> object:
        names = kind(["Cookie", "Accept"])
        names.add("Origin")
        names.discard("accept")
        return names.to_header()

    return call


def alone(make: Callable[[Any], Callable[[], object]]) -> Callable[[Any], Callable[[], object]]:
    """Measure in a context of its own: what a variable costs depends on the others there."""

    def of(side: Any) -> Callable[[], object]:
        context = Context()
        return partial(context.run, context.run(make, side))

    return of


def local_set(side: Any) -> Callable[[], object]:
    local = side.Local()

    def call() -> None:
        local.user = "ann"
        local.page = 2

    return call


def local_get(side: Any) -> Callable[[], object]:
    local = side.Local()
    local.user, local.page = "ann", 2
    return lambda: (local.user, local.page)


def stack_moved(side: Any) -> Callable[[], object]:
    stack = side.LocalStack()

    def call() -> None:
        stack.push("a")
        stack.push("b")
        stack.pop()
        stack.pop()

    return call


def stack_top(side: Any) -> Callable[[], object]:
    stack = side.LocalStack()
    stack.push("a")
    return lambda: stack.top


def proxied(of: Callable[[Any], Any]) -> Callable[[Any], Callable[[], object]]:
    """Ask for an attribute through a proxy."""

    def make(side: Any) -> Callable[[], object]:
        proxy = side.LocalProxy(of(side))
        return lambda: proxy.real

    return make


def stack_of_one(side: Any) -> Any:
    stack = side.LocalStack()
    stack.push(5)
    return stack


OPERATIONS: dict[str, Callable[[Any], Callable[[], object]]] = {
    "MultiDict(pairs)": made("MultiDict", PAIRS),
    "MultiDict(dict of lists)": made("MultiDict", LISTS),
    "ImmutableMultiDict(pairs)": made("ImmutableMultiDict", PAIRS),
    "MultiDict, 3 values added": added,
    "MultiDict[...]": asked("MultiDict", PAIRS, "__getitem__", "tag"),
    "MultiDict.get": asked("MultiDict", PAIRS, "get", "tag"),
    "MultiDict.get of an int": asked("MultiDict", PAIRS, "get", "page", 1, int),
    "MultiDict.getlist": asked("MultiDict", PAIRS, "getlist", "tag"),
    "MultiDict.items": listed("MultiDict", PAIRS, "items"),
    "MultiDict.items of all": listed("MultiDict", PAIRS, "items", True),
    "MultiDict.to_dict": asked("MultiDict", PAIRS, "to_dict"),
    "MultiDict.to_dict of lists": asked("MultiDict", PAIRS, "to_dict", False),
    "MultiDict.copy": asked("MultiDict", PAIRS, "copy"),
    "CombinedMultiDict.get": combined,
    "Headers()": made("Headers"),
    "Headers(pairs)": made("Headers", FIELDS),
    "Headers(dict)": made("Headers", dict(FIELDS)),
    "Headers, 3 added": fields_added,
    "Headers, 3 set": fields_set,
    "Headers.add with an option": fields_with_options,
    "Headers.set of one that is there": field_replaced,
    "Headers[...]": asked("Headers", FIELDS, "__getitem__", "X-Frame-Options"),
    "Headers.get": asked("Headers", FIELDS, "get", "cache-control"),
    "Headers.get of none": asked("Headers", FIELDS, "get", "Location"),
    "Headers.getlist": asked("Headers", FIELDS, "getlist", "Set-Cookie"),
    "name in Headers": asked("Headers", FIELDS, "__contains__", "Set-Cookie"),
    "Headers.items": listed("Headers", FIELDS, "items"),
    "Headers.keys": listed("Headers", FIELDS, "keys"),
    "Headers.to_wsgi_list": asked("Headers", FIELDS, "to_wsgi_list"),
    "Headers.copy": asked("Headers", FIELDS, "copy"),
    "EnvironHeaders(environ).get": environ_fields,
    "EnvironHeaders.get": asked("EnvironHeaders", ENVIRON, "get", "Accept"),
    "EnvironHeaders[...]": asked("EnvironHeaders", ENVIRON, "__getitem__", "Content-Type"),
    "EnvironHeaders, all": listed("EnvironHeaders", ENVIRON, "__iter__"),
    "HeaderSet, changed and dumped": header_set_changed,
    "Local, 2 set": alone(local_set),
    "Local, 2 asked for": alone(local_get),
    "LocalStack, 2 pushed and popped": alone(stack_moved),
    "LocalStack.top": alone(stack_top),
    "LocalProxy of a function, attribute": alone(proxied(lambda _side: lambda: 5)),
    "LocalProxy of a stack, attribute": alone(proxied(stack_of_one)),
}


def rows() -> list[Row]:
    """All rows."""
    return compare(OPERATIONS, OURS, THEIRS)
