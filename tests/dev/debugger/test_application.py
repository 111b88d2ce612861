"""The debugger as middleware: what is shown of a failure, to whom, and who can evaluate code."""

from __future__ import annotations

import gc
import io
import json
import re
import socket
import sys
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from tests.dev.live import make_own_peer

from dovetail import App
from dovetail.app.proxies import request as current_request
from dovetail.data.exceptions import NotFound, SecurityError
from dovetail.dev.debugger import DebuggedApplication, pins
from dovetail.dev.debugger.lock import Lock
from dovetail.dev.debugger.store import MOST_TRACEBACKS
from dovetail.dev.peers import PEER
from dovetail.dev.workshop import Workshop
from dovetail.gateway import ClientDisconnected, RequestRecord
from dovetail.gateway.upgrade import UpgradeSocket
from dovetail.toolkit import Request
from dovetail.toolkit.testing import Client, TestResponse, create_environ, run_wsgi_app

HTML = {"Accept": "text/html"}
PIN = "123-456-789"
OWN = make_own_peer()


class Failure(Exception):
    pass


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    match environ["PATH_INFO"]:
        case "/":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"fine"]
        case "/begun":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return failing(b"first")
        case "/unsent":
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
            return failing(b"")
        case "/gone":
            raise ClientDisconnected("gone")
        case "/exit":
            raise SystemExit
        case path:
            secret_local = "a value of mine"
            raise Failure(f"<b>{path}", secret_local)


def failing(piece: bytes) -> Iterator[bytes]:
    yield piece
    raise Failure("in the middle")


@pytest.fixture
def debugged(monkeypatch: pytest.MonkeyPatch) -> DebuggedApplication:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", PIN)
    return DebuggedApplication(application, evalex=True)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long answers are held back, instead of that."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def get(
    app: DebuggedApplication, path: str, client: Client | None = None, **kw: Any
) -> TestResponse:
    errors = io.StringIO()
    kw.setdefault("environ_overrides", {})["wsgi.errors"] = errors
    kw["environ_overrides"].setdefault("REMOTE_ADDR", "127.0.0.1")
    kw["environ_overrides"].setdefault(PEER, OWN)
    kw.setdefault("headers", HTML)
    response = (client or Client(app)).get(path, **kw)
    response.errors = errors.getvalue()  # type: ignore[attr-defined]
    return response


def ask(app: DebuggedApplication, client: Client | None = None, **kw: Any) -> TestResponse:
    """Send a command as the page's script does."""
    headers = kw.pop("headers", {})
    overrides = kw.pop("environ_overrides", {})
    fields = {"__debugger__": "yes", "s": app.secret, **kw}
    return (client or Client(app)).post(
        "/any?__debugger__=yes", data=fields, headers=headers, environ_overrides=overrides
    )


def trusted(app: DebuggedApplication) -> Client:
    """Return a client that has given the PIN."""
    client = Client(app)
    answer = ask(app, client, cmd="pinauth", pin=app.pin)
    assert answer.json == {"auth": True, "exhausted": False}
    return client


def last_frame(app: DebuggedApplication) -> int:
    return list(app.frames)[-1]


# --- what is shown


def test_passes_on_what_does_not_fail(debugged: DebuggedApplication) -> None:
    response = get(debugged, "/")
    assert (response.status_code, response.text) == (200, "fine")
    assert response.headers.to_wsgi_list() == [("Content-Type", "text/plain")]
    assert debugged.frames == {}


def test_a_failure_becomes_a_page(debugged: DebuggedApplication) -> None:
    response = get(debugged, "/fail?a=1")
    assert response.status_code == 500
    assert response.content_type == "text/html; charset=utf-8"
    assert "Failure" in response.text
    assert "<b>/fail" not in response.text
    assert "GET /fail?a=1" in response.text
    assert debugged.secret in response.text
    assert "a value of mine" in response.text
    (nonce,) = set(re.findall(r"nonce-([\w-]+)", response.headers["Content-Security-Policy"]))
    assert f'nonce="{nonce}"' in response.text
    fields = response.headers
    assert (fields["Cache-Control"], fields["X-XSS-Protection"]) == ("no-store", "0")
    assert fields["X-Content-Type-Options"] == "nosniff"


