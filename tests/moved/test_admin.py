"""Flask-Admin: records listed, searched, changed and exported, files, views of one's own."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from tests.moved.site import Browser, Site

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def site(serve: Callable[..., Site]) -> Site:
    return serve("admin_app")


def names(page: str) -> list[str]:
    return re.findall(r"(?:player \d+|new [a-z]+)(?=\s*</td>)", page)


def add(browser: Browser, name: str, goals: int = 1) -> str:
    """Add a player; return its key."""
    form = {"name": name, "goals": str(goals), "team": "1"}
    done = browser.post("/admin/player/new/", data=form, allow_redirects=False)
    assert (done.status_code, done.headers["Location"]) == (302, "/admin/player/")
    page = browser.get(f"/admin/player/?search={name}").text
    assert "Record was successfully created." in page
    found = re.search(r'name="rowid"[^>]*value="(\d+)"', page)
    assert found
    return found[1]


def test_home_and_menu(browser: Browser) -> None:
    slash = browser.get("/admin", allow_redirects=False)
    assert slash.status_code == 308
    home = browser.get("/admin/").text
    for link in ('href="/admin/player/"', 'href="/admin/team/"', 'href="/admin/fileadmin/"'):
        assert link in home
    assert "League" in home
    assert browser.get("/admin/about").text == "about this administration"


def test_static_files(browser: Browser) -> None:
    home = browser.get("/admin/").text
    found = re.search(r'href="(/admin/static/[^"]+\.css\?v=[^"]+)"', home)
    assert found
    styles = browser.get(found[1])
    assert (styles.status_code, styles.headers["Content-Type"]) == (
        200,
        "text/css; charset=utf-8",
    )
    tag = styles.headers["ETag"]
    assert browser.get(found[1], headers={"If-None-Match": tag}).status_code == 304


def test_list_search_filter_and_pages(browser: Browser) -> None:
    first = browser.get("/admin/player/").text
    assert names(first) == [f"player {number}" for number in range(5)]
    assert names(browser.get("/admin/player/?page=1").text)[:3] == [
        "player 5",
        "player 6",
        "player 7",
    ]
    assert names(browser.get("/admin/player/?search=player 3").text) == ["player 3"]
    filtered = browser.get("/admin/player/?flt0_0=6&search=player").text
    assert names(filtered) == ["player 6"]
    ordered = browser.get("/admin/player/?sort=1&desc=1&search=player").text
    assert names(ordered)[0] == "player 7"


def test_create_edit_delete(browser: Browser) -> None:
    key = add(browser, "new one")
    assert 'value="new one"' in browser.get(f"/admin/player/edit/?id={key}").text
    form = {"name": "new <two>", "goals": "9", "team": "__None"}
    changed = browser.post(f"/admin/player/edit/?id={key}", data=form)
    assert "Record was successfully saved." in changed.text
    details = browser.get(f"/admin/player/details/?id={key}").text
    assert "new &lt;two&gt;" in details
    removed = browser.post("/admin/player/delete/", data={"id": key})
    assert "Record was successfully deleted" in removed.text
    assert names(browser.get("/admin/player/?search=new").text) == []


def test_errors_of_a_form(browser: Browser) -> None:
    refused = browser.post("/admin/player/new/", data={"name": "", "goals": "many"})
    assert refused.status_code == 200
    assert "This field is required." in refused.text
    assert "Not a valid integer value." in refused.text
    twice = browser.get("/admin/team/new/").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', twice)
    assert token
    form = {"name": "Reds", "csrf_token": token[1]}
    assert "Already exists." in browser.post("/admin/team/new/", data=form).text


def test_secure_form(browser: Browser) -> None:
    refused = browser.post("/admin/team/new/", data={"name": "Blues"})
    assert "Record was successfully created." not in refused.text
    assert "Blues" not in browser.get("/admin/team/").text


def test_edit_in_the_list(browser: Browser) -> None:
    key = add(browser, "new inline")
    url = "/admin/player/ajax/update/"
    form = {"list_form_pk": key, "goals": "5"}
    saved = browser.post(url, data=form)
    assert saved.status_code == 200
    assert 'data-value="5"' in browser.get("/admin/player/?search=new inline").text
    assert browser.post(url, data=form | {"goals": "x"}).status_code == 500
    browser.post("/admin/player/delete/", data={"id": key})


def test_actions(browser: Browser) -> None:
    keys = [add(browser, name, goals) for name, goals in (("new act a", 1), ("new act b", 7))]
    done = browser.post("/admin/player/action/", data={"action": "double", "rowid": keys})
    assert "2 doubled" in done.text
    export = browser.get("/admin/player/export/csv/?search=new act")
    assert export.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert export.headers["Content-Disposition"].startswith("attachment;filename=Player_")
    assert sorted(line.split(",")[2] for line in export.text.splitlines()[1:]) == ["14", "2"]
    done = browser.post("/admin/player/action/", data={"action": "delete", "rowid": keys})
    assert "2 records were successfully deleted" in done.text


def test_a_view_of_ones_own(browser: Browser) -> None:
    assert "Secret" not in browser.get("/admin/").text
    sent = browser.get("/admin/secret/", allow_redirects=False)
    assert sent.headers["Location"] == "/log-in?next=/admin/secret/"
    assert '<p id="secret">tea</p>' in browser.get("/admin/secret/").text
    assert "Secret" in browser.get("/admin/").text
    assert browser.post("/admin/secret/more/7").text == "more 7 at /admin/secret/more/7"
    assert browser.get("/admin/secret/more/7").status_code == 405


def test_files(browser: Browser, site: Site) -> None:
    files = site.state / "files"
    assert "readme.txt" in browser.get("/admin/fileadmin/").text
    assert browser.get("/admin/fileadmin/download/readme.txt").text == "read me"
    listed = browser.post("/admin/fileadmin/mkdir/", data={"name": "sub"})
    assert (listed.status_code, (files / "sub").is_dir()) == (200, True)
    upload = {"upload": ("../b c.txt", b"up")}
    assert "b_c.txt" in browser.post("/admin/fileadmin/upload/sub", files=upload).text
    assert (files / "sub" / "b_c.txt").read_bytes() == b"up"
    browser.post("/admin/fileadmin/delete/", data={"path": "sub/b_c.txt"})
    assert not (files / "sub" / "b_c.txt").exists()


@pytest.mark.parametrize("path", ["../admin.db", "%2e%2e/admin.db", "..%2fadmin.db"])
def test_nothing_outside_of_the_files(browser: Browser, path: str) -> None:
    answer = browser.get(f"/admin/fileadmin/download/{path}")
    assert b"SQLite" not in answer.content
