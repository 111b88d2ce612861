"""Lines of Python in a frame's namespaces, and whose output is whose."""

from __future__ import annotations

import asyncio
import html
import io
import logging
import re
import sys
import threading
from contextlib import redirect_stdout
from contextvars import copy_context
from typing import Any

import pytest

from dovetail.dev.debugger.console import Console, HTMLStringO, ThreadedStream
from dovetail.dev.debugger.representation import debug_repr


def text_of(shown: str) -> str:
    """Return what a browser shows of HTML."""
    return html.unescape(re.sub("<[^>]*>", "", shown))


def talk(console: Console, *lines: str) -> str:
    return "".join(text_of(console.eval(line)) for line in lines)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("1 + 1", '>>> 1 + 1\n<span class="number">2</span>'),
        ("'<b>'", ">>> &#39;&lt;b&gt;&#39;\n" + debug_repr("<b>")),
        ("None", ">>> None\n"),
        ("x = 1", ">>> x = 1\n"),
        ("", ">>> \n"),
        ("  # nothing  ", ">>>   # nothing\n"),
        ("print('<b>')", ">>> print(&#39;&lt;b&gt;&#39;)\n&lt;b&gt;\n"),
        ("print(1); 2", '>>> print(1); 2\n1\n<span class="number">2</span>'),
        ("for i in range(2): i", ">>> for i in range(2): i\n" + debug_repr(0) + debug_repr(1)),
        ("a = 1\n", ">>> a = 1\n"),
    ],
)
def test_a_line(line: str, shown: str) -> None:
    assert Console().eval(line) == shown


def test_a_statement_of_several_lines() -> None:
    console = Console()
    assert console.eval("def f():") == ">>> def f():\n"
    assert console.eval("    return '''a") == "...     return &#39;&#39;&#39;a\n"
    assert console.eval("b'''") == "... b&#39;&#39;&#39;\n"
    assert console.eval("f()") == ">>> f()\n" + debug_repr("a\nb")
    assert talk(console, "class A:\n  one = 1\n  two = one + 1\n", "A.two").endswith("2")


def test_several_statements_at_once() -> None:
    console = Console()
    shown = text_of(console.eval("def f():\n    return 3\n\nx = f()\nx\nprint('so', x)\n"))
    assert shown.endswith("\n3so 3\n")
    shown = text_of(console.eval("y = 1\n1 / 0\ny = 2"))
    assert "line 2, in <module>" in re.sub(r"\s+", " ", shown)
    assert talk(console, "y").endswith("1")


def test_await() -> None:
    console = Console({"sleep": asyncio.sleep})
    assert talk(console, "await sleep(0, 'slept')").endswith("'slept'")
    assert talk(console, "x = await sleep(0, 4)", "x").endswith("4")
    console.eval("async def f():\n    print('in f')\n    return 1 / 0\n")
    shown = re.sub(r"\s+", " ", text_of(console.eval("await f()")))
    assert ">>> await f() in f Traceback" in shown
    # Without the frames of the event loop.
    places = re.findall(r'File ".*?", line \d+, in \S+', shown)
    expected = ["line 1, in <module>", "line 3, in f"]
    assert places == [f'File "<debugger>", {place}' for place in expected]


def test_the_cause_is_named() -> None:
    lines = "try: 1 / 0", "except Exception as e: raise ValueError('<x>') from e"
    shown = re.sub(r"\s+", " ", text_of(Console().eval("\n".join(lines))))
    assert "ZeroDivisionError: division by zero The above exception was the direct" in shown
    assert shown.rstrip().endswith("ValueError: <x>")


def test_the_lines_of_a_statement_with_an_error_are_gone() -> None:
    console = Console()
    shown = talk(console, "(", "1 1")
    assert shown.startswith(">>> (\n... 1 1\n")
    assert "Syntax Error" in shown
    assert talk(console, "2") == ">>> 2\n2"


