"""An exception with all that led to it: as a model, as text, as HTML."""

from __future__ import annotations

import inspect
import linecache
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, islice
from traceback import TracebackException
from types import CodeType, FrameType, TracebackType
from typing import Any, cast

from markupsafe import Markup, escape

from dovetail.dev.debugger.frames import FRAME_HTML, DebugFrameSummary, SourceLine
from dovetail.dev.debugger.layout import RELATIONS, REPEATS
from dovetail.dev.debugger.page import render_console, render_error

__all__ = [
    "CONSOLE_HTML",
    "FOOTER",
    "FRAME_HTML",
    "HEADER",
    "PAGE_HTML",
    "SUMMARY_HTML",
    "DebugFrameSummary",
    "DebugTraceback",
    "Failure",
    "SourceLine",
    "SyntaxPlace",
    "render_console_html",
]

HEADER = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>%(title)s</title>
</head>
<body>
<main class="debugger">
"""
FOOTER = """\
</main>
</body>
</html>
"""
SUMMARY_HTML = """\
<div class="%(classes)s">
  %(title)s
  <ul>%(frames)s</ul>
  %(description)s
</div>
"""
PAGE_HTML = f"""\
{HEADER}\
<h1>%(exception_type)s</h1>
<p class="errormsg">%(exception)s</p>
%(summary)s
<pre class="plain">%(plaintext)s</pre>
{FOOTER}\
"""
CONSOLE_HTML = f"""\
{HEADER}\
<h1>Console</h1>
<div class="console">The console needs JavaScript.</div>
{FOOTER}\
"""

_QUOTE = "<blockquote>", "</blockquote>"
_PYTHON_SUFFIXES = {"", ".py", ".pyw"}

# A page with more text than this helps nobody.
_LONGEST_TEXT = 1_000_000
_MOST_FRAMES = 400
# PERF: a group may have any number of members, and each may have as many frames as it likes. Of so
# many exceptions the frames are made; no page shows more.
_MOST_FAILURES = 1_000
# Of the lines around one that is not Python.
_AROUND = 4

# The values of __traceback_hide__ that say something about other frames, too, and whether what
# comes after them is hidden. With "_and_this" they hide their own frame besides.
_ORDERS = {"before": False, "after": True, "reset": False}


@dataclass(frozen=True, slots=True)
class SyntaxPlace:
    """Where a text is not Python; ``offset`` and ``end_offset`` count characters from 1.

    :ivar before: the lines before it, as far as they are to be shown.
    :ivar after: those after it.
    """

    filename: str
    lineno: int | None
    offset: int | None
    end_offset: int | None
    text: str | None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(slots=True)
class Failure:
    """One exception of a chain.

    :ivar type_name: the type's name, with its module unless that is ``builtins``.
    :ivar relation: ``"cause"`` if the failure before it in the chain is its cause, ``"context"``
        if it was raised while that one was handled, else empty.
    :ivar members: for a group, the chain of each of its members.
    """

    type_name: str
    message: str
    notes: list[str] = field(default_factory=list)
    frames: list[DebugFrameSummary] = field(default_factory=list)
    syntax: SyntaxPlace | None = None
    relation: str = ""
    members: list[list[Failure]] = field(default_factory=list)


class DebugTraceback:
    """An exception, those that led to it, and all their frames.

    :param exc: the exception.
    :param te: Python's own summary of it, if that is there already.
    :param skip: how many of the outermost frames of ``exc`` itself are left out.
    :param hide: whether the frames are left out that say so by ``__traceback_hide__``: with
        ``"before"`` those before theirs, with ``"after"`` those that follow until a frame says
        ``"reset"``; with ``_and_this`` after these words their own, too; with any other true
        value their own only. If that leaves none, ``hide`` is ignored.
    """

    def __init__(
        self,
        exc: BaseException,
        te: TracebackException | None = None,
        *,
        skip: int = 0,
        hide: bool = True,
    ) -> None:
        # The frames come from the exception, which has more of them than the summary shows.
        summary = _summarize(exc) if te is None else te
        self._te = summary
        for raised, report in islice(_pairs(exc, summary), _MOST_FAILURES):
            frames = _frames(raised.__traceback__, hide, skip if report is summary else 0)
            cast("list[DebugFrameSummary]", report.stack)[:] = frames

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self._te}>"

    @property
    def exception_only(self) -> str:
        """The exception's type and message, as Python prints them after the frames."""
        return "".join(self._te.format_exception_only()).strip()

    @cached_property
    def chain(self) -> list[Failure]:
        """The exceptions, the oldest first."""
        return _chain(self._te)

    @cached_property
    def all_tracebacks(self) -> list[tuple[str | None, TracebackException]]:
        """Python's summaries, the last first, each with its relation to the next, older one."""
        lineage = _lineage(self._te)
        return [(RELATIONS.get(relation), report) for relation, report in reversed(lineage)]

    @cached_property
    def all_frames(self) -> list[DebugFrameSummary]:
        """The frames of all the exceptions, the last first, and of the members of groups."""
        return list(_all_frames(self.chain))

    def render_traceback_text(self) -> str:
        """Return what Python would print."""
        text = "".join(self._te.format())
        if len(text) <= _LONGEST_TEXT:
            return text
        half = _LONGEST_TEXT // 2
        return f"{text[:half]}\n  [... {len(text) - 2 * half} characters ...]\n{text[-half:]}"

    def render_traceback_html(self, include_title: bool = True) -> str:
        """Return the traceback as a fragment of HTML.

        :param include_title: whether it begins with a heading.
        """
        rows: list[str] = []
        frames = [frame for failure in self.chain for frame in failure.frames]
        mark_library = not all(frame.is_library for frame in frames)
        for index, failure in enumerate(self.chain):
            if index:
                before = self.chain[index - 1]
                rows.append(f"<li>{escape(_last_line(before))}")
                rows.append(f'<li><div class="exc-divider">{RELATIONS[failure.relation]}:</div>')
            rows += _rows(failure.frames, mark_library)
        described = escape("".join(self._te.format_exception_only())[:_LONGEST_TEXT])
        syntax = _is_syntax_error(self._te)
        title = "Syntax Error" if syntax else "Traceback <em>(most recent call last)</em>:"
        around = ("<pre class=syntaxerror>", "</pre>") if syntax else _QUOTE
        return SUMMARY_HTML % {
            "classes": "traceback" if frames else "traceback noframe-traceback",
            "title": f"<h3>{title if include_title else ''}</h3>",
            "frames": "\n".join(rows),
            "description": described.join(map(Markup, around)),
        }

    def render_debugger_html(self, evalex: bool, secret: str, evalex_trusted: bool) -> str:
        """Return the page of the debugger.

        :param evalex: whether code can be evaluated in the frames.
        :param secret: what the page's script shows with all it asks for.
        :param evalex_trusted: whether the client has given the PIN already.
        """
        return render_error(self, evalex=evalex, secret=secret, trusted=evalex_trusted, nonce="")


