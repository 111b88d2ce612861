"""Running a development server: one call that does all."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterable
from functools import partial
from ssl import SSLContext
from typing import Any
from wsgiref.types import WSGIApplication

from dovetail.dev.certificates import SslContextArgument, make_ssl_devcert
from dovetail.dev.console import Styled
from dovetail.dev.debugger import DebuggedApplication
from dovetail.dev.engine import Give, Shut
from dovetail.dev.handler import WSGIRequestHandler
from dovetail.dev.origin import SERVER_FD, is_running_from_reloader
from dovetail.dev.server import BaseWSGIServer, make_server
from dovetail.dev.stack import Stack
from dovetail.dev.watch import Watch, folders_of
from dovetail.dev.workshop import Workshop, removed_on_signals

__all__ = ["choose_aids", "is_running_from_reloader", "run_simple"]

# In the workshop, without the ends of the names.
_CERTIFICATE = "certificate"


def choose_aids(
    debug: bool, reloader: bool | None = None, debugger: bool | None = None
) -> tuple[bool, bool]:
    """Decide what a framework passes to :func:`run_simple` as ``use_reloader``, ``use_debugger``.

    :param debug: whether debug mode is on, which what is not asked for follows.
    :param reloader: None is not asked for; so for ``debugger``.
    """
    return (
        debug if reloader is None else bool(reloader),
        debug if debugger is None else bool(debugger),
    )


def run_simple(  # noqa: PLR0917  the documented order
    hostname: str,
    port: int,
    application: WSGIApplication,
    use_reloader: bool = False,
    use_debugger: bool = False,
    use_evalex: bool = True,
    extra_files: Iterable[str] | None = None,
    exclude_patterns: Iterable[str] | None = None,
    reloader_interval: int = 1,
    reloader_type: str = "auto",
    threaded: bool = False,
    processes: int = 1,
    request_handler: type[WSGIRequestHandler] | None = None,
    static_files: dict[str, str | tuple[str, str]] | None = None,
    passthrough_errors: bool = False,
    ssl_context: SslContextArgument | None = None,
    *,
    inspector: bool | None = None,
    live_reload: bool = False,
    asset_folders: Iterable[str] = (),
) -> None:
    """Serve an application during development, until Ctrl-C.

    :param hostname: a name, an IPv4 or IPv6 address, or ``unix://PATH``.
    :param use_reloader: start the program anew when the files of its code change. The socket stays
        open meanwhile: requests wait, and the new code answers them.
    :param use_debugger: show exceptions in a debugger in the browser.
    :param use_evalex: let it evaluate Python, for who has entered the PIN.
    :param extra_files: more files, and patterns of :mod:`glob`, for the reloader to watch.
    :param exclude_patterns: files that match these patterns of :mod:`fnmatch` are not watched.
    :param reloader_interval: how often files are looked at, in seconds, where the system does not
        tell of changes.
    :param reloader_type: ``auto``, ``watchfiles`` or ``stat``; see
        :func:`~dovetail.dev.reloader.run_with_reloader`.
    :param static_files: directories and files to serve beside the application, by their URL paths;
        see :class:`~dovetail.toolkit.middleware.shared_data.SharedDataMiddleware`.
    :param inspector: show the last requests at ``/__dovetail__/``; None: if there is the debugger.
    :param live_reload: have pages in the browser load themselves anew when something changes.
    :param asset_folders: where the templates and static files are whose change loads pages anew,
        without a restart. Those of ``static_files`` need not be named.
    :raises TypeError: the port is no integer.

    The other parameters are those of :func:`~dovetail.dev.server.make_server`.
    """
    if not isinstance(port, int):
        raise TypeError(f"the port must be an integer, not {port!r}")
    if use_reloader or use_debugger or inspector or live_reload:
        _open_workshop()
    folders = [*asset_folders, *folders_of(static_files)] if live_reload else []
    watch = Watch(extra_files, exclude_patterns, reloader_interval, reloader_type, folders)
    if use_reloader:
        ssl_context = _keep_certificate(ssl_context)
    make = partial(
        make_server,
        hostname,
        port,
        threaded=threaded,
        processes=processes,
        request_handler=request_handler,
        passthrough_errors=passthrough_errors,
        ssl_context=ssl_context,
    )
    stack = partial(
        Stack,
        application,
        hostname,
        static_files=static_files,
        use_debugger=use_debugger,
        use_evalex=use_evalex,
        inspector=use_debugger if inspector is None else inspector,
        live_reload=live_reload,
    )
    # Ctrl-C is the regular end, also when it comes before the serving has begun.
    with contextlib.suppress(KeyboardInterrupt), removed_on_signals():
        if not use_reloader or is_running_from_reloader():
            _serve(stack, make, watch, reloads=use_reloader)
            return
        _supervise(
            make(application),
            DebuggedApplication(application, use_evalex) if use_debugger else None,
            watch,
            {
                **{"hostname": hostname, "use_debugger": use_debugger, "use_evalex": use_evalex},
                **{"extra_files": watch.extra_files, "exclude_patterns": watch.exclude_patterns},
                **{"reloader_interval": reloader_interval, "reloader_type": reloader_type},
                **{"threaded": threaded, "processes": processes, "ssl_context": ssl_context},
                **{"inspector": inspector, "live_reload": live_reload},
            },
        )


def _serve(
    stack: Callable[[], Stack], make: Callable[..., BaseWSGIServer], watch: Watch, *, reloads: bool
) -> None:
    """Serve in this process, which with ``reloads`` is one that the reloader has started."""
    inherited = os.environ.get(SERVER_FD) if is_running_from_reloader() else None
    with contextlib.ExitStack() as cleaning:
        around = cleaning.enter_context(contextlib.closing(stack()))
        fd = None if inherited is None else int(inherited)
        server = cleaning.enter_context(make(around.application, fd=fd))
        if fd is not None:
            # It has a descriptor of its own. A program that the application starts, and that goes
            # on running, must not keep the port.
            os.set_inheritable(fd, False)
        around.attach(server)
        if fd is None:
            # There is no process before this one that has said it. (Django's runserver_plus, for
            # one, takes the reloader's part in the environment without having it.)
            _announce(server, around.debugger)
        show = None if around.live is None else around.show_change
        if reloads:
            watch.reload(server.serve_forever, _Retirable(server, around), show=show)
            return
        if show is not None and watch.asset_folders:
            cleaning.enter_context(watch.assets_alone(show))
        server.serve_forever()


def _open_workshop() -> None:
    """Make what the server's processes share, or find it; without it say so, and exit."""
    try:
        Workshop.current()
    except OSError as error:
        print(
            f"cannot make a directory for what the server's processes share: {error}; set TMPDIR to"
            " a directory that can be written, or do without debugger, reloader and inspector",
            file=sys.stderr,
        )
        sys.exit(1)


