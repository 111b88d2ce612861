from __future__ import annotations

import pytest

from dovetail.data.field_names import ENVIRON_FIELDS, ENVIRON_KEYS, FOLDED, UNPREFIXED, fold


def test_a_folded_name_is_remembered() -> None:
    FOLDED.clear()
    assert fold("X-Name") == "x-name"
    assert FOLDED == {"X-Name": "x-name"}


@pytest.mark.parametrize("name", ["a\nb", "a\r", "x" * 65])
def test_names_that_are_not_remembered(name: str) -> None:
    FOLDED.clear()
    assert fold(name) == name
    assert not FOLDED


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Host", "HTTP_HOST"),
        ("x-a_b", "HTTP_X_A_B"),
        ("content-type", "CONTENT_TYPE"),
        ("Content-Length", "CONTENT_LENGTH"),
    ],
)
def test_the_key_of_a_field(name: str, key: str) -> None:
    assert ENVIRON_KEYS[name] == ENVIRON_KEYS[name] == key


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("HTTP_X_A", "X-A"),
        ("CONTENT_TYPE", "Content-Type"),
        ("HTTP_CONTENT_TYPE", None),
        ("REQUEST_METHOD", None),
    ],
)
def test_the_field_of_a_key(key: str, name: str | None) -> None:
    assert ENVIRON_FIELDS[key] == name
    assert ENVIRON_FIELDS[key] == name
    assert (key in UNPREFIXED) == (key == "CONTENT_TYPE")
