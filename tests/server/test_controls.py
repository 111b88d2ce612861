"""Control characters as escapes."""

from __future__ import annotations

from dovetail.server.controls import CONTROL_ESCAPES, escape_lines


def test_every_control_has_an_escape_of_its_own() -> None:
    text = "".join(map(chr, CONTROL_ESCAPES)).translate(CONTROL_ESCAPES)
    assert text.isascii()
    assert text.isprintable()
    assert len(set(CONTROL_ESCAPES.values())) == len(CONTROL_ESCAPES)


def test_lines_keep_their_ends_and_tabs() -> None:
    assert escape_lines("a\tb\r\n\x1b[2J\x9b\u202ec\u2028é\xa0") == (
        "a\tb\\x0d\n\\x1b[2J\\x9b\\u202ec\\u2028é\xa0"
    )
