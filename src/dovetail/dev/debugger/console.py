"""Python evaluated line by line in a frame's namespaces, and what it printed, as HTML.

Standard output belongs to the whole process, and an application's threads go on printing while
a line is evaluated: only what the evaluating context prints is taken for the console.
"""

import ast
import asyncio
import inspect
import sys
import threading
from codeop import CommandCompiler
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FunctionType, TracebackType
from typing import Any, Final

from dovetail.dev.debugger.representation import debug_repr, dump, escaped, helper
from dovetail.dev.debugger.tracebacks import DebugTraceback

__all__ = ["Console", "HTMLStringO", "ThreadedStream"]

#: What the frames of evaluated code give as their file.
FILE_NAME: Final = "<debugger>"

_MOST_OUTPUT = 1_000_000


class HTMLStringO:
    """A text stream that keeps what is written to it as HTML, of a bounded size."""

    def __init__(self) -> None:
        self._buffer: list[str] = []
        self._size = 0
        self._lost = 0

    def isatty(self) -> bool:
        """-> False."""
        return False

    def close(self) -> None:
        """Do nothing: what was written is still to be read."""

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def seek(self, n: int, mode: int = 0) -> None:
        """Do nothing: there is one place to write to."""

    def readline(self) -> str:
        """-> what was written first and was not read yet, or nothing."""
        if not self._buffer:
            return ""
        first = self._buffer.pop(0)
        self._size -= len(first)
        return first

    def reset(self) -> str:
        """-> all that was written, as HTML; begin anew."""
        written = "".join(self._buffer)
        if self._lost:
            written += f"\n<em>… {self._lost:,} characters more</em>\n"
        self._buffer, self._size, self._lost = [], 0, 0
        return written

    def write(self, x: str) -> None:
        """Write text, which is escaped."""
        text = str(x)
        room = max(0, _MOST_OUTPUT - self._size)
        self._lost += max(0, len(text) - room)
        self._write(escaped(text[:room]))

    def writelines(self, x: Iterable[str]) -> None:
        """Write pieces of text, which are escaped."""
        self.write("".join(x))

    def _write(self, x: str) -> None:
        """Write HTML."""
        if self._size >= _MOST_OUTPUT:
            # Half a tag would swallow what comes after it: HTML is kept whole or not at all.
            self._lost += len(x)
            return
        self._buffer.append(x)
        self._size += len(x)


class ThreadedStream:
    """Stands for ``sys.stdout``: the console's for the context that evaluates, else the old one."""

    @staticmethod
    def push() -> None:
        """Take what this context prints from now on."""
        if _captured.get() is None:
            _replacement.begin()
            _captured.set(HTMLStringO())

    @staticmethod
    def fetch() -> str:
        """-> what this context has printed since it was last asked, as HTML."""
        captured = _captured.get()
        return "" if captured is None else captured.reset()

    @staticmethod
    def displayhook(obj: object) -> None:
        """Show the value of an expression, and keep it as ``_``: the ``sys.displayhook``."""
        captured = _captured.get()
        if captured is None:
            _replacement.displayhook(obj)
        elif obj is not None:
            namespace = _namespace.get()
            if namespace is not None:
                namespace["_"] = obj
            captured._write(debug_repr(obj))

    def __getattribute__(self, name: str) -> Any:
        return getattr(_stream(), name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name!r} cannot be set: standard output is shared with a console.")

    def __dir__(self) -> list[str]:
        return dir(_stream())

    def __repr__(self) -> str:
        return repr(_replacement.stdout)


_captured: ContextVar[HTMLStringO | None] = ContextVar("captured", default=None)
_namespace: ContextVar[dict[str, Any] | None] = ContextVar("namespace", default=None)


