"""A program that fails before it serves: run once more, to show its exception to the browser.

    python -m dovetail.dev.reloader.stand_in script|module|command TARGET ARGUMENTS...

The process that keeps the socket starts this. If the program does not fail this time, it is just
run.
"""

from __future__ import annotations

import io
import json
import os
import runpy
import sys
from types import ModuleType, TracebackType
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from dovetail.dev import console
from dovetail.dev.reloader.imports import note_failure, record_imports
from dovetail.dev.reloader.running import run_with_reloader
from dovetail.dev.reloader.supervisor import STAND_IN
from dovetail.dev.serving import run_simple

__all__ = ["main"]


def main() -> None:
    """Run the program that the arguments name; serve the exception that it raises."""
    kind, target, *arguments = sys.argv[1:]
    options = json.loads(os.environ.pop(STAND_IN, "") or "{}")
    record_imports()
    here = sys.modules["__main__"]
    try:
        _run(kind, target, arguments)
    except Exception as error:
        sys.modules["__main__"] = here
        note_failure(error)
        _serve(error.with_traceback(_users_part(error.__traceback__)), options)


def _run(kind: str, target: str, arguments: list[str]) -> None:
    sys.argv[:] = [target, *arguments]
    if kind == "module":
        runpy.run_module(target, run_name="__main__", alter_sys=True)
    elif kind == "command":
        sys.argv[0] = "-c"
        _run_command(target)
    else:
        # Python would have put the script's directory where it put the working directory now.
        if not sys.flags.safe_path and os.path.isfile(target) and target.endswith(".py"):
            sys.path[0] = os.path.dirname(os.path.realpath(target))
        runpy.run_path(target, run_name="__main__")


def _run_command(code: str) -> None:
    module = sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(code, "<string>", "exec"), vars(module))


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from where the program began; None for one that did not begin."""
    own = (__file__, runpy.__file__)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file not in own and not file.startswith("<frozen "):
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
    run_simple(application=_failing(error), **{**options, "use_reloader": True})


def _failing(error: Exception) -> WSGIApplication:
    trace = error.__traceback__

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> NoReturn:  # noqa: ARG001
        __traceback_hide__ = True  # noqa: F841  (for the debugger: no frame of theirs)
        # The terminal has had it from the program itself.
        environ["wsgi.errors"] = io.StringIO()
        # Without its first traceback it would get longer with each request.
        raise error.with_traceback(trace)

    return app


if __name__ == "__main__":
    main()
