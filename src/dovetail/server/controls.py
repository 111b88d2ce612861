"""Control characters as escapes, for logs and terminals."""

from __future__ import annotations

from typing import Final

__all__ = ["CONTROL_ESCAPES", "escape_lines"]

# Besides the controls of ASCII and of Latin-1: line and paragraph separators, and the marks that
# turn the direction of text.
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))

#: For :meth:`str.translate`: what could forge lines, command a terminal, or pass for other text.
CONTROL_ESCAPES: Final = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS
}
_IN_LINES: Final = {
    code: text for code, text in CONTROL_ESCAPES.items() if code not in (0x09, 0x0A)
}


def escape_lines(text: str) -> str:
    """Return ``text`` with its control characters, but for line ends and tabs, as escapes."""
    return text.translate(_IN_LINES)
