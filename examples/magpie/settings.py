"""Where the settings come from: here, then ``instance/magpie.toml``, then the environment."""

from __future__ import annotations

import contextlib
import os
import secrets
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from dovetail import App

__all__ = ["load"]

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
    """Return the key kept in this file, which only its owner may read; make one if there is none.

    Workers that start at the same moment agree on one key: each writes its own to a file of its
    own, and the first to link that under the common name has made the key.
    """
    if not path.exists():
        mine = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            os.link(mine, path)
        mine.unlink()
    return path.read_text(encoding="ascii")
