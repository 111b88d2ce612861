"""How an application turns objects into JSON, and JSON into objects."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from markupsafe import Markup

from dovetail.app.application import App
from dovetail.app.json.provider import DefaultJSONProvider, JSONProvider


@dataclass
class Point:
    x: int
    y: Any = None


class Page:
    def __html__(self) -> str:
        return "<p>"


@pytest.fixture
def app() -> App:
    return App(__name__)


@pytest.fixture
def provider(app: App) -> DefaultJSONProvider:
    # It does not keep the application alive; the fixture of that does.
    return DefaultJSONProvider(app)


class Reversed(JSONProvider):
    """The smallest provider there is."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return json.dumps(obj, **kwargs)[::-1]

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return json.loads(s[::-1], **kwargs)


class TestJSONProvider:
    def test_leaves_two_methods_to_subclasses(self, app: App) -> None:
        provider = JSONProvider(app)
        with pytest.raises(NotImplementedError, match="dumps"):
            provider.dumps(1)
        with pytest.raises(NotImplementedError, match="loads"):
            provider.loads("1")

    def test_the_others_rest_on_these(self, app: App) -> None:
        provider = Reversed(app)
        file = StringIO()
        provider.dump([12, 3], file, separators=(",", ":"))
        assert file.getvalue() == "]3,21["
        assert provider.load(StringIO("]3,21["), parse_int=str) == ["12", "3"]
        response = provider.response(12)
        assert (response.data, response.content_type) == (b"21", "application/json")
        assert isinstance(response, app.response_class)

    def test_may_be_the_applications(self, app: App) -> None:
        app.json = Reversed(app)
        app.add_url_rule("/", "index", lambda: {"a": 1})
        assert app.test_client().get("/").data == b'}1 :"a"{'

    def test_does_not_keep_the_application_alive(self) -> None:
        app = App(__name__)
        provider = DefaultJSONProvider(app)
        assert provider.response(1).data == b"1\n"
        gone = weakref.ref(app)
        del app
        gc.collect()
        assert gone() is None


class TestDefault:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (date(2020, 1, 2), "Thu, 02 Jan 2020 00:00:00 GMT"),
            (datetime(2020, 1, 2, 3, 4, 5), "Thu, 02 Jan 2020 03:04:05 GMT"),
            (
                datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
                "Thu, 02 Jan 2020 01:04:05 GMT",
            ),
            (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
            (Decimal("1.50"), "1.50"),
            (Point(1, Point(2)), {"x": 1, "y": {"x": 2, "y": None}}),
            (Page(), "<p>"),
            (Markup("<b>"), "<b>"),
        ],
    )
    def test_knows(self, value: Any, expected: Any) -> None:
        assert DefaultJSONProvider.default(value) == expected

    def test_is_used_in_depth(self, provider: DefaultJSONProvider) -> None:
        assert provider.dumps({"a": [Point(1, Decimal(2))]}) == '{"a": [{"x": 1, "y": "2"}]}'

    @pytest.mark.parametrize("value", [{1}, b"x", time(1), object(), 1j])
    def test_does_not_know(self, provider: DefaultJSONProvider, value: Any) -> None:
        with pytest.raises(TypeError, match="is not JSON serializable"):
            provider.dumps([value])

    def test_can_be_replaced(self, app: App, provider: DefaultJSONProvider) -> None:
        class Static(DefaultJSONProvider):
            default = staticmethod(lambda o: "static")

        class Method(DefaultJSONProvider):
            def default(self, o: Any) -> Any:
                return type(self).__name__ if o is None.__class__ else super().default(o)

        assert Static(app).dumps(object()) == '"static"'
        assert Method(app).dumps([type(None), Decimal(1)]) == '["Method", "1"]'
        assert provider.dumps(Decimal(1)) == '"1"'
        provider.default = lambda o: "own"
        assert provider.dumps(Decimal(1)) == '"own"'
        assert provider.dumps({1}, default=list) == "[1]"


