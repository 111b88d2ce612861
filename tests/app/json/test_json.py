"""The functions that write and read JSON as the current application does."""

from __future__ import annotations

from datetime import date
from io import BytesIO, StringIO
from typing import Any

import pytest

from dovetail.app import json
from dovetail.app.application import App
from dovetail.app.json import dump, dumps, jsonify, load, loads
from dovetail.app.json.provider import DefaultJSONProvider

LAST = date(1999, 12, 31)


class Loud(DefaultJSONProvider):
    """Tells what it was called with."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return f"dumps {obj} {kwargs}"

    def dump(self, obj: Any, fp: Any, **kwargs: Any) -> None:
        fp.write(f"dump {obj} {kwargs}")

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return f"loads {s!r} {kwargs}"

    def load(self, fp: Any, **kwargs: Any) -> Any:
        return f"load {fp.read()} {kwargs}"

    def response(self, *args: Any, **kwargs: Any) -> Any:
        return "response", args, kwargs


@pytest.fixture
def app() -> App:
    return App(__name__)


def test_names() -> None:
    assert json.__all__ == ["dump", "dumps", "jsonify", "load", "loads"]


class TestWithoutApplication:
    def test_dumps(self) -> None:
        # The standard library's own defaults: nothing is sorted.
        assert (
            dumps({"b": LAST, "a": "é"}) == '{"b": "Fri, 31 Dec 1999 00:00:00 GMT", "a": "\\u00e9"}'
        )

    def test_dumps_takes_what_the_standard_library_takes(self) -> None:
        assert dumps({1}, default=list, indent=1) == "[\n 1\n]"

    def test_dump(self) -> None:
        file = StringIO()
        dump({"day": LAST}, file, separators=(",", ":"))
        assert file.getvalue() == '{"day":"Fri, 31 Dec 1999 00:00:00 GMT"}'

    def test_loads(self) -> None:
        assert loads(b'{"a": 1.5}', parse_float=str) == {"a": "1.5"}

    @pytest.mark.parametrize("file", [BytesIO(b"[1]"), StringIO("[1]")])
    def test_load(self, file: Any) -> None:
        assert load(file) == [1]

    def test_jsonify_needs_one(self) -> None:
        with pytest.raises(RuntimeError, match="Working outside of application context"):
            jsonify(1)


class TestWithApplication:
    def test_ask_its_provider(self, app: App) -> None:
        app.json = Loud(app)
        file = StringIO()
        with app.app_context():
            dump(1, file, indent=2)
            assert file.getvalue() == "dump 1 {'indent': 2}"
            assert dumps(1, indent=2) == "dumps 1 {'indent': 2}"
            assert loads("1", parse_int=str) == f"loads '1' {{'parse_int': {str!r}}}"
            assert load(StringIO("x")) == "load x {}"
            answers: list[Any] = [jsonify(1, 2), jsonify(a=1)]
        assert answers == [("response", (1, 2), {}), ("response", (), {"a": 1})]

    def test_keys_are_sorted(self, app: App) -> None:
        with app.app_context():
            assert dumps({"b": 1, "a": 2}) == '{"a": 2, "b": 1}'

    def test_a_view_that_returns_a_dict_or_a_list_answers_in_json(self, app: App) -> None:
        app.add_url_rule("/dict", "dict", lambda: {"day": LAST})
        app.add_url_rule("/list", "list", lambda: [1, 2])
        app.add_url_rule("/jsonify", "jsonify", lambda: jsonify(1, 2))
        client = app.test_client()
        assert client.get("/dict").data == b'{"day":"Fri, 31 Dec 1999 00:00:00 GMT"}\n'
        assert client.get("/list").data == client.get("/jsonify").data == b"[1,2]\n"
        assert client.get("/list").content_type == "application/json"
