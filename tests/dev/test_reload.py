"""The reloader at work: real files, real processes, and clients that never stop asking."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
from tests.dev.reloader.projects import (
    APP,
    PATIENCE,
    Client,
    Crowd,
    Project,
    is_alive,
    project,
    until,
)

__all__ = ["project"]

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
MOST_DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

DETECTED = "Detected change in"
RESTARTING = "Restarting with"


@pytest.mark.parametrize("kind", ["watchfiles", "stat"])
def test_no_request_fails_over_20_restarts(project: Project, kind: str) -> None:
    project.options(reloader={"reloader_type": kind, "interval": 0.05})
    project.start()
    project.wait_for(1)
    with Crowd(project, 6) as crowd:
        for version in range(2, 21):
            project.save(version)
            crowd.wait_for(version)
        project.save("= 21")
        project.wait_for_line("SyntaxError")
        until(lambda: crowd.errors_shown, "an answer with the error", project.lines)
        project.save(22)
        crowd.wait_for(22)
    assert crowd.failures == []
    assert crowd.seen >= {*range(2, 21), 22}
    assert project.count(f"{RESTARTING} {kind}") >= 21
    assert project.stop() == 0


def test_a_failing_program_is_shown_and_recovers(project: Project) -> None:
    project.start()
    project.wait_for(1)
    project.save("1 / 0")
    until(lambda: project.ask()[0] == 500, "the error", project.lines)
    assert "1 / 0" not in project.ask()[1]  # no source without the debugger
    project.wait_for_line("ZeroDivisionError: division by zero")
    assert project.find("VERSION = 1 / 0")
    assert project.count("Traceback (most recent call last)") == 1
    project.save(2)
    project.wait_for(2)


def test_a_module_that_is_missing_recovers_when_it_is_made(project: Project) -> None:
    project.start()
    project.wait_for(1)
    project.save("__import__('helper').VERSION")
    until(lambda: project.ask()[0] == 500, "the error", project.lines)
    project.write("helper.py", "VERSION = 7")
    project.wait_for(7)


def test_an_import_error_that_is_caught_is_watched(project: Project) -> None:
    project.write("broken.py", "VERSION = = 1")
    project.start()
    project.wait_for(1)
    text = (project.folder / "app.py").read_text()
    caught = "try:\n    from broken import VERSION\nexcept SyntaxError:\n    VERSION = 2"
    project.write("app.py", text.replace("VERSION = 1", caught))
    project.wait_for(2)
    project.write("broken.py", "VERSION = 3")
    project.wait_for(3)


def test_a_slow_request_is_answered_by_the_old_code(project: Project) -> None:
    said = 'print("BEGUN", file=sys.stderr, flush=True)'
    application = APP.replace("import time", "import sys, time")
    project.write("app.py", application.replace("time.sleep(1.5)", f"{said}; time.sleep(1.5)"))
    project.start()
    project.wait_for(1)
    answers: list[tuple[int, str]] = []
    kept = Client(project)

    def ask() -> None:
        answers.append(kept.ask("/slow"))
        answers.append(kept.ask("/"))

    thread = threading.Thread(target=ask)
    thread.start()
    project.wait_for_line("BEGUN")
    project.save(2)
    project.wait_for(2)  # and nobody else waits for the slow one
    thread.join()
    kept.close()
    assert answers == [(200, "1"), (200, "2")]


def test_an_idle_connection_survives(project: Project) -> None:
    project.start()
    project.wait_for(1)
    client = Client(project)
    assert client.ask() == (200, "1")
    for version in (2, 3):
        project.save(version)
        project.wait_for(version)
        assert client.ask() == (200, str(version))
    client.close()


def test_a_lazily_imported_module(project: Project) -> None:
    project.write("lazy.py", "VERSION = 1")
    project.start()
    project.wait_for(1)
    assert project.ask("/lazy") == (200, "1")
    # It may not be noticed at once that it is imported; when it is, its change is.
    project.write("lazy.py", "VERSION = 2")
    project.wait_for(2, "/lazy")


def test_a_file_that_is_replaced_by_renaming(project: Project) -> None:
    project.start()
    project.wait_for(1)
    text = (project.folder / "app.py").read_text()
    project.write("app.py.new", text.replace("VERSION = 1", "VERSION = 2"))
    (project.folder / "app.py.new").replace(project.folder / "app.py")
    project.wait_for(2)


def test_a_file_that_is_deleted_and_made_again(project: Project) -> None:
    project.start()
    project.wait_for(1)
    path = project.folder / "app.py"
    text = path.read_text()
    # It is waited for only as long as an editor takes, for which this process may be too slow.
    for version in range(2, 50):
        before, begun = project.count("Traceback"), time.monotonic()
        path.unlink()
        path.write_text(text.replace("VERSION = 1", f"VERSION = {version}"))
        took = time.monotonic() - begun
        project.wait_for(version)
        if took < 0.1:
            break
    assert took < 0.1
    assert project.count("Traceback") == before


@pytest.mark.parametrize("kind", ["watchfiles", "stat"])
def test_extra_files_globs_and_exclusions(project: Project, kind: str) -> None:
    reloader = {
        "extra_files": ["later.cfg", "conf/**/*.toml"],
        "exclude_patterns": ["*/app.py", "conf/private/*"],
        "reloader_type": kind,
        "interval": 0.05,
    }
    project.options(reloader=reloader)
    project.write("conf/a.toml", "1")
    project.write("conf/private/b.toml", "1")
    project.start()
    project.wait_for(1)
    until(lambda: project.count("Restarting") == 1, "the start")
    project.save(2)
    project.write("conf/private/b.toml", "2")
    project.write("conf/c.txt", "2")
    project.write("conf/.git/c.toml", "2")
    _touch_until(project, "conf/a.toml", "conf/a.toml")
    project.wait_for(2)
    _touch_until(project, "conf/deep/er/d.toml", "conf/deep")
    _touch_until(project, "later.cfg", "later.cfg")
    assert not project.find("private")
    assert not project.find("c.txt")
    assert not project.find(".git")
    assert not project.find("app.py', reloading")


@pytest.mark.parametrize("kind", ["watchfiles", "stat"])
def test_a_file_of_a_glob_that_changes_before_it_is_watched(project: Project, kind: str) -> None:
    project.options(reloader={"extra_files": ["conf/**/*.toml"], "reloader_type": kind})
    project.write("conf/a.toml", "1")
    project.start()
    project.wait_for(1)
    project.write("conf/a.toml", "2")
    project.wait_for_line("conf/a.toml")


def _touch_until(project: Project, name: str, shown: str) -> None:
    """Write to a file until that is noticed: nobody tells when the watching begins."""
    before = project.count(DETECTED)

    def is_noticed() -> bool:
        project.write(name, str(os.urandom(4)))
        threading.Event().wait(0.1)
        # What was written to once too often before may be noticed now.
        noticed = [line for line in list(project.lines) if DETECTED in line][before:]
        return any(shown in line for line in noticed)

    until(is_noticed, f"a change of {name}", project.lines)


def test_a_unix_socket(project: Project) -> None:
    project.unix = str(project.folder / "s")
    project.options(server={"host": f"unix://{project.unix}"})
    project.start()
    project.wait_for(1)
    with Crowd(project, 4) as crowd:
        for version in (2, 3, 4):
            project.save(version)
            crowd.wait_for(version)
    assert crowd.failures == []
    assert project.stop() == 0


def test_tls(project: Project) -> None:
    pytest.importorskip("cryptography")
    project.tls = True
    project.options(server={"ssl_context": "adhoc"})
    project.start()
    project.wait_for(1)
    for version in (2, 3):
        project.save(version)
        project.wait_for(version)
    project.save("1 / 0")
    project.wait_for_line("ZeroDivisionError")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_several_processes(project: Project) -> None:
    project.write("lazy.py", "VERSION = 1")
    project.options(server={"processes": 2, "threaded": False})
    project.start()
    project.wait_for(1)
    with Crowd(project, 4) as crowd:
        for version in (2, 3, 4):
            project.save(version)
            crowd.wait_for(version)
    assert crowd.failures == []
    assert project.ask("/lazy") == (200, "1")  # only a worker imports it
    project.write("lazy.py", "VERSION = 2")
    project.wait_for(2, "/lazy")


# The end


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_leaves_nothing(project: Project, number: int) -> None:
    project.start()
    project.wait_for(1)
    pids = project.pids()
    assert len(pids) >= 2
    assert project.stop(number) == 0
    until(lambda: not any(map(is_alive, pids)), "the end of all")
    assert project.count("Traceback") == 0


@linux
def test_ctrl_c_at_a_terminal_reaches_both(project: Project) -> None:
    project.start()
    project.wait_for(1)
    pids = project.pids()
    os.killpg(project.process.pid, signal.SIGINT)
    assert project.process.wait(PATIENCE) == 0
    until(lambda: not any(map(is_alive, pids)), "the end of all")
    assert project.count("Traceback") == 0


@linux
def test_ctrl_c_while_the_spare_process_starts(project: Project) -> None:
    project.start()
    project.wait_for(1)
    until(lambda: len(project.pids()) >= 3, "the spare process")
    os.killpg(project.process.pid, signal.SIGINT)
    assert project.process.wait(PATIENCE) == 0
    assert project.count("KeyboardInterrupt") == 0


def _answering(project: Project, version: int) -> int:
    """Wait for a version, and return which process answers."""
    until(lambda: project.ask()[1].startswith(f"[{version}, "), f"version {version}", project.lines)
    pid: int = json.loads(project.ask()[1])[1]
    return pid


@linux
def test_saving_twice_finds_two_processes_that_are_ready(project: Project) -> None:
    application = APP.replace("import time", "import os, time")
    project.write("app.py", application.replace("VERSION = 1", "VERSION = [1, os.getpid()]"))
    project.start()
    served = [_answering(project, 1)]
    for _ in range(2):
        # The one that stays, the one that serves, and two spare ones; others may be about to end.
        until(lambda: len({*project.pids()}.difference(served[:-1])) == 4, "the spare ones")
        ready = project.pids()
        for version in (2, 3):
            project.save(f"[{version}, os.getpid()]")
            served.append(_answering(project, version))
            assert served[-1] in ready


def _let_it_take_its_time(project: Project) -> None:
    """Have the program not end a process that does not listen, unless it is asked for it."""
    text = (project.folder / "run.py").read_text()
    patience = "from dovetail.dev.reloader import signals\nsignals.PATIENCE = 600.0\n"
    project.write("run.py", patience + text)


@linux
def test_who_insists_on_ctrl_c_does_not_wait(project: Project) -> None:
    deaf = """
