"""Calling an application, and its commands, in tests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from copy import copy
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from click.testing import CliRunner, Result

from dovetail import __version__
from dovetail.app.groups import ScriptInfo
from dovetail.app.versions import stood_in_versions
from dovetail.toolkit.request import Request
from dovetail.toolkit.testing.client import Client, TestResponse
from dovetail.toolkit.testing.environ_builder import EnvironBuilder as _EnvironBuilder

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

    from dovetail.app.application import App
    from dovetail.app.sessions import SessionMixin

__all__ = ["AppCliRunner", "AppClient", "EnvironBuilder"]

# With it in the environment, the application hands over the contexts of the request.
_PRESERVE = "werkzeug.debug.preserve_context"


class EnvironBuilder(_EnvironBuilder):
    """Makes the WSGI environment of a request to an application, with defaults of its config.

    :param app: the application.
    :param path: the path, maybe with a query string; a URL's scheme and host are taken, too.
    :param base_url: where the application is; by default made of SERVER_NAME, APPLICATION_ROOT
        and PREFERRED_URL_SCHEME.
    :param subdomain: what comes before SERVER_NAME, instead of ``base_url``.
    :param url_scheme: ``"http"`` or ``"https"``, instead of ``base_url``.

    The others are those of the toolkit's
    :class:`~dovetail.toolkit.testing.environ_builder.EnvironBuilder` that follow ``base_url``.
    """

    def __init__(
        self,
        app: App,
        path: str = "/",
        base_url: str | None = None,
        subdomain: str | None = None,
        url_scheme: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if base_url is None:
            base_url, path = _complete(app, path, subdomain, url_scheme)
        elif subdomain or url_scheme:
            raise AssertionError(
                "'base_url' says host and scheme, so 'subdomain' and 'url_scheme' cannot, too"
            )
        self.app = app
        super().__init__(path, base_url, *args, **kwargs)

    def json_dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return ``obj`` as JSON, written by the application's provider."""
        return self.app.json.dumps(obj, **kwargs)


def _complete(
    app: App, path: str, subdomain: str | None, url_scheme: str | None
) -> tuple[str, str]:
    """Return the base URL that the config has for a path or URL, and the path itself."""
    config = app.config
    host = config["SERVER_NAME"] or "localhost"
    if subdomain:
        host = f"{subdomain}.{host}"
    url = urlsplit(path)
    scheme = url.scheme or url_scheme or config["PREFERRED_URL_SCHEME"]
    root = config["APPLICATION_ROOT"].lstrip("/")
    target = f"{url.path}?{url.query}" if url.query else url.path
    return f"{scheme}://{url.netloc or host}/{root}", target


