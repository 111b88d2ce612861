"""Finding an application: from what ``--app`` says, or by the names that are usual for one."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import sys
import traceback
from abc import ABC
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, cast
from wsgiref.types import WSGIApplication

import click

from dovetail.loader import is_of_flask, user_frames

if TYPE_CHECKING:
    from dovetail.app.application import App

__all__ = [
    "Application",
    "NoAppException",
    "NothingNamed",
    "find_app_by_string",
    "find_best_app",
    "locate_app",
    "locate_default_app",
    "locate_other_app",
    "locate_path",
    "prepare_import",
]

# What an application, and what a function that makes one, is called where nobody says.
_NAMES = ("app", "application")
_FACTORIES = ("create_app", "make_app")

# The files that are looked for where nobody says which.
_FILES = ("wsgi.py", "app.py")

# The colon before the name, and not the one after a drive's letter.
_COLON = re.compile(r":(?![\\/])")


class Application(ABC):  # noqa: B024  (it only names a kind)
    """What is taken for an application.

    ``App`` is registered as one. It cannot be named here: every ``App`` has a group of commands,
    which rests on this module.
    """


class NoAppException(click.UsageError):
    """There is no application, or none that can be loaded."""


class NothingNamed(NoAppException):
    """Nobody says which application, and none is where one would be looked for."""

    def __init__(self) -> None:
        super().__init__(
            "Could not locate an application. Use the 'dovetail --app' option or the environment"
            " variable 'DOVETAIL_APP' (or 'FLASK_APP'), or have a file 'wsgi.py' or 'app.py' in the"
            " current directory."
        )


def find_best_app(module: ModuleType) -> App:
    """Return the application that a module most likely means.

    In this order: an application named ``app`` or ``application``; the only one there is; what
    ``create_app`` or ``make_app`` returns.

    :raises NoAppException: there is none, or more than one.
    """
    for name in _NAMES:
        found = getattr(module, name, None)
        if isinstance(found, Application):
            return cast("App", found)
    found_all = [value for value in vars(module).values() if isinstance(value, Application)]
    if len(found_all) == 1:
        return cast("App", found_all[0])
    where = module.__name__
    if found_all:
        raise NoAppException(
            f"Detected multiple applications in module {where!r}: '{where}:name' says which one"
        )
    for name in _FACTORIES:
        factory = getattr(module, name, None)
        if inspect.isfunction(factory):
            made = _call(
                factory,
                otherwise=f"The factory {name!r} in module {where!r} needs arguments:"
                f" '{where}:{name}(args)' gives them",
            )
            if isinstance(made, Application):
                return cast("App", made)
    raise NoAppException(
        f"In module {where!r} there is no application that is called app or application, nor just"
        f" one, nor a factory that makes one: '{where}:name' says what it is called"
    )


def _call(
    factory: FunctionType, *args: Any, otherwise: str, kwargs: dict[str, Any] | None = None
) -> object:
    """Call a factory; if it does not take these arguments, refuse with the text ``otherwise``."""
    try:
        return factory(*args, **kwargs or {})
    except TypeError as error:
        if _is_raised_inside(error, 1):
            raise
        raise NoAppException(otherwise) from error


def _is_raised_inside(error: BaseException, depth: int) -> bool:
    """Tell whether an error went through more than ``depth`` frames to where it was caught."""
    trace = error.__traceback__
    for _ in range(depth):
        trace = trace and trace.tb_next
    return trace is not None


def find_app_by_string(module: ModuleType, app_name: str) -> App:
    """Return the application that a name, or a call with literal arguments, means in a module.

    :param app_name: ``"app"``, ``"create_app"`` or ``"create_app('testing', debug=True)"``.
    :raises NoAppException: it means none.
    """
    name, args, kwargs = _parse(app_name)
    where = module.__name__
    try:
        found = getattr(module, name)
    except AttributeError as error:
        raise NoAppException(f"Nothing in module {where!r} is called {name!r}") from error
    if inspect.isfunction(found):
        found = _call(
            found,
            *args,
            kwargs=kwargs,
            otherwise=f"{app_name!r} does not give the factory in module {where!r} the arguments"
            " that it takes",
        )
    if not isinstance(found, Application):
        raise NoAppException(f"'{where}:{app_name}' is no valid application, nor makes one")
    return cast("App", found)


def _parse(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Split ``NAME`` or ``NAME(ARGUMENTS)``."""
    refused = f"Failed to parse {text!r}: it should be a name, or the call of a function"
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NoAppException(refused) from None
    match node:
        case ast.Name(id=name):
            return name, [], {}
        case ast.Call(func=ast.Name(id=name), args=given, keywords=keywords):
            try:
                args = [ast.literal_eval(each) for each in given]
                kwargs = {
                    keyword.arg: ast.literal_eval(keyword.value)
                    for keyword in keywords
                    if keyword.arg is not None
                }
                if len(kwargs) < len(keywords):
                    raise ValueError
            except (ValueError, TypeError, RecursionError):
                raise NoAppException(
                    f"The arguments in {text!r} have to be literal values, such as 'text' or 1"
                ) from None
            return name, args, kwargs
        case ast.Call():
            raise NoAppException(f"What {text!r} calls has to be a simple name")
    raise NoAppException(refused)


