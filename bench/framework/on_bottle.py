"""The applications on Bottle; it has no sessions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import bottle

__all__ = ["build"]

HERE = Path(__file__).parent


def hello(app: Any) -> None:
    @app.route("/")
    def index() -> str:
        return "Hello, world!"


def json(app: Any) -> None:
    @app.post("/orders")
    def order() -> Any:
        data = bottle.request.json
        lines = data["lines"]
        return {
            "customer": data["customer"],
            "count": sum(line["count"] for line in lines),
            "lines": lines,
        }


def rules(app: Any) -> None:
    def part(number: int) -> Any:
        return lambda count, color: f"{number} {count + 1} {color}"

    for number in range(300):
        app.route(f"/part{number}/<count:int>/<color>", callback=part(number))


def template(app: Any) -> None:
    render = partial(
        bottle.jinja2_template,
        "table.html",
        template_lookup=[str(HERE / "templates")],
        template_settings={"autoescape": True},
    )

    @app.route("/table")
    def table() -> Any:
        rows = [f"row <{number}>" for number in range(10)]
        return render(title="Rows & more", rows=rows)


def hooks(app: Any) -> None:
    # What is mounted has hooks of its own, but costs far more than an application with a prefix.
    @app.hook("before_request")
    def load_user() -> None:
        bottle.request.environ["user"] = 7

    @app.hook("after_request")
    def say_open() -> None:
        bottle.response.headers["X-Shop"] = "open"

    @app.route("/shop/")
    def index() -> str:
        return f"for {bottle.request.environ['user']}"


def missing(app: Any) -> None:
    hello(app)

    @app.error(404)
    def nothing(_error: Any) -> str:
        return f"nothing at {bottle.request.path}"


SETUPS = {setup.__name__: setup for setup in (hello, json, rules, template, hooks, missing)}


def build(key: str) -> Any:
    """Return the application for a case, or None if Bottle has nothing for it."""
    if key not in SETUPS:
        return None
    app = bottle.Bottle()
    SETUPS[key](app)
    return app
