"""Values as HTML: their forms, and that nothing about a value can spoil the page."""

from __future__ import annotations

import collections
import enum
import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.dev.debugger.representation import (
    HELP_HTML,
    OBJECT_DUMP_HTML,
    DebugReprGenerator,
    Helper,
    RegexType,
    debug_repr,
    dump,
    escaped,
    helper,
    missing,
)
from dovetail.toolkit.local import LocalProxy

NUMBER = '<span class="number">{}</span>'.format
STRING = '<span class="string">{}</span>'.format
OBJECT = '<span class="object">{}</span>'.format
BROKEN = '<span class="brokenrepr">&lt;broken repr ({})&gt;</span>'.format
MODULE = '<span class="module">{}.</span>'.format
MINE = MODULE(__name__)
ALLOWED = {"span", "em", "pre", "div", "h3", "table", "tr", "th", "td"}


class Bag(dict[Any, Any]):
    pass


class Row(list[Any]):
    pass


class Label(str):
    __slots__ = ()


class Mine(set[Any]):
    pass


class Colour(enum.IntEnum):
    RED = 1


class Broken:
    def __repr__(self) -> str:
        raise ValueError("<b>&")


class Own(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "<own>"


def items(*numbers: int) -> str:
    return ", ".join(map(NUMBER, numbers))


def extended(text: str) -> str:
    return f'<span class="extended">{text}</span>'


def pair(key: str, value: str) -> str:
    shown = f'<span class="key">{key}</span>: <span class="value">{value}</span>'
    return f'<span class="pair">{shown}</span>'


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (42, NUMBER(42)),
        (-1.5, NUMBER(-1.5)),
        (1 + 2j, NUMBER("(1+2j)")),
        (True, NUMBER("True")),
        (Colour.RED, NUMBER("&lt;Colour.RED: 1&gt;")),
        (None, OBJECT("None")),
        (range(3), OBJECT("range(0, 3)")),
        (bytearray(b"<"), OBJECT("bytearray(b&#39;&lt;&#39;)")),
        ("a<b", STRING("&#39;a&lt;b&#39;")),
        ("it's", STRING("&#34;it&#39;s&#34;")),
        (b"\xff", STRING("b&#39;\\xff&#39;")),
        ("\ud800", STRING("&#39;\\ud800&#39;")),
        ("a" * 70, STRING("&#39;" + "a" * 70 + "&#39;")),
        ("a" * 71, STRING("&#39;" + "a" * 69 + extended("aa&#39;"))),
        (b"x" * 70, STRING("b&#39;" + "x" * 68 + extended("xx&#39;"))),
        (Label("x"), f"{MINE}Label({STRING('&#39;x&#39;')})"),
        (Own("x"), STRING("&lt;own&gt;")),
        ([], "[]"),
        ([1, 2], f"[{items(1, 2)}]"),
        ((1,), f"({NUMBER(1)})"),
        ({1}, f"set([{NUMBER(1)}])"),
        (frozenset([1]), f"frozenset([{NUMBER(1)}])"),
        (list(range(8)), f"[{items(*range(8))}]"),
        (list(range(10)), f"[{items(*range(8))}, {extended(items(8, 9))}]"),
        (Row([1]), f"{MINE}Row([{NUMBER(1)}])"),
        (Mine([1]), f"{MINE}Mine(set([{NUMBER(1)}]))"),
        (collections.deque([1]), f"{MODULE('collections')}deque([{NUMBER(1)}])"),
        ({}, "{}"),
        ({"a": 1}, "{" + pair(STRING("&#39;a&#39;"), NUMBER(1)) + "}"),
        (Bag({1: 2}), MINE + "Bag({" + pair(NUMBER(1), NUMBER(2)) + "})"),
        (
            collections.defaultdict(int, {1: 2}),
            MODULE("collections") + "defaultdict({" + pair(NUMBER(1), NUMBER(2)) + "})",
        ),
        (re.compile(r"foo\d"), r"""re.compile(<span class="string regex">r'foo\d'</span>)"""),
        (re.compile("it's"), 're.compile(<span class="string regex">r"it\'s"</span>)'),
        (re.compile(b"<\xe9"), "re.compile(<span class=\"string regex\">rb'&lt;é'</span>)"),
        (helper, '<span class="help">Type help(object) for help about object.</span>'),
        (Broken(), BROKEN("ValueError: &lt;b&gt;&amp;")),
        ([Broken()], f"[{BROKEN('ValueError: &lt;b&gt;&amp;')}]"),
        (LocalProxy(lambda: [1]), f"{MODULE('builtins')}LocalProxy([{NUMBER(1)}])"),
    ],
)
def test_values(value: object, shown: str) -> None:
    assert debug_repr(value) == shown


