from __future__ import annotations

import re
import string

import pytest

from dovetail.http1 import grammar
from dovetail.http1.errors import BadRequest
from dovetail.http1.grammar import (
    QUOTED_STRING,
    TCHAR,
    TOKEN,
    field_name,
    is_text,
    is_token,
    tokens,
)

TCHARS = {*string.ascii_letters, *string.digits, *"!#$%&'*+-.^_`|~"}


@pytest.mark.parametrize("octet", range(256))
def test_octets_of_a_token(octet: int) -> None:
    character = chr(octet)
    expected = character in TCHARS
    assert is_token(f"a{character}") is expected
    assert is_token(character) is expected
    assert (octet in TCHAR) is expected
    assert (re.fullmatch(TOKEN, character) is not None) is expected


def test_a_token_is_not_empty() -> None:
    assert not is_token("")


@pytest.mark.parametrize("octet", range(256))
def test_octets_of_field_text(octet: int) -> None:
    expected = octet == 9 or octet in range(0x20, 0x7F) or octet >= 0x80
    assert is_text(b"a%cb" % octet, 0) is expected


@pytest.mark.parametrize(
    "octets", [b"a\r\nb", b"\r\n", b"a\r\n", b"\r\na"], ids=["between", "alone", "behind", "before"]
)
def test_text_with_one_line_end(octets: bytes) -> None:
    assert is_text(octets, 1)
    assert not is_text(octets, 0)
    assert not is_text(octets, 2)


@pytest.mark.parametrize("octets", [b"a\nb\r", b"\n\r", b"a\r", b"a\nb", b"\r\r\n", b"\r\n\n"])
def test_text_with_bare_line_ends(octets: bytes) -> None:
    assert not is_text(octets, octets.count(b"\r\n"))
    assert not is_text(octets, octets.count(b"\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('""', True),
        ('"a b\tc"', True),
        (r'"\""', True),
        (r'"\\"', True),
        ('"\x80\xff"', True),
        (r'"\"', False),
        ('"', False),
        ('"a"b"', False),
        ('"\n"', False),
        ('"\\\x00"', False),
        ('"\x7f"', False),
    ],
)
def test_quoted_strings(text: str, expected: bool) -> None:
    assert (re.fullmatch(QUOTED_STRING, text) is not None) is expected


def test_field_names_are_lower_case() -> None:
    assert field_name("Content-TYPE") == "content-type"
    assert field_name("Content-TYPE") == "content-type"  # the second time from the cache


@pytest.mark.parametrize("name", ["", " a", "a ", "a\t", "a b", "a\x80", "a(", "\u212a", "a\n"])
def test_malformed_field_names(name: str) -> None:
    for _ in range(2):
        with pytest.raises(BadRequest):
            field_name(name)


def test_the_cache_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients choose the names, so they may not choose how much memory those take."""
    names: dict[str, str] = {}
    monkeypatch.setattr(grammar, "_NAMES", names)
    for number in range(10_000):
        assert field_name(f"X-{number}") == f"x-{number}"
    assert len(names) <= 2048
    names.clear()
    assert field_name("A" * 5000) == "a" * 5000
    assert not names


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([""], []),
        (["Close"], ["close"]),
        (["a, b", "c"], ["a", "b", "c"]),
        ([" ,,\ta ,, "], ["a"]),
        (["\xa0a"], ["\xa0a"]),
    ],
)
def test_lists_of_tokens(values: list[str], expected: list[str]) -> None:
    assert tokens(values) == expected
