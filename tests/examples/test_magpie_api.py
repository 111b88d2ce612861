"""The JSON API of the example application."""

from __future__ import annotations

from typing import Any

import pytest
from tests.examples.visitor import HOSTILE, PNG, RING, Visitor

from dovetail import App
from dovetail.toolkit.testing import TestResponse

ITEMS = "/api/v1/items"


class Program:
    """A client that knows a user by a token."""

    def __init__(self, app: App, token: str) -> None:
        self.client = app.test_client()
        self.fields = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, path: str, **arguments: Any) -> TestResponse:
        return self.client.open(path, method=method, headers=self.fields, **arguments)


def json_of(response: TestResponse) -> Any:
    assert response.mimetype == "application/json"
    return response.json


@pytest.fixture
def program(app: App, ann: Visitor) -> Program:
    return Program(app, ann.token())


def test_life_of_an_item(program: Program, visitor: Visitor) -> None:
    made = program.send("POST", ITEMS, json=RING)
    assert made.status_code == 201
    assert made.location == "http://localhost/api/v1/items/1"
    item = json_of(visitor.get("/api/v1/items/1"))
    assert item == json_of(made)
    assert item.items() >= {**RING, "id": 1, "owner": "Ann", "returned": False}.items()
    assert item["page"] == "http://localhost/items/1"
    changed = program.send("PATCH", "/api/v1/items/1", json={"title": "Gold ring"})
    assert json_of(changed) == {**item, "title": "Gold ring"}
    removed = program.send("DELETE", "/api/v1/items/1")
    assert (removed.status_code, removed.data) == (204, b"")
    assert visitor.get("/api/v1/items/1").status_code == 404


def test_photo_has_an_url(ann: Visitor, visitor: Visitor) -> None:
    ann.post_item(PNG)
    (item,) = json_of(visitor.get(ITEMS))["items"]
    assert visitor.get(item["photo"].removeprefix("http://localhost")).data == PNG


def test_pages(program: Program, visitor: Visitor) -> None:
    for number in range(5):
        program.send("POST", ITEMS, json={**RING, "title": f"Glove {number}"})
    url, titles = f"{ITEMS}?per_page=2&kind=found&q=glove", []
    while url:
        page = json_of(visitor.get(url))
        assert (page["total"], page["pages"]) == (5, 3)
        titles += [item["title"] for item in page["items"]]
        url = page["next"]
    assert titles == [f"Glove {number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("query", "count"),
    [("per_page=0", 1), ("per_page=1000", 3), ("per_page=x", 3), ("page=99", 3), ("q=%25", 0)],
)
def test_odd_queries(program: Program, visitor: Visitor, query: str, count: int) -> None:
    for _ in range(3):
        program.send("POST", ITEMS, json=RING)
    assert len(json_of(visitor.get(f"{ITEMS}?{query}"))["items"]) == count


@pytest.mark.parametrize("authorization", [None, "Bearer no", "Basic QW5uOngK", "Bearer", "x"])
def test_writing_needs_a_token(app: App, ann: Visitor, authorization: str | None) -> None:
    ann.post_item()
    fields = {"Authorization": authorization} if authorization else {}
    for method, path in [("POST", ITEMS), ("PATCH", f"{ITEMS}/1"), ("DELETE", f"{ITEMS}/1")]:
        response = app.test_client().open(path, method=method, json=RING, headers=fields)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer ")
        assert json_of(response)["error"] == "Unauthorized"


def test_wrong_token_is_told_even_to_readers(app: App) -> None:
    response = app.test_client().get(ITEMS, headers={"Authorization": "Bearer no"})
    assert response.status_code == 401


def test_new_token_ends_the_old_one(ann: Visitor, program: Program) -> None:
    newer = Program(ann.app, ann.token())
    assert program.send("POST", ITEMS, json=RING).status_code == 401
    assert newer.send("POST", ITEMS, json=RING).status_code == 201


def test_only_the_owner_writes(program: Program, ben: Visitor) -> None:
    ben.post_item()
    for method in ("PATCH", "DELETE"):
        response = program.send(method, f"{ITEMS}/1", json={})
        assert response.status_code == 403
        assert json_of(response) == {
            "error": "Forbidden",
            "detail": "Only who posted an item can do this.",
        }


def test_unfit_fields(program: Program) -> None:
    sent = {
        **RING,
        "title": 5,
        "kind": ["found"],
        "day": None,
        "place": "\ud800\udc00\ud800",
        "x": 1,
    }
    response = program.send("POST", ITEMS, json=sent)
    assert response.status_code == 422
    assert json_of(response)["fields"] == {
        "kind": "Choose one of: lost, found.",
        "title": "Enter text.",
        "place": "Leave out the characters that cannot be shown.",
        "day": "Enter a day as year-month-day, such as 2026-05-31.",
        "x": "There is no such field.",
    }


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"data": "{"}, 400),
        ({"data": "[]"}, 400),
        ({"data": "1"}, 400),
        ({"data": b"\xff"}, 400),
        ({"data": "{}", "content_type": "text/plain"}, 415),
    ],
)
def test_no_json_object(program: Program, arguments: dict[str, Any], status: int) -> None:
    response = program.send("POST", ITEMS, **{"content_type": "application/json", **arguments})
    assert response.status_code == status
    assert set(json_of(response)) == {"error", "detail"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nowhere", 404),
        ("GET", "/api/", 404),
        ("GET", f"{ITEMS}/{2**63}", 404),
        ("GET", f"{ITEMS}/7", 404),
        ("PUT", ITEMS, 405),
        ("POST", "/api/v1/nowhere", 404),
    ],
)
def test_errors_are_json(program: Program, method: str, path: str, status: int) -> None:
    response = program.send(method, path)
    assert response.status_code == status
    assert set(json_of(response)) == {"error", "detail"}
    assert response.mimetype == "application/json"


def test_allow_is_kept(visitor: Visitor) -> None:
    response = visitor.client.put(ITEMS)
    assert response.status_code == 405
    assert response.allow == {"GET", "HEAD", "OPTIONS", "POST"}


def test_text_goes_in_and_out_unchanged(program: Program, visitor: Visitor) -> None:
    program.send("POST", ITEMS, json={**RING, "title": HOSTILE, "details": "ä\n👩‍👩‍👧"})
    item = json_of(visitor.get(f"{ITEMS}/1"))
    assert (item["title"], item["details"]) == (HOSTILE, "ä\n👩‍👩‍👧")


def test_health(visitor: Visitor, app: App) -> None:
    response = visitor.get("/api/v1/health")
    assert (response.status_code, json_of(response)) == (200, {"database": True, "photos": True})
    app.config["DATABASE"], app.config["PHOTOS"] = "/nowhere/x.sqlite", "/nowhere"
    response = visitor.get("/api/v1/health")
    assert (response.status_code, json_of(response)) == (503, {"database": False, "photos": False})
