from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dovetail.server.addresses import TCPAddress, UnixAddress
from dovetail.server.settings import SETTINGS, Settings, SettingsError
from dovetail.server.sources import Loaded, load_settings


class Start:
    """A start directory and what a command would be given there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text, encoding="utf-8")

    def load(
        self,
        values: Mapping[str, object] | None = None,
        config: str | None = None,
        **environ: str,
    ) -> Loaded:
        return load_settings(
            values or {}, config_file=config, environ=environ, directory=self.directory
        )

    def error(
        self,
        values: Mapping[str, object] | None = None,
        config: str | None = None,
        **environ: str,
    ) -> str:
        with pytest.raises(SettingsError) as caught:
            self.load(values, config, **environ)
        message = str(caught.value)
        assert "\n" not in message
        return message


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return Start(tmp_path)


def test_defaults(start: Start) -> None:
    loaded = start.load()
    assert loaded.settings == Settings(chdir=str(start.directory))
    assert loaded.origins == dict.fromkeys(SETTINGS, "default")


def test_strength(start: Start) -> None:
    start.write("mine.toml", "threads = 3")
    start.write("pyproject.toml", "[tool.dovetail]\nthreads = 4")
    start.write("dovetail.toml", "threads = 5")

    def threads(loaded: Loaded) -> tuple[int, str]:
        return loaded.settings.threads, loaded.origins["threads"]

    environ = {"DOVETAIL_SERVE_THREADS": "2"}
    given = start.load({"threads": "1"}, "mine.toml", **environ)
    assert threads(given) == (1, "command line --threads")
    given = start.load({"threads": None}, "mine.toml", **environ)
    assert threads(given) == (2, "environment DOVETAIL_SERVE_THREADS")
    assert threads(start.load({}, "mine.toml")) == (3, "mine.toml")
    assert threads(start.load()) == (4, "pyproject.toml [tool.dovetail]")
    start.write("pyproject.toml", "[project]\nname = 'x'\n[tool.other]\n")
    assert threads(start.load()) == (5, "dovetail.toml")
    (start.directory / "dovetail.toml").unlink()
    assert threads(start.load()) == (4, "default")


def test_sources_add_up(start: Start) -> None:
    start.write("dovetail.conf.py", "workers = 2\nthreads = 8")
    loaded = start.load({"workers": "3"}, DOVETAIL_SERVE_LOG_LEVEL="debug")
    settings = loaded.settings
    assert (settings.workers, settings.threads, settings.log_level) == (3, 8, "debug")
    assert loaded.origins["threads"] == "dovetail.conf.py"


class TestCommandLine:
    def test_values(self, start: Start) -> None:
        values = {
            "app": "a:b",
            "bind": ("localhost:1", "unix:s"),
            "pythonpath": ("a,b", "c"),
            "sendfile": False,
            "preload_app": None,
        }
        loaded = start.load(values)
        here = start.directory
        assert loaded.settings.app == "a:b"
        assert loaded.settings.bind == (TCPAddress("localhost", 1), UnixAddress(f"{here}/s"))
        assert loaded.settings.pythonpath == (f"{here}/a", f"{here}/b", f"{here}/c")
        origins = {name: loaded.origins[name] for name in values}
        assert origins == {
            "app": "command line APP",
            "bind": "command line --bind",
            "pythonpath": "command line --pythonpath",
            "sendfile": "command line --no-sendfile",
            "preload_app": "default",
        }

    def test_nothing_repeated_is_nothing(self, start: Start) -> None:
        assert start.load({"bind": ()}).origins["bind"] == "default"

    def test_errors_name_the_flag(self, start: Start) -> None:
        assert start.error({"workers": "x"}) == (
            "workers (command line --workers): 'x' is not a whole number of at least 1"
        )
        assert start.error({"pidfile": ""}).startswith("pidfile (command line --pid): ")


class TestEnvironment:
    def test_an_empty_variable_is_none(self, start: Start) -> None:
        loaded = start.load(DOVETAIL_SERVE_WORKERS="", WEB_CONCURRENCY="", PORT="")
        assert set(loaded.origins.values()) == {"default"}

    def test_several_addresses(self, start: Start) -> None:
        loaded = start.load(DOVETAIL_SERVE_BIND=":1, [::1]:2")
        assert loaded.settings.bind == (TCPAddress("0.0.0.0", 1), TCPAddress("::1", 2))

    def test_the_names_of_others(self, start: Start) -> None:
        start.write("dovetail.toml", "workers = 9\nbind = ':9'")
        loaded = start.load(PORT="5000", WEB_CONCURRENCY="3")
        assert loaded.settings.bind == (TCPAddress("0.0.0.0", 5000),)
        assert loaded.settings.workers == 3
        assert loaded.origins["bind"] == "environment PORT"
        assert loaded.origins["workers"] == "environment WEB_CONCURRENCY"

    def test_our_names_are_stronger(self, start: Start) -> None:
        environ = {"DOVETAIL_SERVE_WORKERS": "2", "DOVETAIL_SERVE_BIND": ":1"}
        loaded = start.load({}, None, PORT="5000", WEB_CONCURRENCY="3", **environ)
        assert loaded.settings.bind == (TCPAddress("0.0.0.0", 1),)
        assert loaded.settings.workers == 2

    def test_a_port_that_is_not_needed_may_be_anything(self, start: Start) -> None:
        # Container platforms set PORT to other things for a service of that name.
        assert "bind (environment PORT)" in start.error(PORT="tcp://10.0.0.1:80")
        loaded = start.load({"bind": (":1",)}, PORT="tcp://10.0.0.1:80")
        assert loaded.settings.bind == (TCPAddress("0.0.0.0", 1),)

    def test_unknown(self, start: Start) -> None:
        message = start.error(DOVETAIL_SERVE_WORKER="2")
        assert message == (
            "environment DOVETAIL_SERVE_WORKER: unknown setting; "
            "did you mean DOVETAIL_SERVE_WORKERS?"
        )
        assert "unknown setting" in start.error(DOVETAIL_SERVE_workers="2")
        start.load(DOVETAIL_OTHER="2", dovetail_serve_x="1")

    def test_errors_name_the_variable(self, start: Start) -> None:
        assert start.error(WEB_CONCURRENCY="many").startswith("workers (environment WEB_CONC")


class TestToml:
    @pytest.mark.parametrize("head", ["", "[tool.dovetail]\n"])
    def test_types(self, start: Start, head: str) -> None:
        start.write(
            "x.toml",
            head + 'bind = ["localhost:1"]\npreload_app = true\nkeep_alive = "1m"\n'
            'timeout = 0\nbody_buffer = "2MiB"\numask = 0o27\nlog_level = "debug"\nuser = 33\n',
        )
        settings = start.load(config="x.toml").settings
        assert settings.bind == (TCPAddress("localhost", 1),)
        assert settings.preload_app is True
        assert (settings.keep_alive, settings.timeout) == (60.0, 0.0)
        assert (settings.body_buffer, settings.umask) == (2 << 20, 0o27)
        assert (settings.log_level, settings.user) == ("debug", "33")

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("workers = '2'", "workers (x.toml): '2' is a str; allowed is a whole number"),
            ("preload_app = 1", "preload_app (x.toml): 1 is a int; allowed is true or false"),
            ("workers = true", "workers (x.toml): True is a bool"),
            ("keep_alive = 1979-05-27", "is a date"),
            ("worker = 2", "x.toml: unknown setting 'worker'; did you mean workers?"),
            ("graceful-timeout = 2", "did you mean graceful_timeout?"),
            ("qqq = 2", "x.toml: unknown setting 'qqq'; dovetail serve --help lists"),
            ("[serve]\nworkers = 2", "unknown setting 'serve'"),
            ("keep_alive = 1\nkeepalive = 2", "x.toml: 'keepalive' sets keep_alive a second time"),
            ("workers = ", "x.toml: is not TOML: Invalid value (at end of document)"),
            ("[tool]\ndovetail = 1", "x.toml: tool.dovetail is not a table"),
            ("workers = 1\n[tool.dovetail]", "workers stands outside [tool.dovetail]"),
        ],
    )
    def test_errors(self, start: Start, text: str, problem: str) -> None:
        start.write("x.toml", text)
        assert problem in start.error(config="x.toml")

    def test_not_utf8(self, start: Start) -> None:
        (start.directory / "x.toml").write_bytes(b"app = '\xff'")
        assert "x.toml: is not TOML: 'utf-8' codec" in start.error(config="x.toml")

    def test_pyproject_given_but_without_our_table(self, start: Start) -> None:
        start.write("pyproject.toml", "[project]\nname = 'x'")
        assert "there is no [tool.dovetail]" in start.error(config="pyproject.toml")

    def test_a_broken_pyproject_is_an_error(self, start: Start) -> None:
        start.write("pyproject.toml", "[")
        assert start.error().startswith("pyproject.toml: is not TOML")


class TestPython:
    def test_what_counts(self, start: Start) -> None:
        start.write(
            "conf.py",
            "from __future__ import annotations\nimport os, ssl\nfrom pathlib import Path\n"
            "from multiprocessing import cpu_count\n_n = 2\nworkers = _n + 1\n"
            "pidfile = Path('x.pid')\nuser = None\ndef helper(): pass\n"
            "def ssl_context(): return ssl.create_default_context()\n",
        )
        loaded = start.load(config="conf.py")
        assert loaded.settings.workers == 3
        assert loaded.settings.pidfile == f"{start.directory}/x.pid"
        assert callable(loaded.settings.ssl_context)
        assert loaded.origins["user"] == "conf.py"
        named = {name for name, origin in loaded.origins.items() if origin == "conf.py"}
        assert named == {"workers", "pidfile", "user", "ssl_context"}

    def test_gunicorn_keys(self, start: Start) -> None:
        start.write(
            "gunicorn.conf.py",
            "wsgi_app = 'a:b'\nbind = '127.0.0.1:1'\nkeepalive = 2\naccesslog = '-'\n"
            "errorlog = 'e.log'\nloglevel = 'WARNING'\ntimeout = 60\numask = 0o7\n",
        )
        settings = start.load(config="gunicorn.conf.py").settings
        assert (settings.app, settings.keep_alive, settings.timeout) == ("a:b", 2.0, 60.0)
        assert (settings.access_log, settings.log_level) == ("-", "warning")
        assert settings.error_log == f"{start.directory}/e.log"

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("worker = 1", "'worker'; did you mean workers? (a name of your own begins with _)"),
            ("workers = None", "workers (conf.py): None is a NoneType"),
            ("def app(): pass", "app (conf.py): <function app"),
            ("def wsgi_app(): pass", "app (conf.py): <function wsgi_app"),
            ("def post_fork(server, worker): pass", "Gunicorn's hook post_fork is not supported"),
            ("workers = 1\nthreads = = 2", "conf.py, line 2: SyntaxError: invalid syntax"),
            ("\nx = undefined", "conf.py, line 2: NameError: name 'undefined' is not defined"),
            ("import json\njson.loads('')", "conf.py, line 2: JSONDecodeError: Expecting value"),
            ("raise SystemExit(1)", "conf.py, line 1: SystemExit: 1"),
            ("raise ValueError('a\\nb')", "conf.py, line 1: ValueError: a b"),
            ("\0", "conf.py: "),
        ],
    )
    def test_errors(self, start: Start, text: str, problem: str) -> None:
        start.write("conf.py", text)
        assert problem in start.error(config="conf.py")


class TestFiles:
    def test_a_missing_file(self, start: Start) -> None:
        message = start.error(config="no.toml")
        assert message == "no.toml: cannot be read: No such file or directory"

    def test_a_directory(self, start: Start) -> None:
        (start.directory / "d.toml").mkdir()
        assert "d.toml: cannot be read" in start.error(config="d.toml")

    def test_two_implicit_files(self, start: Start) -> None:
        start.write("dovetail.toml", "workers = 2")
        start.write("dovetail.conf.py", "workers = 3")
        assert "both dovetail.toml and dovetail.conf.py" in start.error()
        assert start.load(config="dovetail.conf.py").settings.workers == 3

    def test_a_file_is_read_once(self, start: Start) -> None:
        start.write("dovetail.conf.py", "with open('/dev/null') as _f: pass\nworkers = 2")
        path = str(start.directory / "dovetail.conf.py")
        assert start.load(config=path).origins["workers"] == path

    def test_reading_again_sees_the_change(self, start: Start) -> None:
        load: Callable[[], Loaded] = lambda: start.load(config="conf.py")  # noqa: E731
        start.write("conf.py", "workers = 2")
        assert load().settings.workers == 2
        start.write("conf.py", "workers = 3")
        assert load().settings.workers == 3

    def test_paths_in_a_file_elsewhere_start_where_the_command_started(self, start: Start) -> None:
        (start.directory / "etc").mkdir()
        start.write("etc/x.toml", "pidfile = 'x.pid'")
        assert start.load(config="etc/x.toml").settings.pidfile == f"{start.directory}/x.pid"

    def test_a_socket_path_that_gets_too_long(self, tmp_path: Path) -> None:
        deep = tmp_path / ("d" * 100)
        deep.mkdir()
        message = Start(deep).error({"bind": ("unix:app.sock",)})
        assert message.startswith("bind (command line --bind): ")
        assert "107 bytes" in message


def test_consistency_names_the_origin(start: Start) -> None:
    assert start.error({"keyfile": "k.pem"}).startswith("keyfile (command line --keyfile): needs")
