from __future__ import annotations

import importlib
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest

from dovetail.loader import LoadError, load_app, load_object, set_search_path

Write = Callable[[str, str], Path]

APP = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """A function that writes a module, in a directory where modules are found."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write_module(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        # What a directory holds is kept in mind, and the clock of its changes may be a coarse one.
        importlib.invalidate_caches()
        return path

    yield write_module
    for name in set(sys.modules) - before:
        del sys.modules[name]


def failure(spec: str) -> str:
    with pytest.raises(LoadError) as caught:
        load_app(spec)
    assert caught.value.status == 4
    assert str(caught.value) == caught.value.message
    return caught.value.message


class _Without(MetaPathFinder):
    """Hides a module, whether it is installed or not."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname.partition(".")[0] == self.name:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


class TestFound:
    def test_attribute(self, write: Write) -> None:
        write("shop.py", APP)
        app = load_app("shop:app")
        assert app is sys.modules["shop"].app

    def test_dotted_names(self, write: Write) -> None:
        write("pkg/__init__.py", "")
        write("pkg/web.py", APP + "class site: pass\nsite.app = staticmethod(app)\n")
        assert load_app("pkg.web:site.app") is sys.modules["pkg.web"].app

    def test_default_names(self, write: Write) -> None:
        write("one.py", APP)
        assert load_app("one") is sys.modules["one"].app
        write("two.py", APP + "def application(environ, start_response): return []\n")
        assert load_app("two") is sys.modules["two"].application

    def test_factory(self, write: Write) -> None:
        write(
            "made.py",
            """
            calls = []
            def create_app(*args, **kwargs):
                calls.append((args, kwargs))
                return lambda environ, start_response: []
            """,
        )
        load_app("made:create_app()")
        load_app("made:create_app('a:b', -1, [1.5, (None,)], debug=True, more={'x': b'y'})")
        assert sys.modules["made"].calls == [
            ((), {}),
            (("a:b", -1, [1.5, (None,)]), {"debug": True, "more": {"x": b"y"}}),
        ]

    def test_whatever_can_be_called_so(self, write: Write) -> None:
        write(
            "kinds.py",
            """
            import functools
            class Instance:
                def __call__(self, environ, start_response): return []
                def method(self, environ, start_response): return []
            class Response:
                def __init__(self, environ, start_response): pass
                def __iter__(self): yield b""
            def three(more, environ, start_response): return []
            instance = Instance()
            method = instance.method
            partial = functools.partial(three, 1)
            any_arguments = lambda *args: []
            def optional(environ, start_response, more=None): return []
            builtin = dict.fromkeys

            async def asgi(scope, receive, send): pass
            @functools.wraps(asgi)
            def wrapped(environ, start_response): return []
            """,
        )
        names = ("instance", "method", "partial", "any_arguments", "optional", "builtin", "wrapped")
        for name in (*names, "Response"):
            assert load_app(f"kinds:{name}") == getattr(sys.modules["kinds"], name)

    def test_object(self, write: Write) -> None:
        write("tls.py", "def make(): return 1\n")
        assert load_object("tls:make") is sys.modules["tls"].make
        for spec in ("tls", "tls:make()"):
            with pytest.raises(LoadError, match="not of the form MODULE:ATTR"):
                load_object(spec)


