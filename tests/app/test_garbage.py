"""What a request leaves behind: nothing that only the garbage collector could free."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from dovetail.app.application import App
from dovetail.app.blueprints import Blueprint
from dovetail.app.proxies import g, request, session
from dovetail.app.responses import abort
from dovetail.toolkit.testing.environ_builder import create_environ


@pytest.fixture
def app() -> App:
    app = App(__name__, static_folder=None)
    app.secret_key = "key"
    shop = Blueprint("shop", __name__, url_prefix="/shop")

    @shop.before_request
    def before() -> None:
        g.seen = request.path

    @shop.route("/")
    def index() -> dict[str, Any]:
        session["count"] = session.get("count", 0) + 1
        return {"seen": g.seen}

    @app.errorhandler(404)
    def missing(error: Exception) -> tuple[str, int]:
        return f"nothing at {request.path}", 404

    app.register_blueprint(shop)
    app.add_url_rule("/", "home", lambda: "home")
    app.add_url_rule("/abort", "abort", lambda: abort(403))
    app.add_url_rule("/error", "error", lambda: str(1 // 0))
    app.add_url_rule("/json", "json", lambda: str(request.get_json()))
    app.logger.disabled = True
    return app


@pytest.fixture
def _collected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_collected")
@pytest.mark.parametrize("path", ["/", "/shop/", "/nowhere", "/abort", "/error", "/json"])
def test_nothing_is_left(app: App, path: str) -> None:
    def ask() -> None:
        body = app(create_environ(path), lambda *_: len)
        assert b"".join(body)

    # The first ones compile routes and fill caches.
    for _ in range(3):
        ask()
    gc.collect()
    ask()
    assert gc.collect() == 0
