"""Class views: ours and Flask's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask.views  # noqa: F401 - it is not imported with the package
import pytest
from tests.differential.twins import Twins, same


def described(view: Any) -> dict[str, Any]:
    """Return what can be asked of a view function."""
    values: dict[str, Any] = {
        name: getattr(view, name, "nothing")
        for name in ("__name__", "__doc__", "__module__", "provide_automatic_options")
    }
    methods = view.methods
    values["methods"] = methods if methods is None else sorted(methods)
    values["view_class"] = view.view_class.__name__
    values["vars"] = sorted(name for name in vars(view) if not name.startswith("__"))
    return values


def classes(flask: Any) -> dict[str, Any]:
    found = [*of_view(flask, flask.views.View), *of_methods(flask.views.MethodView)]
    return {view.__name__: view for view in found}


def of_view(flask: Any, base: Any) -> list[type]:
    class Plain(base):  # type: ignore[misc]
        """Documented."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.given = args, kwargs
            self.count = 0

        def dispatch_request(self, **values: Any) -> Any:
            self.count += 1
            return f"{self.given} {self.count} {values} {flask.request.method}"

    class Methods(Plain):
        methods = ("GET", "PUT")
        provide_automatic_options = False

    class Kept(Plain):
        init_every_request = False

    class Coroutine(base):  # type: ignore[misc]
        async def dispatch_request(self, **values: Any) -> str:
            return f"awaited {flask.request.path}"

    return [Plain, Methods, Kept, Coroutine]


def of_methods(by_method: Any) -> list[type]:
    class Crud(by_method):  # type: ignore[misc]
        def get(self, name: str | None = None) -> str:
            return f"get {name}"

        def post(self, **values: Any) -> str:
            return f"post {values}"

        delete = None

        def other(self) -> None:
            """Answer nothing."""

    class Said(by_method):  # type: ignore[misc]
        methods = ("PROPFIND", "GET")

        def get(self, **values: Any) -> str:
            return "get"

        def propfind(self, **values: Any) -> str:
            return "propfind"

    class SaidMore(Said):
        def put(self, **values: Any) -> str:
            return "put"

    class Empty(by_method):  # type: ignore[misc]
        pass

    class Coroutines(by_method):  # type: ignore[misc]
        async def get(self, **values: Any) -> str:
            return "awaited"

    class Decorated(Crud):
        decorators = (_mark("a"), _mark("b"))

    return [*of_crud(by_method, Crud), Crud, Decorated, Empty, Coroutines, Said, SaidMore]


def of_crud(by_method: Any, crud: Any) -> list[type]:
    class More(crud):  # type: ignore[misc]
        def patch(self, **values: Any) -> str:
            return "patch"

    class Own(by_method):  # type: ignore[misc]
        def options(self, **values: Any) -> str:
            return "options"

        def head(self, **values: Any) -> Any:
            return "head", 200, {"X-Head": "own"}

        def trace(self, **values: Any) -> str:
            return "trace"

    class Mixin:
        def put(self, **values: Any) -> str:
            return "put of mixin"

    class Mixed(Mixin, crud, Own):  # type: ignore[misc]
        init_every_request = False

    return [More, Own, Mixed]


def _mark(mark: str) -> Callable[..., Any]:
    def decorate(view: Any) -> Any:
        seen = f"{mark}({view.__name__} {view.__module__ == __name__})"

        def marked(**values: Any) -> Any:
            return f"{seen} {view(**values)}"

        return marked

    return decorate


NAMES = sorted(
    [
        *("Coroutine", "Coroutines", "Crud", "Decorated", "Empty", "Kept", "Methods", "Mixed"),
        *("More", "Own", "Plain", "Said", "SaidMore"),
    ]
)


@pytest.mark.parametrize("name", NAMES)
def test_methods_and_function(name: str) -> None:
    def act(flask: Any) -> Any:
        view = classes(flask)[name]
        methods = view.methods
        kind = type(methods).__name__
        return (
            kind,
            methods if methods is None else sorted(methods),
            described(view.as_view("named")),
        )

    assert same(act)[0] == "returned"


def site(name: str, **options: Any) -> Callable[..., Any]:
    def build(flask: Any) -> Any:
        # On Flask an async view needs a package that is not installed.
        app = flask.Flask(__name__)
        app.async_to_sync = _run
        view = classes(flask)[name]
        plain = name not in {"Plain", "Methods", "Kept"}
        function = view.as_view("a") if plain else view.as_view("a", 1, b=2)
        app.add_url_rule("/a", view_func=function, **options)
        app.add_url_rule("/a/<name>", view_func=function, **options)
        return app

    return build


def _run(function: Any) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        coroutine = function(*args, **kwargs)
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("it waits for something")

    return run


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


@pytest.mark.parametrize("name", NAMES)
def test_requests(name: str) -> None:
    twins = Twins(site(name))
    for method in METHODS:
        answer = twins.open("/a", method=method)
        assert answer.status
        twins.open("/a/x", method=method)


@pytest.mark.parametrize(
    "options",
    [
        {"methods": ["PUT", "GET"]},
        {"methods": []},
        {"provide_automatic_options": True},
        {"provide_automatic_options": False},
        {"methods": ["OPTIONS"], "provide_automatic_options": False},
        {"defaults": {"name": "default"}},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["Crud", "Methods", "Own"])
def test_options_of_the_route(name: str, options: dict[str, Any]) -> None:
    def build(flask: Any) -> Any:
        app = flask.Flask(__name__)
        rule = "/a"
        app.add_url_rule(rule, view_func=classes(flask)[name].as_view("a"), **options)
        return app

    twins = Twins(build)
    for method in METHODS:
        twins.open("/a", method=method)


def test_an_abstract_view() -> None:
    def act(flask: Any) -> Any:
        return flask.views.View().dispatch_request()

    assert same(act) == ("raised", "NotImplementedError")


def test_a_method_that_the_class_has_not() -> None:
    def build(flask: Any) -> Any:
        app = site("Crud", methods=["PUT"])(flask)
        app.testing = True
        return app

    assert Twins(build).open("/a", method="PUT").raised == "AssertionError"


def test_the_names_of_methods() -> None:
    assert same(lambda flask: sorted(flask.views.http_method_funcs))[0] == "returned"
