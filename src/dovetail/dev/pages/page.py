"""A page of the development server, rendered into one document that needs nothing else."""

from __future__ import annotations

import secrets
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dovetail.toolkit.response import Response

__all__ = ["Pages", "content_security_policy", "make_private"]

#: Where the assets of a package are, and where every package finds the shared ones.
_ASSETS = "assets"
_SHARED = "dovetail.dev.pages"


def content_security_policy(nonce: str) -> str:
    """Return the value of the ``Content-Security-Policy`` field that a page is sent with.

    Only the page's own style and script run, what they ask for goes to the page's own origin, and
    no other page may frame it, so that nobody is made to click in it.
    """
    return f"{_policy_of_document(nonce)}; frame-ancestors 'none'"


def _policy_of_document(nonce: str) -> str:
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'"
    )


def make_private(response: Response) -> Response:
    """Have nobody keep a response, show it elsewhere, or take it for something else."""
    response.headers.update(
        {
            "Cache-Control": "no-store",
            # What it is depends on who asks: for caches that keep it all the same.
            "Vary": "Accept, Cookie",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
    )
    return response


class Pages:
    """The pages whose templates, styles and scripts are in the directory ``assets`` of a package.

    A template extends ``base.html``, which has the blocks ``title``, ``style``, ``masthead``,
    ``main`` and ``script``, and calls ``asset("NAME.css")`` for the text of a file of its own.
    Everything is escaped that is not marked as HTML.
    """

    def __init__(self, package: str) -> None:
        self.package = package

    @cached_property
    def environment(self) -> Environment:
        """The templates, which are read when the first page is asked for."""
        environment = Environment(
            loader=ChoiceLoader(
                [PackageLoader(self.package, _ASSETS), PackageLoader(_SHARED, _ASSETS)]
            ),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(asset=self._asset, policy_of_document=_policy_of_document)
        return environment

    def render(self, template: str, *, nonce: str = "", **values: Any) -> str:
        """Return the document of a template.

        ``nonce`` is a fresh random text for each answer, which :func:`content_security_policy`
        gets too; without one the page has its own, which its answer's fields must not contradict.
        Halves of surrogate pairs, which no encoding takes, come out as escapes.
        """
        nonce = nonce or secrets.token_urlsafe(16)
        document = self.environment.get_template(template).render(nonce=nonce, **values)
        return document.encode("utf-8", "backslashreplace").decode()

    def _asset(self, name: str) -> Markup:
        try:
            return _read(self.package, name)
        except FileNotFoundError:
            return _read(_SHARED, name)


@lru_cache(maxsize=32)
def _read(package: str, name: str) -> Markup:
    return Markup(files(package).joinpath(_ASSETS, name).read_text("utf-8"))
