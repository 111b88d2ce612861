from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dovetail.data import field_names
from dovetail.data.exceptions import BadRequest, BadRequestKeyError
from dovetail.data.headers import EnvironHeaders, Headers, ImmutableHeadersMixin
from dovetail.data.multidict import MultiDict

Fields = list[tuple[str, str]]
START: Fields = [("Content-Type", "text/html"), ("X", "1"), ("x", "2"), ("Y", "3")]


def sample() -> Headers:
    return Headers(START)


class TestMaking:
    @pytest.mark.parametrize(
        ("source", "fields"),
        [
            (None, []),
            ([("a", "1"), ("A", 2)], [("a", "1"), ("A", "2")]),
            (iter([("a", 1.5)]), [("a", "1.5")]),
            ({"a": ["1", 2], "b": (3,), "c": {4}, "d": None, "e": []}, None),
            (MultiDict([("a", 1), ("a", 2)]), [("a", "1"), ("a", "2")]),
            (Headers([("a", 1), ("A", 2)]), [("a", "1"), ("A", "2")]),
            (EnvironHeaders({"HTTP_A_B": "1"}), [("A-B", "1")]),
            ([["a", "b"]], [("a", "b")]),
        ],
    )
    def test_from(self, source: Any, fields: Fields | None) -> None:
        if fields is None:
            fields = [("a", "1"), ("a", "2"), ("b", "3"), ("c", "4"), ("d", "None")]
        assert Headers(source)._list == fields

    @pytest.mark.parametrize(
        ("source", "error"),
        [(5, TypeError), ([1], TypeError), ([("a",)], ValueError), ([("a", "b", "c")], ValueError)],
    )
    def test_from_nonsense(self, source: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            Headers(source)

    def test_text_that_knows_more_than_str_is_kept(self) -> None:
        assert type(Headers([("a", Markup("x"))])["a"]) is Markup


# Each way by which a value comes in.
WAYS: list[Callable[[Headers, Any], Any]] = [
    lambda h, v: Headers([("a", v)]),
    lambda h, v: Headers({"a": v}),
    lambda h, v: Headers({"a": [v]}),
    lambda h, v: Headers(MultiDict([("a", v)])),
    lambda h, v: h.add("a", v),
    lambda h, v: h.add("a", "b", c=v),
    lambda h, v: h.add_header("a", v),
    lambda h, v: h.set("a", v),
    lambda h, v: h.set("a", "b", c=v),
    lambda h, v: h.__setitem__("a", v),
    lambda h, v: h.__setitem__(0, ("a", v)),
    lambda h, v: h.__setitem__(slice(0, 1), [("a", v)]),
    lambda h, v: h.__setitem__(slice(0, 0), [("a", v)]),
    lambda h, v: h.setdefault("a", v),
    lambda h, v: h.setlist("a", ["1", v]),
    lambda h, v: h.setlistdefault("a", [v]),
    lambda h, v: h.extend([("a", v)]),
    lambda h, v: h.extend({"a": (v,)}),
    lambda h, v: h.extend(a=v),
    lambda h, v: h.update([("a", v)]),
    lambda h, v: h.update({"a": {v}}),
    lambda h, v: h.update(a=v),
    lambda h, v: h | {"a": v},
    lambda h, v: h.__ior__({"a": v}),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", ["a\rb", "a\nb", "\r\n", "a\r\n b", Markup("\n")])
def test_a_value_cannot_end_the_field(way: Callable[[Headers, Any], Any], value: str) -> None:
    headers = sample()
    with pytest.raises(ValueError, match="line end"):
        way(headers, value)
    assert headers._list == START


@pytest.mark.parametrize(
    "way",
    [
        lambda h, k: Headers([(k, "v")]),
        lambda h, k: Headers({k: "v"}),
        lambda h, k: h.add(k, "v"),
        lambda h, k: h.set(k, "v"),
        lambda h, k: h.__setitem__(0, (k, "v")),
        lambda h, k: h.setlist(k, ["v"]),
        lambda h, k: h.extend([(k, "v")]),
        lambda h, k: h.update({k: "v"}),
    ],
)
def test_a_name_cannot_end_the_field(way: Callable[[Headers, Any], Any]) -> None:
    headers = sample()
    assert "a\nb" not in headers
    name: Any
    for name in ("a\nb", "a\r"):
        with pytest.raises(ValueError, match="line end"):
            way(headers, name)
    for name in (1, b"a"):
        with pytest.raises(TypeError):
            way(headers, name)
    assert headers._list == START


class TestReading:
    def test_names_in_any_case(self) -> None:
        headers = sample()
        assert headers["content-type"] == headers["CONTENT-TYPE"] == "text/html"
        assert headers.get("x") == headers["X"] == "1"
        assert headers.getlist("X") == headers.get_all("x") == ["1", "2"]
        assert "y" in headers
        assert "z" not in headers

    def test_a_missing_name_is_a_bad_request(self) -> None:
        headers = sample()
        assert headers.get("Z") is None
        assert headers.get("Z", "d") == "d"
        assert headers.getlist("Z") == []
        with pytest.raises(BadRequestKeyError) as caught:
            headers["Z"]
        assert isinstance(caught.value, BadRequest)
        assert caught.value.args == ("Z",)

    def test_conversion(self) -> None:
        headers = Headers([("a", "x"), ("a", "1")])
        assert headers.get("a", 5, int) == 5
        assert headers.get("a", type=int) is None
        assert headers.get("A", type=str.upper) == "X"
        assert headers.getlist("a", type=int) == [1]
        with pytest.raises(TypeError):
            headers.get("a", type=lambda v: [][v])  # type: ignore[call-overload]

    def test_positions_and_slices(self) -> None:
        headers = sample()
        assert headers[0] == ("Content-Type", "text/html")
        assert headers[-1] == ("Y", "3")
        assert headers[1:3] == Headers([("X", "1"), ("x", "2")])
        assert type(headers[:]) is Headers
        assert next(reversed(headers)) == ("Y", "3")
        with pytest.raises(IndexError):
            headers[9]
        with pytest.raises(TypeError):
            headers[None]  # type: ignore[call-overload]

    def test_names_that_are_no_text(self) -> None:
        headers: Any = sample()
        assert headers.get(b"x") is None
        assert b"x" not in headers
        for read in (headers.get, headers.getlist, headers.remove):
            with pytest.raises(AttributeError):
                read(5)

    def test_views(self) -> None:
        headers = sample()
        assert list(headers) == list(headers.items()) == headers.to_wsgi_list() == START
        assert list(headers.keys()) == ["Content-Type", "X", "x", "Y"]
        assert list(headers.keys(lower=True)) == ["content-type", "x", "x", "y"]
        assert next(iter(headers.items(lower=True))) == ("content-type", "text/html")
        assert list(headers.values()) == ["text/html", "1", "2", "3"]
        assert len(headers) == 4
        assert not Headers()
        assert dict(headers) == {"Content-Type": "text/html", "X": "1", "x": "1", "Y": "3"}
        headers.to_wsgi_list().clear()
        assert len(headers) == 4

    def test_text(self) -> None:
        assert str(Headers([("A", "1"), ("b", "2")])) == "A: 1\r\nb: 2\r\n\r\n"
        assert str(Headers()) == "\r\n"
        assert repr(Headers([("A", "1")])) == "Headers([('A', '1')])"

    def test_equality(self) -> None:
        assert Headers([("A", "1"), ("B", "2")]) == Headers([("b", "2"), ("a", "1")])
        assert Headers([("A", "x")]) != Headers([("A", "X")])
        assert Headers() != []
        assert Headers({"a": "1"}) != {"a": "1"}
        with pytest.raises(TypeError):
            hash(Headers())

    def test_names_beyond_the_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        field_names.FOLDED.clear()
        monkeypatch.setattr(field_names, "_NAMES_BOUND", 3)
        long = "X-" + "y" * 100
        headers = Headers([(f"N-{i}", i) for i in range(9)] + [(long, "l")])
        for _ in range(2):
            assert [headers[f"n-{i}"] for i in range(9)] == [str(i) for i in range(9)]
            assert headers.get(long.upper()) == headers[long.lower()] == "l"
            assert long in headers
            assert "n-9" not in headers
            headers[long.title()] = "l"
            assert len(headers) == 10
            assert len(field_names.FOLDED) <= 3
        assert headers.get("n-9", "d") == "d"
        with pytest.raises(BadRequestKeyError):
            headers[long + "z"]


CHANGES: list[tuple[Callable[[Any], Any], Any, Fields]] = [
    (lambda h: h.add("x", 3), None, [*START, ("x", "3")]),
    (
        lambda h: h.add("D", "attachment", filename="a b.txt", foo_bar="c", n=5, none=None),
        None,
        [*START, ("D", 'attachment; filename="a b.txt"; foo-bar=c; n=5')],
    ),
    (lambda h: h.add("D", None, a="b"), None, [*START, ("D", "a=b")]),
    (lambda h: h.add_header("D", "a", b="c"), None, [*START, ("D", "a; b=c")]),
    (lambda h: h.set("x", 9), None, [START[0], ("x", "9"), START[3]]),
    (lambda h: h.set("y", "9"), None, [*START[:3], ("y", "9")]),
    (lambda h: h.set("z", "9", a="b"), None, [*START, ("z", "9; a=b")]),
    (lambda h: h.__setitem__("X", "9"), None, [START[0], ("X", "9"), START[3]]),
    (lambda h: h.__setitem__(0, ("A", 1)), None, [("A", "1"), *START[1:]]),
    (lambda h: h.__setitem__(slice(0, 3), [("A", 1)]), None, [("A", "1"), START[3]]),
    (lambda h: h.__delitem__("x"), None, [START[0], START[3]]),
    (lambda h: h.__delitem__("z"), None, START),
    (lambda h: h.__delitem__(0), None, START[1:]),
    (lambda h: h.__delitem__(slice(0, 2)), None, START[2:]),
    (lambda h: h.remove("X"), None, [START[0], START[3]]),
    (lambda h: h.remove("z"), None, START),
    (lambda h: h.pop("x"), "1", [START[0], START[3]]),
    (lambda h: h.pop("z", 5), 5, START),
    (lambda h: h.pop("z", default=None), None, START),
    (lambda h: h.pop(0), START[0], START[1:]),
    (lambda h: h.pop(-1, "d"), START[3], START[:3]),
    (lambda h: h.pop(), START[3], START[:3]),
    (lambda h: h.popitem(), START[3], START[:3]),
    (lambda h: h.clear(), None, []),
    (lambda h: h.setdefault("x", "9"), "1", START),
    (lambda h: h.setdefault("z", 9), "9", [*START, ("z", "9")]),
    (
        lambda h: h.setlist("x", [7, "8", 9]),
        None,
        [START[0], ("x", "7"), START[3], ("x", "8"), ("x", "9")],
    ),
    (lambda h: h.setlist("x", iter("7")), None, [START[0], ("x", "7"), START[3]]),
    (lambda h: h.setlist("x", []), None, [START[0], START[3]]),
    (lambda h: h.setlistdefault("x", [9]), ["1", "2"], START),
    (lambda h: h.setlistdefault("z", (9, 8)), ["9", "8"], [*START, ("z", "9"), ("z", "8")]),
    (lambda h: h.extend([("x", 3)]), None, [*START, ("x", "3")]),
    (
        lambda h: h.extend({"x": [3, 4]}, z=["5"]),
        None,
        [*START, ("x", "3"), ("x", "4"), ("z", "5")],
    ),
    (lambda h: h.extend(Headers([("x", 3)])), None, [*START, ("x", "3")]),
    (lambda h: h.extend(h), None, START + START),
    (lambda h: h.extend(None), None, START),
    (lambda h: h.update([("x", 3), ("x", 4)]), None, [START[0], ("x", "4"), START[3]]),
    (lambda h: h.update({"x": [3, 4]}), None, [START[0], ("x", "3"), START[3], ("x", "4")]),
    (lambda h: h.update({"x": ()}), None, [START[0], START[3]]),
    (
        lambda h: h.update(MultiDict([("x", 3), ("x", 4)])),
        None,
        [START[0], ("x", "3"), START[3], ("x", "4")],
    ),
    (
        lambda h: h.update(Headers([("x", 3), ("X", 4)])),
        None,
        [START[0], ("X", "3"), START[3], ("X", "4")],
    ),
    (
        lambda h: h.update({"z": 1}, x=(5, 6)),
        None,
        [START[0], ("x", "5"), START[3], ("z", "1"), ("x", "6")],
    ),
    (lambda h: h.update(z_z=1), None, [*START, ("z_z", "1")]),
    (lambda h: h.update(None), None, START),
]


class TestChanging:
    @pytest.mark.parametrize(("change", "result", "left"), CHANGES)
    def test_change(self, change: Callable[[Any], Any], result: Any, left: Fields) -> None:
        headers = sample()
        fields = headers._list
        assert change(headers) == result
        assert headers._list == left
        assert headers._list is fields

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (lambda h: h.pop("z"), BadRequestKeyError),
            (lambda h: h.pop(9), IndexError),
            (lambda h: h.__delitem__(9), IndexError),
            (lambda h: h.__setitem__(9, ("a", "b")), IndexError),
            (lambda h: Headers().pop(), IndexError),
            (lambda h: Headers().popitem(), IndexError),
            (lambda h: h.setdefault("z"), TypeError),
            (lambda h: h.extend({}, {}), TypeError),
            (lambda h: h.update(5), TypeError),
            (lambda h: h.add(key="a", value="b"), TypeError),
        ],
    )
    def test_errors(self, change: Callable[[Any], Any], error: type[Exception]) -> None:
        headers = sample()
        with pytest.raises(error):
            change(headers)
        assert headers._list == START

    def test_or(self) -> None:
        headers = sample()
        merged = headers | {"x": ["8", "9"], "z": 0}
        assert merged._list == [START[0], ("x", "8"), START[3], ("x", "9"), ("z", "0")]
        assert headers._list == START
        for other in ([("a", "b")], 5, None):
            with pytest.raises(TypeError):
                headers | other  # type: ignore[operator]

    @pytest.mark.parametrize("other", [{"y": 4}, [("y", 4)], Headers({"y": "4"})])
    def test_or_in_place(self, other: Any) -> None:
        headers = same = sample()
        headers |= other
        assert headers is same
        assert headers._list == [*START[:3], ("y", "4")]
        with pytest.raises(TypeError):
            headers |= 5  # type: ignore[arg-type]


