"""How the values of a rule's variables are read from a path that it matches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from dovetail.routing.converters import (
    BaseConverter,
    FloatConverter,
    IntegerConverter,
    NumberConverter,
    ValidationError,
)
from dovetail.routing.parts import Variable
from dovetail.routing.pattern import Converters, Cut, Piece, Split, part_pattern

__all__ = ["Reading"]

Conversion: TypeAlias = Callable[[str], Any]


class _Group(NamedTuple):
    """A part with several variables, or a final one."""

    start: int
    final: bool
    suffixed: bool
    split: Split
    variables: list[tuple[str, Conversion | None]]


class Reading:
    """How the values of a rule are read from the segments of a path that it matches.

    The search tells only which rule matches; the places of its variables are known beforehand.

    :param cuts: the parts of the rule.
    :param defaults: of the rule.
    """

    __slots__ = ("_affixed", "_defaults", "_groups", "_order", "_rest", "_whole")

    def __init__(
        self, cuts: list[Cut], converters: Converters, defaults: Mapping[str, Any] | None
    ) -> None:
        self._defaults = defaults
        # Variables that are a whole segment: name, index of the segment, conversion.
        self._whole: list[tuple[str, int, Conversion | None]] = []
        # Variables with literals around them; also the lengths of the literals.
        self._affixed: list[tuple[str, int, int, int, Conversion | None]] = []
        # A variable that is all there is from a segment on; also whether a slash follows.
        self._rest: tuple[str, int, bool, Conversion | None] | None = None
        self._groups: list[_Group] = []
        for index, (part, pieces) in enumerate(cuts):
            variables = [
                (piece.name, _conversion(converters[piece.name]))
                for piece in pieces
                if isinstance(piece, Variable)
            ]
            if not variables:
                continue
            if len(variables) > 1 or (part.final and len(pieces) > 1):
                split = part_pattern(part.content, part.final).split
                self._groups.append(_Group(index, part.final, part.suffixed, split, variables))
            elif part.final:
                self._rest = variables[0][0], index, part.suffixed, variables[0][1]
            else:
                self._add_single(index, pieces, *variables[0])
        # The names as they are in the rule, where they are not read in that order.
        order = [p.name for _, pieces in cuts for p in pieces if isinstance(p, Variable)]
        self._order = order if order != list(self._names()) else []

    def _names(self) -> Iterator[str]:
        """Iterate over the names in the order in which their values are read."""
        yield from (name for name, *_ in self._whole)
        if self._rest is not None:
            yield self._rest[0]
        yield from (name for name, *_ in self._affixed)
        yield from (name for group in self._groups for name, _ in group.variables)

    def _add_single(
        self, index: int, pieces: Iterable[Piece], name: str, convert: Conversion | None
    ) -> None:
        before, after, seen = 0, 0, False
        for piece in pieces:
            if isinstance(piece, Variable):
                seen = True
            elif seen:
                after += len(piece)
            else:
                before += len(piece)
        if before or after:
            self._affixed.append((name, index, before, after, convert))
        else:
            self._whole.append((name, index, convert))

    def read(self, segments: list[str]) -> dict[str, Any] | None:
        """Return the values, the rule's defaults among them.

        :param segments: the domain, then what stands between the path's slashes.
        :returns: None if a converter refuses its text.
        """
        values: dict[str, Any] = {}
        try:
            for name, index, convert in self._whole:
                values[name] = segments[index] if convert is None else convert(segments[index])
            if self._rest is not None:
                name, index, suffixed, convert = self._rest
                text = _rest(segments, index, suffixed)
                values[name] = text if convert is None else convert(text)
            # PERF: most rules have no others.
            if self._affixed or self._groups:
                self._read_others(segments, values)
                if self._order:
                    values = {name: values[name] for name in self._order}
        except ValidationError:
            return None
        if self._defaults:
            values.update(self._defaults)
        return values

    def _read_others(self, segments: list[str], values: dict[str, Any]) -> None:
        for name, index, before, after, convert in self._affixed:
            segment = segments[index]
            text = segment[before : len(segment) - after]
            values[name] = text if convert is None else convert(text)
        for group in self._groups:
            if group.final:
                text = _rest(segments, group.start, group.suffixed)
            else:
                text = segments[group.start]
            texts = group.split(text)
            assert texts is not None, "a rule is read only where it matches"
            for (name, convert), found in zip(group.variables, texts, strict=True):
                values[name] = found if convert is None else convert(found)


def _rest(segments: list[str], index: int, suffixed: bool) -> str:
    text = "/".join(segments[index:])
    return text[:-1] if suffixed and text[-1:] == "/" else text


def _conversion(converter: BaseConverter) -> Conversion | None:
    """Return ``to_python``, or what does the same quicker; None if it returns the text."""
    # PERF: to_python costs 0.25 us for a number and 0.05 for a text; these cost 0.1 and nothing.
    to_python = type(converter).to_python
    if "to_python" in vars(converter):
        return converter.to_python
    if to_python is BaseConverter.to_python:
        return None
    if isinstance(converter, NumberConverter) and to_python is NumberConverter.to_python:
        unbounded = converter.min is None and converter.max is None and not converter.fixed_digits
        if unbounded and type(converter) is IntegerConverter:
            return _read_int
        if unbounded and type(converter) is FloatConverter:
            return float
    return converter.to_python


def _read_int(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:  # more digits than Python allows
        raise ValidationError(str(error)) from None
