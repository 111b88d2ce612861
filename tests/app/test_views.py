"""Class views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from dovetail.app.application import App
from dovetail.app.proxies import request
from dovetail.app.views import MethodView, View, http_method_funcs


@pytest.fixture
def app() -> App:
    app = App(__name__, static_folder=None)
    app.testing = True
    return app


class Counter(View):
    """Counts."""

    def __init__(self, start: int = 0, step: int = 1) -> None:
        self.count = start
        self.step = step

    def dispatch_request(self, **values: Any) -> str:
        self.count += self.step
        return f"{self.count} {values}"


class Item(MethodView):
    def get(self, name: str = "all") -> str:
        return f"got {name}"

    def post(self) -> str:
        return "posted"


def mark(text: str) -> Callable[..., Any]:
    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        return lambda **values: f"{text}({view(**values)})"

    return decorate


class TestView:
    def test_answers_by_dispatch_request(self, app: App) -> None:
        app.add_url_rule("/<word>", view_func=Counter.as_view("counter"))
        assert app.test_client().get("/a").text == "1 {'word': 'a'}"

    def test_leaves_dispatch_request_to_subclasses(self) -> None:
        with pytest.raises(NotImplementedError):
            View().dispatch_request()

    def test_as_view_passes_arguments_on(self, app: App) -> None:
        app.add_url_rule("/", view_func=Counter.as_view("counter", 5, step=10))
        assert app.test_client().get("/").text == "15 {}"

    def test_as_view_describes_the_function(self) -> None:
        view: Any = Counter.as_view("counter")
        assert view.__name__ == "counter"
        assert view.__doc__ == "Counts."
        assert view.__module__ == __name__
        assert view.view_class is Counter
        assert view.methods is None
        assert view.provide_automatic_options is None

    def test_init_every_request_makes_a_new_instance(self, app: App) -> None:
        class Kept(Counter):
            init_every_request = False

        app.add_url_rule("/new", view_func=Counter.as_view("new"))
        app.add_url_rule("/kept", view_func=Kept.as_view("kept"))
        client = app.test_client()
        assert [client.get("/new").text for _ in range(2)] == ["1 {}", "1 {}"]
        assert [client.get("/kept").text for _ in range(2)] == ["1 {}", "2 {}"]

    def test_view_class_can_be_replaced(self, app: App) -> None:
        class Other(Counter):
            def dispatch_request(self, **values: Any) -> str:
                return "other"

        view: Any = Counter.as_view("counter")
        view.view_class = Other
        app.add_url_rule("/", view_func=view)
        assert app.test_client().get("/").text == "other"

    def test_methods_are_those_of_the_route(self, app: App) -> None:
        class Put(Counter):
            methods = ("PUT",)

        app.add_url_rule("/", view_func=Put.as_view("put"))
        client = app.test_client()
        assert client.put("/").status_code == 200
        assert client.get("/").status_code == 405

    def test_provide_automatic_options(self, app: App) -> None:
        class Plain(Counter):
            provide_automatic_options = False

        app.add_url_rule("/plain", view_func=Plain.as_view("plain"))
        app.add_url_rule("/other", view_func=Counter.as_view("other"))
        client = app.test_client()
        assert client.options("/plain").status_code == 405
        assert client.options("/other").status_code == 200

    def test_decorators_are_applied_in_order(self, app: App) -> None:
        class Decorated(Counter):
            decorators: ClassVar = [mark("inner"), mark("outer")]

        view: Any = Decorated.as_view("decorated")
        assert (view.__name__, view.view_class) == ("decorated", Decorated)
        app.add_url_rule("/", view_func=view)
        assert app.test_client().get("/").text == "outer(inner(1 {}))"

    def test_may_be_asynchronous(self, app: App) -> None:
        class Slow(View):
            async def dispatch_request(self) -> str:  # type: ignore[override]
                return f"awaited {request.path}"

        app.add_url_rule("/", view_func=Slow.as_view("slow"))
        assert app.test_client().get("/").text == "awaited /"

    def test_needs_an_application(self) -> None:
        with pytest.raises(RuntimeError, match="outside of application context"):
            Counter.as_view("counter")()


class TestMethodView:
    def test_answers_by_the_method_of_the_name(self, app: App) -> None:
        app.add_url_rule("/", view_func=Item.as_view("items"))
        app.add_url_rule("/<name>", view_func=Item.as_view("item"), methods=["GET"])
        client = app.test_client()
        assert client.get("/").text == "got all"
        assert client.post("/").text == "posted"
        assert client.get("/one").text == "got one"
        assert client.put("/").status_code == 405
        assert client.options("/").headers["Allow"] == "GET, HEAD, OPTIONS, POST"

    def test_methods_are_what_the_class_has(self) -> None:
        assert MethodView.methods is None
        assert Item.methods == {"GET", "POST"}

    def test_methods_are_inherited(self) -> None:
        class Mixin:
            def put(self) -> str:
                return "put"

        class Both(Mixin, Item):
            def trace(self) -> str:
                return "traced"

        assert Both.methods == {"GET", "POST", "PUT", "TRACE"}

    def test_methods_that_a_class_says_itself_are_kept_and_inherited(self) -> None:
        class Said(Item):
            methods: ClassVar = ["PROPFIND"]

        class More(Said):
            def patch(self) -> str:
                return "patched"

        assert Said.methods == ["PROPFIND"]
        assert set(More.methods) == {"GET", "PATCH", "POST", "PROPFIND"}

    def test_without_methods_says_nothing(self) -> None:
        class Empty(MethodView):
            """No method of HTTP."""

            def helper(self) -> None:
                """Answer nothing."""

        assert Empty.methods is None

    def test_head_is_answered_by_get_unless_there_is_head(self, app: App) -> None:
        class Own(Item):
            def head(self) -> Any:
                return "", {"X-Head": "own"}

        app.add_url_rule("/item", view_func=Item.as_view("item"))
        app.add_url_rule("/own", view_func=Own.as_view("own"))
        client = app.test_client()
        assert client.head("/item").headers["Content-Length"] == "7"
        assert client.head("/own").headers["X-Head"] == "own"

    def test_dispatch_request_names_a_method_that_is_missing(self, app: App) -> None:
        app.add_url_rule("/", view_func=Item.as_view("item"), methods=["DELETE"])
        with pytest.raises(AssertionError, match="Item has no method for 'DELETE'"):
            app.test_client().delete("/")

    def test_methods_may_be_asynchronous(self, app: App) -> None:
        class Slow(MethodView):
            async def get(self, name: str) -> str:
                return f"awaited {name}"

        app.add_url_rule("/<name>", view_func=Slow.as_view("slow"))
        assert app.test_client().get("/a").text == "awaited a"


def test_http_method_funcs_are_the_names_of_methods() -> None:
    assert http_method_funcs == {
        *("get", "head", "post", "put", "delete", "patch", "options", "trace")
    }
