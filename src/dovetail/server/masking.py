"""Hiding the secrets of a request that is kept in a file."""

from __future__ import annotations

import contextlib
import json
import re
from base64 import b64decode
from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from dovetail.data.header_values import parse_options_header

__all__ = ["ALWAYS_MASKED", "MASK", "MASKED_REMARK", "Mask"]

#: What stands in a secret's place. It is a token, so that it may stand anywhere.
MASK = "dovetail-masked"
#: Parts of the names of what is secret in any case.
ALWAYS_MASKED = (
    "api-key",
    "authorization",
    "cookie",
    "credential",
    "csrf",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "private-key",
    "pwd",
    "secret",
    "session-id",
    "sessid",
    "token",
    "xsrf",
)

Fields = list[tuple[str, str]]

#: What is said of content in which something was masked, and nothing else was changed.
MASKED_REMARK = "masked in parts"

# What looks like a parameter in a field's value, such as a Referer's. It begins behind a separator
# only: looked for at every place, a long value would take the square of its length.
_PARAMETER = re.compile(r"(?<![^?&;,\s\"<>])([^?&;,=\s\"<>]+)=([^&;\s\"<>]+)")
# Shorter secrets are not looked for in other texts: they would be found where they are not.
_LEAST_SECRET = 4
_LEAST_PART = 8
# With more, a text is withheld: which of them are in it would take too long to find out.
_MOST_SECRETS = 1_000
_WITHHELD = "[withheld: the request has too many secrets for them to be found in this]"


