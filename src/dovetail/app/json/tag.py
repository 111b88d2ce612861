"""JSON that keeps the types of what it was made of, for sessions.

A value of a type that JSON does not have becomes an object whose one key names the type::

    >>> TaggedJSONSerializer().dumps({"pair": (1, 2)})
    '{"pair":{" t":[1,2]}}'

Further types are taught by a tag::

    class TagDecimal(JSONTag):
        key = " dec"

        def check(self, value):
            return isinstance(value, Decimal)

        def to_json(self, value):
            return str(value)

        def to_python(self, value):
            return Decimal(value)

    app.session_interface.serializer.register(TagDecimal)
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from markupsafe import Markup

from dovetail.app.json import dumps, loads
from dovetail.data.dates import http_date, parse_date

__all__ = [
    "JSONTag",
    "PassDict",
    "PassList",
    "TagBytes",
    "TagDateTime",
    "TagDict",
    "TagMarkup",
    "TagTuple",
    "TagUUID",
    "TaggedJSONSerializer",
]


class JSONTag:
    """How one type is written and read.

    :param serializer: the one it belongs to, which tags what is inside of a value.
    """

    __slots__ = ("serializer",)

    #: The key that names the type; empty for a tag that only prepares values for JSON.
    key: str = ""

    def __init__(self, serializer: TaggedJSONSerializer) -> None:
        self.serializer = serializer

    def check(self, value: Any) -> bool:
        """Tell whether the tag is for this value."""
        raise NotImplementedError(f"{type(self).__name__} has to define check()")

    def to_json(self, value: Any) -> Any:
        """Return what JSON can write for the value, without the tag."""
        raise NotImplementedError(f"{type(self).__name__} has to define to_json()")

    def to_python(self, value: Any) -> Any:
        """Return the value again for what :meth:`to_json` returned."""
        raise NotImplementedError(f"{type(self).__name__} has to define to_python()")

    def tag(self, value: Any) -> dict[str, Any]:
        """Return what JSON can write for the value, with the tag."""
        return {self.key: self.to_json(value)}


class TagDict(JSONTag):
    """A dictionary that looks like a tagged value: its one key is marked."""

    __slots__ = ()
    key = " di"

    def check(self, value: Any) -> bool:
        """Tell whether it is a dictionary whose one key is that of a tag."""
        return isinstance(value, dict) and len(value) == 1 and _is_tag(value, self.serializer.tags)

    def to_json(self, value: Any) -> Any:
        """Return it with the mark on its key."""
        key = next(iter(value))
        return {f"{key}__": self.serializer.tag(value[key])}

    def to_python(self, value: Any) -> Any:
        """Return it without the mark."""
        key = next(iter(value))
        return {key[:-2]: value[key]}


def _is_tag(value: dict[Any, Any], tags: dict[str, JSONTag]) -> bool:
    return next(iter(value)) in tags


class PassDict(JSONTag):
    """A dictionary: its values are tagged, its keys are for JSON."""

    __slots__ = ()

    def check(self, value: Any) -> bool:
        """Tell whether it is a dictionary."""
        return isinstance(value, dict)

    def to_json(self, value: Any) -> Any:
        """Return it with its values tagged."""
        tag = self.serializer.tag
        return {key: tag(item) for key, item in value.items()}

    tag = to_json


class TagTuple(JSONTag):
    """A tuple."""

    __slots__ = ()
    key = " t"

    def check(self, value: Any) -> bool:
        """Tell whether it is a tuple."""
        return isinstance(value, tuple)

    def to_json(self, value: Any) -> Any:
        """Return a list, with what is inside tagged."""
        return list(map(self.serializer.tag, value))

    def to_python(self, value: Any) -> Any:
        """Return the tuple."""
        return tuple(value)


class PassList(JSONTag):
    """A list: what is inside is tagged."""

    __slots__ = ()

    def check(self, value: Any) -> bool:
        """Tell whether it is a list."""
        return isinstance(value, list)

    def to_json(self, value: Any) -> Any:
        """Return it with what is inside tagged."""
        return list(map(self.serializer.tag, value))

    tag = to_json


class TagBytes(JSONTag):
    """Octets, in base 64."""

    __slots__ = ()
    key = " b"

    def check(self, value: Any) -> bool:
        """Tell whether it is ``bytes``."""
        return isinstance(value, bytes)

    def to_json(self, value: Any) -> Any:
        """Return it in base 64."""
        return b64encode(value).decode("ascii")

    def to_python(self, value: Any) -> Any:
        """Return the octets."""
        return b64decode(value)


class TagMarkup(JSONTag):
    """Text that is HTML: an object with ``__html__``. It is read as :class:`markupsafe.Markup`."""

    __slots__ = ()
    key = " m"

    def check(self, value: Any) -> bool:
        """Tell whether it has a method ``__html__``."""
        return callable(getattr(value, "__html__", None))

    def to_json(self, value: Any) -> Any:
        """Return the HTML."""
        return str(value.__html__())

    def to_python(self, value: Any) -> Any:
        """Return the HTML, marked as such."""
        return Markup(value)


class TagUUID(JSONTag):
    """A UUID, in hexadecimal digits."""

    __slots__ = ()
    key = " u"

    def check(self, value: Any) -> bool:
        """Tell whether it is a UUID."""
        return isinstance(value, UUID)

    def to_json(self, value: Any) -> Any:
        """Return its digits."""
        return value.hex

    def to_python(self, value: Any) -> Any:
        """Return the UUID."""
        return UUID(value)


class TagDateTime(JSONTag):
    """A date with a time, as an HTTP date: in whole seconds, and in UTC when it is read."""

    __slots__ = ()
    key = " d"

    def check(self, value: Any) -> bool:
        """Tell whether it is a date with a time."""
        return isinstance(value, datetime)

    def to_json(self, value: Any) -> Any:
        """Return the HTTP date."""
        return http_date(value)

    def to_python(self, value: Any) -> Any:
        """Return the date and time."""
        return parse_date(value)


# What JSON has; no tag that is here from the beginning is for one of these.
_PLAIN = frozenset({str, int, float, bool, type(None)})


class TaggedJSONSerializer:
    """Writes JSON without white space, with tags for the types that JSON does not have.

    They are tuple, bytes, Markup, UUID and datetime, and those of tags that are registered.
    """

    __slots__ = ("_known", "order", "tags")

    #: The tags that a new serializer has, in the order in which they are asked.
    default_tags: ClassVar[list[type[JSONTag]]] = [
        TagDict,
        PassDict,
        TagTuple,
        PassList,
        TagBytes,
        TagMarkup,
        TagUUID,
        TagDateTime,
    ]

    #: The tags that have a key, by their keys.
    tags: dict[str, JSONTag]
    #: The tags in the order in which they are asked whether they are for a value.
    order: list[JSONTag]

    def __init__(self) -> None:
        self.tags = {}
        self.order = []
        # The order as it was seen, and whether it is as in the beginning.
        self._known: tuple[list[JSONTag], bool] = ([], False)
        for tag_class in self.default_tags:
            self.register(tag_class)

    def register(
        self, tag_class: type[JSONTag], force: bool = False, index: int | None = None
    ) -> None:
        """Add a tag.

        :param force: replace one that has the same key.
        :param index: where in the order it comes; at the end if None. A tag for a subclass, such
            as of dict, has to come before that of the class.
        :raises KeyError: there is one with the same key, and no ``force``.
        """
        tag = tag_class(self)
        key = tag.key
        if key:
            if key in self.tags and not force:
                raise KeyError(
                    f"Tag {key!r} is already registered: take another key, or force=True."
                )
            self.tags[key] = tag
        if index is None:
            self.order.append(tag)
        else:
            self.order.insert(index, tag)

    def tag(self, value: Any) -> Any:
        """Return what JSON can write for a value, with the tags of it and of all inside."""
        for tag in self.order:
            if tag.check(value):
                return tag.tag(value)
        return value

    def untag(self, value: dict[str, Any]) -> Any:
        """Return the value that an object of JSON stands for; the object if it has no tag."""
        if len(value) == 1:
            for key, item in value.items():
                tag = self.tags.get(key)
                if tag is not None:
                    return tag.to_python(item)
        return value

    def dumps(self, value: Any) -> str:
        """Return a value as JSON, without white space.

        :raises TypeError: neither JSON nor a tag knows its type.
        """
        # Applications may change the list itself, too.
        known, is_default = self._known
        if self.order != known:
            kinds = list(map(type, self.order))
            is_default = kinds == _DEFAULT_TAGS and type(self).tag is _tag_of_any
            self._known = (self.order.copy(), is_default)
        # PERF: 0.5 us for a dictionary of three strings, 5.4 us if every tag is asked about each.
        tagged = self._tag_by_type(value) if is_default else self.tag(value)
        return dumps(tagged, separators=(",", ":"))

    def _tag_by_type(self, value: Any) -> Any:
        """Do what :meth:`tag` does with the tags that are there from the beginning."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is dict and not (len(value) == 1 and _is_tag(value, self.tags)):
            return {
                key: item if type(item) in _PLAIN else self._tag_by_type(item)
                for key, item in value.items()
            }
        if kind is list:
            return [item if type(item) in _PLAIN else self._tag_by_type(item) for item in value]
        return self.tag(value)

    def _untag_scan(self, value: Any) -> Any:
        """Return a value with all inside of it without tags."""
        if isinstance(value, dict):
            return self.untag(
                {
                    key: item if type(item) in _PLAIN else self._untag_scan(item)
                    for key, item in value.items()
                }
            )
        if isinstance(value, list):
            return [item if type(item) in _PLAIN else self._untag_scan(item) for item in value]
        return value

    def loads(self, value: str) -> Any:
        """Return the value that JSON with tags stands for.

        :raises ValueError: it is no JSON.
        """
        return self._untag_scan(loads(value))


_DEFAULT_TAGS = list(TaggedJSONSerializer.default_tags)
_tag_of_any = TaggedJSONSerializer.tag
