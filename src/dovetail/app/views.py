"""Views that are classes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, ClassVar

from dovetail.app import types as ft
from dovetail.app.proxies import _cv_app, current_app, request

__all__ = ["MethodView", "View", "http_method_funcs"]

#: The methods of a :class:`MethodView` that answer the HTTP methods of their names.
http_method_funcs = frozenset(["get", "post", "head", "options", "delete", "put", "trace", "patch"])


class View:
    """Base of class views: a subclass answers in :meth:`dispatch_request`.

    :cvar methods: the HTTP methods; GET if None.
    :cvar provide_automatic_options: whether OPTIONS is answered for the view; None has the
        configuration say.
    :cvar decorators: decorate the view function, the first one innermost.
    :cvar init_every_request: make a new instance for each request. With False there is one for
        all, whose attributes threads share: what belongs to a request goes to
        :data:`~dovetail.app.proxies.g`.
    """

    methods: ClassVar[Collection[str] | None] = None
    provide_automatic_options: ClassVar[bool | None] = None
    decorators: ClassVar[list[Callable[..., Any]]] = []
    init_every_request: ClassVar[bool] = True

    def dispatch_request(self) -> ft.ResponseReturnValue:
        """Answer the request; URL values come as keyword arguments."""
        raise NotImplementedError

    @classmethod
    def as_view(cls, name: str, *class_args: Any, **class_kwargs: Any) -> ft.RouteCallable:
        """Return a view function for a route.

        :param name: the function's name, which is the endpoint by default.
        :param class_args: go to the class with ``class_kwargs`` when an instance is made.
        """
        view: Any
        if cls.init_every_request:

            def view(**kwargs: Any) -> ft.ResponseReturnValue:
                # Extensions put another class there.
                instance = view.view_class(*class_args, **class_kwargs)
                return _call(instance.dispatch_request, kwargs)

        else:
            instance = cls(*class_args, **class_kwargs)

            def view(**kwargs: Any) -> ft.ResponseReturnValue:
                return _call(instance.dispatch_request, kwargs)

        if cls.decorators:
            # A decorator may copy these, and may as well not.
            view.__name__ = name
            view.__module__ = cls.__module__
            for decorate in cls.decorators:
                view = decorate(view)
        view.view_class = cls
        view.__name__ = name
        view.__doc__ = cls.__doc__
        view.__module__ = cls.__module__
        view.methods = cls.methods
        view.provide_automatic_options = cls.provide_automatic_options
        return view  # type: ignore[no-any-return]


class MethodView(View):
    """A class view with a method for each HTTP method: :meth:`get`, :meth:`post` and so on.

    ``methods`` is what it has or inherits, unless a subclass says itself. HEAD is answered by
    :meth:`get` if there is no :meth:`head`.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "methods" in cls.__dict__:
            return
        methods = {name.upper() for name in http_method_funcs if hasattr(cls, name)}
        for base in cls.__bases__:
            methods.update(getattr(base, "methods", None) or ())
        if methods:
            cls.methods = methods

    def dispatch_request(self, **kwargs: Any) -> ft.ResponseReturnValue:
        """Answer by the method for the request's HTTP method.

        :raises AssertionError: the route allows a method that the class does not have.
        """
        name = request.method
        method = getattr(self, name.lower(), None)
        if method is None and name == "HEAD":
            method = getattr(self, "get", None)
        if method is None:
            raise AssertionError(
                f"{type(self).__name__} has no method for {name!r}, which its route allows"
            )
        return _call(method, kwargs)


def _call(method: Callable[..., Any], values: dict[str, Any]) -> ft.ResponseReturnValue:
    """Call a method by the way that the application has for it."""
    # PERF: current_app takes 0.3 us more, and says what is missing without an application.
    context = _cv_app.get(None)
    app = current_app if context is None else context.app
    return app.ensure_sync(method)(**values)  # type: ignore[no-any-return]