def test_each_page_has_its_own_nonce(debugged: DebuggedApplication) -> None:
    policies = {get(debugged, "/fail").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


def test_the_traceback_is_logged(debugged: DebuggedApplication) -> None:
    errors = get(debugged, "/fail").errors  # type: ignore[attr-defined]
    assert errors.startswith("Traceback (most recent call last):\n")
    assert errors.count("Traceback") == 1
    assert ", in application\n" in errors
    assert "debug_application" not in errors, "the frame of the middleware is left out"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "text/html"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/xhtml+xml", "text/html"),
        ("text/html;q=0", "text/plain"),
        ("*/*", "text/plain"),
        ("text/*", "text/plain"),
        ("application/json", "text/plain"),
        ("nonsense", "text/plain"),
    ],
)
def test_only_who_asks_for_html_gets_it(
    debugged: DebuggedApplication, accept: str | None, kind: str
) -> None:
    response = get(debugged, "/fail", headers={"Accept": accept} if accept else {})
    assert (response.status_code, response.mimetype) == (500, kind)
    if kind == "text/plain":
        assert response.text.startswith("Traceback (most recent call last):\n")
        last = response.text.splitlines()[-1]
        assert re.fullmatch(r"Debugger: http://localhost/__dovetail__/errors/\w+-\w+", last)
        assert "a value of mine" not in response.text.replace("'a value of mine')", "")


def test_plain_text_names_no_page_without_a_debugger() -> None:
    response = get(DebuggedApplication(application), "/fail", headers={"Accept": "*/*"})
    assert "Debugger:" not in response.text


