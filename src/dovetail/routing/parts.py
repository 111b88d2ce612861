"""The pieces of a rule's string, and the parts that the state machine is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["RulePart", "Variable", "Weighting", "parse_converter_args", "split_rule"]


class Weighting(NamedTuple):
    """How early a part is tried: the smallest first.

    Parts with more literals come first, then those with longer ones, then those with more
    variables, then those whose converters weigh less.
    """

    #: Minus the number of literals.
    number_static_weights: int
    #: For each literal its ordinal number and minus its length.
    static_weights: list[tuple[int, int]]
    #: Minus the number of variables.
    number_argument_weights: int
    #: The weight of each variable's converter.
    argument_weights: list[int]


@dataclass
class RulePart:
    """One step of the state machine: the host, one segment of the path, or all the rest of it."""

    #: A literal text, or a regular expression with a group for each variable.
    content: str
    #: It takes all segments that are left, because a converter may match a slash.
    final: bool
    #: ``content`` is a literal.
    static: bool
    #: A slash may follow, which is not part of the variables.
    suffixed: bool
    weight: Weighting


class Variable(NamedTuple):
    """``<converter(arguments):name>`` in a rule."""

    name: str
    converter: str
    arguments: str | None


_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = re.compile(rf"<(?:({_NAME})(?:\((.*?)\))?:)?({_NAME})>")

_ARGUMENT = re.compile(
    r"""\s*
    (?:(?P<name>\w+)\s*=\s*)?
    (?:[uUrR]?(?P<quote>["'])(?P<text>.*?)(?P=quote) | (?P<bare>[\w.]+))
    \s*(?:,|$)""",
    re.VERBOSE | re.DOTALL,
)

_CONSTANTS: dict[str, object] = {"None": None, "True": True, "False": False}


def split_rule(rule: str) -> Iterator[str | Variable]:
    """Take a rule apart into literals, none of them empty, and variables.

    :raises ValueError: a ``<`` that does not begin a variable.
    """
    position = 0
    while (start := rule.find("<", position)) >= 0:
        match = _VARIABLE.match(rule, start)
        if match is None:
            raise ValueError(f"malformed url rule: {rule!r}, no variable at {rule[start:]!r}")
        if start > position:
            yield rule[position:start]
        converter, arguments, name = match.groups()
        yield Variable(name, converter or "default", arguments)
        position = match.end()
    if position < len(rule):
        yield rule[position:]


def parse_converter_args(argstr: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Parse what stands between the parentheses behind a converter's name.

    Values are separated by commas and may be named. A quoted value is a text; a bare one is None,
    True, False, an int or a float if it looks like that, and else a text as well.

    :raises ValueError: something is none of these.
    """
    arguments: list[Any] = []
    named: dict[str, Any] = {}
    position, end = 0, len(argstr.rstrip())
    while position < end:
        match = _ARGUMENT.match(argstr, position)
        if match is None:
            raise ValueError(f"Cannot parse converter argument {argstr[position:]!r}")
        position = match.end()
        value = match["text"] if match["quote"] else _bare_value(match["bare"])
        if match["name"]:
            named[match["name"]] = value
        else:
            arguments.append(value)
    return tuple(arguments), named


def _bare_value(text: str) -> object:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
