"""Sending a captured request to the application here, under the debugger."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import shlex
import socket
import threading
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import click

from dovetail.app.application import App
from dovetail.app.groups import ScriptInfo
from dovetail.cli.captured_request import check_request, dump_request, put_in, warnings
from dovetail.dev.server import make_server
from dovetail.dev.stack import Stack
from dovetail.dev.workshop import removed_on_signals
from dovetail.loader import LoadError, load_app, set_search_path
from dovetail.server.capture import Capture, CaptureError, parse_capture
from dovetail.server.controls import escape_lines
from dovetail.server.masking import Mask
from dovetail.server.observation import Observation, Observer

__all__ = ["replay"]

Fields = list[tuple[str, str]]

_HOST = "127.0.0.1"
# What is larger is certainly no capture, in octets.
_MOST_OCTETS = 1 << 30
# How much of a response is read, and how much of that is shown, in octets.
_READ = 256 << 10
_SHOWN = 2000
# How long the server may take to note that its answer has been read, in seconds.
_PATIENCE = 10.0


def replay(path: str, info: ScriptInfo, given: Fields, *, once: bool) -> int:
    """Run the request of a file again and show what comes of it; return the exit status.

    :param info: names the application, or does not.
    :param given: header fields for what was masked, names in lower case.
    :param once: return then, instead of serving the debugger until Ctrl-C.
    :raises click.ClickException: the file is no capture, or there is no application.
    """
    try:
        capture = parse_capture(_read(path))
        fields = put_in(capture.fields, given)
        request = dump_request(capture, fields)
        check_request(request)
    except CaptureError as error:
        raise click.ClickException(f"{_printable(path)}: {_printable(str(error))}") from None
    mask = Mask()
    mask.fields([("secret", value) for _, value in given])  # so that they are not shown either
    for warning in warnings(capture, fields):
        click.echo(_printable(f"Warning: {warning}"), err=True)
    if capture.compat:
        _stand_in()
    stage = _Stage(_load(info, capture), capture, interactive=not once)
    quiet = contextlib.suppress(KeyboardInterrupt)
    with removed_on_signals(), stage.serving() as port, quiet:
        click.echo(_printable(_introduce(capture)))
        answer = stage.send(request, port)
        status = _show(answer, stage, mask)
        if stage.error_page and not once:
            click.echo(f"\nDebugger: http://{_HOST}:{port}{stage.error_page}")
            click.echo(f"PIN: {stage.pin or 'none is needed'}")
        if once:
            return status
        click.echo("Press Ctrl-C to quit")
        threading.Event().wait()
    return 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            octets = file.read(_MOST_OCTETS + 1)
    except OSError as error:
        raise CaptureError(f"it cannot be read: {error.strerror}") from None
    if len(octets) > _MOST_OCTETS:
        raise CaptureError("it is too large for a capture")
    return octets


# --- The application


def _stand_in() -> None:
    from dovetail.compat import InstallError, install  # noqa: PLC0415 (only for who needs it)

    try:
        install()
    except InstallError as error:
        raise click.ClickException(f"the capture was made with --compat: {error}") from error


def _load(info: ScriptInfo, capture: Capture) -> WSGIApplication:
    """Return the application that the command line names, or else the capture."""
    # For what is made on import: exceptions go to the debugger in debug mode.
    os.environ["DOVETAIL_DEBUG"] = os.environ["FLASK_DEBUG"] = "1"
    named = info.app_import_path
    try:
        set_search_path(".")
        if named and not _is_for_loader(named):
            application: WSGIApplication = info.load_app()
        else:
            application = load_app(named or _trusted(capture.application))
    except LoadError as error:
        raise click.ClickException(str(error)) from error
    if isinstance(application, App):
        application.debug = True
        application.config["PROPAGATE_EXCEPTIONS"] = True
    return application


def _is_for_loader(named: str) -> bool:
    """Whether it is MODULE:ATTR, and not a path or a module to look for an application in."""
    module, colon, _ = named.partition(":")
    return bool(colon) and all(part.isidentifier() for part in module.split("."))


def _trusted(named: str) -> str:
    """Return the reference that a capture has to its application.

    It comes from a file, which must not choose what is imported and called here: it is a plain name
    in the current directory.

    :raises click.ClickException: it is something else.
    """
    module, _, attribute = named.partition(":")
    names = [*module.split("."), *(attribute.split(".") if attribute else ())]
    if all(name.isidentifier() for name in names) and _is_here(names[0]):
        return named
    if not named:
        raise click.ClickException("the capture names no application; name it with --app")
    raise click.ClickException(
        f"the capture names the application {_printable(named)}, which is not just a name in this"
        f" directory. If it is the right one, say so: --app {_printable(shlex.quote(named))}"
    )


def _is_here(module: str) -> bool:
    """Whether a top-level module is in the current directory; imports nothing."""
    try:
        found = find_spec(module)
    except (ImportError, ValueError):
        return False
    if found is None:
        return False
    places = list(found.submodule_search_locations or ())
    if found.has_location and found.origin is not None:
        places.append(found.origin)
    here = Path.cwd().resolve()
    return bool(places) and all(_is_own(Path(place).resolve(), here) for place in places)


def _is_own(place: Path, here: Path) -> bool:
    """Whether a place is in a directory, and not in an environment that happens to be there."""
    installed = {"site-packages", "dist-packages"} & set(place.parts)
    return place.is_relative_to(here) and not installed


# --- The request


@dataclass
class _Answer:
    """The response, the beginning of its content, and whether that is all of it."""

    status: int
    reason: str
    fields: Fields
    content: bytes
    complete: bool


class _Stage:
    """A development server with the application, its debugger, and the request of a capture.

    :param interactive: pages of errors evaluate Python for who knows the PIN.
    """

    def __init__(
        self, application: WSGIApplication, capture: Capture, *, interactive: bool
    ) -> None:
        self._application = application
        self._capture = capture
        self._around = Stack(
            self._call, _HOST, use_debugger=True, use_evalex=interactive, inspector=interactive
        )
        self._inspector: Observer | None = None
        self._port = ""  # of the client that sends the request
        self._errors: TextIO | None = None
        self._ended = threading.Event()
        #: As Python prints the exception that the request ended in, or empty.
        self.traceback = ""
        #: The path of the debugger's page about it, or empty.
        self.error_page = ""
        self.dovetail_stream_input = getattr(application, "dovetail_stream_input", False)

    @property
    def pin(self) -> str | None:
        """What the debugger asks for."""
        debugger = self._around.debugger
        return None if debugger is None else debugger.pin

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        """Serve in a thread of its own, at the port that this context is about."""
        server = make_server(_HOST, 0, self, threaded=True)
        self._around.attach(server)
        self._inspector, server.observer = server.observer, self
        thread = threading.Thread(target=server.serve_forever, name="server", daemon=True)
        thread.start()
        try:
            yield server.port
        finally:
            server.shutdown()
            thread.join(_PATIENCE)
            self._around.close()

    def send(self, request: bytes, port: int) -> _Answer | None:
        """Send the request; None if the connection was broken off before there was an answer."""
        with socket.create_connection((_HOST, port)) as client:
            self._port = str(client.getsockname()[1])
            with contextlib.suppress(ConnectionError):  # it may be refused before all is sent
                client.sendall(request)
            answer = _receive(client, self._capture.method)
        if self._errors is not None:  # else the server has answered it without the application
            self._ended.wait(_PATIENCE)
        return answer

    def _is_it(self, environ: WSGIEnvironment) -> bool:
        """Whether a request is the one of the capture."""
        # When it is over, its port may become another client's.
        return environ.get("REMOTE_PORT") == self._port and not self._ended.is_set()

    # The server calls this for every request, those of the debugger's pages too.

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._is_it(environ):
            # The debugger writes the traceback there, which is shown behind the answer.
            self._errors, environ["wsgi.errors"] = environ["wsgi.errors"], io.StringIO()
        return self._around.application(environ, start_response)

    def _call(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Have the application see the request as it came in production."""
        if not self._is_it(environ):
            return self._application(environ, start_response)
        capture = self._capture
        # A copy: the debugger outside is to see where the request comes from now.
        inside = {
            **environ,
            "wsgi.errors": self._errors,
            "wsgi.url_scheme": capture.scheme,
            "SERVER_NAME": capture.server_name,
            "SERVER_PORT": capture.server_port,
            "REMOTE_ADDR": capture.client,
            "REMOTE_PORT": capture.client_port,
        }
        return self._application(inside, start_response)

    # The server's observer

    def calling(self, environ: WSGIEnvironment) -> None:
        """Let the inspector see a request."""
        if self._inspector is not None:
            self._inspector.calling(environ)

    def answered(self, seen: Observation) -> None:
        """Note how the request ended."""
        if self._inspector is not None:
            self._inspector.answered(seen)
        if not self._is_it(seen.environ):
            return
        if seen.record.error is not None:
            self.traceback = "".join(traceback.format_exception(seen.record.error))
        self.error_page = seen.record.error_page
        self._ended.set()


