from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from tests.dev.live import PATIENCE

from dovetail.dev import broadcast
from dovetail.dev.broadcast import Broadcaster, events_since
from dovetail.dev.changes import Change, Changes, Moment
from dovetail.dev.livereload import LiveReload
from dovetail.dev.places import LIVE_EVENTS, LIVE_SCRIPT
from dovetail.toolkit.response import Response
from dovetail.toolkit.testing.client import Client, TestResponse

NAVIGATION = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
HTML = "<!doctype html><title>t</title><p>Grüße"


@pytest.fixture
def changes(tmp_path: Path) -> Changes:
    return Changes(tmp_path / "changes")


Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(changes: Changes) -> Ask:
    """Have an application answer a browser that shows a page."""

    def ask(app: WSGIApplication, path: str = "/", **options: Any) -> TestResponse:
        options.setdefault("base_url", "http://localhost:5000")
        return Client(LiveReload(app, changes)).open(path, **({"headers": NAVIGATION} | options))

    return ask


def tag(changes: Changes, root: str = "", attributes: str = "") -> bytes:
    source = f"{root}{LIVE_SCRIPT}?at={changes.now()}"
    return f'<script src="{source}" async{attributes}></script>'.encode()


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestChanges:
    def test_nothing_has_changed(self, changes: Changes) -> None:
        assert changes.now() == Moment(changes.build, 0)
        assert changes.since(changes.now()) == []
        changes.tell([])
        assert changes.now().position == 0

    def test_what_has_changed_since(self, changes: Changes) -> None:
        before = changes.now()
        changes.tell(["/a/one.css", "/b/two two\n.CSS"])
        between = changes.now()
        changes.tell(["/a/one.css"])
        assert changes.since(before) == [Change("one.css"), Change("two two\n.CSS")]
        assert changes.since(between) == [Change("one.css")]
        changes.tell(["/a/one.css", "/a/page.html"])
        assert changes.since(between) == [Change()]
        assert changes.since(changes.now()) == []

    def test_other_processes_read_the_same_news(self, changes: Changes) -> None:
        other = Changes(changes.path)
        other.build = changes.build
        before = other.now()
        changes.tell(["x.html"])
        assert other.since(before) == [Change()]

    def test_after_a_reload_all_has_changed(self, changes: Changes) -> None:
        assert Changes(changes.path).since(changes.now()) == [Change()]

    def test_a_moment_to_come(self, changes: Changes) -> None:
        changes.tell(["x.html"])
        assert changes.since(Moment(changes.build, 10**14)) == []

    @pytest.mark.parametrize("count", [21, 3000])
    def test_a_build_is_one_change(self, changes: Changes, count: int) -> None:
        before = changes.now()
        changes.tell(f"{number}.css" for number in range(count))
        assert changes.since(before) == [Change()]

    def test_news_without_end(self, changes: Changes) -> None:
        before = changes.now()
        for number in range(4000):
            changes.tell([f"{number}.css"])
        assert changes.since(before) == [Change()]

    @pytest.mark.parametrize("text", ["", "x", "0123456789abcdef-", "0123456789abcdef-01", "a-1"])
    def test_no_moment(self, text: str) -> None:
        assert Moment.parse(text) is None
        assert Moment.parse(f"0123456789abcdef-1{'0' * 15}") is None

    def test_a_moment_as_text(self, changes: Changes) -> None:
        changes.tell(["x"])
        assert Moment.parse(str(changes.now())) == changes.now()

    def test_what_cannot_be_written_is_not_told(self, tmp_path: Path) -> None:
        changes = Changes(tmp_path / "gone" / "changes")
        before = changes.now()
        changes.tell(["a.css"])
        assert changes.now() == before
        assert changes.since(before) == []

    def test_the_file_is_private(self, changes: Changes) -> None:
        changes.tell(["x"])
        assert changes.path.stat().st_mode & 0o777 == 0o600


