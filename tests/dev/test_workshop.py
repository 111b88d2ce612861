"""The directory that the processes of a development server share: who makes it, and who ends it."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.applications.deployment import Process
from tests.dev.live import PATIENCE

from dovetail.dev.workshop import VARIABLE, Workshop, removed_on_signals

REPORT = "from dovetail.dev.workshop import Workshop as W; w = W.current(); print(w.path, w.secret)"
FORKS = """
import os, sys
from dovetail.dev.workshop import Workshop
made = Workshop.current()
pid = os.fork()
if pid == 0:
    found = Workshop.current()
    print(found.path, found.secret, found.is_shared, flush=True)
    sys.exit()
os.waitpid(pid, 0)
print(made.path, made.secret, made.is_shared, made.path.is_dir(), flush=True)
"""
INTERRUPTED = """
import atexit, shutil, signal
from dovetail.dev.workshop import Workshop
removing = shutil.rmtree
def interrupted(*args, **options):
    signal.raise_signal(signal.SIGINT)
    removing(*args, **options)
shutil.rmtree = interrupted
atexit.register(lambda: print(signal.getsignal(signal.SIGINT).__name__))
print(Workshop.current().path, flush=True)
"""
REPLACES = """
import os, sys
from dovetail.dev.workshop import Workshop
made = Workshop.current()
print(made.path, made.secret, flush=True)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""


@pytest.fixture(autouse=True)
def made(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workshop]:
    # Servers of others sweep away what is left behind in the usual place. (The name is short: a
    # longer one would not be taken.)
    place = tmp_path_factory.mktemp("w")
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv(VARIABLE, "")
    shop = Workshop.current()
    assert shop.path.parent == place
    yield shop
    shutil.rmtree(shop.path, ignore_errors=True)


def run(code: str, *args: str, **variables: str) -> list[list[str]]:
    """Run a program; return the words of each line that it prints."""
    environ = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return [line.split() for line in done.stdout.splitlines()]


def test_is_made_once(made: Workshop) -> None:
    assert Workshop.current() is made
    assert os.environ[VARIABLE] == str(made.path)
    assert not made.is_shared


def test_is_of_this_user_alone(made: Workshop) -> None:
    assert made.path.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o777 for file in made.path.iterdir()}
    assert modes == {"secret": 0o600, "maker": 0o600}


def test_a_started_process_finds_it_and_leaves_it(made: Workshop) -> None:
    assert run(REPORT) == [[str(made.path), made.secret]]
    assert made.path.is_dir()


def test_two_servers_have_two(made: Workshop) -> None:
    ((path, secret),) = run(REPORT, **{VARIABLE: ""})
    assert path != str(made.path)
    assert secret != made.secret
    assert not Path(path).exists(), "it goes with the process that made it"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_shares_it_and_leaves_it() -> None:
    child, parent = run(FORKS, **{VARIABLE: ""})
    assert child[:2] == parent[:2]
    assert (child[2:], parent[2:]) == (["True"], ["False", "True"])
    assert not Path(parent[0]).exists()


def test_a_program_that_replaces_itself_keeps_it_and_removes_it_in_the_end() -> None:
    first, second = run(REPLACES, REPORT, **{VARIABLE: ""})
    assert first == second
    assert not Path(first[0]).exists()


def test_ctrl_c_while_it_is_removed_does_nothing() -> None:
    environ = {**os.environ, VARIABLE: ""}
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    path, handler = done.stdout.split()
    assert (done.returncode, done.stderr) == (0, "")
    assert not Path(path).exists()
    # The one that was registered first comes last.
    assert handler == "default_int_handler"


def copy_of(made: Workshop, place: Path) -> Path:
    shutil.copytree(made.path, place)
    place.chmod(0o700)
    return place


