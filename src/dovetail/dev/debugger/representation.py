"""Python values as HTML: what the debugger shows of variables, results and objects.

A value comes from a program that has just failed, so nothing about it is relied on: its ``repr``
may raise, it may be of any size, contain itself or hold markup. What is made here is escaped,
bounded in depth and size, and made without raising.
"""

import io
import pydoc
import re
import sys
import textwrap
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pydoc_data import topics as pydoc_topics
from traceback import format_exception_only
from typing import Any, Final

from markupsafe import escape

from dovetail.dev.pages.excerpts import cut

__all__ = [
    "HELP_HTML",
    "OBJECT_DUMP_HTML",
    "DebugReprGenerator",
    "Helper",
    "RegexType",
    "debug_repr",
    "dump",
    "escaped",
    "helper",
    "missing",
]

RegexType = re.Pattern

#: Stands for an argument that was not given.
missing: Final = object()

HELP_HTML: Final = """\
<div class=box>
  <h3>%(title)s</h3>
  <pre class=help>%(text)s</pre>
</div>\
"""
OBJECT_DUMP_HTML: Final = """\
<div class=box>
  <h3>%(title)s</h3>
  %(repr)s
  <table>%(items)s</table>
</div>\
"""

# What one value may take at most. Each is far above what anybody reads and far below what makes
# a browser or the program wait.
_DEEPEST = 50
_MOST_VALUES = 10_000
_LONGEST_TEXT = 20_000
_MOST_ROWS = 1_000
_MOST_MARKUP = 1_000_000

# So many items of a container are shown at once, the rest when asked for.
_SHOWN_ITEMS = 8


class Helper:
    """The console's ``help``: writes the documentation of an object to the console as HTML."""

    def __repr__(self) -> str:
        return "Type help(object) for help about object."

    def __call__(self, topic: object = None) -> None:
        """Write the documentation of ``topic``: any object, or the name of a topic of Python's."""
        if topic is None:
            _emit(f"<span class=help>{self!r}</span>")
            return
        if isinstance(topic, str):
            # Of these Python shows the help in its pager.
            topic = {"None": None, "False": False, "True": True}.get(topic, topic)
        gathered = io.StringIO()
        _Documentation(io.StringIO(), gathered).help(topic)
        title, _, text = gathered.getvalue().strip("\n ").partition("\n\n")
        written = {"title": escaped(title), "text": escaped(text + "\n\n" if text else "")}
        _emit(HELP_HTML % written)


class _Documentation(pydoc.Helper):
    """Python's own help, all of it written to ``output`` and none of it to a pager."""

    def showtopic(self, topic: str, more_xrefs: str = "") -> None:
        entry = self._entry(topic)
        if entry is None:
            self.output.write(f"no documentation found for {topic!r}\n")
            return
        label, related = entry
        self.output.write(pydoc_topics.topics[label].strip() + "\n")
        names = f"{related} {more_xrefs}".split()
        if names:
            line = "Related help topics: " + ", ".join(names)
            self.output.write("\n" + "\n".join(textwrap.wrap(line, 72)) + "\n")

    def _entry(self, topic: str) -> tuple[str, str] | None:
        """-> the label of a topic's text and the topics next to it; some names are of others."""
        found: str | tuple[str, ...] = topic
        while isinstance(found, str):
            found = self.topics.get(found) or self.keywords.get(found) or ()
        return (found[0], found[1]) if found else None


helper = Helper()


def debug_repr(obj: object) -> str:
    """-> ``repr(obj)`` as HTML with its parts marked by ``span`` elements. Never raises."""
    return DebugReprGenerator().repr(obj)


def dump(obj: object = missing) -> None:
    """Write the attributes of an object, or the caller's local variables, to the console."""
    generator = DebugReprGenerator()
    if obj is missing:
        _emit(generator.dump_locals(sys._getframe(1).f_locals))
    else:
        _emit(generator.dump_object(obj))


