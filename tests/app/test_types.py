"""The types for annotations."""

from __future__ import annotations

from typing import Any, TypeVar, get_args, get_type_hints

import pytest

from dovetail.app import types
from dovetail.data.headers import Headers
from dovetail.toolkit.response import Response

NAMES = [name for name in types.__all__ if name != "ResponseClass"]


@pytest.mark.parametrize("name", NAMES)
def test_types_can_be_resolved(name: str) -> None:
    def function() -> Any: ...

    function.__annotations__ = {"value": getattr(types, name)}
    hints = get_type_hints(function, {"Response": Response, "Headers": Headers})
    assert get_args(hints["value"])


def test_response_value_is_a_response_value_of_a_view() -> None:
    assert set(get_args(types.ResponseValue)) <= set(get_args(types.ResponseReturnValue))
    assert get_args(types.HeaderValue) == (str, list[str], tuple[str, ...])
    assert isinstance(types.ResponseClass, TypeVar)


def test_aliases_may_be_optional() -> None:
    for name in NAMES:
        assert type(None) in get_args(getattr(types, name) | None)
