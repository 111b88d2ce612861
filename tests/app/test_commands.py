from __future__ import annotations

import code
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.app.commandline import process_restored

from dovetail.app.application import App
from dovetail.app.commands import routes_command, run_command, shell_command, show_server_banner
from dovetail.app.groups import ScriptInfo
from dovetail.dev import serving


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with process_restored():
        yield


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What run_simple was called with."""
    calls: list[Any] = []
    monkeypatch.setattr(serving, "run_simple", lambda *args, **kwargs: calls.append((args, kwargs)))
    return calls


def run(*args: str, app: App | None = None, **kwargs: Any) -> Result:
    info = ScriptInfo(create_app=lambda: app or App("made"))
    return CliRunner().invoke(run_command, list(args), obj=info, **kwargs)


class TestRun:
    def test_defaults(self, served: list[Any]) -> None:
        app = App("made")
        result = run(app=app)
        assert (result.exit_code, result.output) == (0, " * Debug mode: off\n")
        assert served == [
            (
                ("127.0.0.1", 5000, app),
                {
                    "use_reloader": False,
                    "use_debugger": False,
                    "threaded": True,
                    "ssl_context": None,
                    "extra_files": None,
                    "exclude_patterns": None,
                },
            )
        ]

    def test_options(self, served: list[Any]) -> None:
        args = ["-h", "::1", "-p", "0", "--without-threads", "--reload", "--debugger"]
        assert run(*args, "--extra-files", "a", "--exclude-patterns", "*.x").exit_code == 0
        positional, named = served[0]
        assert positional[:2] == ("::1", 0)
        assert named == {
            "use_reloader": True,
            "use_debugger": True,
            "threaded": False,
            "ssl_context": None,
            "extra_files": ["a"],
            "exclude_patterns": ["*.x"],
        }

    def test_debug_mode_does_without_what_is_missing(self, served: list[Any]) -> None:
        app = App("made")
        result = run("--debug", app=app)
        assert result.exit_code == 0
        assert app.debug is True
        assert result.stderr == " * Running without reloader and debugger: not available yet\n"
        assert served[0][1]["use_reloader"] is False

    @pytest.mark.parametrize("flag", ["--reload", "--debugger"])
    def test_what_is_missing_is_refused(self, flag: str) -> None:
        result = run(flag, "--port", "0")
        assert result.exit_code == 2
        assert "no reloader and no debugger yet" in result.stderr

    @pytest.mark.parametrize("reloading", [False, True])
    def test_an_application_that_cannot_be_loaded(
        self, reloading: bool, served: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> App:
            raise RuntimeError("broken")

        if reloading:
            monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
        result = CliRunner().invoke(run_command, obj=ScriptInfo(create_app=fail))
        if not reloading:
            assert isinstance(result.exception, RuntimeError)
            assert served == []
            return
        assert result.exit_code == 0
        assert "RuntimeError: broken" in result.stderr
        application = served[0][0][2]
        with pytest.raises(RuntimeError, match="broken"):
            application({}, None)


def test_show_server_banner(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show_server_banner(True, "shop:app")
    show_server_banner(False, None)
    show_server_banner(None, None)
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    show_server_banner(True, "shop:app")
    lines = [" * Serving application 'shop:app'", " * Debug mode: on", " * Debug mode: off", ""]
    assert capsys.readouterr() == ("\n".join(lines), "")


class TestShell:
    @pytest.fixture
    def entered(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """The banner and the names of each shell."""
        shells: list[Any] = []
        monkeypatch.setattr(code, "interact", lambda banner, local: shells.append((banner, local)))
        monkeypatch.delenv("PYTHONSTARTUP", raising=False)
        monkeypatch.setattr(
            sys, "__interactivehook__", lambda: shells.append("hook"), raising=False
        )
        return shells

    def test_names_and_banner(
        self, entered: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        startup = tmp_path / "startup.py"
        startup.write_text("started = 1\napp = None\n")
        monkeypatch.setenv("PYTHONSTARTUP", str(startup))
        app = App("made", instance_path=str(tmp_path))
        app.shell_context_processor(lambda: {"more": 2})
        result = app.test_cli_runner().invoke(shell_command)
        assert result.exit_code == 0
        assert entered[0] == "hook"
        banner, names = entered[1]
        assert banner.splitlines()[-2:] == ["App: made", f"Instance: {tmp_path}"]
        assert banner.startswith(f"Python {sys.version} on {sys.platform}")
        assert (names["app"], names["more"], names["started"]) == (app, 2, 1)
        assert "g" in names

    def test_tab_completes_its_names(self, entered: list[Any]) -> None:
        readline = pytest.importorskip("readline")
        before = readline.get_completer()
        try:
            app = App("made")
            app.shell_context_processor(lambda: {"current": 1})
            app.test_cli_runner().invoke(shell_command)
            assert readline.get_completer()("curr", 0) == "current"
        finally:
            readline.set_completer(before)

    def test_without_readline(self, entered: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "readline", None)
        assert App("made").test_cli_runner().invoke(shell_command).exit_code == 0
        assert entered[0] == "hook"


class TestRoutes:
    def lines(self, app: App, *args: str) -> list[str]:
        result = app.test_cli_runner().invoke(routes_command, args)
        assert result.exit_code == 0
        return result.output.splitlines()

    def app(self, **arguments: Any) -> App:
        app = App("made", static_folder=None, **arguments)
        app.add_url_rule("/z", "b", methods=["POST"])
        app.add_url_rule("/a/<int:number>", "a", methods=["GET", "PUT"])
        app.add_url_rule("/m", "c", methods=["OPTIONS"])
        return app

    def test_the_table(self) -> None:
        assert self.lines(self.app()) == [
            "Endpoint  Methods   Rule           ",
            "--------  --------  ---------------",
            "a         GET, PUT  /a/<int:number>",
            "b         POST      /z             ",
            "c                   /m             ",
        ]

    @pytest.mark.parametrize(
        ("sort", "endpoints"),
        [("endpoint", "abc"), ("methods", "cab"), ("rule", "acb"), ("match", "bac")],
    )
    def test_sort(self, sort: str, endpoints: str) -> None:
        lines = self.lines(self.app(), "--sort", sort)
        assert "".join(line[0] for line in lines[2:]) == endpoints

    def test_all_methods(self) -> None:
        lines = self.lines(self.app(), "--all-methods")
        assert lines[2].startswith("a         GET, HEAD, OPTIONS, PUT  /a")

    def test_domains(self) -> None:
        app = self.app()
        app.add_url_rule("/s", "s", subdomain="sub")
        lines = self.lines(app, "-s", "domain")
        assert lines[0].split() == ["Endpoint", "Methods", "Subdomain", "Rule"]
        assert lines[-1].split() == ["s", "GET", "sub", "/s"]
        hosted = self.app(host_matching=True)
        hosted.add_url_rule("/s", "s", host="h.example")
        assert self.lines(hosted)[0].split() == ["Endpoint", "Methods", "Host", "Rule"]

    def test_none(self) -> None:
        assert self.lines(App("made", static_folder=None)) == ["No routes were registered."]
