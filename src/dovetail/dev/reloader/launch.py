"""Running a program inside a process that was started for it, as if Python itself had run it."""

from __future__ import annotations

import builtins
import json
import os
import sys
from collections.abc import Iterable
from importlib.machinery import BuiltinImporter, ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from types import CodeType, ModuleType, TracebackType
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from dovetail.dev import console
from dovetail.dev.reloader.failing import failing_application
from dovetail.dev.reloader.generation import Generation
from dovetail.dev.reloader.imports import note_failure, record_imports
from dovetail.dev.reloader.running import run_with_reloader
from dovetail.dev.reloader.supervisor import STAND_IN
from dovetail.dev.serving import run_simple
from dovetail.toolkit.response import Response

__all__ = ["launch"]


def launch(kind: str, target: str, arguments: list[str], *, shows: bool) -> None:
    """Run a program; if it fails before it serves, serve its exception.

    :param kind: see :meth:`~dovetail.dev.reloader.program.Program.command_under`; for ``script``,
        a file of code is ``code``.
    :param shows: whether to show the exception in the terminal.
    :raises SystemExit: the program has ended.
    """
    options = json.loads(os.environ.pop(STAND_IN, "null") or "{}")
    record_imports()
    try:
        _run(kind, target, arguments)
    except Exception as error:
        trace = _users_part(error.__traceback__)
        is_late = Generation.has_begun or options is None
        if shows or is_late:
            sys.excepthook(type(error), error.with_traceback(trace), trace)
        if is_late:
            sys.exit(1)
        note_failure(error)
        _serve(error.with_traceback(trace), options)


def _run(kind: str, target: str, arguments: list[str]) -> None:
    sys.argv[:] = [target, *arguments]
    module = sys.modules["__main__"] = ModuleType("__main__")
    names = vars(module)
    names["__builtins__"] = builtins
    if kind == "module":
        spec = find_spec(target)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = find_spec(f"{target}.__main__")
        code = _code_of(spec, target, names)
        sys.argv[0] = names["__file__"]
    elif kind == "script":
        code = _code_of(PathFinder.find_spec("__main__", sys.path[:1]), target, names)
    elif kind == "command":
        sys.argv[0] = "-c"
        names["__loader__"] = BuiltinImporter
        code = compile(target, "<string>", "exec")
    else:
        file = os.path.join(os.getcwd(), target)
        names.update(__file__=file, __cached__=None, __loader__=SourceFileLoader("__main__", file))
        with open(file, "rb") as source:
            code = compile(source.read(), file, "exec")
    if sys.version_info < (3, 14):
        names["__annotations__"] = {}
    exec(code, names)


def _code_of(spec: ModuleSpec | None, name: str, names: dict[str, Any]) -> CodeType:
    """Return the code of a module that is to be the main one; set its attributes."""
    loader: Any = None if spec is None else spec.loader
    code: CodeType | None = None if spec is None else loader and loader.get_code(spec.name)
    if spec is None or code is None:
        raise ModuleNotFoundError(f"No module named {name!r} that can be run", name=name)
    names.update(__file__=spec.origin, __cached__=spec.cached, __loader__=loader)
    names.update(__package__=spec.parent, __spec__=spec)
    return code


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from where the program began; None for one that did not begin."""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file != __file__ and not file.startswith("<frozen "):
            return trace
        trace = trace.tb_next
    return None


def _serve(error: Exception, options: dict[str, Any]) -> None:
    if not options:
        console.log("warning", " * The program has failed: requests wait until a file changes")
        run_with_reloader(lambda: None)
        return
    console.log("warning", " * The program has failed: requests show this until a file changes")
    if isinstance(options.get("ssl_context"), list):
        options["ssl_context"] = tuple(options["ssl_context"])  # JSON has no tuples
    shown = failing_application(error, error.__traceback__)
    application = shown if options.get("use_debugger") else _say_so
    run_simple(application=application, **{**options, "use_reloader": True})


def _say_so(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    text = "The program has failed before it could serve. Its terminal shows how.\n"
    return Response(text, 500, mimetype="text/plain")(environ, start_response)