class Named(Headers):
    pass


@pytest.mark.parametrize("copied", [lambda h: h.copy(), copy.copy, copy.deepcopy])
def test_copies(copied: Callable[[Any], Any]) -> None:
    headers = Named(START)
    other = copied(headers)
    assert type(other) is Named
    assert other == headers
    assert other._list is not headers._list
    assert Headers(START) != headers


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling(protocol: int) -> None:
    assert pickle.loads(pickle.dumps(sample(), protocol))._list == START


ENVIRON: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "wsgi.version": (1, 0),
    "HTTP_HOST": "x",
    "HTTP_X_FOO_BAR": "1",
    "CONTENT_TYPE": "t",
    "CONTENT_LENGTH": "",
    "HTTP_CONTENT_TYPE": "other",
    "HTTP_CONTENT_LENGTH": "9",
    "HTTP_ETAG": "e",
    "HTTP_A1B": "",
}


class TestEnvironHeaders:
    def test_fields(self) -> None:
        headers = EnvironHeaders(ENVIRON)
        fields = [
            *(("Host", "x"), ("X-Foo-Bar", "1"), ("Content-Type", "t"), ("Etag", "e"), ("A1B", "")),
        ]
        assert list(headers) == headers.to_wsgi_list() == list(headers.items()) == fields
        assert list(headers.items(lower=True))[1] == ("x-foo-bar", "1")
        assert list(headers.keys()) == [name for name, _ in fields]
        assert list(headers.values()) == [value for _, value in fields]
        assert len(headers) == 5
        assert repr(headers) == f"EnvironHeaders({fields})"
        assert str(headers).endswith("A1B: \r\n\r\n")
        assert headers.environ is ENVIRON

    def test_lengths_and_types_that_were_not_sent(self) -> None:
        assert not EnvironHeaders({"CONTENT_TYPE": "", "CONTENT_LENGTH": ""})
        assert list(EnvironHeaders({"CONTENT_LENGTH": "0"})) == [("Content-Length", "0")]

    @pytest.mark.parametrize("name", ["X-Foo-Bar", "x-foo-bar", "X_FOO_BAR"])
    def test_reading(self, name: str) -> None:
        headers = EnvironHeaders(ENVIRON)
        assert headers[name] == headers.get(name) == "1"
        assert headers.get(name, type=int) == 1
        assert headers.getlist(name) == headers.get_all(name) == ["1"]
        assert headers.getlist(name, type=int) == [1]
        assert name in headers

    def test_a_missing_field(self) -> None:
        headers: Any = EnvironHeaders(ENVIRON)
        for name in ("Nope", "HTTP_HOST", "", "é", 5, None, b"host", 0):
            assert headers.get(name) is None
            assert headers.get(name, "d", int) == "d"
            assert name not in headers
            with pytest.raises(BadRequestKeyError) as caught:
                headers[name]
            assert caught.value.args == (() if name is None else (name,))
        assert headers.getlist("nope") == headers.getlist("content-length") == []

    def test_conversion(self) -> None:
        headers = EnvironHeaders(ENVIRON)
        assert headers.get("host", 5, int) == 5
        assert headers.getlist("host", int) == []
        with pytest.raises(KeyError):
            headers.get("host", type=dict[str, str]().__getitem__)

    def test_it_cannot_be_changed(self) -> None:
        headers: Any = EnvironHeaders(ENVIRON)
        assert isinstance(headers, ImmutableHeadersMixin)
        for change in (headers.clear, headers.pop, headers.popitem, lambda: headers.add("a", "b")):
            with pytest.raises(TypeError, match="'EnvironHeaders' objects are immutable"):
                change()
        with pytest.raises(TypeError):
            headers["Host"] = "y"

    def test_it_cannot_be_copied(self) -> None:
        headers = EnvironHeaders(ENVIRON)
        ways: list[Callable[[], Any]] = [
            headers.copy,
            lambda: copy.copy(headers),
            lambda: headers | {"a": "b"},
        ]
        for copied in ways:
            with pytest.raises(TypeError, match="cannot be copied"):
                copied()
        assert Headers(headers)["Host"] == "x"
        assert Headers(headers)._list == list(headers)

    def test_equality_is_that_of_the_environ(self) -> None:
        assert EnvironHeaders(ENVIRON) == EnvironHeaders(ENVIRON)
        assert EnvironHeaders(ENVIRON) != EnvironHeaders(dict(ENVIRON))
        assert EnvironHeaders({}) != Headers()
        with pytest.raises(TypeError):
            hash(EnvironHeaders({}))

    def test_a_line_end_does_not_get_into_a_copy(self) -> None:
        with pytest.raises(ValueError, match="line end"):
            Headers(EnvironHeaders({"HTTP_A": "a\nb"}))

    def test_the_tables_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(field_names, "_NAMES_BOUND", 3)
        field_names.ENVIRON_KEYS.clear()
        field_names.ENVIRON_FIELDS.clear()
        environ = {f"HTTP_N_{i}": str(i) for i in range(9)} | {"HTTP_" + "X" * 99: "long"}
        headers = EnvironHeaders(environ)
        assert [headers[f"n-{i}"] for i in range(9)] == [str(i) for i in range(9)]
        assert headers["x" * 99] == "long"
        assert len(list(headers)) == 10
        assert len(field_names.ENVIRON_KEYS) <= 3
        assert len(field_names.ENVIRON_FIELDS) <= 3