import os
import signal

if "WERKZEUG_RUN_MAIN" in os.environ:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
"""
    project.write("app.py", deaf + APP)
    _let_it_take_its_time(project)
    project.start()
    project.wait_for(1)
    pids = project.pids()

    def has_ended() -> bool:
        project.process.send_signal(signal.SIGINT)
        threading.Event().wait(0.1)
        return project.process.poll() is not None

    until(has_ended, "the end", project.lines)
    until(lambda: not any(map(is_alive, pids)), "the end of all")


@linux
def test_what_does_not_end_is_told_of(project: Project) -> None:
    stays = """
import os
import threading

if "WERKZEUG_RUN_MAIN" in os.environ:
    threading.Thread(target=threading.Event().wait).start()
"""
    project.write("app.py", stays + APP)
    _let_it_take_its_time(project)
    project.start()
    project.wait_for(1)
    project.process.send_signal(signal.SIGINT)
    project.wait_for_line("press CTRL+C again to end it at once")
    project.process.send_signal(signal.SIGINT)
    project.process.wait(PATIENCE)


@linux
def test_a_killed_supervisor_leaves_nothing(project: Project) -> None:
    project.start()
    project.wait_for(1)
    project.save(2)
    project.wait_for(2)
    pids = project.pids()
    project.process.kill()
    until(lambda: not any(map(is_alive, pids)), "the end of all")


# The program


def test_a_program_that_is_read_while_it_is_written(project: Project) -> None:
    project.start()
    project.wait_for(1)
    text = (project.folder / "run.py").read_text()
    written = project.folder / "written"
    # A part of it is there, which ends as if it were all, but not before the rest has come.
    part = f"""
