"""Blueprints: parts of an application, set up when they are registered on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from dovetail.app import types as ft
from dovetail.app.groups import AppGroup
from dovetail.app.scaffold import Scaffold, endpoint_from_view_func, named, setupmethod
from dovetail.app.static import StrPath

if TYPE_CHECKING:
    from dovetail.app.setup import AppSetup

__all__ = ["Blueprint", "BlueprintSetupState", "DeferredSetupFunction"]

DeferredSetupFunction = Callable[["BlueprintSetupState"], None]

T_error_handler = TypeVar("T_error_handler", bound=ft.ErrorHandlerCallable)
T_before_request = TypeVar("T_before_request", bound=ft.BeforeRequestCallable)
T_after_request = TypeVar("T_after_request", bound=ft.AfterRequestCallable[Any])
T_teardown = TypeVar("T_teardown", bound=ft.TeardownCallable)
T_template_context_processor = TypeVar(
    "T_template_context_processor", bound=ft.TemplateContextProcessorCallable
)
T_template_filter = TypeVar("T_template_filter", bound=ft.TemplateFilterCallable)
T_template_global = TypeVar("T_template_global", bound=ft.TemplateGlobalCallable)
T_template_test = TypeVar("T_template_test", bound=ft.TemplateTestCallable)
T_url_defaults = TypeVar("T_url_defaults", bound=ft.URLDefaultCallable)
T_url_value_preprocessor = TypeVar(
    "T_url_value_preprocessor", bound=ft.URLValuePreprocessorCallable
)

# In place of a name: a blueprint's commands are in a group of its own name.
_OWN_GROUP: Any = object()


class BlueprintSetupState:
    """One registration of a blueprint on an application, for functions that were recorded.

    :ivar app: the application.
    :ivar blueprint: the blueprint.
    :ivar options: what :meth:`App.register_blueprint` was called with.
    :ivar first_registration: whether the application did not have the blueprint before.
    :ivar subdomain: that of its URL rules, or None.
    :ivar url_prefix: that of its URL rules, or None.
    :ivar name: its name in this registration.
    :ivar name_prefix: the name of the blueprint that it is nested in, or nothing.
    :ivar url_defaults: default values of its URL rules.
    """

    def __init__(
        self, blueprint: Blueprint, app: AppSetup, options: Any, first_registration: bool
    ) -> None:
        self.app = app
        self.blueprint = blueprint
        self.options = options
        self.first_registration = first_registration
        subdomain = options.get("subdomain")
        self.subdomain: str | None = blueprint.subdomain if subdomain is None else subdomain
        url_prefix = options.get("url_prefix")
        self.url_prefix: str | None = blueprint.url_prefix if url_prefix is None else url_prefix
        self.name: str = options.get("name", blueprint.name)
        self.name_prefix: str = options.get("name_prefix", "")
        self.url_defaults: dict[str, Any] = dict(blueprint.url_values_defaults)
        self.url_defaults.update(options.get("url_defaults", ()))

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        **options: Any,
    ) -> None:
        """Add a URL rule to the application, with the blueprint's prefix and name.

        The arguments are those of :meth:`Blueprint.add_url_rule`.
        """
        if self.url_prefix is not None:
            rule = _join(self.url_prefix, rule) if rule else self.url_prefix
        options.setdefault("subdomain", self.subdomain)
        if endpoint is None:
            endpoint = endpoint_from_view_func(view_func)
        defaults = self.url_defaults
        if "defaults" in options:
            defaults = {**defaults, **options.pop("defaults")}
        self.app.add_url_rule(
            rule,
            _dotted(self.name_prefix, self.name, endpoint),
            view_func,
            defaults=defaults,
            **options,
        )


class Blueprint(Scaffold):
    """Routes, hooks, templates and static files that an application gets by registering them.

    Setting it up records what is to be done; that is done each time it is registered on an
    application, for that application.

    :param name: what the endpoints of its views begin with; no dots.
    :param import_name: the module or package that it is defined in, usually ``__name__``.
    :param static_folder: where static files are, from ``root_path``; none by default.
    :param static_url_path: the URL path they are served at, after ``url_prefix``; by default the
        folder's name. Without a prefix the application's static files come first.
    :param template_folder: where templates are, from ``root_path``; those of the application come
        first.
    :param url_prefix: what all its URL rules begin with.
    :param subdomain: the subdomain of its URL rules.
    :param url_defaults: default values of its URL rules.
    :param root_path: where the module or package is; found by its name if None.
    :param cli_group: the group of its commands; by default one of its name, with None they are
        the application's.
    :raises ValueError: the name is empty or has a dot in it.
    """

    _got_registered_once = False

    def __init__(  # noqa: PLR0917 - the documented signature
        self,
        name: str,
        import_name: str,
        static_folder: StrPath | None = None,
        static_url_path: str | None = None,
        template_folder: StrPath | None = None,
        url_prefix: str | None = None,
        subdomain: str | None = None,
        url_defaults: dict[str, Any] | None = None,
        root_path: str | None = None,
        cli_group: str | None = _OWN_GROUP,
    ) -> None:
        super().__init__(
            import_name=import_name,
            static_folder=static_folder,
            static_url_path=static_url_path,
            template_folder=template_folder,
            root_path=root_path,
        )
        if not name:
            raise ValueError("a blueprint's 'name' may not be empty: its endpoints begin with it")
        if "." in name:
            raise ValueError(
                f"a blueprint's 'name' may not contain a dot, as {name!r} does: dots are for nested"
                " ones"
            )
        self.name = name
        self.url_prefix = url_prefix
        self.subdomain = subdomain
        self.deferred_functions: list[DeferredSetupFunction] = []
        self.url_values_defaults: dict[str, Any] = {} if url_defaults is None else url_defaults
        self.cli_group = cli_group
        self._blueprints: list[tuple[Blueprint, dict[str, Any]]] = []
        self.cli = AppGroup(self.name)

    def _check_setup_finished(self, f_name: str) -> None:
        if self._got_registered_once:
            raise AssertionError(
                f"The setup method '{f_name}' can no longer be called: the blueprint '{self.name}'"
                " has been registered, and that registration would go without the change. Set"
                " the blueprint up, with all imports and decorators that this needs, before it is"
                " registered."
            )

    # Registration

    @setupmethod
    def record(self, func: DeferredSetupFunction) -> None:
        """Have a function called with the :class:`BlueprintSetupState` at each registration."""
        self.deferred_functions.append(func)

    @setupmethod
    def record_once(self, func: DeferredSetupFunction) -> None:
        """Like :meth:`record`, but only at the first registration on an application."""

        def first_time(state: BlueprintSetupState) -> None:
            if state.first_registration:
                func(state)

        self.record(first_time)

    def make_setup_state(
        self, app: AppSetup, options: dict[str, Any], first_registration: bool = False
    ) -> BlueprintSetupState:
        """Return what recorded functions are called with; a subclass may make its own."""
        return BlueprintSetupState(self, app, options, first_registration)

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Nest a blueprint in this one: it is registered where this one is.

        :param options: in place of what the nested blueprint says: ``name``, ``url_prefix``,
            ``subdomain``, ``url_defaults``, ``cli_group``. Prefix and subdomain are joined with
            those of this blueprint.
        :raises ValueError: it is this blueprint.
        """
        if blueprint is self:
            raise ValueError(f"the blueprint {self.name!r} cannot be nested in itself")
        self._blueprints.append((blueprint, options))

    def register(self, app: AppSetup, options: dict[str, Any]) -> None:
        """Set the application up with what was recorded; :meth:`App.register_blueprint` calls it.

        :param options: see :meth:`register_blueprint`.
        :raises ValueError: the application has a blueprint of that name.
        """
        name = _dotted(options.get("name_prefix", ""), options.get("name", self.name))
        if name in app.blueprints:
            which = "this" if app.blueprints[name] is self else "a different"
            raise ValueError(
                f"the name '{name}' is already registered for {which} blueprint, so give this one"
                " another by 'name='"
            )
        first = all(blueprint is not self for blueprint in app.blueprints.values())
        app.blueprints[name] = self
        self._got_registered_once = True
        state = self.make_setup_state(app, options, first)
        if self.has_static_folder:
            state.add_url_rule(
                f"{self.static_url_path}/<path:filename>",
                endpoint="static",
                view_func=self.send_static_file,
            )
        self._merge_into(app, name)
        for deferred in self.deferred_functions:
            deferred(state)
        self._register_commands(app, name, options.get("cli_group", self.cli_group))
        for blueprint, nested in self._blueprints:
            blueprint.register(app, _nest(state, name, blueprint, nested))

    def _register_commands(self, app: AppSetup, name: str, group: str | None) -> None:
        if not self.cli.commands:
            return
        if group is None:
            app.cli.commands.update(self.cli.commands)
        else:
            self.cli.name = name if group is _OWN_GROUP else group
            app.cli.add_command(self.cli)

    def _merge_into(self, app: AppSetup, name: str) -> None:
        """Add the blueprint's functions to those of the application, under its name there."""
        for functions, of_app in _function_lists(self, app):
            for key, values in functions.items():
                of_app.setdefault(_merged(name, key), []).extend(values)
        for key, by_code in self.error_handler_spec.items():
            handlers = app.error_handler_spec[_merged(name, key)]
            for code, by_class in by_code.items():
                handlers[code] = dict(by_class)
        app.view_functions.update(self.view_functions)

    # Routes

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: ft.RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Record a URL rule, and a view function for it.

        :param rule: the rule; the blueprint's prefix goes before it.
        :param endpoint: the view's name in this blueprint, by default the function's.
        :param view_func: the function that answers.
        :param provide_automatic_options: whether OPTIONS is answered for the view; None has the
            view or the configuration say.
        :param options: those of :class:`~dovetail.routing.Rule`.
        :raises ValueError: the name has a dot in it.
        """
        if endpoint and "." in endpoint:
            raise ValueError(
                f"'endpoint' may not contain a dot, as {endpoint!r} does: dots are for nested"
                " blueprints"
            )
        if view_func is not None and "." in getattr(view_func, "__name__", ""):
            raise ValueError(
                f"the name of 'view_func' may not contain a dot, as that of {view_func!r} does:"
                " dots are for nested blueprints"
            )
        self.record(
            lambda state: state.add_url_rule(
                rule,
                endpoint,
                view_func,
                provide_automatic_options=provide_automatic_options,
                **options,
            )
        )

    # Hooks of the whole application

    @setupmethod
    def before_app_request(self, f: T_before_request) -> T_before_request:
        """Like :meth:`before_request`, for requests to the whole application."""
        self.record_once(
            lambda state: state.app.before_request_funcs.setdefault(None, []).append(f)
        )
        return f

    @setupmethod
    def after_app_request(self, f: T_after_request) -> T_after_request:
        """Like :meth:`after_request`, for requests to the whole application."""
        self.record_once(lambda state: state.app.after_request_funcs.setdefault(None, []).append(f))
        return f

    @setupmethod
    def teardown_app_request(self, f: T_teardown) -> T_teardown:
        """Like :meth:`teardown_request`, for requests to the whole application."""
        self.record_once(
            lambda state: state.app.teardown_request_funcs.setdefault(None, []).append(f)
        )
        return f

    @setupmethod
    def app_context_processor(
        self, f: T_template_context_processor
    ) -> T_template_context_processor:
        """Like :meth:`context_processor`, for all the application's templates."""
        self.record_once(
            lambda state: state.app.template_context_processors.setdefault(None, []).append(f)
        )
        return f

    @setupmethod
    def app_errorhandler(
        self, code: type[Exception] | int
    ) -> Callable[[T_error_handler], T_error_handler]:
        """Like :meth:`errorhandler`, for the whole application."""

        def decorate(f: T_error_handler) -> T_error_handler:
            self.record_once(lambda state: state.app.register_error_handler(code, f))
            return f

        return decorate

    @setupmethod
    def app_url_value_preprocessor(self, f: T_url_value_preprocessor) -> T_url_value_preprocessor:
        """Like :meth:`url_value_preprocessor`, for the whole application."""
        self.record_once(
            lambda state: state.app.url_value_preprocessors.setdefault(None, []).append(f)
        )
        return f

    @setupmethod
    def app_url_defaults(self, f: T_url_defaults) -> T_url_defaults:
        """Like :meth:`url_defaults`, for the whole application."""
        self.record_once(
            lambda state: state.app.url_default_functions.setdefault(None, []).append(f)
        )
        return f

    # Names for all the application's templates

    @setupmethod
    def app_template_filter(
        self, name: str | None = None
    ) -> Callable[[T_template_filter], T_template_filter]:
        """Return a decorator that registers a filter, under its function's name by default."""
        return named(self.add_app_template_filter, name)

    @setupmethod
    def add_app_template_filter(
        self, f: ft.TemplateFilterCallable, name: str | None = None
    ) -> None:
        """Register a filter for all the application's templates.

        :param name: the function's by default.
        """
        self.record_once(lambda state: state.app.jinja_env.filters.update({name or f.__name__: f}))

    @setupmethod
    def app_template_test(
        self, name: str | None = None
    ) -> Callable[[T_template_test], T_template_test]:
        """Return a decorator that registers a test, under its function's name by default."""
        return named(self.add_app_template_test, name)

    @setupmethod
    def add_app_template_test(self, f: ft.TemplateTestCallable, name: str | None = None) -> None:
        """Register a test for all the application's templates.

        :param name: the function's by default.
        """
        self.record_once(lambda state: state.app.jinja_env.tests.update({name or f.__name__: f}))

    @setupmethod
    def app_template_global(
        self, name: str | None = None
    ) -> Callable[[T_template_global], T_template_global]:
        """Return a decorator that registers a function, under its own name by default."""
        return named(self.add_app_template_global, name)

    @setupmethod
    def add_app_template_global(
        self, f: ft.TemplateGlobalCallable, name: str | None = None
    ) -> None:
        """Register a function that all the application's templates can call.

        :param name: the function's own by default.
        """
        self.record_once(lambda state: state.app.jinja_env.globals.update({name or f.__name__: f}))


