"""A client that calls a WSGI application as a browser would call its server."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin, urlsplit

from dovetail.data.headers import Headers
from dovetail.toolkit.descriptors import cached_property
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response
from dovetail.toolkit.runner import run_wsgi_app
from dovetail.toolkit.testing.cookies import Cookie, CookieJar
from dovetail.toolkit.testing.environ_builder import EnvironBuilder, split_host
from dovetail.toolkit.wsgi import quote_octets

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

__all__ = ["Client", "ClientRedirectError", "TestResponse"]

_REDIRECTS = frozenset((301, 302, 303, 305, 307, 308))
#: These redirect the method and the body, too.
_KEEP_REQUEST = frozenset((307, 308))

Answer = tuple[Iterable[bytes], str, Headers]


class ClientRedirectError(Exception):
    """Redirects lead back to one that was followed before."""


class TestResponse(Response):
    """A response as a client sees it.

    :param response: the content.
    :param request: the request that was answered.
    :param history: the responses that redirected to this one, the first one first.
    """

    __test__ = False  # no class of tests, whatever pytest thinks of its name

    default_mimetype = None

    def __init__(
        self,
        response: Iterable[bytes],
        status: str,
        headers: Headers,
        request: Request,
        history: tuple[TestResponse, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(response, status, headers, **kwargs)
        #: The request that was answered; its body has been read by the application.
        self.request = request
        #: The responses that redirected to this one.
        self.history = history

    @cached_property
    def text(self) -> str:
        """The content as text."""
        return self.get_data(as_text=True)


class Client:
    """Sends requests to a WSGI application and keeps its cookies.

    :param application: the WSGI application.
    :param response_wrapper: what responses are; a class that is no :class:`TestResponse` is
        combined with it.
    :param use_cookies: send the cookies back that the application sets.
    :param allow_subdomain_redirects: follow redirects to hosts below the request's.
    """

    _test_response: type[TestResponse] = TestResponse

    def __init__(
        self,
        application: WSGIApplication,
        response_wrapper: type[Response] | None = None,
        use_cookies: bool = True,
        allow_subdomain_redirects: bool = False,
    ) -> None:
        self.application = application
        self.response_wrapper = _wrap(self._test_response, response_wrapper)
        self.allow_subdomain_redirects = allow_subdomain_redirects
        self._cookies = CookieJar() if use_cookies else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.application!r}>"

    # Cookies

    def _jar(self) -> CookieJar:
        if self._cookies is None:
            raise TypeError("this client keeps no cookies: it was made with use_cookies=False")
        return self._cookies

    def get_cookie(self, key: str, domain: str = "localhost", path: str = "/") -> Cookie | None:
        """Return a cookie that would be sent, or None.

        :raises TypeError: the client keeps no cookies.
        """
        return self._jar().get(key, domain, path)

    def set_cookie(
        self,
        key: str,
        value: str = "",
        *,
        domain: str = "localhost",
        origin_only: bool = True,
        path: str = "/",
        **kwargs: Any,
    ) -> None:
        """Keep a cookie as if the application had set it.

        :param origin_only: do not send it to hosts below ``domain``.
        :param kwargs: more arguments of :func:`~dovetail.data.cookies.dump_cookie`.
        :raises TypeError: the client keeps no cookies.
        """
        jar = self._jar()
        jar.set(key, value, domain=domain, origin_only=origin_only, path=path, **kwargs)

    def delete_cookie(self, key: str, *, domain: str = "localhost", path: str = "/") -> None:
        """Drop a cookie, if there is one.

        :raises TypeError: the client keeps no cookies.
        """
        self._jar().delete(key, domain, path)

    def _add_cookies_to_wsgi(self, environ: WSGIEnvironment) -> None:
        """Set the Cookie field of a request to what the client keeps for it."""
        if self._cookies is None:
            return
        value = self._cookies.header(*_origin(environ)) if self._cookies else ""
        if value:
            environ["HTTP_COOKIE"] = value
        else:
            environ.pop("HTTP_COOKIE", None)

    def _update_cookies_from_response(
        self, server_name: str, path: str, headers: Iterable[str]
    ) -> None:
        """Obey the Set-Cookie fields of a response."""
        if self._cookies is not None:
            self._cookies.update(server_name, path, headers)

    # Requests

    def run_wsgi_app(self, environ: WSGIEnvironment, buffered: bool = False) -> Answer:
        """Add cookies to ``environ``, call the application with a copy, keep the cookies it sets.

        :return: content, status and header fields, as
            :func:`~dovetail.toolkit.runner.run_wsgi_app` has them.
        """
        self._add_cookies_to_wsgi(environ)
        answer = self._call(environ, buffered)
        self._keep_cookies(environ, answer[2])
        return answer

    def _call(self, environ: WSGIEnvironment, buffered: bool) -> Answer:
        return run_wsgi_app(self.application, environ, buffered=buffered)

    def _keep_cookies(self, environ: WSGIEnvironment, headers: Headers) -> None:
        set_cookies = headers.getlist("Set-Cookie")
        if set_cookies:
            self._update_cookies_from_response(*_origin(environ), set_cookies)

    def _request(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request:
        """Return the request that the arguments of ``open`` describe."""
        if len(args) == 1 and not kwargs:
            given = args[0]
            if isinstance(given, EnvironBuilder):
                return self._make_request(given)
            if isinstance(given, Request):
                return given
            if isinstance(given, dict):
                return self._make_request(EnvironBuilder.from_environ(given))
        builder = EnvironBuilder(*args, **kwargs)
        try:
            return self._make_request(builder)
        finally:
            builder.close()

    def _make_request(self, builder: EnvironBuilder) -> Request:
        return builder.get_request()

    def open(
        self, *args: Any, buffered: bool = False, follow_redirects: bool = False, **kwargs: Any
    ) -> TestResponse:
        """Send a request and return the response.

        The arguments are those of
        :class:`~dovetail.toolkit.testing.environ_builder.EnvironBuilder`. Instead of them, one
        builder, environ or request may be passed.

        :param buffered: take all the content at once and close the application's result.
        :param follow_redirects: go on until a response is none; see :meth:`resolve_redirect`.
        :raises ClientRedirectError: redirects go round in a circle.
        """
        request = self._request(args, kwargs)
        content, status, headers = self.run_wsgi_app(request.environ, buffered)
        response = self.response_wrapper(content, status, headers, request)
        if not follow_redirects:
            return response
        followed = set()
        while response.status_code in _REDIRECTS:
            # Let the application finish with this request before the next one begins.
            if not buffered:
                response.make_sequence()
                response.close()
            target = (_redirect_target(response), response.status_code)
            if target in followed:
                raise ClientRedirectError(
                    f"redirects run in a circle: {target[1]} to {target[0]} came before"
                )
            followed.add(target)
            history = (*response.history, response)
            response = self.resolve_redirect(response, buffered=buffered)
            response.history = history
        return response

    def resolve_redirect(self, response: TestResponse, buffered: bool = False) -> TestResponse:
        """Follow one redirect.

        After 307 and 308 method and body stay as they were; after others the method is GET, or
        HEAD, and the body is dropped.

        :raises RuntimeError: it leads to another host (see ``allow_subdomain_redirects``), or the
            response has no Location.
        """
        location = urlsplit(_redirect_target(response))
        environ = response.request.environ
        _rewind(environ)
        builder = EnvironBuilder.from_environ(environ, query_string=location.query)
        self._check_host(builder.server_name, location.hostname or "")
        builder.host = location.netloc
        builder.url_scheme = location.scheme
        root = builder.script_root
        path = location.path or "/"
        builder.request_uri = f"{path}?{location.query}" if location.query else path
        if root and (path == root or path.startswith(root + "/")):
            builder.path = path[len(root) :] or "/"
        else:
            builder.path = path
            builder.script_root = ""
        if response.status_code not in _KEEP_REQUEST:
            _drop_body(builder)
        # By the method that subclasses override, such as to add to each environ.
        return self.open(builder, buffered=buffered)

    def _check_host(self, old: str, new: str) -> None:
        """Refuse to go where this application is not.

        :raises RuntimeError: the host is another one.
        """
        old, new = old.lower().strip("[]"), new.lower()
        if new == old:
            return
        if not new.endswith("." + old):
            raise RuntimeError("the redirect leads to another host, which this client cannot reach")
        if not self.allow_subdomain_redirects:
            raise RuntimeError(
                "the redirect leads to a subdomain; allow_subdomain_redirects is not set"
            )

    def get(self, *args: Any, **kw: Any) -> TestResponse:
        """Call :meth:`open` with the method GET."""
        kw["method"] = "GET"
        return self.open(*args, **kw)

    def post(self, *args: Any, **kw: Any) -> TestResponse:
        """Call :meth:`open` with the method POST."""
        kw["method"] = "POST"
        return self.open(*args, **kw)

    def put(self, *args: Any, **kw: Any) -> TestResponse:
        """Call :meth:`open` with the method PUT."""
        kw["method"] = "PUT"
        return self.open(*args, **kw)

    def delete(self, *args: Any, **kw: Any) -> TestResponse:
        """Call :meth:`open` with the method DELETE."""
        kw["method"] = "DELETE"
        return self.open(*args, **kw)

    def patch(self, *args: Any, **kw: Any) -> TestResponse:
        """Call :meth:`open` with the method PATCH."""
        kw["method"] = "PATCH"
        return self.open(*args, **kw)

    def options(self, *args: Any, **kw: Any) -> TestResponse:
        """Call :meth:`open` with the method OPTIONS."""
        kw["method"] = "OPTIONS"
        return self.open(*args, **kw)

    def head(self, *args: Any, **kw: Any) -> TestResponse:
        """Call :meth:`open` with the method HEAD."""
        kw["method"] = "HEAD"
        return self.open(*args, **kw)

    def trace(self, *args: Any, **kw: Any) -> TestResponse:
        """Call :meth:`open` with the method TRACE."""
        kw["method"] = "TRACE"
        return self.open(*args, **kw)


def _wrap(base: type[TestResponse], wrapper: type[Response] | None) -> type[TestResponse]:
    if wrapper is None:
        return base
    if issubclass(wrapper, base):
        return wrapper
    if issubclass(base, wrapper):
        return base
    return cast(type[TestResponse], type(f"Wrapper{base.__name__}", (base, wrapper), {}))


def _origin(environ: WSGIEnvironment) -> tuple[str, str]:
    """Return the host's name and the path of a request, for its cookies."""
    return split_host(_host(environ))[0].strip("[]") or "localhost", _path(environ)


