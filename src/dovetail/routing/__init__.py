"""Rules, converters and the matcher that finds the endpoint of a path."""

from __future__ import annotations

from dovetail.routing.adapter import MapAdapter
from dovetail.routing.converters import (
    AnyConverter,
    BaseConverter,
    FloatConverter,
    IntegerConverter,
    PathConverter,
    UnicodeConverter,
    UUIDConverter,
    ValidationError,
)
from dovetail.routing.exceptions import (
    BuildError,
    NoMatch,
    RequestAliasRedirect,
    RequestPath,
    RequestRedirect,
    RoutingException,
    WebsocketMismatch,
)
from dovetail.routing.factories import (
    EndpointPrefix,
    RuleTemplate,
    RuleTemplateFactory,
    Subdomain,
    Submount,
)
from dovetail.routing.map import Map
from dovetail.routing.matcher import StateMachineMatcher
from dovetail.routing.matches import AliasOf, Found, Match, Moved, Unmatched
from dovetail.routing.parts import RulePart, parse_converter_args
from dovetail.routing.rules import Rule, RuleFactory

__all__ = [
    "AliasOf",
    "AnyConverter",
    "BaseConverter",
    "BuildError",
    "EndpointPrefix",
    "FloatConverter",
    "Found",
    "IntegerConverter",
    "Map",
    "MapAdapter",
    "Match",
    "Moved",
    "NoMatch",
    "PathConverter",
    "RequestAliasRedirect",
    "RequestPath",
    "RequestRedirect",
    "RoutingException",
    "Rule",
    "RuleFactory",
    "RulePart",
    "RuleTemplate",
    "RuleTemplateFactory",
    "StateMachineMatcher",
    "Subdomain",
    "Submount",
    "UUIDConverter",
    "UnicodeConverter",
    "Unmatched",
    "ValidationError",
    "WebsocketMismatch",
    "parse_converter_args",
]
