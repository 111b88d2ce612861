"""A map bound to a host, a script name and what else a request gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, overload
from urllib.parse import urljoin
from wsgiref.types import WSGIApplication

from dovetail.data.exceptions import HTTPException, MethodNotAllowed, NotFound
from dovetail.data.urls import urlencode
from dovetail.routing.converters import quote_path
from dovetail.routing.exceptions import BuildError, RequestRedirect, WebsocketMismatch
from dovetail.routing.interfaces import RuleMap
from dovetail.routing.matcher import StateMachineMatcher
from dovetail.routing.matches import AliasOf, Moved, Unmatched
from dovetail.routing.rules import Rule

__all__ = ["MapAdapter"]

Query: TypeAlias = Mapping[str, Any] | str
#: A domain part and a path.
Built: TypeAlias = tuple[str, str]

_WEBSOCKET_SCHEMES = frozenset({"ws", "wss"})
_SECURE_SCHEMES = frozenset({"https", "wss"})

_variable = re.compile("<([^>]+)>")
# Of a redirect_to: a relative path whose first segment has a variable.
_begins_with_gap = re.compile("[^/?#:<]*<").match


class SearchableMap(RuleMap, Protocol):
    """A map, as adapters see it."""

    matcher: StateMachineMatcher
    rules_by_endpoint: dict[Any, list[Rule]]

    def update(self) -> None:
        """Take over what was changed."""


class MapAdapter:
    """Matches paths and builds URLs; :meth:`Map.bind` and :meth:`Map.bind_to_environ` make it.

    :param map: the map.
    :param server_name: the host, with its port if that is not the scheme's default.
    :param script_name: the path that the application is mounted at.
    :param subdomain: what stands in front of ``server_name``; None where hosts are matched.
    :param url_scheme: ``http``, ``https``, ``ws`` or ``wss``.
    :param path_info: the path to match if :meth:`match` is not given one.
    :param default_method: the method if :meth:`match` is not given one.
    :param query_args: the query of redirects if :meth:`match` is not given one.
    """

    def __init__(  # noqa: PLR0917 - the documented order
        self,
        map: SearchableMap,
        server_name: str,
        script_name: str,
        subdomain: str | None,
        url_scheme: str,
        path_info: str,
        default_method: str,
        query_args: Query | None = None,
    ) -> None:
        self.map = map
        self.server_name = server_name
        self.script_name = script_name if script_name[-1:] == "/" else f"{script_name}/"
        self.subdomain = subdomain
        self.url_scheme = url_scheme
        self.path_info = path_info
        self.default_method = default_method
        self.query_args = query_args
        #: Requests are WebSocket handshakes.
        self.websocket = url_scheme in _WEBSOCKET_SCHEMES

    def dispatch(
        self,
        view_func: Callable[[str, Mapping[str, Any]], WSGIApplication],
        path_info: str | None = None,
        method: str | None = None,
        catch_http_exceptions: bool = False,
    ) -> WSGIApplication:
        """Match, and return what ``view_func`` returns for the endpoint and the values.

        A redirect is returned in place of it.

        :param catch_http_exceptions: return other HTTP exceptions as well.
        """
        try:
            try:
                endpoint, values = self.match(path_info, method)
            except RequestRedirect as redirect:
                return redirect
            return view_func(endpoint, values)
        except HTTPException as error:
            if catch_http_exceptions:
                return error
            raise

    @overload
    def match(
        self,
        path_info: str | None = None,
        method: str | None = None,
        return_rule: Literal[False] = False,
        query_args: Query | None = None,
        websocket: bool | None = None,
    ) -> tuple[Any, Mapping[str, Any]]: ...

    @overload
    def match(
        self,
        path_info: str | None = None,
        method: str | None = None,
        return_rule: Literal[True] = True,
        query_args: Query | None = None,
        websocket: bool | None = None,
    ) -> tuple[Rule, Mapping[str, Any]]: ...

    def match(
        self,
        path_info: str | None = None,
        method: str | None = None,
        return_rule: bool = False,
        query_args: Query | None = None,
        websocket: bool | None = None,
    ) -> tuple[Any | Rule, Mapping[str, Any]]:
        """Return the endpoint and the values of the rule that matches.

        :param path_info: the path, not percent-encoded.
        :param return_rule: return the rule instead of its endpoint.
        :param query_args: the query of a redirect.
        :param websocket: it is a WebSocket handshake.
        :raises NotFound: no rule matches.
        :raises MethodNotAllowed: none does for this method.
        :raises WebsocketMismatch: none does for this kind of request.
        :raises RequestRedirect: another URL is the right one.
        """
        map = self.map
        if map.stale:
            map.update()
        path = self.path_info if path_info is None else path_info
        if path and (path[0] != "/" or path[:2] == "//"):
            path = f"/{path.lstrip('/')}"
        found = map.matcher.search(
            self.server_name if map.host_matching else self.subdomain or "",
            path,
            (method or self.default_method).upper(),
            self.websocket if websocket is None else websocket,
        )
        if not isinstance(found, tuple):
            raise self._error(found, path, method, query_args)
        rule, values = found
        # PERF: both are empty for nearly all rules.
        if rule.shorter and map.redirect_defaults:
            url = self.get_default_redirect(
                rule, self._method(method), values, self._query(query_args)
            )
            if url is not None:
                raise RequestRedirect(url)
        if rule.redirect_to is not None:
            raise RequestRedirect(self._redirect_to(rule, values))
        return rule if return_rule else rule.endpoint, values

    def _method(self, method: str | None) -> str:
        return (method or self.default_method).upper()

    def _query(self, query_args: Query | None) -> Query:
        if query_args is not None:
            return query_args
        return self.query_args or {}

    def _error(
        self,
        match: AliasOf | Moved | Unmatched,
        path: str,
        method: str | None,
        query_args: Query | None,
    ) -> HTTPException:
        """Return the exception for a match that leads to no endpoint."""
        if isinstance(match, Moved):
            return RequestRedirect(self.make_redirect_url(quote_path(match.path), query_args))
        if isinstance(match, Unmatched):
            if match.allowed:
                return MethodNotAllowed(valid_methods=sorted(match.allowed))
            return WebsocketMismatch() if match.websocket_mismatch else NotFound()
        return RequestRedirect(
            self.make_alias_redirect_url(
                path,
                match.rule.endpoint,
                match.values,
                self._method(method),
                self._query(query_args),
            )
        )

    def _redirect_to(self, rule: Rule, values: Mapping[str, Any]) -> str:
        target = rule.redirect_to
        if isinstance(target, str):
            location = _variable.sub(lambda gap: rule.to_url(gap[1], values[gap[1]]), target)
            if _begins_with_gap(target) and (":" in location or location.startswith("//")):
                # Else a value such as "https:other.org" would lead to another site.
                location = f"./{location}"
        else:
            assert target is not None
            location = target(self, **values)
        host = f"{self.subdomain}.{self.server_name}" if self.subdomain else self.server_name
        return urljoin(f"{self.url_scheme or 'http'}://{host}{self.script_name}", location)

    def test(self, path_info: str | None = None, method: str | None = None) -> bool:
        """Whether a rule matches, or another URL is the right one."""
        try:
            self.match(path_info, method)
        except RequestRedirect:
            return True
        except HTTPException:
            return False
        return True

    def allowed_methods(self, path_info: str | None = None) -> Iterable[str]:
        """Return the methods for which a rule matches; none if one matches for all methods."""
        try:
            self.match(path_info, method="--")
        except MethodNotAllowed as error:
            return error.valid_methods or ()
        except HTTPException:
            pass
        return []

    def get_host(self, domain_part: str | None) -> str:
        """Return the whole host.

        :param domain_part: the subdomain, or the host where hosts are matched; None for that of
            the adapter.
        """
        if self.map.host_matching:
            return self.server_name if domain_part is None else domain_part
        subdomain = self.subdomain if domain_part is None else domain_part
        return f"{subdomain}.{self.server_name}" if subdomain else self.server_name

    def get_default_redirect(
        self,
        rule: Rule,
        method: str,
        values: MutableMapping[str, Any],
        query_args: Query,
    ) -> str | None:
        """Return the URL of the rule that has these values as its defaults, if there is one.

        :param rule: the rule that matches.
        :param values: its values; those that are defaults of the other rule are added.
        """
        assert self.map.redirect_defaults, "the map does not redirect to defaults"
        for shorter in rule.shorter:
            if shorter.suitable_for(values, method):
                values.update(shorter.defaults or {})
                built = shorter.build(values)
                if built is not None:
                    domain_part, path = built
                    return self.make_redirect_url(path, query_args, domain_part)
        return None

    def encode_query_args(self, query_args: Query) -> str:
        """Return a query; a str is one already."""
        return query_args if isinstance(query_args, str) else urlencode(query_args)

    def make_redirect_url(
        self,
        path_info: str,
        query_args: Query | None = None,
        domain_part: str | None = None,
    ) -> str:
        """Return the URL of a path.

        :param path_info: the path below the script name, percent-encoded.
        :param query_args: None for the adapter's.
        :param domain_part: as for :meth:`get_host`.
        """
        query = self.query_args if query_args is None else query_args
        path = path_info.lstrip("/")
        if self.script_name != "/" and (mount := self.script_name.strip("/")):
            path = f"{mount}/{path}"
        url = f"{self.url_scheme or 'http'}://{self.get_host(domain_part)}/{path}"
        encoded = self.encode_query_args(query) if query else ""
        return f"{url}?{encoded}" if encoded else url

    def make_alias_redirect_url(
        self,
        path: str,
        endpoint: Any,
        values: Mapping[str, Any],
        method: str,
        query_args: Query,
    ) -> str:
        """Return the URL of the rule that an alias stands for.

        :param path: the URL of the alias.
        :raises AssertionError: both are the same.
        """
        url = self.build(endpoint, values, method, append_unknown=False, force_external=True)
        if query_args:
            url = f"{url}?{self.encode_query_args(query_args)}"
        if url == path:
            raise AssertionError(f"the alias {path!r} stands for itself")
        return url

    def build(  # noqa: PLR0917 - the documented order
        self,
        endpoint: Any,
        values: Mapping[str, Any] | None = None,
        method: str | None = None,
        force_external: bool = False,
        append_unknown: bool = True,
        url_scheme: str | None = None,
    ) -> str:
        """Return the URL of an endpoint: a path, or a whole URL where another host is needed.

        :param values: of the variables. None means that there is no such value; those that are
            no variables become the query, where a list or a MultiDict gives several pairs.
        :param method: the rule is to have this method; by default the adapter's, if there is such
            a rule.
        :param force_external: return a whole URL. WebSocket rules always give one.
        :param append_unknown: leave out what is no variable instead, if false.
        :param url_scheme: overrides the adapter's; an empty one gives a URL that begins with two
            slashes.
        :raises BuildError: there is no such rule.
        """
        map = self.map
        if map.stale:
            map.update()
        present = _present_values(values) if values else {}
        rules = map.rules_by_endpoint.get(endpoint, ())
        if len(rules) == 1 and method is None:
            # PERF: half of the time. Where there is one rule its methods make no difference.
            rule = rules[0]
            built = rule.try_build(present, append_unknown)
        else:
            chosen = self._build_rule(rules, present, method, append_unknown)
            if chosen is None:
                raise BuildError(endpoint, present, method, self)
            rule, built = chosen
        if built is None:
            raise BuildError(endpoint, present, method, self)
        domain_part, path = built
        # Browsers open a WebSocket by a whole URL only.
        if (
            not force_external
            and not rule.websocket
            and domain_part == (self.server_name if map.host_matching else self.subdomain)
        ):
            # PERF: this is what nearly every call returns.
            if self.script_name == "/" and path[:2] != "//":
                return path
            return f"{self.script_name.rstrip('/')}/{path.lstrip('/')}"
        scheme = self.url_scheme if url_scheme is None else url_scheme
        secure = scheme in _SECURE_SCHEMES
        if rule.websocket:
            scheme = "wss" if secure else "ws"
        elif scheme:
            scheme = "https" if secure else "http"
        origin = f"{f'{scheme}:' if scheme else ''}//{self.get_host(domain_part)}"
        return f"{origin}{self.script_name[:-1]}/{path.lstrip('/')}"

    def _build_rule(
        self,
        rules: Sequence[Rule],
        values: Mapping[str, Any],
        method: str | None,
        append_unknown: bool,
    ) -> tuple[Rule, Built] | None:
        """Return the rule to be used, and its domain part and path."""
        if method is None:
            first = self._build_first(rules, values, self.default_method, append_unknown)
            if first is not None:
                return first
        return self._build_first(rules, values, method, append_unknown)

    def _build_first(
        self,
        rules: Sequence[Rule],
        values: Mapping[str, Any],
        method: str | None,
        append_unknown: bool,
    ) -> tuple[Rule, Built] | None:
        elsewhere = None
        for rule in rules:
            if method is not None and rule.methods is not None and method not in rule.methods:
                continue
            built = rule.try_build(values, append_unknown)
            if built is None:
                continue
            # Where hosts are matched, a rule of this host is better than an earlier one.
            if not self.map.host_matching or built[0] == self.server_name:
                return rule, built
            if elsewhere is None:
                elsewhere = rule, built
        return elsewhere


def _present_values(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what is None; several values of a MultiDict become a list."""
    # PERF: asking a dict for what it has not costs 0.1 us.
    if type(values) is not dict:
        lists = getattr(values, "lists", None)
        if lists is not None:
            return {name: v[0] if len(v) == 1 else v for name, v in lists() if v}
    for value in values.values():
        if value is None:
            return {name: values[name] for name in values if values[name] is not None}
    return values