def _host(environ: WSGIEnvironment) -> str:
    host: str = environ.get("HTTP_HOST") or environ["SERVER_NAME"]
    return host


def _path(environ: WSGIEnvironment) -> str:
    """Return the whole path, percent-encoded; a path without its first slash gets one."""
    path = environ.get("PATH_INFO", "")
    if not path.startswith("/"):
        path = f"/{path}"
    return quote_octets(environ.get("SCRIPT_NAME", "") + path)


def _redirect_target(response: TestResponse) -> str:
    """Return the URL that a response redirects to (RFC 9110 section 10.2.2)."""
    location = response.headers.get("Location")
    if location is None:
        raise RuntimeError(f"the response redirects nowhere: {response.status}, but no Location")
    environ = response.request.environ
    url = f"{environ['wsgi.url_scheme']}://{_host(environ)}{_path(environ)}"
    query = environ.get("QUERY_STRING")
    return urljoin(f"{url}?{query}" if query else url, location).partition("#")[0]


def _rewind(environ: WSGIEnvironment) -> None:
    """Have the body of a request that was answered begin anew, if its stream can seek."""
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH")
    if length and not stream.closed and stream.seekable():
        stream.seek(stream.seek(0, io.SEEK_END) - int(length))


def _drop_body(builder: EnvironBuilder) -> None:
    if builder.method not in ("GET", "HEAD"):
        builder.method = "GET"
    builder.input_stream = None
    builder.content_type = None
    builder.content_length = None
    builder.headers.pop("Transfer-Encoding", None)
