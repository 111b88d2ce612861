"""A Django project under its ordinary circumstances, driven by requests."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import repeat

import pytest
import requests
from tests.applications.conftest import Site
from tests.applications.deployment import PATIENCE_SECONDS, Deployment

pytestmark = [pytest.mark.process, pytest.mark.network]


class Browser(requests.Session):
    """A session that knows where it is and what Django's forms want."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.trust_env = False
        self.url = url

    def request(self, method: str, path: str, **options: object) -> requests.Response:  # type: ignore[override]
        options.setdefault("timeout", PATIENCE_SECONDS)
        url = path if "://" in path else self.url + path
        return super().request(method, url, **options)  # type: ignore[arg-type]

    def token(self, path: str) -> str:
        """Return the token of the form on a page."""
        match = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text)
        assert match is not None
        return match[1]


@pytest.fixture
def browser(library: Site) -> Iterator[Browser]:
    with Browser(library.url) as browser:
        yield browser


def log_in(browser: Browser, password: str) -> requests.Response:
    token = browser.token("/admin/login/?next=/admin/")
    form = {"username": "ada", "password": password, "csrfmiddlewaretoken": token}
    return browser.post("/admin/login/?next=/admin/", data={**form, "next": "/admin/"})


def test_admin_over_a_session(browser: Browser, password: str) -> None:
    stranger = browser.get("/admin/")
    assert stranger.url == browser.url + "/admin/login/?next=/admin/"
    assert log_in(browser, "a guess").status_code == 200
    assert "sessionid" not in browser.cookies
    page = log_in(browser, password)
    assert [answer.status_code for answer in (*page.history, page)] == [302, 200]
    assert "sessionid" in browser.cookies
    assert "Site administration" in page.text
    scan = {"scan": ("minutes.txt", b"Present: all.\n", "text/plain")}
    form = {"title": "Minutes", "csrfmiddlewaretoken": browser.token("/admin/library/paper/add/")}
    added = browser.post("/admin/library/paper/add/", data=form, files=scan)
    assert "was added successfully" in added.text
    assert "Minutes" in browser.get("/admin/library/paper/?q=minu").text
    token = browser.token("/admin/password_change/")
    assert browser.post("/admin/logout/", data={"csrfmiddlewaretoken": token}).status_code == 200
    assert browser.get("/admin/").history[0].status_code == 302


def test_form_without_its_token_is_refused(browser: Browser, password: str) -> None:
    answer = browser.post("/admin/login/", data={"username": "ada", "password": password})
    assert answer.status_code == 403
    assert "CSRF" in answer.text


