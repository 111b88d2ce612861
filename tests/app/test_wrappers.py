"""The request and the response of an application."""

from __future__ import annotations

import pytest

from dovetail.app.application import App
from dovetail.app.blueprints import Blueprint
from dovetail.app.proxies import request
from dovetail.app.wrappers import Request, Response, blueprint_chain
from dovetail.data.exceptions import (
    BadRequest,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from dovetail.toolkit.testing.environ_builder import EnvironBuilder


@pytest.fixture
def app() -> App:
    app = App("wrappers")
    parent = Blueprint("parent", __name__, url_prefix="/parent")
    child = Blueprint("child", __name__, url_prefix="/child")
    app.add_url_rule("/<int:number>", "number", lambda number: "")
    parent.add_url_rule("/", "index", lambda: "")
    child.add_url_rule("/", "index", lambda: "")
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    return app


@pytest.mark.parametrize(
    ("path", "endpoint", "blueprint", "blueprints"),
    [
        ("/5", "number", None, []),
        ("/parent/", "parent.index", "parent", ["parent"]),
        ("/parent/child/", "parent.child.index", "parent.child", ["parent.child", "parent"]),
        ("/nothing", None, None, []),
    ],
)
def test_how_it_was_matched(
    app: App, path: str, endpoint: str | None, blueprint: str | None, blueprints: list[str]
) -> None:
    with app.test_request_context(path):
        assert request.endpoint == endpoint
        assert request.blueprint == blueprint
        assert request.blueprints == blueprints


def test_blueprint_chain() -> None:
    assert blueprint_chain("a") == ("a",)
    assert blueprint_chain("a.b.c") == ("a.b.c", "a.b", "a")


def test_view_args_and_rule(app: App) -> None:
    with app.test_request_context("/5"):
        assert request.view_args == {"number": 5}
        assert str(request.url_rule) == "/<int:number>"
        assert request.routing_exception is None


def test_unmatched(app: App) -> None:
    with app.test_request_context("/nothing"):
        assert request.view_args is None
        assert request.url_rule is None
        assert isinstance(request.routing_exception, NotFound)


def test_outside_of_an_application() -> None:
    made = Request(EnvironBuilder().get_environ())
    assert made.endpoint is None
    assert made.max_content_length is None
    assert made.max_form_memory_size == 500_000
    assert made.max_form_parts == 1000


@pytest.mark.parametrize("key", ["MAX_CONTENT_LENGTH", "MAX_FORM_MEMORY_SIZE", "MAX_FORM_PARTS"])
def test_limits_are_configured_and_set(app: App, key: str) -> None:
    app.config[key] = 3
    with app.test_request_context():
        assert getattr(request, key.lower()) == 3
        setattr(request, key.lower(), 5)
        assert getattr(request, key.lower()) == 5
        setattr(request, key.lower(), None)
        assert getattr(request, key.lower()) is None
    with app.test_request_context():
        assert getattr(request, key.lower()) == 3


def test_max_content_length(app: App) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 3
    with app.test_request_context(method="POST", data="four"):
        with pytest.raises(RequestEntityTooLarge):
            request.get_data()
        request.max_content_length = 4
        assert request.get_data() == b"four"


@pytest.mark.parametrize("debug", [True, False])
def test_on_json_loading_failed(app: App, debug: bool) -> None:
    app.debug = debug
    with app.test_request_context(method="POST", data="{", content_type="application/json"):
        with pytest.raises(BadRequest) as caught:
            request.get_json()
        assert ("Failed to decode" in str(caught.value)) is debug
        with pytest.raises(UnsupportedMediaType):
            request.on_json_loading_failed(None)


def test_missing_file_is_explained_in_debug_mode(app: App) -> None:
    app.debug = True
    context = app.test_request_context(method="POST", data={"file": "name.txt"})
    with context, pytest.raises(KeyError, match=r"multipart/form-data"):
        request.files["file"]


def test_json_module(app: App) -> None:
    with app.test_request_context():
        assert request.json_module is app.json


def test_response() -> None:
    made = Response("text")
    assert made.mimetype == "text/html"
    assert made.default_mimetype == "text/html"
    assert made.autocorrect_location_header is False
    assert Response('{"a": 1}', mimetype="application/json").json == {"a": 1}
    assert Response.json_module.loads("1") == 1


def test_max_cookie_size(app: App) -> None:
    made = Response()
    assert made.max_cookie_size == 4093
    app.config["MAX_COOKIE_SIZE"] = 10
    with app.app_context():
        assert made.max_cookie_size == 10
        with pytest.warns(UserWarning, match="cookie"):
            made.set_cookie("name", "value that is too long")
        app.config["MAX_COOKIE_SIZE"] = 0
        made.set_cookie("name", "value that is too long")
