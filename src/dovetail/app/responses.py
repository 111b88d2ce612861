"""Responses and URLs of the current application."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, AnyStr, NoReturn

from dovetail.app.proxies import _cv_app, current_app, request
from dovetail.data.exceptions import abort as abort_by_default
from dovetail.toolkit import files, redirects

if TYPE_CHECKING:
    from dovetail.app.wrappers import Response
    from dovetail.toolkit.response import Response as BaseResponse

__all__ = [
    "abort",
    "make_response",
    "redirect",
    "send_file",
    "send_from_directory",
    "url_for",
]


def make_response(*args: Any) -> Response:
    """Return what a view function's value becomes, to set headers of it.

    :param args: nothing for an empty response, a view's return value, or the parts of the tuple
        that a view may return.
    """
    if not args:
        return current_app.response_class()
    return current_app.make_response(args[0] if len(args) == 1 else args)


def url_for(
    endpoint: str,
    *,
    _anchor: str | None = None,
    _method: str | None = None,
    _scheme: str | None = None,
    _external: bool | None = None,
    **values: Any,
) -> str:
    """Return the URL of an endpoint, as :meth:`App.url_for` of the current application does."""
    return current_app.url_for(
        endpoint, _anchor=_anchor, _method=_method, _scheme=_scheme, _external=_external, **values
    )


def redirect(
    location: str,
    code: int = 302,
    Response: type[BaseResponse] | None = None,  # noqa: N803 - the documented name
) -> BaseResponse:
    """Return a response that sends the client to another URL.

    :meth:`App.redirect` of the current application makes it, if there is one.

    :param location: where to.
    :param code: 301, 302, 303, 305, 307 or 308.
    :param Response: the class of the response where there is no current application, which has
        one of its own.
    """
    context = _cv_app.get(None)
    if context is None:
        return redirects.redirect(location, code=code, Response=Response)
    return context.app.redirect(location, code=code)


def abort(code: int | BaseResponse, *args: Any, **kwargs: Any) -> NoReturn:
    """Raise the exception of a status code, or one that answers with a response.

    The ``aborter`` of the current application does it, if there is one.

    :param code: the status, or a response.
    :param args: go to the exception, as ``kwargs``.
    :raises HTTPException: always; see :mod:`dovetail.data.exceptions`.
    :raises LookupError: there is no exception for the status.
    """
    context = _cv_app.get(None)
    if context is None:
        abort_by_default(code, *args, **kwargs)
    context.app.aborter(code, *args, **kwargs)


def send_file(  # noqa: PLR0917 - the documented signature
    path_or_file: os.PathLike[AnyStr] | str | IO[bytes],
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: int | Callable[[str | None], int | None] | None = None,
) -> Response:
    """Return a response with the content of a file.

    Never pass a path that a client sent: :func:`send_from_directory` is for that. A file object
    has to be open in binary mode and to stand at its beginning.

    :param path_or_file: a path, relative ones from the application's ``root_path``, or the file.
    :param mimetype: the content's type; guessed from the name if None.
    :param as_attachment: have the browser save it, not show it.
    :param download_name: the name that the browser saves it under; that of the path if None.
    :param conditional: answer conditional and range requests.
    :param etag: the entity tag, or whether to make one of path, size and time.
    :param last_modified: when it was changed, a number in seconds; that of the path if None.
    :param max_age: how long a client may keep it, in seconds, or a function that tells it for the
        path; :meth:`App.get_send_file_max_age` if None.
    :raises TypeError: there is no name to guess the type from, or to save it under.
    :raises ValueError: the file is open in text mode.
    """
    return files.send_file(  # type: ignore[return-value]
        path_or_file,  # type: ignore[arg-type]
        mimetype=mimetype,
        as_attachment=as_attachment,
        download_name=download_name,
        conditional=conditional,
        etag=etag,
        last_modified=last_modified,
        **_defaults(max_age),
    )


def send_from_directory(
    directory: os.PathLike[str] | str, path: os.PathLike[str] | str, **kwargs: Any
) -> Response:
    """Return a response with a file of a directory; the path may be one that a client sent.

    :param directory: the directory, from the application's ``root_path``; it has to be a safe one.
    :param path: the file's path from there, with slashes.
    :param kwargs: go to :func:`send_file`.
    :raises NotFound: the path leads out of the directory, or there is no file.
    """
    kwargs.update(_defaults(kwargs.get("max_age")))
    return files.send_from_directory(directory, path, **kwargs)  # type: ignore[return-value]


def _defaults(max_age: Any) -> dict[str, Any]:
    """Return the arguments of the toolkit's functions that the application decides."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return {
        "environ": request.environ,
        "max_age": app.get_send_file_max_age if max_age is None else max_age,
        "use_x_sendfile": app.config["USE_X_SENDFILE"],
        "response_class": app.response_class,
        "_root_path": app.root_path,
    }
