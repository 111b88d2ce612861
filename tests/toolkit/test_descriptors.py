from __future__ import annotations

from typing import Any

import pytest

from dovetail.toolkit.descriptors import (
    AccessorProperty,
    cached_property,
    environ_property,
    header_property,
    lazy_property,
)


class Counter:
    def __init__(self) -> None:
        self.calls = 0

    @cached_property
    def value(self) -> int:
        """How often it was computed."""
        self.calls += 1
        return self.calls

    @lazy_property
    def lazy(self) -> int:
        """How often it was computed."""
        self.calls += 1
        return self.calls


@pytest.mark.parametrize("name", ["value", "lazy"])
class TestBothKinds:
    def test_is_computed_once(self, name: str) -> None:
        counter = Counter()
        assert (getattr(counter, name), getattr(counter, name), counter.calls) == (1, 1, 1)

    def test_can_be_set_and_forgotten(self, name: str) -> None:
        counter = Counter()
        setattr(counter, name, 16)
        assert (getattr(counter, name), counter.calls) == (16, 0)
        delattr(counter, name)
        assert getattr(counter, name) == 1

    def test_of_the_class_is_the_descriptor(self, name: str) -> None:
        descriptor = getattr(Counter, name)
        assert descriptor.__doc__ == "How often it was computed."
        assert descriptor.__name__ == name

    def test_instances_are_apart(self, name: str) -> None:
        one, other = Counter(), Counter()
        setattr(one, name, 5)
        assert getattr(other, name) == 1

    def test_an_error_is_not_kept(self, name: str) -> None:
        counter = Counter()
        counter.calls = "no number"  # type: ignore[assignment]
        with pytest.raises(TypeError):
            getattr(counter, name)
        counter.calls = 0
        assert getattr(counter, name) == 1


def test_cached_property_is_a_property() -> None:
    assert isinstance(Counter.value, property)
    assert Counter.value.slot_name == "_cache_value"
    assert Counter.value.__module__ == __name__


def test_cached_property_takes_another_name_and_docstring() -> None:
    class Named:
        value = cached_property(lambda self: 3, name="kept", doc="Always three.")

    named = Named()
    assert (named.value, vars(named)) == (3, {"kept": 3})
    assert Named.value.__doc__ == "Always three."


def test_cached_property_in_a_slot() -> None:
    class Slotted:
        __slots__ = ("_cache_value", "calls")

        @cached_property
        def value(self) -> int:
            self.calls = getattr(self, "calls", 0) + 1
            return self.calls

    slotted = Slotted()
    assert (slotted.value, slotted.value) == (1, 1)
    slotted.value = 9
    assert slotted.value == 9
    del slotted.value
    del slotted.value
    assert slotted.value == 2


def test_cached_property_without_its_slot() -> None:
    class Slotted:
        __slots__ = ()

        @cached_property
        def value(self) -> int:
            return 1

    with pytest.raises(AttributeError, match="_cache_value"):
        _ = Slotted().value


def test_cached_property_of_a_subclass_may_ask_super() -> None:
    class Doubling(Counter):
        @cached_property
        def value(self) -> int:
            return super().value * 2

    assert Doubling().value == 2


def test_lazy_property_asked_through_super_computes_once() -> None:
    class Negative(Counter):
        @property
        def lazy(self) -> int:
            return -super().lazy

    negative = Negative()
    assert (negative.lazy, negative.lazy, negative.calls) == (-1, -1, 1)


class Message:
    number = environ_property[int]("app.number", 7, int)
    text = environ_property[str | None]("app.text", doc="Some text.")
    writable = environ_property[int]("app.writable", None, int, str, read_only=False)
    age = header_property[int | None]("Age", None, int, str)
    host = header_property[str | None]("Host", read_only=True)

    def __init__(self, **environ: Any) -> None:
        self.environ = {f"app.{name}": value for name, value in environ.items()}
        self.headers: dict[str, str] = {}


def test_accessor_reads_and_converts() -> None:
    assert Message(number="3").number == 3
    assert Message(text="x").text == "x"


def test_accessor_has_a_default() -> None:
    message = Message(number="three")
    assert (message.number, message.text, Message().number) == (7, None, 7)


def test_accessor_lets_other_errors_out() -> None:
    class Broken:
        value = environ_property[int]("app.x", 5, lambda value: int(value) // 0)

        def __init__(self) -> None:
            self.environ = {"app.x": "1"}

    with pytest.raises(ZeroDivisionError):
        _ = Broken().value


def test_environ_property_is_read_only() -> None:
    message = Message(number="3")
    with pytest.raises(AttributeError, match="read only"):
        message.number = 5
    with pytest.raises(AttributeError, match="read only"):
        del message.number
    assert environ_property.read_only


def test_environ_property_can_be_writable() -> None:
    message = Message()
    message.writable = 5
    assert message.environ == {"app.writable": "5"}
    del message.writable
    del message.writable
    assert message.environ == {}


def test_header_property_is_writable() -> None:
    message = Message()
    message.age = 5
    assert (message.headers, message.age) == ({"Age": "5"}, 5)
    del message.age
    assert message.headers == {}
    assert message.age is None
    assert not header_property.read_only


def test_header_property_can_be_read_only() -> None:
    with pytest.raises(AttributeError, match="Host"):
        Message().host = "x"


def test_accessor_of_the_class() -> None:
    assert repr(Message.number) == "<environ_property app.number>"
    assert repr(Message.age) == "<header_property Age>"
    assert Message.text.__doc__ == "Some text."
    age = Message.age
    assert (age.name, age.default, age.load_func, age.dump_func) == ("Age", None, int, str)


def test_lookup_is_the_mapping() -> None:
    message = Message()
    assert Message.age.lookup(message) is message.headers
    assert Message.number.lookup(message) is message.environ
    with pytest.raises(NotImplementedError):
        AccessorProperty[str]("x").lookup(message)
