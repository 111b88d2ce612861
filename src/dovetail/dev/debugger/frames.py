"""The frames of a traceback: where they are, the source around them, and what they hold."""

from __future__ import annotations

import linecache
import os
import site
import sysconfig
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from traceback import FrameSummary
from typing import Any, ClassVar, Protocol, cast

from markupsafe import escape

import dovetail
from dovetail.dev.debugger.representation import DebugReprGenerator
from dovetail.dev.pages.excerpts import cut

__all__ = ["FRAME_HTML", "DebugFrameSummary", "Evaluator", "SourceLine", "is_library_file"]

#: What one frame looks like in a fragment of HTML.
FRAME_HTML = """\
<div class="frame" id="frame-%(id)d">
  <h4>File <cite class="filename">"%(filename)s"</cite>,
      line <em class="line">%(lineno)s</em>,
      in <code class="function">%(function_name)s</code></h4>
  <div class="source %(library)s">%(lines)s</div>
</div>
"""

# How many lines are shown before and after the current one.
_AROUND = 5
_LONGEST_LINE = 2_000
_MOST_VARIABLES = 500

# Ids of frames: those of one process follow on each other below its own part.
_COUNTER_BITS = 24
_numbers = count(1)


class Evaluator(Protocol):
    """What code can be evaluated in, one line of Python after the other."""

    def eval(self, code: str) -> Any:
        """Evaluate a line; return what it printed, and its value, as HTML."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a file: its number (from 1), its text without the line end, if it is the one."""

    number: int
    text: str
    is_current: bool


class DebugFrameSummary(FrameSummary):
    """A frame of a traceback that code can be evaluated in.

    :param locals: the frame's local variables.
    :param globals: the frame's global variables.
    :param hidden: whether ``__traceback_hide__`` says not to show it.
    :param kwargs: the others are those of :class:`traceback.FrameSummary`.
    """

    __slots__ = ("_console", "_id", "global_ns", "hidden", "local_ns")

    #: What makes a console of a frame's globals and locals. A console shows tracebacks itself,
    #: so it is made known here and not imported.
    console_type: ClassVar[type[Any] | None] = None

    def __init__(
        self,
        *,
        locals: dict[str, Any],
        globals: dict[str, Any],
        hidden: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(locals=None, **kwargs)
        self.local_ns = locals
        self.global_ns = globals
        self.hidden = hidden
        self._console: Evaluator | None = None
        self._id = 0

    @property
    def id(self) -> int:
        """A number that no other frame of any process has; its upper part is the process's id."""
        if not self._id:
            self._id = new_id()
        return self._id

    @property
    def info(self) -> Any:
        """What the function says about itself in ``__traceback_info__``; None if it does not."""
        return self.local_ns.get("__traceback_info__")

    @property
    def is_library(self) -> bool:
        """Whether the code is of the standard library, an installed package or Dovetail."""
        return is_library_file(self.filename)

    @property
    def console(self) -> Evaluator:
        """The console that evaluates code in this frame."""
        if self._console is None:
            if self.console_type is None:
                raise RuntimeError("import dovetail.dev.debugger, which has the console")
            self._console = self.console_type(self.global_ns, self.local_ns)
        return cast(Evaluator, self._console)

    def eval(self, code: str) -> Any:
        """Evaluate code in the frame; return what that gives, as HTML."""
        return self.console.eval(code)

    @property
    def source(self) -> list[SourceLine]:
        """The lines around the current one; none if the source cannot be found."""
        current = self.lineno
        if current is None:
            return []
        lines = linecache.getlines(self.filename, self.global_ns)
        if not 1 <= current <= len(lines):
            # Only Python's summary has it, if anybody.
            return [SourceLine(current, self.line, True)] if self.line else []
        first = max(1, current - _AROUND)
        return [
            SourceLine(number, text.rstrip("\r\n"), number == current)
            for number, text in enumerate(lines[first - 1 : current + _AROUND], first)
        ]

    @property
    def variables(self) -> list[tuple[str, str]]:
        """The local variables' names and values, the values as HTML; of a module its globals."""
        names = [name for name in self.local_ns if isinstance(name, str) and not _is_magic(name)]
        shown = names[:_MOST_VARIABLES]
        return [(name, _value_html(self.local_ns[name])) for name in shown]

    def render_html(self, mark_library: bool) -> str:
        """Return the frame as a fragment of HTML.

        :param mark_library: whether a library's frame gets the class ``library``.
        """
        return FRAME_HTML % {
            "id": self.id,
            "filename": escape(self.filename),
            "lineno": self.lineno,
            "function_name": escape(self.name),
            "library": "library" if mark_library and self.is_library else "",
            "lines": "\n".join(map(self._line_html, self.source)),
        }

    def _line_html(self, line: SourceLine) -> str:
        place = "current" if line.is_current else "after"
        if not line.is_current and line.number < (self.lineno or 0):
            place = "before"
        text = cut(line.text, _LONGEST_LINE)
        shown = text.lstrip()
        indent = text[: len(text) - len(shown)]
        # An empty line would have no height.
        text = escape(shown) or " "
        html = f'<pre class="line {place}"><span class="ws">{indent}</span>{text}'
        if line.is_current and (marks := self._marks(line.text, indent, shown)):
            html += f'\n<span class="ws">{indent}</span>{marks}'
        return f"{html}</pre>"

    def _marks(self, text: str, indent: str, shown: str) -> str:
        """Return blanks and carets below what failed in a line; empty if that is not known."""
        if self.colno is None or self.end_colno is None or not text.isascii():
            return ""  # columns count bytes, and a letter of another script may be of any width
        start = max(self.colno - len(indent), 0)
        goes_on = self.end_lineno is not None and self.end_lineno != self.lineno
        end = len(shown) if goes_on else min(self.end_colno - len(indent), len(shown))
        return " " * start + "^" * (end - start) if 0 <= start < end else ""


def new_id() -> int:
    """Return a number that no other frame of any process has."""
    return os.getpid() << _COUNTER_BITS | next(_numbers) % (1 << _COUNTER_BITS)


def process_of(frame_id: int) -> int:
    """Return the id of the process that made the id of a frame."""
    return frame_id >> _COUNTER_BITS


def _is_magic(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _value_html(value: object) -> str:
    # Of each among many; the console shows more of one.
    return DebugReprGenerator(values=100, text=1_000, markup=3_000).repr(value)


def is_library_file(filename: str) -> bool:
    """Tell whether a file is of the standard library, an installed package or Dovetail itself."""
    if filename.startswith("<"):
        return filename.startswith("<frozen ")
    path = os.path.abspath(filename)
    parts = Path(path).parts
    return (
        "site-packages" in parts or "dist-packages" in parts or path.startswith(_library_places())
    )


@cache
def _library_places() -> tuple[str, ...]:
    wanted = ("stdlib", "platstdlib", "purelib", "platlib")
    found = [sysconfig.get_path(name) for name in wanted]
    found += getattr(site, "getsitepackages", list)()
    found.append(os.path.dirname(dovetail.__file__))
    return tuple({os.path.join(os.path.abspath(place), "") for place in found if place})
