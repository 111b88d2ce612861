"""What subclasses of requests and responses set to change them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from dovetail.data.immutable import ImmutableList
from dovetail.data.multidict import ImmutableMultiDict, MultiDict
from dovetail.toolkit.forms import FormDataParser
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response
from dovetail.toolkit.testing.environ_builder import create_environ


class Shouting:
    """A JSON module of an application's own."""

    @staticmethod
    def loads(text: str | bytes, **options: Any) -> Any:
        return {"loaded": json.loads(text)}

    @staticmethod
    def dumps(value: Any, **options: Any) -> str:
        return json.dumps(value).upper()


def test_parameter_storage_class() -> None:
    class Ours(Request):
        parameter_storage_class: type[MultiDict[str, Any]] = MultiDict

    environ = create_environ("/?a=1", method="POST", data={"b": "2"})
    assert type(Request(environ).args) is ImmutableMultiDict
    request = Ours(create_environ("/?a=1", method="POST", data={"b": "2"}))
    assert type(request.args) is MultiDict
    assert type(request.form) is MultiDict
    assert (request.args["a"], request.form["b"]) == ("1", "2")


def test_dict_storage_class() -> None:
    class Ours(Request):
        dict_storage_class: type[MultiDict[str, Any]] = MultiDict

    environ = create_environ("/", headers={"Cookie": "a=1"})
    assert type(Request(environ).cookies) is ImmutableMultiDict
    assert type(Ours(environ).cookies) is MultiDict
    assert Ours(environ).cookies["a"] == "1"


def test_list_storage_class() -> None:
    class Ours(Request):
        list_storage_class = list

    environ = create_environ("/", headers={"X-Forwarded-For": "192.0.2.1, 192.0.2.2"})
    assert type(Request(environ).access_route) is ImmutableList
    assert type(Ours(environ).access_route) is list
    assert Ours(environ).access_route == ["192.0.2.1", "192.0.2.2"]


def test_form_data_parser_class() -> None:
    seen: list[str] = []

    class Parser(FormDataParser):
        def parse(self, stream: Any, mimetype: str, *args: Any, **options: Any) -> Any:
            seen.append(mimetype)
            return super().parse(stream, mimetype, *args, **options)

    class Ours(Request):
        form_data_parser_class = Parser

    assert Request.form_data_parser_class is FormDataParser
    request = Ours(create_environ("/", method="POST", data={"b": "2"}))
    assert isinstance(request.make_form_data_parser(), Parser)
    assert request.form["b"] == "2"
    assert seen == ["application/x-www-form-urlencoded"]


def test_json_module_of_a_request() -> None:
    class Ours(Request):
        json_module = Shouting

    assert Request.json_module is json
    assert Ours(create_environ("/", method="POST", json=[1])).json == {"loaded": [1]}


def test_json_module_of_a_response() -> None:
    class Ours(Response):
        json_module = Shouting

    assert Response.json_module is json
    assert Ours("[1]", mimetype="application/json").get_json() == {"loaded": [1]}


def test_default_status() -> None:
    class Ours(Response):
        default_status = 202

    assert Response.default_status == 200
    assert Response().status == "200 OK"
    assert Ours().status_code == 202
    assert Ours(status=204).status_code == 204


@pytest.mark.parametrize("automatically", [True, False])
def test_automatically_set_content_length(automatically: bool) -> None:
    class Ours(Response):
        automatically_set_content_length = automatically

    headers = Ours("hello").get_wsgi_headers(create_environ())
    assert headers.get("Content-Length") == ("5" if automatically else None)
    assert Response.automatically_set_content_length is True


def test_implicit_sequence_conversion() -> None:
    class Ours(Response):
        implicit_sequence_conversion = False

    assert Response.implicit_sequence_conversion is True
    assert Response(iter(["a", "b"])).get_data() == b"ab"
    with pytest.raises(RuntimeError):
        Ours(io.BytesIO(b"ab")).get_data()