class AppClient(Client):
    """Sends requests to an application and keeps its cookies.

    In a ``with`` block the contexts of the last request stay, so that a test can look at
    ``request``, ``session`` and ``g``.

    The arguments are those of :class:`~dovetail.toolkit.testing.client.Client`.
    """

    application: App

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Whether the contexts of a request stay after it.
        self.preserve_context = False
        #: What the environment of each request has, unless the request itself says else.
        self.environ_base: dict[str, Any] = {
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_USER_AGENT": _user_agent(),
        }
        # Those of the request that is being answered, and those that are kept.
        self._new_contexts: list[AbstractContextManager[Any]] = []
        self._kept_contexts = ExitStack()

    @contextmanager
    def session_transaction(self, *args: Any, **kwargs: Any) -> Iterator[SessionMixin]:
        """Open the session that a request would have, to look at it or to change it.

        It is saved at the end of the ``with`` block, unless that raises.

        The arguments, those of :meth:`App.test_request_context`, say which request.

        :raises TypeError: the client keeps no cookies.
        :raises RuntimeError: the application has no sessions, for want of a secret key perhaps.
        """
        if self._cookies is None:
            raise TypeError(
                "Cookies are disabled for this client, and the session is in one: make it with"
                " 'use_cookies=True'"
            )
        app = self.application
        interface = app.session_interface
        ctx = app.test_request_context(*args, **kwargs)
        request = ctx.request
        self._add_cookies_to_wsgi(request.environ)
        # Not in force in the block, which may be about the request before.
        with ctx:
            session = interface.open_session(app, request)
        if session is None:
            raise RuntimeError(
                "Session backend did not open a session: does it lack a secret key, say?"
            )
        yield session
        if interface.is_null_session(session):
            return
        response = app.response_class()
        with ctx:
            interface.save_session(app, session, response)
        host = request.host.partition(":")[0]
        cookies = response.headers.getlist("Set-Cookie")
        self._update_cookies_from_response(host, request.path, cookies)

    def open(
        self, *args: Any, buffered: bool = False, follow_redirects: bool = False, **kwargs: Any
    ) -> TestResponse:
        """Send a request and return the response.

        The arguments are those of :class:`EnvironBuilder` after the application. Instead of them,
        a builder, an environ or a request may come first; then the other arguments do not count.
        """
        if args and isinstance(args[0], _EnvironBuilder | dict | Request):
            request = self._complete_request(args[0])
        else:
            request = self._request_from_builder_args(args, kwargs)
        self._kept_contexts.close()
        response = super().open(request, buffered=buffered, follow_redirects=follow_redirects)
        response.json_module = self.application.json
        while self._new_contexts:
            self._kept_contexts.enter_context(self._new_contexts.pop(0))
        return response

    # Flask-SocketIO's client for tests calls it by this name.
    def _request_from_builder_args(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request:
        """Return the request that a builder with these arguments makes."""
        base = self._add_base(kwargs.get("environ_base", {}))
        builder = EnvironBuilder(self.application, *args, **{**kwargs, "environ_base": base})
        try:
            return builder.get_request()
        finally:
            builder.close()

    def _complete_request(self, given: _EnvironBuilder | WSGIEnvironment | Request) -> Request:
        """Return a request that has what this client adds to each."""
        if isinstance(given, _EnvironBuilder):
            builder = copy(given)
            builder.environ_base = self._add_base(builder.environ_base or {})
            return builder.get_request()
        if isinstance(given, Request):
            request = copy(given)
            request.environ = self._add_base(request.environ)
            return request
        return EnvironBuilder.from_environ(
            given, app=self.application, environ_base=self._add_base({})
        ).get_request()

    def _add_base(self, environ: Any) -> WSGIEnvironment:
        complete = {**self.environ_base, **environ}
        if self.preserve_context:
            keep: Callable[[AbstractContextManager[Any]], None] = self._new_contexts.append
            complete[_PRESERVE] = keep
        return complete

    def __enter__(self) -> AppClient:
        if self.preserve_context:
            raise RuntimeError("Cannot nest client invocations: it is in a 'with' block already")
        self.preserve_context = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.preserve_context = False
        self._kept_contexts.close()


def _user_agent() -> str:
    if "flask" in sys.modules and (versions := stood_in_versions()).get("Werkzeug"):
        # What tests of an application that was written for Flask expect.
        return f"Werkzeug/{versions['Werkzeug']}"
    return f"Dovetail/{__version__}"


class AppCliRunner(CliRunner):
    """Runs commands of an application.

    :param app: the application.
    :param kwargs: go to :class:`click.testing.CliRunner`.
    """

    def __init__(self, app: App, **kwargs: Any) -> None:
        self.app = app
        super().__init__(**kwargs)

    def invoke(self, cli: Any = None, args: Any = None, **kwargs: Any) -> Result:  # type: ignore[override]
        """Run a command and return what came of it.

        :param cli: the command; by default the application's group, ``app.cli``.
        :param args: its arguments, as text or as a list.
        :param kwargs: go to :meth:`click.testing.CliRunner.invoke`. Without ``obj``, the command
            gets a :class:`~dovetail.app.groups.ScriptInfo` that has the application.
        """
        if cli is None:
            cli = self.app.cli
        if "obj" not in kwargs:
            kwargs["obj"] = ScriptInfo(create_app=lambda: self.app)
        return super().invoke(cli, args, **kwargs)
