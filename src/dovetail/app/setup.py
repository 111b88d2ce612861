"""What is set up of an application before its first request."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, ValuesView
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from dovetail.app import types as ft
from dovetail.app.config import Config, ConfigAttribute
from dovetail.app.contexts import AppGlobals
from dovetail.app.json.provider import DefaultJSONProvider, JSONProvider
from dovetail.app.logs import create_logger
from dovetail.app.roots import find_instance_path
from dovetail.app.scaffold import Scaffold, endpoint_from_view_func, named, setupmethod
from dovetail.app.static import StrPath
from dovetail.app.switches import get_debug_flag
from dovetail.app.templating import DispatchingJinjaLoader, Environment
from dovetail.app.versions import is_stood_in
from dovetail.app.wrappers import blueprint_chain
from dovetail.data.exceptions import Aborter, BadRequest, BadRequestKeyError
from dovetail.data.immutable import ImmutableDict
from dovetail.routing.exceptions import BuildError
from dovetail.routing.map import Map
from dovetail.routing.rules import Rule
from dovetail.toolkit.descriptors import cached_property
from dovetail.toolkit.redirects import redirect

if TYPE_CHECKING:
    from click.testing import CliRunner

    from dovetail.app.blueprints import Blueprint
    from dovetail.toolkit.response import Response
    from dovetail.toolkit.testing.client import Client

__all__ = ["AppSetup"]

T_shell_context_processor = TypeVar(
    "T_shell_context_processor", bound=ft.ShellContextProcessorCallable
)
T_teardown = TypeVar("T_teardown", bound=ft.TeardownCallable)
T_template_filter = TypeVar("T_template_filter", bound=ft.TemplateFilterCallable)
T_template_test = TypeVar("T_template_test", bound=ft.TemplateTestCallable)
T_template_global = TypeVar("T_template_global", bound=ft.TemplateGlobalCallable)

# Names of templates that are HTML or the like: what goes into them is escaped.
_ESCAPED = (".html", ".htm", ".xml", ".xhtml", ".svg")


def _make_timedelta(value: timedelta | int | None) -> timedelta | None:
    if value is None or isinstance(value, timedelta):
        return value
    return timedelta(seconds=value)


class AppSetup(Scaffold):
    """An application without its cycle of requests; see :class:`~.application.App`.

    The parameters are those of :class:`~dovetail.app.application.App`.
    """

    #: Raises the errors of :func:`dovetail.abort`.
    aborter_class: type[Aborter] = Aborter
    #: The templates' environment.
    jinja_environment: type[Environment] = Environment
    #: What :data:`dovetail.g` is an object of.
    app_ctx_globals_class: type[Any] = AppGlobals
    config_class: type[Config] = Config
    #: What ``config`` begins with.
    default_config: ImmutableDict[str, Any]

    testing = ConfigAttribute[bool]("TESTING")
    secret_key = ConfigAttribute[str | bytes | None]("SECRET_KEY")
    permanent_session_lifetime = ConfigAttribute[timedelta](
        "PERMANENT_SESSION_LIFETIME",
        _make_timedelta,  # type: ignore[arg-type]
    )

    json_provider_class: type[JSONProvider] = DefaultJSONProvider
    #: Arguments of ``jinja_environment``.
    jinja_options: dict[str, Any] = {}  # noqa: RUF012 - an instance may have its own
    url_rule_class: type[Rule] = Rule
    url_map_class: type[Map] = Map
    #: None stands for :class:`~dovetail.app.testing.AppClient`.
    test_client_class: type[Client] | None = None
    #: None stands for :class:`~dovetail.app.testing.AppCliRunner`.
    test_cli_runner_class: type[CliRunner] | None = None
    response_class: type[Any]

    def __init__(  # noqa: PLR0917 - the documented order
        self,
        import_name: str,
        static_url_path: str | None = None,
        static_folder: StrPath | None = "static",
        static_host: str | None = None,  # noqa: ARG002 - the subclass has the static route
        host_matching: bool = False,
        subdomain_matching: bool = False,
        template_folder: StrPath | None = "templates",
        instance_path: str | None = None,
        instance_relative_config: bool = False,
        root_path: str | None = None,
    ) -> None:
        super().__init__(
            import_name=import_name,
            static_folder=static_folder,
            static_url_path=static_url_path,
            template_folder=template_folder,
            root_path=root_path,
        )
        if instance_path is None:
            instance_path = self.auto_find_instance_path()
        elif not os.path.isabs(instance_path):
            raise ValueError(
                f"the instance path must be absolute, not a relative one as {instance_path!r}"
            )
        #: The folder for what belongs to one installation.
        self.instance_path = instance_path
        self.config = self.make_config(instance_relative_config)
        #: Raises HTTP exceptions: what :func:`dovetail.abort` calls.
        self.aborter = self.make_aborter()
        self.json: JSONProvider = self.json_provider_class(self)
        #: Called with error, endpoint and values when no URL can be built: they return one, or
        #: None, or raise a BuildError.
        self.url_build_error_handlers: list[Callable[[Exception, str, dict[str, Any]], str]] = []
        #: Called when an application's context is popped.
        self.teardown_appcontext_funcs: list[ft.TeardownCallable] = []
        #: Called for the variables of the ``shell`` command.
        self.shell_context_processors: list[ft.ShellContextProcessorCallable] = []
        #: The blueprints by the names they are registered under.
        self.blueprints: dict[str, Blueprint] = {}
        #: What extensions keep, by their names.
        self.extensions: dict[str, Any] = {}
        self.url_map = self.url_map_class(host_matching=host_matching)
        self.subdomain_matching = subdomain_matching
        self._got_first_request = False

    def __repr__(self) -> str:
        kind = type(self).__name__
        # Logs and tests of an application for Flask know it by that name.
        if kind == "App" and is_stood_in("flask"):
            kind = "Flask"
        return f"<{kind} {self.name!r}>"

    def _check_setup_finished(self, f_name: str) -> None:
        if self._got_first_request:
            raise AssertionError(
                f"The setup method '{f_name}' can no longer be called: the application has handled"
                " its first request, so not all requests would be handled alike. Do all that"
                " sets the application up, imports and decorators too, before it is run."
            )

    @cached_property
    def name(self) -> str:
        """The import name; if that is ``__main__`` then the name of the file that was run."""
        if self.import_name != "__main__":
            return self.import_name
        file: str | None = getattr(sys.modules["__main__"], "__file__", None)
        if file is None:
            return "__main__"
        return os.path.splitext(os.path.basename(file))[0]

    @cached_property
    def logger(self) -> logging.Logger:
        """The logger of the application, which has its name."""
        return create_logger(self)

    @cached_property
    def jinja_env(self) -> Environment:
        """The environment of the templates; made by the first access."""
        return self.create_jinja_environment()

    def create_jinja_environment(self) -> Environment:
        """Make ``jinja_env``."""
        raise NotImplementedError

    def make_config(self, instance_relative: bool = False) -> Config:
        """Make ``config``.

        :param instance_relative: its files are found from the instance folder, not from where the
            application is.
        """
        root = self.instance_path if instance_relative else self.root_path
        defaults = dict(self.default_config)
        defaults["DEBUG"] = get_debug_flag()
        return self.config_class(root, defaults)

    def make_aborter(self) -> Aborter:
        """Make ``aborter``."""
        return self.aborter_class()

    def auto_find_instance_path(self) -> str:
        """Return the instance folder of an application that names none."""
        return find_instance_path(self.import_name)

    def create_global_jinja_loader(self) -> DispatchingJinjaLoader:
        """Make the loader of ``jinja_env``: it asks the application's, then the blueprints'."""
        return DispatchingJinjaLoader(self)

    def select_jinja_autoescape(self, filename: str | None) -> bool:
        """Tell whether a template's values are escaped; those of one without name are."""
        return filename is None or filename.endswith(_ESCAPED)

    @property
    def debug(self) -> bool:
        """Debug mode, DEBUG of ``config``: errors are shown, changed templates loaded anew."""
        return self.config["DEBUG"]  # type: ignore[no-any-return]

    @debug.setter
    def debug(self, value: bool) -> None:
        self.config["DEBUG"] = value
        # An environment that is still to be made asks for itself.
        if self.config["TEMPLATES_AUTO_RELOAD"] is None and "jinja_env" in self.__dict__:
            self.jinja_env.auto_reload = value

    # Blueprints and routes

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Set the application up with a blueprint.

        :param options: ``name``, ``url_prefix``, ``subdomain`` and ``url_defaults`` in place of the
            blueprint's own; its recorded functions see all of them.
        """
        blueprint.register(self, options)

    def iter_blueprints(self) -> ValuesView[Blueprint]:
        """Return the blueprints, in the order in which they were registered."""
        return self.blueprints.values()

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a URL rule, and a view function for it.

        :param rule: the rule, as of :class:`~dovetail.routing.Rule`.
        :param endpoint: the view's name, by default that of its function.
        :param view_func: the function that answers; it may have attributes ``methods``,
            ``required_methods`` and ``provide_automatic_options`` for what is not given here.
        :param provide_automatic_options: answer OPTIONS for the view. None does if no rule has that
            method, and PROVIDE_AUTOMATIC_OPTIONS is set.
        :param options: those of ``url_rule_class``; ``methods`` are GET by default.
        :raises AssertionError: the endpoint has another function already.
        :raises TypeError: the methods are one string.
        """
        if endpoint is None:
            endpoint = endpoint_from_view_func(view_func)
        options["endpoint"] = endpoint
        methods = options.pop("methods", None)
        if methods is None:
            methods = getattr(view_func, "methods", None) or ("GET",)
        required = _upper(getattr(view_func, "required_methods", ()))
        methods = _upper(methods)
        if provide_automatic_options is None:
            provide_automatic_options = getattr(view_func, "provide_automatic_options", None)
        if provide_automatic_options is None:
            provide_automatic_options = (
                "OPTIONS" not in methods and self.config["PROVIDE_AUTOMATIC_OPTIONS"]
            )
            if provide_automatic_options:
                required.add("OPTIONS")
        made = self.url_rule_class(rule, methods=methods | required, **options)
        made.provide_automatic_options = provide_automatic_options  # type: ignore[attr-defined]
        self.url_map.add(made)
        if view_func is not None:
            known = self.view_functions.get(endpoint)
            if known is not None and known != view_func:
                raise AssertionError(
                    f"The endpoint {endpoint!r} leads to {known!r} already, and another view"
                    " function would be overwriting an existing endpoint function: give it a name"
                    " by 'endpoint='"
                )
            self.view_functions[endpoint] = view_func

    # Templates

    @setupmethod
    def template_filter(
        self, name: str | None = None
    ) -> Callable[[T_template_filter], T_template_filter]:
        """Return a decorator that registers a filter of templates, by default by its own name."""
        return named(self.add_template_filter, name)

    @setupmethod
    def add_template_filter(self, f: ft.TemplateFilterCallable, name: str | None = None) -> None:
        """Register a filter of templates, by default by its own name."""
        self.jinja_env.filters[name or f.__name__] = f

    @setupmethod
    def template_test(
        self, name: str | None = None
    ) -> Callable[[T_template_test], T_template_test]:
        """Return a decorator that registers a test of templates, by default by its own name."""
        return named(self.add_template_test, name)

    @setupmethod
    def add_template_test(self, f: ft.TemplateTestCallable, name: str | None = None) -> None:
        """Register a test of templates, by default by its own name."""
        self.jinja_env.tests[name or f.__name__] = f

    @setupmethod
    def template_global(
        self, name: str | None = None
    ) -> Callable[[T_template_global], T_template_global]:
        """Return a decorator that registers a function of templates, by default by its own name."""
        return named(self.add_template_global, name)

    @setupmethod
    def add_template_global(self, f: ft.TemplateGlobalCallable, name: str | None = None) -> None:
        """Register a function of templates, by default by its own name."""
        self.jinja_env.globals[name or f.__name__] = f

    # Hooks

    @setupmethod
    def teardown_appcontext(self, f: T_teardown) -> T_teardown:
        """Register a function to call when an application's context is popped.

        It gets the exception that was not handled, or None; what it returns is ignored.
        """
        self.teardown_appcontext_funcs.append(f)
        return f

    @setupmethod
    def shell_context_processor(self, f: T_shell_context_processor) -> T_shell_context_processor:
        """Register a function that returns variables for the ``shell`` command."""
        self.shell_context_processors.append(f)
        return f

    # Errors

    def _find_error_handler(
        self, e: Exception, blueprints: Iterable[str]
    ) -> ft.ErrorHandlerCallable | None:
        """Return the handler of an error, or None.

        First those of the error's code, the innermost blueprint's first and the application's last,
        then those of classes alone. In each the nearest class of the error's wins.
        """
        exc_class, code = self._get_exc_class_and_code(type(e))
        names = (*blueprints, None)
        for wanted in (code, None) if code is not None else (None,):
            for name in names:
                by_code = self.error_handler_spec.get(name)
                handlers = by_code.get(wanted) if by_code else None
                if not handlers:
                    continue
                for cls in exc_class.__mro__:
                    handler = handlers.get(cls)
                    if handler is not None:
                        return handler
        return None

    def trap_http_exception(self, e: Exception) -> bool:
        """Tell whether an HTTP exception is to be raised, not answered.

        By TRAP_HTTP_EXCEPTIONS and TRAP_BAD_REQUEST_ERRORS; in debug mode a missing key of a form
        or the like is, unless the latter says otherwise.
        """
        config = self.config
        if config["TRAP_HTTP_EXCEPTIONS"]:
            return True
        trap_bad_request = config["TRAP_BAD_REQUEST_ERRORS"]
        if trap_bad_request is None:
            return bool(self.debug) and isinstance(e, BadRequestKeyError)
        return bool(trap_bad_request) and isinstance(e, BadRequest)

    def should_ignore_error(self, error: BaseException | None) -> bool:  # noqa: ARG002 - subclasses
        """Tell whether teardown functions are not to hear of an error; for subclasses."""
        return False

    # URLs

    def redirect(self, location: str, code: int = 302) -> Response:
        """Return a redirect; :func:`dovetail.redirect` calls this.

        :param location: where to.
        :param code: 301, 302, 303, 305, 307 or 308.
        """
        return redirect(location, code=code, Response=self.response_class)

    def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
        """Have the functions of :meth:`url_defaults` change the values of a URL to be built."""
        functions = self.url_default_functions
        if not functions:
            return
        names: tuple[str | None, ...] = (None,)
        if "." in endpoint:
            names = (None, *reversed(blueprint_chain(endpoint.rpartition(".")[0])))
        for name in names:
            for function in functions.get(name, ()):
                function(endpoint, values)

    def handle_url_build_error(
        self, error: BuildError, endpoint: str, values: dict[str, Any]
    ) -> str:
        """Return the URL that one of ``url_build_error_handlers`` has for what cannot be built.

        :param values: with ``_anchor``, ``_method``, ``_scheme`` and ``_external``.
        :raises BuildError: none has one.
        """
        last = error
        for handler in self.url_build_error_handlers:
            try:
                url = handler(last, endpoint, values)
            except BuildError as raised:
                last = raised
            else:
                if url is not None:
                    return url
        raise last


def _upper(methods: Iterable[str]) -> set[str]:
    if isinstance(methods, str):
        raise TypeError(
            f"Allowed methods must be a list of strings, such as [{methods!r}], not one string"
        )
    return {method.upper() for method in methods}
