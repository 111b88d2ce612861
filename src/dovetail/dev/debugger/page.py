"""The debugger's pages: of an error, and of a console without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dovetail.dev.debugger.layout import Layout
from dovetail.dev.pages import Pages
from dovetail.dev.pages.excerpts import shorten

if TYPE_CHECKING:
    # Only the type: a traceback draws itself by these.
    from dovetail.dev.debugger.tracebacks import DebugTraceback

__all__ = ["render_console", "render_error"]

_PAGES = Pages("dovetail.dev.debugger")

_TEXT = 150_000
_REQUEST_LINE = 500
_SWITCHED_OFF = "No console: evaluation is switched off for this server."


def render_error(
    traceback: DebugTraceback,
    *,
    evalex: bool,
    secret: str,
    trusted: bool,
    nonce: str,
    request_line: str = "",
    inspector: str = "",
    refusal: str = "",
    show_variables: bool = True,
    at_start: bool = False,
) -> str:
    """Return the document that shows a traceback; 1,000 frames are less than a megabyte.

    :param evalex: whether every frame gets a console. Without, ``secret`` is not in the document.
    :param secret: what the page's script has to send with each command.
    :param trusted: whether this browser has given the PIN, or needs none.
    :param nonce: as for :meth:`Pages.render <dovetail.dev.pages.Pages.render>`.
    :param request_line: method and target of the request that failed.
    :param inspector: the address of that request in the inspector.
    :param refusal: a sentence that says why there is no console, where ``evalex`` is false.
    :param show_variables: whether the values of local variables are in the document.
    :param at_start: whether the application could not be imported, so that saving mends it.
    """
    chain = Layout(variables=show_variables).chain(traceback.chain)
    return _PAGES.render(
        "error.html",
        nonce=nonce,
        chain=chain,
        last=chain.sections[-1],
        text=shorten(traceback.render_traceback_text(), _TEXT),
        console={"secret": secret, "trusted": trusted} if evalex else None,
        refusal="" if evalex else refusal or ("" if at_start else _SWITCHED_OFF),
        request_line=shorten(request_line, _REQUEST_LINE),
        inspector=inspector,
        at_start=at_start,
    )


def render_console(*, secret: str, trusted: bool, nonce: str) -> str:
    """Return the document of a console that belongs to no error; the arguments are the same."""
    console = {"secret": secret, "trusted": trusted}
    return _PAGES.render("console.html", nonce=nonce, console=console)
