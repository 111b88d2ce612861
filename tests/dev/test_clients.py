"""Whose request it is: the user's who runs the server, another user's, or one behind a proxy."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import textwrap
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.applications.deployment import Process, wait_until
from tests.applications.nginx import run_nginx
from tests.browser import Browser
from tests.dev.debugged import FAILING, PIN, Shop, evaluate, frame, unlock
from tests.dev.live import PATIENCE

from dovetail.dev import clients, peers
from dovetail.dev.clients import LOCAL_HOSTS, hosts_of, is_of_own_page, is_of_own_user
from dovetail.dev.peers import PEER, Peer, find_user
from dovetail.server.deaths import describe_death

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not peers.ARE_KNOWN, reason="this system does not tell"),
]

NOBODY = 65534
#: The value of a local variable where the shop fails, as a page shows it.
VALUE = '<span class="number">1020</span>'
INSPECTOR = "/__dovetail__/"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user, too")


@contextmanager
def connected(near: str, far: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Connect to a server at ``near`` by a client who knows it as ``far``: both ends."""
    families = [socket.AF_INET6 if ":" in host else socket.AF_INET for host in (near, far)]
    with ExitStack() as closing:
        listener = closing.enter_context(socket.socket(families[0]))
        if near == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((near, 0))
        listener.listen()
        client = closing.enter_context(socket.socket(families[1]))
        client.connect((far, listener.getsockname()[1]))
        yield closing.enter_context(listener.accept()[0]), client


PLACES = [
    ("127.0.0.1", "127.0.0.1"),
    ("::1", "::1"),
    ("::", "127.0.0.1"),
    ("::", "::ffff:127.0.0.1"),
    ("127.0.0.1", "::ffff:127.0.0.1"),
]


@pytest.mark.parametrize(("near", "far"), PLACES)
def test_a_client_of_this_user(near: str, far: str) -> None:
    with connected(near, far) as (server, _):
        assert Peer(server).user == os.geteuid()
        host, port = server.getpeername()[:2]
        assert find_user((host, port)) == os.geteuid()
        assert is_of_own_user({"REMOTE_ADDR": host, "REMOTE_PORT": str(port)})
        assert is_of_own_user({"REMOTE_ADDR": host, "REMOTE_PORT": str(port), PEER: Peer(server)})


@as_root
@pytest.mark.parametrize(("near", "far"), PLACES)
def test_a_client_of_another_user(near: str, far: str) -> None:
    os.seteuid(NOBODY)
    try:
        # The listener's user says nothing about the client's.
        with connected(near, far) as (server, _):
            os.seteuid(0)
            assert Peer(server).user == NOBODY
            host, port = server.getpeername()[:2]
            environ: dict[str, Any] = {"REMOTE_ADDR": host, "REMOTE_PORT": str(port)}
            assert not is_of_own_user(environ)
            assert not is_of_own_user(environ | {PEER: Peer(server)})
    finally:
        os.seteuid(0)


def test_a_client_that_has_closed_is_nobody() -> None:
    # The system says then that the socket was root's.
    with connected("127.0.0.1", "127.0.0.1") as (server, client):
        client.close()
        assert server.recv(1) == b""
        assert Peer(server).user is None


def test_a_client_that_has_only_said_all_is_known() -> None:
    with connected("127.0.0.1", "127.0.0.1") as (server, client):
        client.shutdown(socket.SHUT_WR)
        assert server.recv(1) == b""
        assert Peer(server).user == os.geteuid()


@pytest.mark.parametrize("port", ["", "0", "1", "-1", "99999", "999999", "x", "١٢"])
def test_what_is_not_known_is_not_the_user(port: str) -> None:
    assert not is_of_own_user({"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": port})
    assert not is_of_own_user({"REMOTE_ADDR": "", "REMOTE_PORT": port})
    assert not is_of_own_user({"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": port, PEER: "forged"})


@as_root
def test_another_socket_with_the_same_port() -> None:
    """One user's connection to somewhere else is not taken for another's to here."""
    with ExitStack() as closing:
        here, elsewhere = (
            closing.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in "12"
        )
        mine = closing.enter_context(socket.socket())
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        mine.bind(("127.0.0.1", 0))
        mine.connect(elsewhere.getsockname())
        os.seteuid(NOBODY)
        try:
            theirs = closing.enter_context(socket.socket())
        finally:
            os.seteuid(0)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        theirs.bind(mine.getsockname())
        theirs.connect(here.getsockname())
        client = mine.getsockname()
        assert find_user(client, here.getsockname()) == NOBODY
        assert find_user(client, elsewhere.getsockname()) == 0
        assert find_user(client) is None, "it may be either's"


