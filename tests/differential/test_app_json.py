"""JSON of applications on Flask and on ours."""

from __future__ import annotations

import dataclasses
import io
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from tests.differential.outcome import outcome
from tests.differential.twins import Twins, same

from dovetail.app.application import App
from dovetail.app.json.provider import DefaultJSONProvider


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = None


class Page:
    def __html__(self) -> str:
        return "<p>"


class Colour(Enum):
    RED = 1


class Number(IntEnum):
    ONE = 1


OBJECTS: list[Any] = [
    *(date(2020, 1, 2), datetime(2020, 1, 2, 3, 4, 5, 6), time(1), UUID(int=5)),
    datetime(2020, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))),
    *(Decimal("1.50"), Decimal("NaN"), Point(1, Point(Decimal(2))), Point, Page(), Page),
    *(Markup("<b>"), {1}, b"x", object(), 1j, float("nan"), Colour.RED, Number.ONE),
    {"b": 1, "a": [1, "é\u2028</script>"]},
    OrderedDict(b=1, a=2),
    *({1: 1, "a": 2}, {None: 1}, {(1,): 1}, {True: 1}, {Page(): 1}, {2.5: 1, 1: 2}),
    *((1, 2), [], {}, None, "", 10**30, "\ud800"),
]
KWARGS: list[dict[str, Any]] = [
    {},
    {"separators": (",", ":")},
    {"indent": 2},
    {"sort_keys": False},
    {"ensure_ascii": False},
    {"default": str},
    {"default": None},
    {"skipkeys": True},
    {"allow_nan": False, "separators": (",", ":")},
    {"separators": (", ", ": ")},
    {"wrong": 1},
]
SETTINGS: list[dict[str, Any]] = [
    {},
    {"ensure_ascii": False},
    {"sort_keys": False},
    {"default": str, "sort_keys": False},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
@pytest.mark.parametrize("kwargs", KWARGS, ids=repr)
def test_dumps(settings: dict[str, Any], kwargs: dict[str, Any]) -> None:
    theirs, mine = flask.Flask("one"), App("one")
    for app in (theirs, mine):
        vars(app.json).update(settings)
    for value in OBJECTS:
        assert outcome(mine.json.dumps, value, **kwargs) == outcome(
            theirs.json.dumps, value, **kwargs
        )


ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(ANY)
def test_any_value(value: Any) -> None:
    theirs, mine = flask.Flask("one"), App("one")
    assert mine.json.response(value).data == theirs.json.response(value).data
    with mine.app_context(), theirs.app_context():
        assert mine.json.dumps(value) == theirs.json.dumps(value)


@given(
    st.one_of(
        st.binary(max_size=6),
        st.text(max_size=6),
        ANY.map(repr),
        st.sampled_from(
            [
                "\ufeff1",
                b"\xef\xbb\xbf1",
                "[1]".encode("utf-16"),
                "1".encode("utf-32"),
                " 1 ",
                "1 2",
                b"1",
                "NaN",
                b"[\x00",
                "{",
                b"\xff",
                "1\x00",
                '"\ud800"',
                '"\\ud800"',
                b'"\xed\xa0\x80"',
            ]
        ),
    )
)
def test_loads(text: Any) -> None:
    theirs, mine = flask.Flask("one"), App("one")
    wanted = outcome(theirs.json.loads, text, form=repr)
    assert outcome(mine.json.loads, text, form=repr) == wanted


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("compact", [None, True, False])
@pytest.mark.parametrize("mimetype", ["application/json", "text/json", "application/x; charset=a"])
def test_response(debug: bool, compact: bool | None, mimetype: str) -> None:
    def act(app: Any, _: Any) -> Any:
        app.debug = debug
        app.json.compact = compact
        app.json.mimetype = mimetype
        found = []
        for args, kwargs in [((), {}), ((1,), {}), ((1, [2]), {}), ((), {"b": {}, "a": [1]})]:
            response = app.json.response(*args, **kwargs)
            found.append((response.data, response.status, list(response.headers)))
        return found

    Twins(lambda flask: flask.Flask("one")).same(act)


def test_response_of_both() -> None:
    assert same(lambda flask: flask.Flask("one").json.response(1, a=1)) == ("raised", "TypeError")


def test_functions() -> None:
    def act(flask: Any) -> Any:
        found: list[Any] = []

        def call() -> None:
            file = io.StringIO()
            flask.json.dump({"b": date(2020, 1, 1), "a": "é"}, file, indent=1)
            found.extend(
                [
                    file.getvalue(),
                    flask.json.dumps({"b": UUID(int=1), "a": "é"}),
                    outcome(flask.json.dumps, {1: 1, "a": 2}),
                    flask.json.loads(b'{"a": 1.5}', parse_float=str),
                    flask.json.load(io.BytesIO(b"[1]")),
                    outcome(flask.json.jsonify, 1, form=lambda response: response.data),
                ]
            )

        call()
        with flask.Flask("one").app_context():
            call()
        return found

    same(act)


def test_provider_of_an_application() -> None:
    def act(flask: Any) -> Any:
        calls: list[Any] = []

        class Base(flask.json.provider.JSONProvider):  # type: ignore[misc]
            def dumps(self, obj: Any, **kwargs: Any) -> str:
                calls.append(("dumps", obj, kwargs))
                return repr(obj)

            def loads(self, s: Any, **kwargs: Any) -> Any:
                calls.append(("loads", s, kwargs))
                return s

        class Default(flask.json.provider.DefaultJSONProvider):  # type: ignore[misc]
            def dumps(self, obj: Any, **kwargs: Any) -> str:
                calls.append(("dumps", obj, kwargs))
                return super().dumps(obj, **kwargs)  # type: ignore[no-any-return]

        found = []
        for provider in (Base, Default):
            for debug in (False, True):
                app = flask.Flask("one")
                app.json = provider(app)
                app.debug = debug

                @app.post("/")
                def index() -> Any:
                    return {"got": repr(flask.request.get_json(silent=True))}

                response = app.test_client().post("/", data="[1]", content_type="application/json")
                found.append((response.data, response.content_type))
        return found, calls

    same(act)


def test_views() -> None:
    def build(flask: Any) -> Any:
        app = flask.Flask("one")
        app.add_url_rule("/dict", "dict", lambda: {"b": date(2020, 1, 1), "a": 1})
        app.add_url_rule("/list", "list", lambda: [1, {"x": Decimal(1)}])
        app.add_url_rule("/status", "status", lambda: ({"a": 1}, 201, {"X-A": "1"}))
        app.add_url_rule("/jsonify", "jsonify", lambda: flask.jsonify(a=1, b=[]))
        app.add_url_rule("/none", "none", flask.jsonify)
        app.add_url_rule("/bad", "bad", lambda: {"a": object()})

        @app.post("/echo")
        def echo() -> Any:
            return {"got": flask.request.get_json()}

        return app

    twins = Twins(build)
    for path in ("/dict", "/list", "/status", "/jsonify", "/none", "/bad"):
        twins.get(path)
    for body in (b"[1]", b"{", b"", b"\xff", "[1]".encode("utf-16"), b"null"):
        twins.post("/echo", data=body, content_type="application/json")
    twins.post("/echo", json={"b": date(2020, 1, 1), "a": Decimal(1)})
    twins.post("/echo", data=b"[1]", content_type="text/plain")


def test_default_is_the_same_function() -> None:
    theirs = flask.json.provider.DefaultJSONProvider.default
    for value in OBJECTS:
        assert outcome(DefaultJSONProvider.default, value) == outcome(theirs, value)


def test_now() -> None:
    moment = datetime.now(UTC)
    assert DefaultJSONProvider.default(moment) == flask.json.provider.DefaultJSONProvider.default(
        moment
    )