def render_console_html(secret: str, evalex_trusted: bool) -> str:
    """Return the page of a console that belongs to no frame; see ``render_debugger_html``."""
    return render_console(secret=secret, trusted=evalex_trusted, nonce="")


def _last_line(failure: Failure) -> str:
    text = f"{failure.type_name}: {failure.message}" if failure.message else failure.type_name
    return text[:_LONGEST_TEXT]


def _all_frames(chain: Sequence[Failure]) -> Iterator[DebugFrameSummary]:
    for failure in reversed(chain):
        yield from failure.frames
        for member in failure.members:
            yield from _all_frames(member)


# --- from exceptions to frames


def _summarize(exc: BaseException) -> TracebackException:
    # Without a stack, which is made of the frames themselves.
    return TracebackException(type(exc), exc, exc.__traceback__, limit=0, compact=True)


def _pairs(
    exc: BaseException, te: TracebackException
) -> Iterator[tuple[BaseException, TracebackException]]:
    """Return each exception that led to one, and the members of groups, with their summaries.

    The nearest come first.
    """
    waiting = deque([(exc, te)])
    while waiting:
        exc, te = waiting.popleft()
        yield exc, te
        if isinstance(exc, BaseExceptionGroup):
            waiting += zip(exc.exceptions, te.exceptions or (), strict=False)
        for before, summary in (
            (exc.__cause__, te.__cause__),
            (exc.__context__, te.__context__),
        ):
            if before is not None and summary is not None:
                waiting.append((before, summary))


