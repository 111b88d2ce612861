from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from dovetail import compat


@pytest.fixture
def kept_finders() -> Iterator[None]:
    """Forget after one test what stood in for Flask and Werkzeug."""
    finders = list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.partition(".")[0] in compat.INTERFACES]:
        del sys.modules[name]


@pytest.fixture
def installed(kept_finders: None) -> None:
    """Stand in for Flask and Werkzeug during one test."""
    compat.install()
