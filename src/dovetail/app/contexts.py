"""The contexts of applications and requests: what :mod:`dovetail.app.proxies` stands for.

An application's context is current while a command or a request of it runs, a request's while that
is handled; a request's context brings one of its application along, unless that is current already.
Each is kept in a context variable, so every thread, task and greenlet has its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextvars import Token
from functools import update_wrapper
from types import TracebackType
from typing import TYPE_CHECKING, Any, AnyStr, TypeVar, cast, overload

from dovetail.app import types as ft
from dovetail.app.proxies import _cv_app, _cv_request
from dovetail.app.sessions import SecureCookieSessionInterface
from dovetail.app.signals import appcontext_popped, appcontext_pushed
from dovetail.app.versions import is_stood_in
from dovetail.data.exceptions import HTTPException

if TYPE_CHECKING:
    from typing import Self
    from wsgiref.types import WSGIEnvironment

    from dovetail.app.application import App
    from dovetail.app.sessions import SessionMixin
    from dovetail.app.wrappers import Request, Response
    from dovetail.routing.adapter import MapAdapter

__all__ = [
    "AppContext",
    "AppGlobals",
    "RequestContext",
    "after_this_request",
    "copy_current_request_context",
    "has_app_context",
    "has_request_context",
    "stream_with_context",
]

F = TypeVar("F", bound=Callable[..., Any])

_UNSET: Any = object()

# Of the interface that may open and save a session later than others, since nobody can tell.
_open_session = SecureCookieSessionInterface.open_session
_save_session = SecureCookieSessionInterface.save_session


class AppGlobals:
    """A namespace for what an application keeps during one context: it is :data:`proxies.g`.

    ``"name" in g`` and iterating over the names work, too.
    """

    def get(self, name: str, default: Any | None = None) -> Any:
        """Return an attribute, or ``default`` if there is none of that name."""
        return self.__dict__.get(name, default)

    def pop(self, name: str, default: Any = _UNSET) -> Any:
        """Remove an attribute and return it.

        :param default: returned if there is none; without it that is an error.
        :raises KeyError: there is none, and no default.
        """
        if default is _UNSET:
            return self.__dict__.pop(name)
        return self.__dict__.pop(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return an attribute; set it to ``default`` before if there is none."""
        return self.__dict__.setdefault(name, default)

    def __getattr__(self, name: str) -> Any:
        # Only called for what is not there. It tells type checkers that there may be any.
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    if TYPE_CHECKING:  # the same for setting and deleting

        def __setattr__(self, name: str, value: Any) -> None: ...

        def __delattr__(self, name: str) -> None: ...

    def __contains__(self, item: str) -> bool:
        return item in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __repr__(self) -> str:
        context = _cv_app.get(None)
        if context is None:
            return object.__repr__(self)
        package = "flask" if is_stood_in("flask") else "dovetail"
        return f"<{package}.g of {context.app.name!r}>"


class _Context:
    """What contexts have in common: ``with`` pushes and pops them."""

    def push(self) -> None:
        """Make it current."""
        raise NotImplementedError

    def pop(self, exc: BaseException | None = _UNSET) -> None:
        """Make current what was before."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.push()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.pop(exc_value)


class AppContext(_Context):
    """The context of an application, which is current between :meth:`push` and :meth:`pop`.

    ``with app.app_context():`` does both. It can be pushed several times.

    :param app: the application.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        # Both are made when asked for. PERF: 0.5 us that few requests need.
        self._g: Any = _UNSET
        self._url_adapter: Any = _UNSET
        # The token of the last push, and the same of those before; None if it is not pushed.
        self._pushed: tuple[Token[AppContext], Any] | None = None

    @property
    def g(self) -> Any:
        """The namespace, an object of the application's ``app_ctx_globals_class``."""
        if self._g is _UNSET:
            self._g = self.app.app_ctx_globals_class()
        return self._g

    @g.setter
    def g(self, value: Any) -> None:
        self._g = value

    @property
    def url_adapter(self) -> MapAdapter | None:
        """Builds URLs outside of requests; None unless SERVER_NAME is configured."""
        if self._url_adapter is _UNSET:
            self._url_adapter = self.app.create_url_adapter(None)
        return self._url_adapter  # type: ignore[no-any-return]

    @url_adapter.setter
    def url_adapter(self, value: MapAdapter | None) -> None:
        self._url_adapter = value

    def push(self) -> None:
        """Make it current."""
        self._pushed = (_cv_app.set(self), self._pushed)
        if appcontext_pushed.receivers:
            app = self.app
            appcontext_pushed.send(app, _async_wrapper=app.ensure_sync)

    def pop(self, exc: BaseException | None = _UNSET) -> None:
        """Make current what was before; the last time, call the teardown functions first.

        :param exc: goes to these; by default the exception that is being handled.
        :raises AssertionError: another context was pushed later and not popped.
        :raises LookupError: it is not pushed.
        """
        pushed = self._pushed
        if pushed is None:
            raise LookupError("this app context is not pushed, so it cannot be popped")
        token, before = pushed
        try:
            if before is None:
                self.app.do_teardown_appcontext(sys.exc_info()[1] if exc is _UNSET else exc)
        finally:
            current = _cv_app.get()  # nothing, if what was pushed before was popped already
            self._pushed = before
            _cv_app.reset(token)
        if current is not self:
            raise AssertionError(f"Popped wrong app context: {self!r}, before {current!r}")
        if appcontext_popped.receivers:
            appcontext_popped.send(self.app, _async_wrapper=self.app.ensure_sync)


