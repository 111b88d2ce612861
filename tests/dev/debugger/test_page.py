"""What the debugger's pages hold: all of a traceback, escaped, within bounds, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dovetail.dev.debugger.layout import Budget, Layout, excerpt, syntax_line
from dovetail.dev.debugger.page import render_console, render_error
from dovetail.dev.debugger.tracebacks import DebugTraceback, SyntaxPlace
from dovetail.dev.pages import Pages, content_security_policy

VOID = {"meta", "link", "input", "br", "col"}


class Page(HTMLParser):
    """Elements and texts of a document; fails if its tags do not match."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(document)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in {"style", "script"}:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    def having(self, name: str) -> list[str | None]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    def of_class(self, name: str) -> int:
        return sum(name in (value or "").split() for value in self.having("class"))


def caught(function: Callable[..., object], *args: Any) -> DebugTraceback:
    try:
        function(*args)
    except BaseException as error:
        return DebugTraceback(error, skip=1)
    raise AssertionError("nothing was raised")


def shown(traceback: DebugTraceback, **options: Any) -> str:
    values = {"evalex": True, "secret": "s3cr3t", "trusted": False, "nonce": "n0nce", **options}
    return render_error(traceback, **values)


def divide(number: int) -> float:
    secret_of_view = "<b>blue</b>"  # noqa: F841
    return number / 0


def fail_by_cause() -> None:
    try:
        divide(1)
    except ZeroDivisionError as error:
        error.add_note(f"see {'<the manual>'}")
        raise RuntimeError("no quotient") from error


def fail_in_handler() -> None:
    try:
        divide(1)
    except ZeroDivisionError:
        json.loads("{")


def fail_in_group() -> None:
    def gather(*functions: Callable[[], object]) -> list[Exception]:
        errors: list[Exception] = []
        for function in functions:
            try:
                function()
            except Exception as error:
                errors.append(error)
        return errors

    inner = ExceptionGroup("inner", gather(fail_in_handler))
    raise ExceptionGroup("outer", [*gather(fail_by_cause), inner, ValueError("bare")])


def test_the_head_names_the_failure() -> None:
    page = Page(shown(caught(divide, 1), request_line="GET /?<i>", inspector="/__dovetail__/7"))
    assert page.text.startswith("ZeroDivisionError: division by zero")
    assert "GET /?<i>" in page.text
    assert "/__dovetail__/7" in page.having("href")
    name = f"{__file__}:{divide.__code__.co_firstlineno + 2}"
    assert f"in divide, {name}" in page.text


def test_source_and_variables_are_shown_escaped() -> None:
    document = shown(caught(divide, 1))
    assert "<b>blue" not in document
    page = Page(document)
    assert "return number / 0" in page.text
    assert "<mark>number / 0</mark>" in document
    assert "secret_of_view'<b>blue</b>'" in page.text


def test_values_can_be_kept_out() -> None:
    page = Page(shown(caught(divide, 1), show_variables=False))
    assert "return number / 0" in page.text
    assert page.of_class("variables") == 0


@pytest.mark.parametrize(
    ("function", "sentence", "last"),
    [
        (
            fail_by_cause,
            "The above exception was the direct cause of the following exception:",
            "RuntimeError: no quotient",
        ),
        (
            fail_in_handler,
            "During handling of the above exception, another exception occurred:",
            "json.decoder.JSONDecodeError: Expecting property name",
        ),
    ],
)
def test_a_chain_is_in_pythons_order(
    function: Callable[[], None], sentence: str, last: str
) -> None:
    text = Page(shown(caught(function))).text
    head, plain = text.split(last, 1)
    assert "division by zero" not in head
    assert plain.index("ZeroDivisionError: division by zero") < plain.index(sentence)
    assert plain.index(sentence) < plain.index("most recent call last")


def test_notes_are_shown() -> None:
    page = Page(shown(caught(fail_by_cause)))
    assert page.text.count("see <the manual>") == 2  # of the cause; and in the plain text


