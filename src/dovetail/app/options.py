"""Options that several commands have, and types of their values."""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click
from click.core import ParameterSource

from dovetail import __version__
from dovetail.app.dotenv import is_available, load_dotenv
from dovetail.app.groups import ScriptInfo
from dovetail.app.switches import get_load_dotenv
from dovetail.app.variables import read_fallbacks
from dovetail.app.versions import stood_in_versions
from dovetail.toolkit.imports import import_string

__all__ = [
    "CertParamType",
    "SeparatedPathType",
    "app_option",
    "debug_option",
    "env_file_option",
    "get_version",
    "validate_key",
    "version_option",
]


# click has had a parameter of the type, which mypy asks for, only since 8.3.
class CertParamType(click.ParamType):  # type: ignore[type-arg]
    """The certificate of a server: a file, ``adhoc``, or the import name of an ``SSLContext``."""

    name = "path"

    def __init__(self) -> None:
        self.path_type = click.Path(exists=True, dir_okay=False, resolve_path=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, ``"adhoc"``, or the context."""
        try:
            ssl = import_module("ssl")  # a Python may have been built without it
        except ImportError:
            raise click.BadParameter(
                "this Python was built without SSL, which '--cert' needs", ctx, param
            ) from None
        try:
            return self.path_type(value, param, ctx)
        except click.BadParameter:
            text = click.STRING(value, param, ctx)
            if text.lower() == "adhoc":
                return _check_adhoc(param, ctx)
            found = import_string(text, silent=True)
            if isinstance(found, ssl.SSLContext):
                return found
            raise


def _check_adhoc(param: click.Parameter | None, ctx: click.Context | None) -> str:
    # The package takes long to import; whether it is there is enough.
    if not _is_importable("cryptography"):
        raise click.BadParameter(
            "an ad-hoc certificate is made by the cryptography library: install it, by"
            " pip install 'dovetail[adhoc]'",
            ctx,
            param,
        )
    return "adhoc"


def _is_importable(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    return find_spec(name) is not None


def validate_key(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Check ``--key`` against ``--cert``, which was read before; put both into ``cert``."""
    cert = ctx.params.get("cert")
    is_adhoc = cert == "adhoc"
    is_context = cert is not None and not isinstance(cert, str)
    if value is None:
        if cert and not (is_adhoc or is_context):
            raise click.BadParameter("'--cert' is a file, so this is needed, too", ctx, param)
        return None
    if is_adhoc:
        raise click.BadParameter("with '--cert adhoc' a key is made, too", ctx, param)
    if is_context:
        raise click.BadParameter("the SSLContext of '--cert' has a key of its own", ctx, param)
    if not cert:
        raise click.BadParameter("a key is of no use without '--cert'", ctx, param)
    ctx.params["cert"] = cert, value
    return value


class SeparatedPathType(click.Path):
    """Several paths, with the system's separator between them: ``:``, on Windows ``;``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the list of paths."""
        paths = self.split_envvar_value(value)
        return [super(SeparatedPathType, self).convert(path, param, ctx) for path in paths]


def _set_app(ctx: click.Context, _param: click.Option, value: str | None) -> str | None:
    if value is not None:
        ctx.ensure_object(ScriptInfo).app_import_path = value
    return value


#: ``--app``, for a group: which application its commands are about.
app_option = click.Option(
    ["-A", "--app"],
    metavar="IMPORT",
    help=(
        "The application, or the factory that makes it, as 'module:name'. The module is a dotted"
        " name or a file's path. The name may be left out if it is app, application, create_app or"
        " make_app. For a factory with arguments it is 'name(args)'."
    ),
    is_eager=True,
    expose_value=False,
    callback=_set_app,
)


def _set_debug(ctx: click.Context, param: click.Option, value: bool) -> bool | None:
    source = ctx.get_parameter_source(param.name or "")
    if source in (None, ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP):
        return None
    # Through the environment, because a factory may make its application dependent on it. The
    # name of ours only if it is there already: it would win over what others set later.
    text = "1" if value else "0"
    os.environ["FLASK_DEBUG"] = text
    if "DOVETAIL_DEBUG" in os.environ:
        os.environ["DOVETAIL_DEBUG"] = text
    return value


#: ``--debug``, for a group or a command.
debug_option = click.Option(
    ["--debug/--no-debug"],
    help="Turn debug mode on or off.",
    expose_value=False,
    callback=_set_debug,
)


def _load_env_file(ctx: click.Context, param: click.Option, value: str | None) -> str | None:
    if value is not None and not is_available():
        raise click.BadParameter("python-dotenv loads such files, and is not installed", ctx, param)
    load_defaults = get_load_dotenv(ctx.ensure_object(ScriptInfo).load_dotenv_defaults)
    if value is not None or load_defaults:
        load_dotenv(value, load_defaults)
        read_fallbacks(ctx)
    return value


#: ``--env-file``, for a group. It also loads the default files.
env_file_option = click.Option(
    ["-e", "--env-file"],
    type=click.Path(exists=True, dir_okay=False),
    help=(
        "A file of environment variables. They win over those of '.env', '.dovetailenv' and"
        " '.flaskenv', and those that are set already win over them. This needs python-dotenv."
    ),
    is_eager=True,
    expose_value=False,
    callback=_load_env_file,
)


def get_version(ctx: click.Context, param: click.Parameter, value: Any) -> None:  # noqa: ARG001
    """Print the versions of Python and of Dovetail, and exit.

    Where Dovetail stands in for Flask and Werkzeug, print which versions of them.
    """
    if not value or ctx.resilient_parsing:
        return
    lines = [f"Python {platform.python_version()}", f"Dovetail {__version__}"]
    lines += [f"{name} {version}" for name, version in stood_in_versions().items()]
    click.echo("\n".join(lines), color=ctx.color)
    ctx.exit()


#: ``--version``, for a group.
version_option = click.Option(
    ["--version"],
    help="Show the versions of Python and Dovetail.",
    expose_value=False,
    callback=get_version,
    is_flag=True,
    is_eager=True,
)
