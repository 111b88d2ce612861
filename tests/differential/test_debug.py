"""The debugger's values, consoles, tracebacks and answers, beside Werkzeug's."""

from __future__ import annotations

import collections
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest
import werkzeug.debug
import werkzeug.debug.console
import werkzeug.debug.repr
import werkzeug.debug.tbtools
import werkzeug.test
from hypothesis import given
from hypothesis import strategies as st
from tests.differential.outcome import outcome

import dovetail.dev.debugger.application
import dovetail.dev.debugger.console
import dovetail.dev.debugger.pins
import dovetail.dev.debugger.representation
import dovetail.dev.debugger.tracebacks
import dovetail.toolkit.testing.client

THEIRS = werkzeug.debug
OURS = dovetail.dev.debugger
ADDRESS = re.compile(r"0x[0-9a-f]+").sub
FRAME = re.compile(r"frame-\d+").sub
CAUSE = re.compile(r'<li>[^<]*\n(?=<li><div class="exc-divider">)').sub


def plain(html: str) -> str:
    """Return HTML without what differs from run to run."""
    html = FRAME("frame-", ADDRESS("0x", html))
    # Ours says of an exception in between what it was.
    html = CAUSE("", html)
    # Where an exception has no frames, Werkzeug writes an empty line.
    return html.replace("<ul>\n<li>", "<ul><li>")


# Values


class Bag(dict[Any, Any]):
    pass


class Row(list[Any]):
    pass


class Label(str):
    __slots__ = ()


class Octets(bytes):
    pass


class Own(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return self[:]


class Broken:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        raise ValueError(self.text)


class Other:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


# Without halves of surrogate pairs, which Werkzeug cannot send; see the table of differences.
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("<>&\"'\\"))
LONG = st.builds(lambda text, times: text * times, TEXT, st.integers(0, 40))
LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.just(...)),
    *(TEXT, LONG, st.binary(), st.binary(min_size=60, max_size=90), st.dates()),
    *(LONG.map(Label), TEXT.map(Own), st.binary().map(Octets), st.binary().map(bytearray)),
    *(TEXT.map(Broken), TEXT.map(Other), TEXT.map(ValueError)),
    st.sampled_from([range(3), len, int, Bag, ValueError, collections.deque, print]),
)
HASHABLE = st.none() | st.integers() | TEXT | st.tuples(TEXT, st.integers())
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=12),
        st.lists(inner).map(tuple),
        st.lists(inner).map(Row),
        st.lists(inner).map(collections.deque),
        st.dictionaries(HASHABLE, inner, max_size=8),
        st.dictionaries(HASHABLE, inner).map(Bag),
        st.dictionaries(HASHABLE, inner).map(lambda one: collections.defaultdict(list, one)),
        st.dictionaries(HASHABLE, inner).map(collections.OrderedDict),
        st.frozensets(HASHABLE, max_size=12),
        st.sets(HASHABLE, max_size=12),
    ),
    max_leaves=30,
)


def both(call: Callable[[ModuleType], Any], name: str = "") -> Any:
    """Call with Werkzeug's module and with ours; return the result if both have the same."""
    theirs, ours = MODULES[name]
    expected = outcome(call, theirs)
    assert outcome(call, ours) == expected
    return expected[1]


MODULES = {
    "": (werkzeug.debug.repr, dovetail.dev.debugger.representation),
    "console": (werkzeug.debug.console, dovetail.dev.debugger.console),
    "tbtools": (werkzeug.debug.tbtools, dovetail.dev.debugger.tracebacks),
}


@given(VALUES)
def test_values(value: object) -> None:
    both(lambda package: plain(package.debug_repr(value)))


@given(VALUES, st.integers(-5, 10))
def test_the_methods_of_the_generator(value: Any, limit: int) -> None:
    both(lambda package: package.DebugReprGenerator().string_repr(str(value), limit))
    bag = {"a": value, "b": 1, 2: value}
    for recursive in (True, False):
        both(lambda package: plain(package.DebugReprGenerator().dict_repr(bag, recursive, limit)))  # noqa: B023
        for name in ("list", "tuple", "set", "frozenset", "deque"):
            both(
                lambda package: plain(
                    getattr(package.DebugReprGenerator(), f"{name}_repr")([value], recursive)  # noqa: B023
                )
            )