def test_the_traceback_is_seen_though_the_page_fails(
    debugged: DebuggedApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> str:
        raise LookupError("no template")

    monkeypatch.setattr("dovetail.dev.debugger.application.render_error", fail)
    response = get(debugged, "/fail")
    assert (response.status_code, response.mimetype) == (500, "text/plain")
    assert response.text.startswith("Traceback (most recent call last):\n")
    assert "The debugger's page failed itself: LookupError: no template" in response.text


def test_head_has_the_length_of_the_page(debugged: DebuggedApplication) -> None:
    _, status, headers = run_wsgi_app(debugged, create_environ("/fail", method="HEAD"))
    assert status == "500 INTERNAL SERVER ERROR"
    assert int(headers["Content-Length"]) > 1000


def test_the_record_of_the_request_says_where_the_page_is(debugged: DebuggedApplication) -> None:
    record = RequestRecord()
    get(debugged, "/fail", environ_overrides={"dovetail.request": record})
    assert isinstance(record.error, Failure)
    again = get(debugged, record.error_page)
    assert again.status_code == 200
    assert "GET /fail" in again.text
    assert debugged.secret in again.text


def test_an_answer_that_has_not_begun_is_replaced(debugged: DebuggedApplication) -> None:
    response = get(debugged, "/unsent")
    assert response.status_code == 500
    assert "in the middle" in response.text


def test_a_request_that_is_answered_goes_at_once() -> None:
    class Context:
        def __init__(self, environ: WSGIEnvironment) -> None:
            self.environ = environ

    seen = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        context = Context(environ)
        seen.append(weakref.ref(context))
        environ["werkzeug.debug.preserve_context"](context)
        return application(environ, start_response)

    debugged = DebuggedApplication(app, evalex=True, pin_logging=False)
    gc.disable()
    try:
        assert get(debugged, "/").text == "fine"
        assert seen[0]() is None
    finally:
        gc.enable()


def test_the_page_is_shown_though_the_log_is_closed(debugged: DebuggedApplication) -> None:
    errors = io.StringIO()
    errors.close()
    overrides = {"wsgi.errors": errors, "REMOTE_ADDR": "127.0.0.1", PEER: OWN}
    response = Client(debugged).get("/fail", headers=HTML, environ_overrides=overrides)
    assert response.status_code == 500
    assert "a value of mine" in response.text


def test_an_answer_that_has_begun_is_broken_off(debugged: DebuggedApplication) -> None:
    errors = io.StringIO()
    environ = create_environ("/begun", environ_overrides={"wsgi.errors": errors})
    started: list[str] = []

    def start(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        started.append(status)
        return print

    pieces = iter(debugged(environ, start))
    assert next(pieces) == b"first"
    with pytest.raises(Failure, match="in the middle"):
        next(pieces)
    assert started == ["200 OK"]


def test_a_server_that_refuses_a_second_beginning_sees_the_failure(
    debugged: DebuggedApplication,
) -> None:
    errors = io.StringIO()
    environ = create_environ("/begun", environ_overrides={"wsgi.errors": errors})
    with pytest.raises(Failure, match="in the middle"):
        list(run_wsgi_app(debugged, environ)[0])
    text = errors.getvalue()
    assert text.startswith("The application failed when its response had begun")
    assert text.count("Traceback") == 1


def test_content_that_is_written_begins_the_answer(debugged: DebuggedApplication) -> None:
    def writing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"one ")
        return [b"two"]

    response = get(DebuggedApplication(writing), "/")
    assert response.text == "one two"


def test_an_answer_without_content(debugged: DebuggedApplication) -> None:
    def empty(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("204 No Content", [])
        return []

    assert get(DebuggedApplication(empty), "/").status_code == 204


def test_an_application_may_change_its_mind() -> None:
    def changing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        try:
            raise Failure
        except Failure:
            start_response("503 Busy", [], sys.exc_info())
        return [b"later"]

    assert get(DebuggedApplication(changing), "/").status_code == 503


def test_the_end_of_a_websocket_is_not_for_the_debugger() -> None:
    ends = socket.socketpair()
    upgrade = UpgradeSocket(lambda: (ends[0], b""))

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/":
            environ["werkzeug.socket"].sendall(b"bye")
        raise ConnectionError

    debugged = DebuggedApplication(app, pin_logging=False)
    environ = {"werkzeug.socket": upgrade}
    assert Client(debugged).get("/other", environ_overrides=environ).status_code == 500
    with pytest.raises(ConnectionError):
        Client(debugged).get("/", environ_overrides=environ)
    for end in ends:
        end.close()


@pytest.mark.parametrize(("path", "error"), [("/gone", ClientDisconnected), ("/exit", SystemExit)])
def test_what_is_not_for_the_debugger(
    debugged: DebuggedApplication, path: str, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        get(debugged, path)
    assert debugged.frames == {}


class Closing:
    def __init__(self, pieces: list[bytes], error: Exception | None = None) -> None:
        self.pieces = pieces
        self.error = error
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.error:
            raise self.error

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("error", [None, Failure()])
@pytest.mark.parametrize("read", [0, 1, 9])
def test_the_content_is_closed_once(error: Exception | None, read: int) -> None:
    content = Closing([b"a", b"b"], error)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return content

    answer: Any = DebuggedApplication(app)(create_environ("/"), lambda *_: print)
    try:
        for _ in range(read):
            next(answer, None)
    except Failure:
        assert error
    answer.close()
    assert content.closed == (read > 0)


def test_hidden_frames() -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        __traceback_hide__ = True
        return shown()

    def shown() -> Iterable[bytes]:
        raise Failure

    for hidden in (False, True):
        debugged = DebuggedApplication(app, show_hidden_frames=hidden)
        get(debugged, "/")
        names = [frame.name for frame in debugged.frames.values()]  # type: ignore[union-attr]
        assert names == (["app", "shown"] if hidden else ["shown"])


def test_content_that_streams_is_still_streamed() -> None:
    application.dovetail_stream_input = True  # type: ignore[attr-defined]
    try:
        assert DebuggedApplication(application).dovetail_stream_input
    finally:
        del application.dovetail_stream_input  # type: ignore[attr-defined]
    assert not DebuggedApplication(application).dovetail_stream_input


# --- who gets to see what


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("app.localhost:80", True),
        ("127.0.0.1:5000", True),
        ("[::1]:5000", True),
        ("127.0.0.2", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("evil.example#localhost", False),
        ("", False),
        (None, False),
    ],
)
def test_hosts(debugged: DebuggedApplication, host: str | None, expected: bool) -> None:
    environ = {} if host is None else {"HTTP_HOST": host}
    assert debugged.check_host_trust(environ) is expected


def test_more_hosts_and_none(debugged: DebuggedApplication) -> None:
    assert debugged.trusted_hosts == [".localhost", "127.0.0.1", "[::1]"]
    debugged.trusted_hosts.append("box.example")
    assert debugged.check_host_trust({"HTTP_HOST": "box.example:5000"})
    debugged.trusted_hosts = []
    for host in ("localhost", "127.0.0.1", "[::1]", "box.example", "evil.example"):
        assert not debugged.check_host_trust({"HTTP_HOST": host})


def test_an_unknown_host_gets_the_traceback_and_nothing_else(debugged: DebuggedApplication) -> None:
    headers = {**HTML, "Host": "evil.example"}
    response = get(debugged, "/fail", headers=headers)
    assert response.status_code == 500
    assert "Failure" in response.text
    assert debugged.secret not in response.text
    assert "No console: the debugger does not trust the name" in response.text
    assert ">&#39;a value of mine&#39;<" not in response.text
    text = get(debugged, "/fail", headers={"Host": "evil.example", "Accept": "*/*"}).text
    assert "Debugger:" not in text
    for path in ("/console", "/__dovetail__/errors/1-0000000000000000"):
        assert get(debugged, path, headers=headers).status_code == 400
    client = trusted(debugged)
    frame = last_frame(debugged)
    for command in (
        {"cmd": "pinauth", "pin": PIN},
        {"cmd": "printpin"},
        {"cmd": "1", "frm": frame},
    ):
        answer = ask(debugged, client, headers={"Host": "evil.example"}, **command)
        assert answer.status_code == 400
        assert "Set-Cookie" not in answer.headers


VALUE = '<span class="string">&#39;a value of mine&#39;</span>'


@pytest.mark.parametrize(
    ("client", "seen"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, True),
        ({"REMOTE_ADDR": "127.8.8.8"}, True),
        ({"REMOTE_ADDR": "::1"}, True),
        ({"REMOTE_ADDR": "::ffff:127.0.0.1"}, True),
        ({"REMOTE_ADDR": "", "REMOTE_PORT": ""}, True),
        ({"REMOTE_ADDR": "", "REMOTE_PORT": "1234"}, False),
        ({"REMOTE_ADDR": "192.0.2.1"}, False),
        ({"REMOTE_ADDR": "::ffff:192.0.2.1"}, False),
        ({"REMOTE_ADDR": "localhost"}, False),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1"}, False),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=192.0.2.1"}, False),
    ],
)
def test_values_are_for_this_machine(
    debugged: DebuggedApplication, client: dict[str, str], seen: bool
) -> None:
    assert (VALUE in get(debugged, "/fail", environ_overrides=client).text) is seen


