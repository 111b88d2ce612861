"""Tracebacks as a model, as text and as HTML: all that Python says, and no more than a page."""

from __future__ import annotations

import importlib.util
import json
import linecache
import os
import re
import sys
import traceback
from collections.abc import Callable
from importlib.abc import InspectLoader
from pathlib import Path
from types import CodeType
from typing import Any

import jinja2
import pytest

import dovetail.data.headers
from dovetail.dev.debugger.frames import DebugFrameSummary, is_library_file, process_of
from dovetail.dev.debugger.tracebacks import (
    DebugTraceback,
    Failure,
    SyntaxPlace,
    render_console_html,
)


def raised(call: Callable[[], Any]) -> BaseException:
    """Return what a call raises."""
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def names(found: DebugTraceback) -> list[str]:
    return [frame.name for frame in found.all_frames if frame.filename == __file__]


# --- what there is to be shown


def plain() -> None:
    raise ValueError("plain <b>")


def caused() -> None:
    try:
        plain()
    except ValueError as error:
        raise KeyError("caused") from error


def in_context() -> None:
    try:
        caused()
    except KeyError:
        raise RuntimeError("in context")  # noqa: B904


def suppressed() -> None:
    try:
        plain()
    except ValueError:
        raise OSError(5, "suppressed") from None


def grouped() -> None:
    errors: list[Exception] = []
    for call in (plain, caused, nested):
        try:
            call()
        except Exception as error:
            errors.append(error)
    raise ExceptionGroup("several", errors)


def nested() -> None:
    raise ExceptionGroup("nested", [OSError("inner"), ExceptionGroup("deep", [KeyError(1)])])


def noted() -> None:
    error = ValueError("noted")
    error.add_note("first\nnote")
    error.add_note("second <i>")
    raise error


def odd_notes() -> None:
    error = ValueError("odd notes")
    error.__notes__ = 7  # type: ignore[assignment]
    raise error


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


def mute() -> None:
    raise Mute


def no_python() -> None:
    compile("first = 1\nsecond = (3 +\n", "some/file.py", "exec")


def no_place() -> None:
    raise SyntaxError("no place")


def evaluated() -> None:
    eval("[1][\n5]")


def cyclic() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first


def misspelled() -> None:
    dovetail.data.heathers  # type: ignore[attr-defined]  # noqa: B018


def recursive(depth: int = 0) -> None:
    recursive(depth + 1)


def there(depth: int = 0) -> None:
    back(depth + 1)


def back(depth: int) -> None:
    there(depth + 1)


def several_lines() -> None:
    (
        json.loads(
            "{",
        )
        + 1
    )


def without_message() -> None:
    raise ValueError


def quits() -> None:
    raise SystemExit(3)


EVERYTHING = [
    *(plain, caused, in_context, suppressed, grouped, nested, noted, odd_notes, mute),
    *(no_python, no_place, evaluated, cyclic, misspelled, recursive, there, several_lines),
    *(without_message, quits),
]


@pytest.mark.parametrize("call", EVERYTHING, ids=lambda call: call.__name__)
def test_text_is_that_of_python(call: Callable[[], Any]) -> None:
    error = raised(call)
    python = "".join(traceback.format_exception(error))
    assert DebugTraceback(error).render_traceback_text() == python


@pytest.mark.parametrize("call", EVERYTHING, ids=lambda call: call.__name__)
def test_html_is_whole_and_bounded(call: Callable[[], Any]) -> None:
    found = DebugTraceback(raised(call))
    html = found.render_traceback_html()
    assert len(html) < 600_000
    assert html.count("<div") == html.count("</div>")
    assert html.count("<pre") == html.count("</pre>")
    assert "<b>" not in html
    assert "<i>" not in html
    page = found.render_debugger_html(True, "secret", False)
    assert len(page) < 1_500_000
    assert "<b>" not in page


