"""Values of header fields with a structure: tokens and quoted strings, lists, dicts, options.

A list is ``a, "b, c"``, a dict is ``a=b, c="d e"``, and an options header is a value with
parameters, such as ``text/html; charset=utf-8`` (RFC 9110 section 5.6). Parsing never raises: what
is malformed is left out. Every parser is linear in its input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from dovetail.http1.grammar import TCHAR, TOKEN

__all__ = [
    "dump_header",
    "dump_options_header",
    "parse_dict_header",
    "parse_list_header",
    "parse_options_header",
    "quote_header_value",
    "unquote_header_value",
]

_WSP = " \t"
# PERF: a third faster on a short word than an expression.
_is_token = frozenset(map(chr, TCHAR)).issuperset

# The inside of a quoted string. Possessive: a missing closing quote costs one pass, not a search.
_QUOTED_BODY = r'(?:[^"\\]++|\\.)*+'
# A backslash does not take a line end away: it cannot be in a field value.
_unescape = re.compile(r"\\(.)").sub
_escaped_backslash = re.compile(r"\\(?:[\\\n]|\Z)").search

# One element of a list and the comma after it; a quoted string anywhere hides its commas.
_element = re.compile(rf'((?:[^",]++|"{_QUOTED_BODY}")*+)(,|\Z)', re.DOTALL).match

# The parameter after a semicolon: a token or a quoted string. Group 3 without group 4 is a string
# that never ends.
_TOKEN = rf"{TOKEN}+"  # possessive
_parameter = re.compile(rf'[ \t]*+({_TOKEN})=(?:({_TOKEN})|("){_QUOTED_BODY}("?))', re.DOTALL).match
_continuation = re.compile(r"(.*)\*([0-9]+)", re.DOTALL).fullmatch

# RFC 8187 section 3.2.1: charset'language'value, of characters that need no quoting.
_EXTENDED = TOKEN.replace("'", "")
_extended = re.compile(rf"((?:{_EXTENDED})?)'(?:{_EXTENDED})?'({TOKEN})").fullmatch

# The character sets an extended value may name; others could be codecs with side effects.
_CHARSETS = frozenset({"ascii", "us-ascii", "utf-8", "iso-8859-1"})


def quote_header_value(value: Any, allow_token: bool = True) -> str:
    """Return ``value`` as a quoted string (RFC 9110 section 5.6.4).

    :param value: converted by ``str`` first.
    :param allow_token: leave a value that is a token without quotes.
    """
    text = value if type(value) is str else str(value)
    # PERF: a space tells most of what is no token in 15 ns, the next two what is one in 60 ns; the
    # last takes 10 ns a character.
    if allow_token and " " not in text and ((text.isalnum() and text.isascii()) or _is_token(text)):
        return text or '""'
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if '"' in text:
        text = text.replace('"', '\\"')
    return f'"{text}"'


def unquote_header_value(value: str) -> str:
    """Undo :func:`quote_header_value`; a value without quotes at both ends comes back as it is."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
        if "\\" in value:
            if _escaped_backslash(value):
                return _unescape(r"\1", value)
            return value.replace("\\", "")  # PERF: a tenth of the time
    return value


def parse_list_header(value: str) -> list[str]:
    """Split a comma-separated value into its elements, without their quotes.

    Empty elements are left out. A quoted string that never ends spoils the whole: the list is
    empty.
    """
    if '"' not in value:
        elements = value.split(",")
    else:
        elements = []
        position, end = 0, len(value)
        while position < end:
            match = _element(value, position)
            if match is None:
                return []
            elements.append(match[1])
            position = match.end()
    return [unquote_header_value(text) for item in elements if (text := item.strip(_WSP))]


def parse_dict_header(value: str) -> dict[str, str | None]:
    """Parse ``a=b, c="d e", f`` into a dict; a key without ``=`` has the value None.

    A key that ends in ``*`` loses the star, and its value is decoded by RFC 8187. Of equal keys the
    last one counts; elements without a key are left out.
    """
    result: dict[str, str | None] = {}
    for element in parse_list_header(value):
        key, equals, text = element.partition("=")
        key = key.strip(_WSP)
        if not key:
            continue
        if not equals:
            result[key] = None
            continue
        text = text.strip(_WSP)
        if key[-1] == "*":
            key = key[:-1]
            text = _decode_extended(text)[0]
        result[key] = unquote_header_value(text)
    return result


