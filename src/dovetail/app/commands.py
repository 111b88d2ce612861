"""The commands that every application has: ``run``, ``shell``, ``routes``."""

from __future__ import annotations

import code
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from ssl import SSLContext
from types import TracebackType
from typing import Any
from wsgiref.types import WSGIApplication

import click
from click.core import ParameterSource

from dovetail.app.development import develop
from dovetail.app.discovery import NoAppException, locate_other_app
from dovetail.app.dotenv import follow_changes
from dovetail.app.groups import ScriptInfo, pass_script_info, with_appcontext
from dovetail.app.options import CertParamType, SeparatedPathType, debug_option, validate_key
from dovetail.app.proxies import current_app
from dovetail.app.switches import get_debug_flag
from dovetail.loader import user_frames

__all__ = ["routes_command", "run_command", "shell_command", "show_server_banner"]

_EXTRA_ARGUMENT = re.compile(r"Got unexpected extra argument \((\S+)\)").fullmatch
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


def show_server_banner(debug: bool | None, app_import_path: str | None) -> None:
    """Write which application is served, and whether in debug mode; once, not at each reload.

    :param debug: None leaves it out, as it does for ``app_import_path``.
    """
    from dovetail.dev.serving import is_running_from_reloader  # noqa: PLC0415  (only to serve)

    if is_running_from_reloader():
        return
    if app_import_path is not None:
        click.echo(f" * Serving application {app_import_path!r}")
    if debug is not None:
        click.echo(f" * Debug mode: {'on' if debug else 'off'}")


# --- run