def summary(chain: list[Failure]) -> list[Any]:
    """Return types, messages and relations."""
    return [
        (failure.type_name, failure.message, failure.relation, *map(summary, failure.members))
        for failure in chain
    ]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (plain, [("ValueError", "plain <b>", "")]),
        (caused, [("ValueError", "plain <b>", ""), ("KeyError", "'caused'", "cause")]),
        (
            in_context,
            [
                ("ValueError", "plain <b>", ""),
                ("KeyError", "'caused'", "cause"),
                ("RuntimeError", "in context", "context"),
            ],
        ),
        (suppressed, [("OSError", "[Errno 5] suppressed", "")]),
        (mute, [(f"{__name__}.Mute", "<exception str() failed>", "")]),
        (cyclic, [("ValueError", "second", ""), ("ValueError", "first", "cause")]),
        (no_place, [("SyntaxError", "no place", "")]),
        (without_message, [("ValueError", "", "")]),
        (
            nested,
            [
                (
                    "ExceptionGroup",
                    "nested (2 sub-exceptions)",
                    "",
                    [("OSError", "inner", "")],
                    [
                        (
                            "ExceptionGroup",
                            "deep (1 sub-exception)",
                            "",
                            [("KeyError", "1", "")],
                        )
                    ],
                )
            ],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_chain(call: Callable[[], Any], expected: list[Any]) -> None:
    assert summary(DebugTraceback(raised(call)).chain) == expected


def test_relations_to_the_next() -> None:
    found = DebugTraceback(raised(in_context))
    assert [relation for relation, _ in found.all_tracebacks] == [
        "During handling of the above exception, another exception occurred",
        "The above exception was the direct cause of the following exception",
        None,
    ]
    assert all(isinstance(te, traceback.TracebackException) for _, te in found.all_tracebacks)


def test_takes_the_summary_that_there_is() -> None:
    error = raised(caused)
    te = traceback.TracebackException.from_exception(error)
    found = DebugTraceback(error, te)
    assert found.all_tracebacks[0][1] is te
    assert names(found) == ["raised", "caused", "caused", "plain"]


def test_frames_of_members_are_found_too() -> None:
    found = DebugTraceback(raised(grouped))
    assert names(found)[:2] == ["raised", "grouped"]
    assert names(found).count("plain") == 2
    assert "nested" in names(found)
    ids = [frame.id for frame in found.all_frames]
    assert len(set(ids)) == len(ids)
    assert {process_of(number) for number in ids} == {os.getpid()}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 has it on its own output only")
def test_a_suggestion_is_part_of_the_message() -> None:
    (failure,) = DebugTraceback(raised(misspelled)).chain
    assert "Did you mean: 'headers'?" in failure.message


@pytest.mark.parametrize(
    ("call", "expected"),
    [(noted, ["first\nnote", "second <i>"]), (odd_notes, ["7"]), (plain, [])],
    ids=["notes", "odd", "none"],
)
def test_notes(call: Callable[[], Any], expected: list[str]) -> None:
    assert DebugTraceback(raised(call)).chain[-1].notes == expected


def test_a_note_that_fails() -> None:
    error = ValueError()
    error.__notes__ = [Mute()]  # type: ignore[list-item]
    assert DebugTraceback(error).chain[-1].notes == ["<note str() failed>"]


def test_place_of_what_is_no_python() -> None:
    (failure,) = DebugTraceback(raised(no_python)).chain
    place = failure.syntax
    assert place is not None
    assert (place.filename, place.lineno, place.offset) == ("some/file.py", 2, 10)
    assert place.text == "second = (3 +\n"
    assert failure.message == "'(' was never closed"


def test_a_place_without_its_text_is_looked_up(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("a = 1\nb = = 2\n")
    (failure,) = DebugTraceback(SyntaxError("bad", (str(file), 2, 5, None))).chain
    assert failure.syntax is not None
    assert failure.syntax.text == "b = = 2\n"


def test_a_place_has_the_lines_around_it_unless_the_file_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("".join(f"n{number} = 1\n" for number in range(1, 8)) + "b = = 2\nlast = 3\n")

    def place(text: str) -> SyntaxPlace:
        (failure,) = DebugTraceback(SyntaxError("bad", (str(file), 8, 5, text))).chain
        assert failure.syntax is not None
        return failure.syntax

    assert place("b = = 2\n").before == ("n4 = 1\n", "n5 = 1\n", "n6 = 1\n", "n7 = 1\n")
    assert place("b = = 2").after == ("last = 3\n",)
    assert (place("other").before, place("other").after) == ((), ())


# --- hidden frames


def hiding(first: object, second: object = None) -> list[str]:
    """Return the functions that are left of outer > middle > inner > last."""

    def outer() -> None:
        if first is not None:
            __traceback_hide__ = first
        middle()

    def middle() -> None:
        inner()

    def inner() -> None:
        if second is not None:
            __traceback_hide__ = second
        last()

    def last() -> None:
        raise ValueError

    return [name for name in names(DebugTraceback(raised(outer))) if name != "raised"]


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        # As the debugger that is stood in for was seen to decide.
        (None, None, "outer middle inner last"),
        (True, None, "middle inner last"),
        (False, None, "outer middle inner last"),
        (1, None, "middle inner last"),
        ("anything", None, "middle inner last"),
        ("before", None, "outer middle inner last"),
        ("after", None, "outer"),
        ("after_and_this", None, ""),
        ("before_and_this", None, "middle inner last"),
        (True, "before", "inner last"),
        (True, "before_and_this", "last"),
        (True, "after", "middle inner"),
        ("after", True, "outer"),
        ("after", "after", "outer inner"),
        ("after", "reset", "outer inner last"),
        ("after", "reset_and_this", "outer last"),
        ("after", "before", "inner last"),
        ("after_and_this", "reset", "inner last"),
        ("before", "after_and_this", "outer middle"),
    ],
)
def test_hidden_frames(first: object, second: object, left: str) -> None:
    assert hiding(first, second) == left.split()


