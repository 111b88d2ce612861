from __future__ import annotations

import pytest

from dovetail.dev.refusals import DebuggedApplication, run_with_reloader


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="debugger"):
        DebuggedApplication(lambda environ, start_response: [], evalex=True)
    with pytest.raises(NotImplementedError, match="reloader"):
        run_with_reloader(print, extra_files=["x"])
