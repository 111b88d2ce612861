"""The documented texts that fragments and plain pages are made of."""

from __future__ import annotations

from markupsafe import escape
from tests.dev.live import hello

from dovetail.dev.debugger import DebuggedApplication
from dovetail.dev.debugger.tracebacks import (
    CONSOLE_HTML,
    FOOTER,
    FRAME_HTML,
    HEADER,
    PAGE_HTML,
    SUMMARY_HTML,
    DebugTraceback,
)

# What Werkzeug's texts of these names are filled with.
VALUES = {
    **{"title": "a title", "console": "false", "evalex": "false", "evalex_trusted": "false"},
    **{"secret": "a secret", "exception_type": "ValueError", "exception": "a message"},
    **{"summary": "<p>frames</p>", "plaintext": "as text", "plaintext_cs": "as text"},
}


def failing() -> DebugTraceback:
    try:
        raise ValueError("<message>")
    except ValueError as error:
        return DebugTraceback(error)


def test_pages() -> None:
    begin, end = HEADER % VALUES, FOOTER % VALUES
    assert "<title>a title</title>" in begin
    assert (PAGE_HTML % VALUES).startswith(begin)
    assert (PAGE_HTML % VALUES).endswith(end)
    assert "<p>frames</p>" in PAGE_HTML % VALUES
    assert (CONSOLE_HTML % VALUES).startswith(begin)
    assert (CONSOLE_HTML % VALUES).endswith(end)


def test_fragments() -> None:
    traceback = failing()
    (frame,) = traceback.all_frames
    shown = frame.render_html(mark_library=False)
    lines = shown.partition('<div class="source ">')[2].removesuffix("</div>\n</div>\n")
    assert shown == FRAME_HTML % {
        "id": frame.id,
        "filename": escape(__file__),
        "lineno": frame.lineno,
        "function_name": "failing",
        "library": "",
        "lines": lines,
    }
    assert traceback.render_traceback_html() == SUMMARY_HTML % {
        "classes": "traceback",
        "title": "<h3>Traceback <em>(most recent call last)</em>:</h3>",
        "frames": f"<li>{shown}",
        "description": "<blockquote>ValueError: &lt;message&gt;\n</blockquote>",
    }


def test_an_argument_of_old() -> None:
    assert DebuggedApplication(hello, request_key="a.key").request_key == "a.key"