@pytest.mark.parametrize(
    ("hostname", "more"),
    [
        ("box.example", ["box.example"]),
        ("192.0.2.7", ["192.0.2.7"]),
        ("fe80::1", ["[fe80::1]"]),
        ("MyBox", ["mybox"]),
        ("FE80::A", ["[fe80::a]"]),
        ("0.0.0.0", []),
        ("::", []),
        ("", []),
        ("unix:///run/shop.sock", []),
    ],
)
def test_the_hosts_of_a_server(hostname: str, more: list[str]) -> None:
    assert hosts_of(hostname) == [*LOCAL_HOSTS, *more]


def test_sockets_without_a_far_end() -> None:
    with socket.socket() as sock:
        assert Peer(sock).user is None
    assert Peer(sock).user is None


def test_a_table_that_is_too_long_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_MOST_ROWS", 0)
    with connected("127.0.0.1", "127.0.0.1") as (server, _):
        assert Peer(server).user is None


def test_without_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers, "_TABLE", str(tmp_path / "tcp"))
    monkeypatch.setattr(peers, "_TABLE_6", str(tmp_path / "tcp6"))
    with connected("127.0.0.1", "127.0.0.1") as (server, _):
        assert Peer(server).user is None


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "ARE_KNOWN", False)
    assert is_of_own_user({"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "1"})
    assert is_of_own_user({"REMOTE_ADDR": "<local>", "REMOTE_PORT": "0"})
    assert not is_of_own_user({"REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "1"})


@pytest.mark.parametrize(
    ("fields", "own"),
    [
        ({"SEC_FETCH_SITE": "same-origin", "ORIGIN": "http://127.0.0.1:8080"}, True),
        ({"SEC_FETCH_SITE": "same-origin", "ORIGIN": "http://localhost"}, True),
        ({"SEC_FETCH_SITE": "same-origin", "ORIGIN": "http://[::1]:8080"}, True),
        ({"SEC_FETCH_SITE": "same-origin", "ORIGIN": "http://evil.test"}, False),
        ({"SEC_FETCH_SITE": "same-origin", "ORIGIN": "http://127.0.0.1@evil.test"}, False),
        ({"SEC_FETCH_SITE": "same-origin", "ORIGIN": "null"}, False),
        ({"SEC_FETCH_SITE": "none", "ORIGIN": "http://localhost"}, False),
        ({"SEC_FETCH_SITE": "same-site", "ORIGIN": "http://127.0.0.1:8080"}, False),
        ({"ORIGIN": "http://127.0.0.1:8080"}, False),
    ],
)
def test_a_page_whose_server_is_known_by_another_name_to_a_proxy(
    fields: dict[str, str], own: bool
) -> None:
    environ = {f"HTTP_{name}": value for name, value in fields.items()}
    assert is_of_own_page({"HTTP_HOST": "127.0.0.1:5000"} | environ) is own


# --- over the wire


class Visitor:
    """Somebody with an HTTP client, who keeps cookies."""

    def __init__(self, open_socket: Callable[[], socket.socket]) -> None:
        self._open = open_socket
        self._cookie = ""

    def ask(self, path: str, **fields: str) -> tuple[int, str]:
        """GET a path, or POST a form to it; return status and content."""
        client = http.client.HTTPConnection("localhost", timeout=PATIENCE)
        client.sock = self._open()
        headers = {"Accept": "text/html", "Cookie": self._cookie}
        if fields:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            body = urlencode(fields) if fields else None
            client.request("POST" if fields else "GET", path, body, headers)
            response = client.getresponse()
            self._cookie = (response.headers["Set-Cookie"] or self._cookie).partition(";")[0]
            return response.status, response.read().decode()
        finally:
            client.close()

    def sees_nothing(self) -> str:
        """See that nothing is shown but the traceback; return its page."""
        status, page = self.ask(FAILING)
        assert status == 500
        assert "OrderError" in page
        assert VALUE not in page
        for path in (INSPECTOR, f"{INSPECTOR}requests.json", f"{INSPECTOR}requests/1?secrets=1"):
            status, text = self.ask(path)
            assert status == 403, path
            assert "other users of this one" in text
        return page

    def sees_all(self) -> None:
        status, page = self.ask(FAILING)
        assert status == 500
        assert VALUE in page
        status, text = self.ask(f"{INSPECTOR}requests.json")
        assert status == 200
        assert FAILING in text

    def unlocks(self, page: str) -> None:
        """Give the PIN on a page, and evaluate code."""
        secret = re.search(r'data-secret="([^"]+)"', page)
        assert secret is not None
        number = re.findall(r'id="frame-(\d+)"', page)[-1]
        command = {"__debugger__": "yes", "s": secret[1]}
        assert self.ask("/?__debugger__=yes", **command, cmd="1 + 1", frm=number)[0] == 403
        status, answer = self.ask("/?__debugger__=yes", **command, cmd="pinauth", pin=PIN)
        assert (status, answer) == (200, '{"auth": true, "exhausted": false}')
        status, answer = self.ask("/?__debugger__=yes", **command, cmd="6 * 7", frm=number)
        assert status == 200
        assert "42" in answer


def in_child(act: Callable[[], object], user: int) -> str:
    """Act in a process of another user; return what goes wrong."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Of a thread that another test has left behind; it holds no lock that is needed there.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            act()
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode()[:60_000])
        finally:
            os._exit(0)
    os.close(writer)
    timer = threading.Timer(2 * PATIENCE, os.kill, [pid, signal.SIGKILL])
    timer.start()
    try:
        with open(reader, "rb") as report:
            text = report.read().decode()
    finally:
        timer.cancel()
        timer.join()
    status = os.waitpid(pid, 0)[1]
    return text or describe_death(os.waitstatus_to_exitcode(status)) * bool(status)


@pytest.fixture(scope="module")
def public() -> Iterator[Path]:
    """A directory that every user can enter."""
    directory = Path(tempfile.mkdtemp(prefix="dovetail-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def shop(public: Path) -> Iterator[Shop]:
    shop = Shop(public)
    yield shop
    shop.stop()


@pytest.fixture
def unix_shop(public: Path) -> Iterator[Path]:
    """The shop on a Unix socket that every user can connect to."""
    path = public / "shop.sock"
    program = f"""
        from tests.dev.shop import app
        from dovetail.dev import run_simple
        run_simple("unix://{path}", 0, app, use_debugger=True)
    """
    root = Path(__file__).parents[2]
    process = Process(
        [sys.executable, "-c", textwrap.dedent(program)],
        output=public / "unix.log",
        directory=public,
        environ={"WERKZEUG_DEBUG_PIN": PIN, "PYTHONPATH": str(root)},
    )
    try:
        process.wait_for_line("Running on unix")
        path.chmod(0o777)
        yield path
    finally:
        process.stop()


def over_tcp(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def over_unix(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(str(path))
    return sock


def test_the_user_sees_all(shop: Shop) -> None:
    Visitor(partial(over_tcp, shop.port)).sees_all()


def test_the_user_sees_all_by_a_unix_socket(unix_shop: Path) -> None:
    Visitor(partial(over_unix, unix_shop)).sees_all()


@as_root
def test_another_user_of_this_machine_needs_the_pin(shop: Shop) -> None:
    visitor = Visitor(partial(over_tcp, shop.port))

    def visit() -> None:
        visitor.unlocks(visitor.sees_nothing())
        visitor.sees_all()

    assert not in_child(visit, NOBODY)


@as_root
def test_another_user_at_a_unix_socket_needs_the_pin(unix_shop: Path) -> None:
    visitor = Visitor(partial(over_unix, unix_shop))

    def visit() -> None:
        visitor.unlocks(visitor.sees_nothing())
        visitor.sees_all()

    assert not in_child(visit, NOBODY)


# --- behind nginx as it is by default, which says nowhere that it is there

NGINX = """
user nobody nogroup;
worker_processes 1;
pid nginx.pid;
error_log error.log info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass {upstream}; }}
    }}
}}
"""


@contextmanager
def proxied(directory: Path, upstream: str) -> Iterator[int]:
    """Have nginx serve what comes from an address: its port."""
    directory.mkdir()
    directory.chmod(0o755)
    process, port = run_nginx(directory, lambda port: NGINX.format(port=port, upstream=upstream))
    try:
        yield port
    finally:
        process.stop(signal.SIGQUIT)


@as_root
def test_behind_a_proxy_that_does_not_say_it_is_one(shop: Shop, public: Path) -> None:
    with proxied(public / "nginx", f"http://127.0.0.1:{shop.port}") as port:
        visitor = Visitor(partial(over_tcp, port))
        visitor.unlocks(visitor.sees_nothing())
        visitor.sees_all()


@as_root
def test_behind_a_proxy_at_a_unix_socket(unix_shop: Path, public: Path) -> None:
    upstream = f"http://unix:{unix_shop}"
    with proxied(public / "nginx-unix", upstream) as port:
        visitor = Visitor(partial(over_tcp, port))
        status, page = visitor.ask(FAILING)
        # The host is "localhost" by default.
        assert status == 500
        assert VALUE not in page
        visitor.unlocks(visitor.sees_nothing())
        visitor.sees_all()


@as_root
@pytest.mark.network
def test_a_browser_behind_a_proxy(shop: Shop, public: Path) -> None:
    (public / "browser").mkdir()
    with proxied(public / "nginx-browser", f"http://127.0.0.1:{shop.port}") as port:
        browser = Browser(f"http://127.0.0.1:{port}", public / "browser")
        try:
            browser.open(FAILING)
            assert "1020" not in browser.text()
            place = frame(browser, "rounded")
            unlock(browser, place)
            assert evaluate(browser, place, "total").endswith("1020")
            browser.open(INSPECTOR)
            wait_until(lambda: FAILING in browser.text(), "the inspector lists the request")
        finally:
            browser.quit()
