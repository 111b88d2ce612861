"""The inspector: sees the requests of a development server, and shows them."""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from dovetail.data.exceptions import HTTPException
from dovetail.dev import console
from dovetail.dev.clients import LOCAL_HOSTS
from dovetail.dev.inspector import log_lines
from dovetail.dev.inspector.admission import Admission
from dovetail.dev.inspector.entry import Visit, make_entry
from dovetail.dev.inspector.history import History
from dovetail.dev.inspector.log_lines import LogLines
from dovetail.dev.inspector.phases import NAMES
from dovetail.dev.inspector.replay import TOKEN_FIELD, Address, Replayer, Tokens, parse_address
from dovetail.dev.inspector.views import show_entry, show_head
from dovetail.dev.pages import Pages, content_security_policy, make_private
from dovetail.dev.places import NEWS, PREFIX
from dovetail.dev.workshop import Workshop
from dovetail.gateway.record import RequestRecord
from dovetail.server.observation import Observation
from dovetail.toolkit.request import Request
from dovetail.toolkit.response import Response

__all__ = ["Inspector"]

Environ = dict[str, Any]

_VISIT = "dovetail.inspector.visit"
_TOKEN_KEY = "HTTP_" + TOKEN_FIELD.upper().replace("-", "_")
_FILE = "requests.sqlite3"
# What the pages send back: a secret, and little else.
_MOST_FORM = 4096
_MOST_QUERY = 200

_path = re.compile(
    rf"(?P<json>{re.escape(NEWS)})|{PREFIX}(?:(?P<list>)|(?P<clear>clear)"
    r"|requests/(?P<number>[0-9]{1,15})(?:/(?P<action>replay|reveal))?)"
).fullmatch


class _InspectorRequest(Request):
    max_content_length = _MOST_FORM
    max_form_memory_size = _MOST_FORM
    max_form_parts = 8


