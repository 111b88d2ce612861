"""Files as responses."""

from __future__ import annotations

import io
import mimetypes
import os
import unicodedata
from collections.abc import Callable
from datetime import datetime
from time import time
from typing import IO, Any, NamedTuple
from urllib.parse import quote
from wsgiref.types import WSGIEnvironment
from zlib import adler32

from dovetail.data.exceptions import NotFound, RequestedRangeNotSatisfiable
from dovetail.data.headers import Headers
from dovetail.data.paths import safe_join
from dovetail.toolkit.response import Response
from dovetail.toolkit.wsgi import wrap_file

__all__ = ["send_file", "send_from_directory"]

StrPath = os.PathLike[str] | str

# attr-char of RFC 8187 section 3.2.1, besides letters and digits.
_ATTR_CHAR = "!#$&+-.^_`|~"


class _Source(NamedTuple):
    """What is sent: a path or an open file, and what is known of it."""

    path: str | None
    file: IO[bytes] | None
    size: int | None = None
    mtime: float | None = None


def send_file(  # noqa: PLR0917 - the documented signature
    path_or_file: StrPath | IO[bytes],
    environ: WSGIEnvironment,
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: int | Callable[[str | None], int | None] | None = None,
    use_x_sendfile: bool = False,
    response_class: type[Response] | None = None,
    _root_path: StrPath | None = None,
) -> Response:
    """Return a response with the content of a file.

    Never pass a path that a client sent: :func:`send_from_directory` is for that. A file object
    has to be open in binary mode and to stand at its beginning.

    :param path_or_file: a path, relative ones from ``_root_path`` or else where the process is.
    :param environ: the WSGI environment of the request.
    :param mimetype: the content's type; guessed from the name if None.
    :param as_attachment: have the browser save it, not show it.
    :param download_name: the name that the browser saves it under; that of the path if None.
    :param conditional: answer conditional and range requests; see
        :meth:`Response.make_conditional`.
    :param etag: the entity tag, or whether to make one of path, size and time.
    :param last_modified: when it was changed, a number in seconds; that of the path if None.
    :param max_age: how long a client may keep it, in seconds, or a function that tells it for the
        path; None has the client ask each time.
    :param use_x_sendfile: leave the content to the server, by X-Sendfile; for paths only.
    :param response_class: the class of the response.
    :raises TypeError: there is no name to guess the type from, or to save it under.
    :raises ValueError: the file is open in text mode.
    :raises RequestedRangeNotSatisfiable: the range is malformed or lies outside.
    """
    source = _find(path_or_file, _root_path)
    if download_name is None and source.path is not None:
        download_name = os.path.basename(source.path)
    headers = Headers()
    mimetype = _describe(headers, mimetype, download_name, as_attachment)
    file = source.file
    if isinstance(file, io.TextIOBase):
        raise ValueError("a file has to be open in binary mode; use BytesIO, not StringIO")
    if source.path is not None:
        if use_x_sendfile:
            headers["X-Sendfile"] = source.path
        else:
            file = open(source.path, "rb")  # noqa: SIM115 - the response closes it
    try:
        response = (response_class or Response)(
            None if file is None else wrap_file(environ, file),
            mimetype=mimetype,
            headers=headers,
            direct_passthrough=True,
        )
        if source.size is not None:
            response.content_length = source.size
        if last_modified is None:
            last_modified = source.mtime
        if last_modified is not None:
            response.last_modified = last_modified  # type: ignore[assignment]
        _let_keep(response, max_age(source.path) if callable(max_age) else max_age)
        _set_etag(response, etag, source)
        if conditional:
            _make_conditional(response, environ, source.size, file)
    except BaseException:
        if file is not None and source.file is None:
            file.close()
        raise
    return response


def _find(path_or_file: StrPath | IO[bytes], root_path: StrPath | None) -> _Source:
    if isinstance(path_or_file, os.PathLike | str) or hasattr(path_or_file, "__fspath__"):
        given = os.fspath(path_or_file)
        if root_path is None:
            path = os.path.abspath(given)
        else:
            path = os.path.join(os.fspath(root_path), given)
        status = os.stat(path)
        return _Source(path, None, status.st_size, status.st_mtime)
    if isinstance(path_or_file, io.BytesIO):
        return _Source(None, path_or_file, path_or_file.getbuffer().nbytes)
    return _Source(None, path_or_file)


def _describe(
    headers: Headers, mimetype: str | None, download_name: str | None, as_attachment: bool
) -> str:
    """Set the fields that come from the name, and return the type.

    :raises TypeError: a name is needed, and there is none.
    """
    if mimetype is None:
        if download_name is None:
            raise TypeError(
                "cannot detect the MIME type without a name: pass 'mimetype', 'download_name' or"
                " a path"
            )
        # "./": the name of a file is no data: URL, which could say what type it likes.
        mimetype, encoding = mimetypes.guess_type(f"./{download_name}")
        # What is saved stays compressed; what is shown is decompressed by the browser.
        if encoding is not None and not as_attachment:
            headers["Content-Encoding"] = encoding
    if download_name is not None:
        kind = "attachment" if as_attachment else "inline"
        headers.set("Content-Disposition", kind, **_file_names(download_name))
    elif as_attachment:
        raise TypeError("no name provided for the attachment: pass 'download_name' or a path")
    return mimetype or "application/octet-stream"


def _file_names(name: str) -> dict[str, Any]:
    """Return ``filename``, and ``filename*`` if it is not ASCII (RFC 6266 section 4.3)."""
    if name.isascii():
        return {"filename": name}
    simple = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    # A name on disk that is no UTF-8 has surrogates in it.
    quoted = quote(name, safe=_ATTR_CHAR, errors="replace")
    return {"filename": simple, "filename*": f"UTF-8''{quoted}"}


def _set_etag(response: Response, etag: bool | str, source: _Source) -> None:
    if isinstance(etag, str):
        response.set_etag(etag)
    elif etag and source.path is not None:
        check = adler32(os.fsencode(source.path))
        response.set_etag(f"{source.mtime}-{source.size}-{check}")


def _let_keep(response: Response, max_age: int | None) -> None:
    """Set for how many seconds a client may keep the response."""
    cache_control = response.cache_control
    if max_age is not None and max_age > 0:
        cache_control.public = True
    else:
        cache_control.no_cache = True
    if max_age is not None:
        cache_control.max_age = max_age
        response.expires = int(time() + max_age)  # type: ignore[assignment]


def _make_conditional(
    response: Response, environ: WSGIEnvironment, size: int | None, file: IO[bytes] | None
) -> None:
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        if file is not None:
            file.close()
        raise
    if response.status_code == 304:
        # There are servers that would send the file nevertheless.
        response.headers.pop("X-Sendfile", None)


def send_from_directory(
    directory: StrPath, path: StrPath, environ: WSGIEnvironment, **kwargs: Any
) -> Response:
    """Return a response with a file of a directory; the path may be one that a client sent.

    :param directory: the directory, which has to be a safe one.
    :param path: the file's path from there, with slashes.
    :param kwargs: go to :func:`send_file`.
    :raises NotFound: the path leads out of the directory, or there is no file.
    """
    found = safe_join(os.fspath(directory), os.fspath(path))
    if found is None:
        raise NotFound
    root_path = kwargs.get("_root_path")
    full = found if root_path is None else os.path.join(root_path, found)
    try:
        is_file = os.path.isfile(full)
    except ValueError:  # a NUL octet, before Python 3.12
        is_file = False
    if not is_file:
        raise NotFound
    return send_file(found, environ, **kwargs)
