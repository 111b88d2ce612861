"""The debugger as middleware: shows what an application raises, and evaluates code in it."""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from dovetail.data.exceptions import HTTPException, MethodNotAllowed, NotFound, SecurityError
from dovetail.data.hosts import host_is_trusted
from dovetail.dev import console
from dovetail.dev.clients import LOCAL_HOSTS, is_of_own_page, is_of_own_user
from dovetail.dev.debugger import answers
from dovetail.dev.debugger.beginning import Beginning
from dovetail.dev.debugger.deferral import without_keeping_the_thread
from dovetail.dev.debugger.frames import DebugFrameSummary, process_of
from dovetail.dev.debugger.lock import Lock
from dovetail.dev.debugger.outline import outline, text_for_log
from dovetail.dev.debugger.page import render_console, render_error
from dovetail.dev.debugger.relay import Message, ProcessEnded, Relay, Seat, TooSlow
from dovetail.dev.debugger.store import MOST_TRACEBACKS, ConsoleFrame, Kept, Store
from dovetail.dev.debugger.tracebacks import DebugTraceback
from dovetail.dev.origin import is_running_from_reloader
from dovetail.dev.pages import make_private
from dovetail.dev.places import ERRORS, PREFIX
from dovetail.dev.workshop import Workshop
from dovetail.gateway import ClientDisconnected
from dovetail.gateway.upgrade import UpgradeSocket
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response

__all__ = ["DebuggedApplication"]

_is_page_id = re.compile(r"[0-9a-f]{1,8}-[0-9a-f]{16}").fullmatch

# Longer than the store waits for an evaluation, so that its own answer arrives.
_RELAY_PATIENCE = 130.0
_OTHER_RUN = "This page is of another run of the server: load it again.\n"
_OTHER_SITE = "Only the debugger's own pages can ask for this.\n"
_NEEDS_PIN = "This needs the debugger's PIN.\n"
_SWITCHED_OFF = "Evaluation is switched off for this server.\n"
_GONE = (
    "This traceback is not kept any more: the last {most} are, and only as long as the process "
    "runs that they are of. Send the request again.\n"
)
_ENDED = (
    "The process that raised this has ended, maybe because the code was changed. Send the request "
    "again.\n"
)
_SLOW = "The process that raised this does not answer in time.\n"
_UNKNOWN_HOST = (
    "No console: the debugger does not trust the name by which this server was asked for. Open the "
    "page as http://127.0.0.1 or http://localhost, or add the name to trusted_hosts."
)
_PIN = " * Debugger PIN: %s"

_serial_numbers = count()


class _CommandRequest(Request):
    """A request of the debugger's own page; its content is bounded."""

    max_content_length = 4 << 20
    max_form_memory_size = 4 << 20
    max_form_parts = 20


@dataclass(frozen=True, slots=True)
class _View:
    """What a client gets to see of a page."""

    evalex: bool
    trusted: bool
    show_variables: bool
    refusal: str = ""


