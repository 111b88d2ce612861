from __future__ import annotations

import threading
from pathlib import Path
from queue import Queue

import pytest

from dovetail.dev import watch
from dovetail.dev.reloader.watchlist import Watchlist
from dovetail.dev.watch import Watch

PATIENCE = 60.0


@pytest.mark.parametrize("kind", ["watchfiles", "stat"])
def test_an_asset_that_changes_before_it_is_watched(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "main.css"
    path.write_text("1")
    refresh = Watchlist.refresh
    changed = threading.Event()

    def refresh_and_change(watchlist: Watchlist) -> None:
        refresh(watchlist)
        if not changed.is_set():
            changed.set()
            path.write_text("22")

    monkeypatch.setattr(Watchlist, "refresh", refresh_and_change)
    # What is looked for meanwhile was before.
    monkeypatch.setattr(watch, "_PAUSES", ())
    shown: Queue[str] = Queue()
    options = {"interval": 0.03, "reloader_type": kind, "asset_folders": [str(tmp_path)]}
    with Watch(**options).assets_alone(shown.put):  # type: ignore[arg-type]
        assert shown.get(timeout=PATIENCE) == str(path)
        # And then as always.
        path.write_text("333")
        assert shown.get(timeout=PATIENCE) == str(path)
    for thread in threading.enumerate():
        if thread.name.startswith("dovetail-assets"):
            thread.join(PATIENCE)
