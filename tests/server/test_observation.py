"""What an observer sees of a worker's requests, and what the error log says of those that fail."""

from __future__ import annotations

import gc
import os
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import Serve, with_epoll
from tests.server.inprocess import PATIENCE, listen_at

from dovetail.gateway import RequestRecord
from dovetail.gateway.environ import Environ
from dovetail.server import threads
from dovetail.server.observation import STREAMED_OCTETS, KeptContent, Observation

pytestmark = pytest.mark.network

ENTRY = r"\(id (\S+), route (\S+), \d+\.\d ms, client (\S+)\)"


@dataclass
class Seen:
    """What is left of an observation when it is over."""

    method: str
    path: str
    status: int
    fields: list[tuple[str, str]]
    content: bytes | None
    size: int
    complete: bool
    aborted: bool
    error: str
    times: tuple[float, ...]
    thread: str


@dataclass
class Recorder:
    """An observer that keeps what it sees."""

    called: list[tuple[str, str]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    record: RequestRecord | None = None
    marks: bool = False

    def __post_init__(self) -> None:
        self._news = threading.Condition()

    def calling(self, environ: Environ) -> None:
        self.called.append((environ["PATH_INFO"], threading.current_thread().name))
        if self.marks:
            environ["dovetail.request"].marks = []

    def answered(self, seen: Observation) -> None:
        record = self.record = seen.record
        with self._news:
            self.seen.append(
                Seen(
                    seen.request.method,
                    seen.environ["PATH_INFO"],
                    seen.status,
                    list(seen.fields),
                    None if seen.content is None else seen.content.read(),
                    seen.content_size,
                    seen.content_complete,
                    seen.aborted,
                    repr(record.error) if record.error is not None else "",
                    (record.received, record.complete, record.called, seen.finished),
                    threading.current_thread().name,
                )
            )
            self._news.notify_all()

    def wait(self, count: int = 1) -> list[Seen]:
        """Return what was seen, once it is so many requests."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.seen) >= count, PATIENCE), self.seen
            return self.seen


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(threads, "_observer", lambda *_: made)
    return made


def answer(environ: Any, start_response: Any) -> list[bytes]:
    """Read some of the content, close it, and answer."""
    content = environ["wsgi.input"]
    content.read(int(environ["HTTP_X_READ"]) if "HTTP_X_READ" in environ else -1)
    content.close()
    start_response("200 OK", [("X-Answer", "yes")])
    return [b"answer"]


def fail(environ: Any, start_response: Any) -> list[bytes]:
    """Fail as the path says."""
    environ["dovetail.request"].route = "/the/<route>"
    if environ["PATH_INFO"] == "/caught":
        start_response("500 Internal Server Error", [])
        return [b"caught"]
    if environ["PATH_INFO"] == "/late":
        start_response("200 OK", [])
        return Late()  # type: ignore[return-value]
    raise ValueError("it failed")


class Late:
    """Content that fails behind its beginning."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"beginning"
        raise ValueError("it failed late")


@with_epoll
class TestObserver:
    def test_request(self, serve: Serve, recorder: Recorder) -> None:
        before = time.monotonic()
        client = serve(answer).connect()
        client.post("/path", b"the content")
        client.read()
        (seen,) = recorder.wait()
        assert (seen.method, seen.path, seen.status) == ("POST", "/path", 200)
        assert seen.fields == [("X-Answer", "yes")]
        assert (seen.content, seen.size, seen.complete) == (b"the content", 11, True)
        assert not seen.aborted
        assert sorted([before, *seen.times]) == [before, *seen.times]
        ((path, thread),) = recorder.called
        assert path == "/path"
        assert thread.startswith("application-")

    def test_each_request_of_a_connection_once(self, serve: Serve, recorder: Recorder) -> None:
        client = serve(answer).connect()
        for number in range(3):
            client.fetch(f"/{number}")
        assert [seen.path for seen in recorder.wait(3)] == ["/0", "/1", "/2"]
        assert [path for path, _ in recorder.called] == ["/0", "/1", "/2"]
        assert recorder.seen[0].content == b""
        client.close()
        client = serve(answer).connect()
        client.fetch("/3")
        assert len(recorder.wait(4)) == 4

    @pytest.mark.parametrize("body_buffer", [1 << 20, 100])
    @pytest.mark.parametrize("read", ["0", "10", "100000"])
    def test_content_from_its_start(
        self, serve: Serve, recorder: Recorder, body_buffer: int, read: str
    ) -> None:
        body = os.urandom(5000)
        client = serve(answer, body_buffer=body_buffer).connect()
        client.post("/", body, f"X-Read: {read}")
        client.read()
        assert recorder.wait()[0].content == body

    def test_no_descriptor_is_left_open(self, serve: Serve, recorder: Recorder) -> None:
        worker = serve(answer, body_buffer=100)
        client = worker.connect()
        client.post("/", bytes(1000))
        client.read()
        client.fetch()  # behind the end of the one before
        before = len(os.listdir("/dev/fd"))
        for _ in range(5):
            client.post("/", bytes(1000))
            client.read()
        client.fetch()
        assert len(os.listdir("/dev/fd")) <= before

    def test_streamed(self, serve: Serve, recorder: Recorder) -> None:
        client = serve(answer, stream_input=True).connect()
        client.post("/", b"x" * 5000)
        client.read()
        seen = recorder.wait()[0]
        assert (seen.content, seen.size, seen.complete) == (b"x" * 5000, 5000, True)

    def test_streamed_and_not_read(self, serve: Serve, recorder: Recorder) -> None:
        client = serve(answer, stream_input=True).connect()
        client.post("/", b"x" * 5000, "X-Read: 0")
        client.read()
        seen = recorder.wait()[0]
        assert (seen.content, seen.size, seen.complete) == (b"", 0, False)

    def test_streamed_past_the_bound(self, serve: Serve, recorder: Recorder) -> None:
        client = serve(answer, stream_input=True).connect()
        client.post("/", bytes(STREAMED_OCTETS + 1))
        client.read()
        seen = recorder.wait()[0]
        assert (seen.content, seen.size) == (None, STREAMED_OCTETS + 1)

    def test_refused_requests_are_not_shown(self, serve: Serve, recorder: Recorder) -> None:
        worker = serve(answer)
        client = worker.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert client.read().status == 400
        worker.connect().fetch("/well")
        assert [seen.path for seen in recorder.wait()] == ["/well"]

    def test_broken_off(self, serve: Serve, recorder: Recorder) -> None:
        client = serve(fail).connect()
        client.get("/late")
        assert not client.read().complete
        seen = recorder.wait()[0]
        assert (seen.status, seen.aborted, seen.error) == (
            200,
            True,
            "ValueError('it failed late')",
        )

    def test_client_that_leaves(self, serve: Serve, recorder: Recorder) -> None:
        def endless(environ: Any, start_response: Any) -> Iterator[bytes]:
            start_response("200 OK", [])
            while True:
                yield bytes(65536)

        client = serve(endless).connect()
        client.get("/")
        client.sock.recv(100)
        client.reset()
        seen = recorder.wait()[0]
        assert (seen.aborted, seen.error) == (True, "")

    def test_taken_socket(self, serve: Serve, recorder: Recorder) -> None:
        def take(environ: Any, start_response: Any) -> list[bytes]:
            environ["gunicorn.socket"].sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            environ["gunicorn.socket"].close()
            return []

        client = serve(take).connect()
        client.get("/", "Connection: upgrade", "Upgrade: x")
        client.read_to_end()
        seen = recorder.wait()[0]
        assert (seen.status, seen.aborted) == (101, False)

    def test_error_is_let_go(self, serve: Serve, recorder: Recorder) -> None:
        class Held:
            pass

        kept: list[weakref.ref[Held]] = []

        def leak(environ: Any, start_response: Any) -> list[bytes]:
            held = Held()
            kept.append(weakref.ref(held))
            raise ValueError("it failed")

        worker = serve(leak)
        gc.disable()
        try:
            client = worker.connect()
            client.fetch()
            client.fetch()
            assert recorder.wait(2)[0].error == "ValueError('it failed')"
            assert recorder.record is not None
            wait_until(lambda: recorder.record.error is None)  # type: ignore[union-attr]
            worker.logs.records.clear()
            wait_until(lambda: kept[0]() is None)
        finally:
            gc.enable()

    def test_marks(self, serve: Serve, recorder: Recorder) -> None:
        def marking(environ: Any, start_response: Any) -> list[bytes]:
            environ["dovetail.request"].mark("view")
            return answer(environ, start_response)

        recorder.marks = True
        serve(marking).connect().fetch()
        seen = recorder.wait()[0]
        assert recorder.record is not None
        assert recorder.record.marks is not None
        ((name, moment),) = recorder.record.marks
        assert name == "view"
        assert seen.times[2] <= moment <= seen.times[3]

    def test_unix_socket(self, serve: Serve, recorder: Recorder, tmp_path: Path) -> None:
        worker = serve(answer, listener=listen_at(tmp_path / "socket"))
        worker.connect().fetch("/here")
        assert recorder.wait()[0].path == "/here"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@with_epoll
class TestErrorLog:
    def test_exception(self, serve: Serve) -> None:
        worker = serve(fail)
        worker.connect().fetch("/raised?x=1")
        worker.logs.wait_for(lambda: worker.logs.records)
        (record,) = worker.logs.records
        found = re.fullmatch(
            r"the application failed: GET /raised\?x=1 " + ENTRY, record.getMessage()
        )
        assert found is not None
        assert re.fullmatch(r"[0-9a-f]{16}", found[1])
        assert found.groups()[1:] == ("/the/<route>", "127.0.0.1")
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], ValueError)

    def test_status_without_exception(self, serve: Serve) -> None:
        worker = serve(fail)
        worker.connect().fetch("/caught", "X-Request-ID: from-a-proxy.1")
        worker.logs.wait_for(lambda: worker.logs.records)
        (record,) = worker.logs.records
        assert re.fullmatch(
            r"the application answered with status 500: GET /caught " + ENTRY, record.getMessage()
        )
        assert "(id from-a-proxy.1, " in record.getMessage()
        assert not record.exc_info

    def test_exception_that_the_application_told(self, serve: Serve) -> None:
        def told(environ: Any, start_response: Any) -> list[bytes]:
            try:
                raise ValueError("it failed")
            except ValueError as error:
                environ["dovetail.request"].error = error
            start_response("500 Internal Server Error", [])
            return []

        worker = serve(told)
        client = worker.connect()
        client.fetch()
        client.fetch()
        assert worker.logs.records == []


@pytest.mark.parametrize("offered", ["a", "A.b_c-9", "x" * 128])
def test_id_of_the_client(offered: str) -> None:
    assert RequestRecord(fields=[("x-request-id", offered)]).id == offered


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("x-request-id", "")],
        [("x-request-id", "x" * 129)],
        [("x-request-id", "a b")],
        [("x-request-id", "a\n")],
        [("x-request-id", "a/../b")],
        [("x-request-id", "\xe9")],
        [("x-request-id", "a"), ("x-request-id", "b")],
    ],
)
def test_id_of_our_own(fields: list[tuple[str, str]]) -> None:
    record = RequestRecord(fields=fields)
    assert re.fullmatch(r"[0-9a-f]{16}", record.id)
    assert record.id == record.id
    assert record.id != RequestRecord(fields=fields).id


def test_marks_that_nobody_wants() -> None:
    record = RequestRecord()
    record.mark("view")
    assert record.marks is None


def test_content_that_could_not_be_kept() -> None:
    with KeptContent(None, 10) as kept:
        assert kept.open() is None
        assert (kept.size, kept.complete) == (10, True)
