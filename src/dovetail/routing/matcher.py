"""The state machine that finds the rule of a path.

Each state stands for what all rules behind it begin with. From a state lead transitions: a table
of literals, and a list of dynamic parts in the order of their weights. Rules of the same shape
share their states whatever their variables are called, so the cost of a lookup grows with the
depth of the path and with the converters to be tried at a state, not with the number of rules.

The search returns a rule, or tells why there is none; where the values of the rule's variables
stand in the path is known from the rule alone (:class:`~dovetail.routing.pattern.Reading`).
Paths of literals only are looked up in one table, before the search.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from dovetail.routing.exceptions import NoMatch, RequestAliasRedirect, RequestPath
from dovetail.routing.matches import AliasOf, Found, Match, Moved, Unmatched
from dovetail.routing.parts import RulePart
from dovetail.routing.pattern import compile_part
from dovetail.routing.rules import Rule

__all__ = ["SlashRequired", "State", "StateMachineMatcher"]


class SlashRequired(Exception):
    """The cause of a :exc:`RequestPath`: the slash at the end of the path is missing."""


@dataclass
class State:
    """A state of the machine: the rules that end here, and the ways on."""

    dynamic: list[tuple[RulePart, State]] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    static: dict[str, State] = field(default_factory=dict)


class _Node:
    """A state as the search uses it."""

    __slots__ = ("branches", "dynamic", "lenient", "rules", "static")

    def __init__(self) -> None:
        self.static: dict[str, _Node] = {}
        # (test of the segment, node behind it, the part if it is final)
        self.dynamic: list[tuple[Callable[[str], Any], _Node, RulePart | None]] = []
        self.rules: list[Rule] = []
        # The rules that go on with nothing but a slash.
        self.branches: list[Rule] = []
        # Some of the rules match with a slash at the end as well.
        self.lenient = False


class _Asked(NamedTuple):
    """What is looked for, and what was found that would do for another method."""

    method: str
    websocket: bool
    missed: list[Rule]


#: The search ended at a branch, but the path has no slash at its end.
_SLASH: Final = object()

_Result: TypeAlias = Any  # tuple[Rule, dict] | _SLASH | None; the two are told apart by identity

_slashes = re.compile("/{2,}")

#: Tests for the expressions of the usual converters, where one segment is all there is to match.
_PLAIN_TESTS: dict[str, Callable[[str], Any]] = {
    "(?P<_0>[^/]{1,})": bool,
    "(?P<_0>[^/]+)": bool,
    r"(?P<_0>\d+)": str.isdecimal,
}


class StateMachineMatcher:
    """Finds rules.

    :param merge_slashes: several slashes in a row mean one.
    """

    def __init__(self, merge_slashes: bool) -> None:
        self.merge_slashes = merge_slashes
        self._rules: list[Rule] = []
        self._root = _Node()
        # For each domain the rules of each path that is literals only.
        self._literal: dict[str, dict[str, list[Rule]]] = {}
        self._stale = False

    def add(self, rule: Rule) -> None:
        """Add a bound rule; :meth:`update` makes it known to the search."""
        self._rules.append(rule)
        self._stale = True

    def update(self) -> None:
        """Build the machine anew, from the rules as they are now."""
        self._stale = False
        root = self.machine()
        node = _make_node(root)
        # A reader in another thread sees the old machine or the new one.
        self._literal, self._root = _literal_paths(root), node

    def machine(self) -> State:
        """Return the states of the machine, to be printed and read."""
        root = State()
        known: dict[tuple[int, object], State] = {}
        for rule in self._rules:
            state = root
            for part in rule.parts():
                if part.static:
                    state = state.static.setdefault(part.content, State())
                    continue
                # PERF: thousands of dynamic parts at one state are found by key, not by a loop.
                key = id(state), repr(part)
                following = known.get(key)
                if following is None:
                    following = known[key] = State()
                    state.dynamic.append((part, following))
                state = following
            state.rules.append(rule)
        _sort(root)
        return root

    def match(
        self, domain: str, path: str, method: str, websocket: bool
    ) -> tuple[Rule, MutableMapping[str, Any]]:
        """Return the rule and its values.

        :raises RequestPath: for another spelling of the path there is a rule.
        :raises RequestAliasRedirect: the rule is an alias.
        :raises NoMatch: there is no rule.
        """
        match self.find(domain, path, method, websocket):
            case Found(rule, values):
                return rule, values
            case AliasOf(rule, values):
                raise RequestAliasRedirect(values, rule.endpoint)
            case Moved(right_path) as moved:
                cause = SlashRequired() if moved.slash_required else None
                raise RequestPath(right_path) from cause
            case Unmatched(allowed, websocket_mismatch):
                raise NoMatch(set(allowed), websocket_mismatch)

    def find(self, domain: str, path: str, method: str, websocket: bool) -> Match:
        """Look up a path.

        :param domain: the subdomain, or the host where hosts are matched.
        :param path: begins with one slash, or is empty.
        :param method: in capitals.
        """
        if self._stale:
            self.update()
        paths = self._literal.get(domain)
        if paths is not None:
            for rule in paths.get(path, ()):
                if (rule.methods is None or method in rule.methods) and (
                    rule.websocket == websocket
                ):
                    return Found(rule, dict(rule.defaults) if rule.defaults else {})
        segments = path.split("/")
        if segments[0]:
            return Unmatched(frozenset(), False)
        segments[0] = domain
        asked = _Asked(method, websocket, [])
        result = _walk(self._root, 0, segments, asked)
        if result is None:
            if self.merge_slashes and "//" in path:
                return self._find_merged(domain, path, asked)
            return _unmatched(asked)
        if result is _SLASH:
            return Moved(f"{path}/", True)
        rule, values = result
        if rule.alias and rule.map.redirect_defaults:
            return AliasOf(rule, values)
        return Found(rule, values)

    def _find_merged(self, domain: str, path: str, asked: _Asked) -> Match:
        merged = _slashes.sub("/", path)
        segments = merged.split("/")
        segments[0] = domain
        result = _walk(self._root, 0, segments, asked)
        if result is _SLASH:
            return Moved(f"{merged}/", True)
        if result is None or result[0].merge_slashes is False:
            return _unmatched(asked)
        return Moved(merged, False)


def _sort(state: State) -> None:
    state.dynamic.sort(key=lambda entry: entry[0].weight)
    for _, following in state.dynamic:
        _sort(following)
    for following in state.static.values():
        _sort(following)


def _make_node(state: State) -> _Node:
    node = _Node()
    node.rules = state.rules
    node.lenient = any(not rule.strict_slashes for rule in state.rules)
    if "" in state.static:
        node.branches = state.static[""].rules
    node.static = {text: _make_node(following) for text, following in state.static.items()}
    for part, following in state.dynamic:
        test = _PLAIN_TESTS.get(part.content)
        if test is None or part.final:
            test = compile_part(part.content).fullmatch
        node.dynamic.append((test, _make_node(following), part if part.final else None))
    return node


def _literal_paths(root: State) -> dict[str, dict[str, list[Rule]]]:
    """Return the rules of all paths of literals only, which are those that are found first."""
    return {
        domain: {path: rules for path, rules in _spell(state, "") if _are_plain(rules)}
        for domain, state in root.static.items()
    }


def _spell(state: State, path: str) -> list[tuple[str, list[Rule]]]:
    spelled = [(path, state.rules)] if state.rules else []
    for text, following in state.static.items():
        spelled += _spell(following, f"{path}/{text}")
    return spelled


def _are_plain(rules: list[Rule]) -> bool:
    return not any(rule.alias for rule in rules)


def _walk(node: _Node, index: int, segments: list[str], asked: _Asked) -> _Result:
    """Return the rule that the segments from ``index`` on lead to, and its values.

    No node is visited twice: it stands at one depth, and there is one way to it. The depth of the
    recursion is that of the rules, not that of the path.
    """
    if index == len(segments):
        return _finish(node, segments, asked)
    segment = segments[index]
    following = node.static.get(segment)
    if following is not None:
        result = _walk(following, index + 1, segments, asked)
        if result is not None:
            return result
    for test, following, final in node.dynamic:
        if final is not None:
            result = _walk_final(test, following, final, index, segments, asked)
        elif test(segment):
            result = _walk(following, index + 1, segments, asked)
        else:
            continue
        if result is not None:
            return result
    if node.lenient and not segment and index == len(segments) - 1:
        return _accept([r for r in node.rules if not r.strict_slashes], segments, asked)
    return None


def _walk_final(
    test: Callable[[str], Any],
    following: _Node,
    part: RulePart,
    index: int,
    segments: list[str],
    asked: _Asked,
) -> _Result:
    text = "/".join(segments[index:])
    end = len(segments)
    if part.suffixed:
        if text.endswith("/"):
            text = text[:-1]
            end -= 1
        if text.endswith("/"):
            return None
    return _walk(following, end, segments, asked) if test(text) else None


def _finish(node: _Node, segments: list[str], asked: _Asked) -> _Result:
    """Return the first of the rules that end at a node and fit."""
    result = _accept(node.rules, segments, asked)
    if result is not None or not node.branches:
        return result
    method, websocket, _ = asked
    for rule in node.branches:
        if (rule.methods is None or method in rule.methods) and rule.websocket == websocket:
            if rule.strict_slashes:
                return _SLASH
            values = rule.read_values(segments)
            if values is not None:
                return rule, values
    return None


def _accept(rules: list[Rule], segments: list[str], asked: _Asked) -> _Result:
    method, websocket, missed = asked
    for rule in rules:
        if (rule.methods is None or method in rule.methods) and rule.websocket == websocket:
            values = rule.read_values(segments)
            if values is not None:
                return rule, values
        else:
            missed.append(rule)
    return None


def _unmatched(asked: _Asked) -> Unmatched:
    method, _, missed = asked
    allowed: set[str] = set()
    websocket_mismatch = False
    for rule in missed:
        if rule.methods is not None and method not in rule.methods:
            allowed |= rule.methods
        else:
            websocket_mismatch = True
    return Unmatched(allowed, websocket_mismatch)
