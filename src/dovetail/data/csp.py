"""Content-Security-Policy (W3C Content Security Policy Level 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, overload

from dovetail.data.callbacks import CallbackDict
from dovetail.http1.grammar import OWS

__all__ = ["ContentSecurityPolicy", "csp_property", "dump_csp_header", "parse_csp_header"]


def csp_property(key: str) -> Any:
    """Return a property for one directive, for classes with directives of their own.

    It is None if the directive is absent, and setting it to None removes the directive.
    """

    def fget(policy: dict[str, Any]) -> Any:
        return policy.get(key)

    def fset(policy: dict[str, Any], value: Any) -> None:
        if value is None:
            policy.pop(key, None)
        else:
            policy[key] = value

    def fdel(policy: dict[str, Any]) -> None:
        policy.pop(key, None)

    return property(fget, fset, fdel, f"The ``{key}`` directive, None if it is absent.")


class ContentSecurityPolicy(CallbackDict[str, Any]):
    """The directives of a policy with their values.

    :param values: directives with their values.
    :param on_update: is called with this object after each change.
    """

    base_uri: str | None = csp_property("base-uri")
    child_src: str | None = csp_property("child-src")
    connect_src: str | None = csp_property("connect-src")
    default_src: str | None = csp_property("default-src")
    font_src: str | None = csp_property("font-src")
    form_action: str | None = csp_property("form-action")
    frame_ancestors: str | None = csp_property("frame-ancestors")
    frame_src: str | None = csp_property("frame-src")
    img_src: str | None = csp_property("img-src")
    manifest_src: str | None = csp_property("manifest-src")
    media_src: str | None = csp_property("media-src")
    navigate_to: str | None = csp_property("navigate-to")
    object_src: str | None = csp_property("object-src")
    plugin_types: str | None = csp_property("plugin-types")
    prefetch_src: str | None = csp_property("prefetch-src")
    report_to: str | None = csp_property("report-to")
    report_uri: str | None = csp_property("report-uri")
    sandbox: str | None = csp_property("sandbox")
    script_src: str | None = csp_property("script-src")
    script_src_attr: str | None = csp_property("script-src-attr")
    script_src_elem: str | None = csp_property("script-src-elem")
    style_src: str | None = csp_property("style-src")
    style_src_attr: str | None = csp_property("style-src-attr")
    style_src_elem: str | None = csp_property("style-src-elem")
    worker_src: str | None = csp_property("worker-src")

    def __init__(
        self,
        values: Mapping[str, str] | Iterable[tuple[str, str]] | None = (),
        on_update: Callable[[Any], None] | None = None,
    ) -> None:
        super().__init__(values, on_update)
        #: Whether there was a header field.
        self.provided = values is not None

    def to_header(self) -> str:
        """Return the value of the header field."""
        return dump_csp_header(self)

    def __str__(self) -> str:
        return self.to_header()

    def __repr__(self) -> str:
        items = " ".join([f"{key}={value!r}" for key, value in sorted(self.items())])
        return f"<{type(self).__name__} {items}>"


def dump_csp_header(header: Mapping[str, Any]) -> str:
    """Return the value of the header field for a policy."""
    return "; ".join([f"{key} {value}" for key, value in header.items()])


_TPolicy = TypeVar("_TPolicy", bound=ContentSecurityPolicy)


@overload
def parse_csp_header(
    value: str | None, on_update: Callable[[Any], None] | None = None, cls: None = None
) -> ContentSecurityPolicy: ...
@overload
def parse_csp_header(
    value: str | None, on_update: Callable[[Any], None] | None = None, *, cls: type[_TPolicy]
) -> _TPolicy: ...
@overload
def parse_csp_header(
    value: str | None, on_update: Callable[[Any], None] | None, cls: type[_TPolicy]
) -> _TPolicy: ...
def parse_csp_header(
    value: str | None,
    on_update: Callable[[Any], None] | None = None,
    cls: type[Any] | None = None,
) -> Any:
    """Return the directives of a policy; those without a value are left out.

    :param on_update: is called with the result after each change.
    :param cls: the class of the result; :class:`ContentSecurityPolicy` if it is not given.
    """
    kind = ContentSecurityPolicy if cls is None else cls
    directives = []
    for policy in (value or "").split(";"):
        name, space, rest = policy.strip(OWS).partition(" ")
        if space:
            directives.append((name.rstrip(OWS), rest.lstrip(OWS)))
    return kind(directives, on_update)
