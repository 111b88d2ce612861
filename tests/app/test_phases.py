from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from dovetail import (
    App,
    copy_current_request_context,
    render_template_string,
    stream_template_string,
)
from dovetail.app import signals
from dovetail.app.phases import mark_phases, unmark_phases
from dovetail.gateway import RequestRecord


@pytest.fixture(autouse=True)
def marking() -> Iterator[None]:
    mark_phases()
    yield
    unmark_phases()


@pytest.fixture
def app() -> App:
    app = App(__name__)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


def marks(app: App, path: str = "/") -> list[str]:
    record = RequestRecord()
    record.marks = []
    app.test_client().get(path, environ_base={"dovetail.request": record}, buffered=True)
    times = [moment for _, moment in record.marks]
    assert times == sorted(times)
    return [name for name, _ in record.marks]


def test_a_view_without_template(app: App) -> None:
    app.add_url_rule("/", view_func=lambda: "")
    assert marks(app) == ["matched"]


def test_each_template_begins_and_ends(app: App) -> None:
    @app.route("/")
    def view() -> str:
        return render_template_string("a") + render_template_string("b")

    assert marks(app) == ["matched", "rendering", "rendered", "rendering", "rendered"]


def test_a_template_that_renders_a_template(app: App) -> None:
    @app.route("/")
    def view() -> str:
        return render_template_string("{{ inner() }}", inner=lambda: render_template_string("b"))

    assert marks(app) == ["matched", "rendering", "rendering", "rendered", "rendered"]


def test_a_streamed_template_ends_when_it_is_sent(app: App) -> None:
    @app.route("/")
    def view() -> Iterator[str]:
        return stream_template_string("a")

    assert marks(app) == ["matched", "rendering", "rendered"]


def test_a_template_that_fails_does_not_end(app: App) -> None:
    @app.route("/")
    def view() -> str:
        return render_template_string("{{ 1 / 0 }}")

    assert marks(app) == ["matched", "rendering", "failed"]


def test_an_error_that_is_handled_has_not_failed(app: App) -> None:
    app.register_error_handler(404, lambda _error: render_template_string("no"))
    assert marks(app, "/nowhere") == ["matched", "rendering", "rendered"]


def test_a_request_within_a_request_is_another_one(app: App) -> None:
    app.add_url_rule("/inner", "inner", lambda: render_template_string("b"))
    app.add_url_rule("/", view_func=lambda: app.test_client().get("/inner").text)
    assert marks(app) == ["matched"]


def test_a_template_in_a_copied_context_belongs_to_the_request(app: App) -> None:
    @app.route("/")
    def view() -> str:
        return copy_current_request_context(lambda: render_template_string("a"))()

    assert marks(app) == ["matched", "rendering", "rendered"]


def test_thousands_of_templates_are_bounded(app: App) -> None:
    app.add_url_rule(
        "/", view_func=lambda: "".join(render_template_string("a") for _ in range(900))
    )
    assert len(marks(app)) == 1000


@pytest.mark.parametrize("record", [None, RequestRecord(), SimpleNamespace()])
def test_nobody_wants_to_know(app: App, record: Any) -> None:
    app.add_url_rule("/", view_func=lambda: render_template_string("a"))
    environ = {} if record is None else {"dovetail.request": record}
    assert app.test_client().get("/", environ_base=environ).text == "a"
    assert getattr(record, "marks", None) is None


def test_a_template_outside_of_requests(app: App) -> None:
    with app.app_context():
        assert render_template_string("a") == "a"


def test_it_can_be_begun_twice_and_ended() -> None:
    mark_phases()
    assert len(signals.request_started.receivers) == 1
    unmark_phases()
    unmark_phases()
    for signal in (
        *(signals.request_started, signals.before_render_template),
        *(signals.template_rendered, signals.got_request_exception),
    ):
        assert not signal.receivers
