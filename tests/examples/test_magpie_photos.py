"""Photographs: which are taken, where they lie, how they are served."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from tests.examples.visitor import JPEG, PNG, RING, WEBP, Visitor, errors_of


def photo_of(ann: Visitor, path: str) -> str | None:
    match = re.search(r'src="(/photos/[^"]+)"', ann.get(path).text)
    return match and match[1]


def stored(instance: Path) -> list[bytes]:
    return [path.read_bytes() for path in (instance / "photos").iterdir()]


@pytest.mark.parametrize(
    ("content", "extension", "mimetype"),
    [(PNG, "png", "image/png"), (JPEG, "jpg", "image/jpeg"), (WEBP, "webp", "image/webp")],
)
def test_stored_under_a_name_of_ours(
    ann: Visitor, visitor: Visitor, instance: Path, content: bytes, extension: str, mimetype: str
) -> None:
    item = ann.submit(
        "/items/new", **RING, photo=(io.BytesIO(content), "../../evil.html", "text/html")
    ).location
    assert item
    url = photo_of(visitor, item)
    assert url
    assert re.fullmatch(rf"/photos/[0-9a-f]{{32}}\.{extension}", url)
    response = visitor.get(url)
    assert response.data == content
    assert response.mimetype == mimetype
    assert response.cache_control.max_age == 365 * 24 * 60 * 60
    assert "Set-Cookie" not in response.headers
    part = visitor.client.get(url, buffered=True, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, content[:4])
    assert stored(instance) == [content]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG", b"GIF89a;", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"x" + PNG],
)
def test_other_files_are_refused(ann: Visitor, instance: Path, content: bytes) -> None:
    page = ann.submit("/items/new", **RING, photo=(io.BytesIO(content), "ring.png", "image/png"))
    assert errors_of(page) == {"photo": "Choose a photograph: a PNG, JPEG or WebP file."}
    assert stored(instance) == []


def test_not_stored_while_the_form_is_wrong(ann: Visitor, instance: Path) -> None:
    page = ann.submit("/items/new", photo=(io.BytesIO(PNG), "ring.png"))
    assert errors_of(page)["photo"].startswith("Choose the photograph again")
    assert stored(instance) == []


def test_kept_replaced_and_taken_off(ann: Visitor, instance: Path) -> None:
    item = ann.post_item(PNG)
    ann.submit(f"{item}/edit", **RING)
    assert stored(instance) == [PNG]
    ann.submit(f"{item}/edit", **RING, photo=(io.BytesIO(JPEG), "ring.jpg"))
    assert stored(instance) == [JPEG]
    ann.submit(f"{item}/edit", **RING, remove_photo="on")
    assert stored(instance) == []
    assert photo_of(ann, item) is None


def test_removed_with_its_item(ann: Visitor, instance: Path) -> None:
    item = ann.post_item(PNG)
    url = photo_of(ann, item)
    assert url
    ann.submit(f"{item}/remove")
    assert stored(instance) == []
    assert ann.get(url).status_code == 404


@pytest.mark.parametrize("name", ["../secret_key", "..%2fsecret_key", "%2e%2e/magpie.sqlite", "."])
def test_nothing_else_is_served(visitor: Visitor, name: str) -> None:
    assert visitor.get(f"/photos/{name}").status_code == 404
