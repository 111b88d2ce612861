"""JSON that keeps the types of what it was made of."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dovetail.app.json.tag import (
    JSONTag,
    PassDict,
    PassList,
    TagBytes,
    TagDateTime,
    TagDict,
    TaggedJSONSerializer,
    TagMarkup,
    TagTuple,
    TagUUID,
)

Pair = namedtuple("Pair", "a b")


class TagOrdered(JSONTag):
    """A tag of an application."""

    __slots__ = ()
    key = " od"

    def check(self, value: Any) -> bool:
        return isinstance(value, OrderedDict)

    def to_json(self, value: Any) -> Any:
        return [[key, self.serializer.tag(item)] for key, item in value.items()]

    def to_python(self, value: Any) -> Any:
        return OrderedDict(value)


class Page:
    def __html__(self) -> str:
        return "<p>"


NOON = datetime(2020, 1, 2, 12, 30, 5, tzinfo=UTC)

# Values, the JSON they become, and what is read again where that is another value.
VALUES: list[tuple[Any, ...]] = [
    (None, "null"),
    ("é", '"\\u00e9"'),
    ([1, True, 2.5], "[1,true,2.5]"),
    ({"b": 1, "a": {}}, '{"b":1,"a":{}}'),
    ((1, (2,)), '{" t":[1,{" t":[2]}]}'),
    ((), '{" t":[]}'),
    (Pair(1, 2), '{" t":[1,2]}', (1, 2)),
    ([(1,), {"a": (2,)}], '[{" t":[1]},{"a":{" t":[2]}}]'),
    (b"\xff", '{" b":"/w=="}'),
    (Markup("<b>"), '{" m":"<b>"}'),
    (Page(), '{" m":"<p>"}', Markup("<p>")),
    (UUID(int=1), '{" u":"00000000000000000000000000000001"}'),
    (NOON, '{" d":"Thu, 02 Jan 2020 12:30:05 GMT"}'),
    (
        datetime(2020, 1, 2, 12, 30, 5, 7, tzinfo=timezone(timedelta(hours=1))),
        '{" d":"Thu, 02 Jan 2020 11:30:05 GMT"}',
        NOON.replace(hour=11),
    ),
    ({1: (2,)}, '{"1":{" t":[2]}}', {"1": (2,)}),
    (OrderedDict(a=(1,)), '{"a":{" t":[1]}}'),
    # Dictionaries that look like tagged values.
    ({" t": 1}, '{" di":{" t__":1}}'),
    ({" di": (1,)}, '{" di":{" di__":{" t":[1]}}}'),
    ({"x": {" b": {" t": b"x"}}}, '{"x":{" di":{" b__":{" di":{" t__":{" b":"eA=="}}}}}}'),
    ({" t": 1, "b": 2}, '{" t":1,"b":2}'),
    ({" other": 1}, '{" other":1}'),
    # What is not kept is JSON's nearest.
    (date(2020, 1, 2), '"Thu, 02 Jan 2020 00:00:00 GMT"', "Thu, 02 Jan 2020 00:00:00 GMT"),
    (Decimal("1.5"), '"1.5"', "1.5"),
]


class Slow(TaggedJSONSerializer):
    """Asks every tag about every value, as one with tags of an application does."""

    __slots__ = ()

    def tag(self, value: Any) -> Any:
        return super().tag(value)


@pytest.mark.parametrize("serializer", [TaggedJSONSerializer(), Slow()])
@pytest.mark.parametrize("case", VALUES, ids=lambda case: case[1])
def test_there_and_back(serializer: TaggedJSONSerializer, case: tuple[Any, ...]) -> None:
    value, text = case[:2]
    assert serializer.dumps(value) == text
    again = serializer.loads(text)
    expected = case[2] if len(case) > 2 else value
    assert again == expected
    if len(case) == 2 and type(value) is not OrderedDict:
        assert type(again) is type(value)


VALUE = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.uuids()),
        st.text().map(Markup),
        st.datetimes(min_value=datetime(1970, 1, 1)).map(
            lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(
            st.one_of(st.text(), st.sampled_from([" t", " di", " b", " t__"])), inner, max_size=3
        ),
    ),
    max_leaves=8,
)


@given(VALUE)
def test_anything_there_and_back(value: Any) -> None:
    serializer = TaggedJSONSerializer()
    text = serializer.dumps(value)
    assert serializer.loads(text) == value
    assert Slow().dumps(value) == text


@pytest.mark.parametrize("value", [{1}, bytearray(b"x"), object(), {(1,): 2}])
def test_what_json_cannot_have(value: Any) -> None:
    with pytest.raises(TypeError):
        TaggedJSONSerializer().dumps(value)


@pytest.fixture
def serializer() -> TaggedJSONSerializer:
    return TaggedJSONSerializer()


class TestTaggedJSONSerializer:
    def test_tags_and_order(self, serializer: TaggedJSONSerializer) -> None:
        assert list(serializer.tags) == [" di", " t", " b", " m", " u", " d"]
        assert [type(tag) for tag in serializer.order] == serializer.default_tags
        assert serializer.default_tags == [
            *(TagDict, PassDict, TagTuple, PassList),
            *(TagBytes, TagMarkup, TagUUID, TagDateTime),
        ]
        assert all(tag.serializer is serializer for tag in serializer.order)

    def test_register(self, serializer: TaggedJSONSerializer) -> None:
        serializer.register(TagOrdered, index=0)
        assert type(serializer.order[0]) is TagOrdered
        assert type(serializer.tags[" od"]) is TagOrdered
        text = serializer.dumps({"x": OrderedDict(a=(1,))})
        assert text == '{"x":{" od":[["a",{" t":[1]}]]}}'
        again = serializer.loads(text)["x"]
        assert (type(again), again) == (OrderedDict, OrderedDict(a=(1,)))

    @pytest.mark.parametrize(("index", "position"), [(None, 8), (-1, 7), (1, 1)])
    def test_register_at(
        self, serializer: TaggedJSONSerializer, index: int | None, position: int
    ) -> None:
        serializer.register(TagOrdered, index=index)
        assert type(serializer.order[position]) is TagOrdered
        assert len(serializer.order) == 9

    def test_register_twice(self, serializer: TaggedJSONSerializer) -> None:
        with pytest.raises(KeyError, match="already registered"):
            serializer.register(TagDict)
        before = serializer.tags[" di"]
        serializer.register(TagDict, force=True, index=0)
        assert serializer.tags[" di"] is serializer.order[0] is not before
        assert len(serializer.order) == 9

    def test_the_order_may_be_changed_itself(self, serializer: TaggedJSONSerializer) -> None:
        assert serializer.dumps(OrderedDict(a=1)) == '{"a":1}'
        serializer.order.insert(0, TagOrdered(serializer))
        assert serializer.dumps(OrderedDict(a=1)) == '{" od":[["a",1]]}'
        serializer.order.pop(0)
        assert serializer.dumps(OrderedDict(a=1)) == '{"a":1}'

    def test_a_tag_without_key_only_prepares(self, serializer: TaggedJSONSerializer) -> None:
        class PassSet(JSONTag):
            def check(self, value: Any) -> bool:
                return isinstance(value, set)

            def to_json(self, value: Any) -> Any:
                return sorted(value)

            tag = to_json

        serializer.register(PassSet)
        serializer.register(PassSet)
        assert "" not in serializer.tags
        assert serializer.dumps({"a": {2, 1}}) == '{"a":[1,2]}'

    def test_a_subclass_with_other_tags(self) -> None:
        class Bare(TaggedJSONSerializer):
            default_tags: ClassVar = [TagOrdered]

        # Nobody looks into lists here, so what is inside is left to JSON.
        assert Bare().dumps([OrderedDict()]) == "[{}]"
        assert Bare().dumps(OrderedDict(a=1)) == '{" od":[["a",1]]}'

    def test_tag(self, serializer: TaggedJSONSerializer) -> None:
        assert serializer.tag({"a": (1,)}) == {"a": {" t": [1]}}
        assert serializer.tag(1) == 1

    def test_untag_looks_at_the_object_itself(self, serializer: TaggedJSONSerializer) -> None:
        assert serializer.untag({" t": [{" t": []}]}) == ({" t": []},)
        for plain in ({}, {"a": 1}, {" t": [1], "b": 1}):
            assert serializer.untag(plain) is plain

    def test_loads_what_is_no_json(self, serializer: TaggedJSONSerializer) -> None:
        with pytest.raises(ValueError, match="Expecting"):
            serializer.loads("{")


class TestJSONTag:
    def test_leaves_its_methods_to_subclasses(self, serializer: TaggedJSONSerializer) -> None:
        tag = JSONTag(serializer)
        assert (tag.key, tag.serializer) == ("", serializer)
        for method in (tag.check, tag.to_json, tag.to_python, tag.tag):
            with pytest.raises(NotImplementedError):
                method(1)

    @pytest.mark.parametrize(
        ("tag_class", "value", "inner"),
        [
            (TagDict, {" t": 1}, {" t__": 1}),
            (TagTuple, (1, 2), [1, 2]),
            (TagBytes, b"x", "eA=="),
            (TagMarkup, Markup("<b>"), "<b>"),
            (TagUUID, UUID(int=1), "00000000000000000000000000000001"),
            (TagDateTime, NOON, "Thu, 02 Jan 2020 12:30:05 GMT"),
        ],
    )
    def test_tags_with_key(
        self, serializer: TaggedJSONSerializer, tag_class: type[JSONTag], value: Any, inner: Any
    ) -> None:
        tag = tag_class(serializer)
        assert tag.check(value) is True
        assert tag.check("text") is False
        assert tag.to_json(value) == inner
        assert tag.tag(value) == {tag.key: inner}
        assert tag.to_python(inner) == value

    @pytest.mark.parametrize(
        ("tag_class", "value", "prepared"),
        [(PassDict, {"a": (1,)}, {"a": {" t": [1]}}), (PassList, [(1,)], [{" t": [1]}])],
    )
    def test_tags_without(
        self, serializer: TaggedJSONSerializer, tag_class: type[JSONTag], value: Any, prepared: Any
    ) -> None:
        tag = tag_class(serializer)
        assert tag.check(value)
        assert not tag.check("text")
        assert tag.tag(value) == tag.to_json(value) == prepared

    def test_dict_is_checked_for_one_key_of_a_tag(self, serializer: TaggedJSONSerializer) -> None:
        tag = TagDict(serializer)
        assert not tag.check({" t": 1, "b": 1})
        assert not tag.check({"t": 1})
        assert not tag.check({})
