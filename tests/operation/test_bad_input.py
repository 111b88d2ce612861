"""What a user gets wrong: one clear message, a bad status, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.operation.conftest import Serve, Site
from tests.operation.server import COMMAND, PATIENCE, children, environment

import dovetail

OWN_CODE = Path(dovetail.__file__).parent

pytestmark = [pytest.mark.process]


def new_key() -> str:
    """Return a private key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


class Attempt:
    """One start that fails."""

    def __init__(self, site: Site, arguments: list[str], variables: Mapping[str, str]) -> None:
        before = set(site.directory.iterdir()), set(site.state.iterdir())
        known = children(os.getpid())
        # Its processes are a group, which is gone when all of them are.
        with subprocess.Popen(
            [COMMAND, "serve", *arguments],
            cwd=site.directory,
            env=environment({"OPERATION_STATE": str(site.state)} | dict(variables)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        ) as process:
            try:
                self.output, self.errors = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        self.status = process.returncode
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        assert children(os.getpid()) <= known
        assert (set(site.directory.iterdir()), set(site.state.iterdir())) == before

    def check(self, pattern: str, status: int) -> None:
        """Check the status and the one message."""
        assert re.search(pattern, self.errors), self.errors
        assert self.status == status
        assert self.output == ""
        assert str(OWN_CODE) not in self.errors, "a traceback of the server's own code"


Try = Callable[..., Attempt]


@pytest.fixture
def attempt(site: Site) -> Try:
    def start(
        *arguments: str,
        app: str = "application:app",
        bind: str = "unix:../state/socket",
        variables: Mapping[str, str] | None = None,
    ) -> Attempt:
        where = ["-b", bind] if bind else []
        what = [app] if app else []
        return Attempt(site, [*where, "-p", "../state/pid", *arguments, *what], variables or {})

    return start


MODULES = {
    "syntax": "def app(environ, start_response:\n    pass\n",
    "failing": "import json\njson.loads('{')\n",
    "needing": "import nothing_of_that_name\n",
    "ending": "raise SystemExit('no settings')\n",
    "asgi": "async def app(scope, receive, send):\n    pass\n",
    "thing": "app = 42\n",
    "nested": "def app():\n    pass\n",
}


@pytest.mark.parametrize(
    ("app", "pattern"),
    [
        ("applicatoin:app", r"there is no module 'applicatoin' .*did you mean application\?"),
        ("application:ap", r"'application' .*has no attribute 'ap'; did you mean app\?"),
        ("application.py", r"is a file, not a module; write .*application:app"),
        ("application:app(", r"'app\(' .* is neither an attribute nor FACTORY"),
        ("application:create(open('x'))", r"the argument open\('x'\) is not a literal"),
        ("application:create(1)", r"does not take that: .*positional argument"),
        ("syntax:app", r"syntax\.py:1: "),
        ("failing:app", r"(?s)importing 'failing' failed.*failing\.py.*JSONDecodeError"),
        ("needing:app", r"(?s)needing\.py.*No module named 'nothing_of_that_name'"),
        ("ending:app", r"(?s)importing 'ending' ends the process.*no settings"),
        ("asgi:app", r"'asgi:app' is an ASGI application; Dovetail serves WSGI"),
        ("thing:app", r"'thing:app' is of type int, not a WSGI application"),
        ("nested:app", r"if it makes one, write 'nested:app\(\)'"),
    ],
)
def test_application(attempt: Try, site: Site, app: str, pattern: str) -> None:
    name = app.partition(":")[0]
    if name in MODULES:
        (site.directory / f"{name}.py").write_text(MODULES[name])
    attempt("-w", "2", app=app).check(pattern, 4)


@pytest.mark.parametrize("name", ["syntax", "failing", "ending", "asgi"])
def test_preloaded_application(attempt: Try, site: Site, name: str) -> None:
    (site.directory / f"{name}.py").write_text(MODULES[name])
    attempt("--preload", app=f"{name}:app").check(rf"Error: .*{name}", 4)


def test_application_is_missing(attempt: Try) -> None:
    attempt(app="").check(r"which application\? Give it as MODULE:ATTR", 2)


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        (["--workers", "none"], r"workers \(command line --workers\): 'none' .*whole number"),
        (["--workers", "0"], r"workers .*at least 1"),
        (["--timeout", "soon"], r"timeout \(command line --timeout\): 'soon'"),
        (["--limit-request-body", "1 mile"], r"limit_request_body .*1 mile"),
        (["--worker-class", "gevent"], r"worker_class .*gevent.*threads"),
        (["--log-level", "loud"], r"log_level .*loud.*debug"),
        (["--access-log-format", "%(h"], r"access_log_format: no atom after the % at column 1"),
        (["--chdir", "/nowhere"], r"chdir .*'/nowhere' is not a directory"),
        (["--keyfile", "key.pem"], r"keyfile .*needs certfile too"),
        (["--user", "nobody-of-that-name"], r"there is no user 'nobody-of-that-name'"),
        (["--group", "nobody-of-that-name"], r"there is no group 'nobody-of-that-name'"),
        (["--wrokers", "2"], r"No such option.*--wrokers.*--workers"),
        (["-c", "nowhere.toml"], r"nowhere\.toml: cannot be read: No such file"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_command_line(attempt: Try, arguments: list[str], pattern: str) -> None:
    failed = attempt(*arguments)
    failed.check(pattern, failed.status)
    assert failed.status in (1, 2)
    assert failed.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "text", "pattern"),
    [
        ("s.toml", "wrokers = 2", r"s\.toml: unknown setting 'wrokers'; did you mean workers\?"),
        ("s.toml", "workers = 'two'", r"workers \(s\.toml\): 'two' is a str"),
        ("s.toml", "workers = [", r"s\.toml: is not TOML: "),
        ("s.toml", "pidfile = 1", r"pidfile \(s\.toml\): "),
        ("s.py", "wrokers = 2", r"s\.py: unknown setting 'wrokers'; did you mean workers\?"),
        ("s.py", "\n\n1 / 0", r"s\.py, line 3: ZeroDivisionError"),
        ("s.py", "workers = = 2", r"s\.py, line 1: SyntaxError"),
        ("s.py", "def pre_fork(server, worker): ...", r"s\.py: Gunicorn's hook pre_fork"),
    ],
)
def test_file(attempt: Try, site: Site, name: str, text: str, pattern: str) -> None:
    (site.directory / name).write_text(text)
    failed = attempt("-c", name)
    failed.check(pattern, 2)
    assert failed.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "value", "pattern"),
    [
        ("DOVETAIL_SERVE_WORKERS", "many", r"workers \(environment DOVETAIL_SERVE_WORKERS\)"),
        ("DOVETAIL_SERVE_WROKERS", "2", r"DOVETAIL_SERVE_WROKERS: .*DOVETAIL_SERVE_WORKERS\?"),
        ("WEB_CONCURRENCY", "auto", r"workers \(environment WEB_CONCURRENCY\): 'auto'"),
    ],
)
def test_environment(attempt: Try, variable: str, value: str, pattern: str) -> None:
    failed = attempt(variables={variable: value})
    failed.check(pattern, 2)
    assert failed.errors.count("\n") == 1


