"""What people send, checked field by field: the forms and the API ask the same of it."""

import unicodedata
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

KINDS = ("lost", "found")
# Control characters and halves of characters, which JSON can carry.
UNFIT = {"Cc", "Cs"}
EARLIEST_DAY = date(1900, 1, 1)


class Form:
    """Fields as they were sent, and what is wrong with them.

    The methods return a field's value, cleaned; if it is no good, they return something of the
    same type and put a sentence into :attr:`errors`.
    """

    def __init__(self, sent: Mapping[str, Any] | None = None) -> None:
        self.sent = sent or {}
        self.errors: dict[str, str] = {}

    def text(self, name: str, *, most: int, least: int = 1, lines: bool = False) -> str:
        """Return text of ``least`` to ``most`` characters.

        :param lines: keep line breaks; otherwise all white space is a single space.
        """
        value: object = self.sent.get(name, "")
        if not isinstance(value, str):
            self.errors[name] = "Enter text."
            return ""
        rows = value.splitlines() if lines else [value]
        value = "\n".join(" ".join(row.split()) for row in rows).strip()
        if not value and least:
            self.errors[name] = "Enter something."
        elif not least <= len(value) <= most:
            self.errors[name] = f"Enter {least} to {most} characters; this has {len(value)}."
        elif any(unicodedata.category(c) in UNFIT for c in value if c != "\n"):
            self.errors[name] = "Leave out the characters that cannot be shown."
        return value

    def password(self, name: str) -> str:
        """Return a password, which is taken as it is, and may be a sentence."""
        value: object = self.sent.get(name, "")
        if not isinstance(value, str) or not 8 <= len(value) <= 200:
            self.errors[name] = "Enter 8 to 200 characters; several words are good."
            return ""
        return value

    def choice(self, name: str, choices: Collection[str]) -> str:
        """Return one of ``choices``."""
        value: object = self.sent.get(name)
        if not isinstance(value, str) or value not in choices:
            self.errors[name] = f"Choose one of: {', '.join(choices)}."
            return ""
        return value

    def day(self, name: str) -> str:
        """Return a day that has begun, as 2026-05-31."""
        try:
            day = date.fromisoformat(self.sent.get(name, ""))
        except (TypeError, ValueError):
            self.errors[name] = "Enter a day as year-month-day, such as 2026-05-31."
            return ""
        if not EARLIEST_DAY <= day <= date.today():
            self.errors[name] = "Enter a day that is not to come, nor long gone."
        return day.isoformat()


def read_item(form: Form) -> dict[str, str]:
    """Return the columns of an item that people fill in."""
    return {
        "kind": form.choice("kind", KINDS),
        "title": form.text("title", least=3, most=80),
        "details": form.text("details", least=0, most=2000, lines=True),
        "place": form.text("place", least=2, most=80),
        "day": form.day("day"),
    }
