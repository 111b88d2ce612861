"""Flask-Login: protected views, being remembered, fresh logins, keys in a header, signals."""

from __future__ import annotations

from collections.abc import Callable
from http.cookiejar import Cookie

import pytest
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("login_app")


def log_in(browser: Browser, user: str = "ada", password: str = "engine", **more: str) -> str:
    form = {"user": user, "password": password, **more}
    done = browser.post("/login", data=form, allow_redirects=False)
    assert (done.status_code, done.headers["Location"]) == (302, "/")
    return done.headers.get("Set-Cookie", "")


def find_cookie(browser: Browser, name: str) -> Cookie | None:
    return next((cookie for cookie in browser.cookies if cookie.name == name), None)


def test_anonymous(browser: Browser) -> None:
    assert browser.get("/").text == "Hi guest, log in"
    sent = browser.get("/settings?a=1&b=ä", allow_redirects=False)
    assert sent.status_code == 302
    assert sent.headers["Location"] == "/login?next=%2Fsettings%3Fa%3D1%26b%3D%C3%A4"
    asked = browser.get("/login?next=x").json()
    assert asked == {"messages": [["ask", "Who are you?"]], "next": "x"}


def test_log_in_and_go_on(browser: Browser) -> None:
    sent = browser.get("/settings", allow_redirects=False)
    done = browser.post(sent.headers["Location"], data={"user": "ada", "password": "engine"})
    assert done.url.endswith("/settings")
    assert done.json() == {"user": "ada", "fresh": True, "again": True}
    assert browser.get("/").text == "Hi Ada! [Who are you?] [Welcome]"
    assert browser.get("/").text == "Hi Ada!"
    assert find_cookie(browser, "remember_token") is None


@pytest.mark.parametrize(
    ("user", "password", "status"), [("ada", "x", 401), ("nobody", "x", 401), ("off", "o", 403)]
)
def test_refused(browser: Browser, user: str, password: str, status: int) -> None:
    done = browser.post("/login", data={"user": user, "password": password})
    assert done.status_code == status
    assert browser.get("/").text == "Hi guest, log in"


def test_log_out(browser: Browser) -> None:
    log_in(browser, remember="1")
    assert find_cookie(browser, "remember_token") is not None
    assert browser.post("/logout").text == "Hi guest, log in [Welcome]"
    assert find_cookie(browser, "remember_token") is None
    assert "/login?next=" in browser.post("/logout", allow_redirects=False).headers["Location"]


def test_remembered_but_not_fresh(browser: Browser) -> None:
    cookies = log_in(browser, remember="1")
    assert "remember_token=ada|" in cookies
    assert "HttpOnly" in cookies
    assert "SameSite=Strict" in cookies
    remembered = find_cookie(browser, "remember_token")
    assert remembered is not None
    assert remembered.expires is not None
    # The browser was closed: the session is gone.
    browser.cookies.clear("127.0.0.1", "/", "session")
    assert browser.get("/settings").json() == {"user": "ada", "fresh": False, "again": False}
    assert browser.get("/secret").json()["messages"] == [["again", "Say it again"]]
    log_in(browser)
    assert browser.get("/secret").text == "secret of Ada"


def test_a_forged_remember_cookie(browser: Browser) -> None:
    browser.cookies.set("remember_token", "ada|" + 128 * "0", domain="127.0.0.1", path="/")
    assert browser.get("/").text == "Hi guest, log in"


def test_a_session_in_another_browser_is_stale(browser: Browser) -> None:
    log_in(browser)
    assert browser.get("/settings").json()["fresh"] is True
    browser.headers["User-Agent"] = "another"
    assert browser.get("/settings").json()["fresh"] is False
    assert "next=" in browser.get("/secret", allow_redirects=False).headers["Location"]


def test_stale(browser: Browser) -> None:
    log_in(browser)
    assert browser.get("/secret").text == "secret of Ada"
    assert browser.post("/stale").status_code == 204
    assert browser.get("/secret", allow_redirects=False).status_code == 302
    assert browser.get("/settings").json()["fresh"] is False


def test_a_key_instead_of_a_login(browser: Browser) -> None:
    answer = browser.get("/api/me", headers={"Authorization": "Key key-of-bob"})
    assert answer.json() == "Bob"
    sent = browser.get("/api/me", allow_redirects=False)
    assert sent.headers["Location"] == "/api/sign-in?next=%2Fapi%2Fme"


def test_the_session_varies_by_cookie(browser: Browser) -> None:
    log_in(browser)
    assert "Cookie" in browser.get("/settings").headers["Vary"]


def test_signals(browser: Browser) -> None:
    browser.get("/signals")
    browser.get("/settings", allow_redirects=False)
    log_in(browser)
    browser.post("/logout", allow_redirects=False)
    assert browser.get("/signals").json() == ["unauthorized", "in ada", "out ada"]
