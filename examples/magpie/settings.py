"""Where the settings come from: here, then ``instance/magpie.toml``, then the environment."""

import secrets
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from dovetail import App

from .creation import created_once

DEFAULTS = {
    "BOARD_NAME": "The Magpie's Nest",
    "ITEMS_PER_PAGE": 12,
    # May people make accounts for themselves?
    "OPEN_REGISTRATION": True,
    "LOG_LEVEL": "INFO",
    # A whole request, so a photograph and the form around it.
    "MAX_CONTENT_LENGTH": 5 * 1024 * 1024,
    "PERMANENT_SESSION_LIFETIME": timedelta(days=14),
    # It lasts from the login on. Renewed each time, it would go out with photographs and the style
    # sheet, too, which caches keep.
    "SESSION_REFRESH_EACH_REQUEST": False,
    "SESSION_COOKIE_NAME": "magpie",
    # Not sent with a form that another site posts; csrf.py is the second line.
    "SESSION_COOKIE_SAMESITE": "Lax",
}


def load(app: App, overrides: Mapping[str, Any]) -> None:
    """Configure ``app``, and make its instance directory.

    ``MAGPIE_BOARD_NAME`` in the environment sets ``BOARD_NAME``; a value that is JSON is read as
    such, so that ``MAGPIE_OPEN_REGISTRATION=false`` is a bool.
    """
    instance = Path(app.instance_path)
    photos = instance / "photos"
    # Other users of the machine have no business with the hashes of passwords.
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    photos.mkdir(exist_ok=True)
    app.config.from_mapping(DEFAULTS, DATABASE=str(instance / "magpie.sqlite"), PHOTOS=str(photos))
    app.config.from_file("magpie.toml", load=tomllib.load, silent=True, text=False)
    app.config.from_prefixed_env("MAGPIE")
    app.config.from_mapping(overrides)
    if not app.secret_key:
        app.secret_key = read_secret_key(instance / "secret_key")


def read_secret_key(path: Path) -> str:
    """Return the key in this file, which only its owner may read; make one if there is none."""
    if not path.exists():
        with created_once(path) as mine:
            mine.touch(mode=0o600)
            mine.write_text(secrets.token_hex(32))
    return path.read_text()
