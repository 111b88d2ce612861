"""Profiles of requests: the table, the files, and the response in between."""

from __future__ import annotations

import io
import pstats
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from dovetail.toolkit.middleware.profiler import ProfilerMiddleware
from dovetail.toolkit.testing.client import Client


def work() -> bytes:
    return b"b"


def application(environ: Any, start_response: Any) -> Any:
    write = start_response("201 CREATED", [("A", "b")])
    write(b"a")
    yield work()
    yield b"c"


def profile(path: str = "/foo/bar", **kwargs: Any) -> str:
    stream = io.StringIO()
    response = Client(ProfilerMiddleware(application, stream, **kwargs)).get(path)
    assert (response.status, response.data, response.headers["A"]) == ("201 CREATED", b"abc", "b")
    return stream.getvalue()


def test_the_table() -> None:
    lines = profile().splitlines()
    assert lines[0] == lines[-2] == "-" * 80
    assert lines[1] == "PATH: '/foo/bar'"
    assert any("test_profiler.py" in line and "(work)" in line for line in lines)
    assert any("Ordered by: internal time, call count" in line for line in lines)


def test_the_tables_order_and_size() -> None:
    assert "Ordered by: cumulative time" in profile(sort_by=["cumulative"])
    reduced = profile(restrictions=[r"\(work\)", 1])
    assert "(work)" in reduced
    assert "(application)" not in reduced


def test_the_default_stream_is_standard_output() -> None:
    assert ProfilerMiddleware(application)._stream is sys.stdout


def test_no_stream(capsys: pytest.CaptureFixture[str]) -> None:
    assert Client(ProfilerMiddleware(application, None)).get("/").data == b"abc"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("path", "beginning"), [("/foo/bar", "GET.foo.bar."), ("/", "GET.root."), ("//", "GET.root.")]
)
def test_files(tmp_path: Path, path: str, beginning: str) -> None:
    Client(ProfilerMiddleware(application, None, profile_dir=str(tmp_path))).get(
        environ_overrides={"PATH_INFO": path}
    )
    [file] = tmp_path.iterdir()
    assert file.name.startswith(beginning)
    assert file.name.endswith(".prof")
    functions = [name for _, _, name in pstats.Stats(str(file)).stats]  # type: ignore[attr-defined]
    assert "work" in functions


def test_a_file_name_of_ones_own(tmp_path: Path) -> None:
    profile(profile_dir=str(tmp_path), filename_format="{method}-{path}-{elapsed:.3f}-{time:.0f}")
    [file] = tmp_path.iterdir()
    method, path, elapsed, time = file.name.split("-")
    assert (method, path) == ("GET", "foo.bar")
    assert 0 < float(elapsed) < 60_000
    assert int(time) > 1_600_000_000


def test_a_function_for_the_file_name(tmp_path: Path) -> None:
    seen = []

    def name(environ: Any) -> str:
        seen.append(environ["werkzeug.profiler"])
        return environ["PATH_INFO"].strip("/").replace("/", "_")  # type: ignore[no-any-return]

    profile(profile_dir=str(tmp_path), filename_format=name)
    assert [file.name for file in tmp_path.iterdir()] == ["foo_bar"]
    assert set(seen[0]) == {"elapsed", "time"}


def test_the_result_is_closed() -> None:
    class Content(list[bytes]):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    content = Content([b"x"])

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return content

    assert Client(ProfilerMiddleware(app, None)).get().data == b"x"
    assert content.closed == 1


def test_errors_come_through() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise KeyError("x")

    stream = io.StringIO()
    with pytest.raises(KeyError):
        Client(ProfilerMiddleware(app, stream)).get()
    assert stream.getvalue() == ""
    assert "(work)" in profile()


def test_threads() -> None:
    barrier = threading.Barrier(3)
    results: list[bytes] = []

    def run() -> None:
        client = Client(ProfilerMiddleware(application, None))
        barrier.wait(60)
        for _ in range(20):
            results.append(client.get().data)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [b"abc"] * 60
