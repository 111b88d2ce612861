"""How an application turns objects into JSON, and JSON into objects."""

from __future__ import annotations

import dataclasses
import json
import json.encoder
import weakref
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from dovetail.data.dates import http_date

if TYPE_CHECKING:
    from dovetail.app.setup import AppSetup
    from dovetail.app.wrappers import Response

__all__ = ["DefaultJSONProvider", "JSONProvider"]

# Python without this module in C has None, or nothing.
_make_c_encoder: Any = getattr(json.encoder, "c_make_encoder", None)
_raw_decode = json.JSONDecoder().raw_decode
_COMPACT = {"separators": (",", ":")}


class JSONProvider:
    """What an application has as ``app.json``: a subclass may use another JSON library.

    It has to define :meth:`dumps` and :meth:`loads`; the other methods rest on these.

    :param app: the application; it is not kept alive by its provider.
    """

    def __init__(self, app: AppSetup) -> None:
        self._app: AppSetup = weakref.proxy(app)

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return an object as JSON.

        :param kwargs: for the JSON library.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define dumps()")

    def dump(self, obj: Any, fp: IO[str], **kwargs: Any) -> None:
        """Write an object as JSON.

        :param fp: a file of text, which should have UTF-8 as its encoding.
        :param kwargs: for :meth:`dumps`.
        """
        fp.write(self.dumps(obj, **kwargs))

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the object that JSON stands for.

        :param s: text, or octets in UTF-8.
        :param kwargs: for the JSON library.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define loads()")

    def load(self, fp: IO[Any], **kwargs: Any) -> Any:
        """Return the object that the JSON in a file stands for.

        :param fp: a file of text or of octets.
        :param kwargs: for :meth:`loads`.
        """
        return self.loads(fp.read(), **kwargs)

    def _prepare_response_obj(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the object that the arguments of :meth:`response` stand for."""
        if args and kwargs:
            raise TypeError("a JSON response is of positional arguments or of named ones, not both")
        if len(args) == 1:
            return args[0]
        return args or kwargs or None

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a response with JSON as its content.

        :param args: the object; more than one is a list of these, none at all is null.
        :param kwargs: in place of ``args``: the items of an object.
        :raises TypeError: there are both.
        """
        obj = self._prepare_response_obj(args, kwargs)
        return self._app.response_class(  # type: ignore[no-any-return]
            self.dumps(obj), mimetype="application/json"
        )


def _default(o: Any) -> Any:
    """Return what stands for an object that JSON does not know.

    :raises TypeError: nothing does.
    """
    if isinstance(o, date):
        return http_date(o)
    if isinstance(o, Decimal | UUID):
        return str(o)
    if dataclasses.is_dataclass(o):
        return dataclasses.asdict(o)  # type: ignore[arg-type]
    if hasattr(o, "__html__"):
        return str(o.__html__())
    raise TypeError(f"Object of type {type(o).__name__} is not JSON serializable")


class DefaultJSONProvider(JSONProvider):
    """JSON by :mod:`json` of the standard library, and a few more types of objects.

    Dates become HTTP dates; UUID, Decimal and objects with ``__html__`` become strings;
    dataclasses become objects.

    :param app: the application.
    """

    #: Called with what :mod:`json` does not know; returns what stands for it, or raises TypeError.
    default: Callable[[Any], Any] = staticmethod(_default)
    #: Write characters that are not ASCII as escapes.
    ensure_ascii = True
    #: Sort by keys, so that the same data is the same text, for caches; the keys of an object must
    #: be of one type then.
    sort_keys = True
    #: Write responses without white space. None means to do so unless in debug mode.
    compact: bool | None = None
    #: The media type of responses.
    mimetype = "application/json"

    # The encoders, spaced and compact, with the attributes they were made for. PERF: json.dumps()
    # makes one at every call unless all is left at its default: 2.3 us for a small object,
    # 1.1 us with one at hand.
    _encoders: tuple[Any, Callable[[Any], str], Callable[[Any], str]] | None = None

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return an object as JSON.

        :param kwargs: for :func:`json.dumps`; the attributes are their defaults.
        """
        settings = (self.default, self.ensure_ascii, self.sort_keys)
        if not kwargs or kwargs == _COMPACT:
            encoders = self._encoders
            if encoders is None or encoders[0] != settings:
                encoders = self._encoders = (settings, *_make_encoders(*settings))
            encode = encoders[2] if kwargs else encoders[1]
            return encode(obj)
        kwargs.setdefault("default", settings[0])
        kwargs.setdefault("ensure_ascii", settings[1])
        kwargs.setdefault("sort_keys", settings[2])
        return json.dumps(obj, **kwargs)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the object that JSON stands for.

        :param kwargs: for :func:`json.loads`.
        :raises ValueError: it is no JSON.
        """
        kind = type(s)
        if not kwargs and (kind is str or kind is bytes):
            # PERF: half of the time, for what is UTF-8 and has no white space around it. NUL is no
            # JSON, so what is in UTF-16 or UTF-32 fails here.
            try:
                text: Any = s.decode() if kind is bytes else s  # type: ignore[union-attr]
                value, end = _raw_decode(text)
            except ValueError:
                end = -1  # json.loads() has the right error
            if end > 0 and end == len(text):
                return value
        return json.loads(s, **kwargs)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a response with JSON, and a line's end, as its content.

        In debug mode it is indented, unless ``compact`` says otherwise.

        :param args: the object; more than one is a list of these, none at all is null.
        :param kwargs: in place of ``args``: the items of an object.
        :raises TypeError: there are both.
        """
        obj = self._prepare_response_obj(args, kwargs)
        app = self._app
        compact = self.compact
        if compact or (compact is None and not app.debug):
            text = self.dumps(obj, separators=(",", ":"))
        else:
            text = self.dumps(obj, indent=2)
        return app.response_class(text + "\n", mimetype=self.mimetype)  # type: ignore[no-any-return]


def _make_encoders(
    default: Callable[[Any], Any] | None, ensure_ascii: bool, sort_keys: bool
) -> tuple[Callable[[Any], str], Callable[[Any], str]]:
    """Return the functions that write with spaces and without."""

    def make(separators: tuple[str, str]) -> Callable[[Any], str]:
        encoder = json.JSONEncoder(
            default=default,
            ensure_ascii=ensure_ascii,
            sort_keys=sort_keys,
            separators=separators,
        )
        return encoder.encode if _make_c_encoder is None else _make_writer(encoder)

    return make((", ", ": ")), make((",", ":"))


def _make_writer(encoder: json.JSONEncoder) -> Callable[[Any], str]:
    """Return a function that does what ``encoder.encode`` does.

    PERF: 0.6 us for a small object where that takes 1.4 us: it makes an encoder in C at every call,
    with a dictionary in which to find circles. This one is made once, without.
    """
    write = _make_c_encoder(
        None,
        encoder.default,
        encode_basestring_ascii if encoder.ensure_ascii else encode_basestring,
        None,
        encoder.key_separator,
        encoder.item_separator,
        encoder.sort_keys,
        encoder.skipkeys,
        encoder.allow_nan,
    )

    def encode(obj: Any) -> str:
        try:
            return "".join(write(obj, 0))
        except RecursionError:
            return encoder.encode(obj)  # tells a circle from what is nested too deeply

    return encode