def test_values_are_for_those_who_gave_the_pin(debugged: DebuggedApplication) -> None:
    far = {"REMOTE_ADDR": "192.0.2.1"}
    assert VALUE in get(debugged, "/fail", trusted(debugged), environ_overrides=far).text


def test_without_evaluation_there_is_no_secret() -> None:
    debugged = DebuggedApplication(application)
    response = get(debugged, "/fail")
    assert debugged.secret not in response.text
    assert "evaluation is switched off" in response.text
    assert get(debugged, "/console").status_code == 500, "the application's own path"
    client = trusted(debugged)
    answer = ask(debugged, client, cmd="1", frm=last_frame(debugged))
    assert (answer.status_code, answer.mimetype) == (403, "text/plain")


# --- commands


def test_evaluates_in_a_frame(debugged: DebuggedApplication) -> None:
    get(debugged, "/fail")
    client, frame = trusted(debugged), last_frame(debugged)
    answer = ask(debugged, client, cmd="secret_local.upper()", frm=frame)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "A VALUE OF MINE" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "A VALUE" in ask(debugged, client, cmd="_", frm=frame).text
    # As the documented protocol has it: all in the query.
    query = f"/?__debugger__=yes&s={debugged.secret}&cmd=21*2&frm={frame}"
    assert "42" in client.get(query).text


