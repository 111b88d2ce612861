"""Registering, logging in and out, and the token of each form."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from tests.examples.conftest import PASSWORDS
from tests.examples.visitor import HOSTILE, RING, Visitor, errors_of, flashed

from dovetail import App


def test_register_logs_in(visitor: Visitor) -> None:
    response = visitor.submit("/register", name="  Cleo  the cat ", password="nine lives each")
    assert response.location == "/"
    assert flashed(visitor.get("/")) == ["Welcome, Cleo the cat!"]
    assert "<h1>Cleo the cat</h1>" in visitor.get("/account").text


@pytest.mark.parametrize(
    ("name", "password", "wrong"),
    [
        ("Al", "long enough", "name"),
        ("A" * 31, "long enough", "name"),
        ("Null\0", "long enough", "name"),
        ("aNN", "long enough", "name"),
        ("Cleo", "short", "password"),
        ("Cleo", "x" * 201, "password"),
    ],
)
def test_register_refuses(visitor: Visitor, name: str, password: str, wrong: str) -> None:
    page = visitor.submit("/register", name=name, password=password)
    assert page.status_code == 200
    assert list(errors_of(page)) == [wrong]
    assert password not in page.text


def test_registration_can_be_closed(make_app: Callable[..., App]) -> None:
    visitor = Visitor(make_app(OPEN_REGISTRATION=False))
    assert visitor.submit("/register", name="Cleo", password="nine lives").status_code == 403
    assert "/register" not in visitor.get("/").text


def test_log_in_begins_a_new_session(visitor: Visitor) -> None:
    response = visitor.submit("/login", name="Ann", password=PASSWORDS["Ann"])
    assert response.location == "/"
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    with visitor.client.session_transaction() as session:
        assert set(session) == {"_permanent", "session_key"}


@pytest.mark.parametrize("name", ["Ann", "Nobody", HOSTILE])
def test_log_in_refuses(visitor: Visitor, name: str, caplog: pytest.LogCaptureFixture) -> None:
    page = visitor.submit("/login", name=name, password="wrong' OR '1'='1")
    assert list(errors_of(page)) == ["name"]
    assert visitor.get("/account").location == "/login?next=/account"
    assert any("failed login" in record.message for record in caplog.records)


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/items/new?x=1", "/items/new?x=1"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_log_in_stays_here(visitor: Visitor, target: str, location: str) -> None:
    path = f"/login?{urlencode({'next': target})}"
    response = visitor.submit(path, name="Ann", password=PASSWORDS["Ann"])
    assert response.location == location


@pytest.mark.parametrize("path", ["/items/new", "/items/1/edit", "/account"])
def test_login_is_required(visitor: Visitor, ann: Visitor, path: str) -> None:
    ann.post_item()
    response = visitor.get(path)
    assert response.location == f"/login?next={path}"
    assert flashed(visitor.get(response.location)) == ["Log in first."]


@pytest.mark.parametrize(
    "path", ["/items/new", "/items/1/remove", "/items/1/claims", "/account/token"]
)
def test_login_is_required_for_forms(visitor: Visitor, ann: Visitor, path: str) -> None:
    ann.post_item()
    assert visitor.submit(path, **RING).location == "/login"
    assert ann.get("/items/1").status_code == 200


def test_log_out(ann: Visitor) -> None:
    assert ann.get("/logout").status_code == 405
    assert ann.submit("/logout").location == "/"
    assert "Log in" in ann.get("/").text


def test_new_password_ends_sessions(ann: Visitor, app: App) -> None:
    result = app.test_cli_runner().invoke(args=["set-password", "ann", "--password", "another one"])
    assert result.output == "ann has a new password.\n"
    assert "Log in" in ann.get("/").text
    ann.submit("/login", name="Ann", password=PASSWORDS["Ann"], csrf_token="the token")
    assert ann.get("/account").status_code == 302


FORMS = ("/items/new", "/items/1/edit", "/items/1/remove", "/items/1/claims", "/logout")


@pytest.mark.parametrize("path", [*FORMS, "/items/1/claims/1/accept", "/account/token"])
@pytest.mark.parametrize("token", ["", "another", "the tokén"])
def test_form_of_another_site(ann: Visitor, path: str, token: str) -> None:
    item = ann.post_item()
    page = ann.submit(path, **{**RING, "title": "Changed"}, csrf_token=token)
    assert page.status_code == 400
    assert "This form is too old" in page.text
    assert "Silver ring" in ann.get(item).text
    assert ann.get("/account").status_code == 200


def test_session_without_a_token(app: App) -> None:
    response = app.test_client().post("/login", data={"csrf_token": ""})
    assert response.status_code == 400


def test_the_api_does_not_know_the_session(ann: Visitor) -> None:
    response = ann.client.post("/api/v1/items", json=RING)
    assert response.status_code == 401


def test_tokens_differ(app: App) -> None:
    tokens = set()
    for _ in range(3):
        page = app.test_client().get("/login").text
        tokens |= set(re.findall(r'name="csrf_token" value="([^"]+)"', page))
    assert len(tokens) == 3
