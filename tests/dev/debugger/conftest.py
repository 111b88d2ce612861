from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dovetail.dev import workshop


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[workshop.Workshop]:
    """A workshop of the test's own, and an empty directory for what is kept for the user."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("DOVETAIL_DEBUG_PIN", "WERKZEUG_DEBUG_PIN", "WERKZEUG_RUN_MAIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(workshop.VARIABLE, "")
    made = workshop.Workshop.current()
    yield made
    assert os.environ.get(workshop.VARIABLE) == str(made.path)
    shutil.rmtree(made.path, ignore_errors=True)
