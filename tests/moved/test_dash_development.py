"""``Dash.run(debug=True)``: hot reload, and what the browser is told of a callback's exception."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.applications.deployment import wait_until
from tests.moved.site import PROJECTS, Browser, browsing, start_program

pytest.importorskip("dash")

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("dash")
    shutil.copy(PROJECTS / "dash_development.py", place)
    (place / "parts.py").write_text("WORD = 'first'\n")
    (place / "assets").mkdir()
    (place / "assets" / "page.css").write_text("h1 { color: red }")
    return place


@pytest.fixture(scope="module")
def browser(place: Path) -> Iterator[Browser]:
    process = start_program(place, "dash_development.py")
    try:
        with browsing(process, "first", "/_dash-layout") as browser:
            yield browser
        assert process.stop(signal.SIGINT) == 0
    finally:
        process.kill()


def _call(browser: Browser, value: Any) -> requests.Response:
    body = {
        "output": "result.children",
        "outputs": {"id": "result", "property": "children"},
        "inputs": [{"id": "number", "property": "value", "value": value}],
        "changedPropIds": ["number.value"],
    }
    return browser.post("/_dash-update-component", json=body)


def test_a_callback_that_fails(browser: Browser) -> None:
    assert _call(browser, 4).json()["response"] == {"result": {"children": 2.5}}
    failed = _call(browser, 0)
    assert failed.status_code == 500
    assert "ZeroDivisionError: division by zero" in failed.text
    assert "return 10 / value" in failed.text


def test_a_style_sheet_that_changes(browser: Browser, place: Path) -> None:
    assert browser.get("/_reload-hash").json()["files"] == []
    (place / "assets" / "page.css").write_text("h1 { color: blue }")

    def is_told() -> bool:
        files = browser.get("/_reload-hash").json()["files"]
        # Twice, if it was looked at while it was written.
        return {file["url"] for file in files} == {"/assets/page.css"}

    wait_until(is_told, "the page is told")


def test_code_that_changes(browser: Browser, place: Path) -> None:
    before = browser.get("/_reload-hash").json()["reloadHash"]
    (place / "parts.py").write_text("WORD = 'changed'\n")
    browser.wait_for("changed", "/_dash-layout")
    assert browser.get("/_reload-hash").json()["reloadHash"] != before
