from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import click
import pytest
from click.testing import CliRunner
from tests.programs import bounded

from dovetail import __version__
from dovetail.cli import cli, main
from dovetail.server.settings import SECTIONS, SETTINGS

# How long a process may take, in seconds; long, for a machine that is busy.
PATIENCE = 60.0

APP = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]
"""


FRAMEWORK = """
import click
from dovetail import App, current_app

application = App("shop")

@application.route("/")
def index():
    return "shop"

@application.cli.command()
def number():
    click.echo(f"{current_app.name} {application.debug}")
    return 7
"""

# For Flask, which is not installed.
FLASK = """
import flask
import click

app = flask.Flask(__name__)

@app.cli.command()
def who():
    click.echo(flask.__name__ + " " + flask.current_app.name)
"""


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The start directory, with a module ``hello`` in it and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("DOVETAIL_", "FLASK_")) or name in ("PORT", "WEB_CONCURRENCY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    # To be undone whatever a command sets.
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "")
    monkeypatch.setenv("FLASK_DEBUG", "")
    before = set(sys.modules)
    (tmp_path / "hello.py").write_text(APP)
    (tmp_path / "shop.py").write_text(FRAMEWORK)
    (tmp_path / "old.py").write_text(FLASK)
    yield tmp_path
    for name in {"hello", "shop", "old", "broken"} - before:
        sys.modules.pop(name, None)


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


def command(
    *args: str, cwd: Path, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-W", "error", "-m", "dovetail", *args]
    return subprocess.run(
        line,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=environ or _environ(),
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


class TestApplications:
    def test_a_command_of_the_application(self, run: Run) -> None:
        # What it returns is no exit status.
        assert run("--app", "shop", "number") == Done(0, "shop False\n", "")
        assert run("-A", "shop", "--debug", "number") == Done(0, "shop True\n", "")

    def test_named_by_the_environment(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FLASK_APP", "shop")
        assert run("number").out == "shop False\n"
        assert "number" in run("--help").out

    def test_help_without_an_application_is_no_error(self, run: Run) -> None:
        done = run("--help")
        assert done.err == ""
        assert [line.split()[0] for line in done.out.splitlines()[-4:]] == [
            *("routes", "run", "serve", "shell")
        ]

    def test_help_with_a_broken_application(self, run: Run, directory: Path) -> None:
        (directory / "broken.py").write_text("1/0\n")
        done = run("--app", "broken", "--help")
        assert (done.status, done.out[:6]) == (0, "Usage:")
        assert "ZeroDivisionError" in done.err
        done = run("--app", "nowhere_at_all", "--help")
        assert (done.status, done.out[:6]) == (0, "Usage:")
        assert done.err.startswith("Error: Could not import 'nowhere_at_all'")

    def test_a_command_that_only_an_application_could_have(self, run: Run) -> None:
        assert run.error("number").endswith("name that with --app.")

    def test_routes(self, run: Run) -> None:
        done = run("--app", "shop", "routes")
        assert done.out.splitlines()[2].split() == ["index", "GET", "/"]
        assert "Could not locate an application" in run.error("routes")

    @pytest.mark.parametrize("args", [["routes"], ["run"], ["fail"]])
    def test_what_an_application_raises_begins_with_its_own_code(
        self, run: Run, directory: Path, args: list[str]
    ) -> None:
        (directory / "broken.py").write_text("def fail():\n    1/0\n\nfail()\n")
        done = run("--app", "broken", *args)
        assert (done.status, done.out) == (1, "")
        assert "broken.py" in done.err.splitlines()[1]
        assert "ZeroDivisionError" in done.err

    def test_what_a_command_raises_begins_with_its_own_code(
        self, run: Run, directory: Path
    ) -> None:
        (directory / "broken.py").write_text(FRAMEWORK.replace("return 7", "return 7 / 0"))
        done = run("--app", "broken", "number")
        assert done.status == 1
        assert "broken.py" in done.err.splitlines()[1]

    def test_a_module_that_cannot_be_compiled(self, run: Run, directory: Path) -> None:
        (directory / "broken.py").write_text("x = (\n")
        done = run("--app", "broken", "run")
        assert (done.status, done.out) == (1, "")
        assert done.err.lstrip().startswith(f'File "{directory / "broken.py"}", line 1\n')

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
    def test_an_error_of_the_system_is_one_line(self, directory: Path) -> None:
        with open("/dev/full", "w") as full:
            line = [sys.executable, "-m", "dovetail", "--app", "shop", "routes"]
            done = subprocess.run(
                line,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith("Error: ")

    def test_an_error_of_ours_is_shown_as_a_whole(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dovetail.cli.serve.load_settings", None)
        with pytest.raises(TypeError):
            main(["serve"])

    def test_serve_has_no_server_run_inside_of_a_worker(self, run: Run, directory: Path) -> None:
        text = FRAMEWORK + '\napplication.run(host="not.to.be.served")\n'
        (directory / "broken.py").write_text(text)
        done = run("serve", "--check-config", "broken")
        assert done.status == 0
        assert "Ignoring a call to 'app.run()'" in done.out

    def test_a_wrong_port_or_certificate(self, run: Run, directory: Path) -> None:
        assert "is not in the range" in run.error("--app", "shop", "run", "--port", "65536")
        (directory / "x.pem").write_text("x")
        message = run.error("--app", "shop", "run", "--cert", "x.pem", "--key", "x.pem")
        assert message.endswith("a certificate and its private key, both in PEM.")

    def test_the_group_in_a_runner(self, directory: Path) -> None:
        result = CliRunner().invoke(cli, ["--app", "shop", "number"])
        assert (result.exit_code, result.output) == (0, "shop False\n")


class TestServeBesideApplications:
    def test_imports_no_framework(self, directory: Path) -> None:
        program = (
            "import sys; from dovetail.cli import main\n"
            "try: main(['serve', '--check-config', 'hello:app'])\n"
            "except SystemExit: pass\n"
            "print([name for name in sys.modules if name.startswith("
            "('dovetail.app', 'dovetail.toolkit', 'dovetail.compat', 'jinja2'))])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
            env=_environ(),
        )
        assert done.stdout.splitlines()[-1] == "[]"

    def test_loads_no_env_file_that_is_not_named(self, run: Run, directory: Path) -> None:
        pytest.importorskip("dotenv")
        (directory / ".env").write_text("DOVETAIL_SERVE_WORKERS=3\n")
        (directory / "mine").write_text("DOVETAIL_SERVE_THREADS=5\n")
        args = ["serve", "hello:app", "--print-config"]
        with mock.patch.dict(os.environ):
            done = run("--no-debug", *args)
            assert "DOVETAIL_SERVE" not in done.out
        with mock.patch.dict(os.environ):
            done = run("--env-file", "mine", *args)
            assert "DOVETAIL_SERVE_WORKERS" not in done.out
            assert "environment DOVETAIL_SERVE_THREADS" in done.out

    def test_settings_of_the_environment_are_read_once(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOVETAIL_SERVE_THREADS", "5")
        done = run("--no-debug", "serve", "hello:app", "--print-config")
        assert "environment DOVETAIL_SERVE_THREADS" in done.out

    def test_the_application_is_its_argument(self, run: Run) -> None:
        assert "dovetail serve MODULE:ATTR" in run.error("--app", "shop", "serve")


class TestCompat:
    """In processes of their own, because standing in cannot be undone."""

    @pytest.mark.parametrize(
        "args",
        [
            ["--compat", "--app", "old", "who"],
            ["--app", "old", "--compat", "who"],
        ],
    )
    def test_option(self, args: Sequence[str], directory: Path) -> None:
        done = command(*args, cwd=directory)
        assert (done.returncode, done.stdout, done.stderr) == (0, "flask old\n", "")

    @pytest.mark.parametrize(
        "args",
        [
            ["serve", "--check-config", "--compat", "old:app"],
            ["serve", "--check-config", "--compat", "--preload", "old:app"],
        ],
    )
    def test_serve(self, args: Sequence[str], directory: Path) -> None:
        done = command(*args, cwd=directory)
        assert (done.returncode, done.stderr) == (0, "")
        assert "old:app is a WSGI application" in done.stdout

    def test_without_it(self, run: Run) -> None:
        assert "runs with 'dovetail --compat'" in run("--app", "old", "routes").err

    def test_environment(self, directory: Path) -> None:
        environ = {**_environ(), "DOVETAIL_COMPAT": "1"}
        for args in (["--app", "old", "who"], ["serve", "old:app", "--check-config"]):
            done = command(*args, cwd=directory, environ=environ)
            assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize(
        ("args", "origin"),
        [
            (["--compat", "routes"], ""),
            (["run", "--compat"], ""),
            (["routes", "--compat"], ""),
            (["shell", "--compat"], ""),
            (["serve", "--compat", "old:app"], "compat (command line --compat): "),
        ],
    )
    def test_flask_is_installed(
        self, args: Sequence[str], origin: str, run: Run, directory: Path
    ) -> None:
        (directory / "flask.py").touch()
        sys.path.insert(0, str(directory))
        status = 2 if origin else 1
        assert run.error(*args, status=status).startswith(f"{origin}Flask is installed")

    @pytest.mark.process
    @pytest.mark.parametrize("preload", ["--preload", "--no-preload"])
    def test_workers(self, preload: str, directory: Path) -> None:
        args = ["serve", "old:app", "--compat", preload, "-b", "127.0.0.1:0"]
        with (
            subprocess.Popen(
                [sys.executable, "-m", "dovetail", *args],
                cwd=directory,
                stderr=subprocess.PIPE,
                text=True,
                env=_environ(),
            ) as process,
            bounded(process, PATIENCE),
        ):
            assert process.stderr is not None
            try:
                assert any("ready" in text for text in iter(process.stderr.readline, ""))
                process.send_signal(signal.SIGHUP)
                assert any("reloaded" in text for text in iter(process.stderr.readline, ""))
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
        assert process.returncode == 0


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
        with (
            subprocess.Popen(
                line, cwd=directory, stderr=subprocess.PIPE, text=True, env=_environ()
            ) as process,
            bounded(process, PATIENCE),
        ):
            assert process.stderr is not None
            try:
                lines = iter(process.stderr.readline, "")
                assert any("ready" in text for text in lines)
                process.send_signal(signal.SIGINT)
                _, rest = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
        assert process.returncode == 0
        assert "Traceback" not in rest
