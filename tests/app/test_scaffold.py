"""What applications and blueprints share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from dovetail.app.scaffold import Scaffold, endpoint_from_view_func, setupmethod
from dovetail.data.exceptions import (
    HTTPException,
    ImATeapot,
    InternalServerError,
    NotFound,
)


class Part(Scaffold):
    """The smallest thing with routes."""

    name = "part"
    finished = False

    def __init__(self, **options: Any) -> None:
        super().__init__(__name__, **options)
        self.rules: list[tuple[str, str | None, Any, dict[str, Any]]] = []

    def _check_setup_finished(self, f_name: str) -> None:
        if self.finished:
            raise AssertionError(f"{f_name} is too late")

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Any = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Note the rule."""
        self.rules.append((rule, endpoint, view_func, options))


def view() -> str:
    return "answer"


class TestScaffold:
    def test_begins_with_empty_registries(self) -> None:
        part = Part()
        assert part.import_name == __name__
        assert part.view_functions == {}
        registries = [
            part.error_handler_spec,
            part.before_request_funcs,
            part.after_request_funcs,
            part.teardown_request_funcs,
            part.url_value_preprocessors,
            part.url_default_functions,
        ]
        for registry in registries:
            assert registry == {}
        (variables,) = part.template_context_processors[None]
        assert variables() == {}
        # Extensions write to them without asking whether a key is there.
        part.before_request_funcs[None].append(lambda: None)
        part.error_handler_spec[None][404][NotFound] = str

    def test_repr_has_class_and_name(self) -> None:
        assert repr(Part()) == "<Part 'part'>"

    def test_leaves_rules_and_the_check_to_subclasses(self) -> None:
        scaffold = Scaffold(__name__)
        with pytest.raises(NotImplementedError):
            scaffold._check_setup_finished("route")
        with pytest.raises(NotImplementedError):
            scaffold.add_url_rule("/")
        with pytest.raises(NotImplementedError):
            Scaffold.add_url_rule.__wrapped__(scaffold, "/")  # type: ignore[attr-defined]


class TestRoutes:
    def test_route_registers_the_function_and_returns_it(self) -> None:
        part = Part()
        decorate = part.route("/a", endpoint="b", methods=["PUT"], defaults={"c": 1})
        assert decorate(view) is view
        assert part.rules == [("/a", "b", view, {"methods": ["PUT"], "defaults": {"c": 1}})]

    def test_route_leaves_the_endpoint_open(self) -> None:
        part = Part()
        part.route("/a")(view)
        assert part.rules == [("/a", None, view, {})]

    @pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
    def test_of_one_method(self, method: str) -> None:
        part = Part()
        assert getattr(part, method)("/a", endpoint="b")(view) is view
        assert part.rules == [("/a", "b", view, {"methods": [method.upper()]})]

    @pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
    def test_of_one_method_takes_no_methods(self, method: str) -> None:
        with pytest.raises(TypeError, match="'route' decorator"):
            getattr(Part(), method)("/a", methods=["GET"])

    def test_endpoint_registers_a_view_without_a_rule(self) -> None:
        part = Part()
        assert part.endpoint("a.b")(view) is view
        assert part.view_functions == {"a.b": view}
        assert part.rules == []


class TestHooks:
    @pytest.mark.parametrize(
        ("method", "registry"),
        [
            ("before_request", "before_request_funcs"),
            ("after_request", "after_request_funcs"),
            ("teardown_request", "teardown_request_funcs"),
            ("context_processor", "template_context_processors"),
            ("url_value_preprocessor", "url_value_preprocessors"),
            ("url_defaults", "url_default_functions"),
        ],
    )
    def test_are_appended_in_order_and_returned(self, method: str, registry: str) -> None:
        part = Part()
        part.template_context_processors.clear()
        first: Callable[..., Any] = lambda *_: None  # noqa: E731
        assert getattr(part, method)(first) is first
        getattr(part, method)(view)
        assert getattr(part, registry) == {None: [first, view]}

    @pytest.mark.parametrize(
        "registry", ["before_request_funcs", "after_request_funcs", "teardown_request_funcs"]
    )
    def test_go_into_plain_dictionaries_too(self, registry: str) -> None:
        part = Part()
        setattr(part, registry, {})
        getattr(part, registry.removesuffix("_funcs"))(view)
        assert getattr(part, registry) == {None: [view]}


