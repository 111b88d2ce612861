"""Somebody who uses the example application, and what can be read off its pages."""

from __future__ import annotations

import io
import re
from html import unescape
from typing import Any

from dovetail import App
from dovetail.toolkit.testing import TestResponse
from magpie.database import fetch_one

__all__ = ["HOSTILE", "JPEG", "PNG", "RING", "WEBP", "Visitor", "errors_of", "flashed"]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)
WEBP = b"RIFF\0\0\0\0WEBPVP8 " + bytes(40)
HOSTILE = "<script>alert('1')</script>\"' OR 1=1; DROP TABLE items; --"
RING = {
    "kind": "found",
    "title": "Silver ring",
    "details": "Two hands hold a heart.",
    "place": "Swimming pool",
    "day": "2026-01-31",
}


class Visitor:
    """A client with a session; ``name`` is who is logged in from the start."""

    def __init__(self, app: App, name: str | None = None) -> None:
        self.app = app
        self.client = app.test_client()
        with app.app_context(), self.client.session_transaction() as session:
            session["csrf_token"] = "the token"
            if name:
                user = fetch_one("SELECT * FROM users WHERE name = ?", (name,))
                assert user
                session["session_key"] = user["session_key"]

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, buffered=True)

    def submit(self, path: str, **fields: Any) -> TestResponse:
        """Send a form, with the token of the session unless it is given."""
        fields.setdefault("csrf_token", "the token")
        return self.client.post(path, data=fields)

    def post_item(self, photo: bytes | None = None, **fields: Any) -> str:
        """Put an item on the board; return its path."""
        if photo is not None:
            fields["photo"] = (io.BytesIO(photo), "photo.png")
        response = self.submit("/items/new", **{**RING, **fields})
        assert response.status_code == 302, errors_of(response)
        location = response.location
        assert location
        return location

    def token(self) -> str:
        """Return a new token for the API."""
        page = self.submit("/account/token").text
        match = re.search(r'<code class="token">([\w-]+)</code>', page)
        assert match
        return match[1]


def errors_of(page: TestResponse) -> dict[str, str]:
    """Return the errors of the fields of a form, by field."""
    found = re.findall(r'<p class="error" id="(\w+)-error">([^<]*)</p>', page.text)
    return {name: unescape(text) for name, text in found}


def flashed(page: TestResponse) -> list[str]:
    return [unescape(text) for text in re.findall(r'<p class="flash[^>]*>([^<]*)</p>', page.text)]
