from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dovetail.data.exceptions import Gone, MethodNotAllowed, NotFound
from dovetail.data.multidict import MultiDict
from dovetail.routing.adapter import MapAdapter
from dovetail.routing.converters import BaseConverter
from dovetail.routing.exceptions import BuildError, RequestRedirect, WebsocketMismatch
from dovetail.routing.map import Map
from dovetail.routing.rules import Rule


def target(adapter: MapAdapter, *args: Any, **kwargs: Any) -> str:
    """Where a match redirects to."""
    with pytest.raises(RequestRedirect) as caught:
        adapter.match(*args, **kwargs)
    return caught.value.new_url


@pytest.fixture
def adapter() -> MapAdapter:
    url_map = Map(
        [
            Rule("/", endpoint="index"),
            Rule("/branch/", endpoint="branch"),
            Rule("/item/<int:x>", endpoint="item", methods=["GET"]),
            Rule("/item/<int:x>", endpoint="change", methods=["PUT"]),
            Rule("/ws", endpoint="ws", websocket=True),
            Rule("/static/<path:name>", endpoint="static", subdomain="cdn"),
        ]
    )
    return url_map.bind("example.org", "/app", query_args={"q": "é"})


def test_match(adapter: MapAdapter) -> None:
    assert adapter.match("/") == ("index", {})
    assert adapter.match() == ("index", {})
    assert adapter.match("item/5") == ("item", {"x": 5})
    assert adapter.match("//item/5", "put") == ("change", {"x": 5})
    rule, values = adapter.match("/item/5", return_rule=True)
    assert isinstance(rule, Rule)
    assert (rule.endpoint, values) == ("item", {"x": 5})
    assert adapter.match("/ws", websocket=True) == ("ws", {})


def test_match_with_what_was_bound() -> None:
    adapter = Map([Rule("/a", endpoint="e", methods=["POST"])]).bind(
        "h", path_info="/a", default_method="post"
    )
    assert adapter.match() == ("e", {})
    with pytest.raises(MethodNotAllowed):
        adapter.match(method="GET")


def test_values_are_not_shared(adapter: MapAdapter) -> None:
    _, values = adapter.match("/")
    values["x"] = 1  # type: ignore[index]
    assert adapter.match("/") == ("index", {})


def test_no_match(adapter: MapAdapter) -> None:
    with pytest.raises(NotFound):
        adapter.match("/no")
    with pytest.raises(MethodNotAllowed) as caught:
        adapter.match("/item/5", "POST")
    assert caught.value.valid_methods == ["GET", "HEAD", "PUT"]
    with pytest.raises(WebsocketMismatch):
        adapter.match("/ws")
    with pytest.raises(WebsocketMismatch):
        adapter.match("/", websocket=True)


def test_slash_redirects(adapter: MapAdapter) -> None:
    assert target(adapter, "/branch") == "http://example.org/app/branch/?q=%C3%A9"
    assert target(adapter, "/branch", query_args={}) == "http://example.org/app/branch/"
    assert target(adapter, "/branch", query_args="a=b") == "http://example.org/app/branch/?a=b"
    assert target(adapter, "/branch//", query_args={}) == "http://example.org/app/branch/"
    assert target(adapter, "") == "http://example.org/app/?q=%C3%A9"


def test_redirects_are_quoted() -> None:
    adapter = Map([Rule("/é/<x>/", endpoint="e", subdomain="<s>")]).bind("h", subdomain="www")
    assert target(adapter, "/é/a b?") == "http://www.h/%C3%A9/a%20b%3F/"
    assert target(adapter, "/é/\udc80") == "http://www.h/%C3%A9/%3F/"


def test_redirect_defaults() -> None:
    rules = [
        Rule("/all/", endpoint="all", defaults={"page": 1}),
        Rule("/all/<int:page>", endpoint="all"),
    ]
    adapter = Map(rules).bind("h")
    assert target(adapter, "/all/1", query_args={"a": "b"}) == "http://h/all/?a=b"
    assert adapter.match("/all/2") == ("all", {"page": 2})
    assert adapter.match("/all/") == ("all", {"page": 1})
    keeping = Map([rule.empty() for rule in rules], redirect_defaults=False).bind("h")
    assert keeping.match("/all/1") == ("all", {"page": 1})
    short, long = adapter.map.iter_rules("all")
    values = {"page": 1}
    assert adapter.get_default_redirect(long, "GET", values, {}) == "http://h/all/"
    assert adapter.get_default_redirect(short, "GET", values, {}) is None
    assert adapter.get_default_redirect(long, "GET", {"page": 2}, {}) is None
    with pytest.raises(AssertionError):
        keeping.get_default_redirect(long, "GET", values, {})