class Inspector:
    """Middleware with the pages of the inspector, and the observer that fills them.

    Set it as the ``observer`` of the server, and use it as the server's application. Around what
    the debugger shows errors of, it sees what the debugger answers; within it, when the application
    has failed: both works.

    :param application: the WSGI application that is inspected.
    :param address: where the server listens: host and port, or a Unix socket's path. Replays go
        there; None sends them to the address that the request for the replay came in at, which is
        known for TCP only. May be set later.
    :param trusted_hosts: the hosts by which the inspector may be reached; one with a leading dot
        stands for its subdomains, too.
    :param pin_trust: called with the environ, tells whether a client has entered the debugger's
        PIN, and so may see the inspector from another machine. May be set later.
    :param workshop: by default the current one.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        address: object = None,
        trusted_hosts: Collection[str] = LOCAL_HOSTS,
        pin_trust: Callable[[Environ], bool | None] | None = None,
        workshop: Workshop | None = None,
    ) -> None:
        self.application = application
        #: The server reads it: whether the application takes content as it arrives.
        self.dovetail_stream_input = bool(getattr(application, "dovetail_stream_input", False))
        self.address = address
        shop = Workshop.current() if workshop is None else workshop
        secret = hmac.new(shop.secret.encode(), b"inspector page", "sha256").hexdigest()
        self._admission = Admission(secret, trusted_hosts, pin_trust)
        self._tokens = Tokens(shop.secret)
        # Numbers of requests begin anew with another run, of which an open list has to know.
        self._run = hmac.new(shop.secret.encode(), b"inspector run", "sha256").hexdigest()[:16]
        self.history = History(shop.path / _FILE)
        self._replayer = Replayer(self.history.note)
        self._pages = Pages("dovetail.dev.inspector")
        log_lines.install()

    @property
    def trusted_hosts(self) -> Collection[str]:
        """The hosts by which the inspector may be reached."""
        return self._admission.trusted_hosts

    @trusted_hosts.setter
    def trusted_hosts(self, hosts: Collection[str]) -> None:
        self._admission.trusted_hosts = hosts

    @property
    def pin_trust(self) -> Callable[[Environ], bool | None] | None:
        """Tells whether a client has entered the debugger's PIN."""
        return self._admission.pin_trust

    @pin_trust.setter
    def pin_trust(self, function: Callable[[Environ], bool | None] | None) -> None:
        self._admission.pin_trust = function

    def close(self) -> None:
        """Let go of the history's file and of the log."""
        self.history.close()
        log_lines.uninstall()

    # As the server's observer

    def calling(self, environ: Environ) -> None:
        """See a request before the application does."""
        if _is_own(environ["PATH_INFO"]):
            log_lines.collect(None)
            return
        lines = LogLines()
        address, port = environ["REMOTE_ADDR"], environ["REMOTE_PORT"]
        client = f"[{address}]:{port}" if ":" in address else f"{address}:{port}".strip(":")
        token = environ.get(_TOKEN_KEY)
        origin = self._tokens.load(token) if token else 0
        if origin:
            del environ[_TOKEN_KEY]
        environ[_VISIT] = Visit(client or "Unix socket", lines, origin)
        record: RequestRecord = environ["dovetail.request"]
        record.marks = []
        log_lines.collect(lines)

    def answered(self, seen: Observation) -> None:
        """Keep a request that was answered."""
        visit = seen.environ.get(_VISIT)
        if not isinstance(visit, Visit):
            return
        visit.lines.close()
        if _is_debuggers(seen):
            return
        try:
            hidden = TOKEN_FIELD if visit.origin else ""
            self.history.add(make_entry(seen, visit, hidden))
        except Exception:
            # The request is answered; that it is not listed is no reason to break the connection.
            console.log("error", "The inspector could not keep a request:", exc_info=True)

    # As middleware

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer for the inspector's paths; call the application for all others."""
        match = _path(environ.get("PATH_INFO", ""))
        if match is not None:
            return self._answer(environ, match)(environ, start_response)
        record = environ.get("dovetail.request")
        if record is None or record.marks is None:
            return self.application(environ, start_response)
        try:
            result = self.application(environ, partial(_respond, record, start_response))
        except BaseException:
            record.mark("failed")
            raise
        record.mark("returned")
        return result

    def _answer(self, environ: WSGIEnvironment, match: re.Match[str]) -> Response:
        refusal = self._admission.refusal(environ)
        if refusal:
            return _plain(403, refusal)
        request = _InspectorRequest(environ, populate_request=False)
        try:
            if match["clear"] or match["action"]:
                return self._act(request, match)
            return self._read(request, match)
        except HTTPException as error:
            return _plain(error.code or 400, error.description or "The request is malformed.")

    def _read(self, request: Request, match: re.Match[str]) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return _plain(405, "This page can only be read.", Allow="GET, HEAD")
        if match["json"]:
            return self._list_json(request)
        if match["number"]:
            return self._show(request, int(match["number"]), reveal=False)
        return self._list(request)

    # What changes something, or shows secrets

    def _act(self, request: Request, match: re.Match[str]) -> Response:
        if request.method != "POST":
            return _plain(405, "This takes a POST from the inspector's page.", Allow="POST")
        objection = self._admission.objection(request.environ, request.form.get("s", ""))
        if objection:
            return _plain(403, objection)
        if match["clear"]:
            self.history.clear()
            return _redirect(PREFIX)
        number = int(match["number"])
        if match["action"] == "reveal":
            return self._show(request, number, reveal=True)
        return self._replay(request, number)

    def _replay(self, request: Request, number: int) -> Response:
        entry = self.history.find(number)
        if entry is None:
            return _gone(number)
        problem = f"It cannot be sent again: {entry.obstacle}." if entry.obstacle else ""
        address = self._own_address(request.environ)
        if not problem and address is None:
            problem = "It cannot be sent again: the server's own address is not known."
        last = max((head.id for head in self.history.snapshot(number).heads), default=number)
        if (
            not problem
            and address is not None
            and not self._replayer.start(entry, address, self._tokens.dump(number))
        ):
            problem = "Too many replays are under way: wait until they are answered."
        if _wants_json(request):
            return _json({"problem": problem, "last": last}, 409 if problem else 202)
        if problem:
            return _plain(409, problem)
        return _redirect(f"{PREFIX}requests/{number}#replays")

    def _own_address(self, environ: WSGIEnvironment) -> Address | None:
        tls = environ["wsgi.url_scheme"] == "https"
        if self.address is not None:
            return Address(parse_address(self.address), tls)
        if environ.get("REMOTE_PORT", "").strip("0"):
            # It is what the socket of this very connection is bound to.
            place = environ["SERVER_NAME"], int(environ["SERVER_PORT"])
            return Address(parse_address(place), tls)
        return None

    # Pages

    def _list(self, request: Request) -> Response:
        found = self.history.snapshot()
        # A page of the debugger leads here by its own number.
        page = request.args.get("error", "")[:_MOST_QUERY]
        about = [head for head in found.heads if page and head.error_page.endswith(f"/{page}")]
        if len(about) == 1:
            return _redirect(f"{PREFIX}requests/{about[0].id}")
        words = request.args.get("q", page)[:_MOST_QUERY]
        errors_only = request.args.get("errors") == "1"
        slowest_first = request.args.get("order") == "slowest"
        rows = [show_head(head) for head in found.heads if head.is_error or not errors_only]
        rows = [row for row in rows if _contains(row, words)]
        if slowest_first:
            rows.sort(key=lambda row: row["duration"], reverse=True)
        return self._page(
            "list.html",
            rows=rows,
            widest=max((row["duration"] for row in rows), default=1) or 1,
            total=len(found.heads),
            run=self._run,
            notes=found.notes,
            words=words,
            errors_only=errors_only,
            slowest_first=slowest_first,
            names=NAMES,
        )

    def _list_json(self, request: Request) -> Response:
        after, about = (
            request.args.get(name, 0, type=_parse_number) for name in ("after", "about")
        )
        found = self.history.snapshot(after)
        return _json(
            {
                "requests": [show_head(head) for head in found.heads],
                "run": self._run,
                "oldest": found.oldest,
                "notes": found.notes,
                "about": self.history.notes_about(about) if about else [],
            }
        )

    def _show(self, request: Request, number: int, *, reveal: bool) -> Response:
        entry = self.history.find(number)
        if entry is None:
            return _gone(number)
        before = self.history.find(entry.head.origin) if entry.head.origin else None
        return self._page(
            "request.html",
            before=show_head(before.head) if before is not None else None,
            **show_entry(entry, request.scheme, reveal=reveal),
            replays=[show_head(head) for head in self.history.replays_of(number)],
            notes=self.history.notes_about(number),
        )

    def _page(self, template: str, **values: Any) -> Response:
        nonce = secrets.token_urlsafe(16)
        text = self._pages.render(
            template, nonce=nonce, secret=self._admission.secret, prefix=PREFIX, news=NEWS, **values
        )
        response = make_private(Response(text, mimetype="text/html"))
        response.headers["Content-Security-Policy"] = content_security_policy(nonce)
        return response


