"""The types for annotations."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Optional, TypeVar, get_args, get_type_hints

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


@pytest.mark.parametrize(
    ("alias", "arguments", "result"),
    [
        (types.AfterRequestCallable, [types.ResponseClass], types.ResponseClass),
        (types.BeforeFirstRequestCallable, [], None),
        (types.BeforeRequestCallable, [], Optional[types.ResponseReturnValue]),  # noqa: UP045
        (types.ErrorHandlerCallable, [Any], types.ResponseReturnValue),
        (types.RouteCallable, ..., types.ResponseReturnValue),
        (types.TeardownCallable, [BaseException | None], None),
        (types.TemplateContextProcessorCallable, [], dict[str, Any]),
    ],
)
def test_functions_that_may_be_coroutines(alias: Any, arguments: Any, result: Any) -> None:
    plain, asynchronous = get_args(alias)
    assert list(get_args(plain)) == [arguments, result]
    assert list(get_args(asynchronous)) == [arguments, Awaitable[result]]


@pytest.mark.parametrize(
    ("alias", "arguments", "result"),
    [
        (types.ShellContextProcessorCallable, [], dict[str, Any]),
        (types.TemplateFilterCallable, ..., Any),
        (types.TemplateGlobalCallable, ..., Any),
        (types.TemplateTestCallable, ..., bool),
        (types.URLDefaultCallable, [str, dict[str, Any]], None),
        (types.URLValuePreprocessorCallable, [str | None, dict[str, Any] | None], None),
    ],
)
def test_functions_that_are_no_coroutines(alias: Any, arguments: Any, result: Any) -> None:
    assert list(get_args(alias)) == [arguments, result]


def test_fields_and_keys() -> None:
    mapping = Mapping[str, types.HeaderValue]
    assert get_args(types.HeadersValue)[1] == mapping
    assert get_args(types.AppOrBlueprintKey) == (str, type(None))