class Mask:
    """Replaces what belongs to a secret name by :data:`MASK`, and remembers what that was.

    A name is secret if it contains one of ``names``, whatever its case, dashes and underscores.
    One object is for one request.

    :param names: besides :data:`ALWAYS_MASKED`.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = tuple({_plain(name) for name in (*ALWAYS_MASKED, *names)} - {""})
        self._secrets: set[str] = set()
        self._knows_all = True

    def is_secret(self, name: str) -> bool:
        """Whether what has this name is to be masked."""
        plain = _plain(name)
        return any(secret in plain for secret in self._names)

    def fields(self, fields: Fields) -> Fields:
        """Return header fields with secret values masked, and parameters of URLs in the others."""
        return [(name, self._field(name, value)) for name, value in fields]

    def _field(self, name: str, value: str) -> str:
        if self.is_secret(name):
            self._hide_password(value)
            return self._hide(value)
        return _PARAMETER.sub(self._parameter, value) if "=" in value else value

    def _hide_password(self, value: str) -> None:
        """Remember the password in the credentials of the scheme "Basic" (RFC 7617)."""
        scheme, _, credentials = value.partition(" ")
        if scheme.lower() != "basic":
            return
        with contextlib.suppress(ValueError):  # it is not base64: nobody can read it
            octets = b64decode(credentials.strip())
            # As UTF-8, or else latin-1, see _hide.
            self._hide(octets.decode("latin-1").partition(":")[2])

    def _parameter(self, match: re.Match[str]) -> str:
        name, value = match.groups()
        return f"{name}={self._hide(value)}" if self.is_secret(_decoded(name)) else match.group()

    def target(self, target: str) -> str:
        """Return a request's target with secret parameters masked."""
        path, mark, query = target.partition("?")
        return path + mark + self._pairs(query)

    def _pairs(self, text: str) -> str:
        """Mask the values of ``name=value&name=value``; nothing else of it changes."""
        return "&".join([self._pair(pair) for pair in text.split("&")])

    def _pair(self, pair: str) -> str:
        # Some applications part by semicolons too. Others do not, so a secret has no end there.
        parts = pair.split(";")
        for index, part in enumerate(parts):
            name, equals, value = part.partition("=")
            if equals and self.is_secret(_decoded(name)):
                secret = ";".join([value, *parts[index + 1 :]])
                return ";".join([*parts[:index], f"{name}={self._hide(secret)}"])
        return pair

    def content(self, content: bytes, content_type: str, *, cut: bool) -> bytes | None:
        """Return content with what has a secret name masked: form fields and keys of JSON.

        :param cut: it is only the beginning.
        :return: None if there are secrets in it, by the look of it, and it cannot be read.
        """
        media_type, options = parse_options_header(content_type)
        media_type = media_type.lower()
        if media_type == "application/x-www-form-urlencoded":
            return self._pairs(content.decode("latin-1")).encode("latin-1")
        if media_type.startswith("multipart/"):
            boundary = options.get("boundary", "").encode("utf-8", "replace")
            return self._multipart(content, boundary) if boundary else self._withheld(content)
        if "json" in media_type or content.lstrip()[:1] in (b"{", b"["):
            return self._json(content, cut=cut)
        return content

    def _multipart(self, content: bytes, boundary: bytes) -> bytes | None:
        pieces = re.split(rb"(?<![^\n])(--" + re.escape(boundary) + rb")", content)
        if len(pieces) == 1:
            return self._withheld(content)
        return b"".join([self._part(piece) for piece in pieces])

    def _part(self, part: bytes) -> bytes:
        """Mask what stands between two delimiters: fields, an empty line, and the content."""
        found = re.search(rb"\r?\n\r?\n", part)
        if found is None:
            return part
        head = part[: found.end()]
        _, options = parse_options_header(_disposition(head))
        if not any(self.is_secret(options.get(key, "")) for key in ("name", "filename")):
            return part
        secret = part[found.end() :]
        ending = b"\r\n" if secret.endswith(b"\r\n") else b""
        text = secret.removesuffix(ending).decode("utf-8", "replace")
        return head + self._hide(text).encode() + ending

    def _json(self, content: bytes, *, cut: bool) -> bytes | None:
        if cut:
            return self._withheld(content)
        before = len(self._secrets)
        hidden = [0]
        try:
            read = partial(_object, hidden)
            value = self._value(json.loads(content, object_pairs_hook=read), hidden)
            return json.dumps(value, ensure_ascii=False).encode() if hidden[0] else content
        except (ValueError, RecursionError):
            return self._withheld(content) if len(self._secrets) == before else None

    def _value(self, value: Any, hidden: list[int]) -> Any:
        """Mask within a JSON value, and count in ``hidden`` what was."""
        if isinstance(value, list):
            return [self._value(item, hidden) for item in value]
        if not isinstance(value, dict):
            return value
        for key, item in value.items():
            if item and self.is_secret(key):
                hidden[0] += 1
                value[key] = self._hide_all(item)
            else:
                value[key] = self._value(item, hidden)
        return value

    def _hide_all(self, value: Any) -> str:
        """Hide a JSON value with all texts and numbers in it; a "true" would be met everywhere."""
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                self._hide_all(item)
        elif isinstance(value, str):
            self._hide(value)
        elif value is not None and not isinstance(value, bool):
            self._hide(json.dumps(value))
        return MASK

    def _withheld(self, content: bytes) -> bytes | None:
        """Return content that cannot be read; None if secret names seem to be in it."""
        return None if self.is_secret(content.decode("latin-1")) else content

    def text(self, text: str) -> str:
        """Return any text with what was masked until now masked there, too.

        If that is too much to be looked for, a remark takes the place of the whole text.
        """
        if text and not self._knows_all:
            return _WITHHELD
        # The longest first: one may be a part of another.
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def _hide(self, secret: str) -> str:
        """Remember a secret, as it is, decoded and in its parts; return what replaces it."""
        for text in (secret, _decoded(secret.replace("+", " "))):
            self._remember(text, _LEAST_SECRET)
            # As messages quote it, and KeyError does by itself: with escapes.
            self._remember(repr(text)[1:-1], _LEAST_SECRET)
        for part in re.split(r"[\s;,]+", secret):
            name, _, value = part.partition("=")  # a cookie's, for one
            self._remember(value.strip('="') or name, _LEAST_PART)
        return MASK

    def _remember(self, secret: str, least: int) -> None:
        if len(secret) < least or secret in self._secrets:
            return
        if len(self._secrets) < _MOST_SECRETS:
            self._secrets.add(secret)
        else:
            self._knows_all = False


def _object(hidden: list[int], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON. Of equal names the last one stays, which counts as hiding."""
    found = dict(pairs)
    hidden[0] += len(pairs) - len(found)
    return found


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _decoded(text: str) -> str:
    """Return percent-decoded text; octets that are no UTF-8 stay what they were."""
    return unquote_to_bytes(text.encode("latin-1", "replace")).decode("utf-8", "replace")


def _disposition(head: bytes) -> str:
    """Return the Content-Disposition of a part's head."""
    text = head.decode("utf-8", "replace")
    found = re.search(r"(?im)^content-disposition[ \t]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", text)
    return "" if found is None else found.group(1).replace("\r\n", " ").replace("\n", " ").strip()
