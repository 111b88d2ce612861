"""What a client writes into a message stays text when it is written to the terminal."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

import pytest
from tests.dev.live import get, serving

from dovetail.dev.console import escape
from dovetail.dev.debugger import DebuggedApplication
from dovetail.server.controls import escape_lines

#: Clears the screen, names the window, and turns what follows into a line of its own.
NASTY = "\x1b[2J\x1b]0;title\x07\r\x9b31m\x08"


def failing(environ: dict[str, Any], _: Any) -> list[bytes]:
    raise ValueError(unquote(environ["QUERY_STRING"]))


def test_escapes() -> None:
    assert escape_lines("a\tb\n\x1b\r") == "a\tb\n\\x1b\\x0d"
    assert escape("a\tb\n\x1b\r") == "a\\x09b\\x0a\\x1b\\x0d"


@pytest.mark.parametrize("make", [DebuggedApplication, lambda application: application])
def test_messages_of_exceptions(
    make: Any, capsys: pytest.CaptureFixture[str], lines: list[str]
) -> None:
    with serving(make(failing)) as server:
        assert get(server, f"/?{quote(NASTY)}")[0] == 500
    written = capsys.readouterr().err + "\n".join(lines)
    assert "ValueError: \\x1b[2J" in written
    assert not set("\x1b\x07\r\x9b\x08") & set(written)
