"""URLs: which rule a request's leads to, and which one leads to an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from dovetail.app.diagnosis import FormDataRoutingRedirect
from dovetail.app.proxies import _cv_app, _cv_request
from dovetail.app.setup import AppSetup
from dovetail.data.exceptions import NotFound
from dovetail.routing.exceptions import BuildError, RequestRedirect
from dovetail.routing.map import Map
from dovetail.routing.matches import Unmatched
from dovetail.routing.rules import Rule
from dovetail.toolkit.wsgi import get_host

if TYPE_CHECKING:
    from dovetail.app.wrappers import Request
    from dovetail.routing.adapter import MapAdapter

__all__ = ["Addressing"]

_UNSET: Any = object()
_NO_ADAPTER = (
    "Unable to build URLs outside an active request: which host are they to have? Configure"
    " 'SERVER_NAME', and 'APPLICATION_ROOT' and 'PREFERRED_URL_SCHEME' if these differ."
)
# What stands in a fragment as it is (RFC 3986 section 3.5), and some that are left to browsers.
_FRAGMENT = "!#$%&'()*+,/:;=?@"
# So many different hosts are remembered as good ones.
_MOST_HOSTS = 256


class Addressing(AppSetup):
    """The part of :class:`~dovetail.app.application.App` that knows of URLs.

    The parameters are the application's.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Hosts that requests were found to name rightly.
        self._known_hosts: set[str | None] = set()

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what matches a request and builds URLs in it.

        :param request: None outside of requests; then there is None unless SERVER_NAME is
            configured.
        :raises SecurityError: the request's host is none of TRUSTED_HOSTS.
        :raises BadHost: it is no host.
        """
        config = self.config
        if request is None:
            if config["SERVER_NAME"] is None:
                return None
            return self.url_map.bind(
                config["SERVER_NAME"],
                script_name=config["APPLICATION_ROOT"],
                url_scheme=config["PREFERRED_URL_SCHEME"],
            )
        trusted = config["TRUSTED_HOSTS"]
        if trusted is not None:
            request.trusted_hosts = trusted
        environ = request.environ
        request.host = get_host(environ, request.trusted_hosts)
        server_name = config["SERVER_NAME"]
        subdomain = None
        if self.url_map.host_matching:
            server_name = None
        elif not self.subdomain_matching:
            subdomain = self.url_map.default_subdomain or ""
        adapter = self.url_map.bind_to_environ(
            environ, server_name=server_name, subdomain=subdomain
        )
        if len(self._known_hosts) < _MOST_HOSTS and request.trusted_hosts is None:
            self._known_hosts.add(environ.get("HTTP_HOST"))
        return adapter

    # To be compared with: applications replace it in a subclass, and in the object itself.
    _create_url_adapter = create_url_adapter

    def _find_rule(self, request: Request) -> tuple[Rule, dict[str, Any]] | None:
        """Return the rule and the values of a request, if no URL adapter is needed for that.

        None stands for all that takes one to be told: it checks the host, for example.

        :raises NotFound: no rule has this path, whatever the method.
        """
        url_map = self.url_map
        environ = request.environ
        path = environ.get("PATH_INFO", "")
        if (
            environ.get("HTTP_HOST", _UNSET) not in self._known_hosts
            or "HTTP_UPGRADE" in environ
            or "//" in path
            or self.config["TRUSTED_HOSTS"] is not None
            or request.trusted_hosts is not None
            or self.subdomain_matching
            or type(url_map) is not Map
            or url_map.host_matching
        ):
            return None
        if url_map.stale:
            url_map.update()
        if not path.isascii():
            path = path.encode("latin-1").decode("utf-8", "replace")
        found = url_map.matcher.search(
            url_map.default_subdomain or "", path, environ["REQUEST_METHOD"], False
        )
        if type(found) is tuple and not found[0].shorter and found[0].redirect_to is None:
            return found
        # PERF: an adapter would look again, which takes 6 us. It gives a path its first slash.
        if (
            type(found) is Unmatched
            and not (found.allowed or found.websocket_mismatch)
            and path.startswith("/")
        ):
            raise NotFound
        return None

    def raise_routing_exception(self, request: Request) -> NoReturn:
        """Raise what the request has in place of a rule.

        :raises FormDataRoutingRedirect: in debug mode, a redirect would lose the request's form.
        """
        error = request.routing_exception
        if (
            self.debug
            and isinstance(error, RequestRedirect)
            and error.code not in {307, 308}
            and request.method not in {"GET", "HEAD", "OPTIONS"}
        ):
            raise FormDataRoutingRedirect(request)
        raise error  # type: ignore[misc]

    def url_for(
        self,
        /,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """Return the URL of an endpoint; :func:`dovetail.url_for` calls this.

        :param endpoint: with a leading dot it is one of the current blueprint.
        :param _anchor: the fragment.
        :param _method: the method that the rule is to have.
        :param _scheme: of a whole URL.
        :param _external: return a whole URL, not a path. By default in a request only if
            ``_scheme`` is given, elsewhere always.
        :param values: of the variables; those that are none become the query.
        :raises BuildError: there is no such URL.
        :raises RuntimeError: outside of requests, SERVER_NAME is not configured.
        :raises ValueError: ``_scheme`` with ``_external=False``.
        """
        context = _cv_request.get(None)
        if context is not None:
            adapter = context.url_adapter
            if endpoint[:1] == ".":
                blueprint = context.request.blueprint
                endpoint = endpoint[1:] if blueprint is None else f"{blueprint}{endpoint}"
            if _external is None:
                _external = _scheme is not None
        else:
            app_context = _cv_app.get(None)
            if app_context is None:
                adapter = self.create_url_adapter(None)
            else:
                adapter = app_context.url_adapter
            if _external is None:
                _external = True
        if adapter is None:
            raise RuntimeError(_NO_ADAPTER)
        if _scheme is not None and not _external:
            raise ValueError("'_scheme' asks for a whole URL, '_external=False' for a path")
        self.inject_url_defaults(endpoint, values)
        try:
            url = adapter.build(
                endpoint, values, method=_method, url_scheme=_scheme, force_external=_external
            )
        except BuildError as error:
            values.update(_anchor=_anchor, _method=_method, _scheme=_scheme, _external=_external)
            return self.handle_url_build_error(error, endpoint, values)
        return url if _anchor is None else f"{url}#{quote(_anchor, safe=_FRAGMENT)}"
