"""Groups of rules with something in common, and templates of groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from string import Template
from typing import Any

from dovetail.routing.interfaces import RuleMap
from dovetail.routing.rules import Rule, RuleFactory

__all__ = ["EndpointPrefix", "RuleTemplate", "RuleTemplateFactory", "Subdomain", "Submount"]


class Subdomain(RuleFactory):
    """Puts rules on a subdomain.

    :param subdomain: its pattern.
    :param rules: the rules, or groups of them.
    """

    def __init__(self, subdomain: str, rules: Iterable[RuleFactory]) -> None:
        self.subdomain = subdomain
        self.rules = rules

    def get_rules(self, map: RuleMap) -> Iterator[Rule]:
        """Return copies of the rules with the subdomain."""
        for rule in _copies(self.rules, map):
            rule.subdomain = self.subdomain
            yield rule


class Submount(RuleFactory):
    """Puts rules under a path.

    :param path: what comes in front of the path of each rule.
    :param rules: the rules, or groups of them.
    """

    def __init__(self, path: str, rules: Iterable[RuleFactory]) -> None:
        self.path = path.rstrip("/")
        self.rules = rules

    def get_rules(self, map: RuleMap) -> Iterator[Rule]:
        """Return copies of the rules under the path."""
        for rule in _copies(self.rules, map):
            rule.rule = self.path + rule.rule
            yield rule


class EndpointPrefix(RuleFactory):
    """Puts a text in front of the endpoints, which have to be texts.

    :param prefix: the text.
    :param rules: the rules, or groups of them.
    """

    def __init__(self, prefix: str, rules: Iterable[RuleFactory]) -> None:
        self.prefix = prefix
        self.rules = rules

    def get_rules(self, map: RuleMap) -> Iterator[Rule]:
        """Return copies of the rules with the prefix."""
        for rule in _copies(self.rules, map):
            rule.endpoint = self.prefix + rule.endpoint
            yield rule


class RuleTemplate:
    """Rules with gaps in the manner of :class:`string.Template`, in all their texts.

    :param rules: the rules, or groups of them.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = list(rules)

    def __call__(self, *args: Any, **kwargs: Any) -> RuleTemplateFactory:
        """Return the rules with the gaps filled; the arguments are those of a dict."""
        return RuleTemplateFactory(self.rules, dict(*args, **kwargs))


class RuleTemplateFactory(RuleFactory):
    """What a :class:`RuleTemplate` gives when it is called.

    :param rules: the rules, or groups of them.
    :param context: what comes into the gaps.
    """

    def __init__(self, rules: Iterable[RuleFactory], context: dict[str, Any]) -> None:
        self.rules = rules
        self.context = context

    def get_rules(self, map: RuleMap) -> Iterator[Rule]:
        """Return copies of the rules with the gaps filled.

        :raises KeyError: the context has nothing for a gap.
        :raises ValueError: a dollar sign that begins no gap.
        """
        for rule in _copies(self.rules, map):
            rule.rule = self._fill(rule.rule)
            rule.subdomain = self._fill(rule.subdomain)
            rule.host = self._fill(rule.host)
            rule.endpoint = self._fill(rule.endpoint)
            rule.redirect_to = self._fill(rule.redirect_to)
            if rule.defaults:
                rule.defaults = {name: self._fill(value) for name, value in rule.defaults.items()}
            yield rule

    def _fill(self, value: Any) -> Any:
        return Template(value).substitute(self.context) if isinstance(value, str) else value


def _copies(factories: Iterable[RuleFactory], map: RuleMap) -> Iterator[Rule]:
    for factory in factories:
        for rule in factory.get_rules(map):
            yield rule.empty()