@given(st.dictionaries(TEXT, VALUES, max_size=8))
def test_tables(names: dict[str, Any]) -> None:
    both(lambda package: plain(package.DebugReprGenerator().dump_locals(names)))
    both(lambda package: plain(package.DebugReprGenerator().dump_object(names)))


@pytest.mark.parametrize("value", [1, "a", [1], {1: 2}, Label("a"), Other("<>"), Broken("<>"), len])
def test_objects(value: object) -> None:
    both(lambda package: plain(package.DebugReprGenerator().dump_object(value)))


@pytest.mark.parametrize("pattern", [r"foo\d", "it's", '"', "'\"", r"\\", b"x\n", r"\x41|\n"])
def test_patterns(pattern: Any) -> None:
    both(lambda package: package.debug_repr(re.compile(pattern)))


def test_what_contains_itself() -> None:
    row: Any = Row()
    row.append([row, {"row": row}, (row,), collections.deque([row])])
    both(lambda package: package.debug_repr(row))


def test_the_templates() -> None:
    both(lambda package: (package.HELP_HTML, package.OBJECT_DUMP_HTML, repr(package.helper)))


# Consoles


@given(st.lists(TEXT), st.integers(0, 3))
def test_the_stream(texts: list[str], first: int) -> None:
    def write(package: Any) -> list[str]:
        stream = package.HTMLStringO()
        stream.writelines(texts)
        for text in texts:
            stream.write(text)
        lines = [stream.readline() for _ in range(first)]
        return [str(line) for line in [*lines, stream.reset(), stream.reset()]]

    both(write, "console")


def talk(*lines: str) -> Any:
    def evaluate(package: Any) -> list[str]:
        console = package.Console({"low": 1, "both": 1}, {"high": 2, "both": 2})
        return [plain(console.eval(line)) for line in lines]

    return both(evaluate, "console")


@pytest.mark.parametrize(
    "lines",
    [
        ("1", "1 + 1", "None", "print('<b>')", "x = 3", "x", "_", "low, high, both"),
        ("[low + high for _ in [0]]", "(lambda: (low, high))()", "class A: a = high", "A.a"),
        ("def f():", "    return low + high", "f()", "", "f()"),
        ("for i in range(3): i", "for i in range(3):", "  print(i)", ""),
        ("x = '''", "y", "'''", "x", "(", "1)", "\\", "1"),
        ("$", "x = ;", ")", "yield 1", "return", "\0"),
        ("1/0", "raise ValueError('<x>')", "low / nothing", "def f(): 1/0", "f()"),
        ("raise KeyError('<') from ValueError('>')",),
        ("try:\n 1/0\nexcept Exception as e:\n raise KeyError('z') from e\n",),
        ("e = ValueError('a'); e.add_note('<n>')", "raise e"),
        ("help", "help()", "help(len)", "help('if')", "help('nonsense')", "help(None)"),
        ("dump({'a': 1})", "dump(low)", "'a' * 200", "list(range(20))"),
        ("del low", "low", "global q; q = 3", "q", "low = 6", "low", "  # nothing", "\t"),
        ("import sys", "_ = sys.stdout.write('<i>')", "print('a', end='')", "1; 2", r"'\ud800'"),
    ],
)
def test_lines(lines: tuple[str, ...]) -> None:
    talk(*lines)


@given(st.lists(st.sampled_from(["1", "(", ")", "x = 1", "x", "if 1: 2", "", "'''", "1/0"])))
def test_any_lines(lines: list[str]) -> None:
    talk(*lines)


# Tracebacks


def raise_plainly() -> None:
    raise ValueError("<plain>\n& more")


def raise_chained() -> None:
    try:
        raise_plainly()
    except ValueError as error:
        raise KeyError("chained") from error


def raise_in_handler() -> None:
    try:
        raise_chained()
    except KeyError:
        eval("1 +")


def raise_group() -> None:
    raise ExceptionGroup("group", [ValueError(1), ExceptionGroup("inner", [KeyError("2")])])