class DebuggedApplication:
    """Middleware that shows what an application raises, and evaluates code where it was raised.

    Whoever can evaluate code can do everything that the server's user can, so this is for the
    development server of one user. What a client gets:

    - the traceback, every client. Those that do not accept HTML get it as plain text.
    - the values of local variables, one that this server's own user runs on this machine (where
      the system tells: see :mod:`dovetail.dev.clients`), or that has given the PIN; both only if
      the request's host is one of :attr:`trusted_hosts`.
    - evaluation, one that has given the PIN and shows the page's :attr:`secret`, from a page of
      this server; and again only if the host is trusted.

    :param app: the WSGI application.
    :param evalex: whether code can be evaluated at all.
    :param request_key: part of the documented interface; says nothing any more.
    :param console_path: where the console is that belongs to no traceback; None for nowhere.
    :param console_init_func: makes the names that exist in that console.
    :param show_hidden_frames: show the frames, too, that hide themselves by
        ``__traceback_hide__``.
    :param pin_security: whether evaluation needs the PIN. Without, any program of this machine, and
        any web page that finds a way around the browser's rules, can run code.
    :param pin_logging: whether the PIN is written to the log.
    """

    def __init__(  # noqa: PLR0917  the documented order
        self,
        app: WSGIApplication,
        evalex: bool = False,
        request_key: str = "werkzeug.request",
        console_path: str = "/console",
        console_init_func: Callable[[], dict[str, Any]] | None = None,
        show_hidden_frames: bool = False,
        pin_security: bool = True,
        pin_logging: bool = True,
    ) -> None:
        self.app = app
        self.evalex = evalex
        self.request_key = request_key
        self.console_path = console_path
        self.console_init_func = console_init_func or dict
        self.show_hidden_frames = show_hidden_frames
        self.pin_logging = pin_logging
        #: The hosts by which the debugger can be reached; one with a leading dot stands for its
        #: subdomains, too.
        self.trusted_hosts: list[str] = [*LOCAL_HOSTS]
        #: What pages show with all they ask for: the same in all processes and over reloads.
        self.secret = _derive_secret()
        #: The server reads it: whether the application takes content as it arrives.
        self.dovetail_stream_input = bool(getattr(app, "dovetail_stream_input", False))
        self._store = Store()
        #: The frames that are kept, by id.
        self.frames = self._store.frames
        #: By a frame's id, the contexts that code in it is evaluated in.
        self.frame_contexts = self._store.contexts
        # Each process makes its applications in the same order.
        self._name = f"debugger-{next(_serial_numbers)}"
        self._relay = Relay(self._answer_process)
        self._console = Seat(self._relay, self._name, "console")
        self._lock = Lock(app, self._name)
        if not pin_security:
            self.pin = None
        if is_running_from_reloader():
            self.announce()

    # The PIN

    @property
    def pin(self) -> str | None:
        """The PIN; None if none is needed."""
        return self._lock.pin

    @pin.setter
    def pin(self, value: str | None) -> None:
        self._lock.pin = value

    @property
    def pin_cookie_name(self) -> str | None:
        """The name of the cookie of those who have given the PIN; None if none is needed."""
        return self._lock.cookie_name

    def announce(self) -> None:
        """Log that the debugger is on, and the PIN; once for all processes, and not on reloads."""
        if not self.pin_logging:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            os.close(os.open(Workshop.current().path / f"{self._name}-announced", flags, 0o600))
        except FileExistsError:
            return
        console.log("warning", " * Debugger is active!")
        if self.pin is None:
            console.log(
                "warning", " * Debugger PIN is off: who reaches this server can run code on it!"
            )
        else:
            console.log("info", _PIN, self.pin)

    # As a WSGI application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer what is for the debugger; pass on the rest, and show what that raises."""
        answer = self._own_answer(environ)
        if answer is None:
            return self.debug_application(environ, start_response)
        return answer(environ, start_response)

    def _own_answer(self, environ: WSGIEnvironment) -> WSGIApplication | None:
        path = environ.get("PATH_INFO", "")
        try:
            if "__debugger__=yes" in environ.get("QUERY_STRING", ""):
                request = _CommandRequest(environ)
                if request.args.get("__debugger__") == "yes":
                    return self._command(request)
            if self.evalex and self.console_path is not None and path == self.console_path:
                return self.display_console(_CommandRequest(environ))
            if path.startswith(ERRORS):
                return self._page_again(_CommandRequest(environ), path.removeprefix(ERRORS))
        except HTTPException as error:
            found: Response = error.get_response(environ)
            return make_private(found)
        return None

    def debug_application(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterator[bytes]:
        """Run the application and send its response, or a page about what it raises.

        :raises Exception: what the application raises when its response has begun: the server has
            to break that off.
        """
        contexts: list[AbstractContextManager[Any]] = []
        if self.evalex:
            environ["werkzeug.debug.preserve_context"] = contexts.append
        beginning = Beginning(start_response)
        app_iter: Iterable[bytes] = ()
        try:
            try:
                app_iter = self.app(environ, beginning)
                for piece in app_iter:
                    if piece:
                        beginning.release(sent=True)
                        yield piece
                beginning.release()
            finally:
                if hasattr(app_iter, "close"):
                    app_iter.close()
        except ClientDisconnected:
            raise  # there is nobody to show it to
        except Exception as error:
            sock = environ.get("werkzeug.socket")
            is_taken = isinstance(sock, UpgradeSocket) and sock.is_taken
            if isinstance(error, ConnectionError) and is_taken:
                raise  # a WebSocket has ended: see Exchange.run
            yield self._report(error, contexts, environ, beginning)
        else:
            # A circle: they have the request, which has the environ, which has them.
            contexts.clear()

    def _report(
        self,
        error: Exception,
        contexts: list[AbstractContextManager[Any]],
        environ: WSGIEnvironment,
        beginning: Beginning,
    ) -> bytes:
        # The first frame is the one of this middleware.
        traceback = DebugTraceback(error, skip=1, hide=not self.show_hidden_frames)
        request = Request(environ, populate_request=False)
        kept = Kept(traceback, answers.request_line(request), contexts)
        # Set by what answers in place of a program that cannot be imported.
        kept.at_start = "dovetail.failed_start" in environ
        self._store.add(kept)
        self._listen()
        record = environ.get("dovetail.request")
        if record is not None:
            # Only for the inspector it has marks.
            kept.inspected = record.marks is not None
            record.error_page = ERRORS + kept.id
            record.error = error
        response = self._error_response(kept, request)
        # The length is known: an answer to HEAD has to have it, too.
        fields = response.get_wsgi_headers(environ).to_wsgi_list()
        begun = False
        try:
            beginning.replace(response.status, fields)
        except Exception:
            begun = True
        if begun:
            # Raised in the handler above, the error would lose its own context.
            text = "The application failed when its response had begun, which is broken off now.\n"
            # Our own server logs the traceback of what is raised.
            shown = "" if record is not None else text_for_log(traceback, environ["wsgi.errors"])
            _log(environ, text + shown)
            raise error from error.__cause__
        _log(environ, text_for_log(traceback, environ["wsgi.errors"]))
        return b"" if request.method == "HEAD" else response.get_data()

    # Pages

    def _error_response(self, kept: Kept, request: Request) -> Response:
        view = self._view(request.environ)
        text = kept.traceback.render_traceback_text()
        if answers.accepts_html(request):
            nonce = secrets.token_urlsafe(18)
            try:
                return answers.page(self._render(kept, view, nonce), nonce, 500)
            except Exception as error:
                # What failed may hold anything; the traceback is seen in any case.
                text += f"\nThe debugger's page failed itself: {type(error).__name__}: {error}\n"
        if found := outline(kept.traceback):
            text += f"\n{found}"
        if view.evalex:
            root = request.host_url.rstrip("/") + request.script_root
            text += f"\nDebugger: {root}{ERRORS}{kept.id}\n"
        return answers.plain(text, 500)

    def _view(self, environ: WSGIEnvironment) -> _View:
        known_host = self.check_host_trust(environ)
        trusted = known_host and self.check_pin_trust(environ) is True
        return _View(
            evalex=self.evalex and known_host,
            trusted=trusted,
            show_variables=trusted or (known_host and is_of_own_user(environ)),
            refusal="" if known_host else _UNKNOWN_HOST,
        )

    def _render(self, kept: Kept, view: _View, nonce: str) -> str:
        return render_error(
            kept.traceback,
            secret=self.secret,
            nonce=nonce,
            request_line=kept.request_line,
            at_start=kept.at_start,
            inspector=f"{PREFIX}?error={kept.id}" if kept.inspected and not view.refusal else "",
            **asdict(view),
        )

    def _page_again(self, request: Request, page: str) -> Response:
        """Return the page of an error that was shown before, whatever process keeps it."""
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed(["GET", "HEAD"])
        self._require_host(request.environ)
        view = self._view(request.environ)
        nonce = secrets.token_urlsafe(18)
        process, _, _ = page.partition("-")
        kept = self._store.find(page)
        if kept is not None:
            return answers.page(self._render(kept, view, nonce), nonce, 200)
        if not _is_page_id(page):
            raise NotFound
        question = {"page": page, "view": asdict(view), "nonce": nonce}
        answer = self._ask(int(process, 16), question)
        if isinstance(answer, Response):
            return answer
        return answers.page(answer["html"], nonce, 200)

    def display_console(self, request: Request) -> Response:
        """Return the page of the console that belongs to no traceback.

        :raises SecurityError: the request's host is not trusted.
        """
        self._require_host(request.environ)
        self._own_console()
        nonce = secrets.token_urlsafe(18)
        trusted = self.check_pin_trust(request.environ) is True
        return answers.page(
            render_console(secret=self.secret, trusted=trusted, nonce=nonce), nonce, 200
        )

    def get_resource(self, request: Request, filename: str) -> Response:
        """Return a file that belongs to the debugger's pages, which have all they need in them.

        :raises NotFound: there is none of that name.
        """
        return answers.resource(filename).make_conditional(request.environ)

    # Commands of pages

    def _command(self, request: Request) -> WSGIApplication | None:
        """Answer a command of a page; None if it is none."""
        values = request.values
        command = values.get("cmd")
        if command is None:
            return None
        if command == "resource" and "f" in values:
            return self.get_resource(request, values["f"])
        if objection := self._objection(request):
            return answers.plain(objection, 403)
        if command == "pinauth":
            return self.pin_auth(request)
        if command == "printpin":
            return self.log_pin_request(request)
        stops = values.get("stop") == "yes"
        frame = abs(values.get("frm", 1, type=int))
        return self._evaluate(request, None if stops else command, frame)

    def _objection(self, request: Request) -> str:
        """Return why a request cannot be one of the debugger's own pages; empty if it can."""
        if not is_of_own_page(request.environ):
            return _OTHER_SITE
        shown = request.values.get("s", "").encode("utf-8", "surrogatepass")
        return "" if hmac.compare_digest(shown, self.secret.encode()) else _OTHER_RUN

    def _evaluate(self, request: Request, command: str | None, frame_id: int) -> WSGIApplication:
        if not self.evalex:
            return answers.plain(_SWITCHED_OFF, 403)
        self._require_host(request.environ)
        if self.check_pin_trust(request.environ) is not True:
            return answers.plain(_NEEDS_PIN, 403)
        frame: DebugFrameSummary | ConsoleFrame | None = self.frames.get(frame_id)
        if frame_id == 0:
            frame = self._own_console()
        if frame is not None:
            work = partial(self.execute_command, request, command, frame)
        else:
            process = process_of(frame_id) if frame_id else self._console.process()
            work = partial(self._evaluate_elsewhere, process, frame_id, command)
        return without_keeping_the_thread(request.environ, work)

    def _evaluate_elsewhere(self, process: int, frame_id: int, command: str | None) -> Response:
        answer = self._ask(process, {"frame": frame_id, "command": command})
        return answer if isinstance(answer, Response) else answers.fragment(answer["html"])

    def execute_command(
        self, request: Request, command: str | None, frame: DebugFrameSummary | ConsoleFrame
    ) -> Response:
        """Evaluate a command in a frame of this process; return what it gives as HTML.

        :param command: None stops the one that runs.
        :raises SecurityError: the request's host is not trusted.
        """
        self._require_host(request.environ)
        return answers.fragment(self._store.evaluate(frame, command))

    def pin_auth(self, request: Request) -> Response:
        """Check the PIN that a page sends; return, as JSON, whether it is right.

        ``auth`` says so, ``exhausted`` that no PIN is looked at any more until the server is
        started again. Whoever is right gets a cookie.

        :raises SecurityError: the request's host is not trusted.
        """
        self._require_host(request.environ)
        return self._lock.answer(request, self.check_pin_trust(request.environ))

    def log_pin_request(self, request: Request) -> Response:
        """Write the PIN to the log, for whoever can read that.

        :raises SecurityError: the request's host is not trusted.
        """
        self._require_host(request.environ)
        if self.pin_logging and self.pin is not None:
            console.log("info", _PIN, self.pin)
        return answers.plain("", 200)

    # Whom to trust

    def check_host_trust(self, environ: WSGIEnvironment) -> bool:
        """Tell whether the host that a request is for is one of :attr:`trusted_hosts`."""
        # An empty list would be one of all hosts.
        trusted = self.trusted_hosts
        return bool(trusted) and host_is_trusted(environ.get("HTTP_HOST"), trusted)

    def _require_host(self, environ: WSGIEnvironment) -> None:
        if not self.check_host_trust(environ):
            raise SecurityError(_UNKNOWN_HOST)

    def check_pin_trust(self, environ: WSGIEnvironment) -> bool | None:
        """Tell whether a client has given the PIN, or needs none.

        :return: None if its cookie says so but was not made by this user for this PIN.
        """
        return self._lock.trusts(environ)

    # Other processes

    def _listen(self) -> None:
        if Workshop.current().is_shared:
            with contextlib.suppress(OSError):  # then frames can be reached in this process only
                self._relay.listen(self._name)

    def _ask(self, process: int, question: Message) -> Message | Response:
        """Return what another process answers, or a response that says why it does not."""
        gone = _GONE.format(most=MOST_TRACEBACKS)
        if process in {0, os.getpid()}:
            return answers.plain(gone, 404)
        try:
            answer = self._relay.ask(process, self._name, question, _RELAY_PATIENCE)
        except ProcessEnded:
            return answers.plain(_ENDED, 410)
        except TooSlow:
            return answers.plain(_SLOW, 504)
        return answer if isinstance(answer.get("html"), str) else answers.plain(gone, 404)

    def _answer_process(self, question: Message) -> Message | None:
        """Answer what another process asks, which has checked that the client may know."""
        if "page" in question:
            kept = self._store.find(question["page"])
            if kept is None:
                return None
            return {"html": self._render(kept, _View(**question["view"]), question["nonce"])}
        frame = self.frames.get(question["frame"])
        return None if frame is None else {"html": self._store.evaluate(frame, question["command"])}

    # The console that belongs to no traceback: all processes use that of one

    def _own_console(self) -> ConsoleFrame | None:
        """Return the console if it is, or is to be, in this process."""
        if self.console_path is None or not self._console.take(self._listen):
            return None
        return self._store.console(self._console_names)

    def _console_names(self) -> dict[str, Any]:
        return {"app": self.app, **self.console_init_func()}


def _derive_secret() -> str:
    # Pages get to see it, and the workshop's own is for more than these.
    secret = Workshop.current().secret.encode()
    return hmac.new(secret, b"debugger page", "sha256").hexdigest()[:32]


def _log(environ: WSGIEnvironment, text: str) -> None:
    # Who pipes the server to `head`, or has no room on the disk, is shown the page all the same.
    with contextlib.suppress(OSError, ValueError):
        environ["wsgi.errors"].write(text)
