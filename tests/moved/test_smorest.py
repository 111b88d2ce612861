"""flask-smorest: the description of an API, checked arguments, pages, and entity tags."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    site = serve("smorest_app")
    with site.browser() as browser:
        for number in range(12):
            added = browser.post("/pets/", json={"name": f"pet {11 - number:02}"})
            assert added.status_code == 201
    return site


@pytest.fixture
def tag(browser: Browser) -> str:
    """Return the entity tag of the first pet."""
    return browser.get("/pets/0").headers["ETag"]


def test_the_description(browser: Browser) -> None:
    answer = browser.get("/docs/api-spec.json")
    assert answer.headers["Content-Type"] == "application/json"
    document = answer.json()
    assert document["info"] == {"title": "Pets", "version": "v1"}
    assert set(document["paths"]) == {"/pets/", "/pets/{key}", "/pets/photo"}
    listing = document["paths"]["/pets/"]["get"]
    assert listing["summary"] == "List pets"
    assert {one.get("name") for one in listing["parameters"]} >= {"page", "page_size", "sort"}
    assert document["paths"]["/pets/{key}"]["parameters"][0]["schema"]["type"] == "integer"
    assert set(document["paths"]["/pets/"]["post"]["responses"]) >= {"201", "409", "422"}
    assert document["components"]["schemas"]["Pet"]["required"] == ["name"]


def test_pages_of_the_description(browser: Browser) -> None:
    swagger = browser.get("/docs/swagger").text
    assert "/swagger-files/" in swagger
    assert "/docs/api-spec.json" in swagger
    assert 'src="/redoc.js"' in browser.get("/docs/redoc").text


def test_a_pet(browser: Browser) -> None:
    assert browser.get("/pets/0").json() == {"id": 0, "name": "pet 11"}
    missing = browser.get("/pets/99")
    assert missing.status_code == 404
    assert missing.json() == {"code": 404, "status": "Not Found", "message": "No pet 99"}
    taken = browser.post("/pets/", json={"name": "pet 01"})
    assert (taken.status_code, taken.headers["X-Why"]) == (409, "1")
    assert taken.json()["errors"] == {"name": "pet 01"}


def test_wrong_arguments(browser: Browser) -> None:
    refused = browser.post("/pets/", json={"name": 11 * "x", "born": "2023-02-29", "no": 1})
    assert refused.status_code == 422
    assert refused.json() == {
        "code": 422,
        "status": "Unprocessable Entity",
        "errors": {
            "json": {
                "name": ["Longer than maximum length 10."],
                "born": ["Not a valid date."],
                "no": ["Unknown field."],
            }
        },
    }
    refused = browser.get("/pets/?sort=x")
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["query"])
    refused = browser.post("/pets/", data="{", headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["status"]) == (400, "Bad Request")


def test_pages(browser: Browser) -> None:
    first = browser.get("/pets/")
    assert [pet["id"] for pet in first.json()] == [0, 1, 2, 3, 4]
    assert json.loads(first.headers["X-Pagination"]) == {
        "total": 12,
        "total_pages": 3,
        "first_page": 1,
        "last_page": 3,
        "page": 1,
        "next_page": 2,
    }
    last = browser.get("/pets/?page=3&sort=name")
    assert [pet["name"] for pet in last.json()] == ["pet 10", "pet 11"]
    assert json.loads(last.headers["X-Pagination"])["previous_page"] == 2
    assert len(browser.get("/pets/?page_size=8").json()) == 8
    assert browser.get("/pets/?page_size=9").status_code == 422
    assert browser.get("/pets/?page=0").status_code == 422


def test_not_modified(browser: Browser, tag: str) -> None:
    same = browser.get("/pets/0", headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    assert browser.get("/pets/0", headers={"If-None-Match": '"x"'}).status_code == 200
    assert browser.get("/pets/1", headers={"If-None-Match": tag}).status_code == 200
    listed = browser.get("/pets/").headers["ETag"]
    assert browser.get("/pets/", headers={"If-None-Match": f'"x", {listed}'}).status_code == 304


@pytest.fixture
def added(browser: Browser) -> str:
    name = {"name": "changing"}
    answer = browser.post("/pets/", json=name)
    return f"/pets/{answer.json()['id']}"


def test_changes_need_the_tag(browser: Browser, added: str) -> None:
    assert browser.put(added, json={"name": "b"}).status_code == 428
    assert browser.delete(added).status_code == 428
    stale = {"If-Match": '"stale"'}
    assert browser.put(added, json={"name": "b"}, headers=stale).status_code == 412
    assert browser.delete(added, headers=stale).status_code == 412
    current = {"If-Match": browser.get(added).headers["ETag"]}
    changed = browser.put(added, json={"name": "b"}, headers=current)
    assert (changed.status_code, changed.json()["name"]) == (200, "b")
    assert browser.delete(added, headers=current).status_code == 412
    removed = browser.delete(added, headers={"If-Match": changed.headers["ETag"]})
    assert (removed.status_code, removed.content) == (204, b"")
    assert browser.get(added).status_code == 404


def test_upload(browser: Browser) -> None:
    answer = browser.post("/pets/photo", files={"photo": ("a.jpg", b"12345")})
    assert (answer.status_code, answer.json()) == (201, {"size": 5, "name": "a.jpg"})


def test_errors_are_json(browser: Browser, site: Site) -> None:
    assert browser.get("/nowhere").json() == {"code": 404, "status": "Not Found"}
    wrong = browser.patch("/pets/0")
    assert (wrong.status_code, wrong.json()["status"]) == (405, "Method Not Allowed")
    broken = browser.get("/broken")
    assert (broken.status_code, broken.json()) == (
        500,
        {"code": 500, "status": "Internal Server Error"},
    )
    site.wait_for_log("RuntimeError: broken")


def test_head(browser: Browser, tag: str) -> None:
    head = browser.head("/pets/0")
    assert (head.status_code, head.headers["ETag"], head.content) == (200, tag, b"")
