"""Responses that send the client somewhere else."""

from __future__ import annotations

from urllib.parse import quote
from wsgiref.types import WSGIEnvironment

from dovetail.data.exceptions import redirect_page
from dovetail.toolkit.response import Response as DefaultResponse
from dovetail.toolkit.wsgi import decode_octets, get_path_info

__all__ = ["append_slash_redirect", "redirect"]

# What a segment of a path may hold besides letters and digits (RFC 3986 section 3.3).
_SEGMENT = "!$&'()*+,-.:;=@_~"


def redirect(
    location: str,
    code: int = 302,
    Response: type[DefaultResponse] | None = None,  # noqa: N803 - the documented name
) -> DefaultResponse:
    """Return a response that sends the client to another URL.

    :param location: where to, as the Location field has it; an IRI is fine.
    :param code: 301, 302, 303, 305, 307 or 308.
    :param Response: the class of the response.
    """
    response_class = Response or DefaultResponse
    response = response_class(redirect_page(location), code, mimetype="text/html")
    response.headers["Location"] = location
    return response


def append_slash_redirect(environ: WSGIEnvironment, code: int = 308) -> DefaultResponse:
    """Return a redirect to the same URL with a slash at the end; the query is kept.

    It is relative to the last segment, so it is right wherever the application is mounted. The
    behaviour for a URL that ends in a slash already is undefined.
    """
    last = quote(get_path_info(environ).rpartition("/")[2], safe=_SEGMENT)
    # A colon would end a scheme (RFC 3986 section 4.2).
    location = f"./{last}/" if ":" in last else f"{last or '.'}/"
    query = environ.get("QUERY_STRING")
    if query:
        location += f"?{decode_octets(query)}"
    return redirect(location, code=code)