import os, sys, time
print("READ", file=sys.stderr, flush=True)
while not os.path.exists({str(written)!r}):
    time.sleep(0.01)
"""
    project.write("run.py", part)
    project.wait_for_line("READ")
    project.write("run.py", text)
    written.touch()
    project.save(2)
    project.wait_for(2)


def test_the_status_of_a_program_that_ends(project: Project) -> None:
    project.start()
    project.wait_for(1)
    text = (project.folder / "app.py").read_text()
    project.write("app.py", f"raise SystemExit(7)\n{text}")
    assert project.process.wait(PATIENCE) == 7
    project.wait_for_line("The server's process exited with status 7")


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("os._exit(9)", 9, "exited with status 9"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "died by SIGKILL"),
        ("os.kill(os.getpid(), 40)", 168, "died by signal 40"),
    ],
)
def test_how_a_program_has_ended_is_told(
    project: Project, end: str, status: int, said: str
) -> None:
    project.write("app.py", APP.replace("import time", "import os, signal, time"))
    project.start()
    project.wait_for(1)
    project.save(f"2 if {end} else 3")  # at import, when it has served before
    assert project.process.wait(PATIENCE) == status
    project.wait_for_line(said)


SCARCE = """
import subprocess, sys
def start(*args, **kwargs):
    starts.append(args)
    if len(starts) in FAILING:
        print("FAILED", file=sys.stderr, flush=True)
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return really_start(*args, **kwargs)
starts, really_start, subprocess.Popen = [], subprocess.Popen, start
"""


@pytest.mark.parametrize("last", [4, 1_000])
def test_no_room_for_another_process(project: Project, last: int) -> None:
    text = (project.folder / "run.py").read_text()
    project.write("run.py", SCARCE.replace("FAILING", f"range(2, {last} + 1)") + text)
    project.start()
    project.wait_for_line("FAILED", 2)  # the spare processes, which nobody misses
    project.save(2)
    project.wait_for_line("Cannot start the program: Resource temporarily unavailable; waiting")
    if last == 4:
        project.wait_for(2)
    assert project.stop() == 0
    assert not project.find("Traceback")


@linux
@pytest.mark.skipif(MOST_DESCRIPTORS < 2_000, reason="more descriptors are needed")
def test_descriptors_with_high_numbers(project: Project) -> None:
    # More than select() knows, which has its limit whatever that of the process is.
    text = (project.folder / "run.py").read_text()
    many = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (2_000, MOST))
held = [os.dup(2) for _ in range(1_100)]
"""
    many = many.replace("MOST", str(MOST_DESCRIPTORS))
    project.write("run.py", many + text)
    project.start()
    with Crowd(project, 2) as crowd:
        crowd.wait_for(1)
        for version in (2, 3):
            project.save(version)
            crowd.wait_for(version)
    assert crowd.failures == []
    project.save("4\nos = 1 / 0")
    until(lambda: project.ask()[0] == 500, "the error", project.lines)
    assert project.stop() == 0
    assert not project.find("ValueError")


