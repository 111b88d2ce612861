"""The applications on Falcon; it has no sessions, and no templates of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import falcon
import jinja2

__all__ = ["build"]

HERE = Path(__file__).parent


class Hello:
    def on_get(self, _request: Any, response: Any) -> None:
        response.content_type = falcon.MEDIA_HTML
        response.text = "Hello, world!"


class Order:
    def on_post(self, request: Any, response: Any) -> None:
        data = request.get_media()
        lines = data["lines"]
        response.media = {
            "customer": data["customer"],
            "count": sum(line["count"] for line in lines),
            "lines": lines,
        }


class Part:
    def __init__(self, number: int) -> None:
        self.number = number

    def on_get(self, _request: Any, response: Any, count: int, color: str) -> None:
        response.content_type = falcon.MEDIA_HTML
        response.text = f"{self.number} {count + 1} {color}"


class Table:
    loader = jinja2.FileSystemLoader(HERE / "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True)

    def on_get(self, _request: Any, response: Any) -> None:
        response.content_type = falcon.MEDIA_HTML
        rows = [f"row <{number}>" for number in range(10)]
        template = self.environment.get_template("table.html")
        response.text = template.render(title="Rows & more", rows=rows)


class Shop:
    def on_get(self, request: Any, response: Any) -> None:
        response.content_type = falcon.MEDIA_HTML
        response.text = f"for {request.context.user}"


class ShopHooks:
    def process_request(self, request: Any, _response: Any) -> None:
        request.context.user = 7

    def process_response(
        self, _request: Any, response: Any, _resource: Any, _succeeded: bool
    ) -> None:
        response.set_header("X-Shop", "open")


def nothing(request: Any, response: Any, _error: Any, _parameters: Any) -> None:
    response.status = falcon.HTTP_404
    response.content_type = falcon.MEDIA_HTML
    response.text = f"nothing at {request.path}"


def hello(app: Any) -> None:
    app.add_route("/", Hello())


def json(app: Any) -> None:
    app.add_route("/orders", Order())


def rules(app: Any) -> None:
    for number in range(300):
        app.add_route(f"/part{number}/{{count:int}}/{{color}}", Part(number))


def template(app: Any) -> None:
    app.add_route("/table", Table())


def hooks(app: Any) -> None:
    app.add_middleware(ShopHooks())
    app.add_route("/shop/", Shop())


def missing(app: Any) -> None:
    hello(app)
    app.add_error_handler(falcon.HTTPNotFound, nothing)


SETUPS = {setup.__name__: setup for setup in (hello, json, rules, template, hooks, missing)}


def build(key: str) -> Any:
    """Return the application for a case, or None if Falcon has nothing for it."""
    if key not in SETUPS:
        return None
    app = falcon.App()
    SETUPS[key](app)
    return app