class TestPages:
    def test_a_page_gets_the_script(self, ask: Ask, changes: Changes) -> None:
        answer = ask(Response(HTML, mimetype="text/html"))
        assert answer.data == HTML.encode() + tag(changes)
        assert int(answer.headers["Content-Length"]) == len(answer.data)

    def test_a_streamed_page(self, ask: Ask, changes: Changes) -> None:
        closed = []

        def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
            # A generator: nothing is started before its first part is asked for.
            write = start_response("200 OK", [("Content-Type", "text/html")])
            write(b"<p>")
            try:
                yield b"one"
                yield b"two"
            finally:
                closed.append(True)

        answer = ask(app)
        assert answer.data == b"<p>onetwo" + tag(changes)
        assert "Content-Length" not in answer.headers
        assert closed == [True]

    def test_the_length_of_a_stream(self, ask: Ask, changes: Changes) -> None:
        fields = {"Content-Length": "6"}
        response = Response(iter([b"<p>", b"one"]), mimetype="text/html", headers=fields)
        answer = ask(response)
        assert int(answer.headers["Content-Length"]) == len(answer.data) == 6 + len(tag(changes))

    def test_an_error_page_of_the_application(self, ask: Ask, changes: Changes) -> None:
        answer = ask(Response("<p>none", 404, mimetype="text/html"))
        assert answer.data.endswith(tag(changes))

    @pytest.mark.parametrize(
        "response",
        [
            Response(HTML, mimetype="text/plain"),
            Response(HTML, mimetype="application/xhtml+xml"),
            Response(HTML.encode("utf-16"), content_type="text/html; charset=UTF-16LE"),
            Response(HTML, mimetype="text/html", headers={"Content-Encoding": "gzip"}),
            Response(HTML, mimetype="text/html", headers={"Content-Disposition": "attachment"}),
            Response(HTML, 206, mimetype="text/html", headers={"Content-Range": "bytes 0-1/10"}),
            Response(status=204, mimetype="text/html"),
        ],
        ids=lambda response: f"{response.status_code} {response.headers.get('Content-Type')}",
    )
    def test_what_is_left_alone(self, ask: Ask, response: Response) -> None:
        answer = ask(response)
        assert answer.data == response.get_data()
        assert answer.headers.to_wsgi_list() == response.headers.to_wsgi_list()

    @pytest.mark.parametrize(
        "fields",
        [
            {"Sec-Fetch-Dest": "empty", "Accept": "text/html"},
            {"Sec-Fetch-Dest": "script"},
            {"Accept": "*/*"},
            {"Accept": "application/json"},
            {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"},
            {"Accept": "text/html", "HX-Request": "true"},
            {"Sec-Fetch-Dest": "document", "Range": "bytes=0-3"},
            {},
        ],
    )
    def test_who_does_not_show_a_page(self, ask: Ask, fields: dict[str, str]) -> None:
        response = Response(HTML, mimetype="text/html", headers={"ETag": '"x"'})
        answer = ask(response, headers=fields)
        assert answer.data == HTML.encode()
        assert answer.headers["ETag"] == '"x"'

    @pytest.mark.parametrize(
        "fields", [{"Accept": "text/html;q=0.9"}, {"Sec-Fetch-Dest": "iframe"}]
    )
    def test_who_shows_one(self, ask: Ask, fields: dict[str, str]) -> None:
        assert b"<script" in ask(Response(HTML, mimetype="text/html"), headers=fields).data

    @pytest.mark.parametrize("method", ["HEAD", "POST"])
    def test_other_methods(self, ask: Ask, method: str) -> None:
        answer = ask(Response(HTML, mimetype="text/html"), method=method)
        assert b"<script" not in answer.data

    def test_a_mounted_application(self, ask: Ask, changes: Changes) -> None:
        base = "http://localhost/a b/é"
        answer = ask(Response(HTML, mimetype="text/html"), base_url=base)
        assert answer.data.endswith(tag(changes, "/a%20b/%C3%A9"))

    @pytest.mark.parametrize(
        ("root", "path"), [('//evil"', "/evil%22"), ("http://evil", "/http://evil"), ("//", "")]
    )
    def test_a_root_that_looks_like_a_host(self, changes: Changes, root: str, path: str) -> None:
        app = Response(HTML, mimetype="text/html")
        options: Any = {"headers": NAVIGATION, "environ_overrides": {"SCRIPT_NAME": root}}
        answer = Client(LiveReload(app, changes)).get("/", **options)
        assert f'src="{path}/__dovetail__'.encode() in answer.data

    def test_the_nonce_of_a_policy(self, ask: Ask, changes: Changes) -> None:
        policy = "default-src 'none'; script-src 'self' 'nonce-aZ+/_-=='; connect-src 'self'"
        fields = {"Content-Security-Policy": policy}
        answer = ask(Response(HTML, mimetype="text/html", headers=fields))
        assert answer.data.endswith(tag(changes, attributes=' nonce="aZ+/_-=="'))

    def test_a_policy_that_keeps_the_script_out_is_told_of_once(
        self, changes: Changes, caplog: pytest.LogCaptureFixture
    ) -> None:
        fields = {"Content-Security-Policy": "default-src 'none'; style-src 'self'"}
        page = Response(HTML, mimetype="text/html", headers=fields)
        client = Client(LiveReload(page, changes))
        for _ in range(2):
            client.get("/", base_url="http://localhost:5000", headers=NAVIGATION)
        (said,) = caplog.messages
        assert said.endswith("add to it: script-src 'self'; connect-src 'self'")

    @pytest.mark.parametrize(
        ("host", "trusted"),
        [
            ("localhost:5000", True),
            ("shop.localhost", True),
            ("127.0.0.1:5000", True),
            ("[::1]:5000", True),
            ("192.0.2.7", True),
            ("evil.example", False),
            ("", False),
            ("localhost:x", False),
        ],
    )
    def test_trusted_hosts(self, ask: Ask, host: str, trusted: bool) -> None:
        response = Response(HTML, mimetype="text/html")
        answer = ask(response, headers=NAVIGATION | {"Host": host})
        assert (b"<script" in answer.data) is trusted
        assert ask(response, LIVE_SCRIPT, headers={"Host": host}).status_code == (
            200 if trusted else 403
        )
        if not trusted:
            assert ask(response, LIVE_EVENTS, headers={"Host": host}).status_code == 403


class TestConditions:
    """An entity tag is of the page and its script."""

    def app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        response = Response(HTML, mimetype="text/html")
        response.set_etag("v1")
        response.last_modified = datetime(2020, 1, 1, tzinfo=UTC)
        return response.make_conditional(environ)(environ, start_response)

    def test_the_same_moment(self, ask: Ask, changes: Changes) -> None:
        first = ask(self.app)
        assert first.headers["ETag"] == f'"v1~{changes.now()}"'
        assert "Last-Modified" not in first.headers
        known = NAVIGATION | {"If-None-Match": first.headers["ETag"]}
        second = ask(self.app, headers=known)
        assert (second.status_code, second.data) == (304, b"")
        assert second.headers["ETag"] == first.headers["ETag"]

    def test_a_moment_later(self, ask: Ask, changes: Changes) -> None:
        known = ask(self.app).headers["ETag"]
        changes.tell(["x.html"])
        answer = ask(self.app, headers=NAVIGATION | {"If-None-Match": known})
        assert answer.status_code == 200
        assert answer.data.endswith(tag(changes))

    @pytest.mark.parametrize("condition", ['"v1"', '"v0", W/"v1"'])
    def test_pages_of_before_live_reload(self, ask: Ask, condition: str) -> None:
        answer = ask(self.app, headers=NAVIGATION | {"If-None-Match": condition})
        assert b"<script" in answer.data

    def test_times_do_not_count(self, ask: Ask) -> None:
        since = "Fri, 01 Jan 2100 00:00:00 GMT"
        answer = ask(self.app, headers=NAVIGATION | {"If-Modified-Since": since})
        assert b"<script" in answer.data

    def test_others_are_answered_as_ever(self, ask: Ask) -> None:
        assert ask(self.app, headers={"If-None-Match": '"v1"'}).status_code == 304


class TestWhatTheScriptAsksFor:
    def test_the_script(self, ask: Ask) -> None:
        answer = ask(Response("app"), LIVE_SCRIPT, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.mimetype == "text/javascript"
        assert b"EventSource" in answer.data

    @pytest.mark.parametrize("path", [LIVE_SCRIPT, LIVE_EVENTS])
    def test_refusals(self, ask: Ask, path: str) -> None:
        assert (
            ask(Response("app"), path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        )
        answer = ask(Response("app"), path, method="POST")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")

    def test_near_paths_are_the_applications(self, ask: Ask) -> None:
        for path in ("/__dovetail__/", LIVE_EVENTS + "/", LIVE_EVENTS + ".css"):
            assert ask(Response("app"), path).data == b"app"

    def test_a_server_without_a_way_to_take_the_connection(
        self, ask: Ask, changes: Changes
    ) -> None:
        app, first = Response("app"), changes.now()
        answer = ask(app, LIVE_EVENTS, query_string={"at": str(first)})
        assert answer.mimetype == "text/event-stream"
        assert answer.data == f"retry: 1000\n\ndata: here\nid: {first}\n\n".encode()
        changes.tell(["main.css"])
        answer = ask(app, LIVE_EVENTS, headers={"Last-Event-ID": str(first)})
        event = f'event: sheet\ndata: "main.css"\nid: {changes.now()}\n\n'
        assert answer.data == f"retry: 1000\n\n{event}".encode()
        answer = ask(app, LIVE_EVENTS, query_string={"at": "0123456789abcdef-0"})
        assert b"event: page\n" in answer.data

    def test_nonsense_reloads_nothing(self, ask: Ask, changes: Changes) -> None:
        changes.tell(["x.html"])
        answer = ask(Response("app"), LIVE_EVENTS, query_string={"at": "nonsense"})
        assert b"event:" not in answer.data


class TestConnectionsTakenOver:
    """Over pairs of sockets, as the server hands them out."""

    def read(self, sock: socket.socket, end: bytes) -> bytes:
        received = b""
        while end not in received:
            part = sock.recv(1000)
            assert part, received
            received += part
        return received

    def test_events(self, changes: Changes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(broadcast, "_HEARTBEAT_SECONDS", 0.1)
        broadcaster = Broadcaster(changes)
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        with ours, closing(broadcaster):
            broadcaster.add(theirs, changes.now())
            head = self.read(ours, f"data: here\nid: {changes.now()}\n\n".encode())
            assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
            assert b"\r\n\r\nretry: 100\n\n" in head
            self.read(ours, b":\n\n")
            changes.tell(["a.css"])
            assert b'event: sheet\ndata: "a.css"\n' in self.read(ours, b"id: ")
            changes.tell(["a.html"])
            self.read(ours, b"event: page\n")

    def test_who_comes_late_is_told_at_once(self, changes: Changes) -> None:
        octets, now = events_since(changes, Moment("0" * 16, 0))
        assert octets == f'event: page\ndata: ""\nid: {now}\n\n'.encode()

    def test_clients_that_leave(self, changes: Changes) -> None:
        broadcaster = Broadcaster(changes)
        with closing(broadcaster):
            pairs = [socket.socketpair() for _ in range(3)]
            for _, theirs in pairs:
                broadcaster.add(theirs, changes.now())
            assert len(broadcaster) == 3
            for ours, _ in pairs:
                ours.close()
            until(lambda: len(broadcaster) == 0 and broadcaster._thread is None)
            ours, theirs = socket.socketpair()
            with ours:
                broadcaster.add(theirs, changes.now())
                assert len(broadcaster) == 1

    def test_without_a_thread_a_browser_has_to_ask_again(
        self, changes: Changes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broadcaster = Broadcaster(changes)
        with closing(broadcaster):
            for has_room in (False, True):
                ours, theirs = socket.socketpair()
                ours.settimeout(PATIENCE)
                with ours, monkeypatch.context() as patch:
                    if not has_room:
                        patch.setattr(threading.Thread, "start", _refuse)
                    broadcaster.add(theirs, changes.now())
                    assert len(broadcaster) == has_room
                    self.read(ours, b"data: here\n")
                    if not has_room:
                        assert theirs.fileno() == -1

    def test_a_client_that_talks(self, changes: Changes) -> None:
        broadcaster = Broadcaster(changes)
        ours, theirs = socket.socketpair()
        with ours, closing(broadcaster):
            broadcaster.add(theirs, changes.now())
            ours.sendall(b"x" * 5000)
            until(lambda: len(broadcaster) == 0)

    def test_a_client_that_reads_nothing(self, changes: Changes) -> None:
        broadcaster = Broadcaster(changes)
        ours, theirs = socket.socketpair()
        with ours, closing(broadcaster):
            broadcaster.add(theirs, changes.now())
            theirs.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    theirs.send(b"x" * 65536)
            changes.tell(["x.html"])
            until(lambda: len(broadcaster) == 0)

    def test_a_connection_of_the_server(self, changes: Changes) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": LIVE_EVENTS,
            "HTTP_HOST": "localhost",
            "QUERY_STRING": f"at={'0' * 16}-7",
            "dovetail.detach": lambda: (theirs, b""),
        }
        live = LiveReload(Response("app"), changes)
        with ours, closing(live):
            assert list(live(environ, _must_not_start)) == []
            self.read(ours, b"event: page\n")

    def test_a_bounded_number(self, changes: Changes) -> None:
        live = LiveReload(Response("app"), changes, limit=0)
        environ = {"dovetail.detach": _must_not_start}
        options: Any = {"environ_overrides": environ, "base_url": "http://localhost"}
        assert Client(live).get(LIVE_EVENTS, **options).status_code == 503

    def test_closing(self, changes: Changes) -> None:
        broadcaster = Broadcaster(changes)
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        with ours:
            broadcaster.add(theirs, changes.now())
            broadcaster.close()
            while ours.recv(1000):
                pass
            again, theirs = socket.socketpair()
            broadcaster.add(theirs, changes.now())
            assert theirs.fileno() == -1
            again.close()


def _must_not_start(*arguments: object) -> Any:
    raise AssertionError("not to be called")


def _refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
