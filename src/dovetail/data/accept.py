"""What a client accepts: media types, languages, character sets (RFC 9110 section 12.5)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from encodings import normalize_encoding
from encodings.aliases import aliases
from functools import lru_cache
from typing import Any, SupportsIndex, TypeVar, overload

from dovetail.data.header_values import (
    dump_options_header,
    parse_list_header,
    parse_options_header,
)
from dovetail.data.immutable import ImmutableList

__all__ = ["Accept", "CharsetAccept", "LanguageAccept", "MIMEAccept", "parse_accept_header"]

_parameters = re.compile(r"[ \t]*;[ \t]*").split
_WSP = " \t"
_subtags = re.compile(r"[_-]").split

# Specificity of a value: compared item by item, greater is more specific.
_Specificity = tuple[bool, ...]


class Accept(ImmutableList[tuple[str, float]]):
    """An immutable list of pairs of a value and its quality, the best one first.

    Pairs are sorted by how specific the value is, then by quality. Indexing with a str gives the
    quality of that value, and ``in`` tells whether it is matched at all.

    :param values: the pairs; None for a field that was not sent, which leaves ``provided`` False.
    """

    #: Whether the client sent the field.
    provided: bool

    def __init__(self, values: Accept | Iterable[tuple[str, float]] | None = ()) -> None:
        if values is None:
            list.__init__(self)
            self.provided = False
        elif isinstance(values, Accept):
            list.__init__(self, values)
            self.provided = values.provided
        else:
            pairs = list(values)
            if len(pairs) > 1:
                pairs.sort(key=self._rank, reverse=True)
            list.__init__(self, pairs)
            self.provided = True

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return type(self), (list(self) if self.provided else None,)

    def _rank(self, pair: tuple[str, float]) -> tuple[_Specificity, float]:
        return self._specificity(pair[0]), pair[1]

    def _specificity(self, value: str) -> _Specificity:
        return (value != "*",)

    def _value_matches(self, value: str, item: str) -> bool:
        """Tell whether ``value``, the server's, is what ``item``, the client's, asks for."""
        return item == "*" or item.lower() == value.lower()

    @overload
    def __getitem__(self, key: str) -> float: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> tuple[str, float]: ...
    @overload
    def __getitem__(self, key: slice) -> list[tuple[str, float]]: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self.quality(key)
        return list.__getitem__(self, key)

    def quality(self, key: str) -> float:
        """Return the quality of the most specific item that matches ``key``; 0 if none does."""
        for item, quality in self:
            if self._value_matches(key, item):
                return quality
        return 0

    def __contains__(self, value: Any) -> bool:
        return self._accepts(value)

    def _accepts(self, value: str) -> bool:
        return any(self._value_matches(value, item) for item, _ in self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list.__repr__(self)})"

    def index(self, key: str | tuple[str, float]) -> int:  # type: ignore[override]
        """Return the position of the first item that matches ``key``, or of a pair.

        :raises ValueError: there is none.
        """
        if not isinstance(key, str):
            return list.index(self, key)
        for position, (item, _) in enumerate(self):
            if self._value_matches(key, item):
                return position
        raise ValueError(key)

    def find(self, key: str | tuple[str, float]) -> int:
        """Return what :meth:`index` does; -1 if there is none."""
        try:
            return self.index(key)
        except ValueError:
            return -1

    def values(self) -> Iterator[str]:
        """Iterate over the values, the best one first."""
        for item in self:
            yield item[0]

    def to_header(self) -> str:
        """Return the field's value."""
        return ",".join(
            [value if quality == 1 else f"{value};q={quality}" for value, quality in self]
        )

    def __str__(self) -> str:
        return self.to_header()

    def best_match(self, matches: Iterable[str], default: str | None = None) -> str | None:
        """Return the one of ``matches`` that the client likes best.

        That is the one with the highest quality; of several, the one asked for most specifically;
        of several still, the first.

        :param default: returned if none has a quality above 0.
        """
        result = default
        best: tuple[float, _Specificity] = (0, ())
        for match in matches:
            for item, quality in self:
                if self._value_matches(match, item):
                    rank = (quality, self._specificity(item))
                    if quality > 0 and rank > best:
                        result, best = match, rank
                    break
        return result

    @property
    def best(self) -> str | None:
        """The first value; None if there is none."""
        return self[0][0] if self else None


# PERF: clients send the same few media ranges over and over; parsing one takes 1.5 us, finding it
# again 0.05.
@lru_cache(256)
def _media_range(value: str) -> tuple[str | None, str, list[str], _Specificity]:
    """Take a media range apart.

    :return: the type, the subtype and the sorted parameters, in lower case, None for the type if
        it is malformed; and how specific it is.
    """
    media_type, *parameters = _parameters(value.lower())
    main, slash, sub = media_type.partition("/")
    parts = [*media_type.split("/"), *parameters]
    specificity = tuple([part != "*" for part in parts])
    malformed = not slash or (main == "*" and sub != "*")
    return None if malformed else main, sub, sorted(parameters), specificity