class _RunCommand(click.Command):
    """Says what to do about ``run shop:app``, which is how ``serve`` is called."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            given = _EXTRA_ARGUMENT(error.message)
            if given is None:
                raise
            hint = f"The application is named before 'run': --app {given[1]} run"
            raise click.UsageError(f"{error.message}. {hint}", ctx) from error


@click.command("run", cls=_RunCommand, short_help="Serve the application during development.")
@click.option("--host", "-h", default="127.0.0.1", help="The address to listen on.")
@click.option(
    "--port", "-p", type=click.IntRange(0, 65535), default=5000, help="The port to listen on."
)
@click.option(
    "--cert",
    type=CertParamType(),
    help="The certificate file to serve HTTPS with; or adhoc, or the import name of a context.",
    is_eager=True,
)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    callback=validate_key,
    expose_value=False,
    help="The key file that belongs to the certificate.",
)
@click.option(
    "--reload/--no-reload",
    default=None,
    help="Start the server anew when a file changes. By default, in debug mode.",
)
@click.option(
    "--reload-type",
    type=click.Choice(("auto", "watchfiles", "stat")),
    default="auto",
    help="How changes are noticed: told by the system (watchfiles), or by looking again and again"
    " (stat). By default, the better one that works here.",
)
@click.option(
    "--debugger/--no-debugger",
    default=None,
    help="Show a debugger in the browser when an exception is raised. By default, in debug mode.",
)
@click.option(
    "--inspector/--no-inspector",
    default=None,
    help="Show the last requests at /__dovetail__/. By default, with the debugger.",
)
@click.option(
    "--live-reload/--no-live-reload",
    default=False,
    help="Have the pages in the browser load themselves anew when the code, a template or a static"
    " file changes.",
)
@click.option(
    "--with-threads/--without-threads",
    default=True,
    help="Serve requests at the same time, each in its thread.",
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=1,
    help="Serve requests at the same time in so many processes, instead of in threads.",
)
@click.option(
    "--extra-files",
    default=None,
    type=SeparatedPathType(),
    help="More files whose change starts the server anew; directories, and patterns such as"
    " 'data/**/*.yaml', too. Multiple paths are separated by"
    f" {os.path.pathsep!r}.",
)
@click.option(
    "--exclude-patterns",
    default=None,
    type=SeparatedPathType(),
    help="Files that match these fnmatch patterns do not start the server anew. Multiple patterns"
    f" are separated by {os.path.pathsep!r}.",
)
@pass_script_info
def run_command(  # noqa: PLR0917  (click passes them by name)
    info: ScriptInfo,
    host: str,
    port: int,
    reload: bool | None,
    reload_type: str,
    debugger: bool | None,
    inspector: bool | None,
    live_reload: bool,
    with_threads: bool,
    processes: int,
    cert: Any,
    extra_files: list[str] | None,
    exclude_patterns: list[str] | None,
) -> None:
    """Serve the application on this machine, during development.

    It is for development only: neither secure nor fast enough for production. For
    that there is 'dovetail serve'.

    In debug mode the server is started anew when a file changes, and exceptions are
    shown in a debugger in the browser.
    """
    from dovetail.dev import serving  # noqa: PLC0415  (the one way up; only who serves needs it)

    debug = get_debug_flag()
    use_reloader, use_debugger = serving.choose_aids(debug, reload, debugger)
    _check_combinations(use_reloader)
    options: dict[str, Any] = {
        "use_reloader": use_reloader,
        "use_debugger": use_debugger,
        "threaded": with_threads and processes == 1,
        "processes": processes,
        "extra_files": extra_files,
        "exclude_patterns": exclude_patterns,
        "reloader_type": reload_type,
        "live_reload": live_reload,
        "inspector": inspector,
    }
    app = _load(info, options)
    follow_changes(options)  # also of files that the application has loaded itself
    options["ssl_context"] = _load_certificate(*cert) if isinstance(cert, tuple) else cert
    show_server_banner(debug, info.app_import_path)
    serving.run_simple(host, port, app, **options)


run_command.params.insert(0, debug_option)


def _check_combinations(use_reloader: bool) -> None:
    """Refuse options that contradict each other.

    :raises click.UsageError: two do.
    """
    ctx = click.get_current_context()

    def is_given(name: str) -> bool:
        return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE

    if ctx.params["processes"] > 1 and ctx.params["with_threads"] and is_given("with_threads"):
        raise click.UsageError(
            "--with-threads and --processes exclude each other: a server has either several"
            " threads or several processes; leave one of them out"
        )
    if is_given("reload_type") and not use_reloader:
        raise click.UsageError(
            "--reload-type says how the reloader notices changes, and there is no reloader: add"
            " --reload or --debug"
        )


def _load(info: ScriptInfo, options: dict[str, Any]) -> WSGIApplication:
    """Load the application, and get it ready to be served with these options.

    One that cannot be loaded after a change is replaced by one that shows why: the reloader goes on
    waiting for the change that mends it.
    """
    from dovetail.dev.reloader import (  # noqa: PLC0415  (only to serve)
        failing_application,
        note_failure,
    )
    from dovetail.dev.serving import is_running_from_reloader  # noqa: PLC0415  (only to serve)

    try:
        app = info.load_app()
    except (Exception, SystemExit) as raised:
        error = raised if isinstance(raised, Exception) else _describe_exit(raised)
        other = None
        if isinstance(error, NoAppException):
            other = locate_other_app(info.app_import_path)
        if other is not None:
            return other
        if not is_running_from_reloader():
            raise
        note_failure(error)
        trace = _from_their_code(error)
        lines = traceback.format_exception(type(error), error, trace)
        if isinstance(error, click.ClickException):
            lines = [f"Error: {error.format_message()}"]
        click.echo("".join(lines).rstrip("\n"), err=True)
        return failing_application(error, trace)
    develop(app, options)
    return app


def _describe_exit(error: SystemExit) -> Exception:
    # Who ends the program for lack of a setting is about to save that.
    reason = "" if error.code is None else f": {error.code}"
    text = f"the application ended the program while it was loaded{reason}"
    return RuntimeError(text).with_traceback(error.__traceback__)


def _from_their_code(error: Exception) -> TracebackType | None:
    """Return the traceback without the frames of the command that loads the application.

    A syntax error, which says itself where it is, may have no others.
    """
    trace = user_frames(error.__traceback__)
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        trace = user_frames(trace.tb_next)
    return error.__traceback__ if trace is None and not isinstance(error, SyntaxError) else trace


def _load_certificate(cert: str, key: str) -> SSLContext:
    from dovetail.dev.certificates import load_ssl_context  # noqa: PLC0415  (only to serve)

    try:
        return load_ssl_context(cert, key)
    except OSError as error:
        raise click.UsageError(
            f"--cert {cert} and --key {key} cannot be used: {error.strerror or error}. They must"
            " be a certificate and its private key, both in PEM."
        ) from error


# --- shell


@click.command("shell", short_help="Open a Python shell in the application's context.")
@with_appcontext
def shell_command() -> None:
    """Run an interactive Python shell in the context of the application.

    Its namespace has what the application puts there: g, app, and what its shell
    context processors return.
    """
    banner = (
        f"Python {sys.version} on {sys.platform}\n"
        f"App: {current_app.import_name}\n"
        f"Instance: {current_app.instance_path}"
    )
    names: dict[str, Any] = {}
    _run_startup(names)
    names.update(current_app.make_shell_context())
    _complete(names)
    code.interact(banner=banner, local=names)


def _run_startup(names: dict[str, Any]) -> None:
    """Run the file of PYTHONSTARTUP, as Python's own shell does."""
    path = os.environ.get("PYTHONSTARTUP")
    if path and os.path.isfile(path):
        with open(path, "rb") as file:
            exec(compile(file.read(), path, "exec"), names)


