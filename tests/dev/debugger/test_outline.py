"""How the application's own frames are found in a traceback that is text."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from dovetail.dev.console import shows_colours
from dovetail.dev.debugger import DebuggedApplication
from dovetail.dev.debugger.outline import faded, outline
from dovetail.dev.debugger.tracebacks import DebugTraceback
from dovetail.server.controls import escape_lines
from dovetail.toolkit.testing import Client


def caught(function: Callable[[], object]) -> DebugTraceback:
    try:
        function()
    except BaseException as error:
        return DebugTraceback(error, skip=1)
    raise AssertionError("nothing was raised")


def parse() -> object:
    return json.loads("{")


def fail() -> None:
    raise ValueError('\n  File "json/decoder.py", line 1, in forged\n    code')


def group() -> None:
    errors = []
    for function in (parse, fail):
        try:
            function()
        except ValueError as error:
            errors.append(error)
    raise ExceptionGroup("both", errors)


def line_of(function: Callable[[], object], after: int = 1) -> str:
    return f"{__file__}:{function.__code__.co_firstlineno + after} in {function.__name__}"


def test_the_applications_lines_are_named() -> None:
    assert outline(caught(parse)) == f"The application's own lines:\n  {line_of(parse)}\n"


def test_of_many_the_last_are_named() -> None:
    source = "def first():\n    json.loads('{')\n" + "".join(
        f"def f{number}():\n    {'first' if not number else f'f{number - 1}'}()\n"
        for number in range(12)
    )
    names: dict[str, Any] = {"json": json}
    exec(compile(source, "shop.py", "exec"), names)
    lines = outline(caught(names["f11"])).splitlines()
    assert lines[1] == "  ..."
    assert lines[-2:] == ["  shop.py:4 in f0", "  shop.py:2 in first"]
    assert len(lines) == 10


def test_nothing_is_named_where_all_is_the_applications_or_nothing() -> None:
    assert outline(caught(fail)) == ""
    assert outline(caught(partial(json.loads, "{"))) == ""


def test_frames_of_libraries_are_faint() -> None:
    for function in (parse, group):
        traceback = caught(function)
        text = escape_lines(traceback.render_traceback_text())
        shown = faded(text, traceback)
        assert re.sub(r"\x1b\[[02]m", "", shown) == text
        for line in shown.splitlines():
            if "in parse" in line or "return json.loads" in line:
                assert "\x1b" not in line, line
            if "raw_decode" in line or ("decoder.py" in line and "forged" not in line):
                assert line.startswith("\x1b[2m"), line
                assert line.endswith("\x1b[0m"), line


def test_what_is_written_to_a_file_has_no_colours() -> None:
    closed = io.StringIO()
    closed.close()
    assert not shows_colours(None)
    assert not shows_colours(closed)

    def application(_: Any, __: Any) -> list[bytes]:
        return [json.loads("{")]

    client = Client(DebuggedApplication(application, pin_logging=False))
    answer = client.get("/", headers={"Accept": "*/*"})
    assert "\x1b" not in answer.text
    assert "The application's own lines:\n  " in answer.text
    assert " in application\n" in answer.text
