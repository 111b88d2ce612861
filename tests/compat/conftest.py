from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from dovetail import compat


@pytest.fixture
def installed() -> Iterator[None]:
    """Stand in for Flask and Werkzeug during one test."""
    finders = list(sys.meta_path)
    compat.install()
    yield
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.partition(".")[0] in compat.INTERFACES]:
        del sys.modules[name]
