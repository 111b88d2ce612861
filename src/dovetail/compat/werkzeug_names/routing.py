"""Names of ``werkzeug.routing``."""

from __future__ import annotations

from dovetail.compat.interface import NameTable

__all__ = ["MODULES"]

MODULES = {
    "werkzeug.routing": NameTable(
        "From URLs to endpoints and back.",
        {
            "dovetail.routing.adapter": "MapAdapter",
            "dovetail.routing.converters": """
                AnyConverter BaseConverter FloatConverter IntegerConverter PathConverter
                UUIDConverter UnicodeConverter ValidationError
            """,
            "dovetail.routing.exceptions": """
                BuildError NoMatch RequestAliasRedirect RequestPath RequestRedirect
                RoutingException WebsocketMismatch
            """,
            "dovetail.routing.factories": """
                EndpointPrefix RuleTemplate RuleTemplateFactory Subdomain Submount
            """,
            "dovetail.routing.map": "Map",
            "dovetail.routing.matcher": "StateMachineMatcher",
            "dovetail.routing.parts": "parse_converter_args",
            "dovetail.routing.rules": "Rule RuleFactory",
        },
        only_reexports=True,
    ),
    "werkzeug.routing.converters": NameTable(
        "From a part of a URL to a Python value and back.",
        {
            "dovetail.routing.converters": """
                AnyConverter BaseConverter DEFAULT_CONVERTERS FloatConverter IntegerConverter
                NumberConverter PathConverter UUIDConverter UnicodeConverter ValidationError
            """
        },
    ),
    "werkzeug.routing.exceptions": NameTable(
        "What matching and building raise.",
        {
            "dovetail.routing.exceptions": """
                BuildError NoMatch RequestAliasRedirect RequestPath RequestRedirect
                RoutingException WebsocketMismatch
            """
        },
        {
            "dovetail.data.exceptions": "BadRequest HTTPException",
            "dovetail.toolkit.descriptors": "cached_property",
            "dovetail.toolkit.redirects": "redirect",
        },
    ),
    "werkzeug.routing.map": NameTable(
        "Maps of rules, and their adapters to one request.",
        {"dovetail.routing.adapter": "MapAdapter", "dovetail.routing.map": "Map"},
        {
            "dovetail.data.exceptions": "BadHost HTTPException MethodNotAllowed NotFound",
            "dovetail.data.immutable": "ImmutableDict",
            "dovetail.data.multidict": "MultiDict",
            "dovetail.routing.converters": "DEFAULT_CONVERTERS",
            "dovetail.routing.exceptions": """
                BuildError NoMatch RequestAliasRedirect RequestPath RequestRedirect
                WebsocketMismatch
            """,
            "dovetail.routing.matcher": "StateMachineMatcher",
            "dovetail.routing.rules": "Rule",
            "dovetail.toolkit.wsgi": "get_host",
        },
    ),
    "werkzeug.routing.matcher": NameTable(
        "Finding the rule for a path.",
        {"dovetail.routing.matcher": "SlashRequired State StateMachineMatcher"},
        {
            "dovetail.routing.converters": "ValidationError",
            "dovetail.routing.exceptions": "NoMatch RequestAliasRedirect RequestPath",
            "dovetail.routing.parts": "RulePart",
            "dovetail.routing.rules": "Rule",
        },
    ),
    "werkzeug.routing.rules": NameTable(
        "Rules, and factories of rules.",
        {
            "dovetail.routing.factories": """
                EndpointPrefix RuleTemplate RuleTemplateFactory Subdomain Submount
            """,
            "dovetail.routing.parts": "RulePart Weighting parse_converter_args",
            "dovetail.routing.rules": "Rule RuleFactory",
        },
        {
            "dovetail.data.multidict": "iter_multi_items",
            "dovetail.routing.converters": "ValidationError",
        },
    ),
}
