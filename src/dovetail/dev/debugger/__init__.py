"""The interactive debugger."""

from __future__ import annotations

from dovetail.dev.debugger.console import Console
from dovetail.dev.debugger.tracebacks import DebugFrameSummary, DebugTraceback

__all__ = ["Console", "DebugFrameSummary", "DebugTraceback"]

DebugFrameSummary.console_type = Console
