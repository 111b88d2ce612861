"""What a page shows of a traceback: which frames in full, which in a line, and how much in all.

A traceback may be as long as the recursion that failed, with variables and messages of any size;
the page may not. What is nearest to the failure is shown in full until a :class:`Budget` is spent,
and the rest in short.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from markupsafe import Markup

from dovetail.dev.pages.excerpts import shorten

if TYPE_CHECKING:
    # Only the types: a traceback draws itself by these.
    from dovetail.dev.debugger.tracebacks import DebugFrameSummary, Failure, SyntaxPlace

__all__ = [
    "RELATIONS",
    "REPEATS",
    "Budget",
    "Chain",
    "Layout",
    "Line",
    "Message",
    "Run",
    "Section",
    "View",
    "excerpt",
    "syntax_line",
]

#: Python's own sentences between the failures of a chain.
RELATIONS = {
    "cause": "The above exception was the direct cause of the following exception",
    "context": "During handling of the above exception, another exception occurred",
}

#: Of equal frames in a row Python prints so many.
REPEATS = 3

_MESSAGE = 300
_LONGEST = 20_000
_MESSAGE_LINES = 6
_LINE = 300
_VARIABLE = 4_000
_MEMBERS = 100
_DEPTH = 10


@dataclass
class Budget:
    """What is left to spend on a page: frames, frames in full, characters of long texts, failures.

    The members of a group spend before what led to each of them, and their own members.
    """

    rows: int = 1_200
    details: int = 60
    characters: int = 300_000
    failures: int = 300

    def take(self, count: int) -> int:
        """Return how many of so many failures may still be shown, which are spent."""
        taken = min(count, _MEMBERS, self.failures)
        self.failures -= taken
        return taken

    def clip(self, text: str) -> str:
        """Return as much of a text as may still be shown."""
        clipped = shorten(text, max(200, min(self.characters, _LONGEST)))
        self.characters -= len(clipped)
        return clipped


@dataclass(frozen=True, slots=True)
class Line:
    """A line of source, with the part that failed, if it is a part."""

    number: int
    before: str
    marked: str = ""
    after: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A frame as it is shown; in short it has its current line only."""

    id: int
    directory: str
    base: str
    lineno: int | None
    name: str
    library: bool
    lines: list[Line]
    variables: list[tuple[str, Markup]]