class RequestContext(_Context):
    """The context of a request, which is current between :meth:`push` and :meth:`pop`.

    ``with app.test_request_context():`` does both. It can be pushed several times, or be kept
    after the request was handled, which the test client does for its ``with`` block.

    :param app: the application.
    :param environ: the WSGI environment.
    :param request: the request, by default one made of the environment.
    :param session: the session, by default the one that the application's interface opens.
    """

    def __init__(
        self,
        app: App,
        environ: WSGIEnvironment,
        request: Request | None = None,
        session: SessionMixin | None = None,
    ) -> None:
        self.app = app
        if request is None:
            request = app.request_class(environ)
            request.json_module = app.json
        # PERF: all are set here, because reading what only the class has takes 30 ns more.
        self.request: Request = request
        #: The messages that were flashed before this request, once they were asked for.
        self.flashes: list[tuple[str, str]] | None = None
        self._session = session
        # The session is to be opened when it is asked for.
        self._is_session_pending = False
        self._after_request_functions: list[ft.AfterRequestCallable[Any]] = []
        # The token of the last push, the context of the application that came with it, if one did,
        # and the same of the pushes before; None if it is not pushed.
        self._pushed: tuple[Token[RequestContext], AppContext | None, Any] | None = None
        # Made when asked for, and by match_request() if the request cannot be matched without; but
        # at once if the application makes adapters in its own way.
        self._url_adapter: Any = _UNSET
        if app.create_url_adapter != app._create_url_adapter:
            self._make_url_adapter()

    def __repr__(self) -> str:
        request = self.request
        return f"<{type(self).__name__} {request.url!r} [{request.method}] of {self.app.name}>"

    @property
    def url_adapter(self) -> MapAdapter | None:
        """Matches the request, and builds URLs; None if the request's host is refused."""
        if self._url_adapter is _UNSET:
            self._make_url_adapter()
        return self._url_adapter  # type: ignore[no-any-return]

    @url_adapter.setter
    def url_adapter(self, value: MapAdapter | None) -> None:
        self._url_adapter = value

    def _make_url_adapter(self) -> None:
        try:
            self._url_adapter = self.app.create_url_adapter(self.request)
        except HTTPException as error:
            self._url_adapter = None
            self.request.routing_exception = error

    @property
    def session(self) -> SessionMixin:
        """The session; asking for it counts as access.

        :raises AssertionError: the context was never pushed.
        """
        session = self._session
        if session is None:
            if not self._is_session_pending:
                raise AssertionError("The session is not open yet: push the request context first.")
            session = self._open_session()
        session.accessed = True
        return session

    def _open_session(self) -> SessionMixin:
        self._is_session_pending = False
        app = self.app
        interface = app.session_interface
        session = interface.open_session(app, self.request)
        if session is None:
            session = interface.make_null_session(app)
        self._session = session
        return session

    def _save_session(self, response: Response) -> None:
        """Save the session, if there is one that can be saved."""
        app = self.app
        interface = app.session_interface
        if self._is_session_pending:
            # Nobody asked for it, so it is saved only if its end is to be put off.
            cookies = self.request.environ.get("HTTP_COOKIE")
            if cookies is None or interface.get_cookie_name(app) not in cookies:
                return
            self._open_session()
        # None, if opening failed and this is the answer to that error: it is saved all the same.
        session: Any = self._session
        if not interface.is_null_session(session):
            interface.save_session(app, session, response)

    def copy(self) -> RequestContext:
        """Return a context for the same request, with the same session.

        It may be pushed elsewhere, such as in a greenlet. The request must not be read in two
        threads at the same time.
        """
        if self._is_session_pending:
            self._open_session()
        return type(self)(
            self.app, environ=self.request.environ, request=self.request, session=self._session
        )

    def match_request(self) -> None:
        """Set the request's rule and values, or what is to be raised in their place."""
        request = self.request
        try:
            found: Any = self.app._find_rule(request) if self._url_adapter is _UNSET else None
            if found is None:
                adapter = self.url_adapter
                if adapter is None:
                    return
                found = adapter.match(return_rule=True)
        except HTTPException as error:
            request.routing_exception = error
            return
        rule, request.view_args = found
        request.url_rule = rule
        # What our server writes to its log; see dovetail.gateway.record.
        environ = request.environ
        if "dovetail.request" in environ:
            environ["dovetail.request"].route = rule.rule

    def push(self) -> None:
        """Make it current, with its application's context; open the session, match the request."""
        app = self.app
        app_context = _cv_app.get(None)
        if app_context is None or app_context.app is not app:
            app_context = app.app_context()
            if self._url_adapter is not _UNSET:
                app_context._url_adapter = app.create_url_adapter(None)  # in its own way, too
            app_context.push()
        else:
            app_context = None
        self._pushed = (_cv_request.set(self), app_context, self._pushed)
        if self._session is None:
            interface: Any = app.session_interface
            try:
                is_late = (
                    interface.open_session.__func__ is _open_session
                    and interface.save_session.__func__ is _save_session
                )
            except AttributeError:
                is_late = False
            if is_late:
                self._is_session_pending = True
            else:
                self._open_session()
        if self._url_adapter is not None:
            self.match_request()

    def pop(self, exc: BaseException | None = _UNSET) -> None:
        """Make current what was before; the last time, call the teardown functions first.

        :param exc: goes to these; by default the exception that is being handled.
        :raises AssertionError: another context was pushed later and not popped.
        :raises LookupError: it is not pushed.
        """
        pushed = self._pushed
        if pushed is None:
            raise LookupError("this request context is not pushed, so it cannot be popped")
        token, app_context, before = pushed
        try:
            if before is None:
                if exc is _UNSET:
                    exc = sys.exc_info()[1]
                self.app.do_teardown_request(exc)
                self.request.close()
        finally:
            current = _cv_request.get()  # as in AppContext.pop()
            self._pushed = before
            _cv_request.reset(token)
            if before is None:
                # Break the circles of the request with its environment, and with the frames of an
                # exception that was handled. PERF: 3 us less of collecting garbage for each 404.
                request = self.request
                request.environ["werkzeug.request"] = None
                if exc is None and request.routing_exception is not None:
                    request.routing_exception.__traceback__ = None
            if app_context is not None:
                app_context.pop(exc)
        if current is not self:
            raise AssertionError(f"Popped wrong request context: {self!r}, before {current!r}")


