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
        end = self._end_of_mount(path)
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + path[:end]
        environ["PATH_INFO"] = path[end:]
        return self.mounts.get(path[:end], self.app)(environ, start_response)

    def _end_of_mount(self, path: str) -> int:
        """Return the length of the mount point; where the first segment begins if there is none."""
        end = len(path)
        if end > _SHORT:
            # Thousands of slashes would make thousands of long prefixes.
            end = self._first_guess(path)
        while path[:end] not in self.mounts:
            cut = path.rfind("/", 0, end)
            if cut < 0:
                break
            end = cut
        return end

    def _first_guess(self, path: str) -> int:
        longest = max(map(len, self.mounts), default=0)
        cut = path.rfind("/", 0, longest + 1)
        return cut if cut >= 0 and longest < len(path) else len(path)
