"""The request and the response of an application."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dovetail.app import json
from dovetail.app.diagnosis import attach_enctype_error_multidict
from dovetail.app.proxies import _cv_app
from dovetail.data.exceptions import BadRequest, HTTPException
from dovetail.toolkit.request import Request as BaseRequest
from dovetail.toolkit.response import Response as BaseResponse

if TYPE_CHECKING:
    from dovetail.routing.rules import Rule

__all__ = ["Request", "Response", "blueprint_chain"]

_UNSET: Any = object()


@lru_cache(maxsize=4096)
def blueprint_chain(name: str) -> tuple[str, ...]:
    """Return the name of a blueprint, then those of the blueprints it is nested in.

    :param name: with dots, "parent.child".
    """
    chain = [name]
    while "." in name:
        name = name.rpartition(".")[0]
        chain.append(name)
    return tuple(chain)


def _limit(key: str, doc: str) -> property:
    """Return a property that is a key of the configuration, unless it is set on the request."""
    name = f"_{key.lower()}"

    def fget(self: Request) -> int | None:
        own = getattr(self, name)
        if own is not _UNSET:
            return own  # type: ignore[no-any-return]
        context = _cv_app.get(None)
        if context is None:
            return getattr(super(Request, self), key.lower())  # type: ignore[no-any-return]
        return context.app.config[key]  # type: ignore[no-any-return]

    def fset(self: Request, value: int | None) -> None:
        setattr(self, name, value)

    return property(fget, fset, doc=doc)


class Request(BaseRequest):
    """A request of an application: it also knows how it was matched.

    The parameters are those of :class:`dovetail.toolkit.Request`. The three limits are the
    configuration's, and may be set for one request before its body is read.
    """

    json_module: Any = json

    #: The rule that matched; None if none did.
    url_rule: Rule | None = None
    #: The values of the rule's variables; None if no rule matched.
    view_args: dict[str, Any] | None = None
    #: What is raised in place of calling a view: no rule matched, or a redirect.
    routing_exception: HTTPException | None = None

    _max_content_length: Any = _UNSET
    _max_form_memory_size: Any = _UNSET
    _max_form_parts: Any = _UNSET

    max_content_length = _limit(
        "MAX_CONTENT_LENGTH", "The most octets that the body may have; None sets no limit."
    )
    max_form_memory_size = _limit(
        "MAX_FORM_MEMORY_SIZE",
        "The most octets that the fields of a form without file may have; None sets no limit.",
    )
    max_form_parts = _limit(
        "MAX_FORM_PARTS", "The most parts that a multipart body may have; None sets no limit."
    )

    @property
    def endpoint(self) -> str | None:
        """The endpoint of the rule that matched; None if none did."""
        rule = self.url_rule
        return None if rule is None else rule.endpoint

    @property
    def blueprint(self) -> str | None:
        """The name under which the blueprint of the endpoint is registered; None if there is none.

        With dots, if it is nested: "parent.child".
        """
        endpoint = self.endpoint
        if endpoint is not None and "." in endpoint:
            return endpoint.rpartition(".")[0]
        return None

    @property
    def blueprints(self) -> list[str]:
        """The name of the blueprint, then those of the blueprints it is nested in."""
        name = self.blueprint
        return [] if name is None else list(blueprint_chain(name))

    def _load_form_data(self) -> None:
        super()._load_form_data()
        context = _cv_app.get(None)
        # A form without enctype sends names of files only; in debug mode an error explains that.
        if (
            context is not None
            and context.app.debug
            and self.mimetype != "multipart/form-data"
            and not self.files
        ):
            attach_enctype_error_multidict(self)

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Raise the error of a body that is no JSON; in debug mode it says what is wrong with it.

        :param e: the error of the JSON parser; None if the content type is not JSON.
        :raises BadRequest: for an error of the parser.
        :raises UnsupportedMediaType: for the content type.
        """
        try:
            return super().on_json_loading_failed(e)
        except BadRequest as error:
            context = _cv_app.get(None)
            if context is not None and context.app.debug:
                raise
            raise BadRequest from error


class Response(BaseResponse):
    """A response of an application, of HTML unless it says otherwise.

    The parameters are those of :class:`dovetail.toolkit.Response`.
    """

    default_mimetype: str | None = "text/html"
    json_module: Any = json
    autocorrect_location_header = False

    @property
    def max_cookie_size(self) -> int:  # type: ignore[override]
        """The octets above which a cookie gives a warning: MAX_COOKIE_SIZE."""
        context = _cv_app.get(None)
        if context is None:
            return super().max_cookie_size
        return context.app.config["MAX_COOKIE_SIZE"]  # type: ignore[no-any-return]