def prepare_import(path: str) -> str:
    """Have a file or directory importable, and return its module name.

    The directory above the outermost package is put first on Python's search path.

    :param path: with or without ``.py``.
    """
    path = os.path.realpath(path)
    stem, suffix = os.path.splitext(path)
    if suffix == ".py":
        path = stem
    if os.path.basename(path) == "__init__":
        path = os.path.dirname(path)
    path, name = os.path.split(path)
    names = [name]
    while os.path.exists(os.path.join(path, "__init__.py")):
        path, name = os.path.split(path)
        names.append(name)
    if sys.path[0] != path:
        sys.path.insert(0, path)
    return ".".join(reversed(names))


def locate_app(
    module_name: str, app_name: str | None, raise_if_not_found: bool = True
) -> App | None:
    """Import a module and return the application in it.

    :param app_name: as for :func:`find_app_by_string`; without it see :func:`find_best_app`.
    :param raise_if_not_found: if there is no such module, raise instead of returning None.
    :raises NoAppException: there is no application, or the module cannot import something.
    """
    try:
        importlib.import_module(module_name)
    except ImportError as error:
        # The first frame is the one above.
        trace = user_frames(error.__traceback__ and error.__traceback__.tb_next)
        if trace is not None:
            raise NoAppException(
                f"While importing {module_name!r}, an ImportError was raised inside of it:\n\n"
                + "".join(traceback.format_exception(type(error), error, trace))
                + _hint(error)
            ) from None
        if raise_if_not_found:
            raise NoAppException(
                f"Could not import {module_name!r}: there is no such module"
            ) from None
        return None
    module = sys.modules[module_name]
    if app_name is None:
        return find_best_app(module)
    return find_app_by_string(module, app_name)


def _hint(error: ImportError) -> str:
    if not is_of_flask(error):
        return ""
    return "\nAn application that was written for Flask runs with 'dovetail --compat'.\n"


def locate_path(text: str) -> App | None:
    """Return the application that ``--app`` names: ``PATH:NAME``, ``MODULE`` and so on.

    :raises NoAppException: there is none.
    """
    path, *names = _COLON.split(text, maxsplit=1)
    return locate_app(prepare_import(path), names[0] if names else None)


def locate_default_app() -> App | None:
    """Return the application of ``wsgi.py`` or ``app.py`` in this directory, or None."""
    for path in _FILES:
        app = locate_app(prepare_import(path), None, raise_if_not_found=False)
        if app is not None:
            return app
    return None


def locate_other_app(text: str | None) -> WSGIApplication | None:
    """Return the WSGI application of any kind that ``--app`` names, or None.

    The module has been imported, and has no application of this framework that is meant. An
    instance that can be called is one, and so is a function whose second argument is called
    ``start_response``, by which a factory is told apart.

    :param text: ``PATH:NAME`` or ``MODULE``; None is for the files that are looked for otherwise.
    """
    for each in _FILES if text is None else (text,):
        path, *names = _COLON.split(each, maxsplit=1)
        module = sys.modules.get(prepare_import(path))
        for name in names or reversed(_NAMES):
            found = getattr(module, name, None)
            if _is_wsgi_application(found):
                return cast(WSGIApplication, found)
    return None


def _is_wsgi_application(found: object) -> bool:
    if inspect.isfunction(found):
        return list(inspect.signature(found).parameters)[1:2] == ["start_response"]
    return callable(found) and not inspect.isclass(found)
