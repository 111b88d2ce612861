"""Where this process comes from: the user's command line, or the reloader."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["RUN_MAIN", "SERVER_FD", "is_running_from_reloader"]

#: The environment variable that is ``true`` in a process that the reloader has started.
RUN_MAIN: Final = "WERKZEUG_RUN_MAIN"
#: The environment variable with the descriptor of the listening socket that such a process has.
SERVER_FD: Final = "WERKZEUG_SERVER_FD"


def is_running_from_reloader() -> bool:
    """Tell whether this process is one that the reloader started and starts anew."""
    return os.environ.get(RUN_MAIN) == "true"
