"""Flask-Limiter: requests over the limit are refused, by client, by route and by cost."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

import pytest
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]

_clients = itertools.count()


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("limiter_app")


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    """Return a client that the site has not seen yet."""
    with site.browser() as browser:
        browser.headers["X-Client"] = f"client {next(_clients)}"
        yield browser


def statuses(browser: Browser, *paths: str) -> list[int]:
    return [browser.get(path).status_code for path in paths]


def test_default_limit_and_headers(browser: Browser) -> None:
    before = time.time()
    answers = [browser.get("/default") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    remaining = [answer.headers["X-RateLimit-Remaining"] for answer in answers]
    assert remaining == ["2", "1", "0", "0"]
    last = answers[-1]
    assert last.text == "too many: 3 per 1 hour"
    assert last.headers["X-RateLimit-Limit"] == "3"
    assert before + 3000 < int(last.headers["X-RateLimit-Reset"]) < before + 3900
    assert 0 < int(last.headers["Retry-After"]) <= 3600


def test_clients_are_counted_apart(browser: Browser, site: Site) -> None:
    assert statuses(browser, *4 * ["/default"])[-1] == 429
    with site.browser() as other:
        assert other.get("/default").status_code == 200


def test_a_limit_of_a_view(browser: Browser) -> None:
    assert statuses(browser, "/own/1", "/own/2") == [200, 429]
    assert browser.get("/own/1").text == "too many: slower, please"
    assert browser.get("/own/1").headers["X-RateLimit-Limit"] == "1"


def test_exempt(browser: Browser) -> None:
    assert statuses(browser, *5 * ["/exempt"]) == 5 * [200]
    assert "X-RateLimit-Limit" not in browser.get("/exempt").headers
    browser.headers["X-Trusted"] = "1"
    assert statuses(browser, *3 * ["/trusted"]) == 3 * [200]
    del browser.headers["X-Trusted"]
    assert statuses(browser, *2 * ["/trusted"]) == [200, 429]


def test_methods(browser: Browser) -> None:
    assert [browser.post("/methods").status_code for _ in range(2)] == [200, 429]
    assert browser.get("/methods").status_code == 200


def test_only_failures_count(browser: Browser) -> None:
    assert statuses(browser, "/failures/200", "/failures/200", "/failures/404") == [200, 200, 404]
    assert statuses(browser, "/failures/200") == [429]


def test_by_key_and_by_cost(browser: Browser) -> None:
    assert statuses(browser, "/keyed?key=a", "/keyed?key=b", "/keyed?key=a") == [200, 200, 429]
    assert statuses(browser, "/cost?cost=6", "/cost?cost=6", "/cost?cost=4") == [200, 429, 200]


def test_own_answer(browser: Browser) -> None:
    browser.get("/custom")
    refused = browser.get("/custom")
    assert (refused.status_code, refused.json()) == (429, {"limit": "1 per 1 hour"})


def test_shared(browser: Browser) -> None:
    assert statuses(browser, "/shared/a", "/shared/b", "/shared/a") == [200, 200, 429]


def test_class_and_blueprint(browser: Browser) -> None:
    assert statuses(browser, "/item", "/item", "/item") == [200, 200, 429]
    assert statuses(browser, "/api/a", "/api/a", "/api/a", "/api/b") == [200, 200, 429, 429]


def test_inside_of_a_view(browser: Browser) -> None:
    assert browser.get("/current").json() == {
        "limit": "5 per 1 hour",
        "remaining": 4,
        "breached": False,
    }
    assert statuses(browser, "/block", "/block") == [200, 429]


def test_unknown_urls_are_not_counted(browser: Browser) -> None:
    assert statuses(browser, *5 * ["/nowhere"]) == 5 * [404]
