"""The Content-Type of what a response sends."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["get_content_type"]

# Types of text that are not under text/ and do not end in +xml.
_TEXT = frozenset(
    {
        "application/ecmascript",
        "application/javascript",
        "application/sql",
        "application/xml",
        "application/xml-dtd",
        "application/xml-external-parsed-entity",
    }
)


@lru_cache(256)
def get_content_type(mimetype: str, charset: str) -> str:
    """Return ``mimetype`` with the charset as a parameter, if it is a type of text."""
    if mimetype.startswith("text/") or mimetype in _TEXT or mimetype.endswith("+xml"):
        return f"{mimetype}; charset={charset}"
    return mimetype
