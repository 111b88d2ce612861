from __future__ import annotations

import pytest

from dovetail.data.exceptions import BadRequest, HTTPException
from dovetail.routing.exceptions import (
    BuildError,
    NoMatch,
    RequestAliasRedirect,
    RequestPath,
    RequestRedirect,
    RoutingException,
    WebsocketMismatch,
)
from dovetail.routing.map import Map
from dovetail.routing.rules import Rule
from dovetail.toolkit.response import Response


def test_bases() -> None:
    assert issubclass(RequestRedirect, (HTTPException, RoutingException))
    assert issubclass(RequestPath, RoutingException)
    assert issubclass(RequestAliasRedirect, RoutingException)
    assert issubclass(BuildError, (RoutingException, LookupError))
    assert issubclass(WebsocketMismatch, BadRequest)
    assert not issubclass(NoMatch, RoutingException)


def test_request_redirect() -> None:
    error = RequestRedirect("http://example.org/<é>")
    assert error.new_url == "http://example.org/<é>"
    assert error.code == 308
    assert ("Location", "http://example.org/<é>") in error.get_headers()
    assert "http://example.org/&lt;é&gt;" in error.get_body()
    response = error.get_response()
    assert isinstance(response, Response)
    assert response.status_code == 308
    assert response.headers["Location"] == "http://example.org/<é>"


def test_no_match() -> None:
    error = NoMatch({"GET"}, True)
    assert error.have_match_for == {"GET"}
    assert error.websocket_mismatch is True


def test_request_path() -> None:
    assert RequestPath("/a/").path_info == "/a/"


def test_request_alias_redirect() -> None:
    error = RequestAliasRedirect({"a": 1}, "e")
    assert (error.matched_values, error.endpoint) == ({"a": 1}, "e")


def test_websocket_mismatch() -> None:
    assert WebsocketMismatch().code == 400


def test_build_error_alone() -> None:
    error = BuildError("e", {"a": 1}, "GET")
    assert (error.endpoint, error.values, error.method) == ("e", {"a": 1}, "GET")
    assert error.adapter is None
    assert error.suggested is None
    assert error.args == ("e", {"a": 1}, "GET")
    assert str(error) == "Could not build url for endpoint 'e' ('GET') with values ['a']."


def test_build_error_without_rules() -> None:
    with pytest.raises(BuildError, match=r"^Could not build url for endpoint 'e'\.$"):
        Map().bind("h").build("e")


RULES = [
    Rule("/a/<x>", endpoint="article"),
    Rule("/b", endpoint="book", methods=["POST"]),
    Rule("/b/<x>/<y>", endpoint="book", methods=["PUT"]),
]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("articel", {"x": 1}), "with values ['x']. Did you mean 'article' instead?"),
        (("article",), "'article'. Did you forget to specify values ['x']?"),
        (("book", {}, "GET"), "('GET'). Did you mean to use methods ['PUT']?"),
        (
            ("book", {"x": 1}, "PUT"),
            "('PUT') with values ['x']. Did you forget to specify values ['y']?",
        ),
        (
            ("book", {"x": 1}, "DELETE"),
            "Did you mean to use methods ['PUT']? Did you forget to specify values ['y']?",
        ),
        ((None,), "endpoint None. Did you mean"),
    ],
)
def test_build_error_with_a_suggestion(arguments: tuple[object, ...], told: str) -> None:
    adapter = Map([rule.empty() for rule in RULES]).bind("h")
    with pytest.raises(BuildError) as caught:
        adapter.build(*arguments)  # type: ignore[arg-type]
    assert told in str(caught.value)
    assert caught.value.adapter is adapter


def test_closest_rule() -> None:
    adapter = Map([rule.empty() for rule in RULES]).bind("h")
    error = BuildError("bok", {"x": 1}, "PUT", adapter)
    assert error.suggested is error.closest_rule(adapter)
    assert error.suggested is not None
    assert error.suggested.methods == {"PUT"}
    assert error.closest_rule(None) is None