def test_names_of_both_namespaces_are_seen_everywhere() -> None:
    console = Console({"low": 1, "both": 1}, {"high": 2, "both": 2})
    assert talk(console, "[low + high + both for _ in [0]]").endswith("[5]")
    assert talk(console, "(lambda: [low, high])()").endswith("[1, 2]")
    talk(console, "def f():", "    return low, high, mine", "mine = 3")
    assert talk(console, "f()").endswith("(1, 2, 3)")
    talk(console, "class A: found = high")
    assert talk(console, "A.found").endswith("2")


def test_the_programs_own_namespaces_stay_as_they_are() -> None:
    low, high = {"a": 1}, {"b": 2}
    console = Console(low, high)
    talk(console, "a = b = c = 9", "del a")
    assert (low, high) == ({"a": 1}, {"b": 2})


def test_the_last_value() -> None:
    console = Console({"_": "of the program"})
    assert talk(console, "6 * 7", "_", "None", "_ + 1").endswith(">>> _ + 1\n43")


def test_help_and_dump() -> None:
    console = Console(None, {"here": 5})
    assert "Type help(object)" in talk(console, "help")
    assert "Help on built-in function len" in talk(console, "help(len)")
    shown = console.eval("dump()")
    assert "<h3>Local variables in frame</h3>" in shown
    assert f"<th>here<td><pre class=repr>{debug_repr(5)}" in shown
    assert "Details for int object" in talk(console, "dump(here)")


