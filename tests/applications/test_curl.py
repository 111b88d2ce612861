"""What people type: curl against both applications, and what its options ask of the server."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.applications.conftest import Site
from tests.applications.curl import curl
from tests.applications.deployment import Deployment

pytestmark = [pytest.mark.process, pytest.mark.network]

#: curl's exit statuses.
RECEIVE_ERROR = 56


@pytest.fixture
def picture(tmp_path: Path, photograph: bytes) -> Path:
    path = tmp_path / "picture.jpg"
    path.write_bytes(photograph)
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_get(library: Site) -> None:
    answer = curl(f"{library.url}/echo/abc?x=1")
    assert answer.json() == {"token": "abc", "query": {"x": ["1"]}}
    assert answer.received[0] == "HTTP/1.1 200 OK"
    assert answer.field("Content-Type") == "application/json"


def test_form_with_a_file(library: Site, board: Site, picture: Path, photograph: bytes) -> None:
    form = ("-F", "title=Größe", "-F", f"file=@{picture};type=image/jpeg")
    answer = curl(*form, f"{library.url}/receive").json()
    assert answer["fields"] == {"title": "Größe"}
    assert answer["files"]["file"]["sha256"] == sha256(photograph)
    answer = curl(*form, f"{board.url}/upload").json()
    assert answer["fields"] == {"title": "Größe"}
    assert answer["files"]["file"]["sha256"] == sha256(photograph)


def test_large_body_that_asks_first(board: Site, picture: Path, photograph: bytes) -> None:
    # Without a wait: curl sends the content only because it was told to.
    options = ("-H", "Expect: 100-continue", "--expect100-timeout", "60")
    answer = curl(*options, "--data-binary", f"@{picture}", f"{board.url}/digest")
    assert "Expect: 100-continue" in answer.sent
    assert answer.received[0] == "HTTP/1.1 100 Continue"
    assert "HTTP/1.1 200 OK" in answer.received
    assert answer.json()["sha256"] == sha256(photograph)


def test_upload_of_unknown_length(board: Site, photograph: bytes) -> None:
    answer = curl("-T", "-", f"{board.url}/digest", stdin=photograph)
    assert "Transfer-Encoding: chunked" in answer.sent
    assert answer.json() == {
        "sha256": sha256(photograph),
        "size": len(photograph),
        "content_length": len(photograph),
        "transfer_encoding": None,
    }


def test_upload_of_a_file(board: Site, picture: Path, photograph: bytes) -> None:
    answer = curl("-T", picture, f"{board.url}/digest")
    assert answer.json()["sha256"] == sha256(photograph)


def test_http_1_0(library: Site) -> None:
    answer = curl("--http1.0", f"{library.url}/lines/5000")
    assert answer.content == b"".join(b"%d\n" % number for number in range(5000))
    assert answer.field("Transfer-Encoding") is None
    assert answer.field("Connection") == "close"


def test_http_1_0_keeps_a_connection_that_it_asks_to_keep(library_deployment: Deployment) -> None:
    url = f"{library_deployment.url}/catalogue"
    answer = curl("--http1.0", "-H", "Connection: keep-alive", url, url)
    assert answer.summary["num_connects"] == 0
    assert answer.field("Connection") == "keep-alive"


def test_http_1_0_response_that_breaks_off(board_deployment: Deployment) -> None:
    # Nothing but a reset can say here that the content is not complete.
    answer = curl("--http1.0", f"{board_deployment.url}/fail-midway")
    assert answer.exit_status == RECEIVE_ERROR


def test_head(library: Site, board: Site) -> None:
    answer = curl("-I", f"{library.url}/catalogue")
    assert (answer.status, answer.exit_status) == (200, 0)
    assert answer.field("Content-Length") == "8"
    answer = curl("-I", f"{board.url}/file")
    assert answer.field("Content-Length") == str((board.state / "film.bin").stat().st_size)
    assert answer.summary["size_download"] == 0


def test_compressed(library: Site) -> None:
    answer = curl("--compressed", f"{library.url}/pages")
    assert answer.field("Content-Encoding") == "gzip"
    assert answer.content == b"All work and no play. " * 5000
    assert answer.summary["size_download"] < 5000


def test_download_resumed(board: Site, tmp_path: Path) -> None:
    film = (board.state / "film.bin").read_bytes()
    partial = tmp_path / "film.bin"
    partial.write_bytes(film[:9_999_999])
    answer = curl("-C", "-", "-o", partial, f"{board.url}/file")
    assert answer.status == 206
    assert partial.read_bytes() == film


def test_several_transfers_take_one_connection(library: Site) -> None:
    answer = curl(f"{library.url}/echo/[1-40]")
    assert answer.received.count("HTTP/1.1 200 OK") == 40
    assert answer.dialogue.count("Re-using existing connection #0") == 39


def test_unix_socket(library_deployment: Deployment) -> None:
    socket = library_deployment.socket
    answer = curl("--unix-socket", socket, "http://library.test/where")
    assert answer.json() == {
        "url": "http://library.test/where",
        "secure": False,
        "client": "",
        "forwarded_for": None,
    }


def test_redirects_and_cookies(library: Site, password: str, tmp_path: Path) -> None:
    jar = tmp_path / "cookies"
    login = f"{library.url}/admin/login/?next=/admin/"
    options = ("-c", jar, "-b", jar)
    page = curl(*options, login).content.decode()
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    form = {"csrfmiddlewaretoken": token, "username": "ada", "password": password}
    fields = [part for pair in form.items() for part in ("--data-urlencode", "=".join(pair))]
    answer = curl(*options, "-L", *fields, login)
    assert answer.summary["num_redirects"] == 1
    assert b"Site administration" in answer.content


def test_options_and_other_methods(board: Site) -> None:
    answer = curl("-X", "OPTIONS", f"{board.url}/me")
    assert set((answer.field("Allow") or "").split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert curl("-X", "BREW", f"{board.url}/").status == 405
