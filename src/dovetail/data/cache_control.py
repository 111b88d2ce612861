"""Cache-Control of requests and of responses (RFC 9111 section 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, overload

from dovetail.data.callbacks import CallbackDict
from dovetail.data.header_values import dump_header, parse_dict_header
from dovetail.data.immutable import ImmutableDictMixin

__all__ = [
    "RequestCacheControl",
    "ResponseCacheControl",
    "cache_control_property",
    "parse_cache_control_header",
]


def cache_control_property(
    key: str, empty: Any, type: type[Any] | None, *, doc: str | None = None
) -> Any:
    """Return a property for one directive, for classes with directives of their own.

    :param key: the directive.
    :param empty: what the property is if the directive is there without a value.
    :param type: turns the value into the property's; with bool the value does not matter, with
        None it is taken as it is.
    :param doc: the property's docstring.
    """
    if doc is None:
        kind = "value" if type is None else type.__name__
        doc = f"The ``{key}`` directive: a {kind}, or None if it is absent."
        if type is bool:
            doc = f"Whether there is a ``{key}`` directive."
        elif empty is not None:
            doc += f" {empty!r} if it has no value."

    def fset(directives: dict[str, Any], value: Any) -> None:
        _set(directives, key, value, type)

    def fdel(directives: dict[str, Any]) -> None:
        # An immutable one is not asked to change without need, so pop will not do.
        if key in directives:
            del directives[key]  # noqa: RUF051

    return property(_flag(key) if type is bool else _value(key, empty, type), fset, fdel, doc)


def _flag(key: str) -> Callable[[dict[str, Any]], bool]:
    def fget(directives: dict[str, Any]) -> bool:
        return key in directives

    return fget


def _value(key: str, empty: Any, type: type[Any] | None) -> Callable[[dict[str, Any]], Any]:
    def fget(directives: dict[str, Any]) -> Any:
        if key not in directives:
            return None
        value = directives[key]
        if value is None:
            return empty
        if type is None:
            return value
        try:
            return type(value)
        except ValueError:
            return None

    return fget


def _set(directives: dict[str, Any], key: str, value: Any, type: type[Any] | None) -> None:
    absent = not value if type is bool else value is None or value is False
    if absent:
        directives.pop(key, None)
    elif type is bool or value is True:
        directives[key] = None
    else:
        directives[key] = str(value if type is None else type(value))


class _CacheControl(CallbackDict[str, Any]):
    """Directives with their values; a value of None is a directive without one."""

    no_store: bool = cache_control_property("no-store", None, bool)
    max_age: int | None = cache_control_property("max-age", None, int)
    no_transform: bool = cache_control_property("no-transform", None, bool)
    stale_if_error: int | None = cache_control_property("stale-if-error", None, int)

    #: For subclasses: makes a property, as :func:`cache_control_property` does.
    cache_property = staticmethod(cache_control_property)

    def __init__(
        self,
        values: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = (),
        on_update: Callable[[Any], None] | None = None,
    ) -> None:
        super().__init__(values, on_update)
        #: Whether there was a header field.
        self.provided = values is not None

    def to_header(self) -> str:
        """Return the value of the header field."""
        return dump_header(self)

    def __str__(self) -> str:
        return self.to_header()

    def __repr__(self) -> str:
        items = " ".join([f"{key}={value!r}" for key, value in sorted(self.items())])
        return f"<{type(self).__name__} {items}>"


class RequestCacheControl(ImmutableDictMixin[str, Any], _CacheControl):  # type: ignore[misc]
    """The directives of a request (RFC 9111 section 5.2.1), which cannot be changed.

    :param values: directives with their values.
    :param on_update: is kept, and never called.
    """

    no_cache: bool = cache_control_property("no-cache", None, bool)
    max_stale: int | bool | None = cache_control_property("max-stale", True, int)
    min_fresh: int | None = cache_control_property("min-fresh", None, int)
    only_if_cached: bool = cache_control_property("only-if-cached", None, bool)


class ResponseCacheControl(_CacheControl):
    """The directives of a response (RFC 9111 section 5.2.2, RFC 5861 and RFC 8246).

    :param values: directives with their values.
    :param on_update: is called with this object after each change.
    """

    no_cache: str | bool | None = cache_control_property("no-cache", True, None)
    public: bool = cache_control_property("public", None, bool)
    private: str | bool | None = cache_control_property("private", True, None)
    must_revalidate: bool = cache_control_property("must-revalidate", None, bool)
    proxy_revalidate: bool = cache_control_property("proxy-revalidate", None, bool)
    s_maxage: int | None = cache_control_property("s-maxage", None, int)
    immutable: bool = cache_control_property("immutable", None, bool)
    must_understand: bool = cache_control_property("must-understand", None, bool)
    stale_while_revalidate: int | None = cache_control_property("stale-while-revalidate", None, int)


_TCacheControl = TypeVar("_TCacheControl", bound=_CacheControl)


@overload
def parse_cache_control_header(
    value: str | None, on_update: Callable[[Any], None] | None = None, cls: None = None
) -> RequestCacheControl: ...
@overload
def parse_cache_control_header(
    value: str | None, on_update: Callable[[Any], None] | None = None, *, cls: type[_TCacheControl]
) -> _TCacheControl: ...
@overload
def parse_cache_control_header(
    value: str | None, on_update: Callable[[Any], None] | None, cls: type[_TCacheControl]
) -> _TCacheControl: ...
def parse_cache_control_header(
    value: str | None,
    on_update: Callable[[Any], None] | None = None,
    cls: type[Any] | None = None,
) -> Any:
    """Return the directives of a Cache-Control field.

    :param on_update: is called with the result after each change.
    :param cls: the class of the result; :class:`RequestCacheControl` if it is not given.
    """
    kind = RequestCacheControl if cls is None else cls
    return kind(parse_dict_header(value) if value else (), on_update)