def test_takes_a_directory_that_is_in_order(
    made: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = copy_of(made, tmp_path / "shop")
    (place / "maker").write_text("1")
    monkeypatch.setenv(VARIABLE, str(place))
    found = Workshop.current()
    assert (found.path, found.secret, found.is_shared) == (place, made.secret, True)


@pytest.mark.parametrize("flaw", ["mode", "link", "file", "gone", "no secret", "short", "relative"])
def test_ignores_what_may_not_be_its_own(
    made: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    place = copy_of(made, tmp_path / "shop")
    named = str(place)
    match flaw:
        case "mode":
            place.chmod(0o750)
        case "link":
            (tmp_path / "link").symlink_to(place)
            named = str(tmp_path / "link")
        case "file":
            named = str(place / "secret")
        case "gone":
            shutil.rmtree(place)
        case "no secret":
            (place / "secret").unlink()
        case "short":
            (place / "secret").write_text("guess")
        case "relative":
            monkeypatch.chdir(tmp_path)
            named = "shop"
    monkeypatch.setenv(VARIABLE, named)
    found = Workshop.current()
    assert str(found.path) != named
    assert found.secret != made.secret
    assert os.environ[VARIABLE] == str(found.path)
    shutil.rmtree(found.path)


def test_ignores_the_directory_of_another_user(
    made: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = copy_of(made, tmp_path / "shop")
    monkeypatch.setenv(VARIABLE, str(place))
    other = place.stat().st_uid + 1
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: other)
        found = Workshop.current()
    assert found.path != place
    shutil.rmtree(found.path)


def test_makes_another_when_somebody_has_cleared_it_away(made: Workshop) -> None:
    shutil.rmtree(made.path)
    found = Workshop.current()
    assert found.path.is_dir()
    assert found.path != made.path
    shutil.rmtree(found.path)


def test_needs_no_posix(made: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = copy_of(made, tmp_path / "shop")
    place.chmod(0o777)  # as systems without such modes report it
    monkeypatch.delattr(os, "geteuid")
    monkeypatch.setenv(VARIABLE, str(place))
    assert Workshop.current().path == place


KILLED = """
import os, signal
from dovetail.dev.workshop import Workshop
print(Workshop.current().path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def left_behind() -> Path:
    command = [sys.executable, "-c", KILLED]
    done = subprocess.run(
        command,
        env={**os.environ, VARIABLE: ""},
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    return Path(os.fsdecode(done.stdout.strip()))


@pytest.mark.skipif(os.name != "posix", reason="signals, locks")
def test_what_a_killed_server_left_behind_is_swept_away(
    made: Workshop,
) -> None:
    left = left_behind()
    # Not made yet; and somebody else's.
    unfinished = made.path.with_name("dovetail-dev-unfinished")
    unfinished.mkdir(mode=0o700)
    (unfinished / "maker").write_text("1")
    foreign = copy_of(made, made.path.with_name("dovetail-dev-foreign"))
    foreign.chmod(0o755)
    try:
        run(REPORT, **{VARIABLE: ""})
        assert not left.exists()
        assert made.path.is_dir()
        assert unfinished.is_dir()
        assert foreign.is_dir()
    finally:
        shutil.rmtree(unfinished)
        shutil.rmtree(foreign)


@pytest.mark.skipif(os.name != "posix", reason="signals, locks")
def test_what_is_still_used_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    left = left_behind()
    monkeypatch.setenv(VARIABLE, str(left))
    found = Workshop.current()
    assert found.path == left
    run(REPORT, **{VARIABLE: ""})
    assert left.is_dir()
    shutil.rmtree(left)


# --- servers that are ended by signals

SERVES = """
import os, signal, sys, time
from dovetail.dev import run_simple
from dovetail.dev.workshop import Workshop

def handle(number, frame):
    print("handled", flush=True)
    sys.exit(7)

def application(environ, start_response):
    if environ["PATH_INFO"] == "/fork":
        ends = []
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                while True:
                    time.sleep(60)
            # At once: it may not have begun.
            os.kill(pid, signal.SIGTERM)
            ends.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        print("the children:", set(ends), flush=True)
    start_response("200 OK", [])
    return [b"x"]

if "handler" in sys.argv:
    signal.signal(signal.SIGTERM, handle)
if "ignored" in sys.argv:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
run_simple(
    "127.0.0.1", 0, application, use_debugger=True,
    use_reloader="reloader" in sys.argv, processes=2 if "processes" in sys.argv else 1,
)
"""


class Served:
    """A server with a directory of its own for what is temporary."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.temporary = directory / "temporary"
        self.temporary.mkdir()
        (directory / "program.py").write_text(SERVES)
        self.process = Process(
            [sys.executable, "program.py", *arguments],
            output=directory / "output.log",
            directory=directory,
            environ={"TMPDIR": str(self.temporary), VARIABLE: "", "WERKZEUG_DEBUG_PIN": "123"},
        )
        try:
            self.port = int(self.process.wait_for_line(r"http://127\.0\.0\.1:(\d+)")[1])
            self.ask("/")
            assert self.made()
        except BaseException:
            self.process.kill()
            raise

    def made(self) -> list[Path]:
        return list(self.temporary.glob("dovetail-dev-*"))

    def ask(self, path: str) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        client.request("GET", path)
        assert client.getresponse().read() == b"x"
        client.close()


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("d")


@pytest.mark.process
@pytest.mark.parametrize("arguments", ["", "processes", "reloader"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_server_and_leaves_nothing(
    directory: Path, arguments: str, number: signal.Signals
) -> None:
    served = Served(directory, arguments)
    try:
        served.process.popen.send_signal(number)
        status = served.process.popen.wait(PATIENCE)
        assert served.made() == []
        assert arguments == "reloader" or status == -number
    finally:
        served.process.kill()


@pytest.mark.process
def test_the_handler_of_the_application_is_left_alone(directory: Path) -> None:
    served = Served(directory, "handler", "ignored")
    try:
        served.process.popen.send_signal(signal.SIGHUP)
        served.ask("/")
        assert served.made()
        assert served.process.stop() == 7
        assert "handled" in served.process.text()
        assert served.made() == []
    finally:
        served.process.kill()


@pytest.mark.process
def test_a_forked_process_that_a_signal_ends_removes_nothing(directory: Path) -> None:
    served = Served(directory)
    try:
        served.ask("/fork")
        served.process.wait_for_line(r"the children: \{-15\}")
        assert served.made()
        assert served.process.stop() == -signal.SIGTERM
        assert served.made() == []
    finally:
        served.process.kill()


def test_signals_are_as_before_when_the_serving_is_over() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with removed_on_signals():
            assert signal.getsignal(signal.SIGTERM) not in {signal.SIG_DFL, None}
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        with removed_on_signals():
            # Who takes it over meanwhile, keeps it.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
