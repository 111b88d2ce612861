"""From ``MODULE:ATTR`` to a WSGI application, with an error that helps when there is none."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, cast
from wsgiref.types import WSGIApplication

__all__ = ["LoadError", "is_of_flask", "load_app", "load_object", "set_search_path", "user_frames"]

#: What a module that is named alone may call its application, the first one first.
_DEFAULT_NAMES = ("application", "app")

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")

#: Frames of the import machinery and of this file: where the user's traceback has not begun yet.
_OWN_FILES = (__file__, importlib.__file__)


class LoadError(Exception):
    """The application cannot be had. The message is for the user and may have several lines.

    ``status`` is the exit status it leads to.
    """

    status = 4

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class _Reference:
    """A parsed ``MODULE:ATTR`` or ``MODULE:FACTORY(ARGS)``; no names stands for the default."""

    module: str
    names: tuple[str, ...] = ()
    called: bool = False
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.module}:{'.'.join(self.names)}" if self.names else self.module


def load_app(spec: str) -> WSGIApplication:
    """Import and return the WSGI application that ``spec`` names.

    ``MODULE:ATTR`` takes an attribute (dots allowed), ``MODULE:FACTORY(ARGS)`` calls one with
    arguments that are Python literals, ``MODULE`` takes ``application`` or else ``app``. Raises
    :class:`LoadError`, also for whatever the module itself or the factory raises.
    """
    reference = _parse(spec)
    module = _import(reference.module)
    if reference.names:
        found = _resolve(module, reference)
    else:
        reference, found = _default(module, reference)
    if reference.called:
        found = _call(found, reference)
    _check_application(found, reference)
    return cast(WSGIApplication, found)


def load_object(spec: str) -> object:
    """Import and return the object that ``MODULE:ATTR`` names. Raises :class:`LoadError`."""
    reference = _parse(spec)
    if not reference.names or reference.called:
        raise LoadError(f"{spec!r} is not of the form MODULE:ATTR")
    return _resolve(_import(reference.module), reference)


def set_search_path(directory: str, more: Sequence[str] = ()) -> None:
    """Change to ``directory`` and put it, then ``more``, first on Python's module search path.

    Raises :class:`LoadError` if the directory cannot be entered.
    """
    try:
        os.chdir(directory)
    except OSError as error:
        raise LoadError(f"cannot change to directory {directory!r}: {error.strerror}") from error
    first = [str(Path.cwd()), *more]
    sys.path[:] = [*first, *(entry for entry in sys.path if entry not in first)]
    importlib.invalidate_caches()


# --- the form of a reference


def _parse(spec: str) -> _Reference:
    module, colon, expression = spec.partition(":")
    if not _MODULE.fullmatch(module):
        raise LoadError(f"{spec!r} is not of the form MODULE:ATTR{_path_hint(module)}")
    if module.endswith(".py") and os.path.isfile(module):
        raise LoadError(f"{module!r} is a file, not a module{_path_hint(module)}")
    if not colon:
        return _Reference(module)
    try:
        node = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise LoadError(
            f"{expression!r} in {spec!r} is neither an attribute nor FACTORY(ARGS)"
        ) from None
    if not isinstance(node, ast.Call):
        return _Reference(module, _names(node, spec))
    if any(keyword.arg is None for keyword in node.keywords):
        raise LoadError(f"{spec!r}: ** is not allowed in the arguments of a factory")
    args = tuple(_literal(argument, spec) for argument in node.args)
    kwargs = {str(keyword.arg): _literal(keyword.value, spec) for keyword in node.keywords}
    return _Reference(module, _names(node.func, spec), True, args, kwargs)


def _path_hint(module: str) -> str:
    if not module.endswith(".py") and "/" not in module:
        return ""
    path = Path(module.removesuffix(".py"))
    where = f", with --chdir {path.parent}" if str(path.parent) != "." else ""
    return f"; write the module's name: {path.name}:app{where}"


def _names(node: ast.expr, spec: str) -> tuple[str, ...]:
    """Return the names of ``a.b.c``; anything else is no reference."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return (node.id, *reversed(names))
    raise LoadError(f"{spec!r}: what follows the colon is neither an attribute nor FACTORY(ARGS)")


def _literal(node: ast.expr, spec: str) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        text = ast.unparse(node)
        raise LoadError(
            f"{spec!r}: the argument {text} is not a literal; "
            "text, numbers, lists, dicts, True, False and None are allowed"
        ) from None