def test_alias() -> None:
    url_map = Map(
        [
            Rule("/users/<int:x>", endpoint="user"),
            Rule("/people/<int:x>", endpoint="user", alias=True),
        ]
    )
    adapter = url_map.bind("h", query_args={"q": 1})
    assert target(adapter, "/people/5") == "http://h/users/5?q=1"
    assert adapter.build("user", {"x": 5}) == "/users/5"
    assert adapter.make_alias_redirect_url("/people/5", "user", {"x": 5}, "GET", {"a": 1}) == (
        "http://h/users/5?a=1"
    )
    with pytest.raises(AssertionError):
        adapter.make_alias_redirect_url("http://h/users/5", "user", {"x": 5}, "GET", {})


def test_redirect_to() -> None:
    def moved(adapter: MapAdapter, x: int) -> str:
        return f"there/{x}?by={adapter.server_name}"

    url_map = Map(
        [
            Rule("/a/<int(3):x>", redirect_to="new/<x>"),
            Rule("/b/<int:x>", redirect_to=moved),
            Rule("/c/<x>", redirect_to="//other.org/<x>"),
            Rule("/d/<x>", redirect_to="<nope>"),
        ]
    )
    adapter = url_map.bind("h", "/app", subdomain="", url_scheme="https")
    assert target(adapter, "/a/007") == "https://h/app/new/007"
    assert target(adapter, "/b/7") == "https://h/app/there/7?by=h"
    assert target(adapter, "/c/é") == "https://other.org/%C3%A9"
    with pytest.raises(KeyError):
        adapter.match("/d/1")
    there = Map([Rule("/a", redirect_to="b", subdomain="www")]).bind("h", subdomain="www")
    assert target(there, "/a") == "http://www.h/b"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/https:other.org/old", "http://h/app/https:other.org/new"),
        ("/javascript:x/old", "http://h/app/javascript:x/new"),
        ("/x/old", "http://h/app/x/new"),
        ("/go/https:/other.org", "http://h/app/https:/other.org"),
        ("/go/other.org", "http://h/app/other.org"),
        ("/raw///other.org", "http://h/app/other.org"),
        ("/host/other.org", "http://other.org/"),
    ],
)
def test_a_request_cannot_redirect_to_another_site(path: str, expected: str) -> None:
    class Raw(BaseConverter):
        regex = ".*"
        part_isolating = False

    url_map = Map(
        [
            Rule("/<x>/old", redirect_to="<x>/new"),
            Rule("/go/<path:x>", redirect_to="<x>"),
            Rule("/raw/<raw:x>", redirect_to="<x>", merge_slashes=False),
            Rule("/host/<x>", redirect_to="http://<x>/"),  # its author wants it so
        ],
        converters={"raw": Raw},
    )
    assert target(url_map.bind("h", "/app"), path) == expected


def test_dispatch(adapter: MapAdapter) -> None:
    called: list[tuple[str, Mapping[str, Any]]] = []

    def view(endpoint: str, values: Mapping[str, Any]) -> Any:
        if endpoint == "index":
            raise Gone
        called.append((endpoint, values))
        return called

    assert adapter.dispatch(view, "/item/5") is called  # type: ignore[comparison-overlap]
    adapter.dispatch(view, "/item/5", "PUT")
    assert called == [("item", {"x": 5}), ("change", {"x": 5})]
    assert isinstance(adapter.dispatch(view, "/branch"), RequestRedirect)
    for path, error in (("/", Gone), ("/no", NotFound)):
        with pytest.raises(error):
            adapter.dispatch(view, path)
        assert isinstance(adapter.dispatch(view, path, catch_http_exceptions=True), error)


def test_test(adapter: MapAdapter) -> None:
    assert adapter.test("/item/5")
    assert adapter.test("/branch")
    assert not adapter.test("/item/5", "POST")
    assert not adapter.test("/no")


def test_allowed_methods(adapter: MapAdapter) -> None:
    assert adapter.allowed_methods("/item/5") == ["GET", "HEAD", "PUT"]
    assert adapter.allowed_methods("/no") == []
    assert adapter.allowed_methods() == []


def test_get_host() -> None:
    adapter = Map().bind("h", subdomain="www")
    assert adapter.get_host(None) == "www.h"
    assert adapter.get_host("api") == "api.h"
    assert adapter.get_host("") == "h"
    hosts = Map(host_matching=True).bind("h")
    assert (hosts.get_host(None), hosts.get_host("x")) == ("h", "x")


def test_encode_query_args(adapter: MapAdapter) -> None:
    assert adapter.encode_query_args({"a": "é", "b": [1, 2], "c": None}) == "a=%C3%A9&b=1&b=2"
    assert adapter.encode_query_args("as it is") == "as it is"


