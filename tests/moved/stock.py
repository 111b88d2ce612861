"""Serve an application with Werkzeug's development server: ``stock.py MODULE:ATTRIBUTE``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from werkzeug.serving import make_server


def main() -> None:
    """Serve until a signal ends the process."""
    sys.path[0] = str(Path(__file__).parent / "projects")
    # Tests read the messages of errors; where in others' source they were raised is not theirs.
    sys.tracebacklimit = 0
    module, _, attribute = sys.argv[1].partition(":")
    application = getattr(import_module(module), attribute)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
