"""Flask-WTF: forms and their errors, uploads, and tokens against forged requests."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("wtf_app")


def token_of(browser: Browser, path: str) -> str:
    found = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', browser.get(path).text)
    assert found
    return found[1]


def errors_of(page: str) -> list[str]:
    return re.findall(r'<p class="error">(.*?)</p>', page)


def test_a_form_is_filled_in(browser: Browser) -> None:
    form = {"name": "Zoë", "age": "20", "news": "y", "csrf_token": token_of(browser, "/person")}
    done = browser.post("/person", data=form)
    assert (done.url.rpartition("/")[2], done.status_code) == ("done", 200)
    assert done.json() == {"name": "Zoë", "age": 20, "news": True}


def test_errors_of_a_form(browser: Browser) -> None:
    form = {"csrf_token": token_of(browser, "/person"), "name": "root", "age": "17"}
    refused = browser.post("/person", data=form)
    assert refused.status_code == 400
    assert errors_of(refused.text) == [
        "name: is taken",
        "age: Number must be at least 18.",
    ]
    assert 'value="root"' in refused.text
    refused = browser.post("/person", data=form | {"name": "", "age": "x"})
    assert errors_of(refused.text) == [
        "name: This field is required.",
        "age: Not a valid integer value.",
        "age: Number must be at least 18.",
    ]
    escaped = browser.post("/person", data=form | {"name": '"<b>'})
    assert 'value="&#34;&lt;b&gt;"' in escaped.text


def test_no_token(browser: Browser) -> None:
    refused = browser.post("/person", data={"name": "ada"})
    assert (refused.status_code, refused.json()) == (
        400,
        {"reason": "The CSRF token is missing."},
    )
    browser.get("/person")
    refused = browser.post("/person", data={"name": "ada", "csrf_token": "x"})
    assert refused.json() == {"reason": "The CSRF token is invalid."}


def test_the_token_of_another_session(browser: Browser, site: Site) -> None:
    with site.browser() as other:
        foreign = token_of(other, "/person")
    refused = browser.post("/person", data={"name": "ada", "csrf_token": foreign})
    assert refused.json() == {"reason": "The CSRF session token is missing."}
    token_of(browser, "/person")
    refused = browser.post("/person", data={"name": "ada", "csrf_token": foreign})
    assert refused.json() == {"reason": "The CSRF tokens do not match."}


def test_an_expired_token(browser: Browser) -> None:
    token = token_of(browser, "/person")
    browser.post("/limit/-1")
    try:
        refused = browser.post("/person", data={"name": "ada", "csrf_token": token})
    finally:
        browser.post("/limit/3600")
    assert refused.json() == {"reason": "The CSRF token has expired."}


def test_upload(browser: Browser, site: Site) -> None:
    form = {"csrf_token": token_of(browser, "/upload")}
    files = [
        ("photo", ("../my photo.PNG", b"\x89PNG", "image/png")),
        ("more", ("a.txt", b"a")),
        ("more", ("b.txt", b"b")),
    ]
    done = browser.post("/upload", data=form, files=files)
    assert done.json() == {"name": "my_photo.PNG", "more": ["a.txt", "b.txt"]}
    assert (site.state / "my_photo.PNG").read_bytes() == b"\x89PNG"


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({}, "photo: This field is required."),
        ({"photo": ("a.txt", b"a")}, "photo: Images only!"),
        (
            {"photo": ("a.png", 1001 * b"a")},
            "photo: File must be between 0 and 1000 bytes.",
        ),
    ],
)
def test_refused_uploads(browser: Browser, files: dict[str, tuple[str, bytes]], error: str) -> None:
    form = {"csrf_token": token_of(browser, "/upload")}
    refused = browser.post("/upload", data=form, files=files)
    assert refused.status_code == 400
    assert errors_of(refused.text) == [error]


def test_scripts_send_the_token_in_a_header(browser: Browser) -> None:
    assert browser.post("/ajax", json={"a": 1}).status_code == 400
    found = re.search('content="(.+)"', browser.get("/page-token").text)
    assert found
    for header in ("X-CSRFToken", "X-CSRF-Token"):
        answer = browser.post("/ajax", json={"a": 1}, headers={header: found[1]})
        assert answer.json() == {"got": {"a": 1}}


def test_one_token_a_session(browser: Browser, site: Site) -> None:
    first = browser.get("/token")
    assert "Cookie" in first.headers["Vary"]
    answer = browser.post("/ajax", json=[], headers={"X-CSRFToken": browser.get("/token").text})
    assert answer.json() == {"got": []}
    # The earlier one still holds.
    answer = browser.post("/ajax", json=[], headers={"X-CSRFToken": first.text})
    assert answer.json() == {"got": []}


def test_exempt(browser: Browser) -> None:
    assert browser.post("/hook").text == "hooked"
    assert browser.post("/hooks/one").text == "one"


def test_a_form_without_a_token(browser: Browser) -> None:
    assert browser.get("/search?q=x").json() == {"valid": True, "q": "x", "errors": {}}
    empty = browser.get("/search?q=").json()
    assert (empty["valid"], empty["errors"]) == (False, {"q": ["This field is required."]})
