"""A Flask application that takes its content as it arrives (``--stream-input``)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.applications.curl import curl
from tests.applications.deployment import PATIENCE_SECONDS, Deployment
from tests.applications.nginx import Nginx

pytestmark = [pytest.mark.process, pytest.mark.network]


@pytest.fixture(scope="module")
def streaming(
    deploy: Callable[..., Deployment], tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    state = tmp_path_factory.mktemp("streaming")
    return deploy(
        "board:app", state, options=["--stream-input"], environ={"BOARD_STATE": str(state)}
    )


@pytest.fixture(scope="module", params=["direct", "nginx"])
def url(
    request: pytest.FixtureRequest,
    streaming: Deployment,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    if request.param == "direct":
        yield streaming.url
        return
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), streaming.socket)
    yield f"{nginx.url}/unbuffered"
    nginx.stop()


def test_chunked_upload(url: str, photograph: bytes) -> None:
    answer = curl("-T", "-", f"{url}/digest", stdin=photograph).json()
    assert answer["sha256"] == hashlib.sha256(photograph).hexdigest()
    # Its length was not known when it began.
    assert answer["content_length"] is None


def test_upload_with_a_form(url: str, photograph: bytes) -> None:
    with httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False) as client:
        for _ in range(3):
            answer = client.post(f"{url}/upload", data={"a": "b"}, files={"photo": photograph})
            found = answer.json()
            assert found["fields"] == {"a": "b"}
            assert found["files"]["photo"]["sha256"] == hashlib.sha256(photograph).hexdigest()


def test_content_is_asked_for_when_it_is_read(streaming: Deployment, tmp_path: Path) -> None:
    options = ("-H", "Expect: 100-continue", "--expect100-timeout", "60", "--data-binary")
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(os.urandom(1 << 20))
    large.write_bytes(bytes(20 << 20))
    taken = curl(*options, f"@{small}", f"{streaming.url}/digest")
    assert taken.received[0] == "HTTP/1.1 100 Continue"
    assert taken.json()["size"] == 1 << 20
    # More than Flask's MAX_CONTENT_LENGTH, so Flask does not begin to read it.
    refused = curl(*options, f"@{large}", f"{streaming.url}/upload")
    assert refused.received[0] == "HTTP/1.1 413 REQUEST ENTITY TOO LARGE"
    assert refused.summary["size_upload"] == 0


def test_content_that_is_not_read(url: str, streaming: Deployment) -> None:
    for size in (1_000, 100_000, 5_000_000):
        with httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False) as client:
            assert client.request("GET", f"{url}/", content=bytes(size)).text == "a board\n"
            # A connection whose content it has given up nginx may close without a word.
            if url == streaming.url:
                assert client.get(f"{url}/").text == "a board\n"
        answer = httpx.get(f"{url}/", timeout=PATIENCE_SECONDS, trust_env=False)
        assert answer.text == "a board\n"