class MIMEAccept(Accept):
    """What Accept says: media types, with wildcards and parameters."""

    def _specificity(self, value: str) -> _Specificity:
        return _media_range(value)[3]

    def _value_matches(self, value: str, item: str) -> bool:
        if "/" not in item:
            return False
        main, sub, parameters, _ = _media_range(value)
        if main is None:
            raise ValueError(f"{value!r} is not a media type")
        item_main, item_sub, item_parameters, _ = _media_range(item)
        if item_main == "*" or (main == "*" and item_main is not None):
            return True
        return main == item_main and (
            (sub == item_sub and parameters == item_parameters) or item_sub == "*" or sub == "*"
        )

    @property
    def accept_html(self) -> bool:
        """Whether HTML is accepted, or XHTML."""
        return self._accepts("text/html") or self.accept_xhtml

    @property
    def accept_xhtml(self) -> bool:
        """Whether XHTML is accepted, or XML."""
        return self._accepts("application/xhtml+xml") or self._accepts("application/xml")

    @property
    def accept_json(self) -> bool:
        """Whether JSON is accepted."""
        return self._accepts("application/json")


class LanguageAccept(Accept):
    """What Accept-Language says: language tags (RFC 5646)."""

    def _value_matches(self, value: str, item: str) -> bool:
        # Split at - or _, as locales are written; equal joints are as good as equal parts.
        if item == "*":
            return True
        return value.lower().replace("_", "-") == item.lower().replace("_", "-")

    def best_match(self, matches: Iterable[str], default: str | None = None) -> str | None:
        """Return the one of ``matches`` that the client likes best.

        If none is matched as it is, the client's tags are tried without their subtags (``en-GB``
        finds ``en``), and then the server's (``en`` finds ``en-GB``).

        :param default: returned if none is found, or has a quality above 0.
        """
        matches = list(matches)
        result = super().best_match(matches)
        if result is not None:
            return result
        accepted = Accept([(_subtags(item, 1)[0], quality) for item, quality in self])
        result = accepted.best_match(matches)
        if result is not None:
            return result
        primary = [_subtags(match, 1)[0] for match in matches]
        result = super().best_match(primary)
        return default if result is None else matches[primary.index(result)]


class CharsetAccept(Accept):
    """What Accept-Charset says; names of the same character set are equal."""

    def _value_matches(self, value: str, item: str) -> bool:
        return item == "*" or _charset(value) == _charset(item)


def _charset(name: str) -> str:
    """Return the one name of a character set.

    Only names that Python lists are looked up: a search for another one reads directories, and
    is remembered for good, both at a client's will.
    """
    known = normalize_encoding(name).lower() if name.isascii() else ""
    if known in aliases:
        return codecs.lookup(aliases[known]).name
    return name.lower()


_TAccept = TypeVar("_TAccept", bound=Accept)

_quality = re.compile(r"-?[0-9]+(?:\.[0-9]+)?").fullmatch

# The parameters of most elements that have any, and the quality they mean.
_QUALITIES = {
    f"{space}q={text}": float(text)
    for space in ("", " ")
    for text in ("0", "1", "1.0", *(f"0.{tenth}" for tenth in range(10)))
}


@overload
def parse_accept_header(value: str | None) -> Accept: ...
@overload
def parse_accept_header(value: str | None, cls: None) -> Accept: ...
@overload
def parse_accept_header(value: str | None, cls: type[_TAccept]) -> _TAccept: ...
def parse_accept_header(value: str | None, cls: type[Any] | None = None) -> Any:
    """Parse Accept or one of its kind.

    An element whose quality is not a number from 0 to 1 is left out.

    :param cls: what to build; :class:`Accept` if None.
    """
    if cls is None:
        cls = Accept
    if not value:
        return cls(None)
    pairs: list[tuple[str, float]] = []
    for element in parse_list_header(value):
        item, semicolon, parameters = element.partition(";")
        item = item.strip(_WSP)
        if not semicolon:
            pairs.append((item, 1))
            continue
        quality = _QUALITIES.get(parameters) if item else None
        if quality is None:
            item, quality = _element(element)
        if 0 <= quality <= 1:
            pairs.append((item, quality))
    return cls(pairs)


def _element(element: str) -> tuple[str, float]:
    """Return the value of an element with its parameters, and its quality; -1 if that is none."""
    item, options = parse_options_header(element)
    text = options.pop("q", None)
    if options:
        item = dump_options_header(item, options)
    if text is None:
        return item, 1
    return item, float(text) if _quality(text) else -1
