"""Where our own pages are, beside those of the application."""

from __future__ import annotations

from typing import Final

__all__ = ["ERRORS", "LIVE_EVENTS", "LIVE_SCRIPT", "NEWS", "PREFIX"]

#: Below this path nothing is the application's. The path itself is the inspector's list.
PREFIX: Final = "/__dovetail__/"
#: Below this one the debugger's pages about errors can be opened again.
ERRORS: Final = f"{PREFIX}errors/"
#: What the inspector's list asks for once a second.
NEWS: Final = f"{PREFIX}requests.json"
#: Where the events of live reload come from.
LIVE_EVENTS: Final = f"{PREFIX}live"
#: Where the script of live reload is.
LIVE_SCRIPT: Final = f"{PREFIX}live.js"