def raise_with_note() -> None:
    error = ValueError("noted")
    error.add_note("a <note>")
    raise error


def raise_deep(depth: int = 60) -> None:
    if not depth:
        raise_plainly()
    raise_deep(depth - 1)


FAILURES = [
    raise_plainly,
    raise_chained,
    raise_in_handler,
    raise_group,
    raise_with_note,
    raise_deep,
]


def traceback_of(package: Any, failing: Callable[[], None], **options: Any) -> Any:
    try:
        failing()
    except Exception as error:
        return package.DebugTraceback(error, **options)
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("failing", FAILURES)
@pytest.mark.parametrize("skip", [0, 1])
def test_the_text_of_tracebacks(failing: Callable[[], None], skip: int) -> None:
    text = both(lambda p: traceback_of(p, failing, skip=skip).render_traceback_text(), "tbtools")
    assert "Error: " in text or "group" in text


@pytest.mark.parametrize(
    "failing", [raise_plainly, raise_chained, raise_in_handler, raise_with_note]
)
@pytest.mark.parametrize("titled", [True, False])
def test_the_fragments_of_tracebacks(failing: Callable[[], None], titled: bool) -> None:
    def fragment(package: Any) -> str:
        return plain(traceback_of(package, failing).render_traceback_html(titled))

    both(fragment, "tbtools")


def hidden_before() -> None:
    __traceback_hide__ = "before"
    raise_plainly()


def hidden() -> None:
    __traceback_hide__ = True
    raise_plainly()


def hidden_after() -> None:
    __traceback_hide__ = "after"
    raise_chained()


def hidden_with_the_rest() -> None:
    __traceback_hide__ = "after_and_this"
    hidden()


@pytest.mark.parametrize("failing", [hidden_before, hidden, hidden_after, hidden_with_the_rest])
@pytest.mark.parametrize("hide", [True, False])
def test_frames_that_hide(failing: Callable[[], None], hide: bool) -> None:
    def names(package: Any) -> list[str]:
        traceback = traceback_of(package, failing, hide=hide)
        return [frame.name for frame in traceback.all_frames]

    assert both(names, "tbtools")


def test_the_parts_of_frames() -> None:
    def parts(package: Any) -> list[Any]:
        traceback = traceback_of(package, raise_chained)
        frame = traceback.all_frames[-1]
        shown = frame.eval("low = 1; low")
        names = sorted(frame.local_ns), "raise_plainly" in frame.global_ns, frame.info
        reports = [(relation, str(report)) for relation, report in traceback.all_tracebacks]
        frames = [one.name for one in traceback.all_frames]
        place = frame.filename, frame.lineno, frame.name, frame.is_library, frame.line
        return [str(traceback), *reports, *frames, *place, *names, shown]

    both(parts, "tbtools")


@pytest.mark.parametrize("line", ["  2", "if 1:\n2"])
def test_errors_of_indentation(line: str) -> None:
    theirs, ours = (package.Console().eval(line) for package in MODULES["console"])
    assert ours == theirs.replace(
        "Traceback <em>(most recent call last)</em>:", "Syntax Error"
    ).replace("<blockquote>", "<pre class=syntaxerror>").replace("</blockquote>", "</pre>")


# The PIN