def _is_own(path: str) -> bool:
    return path.startswith(PREFIX) or path == PREFIX[:-1]


def _is_debuggers(seen: Observation) -> bool:
    """Tell whether a request was a command of the debugger's page, which comes to any path."""
    if "__debugger__=yes" not in seen.request.query:
        return False
    return not seen.record.route and not any(
        name == "matched" for name, _ in seen.record.marks or ()
    )


def _respond(
    record: RequestRecord, start_response: StartResponse, *args: Any
) -> Callable[[bytes], object]:
    record.mark("responding")
    return start_response(*args)


def _contains(row: dict[str, Any], words: str) -> bool:
    names = ("method", "target", "route", "status", "failure", "error_page")
    text = " ".join(str(row[name]) for name in names).lower()
    return all(word in text for word in words.lower().split())


def _parse_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ValueError("no number of a request")
    return int(text)


def _wants_json(request: Request) -> bool:
    return request.accept_mimetypes.best == "application/json"


def _json(values: dict[str, Any], status: int = 200) -> Response:
    return make_private(Response(json.dumps(values), status, mimetype="application/json"))


def _redirect(place: str) -> Response:
    response = make_private(Response(status=303))
    response.headers["Location"] = place
    return response


def _gone(number: int) -> Response:
    return _plain(404, f"Request {number} is not kept (any more): see {PREFIX} for those that are.")


def _plain(status: int, text: str, **fields: str) -> Response:
    response = make_private(Response(f"{text}\n", status, mimetype="text/plain"))
    response.headers.update(fields)
    return response