def test_a_dict_shows_four_items_at_once() -> None:
    shown = [pair(NUMBER(n), NUMBER(n)) for n in range(6)]
    assert debug_repr({n: n for n in range(4)}) == "{" + ", ".join(shown[:4]) + "}"
    rest = extended(", ".join(shown[4:]))
    assert debug_repr({n: n for n in range(6)}) == "{" + ", ".join([*shown[:4], rest]) + "}"


def test_limits_can_be_given() -> None:
    generator = DebugReprGenerator()
    first, second = pair(NUMBER(1), NUMBER(1)), pair(NUMBER(2), NUMBER(2))
    shown = generator.dict_repr({1: 1, 2: 2}, False, limit=2)
    assert shown == "{" + f"{first}, {extended(second)}" + "}"
    assert generator.dict_repr({1: 1, 2: 2}, False, 1) == "{" + extended(f"{first}, {second}") + "}"
    assert generator.string_repr("abcdef", limit=2) == STRING("&#39;a" + extended("bcdef&#39;"))


def test_what_contains_itself() -> None:
    row: list[Any] = [1]
    row.append(row)
    assert debug_repr(row) == f"[{NUMBER(1)}, [...]]"
    bag: dict[str, Any] = {}
    bag["a"] = bag
    assert debug_repr(bag) == "{" + pair(STRING("&#39;a&#39;"), "{...}") + "}"
    queue: collections.deque[Any] = collections.deque()
    queue.append(queue)
    module = MODULE("collections")
    assert debug_repr(queue) == f"{module}deque([{module}deque([...])])"
    twice = [1]
    assert debug_repr([twice, twice]) == f"[[{NUMBER(1)}], [{NUMBER(1)}]]"


def test_the_documented_methods() -> None:
    generator = DebugReprGenerator()
    assert generator.repr([1]) == generator.dispatch_repr([1], False) == f"[{NUMBER(1)}]"
    assert generator.list_repr([1], True) == "[...]"
    assert generator.tuple_repr((1,), True) == "(...)"
    assert generator.set_repr({1}, True) == "set([...])"
    assert generator.frozenset_repr(frozenset({1}), False) == f"frozenset([{NUMBER(1)}])"
    assert generator.deque_repr(collections.deque(), False) == f"{MODULE('collections')}deque([])"
    assert generator.regex_repr(re.compile("x")) == debug_repr(re.compile("x"))
    assert isinstance(re.compile("x"), RegexType)
    assert generator.object_repr(5) == OBJECT(5)
    assert generator.fallback_repr() == BROKEN("NoneType: None")


def test_a_table() -> None:
    table = DebugReprGenerator().render_object_dump([("<k>", "<b>v</b>")], "<t>", "REPR")
    assert table == OBJECT_DUMP_HTML % {
        "title": "&lt;t&gt;",
        "repr": "<pre class=repr>REPR</pre>",
        "items": "<tr><th>&lt;k&gt;<td><pre class=repr><b>v</b></pre>",
    }
    assert "<em>Nothing</em>" in DebugReprGenerator().render_object_dump([], "t")


class Details:
    def __init__(self) -> None:
        self.there = 1

    @property
    def failing(self) -> int:
        return self.there // 0


def test_an_object_with_its_attributes() -> None:
    shown = DebugReprGenerator().dump_object(Details())
    assert f"<h3>Details for {__name__}.Details object at 0x" in shown
    assert f"<tr><th>there<td><pre class=repr>{NUMBER(1)}</pre>" in shown
    assert "<th>failing<" not in shown
    contents = DebugReprGenerator().dump_object({"a": 1})
    assert "Contents of dict object at 0x" in contents
    assert contents.count("<tr>") == 1
    assert "Details for dict object" in DebugReprGenerator().dump_object({1: 1})