@pytest.mark.parametrize(
    "value",
    ["off", "1234", "12-34", "123456", "12345678", "1234567890", "1", "12345", "0000", "-1-"],
)
def test_the_variable_of_the_pin(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", value)
    theirs = werkzeug.debug.get_pin_and_cookie_name(application)
    ours = dovetail.dev.debugger.pins.get_pin_and_cookie_name(application)
    assert ours[0] == theirs[0]
    assert (ours[1] is None) is (theirs[1] is None)


def test_a_pin_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WERKZEUG_DEBUG_PIN", raising=False)
    for package in (werkzeug.debug, dovetail.dev.debugger.pins):
        pin, cookie = package.get_pin_and_cookie_name(application)
        assert re.fullmatch(r"\d{3}-\d{3}-\d{3}", str(pin))
        assert package.get_pin_and_cookie_name(application) == (pin, cookie)


# Answers

PIN = "123-456-789"


def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    path = environ["PATH_INFO"]
    if path == "/raise":
        raise ValueError("<boom>")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/late":
        yield b"begun "
        raise ValueError("late")
    yield f"{environ['REQUEST_METHOD']} {path}".encode()


@dataclass
class Side:
    """One of the two debuggers, and a client of it."""

    debugger: Any
    client: Any

    def ask(
        self,
        path: str = "/",
        host: str = "localhost",
        method: str = "GET",
        scheme: str = "http",
        secret: bool = False,
        **query: Any,
    ) -> tuple[Any, ...]:
        """Return what can be compared of an answer."""
        if secret:
            query["s"] = self.debugger.secret
        if query:
            path = f"{path}?{urlencode({'__debugger__': 'yes'} | query)}"
        answer = self.client.open(
            path,
            method=method,
            base_url=f"{scheme}://localhost",
            headers={"Host": host, "Accept": "text/html"},
            errors_stream=io.StringIO(),
        )
        text = answer.get_data(as_text=True)
        if "<html" in text.lower():
            text = "a page"
        cookies = re.sub(r"\w+=\d+\|\w+", "cookie", str(answer.headers.getlist("Set-Cookie")))
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        return answer.status_code, kind, plain(text), cookies


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Side]]:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", PIN)
    monkeypatch.setattr("time.sleep", lambda _: None)

    def make(**options: Any) -> list[Side]:
        theirs = werkzeug.debug.DebuggedApplication(application, **options)
        ours = dovetail.dev.debugger.application.DebuggedApplication(application, **options)
        return [
            Side(theirs, werkzeug.test.Client(theirs)),
            Side(ours, dovetail.toolkit.testing.client.Client(ours)),
        ]

    return make


def same(sides: list[Side], *args: Any, **options: Any) -> tuple[Any, ...]:
    theirs, ours = (side.ask(*args, **options) for side in sides)
    assert ours == theirs
    return ours


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("options", [{}, {"evalex": True}, {"evalex": True, "console_path": None}])
def test_what_is_for_the_application(
    sides: Callable[..., list[Side]], method: str, options: dict[str, Any]
) -> None:
    pair = sides(**options)
    for path in ("/", "/raise", "/console", "/console/", "/other"):
        answer = same(pair, path, method=method)
        assert answer[0] in {200, 500}
    for query in ({"__debugger__": "no", "cmd": "1"}, {"a": "1"}):
        assert same(pair, "/", method=method, **query)[2].endswith("/" if method != "HEAD" else "")


def test_a_response_that_has_begun(sides: Callable[..., list[Side]]) -> None:
    theirs, ours = sides(evalex=True)
    assert theirs.ask("/late")[0] == 200  # and the page after what was sent
    with pytest.raises(ValueError, match="late"):
        ours.ask("/late")


def test_a_wrong_secret(sides: Callable[..., list[Side]]) -> None:
    theirs, ours = sides(evalex=True)
    for command in ("pinauth", "printpin", "1 + 1"):
        assert theirs.ask(cmd=command, frm=0, s="wrong")[2] == "GET /"
        assert ours.ask(cmd=command, frm=0, s="wrong")[0] == 403


def test_a_session(sides: Callable[..., list[Side]]) -> None:
    pair = sides(evalex=True)
    same(pair, "/raise")
    same(pair, "/console")
    wrong = same(pair, cmd="pinauth", pin="1", secret=True)
    assert wrong == (200, "application/json", '{"auth": false, "exhausted": false}', "[]")
    right = same(pair, cmd="pinauth", pin="123456789", secret=True)
    assert right[2] == '{"auth": true, "exhausted": false}'
    assert right[3] == "['cookie; HttpOnly; Path=/; SameSite=Strict']"
    assert "<span" in same(pair, cmd="1 + 1", frm=0, secret=True)[2]
    assert same(pair, cmd="", frm=0, secret=True)[2] == ">>> \n"
    same(pair, cmd="printpin", secret=True)
    assert same(pair, "/console")[2] == "a page"
    assert "Secure;" in same(pair, cmd="pinauth", pin=PIN, secret=True, scheme="https")[3]