def test_groups_are_nested_and_numbered() -> None:
    page = Page(shown(caught(fail_in_group)))
    text = page.text
    places = [
        text.index(title)
        for title in (
            "ExceptionGroup: outer (3 sub-exceptions)",
            "3 exceptions of this group",
            "The above exception was the direct cause",
            "1 RuntimeError: no quotient",
            "2 ExceptionGroup: inner (1 sub-exception)",
            "2.1 json.decoder.JSONDecodeError",
            "3 ValueError: bare",
        )
    ]
    assert places == sorted(places)


def test_frames_of_libraries_are_folded_unless_there_are_no_others() -> None:
    page = Page(shown(caught(json.loads, "{")))
    assert page.of_class("folded") == 0
    # The nearest one is shown as if it were the application's.
    assert page.of_class("variables") == 1
    assert page.of_class("line") > page.of_class("current") == page.of_class("frame")

    def load() -> None:
        json.loads("{")

    page = Page(shown(caught(load)))
    assert page.of_class("folded") == 1
    assert "3 library frames" in page.text
    assert page.of_class("application") == 1


def test_a_page_without_evaluation_has_neither_console_nor_secret() -> None:
    page = Page(document := shown(caught(divide, 1), evalex=False))
    assert "s3cr3t" not in document
    assert "console-parts" not in page.having("id")
    assert "dialog" not in [tag for tag, _ in page.elements]
    assert "No console: evaluation is switched off for this server." in page.text


def test_a_refusal_is_said() -> None:
    page = Page(shown(caught(divide, 1), evalex=False, refusal="Not for <evil.test>."))
    assert "Not for <evil.test>." in page.text
    assert "switched off" not in page.text


def test_trust_is_handed_to_the_script() -> None:
    for trusted, word in ((True, "yes"), (False, "no")):
        page = Page(shown(caught(divide, 1), trusted=trusted))
        assert page.having("data-trusted") == [word]
        assert page.having("data-secret") == ["s3cr3t"]
    page = Page(render_console(secret='"><script>', trusted=True, nonce="n"))
    assert page.having("data-secret") == ['"><script>']


def test_a_failure_at_the_start_says_that_saving_mends() -> None:
    page = Page(shown(caught(divide, 1), evalex=False, at_start=True))
    assert "the next save is picked up" in page.text
    assert "No console" not in page.text


def test_a_syntax_error_without_frames_shows_its_line() -> None:
    try:
        compile("x = 1\ny = = <2>", "views.py", "exec")
    except SyntaxError as error:
        document = shown(DebugTraceback(error.with_traceback(None)), at_start=True)
    page = Page(document)
    assert "in views.py:2" in page.text
    assert "y = = <2>" in page.text
    carets = re.search(r"aria-hidden=\"true\">( +)(\^+)\n", document)
    assert carets is not None
    assert carets[1] == "    "


@pytest.mark.parametrize(
    ("place", "marked"),
    [
        (SyntaxPlace("a.py", 1, 3, 5, "a bcd e\n"), "bc"),
        (SyntaxPlace("a.py", 1, 3, None, "a bcd e\n"), "b"),
        (SyntaxPlace("a.py", 1, 3, 0, "a bcd e\n"), "b"),
        (SyntaxPlace("a.py", 1, 9, 9, "a bcd e\n"), " "),
        (SyntaxPlace("a.py", 1, 0, 0, "a bcd e\n"), ""),
        (SyntaxPlace("a.py", None, None, None, "a bcd e\n"), ""),
        (SyntaxPlace("a.py", 1, 3, 99, "a bcd e\n"), "bcd e"),
    ],
)
def test_what_is_marked_in_a_line_that_is_not_python(place: SyntaxPlace, marked: str) -> None:
    line = syntax_line(place)
    assert line is not None
    assert line.marked == marked
    assert (line.before + line.marked + line.after).rstrip() == "a bcd e"


