"""JSON as the current application writes and reads it.

Without an application the standard library does it, which knows a few more types of objects then.
"""

from __future__ import annotations

import json as _json
from typing import IO, TYPE_CHECKING, Any

from dovetail.app.json.provider import _default
from dovetail.app.proxies import _cv_app, current_app

if TYPE_CHECKING:
    from dovetail.app.wrappers import Response

__all__ = ["dump", "dumps", "jsonify", "load", "loads"]


def dumps(obj: Any, **kwargs: Any) -> str:
    """Return an object as JSON, by ``app.json.dumps()`` of the current application.

    Without one it is :func:`json.dumps` that writes dates, UUID, Decimal and dataclasses, too.

    :param kwargs: for that function.
    """
    context = _cv_app.get(None)
    if context is not None:
        return context.app.json.dumps(obj, **kwargs)
    kwargs.setdefault("default", _default)
    return _json.dumps(obj, **kwargs)


def dump(obj: Any, fp: IO[str], **kwargs: Any) -> None:
    """Write an object as JSON to a file of text, by ``app.json.dump()``.

    :param kwargs: for that function; for :func:`json.dump` without a current application.
    """
    context = _cv_app.get(None)
    if context is not None:
        context.app.json.dump(obj, fp, **kwargs)
    else:
        kwargs.setdefault("default", _default)
        _json.dump(obj, fp, **kwargs)


def loads(s: str | bytes, **kwargs: Any) -> Any:
    """Return the object that JSON stands for, by ``app.json.loads()``.

    :param s: text, or octets in UTF-8.
    :param kwargs: for that function; for :func:`json.loads` without a current application.
    :raises ValueError: it is no JSON.
    """
    context = _cv_app.get(None)
    if context is not None:
        return context.app.json.loads(s, **kwargs)
    return _json.loads(s, **kwargs)


def load(fp: IO[Any], **kwargs: Any) -> Any:
    """Return the object that the JSON in a file stands for, by ``app.json.load()``.

    :param fp: a file of text or of octets.
    :param kwargs: for that function; for :func:`json.load` without a current application.
    :raises ValueError: it is no JSON.
    """
    context = _cv_app.get(None)
    if context is not None:
        return context.app.json.load(fp, **kwargs)
    return _json.load(fp, **kwargs)


def jsonify(*args: Any, **kwargs: Any) -> Response:
    """Return a response with JSON as its content, by ``app.json.response()``.

    A view function may return a dict or a list for the same effect.

    :param args: the object; more than one is a list of these, none at all is null.
    :param kwargs: in place of ``args``: the items of an object.
    :raises TypeError: there are both.
    :raises RuntimeError: there is no current application.
    """
    return current_app.json.response(*args, **kwargs)
