"""Measuring where an application spends its time, request by request."""

from __future__ import annotations

import cProfile
import os.path
import pstats
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["ProfilerMiddleware"]

# From 3.12 on there is one profiler for all threads of a process, and a second one is an error.
_ALONE = threading.RLock() if sys.version_info >= (3, 12) else None
_RULE = "-" * 80


class ProfilerMiddleware:
    """Profiles each request, all of its content included, and reports or stores the result.

    The response is complete when the first of it is sent, so it is for no production server.

    :param app: what is profiled.
    :param stream: where a table is written to after each request; None writes none.
    :param sort_by: the table's order (see :meth:`pstats.Stats.sort_stats`).
    :param restrictions: what the table is reduced to (see :meth:`pstats.Stats.print_stats`).
    :param profile_dir: a directory for one file with the data of each request.
    :param filename_format: the file's name, with ``{method}``, ``{path}``, ``{elapsed}``
        (milliseconds) and ``{time}`` (seconds since the epoch); or a function that makes it of the
        environ, which has the two times in ``environ["werkzeug.profiler"]``.
    """

    def __init__(  # noqa: PLR0917 -- the documented signature
        self,
        app: WSGIApplication,
        stream: IO[str] | None = sys.stdout,
        sort_by: Iterable[str] = ("time", "calls"),
        restrictions: Iterable[str | int | float] = (),
        profile_dir: str | None = None,
        filename_format: str
        | Callable[[WSGIEnvironment], str] = "{method}.{path}.{elapsed:.0f}ms.{time:.0f}.prof",
    ) -> None:
        self._app = app
        self._stream = stream
        self._sort_by = tuple(sort_by)
        self._restrictions = tuple(restrictions)
        self._profile_dir = profile_dir
        self._filename_format = filename_format

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the application, profiled; return all of its content in one piece."""
        profile = cProfile.Profile()
        start = time.time()
        if _ALONE is None:
            content = self._run(profile, environ, start_response)
        else:
            with _ALONE:
                content = self._run(profile, environ, start_response)
        elapsed = time.time() - start
        if self._profile_dir is not None:
            name = self._filename(environ, elapsed)
            profile.dump_stats(os.path.join(self._profile_dir, name))
        if self._stream is not None:
            self._report(profile, environ, self._stream)
        return [content]

    def _run(
        self, profile: cProfile.Profile, environ: WSGIEnvironment, start_response: StartResponse
    ) -> bytes:
        """Return all that the application sends."""
        pieces: list[bytes] = []

        def start(status: str, headers: Any, exc_info: Any = None, /) -> Callable[[bytes], object]:
            start_response(status, headers, exc_info)
            return pieces.append

        def run() -> None:
            result = self._app(environ, start)
            try:
                pieces.extend(result)
            finally:
                close = getattr(result, "close", None)
                if close is not None:
                    close()

        profile.runcall(run)
        return b"".join(pieces)

    def _filename(self, environ: WSGIEnvironment, elapsed: float) -> str:
        milliseconds, now = elapsed * 1000.0, time.time()
        if callable(self._filename_format):
            environ["werkzeug.profiler"] = {"elapsed": milliseconds, "time": now}
            return self._filename_format(environ)
        # Neither a slash nor a NUL may get into a file's name.
        path = environ.get("PATH_INFO", "").strip("/").replace("/", ".").replace("\0", "")
        return self._filename_format.format(
            method=environ["REQUEST_METHOD"],
            path=path or "root",
            elapsed=milliseconds,
            time=now,
        )

    def _report(self, profile: cProfile.Profile, environ: WSGIEnvironment, stream: IO[str]) -> None:
        stats = pstats.Stats(profile, stream=stream)
        stats.sort_stats(*self._sort_by)
        print(_RULE, file=stream)
        print(f"PATH: {environ.get('PATH_INFO', '')!r}", file=stream)
        stats.print_stats(*self._restrictions)
        print(f"{_RULE}\n", file=stream)
