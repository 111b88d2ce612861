"""What looking up a path can come to. A match is a value; no exception is raised for it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from dovetail.routing.rules import Rule

__all__ = ["AliasOf", "Found", "Match", "Moved", "Unmatched"]


class Found:
    """A rule matches; ``values`` are those of its variables and its defaults."""

    __slots__ = ("rule", "values")
    __match_args__ = ("rule", "values")

    def __init__(self, rule: Rule, values: dict[str, Any]) -> None:
        self.rule = rule
        self.values = values

    def __repr__(self) -> str:
        return f"Found({self.rule!r}, {self.values!r})"


class AliasOf:
    """A rule matches that is an alias; the client belongs at the URL of ``rule.endpoint``."""

    __slots__ = ("rule", "values")
    __match_args__ = ("rule", "values")

    def __init__(self, rule: Rule, values: dict[str, Any]) -> None:
        self.rule = rule
        self.values = values

    def __repr__(self) -> str:
        return f"AliasOf({self.rule!r}, {self.values!r})"


class Moved:
    """A rule matches, but for a slash too many or too few; ``path`` is the right one."""

    __slots__ = ("path", "slash_required")
    __match_args__ = ("path",)

    def __init__(self, path: str, slash_required: bool) -> None:
        self.path = path
        #: A slash is missing at the end.
        self.slash_required = slash_required

    def __repr__(self) -> str:
        return f"Moved({self.path!r}, slash_required={self.slash_required})"


class Unmatched:
    """No rule matches.

    ``allowed`` are the methods with which one would, if any; ``websocket_mismatch`` tells that one
    would for the other kind of request, WebSocket or plain HTTP.
    """

    __slots__ = ("allowed", "websocket_mismatch")
    __match_args__ = ("allowed", "websocket_mismatch")

    def __init__(self, allowed: AbstractSet[str], websocket_mismatch: bool) -> None:
        self.allowed = allowed
        self.websocket_mismatch = websocket_mismatch

    def __repr__(self) -> str:
        return f"Unmatched({set(self.allowed)!r}, {self.websocket_mismatch})"


Match: TypeAlias = Found | AliasOf | Moved | Unmatched
