"""The request as the client made it, where proxies stand in between."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from dovetail.data.forwarding import Origin, forwarded_origin, split_port, trusted_value

__all__ = ["ProxyFix"]

_CHANGED = (
    *("REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME"),
)


class ProxyFix:
    """Puts into the WSGI environment what trusted proxies tell of the request.

    Each number says how many proxies set the field; values beyond that may be a client's invention
    and are not looked at. The values from before are kept in ``werkzeug.proxy_fix.orig``.

    :param app: the application.
    :param x_for: X-Forwarded-For, the client's address, for REMOTE_ADDR.
    :param x_proto: X-Forwarded-Proto, for wsgi.url_scheme.
    :param x_host: X-Forwarded-Host, for HTTP_HOST, SERVER_NAME and SERVER_PORT.
    :param x_port: X-Forwarded-Port, for HTTP_HOST and SERVER_PORT.
    :param x_prefix: X-Forwarded-Prefix, for SCRIPT_NAME.
    :param forwarded: Forwarded (RFC 7239), for all but the prefix. If it is not 0 the other
        numbers mean nothing: a proxy that sets this field may pass on a client's X-Forwarded-For.
    """

    def __init__(  # noqa: PLR0917 - the documented order
        self,
        app: WSGIApplication,
        x_for: int = 1,
        x_proto: int = 1,
        x_host: int = 0,
        x_port: int = 0,
        x_prefix: int = 0,
        *,
        forwarded: int = 0,
    ) -> None:
        self.app = app
        self.x_for = x_for
        self.x_proto = x_proto
        self.x_host = x_host
        self.x_port = x_port
        self.x_prefix = x_prefix
        self.forwarded = forwarded

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        before = {name: environ.get(name) for name in _CHANGED}
        if self.forwarded:
            origin = forwarded_origin(environ.get("HTTP_FORWARDED"), self.forwarded)
        else:
            origin = self._x_origin(environ)
        environ["werkzeug.proxy_fix.orig"] = before
        _apply(environ, origin)
        return self.app(environ, start_response)

    def _x_origin(self, environ: WSGIEnvironment) -> Origin:
        get = environ.get
        return Origin(
            trusted_value(get("HTTP_X_FORWARDED_FOR"), self.x_for),
            trusted_value(get("HTTP_X_FORWARDED_PROTO"), self.x_proto),
            trusted_value(get("HTTP_X_FORWARDED_HOST"), self.x_host),
            trusted_value(get("HTTP_X_FORWARDED_PORT"), self.x_port),
            trusted_value(get("HTTP_X_FORWARDED_PREFIX"), self.x_prefix),
        )


def _apply(environ: WSGIEnvironment, origin: Origin) -> None:
    if origin.address:
        environ["REMOTE_ADDR"] = origin.address
    if origin.scheme:
        environ["wsgi.url_scheme"] = origin.scheme
    if origin.host:
        environ["HTTP_HOST"] = origin.host
        environ["SERVER_NAME"], port = split_port(origin.host)
        if port is not None:
            environ["SERVER_PORT"] = port
    if origin.port:
        host = environ.get("HTTP_HOST")
        if host:
            environ["HTTP_HOST"] = f"{split_port(host)[0]}:{origin.port}"
        environ["SERVER_PORT"] = origin.port
    if origin.prefix:
        environ["SCRIPT_NAME"] = origin.prefix