SHOW = """
import json, os, sys

main = sys.modules["__main__"]
seen = {
    "argv": sys.argv, "path": sys.path, "flags": list(sys.flags), "orig": sys.orig_argv[1:],
    "cwd": os.getcwd(), "spec": main.__spec__ and main.__spec__.name, "name": __name__,
    "package": main.__package__, "file": getattr(main, "__file__", None),
    "loader": type(main.__loader__).__name__, "names": sorted(vars(main)),
    "environ": sorted(name for name in os.environ if "DOVETAIL" not in name),
    "is_main": vars(main) is globals(),
}
print("SEEN", json.dumps(seen), file=sys.stderr, flush=True)
import app
from dovetail.dev.reloader import run_with_reloader
print("POR" + "T 0", file=sys.stderr, flush=True)
run_with_reloader(lambda: None)
"""


@linux
@pytest.mark.parametrize(
    "command",
    [
        ["show.py", "a", "-b"],
        ["-B", "-X", "utf8", "inner/../show.py"],
        ["-m", "package", "x"],
        ["-PBm", "package.part"],
        ["-c", SHOW, "x"],
        ["show.pyz", "x"],
        ["inner", "x"],
    ],
    ids=lambda words: words[0],
)
def test_the_very_same_program_is_run(project: Project, command: list[str]) -> None:
    project.write("show.py", SHOW)
    project.write("inner/__main__.py", SHOW)
    for name in ("__init__.py", "__main__.py", "part.py"):
        project.write(f"package/{name}", "" if name == "__init__.py" else SHOW)
    with zipfile.ZipFile(project.folder / "show.pyz", "w") as archive:
        archive.writestr("__main__.py", SHOW)
    project.start(*command, environ={"PYTHONPATH": _path_with(project.folder)})
    project.wait_for_line("SEEN", 2)
    # The second one is started from scratch, the third one is the spare.
    until(lambda: len(project.pids()) >= 3, "the spare")
    project.save(2)
    project.wait_for_line("SEEN", 3)
    first, second, third = (json.loads(line[5:]) for line in project.lines if line[:4] == "SEEN")
    assert "WERKZEUG_RUN_MAIN" in second["environ"]
    second["environ"].remove("WERKZEUG_RUN_MAIN")
    third["environ"].remove("WERKZEUG_RUN_MAIN")
    assert second == first
    assert third == first
    assert project.stop() == 0


