"""A stock Flask application, driven by httpx."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from tests.applications.conftest import PROJECTS, Site
from tests.applications.deployment import PATIENCE_SECONDS, Deployment, wait_until
from tests.applications.nginx import Nginx

pytestmark = [pytest.mark.process, pytest.mark.network]


def open_client(url: str) -> httpx.Client:
    # What httpx refuses to do with a base address that has a path is done by the slash.
    return httpx.Client(base_url=url + "/", timeout=PATIENCE_SECONDS, trust_env=False)


@pytest.fixture
def client(board: Site) -> Iterator[httpx.Client]:
    with open_client(board.url) as client:
        yield client


def test_route_with_query(client: httpx.Client) -> None:
    answer = client.get("echo/r%C3%B6%2Dt", params=[("a", "1"), ("a", "2"), ("b", "ü&=+")])
    assert answer.json() == {"token": "rö-t", "query": {"a": ["1", "2"], "b": ["ü&=+"]}}
    assert answer.headers["X-Before"] == "seen"
    assert int(answer.headers["X-Worker"]) > 1


def test_session_cookie(client: httpx.Client) -> None:
    assert client.get("me").status_code == 401
    assert client.post("login", data={"name": "Ada Lovelace"}).json()["welcome"] == "Ada Lovelace"
    assert client.cookies["session"]
    assert client.get("me").json() == {"name": "Ada Lovelace"}
    gone = client.post("logout")
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get("me").status_code == 401


def test_json_both_ways(client: httpx.Client) -> None:
    made = client.post("messages", json={"text": "Grüße ✉"})
    assert made.status_code == 201
    assert made.json()["text"] == "Grüße ✉"
    message = client.get(str(httpx.URL(client.base_url).join(made.headers["Location"])))
    assert message.json() == {"author": None, "text": "Grüße ✉"}
    assert client.post("messages", content=b"{").status_code == 415
    broken = {"Content-Type": "application/json"}
    assert client.post("messages", content=b"{", headers=broken).status_code == 400
    assert client.get("messages/4711").status_code == 404


def test_upload(client: httpx.Client, photograph: bytes) -> None:
    files = {
        "photo": ("Fährte.jpg", photograph, "image/jpeg"),
        "note": ("n.txt", b"", "text/plain"),
    }
    answer = client.post("upload", data={"title": "Größe"}, files=files).json()
    assert answer["fields"] == {"title": "Größe"}
    assert answer["files"] == {
        "photo": {
            "filename": "Fährte.jpg",
            "type": "image/jpeg",
            "sha256": hashlib.sha256(photograph).hexdigest(),
        },
        "note": {
            "filename": "n.txt",
            "type": "text/plain",
            "sha256": hashlib.sha256(b"").hexdigest(),
        },
    }


def test_upload_that_flask_refuses(client: httpx.Client, photograph: bytes) -> None:
    answer = client.post("upload", files={"photo": photograph * 3})
    assert answer.status_code == 413
    assert answer.json() == {"error": "Request Entity Too Large"}
    assert client.get("").text == "a board\n"


def test_chunked_upload(client: httpx.Client, photograph: bytes) -> None:
    def pieces() -> Iterator[bytes]:
        for start in range(0, len(photograph), 77_777):
            yield photograph[start : start + 77_777]

    answer = client.put("digest", content=pieces()).json()
    assert answer["sha256"] == hashlib.sha256(photograph).hexdigest()
    assert (answer["size"], answer["content_length"]) == (len(photograph), len(photograph))


def test_generator_with_its_request(client: httpx.Client) -> None:
    answer = client.get("lines", params={"count": 3000})
    assert answer.text == "".join(f"{number} /lines\n" for number in range(3000))
    assert client.get("lines", params={"count": 0}).text == ""


def test_stream_is_not_held_back(board: Site, client: httpx.Client) -> None:
    name = uuid4().hex
    with client.stream("GET", f"drip/{name}") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "first"
        (board.state / f"{name}.go").touch()
        assert list(lines) == ["second"]


def test_client_that_leaves_early(board: Site, client: httpx.Client) -> None:
    name = uuid4().hex
    with client.stream("GET", f"endless/{name}") as answer:
        assert len(next(answer.iter_raw(100_000))) == 100_000
    wait_until((board.state / f"{name}.closed").exists, "the generator is closed")
    assert client.get("").text == "a board\n"


def test_file_with_ranges(board: Site, client: httpx.Client) -> None:
    film = (board.state / "film.bin").read_bytes()
    whole = client.get("file")
    assert whole.headers["Content-Length"] == str(len(film))
    assert whole.headers["Cache-Control"] == "no-cache, max-age=60" or (
        "max-age=60" in whole.headers["Cache-Control"]
    )
    assert whole.content == film
    for asked, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=1000000-9999999", 1_000_000, 10_000_000),
        ("bytes=-5", len(film) - 5, len(film)),
    ):
        part = client.get("file", headers={"Range": asked})
        assert part.status_code == 206
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(film)}"
        assert part.content == film[start:end]
    beyond = client.get("file", headers={"Range": f"bytes={len(film)}-"})
    assert beyond.status_code == 416
    unchanged = client.get("file", headers={"If-None-Match": whole.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    head = client.head("file")
    assert (head.headers["Content-Length"], head.content) == (str(len(film)), b"")


def test_attachment_with_a_name(board: Site, client: httpx.Client) -> None:
    answer = client.get("attachment")
    assert "filename*=UTF-8''F%C3%A4hrte.bin" in answer.headers["Content-Disposition"]
    assert len(answer.content) == (board.state / "film.bin").stat().st_size


def test_aborts(client: httpx.Client) -> None:
    assert client.get("nowhere").status_code == 404
    assert client.get("teapot").status_code == 418
    wrong = client.delete("me")
    assert wrong.status_code == 405
    assert set(wrong.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_exception(board: Site, client: httpx.Client) -> None:
    mark = uuid4().hex
    answer = client.get(f"fail/{mark}")
    assert answer.status_code == 500
    assert "as the test wanted" not in answer.text
    # Flask writes to wsgi.errors, and that is the server's log.
    board.deployment.process.wait_for_line(
        rf"(?s)Exception on /fail/{mark} \[GET\].*ZeroDivisionError: as the test wanted"
    )


def test_exception_in_the_middle_is_no_complete_answer(client: httpx.Client) -> None:
    if client.base_url.path == "/plain/":
        # To nginx's HTTP/1.0 the end of the connection is the end of the content, and a Unix socket
        # knows no other end than an orderly one.
        assert client.get("fail-midway").text == "half of "
        return
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("fail-midway")
    assert client.get("").text == "a board\n"


def test_what_the_server_says_of_itself(board: Site, client: httpx.Client) -> None:
    answer = client.get("where", headers={"User-Agent": "browser"}).json()
    assert answer["flags"] == {
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    assert answer["client"] == "127.0.0.1"
    assert answer["url"] == f"{board.url}/where"
    assert answer["headers"]["User-Agent"] == "browser"


def test_proxy_names_the_client(board_nginx: Nginx) -> None:
    with open_client(f"{board_nginx.url}/unbuffered") as client:
        answer = client.get("where", headers={"Host": "board.test"}).json()
    assert answer["url"] == "http://board.test/unbuffered/where"
    assert answer["external"] == "http://board.test/unbuffered/"
    assert answer["client"] == "127.0.0.1"
    assert answer["server"]["REMOTE_ADDR"] == ""
    assert answer["headers"]["X-Forwarded-For"] == "127.0.0.1"


def test_connections_of_the_proxy_are_kept(
    board_nginx: Nginx, board_deployment: Deployment
) -> None:
    with open_client(board_nginx.url) as client:
        client.get("")
        before = open_sockets(board_deployment.socket)
        assert before
        for _ in range(30):
            assert client.get("lines").status_code == 200
            now = open_sockets(board_deployment.socket)
            # Others, of earlier tests, may be closed meanwhile.
            assert now
            assert now <= before


def open_sockets(path: Path) -> set[str]:
    """Return the server's connected ends of a Unix socket, as the kernel numbers them."""
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    # Num RefCount Protocol Flags Type St Inode Path
    return {row[6] for row in rows if row[5] == "03" and row[7:] == [str(path)]}


@pytest.mark.parametrize("behind_nginx", [False, True], ids=["direct", "nginx"])
def test_websocket(
    request: pytest.FixtureRequest, board_deployment: Deployment, behind_nginx: bool
) -> None:
    nginx = request.getfixturevalue("board_nginx") if behind_nginx else None
    url = (nginx or board_deployment).url.replace("http", "ws", 1) + "/socket"
    command = [request.getfixturevalue("applications") / "python", PROJECTS / "websocket_client.py"]
    done = subprocess.run(
        [*command, url],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS * 2,
        check=False,
    )
    assert done.stdout.splitlines() == ['{"heard": "hello"}', "True", "closed 1000"], done.stderr
