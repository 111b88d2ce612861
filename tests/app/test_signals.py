"""The signals of an application."""

from __future__ import annotations

from typing import Any

import pytest

from dovetail.app import signals
from dovetail.app.application import App
from dovetail.app.messages import flash
from dovetail.app.templating import render_template_string


@pytest.mark.parametrize("name", signals.__all__)
def test_names(name: str) -> None:
    assert getattr(signals, name).name == name.replace("_", "-")


@pytest.fixture
def app() -> App:
    app = App("signals")
    app.secret_key = "k"

    @app.route("/")
    def index() -> str:
        flash("done", "info")
        return render_template_string("{{ 1 + 1 }}")

    @app.route("/fail")
    def fail() -> str:
        raise ValueError("fail")

    return app


def test_order_and_arguments(app: App) -> None:
    seen: list[tuple[str, list[str]]] = []
    receivers = []
    for name in signals.__all__:

        def note(sender: App, _name: str = name, **given: Any) -> None:
            assert sender is app
            seen.append((_name, sorted(given)))

        receivers.append(note)
        getattr(signals, name).connect(note, app)
    app.test_client().get("/")
    assert seen == [
        ("appcontext_pushed", []),
        ("request_started", []),
        ("message_flashed", ["category", "message"]),
        ("before_render_template", ["context", "template"]),
        ("template_rendered", ["context", "template"]),
        ("request_finished", ["response"]),
        ("request_tearing_down", ["exc"]),
        ("appcontext_tearing_down", ["exc"]),
        ("appcontext_popped", []),
    ]


def test_exception(app: App) -> None:
    seen = []

    def note(sender: App, exception: Exception) -> None:
        seen.append((sender, repr(exception)))

    with signals.got_request_exception.connected_to(note, app):
        assert app.test_client().get("/fail").status_code == 500
    assert seen == [(app, "ValueError('fail')")]


def test_receiver_that_comes_later(app: App) -> None:
    client = app.test_client()
    client.get("/")
    seen = []

    def note(sender: App, response: Any) -> None:
        seen.append(response.status_code)
        response.headers["X-Seen"] = "yes"

    with signals.request_finished.connected_to(note, app):
        assert client.get("/").headers["X-Seen"] == "yes"
    client.get("/")
    assert seen == [200]