class DebugReprGenerator:
    """Makes the HTML of values.

    :param values: how many values are written of one, those in containers included.
    :param text: how many characters of one text.
    :param markup: after how many characters of HTML nothing more is taken from containers.
    """

    def __init__(
        self,
        *,
        values: int = _MOST_VALUES,
        text: int = _LONGEST_TEXT,
        markup: int = _MOST_MARKUP,
    ) -> None:
        self._most_values = values
        self._longest = text
        self._most_markup = markup
        self._stack: list[object] = []
        self._values = 0
        self._size = 0

    def repr(self, obj: object) -> str:
        """-> ``obj`` as HTML; an error of its own ``__repr__`` is shown in its place."""
        if not self._stack:
            self._values = self._size = 0
        before = self._size
        recursive = any(obj is outer for outer in self._stack)
        self._stack.append(obj)
        try:
            shown = self.dispatch_repr(obj, recursive)
        except KeyboardInterrupt:
            # Somebody wants to stop the program, and this is only what it is busy with.
            raise
        except BaseException:
            shown = self.fallback_repr()
        finally:
            self._stack.pop()
        self._size = before + len(shown)
        return shown

    def dispatch_repr(self, obj: Any, recursive: bool) -> str:
        """-> ``obj`` as HTML in the form of its type; ``recursive``: it contains itself."""
        if obj is helper:
            return f'<span class="help">{escaped(repr(helper))}</span>'
        if isinstance(obj, (int, float, complex)):
            return f'<span class="number">{escaped(cut(repr(obj), self._longest))}</span>'
        if isinstance(obj, (str, bytes)):
            return self.string_repr(obj)
        if isinstance(obj, RegexType):
            return self.regex_repr(obj)
        for kind, shown in _CONTAINERS.items():
            if isinstance(obj, kind):
                return shown(self, obj, recursive)
        return self.object_repr(obj)

    def list_repr(self, obj: Iterable[Any], recursive: bool) -> str:
        """-> a list as HTML."""
        return self._sequence(obj, recursive, list, "[", "]")

    def tuple_repr(self, obj: Iterable[Any], recursive: bool) -> str:
        """-> a tuple as HTML."""
        return self._sequence(obj, recursive, tuple, "(", ")")

    def set_repr(self, obj: Iterable[Any], recursive: bool) -> str:
        """-> a set as HTML."""
        return self._sequence(obj, recursive, set, "set([", "])")

    def frozenset_repr(self, obj: Iterable[Any], recursive: bool) -> str:
        """-> a frozenset as HTML."""
        return self._sequence(obj, recursive, frozenset, "frozenset([", "])")

    def deque_repr(self, obj: Iterable[Any], recursive: bool) -> str:
        """-> a deque as HTML."""
        opening = '<span class="module">collections.</span>deque(['
        return self._sequence(obj, recursive, deque, opening, "])")

    def dict_repr(self, d: dict[Any, Any], recursive: bool, limit: int = 5) -> str:
        """-> a dict as HTML, all of it from the item of that number on to be shown when asked."""
        if recursive or self._too_deep():
            return _of_class(d, dict, "{...}")
        # Dicts of real programs have few items and long ones: their limit counts from one.
        parts = self._parts(d.items(), lambda item: self._pair(*item))
        return _of_class(d, dict, "{" + _in_two(parts, limit - 1, _more(d)) + "}")

    def string_repr(self, obj: str | bytes, limit: int = 70) -> str:
        """-> a string as HTML, from that character of its ``repr`` on to be shown when asked."""
        text, left = _quoted(obj, self._longest)
        if left or len(text) > limit + 2:
            rest = escaped(text[limit:]) + _characters_left(left)
            shown = f'{escaped(text[:limit])}<span class="extended">{rest}</span>'
        else:
            shown = escaped(text)
        shown = f'<span class="string">{shown}</span>'
        if text.startswith(("'", '"', "b'", 'b"')):
            return _of_class(obj, (str, bytes), shown)
        return shown

    def regex_repr(self, obj: re.Pattern[Any]) -> str:
        """-> a regular expression as HTML, in a raw string so that it reads as it was written."""
        pattern, prefix = obj.pattern, "r"
        if isinstance(pattern, bytes):
            pattern, prefix = pattern.decode("latin-1"), "rb"
        quote = '"' if "'" in pattern and '"' not in pattern else "'"
        # Quotes need no escaping between tags; a pattern full of entities could not be read.
        shown = _encodable(cut(pattern, self._longest)).replace("&", "&amp;")
        shown = shown.replace("<", "&lt;").replace(">", "&gt;")
        return f're.compile(<span class="string regex">{prefix}{quote}{shown}{quote}</span>)'

    def object_repr(self, obj: Any) -> str:
        """-> any other object as HTML."""
        return f'<span class="object">{escaped(cut(repr(obj), self._longest))}</span>'

    def fallback_repr(self) -> str:
        """-> the exception that is being handled as HTML, for a value whose ``repr`` raised it."""
        try:
            told = "".join(format_exception_only(*sys.exc_info()[:2])).strip()
        except Exception:
            told = "?"
        told = f"<broken repr ({cut(told, self._longest)})>"
        return f'<span class="brokenrepr">{escaped(told)}</span>'

    def dump_object(self, obj: object) -> str:
        """-> the items of a dict whose keys are strings, or the attributes of any object."""
        name = object.__repr__(obj)[1:-1]
        if isinstance(obj, dict) and all(isinstance(key, str) for key in obj):
            return self.render_object_dump(self._rows(obj.items()), f"Contents of {name}")
        rows = self._rows(_attributes(obj))
        return self.render_object_dump(rows, f"Details for {name}", self.repr(obj))

    def dump_locals(self, d: dict[str, Any]) -> str:
        """-> the local variables of a frame as a table."""
        return self.render_object_dump(self._rows(d.items()), "Local variables in frame")

    def render_object_dump(
        self, items: list[tuple[str, str]], title: str, repr: str | None = None
    ) -> str:
        """-> a titled table of names and HTML values under the HTML ``repr`` of their object."""
        rows = [f"<tr><th>{escaped(name)}<td><pre class=repr>{html}</pre>" for name, html in items]
        return OBJECT_DUMP_HTML % {
            "title": escaped(title),
            "repr": f"<pre class=repr>{repr or ''}</pre>",
            "items": "\n".join(rows) or "<tr><td><em>Nothing</em>",
        }

    def _sequence(
        self, obj: Iterable[Any], recursive: bool, base: type, opening: str, closing: str
    ) -> str:
        if recursive or self._too_deep():
            return _of_class(obj, base, f"{opening}...{closing}")
        parts = self._parts(obj, self.repr)
        shown = _in_two(parts, _SHOWN_ITEMS, _more(obj))
        return _of_class(obj, base, opening + shown + closing)

    def _pair(self, key: object, value: object) -> str:
        key_shown, value_shown = self.repr(key), self.repr(value)
        return (
            f'<span class="pair"><span class="key">{key_shown}</span>: '
            f'<span class="value">{value_shown}</span></span>'
        )

    def _parts(self, items: Iterable[Any], shown: Callable[[Any], str]) -> list[str]:
        """-> as many of the items as may still be written."""
        parts = []
        for item in islice(items, self._most_values):
            if self._values >= self._most_values or self._size >= self._most_markup:
                break
            self._values += 1
            parts.append(shown(item))
        return parts

    def _too_deep(self) -> bool:
        return len(self._stack) > _DEEPEST

    def _rows(self, items: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
        """-> names and values as HTML, up to what a page can take."""
        rows: list[tuple[str, str]] = []
        size = 0
        for name, value in items:
            if len(rows) >= _MOST_ROWS or size > self._most_markup:
                rows.append(("…", "<em>more than is shown here</em>"))
                break
            html = self.repr(value)
            size += len(html)
            rows.append((cut(str(name), self._longest), html))
        return rows


_CONTAINERS: dict[type, Callable[[DebugReprGenerator, Any, bool], str]] = {
    list: DebugReprGenerator.list_repr,
    tuple: DebugReprGenerator.tuple_repr,
    set: DebugReprGenerator.set_repr,
    frozenset: DebugReprGenerator.frozenset_repr,
    dict: DebugReprGenerator.dict_repr,
    deque: DebugReprGenerator.deque_repr,
}


def _emit(html: str) -> None:
    """Write HTML to the console; outside of one there is only standard output to write it to."""
    write = getattr(sys.stdout, "_write", None) or sys.stdout.write
    write(html)


def _attributes(obj: object) -> Iterator[tuple[str, object]]:
    for name in dir(obj):
        try:
            value = getattr(obj, name)
        except Exception:
            # A property that cannot be computed now has no value to show.
            continue
        yield name, value


def _of_class(obj: object, base: type | tuple[type, ...], shown: str) -> str:
    """-> ``shown`` as the argument of the class of ``obj``, if that is no built-in one."""
    kind = type(obj)
    if kind is base or (isinstance(base, tuple) and kind in base):
        return shown
    # The class that an object gives as its own (a proxy's) says better where it is from.
    module = escaped(str(obj.__class__.__module__))
    return f'<span class="module">{module}.</span>{escaped(kind.__name__)}({shown})'


def _in_two(parts: list[str], limit: int, more: Callable[[int], str]) -> str:
    """-> the parts joined, those after ``limit`` in an element that is shown when asked."""
    left = more(len(parts))
    if left:
        parts.append(left)
    if limit < 0 or len(parts) <= limit:
        return ", ".join(parts)
    rest = f'<span class="extended">{", ".join(parts[limit:])}</span>'
    return ", ".join([*parts[:limit], rest])


def _more(container: Any) -> Callable[[int], str]:
    """-> how many items are left after so many were written, as HTML."""

    def left(written: int) -> str:
        count = len(container) - written
        return f"<em>{count:,} more</em>" if count > 0 else ""

    return left


def _quoted(obj: str | bytes, longest: int) -> tuple[str, int]:
    """-> the ``repr`` of a string or of its beginning, and how many characters that leaves out."""
    # Another class's own __repr__ cannot be had in part.
    begun: str | bytes | None = None
    if type(obj).__repr__ is str.__repr__ and isinstance(obj, str):
        begun, size = str.__getitem__(obj, slice(longest)), str.__len__(obj)
    elif type(obj).__repr__ is bytes.__repr__ and isinstance(obj, bytes):
        begun, size = bytes.__getitem__(obj, slice(longest)), bytes.__len__(obj)
    if begun is not None and size > longest:
        return repr(begun), size - longest
    text = repr(obj)
    return text[:longest], max(0, len(text) - longest)


def _characters_left(count: int) -> str:
    return f"… <em>{count:,} more</em>" if count else ""


def escaped(text: str) -> str:
    """-> the text as HTML that can be encoded."""
    return str(escape(_encodable(text)))


def _encodable(text: str) -> str:
    """-> the text with lone surrogates, which UTF-8 cannot carry, spelt out."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
