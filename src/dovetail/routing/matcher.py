"""The state machine that finds the rule of a path.

Each state stands for what all rules behind it begin with. From a state lead transitions: a table
of literals, and a list of dynamic parts in the order of their weights. Rules of the same shape
share their states whatever their variables are called, so the cost of a lookup grows with the
depth of the path and with the converters to be tried at a state, not with the number of rules.

The search returns a rule, or tells why there is none; where the values of the rule's variables
stand in the path is known from the rule alone (:class:`~dovetail.routing.reading.Reading`).
Paths of literals only are looked up in one table, before the search.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from dovetail.routing.exceptions import NoMatch, RequestAliasRedirect, RequestPath
from dovetail.routing.matches import AliasOf, Found, Match, Moved, Unmatched
from dovetail.routing.parts import RulePart
from dovetail.routing.pattern import part_pattern
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


class _Way(NamedTuple):
    """A dynamic part, as the search uses it."""

    prefix: str
    fits: Callable[[str], object]
    following: _Node
    final: bool
    suffixed: bool


class _Node:
    """A state, as the search uses it."""

    __slots__ = ("branches", "dynamic", "lenient", "only", "rules", "single", "static", "table")

    def __init__(self, state: State) -> None:
        self.static = {text: _Node(following) for text, following in state.static.items()}
        self.rules = state.rules
        #: The rules that go on with nothing but a slash.
        self.branches = state.static[""].rules if "" in state.static else []
        #: The rules that match with a slash at the end as well.
        self.lenient = [rule for rule in state.rules if not rule.strict_slashes]
        self.dynamic = [_make_way(part, following) for part, following in state.dynamic]
        self.table = _PrefixTable(self.dynamic) if len(self.dynamic) > _MANY else None
        # Where there is but one way on, the search never comes back to the node.
        free = not self.lenient
        #: The ways on are literals only.
        self.only = free and not self.dynamic
        #: The one dynamic part, where there is one.
        self.single = self.dynamic[0] if free and len(self.dynamic) == 1 else None


def _make_way(part: RulePart, following: State) -> _Way:
    prefix, fits, _ = part_pattern(part.content, part.final)
    return _Way(prefix, fits, _Node(following), part.final, part.suffixed)


class _PrefixTable:
    """Many dynamic parts by the literals that they begin with."""

    __slots__ = ("_by_prefix", "_lengths")

    def __init__(self, ways: list[_Way]) -> None:
        self._by_prefix: dict[str, list[tuple[int, _Way]]] = {}
        for rank, way in enumerate(ways):
            self._by_prefix.setdefault(way.prefix, []).append((rank, way))
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix})

    def candidates(self, segment: str) -> list[_Way]:
        """Return the parts whose prefix fits, in their order."""
        found: list[tuple[int, _Way]] = []
        for length in self._lengths:
            if length > len(segment):
                break
            found += self._by_prefix.get(segment[:length], ())
        found.sort(key=itemgetter(0))
        return [way for _, way in found]


#: From how many dynamic parts on a table is quicker than trying each.
_MANY = 8

#: A rule with its values.
Hit: TypeAlias = tuple[Rule, dict[str, Any]]

# The method, whether it is a WebSocket handshake, and the rules that would do but for these two.
_Asked: TypeAlias = tuple[str, bool, list[Rule]]


class _Slash(enum.Enum):
    """The search ended at a branch, but the path has no slash at its end."""

    MISSING = enum.auto()


_SLASH: Final = _Slash.MISSING

_Result: TypeAlias = Hit | _Slash | None

_slashes = re.compile("/{2,}")


class StateMachineMatcher:
    """Finds rules.

    :param merge_slashes: several slashes in a row mean one.
    """

    def __init__(self, merge_slashes: bool) -> None:
        self.merge_slashes = merge_slashes
        self._rules: list[Rule] = []
        self._root = _Node(State())
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
        # A search in another thread sees the old machine or the new one.
        self._literal, self._root = _literal_paths(root), _Node(root)

    def machine(self) -> State:
        """Return the states of the machine, to be printed and read."""
        root = State()
        known: dict[tuple[int, object], State] = {}
        for rule in self._rules:
            state = root
            for part in rule.parts:
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
        found = self.search(domain, path, method, websocket)
        return Found(*found) if isinstance(found, tuple) else found

    def search(
        self, domain: str, path: str, method: str, websocket: bool
    ) -> Hit | AliasOf | Moved | Unmatched:
        """Look up a path as :meth:`find` does, but return a rule that matches as a plain tuple."""
        if self._stale:
            self.update()
        paths = self._literal.get(domain)
        if paths is not None and path in paths:
            for rule in paths[path]:
                if rule.websocket == websocket and (rule.methods is None or method in rule.methods):
                    return rule, dict(rule.defaults) if rule.defaults else {}
        segments = path.split("/")
        if segments[0]:
            return Unmatched(frozenset(), False)
        segments[0] = domain
        asked: _Asked = method, websocket, []
        result = _walk(self._root, 0, segments, asked)
        if isinstance(result, tuple):
            rule, values = result
            if rule.alias and rule.map is not None and rule.map.redirect_defaults:
                return AliasOf(rule, values)
            return result
        if result is _SLASH:
            return Moved(f"{path}/", True)
        return self._search_merged(domain, path, asked) or _unmatched(asked)

    def _search_merged(self, domain: str, path: str, asked: _Asked) -> Moved | None:
        """Look up the path with each row of slashes made one."""
        if not self.merge_slashes or "//" not in path:
            return None
        merged = _slashes.sub("/", path)
        segments = merged.split("/")
        segments[0] = domain
        result = _walk(self._root, 0, segments, asked)
        if result is _SLASH:
            return Moved(f"{merged}/", True)
        if isinstance(result, tuple) and result[0].merge_slashes:
            return Moved(merged, False)
        return None


def _sort(state: State) -> None:
    state.dynamic.sort(key=lambda entry: entry[0].weight)
    for _, following in state.dynamic:
        _sort(following)
    for following in state.static.values():
        _sort(following)


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
    # PERF: the loop goes on where there is one way only; a call for each segment costs twice that.
    for position in range(index, len(segments)):
        segment = segments[position]
        literal = node.static.get(segment)
        if node.only:
            if literal is None:
                return None
            node = literal
        elif literal is None and (way := node.single) is not None:
            node = way.following
            if way.final:
                end = _final_end(way, position, segments)
                if end < len(segments):
                    return _walk(node, end, segments, asked) if end else None
                break
            if not way.fits(segment):
                return None
        else:
            return _try_ways(node, position, segments, asked)
    if node.branches:
        return _finish(node, segments, asked)
    return _accept(node.rules, segments, asked)


def _try_ways(node: _Node, index: int, segments: list[str], asked: _Asked) -> _Result:
    """Try all ways that lead on from a node: literals first, then dynamic parts by weight."""
    segment = segments[index]
    literal = node.static.get(segment)
    if literal is not None:
        result = _walk(literal, index + 1, segments, asked)
        if result is not None:
            return result
    for way in node.dynamic if node.table is None else node.table.candidates(segment):
        end = _final_end(way, index, segments) if way.final else index + 1
        if end and (way.final or way.fits(segment)):
            result = _walk(way.following, end, segments, asked)
            if result is not None:
                return result
    if node.lenient and not segment and index == len(segments) - 1:
        return _accept(node.lenient, segments, asked)
    return None


def _final_end(way: _Way, index: int, segments: list[str]) -> int:
    """Return where the search goes on behind a final part, or 0 if the part does not match."""
    text = "/".join(segments[index:])
    end = len(segments)
    if way.suffixed:
        if text[-1:] == "/":
            text = text[:-1]
            end -= 1
        if text[-1:] == "/":
            return 0
    return end if way.fits(text) else 0


def _finish(node: _Node, segments: list[str], asked: _Asked) -> _Result:
    """Return the first of the rules that fit and end here, or go on with a slash."""
    if node.rules:
        result = _accept(node.rules, segments, asked)
        if result is not None:
            return result
    method, websocket, _ = asked
    for rule in node.branches:
        if rule.websocket == websocket and (rule.methods is None or method in rule.methods):
            if rule.strict_slashes:
                return _SLASH
            values = rule.reading.read(segments)
            if values is not None:
                return rule, values
    return None


def _accept(rules: list[Rule], segments: list[str], asked: _Asked) -> Hit | None:
    method, websocket, missed = asked
    for rule in rules:
        if rule.websocket == websocket and (rule.methods is None or method in rule.methods):
            values = rule.reading.read(segments)
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
