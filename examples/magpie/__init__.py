"""Magpie, a lost-and-found board: the factory that puts the application together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dovetail import App, Response

from . import accounts, api, board, csrf, database, demo, errors, photos, settings
from .commands import commands
from .rows import RowId


def create_app(
    overrides: Mapping[str, Any] | None = None,
    *,
    instance_path: str | None = None,
    demo_data: bool = False,
) -> App:
    """Return the application; the first start makes its database and its secret key.

    :param overrides: settings that win over the file and the environment.
    :param instance_path: the directory of the database, the photographs and the secret key; by
        default ``instance`` beside this package.
    :param demo_data: fill an empty database with somebody's things, and a login that the login
        page shows to everybody.
    """
    app = App(__name__, instance_path=instance_path, instance_relative_config=True)
    settings.load(app, overrides or {})
    app.logger.setLevel(app.config["LOG_LEVEL"])
    app.url_map.converters["id"] = RowId
    database.register(app)
    errors.register(app)
    csrf.register(app)
    for blueprint in (accounts.pages, board.pages, photos.pages, api.v1, commands):
        app.register_blueprint(blueprint)
    app.after_request(add_security_headers)
    with app.app_context():
        database.create(Path(app.config["DATABASE"]))
        if demo_data:
            demo.fill()
    return app


def add_security_headers(response: Response) -> Response:
    """Allow what the pages need, which is little: our style sheet, our images, our forms."""
    policy = response.content_security_policy
    policy.default_src = policy.base_uri = policy.frame_ancestors = "'none'"
    policy.style_src = policy.img_src = policy.form_action = "'self'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response