def _decode_extended(text: str, charset: str = "") -> tuple[str, str]:
    """Decode an extended value (RFC 8187 section 3.2.1); return it and the charset it names.

    :param charset: what an earlier part of the same value named, for a part that names none.
    """
    match = _extended(text)
    if match is not None:
        charset, text = match[1].lower() or charset, match[2]
    if charset in _CHARSETS and "%" in text:
        text = unquote(text, charset, "replace")
    return text, charset


def parse_options_header(value: str | None) -> tuple[str, dict[str, str]]:
    """Parse a value with parameters, ``value; key=text; key="quoted text"``.

    Keys come out in lower case; of equal keys the last one counts. ``key*=`` is decoded by RFC
    8187, and ``key*0=``, ``key*1*=`` and so on are put together by RFC 2231. What is malformed,
    a key without a value for one, is left out.

    :return: the value, and its parameters; ``("", {})`` for None.
    """
    if value is None:
        return "", {}
    main, semicolon, _ = value.partition(";")
    position = len(main)
    main = main.strip(_WSP)
    if not main or not semicolon:
        return main, {}
    options: dict[str, str] = {}
    continued: _Continued | None = None
    while position >= 0:
        match = _parameter(value, position + 1)
        if match is None:
            position = value.find(";", position + 1)
            continue
        key, token, quote, closing = match.groups()
        if quote and not closing:
            break
        text = token or value[match.start(3) : match.end()]
        key = key.lower()
        position = value.find(";", match.end())
        if "*" not in key:
            options[key] = _plain(text)
        else:
            if continued is None:
                continued = _Continued(options)
            key = continued.add(key, text)
        if continued is not None and key:
            continued.forget(key)
    if continued is not None:
        continued.join()
    return main, options


def _plain(text: str) -> str:
    """Return the text of a parameter's value.

    Browsers write a quote in a file name as ``%22`` and nothing else so (HTML, section 4.10.21.8).
    """
    text = unquote_header_value(text)
    return text.replace("%22", '"') if "%22" in text else text


class _Continued:
    """The parameters of one header whose keys have a star (RFC 2231 section 3, RFC 8187)."""

    __slots__ = ("charsets", "options", "parts")

    def __init__(self, options: dict[str, str]) -> None:
        self.options = options
        self.parts: dict[str, list[str]] = {}
        self.charsets: dict[str, str] = {}

    def add(self, key: str, text: str) -> str:
        """Take one parameter in; return its key if it stands for itself, "" if it is one part."""
        extended = key[-1] == "*"
        if extended:
            key = key[:-1]
        match = _continuation(key)
        if match is None:
            self.options[key] = _decode_extended(text)[0] if extended else _plain(text)
            return key
        key = match[1]
        if extended:
            text, self.charsets[key] = _decode_extended(text, self.charsets.get(key, ""))
        else:
            text = _plain(text)
        self.parts.setdefault(key, []).append(text)
        return ""

    def forget(self, key: str) -> None:
        """Drop the parts of a key that has come whole."""
        self.parts.pop(key, None)
        self.charsets.pop(key, None)

    def join(self) -> None:
        """Put the parts together, in the order in which they came."""
        for key, parts in self.parts.items():
            self.options[key] = "".join(parts)


def dump_options_header(header: str | None, options: Mapping[str, Any]) -> str:
    """Return a value with parameters, the reverse of :func:`parse_options_header`.

    A parameter whose value is None is left out, and one whose key ends in ``*`` has to be encoded
    already (RFC 8187): its value is taken as it is.

    :param header: the value; None for parameters alone.
    """
    segments = [] if header is None else [header]
    for key, value in options.items():
        if value is not None:
            text = value if key[-1:] == "*" else quote_header_value(value)
            segments.append(f"{key}={text}")
    return "; ".join(segments)


def dump_header(iterable: dict[str, Any] | Iterable[Any]) -> str:
    """Return a list or dict header, the reverse of :func:`parse_list_header` and of
    :func:`parse_dict_header`.

    In a dict, None makes a key without a value, and the value of a key that ends in ``*`` is taken
    as it is.
    """
    if isinstance(iterable, dict):
        items = []
        for key, value in iterable.items():
            if value is None:
                items.append(key)
            else:
                text = value if key[-1:] == "*" else quote_header_value(value)
                items.append(f"{key}={text}")
        return ", ".join(items)
    return ", ".join([quote_header_value(value) for value in iterable])