class TestForm:
    @pytest.mark.parametrize(
        "spec", ["", ":app", "a b:app", "a..b:app", ".a:app", "1a:app", "a-b:app", "a.:app", "a\n"]
    )
    def test_no_module_name(self, spec: str) -> None:
        assert "is not of the form MODULE:ATTR" in failure(spec)

    @pytest.mark.parametrize(
        "rest",
        [
            *("", "1", "a b", "app(", "app)", "a[0]", "a+b", "a()()", "a().b", "'app'"),
            *(
                "a if b else c",
                "(yield)",
                "lambda: 1",
                "x" + ".y" * 20_000 + "(",
                "x" + ".y" * 20_000 + "+1",
            ),
        ],
    )
    def test_neither_attribute_nor_factory(self, write: Write, rest: str) -> None:
        write("shop.py", APP)
        assert "neither an attribute nor FACTORY(ARGS)" in failure(f"shop:{rest}")

    @pytest.mark.parametrize("argument", ["name", "f()", "[x]", "a.b", "1+name", "*[1]", "x=y"])
    def test_arguments_are_literals(self, write: Write, argument: str) -> None:
        write("shop.py", "raise RuntimeError('imported')")
        message = failure(f"shop:create({argument})")
        assert "is not a literal" in message

    def test_no_unpacked_keywords(self) -> None:
        assert "** is not allowed" in failure("shop:create(**{'a': 1})")

    def test_a_file_instead_of_a_module(self, write: Write) -> None:
        write("shop.py", APP)
        assert failure("shop.py:app").endswith("write the module's name: shop:app")
        hint = "write the module's name: shop:app, with --chdir src/web"
        assert failure("src/web/shop.py:app").endswith(hint)

    def test_a_name_longer_than_a_file_can_have(self, write: Write) -> None:
        assert failure("x" * 5000 + ":app").startswith("there is no module")
        assert failure("x" * 5000 + ".py:app").startswith("there is no module")


