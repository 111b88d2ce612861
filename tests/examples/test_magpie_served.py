"""The example application behind dovetail serve, with two workers."""

from __future__ import annotations

import re
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import takewhile
from urllib.parse import urlsplit

import pytest
import requests
from tests.applications.deployment import PATIENCE_SECONDS as PATIENCE
from tests.applications.deployment import wait_until
from tests.examples.deployed import Deployed
from tests.examples.visitor import JPEG, RING

from magpie import demo

pytestmark = [pytest.mark.process, pytest.mark.network]

MANY = 5000


def log_in(url: str) -> requests.Session:
    client = requests.Session()
    fields = {"name": demo.NAME, "password": demo.PASSWORD, **csrf(client, f"{url}/login")}
    page = client.post(f"{url}/login", data=fields, timeout=PATIENCE)
    assert page.url == f"{url}/"
    return client


def csrf(client: requests.Session, url: str) -> dict[str, str]:
    """Return the hidden field of a page's form."""
    match = re.search(r'name="csrf_token" value="([^"]+)"', client.get(url, timeout=PATIENCE).text)
    assert match
    return {"csrf_token": match[1]}


def make_token(url: str) -> str:
    with log_in(url) as client:
        page = client.post(f"{url}/account/token", data=csrf(client, url), timeout=PATIENCE)
    match = re.search(r'<code class="token">([^<]+)<', page.text)
    assert match
    return match[1]


def test_workers_share_key_and_database(deployed: Deployed) -> None:
    with log_in(deployed.url) as client:
        cookies = client.cookies

        def look(_number: int) -> bool:
            # A connection each, so that both workers get some.
            url = f"{deployed.url}/account"
            page = requests.get(url, cookies=cookies, timeout=PATIENCE)
            return "<h1>demo</h1>" in page.text

        def both_have_answered() -> bool:
            with ThreadPoolExecutor(8) as pool:
                assert all(pool.map(look, range(50)))
            lines = deployed.access_log.read_text().splitlines()
            return len({line.split()[0] for line in lines if line.endswith("/account")}) == 2

        wait_until(both_have_answered, "both workers have answered")
    assert deployed.process.text().count("demo data made") == 1


def test_upload_and_download(deployed: Deployed) -> None:
    photo = JPEG + bytes(1 << 20)
    with log_in(deployed.url) as client:
        data = {**RING, **csrf(client, f"{deployed.url}/items/new")}
        files = {"photo": ("ring.jpg", photo)}
        page = client.post(f"{deployed.url}/items/new", data=data, files=files, timeout=PATIENCE)
        match = re.search(r'src="(/photos/[^"]+)"', page.text)
        assert match
        response = requests.get(deployed.url + match[1], timeout=PATIENCE)
        assert response.content == photo
        assert response.headers["Content-Type"] == "image/jpeg"
        large = client.post(
            f"{deployed.url}/items/new",
            data=data,
            files={"photo": bytes(6 << 20)},
            timeout=PATIENCE,
        )
        assert large.status_code == 413
        assert "Too heavy to carry" in large.text


def test_many_write_at_once(deployed: Deployed) -> None:
    fields = {"Authorization": f"Bearer {make_token(deployed.url)}"}

    def post(number: int) -> int:
        sent = {**RING, "title": f"Marble {number}"}
        made = requests.post(
            f"{deployed.url}/api/v1/items", json=sent, headers=fields, timeout=PATIENCE
        )
        assert made.status_code == 201
        number_of_item: int = made.json()["id"]
        return number_of_item

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(post, range(40)))) == 40
    found = requests.get(f"{deployed.url}/api/v1/items?q=marble", timeout=PATIENCE).json()
    assert found["total"] == 40


def test_export_streams_and_clients_may_leave(deployed: Deployed) -> None:
    path = deployed.instance / "magpie.sqlite"
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as db, db:
        (owner,) = db.execute("SELECT id FROM users WHERE is_demo").fetchone()
        sql = "INSERT INTO items (owner_id, kind, title, details, place, day) VALUES (?,?,?,?,?,?)"
        row = (owner, "lost", "Needle", "x" * 1000, "Haystack", "2026-01-31")
        db.executemany(sql, [row] * MANY)
    for _ in range(4):
        url = urlsplit(deployed.url)
        with socket.create_connection((url.hostname, url.port), timeout=PATIENCE) as client:
            client.sendall(f"GET /board.csv HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
            with client.makefile("rb") as answer:
                assert b"Transfer-Encoding: chunked\r\n" in takewhile(bytes.strip, answer)
    response = requests.get(f"{deployed.url}/board.csv", timeout=PATIENCE)
    assert response.text.count("Needle") == MANY
    assert (
        requests.get(f"{deployed.url}/api/v1/health", timeout=PATIENCE).json()["database"] is True
    )
