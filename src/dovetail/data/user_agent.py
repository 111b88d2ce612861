"""What a client says of itself in User-Agent (RFC 9110 section 10.1.5)."""

from __future__ import annotations

__all__ = ["UserAgent"]


class UserAgent:
    """The User-Agent field, not parsed.

    Subclass it and set the attributes in ``__init__`` to parse the string, and name the subclass
    in ``Request.user_agent_class``.

    :param string: the field's value.
    """

    #: The operating system, if a subclass finds it out.
    platform: str | None = None
    #: The browser's name, if a subclass finds it out.
    browser: str | None = None
    #: The browser's version, if a subclass finds it out.
    version: str | None = None
    #: The language, if a subclass finds it out.
    language: str | None = None

    def __init__(self, string: str) -> None:
        self.string = string

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.browser}/{self.version}>"

    def __str__(self) -> str:
        return self.string

    def __bool__(self) -> bool:
        return bool(self.browser)

    def to_header(self) -> str:
        """Return the field's value."""
        return self.string
