"""What is on the board: posting, searching, changing, claiming, exporting."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
from tests.examples.visitor import HOSTILE, RING, Visitor, errors_of, flashed

from dovetail import App
from magpie import items


def test_posting(ann: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    path = ann.post_item()
    page = ann.get(path)
    assert flashed(page) == ["It is on the board. We hope for the best!"]
    for text in ("Silver ring", "Two hands hold a heart.", "Swimming pool", "31 January 2026"):
        assert text in page.text
    assert "Silver ring" in ann.get("/").text
    assert "Ann posted item 1" in caplog.messages


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("kind", "stolen", "Choose one of: lost, found."),
        ("title", "ab", "Enter 3 to 80 characters; this has 2."),
        ("title", "  \t ", "Enter something."),
        ("title", "x" * 81, "Enter 3 to 80 characters; this has 81."),
        ("title", "bell\a", "Leave out the characters that cannot be shown."),
        ("details", "x" * 2001, "Enter 0 to 2000 characters; this has 2001."),
        ("place", "", "Enter something."),
        ("day", "31.1.2026", "Enter a day as year-month-day, such as 2026-05-31."),
        ("day", "2026-02-30", "Enter a day as year-month-day, such as 2026-05-31."),
        ("day", "9999-12-31", "Enter a day that is not to come, nor long gone."),
        ("day", "0001-01-01", "Enter a day that is not to come, nor long gone."),
    ],
)
def test_unfit_fields(ann: Visitor, field: str, value: str, error: str) -> None:
    page = ann.submit("/items/new", **{**RING, field: value})
    assert page.status_code == 200
    assert errors_of(page) == {field: error}
    assert f'id="{field}-error"' in page.text
    assert f'aria-describedby="{field}' in page.text
    assert "Nothing here" in ann.get("/").text


def test_what_was_typed_stays(ann: Visitor) -> None:
    page = ann.submit("/items/new", **{**RING, "title": "", "place": '"><b>Pool'})
    assert "Two hands hold a heart.</textarea>" in page.text
    assert 'value="&#34;&gt;&lt;b&gt;Pool"' in page.text
    assert re.search(r'value="found" checked', page.text)


def test_hostile_text_is_only_text(ann: Visitor, ben: Visitor) -> None:
    path = ann.post_item(title=HOSTILE, details=HOSTILE, place=HOSTILE)
    ben.submit(f"{path}/claims", message=HOSTILE)
    escaped = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&#34;&#39; OR 1=1;"
    for page in (ann.get("/").text, ann.get(path).text, ann.get(f"{path}/edit").text):
        assert escaped in page
        assert "<script" not in page
    page = ann.get(f"/?{urlencode({'q': HOSTILE})}").text
    assert page.count(escaped) >= 4
    assert "<script" not in page


def test_editing(ann: Visitor) -> None:
    path = ann.post_item()
    page = ann.get(f"{path}/edit").text
    assert 'value="Silver ring"' in page
    assert 'value="2026-01-31"' in page
    assert errors_of(ann.submit(f"{path}/edit", **{**RING, "title": "x"}))
    assert ann.submit(f"{path}/edit", **{**RING, "title": "Gold ring"}).location == path
    page = ann.get(path).text
    assert "Gold ring" in page
    assert "Silver ring" not in page


def test_only_the_owner_changes_an_item(ann: Visitor, ben: Visitor) -> None:
    path = ann.post_item()
    assert ben.get(f"{path}/edit").status_code == 403
    assert ben.submit(f"{path}/edit", **RING).status_code == 403
    assert ben.submit(f"{path}/remove").status_code == 403
    assert "Edit" not in ben.get(path).text
    assert "Remove" in ann.get(path).text


def test_removing(ann: Visitor) -> None:
    path = ann.post_item()
    assert ann.get(f"{path}/remove").status_code == 405
    ann.submit(f"{path}/remove")
    assert flashed(ann.get("/")) == ["“Silver ring” is off the board."]
    assert ann.get(path).status_code == 404


def test_claims(ann: Visitor, ben: Visitor, visitor: Visitor) -> None:
    path, message = ann.post_item(), "It says “Berta” inside."
    assert errors_of(ben.submit(f"{path}/claims", message="mine")).keys() == {"message"}
    ben.submit(f"{path}/claims", message="Mine, I believe.")
    ben.submit(f"{path}/claims", message=message)
    assert flashed(ben.get(path)) == ["Ann will read this."] * 2
    assert message in ben.get(path).text
    assert message in ann.get(path).text
    assert message not in visitor.get(path).text
    assert ann.submit(f"{path}/claims", message=message).status_code == 403


def test_accepting(ann: Visitor, ben: Visitor) -> None:
    path, other = ann.post_item(), ann.post_item(title="Earring")
    ben.submit(f"{path}/claims", message="It says “Berta” inside.")
    assert ben.submit(f"{path}/claims/1/accept").status_code == 403
    ann.submit(f"{other}/claims/1/accept")
    assert flashed(ann.get(other))[-1].startswith("There is no such claim")
    ann.submit(f"{path}/claims/1/accept")
    page = ann.get(path)
    assert flashed(page) == ["Back where it belongs. Thank you!"]
    assert "got it back" in page.text
    ben.submit(f"{path}/claims", message="Once more, with feeling.")
    assert flashed(ben.get(path))[-1] == "Too late: it has been returned."
    titles = re.findall(r'<a href="/items/\d+">([^<]+)</a>', ann.get("/").text)
    assert titles == ["Earring", "Silver ring"]


def test_search(ann: Visitor) -> None:
    ann.post_item(title="100% wool scarf", place="Tram_4")
    ann.post_item(title="Wool hat", kind="lost")

    def found(**query: str) -> list[str]:
        page = ann.get(f"/?{urlencode(query)}")
        assert page.status_code == 200
        return re.findall(r'<a href="/items/\d+">([^<]+)</a>', page.text)

    assert found(q="WOOL") == ["Wool hat", "100% wool scarf"]
    assert found(q="wool", kind="lost") == ["Wool hat"]
    assert found(q="%") == ["100% wool scarf"]
    assert found(q="_") == ["100% wool scarf"]
    assert found(q="\\") == []
    assert found(q="' OR '1'='1") == []
    assert found(kind="' OR '1'='1") == []
    assert found(q="wool" * 50_000) == []


def test_pages(make_app: Callable[..., App]) -> None:
    ann = Visitor(make_app(ITEMS_PER_PAGE=2), "Ann")
    for number in range(5):
        ann.post_item(title=f"Glove {number}")
    page = ann.get("/?q=glove&page=2").text
    assert "Page 2 of 3" in page
    assert 'rel="prev" href="/?page=1&amp;q=glove"' in page
    assert 'rel="next" href="/?page=3&amp;q=glove"' in page
    for asked, nearest in [("0", 1), ("-1", 1), ("4", 3), ("9" * 30, 3), ("x", 1)]:
        assert f"Page {nearest} of 3" in ann.get(f"/?page={asked}").text


@pytest.mark.parametrize("number", ["0", "2", "x", "-1", str(2**63 - 1), str(2**63)])
def test_missing_item(ann: Visitor, number: str) -> None:
    ann.post_item()
    page = ann.get(f"/items/{number}")
    assert page.status_code == 404
    assert "Nothing here, not even a button" in page.text


def test_export(ann: Visitor) -> None:
    ann.post_item(title="=1+1", details='a "b",\nc', place="-Pool")
    ann.post_item()
    response = ann.get("/board.csv")
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"] == "attachment; filename=board.csv"
    first, second = csv.DictReader(io.StringIO(response.get_data(as_text=True), newline=""))
    assert (first["title"], first["place"]) == ("'=1+1", "'-Pool")
    assert first["details"] == 'a "b",\nc'
    assert second["owner"] == "Ann"


def test_export_holds_one_row_at_a_time(ann: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    ann.post_item()
    asked = []

    def endless() -> Iterator[sqlite3.Row]:
        item = items.find_item(1)
        assert item
        while True:
            asked.append(item)
            yield item

    monkeypatch.setattr(items, "every_item", endless)
    response = ann.client.get("/board.csv", buffered=False)
    rows = response.iter_encoded()
    assert b"Silver ring" in b"".join(next(rows) for _ in range(3))
    assert len(asked) <= 4
    response.close()
