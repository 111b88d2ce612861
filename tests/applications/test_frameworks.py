"""Small applications of other frameworks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from tests.applications.conftest import PROJECTS
from tests.applications.deployment import PATIENCE_SECONDS, Deployment

pytestmark = [pytest.mark.process, pytest.mark.network]


def client_of(deployment: Deployment) -> httpx.Client:
    return httpx.Client(base_url=deployment.url, timeout=PATIENCE_SECONDS, trust_env=False)


@pytest.fixture(scope="module")
def falcon(deploy: Callable[..., Deployment]) -> Iterator[httpx.Client]:
    with client_of(deploy("small_falcon")) as client:
        yield client


@pytest.fixture(scope="module")
def bottle(deploy: Callable[..., Deployment]) -> Iterator[httpx.Client]:
    with client_of(deploy("small_bottle")) as client:
        yield client


def test_falcon(falcon: httpx.Client) -> None:
    answer = falcon.get("/things/one?wanted=3")
    assert answer.json() == {"name": "one", "wanted": 3}
    assert answer.headers["X-Thing"] == "one"
    put = falcon.put("/things/one", json={"ä": 1})
    assert (put.status_code, put.json()) == (201, {"name": "one", "got": {"ä": 1}})
    assert falcon.delete("/things/one").status_code == 403
    assert falcon.patch("/things/one").status_code == 405
    assert falcon.get("/nothing").status_code == 404
    assert falcon.head("/things/one").content == b""


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_falcon_streams_what_it_reads(falcon: httpx.Client, size: int) -> None:
    content = b"0123456789" * (size // 10) + b"x" * (size % 10)
    assert falcon.post("/copy", content=content).content == content
    assert falcon.post("/copy", content=iter([content])).content == content


def test_bottle(bottle: httpx.Client) -> None:
    assert bottle.get("/hello/Ada?page=ä").json() == {"hello": "Ada", "page": "ä"}
    form = bottle.post("/form", data={"title": "Größe"}, files={"paper": b"x" * 200_000}).json()
    assert form == {"title": "Größe", "paper": 200_000}
    assert bottle.get("/pieces").text == "one two"
    gone = bottle.get("/gone")
    assert (gone.status_code, gone.text) == (410, "gone")
    assert bottle.get("/nothing").status_code == 404


def test_bottle_sends_files(bottle: httpx.Client) -> None:
    source = (PROJECTS / "small_bottle.py").read_bytes()
    whole = bottle.get("/source")
    assert whole.content == source
    assert bottle.get("/source", headers={"Range": "bytes=3-9"}).content == source[3:10]
    since = {"If-Modified-Since": whole.headers["Last-Modified"]}
    assert bottle.get("/source", headers=since).status_code == 304
    assert bottle.head("/source").headers["Content-Length"] == str(len(source))