class Stream(io.StringIO):
    """Keeps HTML apart from text."""

    def __init__(self) -> None:
        super().__init__()
        self._html: list[str] = []

    def _write(self, html: str) -> None:
        self._html.append(html)

    @property
    def html(self) -> str:
        return "".join(self._html)


def written(call: Callable[[], None]) -> str:
    """Return what a call writes to a console; it may write nothing to its text."""
    stream = Stream()
    with redirect_stdout(stream):
        call()
    assert stream.getvalue() == ""
    return stream.html


def test_dump_writes_the_callers_variables() -> None:
    def show() -> None:
        here = "<x>"
        dump()
        assert here

    shown = written(show)
    assert "<h3>Local variables in frame</h3>" in shown
    assert f"<tr><th>here<td><pre class=repr>{STRING('&#39;&lt;x&gt;&#39;')}</pre>" in shown
    assert shown == DebugReprGenerator().dump_locals({"here": "<x>"})
    assert "Contents of dict object" in written(lambda: dump({"a": 1}))
    # The argument that stands for none.
    assert "Local variables in frame" in written(lambda: dump(missing))


def test_dump_outside_of_a_console(capsys: pytest.CaptureFixture[str]) -> None:
    dump({"a": 1})
    assert "Contents of dict object" in capsys.readouterr().out


def documented():  # type: ignore[no-untyped-def]
    """Say <something>.

    More & more.
    """


def test_help() -> None:
    assert isinstance(helper, Helper)
    hint = "<span class=help>Type help(object) for help about object.</span>"
    assert written(helper) == hint
    begin, _, rest = HELP_HTML.partition("%(title)s")
    shown = written(lambda: helper(documented))
    # Python's versions write blank lines in their own ways.
    assert re.sub(r"\s+", " ", shown.removeprefix(begin)) == re.sub(
        r"\s+",
        " ",
        f"Help on function documented in module {__name__}:{rest}"
        % {"text": "documented()\nSay &lt;something&gt;.\n\nMore &amp; more.\n\n"},
    )


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        ("if", "if_stmt"),
        ("list.append", "Append object"),
        ("nonsense", "No Python documentation found for &#39;nonsense&#39;"),
        ("topics", "ASSERTION"),
        ("+=", "augmented"),
        ("True", "class bool"),
    ],
)
def test_help_on_topics_goes_to_the_console_and_to_no_pager(
    monkeypatch: pytest.MonkeyPatch, topic: str, text: str
) -> None:
    def page(*_: object) -> None:
        raise AssertionError("a pager")

    monkeypatch.setattr("pydoc.pager", page)
    assert text.lower() in written(lambda: helper(topic)).lower()


class Raises:
    """Raises what it is told to wherever it is asked for anything."""

    def __init__(self, error: BaseException) -> None:
        object.__setattr__(self, "error", error)

    def __repr__(self) -> str:
        raise object.__getattribute__(self, "error")

    def __getattribute__(self, name: str) -> Any:
        raise object.__getattribute__(self, "error")


class WorstError(Exception):
    def __str__(self) -> str:
        raise self


@pytest.mark.parametrize(
    "error", [ValueError(), SystemExit(3), GeneratorExit(), RecursionError(), WorstError()]
)
def test_what_raises_whenever_it_is_asked(error: BaseException) -> None:
    assert debug_repr(Raises(error)).startswith('<span class="brokenrepr">')
    assert "brokenrepr" in debug_repr({"a": [Raises(error)]})


def test_only_a_wish_to_stop_gets_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        debug_repr([Raises(KeyboardInterrupt())])


class Liar(list[int]):
    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 1


