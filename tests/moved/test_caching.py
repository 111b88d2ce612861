"""Flask-Caching: views, functions and parts of templates that are kept, and forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("caching_app")


def test_a_view(browser: Browser) -> None:
    first = browser.get("/view/a")
    again = browser.get("/view/a?x=1")
    assert (again.text, again.headers["X-Made"]) == (first.text, "here")
    assert browser.get("/view/b").text != first.text
    browser.post("/forget/view?name=a")
    changed = browser.get("/view/a").text
    assert changed.startswith("a ")
    assert changed != first.text


def test_by_query(browser: Browser) -> None:
    first = browser.get("/query?a=1&b=2").json()
    assert first[0] == {"a": ["1"], "b": ["2"]}
    assert browser.get("/query?b=2&a=1").json() == first
    assert browser.get("/query?a=1").json()[1] != first[1]


def test_unless(browser: Browser) -> None:
    first = browser.get("/unless").text
    assert browser.get("/unless?fresh").text != first
    assert browser.get("/unless").text == first


def test_only_what_passes_the_filter(browser: Browser) -> None:
    assert browser.get("/filtered/200").text == browser.get("/filtered/200").text
    refused = browser.get("/filtered/503")
    assert refused.status_code == 503
    assert browser.get("/filtered/503").text != refused.text


def test_by_a_key_of_the_body(browser: Browser) -> None:
    first = browser.post("/hashed", json={"id": 1, "x": 1}).json()
    assert browser.post("/hashed", json={"id": 1, "x": 2}).json() == first
    assert browser.post("/hashed", json={"id": 2, "x": 1}).json()[0] == {"id": 2, "x": 1}


def test_the_answer_says_whether_it_was_kept(browser: Browser) -> None:
    assert "hit_cache" not in browser.get("/headed").headers
    assert browser.get("/headed").headers["hit_cache"] == "True"


def test_memoize(browser: Browser) -> None:
    one, two = browser.get("/add/1").json(), browser.get("/add/2").json()
    assert (one[0], two[0]) == (2, 3)
    assert browser.get("/add/1").json() == one
    assert browser.get("/add/1?b=1").json() == one
    assert browser.get("/add/1?b=5").json()[0] == 6
    browser.post("/forget/add-one?a=1")
    assert browser.get("/add/2").json() == two
    assert browser.get("/add/1").json() != one
    browser.post("/forget/add")
    assert browser.get("/add/2").json() != two


def test_memoized_methods(browser: Browser) -> None:
    first = browser.get("/person/1").json()
    assert [name for name, _ in first] == ["ada", "ADA"]
    assert browser.get("/person/1").json() == first
    assert browser.get("/person/2").json() != first


def test_a_part_of_a_template(browser: Browser) -> None:
    first, second = browser.get("/page").text.split(), browser.get("/page").text.split()
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_a_class_of_a_blueprint(browser: Browser) -> None:
    first = browser.get("/sub/a/b").text
    assert first.startswith("a/b ")
    assert browser.get("/sub/a/b").text == first
    assert browser.get("/sub/c").text.startswith("c ")


def test_values_are_kept_and_cleared(browser: Browser, site: Site) -> None:
    assert browser.put("/values/k", data=b"\xffvalue").status_code == 204
    assert browser.get("/values/k").json() == [str(b"\xffvalue"), 6, True]
    assert len(list((site.state / "cache").iterdir())) > 1
    first = browser.get("/view/cleared").text
    assert browser.post("/forget/all").status_code == 204
    assert browser.get("/values/k").json() == ["None", None, False]
    assert browser.get("/view/cleared").text != first