def _dotted(*names: str) -> str:
    return ".".join(names).lstrip(".")


def _join(prefix: str, rule: str) -> str:
    return f"{prefix.rstrip('/')}/{rule.lstrip('/')}"


def _merged(name: str, key: str | None) -> str:
    """Return the application's key of what a blueprint has under ``key``."""
    return name if key is None else f"{name}.{key}"


def _function_lists(
    blueprint: Blueprint, app: AppSetup
) -> Iterable[tuple[dict[str | None, list[Any]], dict[str | None, list[Any]]]]:
    """Return each registry of functions: the blueprint's, and the application's."""
    return (
        (blueprint.before_request_funcs, app.before_request_funcs),
        (blueprint.after_request_funcs, app.after_request_funcs),
        (blueprint.teardown_request_funcs, app.teardown_request_funcs),
        (blueprint.template_context_processors, app.template_context_processors),
        (blueprint.url_value_preprocessors, app.url_value_preprocessors),
        (blueprint.url_default_functions, app.url_default_functions),
    )


def _nest(
    state: BlueprintSetupState, name: str, blueprint: Blueprint, options: dict[str, Any]
) -> dict[str, Any]:
    """Return the options that a nested blueprint is registered with, from those it was given."""
    nested = {**options, "name_prefix": name}
    subdomain = options.get("subdomain")
    if subdomain is None:
        subdomain = blueprint.subdomain
    if state.subdomain is not None:
        nested["subdomain"] = (
            state.subdomain if subdomain is None else f"{subdomain}.{state.subdomain}"
        )
    elif subdomain is not None:
        nested["subdomain"] = subdomain
    url_prefix = options.get("url_prefix")
    if url_prefix is None:
        url_prefix = blueprint.url_prefix
    if state.url_prefix is not None:
        nested["url_prefix"] = (
            state.url_prefix if url_prefix is None else _join(state.url_prefix, url_prefix)
        )
    elif url_prefix is not None:
        nested["url_prefix"] = url_prefix
    return nested