class _Replacement:
    """The process's standard output and display hook, which are replaced while consoles work."""

    def __init__(self) -> None:
        self.stdout: Any = sys.__stdout__
        self.displayhook: Any = sys.__displayhook__
        self._lock = threading.Lock()
        self._users = 0

    def begin(self) -> None:
        """Put ours in place, if they are not."""
        with self._lock:
            self._users += 1
            if type(sys.stdout) is not ThreadedStream:
                # Without a standard output print() is silent, and stays so for other threads.
                self.stdout = HTMLStringO() if sys.stdout is None else sys.stdout
                sys.stdout = ThreadedStream()
            if sys.displayhook is not ThreadedStream.displayhook:
                self.displayhook = sys.displayhook
                sys.displayhook = ThreadedStream.displayhook

    def end(self) -> None:
        """Put the old ones back when the last console has finished."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            if type(sys.stdout) is ThreadedStream:
                sys.stdout = None if type(self.stdout) is HTMLStringO else self.stdout
            if sys.displayhook is ThreadedStream.displayhook:
                sys.displayhook = self.displayhook


_replacement = _Replacement()


def _stream() -> Any:
    captured = _captured.get()
    return _replacement.stdout if captured is None else captured


@contextmanager
def _capturing(namespace: dict[str, Any]) -> Iterator[HTMLStringO]:
    """Take what is printed and displayed in this context; ``_`` is kept in the namespace."""
    output = HTMLStringO()
    captured, named = _captured.set(output), _namespace.set(namespace)
    _replacement.begin()
    try:
        yield output
    finally:
        _replacement.end()
        _namespace.reset(named)
        _captured.reset(captured)


class Console:
    """An interactive interpreter whose names are those of ``globals`` and, above them, ``locals``.

    The names are copied, so that what is evaluated (a comprehension, a function made here) sees
    both kinds, and the program goes on with its own.
    """

    def __init__(
        self, globals: dict[str, Any] | None = None, locals: dict[str, Any] | None = None
    ) -> None:
        self._namespace = {**(globals or {}), **(locals or {}), "dump": dump, "help": helper}
        self._compile = CommandCompiler()
        self._compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._lock = threading.Lock()
        self._source = ""

    def eval(self, code: str) -> str:
        """Evaluate a line, or add it to a statement that is not complete.

        Several lines may be several statements, and ``await`` is understood: each statement runs
        in an event loop of its own.

        -> HTML: the prompt and the line, then what was printed, the value or the traceback. What
        the line raises, ``SystemExit`` included, is shown and goes no further.
        """
        line = code.rstrip() + "\n"
        with _capturing(self._namespace) as output:
            with self._lock:
                prompt = "... " if self._source else ">>> "
                complete = self._completed(self._source + line, output)
            for statement in complete:
                if not self._run(statement, output):
                    break
            return prompt + escaped(line) + output.reset()

    def _completed(self, source: str, output: HTMLStringO) -> list[CodeType]:
        """-> the statements' code: none while lines are missing, and where there is an error."""
        self._source = ""
        try:
            complete = self._compile(source, FILE_NAME, "single")
        except Exception as error:
            if several := self._separated(source):
                return several
            # The frames are those of the compiler.
            output._write(_shown(error.with_traceback(None)))
            return []
        if complete is None:
            self._source = source
            return []
        return [complete]

    def _separated(self, source: str) -> list[CodeType]:
        """-> the code of each of several statements; of what is no Python, none."""
        try:
            statements = ast.parse(source, FILE_NAME).body
            flags = self._compile.compiler.flags
            return [
                compile(ast.Interactive([statement]), FILE_NAME, "single", flags, dont_inherit=True)
                for statement in statements
            ]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []

    def _run(self, statement: CodeType, output: HTMLStringO) -> bool:
        """-> whether it came to its end."""
        try:
            if statement.co_flags & inspect.CO_COROUTINE:
                asyncio.run(FunctionType(statement, self._namespace)())
            else:
                exec(statement, self._namespace)
        except BaseException as error:
            if _stops_the_program(error):
                raise
            output._write(_shown(error.with_traceback(_evaluated_part(error.__traceback__))))
            return False
        return True


def _evaluated_part(trace: TracebackType | None) -> TracebackType | None:
    """-> a traceback from what was evaluated; None where that did not begin."""
    while trace is not None and trace.tb_frame.f_code.co_filename != FILE_NAME:
        trace = trace.tb_next
    return trace


def _stops_the_program(error: BaseException) -> bool:
    """-> whether this is Ctrl+C at the server's terminal, which only the main thread receives."""
    return isinstance(error, KeyboardInterrupt) and (
        threading.current_thread() is threading.main_thread()
    )


def _shown(error: BaseException) -> str:
    return DebugTraceback(error).render_traceback_html()