def test_port_in_the_environment(attempt: Try) -> None:
    failed = attempt(bind="", variables={"PORT": "http"})
    failed.check(r"bind \(environment PORT\): ", 2)
    assert failed.errors.count("\n") == 1


# Sockets


def test_port_in_use(attempt: Try) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        failed = attempt(bind=address)
    failed.check(rf"cannot listen on {address}: address in use; stop the other server", 1)
    assert failed.errors.count("\n") == 1


def test_second_address_in_use_frees_the_first(attempt: Try) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        attempt("-b", address).check(rf"cannot listen on {address}: address in use", 1)


def test_socket_of_a_live_server(attempt: Try, serve: Serve, site: Site) -> None:
    path = site.state / "socket"
    server = serve(bind=f"unix:{path}", workers=1)
    attempt().check(r"cannot listen on unix:.*/socket: address in use", 1)
    assert path.is_socket()
    assert server.stop() == 0


def test_file_in_the_place_of_the_socket(attempt: Try, site: Site) -> None:
    (site.state / "socket").write_text("precious")
    attempt().check(r"cannot listen on unix:.*: the file exists and is not a socket", 1)
    assert (site.state / "socket").read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every port")
def test_port_without_permission(attempt: Try) -> None:
    least = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if least <= 80:
        pytest.skip("everybody may use every port here")
    attempt(bind="127.0.0.1:80").check(r"permission denied; ports below 1024 need root", 1)


@pytest.mark.parametrize(
    ("address", "pattern"),
    [
        ("127.0.0.1:99999", r"bind \(command line --bind\): .*99999"),
        ("203.0.113.1:0", r"cannot listen on 203\.0\.113\.1:0: not an address of this machine"),
        ("no-such-host.invalid:0", r"unknown host 'no-such-host\.invalid'"),
        ("fd://99", r"cannot listen on fd://99: it is not open"),
        ("unix:/nowhere/socket", r"cannot listen on unix:/nowhere/socket: its directory"),
    ],
)
def test_address(attempt: Try, address: str, pattern: str) -> None:
    failed = attempt(bind=address)
    failed.check(pattern, failed.status)
    assert failed.status in (1, 2)
    assert failed.errors.count("\n") == 1


# Files


@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (None, r"certfile: cannot read .*server\.pem: No such file"),
        ("", r"certfile"),
        ("certificate only", r"keyfile"),
        ("another key", r"does not (match|belong)"),
    ],
    ids=["missing", "empty", "no key", "mismatch"],
)
def test_certificate(
    attempt: Try, site: Site, certificate: Path, content: str | None, pattern: str
) -> None:
    _, begin, rest = certificate.read_text().partition("-----BEGIN CERTIFICATE")
    if content is not None:
        text = {"": "", "certificate only": begin + rest, "another key": new_key() + begin + rest}
        (site.directory / "server.pem").write_text(text[content])
    failed = attempt("--certfile", "server.pem")
    failed.check(pattern, 1)
    assert failed.errors.count("\n") == 1


@pytest.mark.parametrize("setting", ["access-log", "error-log"])
def test_log_that_cannot_be_opened(attempt: Try, setting: str) -> None:
    failed = attempt(f"--{setting}", "/nowhere/log")
    failed.check(rf"{setting.replace('-', '_')}: cannot open /nowhere/log: No such file", 1)
    assert failed.errors.count("\n") == 1


def test_pid_file_that_cannot_be_written(attempt: Try) -> None:
    attempt("-p", "/nowhere/pid").check(r"cannot write pid file /nowhere/pid: No such file", 1)


def test_pid_file_of_a_live_server(attempt: Try, serve: Serve, site: Site) -> None:
    path = site.state / "pid"
    server = serve("-p", str(path), workers=1)
    attempt().check(rf"already running: pid file .*/pid names process {server.pid}", 1)
    assert path.read_text() == f"{server.pid}\n"
    assert server.stop() == 0


def test_pid_file_of_a_dead_server_is_no_error(serve: Serve, site: Site) -> None:
    path = site.state / "pid"
    with subprocess.Popen(["true"]) as dead:
        pass
    path.write_text(f"{dead.pid}\n")
    server = serve("-p", str(path), workers=1)
    assert path.read_text() == f"{server.pid}\n"
    assert server.stop() == 0
    assert not path.exists()
