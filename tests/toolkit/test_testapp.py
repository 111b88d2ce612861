"""The page that shows whether a deployment works."""

from __future__ import annotations

import os
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dovetail import __version__
from dovetail.toolkit import testapp
from dovetail.toolkit.testapp import TEMPLATE, iter_sys_path
from dovetail.toolkit.testing.client import Client
from dovetail.toolkit.testing.engine import EngineClient


class Text(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page() -> None:
    response = Client(testapp.test_app).get("/x?q=<script>alert(1)</script>", headers={"X": "a&b"})
    assert (response.status, response.mimetype) == ("200 OK", "text/html")
    page = Text(response.text)
    assert "script" not in page.tags
    for part in ("QUERY_STRING", "<script>", "'a&b'", sys.platform, __version__, "MarkupSafe"):
        assert part in page.text
    assert sys.version.splitlines()[0] in page.text


def test_the_template_takes_values() -> None:
    assert "%(wsgi_env)s" in TEMPLATE
    assert TEMPLATE.startswith("<!doctype html>")


def test_through_the_engine() -> None:
    response = EngineClient(testapp.test_app).get()
    assert response.status_code == 200
    assert "dovetail.request" in response.text


def test_iter_sys_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    gone = str(tmp_path) + "-gone"
    items = ["", str(tmp_path), str(tmp_path / "sub"), gone, "relative"]
    monkeypatch.setattr(sys, "path", items)
    assert list(iter_sys_path()) == [
        ("~", False, True),
        ("~", False, False),
        ("~" + os.sep + "sub", True, False),
        (gone, True, False),
        ("~" + os.sep + "relative", True, True),
    ]
