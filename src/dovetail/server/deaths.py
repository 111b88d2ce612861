"""How a process has ended, in words."""

from __future__ import annotations

import signal

__all__ = ["describe_death"]


def describe_death(code: int) -> str:
    """Return how a process ended; ``code`` is its exit status, or minus a signal's number."""
    if code >= 0:
        return f"exited with status {code}"
    try:
        return f"died by {signal.Signals(-code).name}"
    except ValueError:
        return f"died by signal {-code}"  # real-time signals have no names