class TestModule:
    def test_missing(self, write: Write, tmp_path: Path) -> None:
        write("shop.py", APP)
        write("pkg/__init__.py", "")
        message = failure("shpo:app")
        assert message.startswith(f"there is no module 'shpo' in {tmp_path}")
        assert message.endswith("did you mean shop?")
        assert failure("unlike:app").endswith("; there is pkg, shop")

    def test_nothing_there(self, write: Write) -> None:
        assert failure("shop:app").endswith("--chdir says where to look")

    def test_missing_in_a_package(self, write: Write, tmp_path: Path) -> None:
        write("pkg/__init__.py", "")
        write("pkg/web.py", APP)
        message = failure("pkg.wbe:app")
        assert message.startswith(f"there is no module 'pkg.wbe' in {tmp_path / 'pkg'}")
        assert message.endswith("did you mean pkg.web?")
        assert "there is no module 'pgk'" in failure("pgk.web:app")

    def test_not_a_package(self, write: Write) -> None:
        write("shop.py", APP)
        message = failure("shop.app")
        assert message == "there is no module 'shop.app': 'shop' is a module, not a package"

    def test_there_but_not_searched(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        write("shop.py", APP)
        monkeypatch.setattr(sys, "path", sys.path[1:])
        assert failure("shop:app").endswith("but is not on Python's search path")

    def test_an_import_inside_is_no_missing_module(self, write: Write) -> None:
        path = write("shop.py", "x = 1\nimport no_such_module_here\n")
        message = failure("shop:app")
        assert message.startswith("importing 'shop' failed:\nTraceback")
        assert f'File "{path}", line 2' in message
        assert message.endswith("ModuleNotFoundError: No module named 'no_such_module_here'")

    @pytest.mark.parametrize("name", ["flask", "werkzeug"])
    def test_an_application_for_flask_without_it(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setattr(sys, "meta_path", [_Without(name), *sys.meta_path])
        monkeypatch.delitem(sys.modules, name, raising=False)
        write("m.py", f"import {name}.x\napp = 1\n")
        assert failure("m").endswith("written for Flask is served with --compat.")
        write("m2.py", f"def make():\n    import {name}\n")
        assert failure("m2:make()").endswith("written for Flask is served with --compat.")

    def test_a_module_that_misses_its_own_name(self, write: Write) -> None:
        write("pkg/__init__.py", "import pkg.web\n")
        assert failure("pkg.web:app").startswith("importing 'pkg.web' failed:\nTraceback")

    def test_syntax_error(self, write: Write) -> None:
        path = write("shop.py", "x = 1\nif x:\n    y = = 2\n")
        assert failure("shop:app") == f"{path}:3: invalid syntax\n    y = = 2\n        ^"

    def test_syntax_error_of_another_module(self, write: Write) -> None:
        write("shop.py", "import models\n")
        path = write("models.py", "def f(:\n")
        message = failure("shop:app")
        assert f"{path}" in message
        assert "def f(:" in message
        assert "SyntaxError: invalid syntax" in message

    def test_exception(self, write: Write) -> None:
        path = write("shop.py", "def f():\n    return 1 / 0\nf()\n")
        message = failure("shop:app")
        lines = message.splitlines()
        assert lines[:2] == ["importing 'shop' failed:", "Traceback (most recent call last):"]
        assert lines[2] == f'  File "{path}", line 3, in <module>'
        assert lines[-1] == "ZeroDivisionError: division by zero"
        assert "importlib" not in message

    def test_exception_with_a_cause(self, write: Write) -> None:
        write("shop.py", "import models\n")
        write("models.py", "try:\n    {}['a']\nexcept KeyError as e:\n    raise OSError() from e\n")
        message = failure("shop:app")
        assert "KeyError: 'a'" in message
        assert message.endswith("OSError")
        assert "importlib" not in message

    def test_exit(self, write: Write) -> None:
        write("shop.py", "import sys\nsys.exit(3)\n")
        message = failure("shop:app")
        assert "main guard" in message.splitlines()[0]
        assert message.endswith("SystemExit: 3")

    def test_ctrl_c_passes(self, write: Write) -> None:
        write("shop.py", "raise KeyboardInterrupt\n")
        with pytest.raises(KeyboardInterrupt):
            load_app("shop:app")


class TestAttribute:
    def test_missing(self, write: Write) -> None:
        path = write("shop.py", APP + "site = object()\n")
        message = failure("shop:aap")
        assert message == f"'shop' ({path}) has no attribute 'aap'; did you mean app?"
        message = failure("shop:unlike")
        assert message.endswith("(what looks like a WSGI application there: app)")
        assert failure("shop:site.app") == "'shop.site' has no attribute 'app'"

    def test_guesses_leave_out_what_is_none(self, write: Write) -> None:
        write(
            "shop.py",
            """
            from shutil import move
            def create_app(): pass
            def _private(a, b): pass
            async def chat(a, b): pass
            class Thing:
                def __init__(self, a, b): pass
            class Proxy:
                @property
                def __class__(self): raise RuntimeError("unbound")
                def __call__(self, a, b): pass
            current = Proxy()
            """,
        )
        assert failure("shop:wsgi").endswith("has no attribute 'wsgi'")

    def test_default_missing(self, write: Write) -> None:
        write("shop.py", "def site(environ, start_response): return []\n")
        message = failure("shop")
        assert "has neither application nor app; write shop:ATTR" in message
        assert "there: site)" in message

    def test_lazy_attributes(self, write: Write) -> None:
        write(
            "shop.py",
            """
            def __getattr__(name):
                if name == "lazy":
                    return lambda environ, start_response: []
                if name == "broken":
                    raise OSError("no database")
                if name == "typo":
                    return helper()
                raise AttributeError(name)
            def helper():
                return object().nothing
            """,
        )
        assert callable(load_app("shop:lazy"))
        assert "has no attribute 'lay'" in failure("shop:lay")
        assert failure("shop:broken").endswith("OSError: no database")
        assert "shop: reading 'typo' failed:\nTraceback" in failure("shop:typo")
        assert "has neither application nor app" in failure("shop")

    def test_a_default_that_cannot_be_read(self, write: Write) -> None:
        write("shop.py", "def __getattr__(name): raise OSError('no database')\n")
        assert failure("shop").endswith("OSError: no database")


class TestFactory:
    def test_raises(self, write: Write) -> None:
        path = write("shop.py", "def create():\n    raise LookupError('no such store')\n")
        message = failure("shop:create()")
        assert message.startswith("the factory 'shop:create' failed:\nTraceback")
        assert f'File "{path}", line 2' in message
        assert "loader.py" not in message
        assert message.endswith("LookupError: no such store")

    def test_wrong_arguments(self, write: Write) -> None:
        write("shop.py", "def create(config): pass\n")
        message = failure("shop:create()")
        assert "missing 1 required positional argument: 'config'" in message
        assert "Traceback" not in message
        assert "multiple values" in failure("shop:create(1, config=2)")

    def test_type_error_inside(self, write: Write) -> None:
        write("shop.py", "def create():\n    return 1 + ''\n")
        assert "failed:\nTraceback" in failure("shop:create()")

    def test_exits(self, write: Write) -> None:
        write("shop.py", "def create():\n    raise SystemExit('bad')\n")
        assert failure("shop:create()").endswith("SystemExit: bad")

    def test_returns_no_application(self, write: Write) -> None:
        write("shop.py", "def create(value=None): return value\nnothing = 1\n")
        message = failure("shop:create()")
        assert message.startswith("what the factory 'shop:create' returned is None")
        assert "of type str, not a WSGI application" in failure("shop:create('x')")
        assert "cannot be called" in failure("shop:nothing()")

    def test_asynchronous(self, write: Write) -> None:
        write("shop.py", "async def create(): pass\n")
        assert "async function; it must be a plain one" in failure("shop:create()")

    def test_forgotten_parentheses(self, write: Write) -> None:
        write("shop.py", "def create(): pass\n")
        assert failure("shop:create").endswith("if it makes one, write 'shop:create()'")


class TestKind:
    @pytest.mark.parametrize(
        "text",
        [
            "async def app(scope, receive, send): pass",
            "def app(scope, receive, send): pass",
            "class A:\n    async def __call__(self, scope, receive, send): pass\napp = A()",
            "class app:\n    def __init__(self, scope, receive, send): pass",
            "class A:\n    async def asgi(self, scope, receive, send): pass\napp = A().asgi",
            "import functools\nasync def f(x, s, r, d): pass\napp = functools.partial(f, 1)",
            "async def app(*args): pass",
        ],
    )
    def test_asgi(self, write: Write, text: str) -> None:
        write("shop.py", text + "\n")
        message = failure("shop:app")
        assert message.startswith("'shop:app' is an ASGI application; Dovetail serves WSGI")
        assert "a2wsgi.ASGIMiddleware" in message

    def test_asgi_from_a_factory(self, write: Write) -> None:
        write("shop.py", "def create():\n    async def app(s, r, d): pass\n    return app\n")
        assert failure("shop:create()").startswith("what the factory 'shop:create' returned is an")

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("app = 'text'", "is of type str, not a WSGI application: it is not callable"),
            ("app = None", "is None, not a WSGI application"),
            ("import os as app", "is a module, not an application"),
            ("def app(environ): pass", "cannot be called with environ and start_response"),
            ("def app(a, b, c, d): pass", "cannot be called with environ and start_response"),
            ("class app:\n    def __init__(self, name, root=None): pass", "make an instance"),
        ],
    )
    def test_no_application(self, write: Write, text: str, problem: str) -> None:
        write("shop.py", text + "\n")
        assert problem in failure("shop:app")

    def test_a_module_with_an_application(self, write: Write) -> None:
        write("pkg/__init__.py", "from pkg import web\n")
        write("pkg/web.py", APP)
        assert failure("pkg:web").endswith("did you mean pkg.web:app?")


class TestSearchPath:
    @pytest.fixture(autouse=True)
    def _restore(self, write: Write) -> None:
        """Directory and search path are put back by the fixture this one asks for."""

    def test_directory_comes_first(self, tmp_path: Path) -> None:
        site, lib = tmp_path / "site", tmp_path / "lib"
        site.mkdir()
        sys.path.append(str(lib))
        for _ in range(2):
            set_search_path(str(site), [str(lib)])
            assert Path.cwd() == site
            assert sys.path[:3] == [str(site), str(lib), str(tmp_path)]
            assert sys.path.count(str(lib)) == 1

    def test_a_module_that_appears_later_is_found(self, tmp_path: Path, write: Write) -> None:
        set_search_path(str(tmp_path))
        failure("later:app")
        (tmp_path / "later.py").write_text(APP)
        set_search_path(str(tmp_path))
        assert callable(load_app("later:app"))

    def test_no_directory(self, tmp_path: Path) -> None:
        with pytest.raises(LoadError, match=r"cannot change to directory .*No such file"):
            set_search_path(os.fspath(tmp_path / "none"))
