"""Which requests are kept, and what of them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import Serve, with_epoll
from tests.server.inprocess import PATIENCE, Running

from dovetail.server import error_capture
from dovetail.server.capture import Capture, parse_capture
from dovetail.server.masking import MASK

pytestmark = [pytest.mark.network]


def application(environ: Any, start_response: Any) -> list[bytes]:
    """Read the content as far as the path says, then do what it says."""
    environ["dovetail.request"].route = "/<what>"
    what, _, read = environ["PATH_INFO"].strip("/").partition("-")
    environ["wsgi.input"].read(int(read) if read else -1)
    if what == "raise":
        raise ValueError("it failed: " + environ.get("HTTP_X_TOKEN", ""))
    start_response(what + " Status", [("Set-Cookie", "session=abc"), ("X-Answer", "yes")])
    return [b"answer"]


def captures(directory: Path, count: int = 1) -> list[Capture]:
    """Return what is kept, once it is so many."""
    deadline = time.monotonic() + PATIENCE
    while True:
        names = sorted(directory.glob("*.json"))
        if len(names) >= count:
            return [parse_capture(name.read_bytes()) for name in names]
        assert time.monotonic() < deadline, names
        time.sleep(0.01)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "captures"
    made.mkdir(0o700)
    return made


@pytest.fixture(autouse=True)
def no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_capture, "_FILES_A_SECOND", 1000)


def wait_for_line(worker: Running, words: str) -> str:
    def lines() -> list[str]:
        return [line for line in worker.logs.messages if words in line]

    worker.logs.wait_for(lines)
    return lines()[0]


@with_epoll
class TestWhatIsKept:
    def test_exception(self, serve: Serve, directory: Path) -> None:
        worker = serve(application, capture_errors=str(directory), app="shop:app", compat=True)
        client = worker.connect()
        client.post("/raise?a=1&token=sesame-open", b"the content", "X-Token: open-sesame")
        assert client.read().status == 500
        (kept,) = captures(directory)
        assert (kept.application, kept.compat, kept.route) == ("shop:app", True, "/<what>")
        assert (kept.method, kept.version) == ("POST", "HTTP/1.1")
        assert kept.target == f"/raise?a=1&token={MASK}"
        assert kept.fields == [("host", "test"), ("content-length", "11"), ("x-token", MASK)]
        assert (kept.content.size, kept.content.data, kept.content.remark) == (
            11,
            b"the content",
            "",
        )
        assert (kept.status, kept.aborted) == (500, False)
        assert (kept.scheme, kept.client) == ("http", "127.0.0.1")
        assert kept.client_port == str(client.sock.getsockname()[1])
        assert kept.traceback.endswith(f"ValueError: it failed: {MASK}")
        line = wait_for_line(worker, "kept the request")
        (path,) = directory.glob("*.json")
        assert line == f"kept the request with id {kept.id}; run: dovetail replay {path}"
        assert path.name.endswith(f"-{kept.id}.json")

    def test_status_500(self, serve: Serve, directory: Path) -> None:
        worker = serve(application, capture_errors=str(directory))
        worker.connect().fetch("/500")
        (kept,) = captures(directory)
        assert (kept.status, kept.traceback) == (500, "")
        assert kept.response_fields == [("Set-Cookie", MASK), ("X-Answer", "yes")]
        assert kept.response_length == 6

    def test_others_are_not_kept(self, serve: Serve, directory: Path) -> None:
        worker = serve(application, capture_errors=str(directory))
        client = worker.connect()
        for status in (200, 404, 503):
            client.fetch(f"/{status}")
        client.fetch("/500")
        assert [kept.target for kept in captures(directory)] == ["/500"]

    def test_each_file_has_a_name_that_no_client_chose(self, serve: Serve, directory: Path) -> None:
        worker = serve(application, capture_errors=str(directory))
        for _ in range(2):
            worker.connect().fetch("/500", "X-Request-ID: chosen")
        assert [kept.id for kept in captures(directory, 2)] == ["chosen", "chosen"]
        assert not any("chosen" in name for name in os.listdir(directory))

    @pytest.mark.parametrize("body_buffer", [10, 1 << 20])
    def test_content_is_cut(self, serve: Serve, directory: Path, body_buffer: int) -> None:
        worker = serve(
            application,
            capture_errors=str(directory),
            capture_content=100,
            body_buffer=body_buffer,
        )
        worker.connect().post("/500", bytes(range(250)))
        (kept,) = captures(directory)
        assert kept.content.data == bytes(range(100))
        assert (kept.content.size, kept.content.remark) == (250, "cut off after 100 of 250 bytes")

    def test_no_content(self, serve: Serve, directory: Path) -> None:
        worker = serve(application, capture_errors=str(directory), capture_content=0)
        worker.connect().post("/500", b"abc")
        worker.connect().fetch("/500")
        first, second = sorted(captures(directory, 2), key=lambda kept: -kept.content.size)
        assert first.content.data is None
        assert first.content.remark == "not kept: capture_content is 0"
        assert (second.content.data, second.content.remark) == (b"", "")

    def test_streamed_and_read_in_part(self, serve: Serve, directory: Path) -> None:
        worker = serve(application, capture_errors=str(directory), stream_input=True)
        client = worker.connect()
        client.send("POST /500-2 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabcd")
        assert client.read().status == 500
        client.close()
        (kept,) = captures(directory)
        assert (kept.content.data, kept.content.size) == (b"abcd", 4)
        assert kept.content.remark == "not all: the application did not read the rest"

    def test_names_of_the_user(self, serve: Serve, directory: Path) -> None:
        worker = serve(application, capture_errors=str(directory), capture_mask=("card",))
        client = worker.connect()
        client.post("/500", b'{"cardNumber": "4111"}', "Content-Type: application/json")
        (kept,) = captures(directory)
        assert kept.content.data == b'{"cardNumber": "%b"}' % MASK.encode()
        assert kept.content.remark == "masked in parts"

    def test_content_that_cannot_be_masked(self, serve: Serve, directory: Path) -> None:
        worker = serve(application, capture_errors=str(directory))
        worker.connect().post("/500", b'{"token": "abc', "Content-Type: application/json")
        (kept,) = captures(directory)
        assert kept.content.data is None
        assert "secrets" in kept.content.remark

    def test_factory_is_named_on_the_command_line(self, serve: Serve, directory: Path) -> None:
        worker = serve(application, capture_errors=str(directory), app="shop:make('a b')")
        worker.connect().fetch("/500")
        line = wait_for_line(worker, "kept the request")
        assert """run: dovetail replay --app 'shop:make('"'"'a b'"'"')' /""" in line

    def test_what_an_application_puts_into_its_environ(self, serve: Serve, directory: Path) -> None:
        def odd(environ: Any, start_response: Any) -> list[bytes]:
            environ.update(REMOTE_ADDR=None, SERVER_NAME=5)
            environ["dovetail.request"].route = 7
            raise ValueError

        worker = serve(odd, capture_errors=str(directory))
        worker.connect().fetch()
        (kept,) = captures(directory)
        assert (kept.client, kept.server_name, kept.route) == ("", "", "7")

    def test_endless_messages(self, serve: Serve, directory: Path) -> None:
        def wordy(environ: Any, start_response: Any) -> list[bytes]:
            raise ValueError("x" * (4 << 20))

        worker = serve(wordy, capture_errors=str(directory))
        worker.connect().fetch()
        (kept,) = captures(directory)
        assert len(kept.traceback) < 300_000
        assert "[... cut off ...]" in kept.traceback


@with_epoll
class TestWhenItCannotBeKept:
    def test_no_directory(self, serve: Serve, directory: Path) -> None:
        worker = serve(application, capture_errors=str(directory))
        directory.rmdir()
        client = worker.connect()
        for _ in range(3):
            assert client.fetch("/500").status == 500
        line = wait_for_line(worker, "cannot keep")
        assert "No such file or directory" in line
        assert str(directory) in line
        client.fetch("/200")
        assert len([line for line in worker.logs.messages if "cannot keep" in line]) == 1

    def test_an_error_of_our_own(
        self, serve: Serve, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(error_capture, "dump_capture", None)
        worker = serve(application, capture_errors=str(directory))
        client = worker.connect()
        assert client.fetch("/500").status == 500
        assert "please report it" in wait_for_line(worker, "cannot keep")
        assert client.fetch("/200").status == 200
        worker.logs.records.clear()  # the fixture takes such a line for a failure

    def test_too_many(self, serve: Serve, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(error_capture, "_FILES_A_SECOND", 2)
        worker = serve(application, capture_errors=str(directory))
        worker.clock.stop()
        client = worker.connect()
        for _ in range(2):
            for _ in range(5):
                client.fetch("/500")
            client.fetch("/200")  # what the one before left to do is done
            worker.clock.ahead += 1
        client.fetch("/500")
        client.fetch("/200")
        assert len(list(directory.glob("*.json"))) == 5
        # At the first one, and not again as long as it goes on.
        assert [line for line in worker.logs.messages if "not kept" in line] == [
            "more than 2 requests a second fail: the others are not kept",
            *["failed requests that were not kept, in one second: 3"] * 2,
        ]