def test_what_programs_look_for_in_a_page(sides: Callable[..., list[Side]]) -> None:
    for side in sides(evalex=True):
        answer = side.client.get("/raise", errors_stream=io.StringIO())
        text = answer.get_data(as_text=True)
        assert answer.status == "500 INTERNAL SERVER ERROR"
        assert answer.content_type == "text/html; charset=utf-8"
        title = re.search("<title>([A-Za-z]+Error): ", text)
        assert title is not None
        assert "The debugger caught an exception in your WSGI application." in text
        assert "\nTraceback (most recent call last):\n" in f"\n{text.replace('>', chr(10))}"
        assert f"{title[1]}: " in text.partition("(most recent call last):")[2]
        assert re.search(r'id="frame-\d+"', text)


def test_consoles_have_the_names_they_are_given(sides: Callable[..., list[Side]]) -> None:
    pair = sides(evalex=True, pin_security=False, console_init_func=lambda: {"given": 5})
    assert same(pair, "/console")[0] == 200
    assert same(pair, cmd="given", frm=0, secret=True)[2].endswith(">5</span>")


def test_wrong_pins_run_out(sides: Callable[..., list[Side]]) -> None:
    pair = sides(evalex=True)
    answers = [same(pair, cmd="pinauth", pin="1", secret=True)[2] for _ in range(12)]
    assert ["true" in answer for answer in answers] == [False] * 10 + [True] * 2
    assert '"exhausted": true' in same(pair, cmd="pinauth", pin=PIN, secret=True)[2]


HOSTS = [
    *("localhost", "localhost:5000", "a.localhost", "127.0.0.1", "127.0.0.1:80", "evil.test"),
    *("127.0.0.1.evil.test", "localhost.evil.test", "evillocalhost", "127.0.0.2", "0.0.0.0"),
    *("localhost.", "localhost:80@evil.test", "user@localhost", "[::2]", "2130706433", "a b"),
]


@pytest.mark.parametrize("host", HOSTS)
def test_trusted_hosts(sides: Callable[..., list[Side]], host: str) -> None:
    pair = sides(evalex=True)
    same(pair, "/raise", host=host)
    assert same(pair, "/console", host=host)[0] in {200, 400}
    for command in ("pinauth", "printpin"):
        assert same(pair, cmd=command, pin=PIN, secret=True, host=host)[0] in {200, 400}
    theirs, ours = (
        side.debugger.check_host_trust({"HTTP_HOST": host, "wsgi.url_scheme": "http"})
        for side in pair
    )
    assert ours == theirs


def test_other_hosts_can_be_trusted(sides: Callable[..., list[Side]]) -> None:
    pair = sides(evalex=True, pin_security=False)
    for side in pair:
        side.debugger.trusted_hosts.append(".example.com")
    assert same(pair, "/console", host="dev.example.com")[0] == 200
    assert same(pair, "/console", host="example.org")[0] == 400


@pytest.mark.parametrize("value", ["", "x", "1|x", "|", "9999999999|" + "0" * 12, "-1|", "é|é"])
def test_cookies_that_were_made_up(sides: Callable[..., list[Side]], value: str) -> None:
    trusts = []
    for side in sides(evalex=True):
        cookie = f"{side.debugger.pin_cookie_name}={value}".encode().decode("latin-1")
        trusts.append(side.debugger.check_pin_trust({"HTTP_COOKIE": cookie}))
    assert True not in trusts
    assert bool(trusts[0]) == bool(trusts[1])


@pytest.mark.parametrize("name", ["no.css", "../pins.py", "/etc/passwd", "pins.py"])
def test_resources_that_do_not_exist(sides: Callable[..., list[Side]], name: str) -> None:
    assert same(sides(evalex=True), cmd="resource", f=name)[0] == 404


def test_resources_that_exist(sides: Callable[..., list[Side]]) -> None:
    for side in sides(evalex=True):
        for name, kind in (("style.css", "text/css"), ("debugger.js", "text/javascript")):
            status, found, text, _ = side.ask(cmd="resource", f=name)
            assert (status, found, bool(text)) == (200, kind, True)
