"""How Hypothesis works in all tests: the same examples in every run, and no clock."""

from __future__ import annotations

import os
from importlib.util import find_spec

# tests/moved runs where there is no Hypothesis.
if find_spec("hypothesis"):
    from hypothesis import HealthCheck, settings

    # As in tests/http1/effort.py: with DOVETAIL_FUZZ=1 new examples each time, and more of them.
    fuzz = os.environ.get("DOVETAIL_FUZZ") == "1"
    settings.register_profile(
        "dovetail",
        max_examples=2000 if fuzz else 100,
        derandomize=not fuzz,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("dovetail")
