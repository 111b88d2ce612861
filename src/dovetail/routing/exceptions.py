"""The exceptions of routing."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any
from wsgiref.types import WSGIEnvironment

from dovetail.data.exceptions import BadRequest, HTTPException, redirect_page
from dovetail.routing.interfaces import SupportsRules
from dovetail.routing.rules import Rule

__all__ = [
    "BuildError",
    "NoMatch",
    "RequestAliasRedirect",
    "RequestPath",
    "RequestRedirect",
    "RoutingException",
    "WebsocketMismatch",
]


class RoutingException(Exception):
    """The base of what has a request answered in another way than by its endpoint."""


class RequestRedirect(HTTPException, RoutingException):
    """308: the resource has another URL.

    :param new_url: that URL.
    """

    code = 308

    def __init__(self, new_url: str) -> None:
        super().__init__(new_url)
        self.new_url = new_url

    def get_body(
        self,
        environ: WSGIEnvironment | None = None,  # noqa: ARG002
        scope: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> str:
        """Return a page with a link."""
        return redirect_page(self.new_url)

    def get_headers(
        self, environ: WSGIEnvironment | None = None, scope: dict[str, Any] | None = None
    ) -> list[tuple[str, str]]:
        """Return the header fields, with Location."""
        return [*super().get_headers(environ, scope), ("Location", self.new_url)]


class RequestPath(RoutingException):
    """Another spelling of the path is the right one.

    :param path_info: that spelling.
    """

    def __init__(self, path_info: str) -> None:
        super().__init__()
        self.path_info = path_info


class RequestAliasRedirect(RoutingException):
    """The rule that matches is an alias of another rule.

    :param matched_values: the values of its variables and its defaults.
    :param endpoint: of both.
    """

    def __init__(self, matched_values: Mapping[str, Any], endpoint: Any) -> None:
        super().__init__()
        self.matched_values = matched_values
        self.endpoint = endpoint


class NoMatch(Exception):
    """No rule matches.

    :param have_match_for: the methods for which one would.
    :param websocket_mismatch: one would for the other kind of request, WebSocket or plain HTTP.
    """

    def __init__(self, have_match_for: set[str], websocket_mismatch: bool) -> None:
        super().__init__(have_match_for, websocket_mismatch)
        self.have_match_for = have_match_for
        self.websocket_mismatch = websocket_mismatch


class WebsocketMismatch(BadRequest):
    """400: only a WebSocket rule matches a plain request, or the reverse."""


class BuildError(RoutingException, LookupError):
    """No rule gives a URL for the endpoint with these values.

    :param endpoint: what the URL was to lead to.
    :param values: those of the variables.
    :param method: the method that the rule was to have, or None for any.
    :param adapter: knows the rules, one of which is suggested.
    """

    def __init__(
        self,
        endpoint: Any,
        values: Mapping[str, Any],
        method: str | None,
        adapter: SupportsRules | None = None,
    ) -> None:
        super().__init__(endpoint, values, method)
        self.endpoint = endpoint
        self.values = values
        self.method = method
        self.adapter = adapter

    @cached_property
    def suggested(self) -> Rule | None:
        """The rule that was most likely meant."""
        return self.closest_rule(self.adapter)

    def closest_rule(self, adapter: SupportsRules | None) -> Rule | None:
        """Return the adapter's rule that is most like what was asked for."""
        if adapter is None:
            return None
        rules: list[Rule] = list(adapter.map.iter_rules())
        return max(rules, key=self._likeness, default=None)

    def _likeness(self, rule: Rule) -> tuple[float, int]:
        """Tell how like a rule is: first by its endpoint, then by its values and methods."""
        return (
            SequenceMatcher(None, str(rule.endpoint), str(self.endpoint)).ratio(),
            rule.arguments.issuperset(self.values or ()) + (self.method in (rule.methods or ())),
        )

    def __str__(self) -> str:
        message = [f"Could not build url for endpoint {self.endpoint!r}"]
        if self.method:
            message.append(f" ({self.method!r})")
        if self.values:
            message.append(f" with values {sorted(self.values, key=str)!r}")
        message.append(".")
        rule = self.suggested
        if rule is None:
            return "".join(message)
        if rule.endpoint != self.endpoint:
            message.append(f" Did you mean {rule.endpoint!r} instead?")
            return "".join(message)
        if self.method and rule.methods is not None and self.method not in rule.methods:
            message.append(f" Did you mean to use methods {sorted(rule.methods)!r}?")
        missing = rule.arguments - set(self.values)
        if missing:
            message.append(f" Did you forget to specify values {sorted(missing)!r}?")
        return "".join(message)
