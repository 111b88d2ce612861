"""Running a development server: one call that does all."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from wsgiref.types import WSGIApplication

from dovetail.dev.handler import WSGIRequestHandler
from dovetail.dev.server import SslContextArgument, make_server
from dovetail.toolkit.middleware.shared_data import SharedDataMiddleware

__all__ = ["choose_aids", "is_running_from_reloader", "run_simple"]


def is_running_from_reloader() -> bool:
    """Tell whether this process is one that the reloader started and starts anew."""
    return os.environ.get("WERKZEUG_RUN_MAIN") == "true"


def choose_aids(
    debug: bool, reloader: bool | None = None, debugger: bool | None = None
) -> tuple[bool, bool]:
    """Decide what a framework passes to :func:`run_simple` as ``use_reloader``, ``use_debugger``.

    What is not asked for would follow debug mode. As long as neither exists it stays off instead,
    and in debug mode a line on standard error says so; :func:`run_simple` refuses what is asked
    for.

    :param reloader: None is not asked for; so for ``debugger``.
    """
    aids = (("reloader", reloader), ("debugger", debugger))
    absent = [name for name, asked in aids if asked is None]
    if debug and absent:
        sys.stderr.write(f" * Running without {' and '.join(absent)}: not available yet\n")
    return bool(reloader), bool(debugger)


def run_simple(  # noqa: PLR0917  the documented order
    hostname: str,
    port: int,
    application: WSGIApplication,
    use_reloader: bool = False,
    use_debugger: bool = False,
    use_evalex: bool = True,  # noqa: ARG001  says something about the debugger only
    extra_files: Iterable[str] | None = None,  # noqa: ARG001  about the reloader only
    exclude_patterns: Iterable[str] | None = None,  # noqa: ARG001
    reloader_interval: int = 1,  # noqa: ARG001
    reloader_type: str = "auto",  # noqa: ARG001
    threaded: bool = False,
    processes: int = 1,
    request_handler: type[WSGIRequestHandler] | None = None,
    static_files: dict[str, str | tuple[str, str]] | None = None,
    passthrough_errors: bool = False,
    ssl_context: SslContextArgument | None = None,
) -> None:
    """Serve an application during development, until Ctrl-C.

    :param hostname: a name, an IPv4 or IPv6 address, or ``unix://PATH``.
    :param static_files: directories and files to serve beside the application, by their URL paths;
        see :class:`~dovetail.toolkit.middleware.shared_data.SharedDataMiddleware`.
    :raises TypeError: the port is no integer.
    :raises NotImplementedError: the reloader or the debugger is asked for.

    The other parameters are those of :func:`~dovetail.dev.server.make_server`.
    """
    if not isinstance(port, int):
        raise TypeError(f"the port must be an integer, not {port!r}")
    _check_available(reloader=use_reloader, debugger=use_debugger)
    if static_files:
        application = SharedDataMiddleware(application, static_files)
    server = make_server(
        hostname,
        port,
        application,
        threaded,
        processes,
        request_handler,
        passthrough_errors,
        ssl_context,
    )
    # Ctrl-C is the regular end, also when it comes before the serving has begun.
    with server, contextlib.suppress(KeyboardInterrupt):
        server.log_startup()
        server.log("info", "Press CTRL+C to quit")
        server.serve_forever()


def _check_available(*, reloader: bool, debugger: bool) -> None:
    """Refuse what this server does not have yet, instead of serving without it."""
    for asked, name in ((reloader, "reloader"), (debugger, "debugger")):
        if asked:
            raise NotImplementedError(f"there is no {name} yet; call with use_{name}=False")
