"""What is not shown of a request before somebody asks for it: what lets others in."""

from __future__ import annotations

import json
import re
from typing import Any

from dovetail.dev.inspector.entry import Fields

__all__ = ["MASK", "mask_content", "mask_fields", "mask_query", "mask_target"]

#: What stands for a secret.
MASK = "••••••"

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)?$|passw|pwd|secret|token|csrf|xsrf|api[-_]?key|access[-_]?key"
    r"|auth(?!or)|credential|session|signature|private|otp$|pin$|cvc|cvv|card[-_]?num",
    re.IGNORECASE,
)
_DEEPEST = 50


def mask_fields(fields: Fields) -> Fields:
    """Return header fields with their secrets masked; what kind of secret it is stays visible."""
    return [(name, _mask_field(name.lower(), value)) for name, value in fields]


def _mask_field(name: str, value: str) -> str:
    if name == "cookie":
        return "; ".join(_mask_pair(pair.strip()) for pair in value.split(";"))
    if name == "set-cookie":
        pair, semicolon, attributes = value.partition(";")
        return _mask_pair(pair.strip()) + semicolon + attributes
    if name in {"authorization", "proxy-authorization"}:
        scheme, space, _ = value.strip().partition(" ")
        return f"{scheme} {MASK}" if space else MASK
    return MASK if _SECRET_NAME.search(name) else value


def _mask_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={MASK}" if equals else MASK


def mask_query(query: str) -> str:
    """Return a query, or the content of a form, with the values masked that have secret names."""
    return "&".join(
        f"{name}={MASK}" if equals and _SECRET_NAME.search(name) else f"{name}{equals}{value}"
        for name, equals, value in (pair.partition("=") for pair in query.split("&"))
    )


def mask_target(target: str) -> str:
    """Return a request's target with secrets of its query masked."""
    path, mark, query = target.partition("?")
    return path + mark + mask_query(query) if mark else target


def mask_content(content_type: str, content: bytes) -> str | None:
    """Return content as text with its secrets masked; None if it may have some that are not found.

    :param content_type: the Content-Type field's value.
    """
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if kind == "application/x-www-form-urlencoded":
        return mask_query(text)
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.dumps(_mask_json(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return None
    return text if kind.startswith("text/") else None


def _mask_json(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {
            key: MASK if _SECRET_NAME.search(key) else _mask_json(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_mask_json(item, depth + 1) for item in value]
    return value
