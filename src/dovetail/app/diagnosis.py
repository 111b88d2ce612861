"""Errors and logs that explain, while an application is developed, what probably went wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dovetail.app.proxies import _cv_request
from dovetail.routing.exceptions import RequestRedirect

if TYPE_CHECKING:
    from jinja2 import BaseLoader

    from dovetail.app.scaffold import Scaffold
    from dovetail.app.setup import AppSetup
    from dovetail.app.wrappers import Request

__all__ = [
    "DebugFilesKeyError",
    "FormDataRoutingRedirect",
    "UnexpectedUnicodeError",
    "attach_enctype_error_multidict",
    "explain_template_loading_attempts",
    "note_view",
]


def note_view(error: Exception, endpoint: str | None, view: Callable[..., object] | None) -> None:
    """Note for which endpoint that was returned of which no response could be made.

    None of the application's lines is in the traceback: the view function has returned already.

    :param view: None if the request has led to none.
    """
    if view is None:
        return
    made_of = getattr(view, "view_class", None)
    code = getattr(inspect.unwrap(view), "__code__", None)
    if made_of is not None:
        place = f"class {made_of.__module__}.{made_of.__qualname__}"
    elif code is not None:
        place = f'File "{code.co_filename}", line {code.co_firstlineno}, in {code.co_name}'
    else:
        place = repr(view)
    error.add_note(
        f"This is about what was returned for the endpoint {endpoint!r}. Its view function:\n"
        f"  {place}"
    )


class UnexpectedUnicodeError(AssertionError, UnicodeError):
    """Text was given where octets belong, or the reverse."""


class DebugFilesKeyError(KeyError, AssertionError):
    """A file was asked for in ``request.files`` whose form did not send any files.

    :param request: the request.
    :param key: the name of the file's field.
    """

    def __init__(self, request: Request, key: str) -> None:
        parts = [
            f"There is no file {key!r} in request.files, nor any other: the mimetype of the request"
            f" is {request.mimetype!r}, not 'multipart/form-data', so no file contents were"
            ' transmitted. Write enctype="multipart/form-data" into the form.'
        ]
        names = request.form.getlist(key)
        if names:
            parts.append(
                "\n\nOnly names of files came with the form. This was submitted: "
                + ", ".join(repr(name) for name in names)
            )
        self.msg = "".join(parts)

    def __str__(self) -> str:
        return self.msg


class FormDataRoutingRedirect(AssertionError):
    """Routing redirects a request to another URL, and browsers would not send its form there.

    It is raised in debug mode.

    :param request: the request; its ``routing_exception`` is the redirect.
    """

    def __init__(self, request: Request) -> None:
        error = request.routing_exception
        assert isinstance(error, RequestRedirect), "there is no redirect to explain"
        parts = [
            f"This request for {request.url!r} is redirected by routing, to the canonical URL"
            f" {error.new_url!r}."
        ]
        if f"{request.base_url}/" == error.new_url.partition("?")[0]:
            parts.append(
                " Its rule has a trailing slash, and a request without that is redirected."
            )
        parts.append(
            " With this status browsers drop form data on the way, so have the form sent to the"
            " canonical URL, or let routing redirect with 307 or 308.\n\nOutside of debug mode the"
            " redirect is sent, and this exception is not raised."
        )
        super().__init__("".join(parts))


def attach_enctype_error_multidict(request: Request) -> None:
    """Have ``request.files`` raise :exc:`DebugFilesKeyError` for what only the form holds."""
    original: Any = type(request.files)

    def look_up(self: Any, key: str) -> Any:
        try:
            return original.__getitem__(self, key)
        except KeyError:
            if key not in request.form:
                raise
            raise DebugFilesKeyError(request, key) from None

    namespace = {"__getitem__": look_up, "__module__": original.__module__}
    request.files.__class__ = type(original.__name__, (original,), namespace)


def explain_template_loading_attempts(
    app: AppSetup,
    template: str,
    attempts: list[
        tuple[BaseLoader, Scaffold, tuple[str, str | None, Callable[[], bool] | None] | None]
    ],
) -> None:
    """Log where a template was looked for.

    :param template: its name.
    :param attempts: in their order, the loader, whose it is, and what it found.
    """
    lines = [f"Locating template {template!r}:"]
    for number, (loader, owner, found) in enumerate(attempts, start=1):
        lines.append(f"{number:5}: trying loader of {_describe_owner(app, owner)}")
        lines += (f"       {line}" for line in _describe_loader(loader))
        outcome = "no match" if found is None else f"found ({found[1] or '<string>'!r})"
        lines.append(f"       -> {outcome}")
    matches = sum(found is not None for _, _, found in attempts)
    if matches != 1:
        lines.append(
            "Warning: multiple loaders returned a match for the template."
            if matches
            else "Error: the template could not be found."
        )
        lines += _advise()
    app.logger.info("\n".join(lines))


def _describe_owner(app: AppSetup, owner: Scaffold) -> str:
    if owner is app:
        return f"application {app.import_name!r}"
    name = getattr(owner, "name", None)
    return repr(owner) if name is None else f"blueprint {name!r} ({owner.import_name})"


def _describe_loader(loader: BaseLoader) -> Iterator[str]:
    kind = type(loader)
    yield f"class: {kind.__module__}.{kind.__name__}"
    for name, value in sorted(vars(loader).items()):
        if name.startswith("_"):
            continue
        if isinstance(value, (list, tuple)):
            if all(isinstance(item, str) for item in value):
                yield f"{name}:"
                yield from (f"  - {item}" for item in value)
        elif isinstance(value, (str, int, float, bool)):
            yield f"{name}: {value!r}"


def _advise() -> list[str]:
    context = _cv_request.get(None)
    if context is None or context.request.blueprint is None:
        return []
    return [
        "  The template was looked up from an endpoint that belongs to the blueprint"
        f" {context.request.blueprint!r}.",
        "  Is it in the right folder, and has the blueprint a template_folder?",
        "  See https://flask.palletsprojects.com/blueprints/#templates",
    ]