def _path_with(folder: Path) -> str:
    return os.pathsep.join([str(folder), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])


@linux
def test_a_script_on_the_path(project: Project) -> None:
    script = project.folder / "bin" / "program"
    project.write("bin/program", f"#!{sys.executable}\n{SHOW}")
    script.chmod(0o755)
    path = {"PATH": f"{script.parent}{os.pathsep}{os.environ['PATH']}"}
    found = {"PYTHONPATH": _path_with(project.folder)}
    project.start("program", program="", environ={**path, **found})
    project.wait_for_line("SEEN", 2)
    first, second = (json.loads(line[5:]) for line in project.lines if "SEEN" in line)
    assert first["argv"] == second["argv"] == [str(script)]
    assert first["path"] == second["path"]


def test_a_function_without_a_server_is_run_again(project: Project) -> None:
    program = (
        "import sys\nfrom dovetail.dev.reloader import run_with_reloader\nimport app\n"
        "def main():\n    print('PORT 0', app.VERSION, file=sys.stderr, flush=True)\n"
        "run_with_reloader(main)\n"
    )
    project.write("run.py", program)
    project.start()
    project.wait_for_line("PORT 0 1")
    project.save(2)
    project.wait_for_line("PORT 0 2")
    assert project.stop() == 0


@linux
def test_threads_of_the_program_do_not_keep_it(project: Project) -> None:
    forever = "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    application = APP.replace("import time", "import os, time")
    project.write("app.py", application.replace("= 1", "= [1, os.getpid()]") + forever)
    project.start()
    served = [_answering(project, 1)]
    for version in (2, 3):
        project.save(f"[{version}, os.getpid()]")
        served.append(_answering(project, version))
    until(lambda: not any(map(is_alive, served[:2])), "the end of those before")
    assert is_alive(served[2])
    project.process.kill()
