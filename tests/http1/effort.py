"""How many examples Hypothesis tries: few and always the same, or many and new ones."""

from __future__ import annotations

import os

from hypothesis import settings

__all__ = ["effort"]

_FUZZ = os.environ.get("DOVETAIL_FUZZ") == "1"


def effort(examples: int) -> settings:
    """Return settings for ``examples`` examples, the same in every run.

    With DOVETAIL_FUZZ=1 in the environment they are 50 times as many, and new ones each time.
    """
    # All else is as tests/conftest.py has it.
    return settings(max_examples=examples * 50 if _FUZZ else examples)
