from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from dovetail.routing.converters import (
    DEFAULT_CONVERTERS,
    AnyConverter,
    BaseConverter,
    FloatConverter,
    IntegerConverter,
    NumberConverter,
    PathConverter,
    UnicodeConverter,
    UUIDConverter,
    ValidationError,
    quote_path,
)
from dovetail.routing.map import Map


@pytest.fixture
def url_map() -> Map:
    return Map()


def test_default_converters() -> None:
    assert {name: cls.__name__ for name, cls in DEFAULT_CONVERTERS.items()} == {
        "default": "UnicodeConverter",
        "string": "UnicodeConverter",
        "any": "AnyConverter",
        "path": "PathConverter",
        "int": "IntegerConverter",
        "float": "FloatConverter",
        "uuid": "UUIDConverter",
    }


def test_validation_error_is_a_value_error() -> None:
    assert issubclass(ValidationError, ValueError)


def test_base(url_map: Map) -> None:
    converter = BaseConverter(url_map, 1, more=2)
    assert converter.map is url_map
    assert (converter.regex, converter.weight, converter.part_isolating) == ("[^/]+", 100, True)
    assert converter.to_python("é") == "é"
    assert converter.to_url("a/b é%") == "a/b%20%C3%A9%25"
    assert converter.to_url(5) == "5"


def test_part_isolating_is_told_from_the_expression() -> None:
    class Slashes(BaseConverter):
        regex = "a/b"

    class Insists(BaseConverter):
        regex = "a/b"
        part_isolating = True

    class Segment(PathConverter):
        regex = "x"

    class Inherits(Slashes):
        pass

    assert [cls.part_isolating for cls in (Slashes, Insists, Segment, Inherits)] == [
        *(False, True),
        *(True, False),
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "[^/]{1,}"),
        ({"minlength": 2}, "[^/]{2,}"),
        ({"maxlength": 3}, "[^/]{1,3}"),
        ({"minlength": 2, "maxlength": 3}, "[^/]{2,3}"),
        ({"length": 4, "minlength": 1}, "[^/]{4}"),
        ({"length": "2"}, "[^/]{2}"),
    ],
)
def test_unicode(url_map: Map, arguments: dict[str, Any], expected: str) -> None:
    assert UnicodeConverter(url_map, **arguments).regex == expected


def test_any(url_map: Map) -> None:
    converter = AnyConverter(url_map, "a.b", "c|d")
    assert converter.items == {"a.b", "c|d"}
    assert re.fullmatch(converter.regex, "a.b")
    assert re.fullmatch(converter.regex, "c|d")
    assert not re.fullmatch(converter.regex, "axb")
    assert converter.to_url("c|d") == "c|d"
    with pytest.raises(ValueError, match=r"'z' is not one of 'a\.b', 'c\|d'"):
        converter.to_url("z")


def test_path() -> None:
    assert PathConverter.weight == 200
    assert PathConverter.part_isolating is False
    assert re.fullmatch(PathConverter.regex, "a/b//c")
    assert not re.fullmatch(PathConverter.regex, "/a")


def test_integer(url_map: Map) -> None:
    converter = IntegerConverter(url_map)
    assert converter.to_python("007") == 7
    assert converter.to_url("5") == "5"
    assert (converter.regex, converter.weight, converter.part_isolating) == (r"\d+", 50, True)
    assert converter.signed_regex == r"-?\d+"
    assert IntegerConverter(url_map, signed=True).regex == r"-?\d+"


def test_number(url_map: Map) -> None:
    converter = NumberConverter(url_map, fixed_digits=3, min=5, max=100)
    assert (converter.fixed_digits, converter.min, converter.max, converter.signed) == (
        *(3, 5),
        *(100, False),
    )
    assert converter.num_convert("5") == 5
    assert converter.to_python("005") == 5
    for text in ("5", "004", "101", "0005"):
        with pytest.raises(ValidationError):
            converter.to_python(text)
    assert converter.to_url(5) == "005"
    assert converter.to_url(12345) == "12345"


def test_more_digits_than_python_converts(url_map: Map) -> None:
    with pytest.raises(ValidationError):
        IntegerConverter(url_map).to_python("1" * 5000)


def test_float(url_map: Map) -> None:
    converter = FloatConverter(url_map, min=1.5, max=3, signed=True)
    assert converter.num_convert is float
    assert converter.regex == r"-?\d+\.\d+"
    assert converter.to_python("3.0") == 3.0
    with pytest.raises(ValidationError):
        converter.to_python("-2.0")
    assert converter.to_url(2) == "2.0"
    assert (FloatConverter.regex, FloatConverter.part_isolating) == (r"\d+\.\d+", True)


def test_uuid(url_map: Map) -> None:
    converter = UUIDConverter(url_map)
    text = "a8098c1a-f86e-11da-bd1a-00112444be1e"
    assert re.fullmatch(converter.regex, text)
    assert converter.part_isolating
    assert converter.to_python(text) == UUID(text)
    assert converter.to_url(UUID(text)) == text


def test_quote_path() -> None:
    assert quote_path("/a-._~!$&'()*+,;=:@b") == "/a-._~!$&'()*+,;=:@b"
    assert quote_path('/é ?#%[]"\n') == "/%C3%A9%20%3F%23%25%5B%5D%22%0A"
    assert quote_path("/\udc80") == "/%3F"
