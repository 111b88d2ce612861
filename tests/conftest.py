"""How Hypothesis works in all tests: the same examples in every run, and no clock.

They are the same as long as the code is: Hypothesis takes up the constants of the modules that are
loaded, so an edit anywhere, or a part of the tests alone, may bring others. A test whose settings
leave out a health check has to leave out the one of slowness, too: the lists are not added up.
"""

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
        # Neither a slow machine nor a row of large examples says that something is wrong.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    settings.load_profile("dovetail")