def test_sizes_are_bounded() -> None:
    assert len(debug_repr(list(range(1_000_000)))) < 1_000_000
    assert "<em>990,000 more</em>" in debug_repr(list(range(1_000_000)))
    assert len(debug_repr(dict.fromkeys(range(1_000_000)))) < 2_000_000
    assert len(debug_repr([["a" * 100_000] * 1_000] * 1_000)) < 2_000_000
    text = debug_repr("<" * 10_000_000)
    assert len(text) < 100_000
    assert text.endswith("… <em>9,980,000 more</em></span></span>")
    assert len(debug_repr(bytes(10_000_000))) < 500_000
    assert len(debug_repr(bytearray(10_000_000))) < 500_000
    assert len(debug_repr(re.compile("<" * 1_000_000))) < 100_000
    assert len(debug_repr(Liar())) < 1_000_000
    assert len(debug_repr(Raises(ValueError("x" * 1_000_000)))) < 100_000
    huge = {f"v{n}": "x" * 20_000 for n in range(5_000)}
    assert len(DebugReprGenerator().dump_locals(huge)) < 3_000_000
    assert "more than is shown here" in DebugReprGenerator().dump_locals(huge)


def test_bounds_can_be_given() -> None:
    generator = DebugReprGenerator(values=3, text=5, markup=100)
    assert generator.repr(list(range(10))) == f"[{items(0, 1, 2)}, <em>7 more</em>]"
    nested = generator.repr([[1, 2], [3], [4], [5]])
    assert nested == f"[[{items(1, 2)}], <em>3 more</em>]"
    assert generator.repr("abcdefgh") == STRING("&#39;abcde&#39;" + extended("… <em>3 more</em>"))
    assert generator.repr(range(10)) == OBJECT("range… (7 more characters)")
    assert "<em>2 more</em>" in generator.repr(["abcde", "abcde", "abcde", "abcde"])


def test_depth_is_bounded() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    shown = debug_repr(deep)
    assert shown.count("[") == shown.count("]") < 100
    assert "[...]" in shown
    while deep:  # or its own end would be too deep for Python
        deep = deep.pop()


def test_near_the_end_of_the_stack() -> None:
    shown = []

    def deeper() -> None:
        try:
            deeper()
        except RecursionError:
            shown.append(debug_repr([[[{"a": "b"}]]]))
            raise

    with pytest.raises(RecursionError):
        deeper()
    assert shown[-1] == debug_repr([[[{"a": "b"}]]])


def test_what_another_thread_changes_all_the_time() -> None:
    changing: dict[int, int] = {}
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            changing.clear()
            changing.update(dict.fromkeys(range(50), 0))

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            assert debug_repr(changing)
    finally:
        stop.set()
        thread.join()


class Strict(HTMLParser):
    """Refuses what is not made here: elements and attributes that come out of a value."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        assert [name for name, _ in attrs] in ([], ["class"])
        if tag not in ("tr", "th", "td"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(html: str) -> None:
    html.encode()
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert parser.open == []


NASTY = st.text(st.characters() | st.sampled_from("<>&\"'\ud800\0")) | st.sampled_from(
    ["<script>alert(1)</script>", "</span><img src=x onerror=alert(1)>", "<!--", "]]>", "&lt;"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | NASTY | st.binary()
HASHABLE = LEAVES | st.tuples(NASTY, LEAVES)
VALUES = st.recursive(
    LEAVES | st.builds(Label, NASTY) | st.builds(Own, NASTY),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.lists(inner).map(Row)
        | st.lists(inner).map(collections.deque)
        | st.dictionaries(HASHABLE, inner)
        | st.dictionaries(HASHABLE, inner).map(Bag)
        | st.frozensets(HASHABLE)
        | st.sets(HASHABLE)
    ),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_no_value_gets_out_of_its_elements(value: object) -> None:
    check(debug_repr(value))


@settings(max_examples=100, deadline=None)
@given(NASTY, NASTY, VALUES)
def test_no_name_gets_out_of_its_elements(name: str, other: str, value: object) -> None:
    kind: type = type("T", (list,), {"__module__": other, "__repr__": lambda _: other})
    kind.__name__ = name.replace("\0", "").encode("utf-8", "ignore").decode()
    check(debug_repr(kind([value])))
    check(DebugReprGenerator().dump_locals({name: value}))
    check(DebugReprGenerator().dump_object({name: value}))
    check(DebugReprGenerator().render_object_dump([(name, "")], other))
    check(escaped(name))


@settings(max_examples=100, deadline=None)
@given(NASTY)
def test_no_pattern_gets_out_of_its_elements(text: str) -> None:
    check(debug_repr(re.compile(re.escape(text))))
    check(debug_repr(re.compile(f"[{'<>&'}]")))