def test_hidden_frames_are_shown_on_request() -> None:
    def hidden() -> None:
        __traceback_hide__ = True
        raise ValueError

    assert names(DebugTraceback(raised(hidden), hide=False)) == ["raised", "hidden"]
    assert names(DebugTraceback(raised(hidden))) == ["raised"]


def test_frames_that_all_hide_are_all_shown() -> None:
    def hidden() -> None:
        __traceback_hide__ = True
        raise ValueError

    error = raised(hidden)
    assert error.__traceback__ is not None
    error = error.with_traceback(error.__traceback__.tb_next)
    assert names(DebugTraceback(error)) == ["hidden"]


def test_a_value_that_cannot_say_whether_it_is_true() -> None:
    class Undecided:
        def __bool__(self) -> bool:
            raise RuntimeError

    assert hiding(Undecided()) == ["middle", "inner", "last"]


def test_skips_the_outermost_of_the_last_exception() -> None:
    assert names(DebugTraceback(raised(caused), skip=1)) == ["caused", "caused", "plain"]
    assert names(DebugTraceback(raised(plain), skip=9)) == []


# --- frames


def last_frame(call: Callable[[], Any]) -> DebugFrameSummary:
    return DebugTraceback(raised(call)).all_frames[-1]


def test_source_around_the_line() -> None:
    def failing() -> None:
        before = "ä"
        raise ValueError(before)

    frame = last_frame(failing)
    assert [line.is_current for line in frame.source] == [False] * 5 + [True] + [False] * 5
    current = frame.source[5]
    assert current.number == frame.lineno
    assert current.text == "        raise ValueError(before)"
    assert frame.source[4].text == '        before = "ä"'
    assert dict(frame.variables) == {"before": '<span class="string">&#39;ä&#39;</span>'}


def test_columns_of_the_failing_part() -> None:
    def failing() -> None:
        values = [1]
        values[0] + values[1]

    frame = last_frame(failing)
    line = frame.source[5].text
    assert line[frame.colno : frame.end_colno] == "values[1]"
    assert re.search(r"\n<span class=\"ws\"> +</span> +\^{9}</pre>", frame.render_html(True))