class TestErrorHandlers:
    def test_of_a_code_is_kept_with_its_class(self) -> None:
        part = Part()
        assert part.errorhandler(404)(str) is str
        assert part.error_handler_spec == {None: {404: {NotFound: str}}}

    def test_of_a_class_of_http_exceptions_is_kept_with_its_code(self) -> None:
        class Odd(HTTPException):
            code = 777

        part = Part()
        part.register_error_handler(ImATeapot, str)
        part.register_error_handler(Odd, repr)
        part.register_error_handler(HTTPException, len)  # type: ignore[arg-type]
        part.register_error_handler(InternalServerError, str)
        assert part.error_handler_spec == {
            None: {
                418: {ImATeapot: str},
                777: {Odd: repr},
                None: {HTTPException: len},
                500: {InternalServerError: str},
            }
        }

    def test_of_any_exception_has_no_code(self) -> None:
        part = Part()
        part.errorhandler(KeyError)(str)
        part.errorhandler(Exception)(repr)
        assert part.error_handler_spec == {None: {None: {KeyError: str, Exception: repr}}}

    def test_the_last_one_counts(self) -> None:
        part = Part()
        part.register_error_handler(404, str)
        part.register_error_handler(NotFound, repr)
        assert part.error_handler_spec[None][404] == {NotFound: repr}

    @pytest.mark.parametrize("code", [0, 99, 200, 302, 600, 999, -404, True])
    def test_of_a_number_that_is_no_error_code(self, code: int) -> None:
        with pytest.raises(ValueError, match="not a recognized HTTP error code"):
            Part().register_error_handler(code, str)

    @pytest.mark.parametrize("given", [ValueError("x"), NotFound(), HTTPException()])
    def test_of_an_instance(self, given: Any) -> None:
        with pytest.raises(TypeError, match="is an instance, not a class"):
            Part().register_error_handler(given, str)

    @pytest.mark.parametrize("given", ["404", "KeyError", None, 404.0, [404]])
    def test_of_neither_class_nor_code(self, given: Any) -> None:
        with pytest.raises(TypeError, match="status code of an HTTP error"):
            Part().errorhandler(given)(str)

    @pytest.mark.parametrize("given", [object, int, BaseException, KeyboardInterrupt])
    def test_of_a_class_of_something_else(self, given: Any) -> None:
        with pytest.raises(ValueError, match="not a subclass of Exception"):
            Part().register_error_handler(given, str)


class TestSetupmethod:
    def test_keeps_the_name_and_the_function(self) -> None:
        def change(self: Scaffold) -> str:
            return "changed"

        checked = setupmethod(change)
        assert checked.__name__ == "change"
        assert checked.__wrapped__ is change  # type: ignore[attr-defined]
        assert checked(Part()) == "changed"

    @pytest.mark.parametrize(
        ("method", "arguments"),
        [
            ("route", ("/",)),
            ("get", ("/",)),
            ("post", ("/",)),
            ("put", ("/",)),
            ("delete", ("/",)),
            ("patch", ("/",)),
            ("add_url_rule", ("/",)),
            ("endpoint", ("a",)),
            ("before_request", (view,)),
            ("after_request", (view,)),
            ("teardown_request", (view,)),
            ("context_processor", (view,)),
            ("url_value_preprocessor", (view,)),
            ("url_defaults", (view,)),
            ("errorhandler", (404,)),
            ("register_error_handler", (404, view)),
        ],
    )
    def test_all_that_registers_is_one(self, method: str, arguments: tuple[Any, ...]) -> None:
        part = Part()
        part.finished = True
        with pytest.raises(AssertionError, match=f"^{method} is too late"):
            getattr(part, method)(*arguments)


class TestEndpointFromViewFunc:
    def test_is_the_name(self) -> None:
        assert endpoint_from_view_func(view) == "view"

    def test_needs_a_view(self) -> None:
        with pytest.raises(AssertionError, match="pass a view function"):
            endpoint_from_view_func(None)

    def test_needs_a_name(self) -> None:
        with pytest.raises(AttributeError):
            endpoint_from_view_func(partial(view))
