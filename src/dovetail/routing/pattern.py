"""A rule's string cut into the parts of the state machine, and what each part matches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import NamedTuple, TypeAlias

from dovetail.routing.converters import BaseConverter
from dovetail.routing.parts import RulePart, Variable, Weighting

__all__ = ["Converters", "Cut", "PartPattern", "Piece", "Split", "cut_rule", "part_pattern"]

Piece: TypeAlias = str | Variable
Converters: TypeAlias = Mapping[str, BaseConverter]


class Cut(NamedTuple):
    """A part, and the pieces of the rule that it stands for."""

    part: RulePart
    pieces: list[Piece]


def cut_rule(domain: list[Piece], path: list[Piece], converters: Converters) -> list[Cut]:
    """Return the parts of a rule.

    The domain is the first part. Then each segment of the path is one, up to the first with a
    variable that may hold a slash: that one is final and holds all that is left.
    """
    return [
        Cut(_make_part(pieces, final, suffixed, converters), pieces)
        for pieces, final, suffixed in _segments(domain, path, converters)
    ]


def _segments(
    domain: list[Piece], path: list[Piece], converters: Converters
) -> Iterator[tuple[list[Piece], bool, bool]]:
    """Yield the pieces of each part, whether it is final, and whether a slash may follow."""
    yield domain, False, False
    segment: list[Piece] = []
    begun = False  # the first slash separates the path from the domain
    for index, piece in enumerate(path):
        if isinstance(piece, Variable):
            if not converters[piece.name].part_isolating:
                yield from _final_segments([*segment, *path[index:]])
                return
            segment.append(piece)
            continue
        first, *others = piece.split("/")
        if first:
            segment.append(first)
        for text in others:
            if begun:
                yield segment, False, False
            begun = True
            segment = [text] if text else []
    yield segment, False, False


def _final_segments(pieces: list[Piece]) -> Iterator[tuple[list[Piece], bool, bool]]:
    last = pieces[-1]
    if isinstance(last, str) and last.endswith("/"):
        yield [*pieces[:-1], last[:-1]] if last[:-1] else pieces[:-1], True, True
        yield [], False, False
    else:
        yield pieces, True, False


def _make_part(
    pieces: list[Piece], final: bool, suffixed: bool, converters: Converters
) -> RulePart:
    literals: list[int] = []
    weights: list[int] = []
    expression = []
    for piece in pieces:
        if isinstance(piece, Variable):
            converter = converters[piece.name]
            # Named, because a converter's expression may have groups of its own.
            expression.append(f"(?P<_{len(weights)}>{converter.regex})")
            weights.append(converter.weight)
        else:
            expression.append(re.escape(piece))
            literals.extend(len(text) for text in piece.split("/") if text)
    weighting = Weighting(
        -len(literals), [(i, -n) for i, n in enumerate(literals)], -len(weights), weights
    )
    if weights:
        return RulePart("".join(expression), final, False, suffixed, weighting)
    return RulePart("".join(map(str, pieces)), final, True, suffixed, weighting)


Split: TypeAlias = Callable[[str], tuple[str, ...] | None]


class PartPattern(NamedTuple):
    """What a dynamic part matches."""

    #: The literal that the text begins with.
    prefix: str
    #: Whether a text matches.
    fits: Callable[[str], object]
    #: The texts of the variables, or None if the text does not match.
    split: Split


# Tests for single variables of the usual converters.
_PLAIN_TESTS: dict[str, Callable[[str], object]] = {
    "(?P<_0>[^/]{1,})": bool,
    "(?P<_0>[^/]+)": bool,
    # \d is the category Nd, and so is what this is true for.
    r"(?P<_0>\d+)": str.isdecimal,
}

_PLAIN_PATH = "(?P<_0>[^/].*?)"

_own_group = re.compile(r"_\d+")
_any_text = re.compile(r"\(\?P<_\d+>\[\^/\](?:\{1,\}|\+)\)")
_any_path = re.compile(r"\(\?P<_\d+>\[\^/\]\.\*\?\)")
_escape = re.compile(r"\\(.)", re.DOTALL)


@cache
def part_pattern(content: str, final: bool) -> PartPattern:
    """Return what a dynamic part matches; parts of the same content share it."""
    compiled = re.compile(content)
    prefix = _escape.sub(r"\1", content[: content.index("(?P<_0>")])
    variables = sorted(
        (int(name[1:]), number)
        for name, number in compiled.groupindex.items()
        if _own_group.fullmatch(name)
    )
    groups = [number for _, number in variables]

    def split(text: str) -> tuple[str, ...] | None:
        match = compiled.fullmatch(text)
        return None if match is None else tuple([match[group] for group in groups])

    if len(groups) > 1:
        find = _finder(content, final, prefix, split)
        if find is not None:
            return PartPattern(prefix, find, find)
    if final:
        return PartPattern(
            prefix, _is_plain_path if content == _PLAIN_PATH else compiled.fullmatch, split
        )
    return PartPattern(prefix, _PLAIN_TESTS.get(content, compiled.fullmatch), split)


def _is_plain_path(text: str) -> bool:
    """Whether ``[^/].*?`` matches."""
    return text[:1] not in {"", "/"} and text.find("\n", 1) < 0


def _finder(content: str, final: bool, prefix: str, split: Split) -> Split | None:
    """Return what finds several variables in linear time, for those that are common."""
    literals = _literals(_any_path if final else _any_text, content)
    if literals is not None:
        return _finder_of_paths(literals, split) if final else _finder_of_texts(literals)
    _, path, rest = content.partition(_PLAIN_PATH)
    behind = _literals(_any_text, rest)
    if path and behind is not None and len(behind) == 2:
        return _finder_of_path_and_text(prefix, *behind)
    return None


def _literals(variable: re.Pattern[str], content: str) -> list[str] | None:
    """Return what stands around variables of this kind, or None if there is one of another."""
    escaped = variable.split(content)
    literals = [_escape.sub(r"\1", literal) for literal in escaped]
    return literals if [re.escape(literal) for literal in literals] == escaped else None


def _finder_of_texts(literals: list[str]) -> Split:
    """Return what finds texts of any length between literals, each as long as it can be.

    A regular expression finds the same, but where it fails it tries all lengths of all variables:
    with three of them that is the cube of the segment's length.
    """
    first, *inner, last = literals
    inner.reverse()

    def find(text: str) -> tuple[str, ...] | None:
        start, end = len(first), len(text) - len(last)
        if not (text.startswith(first) and text.endswith(last)) or "/" in text:
            return None
        texts = []
        # From the right: each literal as far there as it can be leaves most to its left.
        for literal in inner:
            position = text.rfind(literal, start, max(start, end - 1))
            if position < 0:
                return None
            texts.append(text[position + len(literal) : end])
            end = position
        if end <= start:
            return None
        texts.append(text[start:end])
        texts.reverse()
        return tuple(texts)

    return find


# In texts up to this length an expression may try all there is to try.
_SHORT = 256


def _finder_of_paths(literals: list[str], split: Split) -> Split:
    """Return what finds paths between literals, each as short as it can be.

    :param split: does the same, in whatever time it takes.
    """
    first, *inner, last = literals

    def find(text: str) -> tuple[str, ...] | None:
        start, end = len(first), len(text) - len(last)
        if not (text.startswith(first) and text.endswith(last)):
            return None
        if "\n" in text:  # which a path may have in front only
            return split(text) if len(text) <= _SHORT else None
        texts = []
        # A path begins with no slash; where one does, the literal before it is not the right one.
        if text[start : start + 1] == "/":
            return None
        for literal in inner:
            position = text.find(literal, start + 1, end)
            while (
                position >= 0 and text[position + len(literal) : position + len(literal) + 1] == "/"
            ):
                position = text.find(literal, position + 1, end)
            if position < 0:
                return None
            texts.append(text[start:position])
            start = position + len(literal)
        if end <= start:
            return None
        texts.append(text[start:end])
        return tuple(texts)

    return find


def _finder_of_path_and_text(first: str, between: str, last: str) -> Split:
    """Return what finds a path and behind it a text without a slash, as in ``<path:p>.<kind>``.

    The path is as short as it can be.
    """

    def find(text: str) -> tuple[str, ...] | None:
        start, end = len(first), len(text) - len(last)
        if not (text.startswith(first) and text.endswith(last)) or text[start : start + 1] == "/":
            return None
        slash = text.rfind("/", start, max(start, end))
        position = text.find(between, max(start + 1, slash + 1 - len(between)), max(start, end - 1))
        # A path has a line feed in front only.
        if position < 0 or text.find("\n", start + 1, position) >= 0:
            return None
        return text[start:position], text[position + len(between) : end]

    return find
