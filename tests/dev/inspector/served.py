"""A server whose requests are inspected, as a program: ``served.py PROCESSES TEXT``."""

from __future__ import annotations

import logging
import os
import sys

from dovetail.dev.inspector import Inspector
from dovetail.dev.server import make_server
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response

__all__: list[str] = []


@Request.application
def application(request: Request) -> Response:
    logging.getLogger("served").warning("in process %d", os.getpid())
    return Response(f"{sys.argv[2]} {os.getpid()}")


if __name__ == "__main__":
    inspector = Inspector(application)
    server = make_server("127.0.0.1", 0, inspector, processes=int(sys.argv[1]))
    server.observer = inspector
    print(server.port, flush=True)
    server.serve_forever()