def test_the_fragment_is_escaped_and_marks_libraries() -> None:
    frame = last_frame(lambda: json.loads("<"))
    html = frame.render_html(True)
    assert f'id="frame-{frame.id}"' in html
    assert 'class="source library"' in html
    assert 'class="source "' in frame.render_html(False)
    own = DebugTraceback(raised(plain)).all_frames[-1].render_html(True)
    assert "plain &lt;b&gt;" in own
    assert "library" not in own


def test_source_in_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "koi.py"
    file.write_bytes("# -*- coding: koi8-r -*-\nraise ValueError('привет')\n".encode("koi8-r"))
    code = compile(file.read_bytes(), str(file), "exec")
    frame = last_frame(lambda: exec(code, {}))
    assert [line.text for line in frame.source][-1] == "raise ValueError('привет')"


def test_source_that_only_the_loader_has() -> None:
    class Loader(InspectLoader):
        def get_source(self, fullname: str) -> str:
            return "def f():\n    return 1 / 0\n"

        def get_code(self, fullname: str) -> CodeType:
            return compile(self.get_source(fullname), "somewhere/else.py", "exec")

    loader = Loader()
    spec = importlib.util.spec_from_loader("elsewhere", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    frame = last_frame(module.f)
    assert [line.text for line in frame.source] == ["def f():", "    return 1 / 0"]


def test_source_that_nobody_has() -> None:
    frame = last_frame(lambda: eval("1 / 0"))
    assert (frame.filename, frame.lineno, frame.source) == ("<string>", 1, [])
    assert "1 / 0" not in frame.render_html(True)


def test_a_template_is_shown_with_its_own_line(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<h1>\n{{ 1 / number }}\n</h1>\n")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(tmp_path), autoescape=True)
    frame = last_frame(lambda: environment.get_template("page.html").render(number=0))
    assert (frame.filename, frame.lineno) == (str(tmp_path / "page.html"), 2)
    assert [line.text for line in frame.source if line.is_current] == ["{{ 1 / number }}"]
    assert not frame.is_library
    assert frame.local_ns["number"] == 0
    # They would be those of the code that Jinja made of it.
    assert (frame.colno, frame.end_colno) == (None, None)
    assert "^" not in frame.render_html(True)


def test_what_a_module_runs_shows_its_globals_and_shares_them() -> None:
    namespace: dict[str, Any] = {"__name__": "made", "given": 1}
    frame = last_frame(lambda: exec("made = 2\nraise ValueError", namespace))
    assert frame.local_ns is namespace
    assert [name for name, _ in frame.variables] == ["given", "made"]


def test_a_function_keeps_its_own_variables() -> None:
    def failing() -> None:
        number = 1
        raise ValueError(number)

    frame = last_frame(failing)
    frame.local_ns["number"] = 2
    assert frame.local_ns["number"] == 2
    assert frame.global_ns is globals()


class Broken:
    def __repr__(self) -> str:
        raise SystemError("no")


def test_variables_that_fail_or_are_huge() -> None:
    def failing() -> None:
        broken, huge, text = Broken(), [[1] * 1000] * 1000, "x" * 5_000_000
        raise ValueError(len(huge), len(text), broken is None)

    variables = dict(last_frame(failing).variables)
    assert set(variables) == {"broken", "huge", "text"}
    assert "SystemError" in variables["broken"]
    assert max(map(len, variables.values())) < 2_000_000


def test_very_many_variables_are_cut() -> None:
    code = "\n".join(f"name{number} = {number}" for number in range(2000)) + "\nraise ValueError"
    assert len(last_frame(lambda: exec(code, {})).variables) == 500


def test_information_of_a_frame() -> None:
    def failing() -> None:
        __traceback_info__ = "in the second row"
        raise ValueError

    assert last_frame(failing).info == "in the second row"
    assert last_frame(plain).info is None


def test_evaluates_in_a_frame() -> None:
    def failing() -> None:
        number = 20
        raise ValueError(number)

    frame = last_frame(failing)
    assert "22" in frame.eval("number + 2")
    assert frame.console is frame.console
    assert "<function plain" not in frame.eval("plain.__name__")


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        (json.__file__, True),
        (pytest.__file__, True),
        (dovetail.data.headers.__file__, True),
        ("<frozen importlib._bootstrap>", True),
        (__file__, False),
        ("<string>", False),
        ("/srv/app/main.py", False),
        ("/srv/.venv/lib/python3.9/site-packages/thing.py", True),
        ("/usr/lib/python3/dist-packages/thing.py", True),
        ("/srv/site-packages-of-mine/main.py", False),
    ],
)
def test_libraries(filename: str, expected: bool) -> None:
    assert is_library_file(filename) is expected


