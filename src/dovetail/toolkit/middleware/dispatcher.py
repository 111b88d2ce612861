"""Several applications under one, each below a path of its own."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["DispatcherMiddleware"]

# Octets of a path up to which all its prefixes are tried, whatever is mounted.
_SHORT = 256


class DispatcherMiddleware:
    """Passes a request on to the application whose mount point is the longest prefix of its path.

    That application sees the mount point as part of SCRIPT_NAME and the rest as PATH_INFO.

    :param app: answers what lies below no mount point.
    :param mounts: path -> application; a path is whole segments, such as ``/admin``.
    """

    def __init__(
        self, app: WSGIApplication, mounts: dict[str, WSGIApplication] | None = None
    ) -> None:
        self.app = app
        self.mounts = mounts or {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        path = environ.get("PATH_INFO", "")
        mounts = self.mounts
        script = path
        if len(path) > _SHORT:
            # Thousands of slashes would make thousands of long prefixes.
            script = self._first_guess(path)
        while script not in mounts:
            above, slash, _ = script.rpartition("/")  # PERF: faster than rfind and a slice
            if not slash:
                break
            script = above
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + script
        environ["PATH_INFO"] = path[len(script) :]
        return mounts.get(script, self.app)(environ, start_response)

    def _first_guess(self, path: str) -> str:
        """Return the longest prefix of a path that is no longer than the longest mount point."""
        longest = max(map(len, self.mounts), default=0)
        end = path.rfind("/", 0, longest + 1)
        return path[:end] if end >= 0 and longest < len(path) else path