# Header fields are a list of pairs: the same operations on both, step by step.
NAMES = st.sampled_from(["A", "a", "B", "b", "Long-Name"])
VALUES = st.sampled_from(["1", "2", "3"])
STEPS = st.one_of(
    st.tuples(st.just("add"), NAMES, VALUES),
    st.tuples(st.just("set"), NAMES, VALUES),
    st.tuples(st.just("setlist"), NAMES, st.lists(VALUES, max_size=3)),
    st.tuples(st.just("setdefault"), NAMES, VALUES),
    st.tuples(st.just("extend"), st.lists(st.tuples(NAMES, VALUES), max_size=3)),
    st.tuples(st.just("update"), st.lists(st.tuples(NAMES, VALUES), max_size=3)),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("pop"), NAMES, st.just("default")),
)


def model_set(model: Fields, name: str, value: str) -> None:
    at = [i for i, field in enumerate(model) if field[0].lower() == name.lower()]
    if not at:
        model.append((name, value))
        return
    model[at[0]] = (name, value)
    for i in reversed(at[1:]):
        del model[i]


def apply_to_model(model: Fields, step: Any) -> None:
    name, *arguments = step
    known = {field[0].lower() for field in model}
    match name, arguments:
        case ("add", [key, value]):
            model.append((key, value))
        case ("set", [key, value]):
            model_set(model, key, value)
        case ("setdefault", [key, value]) if key.lower() not in known:
            model.append((key, value))
        case ("setlist", [key, [first, *others]]):
            model_set(model, key, first)
            model += [(key, other) for other in others]
        case ("extend", [pairs]):
            model += pairs
        case ("update", [pairs]):
            for key, value in pairs:
                model_set(model, key, value)
        case ("setlist", [key, []]) | ("remove", [key]) | ("pop", [key, _]):
            model[:] = [field for field in model if field[0].lower() != key.lower()]


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6), st.lists(STEPS, max_size=15))
def test_it_agrees_with_a_model(fields: Fields, steps: list[Any]) -> None:
    headers = Headers(fields)
    model = list(fields)
    for step in steps:
        getattr(headers, step[0])(*step[1:])
        apply_to_model(model, step)
        assert headers._list == model
        for name in ("A", "b", "long-name"):
            values = [value for key, value in model if key.lower() == name.lower()]
            assert headers.getlist(name) == values
            assert headers.get(name) == (values[0] if values else None)
            assert (name in headers) == bool(values)


def test_a_subclass_that_overrides_add_sees_each_field() -> None:
    class Tagged(Headers):
        def add(self, key: str, value: Any, /, **kwargs: Any) -> None:
            super().add(key, f"<{value}>", **kwargs)

    headers = Tagged({"a": [1, "2"], "b": "3"})
    headers.extend([("c", "4")], d="5")
    headers.extend(Headers([("e", "6")]))
    headers["f"] = "7"
    assert list(headers.values()) == ["<1>", "<2>", "<3>", "<4>", "<5>", "<6>", "7"]


@pytest.mark.parametrize(
    "method", [Headers.__init__, Headers.extend, Headers.update, Headers.__ior__]
)
def test_annotations_can_be_read_at_run_time(method: Callable[..., Any]) -> None:
    assert get_type_hints(method)
