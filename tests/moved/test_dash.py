"""Dash: its page, its scripts and assets, and the callbacks that browsers ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("dash_app")


def value_of(one: str, value: Any) -> dict[str, Any]:
    key, _, name = one.partition(".")
    return {"id": key, "property": name, "value": value}


def call(
    browser: Browser, output: str, changed: str, *states: dict[str, Any], **values: Any
) -> requests.Response:
    """Ask for a callback as Dash's own script does."""
    names = output.strip(".").split("...")
    outputs: Any = [
        {"id": key, "property": name} for key, _, name in (one.partition(".") for one in names)
    ]
    body = {
        "output": output,
        "outputs": outputs if output.startswith("..") else outputs[0],
        "inputs": [value_of(one.replace("__", "."), value) for one, value in values.items()],
        "changedPropIds": [changed],
        "state": list(states),
    }
    return browser.post("/board/_dash-update-component", json=body)


def test_index(browser: Browser) -> None:
    page = browser.get("/board/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<title>Measurements</title>" in page.text
    assert '<link rel="stylesheet" href="https://styles.example/a.css">' in page.text
    found = re.search(
        r'<script id="_dash-config" type="application/json">(.*?)</script>', page.text
    )
    assert found
    assert json.loads(found[1])["url_base_pathname"] == "/board/"
    assert "<title>Measurements</title>" in browser.get("/board/any/page").text
    assert browser.get("/api/ping").json() == "pong"
    assert browser.get("/").status_code == 404


def test_assets(browser: Browser) -> None:
    page = browser.get("/board/").text
    for kind, start in (("css", ".title"), ("js", "window.site")):
        found = re.search(rf'"(/board/assets/\w+\.{kind}\?m=[\d.]+)"', page)
        assert found
        assert browser.get(found[1]).text.startswith(start)
    assert browser.get("/board/assets/none.css").status_code == 404


def test_scripts(browser: Browser) -> None:
    page = browser.get("/board/").text
    paths = re.findall(r'<script src="(/board/_dash-component-suites/[^"]+)"', page)
    assert len(paths) > 3
    renderer = next(path for path in paths if "dash_renderer" in path and "min" in path)
    script = browser.get(renderer)
    assert script.headers["Content-Type"].startswith(("text/javascript", "application/javascript"))
    assert "max-age=31536000" in script.headers["Cache-Control"]
    plain = re.sub(r"\.v[\w]+m\d+\.", ".", renderer)
    revalidated = browser.get(plain)
    assert "ETag" in revalidated.headers
    tag = {"If-None-Match": revalidated.headers["ETag"]}
    assert browser.get(plain, headers=tag).status_code == 304
    assert browser.get("/board/_dash-component-suites/dash/none.js").status_code == 500


def test_layout(browser: Browser) -> None:
    layout = browser.get("/board/_dash-layout")
    assert layout.headers["Content-Type"] == "application/json"
    title = layout.json()["props"]["children"][0]
    assert title == {
        "props": {"children": "Measurements", "className": "title"},
        "type": "H1",
        "namespace": "dash_html_components",
    }


def test_dependencies(browser: Browser) -> None:
    dependencies = {one["output"]: one for one in browser.get("/board/_dash-dependencies").json()}
    assert len(dependencies) == 5
    chosen = dependencies["..other.children...graph.figure.."]
    assert chosen["inputs"] == [{"id": "go", "property": "n_clicks"}]
    assert chosen["state"] == [{"id": "choice", "property": "value"}]
    assert chosen["prevent_initial_call"] is True


def test_a_callback(browser: Browser) -> None:
    answer = call(browser, "result.children", "number.value", number__value=7)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["response"] == {"result": {"children": "7 squared is 49"}}


def test_no_update(browser: Browser) -> None:
    answer = call(browser, "result.children", "number.value", number__value=None)
    assert (answer.status_code, answer.content) == (204, b"")


def test_several_outputs_and_state(browser: Browser) -> None:
    output = "..other.children...graph.figure.."
    answer = call(browser, output, "go.n_clicks", value_of("choice.value", "a"), go__n_clicks=4)
    response = answer.json()["response"]
    assert response["other"] == {"children": "a"}
    assert response["graph"]["figure"]["data"] == [{"x": [1, 2], "y": [4, 3]}]
    kept = call(browser, output, "go.n_clicks", value_of("choice.value", "b"), go__n_clicks=4)
    assert set(kept.json()["response"]) == {"graph"}


def test_the_context_of_a_callback(browser: Browser) -> None:
    answer = call(browser, "trigger.children", "choice.value", number__value=1, choice__value="b")
    path = "/board/_dash-update-component"
    assert answer.json()["response"] == {"trigger": {"children": f"choice from {path}"}}
    assert browser.cookies["seen"] == "choice"


def test_ids_by_pattern(browser: Browser) -> None:
    items = [
        {"id": {"kind": "item", "index": number}, "property": "value", "value": number}
        for number in range(4)
    ]
    body = {
        "output": "all.children",
        "outputs": {"id": "all", "property": "children"},
        "inputs": [items],
        "changedPropIds": ['{"index":1,"kind":"item"}.value'],
    }
    answer = browser.post("/board/_dash-update-component", json=body)
    assert answer.json()["response"] == {"all": {"children": 6}}


def test_errors(browser: Browser, site: Site) -> None:
    failed = call(browser, "failure.children", "go.disabled", go__disabled=True)
    assert failed.status_code == 500
    assert "cannot do it" not in failed.text
    site.wait_for_log("ValueError: cannot do it")
    assert call(browser, "unknown.children", "number.value", number__value=1).status_code == 500
    assert browser.put("/board/_dash-update-component").status_code == 405
    assert call(browser, "result.children", "number.value", number__value=3).status_code == 200
