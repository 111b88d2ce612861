"""What the debugger answers: pages, fragments of them, and plain sentences."""

from __future__ import annotations

import os
from importlib.resources import files

from dovetail.data.exceptions import NotFound
from dovetail.dev.pages import content_security_policy, make_private
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response

__all__ = [
    "accepts_html",
    "fragment",
    "page",
    "plain",
    "request_line",
    "resource",
]

_TYPES = {".css": "text/css", ".js": "text/javascript"}
# The documented names of what others ask for.
_RESOURCES = {"style.css": "debugger.css"}
_HTML = frozenset({"text/html", "application/xhtml+xml"})


def request_line(request: Request) -> str:
    """Return what a request is for, as a line to be read."""
    query = request.query_string.decode("latin-1")
    target = request.root_path.rstrip("/") + request.path + (f"?{query}" if query else "")
    return f"{request.method} {target}"


def accepts_html(request: Request) -> bool:
    """Tell whether a client asks for HTML by name; one that asks for nothing takes it, too."""
    if not request.headers.get("Accept"):
        return True
    return any(kind in _HTML and quality for kind, quality in request.accept_mimetypes)


def page(document: str, nonce: str, status: int) -> Response:
    """Return the response with a page of the debugger, whose script has the nonce."""
    response = make_private(Response(document, status, mimetype="text/html"))
    response.headers["Content-Security-Policy"] = content_security_policy(nonce)
    # For browsers so old that their own filter could be made to cut pieces out of the page.
    response.headers["X-XSS-Protection"] = "0"
    return response


def fragment(html: str) -> Response:
    """Return the response with a piece of HTML, which the page's script puts into it."""
    return make_private(Response(_encodable(html), mimetype="text/html"))


def plain(text: str, status: int) -> Response:
    """Return the response with a text."""
    return make_private(Response(_encodable(text), status, mimetype="text/plain"))


def _encodable(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def resource(name: str) -> Response:
    """Return the response with a file that belongs to the debugger's pages.

    :raises NotFound: there is none of that name.
    """
    suffix = os.path.splitext(name)[1]
    if suffix not in _TYPES or os.path.basename(name) != name:
        raise NotFound
    file = files(__package__).joinpath("assets", _RESOURCES.get(name, name))
    if not file.is_file():
        raise NotFound
    response = Response(file.read_bytes(), mimetype=_TYPES[suffix])
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response
