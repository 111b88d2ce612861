"""What applications and blueprints share: routes, hooks and handlers, and where their files are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar, cast

from dovetail.app import types as ft
from dovetail.app.roots import get_root_path
from dovetail.app.static import Files, StrPath
from dovetail.app.templating import _default_template_ctx_processor
from dovetail.data.exceptions import HTTPException, default_exceptions

if TYPE_CHECKING:
    from click import Group

__all__ = ["Scaffold", "endpoint_from_view_func", "named", "setupmethod"]

F = TypeVar("F", bound=Callable[..., Any])
T_route = TypeVar("T_route", bound=ft.RouteCallable)
T_error_handler = TypeVar("T_error_handler", bound=ft.ErrorHandlerCallable)
T_before_request = TypeVar("T_before_request", bound=ft.BeforeRequestCallable)
T_after_request = TypeVar("T_after_request", bound=ft.AfterRequestCallable[Any])
T_teardown = TypeVar("T_teardown", bound=ft.TeardownCallable)
T_template_context_processor = TypeVar(
    "T_template_context_processor", bound=ft.TemplateContextProcessorCallable
)
T_url_defaults = TypeVar("T_url_defaults", bound=ft.URLDefaultCallable)
T_url_value_preprocessor = TypeVar(
    "T_url_value_preprocessor", bound=ft.URLValuePreprocessorCallable
)

_ErrorHandlers = dict[
    ft.AppOrBlueprintKey,
    dict[int | None, dict[type[Exception], ft.ErrorHandlerCallable]],
]


def setupmethod(f: F) -> F:
    """Have a method refuse to be called when it is too late to change its object's set-up."""
    name = f.__name__

    def checked(self: Scaffold, *args: Any, **kwargs: Any) -> Any:
        self._check_setup_finished(name)
        return f(self, *args, **kwargs)

    return cast(F, update_wrapper(checked, f))


def endpoint_from_view_func(view_func: ft.RouteCallable | None) -> str:
    """Return the endpoint that a view has by default, its function's name.

    :raises AssertionError: there is no view to take it from.
    """
    if view_func is None:
        raise AssertionError("pass a view function, or else an endpoint")
    return view_func.__name__


def named(add: Callable[..., None], name: str | None) -> Callable[[F], F]:
    """Return a decorator that registers a function by ``add``, under a name or its own (None)."""

    def decorate(f: F) -> F:
        add(f, name=name)
        return f

    return decorate


