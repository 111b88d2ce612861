"""What belongs to the current application and request."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from dovetail.app import proxies
from dovetail.app.application import App
from dovetail.app.proxies import app_ctx, current_app, g, request, request_ctx, session


@pytest.fixture
def app() -> App:
    app = App("proxies")
    app.secret_key = "k"
    return app


@pytest.mark.parametrize("name", ["current_app", "g", "app_ctx"])
def test_outside_of_application_context(name: str) -> None:
    proxy = getattr(proxies, name)
    with pytest.raises(RuntimeError, match=r"(?s)outside of application context.*app_context\(\)"):
        proxy.anything  # noqa: B018 - the access is what fails
    assert not proxy


@pytest.mark.parametrize("name", ["request", "session", "request_ctx"])
def test_outside_of_request_context(name: str, app: App) -> None:
    proxy = getattr(proxies, name)
    text = r"(?s)outside of request context.*test_request_context\(\)"
    with app.app_context(), pytest.raises(RuntimeError, match=text):
        proxy.anything  # noqa: B018 - the access is what fails


def test_application(app: App) -> None:
    with app.app_context() as context:
        assert current_app == app
        assert app_ctx == context
        g.x = 1
        assert context.g.x == 1


def test_request(app: App) -> None:
    with app.test_request_context("/path?a=1") as context:
        assert request == context.request
        assert request.args["a"] == "1"
        assert request_ctx == context
        assert app_ctx.app is app
        session["x"] = 1
        assert context.session == {"x": 1}


def test_each_thread_has_its_own(app: App) -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.append(bool(request))
        with app.test_request_context("/inner"):
            seen.append(request.path)

    with app.test_request_context("/outer"):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        seen.append(request.path)
    assert seen == [False, "/inner", "/outer"]