def has_request_context() -> bool:
    """Tell whether a request's context is current."""
    return _cv_request.get(None) is not None


def has_app_context() -> bool:
    """Tell whether an application's context is current."""
    return _cv_app.get(None) is not None


def _current_request_context(name: str) -> RequestContext:
    """:raises RuntimeError: there is none; ``name`` is the function that needs it."""
    context = _cv_request.get(None)
    if context is None:
        raise RuntimeError(
            f"{name!r} only works when a request context is active: a view function has one, and"
            " in a test 'with app.test_request_context():' makes one"
        )
    return context


def after_this_request(f: ft.AfterRequestCallable[Any]) -> ft.AfterRequestCallable[Any]:
    """Have a function called after this request; it gets the response and returns one.

    :raises RuntimeError: there is no current request.
    """
    _current_request_context("after_this_request")._after_request_functions.append(f)
    return f


def copy_current_request_context(f: F) -> F:
    """Decorate a function that another greenlet or thread calls, to see the current request there.

    It gets a copy of the context, with the same session.

    :raises RuntimeError: there is no current request.
    """
    context = _current_request_context("copy_current_request_context").copy()

    def call(*args: Any, **kwargs: Any) -> Any:
        with context:
            return context.app.ensure_sync(f)(*args, **kwargs)

    return cast(F, update_wrapper(call, f))


@overload
def stream_with_context(generator_or_function: Iterator[AnyStr]) -> Iterator[AnyStr]: ...


@overload
def stream_with_context(
    generator_or_function: Callable[..., Iterator[AnyStr]],
) -> Callable[..., Iterator[AnyStr]]: ...


def stream_with_context(
    generator_or_function: Iterator[AnyStr] | Callable[..., Iterator[AnyStr]],
) -> Iterator[AnyStr] | Callable[[Iterator[AnyStr]], Iterator[AnyStr]]:
    """Have a response's generator run in the current contexts.

    Without it there are none while the server iterates: they are popped when the view's response is
    made, and the teardown functions are called then. Here they are pushed again when the iteration
    begins, and popped when it ends. It also decorates a function that returns a generator.

    :raises RuntimeError: there is no current request.
    """
    given: Any = generator_or_function
    try:
        iterator = iter(given)
    except TypeError:

        def decorate(*args: Any, **kwargs: Any) -> Any:
            return stream_with_context(given(*args, **kwargs))

        return update_wrapper(decorate, given)
    context = _current_request_context("stream_with_context")
    return _stream(iterator, _cv_app.get(), context)


def _stream(
    iterator: Iterator[AnyStr], app_context: AppContext, context: RequestContext
) -> Iterator[AnyStr]:
    with app_context, context:
        try:
            yield from iterator
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