def test_the_lines_around_what_is_not_python(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("a = '<first>'\nb = = 2\nc = 3\n")
    failure = SyntaxError("bad", (str(file), 2, 5, "b = = 2\n", 2, 6))
    page = Page(shown(DebugTraceback(failure)))
    assert "1a = '<first>' 2b = = 2 ^ 3c = 3" in page.text


def test_a_syntax_error_without_text_has_no_line() -> None:
    assert syntax_line(SyntaxPlace("a.py", 1, 1, 1, None)) is None


def test_columns_count_bytes(tmp_path: Path) -> None:
    file = tmp_path / "wide.py"
    file.write_text('def wide(x):\n    return ("ä€" + x[0], 1)\n', encoding="utf-8")
    names: dict[str, Any] = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
    frame = caught(names["wide"], None).chain[-1].frames[-1]
    current = next(line for line in excerpt(frame, full=True) if line.current)
    assert current.marked == "x[0]"
    assert current.before.endswith('("ä€" + ')


def test_a_part_that_goes_on_in_the_next_line_is_marked_to_the_end(tmp_path: Path) -> None:
    file = tmp_path / "several.py"
    file.write_text("def several(x):\n    return 1 + x(\n        2,\n    )\n")
    names: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    frame = caught(names["several"], None).chain[-1].frames[-1]
    assert [line.marked for line in excerpt(frame, full=True) if line.current] == ["x("]


def nested(depth: int, function: Callable[[], object]) -> object:
    return other(depth - 1, function) if depth else function()


def other(depth: int, function: Callable[[], object]) -> object:
    return nested(depth - 1, function) if depth else function()


def test_a_thousand_frames_are_less_than_a_megabyte() -> None:
    padding = "x" * 400
    deep = shown(caught(nested, 900, lambda: divide(len(padding))))
    assert len(deep) < 1_000_000
    page = Page(deep)
    assert page.of_class("frame") == 903
    # What is nearest to the failure is shown in full, the rest in a line.
    assert 10 < page.of_class("variables") <= Budget.details


def test_frames_that_repeat_are_shown_three_times() -> None:
    def recurse(depth: int) -> float:
        return recurse(depth - 1) if depth else divide(1)

    page = Page(shown(caught(recurse, 50)))
    assert page.of_class("frame") == 4
    assert "The last frame is repeated 48 more times." in page.text


def test_beyond_the_budget_outer_frames_are_left_out() -> None:
    chain = Layout(variables=True, budget=Budget(rows=5)).chain(
        caught(nested, 20, fail_in_handler).chain
    )
    assert chain.sections[-1].left_out > 16


def test_many_members_are_not_all_open_and_bare_ones_open_to_nothing() -> None:
    def fail() -> None:
        members = [ZeroDivisionError("bare")]
        for _ in range(8):
            try:
                divide(1)
            except ZeroDivisionError as error:
                members.append(error)
        raise ExceptionGroup("many", members)

    page = Page(shown(caught(fail)))
    folds = [given for tag, given in page.elements if tag == "details"]
    members = [given for given in folds if "earlier" in (given.get("class") or "")]
    assert [("open" in given) for given in members] == [True] * 4 + [False] * 4
    assert page.of_class("earlier") == 9


def failures(count: int, depth: int = 0) -> list[Exception]:
    """Return so many exceptions with frames, each of them a group of as many down to a depth."""
    found: list[Exception] = []
    for number in range(count):
        try:
            if depth:
                raise ExceptionGroup(f"group {number}", failures(count, depth - 1))
            divide(number)
        except (ExceptionGroup, ZeroDivisionError) as error:
            found.append(error)
    return found


def in_chain(length: int) -> Exception:
    error = ValueError("first")
    for number in range(length):
        later = ValueError(f"number {number}")
        later.__cause__, error = error, later
    return error


def throw(error: Exception) -> None:
    raise error


def test_a_group_of_very_many_members_is_bounded() -> None:
    traceback = caught(throw, ExceptionGroup("many", failures(5_000)))
    document = shown(traceback)
    page = Page(document)
    assert len(document) < 400_000
    assert page.of_class("member") == 100
    assert "5000 exceptions of this group" in page.text
    assert "4,900 more exceptions of this group are left out." in page.text
    assert len(traceback.all_frames) < 2_100
    assert len(traceback.render_traceback_text()) < 10_000


def test_groups_of_groups_are_bounded() -> None:
    traceback = caught(throw, ExceptionGroup("many", failures(12, 2)))
    document = shown(traceback)
    page = Page(document)
    assert len(document) < 700_000
    assert page.of_class("member") == 300
    # Those that are nearest to the failure are all there.
    assert all(
        f" {number} ExceptionGroup: group {number - 1}" in page.text for number in range(1, 13)
    )
    assert "12 exceptions of this group are left out." in page.text


def test_members_with_long_chains_are_bounded() -> None:
    members = [in_chain(90) for _ in range(50)]
    page = Page(shown(caught(throw, ExceptionGroup("many", members))))
    assert page.of_class("member") == 50
    assert page.of_class("earlier") == 300
    assert all(f"ValueError: number {number}" in page.text for number in (0, 89))


def test_messages_are_folded_and_bounded() -> None:
    def complain(message: str) -> None:
        raise ValueError(message)

    page = Page(document := shown(caught(complain, "word " * 100)))
    assert "The whole message (500 characters)" in page.text
    assert page.of_class("whole") == 1
    assert Page(shown(caught(complain, "short"))).of_class("whole") == 0
    assert "The whole message (7 characters)" not in document

    huge = shown(caught(complain, "<" * 5_000_000))
    assert len(huge) < 1_000_000
    assert "characters left out" in huge
    assert "The whole message (5,000,000 characters)" in huge


def test_values_are_bounded() -> None:
    def hold(text: str) -> float:
        held = dict.fromkeys(range(100), text)  # noqa: F841
        return divide(1)

    assert len(shown(caught(hold, "z" * 1_000_000))) < 100_000


def test_long_lines_are_cut_around_the_mark() -> None:
    text = f"{'a' * 50_000} + {'b' * 20} + {'c' * 50_000}"
    line = syntax_line(SyntaxPlace("min.py", 1, 50_004, 50_024, text))
    assert line is not None
    assert line.marked == "b" * 20
    assert len(line.before + line.after) < 500


def test_halves_of_surrogate_pairs_do_no_harm() -> None:
    def complain() -> None:
        raise ValueError("caf\udce9")

    document = shown(caught(complain))
    assert "caf\\udce9" in document.encode().decode()


def test_a_page_needs_nothing_from_elsewhere() -> None:
    documents = (shown(caught(fail_in_group)), render_console(secret="s", trusted=False, nonce="q"))
    for document in documents:
        page = Page(document)
        assert [value for value in page.having("src") if value] == []
        for address in page.having("href"):
            assert address is not None
            assert address.startswith(("#", "data:"))
        assert not re.search(r"url\(|@import", document)
        names = {name for _, attributes in page.elements for name in attributes}
        # The policy would stop these.
        assert not {name for name in names if name.startswith("on")} | names & {"style"}


def test_only_what_has_the_nonce_runs() -> None:
    page = Page(shown(caught(divide, 1)))
    styled = [value for tag, value in page.elements if tag in {"style", "script"}]
    assert [value["nonce"] for value in styled] == ["n0nce", "n0nce"]
    policies = [value for value in page.having("content") if value and "default-src" in value]
    assert len(policies) == 1
    assert content_security_policy("n0nce") == f"{policies[0]}; frame-ancestors 'none'"
    assert "unsafe" not in policies[0]


def test_a_page_without_a_nonce_makes_its_own() -> None:
    nonces = {Page(shown(caught(divide, 1), nonce="")).having("nonce")[0] for _ in range(2)}
    assert len(nonces) == 2
    assert all(len(nonce or "") > 20 for nonce in nonces)


def test_an_asset_that_is_not_there_is_an_error() -> None:
    asset = Pages("dovetail.dev.debugger").environment.globals["asset"]
    assert callable(asset)
    with pytest.raises(FileNotFoundError):
        asset("nothing.css")