# --- HTML


def test_recursion_is_folded() -> None:
    found = DebugTraceback(raised(recursive))
    assert len(found.all_frames) > 300
    html = found.render_traceback_html()
    assert html.count('class="frame"') < 10
    assert re.search(r"the last line, \d{3,} times more", html)


def test_mutual_recursion_is_cut() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(5_000)
    try:
        error = raised(there)
    finally:
        sys.setrecursionlimit(limit)
    found = DebugTraceback(error)
    assert len(found.all_frames) > 4_000
    html = found.render_traceback_html()
    assert html.count('class="frame"') == 400
    assert "frames are left out" in html
    assert len(found.render_traceback_text()) < 1_100_000


def test_a_text_without_end_is_cut_in_the_middle() -> None:
    text = DebugTraceback(ValueError("x" * 3_000_000)).render_traceback_text()
    assert text.startswith("ValueError: xxx")
    assert len(text) < 1_001_000


def test_titles_of_the_fragment() -> None:
    html = DebugTraceback(raised(plain)).render_traceback_html()
    assert '<div class="traceback">' in html
    assert "<h3>Traceback <em>(most recent call last)</em>:</h3>" in html
    assert "<blockquote>ValueError: plain &lt;b&gt;\n</blockquote>" in html
    assert "<h3></h3>" in DebugTraceback(raised(plain)).render_traceback_html(include_title=False)
    assert "<h3>Syntax Error</h3>" in DebugTraceback(raised(no_python)).render_traceback_html()
    assert "noframe-traceback" in DebugTraceback(ValueError()).render_traceback_html()


def test_relations_are_between_the_frames() -> None:
    html = DebugTraceback(raised(caused)).render_traceback_html()
    before, after = html.split("exc-divider")
    assert 'function">plain<' in before
    assert after.startswith(
        '">The above exception was the direct cause of the following exception:'
    )
    assert 'function">raised<' in after


def test_pages() -> None:
    found = DebugTraceback(raised(plain))
    assert "a-secret" in found.render_debugger_html(True, "a-secret", True)
    assert "a-secret" not in found.render_debugger_html(False, "a-secret", True)
    assert "a-secret" in render_console_html("a-secret", False)


def test_says_what_it_is_of() -> None:
    assert str(DebugTraceback(ValueError("boo"))) == "<DebugTraceback boo>"
    assert DebugTraceback(ValueError("boo")).exception_only == "ValueError: boo"


def test_source_is_read_again_when_a_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "changing.py"
    for text in ("raise ValueError(1)\n", "x = 1\nraise ValueError(22)\n"):
        file.write_text(text)
        code = compile(text, str(file), "exec")
        frame = last_frame(lambda code=code: exec(code, {}))  # type: ignore[misc]
        assert frame.source[-1].text + "\n" == text.splitlines(keepends=True)[-1]
    linecache.checkcache(str(file))


class Odd(dict[str, Any]):
    """A class body's namespace that cannot be read."""

    def __iter__(self) -> Any:
        raise RuntimeError("no")

    keys = __iter__


class Prepared(type):
    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **kwargs: Any) -> Odd:
        return Odd()


def test_a_class_body_with_a_namespace_of_its_own() -> None:
    def failing() -> None:
        class Body(metaclass=Prepared):
            raise ValueError

    frame = last_frame(failing)
    assert (frame.name, frame.local_ns) == ("Body", {})