# --- importing


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if _is_missing_itself(error, name):
            raise LoadError(_missing_module(name, error.name or name)) from error
        raise LoadError(_failure(f"importing {name!r} failed", error)) from error
    except SyntaxError as error:
        if user_frames(error.__traceback__) is None and error.filename:
            raise LoadError(_syntax_error(error)) from error
        raise LoadError(_failure(f"importing {name!r} failed", error)) from error
    except SystemExit as error:
        what = f"importing {name!r} ends the process; is a main guard missing?"
        raise LoadError(_failure(what, error)) from error
    except Exception as error:
        raise LoadError(_failure(f"importing {name!r} failed", error)) from error


def _is_missing_itself(error: ModuleNotFoundError, name: str) -> bool:
    """Whether the module that was asked for is missing, and not one that it imports itself."""
    missing = error.name or ""
    return (name == missing or name.startswith(missing + ".")) and (
        user_frames(error.__traceback__) is None
    )


def _missing_module(name: str, missing: str) -> str:
    parent, _, last = missing.rpartition(".")
    package = sys.modules.get(parent)
    if package is not None and not hasattr(package, "__path__"):
        return f"there is no module {name!r}: {parent!r} is a module, not a package"
    directories = list(package.__path__) if package is not None else [str(Path.cwd())]
    candidates = sorted(_modules_in(directories))
    prefix = f"{parent}." if parent else ""
    where = directories[0] if directories else parent
    message = f"there is no module {missing!r} in {where} or on Python's search path"
    if last in candidates:
        return f"{where} has a module {missing!r}, but is not on Python's search path"
    if near := get_close_matches(last, candidates, n=1, cutoff=0.5):
        return f"{message}; did you mean {prefix}{near[0]}?"
    if candidates:
        return f"{message}; there is {_listing(prefix + stem for stem in candidates)}"
    return f"{message}; --chdir says where to look"


