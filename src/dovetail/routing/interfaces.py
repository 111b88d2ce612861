"""What the parts of routing need to know of those that are built of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

__all__ = ["RuleMap", "SupportsRules"]


class RuleMap(Protocol):
    """A :class:`~dovetail.routing.map.Map`, as rules, converters and adapters see it."""

    converters: dict[str, Any]
    default_subdomain: str
    host_matching: bool
    redirect_defaults: bool
    sort_key: Callable[[Any], Any] | None
    sort_parameters: bool
    stale: bool
    strict_slashes: bool

    @property
    def merge_slashes(self) -> bool:
        """Several slashes in a row mean one."""

    def iter_rules(self, endpoint: Any | None = None) -> Iterator[Any]:
        """All rules, or those of one endpoint."""


class SupportsRules(Protocol):
    """Anything that has a map: an adapter."""

    @property
    def map(self) -> RuleMap:
        """The map."""