def test_no_evaluation_before_the_pin(debugged: DebuggedApplication) -> None:
    get(debugged, "/fail")
    answer = ask(debugged, cmd="open('/tmp/no', 'w')", frm=last_frame(debugged))
    assert (answer.status_code, answer.text) == (403, "This needs the debugger's PIN.\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "https://localhost"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost:8080"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[bad"}, 403),
    ],
)
@pytest.mark.parametrize("command", ["1 + 1", "pinauth", "printpin"])
def test_only_pages_of_its_own_can_ask(
    debugged: DebuggedApplication, headers: dict[str, str], status: int, command: str
) -> None:
    get(debugged, "/fail")
    client, frame = trusted(debugged), last_frame(debugged)
    answer = ask(debugged, client, headers=headers, cmd=command, frm=frame)
    assert answer.status_code == status


@pytest.mark.parametrize("secret", ["", "wrong", "ä", "\ud800"])
@pytest.mark.parametrize("command", ["1 + 1", "pinauth", "printpin"])
def test_only_who_knows_the_secret_can_ask(
    debugged: DebuggedApplication, secret: str, command: str, lines: list[str]
) -> None:
    get(debugged, "/fail")
    client, frame = trusted(debugged), last_frame(debugged)
    fields = {"s": secret.encode("utf-8", "replace"), "cmd": command, "frm": frame, "pin": PIN}
    answer = client.post("/?__debugger__=yes", data=fields)
    assert (answer.status_code, answer.mimetype) == (403, "text/plain")
    assert lines == []


def test_the_secret_is_not_the_workshops(debugged: DebuggedApplication, shop: Workshop) -> None:
    assert debugged.secret == DebuggedApplication(application).secret
    assert shop.secret not in debugged.secret
    assert shop.secret not in get(debugged, "/fail").text


@pytest.mark.parametrize("frame", ["", "x", "-5", "123", "9" * 50, "9" * 5000, "1.5"])
def test_a_frame_that_is_not_there(debugged: DebuggedApplication, frame: str) -> None:
    answer = ask(debugged, trusted(debugged), cmd="1", frm=frame)
    assert answer.status_code in {404, 410}
    assert answer.mimetype == "text/plain"
    assert "Send the request again." in answer.text


def test_a_traceback_that_was_dropped(debugged: DebuggedApplication) -> None:
    record = RequestRecord()
    get(debugged, "/fail", environ_overrides={"dovetail.request": record})
    frame = last_frame(debugged)
    for _ in range(MOST_TRACEBACKS):
        get(debugged, "/fail", headers={"Accept": "*/*"})
    answer = ask(debugged, trusted(debugged), cmd="1", frm=frame)
    assert answer.status_code == 404
    assert answer.text.startswith(
        f"This traceback is not kept any more: the last {MOST_TRACEBACKS}"
    )
    assert get(debugged, record.error_page).status_code == 404
    assert len(debugged.frames) == len(debugged.frame_contexts) == MOST_TRACEBACKS


@pytest.mark.parametrize("answered", [{}, {"html": None}, {"html": ["1"]}])
def test_an_answer_of_another_process_that_is_none(
    debugged: DebuggedApplication, monkeypatch: pytest.MonkeyPatch, answered: dict[str, Any]
) -> None:
    monkeypatch.setattr(debugged._relay, "ask", lambda *_: answered)
    answer = ask(debugged, trusted(debugged), cmd="1", frm=str(1 << 24))
    assert answer.status_code == 404
    assert "not kept any more" in answer.text


@pytest.mark.parametrize("page", ["", "x", "1-", "../1-0000000000000000", "1-" + "0" * 17])
def test_a_page_that_is_none(debugged: DebuggedApplication, page: str) -> None:
    assert get(debugged, f"/__dovetail__/errors/{page}").status_code == 404


def test_pages_are_only_read(debugged: DebuggedApplication) -> None:
    answer = Client(debugged).post("/__dovetail__/errors/1-0000000000000000")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_the_content_of_other_requests_is_left_to_the_application() -> None:
    def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]

    debugged = DebuggedApplication(echo, evalex=True)
    data = f"__debugger__=yes&cmd=1&frm=0&s={debugged.secret}"
    answer = Client(debugged).post(
        "/?a=__debugger__", data=data, content_type="application/x-www-form-urlencoded"
    )
    assert answer.text == data