@dataclass(slots=True)
class Run:
    """Frames in a row of which all or none are a library's; ``repeated``: the last one, again."""

    library: bool
    frames: list[View] = field(default_factory=list)
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """The first lines of a message, and the whole if that is longer."""

    head: str
    whole: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A failure as it is shown."""

    type_name: str
    message: Message
    notes: list[str]
    relation: str
    runs: list[Run]
    left_out: int
    syntax: Line | None
    syntax_before: list[Line]
    syntax_after: list[Line]
    place: SyntaxPlace | None
    members: list[Chain]
    members_left_out: int

    @property
    def is_bare(self) -> bool:
        """Whether type and message are all there is to be shown."""
        more = self.runs, self.left_out, self.notes, self.members, self.place, self.message.whole
        return not any(more)

    @property
    def all_library(self) -> bool:
        """Whether no frame is the application's own, so that none may be folded away."""
        return all(run.library for run in self.runs)

    @property
    def nearest(self) -> View | None:
        """The application's frame that is nearest to the failure; else the nearest of all."""
        views = [view for run in reversed(self.runs) for view in reversed(run.frames)]
        return next((view for view in views if not view.library), views[0] if views else None)


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of failures, the oldest first; ``number`` is its place in a group: ``2.1``."""

    number: str
    sections: list[Section]


class Layout:
    """Lays out one traceback; ``variables`` tells whether values are shown."""

    def __init__(self, *, variables: bool, budget: Budget | None = None) -> None:
        self._variables = variables
        self._budget = Budget() if budget is None else budget

    def chain(self, failures: Sequence[Failure], number: str = "", depth: int = 0) -> Chain:
        """Lay out a chain. The last failure, which is the one that was met, spends first."""
        # The one that was met is shown in any case.
        count = 1 + self._budget.take(len(failures) - 1)
        sections = [
            self._section(failure, number, depth) for failure in reversed(failures[-count:])
        ]
        return Chain(number, sections[::-1])

    def _section(self, failure: Failure, number: str, depth: int) -> Section:
        clip = self._budget.clip
        runs, left_out = self._runs(failure.frames)
        shown = failure.members[: self._budget.take(len(failure.members))] if depth < _DEPTH else []
        before, syntax, after = _syntax(failure.syntax)
        prefix = f"{number}." if number else ""
        return Section(
            type_name=failure.type_name,
            message=_message(clip(failure.message), len(failure.message)),
            notes=[clip(note) for note in failure.notes[:_MEMBERS]],
            relation=RELATIONS.get(failure.relation, ""),
            runs=runs,
            left_out=left_out,
            syntax=syntax,
            syntax_before=before,
            syntax_after=after,
            place=failure.syntax,
            members=[
                self.chain(member, f"{prefix}{index}", depth + 1)
                for index, member in enumerate(shown, 1)
            ],
            members_left_out=len(failure.members) - len(shown),
        )

    def _runs(self, frames: Sequence[DebugFrameSummary]) -> tuple[list[Run], int]:
        """Return the runs of frames, and how many of the outermost are left out."""
        alike = [list(group) for _, group in groupby(frames, _place)]
        # Where all are libraries' the nearest one has to tell what it is about.
        alone = frames[-1] if frames and all(frame.is_library for frame in frames) else None
        runs: list[Run] = []
        shown = 0
        for group in reversed(alike):
            kept = group[:REPEATS]
            if self._budget.rows < len(kept):
                break
            self._budget.rows -= len(kept)
            shown += len(group)
            views = [self._view(frame, frame is alone) for frame in reversed(kept)]
            views.reverse()
            runs.append(Run(kept[0].is_library, views, len(group) - len(kept)))
        return list(_joined(reversed(runs))), len(frames) - shown

    def _view(self, frame: DebugFrameSummary, is_alone: bool) -> View:
        full = (is_alone or not frame.is_library) and self._budget.details > 0
        self._budget.details -= full
        directory, base = os.path.split(frame.filename)
        return View(
            id=frame.id,
            directory=os.path.join(directory, "") if directory else "",
            base=base,
            lineno=frame.lineno,
            name=frame.name,
            library=frame.is_library,
            lines=excerpt(frame, full=full),
            variables=self._values(frame) if full and self._variables else [],
        )

    def _values(self, frame: DebugFrameSummary) -> list[tuple[str, Markup]]:
        values = []
        for name, html in frame.variables:
            if self._budget.characters < len(html):
                break
            value = Markup(html)
            if len(html) > _VARIABLE:
                value = Markup.escape(shorten(value.striptags(), _VARIABLE // 4))
            self._budget.characters -= len(value)
            values.append((name, value))
        return values


def excerpt(frame: DebugFrameSummary, *, full: bool) -> list[Line]:
    """Return the source around a frame's current line, or that line alone.

    What Python knows of the failing part is marked, unless that is all of the line.
    """
    lines = []
    for line in frame.source:
        text = line.text.rstrip("\r\n")
        if line.is_current:
            lines.append(_marked(line.number, text, frame))
        elif full:
            lines.append(Line(line.number, shorten(text, _LINE)))
    while lines and not lines[-1].current and not lines[-1].before.strip():
        lines.pop()
    return lines


def _marked(number: int, text: str, frame: DebugFrameSummary) -> Line:
    start, end = frame.colno, frame.end_colno
    if start is None or end is None:
        return Line(number, shorten(text, _LINE), current=True)
    if (frame.end_lineno or number) != number:
        end = None  # the failing part goes on in the next lines
    # The columns of a frame count bytes of UTF-8.
    encoded = text.encode("utf-8", "surrogatepass")
    first = len(encoded[:start].decode("utf-8", "replace"))
    last = len(text) if end is None else len(encoded[:end].decode("utf-8", "replace"))
    return _cut(number, text, first, last)


def _cut(number: int, text: str, first: int, last: int) -> Line:
    """Return a line with a part marked; of a long one what is around the part."""
    if not 0 <= first < last <= len(text) or text.strip() == text[first:last]:
        return Line(number, shorten(text, _LINE), current=True)
    before, marked, after = text[:first], text[first:last], text[last:]
    if len(text) > _LINE:
        before = before if len(before) <= _LINE // 3 else f"… {before[-_LINE // 3 :]}"
        marked, after = shorten(marked, _LINE // 3), shorten(after, _LINE // 3)
    return Line(number, before, marked, after, current=True)


def syntax_line(place: SyntaxPlace) -> Line | None:
    """Return the line that is not Python, the offending part of it marked; None without text."""
    if not place.text:
        return None
    text = place.text.rstrip("\r\n")
    first = (place.offset or 0) - 1
    last = max((place.end_offset or 0) - 1, first + 1)
    if 0 <= first >= len(text):
        text = text.ljust(first + 1)  # what is missing is missing at the end
    return _cut(place.lineno or 1, text, first, min(last, len(text)))


def _syntax(place: SyntaxPlace | None) -> tuple[list[Line], Line | None, list[Line]]:
    """Return the line that is not Python with those around it."""
    if place is None:
        return [], None, []
    number = place.lineno or 1
    before = _numbered(place.before, number - len(place.before))
    return before, syntax_line(place), _numbered(place.after, number + 1)


def _numbered(texts: Sequence[str], first: int) -> list[Line]:
    return [
        Line(number, shorten(text.rstrip("\r\n"), _LINE))
        for number, text in enumerate(texts, first)
    ]


def _message(text: str, size: int) -> Message:
    lines = text.splitlines()
    head = "\n".join(lines[:_MESSAGE_LINES])
    if len(lines) <= _MESSAGE_LINES and len(text) <= _MESSAGE:
        return Message(text, size=size)
    return Message(f"{head[:_MESSAGE].rstrip()} …", text, size)


def _place(frame: DebugFrameSummary) -> tuple[str, int | None, str, bool]:
    return frame.filename, frame.lineno, frame.name, frame.is_library


def _joined(runs: Iterator[Run]) -> Iterator[Run]:
    """Join runs that follow on each other; one that repeats its last frame ends there."""
    last: Run | None = None
    for run in runs:
        if last is not None and last.library == run.library and not last.repeated:
            last.frames += run.frames
            last.repeated = run.repeated
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last
