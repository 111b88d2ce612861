"""The interactive debugger."""

from __future__ import annotations

from dovetail.dev.debugger.application import DebuggedApplication
from dovetail.dev.debugger.console import Console
from dovetail.dev.debugger.pins import (
    PIN_TIME,
    get_machine_id,
    get_pin_and_cookie_name,
    hash_pin,
)
from dovetail.dev.debugger.tracebacks import DebugFrameSummary, DebugTraceback

__all__ = [
    "PIN_TIME",
    "DebugFrameSummary",
    "DebugTraceback",
    "DebuggedApplication",
    "get_machine_id",
    "get_pin_and_cookie_name",
    "hash_pin",
]

DebugFrameSummary.console_type = Console