def test_too_much_content_is_refused(debugged: DebuggedApplication) -> None:
    answer = ask(debugged, trusted(debugged), cmd="x" * (5 << 20), frm=0)
    assert answer.status_code == 413


def test_failures_of_a_request_can_look_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", PIN)
    app = App("shop")
    app.debug = True

    @app.get("/<name>")
    def view(name: str) -> str:
        raise Failure(name)

    debugged = DebuggedApplication(app, evalex=True)
    get(debugged, "/thing?colour=red")
    client, frame = trusted(debugged), last_frame(debugged)
    debugged.frames[frame].local_ns["request"] = current_request  # type: ignore[union-attr]
    for _ in range(2):
        assert "red" in ask(debugged, client, cmd="request.args['colour']", frm=frame).text
    assert "name" in ask(debugged, client, cmd="dump()", frm=frame).text


def test_resources(debugged: DebuggedApplication) -> None:
    client = Client(debugged)
    address = "/?__debugger__=yes&cmd=resource&f="
    for name, kind in (("style.css", "text/css"), ("debugger.js", "text/javascript")):
        answer = client.get(address + name)
        assert (answer.status_code, answer.mimetype) == (200, kind)
        again = client.get(address + name, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
    for name in ("nope.css", "../application.py", "error.html", "/etc/passwd", "", ".css"):
        assert client.get(address + name).status_code == 404


# --- the console


def test_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", PIN)
    debugged = DebuggedApplication(
        application, evalex=True, console_path="/py", console_init_func=lambda: {"given": 41}
    )
    page = get(debugged, "/py")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert debugged.secret in page.text
    assert ask(debugged, cmd="given", frm=0).status_code == 403
    client = trusted(debugged)
    assert "42" in ask(debugged, client, cmd="given + 1", frm=0).text
    assert ask(debugged, client, cmd="given = 7", frm=0).status_code == 200
    assert "7" in ask(debugged, client, cmd="given", frm=0).text
    assert "application" in ask(debugged, client, cmd="app", frm=0).text


def test_no_console_without_a_path(debugged: DebuggedApplication) -> None:
    debugged.console_path = None  # type: ignore[assignment]
    assert get(debugged, "/console").status_code == 500
    assert ask(debugged, trusted(debugged), cmd="1", frm=0).status_code == 404


# --- the PIN


def test_the_cookie(debugged: DebuggedApplication) -> None:
    for scheme, secure in (("http", False), ("https", True)):
        answer = ask(
            debugged, cmd="pinauth", pin="123456789", environ_overrides={"wsgi.url_scheme": scheme}
        )
        name, *attributes = answer.headers["Set-Cookie"].split("; ")
        assert name.startswith(f"{debugged.pin_cookie_name}=")
        assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=Strict"} | (
            {"Secure"} if secure else set()
        )


def cookie(app: DebuggedApplication, ticket: str) -> WSGIEnvironment:
    return create_environ("/", headers={"Cookie": f"{app.pin_cookie_name}={ticket}"})


def test_trust_by_cookie(debugged: DebuggedApplication) -> None:
    assert debugged.check_pin_trust(create_environ("/")) is False
    assert debugged.check_pin_trust(cookie(debugged, pins.make_ticket(PIN))) is True
    assert debugged.check_pin_trust(cookie(debugged, pins.make_ticket("1"))) is None
    assert debugged.check_pin_trust(cookie(debugged, "nonsense")) is False


def test_a_cookie_of_another_pin_is_taken_away(debugged: DebuggedApplication) -> None:
    client = Client(debugged)
    client.set_cookie(debugged.pin_cookie_name or "", pins.make_ticket("1"))
    answer = ask(debugged, client, cmd="pinauth", pin="2")
    assert answer.json == {"auth": False, "exhausted": False}
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


