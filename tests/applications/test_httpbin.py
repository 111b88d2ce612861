"""httpbin, a Flask application whose routes are the features of HTTP, served as it comes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import httpx
import pytest
from tests.applications.curl import curl
from tests.applications.deployment import PATIENCE_SECONDS, Deployment

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def httpbin(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy("httpbin:app")


@pytest.fixture
def client(httpbin: Deployment) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=httpbin.url, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
def test_methods(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/anything/a%2Fb?x=1&x=2", json={"a": [1, None]})
    if method == "BREW":
        assert answer.status_code == 405
        return
    seen = answer.json()
    assert (seen["method"], seen["json"]) == (method, {"a": [1, None]})
    assert seen["args"] == {"x": ["1", "2"]}
    assert seen["origin"] == "127.0.0.1"


def test_forms_and_files(client: httpx.Client) -> None:
    seen = client.post("/post", data={"a": ["1", "2"]}, files={"f": b"content"}).json()
    assert seen["form"] == {"a": ["1", "2"]}
    assert seen["files"] == {"f": "content"}


def test_chunked_content(client: httpx.Client) -> None:
    seen = client.post("/post", content=iter([b"one ", b"two"])).json()
    assert seen["data"] == "one two"
    assert seen["headers"]["Content-Length"] == "7"


@pytest.mark.parametrize("status", [200, 204, 226, 304, 404, 418, 429, 500, 503, 599])
def test_status(client: httpx.Client, status: int) -> None:
    answer = client.get(f"/status/{status}")
    assert answer.status_code == status
    if status in (204, 304):
        assert answer.content == b""
        assert "Transfer-Encoding" not in answer.headers
    assert client.get("/get").status_code == 200


def test_redirects(client: httpx.Client) -> None:
    for path in ("/redirect/3", "/absolute-redirect/3"):
        answer = client.get(path, follow_redirects=True)
        assert [one.status_code for one in answer.history] == [302] * 3
        assert answer.json()["url"] == str(client.base_url.join("/get"))


def test_cookies(client: httpx.Client) -> None:
    client.get("/cookies/set?first=1&second=2")
    assert client.get("/cookies").json() == {"cookies": {"first": "1", "second": "2"}}


def test_authorization(client: httpx.Client) -> None:
    assert client.get("/basic-auth/ada/secret").status_code == 401
    assert client.get("/basic-auth/ada/secret", auth=("ada", "secret")).json()["user"] == "ada"
    digest = httpx.DigestAuth("ada", "secret")
    assert client.get("/digest-auth/auth/ada/secret", auth=digest).json()["authenticated"] is True


@pytest.mark.parametrize(("path", "key"), [("/gzip", "gzipped"), ("/deflate", "deflated")])
def test_compressed(client: httpx.Client, path: str, key: str) -> None:
    assert client.get(path).json()[key] is True


def test_streams(client: httpx.Client) -> None:
    assert len(client.get("/stream/50").text.splitlines()) == 50
    once = client.get("/stream-bytes/100000?chunk_size=999&seed=7")
    assert len(once.content) == 100_000
    assert client.get("/stream-bytes/100000?chunk_size=99999&seed=7").content == once.content
    assert client.get("/drip?duration=0.02&numbytes=5&delay=0").content == b"*****"


def test_ranges_and_conditions(client: httpx.Client) -> None:
    part = client.get("/range/1024", headers={"Range": "bytes=26-51"})
    assert (part.status_code, part.text) == (206, "abcdefghijklmnopqrstuvwxyz")
    assert client.get("/range/1024", headers={"Range": "bytes=2000-"}).status_code == 416
    assert client.get("/etag/abc", headers={"If-None-Match": '"abc"'}).status_code == 304
    assert client.get("/etag/abc", headers={"If-Match": '"other"'}).status_code == 412


def test_response_fields(client: httpx.Client) -> None:
    answer = client.get("/response-headers?X-One=1&X-Two=a&X-Two=b&Server=httpbin")
    assert answer.headers["X-One"] == "1"
    assert answer.headers.get_list("X-Two") == ["a", "b"]
    assert answer.headers.get_list("Server") == ["httpbin"]
    # CR and LF are what a response is split with.
    assert client.get("/response-headers?X-One=1%0d%0aX-Evil:1").status_code == 500
    assert client.get("/get").status_code == 200


def test_binary_and_head(client: httpx.Client) -> None:
    image = client.get("/image/png")
    assert image.content.startswith(b"\x89PNG")
    head = client.head("/image/png")
    assert (head.headers["Content-Length"], head.content) == (str(len(image.content)), b"")
    text = base64.urlsafe_b64encode("Grüße".encode()).decode()
    assert client.get(f"/base64/{text}").text == "Grüße"


def test_curl_sends_what_it_is_told(httpbin: Deployment) -> None:
    seen = curl("-H", "X-Twice: 1", "-H", "X-Twice: 2", "-A", "", f"{httpbin.url}/headers").json()
    assert seen["headers"]["X-Twice"] == "1,2"
    assert "User-Agent" not in seen["headers"]
