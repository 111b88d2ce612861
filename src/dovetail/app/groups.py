"""Groups of commands whose callbacks run inside an application's context."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from dovetail.app.discovery import NothingNamed, locate_default_app, locate_path
from dovetail.app.proxies import _cv_app
from dovetail.app.switches import get_debug_flag

if TYPE_CHECKING:
    from dovetail.app.application import App

__all__ = ["AppGroup", "ScriptInfo", "pass_script_info", "with_appcontext"]

F = TypeVar("F", bound=Callable[..., Any])


class ScriptInfo:
    """What a command line knows of its application, which is loaded when it is asked for.

    It is the ``obj`` of click's context.

    :param app_import_path: what ``--app`` says.
    :param create_app: a function that returns the application, instead of it.
    :param set_debug_flag: have the application's debug mode follow the environment.
    :param load_dotenv_defaults: whether ``.env`` and its like are loaded.
    """

    def __init__(
        self,
        app_import_path: str | None = None,
        create_app: Callable[..., App] | None = None,
        set_debug_flag: bool = True,
        load_dotenv_defaults: bool = True,
    ) -> None:
        self.app_import_path = app_import_path
        self.create_app = create_app
        #: For the commands of an application: whatever they have to tell each other.
        self.data: dict[Any, Any] = {}
        self.set_debug_flag = set_debug_flag
        self.load_dotenv_defaults = load_dotenv_defaults
        self._loaded_app: App | None = None

    def load_app(self) -> App:
        """Load the application, the first time, and return it.

        :raises NoAppException: there is none.
        """
        if self._loaded_app is not None:
            return self._loaded_app
        app = self._load()
        if app is None:
            raise NothingNamed
        if self.set_debug_flag:
            # By the property, which tells the templates' environment as well.
            app.debug = get_debug_flag()
        self._loaded_app = app
        return app

    def _load(self) -> App | None:
        if self.create_app is not None:
            return self.create_app()
        if self.app_import_path:
            return locate_path(self.app_import_path)
        return locate_default_app()


#: Decorator: pass the :class:`ScriptInfo` as the first argument.
pass_script_info = click.make_pass_decorator(ScriptInfo, ensure=True)


def with_appcontext(f: F) -> F:
    """Decorate a callback so that it runs inside the context of the command line's application.

    The context stays for subcommands. If there is one already, it is used.
    """

    @click.pass_context
    def decorator(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        if _cv_app.get(None) is None:
            app = ctx.ensure_object(ScriptInfo).load_app()
            ctx.with_resource(app.app_context())
        return ctx.invoke(f, *args, **kwargs)

    return cast(F, update_wrapper(decorator, f))


class AppGroup(click.Group):
    """A click group whose commands run inside the application's context."""

    def command(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], click.Command]:
        """Return a decorator that adds a command.

        :param with_appcontext: False leaves the callback without the application's context.

        The other arguments are those of :meth:`click.Group.command`.
        """
        # Both overrides are of methods that click overloads, for decorating without a call.
        wrap = kwargs.pop("with_appcontext", True)
        add = super().command

        def decorator(f: Callable[..., Any]) -> click.Command:
            command: click.Command = add(*args, **kwargs)(with_appcontext(f) if wrap else f)
            return command

        return decorator

    def group(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], click.Group]:
        """Return a decorator that adds a group, an :class:`AppGroup` unless ``cls`` says else.

        The arguments are those of :meth:`click.Group.group`.
        """
        kwargs.setdefault("cls", AppGroup)
        decorator: Callable[[Callable[..., Any]], click.Group] = super().group(*args, **kwargs)
        return decorator