def _receive(client: socket.socket, method: str) -> _Answer | None:
    response = http.client.HTTPResponse(client, method=method)
    content, complete = b"", False
    try:
        response.begin()
        while len(content) < _READ and not complete:
            block = response.read1(_READ)
            content += block
            complete = not block
    except http.client.IncompleteRead as error:
        content += error.partial
    except (OSError, http.client.HTTPException):
        if response.status == http.client._UNKNOWN:  # type: ignore[attr-defined]
            return None
    return _Answer(response.status, response.reason, response.getheaders(), content, complete)


# --- What is shown


def _printable(text: str) -> str:
    """Escape what must not command the terminal, and what cannot be encoded."""
    return escape_lines(text).encode(errors="backslashreplace").decode()


def _introduce(capture: Capture) -> str:
    outcome = f"status {capture.status}" if capture.status else "no answer"
    return (
        f"{capture.method} {capture.target} (id {capture.id}, route {capture.route or '-'})\n"
        f"in production: {outcome} after {capture.duration_ms:.1f} ms, {capture.time}"
    )


def _show(answer: _Answer | None, stage: _Stage, mask: Mask) -> int:
    """Print the answer and the traceback; return 1 for a failure, else 0."""
    if answer is None:
        click.echo("here: no answer; the connection was broken off")
    else:
        click.echo(_printable(f"here: status {answer.status} {answer.reason}\n"))
        for name, value in mask.fields(answer.fields):
            click.echo(_printable(f"{name}: {mask.text(value)}"))
        if answer.content and not stage.error_page:
            click.echo("\n" + _printable(mask.text(_excerpt(answer))))
    if stage.traceback:
        click.echo("\n" + _printable(mask.text(stage.traceback.rstrip("\n"))))
    return int(answer is None or answer.status >= 500 or bool(stage.traceback))


def _excerpt(answer: _Answer) -> str:
    text = answer.content[:_SHOWN].decode("utf-8", "replace")
    if answer.complete and len(answer.content) <= _SHOWN:
        return text
    return text + "\n[...]"