def test_make_redirect_url(adapter: MapAdapter) -> None:
    assert adapter.make_redirect_url("/a") == "http://example.org/app/a?q=%C3%A9"
    assert adapter.make_redirect_url("a//b", {}) == "http://example.org/app/a//b"
    assert adapter.make_redirect_url("", {}) == "http://example.org/app/"
    assert adapter.make_redirect_url("/a", "x=y", "www") == "http://www.example.org/app/a?x=y"
    assert Map().bind("h", url_scheme="").make_redirect_url("/a") == "http://h/a"


def test_build(adapter: MapAdapter) -> None:
    assert adapter.build("index") == "/app/"
    assert adapter.build("item", {"x": 5, "q": "a b"}) == "/app/item/5?q=a+b"
    assert adapter.build("item", {"x": 5, "q": "a b"}, append_unknown=False) == "/app/item/5"
    assert adapter.build("index", {"q": None, "r": [1, None, 2]}) == "/app/?r=1&r=2"
    assert adapter.build("index", force_external=True) == "http://example.org/app/"
    assert adapter.build("static", {"name": "a/b"}) == "http://cdn.example.org/app/static/a/b"
    with pytest.raises(BuildError):
        adapter.build("item")
    with pytest.raises(BuildError):
        adapter.build("item", {"x": None})
    with pytest.raises(AttributeError):
        adapter.build("item", [("x", 5)])  # type: ignore[arg-type]


def test_build_of_a_multidict(adapter: MapAdapter) -> None:
    values = MultiDict([("x", 5), ("q", 1), ("q", 2)])
    assert adapter.build("item", values) == "/app/item/5?q=1&q=2"


def test_build_never_leads_to_another_host() -> None:
    adapter = Map([Rule("/<path:x>", endpoint="e")]).bind("h")
    assert adapter.build("e", {"x": "//evil.org"}) == "/evil.org"
    assert adapter.build("e", {"x": "/evil.org"}, force_external=True) == "http://h/evil.org"


def test_build_by_method() -> None:
    url_map = Map(
        [
            Rule("/get", endpoint="e", methods=["GET"]),
            Rule("/post", endpoint="e", methods=["POST"]),
        ]
    )
    adapter = url_map.bind("h")
    assert adapter.build("e") == "/get"
    assert adapter.build("e", method="POST") == "/post"
    assert url_map.bind("h", default_method="POST").build("e") == "/post"
    assert url_map.bind("h", default_method="PUT").build("e") == "/get"
    with pytest.raises(BuildError):
        adapter.build("e", method="PUT")
    one = Map([Rule("/a", endpoint="e", methods=["POST"])]).bind("h")
    assert one.build("e") == "/a"
    with pytest.raises(BuildError):
        one.build("e", method="GET")


@pytest.mark.parametrize(
    ("bound", "asked", "websocket", "expected"),
    [
        ("http", None, False, "http:"),
        ("https", None, False, "https:"),
        ("wss", None, False, "https:"),
        ("http", "https", False, "https:"),
        ("http", "", False, ""),
        ("", None, False, ""),
        ("ftp", None, False, "http:"),
        ("http", None, True, "ws:"),
        ("https", None, True, "wss:"),
        ("ws", "https", True, "wss:"),
        ("https", "", True, "ws:"),
    ],
)
def test_scheme(bound: str, asked: str | None, websocket: bool, expected: str) -> None:
    adapter = Map([Rule("/a", endpoint="e", websocket=websocket)]).bind("h", url_scheme=bound)
    # WebSocket rules give whole URLs without being asked for.
    url = adapter.build("e", force_external=not websocket, url_scheme=asked)
    assert url == f"{expected}//h/a"


def test_build_prefers_this_host() -> None:
    url_map = Map(
        [
            Rule("/a", endpoint="e", host="first.org"),
            Rule("/b", endpoint="e", host="second.org"),
            Rule("/c/<x>", endpoint="f", host="<name>.org"),
        ],
        host_matching=True,
    )
    assert url_map.bind("second.org").build("e") == "/b"
    assert url_map.bind("third.org").build("e") == "http://first.org/a"
    assert url_map.bind("third.org").build("f", {"x": 1, "name": "third"}) == "/c/1"


def test_script_names() -> None:
    url_map = Map([Rule("/a", endpoint="e")])
    for script_name, expected in [("", "/a"), ("/", "/a"), ("/x", "/x/a"), ("/x/", "/x/a")]:
        assert url_map.bind("h", script_name).build("e") == expected
        assert (
            url_map.bind("h", script_name).build("e", force_external=True) == f"http://h{expected}"
        )


def test_made_directly() -> None:
    url_map = Map([Rule("/a", endpoint="e")])
    adapter = MapAdapter(url_map, "h", "/x", "", "ws", "/a", "GET")
    assert (adapter.script_name, adapter.websocket, adapter.query_args) == ("/x/", True, None)
    with pytest.raises(WebsocketMismatch):
        adapter.match()