def test_static_file(browser: Browser) -> None:
    link = re.search(r'href="(/static/library/library\.\w+\.css)"', browser.get("/").text)
    assert link is not None
    plain = browser.get(link[1], headers={"Accept-Encoding": "identity"})
    assert plain.headers["Content-Type"].startswith("text/css")
    assert "immutable" in plain.headers["Cache-Control"]
    assert "darkslateblue" in plain.text
    assert int(plain.headers["Content-Length"]) == len(plain.content)
    small = browser.get(link[1], headers={"Accept-Encoding": "gzip"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert int(small.headers["Content-Length"]) < len(plain.content)
    assert small.text == plain.text
    head = browser.head(link[1], headers={"Accept-Encoding": "identity"})
    assert (head.content, head.headers["Content-Length"]) == (b"", str(len(plain.content)))
    since = {"If-Modified-Since": plain.headers["Last-Modified"]}
    again = browser.get(link[1], headers=since)
    assert (again.status_code, again.content) == (304, b"")
    part = browser.get(link[1], headers={"Range": "bytes=3-13", "Accept-Encoding": "identity"})
    assert (part.status_code, part.content) == (206, plain.content[3:14])


def test_admin_has_its_own_static_files(browser: Browser) -> None:
    link = re.search(r'href="(/static/admin/css/base\.\w+\.css)"', browser.get("/admin/").text)
    assert link is not None
    assert browser.get(link[1]).status_code == 200


def test_uploads_small_and_large(browser: Browser, photograph: bytes) -> None:
    # Which of its handlers Django takes depends on the Content-Length.
    for name, content, handler in (
        ("Fährte.txt", b"small", "InMemoryUploadedFile"),
        ("photograph.jpg", photograph, "TemporaryUploadedFile"),
    ):
        file = {"file": (name, content, "image/jpeg")}
        answer = browser.post("/receive", data={"title": "Größe"}, files=file).json()
        assert answer["fields"] == {"title": "Größe"}
        assert answer["files"]["file"] == {
            "filename": name,
            "size": len(content),
            "handled_by": handler,
            "sha256": hashlib.sha256(content).hexdigest(),
        }


def test_what_was_uploaded_can_be_downloaded(browser: Browser, photograph: bytes) -> None:
    form = {"title": "Photograph.jpg", "csrfmiddlewaretoken": browser.token("/papers/new")}
    scan = {"scan": ("photograph.jpg", photograph, "image/jpeg")}
    answer = browser.post("/papers/new", data=form, files=scan)
    assert [one.status_code for one in answer.history] == [302]
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Length"] == str(len(photograph))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Photograph.jpg"'
    assert answer.content == photograph
    head = browser.head(answer.url)
    assert (head.headers["Content-Length"], head.content) == (str(len(photograph)), b"")


def test_chunked_upload(browser: Browser) -> None:
    piece = bytes(range(256)) * 64
    answer = browser.post("/digest", data=iter(repeat(piece, 200))).json()
    assert answer["size"] == 200 * len(piece)
    assert answer["sha256"] == hashlib.sha256(piece * 200).hexdigest()
    assert answer["content_length"] == str(200 * len(piece))


def test_streamed_response(browser: Browser) -> None:
    answer = browser.get("/lines/20000", stream=True)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert list(answer.iter_lines()) == [b"%d" % number for number in range(20000)]


def test_compressed_page(browser: Browser) -> None:
    answer = browser.get("/pages", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) < 5000
    assert answer.text == "All work and no play. " * 5000


def test_conditional_get(browser: Browser) -> None:
    answer = browser.get("/catalogue")
    assert (answer.status_code, answer.text) == (200, "revised\n")
    for condition in (
        {"If-None-Match": answer.headers["ETag"]},
        {"If-Modified-Since": answer.headers["Last-Modified"]},
    ):
        unchanged = browser.get("/catalogue", headers=condition)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert browser.get("/catalogue", headers={"If-None-Match": '"2"'}).status_code == 200
    assert browser.get("/catalogue", headers={"If-Match": '"2"'}).status_code == 412


def test_head(browser: Browser) -> None:
    page, head = browser.get("/catalogue"), browser.head("/catalogue")
    assert head.content == b""
    assert head.headers["Content-Length"] == page.headers["Content-Length"] == "8"
    assert browser.head("/lines/3").content == b""


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/nowhere", 404, "Not Found"),
        ("GET", "/fail", 500, "Server Error (500)"),
        ("GET", "/receive", 405, ""),
        ("GET", "/papers/4711/scan", 404, "Not Found"),
    ],
)
def test_errors(browser: Browser, method: str, path: str, status: int, text: str) -> None:
    answer = browser.request(method, path)
    assert answer.status_code == status
    assert text in answer.text
    assert "Traceback" not in answer.text
    assert browser.get("/").status_code == 200


def test_host_that_is_not_allowed(browser: Browser) -> None:
    assert browser.get("/where", headers={"Host": "elsewhere.test"}).status_code == 400


def test_where_it_believes_to_be(library: Site, browser: Browser) -> None:
    answer = browser.get("/where?a=%C3%A4", headers={"Host": "library.test:8080"}).json()
    assert answer["url"] == "http://library.test:8080/where?a=%C3%A4"
    assert answer["secure"] is False
    assert answer["client"] == ("" if library.behind_nginx else "127.0.0.1")
    assert answer["forwarded_for"] == ("127.0.0.1" if library.behind_nginx else None)


def test_header_with_an_underscore_is_no_header_of_a_proxy(library_deployment: Deployment) -> None:
    with Browser(library_deployment.url) as browser:
        answer = browser.get("/where", headers={"X_Forwarded_Proto": "https"}).json()
        assert answer["secure"] is False
        # which is what the same header with dashes does
        answer = browser.get("/where", headers={"X-Forwarded-Proto": "https"}).json()
        assert answer["secure"] is True