def _complete(names: dict[str, Any]) -> None:
    """Have the Tab key complete these names, if the platform has readline."""
    # What Python's shell does before its first prompt; site sets it up.
    hook: Callable[[], object] | None = getattr(sys, "__interactivehook__", None)
    if hook is None:
        return
    try:
        import readline  # noqa: PLC0415  (not on every platform)
        from rlcompleter import Completer  # noqa: PLC0415  (imports readline)
    except ImportError:
        pass
    else:
        readline.set_completer(Completer(names).complete)
    hook()


# --- routes


@dataclass(frozen=True, slots=True)
class _Route:
    """A row of the table."""

    endpoint: str
    methods: list[str]
    domain: str
    rule: str


@click.command("routes", short_help="List the routes of the application.")
@click.option(
    "--sort",
    "-s",
    type=click.Choice(("endpoint", "methods", "domain", "rule", "match")),
    default="endpoint",
    help="What to sort the routes by. 'match' is the order in which they are tried.",
)
@click.option("--all-methods", is_flag=True, help="Show the methods HEAD and OPTIONS, too.")
@with_appcontext
def routes_command(sort: str, all_methods: bool) -> None:
    """Show all routes with their endpoints and methods."""
    by_host = current_app.url_map.host_matching
    hidden = set() if all_methods else {"HEAD", "OPTIONS"}
    routes = [
        _Route(
            rule.endpoint,
            sorted((rule.methods or set()) - hidden),
            (rule.host if by_host else rule.subdomain) or "",
            rule.rule,
        )
        for rule in current_app.url_map.iter_rules()
    ]
    if not routes:
        click.echo("No routes were registered.")
        return
    if sort != "match":
        routes.sort(key=attrgetter(sort))
    columns = {
        "Endpoint": [route.endpoint for route in routes],
        "Methods": [", ".join(route.methods) for route in routes],
    }
    if any(route.domain for route in routes):
        columns["Host" if by_host else "Subdomain"] = [route.domain for route in routes]
    columns["Rule"] = [route.rule for route in routes]
    for line in _table(columns):
        click.echo(line)


def _table(columns: dict[str, list[str]]) -> Iterator[str]:
    """Yield the lines of a table, its head first."""
    widths = [max(map(len, (title, *cells))) for title, cells in columns.items()]
    yield _line(columns, widths)
    yield _line(("-" * width for width in widths), widths)
    for row in zip(*columns.values(), strict=True):
        yield _line(row, widths)


def _line(cells: Iterable[str], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
