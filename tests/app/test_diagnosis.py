"""Errors and logs that explain mistakes."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest
from jinja2 import BaseLoader, DictLoader, TemplateNotFound

from dovetail.app.application import App
from dovetail.app.blueprints import Blueprint
from dovetail.app.diagnosis import (
    DebugFilesKeyError,
    FormDataRoutingRedirect,
    UnexpectedUnicodeError,
    attach_enctype_error_multidict,
    explain_template_loading_attempts,
)
from dovetail.app.proxies import request
from dovetail.app.templating import render_template
from dovetail.data.exceptions import BadRequestKeyError
from dovetail.data.multidict import ImmutableMultiDict
from dovetail.routing.exceptions import RequestRedirect


@pytest.fixture
def app() -> App:
    app = App("diagnosed")
    app.debug = True
    return app


def current_request() -> Any:
    return request._get_current_object()  # type: ignore[attr-defined]


class TestFiles:
    def test_a_form_without_enctype_is_explained(self, app: App) -> None:
        with app.test_request_context(method="POST", data={"photo": "a.png"}):
            with pytest.raises(DebugFilesKeyError) as caught:
                _ = request.files["photo"]
            message = str(caught.value)
            assert caught.value.msg == message
            assert caught.value.args == (current_request(), "photo")
            assert "no file contents were transmitted" in message
            assert "'application/x-www-form-urlencoded'" in message
            assert message.endswith("This was submitted: 'a.png'")
            assert request.files.get("photo") is None
            assert "photo" not in request.files
            assert isinstance(request.files, ImmutableMultiDict)
            assert repr(request.files) == "ImmutableMultiDict([])"

    def test_error_is_one_of_a_missing_key(self) -> None:
        assert issubclass(DebugFilesKeyError, KeyError)
        assert issubclass(DebugFilesKeyError, AssertionError)

    def test_error_of_a_field_that_was_not_sent(self, app: App) -> None:
        with app.test_request_context(method="POST", data={"photo": "a.png"}):
            with pytest.raises(BadRequestKeyError):
                _ = request.files["other"]
            assert "This was submitted" not in str(DebugFilesKeyError(current_request(), "other"))

    @pytest.mark.parametrize(
        "data", [{"photo": "a.png", "file": (io.BytesIO(b"x"), "a.png")}, {"photo": "a.png"}]
    )
    def test_a_form_with_files_is_left_alone(self, app: App, data: Any) -> None:
        options = {"method": "POST", "data": data, "content_type": "multipart/form-data"}
        with app.test_request_context(**options), pytest.raises(BadRequestKeyError):
            _ = request.files["photo"]

    def test_files_are_explained_in_debug_mode_only(self, app: App) -> None:
        app.debug = False
        with app.test_request_context(method="POST", data={"photo": "a.png"}):
            with pytest.raises(BadRequestKeyError):
                _ = request.files["photo"]
            attach_enctype_error_multidict(current_request())
            with pytest.raises(DebugFilesKeyError):
                _ = request.files["photo"]


class TestRoutingRedirect:
    @pytest.fixture
    def _redirects(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        # The status that a browser drops a form for; ours keeps it.
        monkeypatch.setattr(RequestRedirect, "code", 301)
        app.add_url_rule("/form/", "form", lambda: "", methods=["GET", "POST"])
        app.testing = True

    @pytest.mark.usefixtures("_redirects")
    def test_a_form_that_would_be_lost_is_explained(self, app: App) -> None:
        client = app.test_client()
        with pytest.raises(FormDataRoutingRedirect) as caught:
            client.post("/form", data={"a": "b"})
        message = str(caught.value)
        assert "request for 'http://localhost/form'" in message
        assert "canonical URL 'http://localhost/form/'" in message
        assert "trailing slash" in message
        assert client.get("/form").status_code == 301

    @pytest.mark.usefixtures("_redirects")
    def test_redirects_are_explained_in_debug_mode_only(self, app: App) -> None:
        app.debug = False
        assert app.test_client().post("/form", data={"a": "b"}).status_code == 301

    def test_a_status_that_keeps_the_form_is_no_mistake(self, app: App) -> None:
        app.add_url_rule("/form/", "form", lambda: "", methods=["GET", "POST"])
        assert app.test_client().post("/form").status_code == 308

    def test_another_redirect(self, app: App) -> None:
        with app.test_request_context("/form/?a=b", method="POST"):
            request.routing_exception = RequestRedirect("http://elsewhere/")
            message = str(FormDataRoutingRedirect(current_request()))
            assert "'http://localhost/form/?a=b'" in message
            assert "trailing slash" not in message

    def test_nothing_to_explain(self, app: App) -> None:
        with app.test_request_context("/"), pytest.raises(AssertionError):
            FormDataRoutingRedirect(current_request())


class Plain(BaseLoader):
    def __init__(self) -> None:
        self.folders = ["a", "b"]
        self.number = 3
        self.table = {"not": "shown"}
        self.mixed = ["not", 1]
        self._private = 1


class TestTemplateLoading:
    @pytest.fixture
    def app(self, app: App, caplog: pytest.LogCaptureFixture) -> App:
        app.config["EXPLAIN_TEMPLATE_LOADING"] = True
        app.testing = True
        app.jinja_loader = DictLoader({"both.html": "app", "app.html": "app"})
        blueprint = Blueprint("part", "parts.part")
        blueprint.jinja_loader = DictLoader({"both.html": "part", "part.html": "part"})
        blueprint.add_url_rule("/part/<template_name_or_list>", "show", render_template)
        app.register_blueprint(blueprint)
        app.add_url_rule("/app/<template_name_or_list>", "show", render_template)
        caplog.set_level(logging.INFO, app.name)
        return app

    def lines(self, caplog: pytest.LogCaptureFixture) -> list[str]:
        (record,) = caplog.records
        assert record.levelno == logging.INFO
        return [line.strip() for line in record.getMessage().splitlines()]

    def test_found_once(self, app: App, caplog: pytest.LogCaptureFixture) -> None:
        assert app.test_client().get("/app/part.html").data == b"part"
        assert self.lines(caplog) == [
            "Locating template 'part.html':",
            "1: trying loader of application 'diagnosed'",
            "class: jinja2.loaders.DictLoader",
            "-> no match",
            "2: trying loader of blueprint 'part' (parts.part)",
            "class: jinja2.loaders.DictLoader",
            "-> found ('<string>')",
        ]

    def test_found_twice(self, app: App, caplog: pytest.LogCaptureFixture) -> None:
        assert app.test_client().get("/app/both.html").data == b"app"
        lines = self.lines(caplog)
        assert lines.count("-> found ('<string>')") == 2
        assert lines[-1] == "Warning: multiple loaders returned a match for the template."

    def test_not_found(self, app: App, caplog: pytest.LogCaptureFixture) -> None:
        with pytest.raises(TemplateNotFound, match="none"):
            app.test_client().get("/app/none.html")
        assert self.lines(caplog)[-1] == "Error: the template could not be found."

    def test_not_found_by_a_blueprint(self, app: App, caplog: pytest.LogCaptureFixture) -> None:
        with pytest.raises(TemplateNotFound):
            app.test_client().get("/part/none.html")
        lines = self.lines(caplog)
        advice = lines[lines.index("Error: the template could not be found.") + 1]
        assert "looked up from an endpoint that belongs to the blueprint 'part'" in advice

    def test_settings_of_a_loader(
        self, app: App, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        found = ("", str(tmp_path), None)
        explain_template_loading_attempts(app, "a.html", [(Plain(), app, found)])
        assert self.lines(caplog)[2:] == [
            f"class: {__name__}.Plain",
            "folders:",
            "- a",
            "- b",
            "number: 3",
            f"-> found ({str(tmp_path)!r})",
        ]


def test_unexpected_unicode_error() -> None:
    assert issubclass(UnexpectedUnicodeError, AssertionError)
    assert issubclass(UnexpectedUnicodeError, UnicodeError)
    assert str(UnexpectedUnicodeError("text")) == "text"