def _frames(trace: TracebackType | None, hide: bool, skip: int) -> list[DebugFrameSummary]:
    frames = [_frame(entry) for entry in islice(_entries(trace), skip, None)]
    for name in {frame.filename for frame in frames}:
        linecache.checkcache(name)
    if not hide:
        return frames
    _mark_hidden(frames)
    return [frame for frame in frames if not frame.hidden] or frames


def _entries(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _frame(entry: TracebackType) -> DebugFrameSummary:
    frame = entry.tb_frame
    code = frame.f_code
    linecache.lazycache(code.co_filename, frame.f_globals)
    line, end_line, column, end_column = _position(code, entry.tb_lasti)
    if not _is_python(code.co_filename):
        # Jinja gives the lines of a template, but the columns are of code that was made from it.
        end_line = column = end_column = None
    return DebugFrameSummary(
        locals=_namespace(frame),
        globals=frame.f_globals,
        filename=code.co_filename,
        lineno=entry.tb_lineno if line is None else line,
        name=code.co_name,
        lookup_line=False,
        end_lineno=end_line,
        colno=column,
        end_colno=end_column,
    )


def _is_python(filename: str) -> bool:
    return os.path.splitext(filename)[1] in _PYTHON_SUFFIXES or filename.startswith("<")


def _namespace(frame: FrameType) -> dict[str, Any]:
    # What a function holds is read once: later readings would undo what a console has assigned.
    held: Mapping[str, Any] = frame.f_locals
    if type(held) is dict and not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return held
    try:
        return dict(held)
    except Exception:  # the body of a class may have a namespace of any kind
        return {}


def _position(
    code: CodeType, instruction: int
) -> tuple[int | None, int | None, int | None, int | None]:
    """Return the first and last line and the first and last column of an instruction."""
    nowhere = None, None, None, None
    if instruction < 0:
        return nowhere
    return next(islice(code.co_positions(), instruction // 2, None), nowhere)


def _mark_hidden(frames: Sequence[DebugFrameSummary]) -> None:
    hiding = False
    for index, frame in enumerate(frames):
        frame.hidden = hiding
        value = frame.local_ns.get("__traceback_hide__")
        word, _, this = value.partition("_and_") if isinstance(value, str) else ("", "", "")
        if word in _ORDERS and this in ("", "this"):
            hiding = _ORDERS[word]
            frame.hidden = this == "this"
            if word == "before":
                for earlier in frames[:index]:
                    earlier.hidden = True
        elif _is_true(value):
            frame.hidden = True


def _is_true(value: object) -> bool:
    try:
        return bool(value)
    except Exception:
        return True


# --- from summaries to the model


def _older(te: TracebackException) -> tuple[str, TracebackException | None]:
    """Return what led to an exception, and how."""
    if te.__cause__ is not None:
        return "cause", te.__cause__
    if te.__context__ is not None and not te.__suppress_context__:
        return "context", te.__context__
    return "", None


def _lineage(te: TracebackException) -> list[tuple[str, TracebackException]]:
    """Return an exception and those that led to it, the oldest first, with their relations."""
    found = []
    current: TracebackException | None = te
    while current is not None:
        relation, older = _older(current)
        found.append((relation, current))
        current = older
    return found[::-1]


def _chain(te: TracebackException, depth: int = 0) -> list[Failure]:
    return [_failure(report, relation, depth) for relation, report in _lineage(te)]


def _failure(te: TracebackException, relation: str, depth: int) -> Failure:
    members = te.exceptions or [] if depth < te.max_group_depth else []  # type: ignore[attr-defined]
    name = _type_name(te)
    return Failure(
        type_name=name,
        message=_message(te),
        notes=_notes(te),
        frames=[frame for frame in te.stack if isinstance(frame, DebugFrameSummary)],
        syntax=_syntax_place(te),
        relation=relation,
        members=[_chain(member, depth + 1) for member in members],
    )


def _type_name(te: TracebackException) -> str:
    kind = None if hasattr(te, "exc_type_qualname") else te.exc_type
    name = kind.__qualname__ if kind is not None else getattr(te, "exc_type_qualname", None)
    module = kind.__module__ if kind is not None else getattr(te, "exc_type_module", None)
    if not isinstance(module, str):
        module = "<unknown>"
    return f"{name}" if module in ("builtins", "__main__") else f"{module}.{name}"


def _message(te: TracebackException) -> str:
    if _is_syntax_error(te):
        return str(te.msg or "<no detail available>")
    return str(te)


def _is_syntax_error(te: TracebackException) -> bool:
    return hasattr(te, "msg")


def _notes(te: TracebackException) -> list[str]:
    notes = getattr(te, "__notes__", None)
    if notes is None:
        return []
    if not isinstance(notes, Sequence) or isinstance(notes, str | bytes):
        return [_safe(notes, repr)]
    return [_safe(note, str) for note in notes]


def _safe(value: object, make: Callable[[object], str]) -> str:
    try:
        return make(value)
    except Exception:
        return f"<note {make.__name__}() failed>"


def _syntax_place(te: TracebackException) -> SyntaxPlace | None:
    if not _is_syntax_error(te):
        return None
    lineno = int(te.lineno) if te.lineno and te.lineno.isdecimal() else None
    filename = te.filename or "<string>"
    text = te.text if isinstance(te.text, str) else None
    if text is None and lineno is not None:
        text = linecache.getline(filename, lineno) or None
    before, after = _around(filename, lineno, text)
    offsets = _number(te.offset), _number(te.end_offset)
    return SyntaxPlace(filename, lineno, *offsets, text, before, after)


def _around(
    filename: str, lineno: int | None, text: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lines before and after one of a file, unless that says something else by now."""
    if lineno is None or text is None:
        return (), ()
    linecache.checkcache(filename)
    lines = linecache.getlines(filename)
    if not 0 < lineno <= len(lines) or lines[lineno - 1].strip() != text.strip():
        return (), ()
    first = max(0, lineno - 1 - _AROUND)
    return tuple(lines[first : lineno - 1]), tuple(lines[lineno : lineno + _AROUND])


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


# --- fragments of HTML


def _rows(frames: Sequence[DebugFrameSummary], mark_library: bool) -> Iterator[str]:
    """Return the items of a list of frames; of equal ones in a row some, of very many both ends."""
    left_out = len(frames) - _MOST_FRAMES
    if left_out > 0:
        half = _MOST_FRAMES // 2
        yield from _rows(frames[:half], mark_library)
        yield f"<li><em>{left_out} frames are left out</em>"
        frames = frames[-half:]
    for _, group in groupby(frames, lambda frame: (frame.filename, frame.lineno, frame.name)):
        alike = list(group)
        for frame in alike[:REPEATS]:
            yield f"<li>{frame.render_html(mark_library)}"
        if len(alike) > REPEATS:
            yield f"<li><em>the last line, {len(alike) - REPEATS} times more</em>"
