"""The applications on Flask, and unchanged on ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["build"]

HERE = str(Path(__file__).parent)


def hello(_flask: Any, app: Any) -> None:
    @app.route("/")
    def index() -> str:
        return "Hello, world!"


def json(flask: Any, app: Any) -> None:
    request = flask.request

    @app.post("/orders")
    def order() -> Any:
        data = request.get_json()
        lines = data["lines"]
        return {
            "customer": data["customer"],
            "count": sum(line["count"] for line in lines),
            "lines": lines,
        }


def rules(_flask: Any, app: Any) -> None:
    def part(number: int) -> Any:
        return lambda count, color: f"{number} {count + 1} {color}"

    for number in range(300):
        app.add_url_rule(f"/part{number}/<int:count>/<color>", f"part{number}", part(number))


def session(flask: Any, app: Any) -> None:
    app.secret_key = "a key for the bench"
    session = flask.session

    @app.route("/count")
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])


def template(flask: Any, app: Any) -> None:
    @app.route("/table")
    def table() -> Any:
        rows = [f"row <{number}>" for number in range(10)]
        return flask.render_template("table.html", title="Rows & more", rows=rows)


def hooks(flask: Any, app: Any) -> None:
    g = flask.g
    shop = flask.Blueprint("shop", __name__, url_prefix="/shop", root_path=HERE)

    @shop.before_request
    def load_user() -> None:
        g.user = 7

    @shop.after_request
    def say_open(response: Any) -> Any:
        response.headers["X-Shop"] = "open"
        return response

    @shop.route("/")
    def index() -> str:
        return f"for {g.user}"

    app.register_blueprint(shop)


def missing(flask: Any, app: Any) -> None:
    request = flask.request
    hello(flask, app)

    @app.errorhandler(404)
    def nothing(_error: Any) -> Any:
        return f"nothing at {request.path}", 404


SETUPS = {
    setup.__name__: setup for setup in (hello, json, rules, session, template, hooks, missing)
}


def build(key: str, flask: Any, new: Callable[..., Any]) -> Any:
    """Return the application for a case.

    :param flask: the package with the names that it uses.
    :param new: the class of applications, which is not called the same in both.
    """
    app = new("bench", root_path=HERE, static_folder=None)
    SETUPS[key](flask, app)
    return app
