"""Flask-RESTful: resources, parsed arguments, marshalled fields, errors and representations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("restful_app")


def test_fields(browser: Browser, site: Site) -> None:
    answer = browser.get("/tasks/1")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "task": "build an API",
        "done": False,
        "uri": f"{site.url}/tasks/1",
        "path": "/tasks/1",
        "made": "2024-02-29T12:30:00+00:00",
        "mailed": "Thu, 29 Feb 2024 12:30:00 -0000",
        "priority": "normal",
        "tags": ["a", "b"],
        "owner": None,
        "line": "1: build an API",
    }


def test_envelope_and_two_urls(browser: Browser) -> None:
    assert {"key": 1, "task": "build an API"} in browser.get("/tasks").json()["tasks"]
    assert browser.get("/all-tasks").json() == browser.get("/tasks").json()


def test_arguments(browser: Browser) -> None:
    body = {"task": "read", "rank": "7", "tag": ["x", "y"], "done": "true"}
    added = browser.post("/tasks", headers={"X-Owner": "ada"}, json=body)
    assert added.status_code == 201
    task = added.json()
    assert task["priority"] == "urgent"
    assert (task["tags"], task["owner"], task["done"]) == (["x", "y"], {"name": "ada"}, True)
    assert browser.delete(task["path"]).status_code == 204
    gone = browser.delete(task["path"])
    assert gone.status_code == 404
    assert gone.json()["message"].startswith("Task ")


def test_wrong_arguments_together(browser: Browser) -> None:
    refused = browser.post("/tasks", json={"task": " a", "rank": 11, "done": "maybe"})
    assert refused.status_code == 400
    assert refused.json() == {
        "message": {
            "task": "What is to be done: task has blanks around it: ' a'",
            "rank": "Invalid argument: 11. argument must be within the range 1 - 10",
            "done": "Invalid literal for boolean(): maybe",
        }
    }
    missing = browser.post("/tasks", json={}).json()["message"]["task"]
    assert missing.startswith("What is to be done: Missing required parameter in")


def test_strict_arguments_of_json_alone(browser: Browser) -> None:
    done = browser.put("/tasks/1", json={"task": "build an API"})
    assert (done.json(), done.headers["X-Changed"]) == ({"was": "build an API"}, "task")
    assert browser.put("/tasks/1", json={"task": "x", "b": 1}).status_code == 400
    assert browser.put("/tasks/1?task=x", json={}).status_code == 400
    assert browser.put("/tasks/1", data="{", headers={"Content-Type": "application/json"}).json()
    assert browser.put("/tasks/1", data="task=x").status_code == 415


def test_types_of_query_and_form(browser: Browser) -> None:
    assert browser.post("/dates", data={"on": "2024-02-28"}).json() == [2024, 28]
    assert browser.get("/dates?on=2024-02-29").json() == [2024, 29]
    assert browser.get("/dates?on=2024-02-29&unit=day").json() == [29]
    assert browser.get("/dates?on=2023-02-29").status_code == 400
    assert "not a valid choice" in browser.get("/dates?on=2024-02-29&unit=x").text


def test_errors(browser: Browser, site: Site) -> None:
    answer = browser.get("/tasks/9")
    assert (answer.status_code, answer.json()) == (
        404,
        {"message": "Task 9 doesn't exist", "key": 9},
    )
    broken = browser.get("/broken")
    assert (broken.status_code, broken.json()) == (500, {"message": "Internal Server Error"})
    site.wait_for_log("ZeroDivisionError: broken")
    refused = browser.get("/refused")
    assert (refused.status_code, refused.json()["message"]) == (403, "not for you")
    wrong = browser.patch("/tasks/1")
    assert (wrong.status_code, set(wrong.json())) == (405, {"message"})
    assert set(wrong.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}


def test_unknown_urls_are_the_apis_too(browser: Browser) -> None:
    answer = browser.get("/task")
    assert answer.status_code == 404
    assert set(answer.json()) == {"message"}
    assert browser.get("/plain").text == "not of the API"


def test_representations(browser: Browser) -> None:
    answer = browser.get("/tasks/9", headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.text.splitlines() == ["message,Task 9 doesn't exist", "key,9"]
    best = browser.get("/tasks/1", headers={"Accept": "text/csv;q=0.5, application/json"})
    assert best.json()["done"] is False
    # What is not acceptable gets the first one.
    assert browser.get("/tasks/1", headers={"Accept": "image/png"}).json()["done"] is False


def test_head_and_options(browser: Browser) -> None:
    head = browser.head("/tasks/1")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(browser.get("/tasks/1").content))
    assert "PUT" in browser.options("/tasks/1").headers["Allow"]


def test_a_blueprint(browser: Browser) -> None:
    data = {"rest": "a/b", "url": "/v2/api/echo/x/y", "on": "v2"}
    assert browser.get("/v2/api/echo/a/b").json() == {"v": 2, "data": data}


def test_upload(browser: Browser) -> None:
    answer = browser.post("/upload", files={"file": ("a.bin", b"12345")})
    assert answer.json() == {"decorated": {"name": "a.bin", "size": 5}}
    assert browser.post("/upload").status_code == 400
