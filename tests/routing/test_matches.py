from __future__ import annotations

from dovetail.routing.map import Map
from dovetail.routing.matches import AliasOf, Found, Match, Moved, Unmatched
from dovetail.routing.rules import Rule


def told(match: Match) -> str:
    match match:
        case Found(rule, values):
            return f"found {rule.endpoint} {values}"
        case AliasOf(rule, values):
            return f"alias of {rule.endpoint} {values}"
        case Moved(path):
            return f"moved to {path}"
        case Unmatched(allowed, websocket_mismatch):
            return f"unmatched {sorted(allowed)} {websocket_mismatch}"


def test_matches_are_values() -> None:
    url_map = Map(
        [
            Rule("/a/<int:x>/", endpoint="a"),
            Rule("/b/<int:x>", endpoint="a", alias=True),
            Rule("/c", endpoint="c", methods=["PUT"]),
            Rule("/d", endpoint="d", websocket=True),
        ]
    )
    assert [
        told(url_map.find("", path, "GET")) for path in ("/a/1/", "/b/1", "/a/1", "/c", "/d")
    ] == [
        "found a {'x': 1}",
        "alias of a {'x': 1}",
        "moved to /a/1/",
        "unmatched ['PUT'] False",
        "unmatched [] True",
    ]
    assert told(url_map.find("", "/d", "GET", True)) == "found d {}"


def test_repr() -> None:
    rule = Rule("/")
    assert repr(Found(rule, {"a": 1})) == "Found(<Rule (unbound)>, {'a': 1})"
    assert repr(AliasOf(rule, {})) == "AliasOf(<Rule (unbound)>, {})"
    assert repr(Moved("/a/", True)) == "Moved('/a/', slash_required=True)"
    assert repr(Unmatched({"GET"}, False)) == "Unmatched({'GET'}, False)"
