"""A rule in the forms that matching and building use: parts, a reading plan, and templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

from dovetail.routing.converters import PATH_SAFE, BaseConverter, ValidationError
from dovetail.routing.parts import RulePart, Variable, Weighting

__all__ = ["Reading", "UrlTemplate", "compile_part", "cut_into_parts"]

Piece: TypeAlias = str | Variable
Converters: TypeAlias = Mapping[str, BaseConverter]


@cache
def compile_part(content: str) -> re.Pattern[str]:
    """Compile the content of a dynamic part; parts of the same content share the pattern."""
    return re.compile(content)


def cut_into_parts(
    domain: list[Piece], path: list[Piece], converters: Converters
) -> tuple[list[RulePart], Reading]:
    """Return the parts of a rule, and how its values are read from what they match.

    The domain is the first part. Then each segment of the path is one, up to the first with a
    variable that may hold a slash: that one is final and holds all that is left.
    """
    reading = Reading()
    parts: list[RulePart] = []
    for segment, final, suffixed in _segments(domain, path, converters):
        part = _make_part(segment, final, suffixed, converters)
        if not part.static:
            reading.add(len(parts), part, segment, converters)
        parts.append(part)
    return parts, reading


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
        rest = [*pieces[:-1], last[:-1]] if last[:-1] else pieces[:-1]
        yield rest, True, True
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
    static = not weights
    weighting = Weighting(
        -len(literals), [(i, -n) for i, n in enumerate(literals)], -len(weights), weights
    )
    content = "".join(str(p) for p in pieces) if static else "".join(expression)
    return RulePart(content, final, static, suffixed, weighting)


class _Group(NamedTuple):
    """A part that is more than one variable, or that is final."""

    start: int
    final: bool
    suffixed: bool
    pattern: re.Pattern[str]
    #: For each variable its name, its group and its conversion.
    variables: list[tuple[str, str, Callable[[str], Any] | None]]


class Reading:
    """How the values of a rule are read from the segments of a path that it matches.

    The search tells only which rule matches; the places of its variables are known beforehand.
    """

    __slots__ = ("_groups", "_whole")

    def __init__(self) -> None:
        # Variables that are a whole segment: name, index of the segment, conversion.
        self._whole: list[tuple[str, int, Callable[[str], Any] | None]] = []
        self._groups: list[_Group] = []

    def add(
        self, index: int, part: RulePart, pieces: Iterable[Piece], converters: Converters
    ) -> None:
        """Add the variables of the part that begins at ``index``."""
        found = [
            (piece.name, f"_{number}", _conversion(converters[piece.name]))
            for number, piece in enumerate(p for p in pieces if isinstance(p, Variable))
        ]
        if not part.final and len(list(pieces)) == 1:
            name, _, convert = found[0]
            self._whole.append((name, index, convert))
        else:
            pattern = compile_part(part.content)
            self._groups.append(_Group(index, part.final, part.suffixed, pattern, found))

    def read(self, segments: list[str]) -> dict[str, Any] | None:
        """Return the values, or None if a converter refuses its text."""
        values: dict[str, Any] = {}
        try:
            for name, index, convert in self._whole:
                text = segments[index]
                values[name] = text if convert is None else convert(text)
            for group in self._groups:
                _read_group(group, segments, values)
        except ValidationError:
            return None
        return values


def _read_group(group: _Group, segments: list[str], values: dict[str, Any]) -> None:
    text = "/".join(segments[group.start :]) if group.final else segments[group.start]
    if group.suffixed and text.endswith("/"):
        text = text[:-1]
    match = group.pattern.fullmatch(text)
    assert match is not None, "a rule is read only where it matches"
    for name, number, convert in group.variables:
        found = match[number]
        values[name] = found if convert is None else convert(found)


def _conversion(converter: BaseConverter) -> Callable[[str], Any] | None:
    """Return ``to_python``, or None if it would return the text."""
    # PERF: a call that returns its argument is 40 ns for each value.
    plain = type(converter).to_python is BaseConverter.to_python
    return None if plain and "to_python" not in vars(converter) else converter.to_python


class UrlTemplate:
    """The host or the path of a rule as a text with gaps.

    :param defaults: of the rule; a variable that has one is filled in already.
    """

    __slots__ = ("_gaps", "_texts")

    def __init__(
        self, pieces: Iterable[Piece], converters: Converters, defaults: Mapping[str, Any]
    ) -> None:
        self._texts: list[str] = []
        # The index of the gap among the texts, the variable, and its conversion.
        self._gaps: list[tuple[int, str, Callable[[Any], str]]] = []
        for piece in pieces:
            if not isinstance(piece, Variable):
                self._texts.append(quote(piece, safe=PATH_SAFE))
            elif piece.name in defaults:
                self._texts.append(converters[piece.name].to_url(defaults[piece.name]))
            else:
                self._gaps.append((len(self._texts), piece.name, converters[piece.name].to_url))
                self._texts.append("")
        if not self._gaps:
            self._texts = ["".join(self._texts)]

    def fill(self, values: Mapping[str, Any]) -> str:
        """Return the text with the values in the gaps.

        :raises KeyError: one is missing.
        :raises ValidationError: a converter refuses one.
        """
        if not self._gaps:
            return self._texts[0]
        texts = self._texts.copy()
        for index, name, to_url in self._gaps:
            texts[index] = to_url(values[name])
        return "".join(texts)
