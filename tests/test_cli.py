from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from dovetail import __version__
from dovetail.cli import cli, main
from dovetail.server.settings import SECTIONS, SETTINGS

APP = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]
"""


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The start directory, with a module ``hello`` in it and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("DOVETAIL_") or name in ("PORT", "WEB_CONCURRENCY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "hello", raising=False)
    (tmp_path / "hello.py").write_text(APP)
    return tmp_path


class Run:
    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self.capfd = capfd

    def __call__(self, *args: str) -> Done:
        """Run the command in this process."""
        self.capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main(args)
        code = caught.value.code
        done = self.capfd.readouterr()
        return Done(code if isinstance(code, int) else 0 if code is None else 1, *done)

    def error(self, *args: str, status: int = 2) -> str:
        """Run the command and return the one line of its error."""
        done = self(*args)
        assert (done.status, done.out) == (status, "")
        assert done.err.startswith("Error: ")
        assert done.err.count("\n") == 1
        return done.err.removeprefix("Error: ").rstrip("\n")


@pytest.fixture
def run(directory: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    return Run(capfd)


def command(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-W", "error", "-m", "dovetail", *args]
    return subprocess.run(
        line, cwd=cwd, capture_output=True, text=True, timeout=60, check=False, env=_environ()
    )


def _environ() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


class TestCommand:
    def test_version(self, run: Run) -> None:
        python = f"{platform.python_implementation()} {platform.python_version()}"
        done = run("--version")
        assert done == Done(0, f"dovetail {__version__} (python core, {python})\n", "")

    @pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
    def test_help(self, run: Run, args: Sequence[str]) -> None:
        done = run(*args)
        assert (done.status, done.err) == (0, "")
        assert done.out.startswith("Usage: dovetail [OPTIONS]")
        assert "serve   Serve a WSGI application in production." in done.out

    @pytest.mark.parametrize(
        ("args", "problem"),
        [
            (["srve"], "No such command 'srve'"),
            (["--verson"], "No such option '--verson'"),
            (["serve", "--wrkers", "2"], "--workers"),
            (["serve", "--workers"], "requires an argument"),
            (["serve", "a", "b"], "unexpected extra argument"),
            (["serve", "--preload=1"], "does not take a value"),
        ],
    )
    def test_wrong_usage(self, run: Run, args: Sequence[str], problem: str) -> None:
        assert problem in run.error(*args)

    def test_as_a_module(self, directory: Path) -> None:
        done = command("--version", cwd=directory)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"dovetail {__version__} ")

    def test_interrupt(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*args: object, **kwargs: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(cli.commands["serve"], "callback", interrupt)
        done = run("serve")
        assert (done.status, done.out, done.err.strip()) == (130, "", "")


class TestHelp:
    def test_every_setting_in_its_section_within_80_columns(self, run: Run) -> None:
        text = run("serve", "--help").out
        assert max(map(len, text.splitlines())) <= 80
        for section in SECTIONS:
            assert f"\n{section} ({SECTIONS[section]}):\n" in text
        for row in SETTINGS.values():
            for flag in row.flags:
                assert f" {flag}" in text
            for flag in row.other_flags:
                assert flag not in text.replace(row.flag, "").split()
        for flag in ("-c, --config", "--check-config", "--print-config", "-h, --help"):
            assert f"  {flag}" in text

    def test_defaults_are_written_as_people_do(self, run: Run) -> None:
        text = " ".join(run("serve", "--help").out.split())
        for shown in ("127.0.0.1:8000", "15s", "64KiB", "1GiB", "info", "--sendfile", "0"):
            assert f"[default: {shown}]" in text

    def test_every_flag_is_an_option(self) -> None:
        serve = cli.commands["serve"]
        options = [param for param in serve.params if isinstance(param, click.Option)]
        accepted = {flag for option in options for flag in (*option.opts, *option.secondary_opts)}
        for row in SETTINGS.values():
            assert accepted.issuperset((*row.flags, *row.other_flags))
        assert {"--no-sendfile", "--no-preload", "--no-stream-input", "-c"} <= accepted


class TestPrintConfig:
    def test_values_and_origins_are_aligned(
        self, run: Run, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (directory / "dovetail.toml").write_text('keep_alive = 90\nuser = "a\\nb"\n')
        monkeypatch.setenv("WEB_CONCURRENCY", "3")
        args = ["hello:app", "-b", ":1", "--bind", "unix:s", "--no-sendfile", "--umask", "027"]
        done = run("serve", *args, "--print-config")
        assert (done.status, done.err) == (0, "")
        lines = done.out.splitlines()
        assert [line.split()[0] for line in lines] == list(SETTINGS)
        shown = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
        facts = {name: " ".join(text.split()) for name, text in shown.items()}
        assert facts["app"] == "hello:app command line APP"
        assert facts["bind"] == f"0.0.0.0:1,unix:{directory}/s command line --bind"
        assert facts["sendfile"] == "false command line --no-sendfile"
        assert facts["umask"] == "0o027 command line --umask"
        assert facts["workers"] == "3 environment WEB_CONCURRENCY"
        assert facts["keep_alive"] == "1m30s dovetail.toml"
        assert facts["user"] == "'a\\nb' dovetail.toml"
        assert facts["threads"] == "4 default"
        assert facts["pidfile"] == "none default"
        short = [line for line in lines if line.split()[0] not in ("chdir", "access_log_format")]
        assert len({line.rindex("default") for line in short if line.endswith("default")}) == 1

    def test_other_spellings(self, run: Run) -> None:
        args = ["--access-logfile", "-", "--log-file", "e", "--limit-request-field_size", "9"]
        out = run("serve", *args, "--access-logformat", "json", "--print-config").out
        facts = [" ".join(line.split()) for line in out.splitlines()]
        assert "access_log - command line --access-log" in facts
        assert "access_log_format json command line --access-log-format" in facts
        assert "limit_request_field_size 9 command line --limit-request-field-size" in facts

    def test_a_wrong_setting(self, run: Run) -> None:
        message = run.error("serve", "--print-config", "-w", "x")
        assert message.startswith("workers (command line --workers): 'x' is not a whole number")

    def test_the_name_the_shell_has_for_the_directory(
        self, run: Run, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (directory / "release").mkdir()
        (directory / "current").symlink_to("release")
        monkeypatch.chdir(directory / "current")
        monkeypatch.setenv("PWD", str(directory / "current"))
        assert f"{directory}/current " in run("serve", "--print-config").out
        # A variable that somebody left behind is not believed.
        monkeypatch.setenv("PWD", "/")
        assert f"{directory}/release " in run("serve", "--print-config").out


class TestCheckConfig:
    def test_all_is_well(self, run: Run) -> None:
        done = run("serve", "--check-config", "hello:app")
        text = "OK: the settings are right, and hello:app is a WSGI application\n"
        assert done == Done(0, text, "")

    def test_application_from_a_file_and_another_directory(self, run: Run, directory: Path) -> None:
        (directory / "web").mkdir()
        (directory / "hello.py").rename(directory / "web" / "site_of_test.py")
        (directory / "mine.toml").write_text("app = 'site_of_test'\nchdir = 'web'\n")
        assert run("serve", "-c", "mine.toml", "--check-config").status == 0

    @pytest.mark.parametrize(
        ("args", "problem"),
        [
            ([], "which application? Give it as MODULE:ATTR"),
            (["hello:ap"], "has no attribute 'ap'; did you mean app?"),
            (["hello:app", "-w", "0"], "workers (command line --workers): 0 is not"),
            (["hello:app", "--certfile", "no.pem"], "certfile: cannot read"),
            (
                ["hello:app", "--access-log-format", "%(h"],
                "access_log_format (command line --access-log-format): no atom",
            ),
            (["hello:app", "-c", "no.toml"], "no.toml: cannot be read"),
        ],
    )
    def test_what_is_wrong(self, run: Run, args: Sequence[str], problem: str) -> None:
        assert problem in run.error("serve", "--check-config", *args, status=1)

    def test_a_module_that_raises(self, directory: Path) -> None:
        (directory / "broken.py").write_text("import os\nraise OSError('no database')\n")
        done = command("serve", "--check-config", "broken:app", cwd=directory)
        assert (done.returncode, done.stdout) == (1, "")
        lines = done.stderr.splitlines()
        assert lines[0] == "Error: importing 'broken' failed:"
        assert lines[-1] == "OSError: no database"
        assert lines[2] == f'  File "{directory}/broken.py", line 2, in <module>'


class TestServe:
    def test_without_fork(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(os, "fork")
        assert "this system cannot do" in run.error("serve", "hello:app", status=1)

    @pytest.mark.parametrize(
        ("args", "problem"),
        [
            ([], "which application? Give it as MODULE:ATTR"),
            (["hello:app", "--threads", "none"], "threads (command line --threads): 'none'"),
        ],
    )
    def test_wrong_settings(self, directory: Path, args: Sequence[str], problem: str) -> None:
        done = command("serve", *args, cwd=directory)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"Error: {problem}")
        assert done.stderr.count("\n") == 1

    @pytest.mark.process
    def test_ctrl_c_leaves_no_traceback(self, directory: Path) -> None:
        line = [sys.executable, "-m", "dovetail", "serve", "hello:app", "-b", "127.0.0.1:0"]
        with subprocess.Popen(
            line, cwd=directory, stderr=subprocess.PIPE, text=True, env=_environ()
        ) as process:
            assert process.stderr is not None
            bound = threading.Timer(30, process.kill)
            bound.start()
            try:
                lines = iter(process.stderr.readline, "")
                assert any("ready" in text for text in lines)
                process.send_signal(signal.SIGINT)
                _, rest = process.communicate(timeout=30)
            finally:
                bound.cancel()
                process.kill()
        assert process.returncode == 0
        assert "Traceback" not in rest
