"""Templates: where they are found, what they see, and how they are rendered."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from jinja2 import BaseLoader, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2 import Environment as BaseEnvironment
from jinja2 import Template as BaseTemplate
from jinja2.filters import FILTERS
from jinja2.runtime import Context, new_context
from jinja2.tests import TESTS

from dovetail.app.contexts import stream_with_context
from dovetail.app.diagnosis import explain_template_loading_attempts
from dovetail.app.proxies import _cv_app, _cv_request, current_app
from dovetail.app.signals import before_render_template, template_rendered

if TYPE_CHECKING:
    from dovetail.app.application import App
    from dovetail.app.scaffold import Scaffold
    from dovetail.app.setup import AppSetup

__all__ = [
    "DispatchingJinjaLoader",
    "Environment",
    "get_template_attribute",
    "render_template",
    "render_template_string",
    "stream_template",
    "stream_template_string",
]

# Of an uncompiled template: the text, the file's name, and what tells whether it is current.
Source = tuple[str, str | None, Callable[[], bool] | None]

# How many templates of strings an environment keeps compiled, and how long each may be: a string
# may come from anywhere.
_MAX_STRINGS = 128
_MAX_STRING_LENGTH = 2**16


def _default_template_ctx_processor() -> dict[str, Any]:
    """Return the variables of every template: ``g``, and ``request`` while there is one.

    An application and each blueprint begin with it, so a blueprint's templates have these two
    whatever the application's processors call by their names. The session is a global name of the
    environment instead: reading it here would count as access.
    """
    variables: dict[str, Any] = {}
    app_context = _cv_app.get(None)
    if app_context is not None:
        variables["g"] = app_context.g
    request_context = _cv_request.get(None)
    if request_context is not None:
        variables["request"] = request_context.request
    return variables


class Template(BaseTemplate):
    """A template of :class:`Environment`."""

    def new_context(
        self,
        vars: dict[str, Any] | None = None,
        shared: bool = False,
        locals: Any = None,
    ) -> Context:
        """Return the context of one rendering."""
        names: Any = self.globals
        # PERF: of a ChainMap Jinja copies each name by a call of Python. With the twelve names
        # that an application has, a context took 5.6 us; merged by dictionaries it takes 1.9.
        if type(names) is ChainMap:
            merged: dict[str, Any] = {}
            for mapping in reversed(names.maps):
                merged.update(mapping)
            names = merged
        return new_context(self.environment, self.name, self.blocks, vars, shared, names, locals)


class Environment(BaseEnvironment):
    """The Jinja environment of an application, which knows its blueprints' templates.

    :param app: the application.
    :param options: those of :class:`jinja2.Environment`; the loader is by default that of
        ``app.create_global_jinja_loader()``.
    """

    def __init__(self, app: AppSetup, **options: Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        self.app = app
        # A subclass may have another one, by way of its other base.
        if self.template_class is BaseTemplate:
            self.template_class = Template
        self._strings: dict[str, BaseTemplate] = {}

    def _template_of_string(self, source: str) -> BaseTemplate:
        """Return :meth:`from_string` of a source, the same template for the same source.

        PERF: compiling a string with one variable takes 230 us, one with a loop 460 us, rendering
        them 5 us.
        """
        template = None if self.overlayed else self._strings.get(source)
        if template is not None:
            return template
        if not self._keeps_string(source):
            return self.from_string(source)
        tree = self.parse(source)
        try:
            template = self.from_string(tree)
        except TemplateSyntaxError:
            # Anew, with the source: the error shows the line.
            return self.from_string(source)
        if self._is_constant(tree):
            strings = self._strings
            if len(strings) >= _MAX_STRINGS:
                # In another thread it may be the same one, or there may be none left.
                strings.pop(next(iter(tuple(strings)), ""), None)
            strings[source] = template
        return template

    def _keeps_string(self, source: str) -> bool:
        """Tell whether a string's template could be kept, as far as its source tells."""
        return (
            isinstance(source, str)
            and len(source) <= _MAX_STRING_LENGTH
            and not self.overlayed
            and self.cache is not None
            and self.finalize is None
            and type(self).from_string is BaseEnvironment.from_string
            and all(name.startswith("jinja2.ext.") for name in self.extensions)
        )

    def _is_constant(self, tree: nodes.Template) -> bool:
        """Tell whether compiling a template again gives the same.

        A filter or test of a constant is called by the compiler. Those of an application may give
        something else the next time.
        """
        for node in tree.find_all((nodes.Filter, nodes.Test)):
            if isinstance(node, nodes.Filter):
                used, default = self.filters, FILTERS
            else:
                used, default = self.tests, TESTS
            name = node.name
            if name not in default or used.get(name) is not default[name]:
                return False
        return True


