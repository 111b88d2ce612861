"""Messages for the next request."""

from __future__ import annotations

from typing import Any

import pytest

from dovetail.app.application import App
from dovetail.app.messages import flash, get_flashed_messages
from dovetail.app.proxies import session
from dovetail.app.signals import message_flashed


@pytest.fixture
def app() -> App:
    app = App(__name__)
    app.secret_key = "test"
    return app


def test_messages_wait_for_the_next_request(app: App) -> None:
    seen: list[Any] = []

    @app.route("/flash")
    def put() -> str:
        flash("Hello")
        flash("Careful", "warning")
        return ""

    @app.route("/show")
    def show() -> str:
        seen.append(get_flashed_messages(with_categories=True))
        seen.append(get_flashed_messages())
        return ""

    client = app.test_client()
    client.get("/flash")
    client.get("/show")
    client.get("/show")
    assert seen == [
        [("message", "Hello"), ("warning", "Careful")],
        ["Hello", "Careful"],
        [],
        [],
    ]


def test_messages_may_be_shown_by_the_request_that_flashed_them(app: App) -> None:
    with app.test_request_context():
        flash("first")
        assert get_flashed_messages() == ["first"]
        flash("second")
        # Asked for again, the same: the rest is for the next request.
        assert get_flashed_messages() == ["first"]
        assert session["_flashes"] == [("message", "second")]


def test_context_keeps_what_was_taken_out(app: App) -> None:
    with app.test_request_context() as context:
        assert context.flashes is None
        flash("first")
        assert context.flashes is None
        assert get_flashed_messages(with_categories=True) is context.flashes
        assert context.flashes == [("message", "first")]


def test_flashing_changes_the_session(app: App) -> None:
    with app.test_request_context():
        session["_flashes"] = [("message", "old")]
        session.modified = False
        flash("new")
        assert session.modified
        assert session["_flashes"] == [("message", "old"), ("message", "new")]
        assert get_flashed_messages() == ["old", "new"]
        assert "_flashes" not in session


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["error"], ["e"]),
        (("error", "message"), ["m", "e"]),
        ({"info"}, ["i"]),
        ([], ["m", "e", "i"]),
        (["other"], []),
    ],
)
def test_category_filter(app: App, wanted: Any, expected: list[str]) -> None:
    with app.test_request_context():
        flash("m")
        flash("e", "error")
        flash("i", category="info")
        assert get_flashed_messages(category_filter=wanted) == expected
        assert get_flashed_messages(category_filter=iter(wanted)) == (
            expected if wanted else []  # an iterator is no empty collection
        )
        pairs: Any = get_flashed_messages(with_categories=True, category_filter=wanted)
        assert [message for _, message in pairs] == expected


def test_nothing_flashed_leaves_the_session_unchanged(app: App) -> None:
    with app.test_request_context():
        assert get_flashed_messages() == []
        assert not session.modified


def test_signal(app: App) -> None:
    received: list[Any] = []

    def receive(sender: App, **values: Any) -> None:
        received.append((sender, values))

    with app.test_request_context(), message_flashed.connected_to(receive, app):
        flash("Hello", "info")
    assert received == [(app, {"message": "Hello", "category": "info"})]


def test_messages_need_a_request(app: App) -> None:
    with app.app_context():
        with pytest.raises(RuntimeError, match="Working outside of request context"):
            flash("Hello")
        with pytest.raises(RuntimeError, match="Working outside of request context"):
            get_flashed_messages()


def test_flashing_needs_a_secret_key() -> None:
    with App(__name__).test_request_context():
        assert get_flashed_messages() == []
        with pytest.raises(RuntimeError, match="secret"):
            flash("Hello")


def test_templates_can_show_messages(app: App) -> None:
    template = app.jinja_env.from_string("{{ get_flashed_messages()|join(',') }}")
    with app.test_request_context():
        flash("a")
        flash("b")
        assert template.render() == "a,b"
