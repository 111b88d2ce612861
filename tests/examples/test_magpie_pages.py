"""All pages: well formed, with tokens in their forms, without scripts; and pages for errors."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from tests.examples.visitor import PNG, Visitor

from dovetail import App


class Outline(HTMLParser):
    """What a page has: its forms with their fields, its headings, its open elements."""

    VOID = frozenset({"meta", "link", "input", "img", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[dict[str, str | None]] = []
        self.fields: list[list[str | None]] = []
        self.headings: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert not {name for name in given if name.startswith("on")}, "a script in an attribute"
        if tag == "form":
            self.forms.append(given)
            self.fields.append([])
        elif tag == "input" and self.forms:
            self.fields[-1].append(given.get("name"))
        elif tag in {"h1", "h2", "h3"}:
            self.headings.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} is closed out of turn"


PAGES = [
    "/",
    "/?q=ring&kind=found",
    "/items/1",
    "/items/1/edit",
    "/items/new",
    "/login",
    "/register",
]
PAGES += ["/account", "/items/2", "/nowhere"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("who", ["visitor", "ann", "ben"])
def test_page_is_well_formed_and_its_forms_carry_the_token(
    path: str, who: str, request: pytest.FixtureRequest
) -> None:
    ann: Visitor = request.getfixturevalue("ann")
    reader: Visitor = request.getfixturevalue(who)
    ann.post_item(PNG)
    page = reader.get(path)
    if page.status_code == 302:
        assert str(page.location).startswith("/login")
        return
    outline = Outline(page.text)
    assert outline.open == []
    assert outline.headings.count("h1") == 1
    assert outline.headings[0] == "h1"
    assert "<script" not in page.text
    for form, fields in zip(outline.forms, outline.fields, strict=True):
        assert ("csrf_token" in fields) == (form.get("method") == "post")


def test_security_headers(visitor: Visitor) -> None:
    for path in ("/", "/nowhere", "/static/magpie.css", "/api/v1/items"):
        headers = visitor.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_error_page(visitor: Visitor) -> None:
    page = visitor.get("/nowhere")
    assert page.status_code == 404
    assert "<h1>Nothing here, not even a button</h1>" in page.text
    page = visitor.submit("/board.csv")
    assert page.status_code == 405
    assert "<h1>Method Not Allowed</h1>" in page.text


def test_mistake_of_ours(make_app: Callable[..., App], caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(TESTING=False)
    app.add_url_rule("/mistake", view_func=lambda: str(1 / 0))
    page = app.test_client().get("/mistake")
    assert page.status_code == 500
    assert "<h1>We dropped something</h1>" in page.text
    assert "ZeroDivisionError" not in page.text
    assert "ZeroDivisionError" in caplog.text


def test_too_large(make_app: Callable[..., App]) -> None:
    ann = Visitor(make_app(MAX_CONTENT_LENGTH=1000), "Ann")
    page = ann.submit("/items/new", details="x" * 1000)
    assert page.status_code == 413
    assert "Too heavy to carry" in page.text