@pytest.mark.parametrize(
    ("line", "ending"),
    [
        ("1/0", "ZeroDivisionError: division by zero"),
        ("raise ValueError('<x>')", "ValueError: <x>"),
        ("raise SystemExit('<bye>')", "SystemExit: <bye>"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("exit_ = GeneratorExit(); raise exit_", "GeneratorExit"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("$", "SyntaxError: invalid syntax"),
        ("yield 1", "SyntaxError: 'yield' outside function"),
        ("1\n2 2\n", "SyntaxError: "),
        ("1\nyield 2\n", "SyntaxError: "),
        ("(" * 500 + ")" * 500, "too many nested parentheses"),
        ("-" * 200_000 + "1", "Error"),
        ("x" + "+x" * 100_000, "Error"),
    ],
)
def test_errors_are_shown_and_go_no_further(line: str, ending: str) -> None:
    console = Console()
    shown = console.eval(line)
    assert ending in text_of(shown).rstrip().splitlines()[-1]
    assert "<x>" not in shown
    assert "<bye>" not in shown
    assert talk(console, "2") == ">>> 2\n2"


def test_the_frames_are_those_of_what_was_evaluated() -> None:
    console = Console()
    talk(console, "def f(): return 1/0", "")
    shown = console.eval("f()")
    assert re.findall('class="filename">"([^"]*)"', shown) == ["&lt;debugger&gt;"] * 2
    assert "codeop" not in console.eval("1 +")


def test_a_null_is_an_error_like_others() -> None:
    assert "null byte" in talk(Console(), "\0")


def test_ctrl_c_at_the_server_stops_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        Console().eval("raise KeyboardInterrupt")


def test_an_interrupt_that_was_only_typed_stops_nothing() -> None:
    shown: list[str] = []
    thread = threading.Thread(
        target=lambda: shown.append(talk(Console(), "raise KeyboardInterrupt"))
    )
    thread.start()
    thread.join()
    assert "KeyboardInterrupt" in shown[0]


def test_nothing_is_left_in_place() -> None:
    before = sys.stdout, sys.displayhook
    Console().eval("1/0")
    assert (sys.stdout, sys.displayhook) == before


def test_output_of_other_threads_is_theirs() -> None:
    """A second console, and a thread that prints, while a line is evaluated."""
    gate, done = threading.Event(), threading.Event()
    console = Console({"gate": gate, "done": done})
    shown: list[str] = []
    evaluating = threading.Thread(
        target=lambda: shown.append(
            talk(console, "print('mine'); gate.set(); _ = done.wait(60); print('mine too')")
        )
    )
    with redirect_stdout(io.StringIO()) as standard:
        evaluating.start()
        assert gate.wait(60)
        print("of the program")
        assert sys.stdout.closed is False
        assert talk(Console(), "print('other')").endswith("\nother\n")
        print("of the program, too")
        done.set()
        evaluating.join()
        assert sys.stdout is standard
    assert standard.getvalue() == "of the program\nof the program, too\n"
    assert shown[0].endswith("\nmine\nmine too\n")


def test_a_thread_that_was_started_prints_to_the_program() -> None:
    source = (
        "import threading; t = threading.Thread(target=print, args=('away',)); t.start(); t.join()"
    )
    with redirect_stdout(io.StringIO()) as standard:
        copy_context().run(Console().eval, source)
    # From 3.14 on threads can have their maker's context; then the console shows it.
    assert standard.getvalue() in ("away\n", "")


def test_what_was_kept_of_standard_output_goes_on_working() -> None:
    with redirect_stdout(io.StringIO()) as standard:
        console = Console({"logging": logging})
        talk(console, "import sys", "stream = sys.stdout")
        handler = logging.StreamHandler(console._namespace["stream"])
        handler.emit(logging.makeLogRecord({"msg": "later"}))
    assert standard.getvalue() == "later\n"


def test_without_a_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    inside: list[str] = []
    namespace = {"aside": lambda: threading.Thread(target=print, args=("nowhere",))}
    inside.append(talk(Console(namespace), "t = aside(); t.start(); t.join(); print('here')"))
    assert inside[0].endswith("here\n")
    assert sys.stdout is None


def test_output_is_bounded() -> None:
    console = Console()
    shown = console.eval("for n in range(100): print('<' * 100_000)")
    assert len(shown) < 12_000_000
    assert "characters more" in shown
    assert len(console.eval("print('x' * 50_000_000)")) < 2_000_000
    assert len(console.eval("for n in range(100): 'x' * 1_000_000")) < 2_000_000


def test_the_stream() -> None:
    stream = HTMLStringO()
    assert stream.isatty() is False
    stream.write("<1>\n")
    stream.writelines(["<2>", "\n"])
    stream._write("<hr>")
    stream.flush()
    stream.seek(0)
    stream.seek(0, 2)
    stream.close()
    assert stream.readline() == "&lt;1&gt;\n"
    assert stream.reset() == "&lt;2&gt;\n<hr>"
    assert (stream.reset(), stream.readline()) == ("", "")
    print(1, b"<", file=stream)
    assert stream.reset() == "1 b&#39;&lt;&#39;\n"


def in_a_context_of_its_own(function: Any) -> Any:
    return copy_context().run(function)


def test_the_threaded_stream_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    standard = io.StringIO()
    monkeypatch.setattr(sys, "stdout", standard)
    monkeypatch.setattr(sys, "displayhook", sys.displayhook)

    def capture() -> None:
        assert ThreadedStream.fetch() == ""
        ThreadedStream.push()
        ThreadedStream.push()
        print("<1>")
        ThreadedStream.displayhook("<2>")
        ThreadedStream.displayhook(None)
        sys.displayhook(3)
        shown = f"&lt;1&gt;\n{debug_repr('<2>')}{debug_repr(3)}"
        assert ThreadedStream.fetch() == shown
        assert ThreadedStream.fetch() == ""
        with pytest.raises(AttributeError, match="'name' cannot be set"):
            sys.stdout.name = "mine"  # type: ignore[misc]
        assert "reset" in dir(sys.stdout)
        assert sys.stdout.isatty() is False

    in_a_context_of_its_own(capture)
    assert type(sys.stdout) is ThreadedStream
    print("of the program")
    assert standard.getvalue() == "of the program\n"
    assert repr(sys.stdout) == repr(standard)
    assert "getvalue" in dir(sys.stdout)