def test_wrong_pins_are_locked_out(debugged: DebuggedApplication, waits: list[float]) -> None:
    answers = [ask(debugged, cmd="pinauth", pin=str(guess)).json for guess in range(12)]
    assert answers[:10] == [{"auth": False, "exhausted": False}] * 10
    assert answers[10:] == [{"auth": False, "exhausted": True}] * 2
    assert ask(debugged, cmd="pinauth", pin=PIN).json == {"auth": False, "exhausted": True}
    assert len(waits) == 10
    assert waits == sorted(waits)
    # Those who were right before stay so; and a reload, which makes it anew, changes nothing.
    client = Client(debugged)
    client.set_cookie(debugged.pin_cookie_name or "", pins.make_ticket(PIN))
    assert ask(debugged, client, cmd="pinauth").json == {"auth": True, "exhausted": False}
    reloaded = DebuggedApplication(application, evalex=True)
    reloaded._lock = Lock(application, debugged._name)  # as the first of the next process
    assert ask(reloaded, cmd="pinauth", pin=PIN).json == {"auth": False, "exhausted": True}


def test_no_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    for debugged in (
        DebuggedApplication(application, evalex=True, pin_security=False),
        with_pin_off(monkeypatch),
    ):
        assert (debugged.pin, debugged.pin_cookie_name) == (None, None)
        assert debugged.check_pin_trust(create_environ("/")) is True
        get(debugged, "/fail")
        assert "2" in ask(debugged, cmd="1 + 1", frm=last_frame(debugged)).text
        answer = ask(debugged, cmd="pinauth")
        assert answer.json == {"auth": True, "exhausted": False}
        assert "Set-Cookie" not in answer.headers


def with_pin_off(monkeypatch: pytest.MonkeyPatch) -> DebuggedApplication:
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "off")
    debugged = DebuggedApplication(application, evalex=True)
    assert debugged.pin is None
    return debugged


def test_a_pin_can_be_set(debugged: DebuggedApplication) -> None:
    debugged.pin = "7-7"
    assert debugged.pin == "7-7"
    trusted(debugged)


def test_the_pin_is_logged_when_asked_for(debugged: DebuggedApplication, lines: list[str]) -> None:
    answer = ask(debugged, cmd="printpin")
    assert (answer.status_code, answer.text) == (200, "")
    assert lines == [f"INFO  * Debugger PIN: {PIN}"]
    debugged.pin_logging = False
    ask(debugged, cmd="printpin")
    assert len(lines) == 1


def test_announces_itself_once(monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", PIN)
    debugged = DebuggedApplication(application, evalex=True)
    assert lines == ["WARNING  * Debugger is active!", f"INFO  * Debugger PIN: {PIN}"]
    debugged.announce()
    assert len(lines) == 2
    DebuggedApplication(application, evalex=True, pin_logging=False)
    assert len(lines) == 2
    DebuggedApplication(application, evalex=True, pin_security=False)
    assert (
        lines[-1] == "WARNING  * Debugger PIN is off: who reaches this server can run code on it!"
    )


def test_says_nothing_where_no_reloader_runs(lines: list[str]) -> None:
    DebuggedApplication(application, evalex=True)
    assert lines == []


# --- the documented methods, called by themselves


@pytest.mark.parametrize(
    "call",
    [
        lambda app, request: app.display_console(request),
        lambda app, request: app.pin_auth(request),
        lambda app, request: app.log_pin_request(request),
        lambda app, request: app.execute_command(request, "1", None),
    ],
    ids=["display_console", "pin_auth", "log_pin_request", "execute_command"],
)
def test_each_method_refuses_unknown_hosts(
    debugged: DebuggedApplication, call: Callable[[DebuggedApplication, Request], Any]
) -> None:
    request = Request(create_environ("/", headers={"Host": "evil.example"}))
    with pytest.raises(SecurityError):
        call(debugged, request)


def test_methods(debugged: DebuggedApplication) -> None:
    get(debugged, "/fail")
    request = Request(create_environ(f"/?pin={PIN}"))
    assert json.loads(debugged.pin_auth(request).get_data()) == {"auth": True, "exhausted": False}
    frame = debugged.frames[last_frame(debugged)]
    assert b"2" in debugged.execute_command(request, "1 + 1", frame).get_data()
    assert debugged.display_console(request).status_code == 200
    with pytest.raises(NotFound):
        debugged.get_resource(request, "nope")
    pieces = debugged.debug_application(create_environ("/"), lambda *_: print)
    assert next(iter(pieces)) == b"fine"