def _supervise(
    server: BaseWSGIServer,
    debugger: DebuggedApplication | None,
    watch: Watch,
    options: dict[str, Any],
) -> None:
    """Keep the socket open, and have other processes serve on it, one after the other.

    :param options: what to serve an exception with that ends the program too soon.
    """
    with server:
        os.environ[SERVER_FD] = str(server.fileno())
        _announce(server, debugger)
        options["port"] = server.port
        # No other process can be told of a context: then requests wait until the program is mended.
        is_told = not isinstance(options["ssl_context"], SSLContext)
        watch.reload(server.serve_forever, server, stand_in=options if is_told else {})


class _Retirable:
    """A server that first has open pages wait for the next one."""

    def __init__(self, server: BaseWSGIServer, stack: Stack) -> None:
        self._server = server
        self._stack = stack

    def fileno(self) -> int:
        """Return the listening socket's descriptor."""
        return self._server.fileno()

    def retire(
        self, grace: float, give: Give | None = None, shut: Shut | None = None
    ) -> list[socket.socket]:
        """See :meth:`~dovetail.dev.server.BaseWSGIServer.retire`."""
        if self._stack.live is not None:
            self._stack.live.close()
        return self._server.retire(grace, give, shut)

    def adopt(self, sockets: list[socket.socket]) -> list[socket.socket]:
        """See :meth:`~dovetail.dev.server.BaseWSGIServer.adopt`."""
        return self._server.adopt(sockets)


def _announce(server: BaseWSGIServer, debugger: DebuggedApplication | None) -> None:
    """Say where the server is, and what its user has to know."""
    server.log_startup()
    server.log("info", "%s", Styled("Press CTRL+C to quit", "yellow"))
    if debugger is not None:
        debugger.announce()


def _keep_certificate(ssl_context: SslContextArgument | None) -> SslContextArgument | None:
    """Return an ad-hoc certificate that outlasts restarts: a browser is asked once to accept it."""
    if ssl_context != "adhoc":
        return ssl_context
    base = str(Workshop.current().path / _CERTIFICATE)
    if is_running_from_reloader() and os.path.exists(f"{base}.key"):
        return f"{base}.crt", f"{base}.key"
    return make_ssl_devcert(base)
