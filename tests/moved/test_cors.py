"""flask-cors: preflight requests, credentials, lists of origins, a decorator and a blueprint."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("cors_app")


def allowed(answer: requests.Response) -> dict[str, str]:
    """Return the headers of CORS, without the beginning that they share."""
    start = "access-control-"
    return {
        name.lower().removeprefix(start): value
        for name, value in answer.headers.items()
        if name.lower().startswith(start)
    }


def ask(
    browser: Browser, path: str, origin: str, method: str, headers: str = ""
) -> requests.Response:
    named = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        named["Access-Control-Request-Headers"] = headers
    return browser.options(path, headers=named)


def test_preflight(browser: Browser) -> None:
    answer = ask(browser, "/api/items", "https://one.example", "PUT", "x-token, x-other")
    assert answer.status_code == 200
    assert allowed(answer) == {
        "allow-origin": "https://one.example",
        "allow-credentials": "true",
        "allow-headers": "x-token",
        "allow-methods": "GET, PUT",
        "expose-headers": "ETag, X-Count",
        "max-age": "600",
    }


def test_a_method_that_is_not_allowed(browser: Browser) -> None:
    answer = ask(browser, "/api/items", "https://one.example", "DELETE")
    assert "allow-methods" not in allowed(answer)


@pytest.mark.parametrize("origin", ["https://a.two.example", "https://a.b.two.example"])
def test_origins_by_pattern(browser: Browser, origin: str) -> None:
    answer = browser.get("/api/items", headers={"Origin": origin})
    assert answer.json() == [1, 2]
    assert allowed(answer) == {
        "allow-origin": origin,
        "allow-credentials": "true",
        "expose-headers": "ETag, X-Count",
    }
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://one.example.evil.example", "http://one.example"]
)
def test_other_origins(browser: Browser, origin: str) -> None:
    answer = browser.get("/api/items", headers={"Origin": origin})
    assert (answer.status_code, allowed(answer)) == (200, {})
    assert allowed(ask(browser, "/api/items", origin, "PUT")) == {}


def test_errors_are_allowed_too(browser: Browser) -> None:
    for path, status in (("/api/broken", 500), ("/api/denied", 403), ("/api/nowhere", 404)):
        answer = browser.get(path, headers={"Origin": "https://one.example"})
        assert answer.status_code == status
        assert allowed(answer)["allow-origin"] == "https://one.example"


def test_any_origin(browser: Browser) -> None:
    anonymous = browser.get("/public/items")
    assert allowed(anonymous) == {"allow-origin": "*"}
    assert "Vary" not in anonymous.headers
    answer = browser.get("/public/items", headers={"Origin": "https://any.example"})
    assert allowed(answer) == {"allow-origin": "https://any.example"}
    assert answer.headers["Vary"] == "Origin"


def test_vary_is_added_to(browser: Browser) -> None:
    answer = browser.get("/vary/items", headers={"Origin": "https://any.example"})
    assert allowed(answer) == {"allow-origin": "*"}
    assert answer.headers["Vary"] == "Accept"
    assert allowed(browser.get("/none", headers={"Origin": "https://any.example"})) == {}


def test_a_decorated_view(browser: Browser) -> None:
    assert allowed(browser.get("/decorated")) == {}
    answer = browser.post("/decorated", headers={"Origin": "https://three.example"})
    assert (answer.text, allowed(answer)) == (
        "decorated",
        {"allow-origin": "https://three.example"},
    )
    preflight = ask(browser, "/decorated", "https://three.example", "POST")
    assert allowed(preflight)["max-age"] == "5"
    # The decorator's answer says what the view takes.
    assert set(preflight.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


def test_a_blueprint(browser: Browser) -> None:
    answer = browser.get("/shop/goods", headers={"Origin": "https://shop.example"})
    assert allowed(answer) == {"allow-origin": "https://shop.example"}
    assert ask(browser, "/shop/goods", "https://shop.example", "GET").status_code == 200
