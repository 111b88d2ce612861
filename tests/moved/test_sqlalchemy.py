"""Flask-SQLAlchemy on SQLite: models, pages, 404s, and a session that ends with its request."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("sqlalchemy_app")


def test_pages(browser: Browser) -> None:
    first = browser.get("/books").json()
    assert (first["page"], first["pages"], first["total"]) == (1, 3, 45)
    assert (len(first["titles"]), first["titles"][0]) == (20, "Book 0-00")
    assert first["numbers"] == [1, 2, 3]
    second = browser.get(first["following"]).json()
    assert second["titles"][0] == "Book 1-05"
    last = browser.get("/books?page=3").json()
    assert (len(last["titles"]), last["following"]) == (5, None)


def test_page_arguments(browser: Browser) -> None:
    assert len(browser.get("/books?per_page=7").json()["titles"]) == 7
    assert len(browser.get("/books?per_page=99").json()["titles"]) == 30
    assert [browser.get(f"/books?{q}").status_code for q in ("page=x", "page=0", "page=9")] == [
        404,
        404,
        404,
    ]


def test_get_or_404(browser: Browser) -> None:
    assert browser.get("/authors/1").json() == {"id": 1, "name": "Author 0", "books": 15}
    missing = browser.get("/authors/999")
    assert missing.status_code == 404
    assert "no author 999" in missing.text


def test_one_or_404(browser: Browser) -> None:
    assert browser.get("/titles/Book 2-03").json()["author"] == "Author 2"
    assert browser.get("/titles/none").status_code == 404
    assert browser.get("/first?name=Author 1").json() == {"id": 2}
    assert browser.get("/first?name=x").status_code == 404


def test_create_and_delete(browser: Browser) -> None:
    added = browser.post("/authors", json={"name": "Zoë"})
    assert added.status_code == 201
    assert added.headers["Location"] == f"/authors/{added.json()['id']}"
    assert browser.get(added.headers["Location"]).json()["name"] == "Zoë"
    assert browser.delete(added.headers["Location"]).status_code == 204
    assert browser.get(added.headers["Location"]).status_code == 404


def test_a_failed_request_leaves_nothing(browser: Browser, site: Site) -> None:
    assert browser.post("/authors/3/forget").status_code == 500
    site.wait_for_log("RuntimeError: half way")
    assert browser.get("/authors/3").json()["name"] == "Author 2"
    # A unique name twice: the broken transaction is not the next request's.
    assert browser.post("/authors", json={"name": "Author 0"}).status_code == 500
    added = browser.post("/authors", json={"name": "after"})
    assert added.status_code == 201
    assert browser.delete(added.headers["Location"]).status_code == 204


def test_the_session_is_removed_after_each_request(browser: Browser) -> None:
    for _ in range(5):
        browser.get("/authors/1")
    counts = browser.get("/counts").json()
    assert counts["checked_out"] == counts["checked_in"] >= 5


def test_requests_at_once(site: Site) -> None:
    def add(number: int) -> int:
        with site.browser() as browser:
            return browser.post("/authors", json={"name": f"at once {number}"}).json()["id"]

    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(add, range(8)))
    assert len(set(keys)) == 8
    with site.browser() as browser:
        for key in keys:
            assert browser.delete(f"/authors/{key}").status_code == 204


def test_binds(browser: Browser, site: Site) -> None:
    assert browser.post("/visits/a/b").json() == {"count": 1}
    with sqlite3.connect(site.state / "visits.db") as visits:
        assert visits.execute("select path from visit").fetchall() == [("a/b",)]
    visits.close()


def test_queries_are_recorded_for_each_request(browser: Browser) -> None:
    for _ in range(2):
        assert browser.get("/queries").json() == {"count": 1, "table": True}


def test_modifications_are_signalled(browser: Browser) -> None:
    before = browser.get("/counts").json()["committed"]
    added = browser.post("/authors", json={"name": "signalled"})
    assert browser.get("/counts").json()["committed"] == before + 1
    browser.delete(added.headers["Location"])
