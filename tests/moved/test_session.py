"""Flask-Session: the cookie holds a name only, the rest is in files, a database or Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.applications.deployment import Process
from tests.moved.site import Browser, Site
from tests.programs import find_program

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run Debian's server of Redis; return its socket, which nobody else can have taken."""
    program = find_program("redis-server", package="redis-server")
    directory: Path = tmp_path_factory.mktemp("redis")
    path = directory / "socket"
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", ""]
    process = Process(command, output=directory / "redis.log", directory=directory)
    try:
        process.wait_for_line("(?i)ready to accept connections")
        yield path
    finally:
        process.stop()


@pytest.fixture(scope="module", params=["files", "database", "redis"])
def site(request: pytest.FixtureRequest, serve: Callable[..., Site]) -> Site:
    if request.param == "redis":
        return serve("session_app", REDIS_SOCKET=str(request.getfixturevalue("redis")))
    return serve("session_app", **({"DATABASE": "1"} if request.param == "database" else {}))


def test_kept_on_the_server(browser: Browser, site: Site) -> None:
    first = browser.put("/cart", json=["apple", {"n": 1.5}])
    assert first.status_code == 204
    cookie = first.headers["Set-Cookie"]
    assert cookie.startswith("sid=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires=" in cookie
    assert len(browser.cookies["sid"]) >= 24
    assert browser.get("/").json() == {"cart": ["apple", {"n": 1.5}]}
    with site.browser() as other:
        assert other.get("/").json() == {}


def test_large_and_changed(browser: Browser) -> None:
    browser.put("/list", json=["x" * 20_000])
    assert browser.post("/append/list", json="last").status_code == 204
    kept = browser.get("/").json()["list"]
    assert (len(kept[0]), kept[1]) == (20_000, "last")


def test_no_cookie_for_nothing(browser: Browser) -> None:
    answer = browser.get("/unused")
    assert (answer.text, "Set-Cookie" in answer.headers) == ("nothing of the session", False)


def test_an_unknown_name_starts_anew(browser: Browser) -> None:
    browser.cookies.set("sid", "made-up", domain="127.0.0.1", path="/")
    assert browser.get("/").json() == {}
    browser.put("/a", json=1)
    assert browser.get("/").json() == {"a": 1}


def test_clearing_removes_cookie_and_data(browser: Browser) -> None:
    browser.put("/a", json=1)
    name = browser.cookies["sid"]
    gone = browser.post("/clear")
    assert "sid=;" in gone.headers["Set-Cookie"]
    assert "sid" not in browser.cookies
    browser.cookies.set("sid", name, domain="127.0.0.1", path="/")
    assert browser.get("/").json() == {}


def test_another_name_after_a_login(browser: Browser, site: Site) -> None:
    browser.put("/a", json=1)
    before = browser.cookies["sid"]
    assert browser.post("/login", data={"user": "ada"}).status_code == 204
    assert browser.cookies["sid"] != before
    assert browser.get("/").json() == {"a": 1, "user": "ada"}
    with site.browser() as thief:
        thief.cookies.set("sid", before, domain="127.0.0.1", path="/")
        assert thief.get("/").json() == {}


def test_flashed_messages(browser: Browser) -> None:
    browser.post("/flash")
    assert browser.get("/flash").json() == [["greeting", "hello"]]
    assert browser.get("/flash").json() == []
