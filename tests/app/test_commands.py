from __future__ import annotations

import code
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.app.commandline import process_restored

from dovetail.app.application import App
from dovetail.app.blueprints import Blueprint
from dovetail.app.commands import routes_command, run_command, shell_command, show_server_banner
from dovetail.app.dotenv import load_dotenv
from dovetail.app.groups import ScriptInfo
from dovetail.app.phases import unmark_phases
from dovetail.dev import serving


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with process_restored():
        yield
    unmark_phases()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What run_simple was called with."""
    calls: list[Any] = []
    monkeypatch.setattr("dovetail.app.dotenv._places", set())
    monkeypatch.setattr(serving, "run_simple", lambda *args, **kwargs: calls.append((args, kwargs)))
    return calls


def run(*args: str, app: App | None = None, **kwargs: Any) -> Result:
    info = ScriptInfo(create_app=lambda: app or App("made"))
    return CliRunner().invoke(run_command, list(args), obj=info, **kwargs)


#: What run passes if it is asked for nothing.
DEFAULTS = {
    "use_reloader": False,
    "use_debugger": False,
    "threaded": True,
    "processes": 1,
    "ssl_context": None,
    "extra_files": None,
    "exclude_patterns": None,
    "reloader_type": "auto",
    "live_reload": False,
    "inspector": None,
}


class TestRun:
    def test_defaults(self, served: list[Any]) -> None:
        app = App("made")
        result = run(app=app)
        assert (result.exit_code, result.output) == (0, " * Debug mode: off\n")
        assert served == [(("127.0.0.1", 5000, app), DEFAULTS)]

    def test_an_application_of_another_kind(
        self, served: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("plain.py").write_text("def hello(environ, start_response): ...\n")
        info = ScriptInfo("plain:hello")
        result = CliRunner().invoke(run_command, [], obj=info)
        assert result.output == " * Serving application 'plain:hello'\n * Debug mode: off\n"
        (positional, _) = served[0]
        assert positional[2].__name__ == "hello"
        refused = CliRunner().invoke(run_command, [], obj=ScriptInfo("plain:nothing"))
        assert "Nothing in module 'plain' is called 'nothing'" in refused.output

    def test_options(self, served: list[Any]) -> None:
        args = ["-h", "::1", "-p", "0", "--without-threads", "--reload", "--debugger"]
        args += ["--extra-files", "a", "--exclude-patterns", "*.x", "--reload-type", "stat"]
        assert run(*args, "--live-reload", "--no-inspector").exit_code == 0
        positional, named = served[0]
        assert positional[:2] == ("::1", 0)
        assert named == DEFAULTS | {
            "use_reloader": True,
            "use_debugger": True,
            "threaded": False,
            "extra_files": ["a"],
            "exclude_patterns": ["*.x"],
            "reloader_type": "stat",
            "live_reload": True,
            "inspector": False,
            "asset_folders": [],
        }

    def test_debug_mode_brings_both(self, served: list[Any]) -> None:
        app = App("made")
        result = run("--debug", app=app)
        assert (result.exit_code, result.stderr) == (0, "")
        assert app.debug is True
        assert served[0][1] == DEFAULTS | {"use_reloader": True, "use_debugger": True}
        run("--debug", "--no-reload")
        assert served[1][1] == DEFAULTS | {"use_debugger": True}

    def test_processes(self, served: list[Any]) -> None:
        assert run("--processes", "3").exit_code == 0
        assert served[0][1] == DEFAULTS | {"threaded": False, "processes": 3}
        assert run("--processes", "1", "--with-threads").exit_code == 0
        assert served[1][1] == DEFAULTS

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (["--processes", "2", "--with-threads"], "exclude each other"),
            (["--reload-type", "stat"], "add --reload or --debug"),
            (["--debug", "--no-reload", "--reload-type", "auto"], "add --reload or --debug"),
            (["--reload-type", "magic"], "'magic' is not one of"),
            (["--processes", "0"], "0 is not in the range"),
        ],
    )
    def test_what_makes_no_sense(self, served: list[Any], args: list[str], words: str) -> None:
        result = run(*args)
        assert (result.exit_code, served) == (2, [])
        assert words in result.stderr

    def test_the_folders_of_live_reload(self, served: list[Any], tmp_path: Path) -> None:
        names = ("static", "templates", "part/static", "part/pages")
        for name in names:
            (tmp_path / name).mkdir(parents=True)
        app = App("made", root_path=str(tmp_path))
        part = Blueprint(
            "part",
            "made.part",
            root_path=str(tmp_path / "part"),
            static_folder="static",
            template_folder="pages",
        )
        same = Blueprint("same", "made", root_path=str(tmp_path), template_folder="templates")
        bare = Blueprint("bare", "made", root_path=str(tmp_path / "bare"))
        for blueprint in (part, same, bare):
            app.register_blueprint(blueprint)
        assert app.jinja_env.auto_reload is False
        run("--live-reload", app=app)
        folders = [os.path.realpath(tmp_path / name) for name in names]
        assert served[0][1]["asset_folders"] == folders
        assert app.jinja_env.auto_reload is True
        app.config["TEMPLATES_AUTO_RELOAD"] = False
        run("--live-reload", app=app)
        assert app.config["TEMPLATES_AUTO_RELOAD"] is False

    def test_app_run(self, served: list[Any]) -> None:
        app = App("made")
        app.run(load_dotenv=False)
        app.run(debug=True, load_dotenv=False, use_reloader=False, processes=2, port=0)
        plain = {"use_reloader": False, "use_debugger": False, "threaded": True}
        assert served[0] == (("127.0.0.1", 5000, app), plain)
        assert served[1] == (
            ("127.0.0.1", 0, app),
            {"use_reloader": False, "use_debugger": True, "threaded": False, "processes": 2},
        )

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
        errors = io.StringIO()
        depths = []
        for _ in range(2):
            # The terminal has it already.
            with pytest.raises(RuntimeError, match="broken") as caught:
                application({"wsgi.errors": errors}, None)
            depths.append(len(caught.traceback))
        assert errors.getvalue() == ""
        assert depths[0] == depths[1]

    def test_an_application_that_ends_the_program(
        self, served: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        info = ScriptInfo(create_app=lambda: sys.exit("no DATABASE is set"))
        result = CliRunner().invoke(run_command, obj=info)
        assert (result.exit_code, served) == (1, [])
        monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
        result = CliRunner().invoke(run_command, obj=info)
        assert result.exit_code == 0
        expected = "the application ended the program while it was loaded: no DATABASE is set"
        assert f"RuntimeError: {expected}" in result.stderr
        with pytest.raises(RuntimeError, match=expected):
            served[0][0][2]({"wsgi.errors": io.StringIO()}, None)

    def test_variables_that_the_application_loads_itself(
        self, served: list[Any], tmp_path: Path
    ) -> None:
        pytest.importorskip("dotenv")
        ours, its = tmp_path / "ours.env", tmp_path / "its.env"
        ours.write_text("OF_OURS=1\n")
        its.write_text("OF_ITS=2\n")

        def create() -> App:
            load_dotenv(its, load_defaults=False)
            return App("made")

        load_dotenv(ours, load_defaults=False)
        result = CliRunner().invoke(run_command, ["--reload"], obj=ScriptInfo(create_app=create))
        assert result.exit_code == 0
        assert (os.environ["OF_OURS"], os.environ["OF_ITS"]) == ("1", "2")
        assert served[0][1]["extra_files"] == [str(its), str(ours)]

    def test_an_application_in_the_wrong_place(self, served: list[Any]) -> None:
        result = CliRunner().invoke(run_command, ["shop:app", "--port", "0"], obj=ScriptInfo())
        assert result.exit_code == 2
        assert "argument (shop:app). The application is named before 'run': --app shop:app run" in (
            result.stderr
        )
        result = CliRunner().invoke(run_command, ["one", "two"], obj=ScriptInfo())
        assert result.exit_code == 2
        assert "--app" not in result.stderr
        assert served == []

    def test_a_syntax_error_names_the_line(
        self, served: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
        (tmp_path / "broken_shop.py").write_text("x = (\n")
        monkeypatch.syspath_prepend(tmp_path)
        info = ScriptInfo("broken_shop")
        result = CliRunner().invoke(run_command, obj=info)
        assert result.exit_code == 0
        lines = result.stderr.splitlines()
        assert lines[0].endswith('broken_shop.py", line 1')
        assert lines[-1] == "SyntaxError: '(' was never closed"


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
