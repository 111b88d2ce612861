"""A map: all rules of an application, and how they are matched.

Applications bind a map to a request and ask the adapter::

    url_map = Map([Rule("/users/<int:number>", endpoint="user")])
    adapter = url_map.bind_to_environ(environ)
    endpoint, values = adapter.match()  # or an HTTP exception

A framework that wants no exceptions asks the map itself::

    match url_map.find(subdomain, "/users/5", "GET"):
        case Found(rule, values): ...
        case Moved(path): ...  # redirect to this path
        case AliasOf(rule, values): ...  # redirect to the URL of rule.endpoint
        case Unmatched(allowed, websocket_mismatch): ...  # 405, 400 or 404
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from operator import methodcaller
from pprint import pformat
from threading import Lock
from typing import Any
from wsgiref.types import WSGIEnvironment

from dovetail.data.exceptions import BadHost
from dovetail.data.hosts import get_host
from dovetail.data.immutable import ImmutableDict
from dovetail.routing.adapter import MapAdapter
from dovetail.routing.converters import DEFAULT_CONVERTERS, BaseConverter
from dovetail.routing.matcher import StateMachineMatcher
from dovetail.routing.matches import Match
from dovetail.routing.rules import Rule, RuleFactory

__all__ = ["Map"]


class Map:
    """All rules of an application.

    :param rules: the rules, or groups of them.
    :param default_subdomain: the subdomain of rules that name none.
    :param strict_slashes: a request for a branch without its slash is redirected, and one for a
        leaf with a slash is not found. Otherwise both match.
    :param merge_slashes: several slashes in a row mean one; the request is redirected.
    :param redirect_defaults: a request whose values are another rule's defaults is redirected to
        that rule, and one for an alias to the rule it stands for.
    :param converters: more converters, by name.
    :param sort_parameters: sort the query of URLs.
    :param sort_key: by what the pairs of the query are sorted.
    :param host_matching: rules have patterns of whole hosts in place of subdomains.
    """

    #: The converters that every map knows, by name.
    default_converters: Mapping[str, type[BaseConverter]] = ImmutableDict(DEFAULT_CONVERTERS)
    #: Makes the lock under which changes are taken over.
    lock_class: Callable[[], Any] = Lock

    def __init__(  # noqa: PLR0917 - the documented order
        self,
        rules: Iterable[RuleFactory] | None = None,
        default_subdomain: str = "",
        strict_slashes: bool = True,
        merge_slashes: bool = True,
        redirect_defaults: bool = True,
        converters: Mapping[str, type[BaseConverter]] | None = None,
        sort_parameters: bool = False,
        sort_key: Callable[[Any], Any] | None = None,
        host_matching: bool = False,
    ) -> None:
        self.default_subdomain = default_subdomain
        self.strict_slashes = strict_slashes
        self.redirect_defaults = redirect_defaults
        self.host_matching = host_matching
        self.converters = {**self.default_converters, **(converters or {})}
        self.sort_parameters = sort_parameters
        self.sort_key = sort_key
        #: The state machine.
        self.matcher = StateMachineMatcher(merge_slashes)
        #: The rules of each endpoint, in the order in which they are tried for building.
        self.rules_by_endpoint: dict[Any, list[Rule]] = {}
        #: Rules were bound, and :meth:`update` has not yet taken them over.
        self.stale = False
        self._lock = self.lock_class()
        for rulefactory in rules or ():
            self.add(rulefactory)

    @property
    def merge_slashes(self) -> bool:
        """Several slashes in a row mean one."""
        return self.matcher.merge_slashes

    @merge_slashes.setter
    def merge_slashes(self, value: bool) -> None:
        self.matcher.merge_slashes = value

    # Under these two names extensions look for the rules.
    @property
    def _rules_by_endpoint(self) -> dict[Any, list[Rule]]:
        return self.rules_by_endpoint

    @property
    def _rules(self) -> list[Rule]:
        return list(self.iter_rules())

    def is_endpoint_expecting(self, endpoint: Any, *arguments: str) -> bool:
        """Whether a rule of the endpoint has all these variables or defaults.

        :raises KeyError: there is no such endpoint.
        """
        self.update()
        return any(rule.arguments.issuperset(arguments) for rule in self.iter_rules(endpoint))

    def iter_rules(self, endpoint: Any | None = None) -> Iterator[Rule]:
        """Return all rules, or those of one endpoint, in the order in which URLs are built.

        :raises KeyError: there is no such endpoint.
        """
        self.update()
        if endpoint is not None:
            return iter(self.rules_by_endpoint[endpoint])
        return chain.from_iterable(self.rules_by_endpoint.values())

    def add(self, rulefactory: RuleFactory) -> None:
        """Add a rule, or a group of them, and bind it.

        :raises RuntimeError: a rule is bound already.
        :raises ValueError: a rule is malformed.
        :raises LookupError: a rule names an unknown converter.
        """
        for rule in rulefactory.get_rules(self):
            rule.bind(self)
            # Another thread may be taking over what was added before.
            with self._lock:
                if not rule.build_only:
                    self.matcher.add(rule)
                self.rules_by_endpoint.setdefault(rule.endpoint, []).append(rule)
                self.stale = True

    def update(self) -> None:
        """Take over what was added: sort the rules, and build the state machine."""
        if not self.stale:
            return
        with self._lock:
            if not self.stale:
                return
            for rules in self.rules_by_endpoint.values():
                rules.sort(key=methodcaller("build_compare_key"))
                for index, rule in enumerate(rules):
                    rule.shorter = [r for r in rules[:index] if r.provides_defaults_for(rule)]
            self.matcher.update()
            self.stale = False

    def find(self, domain: str, path: str, method: str, websocket: bool = False) -> Match:
        """Look up a path and return the match as a value; nothing is raised.

        :param domain: the subdomain, or the host where hosts are matched.
        :param path: not percent-encoded; begins with one slash, or is empty.
        :param method: in capitals.
        :param websocket: it is a WebSocket handshake.
        """
        if self.stale:
            self.update()
        return self.matcher.find(domain, path, method, websocket)

    def bind(  # noqa: PLR0917 - the documented order
        self,
        server_name: str,
        script_name: str | None = None,
        subdomain: str | None = None,
        url_scheme: str = "http",
        default_method: str = "GET",
        path_info: str | None = None,
        query_args: Mapping[str, Any] | str | None = None,
    ) -> MapAdapter:
        """Return an adapter for a host.

        :param server_name: the host, with its port if that is not the scheme's default.
        :param script_name: the path the application is mounted at; None means ``/``.
        :param subdomain: None for the default one.
        :param url_scheme: ``http``, ``https``, ``ws`` or ``wss``.
        :param default_method: the method of matches for which none is given.
        :param path_info: the path of matches for which none is given; None means ``/``.
        :param query_args: the query of redirects for which none is given.
        :raises RuntimeError: hosts are matched, and a subdomain is given.
        :raises BadHost: the host cannot be encoded by IDNA.
        """
        if self.host_matching:
            if subdomain is not None:
                raise RuntimeError("a map that matches hosts takes no subdomain")
        elif subdomain is None:
            subdomain = self.default_subdomain
        return MapAdapter(
            self,
            _encode_host(server_name),
            "/" if script_name is None else script_name,
            subdomain,
            url_scheme,
            "/" if path_info is None else path_info,
            default_method,
            query_args,
        )

    def bind_to_environ(
        self,
        environ: WSGIEnvironment | Any,
        server_name: str | None = None,
        subdomain: str | None = None,
    ) -> MapAdapter:
        """Return an adapter for a request.

        The path, the method, the query and the scheme are the request's; a WebSocket handshake
        makes the scheme ``ws`` or ``wss``.

        :param environ: a WSGI environment, or a request that has one.
        :param server_name: the application's host. What the request's host has in front of it is
            the subdomain. None for the request's host.
        :param subdomain: None for that of the request's host. If that does not end with
            ``server_name``, there is a warning and the subdomain is ``<invalid>``.
        :raises RuntimeError: hosts are matched, and a subdomain is given.
        :raises BadHost: the host cannot be encoded by IDNA.
        """
        environ = getattr(environ, "environ", environ)
        scheme = environ["wsgi.url_scheme"]
        if "HTTP_UPGRADE" in environ and _is_websocket(environ):
            scheme = "wss" if scheme == "https" else "ws"
        host = _host(
            scheme,
            environ.get("HTTP_HOST"),
            environ.get("SERVER_NAME"),
            environ.get("SERVER_PORT"),
        )
        if server_name is None:
            server_name = host
            if subdomain is None and not self.host_matching:
                subdomain = ""
        else:
            server_name = get_host(scheme, server_name.lower()) or server_name.lower()
            if subdomain is None and not self.host_matching:
                subdomain = _subdomain(host, server_name)
        query = environ.get("QUERY_STRING")
        # Not self.bind(): a subclass may have it call this method.
        return Map.bind(
            self,
            server_name,
            _decode(environ.get("SCRIPT_NAME")),
            subdomain,
            scheme,
            environ["REQUEST_METHOD"],
            _decode(environ.get("PATH_INFO")),
            query_args=_decode(query),
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({pformat(self._rules)})"


@lru_cache(maxsize=128)
def _encode_host(host: str) -> str:
    """Return a host in lower case and in IDNA, with its port as it is.

    :raises BadHost: it cannot be encoded.
    """
    name, colon, port = host.lower().partition(":")
    try:
        return f"{name.encode('idna').decode('ascii')}{colon}{port}"
    except UnicodeError as error:
        raise BadHost from error


# PERF: the same few hosts come again and again; looking one up here takes 0.1 us, get_host 1.3.
@lru_cache(maxsize=128)
def _host(scheme: str, host: str | None, name: str | None, port: str | int | None) -> str:
    """Return the host of a request, in lower case."""
    try:
        number = None if port is None else int(port)
    except ValueError:  # Some servers that listen on a Unix socket have an empty SERVER_PORT.
        number = None
    return get_host(scheme, host, None if name is None else (name, number)).lower()


def _is_websocket(environ: WSGIEnvironment) -> bool:
    """Whether a request is a WebSocket handshake (RFC 6455 section 4.1)."""
    tokens = environ.get("HTTP_CONNECTION", "").lower().split(",")
    upgrade = any(token.strip(" \t") == "upgrade" for token in tokens)
    return upgrade and environ["HTTP_UPGRADE"].lower() == "websocket"


def _subdomain(host: str, server_name: str) -> str:
    """Return what a host has in front of the server's name, or ``<invalid>``."""
    if host == server_name:
        return ""
    labels, known = host.split("."), server_name.split(".")
    front = len(labels) - len(known)
    if front < 0 or labels[front:] != known:
        warnings.warn(
            f"Current server name {host!r} doesn't match configured server name {server_name!r}",
            stacklevel=3,
        )
        return "<invalid>"
    return ".".join(label for label in labels[:front] if label)


def _decode(text: str | None) -> str | None:
    """Turn the environ's octets, which are a str of Latin-1 (PEP 3333), into a text in UTF-8."""
    if text is None or text.isascii():
        return text
    return text.encode("latin-1", "replace").decode("utf-8", "replace")
