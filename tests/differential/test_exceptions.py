"""HTTP exceptions: ours beside the installed Werkzeug, but for the texts, which are our own."""

from __future__ import annotations

import inspect
import pickle
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import werkzeug.exceptions as theirs
import werkzeug.http
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from tests.differential.outcome import outcome

import dovetail.toolkit.response  # noqa: F401 - makes the responses
from dovetail.data import exceptions as ours
from dovetail.data.statuses import HTTP_STATUS_CODES

NAMES = sorted(
    name
    for name, value in vars(theirs).items()
    if isinstance(value, type)
    and issubclass(value, theirs.HTTPException)
    and not name.startswith("_")
)
described = st.one_of(
    st.none(), st.text(max_size=20), st.just("a<b>\n&'\"\r\n"), st.just(Markup("<i>\n")), st.just(5)
)


def form(error: Any) -> Any:
    return (
        *(type(error).__name__, str(error), repr(error), error.code, error.name),
        *(error.args, error.description, error.get_description(), error.get_headers()),
        *(
            {**vars(error)},
            re.findall("<(?:title|h1)>.*", error.get_body()) if error.code else None,
        ),
    )


def test_status_codes() -> None:
    assert list(HTTP_STATUS_CODES.items()) == list(werkzeug.http.HTTP_STATUS_CODES.items())


def test_default_exceptions() -> None:
    assert {code: kind.__name__ for code, kind in ours.default_exceptions.items()} == {
        code: kind.__name__ for code, kind in theirs.default_exceptions.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_class(name: str) -> None:
    mine, peer = getattr(ours, name), getattr(theirs, name)
    assert [kind.__name__ for kind in mine.__mro__] == [kind.__name__ for kind in peer.__mro__]
    assert list(inspect.signature(mine).parameters) == list(inspect.signature(peer).parameters)
    assert (mine().code, mine().name, repr(mine())) == (peer().code, peer().name, repr(peer()))
    assert (mine().description is None) == (peer().description is None)
    assert form(mine(description="text")) == form(peer(description="text"))
    for error in (mine(description="text"), peer(description="text")):
        assert form(pickle.loads(pickle.dumps(error))) == form(error)


@given(st.sampled_from(NAMES), described)
def test_descriptions(name: str, description: Any) -> None:
    if description is not None:
        assert outcome(getattr(ours, name), description=description, form=form) == outcome(
            getattr(theirs, name), description=description, form=form
        )


@given(st.one_of(st.none(), st.text(max_size=5), st.integers()), st.booleans(), st.just("text"))
def test_key_errors(key: Any, show: bool, description: str) -> None:
    results = []
    for module in (ours, theirs):
        error: Any = module.BadRequestKeyError(key, description)
        error.show_exception = show
        results.append(form(error))
    assert results[0] == results[1]


RETRY = [
    *(None, 0, 5, -1, "x", datetime(2020, 1, 2, 3, 4, 5, 6), datetime(2020, 1, 1, tzinfo=UTC)),
    *(date(2020, 1, 1), timedelta(1)),
]
CASES: list[tuple[str, str, list[Any]]] = [
    ("MethodNotAllowed", "valid_methods", [None, [], ["GET", "PUT"], ("A",), "AB"]),
    ("RequestedRangeNotSatisfiable", "length", [None, 0, 5]),
    ("RequestedRangeNotSatisfiable", "units", ["bytes", "x"]),
    ("TooManyRequests", "retry_after", RETRY),
    ("ServiceUnavailable", "retry_after", RETRY),
    ("Unauthorized", "www_authenticate", [None, (), ["a", "b"]]),
    ("InternalServerError", "original_exception", [None, ValueError("x")]),
]


@pytest.mark.parametrize(("name", "argument", "values"), CASES)
def test_specifics(name: str, argument: str, values: list[Any]) -> None:
    for value in values:
        given_value = {argument: value, "description": "x"}
        mine = outcome(getattr(ours, name), form=form, **given_value)
        assert mine == outcome(getattr(theirs, name), form=form, **given_value)


@given(
    st.one_of(st.sampled_from([400, 404, 405, 999, 200, 404.0, True, "404", None]), st.integers()),
    st.lists(st.just("x"), max_size=2),
)
def test_abort(status: Any, arguments: list[str]) -> None:
    def raised(module: Any, *aborters: Any) -> Any:
        results = []
        for aborter in (
            module.abort,
            module.Aborter(),
            module.Aborter({1: module.Gone}),
            *aborters,
        ):
            try:
                aborter(status, *arguments)
            except Exception as error:
                results.append((type(error).__name__, error.args, vars(error)))
        return results

    def own(module: Any) -> Any:
        return module.Aborter({1: module.Gone}, {404: module.Conflict})

    mine, peer = raised(ours, own(ours)), raised(theirs, own(theirs))
    assert [entry[0] for entry in mine] == [entry[0] for entry in peer]
    assert [entry[2] for entry in mine] == [entry[2] for entry in peer]


# A page without a code is called "None Unknown Error" there.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "HTTPException"])
def test_responses(name: str) -> None:
    results = []
    for module in (ours, theirs):
        response = getattr(module, name)(description="text").get_response({"REQUEST_METHOD": "GET"})
        fields = list(response.headers)
        results.append((response.status, response.status_code, fields, response.get_data()))
    assert results[0] == results[1]
