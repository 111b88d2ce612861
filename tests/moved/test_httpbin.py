"""httpbin: a large Flask application whose views are the features of HTTP."""

from __future__ import annotations

import io
from typing import Any

import httpbin
import pytest
from werkzeug.test import Client


@pytest.fixture
def client() -> Client:
    return Client(httpbin.app)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_anything(client: Client, method: str) -> None:
    body = None if method in {"GET", "TRACE"} else {"a": [1, None]}
    seen = client.open("/anything/a%2Fb?x=1&x=2", method=method, json=body).json
    assert seen["method"] == method
    assert seen["args"] == {"x": ["1", "2"]}
    assert seen["json"] == body


def test_forms_and_files(client: Client) -> None:
    data = {"a": ["1", "2"], "f": (io.BytesIO(b"content"), "f.txt")}
    seen = client.post("/post", data=data).json
    assert (seen["form"], seen["files"]) == ({"a": ["1", "2"]}, {"f": "content"})


@pytest.mark.parametrize("code", [200, 204, 302, 304, 404, 418, 500])
def test_status(client: Client, code: int) -> None:
    assert client.get(f"/status/{code}").status_code == code


def test_cookies(client: Client) -> None:
    answer = client.get("/cookies/set?a=1&b=%22x%22", follow_redirects=True)
    assert answer.json == {"cookies": {"a": "1", "b": '"x"'}}
    assert client.get("/cookies/delete?a", follow_redirects=True).json == {"cookies": {"b": '"x"'}}


@pytest.mark.parametrize("kind", ["redirect", "relative-redirect", "absolute-redirect"])
def test_redirects(client: Client, kind: str) -> None:
    answer = client.get(f"/{kind}/3", follow_redirects=True)
    assert (answer.status_code, len(answer.history), answer.request.path) == (200, 3, "/get")


def test_conditions(client: Client) -> None:
    assert client.get("/etag/abc", headers={"If-None-Match": 'W/"abc"'}).status_code == 304
    assert client.get("/etag/abc", headers={"If-Match": '"other"'}).status_code == 412
    assert client.get("/cache", headers={"If-Modified-Since": "now"}).status_code == 304
    assert client.get("/cache/60").cache_control.max_age == 60


def test_ranges(client: Client) -> None:
    part = client.get("/range/26", headers={"Range": "bytes=10-12"})
    assert (part.status_code, part.data) == (206, b"klm")
    assert client.get("/range/26", headers={"Range": "bytes=30-40"}).status_code == 416


@pytest.mark.parametrize(
    ("auth", "path", "status"),
    [
        (("ann", "secret"), "/basic-auth/ann/secret", 200),
        (("ann", "wrong"), "/basic-auth/ann/secret", 401),
        (("ann", "wrong"), "/hidden-basic-auth/ann/secret", 404),
    ],
)
def test_basic_auth(client: Client, auth: Any, path: str, status: int) -> None:
    assert client.get(path, auth=auth).status_code == status


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512"])
def test_digest_challenge(client: Client, algorithm: str) -> None:
    challenge = client.get(
        f"/digest-auth/auth/ann/secret/{algorithm}", environ_base={"REMOTE_ADDR": "127.0.0.1"}
    ).www_authenticate
    assert (challenge.type, challenge.algorithm, challenge.qop) == ("digest", algorithm, "auth")


@pytest.mark.parametrize(
    "path",
    [
        *("/encoding/utf8", "/html", "/json", "/xml", "/robots.txt", "/deny", "/gzip", "/deflate"),
        *("/brotli", "/image/png", "/image/svg", "/links/3/0", "/bytes/100", "/stream/3"),
        *("/stream-bytes/100", "/uuid", "/base64/SGk=", "/headers", "/ip", "/user-agent", "/"),
        *("/static/favicon.ico", "/drip?numbytes=3&duration=0", "/response-headers?a=b"),
    ],
)
def test_pages(client: Client, path: str) -> None:
    answer = client.get(path, buffered=True)
    assert answer.status_code == 200
    assert answer.data