def _modules_in(directories: Iterable[str]) -> Iterator[str]:
    for directory in directories:
        try:
            entries = list(Path(directory).iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.suffix == ".py" and entry.stem.isidentifier():
                yield entry.stem
            elif entry.name.isidentifier() and (entry / "__init__.py").is_file():
                yield entry.name


def _listing(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


# --- errors of the user's code


def user_frames(trace: TracebackType | None) -> TracebackType | None:
    """Return ``trace`` from the first frame of the user's code on, None if there is none."""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file not in _OWN_FILES and not file.startswith("<frozen importlib"):
            return trace
        trace = trace.tb_next
    return None


def _failure(what: str, error: BaseException) -> str:
    report = traceback.TracebackException(
        type(error), error, user_frames(error.__traceback__), compact=True
    )
    _drop_import_frames(report)
    return f"{what}:\n{''.join(report.format()).rstrip()}{_hint(error)}"


def _hint(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and is_of_flask(error):
        return "\nAn application that was written for Flask is served with --compat."
    return ""


def is_of_flask(error: ImportError) -> bool:
    """Tell whether an import failed at Flask or Werkzeug, for which Dovetail can stand in."""
    return (error.name or "").partition(".")[0] in ("flask", "werkzeug")


def _drop_import_frames(report: traceback.TracebackException | None) -> None:
    while report is not None:
        report.stack[:] = [
            frame for frame in report.stack if not frame.filename.startswith("<frozen importlib")
        ]
        report = report.__cause__ or report.__context__


def _syntax_error(error: SyntaxError) -> str:
    lines = [f"{error.filename}:{error.lineno}: {error.msg}"]
    if error.text:
        text = error.text.rstrip("\n")
        lines.append(f"    {text.strip()}")
        if error.offset:
            indent = len(text) - len(text.lstrip())
            lines.append(" " * (4 + max(error.offset - 1 - indent, 0)) + "^")
    return "\n".join(lines)


# --- attributes


def _resolve(module: ModuleType, reference: _Reference) -> object:
    found: object = module
    path = reference.module
    for name in reference.names:
        try:
            found = getattr(found, name)
        except AttributeError as error:
            if not _is_plain(error):
                raise LoadError(_failure(f"{path}: reading {name!r} failed", error)) from error
            raise LoadError(_missing_attribute(found, path, name)) from error
        except Exception as error:
            raise LoadError(_failure(f"{path}: reading {name!r} failed", error)) from error
        path = f"{path}.{name}"
    return found


def _is_plain(error: AttributeError) -> bool:
    """Whether the attribute is just not there, and not some other one on the way to it."""
    frames = user_frames(error.__traceback__)
    if frames is None:
        return True
    # A module's own __getattr__ (PEP 562) says so by raising the error itself.
    return frames.tb_next is None and frames.tb_frame.f_code.co_name == "__getattr__"


def _missing_attribute(owner: object, path: str, name: str) -> str:
    message = f"{path!r}{_place(owner)} has no attribute {name!r}"
    names = [known for known in dir(owner) if not known.startswith("_")]
    near = get_close_matches(name, names, n=1)
    if near:
        message += f"; did you mean {near[0]}?"
    return message + _candidates_hint(owner, besides=near)


def _default(module: ModuleType, reference: _Reference) -> tuple[_Reference, object]:
    for name in _DEFAULT_NAMES:
        if _has(module, name):
            reference = _Reference(reference.module, (name,))
            return reference, _resolve(module, reference)
    raise LoadError(
        f"{reference.module!r}{_place(module)} has neither {' nor '.join(_DEFAULT_NAMES)}; "
        f"write {reference.module}:ATTR{_candidates_hint(module)}"
    )


def _has(owner: object, name: str) -> bool:
    try:
        return hasattr(owner, name)
    except Exception:
        # It has something to say about that name: whoever takes the attribute reports it.
        return True


def _place(owner: object) -> str:
    # Which file it was shows a user whose module is hidden by one of the same name.
    file = getattr(owner, "__file__", None) if isinstance(owner, ModuleType) else None
    return f" ({file})" if file else ""


def _candidates_hint(owner: object, besides: Sequence[str] = ()) -> str:
    if not isinstance(owner, ModuleType):
        return ""
    names = [name for name, value in vars(owner).items() if _looks_like_wsgi(name, value, owner)]
    others = [name for name in names if name not in besides]
    return f" (what looks like a WSGI application there: {_listing(others)})" if others else ""


def _looks_like_wsgi(name: str, value: object, module: ModuleType) -> bool:
    """Guess: a public function made here, or an object, that wants two arguments."""
    try:
        if name.startswith("_") or not callable(value) or inspect.isclass(value):
            return False
        if inspect.isroutine(value) and value.__module__ != module.__name__:
            return False
        return _required(value) == 2 and not _is_asgi(value)
    except Exception:
        # A proxy of something that is not there yet may raise at every touch.
        return False


# --- what was found


def _call(factory: object, reference: _Reference) -> object:
    if not callable(factory):
        raise LoadError(f"'{reference}' is {_article(factory)}, which cannot be called")
    try:
        made = factory(*reference.args, **reference.kwargs)
    except (Exception, SystemExit) as error:
        if isinstance(error, TypeError) and user_frames(error.__traceback__) is None:
            raise LoadError(f"the factory '{reference}' does not take that: {error}") from error
        raise LoadError(_failure(f"the factory '{reference}' failed", error)) from error
    if inspect.iscoroutine(made):
        made.close()
        raise LoadError(f"the factory '{reference}' is an async function; it must be a plain one")
    return made


def _check_application(found: object, reference: _Reference) -> None:
    where = f"what the factory '{reference}' returned" if reference.called else f"'{reference}'"
    if isinstance(found, ModuleType):
        names = [name for name in _DEFAULT_NAMES if hasattr(found, name)]
        hint = f"; did you mean {found.__name__}:{names[0]}?" if names else ""
        raise LoadError(f"{where} is a module, not an application{hint}")
    if not callable(found):
        raise LoadError(f"{where} is {_article(found)}, not a WSGI application: it is not callable")
    if _is_asgi(found):
        raise LoadError(
            f"{where} is an ASGI application; Dovetail serves WSGI. Serve it with an ASGI server, "
            "or wrap it with a2wsgi.ASGIMiddleware"
        )
    if inspect.isclass(found) and _makes_no_response(found):
        raise LoadError(
            f"{where} is a class, not an application; make an instance: '{reference}(...)'"
        )
    if not _takes_two(found):
        factory = f"; if it makes one, write '{reference}()'" if not reference.called else ""
        raise LoadError(
            f"{where} is not a WSGI application: it cannot be called with environ and "
            f"start_response{factory}"
        )


def _article(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


def _signature(value: object) -> inspect.Signature | None:
    """Return how ``value`` itself is called, whatever it wraps; None if that is not known."""
    try:
        return inspect.signature(cast(Any, value), follow_wrapped=False)
    except Exception:
        # ValueError and TypeError for what has none; a proxy may raise anything.
        return None


def _required(value: object) -> int:
    """Return how many positional arguments ``value`` must be given; -1 if that is not known."""
    signature = _signature(value)
    if signature is None:
        return -1
    return sum(
        parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        for parameter in signature.parameters.values()
    )


def _takes_two(value: object) -> bool:
    signature = _signature(value)
    try:
        if signature is not None:
            signature.bind(None, None)
    except TypeError:
        return False
    return True


def _is_asgi(value: object) -> bool:
    """Whether ``value`` is called with scope, receive, send, or gives an awaitable."""
    call = getattr(type(value), "__call__", None)  # noqa: B004 (its function is wanted)
    if inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(call):
        return True
    return _required(value) == 3


def _makes_no_response(kind: type) -> bool:
    """Whether instances cannot be the iterable that PEP 3333 wants a call to return."""
    if "__new__" in vars(kind) or type(kind) is not type:
        return False
    return not hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__")
