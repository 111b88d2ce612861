"""What an application tells the development server, and gets ready, to be served by it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from dovetail.app.phases import mark_phases

if TYPE_CHECKING:
    from dovetail.app.application import App
    from dovetail.app.scaffold import Scaffold

__all__ = ["asset_folders", "develop"]


def develop(app: App, options: dict[str, Any]) -> None:
    """Get an application ready to be served during development.

    It marks the phases of its requests, as far as the inspector wants that. With live reload, it
    reads templates anew that have changed, unless TEMPLATES_AUTO_RELOAD says otherwise.

    :param options: those of :func:`dovetail.dev.run_simple`. With live reload, ``asset_folders``
        is completed.
    """
    mark_phases()
    if not options.get("live_reload"):
        return
    if app.config["TEMPLATES_AUTO_RELOAD"] is None:
        app.config["TEMPLATES_AUTO_RELOAD"] = True
        if "jinja_env" in vars(app):
            app.jinja_env.auto_reload = True
    options["asset_folders"] = [*options.get("asset_folders", ()), *asset_folders(app)]


def asset_folders(app: App) -> Iterator[str]:
    """Yield the template and static folders of an application and its blueprints, each once."""
    seen = set()
    owners: chain[Scaffold] = chain([app], app.blueprints.values())
    for owner in owners:
        for folder in _folders_of(owner):
            path = os.path.realpath(folder)
            if path not in seen and os.path.isdir(path):
                seen.add(path)
                yield path


def _folders_of(owner: Scaffold) -> Iterator[str]:
    if owner.static_folder is not None:
        yield owner.static_folder
    if owner.template_folder is not None:
        yield os.path.join(owner.root_path, owner.template_folder)