class Scaffold(Files):
    """Base of :class:`~dovetail.app.application.App` and of
    :class:`~dovetail.app.blueprints.Blueprint`.

    In each registry the key None means the object itself; an application's other keys are the names
    of its blueprints.

    :param import_name: the module or package that the object is defined in, usually ``__name__``.
    :param static_folder: where static files are, from ``root_path``.
    :param static_url_path: the URL path they are served at; by default the folder's name.
    :param template_folder: where templates are, from ``root_path``.
    :param root_path: where the module or package is; found by its name if None.
    :raises RuntimeError: the module comes from no file.
    """

    cli: Group
    name: str

    def __init__(
        self,
        import_name: str,
        static_folder: StrPath | None = None,
        static_url_path: str | None = None,
        template_folder: StrPath | None = None,
        root_path: str | None = None,
    ) -> None:
        self.import_name = import_name
        self.static_folder = static_folder
        self.static_url_path = static_url_path
        self.template_folder = template_folder
        self.root_path = get_root_path(import_name) if root_path is None else root_path
        #: endpoint -> view function
        self.view_functions: dict[str, ft.RouteCallable] = {}
        #: name -> status code, or None for other exceptions -> class -> handler
        self.error_handler_spec: _ErrorHandlers = defaultdict(lambda: defaultdict(dict))
        self.before_request_funcs: dict[ft.AppOrBlueprintKey, list[ft.BeforeRequestCallable]] = (
            defaultdict(list)
        )
        self.after_request_funcs: dict[ft.AppOrBlueprintKey, list[ft.AfterRequestCallable[Any]]] = (
            defaultdict(list)
        )
        self.teardown_request_funcs: dict[ft.AppOrBlueprintKey, list[ft.TeardownCallable]] = (
            defaultdict(list)
        )
        self.template_context_processors: dict[
            ft.AppOrBlueprintKey, list[ft.TemplateContextProcessorCallable]
        ] = defaultdict(list, {None: [_default_template_ctx_processor]})
        self.url_value_preprocessors: dict[
            ft.AppOrBlueprintKey, list[ft.URLValuePreprocessorCallable]
        ] = defaultdict(list)
        self.url_default_functions: dict[ft.AppOrBlueprintKey, list[ft.URLDefaultCallable]] = (
            defaultdict(list)
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _check_setup_finished(self, f_name: str) -> None:
        """Raise an :exc:`AssertionError` if the method ``f_name`` comes too late."""
        raise NotImplementedError

    # Routes

    def _method_route(
        self, method: str, rule: str, options: dict[str, Any]
    ) -> Callable[[T_route], T_route]:
        if "methods" in options:
            raise TypeError(
                f"'{method.lower()}' takes no 'methods': use the 'route' decorator for several"
            )
        return self.route(rule, methods=[method], **options)

    @setupmethod
    def get(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Return a decorator: :meth:`route` with ``methods=["GET"]``."""
        return self._method_route("GET", rule, options)

    @setupmethod
    def post(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Return a decorator: :meth:`route` with ``methods=["POST"]``."""
        return self._method_route("POST", rule, options)

    @setupmethod
    def put(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Return a decorator: :meth:`route` with ``methods=["PUT"]``."""
        return self._method_route("PUT", rule, options)

    @setupmethod
    def delete(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Return a decorator: :meth:`route` with ``methods=["DELETE"]``."""
        return self._method_route("DELETE", rule, options)

    @setupmethod
    def patch(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Return a decorator: :meth:`route` with ``methods=["PATCH"]``."""
        return self._method_route("PATCH", rule, options)

    @setupmethod
    def route(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Return a decorator that registers a view function for a URL rule.

        :param rule: the rule, as of :class:`~dovetail.routing.Rule`.
        :param options: go to :meth:`add_url_rule`; ``endpoint`` names the view, by default after
            its function.
        """

        def decorate(f: T_route) -> T_route:
            endpoint = options.pop("endpoint", None)
            self.add_url_rule(rule, endpoint, f, **options)
            return f

        return decorate

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a URL rule, and a view function for it."""
        raise NotImplementedError

    @setupmethod
    def endpoint(self, endpoint: str) -> Callable[[F], F]:
        """Return a decorator that registers a view function for an endpoint without a rule."""

        def decorate(f: F) -> F:
            self.view_functions[endpoint] = f
            return f

        return decorate

    # Hooks

    @setupmethod
    def before_request(self, f: T_before_request) -> T_before_request:
        """Register a function to call before each request; what it returns is the answer, if any.

        Of a blueprint: before each request that the blueprint handles.
        """
        self.before_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def after_request(self, f: T_after_request) -> T_after_request:
        """Register a function to call after each request: it gets the response and returns one.

        It is not called if an exception was not handled.
        """
        self.after_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def teardown_request(self, f: T_teardown) -> T_teardown:
        """Register a function to call when a request's context is popped.

        It gets the exception that was not handled, or None; what it returns is ignored.
        """
        self.teardown_request_funcs.setdefault(None, []).append(f)
        return f

    @setupmethod
    def context_processor(self, f: T_template_context_processor) -> T_template_context_processor:
        """Register a function that returns a dictionary of variables for templates."""
        self.template_context_processors[None].append(f)
        return f

    @setupmethod
    def url_value_preprocessor(self, f: T_url_value_preprocessor) -> T_url_value_preprocessor:
        """Register a function that gets endpoint and URL values before the view and may change
        the values.
        """
        self.url_value_preprocessors[None].append(f)
        return f

    @setupmethod
    def url_defaults(self, f: T_url_defaults) -> T_url_defaults:
        """Register a function that gets endpoint and values when a URL is built and may change
        the values.
        """
        self.url_default_functions[None].append(f)
        return f

    # Errors

    @setupmethod
    def errorhandler(
        self, code_or_exception: type[Exception] | int
    ) -> Callable[[T_error_handler], T_error_handler]:
        """Return a decorator that registers a handler: see :meth:`register_error_handler`."""

        def decorate(f: T_error_handler) -> T_error_handler:
            self.register_error_handler(code_or_exception, f)
            return f

        return decorate

    @setupmethod
    def register_error_handler(
        self, code_or_exception: type[Exception] | int, f: ft.ErrorHandlerCallable
    ) -> None:
        """Register a function that makes the answer to an error.

        :param code_or_exception: the status code or class of errors that it handles.
        :param f: gets the exception and returns what a view may return.
        :raises TypeError: this is neither a class nor a code, but an instance, say.
        :raises ValueError: this is no class of exceptions, or no status code of an error.
        """
        exc_class, code = self._get_exc_class_and_code(code_or_exception)
        self.error_handler_spec[None][code][exc_class] = f

    @staticmethod
    def _get_exc_class_and_code(
        exc_class_or_code: type[Exception] | int,
    ) -> tuple[type[Exception], int | None]:
        """Return the class of exceptions, and its status code if it is an HTTP exception's."""
        what: Any = exc_class_or_code
        if isinstance(what, int):
            found = default_exceptions.get(what)
            if found is None:
                raise ValueError(
                    f"{what} is not a recognized HTTP error code. Derive a class with it from"
                    " HTTPException, and register the handler for that."
                )
            return found, found.code
        if not isinstance(what, type):
            kind = "is an instance, not a class" if isinstance(what, Exception) else "is no class"
            raise TypeError(
                f"{what!r} {kind}: a handler is for a subclass of Exception, or for the status code"
                " of an HTTP error"
            )
        if not issubclass(what, Exception):
            raise ValueError(
                f"{what.__name__!r} is not a subclass of Exception, so there is nothing a handler"
                " would get"
            )
        return what, what.code if issubclass(what, HTTPException) else None
