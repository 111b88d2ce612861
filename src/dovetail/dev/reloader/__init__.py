"""The reloader: the development server is started anew when the application's files change."""

from __future__ import annotations

from dovetail.dev.reloader.failing import failing_application
from dovetail.dev.reloader.imports import note_failure, record_imports
from dovetail.dev.reloader.loops import ReloaderLoop, reloader_loops
from dovetail.dev.reloader.running import run_with_reloader

__all__ = [
    "ReloaderLoop",
    "failing_application",
    "note_failure",
    "record_imports",
    "reloader_loops",
    "run_with_reloader",
]