class DispatchingJinjaLoader(BaseLoader):
    """Looks for a template in the application's folder, then in those of its blueprints.

    :param app: the application.
    """

    def __init__(self, app: AppSetup) -> None:
        self.app = app

    def get_source(self, environment: BaseEnvironment, template: str) -> Source:
        """Return the text of a template, its file's name, and what tells whether it is current.

        With EXPLAIN_TEMPLATE_LOADING configured, all the places are logged that it was looked for.

        :param template: its name.
        :raises TemplateNotFound: there is none.
        """
        if self.app.config["EXPLAIN_TEMPLATE_LOADING"]:
            return self._explain(environment, template)
        for _, loader in self._loaders():
            try:
                return loader.get_source(environment, template)
            except TemplateNotFound:
                continue
        raise TemplateNotFound(template)

    def _explain(self, environment: BaseEnvironment, template: str) -> Source:
        attempts: list[tuple[BaseLoader, Scaffold, Source | None]] = []
        first: Source | None = None
        for owner, loader in self._loaders():
            try:
                found: Source | None = loader.get_source(environment, template)
            except TemplateNotFound:
                found = None
            attempts.append((loader, owner, found))
            first = found if first is None else first
        explain_template_loading_attempts(self.app, template, attempts)
        if first is None:
            raise TemplateNotFound(template)
        return first

    def _loaders(self) -> Iterator[tuple[Scaffold, BaseLoader]]:
        app = self.app
        owners: list[Scaffold] = [app, *app.iter_blueprints()]
        for owner in owners:
            loader = owner.jinja_loader
            if loader is not None:
                yield owner, loader

    def list_templates(self) -> list[str]:
        """Return the names of all templates of all loaders.

        :raises TypeError: one of them cannot tell.
        """
        return sorted({name for _, loader in self._loaders() for name in loader.list_templates()})


def get_template_attribute(template_name: str, attribute: str) -> Any:
    """Return a macro, or another name that a template exports, to use it from Python.

    :raises AttributeError: the template has no such name.
    :raises TemplateNotFound: there is no such template.
    """
    return getattr(current_app.jinja_env.get_template(template_name).module, attribute)


def render_template(
    template_name_or_list: str | BaseTemplate | list[str | BaseTemplate], **context: Any
) -> str:
    """Return the text of a template.

    :param template_name_or_list: its name, a template, or several of them: the first that is
        there is rendered.
    :param context: the template's variables.
    :raises TemplateNotFound: there is none.
    """
    app = _current_app()
    return _render(app, app.jinja_env.get_or_select_template(template_name_or_list), context)


def render_template_string(source: str, **context: Any) -> str:
    """Return the text of a template whose source is given; HTML is escaped.

    :param context: the template's variables.
    """
    app = _current_app()
    return _render(app, _load_string(app, source), context)


def stream_template(
    template_name_or_list: str | BaseTemplate | list[str | BaseTemplate], **context: Any
) -> Iterator[str]:
    """Return the text of a template in pieces, as it is rendered, to return from a view.

    The parameters are those of :func:`render_template`.
    """
    app = _current_app()
    return _stream(app, app.jinja_env.get_or_select_template(template_name_or_list), context)


def stream_template_string(source: str, **context: Any) -> Iterator[str]:
    """Return the text of a template whose source is given in pieces, as it is rendered.

    The parameters are those of :func:`render_template_string`.
    """
    app = _current_app()
    return _stream(app, _load_string(app, source), context)


def _current_app() -> App:
    return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]


def _load_string(app: App, source: str) -> BaseTemplate:
    environment: BaseEnvironment = app.jinja_env
    if isinstance(environment, Environment):
        return environment._template_of_string(source)
    return environment.from_string(source)


def _prepare(app: App, template: BaseTemplate, context: dict[str, Any]) -> None:
    """Complete the variables, and tell the receivers of the signal, who may change them."""
    app.update_template_context(context)
    if before_render_template.receivers:
        before_render_template.send(
            app, _async_wrapper=app.ensure_sync, template=template, context=context
        )


def _report(app: App, template: BaseTemplate, context: dict[str, Any]) -> None:
    if template_rendered.receivers:
        template_rendered.send(
            app, _async_wrapper=app.ensure_sync, template=template, context=context
        )


def _render(app: App, template: BaseTemplate, context: dict[str, Any]) -> str:
    _prepare(app, template, context)
    text = template.render(context)
    _report(app, template, context)
    return text


def _stream(app: App, template: BaseTemplate, context: dict[str, Any]) -> Iterator[str]:
    _prepare(app, template, context)

    def generate() -> Iterator[str]:
        yield from template.generate(context)
        _report(app, template, context)

    pieces = generate()
    if _cv_request.get(None) is None:
        return pieces
    return stream_with_context(pieces)
