from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from tests.app.commandline import process_restored

from dovetail.app.application import App
from dovetail.app.discovery import (
    Application,
    NoAppException,
    NothingNamed,
    find_app_by_string,
    find_best_app,
    locate_app,
    locate_default_app,
    locate_other_app,
    locate_path,
    prepare_import,
)
from dovetail.app.proxies import current_app


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with process_restored():
        yield


def module(**names: Any) -> ModuleType:
    made = ModuleType("mod")
    vars(made).update(names)
    return made


class TestFindBestApp:
    def test_by_name_before_the_only_one(self) -> None:
        app, other = App("a"), App("b")
        assert find_best_app(module(other=other, application=app)) is app
        assert find_best_app(module(application=other, app=app)) is app
        assert find_best_app(module(x=app, app=5)) is app

    def test_a_class_of_its_own(self) -> None:
        class Special(App):
            pass

        app = Special("a")
        assert find_best_app(module(x=app)) is app
        assert isinstance(app, Application)

    def test_a_proxy_is_no_application(self) -> None:
        app = App("a")
        assert find_best_app(module(current_app=current_app, x=app)) is app
        assert not isinstance(current_app, Application)

    def test_more_than_one(self) -> None:
        with pytest.raises(NoAppException, match="Detected multiple applications in module 'mod'"):
            find_best_app(module(x=App("a"), y=App("b")))

    @pytest.mark.parametrize("name", ["create_app", "make_app"])
    def test_factory(self, name: str) -> None:
        app = App("a")

        def make() -> App:
            return app

        assert find_best_app(module(**{name: make})) is app

    def test_factory_that_wants_arguments(self) -> None:
        def make(name: str) -> App:
            return App(name)

        with pytest.raises(NoAppException, match=r"'mod:create_app\(args\)' gives"):
            find_best_app(module(create_app=make))

    def test_what_the_factory_raises_is_its_own(self) -> None:
        def make() -> App:
            raise TypeError("inside")

        with pytest.raises(TypeError, match="inside"):
            find_best_app(module(create_app=make))

    def test_none(self) -> None:
        with pytest.raises(NoAppException, match="there is no application"):
            find_best_app(module())


class TestFindAppByString:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("app", "one"),
            (" make ( 'x' ) ", "x 2"),
            ("make('x', b=[1, {'c': None}])", "x [1, {'c': None}]"),
        ],
    )
    def test_found(self, text: str, name: str) -> None:
        def make(a: str, b: Any = 2) -> App:
            return App(f"{a} {b}")

        assert find_app_by_string(module(app=App("one"), make=make), text).name == name

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("a.b", "Failed to parse 'a.b'"),
            ("a(", "Failed to parse"),
            ("a.b()", "'a.b()' calls has to be a simple name"),
            ("make(x)", "'make(x)' have to be literal values"),
            ("make(**{'a': 1})", "have to be literal values"),
            ("nope", "in module 'mod' is called 'nope'"),
            ("make()", "'make()' does not give the factory in module 'mod'"),
            ("make", "'make' does not give the factory"),
            ("number", "'mod:number' is no valid application"),
        ],
    )
    def test_refused(self, text: str, problem: str) -> None:
        def make(a: str) -> App:
            return App(a)

        with pytest.raises(NoAppException) as caught:
            find_app_by_string(module(make=make, number=5), text)
        assert problem in caught.value.format_message()


class TestPrepareImport:
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("top/pkg/sub/m.py", "pkg.sub.m"),
            ("top/pkg/sub/m", "pkg.sub.m"),
            ("top/pkg/sub/__init__.py", "pkg.sub"),
            ("top/pkg", "pkg"),
            ("top/other.txt", "other.txt"),
        ],
    )
    def test_name_and_search_path(self, path: str, name: str, tmp_path: Path) -> None:
        (tmp_path / "top/pkg/sub").mkdir(parents=True)
        (tmp_path / "top/pkg/__init__.py").touch()
        (tmp_path / "top/pkg/sub/__init__.py").touch()
        assert prepare_import(path) == name
        assert sys.path[0] == str(tmp_path / "top")
        before = list(sys.path)
        prepare_import(path)
        assert sys.path == before


class TestLocateApp:
    @pytest.fixture(autouse=True)
    def _modules(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        Path("fine.py").write_text("from dovetail import App\nother = App('fine')\n")
        Path("broken.py").write_text("import nowhere_at_all\n")
        Path("flasky.py").write_text("import flask.views\n")

    def test_found(self) -> None:
        for name in (None, "other"):
            app = locate_app("fine", name)
            assert app is not None
            assert app.name == "fine"

    def test_not_found(self) -> None:
        with pytest.raises(NoAppException, match="Could not import 'nowhere_at_all'"):
            locate_app("nowhere_at_all", None)
        assert locate_app("nowhere_at_all", None, raise_if_not_found=False) is None

    @pytest.mark.parametrize("raising", [True, False])
    def test_an_import_error_inside_shows_where(self, raising: bool) -> None:
        with pytest.raises(NoAppException) as caught:
            locate_app("broken", None, raise_if_not_found=raising)
        lines = caught.value.format_message().splitlines()
        assert lines[0] == "While importing 'broken', an ImportError was raised inside of it:"
        assert lines[2] == "Traceback (most recent call last):"
        assert lines[3].endswith('broken.py", line 1, in <module>')  # and nothing of ours
        assert lines[5] == "ModuleNotFoundError: No module named 'nowhere_at_all'"

    def test_an_application_of_flask(self) -> None:
        with pytest.raises(NoAppException, match="runs with 'dovetail --compat'"):
            locate_app("flasky", None)

    def test_locate_path(self) -> None:
        app = locate_path("fine.py:other")
        assert app is not None
        assert app.name == "fine"
        assert locate_path("./fine") is app

    def test_locate_default_app(self) -> None:
        assert locate_default_app() is None
        Path("app.py").write_text("from dovetail import App\nx = App('app')\n")
        app = locate_default_app()
        assert app is not None
        assert app.name == "app"
        Path("wsgi.py").write_text("from dovetail import App\nx = App('wsgi')\n")
        importlib.invalidate_caches()
        app = locate_default_app()
        assert app is not None
        assert app.name == "wsgi"


def test_errors_are_of_click() -> None:
    assert issubclass(NoAppException, click.UsageError)
    assert "FLASK_APP" in NothingNamed().format_message()
    assert isinstance(NothingNamed(), NoAppException)


class TestLocateOtherApp:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("other:function", "function"),
            ("other:instance", "instance"),
            ("other.py:instance", "instance"),
            ("other", "application"),
            ("other:create_app", None),
            ("other:Made", None),
            ("other:nothing", None),
            ("elsewhere:function", None),
        ],
    )
    def test_applications_of_any_kind(
        self, text: str, name: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def function(environ: object, start_response: object) -> None: ...

        def create_app(name: str, debug: bool) -> None: ...

        class Made:
            def __call__(self, environ: object, start_response: object) -> None: ...

        names = {"function": function, "instance": Made(), "create_app": create_app, "Made": Made}
        other = module(**names, application=function, app=Made)
        monkeypatch.setitem(sys.modules, "other", other)
        assert locate_other_app(text) is (None if name is None else getattr(other, name))

    def test_where_nobody_says_which(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def app(environ: object, start_response: object) -> None: ...

        given = module(app=app)
        monkeypatch.setitem(sys.modules, "app", given)
        assert locate_other_app(None) is given.app
