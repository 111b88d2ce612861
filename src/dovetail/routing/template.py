"""The host or the path of a rule as a text with gaps, for building URLs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dovetail.routing.converters import BaseConverter, IntegerConverter, quote_path
from dovetail.routing.parts import Variable
from dovetail.routing.pattern import Converters, Piece

__all__ = ["UrlTemplate"]


class UrlTemplate:
    """The host or the path of a rule as a text with gaps.

    :param defaults: of the rule; a variable that has one is filled in already.
    """

    __slots__ = ("_gaps", "_texts", "fixed", "gap")

    def __init__(
        self, pieces: Iterable[Piece], converters: Converters, defaults: Mapping[str, Any]
    ) -> None:
        # A text, a gap, a text, ..., a text.
        self._texts = [""]
        # The index of the gap among the texts, the variable, and its conversion.
        self._gaps: list[tuple[int, str, Callable[[Any], str]]] = []
        for piece in pieces:
            if not isinstance(piece, Variable):
                self._texts[-1] += quote_path(piece)
            elif piece.name in defaults:
                self._texts[-1] += converters[piece.name].to_url(defaults[piece.name])
            else:
                to_url = _conversion(converters[piece.name])
                self._gaps.append((len(self._texts), piece.name, to_url))
                self._texts += ["", ""]
        #: The text, if there are no gaps.
        self.fixed = None if self._gaps else self._texts[0]
        #: The text before the gap, its name, its conversion, and the text behind it, if it is the
        #: only one.
        self.gap: tuple[str, str, Callable[[Any], str], str] | None = None
        if len(self._gaps) == 1:
            _, name, to_url = self._gaps[0]
            self.gap = self._texts[0], name, to_url, self._texts[2]

    def fill(self, values: Mapping[str, Any]) -> str:
        """Return the text with the values in the gaps.

        :raises KeyError: one is missing.
        :raises ValidationError: a converter refuses one.
        """
        texts = self._texts.copy()
        for index, name, to_url in self._gaps:
            texts[index] = to_url(values[name])
        return "".join(texts)


def _conversion(converter: BaseConverter) -> Callable[[Any], str]:
    """Return ``to_url``, or what does the same quicker."""
    # PERF: 0.1 us instead of 0.25.
    if type(converter) is IntegerConverter and not converter.fixed_digits:
        return _int_to_url
    return converter.to_url


def _int_to_url(value: Any) -> str:
    return str(value) if type(value) is int else str(int(value))
