"""Where the application's own frames are in a traceback that is read as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dovetail.dev.console import shows_colours
from dovetail.server.controls import escape_lines

if TYPE_CHECKING:
    from dovetail.dev.debugger.frames import DebugFrameSummary
    from dovetail.dev.debugger.tracebacks import DebugTraceback

__all__ = ["faded", "outline", "text_for_log"]

_MOST = 8
_FADED, _PLAIN = "\x1b[2m", "\x1b[0m"

# Within a group Python begins lines with bars.
_frame_line = re.compile(r'(?P<indent>[ |+]*)  File "(?P<name>.*)", line \d+').match


def outline(traceback: DebugTraceback) -> str:
    """Return lines with the application's frames that are nearest to the failure.

    Empty if all frames are the application's, or none is.
    """
    frames = [frame for failure in traceback.chain for frame in failure.frames]
    places = list(dict.fromkeys(_places(frames)))
    if not places or not any(frame.is_library for frame in frames):
        return ""
    left_out = ["  ..."] if len(places) > _MOST else []
    return "\n".join(["The application's own lines:", *left_out, *places[-_MOST:], ""])


def _places(frames: list[DebugFrameSummary]) -> Iterator[str]:
    for frame in frames:
        if not frame.is_library:
            yield f"  {frame.filename}:{frame.lineno} in {frame.name}"


def text_for_log(traceback: DebugTraceback, stream: object) -> str:
    """Return a traceback's text as it is written to a stream, which may be a terminal."""
    # A client may have a part in the messages, and must not write to the terminal.
    text = escape_lines(traceback.render_traceback_text())
    return faded(text, traceback) if shows_colours(stream) else text


def faded(text: str, traceback: DebugTraceback) -> str:
    """Return a traceback's text with the frames of libraries made faint, for a terminal (ECMA-48).

    :param text: without control characters but line ends and tabs.
    """
    frames = traceback.all_frames
    libraries = {frame.filename for frame in frames if frame.is_library}
    if all(frame.is_library for frame in frames):
        return text
    lines = []
    below: str | None = None  # with what the lines below a library's frame begin
    for line in text.splitlines(keepends=True):
        found = _frame_line(line)
        if found is not None:
            below = f"{found['indent']}    " if found["name"] in libraries else None
        elif below is not None and not line.startswith(below):
            below = None
        lines.append(line if below is None else _fade(line))
    return "".join(lines)


def _fade(line: str) -> str:
    bare = line.rstrip("\n")
    return f"{_FADED}{bare}{_PLAIN}{line[len(bare) :]}"
