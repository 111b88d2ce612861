"""The request inspector of the development server, at ``/__dovetail__/``."""

from __future__ import annotations

from dovetail.dev.inspector.application import Inspector

__all__ = ["Inspector"]