class TestDumps:
    def test_defaults(self, provider: DefaultJSONProvider) -> None:
        assert provider.dumps({"b": "é", "a": [1, None]}) == '{"a": [1, null], "b": "\\u00e9"}'

    def test_attributes_can_change_at_any_time(self, provider: DefaultJSONProvider) -> None:
        value = {"b": "é", "a": 1}
        assert provider.dumps(value) == '{"a": 1, "b": "\\u00e9"}'
        provider.ensure_ascii = False
        assert provider.dumps(value) == '{"a": 1, "b": "é"}'
        provider.sort_keys = False
        assert provider.dumps(value) == '{"b": "é", "a": 1}'
        assert provider.dumps(value, separators=(",", ":")) == '{"b":"é","a":1}'

    def test_arguments_come_before_attributes(self, provider: DefaultJSONProvider) -> None:
        value = {"b": "é", "a": 1}
        assert provider.dumps(value, sort_keys=False) == '{"b": "\\u00e9", "a": 1}'
        assert provider.dumps(value, ensure_ascii=False) == '{"a": 1, "b": "é"}'
        assert provider.dumps([1], indent=1, separators=(",", ":")) == "[\n 1\n]"

    def test_an_argument_that_nobody_knows(self, provider: DefaultJSONProvider) -> None:
        with pytest.raises(TypeError, match="shape"):
            provider.dumps(1, shape="round")

    def test_keys_that_cannot_be_sorted(self, provider: DefaultJSONProvider) -> None:
        with pytest.raises(TypeError, match="not supported between"):
            provider.dumps({1: 1, "a": 2})
        provider.sort_keys = False
        assert provider.dumps({1: 1, "a": 2}) == '{"1": 1, "a": 2}'

    def test_a_circle(self, provider: DefaultJSONProvider) -> None:
        circle: list[Any] = []
        circle.append(circle)
        with pytest.raises(ValueError, match="Circular"):
            provider.dumps(circle)
        assert provider.dumps([1]) == "[1]"


class TestLoads:
    @pytest.mark.parametrize("text", ['{"a": "é"}', '{"a": "é"}'.encode()])
    def test_text_and_octets(self, provider: DefaultJSONProvider, text: Any) -> None:
        assert provider.loads(text) == {"a": "é"}

    def test_other_encodings(self, provider: DefaultJSONProvider) -> None:
        assert provider.loads("[1]".encode("utf-16")) == [1]
        assert provider.loads("1".encode("utf-32-be")) == 1

    def test_arguments(self, provider: DefaultJSONProvider) -> None:
        assert provider.loads("1.5", parse_float=Decimal) == Decimal("1.5")

    @pytest.mark.parametrize("text", ["", "x", "[1] 2", "\ufeff1", b"\xff"])
    def test_no_json(self, provider: DefaultJSONProvider, text: Any) -> None:
        with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
            provider.loads(text)


class TestResponse:
    @pytest.mark.parametrize(
        ("args", "kwargs", "expected"),
        [
            ((), {}, b"null\n"),
            ((None,), {}, b"null\n"),
            (({},), {}, b"{}\n"),
            ((1,), {}, b"1\n"),
            ((1, 2), {}, b"[1,2]\n"),
            ((), {"b": 1, "a": [1, 2]}, b'{"a":[1,2],"b":1}\n'),
        ],
    )
    def test_content(
        self, provider: DefaultJSONProvider, args: Any, kwargs: Any, expected: bytes
    ) -> None:
        response = provider.response(*args, **kwargs)
        assert response.data == expected
        assert response.headers.to_wsgi_list() == [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(expected))),
        ]

    def test_not_both(self, provider: DefaultJSONProvider) -> None:
        with pytest.raises(TypeError, match="not both"):
            provider.response(1, a=1)

    @pytest.mark.parametrize(
        ("debug", "compact", "is_compact"),
        [
            (False, None, True),
            (True, None, False),
            (True, True, True),
            (False, False, False),
        ],
    )
    def test_compact(
        self,
        app: App,
        provider: DefaultJSONProvider,
        debug: bool,
        compact: bool | None,
        is_compact: bool,
    ) -> None:
        app.debug = debug
        provider.compact = compact
        expected = b'{"a":[1]}\n' if is_compact else b'{\n  "a": [\n    1\n  ]\n}\n'
        assert provider.response(a=[1]).data == expected

    def test_mimetype(self, provider: DefaultJSONProvider) -> None:
        provider.mimetype = "application/problem+json"
        assert provider.response().content_type == "application/problem+json"
        provider.mimetype = "text/json"
        assert provider.response().content_type == "text/json; charset=utf-8"

    def test_asks_dumps(self, app: App) -> None:
        seen = []

        class Noting(DefaultJSONProvider):
            def dumps(self, obj: Any, **kwargs: Any) -> str:
                seen.append((obj, kwargs))
                return super().dumps(obj, **kwargs)

        provider = Noting(app)
        provider.response(1)
        provider.compact = False
        provider.response(2)
        assert seen == [(1, {"separators": (",", ":")}), (2, {"indent": 2})]
